"""Handlers that do what they must not: the client gets words all the same."""

import contextlib
import os

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, memory, slack

ID = {"REQUEST_ID": "bad-1"}


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["hello", "live_reply", "live_gate"],
              crashes=True) as one:
        yield one


@pytest.fixture(params=["/reply/", "/reply-async/"])
def ask(host, request):
    front = host.pid_of("front")
    with host.connect() as conn:
        def one(what, **keywords):
            return conn.ask("GET", request.param + what, extra=ID, **keywords)
        yield one
    assert host.get("/hello").status == 200
    assert host.get("/hello-async").status == 200
    assert host.pid_of("front") == front


def test_replies_nothing(host, ask):
    """Breaks when: an empty serve() is an empty or no reply."""
    ask("nothing").problem(500, "bad-1")
    host.wait_log("bad-1")


def test_returns_a_number(host, ask):
    """Breaks when: what a failed handler wrote is sent, or not logged."""
    reply = ask("number?value=-77")
    reply.problem(500, "bad-1")
    assert b"never seen" not in reply.body
    host.wait_log(r"bad-1.*-77|-77.*bad-1")


@pytest.mark.parametrize("name,value", [
    ("X-Split", "a%0D%0AX-Evil:%201"), ("X-Split", "a%0Ab"),
    ("X-Split", "a%0Db"), ("X%20Space", "v"), ("X:Colon", "v"),
    ("", "v"), ("X%0D%0AEvil", "v"), ("X-%C3%A4", "v")])
def test_header_injection(ask, name, value):
    """Breaks when: a header from input can make another header."""
    reply = ask("header?name=%s&value=%s" % (name, value))
    reply.problem(500, "bad-1")
    assert reply.header("x-evil") is None and reply.header("evil") is None


def test_header_block_too_large(ask):
    """Breaks when: nginx gets a header over its buffer and says 502."""
    assert ask("fat-header?bytes=4000").status == 200
    ask("fat-header?bytes=20000").problem(500, says=r"\d")


@pytest.mark.parametrize("said,size", [(10, 100), (1, 300000)])
def test_content_length_too_small(ask, said, size):
    """Breaks when: more than was announced is sent."""
    reply = ask("length?said=%d&bytes=%d" % (said, size))
    assert reply.status in (200, 500)	# its length was checked on reading
    if reply.status == 200:
        assert len(reply.body) == said


def test_content_length_too_large(ask):
    """Breaks when: less than was announced looks like a whole reply."""
    ask("length?said=1000&bytes=10").problem(500, "bad-1")


def test_content_length_too_large_after_a_flush(host):
    """Breaks when: a short stream ends as if it were whole."""
    with host.connect() as conn:
        conn.send(fcgi.request(
            "GET", "/reply-async/length?said=1000&bytes=10&flush=1"))
        with pytest.raises((fcgi.Closed, ConnectionError)):
            conn.read_reply()
    assert host.get("/hello-async").status == 200


@pytest.mark.parametrize("said", ["-1", "x", "1%0D%0AX-Evil:1", "",
                                  "99999999999999999999"])
def test_content_length_that_is_none(ask, said):
    """Breaks when: a handler's Content-Length is passed on unread."""
    reply = ask("length?said=%s&bytes=10" % said)
    if reply.status != 200:
        reply.problem(500)
    assert reply.header("x-evil") is None


def test_prints_to_stdout(ask):
    """Breaks when: printf() in a handler gets into the protocol."""
    assert ask("print").body == b"printed\n"


@pytest.mark.parametrize("word", ["crash", "abort", "exit", "_exit", "stack"])
def test_a_worker_that_dies_in_serve(host, gate, word):
    """Breaks when: a crash in a handler is a reset, or the log is silent."""
    with host.connect() as conn, host.connect() as other:
        other.send(fcgi.request("GET", gate.path()))
        kept = gate.accept()
        conn.send(fcgi.request("GET", gate.path(), extra={
            "REQUEST_ID": "dies-" + word}))
        held = gate.accept()
        held.tell(word)
        conn.read_reply().problem(500, "dies-" + word)
        host.wait_log("dies-" + word)
        wait_until(lambda: len(host.pids("worker")) == 2)
        assert conn.get("/hello-async").status == 200
        kept.tell("go")
        assert other.read_reply().status == 200


@pytest.mark.parametrize("word", ["crash", "abort", "exit", "_exit"])
def test_a_front_that_dies_in_a_sync_handler(gate, word):
    """Breaks when: a sync crash ends the service."""
    with Host(handlers=["hello", "live_gate"], crashes=True) as host:
        old = host.pid_of("front")
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path("/gate-sync"), extra={
                "REQUEST_ID": "front-" + word}))
            gate.accept().tell(word)
            try:
                conn.read_reply().problem(500)
            except (fcgi.Closed, ConnectionError) as error:
                assert getattr(error, "partial", b"") == b""
        host.wait_replaced("front", old)
        assert host.get("/hello").status == 200
        assert host.get("/hello-async").status == 200
        host.wait_log("live_gate")


def test_stderr_flood_of_100_mb():
    """Breaks when: a flood of stderr blocks the reply or fills the log."""
    with Host(handlers=["hello", "live_reply"]) as host:
        before = host.pss("Private_Dirty")
        for target in ("/reply/flood", "/reply-async/flood"):
            with host.connect(60) as conn:
                assert conn.get(target + "?megabytes=100",
                                extra=ID).body == b"flooded\n"
            assert host.get("/hello").status == 200
        assert host.pss("Private_Dirty") - before < slack(8 << 20)
        size = os.path.getsize(os.path.join(host.folder, "log"))
        assert size < 20 << 20, size


def test_log_flood():
    """Breaks when: fh_log in a loop fills the disk."""
    with Host(handlers=["hello", "live_reply"]) as host:
        for target in ("/reply/log-flood", "/reply-async/log-flood"):
            reply = host.get(target + "?lines=100000", extra=ID)
            assert reply.body == b"logged\n"
        host.stop()
        flooded = [line for line in host.lines if "flood " in line]
        assert 0 < len(flooded) <= 2100
        # ... also where the log's reader was too slow for that line
        assert [line for line in host.lines
                if ("suppressed" in line and "bad-1" in line) or
                "lines are lost" in line]


def test_faults_do_not_add_up(gate):
    """Breaks when: memory, descriptors or workers go down with each fault."""
    with Host(handlers=["hello", "live_reply"]) as host:
        def faults():
            with host.connect() as conn:
                for target in ("/reply/", "/reply-async/"):
                    for what in ("nothing", "number", "fat-header",
                                 "length?said=1000&bytes=10",
                                 "header?name=X&value=%0A"):
                        conn.get(target + what).problem(500)
        for _ in range(5):
            faults()
        pids = list(host.processes())
        before = sum(memory(pid, "Private_Dirty") for pid in pids)
        for _ in range(100):
            faults()
        assert list(host.processes()) == pids
        grown = sum(memory(pid, "Private_Dirty") for pid in pids) - before
        assert grown < slack(1 << 20), grown


@pytest.mark.parametrize("byte", [0, 1, 127, 255])
@pytest.mark.parametrize("leave", ["", "&leave=1"], ids=["returns", "leaves"])
def test_shared_memory_spoilt_by_a_worker(gate, byte, leave):
    """Breaks when: the front believes what a worker can write."""
    with Host(handlers=["hello", "live_spoil", "live_gate", "live_show"],
              pools={"default": {"workers": 3}}, timeout="2s",
              crashes=True) as host:
        front = host.pid_of("front")
        with host.connect() as other, host.connect() as conn:
            other.send(fcgi.request("GET", gate.path()))
            held = gate.accept()
            conn.send(fcgi.request(
                "GET", "/spoil-shared?byte=%d%s" % (byte, leave)))
            try:
                reply = conn.read_reply()
                if reply.status != 200:
                    reply.problem()
            except (fcgi.Closed, ConnectionError) as error:
                assert getattr(error, "partial", b"") == b""
            host.wait_log("spoiling [1-9]")
            held.tell("go")
            assert other.read_reply().body == b"ok\n", "nobody else's reply"
        for _ in range(20):
            assert host.get("/hello").status == 200
            assert host.get("/where-async").status == 200
        assert host.pid_of("front") == front


def spoil(host, workers, query):
    """What the one that spoils is told is its own affair: once, or not."""
    before = set(host.pids("worker"))
    with host.connect() as conn:
        conn.send(fcgi.request("GET", "/spoil-shared?" + query))
        with contextlib.suppress(fcgi.ProtocolError, fcgi.Closed,
                                 ConnectionError):
            conn.read_reply()
    wait_until(lambda: len(host.pids("worker")) == workers and
               set(host.pids("worker")) != before)


def check_bystander(reply):
    """Its own worker or the queue was spoilt, or it has what it asked for."""
    if reply.status == 200:
        assert reply.body == b"ok\n", "nobody else's reply"
    else:
        assert reply.status in (500, 503, 504), reply.status
        reply.problem()


def fill_house(host, gate, count):
    """Each thread of each worker has one at the same time."""
    with contextlib.ExitStack() as stack:
        conns = [stack.enter_context(host.connect()) for _ in range(count)]
        for conn in conns:
            conn.send(fcgi.request("GET", gate.path()))
        for held in [gate.accept() for _ in conns]:
            held.tell("go")
        for conn in conns:
            assert conn.read_reply().body == b"ok\n"


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("how,threads", [
    ("random", 1), ("random", 4), ("plausible", 1), ("plausible", 4)])
def test_shared_memory_spoilt_again_and_again(gate, how, threads, seed):
    """Breaks when: words that a worker could have written itself, or any
    others, take the front along, cost somebody else his reply, or a slot.
    Small numbers in the worker's own window are like ones in its heap: nobody
    sees them, and what it serves next is its own affair.  So it leaves."""
    workers, rounds = 3, 4
    with Host(handlers=["hello", "live_spoil", "live_gate", "live_show"],
              pools={"default": {"workers": workers, "threads": threads,
                                 "queue_timeout": "500ms"}},
              timeout="1s", kill_grace="200ms", crashes=True) as host:
        front = host.pid_of("front")
        for n in range(rounds):
            with host.connect() as other:
                other.send(fcgi.request("GET", gate.path()))
                held = gate.accept()
                spoil(host, workers, "%s=%d%s" % (
                    how, 100 * seed + n,
                    "&leave=1" * (how == "plausible" or n % 2)))
                with contextlib.suppress(BrokenPipeError):
                    held.tell("go")     # or it ran beside the one that spoilt
                check_bystander(other.read_reply())
            assert host.pid_of("front") == front, "round %d" % n
        wait_until(lambda: all(pool["queued"] == 0
                               for pool in host.status()["pools"]))
        fill_house(host, gate, workers * threads)
        assert host.pid_of("front") == front
        wait_until(lambda: all(route["in_flight"] == 0
                               for route in host.status()["routes"]))


def test_a_sync_handler_that_loops(gate):
    """Breaks when: one endless sync handler stops the service for ever."""
    with Host(handlers=["hello", "live_gate"], timeout="500ms",
              kill_grace="200ms", crashes=True) as host:
        old = host.pid_of("front")
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path("/gate-sync"), extra={
                "REQUEST_ID": "sync-loop"}))
            gate.accept().tell("loop")
            try:
                conn.read_reply().problem()
            except (fcgi.Closed, ConnectionError) as error:
                assert getattr(error, "partial", b"") == b""
        host.wait_log("sync-loop")
        host.wait_replaced("front", old)
        assert host.get("/hello").status == 200
        assert host.get("/hello-async").status == 200
