"""The pool: admission, queues, limits, deadlines, threads, cancel."""

import os
import signal
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, alive, threads
from lib.nginx import free_port


class Clients:
    """Several connections that each hold one request."""

    def __init__(self, host):
        self.host, self.conns = host, []

    def send(self, target, **keywords):
        conn = self.host.connect()
        conn.send(fcgi.request("GET", target, **keywords))
        self.conns.append(conn)
        return conn

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for conn in self.conns:
            conn.close()


def one_worker(**options):
    pool = {"workers": 1}
    pool.update(options.pop("pool", {}))
    return Host(handlers=["live_gate", "live_show", "hello"],
                pools={"default": pool, "side": {"workers": 1}},
                routes={"GET /gate-side": {"pool": "side"}}, **options)


def test_a_slow_request_does_not_hold_up_the_quick(gate):
    """Breaks when: something is queued behind a busy worker, or blocks."""
    with one_worker(pool={"workers": 2}) as host, Clients(host) as clients:
        slow = clients.send(gate.path())
        held = gate.accept()
        for _ in range(30):
            assert host.get("/where-async").status == 200
            assert host.get("/hello").status == 200
        held.tell("go")
        assert slow.read_reply().status == 200


def test_queued_requests_run_in_order(gate):
    """Breaks when: the pending list is not first come, first served."""
    with one_worker() as host, Clients(host) as clients:
        for number in range(10):
            clients.send(gate.path(), extra={"REQUEST_ID": "n%d" % number})
            assert host.get("/hello").status == 200	# it is read
        for number, conn in enumerate(clients.conns):
            held = gate.accept()
            assert held.id == "n%d" % number
            held.tell("go")
            assert conn.read_reply().body == b"ok\n"


def test_a_full_queue_is_a_503(gate):
    """Breaks when: a full queue waits, resets or gives no reason."""
    with one_worker(pool={"queue": 2}) as host, Clients(host) as clients:
        clients.send(gate.path())
        gate.accept()
        for _ in range(2):
            clients.send(gate.path())
            assert host.get("/hello").status == 200
        for _ in range(3):
            begin = time.monotonic()
            host.get("/where-async").problem(503, says="full|queue")
            assert time.monotonic() - begin < 1
        assert host.get("/hello").status == 200, "sync is not touched"


def test_the_queue_has_room_again(gate):
    """Breaks when: a refused or ended request still counts."""
    with one_worker(pool={"queue": 1}) as host, Clients(host) as clients:
        for _ in range(3):
            first = clients.send(gate.path())
            held = gate.accept()
            second = clients.send(gate.path())
            assert host.get("/hello").status == 200
            host.get("/where-async").problem(503)
            held.tell("go")
            assert first.read_reply().status == 200
            gate.accept().tell("go")
            assert second.read_reply().status == 200
        assert host.get("/where-async").status == 200


def test_queue_of_zero(gate):
    """Breaks when: queue = 0 refuses what an idle worker could take."""
    with one_worker(pool={"queue": 0}) as host, Clients(host) as clients:
        conn = clients.send(gate.path())
        held = gate.accept()
        host.get("/where-async").problem(503)
        held.tell("go")
        assert conn.read_reply().status == 200
        wait_until(lambda: host.get("/where-async").status == 200)


def test_queue_timeout_is_a_503(gate):
    """Breaks when: a request outlives queue_timeout, or runs after it."""
    with one_worker(pool={"queue_timeout": "300ms"}) as host, \
            Clients(host) as clients:
        first = clients.send(gate.path())
        held = gate.accept()
        begin = time.monotonic()
        second = clients.send(gate.path(), extra={"REQUEST_ID": "late"})
        second.read_reply().problem(503, "late", says="queue|wait")
        assert 0.25 <= time.monotonic() - begin < 3
        held.tell("go")
        assert first.read_reply().status == 200
        gate.nobody()
        assert second.get("/hello").status == 200, "kept connection"


def test_max_concurrent_is_a_503(gate):
    """Breaks when: a route's own limit is not kept, or hits other routes."""
    with one_worker(pool={"workers": 4}) as host, Clients(host) as clients:
        conn = clients.send(gate.path("/gate-one"))
        held = gate.accept()
        host.get(gate.path("/gate-one")).problem(503)
        assert host.get("/where-async").status == 200
        held.tell("go")
        assert conn.read_reply().status == 200
        again = clients.send(gate.path("/gate-one"))
        gate.accept().tell("go")
        assert again.read_reply().status == 200


def test_max_concurrent_from_the_config(gate):
    """Breaks when: route { max_concurrent } does nothing."""
    with Host(handlers=["live_gate"], pools={"default": {"workers": 4}},
              routes={"GET /gate": {"max_concurrent": 2}}) as host, \
            Clients(host) as clients:
        for _ in range(2):
            clients.send(gate.path())
            gate.accept()
        host.get(gate.path()).problem(503)


def test_pools_are_separate(gate):
    """Breaks when: one pool's jam reaches another pool's routes."""
    with one_worker() as host, Clients(host) as clients:
        clients.send(gate.path())
        first = gate.accept()
        side = clients.send(gate.path("/gate-side"))
        second = gate.accept()
        assert first.pid != second.pid
        second.tell("go")
        assert side.read_reply().status == 200


def test_pool_of_the_table(gate):
    """Breaks when: .pool in the handler's table does nothing."""
    with Host(handlers=["live_gate", "live_pool"], pools={
            "default": {"workers": 1}, "side": {"workers": 1}}) as host, \
            Clients(host) as clients:
        clients.send(gate.path())
        held = gate.accept()
        reply = host.get("/in-pool")
        assert reply.status == 200 and int(reply.text) != held.pid


def test_a_pool_that_is_missing_is_named():
    """Breaks when: a route of an unknown pool is lost without a word."""
    with Host(handlers=["live_pool", "hello"]) as host:
        host.wait_log(r'live_pool.*"side"')
        assert host.get("/hello").status == 200


def test_pool_from_the_config(gate):
    """Breaks when: route { pool } does nothing."""
    with Host(handlers=["live_gate", "live_show"], pools={
            "default": {"workers": 1}, "side": {"workers": 1}},
            routes={"GET /where-async": {"pool": "side"}}) as host, \
            Clients(host) as clients:
        clients.send(gate.path())
        held = gate.accept()
        assert int(host.get("/where-async").text.split()[0]) != held.pid


# ------------------------------------------------------------- deadlines

def test_a_cooperative_handler_over_its_time(gate):
    """Breaks when: no 504, or a worker is killed that would have returned."""
    with one_worker(timeout="300ms", kill_grace="5s") as host, \
            Clients(host) as clients:
        begin = time.monotonic()
        conn = clients.send(gate.path(), extra={"REQUEST_ID": "slow-1"})
        held = gate.accept()
        conn.read_reply().problem(504, "slow-1")
        assert 0.25 <= time.monotonic() - begin < 3
        assert held.line() == "cancelled"
        assert int(host.get("/where-async").text.split()[0]) == held.pid
        host.wait_log("slow-1")
        assert conn.get("/hello").status == 200, "kept connection"


@pytest.mark.parametrize("word", ["loop", "stubborn"])
def test_a_deaf_handler_is_killed(gate, word):
    """Breaks when: a handler that never returns keeps its worker."""
    with one_worker(timeout="200ms", kill_grace="200ms",
                    crashes=True) as host, Clients(host) as clients:
        conn = clients.send(gate.path(deaf=1), extra={"REQUEST_ID": "deaf"})
        held = gate.accept()
        held.tell(word)
        conn.read_reply().problem(504, "deaf")
        wait_until(lambda: not alive(held.pid), 5, "the end of the worker")
        assert int(host.get("/where-async").text.split()[0]) != held.pid
        host.wait_log("deaf")


def test_timeout_of_the_route(gate):
    """Breaks when: timeout_ms in the table is not kept."""
    with one_worker() as host, Clients(host) as clients:
        conn = clients.send(gate.path("/gate-short"))
        gate.accept()
        conn.read_reply().problem(504)


def test_timeout_from_the_config(gate):
    """Breaks when: route { timeout } does not win over the table."""
    with Host(handlers=["live_gate"], routes={
            "GET /gate": {"timeout": "200ms"}}) as host, \
            Clients(host) as clients:
        conn = clients.send(gate.path())
        held = gate.accept()
        held.tell("deadline")
        assert 0 <= int(held.line()) <= 200
        conn.read_reply().problem(504)


def test_the_deadline_counts_down(gate):
    """Breaks when: fh_deadline_ms is not what is left."""
    with one_worker(timeout="30s") as host, Clients(host) as clients:
        conn = clients.send(gate.path())
        held = gate.accept()
        held.tell("deadline")
        assert 25000 < int(held.line()) <= 30000
        held.tell("go")
        assert conn.read_reply().status == 200


def test_late_reply_of_a_timed_out_handler_is_thrown_away(gate):
    """Breaks when: a request is completed twice (invariant 1)."""
    with one_worker(timeout="200ms", kill_grace="10s") as host, \
            Clients(host) as clients:
        conn = clients.send(gate.path(deaf=1))
        held = gate.accept()
        conn.read_reply().problem(504)
        held.tell("go")		# replies 200, far too late
        facts = conn.get("/where-async")
        assert facts.status == 200 and facts.text.split()[0].isdigit()
        conn.expect_quiet()


# ---------------------------------------------------------------- cancel

def test_a_client_that_leaves_cancels_its_handler(gate):
    """Breaks when: fh_cancelled stays false after the client left."""
    with one_worker() as host:
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path()))
            held = gate.accept()
        assert held.line() == "cancelled"
        assert int(host.get("/where-async").text.split()[0]) == held.pid


def test_a_reset_connection_cancels_its_handler(gate):
    """Breaks when: over TCP, a reset is not seen as leaving."""
    with one_worker(listen="tcp:127.0.0.1:%d" % free_port()) as host:
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path()))
            held = gate.accept()
            conn.reset()
        assert held.line() == "cancelled"
        assert host.get("/where-async").status == 200


def test_a_client_that_leaves_a_deaf_handler(gate):
    """Breaks when: a handler nobody waits for outlives its timeout."""
    with one_worker(timeout="1s", kill_grace="200ms",
                    crashes=True) as host:
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path(deaf=1)))
            held = gate.accept()
            held.tell("loop")
        wait_until(lambda: not alive(held.pid), 8, "the end of the worker")
        assert host.get("/where-async").status == 200


def test_a_client_that_leaves_the_queue(gate):
    """Breaks when: a request nobody waits for is run."""
    with one_worker() as host, Clients(host) as clients:
        first = clients.send(gate.path())
        held = gate.accept()
        stay = []
        with Clients(host) as leave:
            for number in range(12):
                if number % 4 == 3:
                    stay.append(clients.send(gate.path(), extra={
                        "REQUEST_ID": "s%d" % number}))
                else:
                    leave.send(gate.path())
                assert host.get("/hello").status == 200	# it is read
        assert host.get("/hello").status == 200
        held.tell("go")
        assert first.read_reply().status == 200
        for number, conn in zip((3, 7, 11), stay):
            held = gate.accept()
            assert held.id == "s%d" % number
            held.tell("go")
            assert conn.read_reply().status == 200
        gate.nobody()


# --------------------------------------------------------------- threads

@pytest.mark.threaded
def test_threads_serve_at_a_time(gate):
    """Breaks when: `threads` requests do not run at once in one worker."""
    with one_worker(pool={"threads": 8}) as host, Clients(host) as clients:
        for _ in range(8):
            clients.send(gate.path())
        held = [gate.accept() for _ in range(8)]
        assert len({one.pid for one in held}) == 1
        assert len({one.thread for one in held}) == 8
        extra = clients.send(gate.path())
        gate.nobody(0.1)	# a ninth waits
        for one in held:
            one.tell("go")
        gate.accept().tell("go")
        for conn in clients.conns:
            assert conn.read_reply().status == 200
        assert extra is clients.conns[-1]


@pytest.mark.threaded
def test_threads_are_made_when_needed(gate):
    """Breaks when: 500 threads are made for a pool that uses one."""
    with one_worker(pool={"threads": 500}) as host, Clients(host) as clients:
        pid = int(host.get("/where-async").text.split()[0])
        assert threads(pid) < 10
        for _ in range(300):
            clients.send(gate.path())
        held = [gate.accept() for _ in range(300)]
        assert 300 <= threads(pid) < 400
        for one in held:
            one.tell("go")
        for conn in clients.conns:
            assert conn.read_reply().status == 200


@pytest.mark.threaded
def test_a_thread_that_dies_takes_its_process_only(gate):
    """Breaks when: other requests of the same worker get no answer."""
    with one_worker(pool={"threads": 4}) as host, Clients(host) as clients:
        for number in range(4):
            clients.send(gate.path(), extra={"REQUEST_ID": "t%d" % number})
        held = [gate.accept() for _ in range(4)]
        os.kill(held[0].pid, signal.SIGKILL)
        for number, conn in enumerate(clients.conns):	# whose fault was it?
            conn.read_reply().problem(503, "t%d" % number)
        assert host.get("/where-async").status == 200


@pytest.mark.threaded
def test_a_deaf_thread_among_others(gate):
    """Breaks when: killing for one request leaves another unanswered."""
    with one_worker(pool={"threads": 2}, timeout="60s", kill_grace="200ms",
                    crashes=True) as host, Clients(host) as clients:
        other = clients.send(gate.path())
        gate.accept()
        short = clients.send(gate.path("/gate-short", deaf=1))
        held = gate.accept()
        held.tell("loop")
        short.read_reply().problem(504)
        reply = other.read_reply()
        reply.problem()
        assert reply.status in (500, 503)
        assert host.get("/where-async").status == 200


def test_a_thousand_threads(gate):
    """Breaks when: 1000 waiting requests in one worker do not work."""
    with one_worker(pool={"threads": 1000, "queue": 2000}) as host, \
            Clients(host) as clients:
        for _ in range(1000):
            clients.send(gate.path())
        held = [gate.accept() for _ in range(1000)]
        assert len({one.thread for one in held}) == 1000
        assert host.get("/hello").status == 200
        for one in held:
            one.tell("go")
        for conn in clients.conns:
            assert conn.read_reply().status == 200


@pytest.mark.threaded
def test_exactly_once(gate):
    """Breaks when: under load a request is lost, doubled or mixed up."""
    with one_worker(pool={"workers": 3, "threads": 4}) as host, \
            Clients(host) as clients:
        for number in range(200):
            clients.send("/show-async?n=%d" % number,
                         extra={"REQUEST_ID": "x%d" % number})
        for number, conn in enumerate(clients.conns):
            text = conn.read_reply().text
            assert "is query=n%%3D%d\n" % number in text
            assert "is id=x%d\n" % number in text
            conn.expect_quiet(0)


@pytest.mark.threaded
def test_workers_killed_under_load_lose_nobody(gate):
    """Breaks when: a death between queue and reply leaves a client waiting."""
    with one_worker(pool={"workers": 4, "threads": 2}) as host, \
            Clients(host) as clients:
        statuses = {}
        for round_ in range(5):
            for number in range(60):
                clients.send("/where-async")
            for pid in host.pids("worker"):
                host.kill_process(pid)
            for conn in clients.conns:
                reply = conn.read_reply()
                statuses[reply.status] = statuses.get(reply.status, 0) + 1
                if reply.status != 200:
                    reply.problem()
                conn.close()
            clients.conns.clear()
        assert set(statuses) <= {200, 500, 503}, statuses
        assert sum(statuses.values()) == 300
        assert host.get("/where-async").status == 200


def test_motivating_case():
    """Breaks when: A, slow, holds up B and C in async, or sync is async.

    A = 1 s, B = C = 0.1 s, each sent right after the other.
    """
    def running(target):
        return [one for one in host.status()["routes"]
                if one["route"] == "GET " + target][0]["in_flight"]

    def run(target):
        took = []
        with Clients(host) as clients:
            begin = time.monotonic()
            for seconds in ("1", "0.1", "0.1"):
                clients.send("%s?seconds=%s" % (target, seconds))
                wait_until(lambda: running(target))	# A is first
            for conn in clients.conns[1:] + clients.conns[:1]:
                assert conn.read_reply().status == 200
                took.append(time.monotonic() - begin)
        return took
    with Host(handlers=["sleep"], pools={"default": {"workers": 4}}) as host:
        b, c, a = run("/sleep")
        assert b < 0.9 and c < 0.9 and 0.9 < a
        b, c, a = run("/sleep-sync")
        assert b > 1 and c > b
