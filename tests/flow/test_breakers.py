"""A route that fails is closed for a while; a request that kills is refused."""

import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host


def failing(**keywords):
    keywords.setdefault("breaker_failures", 3)
    keywords.setdefault("breaker_pause", "300ms")
    return Host(handlers=["live_crash", "live_gate", "hello"], crashes=True,
                pools={"default": {"workers": 2}}, **keywords)


def route(host, label="GET /crash"):
    return {one["route"]: one for one in host.status()["routes"]}[label]


def crash(host, number):
    """One that is unlike the others."""
    return host.get("/crash?how=null&number=%d" % number).status


def close(host):
    assert [crash(host, i) for i in range(3)] == [500] * 3


def test_crashes_close_a_route():
    """Breaks when: a route that crashes goes on to end workers, another one is
    closed with it, or it is never tried again."""
    with failing(breaker_pause="1s") as host:
        close(host)
        reply = host.get("/crash?how=none")
        assert reply.status == 503
        assert "is closed for 1 s" in reply.problem()["detail"]
        assert reply.header("Retry-After") == "1"
        assert host.get("/hello-async").status == 200
        assert route(host)["breaker"] == "open"
        assert "GET /crash: its breaker is open" in \
            host.command("status").stdout
        assert route(host)["refused"]["breaker_open"] == 1
        wait_until(lambda: host.get("/crash?how=none").status == 200,
                   what="the route")
        assert route(host)["breaker"] == "closed"
        host.wait_log('route "GET /crash" .* is closed for 1 s: it crashed')
        host.wait_log('route "GET /crash" is open for all again')


def test_a_try_that_fails_closes_it_for_longer():
    """Breaks when: the pause does not grow while the route fails on."""
    with failing(breaker_pause="100ms") as host:
        close(host)
        for pause in 0.2, 0.4:
            wait_until(lambda: crash(host, int(pause * 1000)) == 500, what="a try")
            host.wait_log("closed for %g s: it crashed or timed out again"
                          % pause)


def test_one_at_a_time_tries(gate):
    """Breaks when: more than one request is let through to a route that is
    tried, or one whose client leaves keeps it closed."""
    with failing(breaker_failures=1, breaker_pause="50ms") as host:
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path("/gate-side")))
            gate.accept().tell("crash")
            assert conn.read_reply().status == 500
        time.sleep(0.1)
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path("/gate-side")))
            held = gate.accept()
            assert route(host, "GET /gate-side")["breaker"] == "half-open"
            for _ in range(3):
                assert host.get(gate.path("/gate-side")).status == 503
        with host.connect() as conn:	# the client has left: another tries
            def tries():
                conn.send(fcgi.request("GET", gate.path("/gate-side")))
                try:
                    return gate.accept(0.1)
                except OSError:
                    assert conn.read_reply().status == 503
                    return None
            second = wait_until(tries, what="another try")
            second.tell("go")
            assert conn.read_reply().status == 200
        held.close()	# it may have seen that its client left
        # a reply may be read before the front has counted its end
        wait_until(lambda: route(host, "GET /gate-side")["breaker"] ==
                   "closed", what="the end of the try")


def test_time_outs_close_a_route():
    """Breaks when: only crashes count."""
    with failing(timeout="50ms") as host:
        for _ in range(3):
            assert host.get("/crash?how=sleep").status == 504
        assert host.get("/crash?how=none").status == 503


def test_refusals_are_no_failures():
    """Breaks when: a route is closed for what the host itself refused."""
    with failing(routes={"GET /crash": {"max_concurrent": 1}},
                 breaker_failures=2, drain_timeout="100ms",
                 kill_grace="50ms") as host:
        with host.connect() as conn:
            conn.send(fcgi.request("GET", "/crash?how=sleep"))
            wait_until(lambda: route(host)["in_flight"] == 1, what="a run")
            for _ in range(5):
                assert host.get("/crash?how=none").status == 503
            assert route(host)["breaker"] == "closed"


# in memory, in a file, in one that is not looked at as a whole
@pytest.mark.parametrize("size", [10, 200000, 3000000])
def test_poison(size):
    """Breaks when: the same request ends worker after worker, others of its
    route are refused with it, or it closes the route for all."""
    with failing(poison_kills=2, poison_window="1h") as host:
        body = b"x" * size
        for _ in range(2):
            assert host.post("/crash?how=null", body).status == 500
        for _ in range(3):
            reply = host.post("/crash?how=null", body)
            assert reply.status == 503
            assert "poison request" in reply.problem()["detail"]
            assert reply.header("Retry-After") == "60"
        assert host.post("/crash?how=none", body).status == 200
        assert host.post("/crash?how=null", body[:-1] + b"y").status == 500
        assert route(host, "POST /crash")["refused"]["poison"] == 3
        assert route(host, "POST /crash")["breaker"] == "closed"
        assert route(host, "POST /crash")["crashes"] == 3
