"""A sync handler that takes the front along does it once."""

import signal

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host


def host_that(**keywords):
    keywords.setdefault("on_sync_fault", "demote")
    return Host(handlers=["live_crash", "live_gate", "hello"], crashes=True,
                **keywords)


def routes(host):
    return {one["route"]: one for one in host.status()["routes"]}


def take_front(host, target, body=b""):
    """Its client's connection is lost with it."""
    front = host.pid_of("front")
    with host.connect() as conn:
        conn.send(fcgi.request("GET", target, body))
        with pytest.raises((fcgi.Closed, OSError)):
            conn.read_reply()
    wait_until(lambda: host.pids("front") not in ([], [front]), what="a front")
    return host.pid_of("front")


@pytest.mark.parametrize("how", ["null", "exit", "_exit", "overflow"])
def test_crash(how):
    """Breaks when: the same handler takes a second front, or a client of it
    gets no answer."""
    with host_that() as host:
        front = take_front(host, "/crash-sync?how=" + how)
        for _ in range(3):
            assert host.get("/crash-sync?how=" + how).status == 500
        assert host.get("/crash-sync?how=none").status == 200
        assert host.pid_of("front") == front
        route = routes(host)["GET /crash-sync"]
        assert route["async"] is True and "took the front" in route["demoted"]
        assert routes(host)["GET /hello"]["async"] is False
        assert "demoted" not in routes(host)["GET /hello"]
        assert "demoted" not in routes(host)["GET /crash"]
        assert "GET /crash-sync: took the front along: runs in the pool\n" in \
            host.command("status").stdout
        host.wait_log("handler live_crash took the front along")


def test_until_the_next_generation():
    """Breaks when: a mended handler stays in the pool."""
    with host_that() as host:
        take_front(host, "/crash-sync?how=null")
        assert routes(host)["GET /crash-sync"]["async"] is True
        host.reload()
        host.wait_settled()
        assert routes(host)["GET /crash-sync"]["async"] is False
        take_front(host, "/crash-sync?how=null")
        assert routes(host)["GET /crash-sync"]["async"] is True


def test_hang():
    """Breaks when: a handler that does not return is not ended by sync_max, or
    may do it again."""
    with host_that(sync_max="200ms", timeout="0", drain_timeout="100ms",
                   kill_grace="50ms") as host:
        front = take_front(host, "/crash-sync?how=sleep")
        with host.connect() as conn:
            conn.send(fcgi.request("GET", "/crash-sync?how=sleep"))
            wait_until(lambda: routes(host)["GET /crash-sync"]["in_flight"],
                       what="it to run in a worker")
            assert host.get("/hello").status == 200
        assert host.pid_of("front") == front
        host.wait_log("or sync_max while it ran .* handler=live_crash")


def test_finish():
    """Breaks when: a finish() that crashes takes every front, or takes the
    route's replies with it."""
    with host_that() as host:
        front = host.pid_of("front")
        assert host.get("/crash?how=none&after=null").status == 200
        wait_until(lambda: host.pids("front") not in ([], [front]),
                   what="a front")
        front = host.pid_of("front")
        for _ in range(3):
            assert host.get("/crash?how=none&after=null").status == 200
        assert host.pid_of("front") == front
        assert routes(host)["GET /crash-sync"]["async"] is False
        assert "finish" in routes(host)["GET /crash"]["demoted"]


def test_killed_from_outside(gate):
    """Breaks when: a handler is demoted for somebody's kill -9, or stays where
    the front is killed in it again and again."""
    with host_that() as host:
        for demoted in False, True:
            with host.connect() as conn:
                conn.send(fcgi.request("GET", gate.path("/gate-sync")))
                held = gate.accept()
                host.kill_process(held.pid, signal.SIGKILL)
                with pytest.raises((fcgi.Closed, OSError)):
                    conn.read_reply()
            wait_until(lambda: host.get("/hello").status == 200,
                       what="a front")
            assert routes(host)["GET /gate-sync"]["async"] is demoted


def test_keep():
    with host_that(on_sync_fault="keep") as host:
        take_front(host, "/crash-sync?how=null")
        take_front(host, "/crash-sync?how=null")
        assert routes(host)["GET /crash-sync"]["async"] is False
