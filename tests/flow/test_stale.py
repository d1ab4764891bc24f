"""What has waited too long, or for nobody, is never run.

FH_STALL=60 makes the long stalls that long (seconds); the limits follow.
"""

import os
import resource
import signal
import socket
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.gate import Gate
from lib.host import Host

STALL = float(os.environ.get("FH_STALL", "1.6"))
QUEUED = 2000
SERVICE = 0.1		# seconds of the handler that counts


def begun(seconds_ago=0.0):
    """The parameter nginx sends: when it passed the request on."""
    return {"REQUEST_START": "%.3f" % (time.time() - seconds_ago)}


def start_parameter(value):
    """Of a test's parameter: seconds ago as from now, a text as it is."""
    if value is None:
        return {}
    return {"REQUEST_START": value} if isinstance(value, str) else begun(value)


def milliseconds(seconds):
    return "%dms" % (seconds * 1000)


def signal_all(pids, number):
    for pid in pids:
        os.kill(pid, number)


class Counted:
    """The file in which live_count notes down who ran."""

    def __init__(self, host):
        self.path = host.write("counted", b"")
        os.chmod(self.path, 0o666)

    def target(self, tag, route="/count", seconds=SERVICE):
        return "%s?to=%s&tag=%s&ms=%d" % (route, self.path, tag,
                                          seconds * 1000)

    def tags(self):
        with open(self.path) as file:
            return file.read().split()


def send_many(host, target, count=QUEUED):
    """As many requests, each on a connection of its own."""
    conns = [host.connect(60) for _ in range(count)]
    for conn in conns:
        conn.send(fcgi.request("GET", target, extra=begun()))
    return conns


def figures(host, path):
    """What `status` says of the route."""
    found, = [one for one in host.status()["routes"]
              if one["route"] == "GET " + path]
    return found


def room_for_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * QUEUED:
        resource.setrlimit(resource.RLIMIT_NOFILE, (
            min(hard, 4 * QUEUED) if hard > 0 else 4 * QUEUED, hard))


@pytest.mark.parametrize("who, route", [
    (("worker",), "/count"), (("front",), "/count"),
    (("front", "worker"), "/count"), (("front",), "/count-sync")])
def test_nothing_stale_runs_after_a_stall(who, route):
    """Breaks when: what queued up in a stall is run for nobody, and those who
    come then wait for it."""
    room_for_descriptors()
    with Host(handlers=["live_count"], log_level="info", pools={"default": {
            "workers": 1, "queue": 5000,
            "queue_timeout": milliseconds(STALL / 2)}}) as host:
        counted = Counted(host)
        stalled = [pid for role in who for pid in host.pids(role)]
        signal_all(stalled, signal.SIGSTOP)
        conns = send_many(host, counted.target("stale", route))
        time.sleep(STALL)
        signal_all(stalled, signal.SIGCONT)
        start = time.monotonic()
        with host.connect(60) as live:
            live.send(fcgi.request("GET", counted.target("live", route),
                                   extra=begun()))
            assert live.read_reply().status == 200
        took = time.monotonic() - start
        for conn in conns:
            assert conn.read_reply().status == 503
            conn.close()
        assert counted.tags() == ["live"]
        assert figures(host, route)["refused"]["queue_timeout"] == QUEUED
        print("stall %.1f s of %s, %d queued: first live reply after %.0f ms, "
              "its own %.0f ms" % (STALL, "+".join(who), QUEUED, took * 1000,
                                   SERVICE * 1000))
        # 2000 of them would be 200 s
        assert took < 20 * SERVICE


@pytest.mark.parametrize("threads", [1, 4])
def test_a_worker_gives_back_what_it_took_too_late(threads):
    """Breaks when: a worker runs a stale job of the shared queue because the
    front is too slow to take it away."""
    with Host(handlers=["live_count"], pools={"default": {
            "workers": 1, "threads": threads,
            "queue_timeout": "300ms"}}) as host:
        counted = Counted(host)
        worker, front = host.pid_of("worker"), host.pid_of("front")
        signal_all([worker], signal.SIGSTOP)
        with host.connect() as conn:
            conn.send(fcgi.request("GET", counted.target("stale")))
            wait_until(lambda: host.status()["pools"][0]["queued"] == 1)
            signal_all([front], signal.SIGSTOP)
            time.sleep(0.5)
            signal_all([worker], signal.SIGCONT)
            time.sleep(0.3)	# it has long had it
            assert counted.tags() == []
            signal_all([front], signal.SIGCONT)
            conn.read_reply().problem(503, retry=True)
            assert conn.get(counted.target("live")).status == 200
        assert counted.tags() == ["live"]


@pytest.mark.parametrize("route", ["/count", "/count-sync"])
def test_who_left_while_the_front_stood_still_is_not_served(route):
    """Breaks when: a handler runs for a client that had left before its
    request was read."""
    with Host(handlers=["live_count"]) as host:
        counted = Counted(host)
        front = host.pid_of("front")
        signal_all([front], signal.SIGSTOP)
        for conn in send_many(host, counted.target("gone", route), 50):
            conn.close()
        time.sleep(0.2)
        signal_all([front], signal.SIGCONT)
        assert host.get(counted.target("live", route)).status == 200
        wait_until(lambda: figures(host, route)["cancelled"] == 50)
        assert figures(host, route)["in_flight"] == 0
        assert counted.tags() == ["live"]


def test_who_left_while_waiting_is_not_served():
    """Breaks when: a pending request of a client that left is run as the
    front wakes up, before it sees that the client has left."""
    with Host(handlers=["live_gate", "live_count"], pools={
            "default": {"workers": 1}}) as host, Gate() as gate:
        counted = Counted(host)
        with host.connect() as first, host.connect() as second:
            first.send(fcgi.request("GET", gate.path()))
            held = gate.accept()
            second.send(fcgi.request("GET", gate.path()))
            gone = send_many(host, counted.target("gone"), 20)
            wait_until(lambda: host.status()["pools"][0]["queued"] == 21)
            front = host.pid_of("front")
            signal_all([front], signal.SIGSTOP)
            for conn in gone:
                conn.close()
            time.sleep(0.2)
            held.tell("go")
            gate.accept().tell("go")
            signal_all([front], signal.SIGCONT)
            assert first.read_reply().status == 200
            assert second.read_reply().status == 200
            assert first.get(counted.target("live")).status == 200
        assert counted.tags() == ["live"]


@pytest.mark.parametrize("extra, headers", [
    (-30, None), (3 * 86400, None), ("soon", None),
    ("99999999999999999999", None), (None, 30)])
def test_a_start_that_cannot_be_is_ignored(extra, headers):
    """Breaks when: nonsense, or a header of the client's, makes a request
    stale."""
    extra = start_parameter(extra)
    headers = {name.replace("_", "-"): value
               for name, value in start_parameter(headers).items()}
    with Host(handlers=["live_show"], pools={"default": {
            "workers": 1, "queue_timeout": "1s"}}) as host:
        reply = host.get("/where-async", extra=extra, headers=headers)
        assert reply.status == 200


def test_the_time_in_the_web_server_counts():
    """Breaks when: queue_timeout starts anew when we read the request."""
    with Host(handlers=["live_gate"], pools={"default": {
            "workers": 1, "queue_timeout": "60s"}}) as host, Gate() as gate, \
            host.connect() as first, host.connect() as second:
        first.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        second.send(fcgi.request("GET", gate.path(), extra=begun(59.5)))
        second.read_reply().problem(503, retry=True)
        second.send(fcgi.request("GET", gate.path(), extra=begun(90)))
        second.read_reply().problem(503, retry=True)
        held.tell("go")
        assert first.read_reply().status == 200


def test_a_slow_upload_is_not_waiting():
    """Breaks when: the time a body takes to come makes its request stale."""
    with Host(handlers=["hello", "live_count"], pools={"default": {
            "workers": 1, "queue_timeout": "300ms"}}) as host, \
            host.connect() as conn:
        counted = Counted(host)
        data = fcgi.request("POST", counted.target("slow"), b"x" * 1000,
                            extra=begun())
        conn.send(data[:-500])
        time.sleep(0.6)
        conn.send(data[-500:])
        assert conn.read_reply().status == 200


@pytest.mark.parametrize("threads", [1, 3])
def test_a_deadline_ends_what_runs(threads):
    """Breaks when: a handler is not told of its deadline, or one that does
    not listen keeps its worker."""
    with Host(handlers=["live_gate"], timeout="60s", crashes=True,
              pools={"default": {"workers": 1, "threads": threads}},
              routes={"GET /gate": {"deadline": "10s"}}) as host, \
            Gate() as gate, host.connect() as conn:
        worker = host.pid_of("worker")
        conn.send(fcgi.request("GET", gate.path(), extra=begun(9.5)))
        assert gate.accept().line() == "cancelled"
        conn.read_reply().problem(504, says="deadline")
        conn.send(fcgi.request("GET", gate.path(deaf=1), extra=begun(9.5)))
        deaf = gate.accept()
        conn.read_reply().problem(504, says="deadline")
        deaf.tell("stubborn")
        host.wait_replaced("worker", worker)
        host.wait_log("ran beyond its deadline of 10000 ms")


def test_the_handler_knows_its_deadline():
    """Breaks when: fh_deadline_ms is the time-out's while the deadline is
    nearer, or a change of generations forgets when a request arrived."""
    with Host(handlers=["live_gate"], timeout="1000s", deadline="500s",
              drain_timeout="30s", pools={"default": {
                  "workers": 1, "queue_timeout": "0"}}) as host, \
            Gate() as gate, host.connect() as first, \
            host.connect() as second:
        first.send(fcgi.request("GET", gate.path(), extra=begun(100)))
        held = gate.accept()
        held.tell("deadline")
        assert 350000 < int(held.line()) <= 400000
        second.send(fcgi.request("GET", gate.path(), extra=begun(200)))
        wait_until(lambda: host.status()["pools"][0]["queued"] == 1)
        host.reload()
        moved = gate.accept()
        assert moved.pid != held.pid
        moved.tell("deadline")
        assert 250000 < int(moved.line()) <= 300000
        for one, conn in ((held, first), (moved, second)):
            one.tell("go")
            assert conn.read_reply().status == 200


def test_a_deadline_while_waiting():
    """Breaks when: a request over its deadline waits for queue_timeout, or a
    later one with a shorter deadline for the one before it."""
    with Host(handlers=["live_gate"], pools={"default": {
            "workers": 1, "queue_timeout": "60s"}},
            routes={"GET /gate-side": {"deadline": "300ms"}}) as host, \
            Gate() as gate, host.connect() as first, \
            host.connect() as second, host.connect() as third, \
            host.connect() as last:
        for conn in (first, second, third):
            conn.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        last.send(fcgi.request("GET", gate.path("/gate-side")))
        last.read_reply().problem(503, retry=True)
        for conn in (first, second, third):
            held.tell("go")
            assert conn.read_reply().status == 200
            if conn is not third:
                held = gate.accept()
