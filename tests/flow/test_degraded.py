"""Short of descriptors, disk, processes or a log: said, worked around, over."""

import contextlib
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, cpu_time, read_proc, sanitized

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts")
BIG = b"b" * 200000		# over body_memory


def degraded(host, what):
    """What `status` says of one condition; None if it says nothing."""
    for one in host.status()["degraded"]:
        if one["what"] == what:
            assert one["detail"] and one["since"] and one["count"] >= 1
            return one
    return None


def over(host, what):
    wait_until(lambda: degraded(host, what) is None, 15, "over: " + what,
               0.1)


def test_nothing_is_said_of_a_host_that_lacks_nothing():
    """Breaks when: `degraded` is there for no reason."""
    with Host() as host:
        assert host.get("/hello").status == 200
        assert host.status()["degraded"] == []


def test_a_front_out_of_descriptors():
    """Breaks when: connections that cannot be taken are lost, nothing is
    said, something is said for each, or it is said for ever."""
    with Host(handlers=["hello", "live_show"]) as host:
        front = host.pid_of("front")
        limit = resource.prlimit(front, resource.RLIMIT_NOFILE)
        busy = [host.connect() for _ in range(20)]
        for conn in busy:
            conn.send(fcgi.request("GET", "/hello")[:30])
        wait_until(lambda: host.status()["front"]["connections"] == 20)
        used = len(os.listdir("/proc/%d/fd" % front))
        resource.prlimit(front, resource.RLIMIT_NOFILE, (used, limit[1]))
        waiting = host.connect()
        waiting.send(fcgi.request("GET", "/hello"))
        wait_until(lambda: degraded(host, "descriptors"))
        waiting.expect_quiet(0.2)
        busy[0].send(fcgi.request("GET", "/hello")[30:])
        assert busy[0].read_reply().status == 200, "those that are open go on"
        resource.prlimit(front, resource.RLIMIT_NOFILE, limit)
        assert waiting.read_reply().status == 200, "not lost"
        over(host, "descriptors")
        for conn in busy + [waiting]:
            conn.close()
        assert host.log().count("degraded: out of descriptors") == 2, (
            "once when it begins, once when it is over")
        assert host.pid_of("front") == front


def test_a_supervisor_out_of_descriptors():
    """Breaks when: nobody can ask what is wrong, a worker that died is given
    up, requests are harmed, or it takes a restart to be over."""
    with Host(handlers=["hello", "live_crash"], crashes=True,
              log_level="info", watch=False) as host:
        limit = resource.prlimit(host.pid, resource.RLIMIT_NOFILE)
        taken = {int(name) for name in os.listdir("/proc/%d/fd" % host.pid)}
        free = min(set(range(len(taken) + 1)) - taken)
        resource.prlimit(host.pid, resource.RLIMIT_NOFILE, (free, limit[1]))
        silent = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for one in silent:
            one.connect(host.control)
        assert degraded(host, "descriptors")
        assert "supervisor" in degraded(host, "descriptors")["detail"]
        for pid in host.pids("worker"):
            os.kill(pid, 9)
        wait_until(lambda: degraded(host, "processes"), 15)
        for _ in range(10):
            assert host.get("/hello").status == 200
        used = cpu_time([host.pid])
        time.sleep(1)
        assert cpu_time([host.pid]) - used < 0.3, "it does not spin"
        resource.prlimit(host.pid, resource.RLIMIT_NOFILE, limit)
        over(host, "processes")
        over(host, "descriptors")
        assert host.get("/hello-async").status == 200
        for one in silent:
            one.close()
        log = host.log()
        assert log.count("degraded: the supervisor is out of") == 1
        assert log.count("longer degraded: the supervisor has") == 1


@as_root
def test_a_spool_without_room():
    """Breaks when: a full disk ends more than the requests that need it, they
    get no clear answer, or a restart is needed once there is room."""
    host = Host(handlers=["hello", "live_show"], start=False)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs",
                    host.state], check=True)
    try:
        with host.start():
            front = host.pid_of("front")
            assert host.post("/show", BIG).status == 200
            fill = os.path.join(host.state, "fill")
            with open(fill, "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError:
                    pass
            for target in ("/show", "/show-async"):
                with host.connect() as conn:
                    conn.send(fcgi.request("POST", target, BIG))
                    conn.read_reply().problem(503, says="stored")
                assert host.post(target, b"small").status == 200
            assert degraded(host, "spool")["count"] == 2
            assert "state_dir" in degraded(host, "spool")["detail"]
            assert "\ndegraded: spool, since 20" in \
                host.command("status").stdout
            os.unlink(fill)
            for target in ("/show", "/show-async"):
                assert host.post(target, BIG).status == 200
            over(host, "spool")
            assert os.listdir(os.path.join(host.state, "spool")) == []
            assert host.log().count("bodies cannot be spooled") == 2
            assert host.pid_of("front") == front
    finally:
        subprocess.run(["umount", "-l", host.state], check=True)


def test_a_log_that_nobody_reads():
    """Breaks when: a log whose reader stands still stops the service, lines
    are lost without a word, or the log stays silent afterwards."""
    read, write = os.pipe()
    log = []
    with Host(preexec=lambda: os.dup2(write, 2)) as host:
        os.close(write)
        front = host.pid_of("front")
        begin = time.monotonic()
        with host.connect() as conn:	# debug: some lines for each
            for _ in range(1500):
                assert conn.get("/nothing").status == 404
            assert conn.get("/hello-async").status == 200
        assert time.monotonic() - begin < 20
        wait_until(lambda: degraded(host, "log"))
        assert host.get("/hello").status == 200

        def drain():
            while True:
                data = os.read(read, 1 << 16)
                if not data:
                    return
                log.append(data)
        reader = threading.Thread(target=drain, daemon=True)
        reader.start()
        over(host, "log")
        assert host.get("/nothing").status == 404
        wait_until(lambda: b"lines are lost" in b"".join(log))
        wait_until(lambda: b"no longer degraded" in b"".join(log))
        assert host.pid_of("front") == front
    reader.join(10)
    os.close(read)


@contextlib.contextmanager
def log_without_room(how, folder):
    """A file for the log, what takes its room away from a host, and what
    gives it back."""
    place, file = os.path.join(folder, "disk"), None
    os.mkdir(place)
    if how == "disk":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs",
                        place], check=True)

    def fill(host):
        if how == "disk":
            with open(os.path.join(place, "fill"), "wb", 0) as out, \
                    contextlib.suppress(OSError):
                while True:
                    out.write(bytes(4096))
        else:
            limit(host, os.path.getsize(os.path.join(place, "log")) + 3000)

    def limit(host, most):
        for pid in host.processes():
            resource.prlimit(pid, resource.RLIMIT_FSIZE,
                             (most, resource.RLIM_INFINITY))

    def relieve(host):
        if how == "disk":
            os.unlink(os.path.join(place, "fill"))
        else:
            limit(host, resource.RLIM_INFINITY)
    try:
        file = open(os.path.join(place, "log"), "ab", buffering=0)
        yield file, fill, relieve
    finally:
        if file:
            file.close()
        if how == "disk":
            subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.parametrize("how", [
    pytest.param("disk", marks=as_root), pytest.param(
        "limit", marks=pytest.mark.skipif(os.geteuid() == 0, reason=
                                          "a full disk is shown"))])
def test_a_log_without_room(how, tmp_path):
    """Breaks when: a log that cannot grow ends a process or stops a request,
    or nothing is logged once there is room again."""
    with log_without_room(how, str(tmp_path)) as (file, fill, relieve):
        with Host(handlers=["hello"], preexec=lambda: os.dup2(
                file.fileno(), 2)) as host:
            before = sorted(host.processes())
            for pid in before:	# whoever would write over a limit lives
                ignored = re.search(r"^SigIgn:\s+(\w+)", read_proc(
                    pid, "status"), re.M).group(1)
                assert int(ignored, 16) >> signal.SIGXFSZ - 1 & 1
            fill(host)
            with host.connect() as conn:	# debug: a line for each
                for _ in range(500):
                    assert conn.get("/nothing").status == 404
                for _ in range(10):
                    assert conn.get("/hello-async").status == 200
            wait_until(lambda: degraded(host, "log"))
            relieve(host)
            assert host.get("/nothing").status == 404
            over(host, "log")
            assert sorted(host.processes()) == before
            with open(file.name) as log:
                wait_until(lambda: "longer degraded: the log" in log.read())
                log.seek(0)
                assert "lines are lost: the log took nothing" in log.read()


def in_use(pid):
    """Bytes of a process that count for RLIMIT_AS."""
    return int(re.search(r"^VmSize:\s+(\d+) kB", read_proc(
        pid, "status"), re.M).group(1)) << 10


@pytest.mark.skipif(sanitized(), reason="the sanitizer's allocator ends the "
                    "process instead of returning NULL")
def test_a_front_out_of_memory():
    """Breaks when: a connection that was taken gets no answer, one that was
    not is lost, the front ends, or it stays short of memory for ever."""
    half = fcgi.request("POST", "/show", b"b" * 60000)
    with Host(handlers=["hello", "live_show"], connections=2000,
              log_level="info") as host:
        front = host.pid_of("front")
        crowd = [host.connect() for _ in range(150)]
        for conn in crowd:
            assert conn.get("/hello").status == 200
        limit = resource.prlimit(front, resource.RLIMIT_AS)
        resource.prlimit(front, resource.RLIMIT_AS,
                         (in_use(front), limit[1]))
        for conn in crowd:
            conn.send(half[:-20000])
        wait_until(lambda: degraded(host, "memory"))
        waiting = host.connect()
        waiting.send(fcgi.request("GET", "/hello"))
        found = []
        for conn in crowd:	# params are no longer kept, or all of it is
            conn.send(half[-20000:])
            reply = conn.read_reply()
            found.append(reply.status)
            if reply.status == 503:
                assert "memory" in reply.problem()["detail"]
        assert set(found) == {200, 503}, found
        for conn in crowd:	# and the same ones again, one after another
            conn.send(fcgi.request("GET", "/hello"))
            assert conn.read_reply().status in (200, 503)
        for conn in crowd:
            conn.close()
        assert waiting.read_reply().status == 200, "with the limit as it was"
        assert host.post("/show", b"b" * 60000).status == 200
        resource.prlimit(front, resource.RLIMIT_AS, limit)
        over(host, "memory")
        waiting.close()
        assert host.log().count("degraded: out of memory") == 2
        assert host.pid_of("front") == front


def limit_processes(host, most):
    """Of the user whose process it is, who alone may always do it."""
    user = pwd.getpwnam("nobody")

    def become():
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    subprocess.run(["prlimit", "--pid", str(host.pid_of("zygote")),
                    "--nproc=%s:" % most], check=True, preexec_fn=become)


@as_root
def test_no_processes():
    """Breaks when: a worker that cannot be forked is given up, floods the
    log, or takes those that are there with it."""
    with Host(user="nobody", pools={"default": {"workers": 2}}) as host:
        worker = host.pids("worker")[0]
        limit_processes(host, 1)
        os.kill(worker, 9)
        wait_until(lambda: degraded(host, "processes"), 15)
        for _ in range(10):
            assert host.get("/hello").status == 200
            assert host.get("/hello-async").status == 200
        time.sleep(1.2)		# some tries more, and no line for them
        assert host.log().count("cannot be forked") == 1
        limit_processes(host, 10000)
        over(host, "processes")
        wait_until(lambda: len(host.pids("worker")) == 2)
        assert host.log().count("no longer degraded") == 1


# ------------------------------------------------------- spool directory

def test_litter_in_the_spool_directory():
    """Breaks when: what others leave in the spool directory ends the host, or
    a request.  (test_state_lost.py has what they take away.)"""
    with Host(handlers=["hello", "live_show"]) as host:
        front = host.pid_of("front")
        spool = os.path.join(host.state, "spool")
        os.mkdir(os.path.join(spool, "folder"))
        os.symlink("/nowhere", os.path.join(spool, "0000010000000001"))
        os.symlink("/etc", os.path.join(spool, "link"))
        host.write("state/spool/0000010000000002", "another's")
        host.write("state/spool/other", "another's")
        for target in ("/show", "/show-async"):
            assert host.post(target, BIG).status == 200
            assert host.post(target, b"small").status == 200
        assert host.pid_of("front") == front
        assert host.status()["degraded"] == []
        os.rmdir(os.path.join(spool, "folder"))


@pytest.mark.parametrize("kind", ["files", "folder", "symlink", "fifo"])
def test_a_start_with_a_littered_spool_directory(kind):
    """Breaks when: something in the spool directory keeps a host from
    starting, or is followed out of it."""
    host = Host(handlers=["hello", "live_show"], start=False)
    spool = os.path.join(host.state, "spool")
    os.mkdir(spool)
    outside = host.write("outside", "stays")
    if kind == "files":
        for number in range(300):
            host.write("state/spool/%016x" % number, "old")
    elif kind == "folder":
        os.makedirs(os.path.join(spool, "0000000000000001", "deep"))
    elif kind == "symlink":
        os.symlink(outside, os.path.join(spool, "0000000000000001"))
    else:
        os.mkfifo(os.path.join(spool, "0000000000000001"))
    with host.start():
        assert host.post("/show", BIG).status == 200
        assert os.path.exists(outside)
        if kind == "folder":
            host.wait_log("removing 0000000000000001")
            shutil.rmtree(os.path.join(spool, "0000000000000001"))
        assert os.listdir(spool) == []
