"""A reload under load: nothing is lost, closed, answered twice or mixed.

FH_RELOADS is how many reloads the first test makes (40); with 1000 give
FH_LONGEST=900 as well.
"""

import os
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import alive, descriptors, read_proc
from lib.load import Load
from lib.nginx import free_port
from lib.versions import (WAYS, VersionHost, ask_versions, check, rounds,
                          versions_of)

RELOADS = int(os.environ.get("FH_RELOADS", "40"))


def gated(**options):
    """One worker, which live_gate can hold, and as many as needed beside."""
    pools = {"default": {"workers": 1, "threads": 1}}
    pools["default"].update(options.pop("pool", {}))
    return VersionHost(handlers=["live_gate", "live_reply"], pools=pools,
                       **options)


def send(conn, target, method="GET", body=b"", **keywords):
    conn.send(fcgi.request(method, target, body, **keywords))
    return conn


def query(target="/version", **fields):
    return target + "?" + "&".join("%s=%s" % item for item in fields.items())


def wait_sent(host, count):
    """Until that many requests are queued."""
    wait_until(lambda: host.status()["pools"][0]["queued"] == count,
               what="%d queued requests" % count)


# ------------------------------------------------------------ under load

@pytest.mark.parametrize("listen", ["unix", "tcp"])
def test_reloads_under_load(listen):
    """Breaks when: one of tens of thousands of requests on kept and new
    connections fails, is closed, answered or run twice, or is made from parts
    of several versions, while all is reloaded in all ways."""
    where = "tcp:127.0.0.1:%d" % free_port() if listen == "tcp" else None
    reloads = RELOADS if listen == "unix" else 20
    with VersionHost(pools={"default": {"workers": 2, "threads": 8}},
                     listen=where, watch=True, log_level="info") as host:
        address = where.rpartition(":")[2] if where else host.socket
        with Load(address, fresh=4) as load:
            for number, way, told in rounds(reloads):
                host.advance(way, told)
                assert not load.faults, "in reload %d" % number
        check(host, load.result, 10 * reloads)
        host.wait_alone()
        print(load.result.counts)


def held(host):
    """What a generation that is gone must not leave behind."""
    return {"descriptors": len(descriptors(host.pid)),
            "memory": read_proc(host.pid, "maps").count("memfd:"),
            "models": sum("memfd:" in link and "model" in link
                          for link in descriptors(host.pid))}


def test_generations_that_are_gone_leave_nothing():
    """Breaks when: a reload costs a descriptor, a mapping, a copy of a model
    or a process, or its files are kept for ever."""
    with VersionHost(keep_generations=3) as host:
        def some(count):
            for number in range(count):
                host.advance(WAYS[number % len(WAYS)])
            host.wait_alone()
            return held(host)
        before = some(6)
        wait_until(lambda: some(4) == before, what=before)
        assert host.states() == {"serving": 1}
        kept = os.listdir(os.path.join(host.state, "generations"))
        assert len([name for name in kept if name.isdigit()]) <= 3, kept


# ----------------------------------------------------- kept connections

def test_idle_connections_outlive_reloads():
    """Breaks when: a connection without a request is closed by a reload, or
    stays with an old version."""
    with VersionHost() as host:
        conns = [host.connect() for _ in range(64)]
        for conn in conns:
            assert ask_versions(conn) == (1, 1, 1)
        for way in WAYS + ("handler",):
            host.advance(way)
        for number, conn in enumerate(conns):
            assert ask_versions(conn, query(id="x").partition("?")[0]
                                if number % 2 else "/version-sync"
                                ) == host.version
        host.wait_alone()
        for conn in conns:
            conn.expect_quiet(0)
            assert ask_versions(conn) == host.version
            conn.close()


def test_a_connection_that_has_not_asked_yet_is_passed():
    """Breaks when: a connection that was accepted and never used is lost."""
    with VersionHost() as host:
        conns = [host.connect() for _ in range(20)]
        wait_until(lambda: host.status()["front"]["connections"] == 20)
        host.advance("handler")
        for conn in conns:
            assert ask_versions(conn) == host.version
            conn.close()


def test_more_connections_than_the_new_front_may_have(gate):
    """Breaks when: a connection with a request is refused because the new
    front has accepted others before it came."""
    with gated(connections=8) as host:
        busy = send(host.connect(), gate.path())
        holder = gate.accept()
        old = [send(host.connect(), query(id="old%d" % number))
               for number in range(7)]
        wait_sent(host, 7)
        new = [send(host.connect(), query(id="new%d" % number))
               for number in range(8)]	# in the listen queue
        host.step("config")
        host.reload()
        for conn in old + new:
            assert versions_of(conn.read_reply()) == host.version
        holder.tell("go")
        assert busy.read_reply().body == b"ok\n"
        assert sorted(host.ran().values()) == [1] * 15
        for conn in old + new + [busy]:
            conn.close()


CUTS = {"nothing-but-a-byte": lambda data: 1,
        "in-the-first-header": lambda data: 5,
        "behind-begin": lambda data: 16,
        "in-the-parameters": lambda data: 90,
        "behind-the-parameters": lambda data: data.find(
            fcgi.record(fcgi.PARAMS)) + 8,
        "in-the-body": lambda data: data.find(fcgi.record(fcgi.PARAMS)) + 999,
        "before-the-last-byte": lambda data: len(data) - 1}


@pytest.mark.parametrize("target", ["/version", "/version-sync"])
@pytest.mark.parametrize("size", [2000, 150000])
@pytest.mark.parametrize("cut", CUTS)
def test_a_request_that_is_half_sent(cut, size, target):
    """Breaks when: bytes that the old front has read already are lost, or
    the rest of the request is taken for something else."""
    with VersionHost(body_memory="64 KiB") as host, host.connect() as conn:
        assert ask_versions(conn) == (1, 1, 1)
        body = b"x" * size
        data = fcgi.request("POST", query(target, id="half", lines=30), body)
        at = CUTS[cut](data)
        assert 0 < at < len(data)
        conn.send(data[:at])
        time.sleep(0.05)	# nobody says that it has read a part
        host.advance("handler")
        time.sleep(0.05)
        conn.send(data[at:])
        assert versions_of(conn.read_reply(), body) in host.visited
        assert ask_versions(conn) == host.version
        assert host.ran().get("half") == 1


def test_a_connection_is_passed_after_its_reply(gate):
    """Breaks when: a connection that was busy at the reload is closed after
    its reply, or stays with the old front."""
    with gated() as host, host.connect() as conn:
        send(conn, gate.path())
        busy = gate.accept()
        host.advance("handler")
        busy.tell("go")
        assert conn.read_reply().body == b"ok\n"
        assert ask_versions(conn) == host.version
        assert ask_versions(conn, "/version") == host.version
        host.wait_alone(workers=1)


def test_requests_sent_at_once_over_a_reload(gate):
    """Breaks when: of requests that wait behind another on one connection one
    is lost or answered twice when the connection is passed."""
    with gated() as host, host.connect() as conn:
        send(conn, gate.path())
        busy = gate.accept()
        for number in range(3):
            send(conn, query(id="p%d" % number, lines=500))
        time.sleep(0.05)
        host.advance("handler")
        busy.tell("go")
        assert conn.read_reply().body == b"ok\n"
        for number in range(3):
            reply = conn.read_reply()
            assert versions_of(reply) in host.visited
            assert "id=p%d " % number in reply.text
        conn.expect_quiet()
        assert ask_versions(conn) == host.version
        assert [host.ran()["p%d" % number] for number in range(3)] == [1] * 3


@pytest.mark.parametrize("target", ["/reply/big", "/reply-async/big"])
def test_a_reader_that_is_slow(target):
    """Breaks when: bytes of a reply that the client has not read yet are
    lost, or come twice."""
    size = 5000000
    with gated() as host, host.connect() as conn:
        send(conn, "%s?bytes=%d" % (target, size))
        pieces = conn.stdout()
        got = len(next(pieces))
        host.advance("handler")
        time.sleep(0.1)
        got += sum(len(piece) for piece in pieces)
        assert size < got < size + 1000
        assert ask_versions(conn) == host.version
        host.wait_alone(workers=1)


# ------------------------------------------------- queued requests move

def test_queued_requests_are_run_by_the_new_version(gate):
    """Breaks when: what waits for a busy worker goes on waiting for it, while
    the new one has nothing to do."""
    with gated() as host:
        first = send(host.connect(), gate.path())
        busy = gate.accept()
        bodies = [b"y" * (100000 if number % 3 == 0 else number)
                  for number in range(10)]
        conns = [send(host.connect(), query(id="q%d" % number, lines=50),
                      "POST", body) for number, body in enumerate(bodies)]
        wait_sent(host, 10)
        host.advance("handler")
        for number, conn in enumerate(conns):
            reply = conn.read_reply()
            assert versions_of(reply, bodies[number]) == host.version
            assert "id=q%d " % number in reply.text
        assert alive(busy.pid)
        assert host.states() == {"serving": 1, "leaving": 1}
        for conn in conns:
            assert ask_versions(conn) == host.version
            conn.close()
        busy.tell("go")
        assert first.read_reply().body == b"ok\n"
        first.close()
        assert sorted(host.ran().values()) == [1] * len(host.ran())
        host.wait_alone(workers=1)
        assert not [path for path in host.files_in_state()
                    if "/generations/" not in path]


def test_queued_requests_move_on_and_on(gate):
    """Breaks when: a request that has moved once cannot move again, or loses
    its place."""
    with gated() as host:
        conns = [send(host.connect(), gate.path(), extra={
            "REQUEST_ID": "g%d" % number}) for number in range(4)]
        conns.append(send(host.connect(), query(id="last"), "POST",
                          b"z" * 100000))
        holders = [gate.accept()]
        wait_sent(host, 4)
        for number in range(1, 4):
            host.step("handler")
            host.reload()
            holders.append(gate.accept())
            assert holders[-1].id == "g%d" % number
            wait_sent(host, 4 - number)
        host.advance("config")
        assert versions_of(conns.pop().read_reply(),
                           b"z" * 100000) == host.version
        for conn, holder in zip(conns, holders):
            holder.tell("go")
            assert conn.read_reply().body == b"ok\n"
            assert ask_versions(conn) == host.version
            conn.close()
        assert host.ran()["last"] == 1
        host.wait_alone(workers=1)


def test_waiting_counts_from_the_beginning(gate):
    """Breaks when: a request that has moved may wait queue_timeout anew."""
    with gated(pool={"queue_timeout": "2s"}) as host:
        first = send(host.connect(), gate.path())
        gate.accept()
        late = send(host.connect(), gate.path(), extra={"REQUEST_ID": "one"})
        begin = time.monotonic()
        last = send(host.connect(), query(id="x"), extra={
            "REQUEST_ID": "late"})
        wait_sent(host, 2)
        time.sleep(1)
        host.step("handler")
        host.reload()
        assert gate.accept().id == "one"	# holds the new worker as well
        last.read_reply().problem(503, "late", says="queue|wait")
        assert 1.9 < time.monotonic() - begin < 2.8
        for conn in (first, late, last):
            conn.close()


def test_queued_requests_of_a_route_that_is_gone(gate):
    """Breaks when: a request that waited gets no answer because the new
    version does not know its path."""
    with gated() as host:
        first = send(host.connect(), gate.path())
        busy = gate.accept()
        conn = send(host.connect(), query(id="gone"))
        wait_sent(host, 1)
        os.unlink(os.path.join(host.dropped, "live_version.so"))
        host.reload()
        reply = conn.read_reply()
        if reply.status != 200:
            reply.problem()
            assert reply.status in (404, 503)
        conn.get("/version-sync").problem(404)
        conn.close()
        busy.tell("go")
        assert first.read_reply().status == 200
        first.close()


def test_queued_requests_of_a_route_that_is_sync_now(gate):
    """Breaks when: a moved request is put where its route no longer runs."""
    with gated() as host:
        first = send(host.connect(), gate.path())
        busy = gate.accept()
        conn = send(host.connect(), query(id="sync"))
        wait_sent(host, 1)
        host.change(routes={"GET /version": {"async": False}})
        host.step("config")
        host.reload()
        assert versions_of(conn.read_reply()) == host.version
        busy.tell("go")
        assert first.read_reply().status == 200
        conn.close()
        first.close()


# --------------------------------------------------- what runs, finishes

def test_a_stream_over_a_reload_is_of_the_old_version():
    """Breaks when: a stream is cut, or goes on in another version."""
    with VersionHost() as host, host.connect() as conn:
        send(conn, query(id="stream", lines=60, flush=1, wait=20))
        pieces = conn.stdout()
        text = next(pieces)
        for way in ("handler", "model", "config"):
            host.advance(way)
        assert host.states()["leaving"] >= 1
        text += b"".join(pieces)
        reply = fcgi.Reply(text, conn.err, 0, 0)
        assert versions_of(reply) == (1, 1, 1)
        assert reply.text.count("\n") == 60
        assert ask_versions(conn) == host.version
        host.wait_alone()


def test_a_long_request_keeps_its_model():
    """Breaks when: a model that is replaced goes while it is used."""
    with VersionHost() as host, host.connect() as conn:
        send(conn, query(id="long", lines=2000, hold=700))
        time.sleep(0.1)
        host.advance("model")
        host.advance("model")
        assert versions_of(conn.read_reply()) == (1, 1, 1)
        assert ask_versions(conn, "/version") == (1, 3, 1)
        host.wait_alone()


def test_a_finish_hook_runs_once_over_a_reload(gate):
    """Breaks when: finish() of a request that ended in the old generation is
    left out, or runs in both."""
    with gated() as host, host.connect() as conn:
        send(conn, gate.path(finish=1))
        busy = gate.accept()
        front = host.pid_of("front")
        host.advance("handler")
        busy.tell("go")
        assert conn.read_reply().status == 200
        finish = gate.accept()
        assert (finish.word, finish.pid) == ("finish", front)
        gate.nobody()
        host.wait_alone(workers=1)


def test_a_client_that_leaves_an_old_generation(gate):
    """Breaks when: fh_cancelled stays false once the generation leaves."""
    with gated() as host:
        with host.connect() as conn:
            send(conn, gate.path())
            busy = gate.accept()
            host.advance("handler")
        assert busy.line() == "cancelled"
        host.wait_alone(workers=1)


def test_a_worker_that_dies_in_an_old_generation(gate):
    """Breaks when: a leaving generation no longer answers for its workers."""
    with gated(crashes=True) as host, host.connect() as conn:
        send(conn, gate.path(), extra={"REQUEST_ID": "dies"})
        busy = gate.accept()
        host.advance("handler")
        busy.tell("crash")
        conn.read_reply().problem(500, "dies")
        assert ask_versions(conn) == host.version
        host.wait_alone(workers=1)


# --------------------------------------------------------- drain_timeout

def draining(**options):
    return gated(drain_timeout="700ms", kill_grace="300ms", crashes=True,
                 **options)


def test_after_drain_timeout_a_handler_is_told(gate):
    """Breaks when: fh_cancelled is not set after drain_timeout, or what the
    handler then says is lost."""
    with draining() as host, host.connect() as conn:
        send(conn, gate.path())
        busy = gate.accept()
        host.advance("handler")
        begin = time.monotonic()
        assert busy.line() == "cancelled"
        assert 0.4 < time.monotonic() - begin < 3
        reply = conn.read_reply()
        if reply.status == 503:
            reply.problem(503)
        else:
            assert reply.body == b"cancelled\n"
        assert ask_versions(conn) == host.version
        host.wait_alone(workers=1)


@pytest.mark.parametrize("word", [None, "loop", "stubborn"])
def test_a_deaf_handler_is_ended_after_drain_timeout(gate, word):
    """Breaks when: a handler that never returns keeps its old generation, or
    its client gets no whole 503."""
    with draining() as host, host.connect() as conn:
        send(conn, gate.path(deaf=1), extra={"REQUEST_ID": "deaf"})
        busy = gate.accept()
        if word:
            busy.tell(word)
        old = set(host.processes())
        host.advance("handler")
        begin = time.monotonic()
        conn.read_reply().problem(503, "deaf")
        assert time.monotonic() - begin < 4
        assert ask_versions(conn) == host.version, "the connection is kept"
        host.wait_alone(workers=1, seconds=5)
        assert set(host.processes()) & old == {host.pid}


def test_a_timeout_in_an_old_generation(gate):
    """Breaks when: a leaving front no longer keeps its requests' time."""
    with gated(drain_timeout="20s", timeout="800ms", crashes=True) as host, \
            host.connect() as conn:
        send(conn, gate.path(deaf=1), extra={"REQUEST_ID": "slow"})
        gate.accept().tell("loop")
        host.advance("handler")
        begin = time.monotonic()
        conn.read_reply().problem(504, "slow")
        assert time.monotonic() - begin < 3
        assert ask_versions(conn) == host.version
        host.wait_alone(workers=1, seconds=5)


def test_a_deaf_stream_is_closed_after_drain_timeout(gate):
    """Breaks when: a stream that is cut looks whole, or is never ended."""
    with draining() as host, host.connect() as conn:
        send(conn, gate.path(deaf=1))
        busy = gate.accept()
        busy.tell("part")
        assert busy.line() == "flushed"
        host.advance("handler")
        with pytest.raises((fcgi.Closed, ConnectionError)):
            conn.read_reply()
        host.wait_alone(workers=1, seconds=5)
        assert host.look() == host.version


def test_half_a_request_does_not_keep_a_generation():
    """Breaks when: a client that sends no more keeps its old generation."""
    with VersionHost(drain_timeout="500ms", read_timeout="30s") as host, \
            host.connect() as conn:
        conn.send(fcgi.request("POST", query(id="never"), b"x" * 900)[:-500])
        time.sleep(0.05)
        host.advance("handler")
        host.wait_alone(seconds=8)


def test_a_reader_that_never_reads_does_not_keep_a_generation():
    """Breaks when: a reply that nobody takes keeps its old generation."""
    with gated(drain_timeout="500ms", send_timeout="60s") as host, \
            host.connect() as conn:
        send(conn, "/reply-async/big?bytes=50000000")
        next(conn.stdout())
        host.advance("handler")
        host.wait_alone(workers=1, seconds=8)


def test_several_old_generations_at_once(gate):
    """Breaks when: of generations that leave one after the other one waits
    for another, or passes its connections to one that is gone."""
    with gated() as host:
        conns, holders = [], []
        for _ in range(3):
            conns.append(send(host.connect(), gate.path()))
            holders.append(gate.accept())
            host.advance("handler")
        assert host.states() == {"serving": 1, "leaving": 3}
        assert len({one.pid for one in holders}) == 3
        for number in (1, 0, 2):
            holders[number].tell("go")
            assert conns[number].read_reply().body == b"ok\n"
            assert ask_versions(conns[number]) == host.version
        host.wait_alone(workers=1)
        for conn in conns:
            assert ask_versions(conn) == host.version
            conn.close()
