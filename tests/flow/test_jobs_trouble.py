"""Jobs in trouble: a keeper that stands still, a disk that is full, a route
that is gone, results that nobody takes, an end that comes twice."""

import os
import re
import resource
import signal

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.gate import Gate
from lib.host import Host
from lib.jobs import Database, accept, later

OPTIONS = dict(handlers=["live_job", "hello"], jobs_retry="50ms",
               jobs_lease="20s")


@pytest.fixture
def stopped():
    """Stops a process, and lets it go on at the end at the latest."""
    pids = []

    def stop(pid):
        os.kill(pid, signal.SIGSTOP)
        pids.append(pid)
    yield stop
    for pid in pids:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass


@pytest.fixture(scope="module")
def host():
    with Host(jobs_result_limit="4 MiB", pools={"default": {"workers": 4}},
              **OPTIONS) as host:
        yield host


def go_on(host):
    os.kill(host.pid_of("clerk"), signal.SIGCONT)


def test_a_keeper_that_stands_still_holds_nobody_else_up(host, stopped):
    """Breaks when: routes that are no jobs wait for the process that keeps
    the jobs, as for its database; or what a client has given up is done all
    the same once it goes on."""
    accept(host, "/job").wait()
    with Database(host) as database:
        before = database.rows("SELECT count(*) FROM fh_jobs")
        stopped(host.pid_of("clerk"))
        with host.connect() as left, host.connect(60) as stays:
            left.send(fcgi.request("POST", "/job", b"left"))
            stays.send(fcgi.request("POST", "/job", b"stays"))
            wait_until(lambda: host.status()["front"]["connections"] >= 2)
            for target in ("/hello", "/hello-async"):
                assert host.get(target).status == 200
            left.close()
            wait_until(lambda: host.status()["front"]["connections"] == 1)
            go_on(host)
            reply = stays.read_reply()
            assert reply.status == 202
        assert database.rows("SELECT count(*) FROM fh_jobs") == [
            (before[0][0] + 1,)]


def limit(pid, most):
    resource.prlimit(pid, resource.RLIMIT_FSIZE,
                     (most, resource.RLIM_INFINITY))


def test_a_full_disk_refuses_and_forgets_nothing(gate):
    """Breaks when: a disk that is full ends the process that keeps the jobs,
    a 202 is sent for what is not on it, what is there cannot be read, or a
    result that came meanwhile is lost or made twice."""
    with Host(**OPTIONS) as host:
        job = accept(host, gate.path("/job"))
        held = gate.accept()
        clerk = host.pid_of("clerk")
        limit(clerk, max(os.path.getsize(os.path.join(host.state, "jobs", name))
                         for name in ("jobs.sqlite", "jobs.sqlite-wal")))
        refused = host.post("/job", b"x" * 1000000)
        refused.problem(503, says="database")
        assert refused.header("retry-after")
        wait_until(lambda: host.get(job.path).status == 200)
        held.tell("big 900000")
        wait_until(lambda: [one for one in host.status()["degraded"]
                            if one["what"] == "jobs"])
        host.post("/job", b"x" * 1000000).problem(503)
        limit(clerk, resource.RLIM_INFINITY)
        wait_until(lambda: not host.status()["degraded"])
        done = job.wait()
        assert done["attempts"] == 1 and done["result"]["length"] == 900000
        assert accept(host, "/job", b"x" * 1000000).wait()
        assert host.pid_of("clerk") == clerk
        gate.nobody()


def test_a_job_whose_route_is_gone_waits_for_it(gate):
    """Breaks when: a job of a route that a reload removed is lost, is failed,
    cannot be looked at or cancelled, or does not run when it is back."""
    with Host(jobs_concurrency=1, **OPTIONS) as host:
        host.put("later.so", later(True))
        host.wait_file("later.so", "serving")
        running = accept(host, gate.path("/job"))
        held = gate.accept()
        waiting, cancelled = accept(host, "/later"), accept(host, "/later")
        host.put("later.so", later(False))
        wait_until(lambda: host.post("/later").status == 405)
        held.tell("go")
        running.wait()
        accept(host, "/job").wait()	# what has its route goes on
        assert waiting.look()["state"] == "queued"
        assert cancelled.delete().status == 204
        host.put("later.so", later(True))
        assert waiting.wait()["attempts"] == 1
        assert cancelled.state() == "cancelled"


def test_a_cancel_and_an_end_at_the_same_moment(host, stopped):
    """Breaks when: a job that a client cancels as it ends is both, or what
    the client was told is not what is kept."""
    with Gate() as gate:
        for first in ("cancel", "end"):
            job = accept(host, gate.path("/job"))
            held = gate.accept()
            wait_until(lambda: job.state() == "running")
            stopped(host.pid_of("clerk"))
            with host.connect(60) as conn:
                if first == "end":
                    held.tell("go")
                    assert held.line() == ""	# its reply has left
                conn.send(fcgi.request("DELETE", job.path))
                wait_until(lambda: host.status()["front"]["connections"] >= 1)
                if first == "cancel":
                    held.tell("go")
                    assert held.line() == ""
                go_on(host)
                status = conn.read_reply().status
            state = job.look(query="?wait=10s")["state"]
            assert (status, state) in ((409, "succeeded"),
                                       (202, "succeeded"),
                                       (202, "cancelled"),
                                       (204, "cancelled")), (status, state)
            assert (job.look().get("result") is not None) == (
                state == "succeeded")


def test_the_plan_says_what_the_keeper_may_hold(host):
    """Breaks when: the memory that jobs may take is told nowhere, or less
    than is allowed."""
    out = host.command("plan").stdout
    bodies, replies, running = 4 * (8 + 1), 64 + 8 * 4, 4 * (8 + 4)
    assert re.search(r"(?m)^jobs, at most +%d\.0 MiB " % (
        bodies + replies + running), out), out


def test_results_that_nobody_takes_are_bounded(host):
    """Breaks when: clients that ask for large results and do not read them
    make the process that keeps the jobs hold one for each of them; or those
    that read get a part of one."""
    with Gate() as gate:
        job = accept(host, gate.path("/job"))
        gate.accept().tell("big 4000000")
        job.wait()
    conns = [host.connect(60) for _ in range(40)]
    for conn in conns:
        conn.send(fcgi.request("GET", job.path + "/result"))
    wait_until(lambda: host.status()["front"]["connections"] >= 40)
    assert host.get(job.path).status in (200, 503)	# behind all of them
    statuses = []
    for conn in conns:
        reply = conn.read_reply()
        if reply.status == 200:
            assert reply.body == b"x" * 4000000
        else:
            reply.problem(503, says="on their way")
            assert reply.header("retry-after") == "1"
        statuses.append(reply.status)
        conn.close()
    assert 10 <= statuses.count(200) < 40
    assert host.get(job.path + "/result").status == 200
