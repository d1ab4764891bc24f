"""Server-sent events, JSON lines and chunks, and what ends them."""

import os
import select
import signal
import socket
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, slack, stat_of
from lib.sse import Reader, Stream

THREADS = {"default": {"workers": 2, "threads": 20}}


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["live_stream", "events"], pools=THREADS,
              stream_keep_alive="100ms", drain_timeout="30s") as one:
        yield one


def busy(host):
    """Threads that run a request, of the workers that are there."""
    return sum(one["busy"] for one in host.status()["workers"])


def counted(host, path, what):
    """What `status` counts for a route."""
    return [one[what] for one in host.status()["routes"]
            if one["route"] == "GET " + path][0]


def stands_still(host, path):
    """What has been written once no more is, for want of a reader."""
    last = 0
    while True:
        time.sleep(0.2)
        now = counted(host, path, "reply_bytes")
        if now == last and now > 100000:
            return now
        last = now


def ring(host, topic, target="/ring"):
    assert host.get("%s?topic=%s" % (target, topic)).text == "rang"


# ------------------------------------------------------------ on the wire

def test_the_header_of_an_event_stream(host):
    """Breaks when: a browser, a cache or nginx would not take it for one, or
    it is held back until the first event."""
    with Stream(host, "/quiet?retry=1234") as stream:
        assert stream.head.splitlines() == [
            "Status: 200 OK", "Content-Type: text/event-stream",
            "Cache-Control: no-cache", "X-Accel-Buffering: no"]
        assert stream.next().event == "hello"
        assert stream.reader.retry == 1234


def test_lines_names_and_ids(host):
    """Breaks when: a line end of the data, an id or a name ends a field, or
    what is refused is sent in part."""
    with Stream(host, "/odd") as stream:
        got = [(one.id, one.event, one.data) for one in stream.rest()]
    assert got == [
        ("7", "lines", "a\nb\nc\nd\n\n"),
        ("8", "message", ""),
        ("", "message", " two blanks ahead"),
        ("", "data", "data: x\n:not a comment\nid: 5"),
        ("", "message", "3 refused")]
    host.get("/odd")
    host.wait_log("such events are not sent", count=2)	# once a request
    assert host.log().count("such events are not sent") == 2


def test_a_quiet_stream_is_kept_alive(host):
    """Breaks when: no comment comes while a handler waits."""
    with Stream(host, "/quiet") as stream:
        assert stream.next().event == "hello"
        begin = time.monotonic()
        while stream.reader.comments < 3:
            assert stream.reader.feed(next(stream.pieces)) == []
        assert time.monotonic() - begin > 0.2


def test_the_last_id_comes_back(host):
    """Breaks when: Last-Event-ID is lost, or one with a line end is
    believed."""
    for given, wanted in (("41", "41"), ("a b:c", "a b:c"), ("1\n2", ""),
                          ("", ""), ("i" * 1024, "i" * 1024),
                          ("i" * 1025, "")):
        with Stream(host, "/quiet",
                    headers={"Last-Event-ID": given}) as stream:
            assert stream.next().id == wanted


def test_chunks_come_as_they_are_made(host):
    """Breaks when: fh_wait() keeps back what was written before it."""
    with host.connect() as conn:
        conn.send(fcgi.request("GET", "/chunks"))
        pieces = conn.stdout()
        got = b""
        for number in range(3):
            while not got.endswith(b"part %d\n" % number):
                got += next(pieces)
            ring(host, "chunks")
        assert list(pieces) == []
    assert got.startswith(b"Status: 201 Created\r\n"
                          b"Content-Type: text/x-part\r\n")


@pytest.mark.parametrize("target", ["/lines", "/lines-sync"])
def test_json_lines(host, target):
    """Breaks when: a line holds a line end, or the type is not said."""
    reply = host.get(target)
    assert reply.header("content-type") == "application/jsonl"
    assert reply.text.split("\n") == [
        '{"path":"a/b\\nc","tenth":0.1}', '{   "text":    "two words" }',
        "null", '{"two\\nlines":1e+22}', "7", ""]
    # what cannot leave early has a length
    assert (reply.header("content-length") is None) == (target == "/lines")


def test_a_json_line_that_cannot_be(host):
    """Breaks when: half a line is taken for a whole one."""
    detail = host.get("/lines-sync?nan=1").problem(500)["detail"]
    assert "fh_json_number()" in detail
    with host.connect() as conn:
        conn.send(fcgi.request("GET", "/lines?nan=1"))
        with pytest.raises((fcgi.Closed, ConnectionError)):
            conn.read_reply()


def test_a_head_request_gets_the_header_alone(host):
    """Breaks when: a handler goes on for a HEAD that nobody ever ends."""
    reply = host.ask("HEAD", "/quiet")
    assert reply.status == 200 and reply.body == b""
    assert reply.header("content-type") == "text/event-stream"
    wait_until(lambda: busy(host) == 0)
    assert host.ask("HEAD", "/chunks").status == 201


def test_a_sync_route_cannot_stream(host):
    """Breaks when: events from a sync route hold up the front, or the refusal
    does not say what to do."""
    detail = host.get("/quiet-sync").problem(500)["detail"]
    assert ".async = true, .stream = true" in detail
    detail = host.get("/wait-sync").problem(500)["detail"]
    assert "fh_wait()" in detail and ".async = true" in detail


def test_a_stream_tagged_sync_is_refused():
    """Breaks when: the configuration can make a stream run in the front."""
    with Host(handlers=["events", "hello"], expect_ready=False,
              routes={"GET /events": {"async": False}}) as host:
        host.wait_log("is a stream, and a sync route cannot be one")
        host.wait_ready()
        assert host.get("/hello").status == 200
        host.get("/events").problem(404)


# ---------------------------------------------------------------- topics

@pytest.mark.threaded
@pytest.mark.parametrize("by", ["/ring", "/ring-async"])
def test_one_ring_wakes_every_listener(host, by):
    """Breaks when: a listener in another worker is not woken, one is woken
    twice for one ring, or one that listens to something else is."""
    streams = [Stream(host, "/quiet?topic=t%s" % by[1:]) for _ in range(30)]
    other = Stream(host, "/quiet?topic=elsewhere")
    assert len({one.next().data for one in streams}) == 2	# workers
    other.next()
    for _ in range(3):
        ring(host, "t" + by[1:], by)
        assert all(one.next().event == "rang" for one in streams)
    ring(host, "elsewhere")
    assert other.next().event == "rang" and not other.events
    assert not any(one.events for one in streams)
    for one in streams + [other]:
        one.conn.close()


def test_a_ring_before_the_wait_is_heard():
    """Breaks when: what rings between a look and the sleep is lost: the worker
    stands still there while it rings."""
    with Host(handlers=["live_stream"],
              pools={"default": {"workers": 1}}) as host, \
            host.connect() as conn:
        worker = host.pid_of("worker")
        for _ in range(5):
            conn.send(fcgi.request("GET", "/poll?stop=1"))
            wait_until(lambda: stat_of(worker)[0] == "T")
            ring(host, "polled")
            os.kill(worker, signal.SIGCONT)
            assert conn.read_reply().text == "rang"


def test_an_old_generation_is_heard_in_the_new_one(gate):
    """Breaks when: who rings at the end of a long request, begun before a
    reload, is not heard by the streams that came back after it."""
    with Host(handlers=["live_stream", "live_gate"], pools=THREADS,
              drain_timeout="60s") as host, host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        host.reload()
        with Stream(host, "/quiet?topic=gate") as stream:
            assert stream.next().event == "hello"
            held.tell("ring")
            assert stream.next().event == "rang"
        held.tell("go")
        assert conn.read_reply().status == 200


def test_long_polling(host):
    """Breaks when: fh_wait() fixes a reply that has not begun, or takes too
    long for its time."""
    assert host.get("/poll?ms=30").text == "late"
    with host.connect() as conn:
        conn.send(fcgi.request("GET", "/poll"))
        wait_until(lambda: busy(host) == 1)
        conn.expect_quiet(0.2)
        ring(host, "polled")
        reply = conn.read_reply()
    assert reply.text == "rang" and reply.header("content-length") == "4"


def test_the_example_counts(host):
    """Breaks when: the example misses a count, or sends one again to a client
    that has seen it."""
    with Stream(host, "/events") as stream:
        first = int(stream.next().id)
        for count in range(first + 1, first + 4):
            assert host.post("/events").json["count"] == count
            event = stream.next()
            assert event.event == "count" and event.id == str(count)
    host.post("/events")
    with Stream(host, "/events", headers={
            "Last-Event-ID": str(first + 3)}) as stream:
        assert stream.next().id == str(first + 4)
        host.post("/events")
        assert stream.next().id == str(first + 5)


# ------------------------------------------------------------- who leaves

@pytest.mark.threaded
def test_a_client_that_leaves_frees_its_thread_at_once():
    """Breaks when: a handler that waits learns it by its next comment."""
    with Host(handlers=["live_stream"], pools=THREADS) as host:
        streams = [Stream(host, "/quiet") for _ in range(30)]
        wait_until(lambda: busy(host) == 30)
        for one in streams:
            one.conn.close()
        wait_until(lambda: busy(host) == 0, 5)
        assert counted(host, "/quiet", "in_flight") == 0


def test_a_client_that_reads_nothing_bounds_memory(figure):
    """Breaks when: 16 MiB of events for nobody pile up somewhere, or their
    handler is not made to wait."""
    with Host(handlers=["live_stream"], pools={
            "default": {"workers": 1, "threads": 4}},
            send_timeout="30s") as host, host.connect() as conn:
        before = host.pss()
        conn.send(fcgi.request("GET", "/flood?count=16384&bytes=1000"))
        wait_until(lambda: busy(host) == 1)
        last = stands_still(host, "/flood")
        grown = host.pss() - before
        figure("a stream nobody reads: %d KiB written of 16 MiB, "
               "%d KiB more memory" % (last >> 10, grown >> 10))
        assert last < 4 << 20 and grown < slack(6 << 20)
        assert busy(host) == 1
        reader, count = Reader(), 0
        for piece in conn.stdout():	# and now all of it comes
            head, _, body = piece.partition(b"\r\n\r\n")
            count += len(reader.feed(body if head.startswith(b"Status")
                                     else piece))
        assert count == 16384 and reader.whole


def test_a_client_that_reads_nothing_is_given_up(host):
    """Breaks when: send_timeout does not free the thread of a handler that
    waits for room."""
    with Host(handlers=["live_stream"], pools=THREADS,
              send_timeout="300ms") as host, host.connect() as conn:
        conn.send(fcgi.request("GET", "/flood?count=100000&bytes=1000"))
        host.wait_log("reader took nothing for send_timeout")
        wait_until(lambda: busy(host) == 0)


def test_a_client_that_reads_byte_by_byte(host):
    """Breaks when: an event is cut, lost or doubled where the socket takes
    little at a time."""
    with host.connect() as conn:
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        conn.send(fcgi.request("GET", "/flood?count=300&bytes=997"))
        raw = bytearray()
        while len(raw) < 3000:
            raw += conn.sock.recv(1)
        conn.buffer[:0] = raw
        reader, events = Reader(), []
        for piece in conn.stdout():
            head, _, body = piece.partition(b"\r\n\r\n")
            events += reader.feed(body if head.startswith(b"Status")
                                  else piece)
        assert [one.id for one in events] == [str(i) for i in range(300)]
        assert {len(one.data) for one in events} == {997}


def test_a_front_that_stands_still(host):
    """Breaks when: a handler that writes meanwhile is not waited for, or
    loses what it wrote."""
    front = host.pid_of("front")
    with Stream(host, "/flood?count=3000&bytes=1000") as stream:
        assert stream.next().id == "0"
        os.kill(front, signal.SIGSTOP)
        time.sleep(0.2)
        os.kill(front, signal.SIGCONT)
        assert [one.id for one in stream.rest()] == [
            str(i) for i in range(1, 3000)]


def test_a_worker_killed_in_the_middle():
    """Breaks when: a stream that was cut off looks as if it had ended."""
    with Host(handlers=["live_stream"], crashes=True) as host, \
            Stream(host, "/quiet") as stream:
        os.kill(int(stream.next().data), signal.SIGKILL)
        with pytest.raises((fcgi.Closed, ConnectionError)):
            stream.next()


# --------------------------------------------------------- told to end

@pytest.mark.threaded
def test_a_reload_ends_streams_at_once(figure):
    """Breaks when: streams hold the old generation until drain_timeout, end
    without their last words, or lose their connection."""
    with Host(handlers=["live_stream", "events"], pools=THREADS,
              drain_timeout="60s") as host:
        streams = [Stream(host, "/quiet") for _ in range(20)]
        for one in streams:
            one.next()
        begin = time.monotonic()
        host.reload()
        for one in streams:
            assert [(got.event, got.data) for got in one.rest()] == [
                ("bye", "ECANCELED")]
        host.wait_settled(20)
        figure("a reload with 20 streams: the old generation is gone after "
               "%.1f s" % (time.monotonic() - begin))
        for one in streams:	# each comes back on its connection
            with Stream(host, "/events", conn=one.conn) as again:
                assert again.next().event == "count"


def test_a_reload_in_the_middle_of_an_event():
    """Breaks when: what a handler is about to write is cut off when it is told
    to end."""
    with Host(handlers=["live_stream"], pools=THREADS,
              drain_timeout="60s") as host, \
            Stream(host, "/flood?count=1000&bytes=1000000") as stream:
        assert counted(host, "/flood", "reply_bytes") < 1000000
        host.reload()
        events = stream.rest()
        assert events.pop().event == "bye"
        assert {len(one.data) for one in events} == {1000000}
        host.wait_settled()


def test_a_stop_ends_streams():
    """Breaks when: SIGTERM waits for drain_timeout, or cuts a stream off."""
    with Host(handlers=["live_stream"], pools=THREADS,
              drain_timeout="60s") as host:
        streams = [Stream(host, "/quiet") for _ in range(20)]
        for one in streams:
            one.next()
        begin = time.monotonic()
        host.process.send_signal(signal.SIGTERM)
        for one in streams:
            assert [got.event for got in one.rest()] == ["bye"]
            one.conn.expect_closed()
        assert host.process.wait(20) == 0
        assert time.monotonic() - begin < 20


def test_a_stream_that_begins_in_a_stop():
    """Breaks when: a stream that has waited for a worker until the host stops
    is begun and not told, and then waited for."""
    with Host(handlers=["live_stream"], pools={"default": {"workers": 1}},
              drain_timeout="60s", stream_keep_alive="0") as host, \
            Stream(host, "/quiet") as one:
        assert one.next().event == "hello"
        conns = [host.connect() for _ in range(4)]	# in the queue, and
        for conn in conns:				# before it
            conn.send(fcgi.request("GET", "/quiet"))
        wait_until(lambda: host.status()["pools"][0]["queued"] == 4)
        host.process.send_signal(signal.SIGTERM)
        assert [got.event for got in one.rest()] == ["bye"]
        for conn in conns:
            text = conn.read_reply().text
            assert text.endswith("event: bye\ndata: ECANCELED\n\n")
            conn.close()
        assert host.process.wait(20) == 0


def test_a_worker_that_is_sent_sigterm():
    """Breaks when: one thread's streams do not end, and their worker stays."""
    with Host(handlers=["live_stream"], crashes=True, stream_keep_alive="0",
              pools={"default": {"workers": 1, "threads": 8}}) as host:
        streams = [Stream(host, "/quiet") for _ in range(8)]
        worker, = {int(one.next().data) for one in streams}
        os.kill(worker, signal.SIGTERM)
        for one in streams:
            assert [got.data for got in one.rest()] == ["ECANCELED"]
            one.conn.close()
        wait_until(lambda: host.pids("worker") and
                   worker not in host.pids("worker"))


def test_a_stream_that_does_not_listen():
    """Breaks when: one deaf handler keeps the host from its end."""
    with Host(handlers=["live_stream"], pools=THREADS, crashes=True,
              drain_timeout="500ms", kill_grace="200ms") as host, \
            Stream(host, "/deaf") as stream:
        stream.next()
        host.process.send_signal(signal.SIGTERM)
        with pytest.raises((fcgi.Closed, ConnectionError)):
            stream.rest()
        assert host.process.wait(20) == 0


def test_a_timeout_of_its_own_ends_a_stream_well():
    """Breaks when: a stream's time is up and its client sees it cut off, or
    `timeout` outside of sections ends one that has none."""
    with Host(handlers=["live_stream"], pools=THREADS, timeout="200ms",
              deadline="250ms", crashes=True, breaker_failures=1) as host, \
            Stream(host, "/quiet") as endless:
        for how in ("", "?slow=1"):	# it needs a moment for its end
            with Stream(host, "/short" + how) as stream:
                assert [one.event for one in stream.rest()] == ["hello", "bye"]
        assert endless.next().event == "hello"
        endless.conn.expect_quiet(0.3)
        assert counted(host, "/short", "timeouts") == 0


def test_a_worker_that_is_recycled_ends_its_streams():
    """Breaks when: an endless stream keeps a worker that is to be replaced."""
    with Host(handlers=["live_stream", "live_show"], pools={"default": {
            "workers": 1, "threads": 4, "recycle_requests": 6,
            "recycle_jitter": 0}}) as host:
        first = host.pid_of("worker")
        with Stream(host, "/quiet") as stream:
            assert int(stream.next().data) == first
            for _ in range(6):
                host.get("/where-async")
            assert [one.data for one in stream.rest()] == ["ECANCELED"]
        wait_until(lambda: host.pids("worker") and
                   first not in host.pids("worker"))
        with Stream(host, "/quiet") as stream:
            assert int(stream.next().data) != first


@pytest.mark.threaded
def test_streams_that_come_while_workers_go(figure):
    """Breaks when: a stream begins in a worker that has just been told to
    leave, and is not told itself: that worker would never go."""
    ended, pids = 0, set()

    def begun(conn=None):
        stream = Stream(host, "/quiet", conn=conn)
        pids.add(stream.next().data)
        return stream
    with Host(handlers=["live_stream"], log_level="info", pools={"default": {
            "workers": 2, "threads": 16, "recycle_requests": 3,
            "recycle_jitter": 0}}) as host:
        streams = [begun() for _ in range(8)]
        begin = time.monotonic()
        while ended < 40 and time.monotonic() - begin < 30:
            host.get("/poll?ms=1")
            for number, one in enumerate(streams):
                if not select.select([one.conn.sock], [], [], 0)[0]:
                    continue
                assert [got.event for got in one.rest()] == ["bye"]
                streams[number] = begun(one.conn)
                ended += 1
        figure("streams while workers are replaced: %d ended by %d workers "
               "in %.1f s" % (ended, len(pids), time.monotonic() - begin))
        assert ended >= 40
        for one in streams:
            one.conn.close()
        wait_until(lambda: len(host.pids("worker")) == 2, 20)


def test_a_front_that_dies_leaves_no_stream_behind():
    """Breaks when: workers of a front that is gone wait on for it."""
    with Host(handlers=["live_stream"], pools=THREADS, crashes=True,
              kill_grace="5s") as host, Stream(host, "/quiet") as stream:
        worker = int(stream.next().data)
        os.kill(host.pid_of("front"), signal.SIGKILL)
        with pytest.raises((fcgi.Closed, ConnectionError)):
            stream.next()
        begin = time.monotonic()
        wait_until(lambda: worker not in host.pids("worker"))
        assert time.monotonic() - begin < 4	# of its own accord
        host.get("/ring").text
