"""Nobody waits for what is not theirs: workers, streams, handlers, readers."""

import os
import random
import signal
import socket
import threading
import time

import pytest

from lib import fcgi
from lib.fcgi import Closed, wait_until
from lib.host import Host


def test_two_idle_workers_take_two_requests(gate):
    """Breaks when: a job waits behind one that another worker was woken for."""
    with Host(handlers=["live_gate"]) as host, host.connect() as first, \
            host.connect() as second:
        request = fcgi.request("GET", gate.path())
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            first.send(request)
            pause = time.perf_counter() + random.random() * 120e-6
            while time.perf_counter() < pause:
                pass
            second.send(request)
            held = [gate.accept(), gate.accept(2)]
            for one in held:
                one.tell("go")
            first.read_reply()
            second.read_reply()
            for one in held:
                one.close()
            gate.held.clear()


def test_a_fast_stream_leaves_time_for_others():
    """Breaks when: the front serves one worker's news until there are none."""
    with Host(handlers=["live_reply", "hello"]) as host, \
            host.connect() as stream, host.connect() as other:
        stream.send(fcgi.request("GET", "/reply-async/big?bytes=4000000000"))
        reading = threading.Event()
        stop = threading.Event()

        def read():
            room = bytearray(1 << 20)
            while not stop.is_set() and stream.sock.recv_into(room):
                reading.set()
        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        assert reading.wait(10)
        for _ in range(20):
            assert other.get("/hello").status == 200
        stop.set()
        reader.join()


def test_a_slow_reader_gets_all_of_a_stream():
    """Breaks when: bytes are left in the reply space and nobody is woken."""
    size = 3000000
    with Host(handlers=["live_reply"]) as host:
        end = time.monotonic() + 2
        while time.monotonic() < end:
            with host.connect(5) as conn:
                conn.send(fcgi.request(
                    "GET", "/reply-async/big?bytes=%d" % size, keep=False))
                got, piece = 0, b"-"
                while piece:
                    piece = conn.sock.recv(random.choice([4096, 1 << 18]))
                    got += len(piece)
                    pause = time.perf_counter() + random.random() * \
                        random.choice([0, 0, 3e-4, 3e-3])
                    while time.perf_counter() < pause:
                        pass
                assert got > size


def test_a_long_sync_handler_costs_no_other_its_connection(gate):
    """Breaks when: time the front was busy counts as the client's silence."""
    with Host(handlers=["live_gate", "hello"], read_timeout="300ms") as host, \
            host.connect() as long, host.connect() as other:
        request = fcgi.request("GET", "/hello")
        other.send(request[:20])
        long.send(fcgi.request("GET", gate.path("/gate-sync")))
        held = gate.accept()
        other.send(request[20:])
        time.sleep(0.5)		# it is the time-out that is tested
        held.tell("go")
        assert long.read_reply().status == 200
        assert other.read_reply().status == 200


def test_answers_that_nobody_reads_are_bounded():
    """Breaks when: management records fill the front's memory."""
    with Host(handlers=["hello"]) as host, host.connect(10) as conn:
        ask = fcgi.record(fcgi.GET_VALUES, fcgi.pairs(
            [("FCGI_MAX_CONNS", "")]), request_id=0) * 1000
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(200):
                conn.sock.sendall(ask)
        assert host.get("/hello").status == 200


def test_a_client_that_left_has_no_status(gate):
    """Breaks when: a request takes over the status of the one before it."""
    with Host(handlers=["live_gate", "hello"]) as host:
        assert host.get("/hello").status == 200
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path()))
            held = gate.accept()
        held.line()

        def classes():
            return [route["status"] for route in host.status()["routes"]
                    if "/gate" in route["route"]][0]
        wait_until(lambda: sum(classes().values()) == 1)
        assert classes()["client_left"] == 1


def test_a_slow_supervisor_does_not_end_the_front():
    """Breaks when: the front's link to the supervisor fills and is fatal."""
    with Host(handlers=["hello"]) as host:
        front = host.pid_of("front")
        os.kill(host.pid, signal.SIGSTOP)
        try:
            with host.connect() as conn:
                for _ in range(500):
                    assert conn.get("/hello").status == 200
        finally:
            os.kill(host.pid, signal.SIGCONT)
        assert host.pid_of("front") == front


def test_a_request_sent_before_the_stop_was_seen_is_answered(gate):
    """Breaks when: a stop closes connections whose bytes have arrived."""
    with Host(handlers=["live_gate", "hello"]) as host, \
            host.connect() as long, host.connect() as kept:
        assert kept.get("/hello").status == 200
        long.send(fcgi.request("GET", gate.path("/gate-sync")))
        held = gate.accept()
        os.kill(host.pid, signal.SIGTERM)
        host.wait_log(r"stopping")
        wait_until(lambda: host.status()["state"] == "stopping")
        kept.send(fcgi.request("GET", "/hello"))
        held.tell("go")
        assert long.read_reply().status == 200
        assert kept.read_reply().status == 200
        kept.expect_closed()
