"""Slow peers, greedy peers, and how many of them."""

import resource
import time

import pytest

from lib import fcgi
from lib.gate import Gate
from lib.host import Host, descriptors, memory, slack
from lib.fcgi import wait_until


def test_half_a_header_is_given_up():
    """Breaks when: a request that never gets whole holds its connection."""
    with Host(read_timeout="300ms") as host, host.connect() as conn:
        conn.send(fcgi.request("GET", "/hello")[:30])
        conn.sock.settimeout(5)
        try:
            conn.read_reply().problem(408)
        except fcgi.Closed as closed:
            assert closed.partial == b""


def test_silence_is_given_up():
    """Breaks when: connections that never say a word pile up."""
    with Host(read_timeout="300ms") as host, host.connect() as conn:
        conn.expect_closed(5)


def test_a_body_that_stops_is_given_up():
    """Breaks when: a slow upload holds its connection for ever."""
    with Host(read_timeout="300ms") as host, host.connect(5) as conn:
        conn.send(fcgi.request("POST", "/hello", b"x" * 1000)[:-500])
        try:
            conn.read_reply().problem(408)
        except fcgi.Closed as closed:
            assert closed.partial == b""


def test_a_drip_does_not_extend_the_deadline():
    """Breaks when: read_timeout starts anew with each byte (slowloris)."""
    with Host(read_timeout="500ms") as host, host.connect(5) as conn:
        begin = time.monotonic()
        data = fcgi.request("POST", "/hello", b"x" * 10000)
        with pytest.raises((fcgi.Closed, ConnectionError, AssertionError)):
            for at in range(len(data)):
                conn.send(data[at:at + 1])
                conn.expect_quiet(0.02)
            raise RuntimeError("the drip was let through")
        assert time.monotonic() - begin < 5


def test_slow_senders_do_not_slow_the_others():
    """Breaks when: half-sent requests take up what others need."""
    with Host(read_timeout="30s") as host:
        slow = [host.connect() for _ in range(200)]
        for conn in slow:
            conn.send(fcgi.request("GET", "/hello")[:50])
        with host.connect() as conn:
            for _ in range(100):
                assert conn.get("/hello").status == 200
        for conn in slow:
            conn.close()


def test_idle_timeout_closes_a_kept_connection():
    """Breaks when: idle_timeout is ignored, or hits a busy connection."""
    with Host(handlers=["live_gate", "hello"], idle_timeout="300ms") as host:
        with Gate() as gate, host.connect() as idle, \
                host.connect() as busy:
            busy.send(fcgi.request("GET", gate.path()))
            held = gate.accept()
            assert idle.get("/hello").status == 200
            idle.expect_closed(5)
            held.tell("go")
            assert busy.read_reply().body == b"ok\n"


def test_idle_for_ever_by_default():
    """Breaks when: a kept connection is closed under nginx's feet."""
    with Host(read_timeout="200ms") as host, host.connect() as conn:
        assert conn.get("/hello").status == 200
        conn.expect_quiet(0.7)
        assert conn.get("/hello").status == 200


def test_a_reader_that_takes_nothing_is_given_up():
    """Breaks when: a client that does not read keeps a worker for ever."""
    with Host(handlers=["live_reply", "live_show"], send_timeout="400ms",
              pools={"default": {"workers": 1}}) as host, \
            host.connect() as stuck:
        stuck.send(fcgi.request("GET", "/reply-async/big?bytes=50000000"))
        with host.connect() as conn:	# waits for the one worker
            assert conn.get("/where-async").status == 200


def test_at_the_limit_of_connections_the_idle_one_leaves():
    """Breaks when: idle kept connections lock newcomers out."""
    with Host(connections=20) as host:
        kept = []
        for _ in range(20):
            kept.append(host.connect())
            assert kept[-1].get("/hello").status == 200
        for _ in range(30):
            assert host.get("/hello").status == 200
        for conn in kept:
            conn.close()


def test_as_many_connections_as_the_limit_says():
    """Breaks when: the limit is off by one, or hits the one just made."""
    with Host(connections=20) as host:
        conns = [host.connect() for _ in range(20)]
        for conn in conns:
            assert conn.get("/hello").status == 200
        for conn in conns:
            conn.expect_quiet(0)
            conn.close()


def test_over_the_limit_of_connections_all_busy(gate):
    """Breaks when: one too many is left without any answer."""
    with Host(handlers=["live_gate", "hello"], connections=8,
              pools={"default": {"workers": 8}}) as host:
        busy, held = [], []
        for _ in range(8):
            busy.append(host.connect())
            busy[-1].send(fcgi.request("GET", gate.path()))
            held.append(gate.accept())
        with host.connect() as more:
            more.send(fcgi.request("GET", "/hello"))
            more.sock.settimeout(1)
            try:	# refused in words, or served when there is room
                more.read_reply().problem(503)
            except TimeoutError:
                held[0].tell("go")
                assert busy[0].read_reply().status == 200
                busy[0].close()
                more.sock.settimeout(5)
                assert more.read_reply().status == 200
            except fcgi.Closed as closed:
                pytest.fail("closed without a reply: %r" % closed.partial)
        for one in held:
            try:
                one.tell("go")
            except BrokenPipeError:
                pass
        for conn in busy[1:]:
            assert conn.read_reply().status == 200
        assert host.get("/hello").status == 200


def test_huge_params_do_not_stay_in_memory():
    """Breaks when: what is refused is kept, or buffered without bound."""
    with Host() as host:
        front = host.pid_of("front")
        env = fcgi.environment("GET", "/hello")
        env["HUGE"] = "h" * (4 << 20)
        data = fcgi.request(env=env)

        def refused():
            with host.connect() as conn:
                try:
                    conn.send(data)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                conn.read_reply().problem()
        refused()
        before = memory(front, "Private_Dirty")
        for _ in range(10):
            refused()
        assert memory(front, "Private_Dirty") - before < slack(
            2 << 20)


def test_many_half_sent_requests_are_bounded_in_memory():
    """Breaks when: a connection may buffer more than params_limit."""
    with Host(params_limit="64 KiB") as host:
        front = host.pid_of("front")
        assert host.get("/hello").status == 200
        before = memory(front, "Private_Dirty")
        head = fcgi.begin() + fcgi.record(fcgi.PARAMS, b"\0\0" * 30000)
        conns = [host.connect() for _ in range(100)]
        for conn in conns:
            conn.send(head)
        assert host.get("/hello").status == 200
        grown = memory(front, "Private_Dirty") - before
        assert grown < slack(100 * (256 << 10)), grown
        count = len(descriptors(front))
        for conn in conns:
            conn.close()
        wait_until(lambda: len(descriptors(front)) < count - 90)


def test_out_of_descriptors():
    """Breaks when: a front without free descriptors dies, spins or forgets."""
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))
    with Host(preexec=few) as host:
        front = host.pid_of("front")
        conns = [host.connect() for _ in range(150)]
        assert conns[0].get("/hello").status == 200
        for conn in conns:
            conn.close()
        assert host.get("/hello").status == 200
        assert host.get("/hello-async").status == 200
        assert host.pid_of("front") == front


def test_requests_do_not_add_up():
    """Breaks when: each request leaves a little memory or a descriptor."""
    with Host(handlers=["live_show", "live_body", "live_reply"]) as host, \
            host.connect() as conn:
        def some(count):
            for number in range(count):
                for target in ("/show", "/show-async"):
                    body = b"b" * (number * 37 % 3000)
                    assert conn.post(target + "?q=1", body, headers={
                        "Cookie": "a=b"}).status == 200
                if number % 20 == 0:
                    assert conn.post("/body", bytes(100000)).status == 200
                    assert conn.get("/reply-async/big?bytes=200000")
                    assert conn.get("/nothing").status == 404

        def held():
            pids = list(host.processes())
            return (sum(memory(pid, "Private_Dirty") for pid in pids),
                    sum(len(descriptors(pid)) for pid in pids))
        some(300)
        before = held()
        some(2000)
        after = held()
        assert after[0] - before[0] < slack(1 << 20), (before, after)
        assert after[1] == before[1]
