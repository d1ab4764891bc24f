"""Slow, stuck and hostile peers: what they may cost, and whom."""

import os
import resource
import socket
import subprocess
import sys
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, descriptors, memory, sanitized, slack

HOLD = """
import resource, socket, sys
address, count = sys.argv[1], int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 64, count + 64))
held = []
for _ in range(count):
    one = socket.socket(socket.AF_UNIX)
    one.connect(address)
    held.append(one)
print("held", flush=True)
sys.stdin.readline()
"""


def at_rest(host):
    """Nothing of any request or connection is left."""
    status = host.status()
    return status["front"]["connections"] == 0 and all(
        route["in_flight"] == 0 for route in status["routes"]) and all(
        pool["queued"] == 0 and pool["busy"] == 0
        for pool in status["pools"])


def pss(pid):
    return memory(pid, "Pss")


def prefixes(data):
    return (data[:at] for at in range(len(data) + 1))


def leave_by_close(conn):
    conn.close()


def leave_by_reset(conn):
    conn.reset()


def leave_by_half(conn):
    conn.finish_sending()


LEAVE = [leave_by_close, leave_by_reset, leave_by_half]


@pytest.fixture(scope="module")
def tcp_host():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    with Host(handlers=["live_show", "hello"], read_timeout="5s",
              body_memory="16 B", listen="tcp:127.0.0.1:%d" % port) as host:
        yield host


@pytest.mark.parametrize("leave", LEAVE)
@pytest.mark.parametrize("target", ["/show", "/show-async"])
def test_abort_at_every_byte(tcp_host, target, leave):
    """Breaks when: some place in a request is one where a peer that leaves,
    by FIN, RST or half a close, leaves a request, a descriptor, a spooled
    body or the connection itself behind."""
    host, front = tcp_host, tcp_host.pid_of("front")
    data = fcgi.request("POST", target, b"b" * 40, env=fcgi.pairs({
        "REQUEST_METHOD": "POST", "PATH_INFO": target,
        "REQUEST_URI": target, "CONTENT_LENGTH": "40"}))
    open_before = len(descriptors(front))
    conns = []
    for part in prefixes(data):
        conn = host.connect()
        conns.append(conn)
        if part:
            conn.send(part)
        leave(conn)
    for conn in conns:
        conn.close()
    wait_until(lambda: at_rest(host), 10, "nothing is left")
    wait_until(lambda: len(descriptors(front)) <= open_before, 5,
               "no descriptor is left")
    assert os.listdir(os.path.join(host.state, "spool")) == []
    assert host.post(target, b"b" * 40).status == 200
    assert host.pid_of("front") == front


def test_ten_thousand_that_say_nothing():
    """Breaks when: idle connections cost more than their struct, or others
    are not served while there are 10 000 of them."""
    count = 2000 if sanitized() else 10000
    with Host(connections=count + 100, listen_backlog=4096,
              preexec=lambda: resource.setrlimit(
                  resource.RLIMIT_NOFILE, (20000, 20000))) as host:
        front = host.pid_of("front")
        assert host.get("/hello").status == 200
        before = pss(front)
        with subprocess.Popen(
                [sys.executable, "-c", HOLD, host.address, str(count)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout.readline() == b"held\n"
            wait_until(lambda: host.status()["front"]["connections"] ==
                       count, 30, "all are taken")
            each = (pss(front) - before) / count
            print("a silent connection takes %d bytes" % each)
            assert each < slack(0) / count + 2048
            begin = time.monotonic()
            with host.connect() as conn:
                for _ in range(200):
                    assert conn.get("/hello").status == 200
                    assert conn.get("/hello-async").status == 200
            assert time.monotonic() - begin < 10
            holder.stdin.close()
            holder.wait(10)
        wait_until(lambda: at_rest(host), 20, "nothing is left")
        assert host.get("/hello").status == 200


def drip(conns, pieces, rounds):
    """A byte of each, again and again; those that are closed are left out."""
    for at in range(rounds):
        for conn, piece in zip(conns, pieces):
            try:
                conn.send(piece[at % len(piece):at % len(piece) + 1])
            except OSError:
                pass


def test_slowloris_in_every_part_of_a_request():
    """Breaks when: a byte now and then, in the header, the parameters or the
    body, keeps a connection open for longer than read_timeout, or others
    wait for it."""
    whole = fcgi.begin() + fcgi.stream(fcgi.PARAMS, fcgi.pairs(
        fcgi.environment("POST", "/show", b"x" * 1000)))
    starts = [b"", whole[:16 + 20],
              whole + fcgi.record(fcgi.STDIN, b"x" * 10, length=1000)]
    with Host(handlers=["live_show", "hello"], read_timeout="2s") as host:
        conns, pieces = [], []
        for number in range(300):
            start = starts[number % 3]
            conns.append(host.connect())
            if start:
                conns[-1].send(start)
            pieces.append(whole[:8] if not start else b"\0")
        begin = time.monotonic()
        worst = 0
        for _ in range(6):
            drip(conns, pieces, 1)
            before = time.monotonic()
            assert host.get("/hello").status == 200
            worst = max(worst, time.monotonic() - before)
            time.sleep(0.2)
        assert worst < 1, worst
        wait_until(lambda: host.status()["front"]["connections"] == 0, 10,
                   "all are given up")
        assert 0.5 < time.monotonic() - begin < 10
        for conn in conns:
            conn.close()


def send_for(conn, piece, most):
    """Sends `piece` again and again until it is closed; the bytes sent."""
    sent = 0
    conn.sock.settimeout(5)
    try:
        while sent < most:
            conn.send(piece)
            sent += len(piece)
    except (OSError, TimeoutError):
        pass
    return sent


@pytest.mark.parametrize("kind", [fcgi.PARAMS, fcgi.STDIN])
def test_a_stream_without_an_end(kind):
    """Breaks when: parameters or a body that never end are kept, or are read
    for ever."""
    with Host(handlers=["live_show", "hello"], params_limit="64 KiB",
              body_limit="1 MiB", read_timeout="20s") as host:
        front = host.pid_of("front")
        assert host.get("/hello").status == 200
        before = memory(front, "Private_Dirty")
        with host.connect() as conn:
            start = fcgi.begin()
            if kind == fcgi.STDIN:
                env = fcgi.environment("POST", "/show")
                env.pop("CONTENT_LENGTH", None)
                start += fcgi.stream(fcgi.PARAMS, fcgi.pairs(env))
            conn.send(start)
            piece = fcgi.record(kind, b"\1\1ab" * 8000)
            assert send_for(conn, piece, 100 << 20) < 100 << 20
            conn.sock.settimeout(5)
            reply = conn.read_reply()
            assert reply.status == (431 if kind == fcgi.PARAMS else 413)
        assert memory(front, "Private_Dirty") - before < slack(4 << 20)
        wait_until(lambda: at_rest(host), 10, "nothing is left")
        assert os.listdir(os.path.join(host.state, "spool")) == []
        assert host.get("/hello").status == 200


# ---------------------------------------------------------- control socket

def control(host):
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(5)
    one.connect(host.control)
    return one


@pytest.mark.parametrize("text", [
    b"", b"\n", b"\0\0\0\n", b"stat", b"statuss\n", b"status status\n",
    b"\xff" * 4096, b"x" * (1 << 20), b"rollback x\n", b"rollback -1\n",
    b"rollback 99999999999999999999\n", b"rollback \n", b"RELOAD\n",
    b"status\0\n", bytes(range(256))], ids=lambda text: repr(text[:16]))
def test_corrupt_control_requests(tcp_host, text):
    """Breaks when: what is no request stops the supervisor, or is obeyed."""
    host, number = tcp_host, tcp_host.number()
    with control(host) as one:
        try:
            one.sendall(text)
            one.shutdown(socket.SHUT_WR)
            answer = one.recv(1 << 20)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    assert answer == b"" or b"error" in answer or text == b"status\0\n"
    assert host.number() == number
    assert host.get("/hello").status == 200


def test_a_crowd_at_the_control_socket(tcp_host):
    """Breaks when: thousands of silent connections lock an operator out, or
    take the supervisor's descriptors."""
    before = len(descriptors(tcp_host.pid))
    crowd = []
    try:
        for _ in range(2000):
            one = socket.socket(socket.AF_UNIX)
            one.connect(tcp_host.control)	# waits for the backlog
            crowd.append(one)
        assert tcp_host.status()["state"] == "serving"
        assert len(descriptors(tcp_host.pid)) - before < 200
    finally:
        for one in crowd:
            one.close()
    assert tcp_host.status()["state"] == "serving"
