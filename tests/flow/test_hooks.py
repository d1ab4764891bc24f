"""preload, worker_init, worker_fini, finish."""

import os
import signal

import pytest

from lib import fcgi
from lib.facts import lines
from lib.host import Host


def test_preload_runs_once_before_the_forks():
    """Breaks when: preload runs in a worker, or again for a replacement."""
    with Host(handlers=["live_hooks"]) as host:
        zygote = str(host.pid_of("zygote"))
        assert lines(host.get("/hooks"))["preload"] == zygote
        for _ in range(2):
            old = host.pids("worker")[0]
            os.kill(old, signal.SIGKILL)
            host.wait_replaced("worker", old, 2)
            facts = lines(host.get("/hooks-async"))
            assert facts["preload"] == zygote
        assert len([line for line in host.lines
                    if "hook preload" in line]) == 1


def test_worker_init_runs_in_every_serving_thread():
    """Breaks when: a front, worker or replacement serves without its init."""
    with Host(handlers=["live_hooks"]) as host:
        for target in ("/hooks", "/hooks-async"):
            facts = lines(host.get(target))
            assert facts["same_thread"] == "1"
            assert facts["inits"] == "1"
        for old in host.pids("worker"):
            os.kill(old, signal.SIGKILL)
            host.wait_replaced("worker", old, 2)
        for _ in range(10):
            assert lines(host.get("/hooks-async"))["same_thread"] == "1"


@pytest.mark.threaded
def test_each_thread_has_a_state_of_its_own(gate):
    """Breaks when: threads of one worker share fh_worker_data."""
    with Host(handlers=["live_hooks", "live_gate"], pools={
            "default": {"workers": 1, "threads": 4}}) as host:
        conns = [host.connect() for _ in range(3)]
        for conn in conns:
            conn.send(fcgi.request("GET", gate.path()))
        held = [gate.accept() for _ in conns]
        for _ in range(5):
            assert lines(host.get("/hooks-async"))["same_thread"] == "1"
        for one, conn in zip(held, conns):
            one.tell("go")
            conn.read_reply()
            conn.close()


def test_worker_fini_runs_at_an_orderly_end():
    """Breaks when: a connection to a database is not closed at the end."""
    with Host(handlers=["live_hooks"]) as host:
        assert host.get("/hooks").status == 200
        assert host.get("/hooks-async").status == 200
        pids = {str(pid) for role in ("front", "worker")
                for pid in host.pids(role)}
        host.stop()
        ended = {line.split("hook fini ")[1].split()[0]
                 for line in host.lines if "hook fini" in line
                 and not line.startswith("probe[")}
        assert ended == pids


def test_a_failing_preload_refuses_the_handler_only():
    """Breaks when: preload's -1 stops the host, or is ignored."""
    with Host(handlers=["live_hooks", "hello"],
              settings={"live_hooks": {"fail_preload": "1"}}) as host:
        assert host.get("/hello").status == 200
        assert host.get("/hooks").status in (404, 503, 500)
        host.wait_log(r"live_hooks")


def test_a_failing_worker_init_answers_in_words():
    """Breaks when: worker_init's -1 kills the process or hangs the client."""
    with Host(handlers=["live_hooks", "hello"],
              settings={"live_hooks": {"fail_init": "later"}}) as host:
        for target in ("/hooks", "/hooks-async"):
            reply = host.get(target)
            reply.problem()
            assert reply.status in (500, 503)
        assert host.get("/hello").status == 200
        assert host.get("/hello-async").status == 200


def test_a_worker_init_that_fails_at_once_refuses_the_file():
    """Breaks when: what cannot serve is served, or keeps the others away."""
    with Host(handlers=["live_hooks", "hello"],
              settings={"live_hooks": {"fail_init": "1"}}) as host:
        host.get("/hooks").problem(404)
        assert host.get("/hello").status == 200
        files = {one["file"]: one for one in host.status()["files"]}
        assert files["live_hooks.so"]["state"] == "refused"
        assert "worker_init" in files["live_hooks.so"]["refused"]["reason"]


@pytest.mark.parametrize("route", ["/gate", "/gate-sync"])
def test_finish_runs_in_the_front_with_its_own_request(gate, route):
    """Breaks when: finish runs elsewhere, before the reply, or mixes up."""
    with Host(handlers=["live_gate"],
              pools={"default": {"workers": 3}}) as host:
        front = host.pid_of("front")
        for number in range(3):
            with host.connect() as conn:
                conn.send(fcgi.request("GET", gate.path(
                    route, finish=1, mark="m%d" % number)))
                held = gate.accept()
                held.tell("go")
                done = gate.accept()
                assert conn.read_reply().status == 200
                assert done.word == "finish" and done.pid == front
                assert done.id == "200:m%d" % number


def test_finish_sees_each_of_several_at_once(gate):
    """Breaks when: state for finish is kept per handler, as plumber2 does."""
    with Host(handlers=["live_gate"],
              pools={"default": {"workers": 4}}) as host:
        conns = [host.connect() for _ in range(4)]
        for number, conn in enumerate(conns):
            conn.send(fcgi.request("GET", gate.path(finish=1,
                                                    mark="n%d" % number)))
        held = [gate.accept() for _ in conns]
        for one in reversed(held):
            one.tell("go")
        seen = sorted(gate.accept().id for _ in conns)
        assert seen == ["200:n%d" % number for number in range(4)]
        for conn in conns:
            assert conn.read_reply().status == 200
            conn.close()


def test_finish_sees_the_status_that_was_sent(gate):
    """Breaks when: fh_reply_status in finish is the handler's wish."""
    with Host(handlers=["live_gate"]) as host, host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path(finish=1)))
        gate.accept().tell("error")
        conn.read_reply().problem(500)
        assert gate.accept().id.startswith("500:")
