"""Every crash is told: whose, in which request, how; and costs only that one."""

import json
import os
import re
import signal
import subprocess

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, sanitized

# how it ends: signal or exit status, and what the report says of it
WAYS = {
    "null": ("SIGSEGV", None),
    "divide": ("SIGFPE", None),
    "assert": ("SIGABRT", None),
    "overflow": ("SIGSEGV", None),
    "cut-off": ("SIGBUS", None),
    "trap": ("SIGILL", None),
    "exit": (None, 7),
    "_exit": (None, 8),
}


def crashing(**keywords):
    return Host(handlers=["live_crash", "live_gate", "hello"], crashes=True,
                exit_code=0, **keywords)


def reports(host, count=1):
    """The crash lines of the log, once there are so many."""
    host.wait_log(" error crash {", count=count)
    return [json.loads(line[line.index("{"):])
            for line in host.log().splitlines() if " error crash {" in line]


def check_request(report, method, path):
    """Breaks when: a value of the query is shown, or the request is not."""
    assert report["method"] == method and report["uri"] == path
    assert report["handler"] == "live_crash"
    assert report["file"] == "live_crash.so"
    assert re.fullmatch("[0-9a-f]{64}", report["version"])
    assert report["generation"] == 1
    assert 0 <= report["run_ms"] <= report["age_ms"] + 1 < 60000


def check_end(report, how):
    name, status = WAYS[how]
    assert report.get("signal") == name, report
    assert report.get("exit_status") == status, report


@pytest.mark.threaded
@pytest.mark.parametrize("threads", [1, 3])
def test_worker(threads):
    """Breaks when: one of these ends is not reported, or reported twice, or its
    client gets anything but a 500 with its request id."""
    with crashing(pools={"default": {"workers": 1,
                                     "threads": threads}}) as host:
        front = host.pid_of("front")
        for number, how in enumerate(WAYS, 1):
            reply = host.get("/crash?how=" + how)
            assert reply.status == 500, (how, reply)
            report = reports(host, number)[-1]
            check_request(report, "GET", "/crash?how=...")
            check_end(report, how)
            assert report["process"] == "worker 0"
            assert report["request_id"] == json.loads(reply.body)["instance"]
            assert report["others"] == []
        assert host.get("/hello-async").status == 200
        assert len(reports(host)) == len(WAYS)
        assert host.pid_of("front") == front
        crashes = {route["route"]: route["crashes"]
                   for route in host.status()["routes"]}
        assert crashes["GET /crash"] == len(WAYS)


def test_front():
    """Breaks when: a sync handler that ends the front is not named, or the
    socket is closed meanwhile."""
    with crashing() as host:
        for number, how in enumerate(WAYS, 1):
            with host.connect() as conn:
                conn.send(fcgi.request("POST", "/crash-sync?how=" + how,
                                       b"x"))
                with pytest.raises((fcgi.Closed, OSError)):
                    conn.read_reply()
            report = reports(host, number)[-1]
            check_request(report, "POST", "/crash-sync?how=...")
            check_end(report, how)
            assert report["process"] == "front"
            assert report["in_finish"] is False
            wait_until(lambda: host.get("/hello").status == 200, what="front")


def test_finish():
    """Breaks when: a crash in finish() is told as one in serve()."""
    with crashing() as host:
        assert host.get("/crash?how=none&after=null").status == 200
        (report,) = reports(host)
        assert (report["process"], report["in_finish"]) == ("front", True)
        check_end(report, "null")


def test_query_is_shown_if_wanted():
    with crashing(log_query=True) as host:
        host.get("/crash?how=null&key=secret")
        assert reports(host)[0]["uri"] == "/crash?how=null&key=secret"


def test_those_beside_it(gate):
    """Breaks when: who ran in another thread gets the 500 of the one that
    crashed, or no answer, or one that had not begun is not run elsewhere."""
    with crashing(pools={"default": {"workers": 1, "threads": 3}}) as host:
        with host.connect() as one, host.connect() as two, \
                host.connect() as culprit, host.connect() as waiting:
            one.send(fcgi.request("GET", gate.path()))
            two.send(fcgi.request("GET", gate.path()))
            held = [gate.accept(), gate.accept()]
            third = gate.path("/gate-side")
            culprit.send(fcgi.request("GET", third))
            last = gate.accept()
            waiting.send(fcgi.request("GET", "/hello-async"))
            wait_until(lambda: host.status()["pools"][0]["queued"] == 1,
                       what="one that waits")
            last.tell("crash")
            assert culprit.read_reply().status == 500
            for conn in one, two:
                reply = conn.read_reply()
                assert reply.status == 503, reply
                assert reply.header("Retry-After") == "1"
            assert waiting.read_reply().status == 200
            del held
        (report,) = reports(host)
        assert report["uri"].startswith("/gate-side?to=...")
        assert len(report["others"]) == 2
        assert {other["route"] for other in report["others"]} == {"GET /gate"}


@pytest.mark.parametrize("threads", [1, 3])
def test_killed_from_outside(gate, threads):
    """Breaks when: kill -9 is taken for a handler's own crash, or its request
    is not named."""
    with crashing(pools={"default": {"workers": 1,
                                     "threads": threads}}) as host:
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path()))
            held = gate.accept()
            os.kill(held.pid, signal.SIGKILL)
            assert conn.read_reply().status == 500
        (report,) = reports(host)
        assert report["what"] == "killed from outside (SIGKILL)"
        assert (report["signal"], report["route"]) == ("SIGKILL", "GET /gate")


def test_front_killed_from_outside():
    with crashing() as host:
        host.kill_process(host.pid_of("front"))
        (report,) = reports(host)
        assert report["what"] == "killed from outside (SIGKILL)"
        assert "route" not in report


def test_no_crash_is_told_of_an_orderly_end():
    """Breaks when: a stop, a reload or a request over its time is told as a
    crash."""
    with crashing(timeout="200ms") as host:
        assert host.get("/crash?how=sleep").status == 504
        host.reload()
        host.wait_settled()
        assert host.get("/hello").status == 200
    assert " crash {" not in host.log()


def limited_group():
    """A cgroup (v1) for a little memory; None where there is none."""
    path = "/sys/fs/cgroup/memory/fh-test-%d" % os.getpid()
    try:
        os.mkdir(path)
        with open(path + "/memory.limit_in_bytes", "w") as file:
            file.write(str(400 << 20))
        return path
    except OSError:
        return None


@pytest.mark.alone	# the kernel counts those of the whole machine
def test_out_of_memory():
    """Breaks when: a worker that the kernel ends for want of memory is told as
    one that somebody killed."""
    group = limited_group()
    if group is None or sanitized():
        pytest.skip("no cgroup here that could be made small")
    try:
        with crashing(pools={"default": {"workers": 1}}) as host:
            worker = host.pid_of("worker")
            with open(group + "/cgroup.procs", "w") as file:
                file.write(str(worker))
            assert host.get("/crash?how=eat", timeout=60).status == 500
            (report,) = reports(host)
            assert report["what"] == "out of memory: the kernel killed it"
            assert report["route"] == "GET /crash"
            assert host.get("/hello-async").status == 200
    finally:
        wait_until(lambda: subprocess.run(["rmdir", group]).returncode == 0,
                   what="the cgroup to be empty")


def test_core_is_named():
    """Breaks when: the core that the kernel wrote is not where the report says
    it is."""
    with open("/proc/sys/kernel/core_pattern") as file:
        if file.read().startswith("|") or sanitized():
            pytest.skip("cores go to a program")
    with crashing(pools={"default": {"workers": 1}},
                  write_paths=["/"]) as host:	# the host's folder
        worker = host.pid_of("worker")
        assert host.get("/crash?how=dump").status == 500
        (report,) = reports(host)
        core = report["core"]
        assert os.path.basename(core).startswith("core")
        assert os.path.exists(core), core
        os.unlink(core)
        assert report["pid"] == worker
