"""What a handler does to the process it runs in costs that process at most,
and is told."""


import os

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host
from flow.test_crashes import reports


def harmed(**keywords):
    keywords.setdefault("pools", {"default": {"workers": 1}})
    keywords.setdefault("extra", 'handler "live_harm" { processes = true }\n')
    return Host(handlers=["live_harm", "hello"], crashes=True, **keywords)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_stack_that_was_overwritten(threads):
    """Breaks when: a handler that runs over its stack runs over what tells
    whose request it was: then the client gets the 503 of a bystander, and the
    report names neither route nor request."""
    with harmed(pools={"default": {"workers": 1,
                                   "threads": threads}}) as host:
        reply = host.get("/harm?how=smash")
        reply.problem(500)
        (report,) = reports(host)
        assert report["signal"] == "SIGABRT", report
        assert report["route"] == "GET /harm" and report["others"] == []
        assert report["request_id"] == reply.json["instance"]
        assert host.get("/hello-async").status == 200


def test_a_stack_of_the_front_that_was_overwritten():
    """Breaks when: the request that did it cannot be captured any more."""
    with harmed(capture_crashed=True) as host:
        with host.connect() as conn:
            conn.send(fcgi.request("GET", "/harm-sync?how=smash"))
            with pytest.raises((fcgi.Closed, OSError)):
                conn.read_reply()
        (report,) = reports(host)
        assert report["route"] == "GET /harm-sync" and report["capture"]
        assert host.get("/hello").status == 200


@pytest.mark.parametrize("threads", [1, 3])
def test_pthread_exit(threads):
    """Breaks when: a thread that ends in a request leaves it without an answer
    and its worker with a thread less."""
    with harmed(pools={"default": {"workers": 1, "threads": threads}},
                timeout="0") as host:
        for number in range(1, threads + 1):
            host.get("/harm?how=pthread_exit").problem(500)
            report = reports(host, number)[-1]
            assert report["route"] == "GET /harm"
            assert report["what"].startswith("called pthread_exit()")
        assert host.get("/hello-async").status == 200


@pytest.mark.parametrize("path, role", [("/harm", "worker"),
                                        ("/harm-sync", "front")])
def test_a_copy_that_comes_back(path, role):
    """Breaks when: what a handler has forked serves beside the process it is a
    copy of: it takes connections, or answers requests a second time."""
    with harmed() as host:
        before = host.pid_of(role)
        for _ in range(3):
            reply = host.get(path + "?how=fork")
            assert (reply.status, reply.text) == (200, "%d\n" % before)
        host.wait_log(r"%s\[%d\] warn process \d+, which a handler has "
                      "forked here, replies or has" % (role, before), count=3)
        wait_until(lambda: host.pids(role) == [before], what="no copy")
        for _ in range(20):
            assert host.get("/hello").status == 200
            assert host.get("/hello-async").status == 200


def test_descriptors_of_the_host_are_closed():
    """Breaks when: a worker that cannot wake the front any more stays, and each
    of its replies waits until something else does."""
    with harmed(timeout="0") as host:
        before = host.pid_of("worker")
        assert host.get("/harm?how=close").status in (200, 500)
        (report,) = reports(host)
        assert report["what"] == "its handler closed descriptors of the host"
        assert (report["pid"], report["signal"]) == (before, "SIGKILL")
        host.wait_replaced("worker", before)
        assert host.get("/harm").status == 200


def test_a_file_in_the_place_of_a_descriptor():
    """Breaks when: what was meant for the front goes into a file that a
    handler has opened after it had closed what is not its own."""
    victim = "/tmp/fh-harm-victim"
    with open(victim, "w") as out:
        out.write("precious")
    os.chmod(victim, 0o666)
    try:
        with harmed() as host:
            assert host.get("/harm?how=open").status in (200, 500)
            assert reports(host)[0]["signal"] == "SIGKILL"
            with open(victim) as file:
                assert file.read() == "precious"
    finally:
        os.unlink(victim)


def test_descriptors_of_the_front_are_closed():
    """Breaks when: the front stays deaf, or nobody knows who made it so, and
    the same handler takes the next one."""
    with harmed(on_sync_fault="demote") as host:
        before = host.pid_of("front")
        with host.connect() as conn:
            conn.send(fcgi.request("GET", "/harm-sync?how=close"))
            with pytest.raises((fcgi.Closed, OSError)):
                conn.read_reply()
        host.wait_replaced("front", before)
        (report,) = reports(host)
        assert report["what"] == "its handler closed descriptors of the host"
        assert report["route"] == "GET /harm-sync"
        wait_until(lambda: host.get("/hello").status == 200, what="front")
        front = host.pid_of("front")
        assert host.get("/harm-sync?how=close").status in (200, 500)
        assert host.get("/hello").status == 200
        assert host.pid_of("front") == front


def test_no_descriptors_are_left():
    """Breaks when: a sync handler that leaves its front without descriptors
    takes the service down: those who connect wait for ever."""
    with harmed() as host:
        before = host.pid_of("front")
        assert host.get("/harm-sync?how=limit").status == 200
        assert host.get("/hello").status == 200, "by the next front"
        assert host.pid_of("front") != before
        (report,) = reports(host)
        assert report["what"] == "its handlers have left it no descriptors"


def test_a_hook():
    """Breaks when: what a worker dies of at its start, or at its end, does not
    say whose hook it was: there is no request to say it."""
    flag = "/tmp/fh-harm-%d" % os.getpid()
    with harmed(settings={"live_harm": {"if_there_is": flag}},
                extra="") as host:
        try:
            with open(flag, "w"):
                pass
            host.kill_role("worker")
            report = reports(host, 2)[-1]
        finally:
            os.unlink(flag)
        assert (report["handler"], report["hook"], report["what"]) == (
            "live_harm", "worker_init", "called exit(3)")
        assert host.get("/harm").status == 200


def test_what_the_runtime_said():
    """Breaks when: an exception that nobody caught is an abort like any."""
    with harmed() as host:
        host.get("/harm?how=terminate").problem(500)
        assert reports(host)[0]["what"] == (
            "abort: terminate called after throwing an instance of "
            "'std::runtime_error', what():  no model")


def test_a_thread_of_its_own():
    """Breaks when: a stack overflow in a thread that a handler has started is
    no more than the number of a signal."""
    with harmed() as host:
        host.get("/harm?how=overflow").problem(500)
        (report,) = reports(host)
        assert report["signal"] == "SIGSEGV" and report["route"] == "GET /harm"
        assert "stack overflow" in report["what"]
