"""Replies that leave in parts, and readers that are slow."""

import hashlib
import time

import pytest

from lib import fcgi
from lib.host import Host, memory, slack


def test_the_first_bytes_come_before_the_last_are_made(gate):
    """Breaks when: fh_flush waits for the end of the handler."""
    with Host(handlers=["live_gate"]) as host, host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        pieces = conn.stdout()
        for _ in range(3):
            held.tell("part")
            assert held.line() == "flushed"
            got = b""
            while not got.endswith(b"part\n"):
                got += next(pieces)
        held.tell("go")
        assert b"".join(pieces).endswith(b"ok\n")


def test_a_stream_is_not_buffered_by_nginx(gate):
    """Breaks when: X-Accel-Buffering: no is missing on a flushed stream."""
    with Host(handlers=["stream"]) as host:
        reply = host.get("/stream?count=3&interval_ms=1")
        assert reply.header("x-accel-buffering") == "no"
        assert reply.header("content-length") is None
        assert len(reply.text.splitlines()) == 3


def pattern(size):
    block = bytes(10 if i % 104 == 103 else 97 + i % 26 for i in range(65536))
    return hashlib.sha256((block * (size // 65536 + 1))[:size]).hexdigest()


def test_a_slow_reader_of_a_large_reply_bounds_memory():
    """Breaks when: 200 MB for a client that reads slowly pile up somewhere."""
    size = 200 << 20
    with Host(handlers=["live_reply"],
              pools={"default": {"workers": 1}}) as host, \
            host.connect(30) as conn:
        assert host.get("/reply-async/big?bytes=100000").status == 200
        before, worst, got = host.pss(), 0, 0
        conn.send(fcgi.request("GET", "/reply-async/big?bytes=%d" % size))
        digest, head = hashlib.sha256(), b""
        for piece in conn.stdout():
            if b"\r\n\r\n" not in head:
                head += piece
                piece = head.partition(b"\r\n\r\n")[2]
            digest.update(piece)
            got += len(piece)
            if got // (20 << 20) != (got - len(piece)) // (20 << 20):
                time.sleep(0.02)	# so slow that the worker must wait
                worst = max(worst, host.pss() - before)
        assert got == size
        assert digest.hexdigest() == pattern(size)
        assert worst < slack(16 << 20), worst


def test_worker_and_front_never_wait_for_each_other():
    """Breaks when: a wake between worker and front is lost.

    Tens of thousands of times the worker finds its reply space full, or the
    front the connection; each time one must wake the other.
    """
    size = 30 << 20
    with Host(handlers=["live_reply"]) as host:
        for _ in range(100):
            reply = host.get("/reply-async/big?bytes=%d" % size, timeout=5)
            assert len(reply.body) == size


def test_a_client_that_leaves_a_stream_frees_its_worker():
    """Breaks when: a worker writes on to nobody."""
    with Host(handlers=["live_reply", "live_show"],
              pools={"default": {"workers": 1}}) as host:
        for target in ("/reply-async/big?bytes=2000000000",
                       "/reply-async/lines?count=1000000&wait=1"):
            with host.connect() as conn:
                conn.send(fcgi.request("GET", target))
                assert next(conn.stdout())
            assert host.get("/where-async").status == 200


def test_flush_tells_that_nobody_reads(gate):
    """Breaks when: fh_flush never fails with EPIPE."""
    with Host(handlers=["live_gate"]) as host:
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path(deaf=1)))
            held = gate.accept()
            held.tell("part")
            assert held.line() == "flushed"
        for _ in range(500):
            held.tell("part")
            if held.line() == "flush failed":
                break
            time.sleep(0.01)
        else:
            pytest.fail("flushed 500 times to nobody")
        held.tell("go")


def test_a_worker_killed_in_the_middle_of_a_stream(gate):
    """Breaks when: a cut stream looks like a whole one."""
    with Host(handlers=["live_gate"], crashes=True) as host, \
            host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        held.tell("part")
        assert held.line() == "flushed"
        held.tell("crash")
        with pytest.raises((fcgi.Closed, ConnectionError)):
            conn.read_reply()
        host.get("/nothing-here").problem(404)


def test_a_timeout_in_the_middle_of_a_stream(gate):
    """Breaks when: a stream over its time is ended as if it were whole."""
    with Host(handlers=["live_gate"], timeout="300ms",
              crashes=True) as host, host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path(deaf=1)))
        held = gate.accept()
        held.tell("part")
        assert held.line() == "flushed"
        with pytest.raises((fcgi.Closed, ConnectionError)):
            conn.read_reply()


def test_many_streams_at_once():
    """Breaks when: one stream's bytes reach another client."""
    with Host(handlers=["live_reply"], pools={
            "default": {"workers": 2, "threads": 10}}) as host:
        conns = [host.connect() for _ in range(20)]
        for number, conn in enumerate(conns):
            conn.send(fcgi.request(
                "GET", "/reply-async/lines?count=%d" % (number * 20 + 1)))
        for number, conn in enumerate(conns):
            count = number * 20 + 1
            assert conn.read_reply().text == "".join(
                "line %d\n" % line for line in range(count))
            conn.close()


def test_slow_readers_do_not_slow_the_others():
    """Breaks when: the front waits for one reader."""
    with Host(handlers=["live_reply", "hello"], pools={
            "default": {"workers": 2, "threads": 8}}) as host:
        slow = [host.connect() for _ in range(10)]
        for conn in slow:
            conn.send(fcgi.request("GET", "/reply-async/big?bytes=50000000"))
            next(conn.stdout())
        for _ in range(50):
            assert host.get("/hello").status == 200
            assert host.get("/hello-async").status == 200
        assert memory(host.pid_of("front"), "Private_Dirty") < slack(64 << 20)
        for conn in slow:
            conn.close()
