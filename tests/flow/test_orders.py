"""What an operator may do to a running host: end a request, replace a worker,
take a route out of service."""

import os
import signal
import subprocess
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, alive
from lib.jobs import accept

ENDED = "An operator has ended this request."


def gated(workers=1, **keywords):
    return Host(handlers=["live_gate", "hello"], pools={
        "default": {"workers": workers, "queue_timeout": "60s"}},
        kill_grace="200ms", **keywords)


def begin(host, gate, request_id, **query):
    """A request that waits or runs, by its id."""
    conn = host.connect()
    conn.send(fcgi.request("GET", gate.path(**query), extra={
        "REQUEST_ID": request_id}))
    return conn


def running(host):
    return host.status()["running"]


def route(host, label="GET /gate"):
    return {one["route"]: one for one in host.status()["routes"]}[label]


def refused(done, *texts):
    assert done.returncode != 0 and done.stdout == "", done
    assert all(text in done.stderr for text in texts), done.stderr


def did(done, *texts):
    assert (done.returncode, done.stderr) == (0, ""), done
    assert all(text in done.stdout for text in texts), done.stdout


# ----------------------------------------------------------------- running

def test_status_lists_what_runs(gate):
    """Breaks when: a request that runs is not listed, one that waits or has
    ended is, or with the wrong route, worker, process or age."""
    with gated(2) as host:
        assert running(host) == {"count": 0, "oldest": []}
        first = begin(host, gate, "first")
        one = gate.accept()
        second, sync = begin(host, gate, "second"), begin(
            host, gate, "sync", route="/gate-sync")
        held = {each.id: each for each in (gate.accept(), gate.accept())}
        found = wait_until(lambda: running(host)["count"] == 3
                           and running(host))["oldest"]
        ages = [each["run_ms"] for each in found]
        assert ages == sorted(ages, reverse=True) and ages[-1] >= 0
        found.sort(key=lambda each: each["id"])
        assert [each["id"] for each in found] == ["first", "second", "sync"]
        assert [each["sync"] for each in found] == [False, False, True]
        assert [each["route"] for each in found] == [
            "GET /gate", "GET /gate", "GET /gate-sync"]
        assert [each["pid"] for each in found] == [
            one.pid, held["second"].pid, host.pid_of("front")]
        workers = {each["pid"]: each["slot"]
                   for each in host.status()["workers"]}
        assert [each["worker"] for each in found] == [
            workers[one.pid], workers[held["second"].pid], None]
        assert all(each["generation"] == 1 for each in found)
        assert "first" in host.command("status").stdout
        for each in (one, *held.values()):
            each.tell("go")
        for conn in (first, second, sync):
            assert conn.read_reply().status == 200
            conn.close()
        wait_until(lambda: running(host)["count"] == 0)


def test_as_many_as_are_listed_and_no_more(gate):
    """Breaks when: the list grows with what runs, or its count is of the
    list."""
    with Host(handlers=["live_gate"], pools={
            "default": {"workers": 2, "threads": 30}}) as host:
        conns = [begin(host, gate, "r%d" % i) for i in range(60)]
        held = [gate.accept() for _ in range(60)]
        found = running(host)
        assert (found["count"], len(found["oldest"])) == (60, 50)
        ages = [each["run_ms"] for each in found["oldest"]]
        assert ages == sorted(ages, reverse=True)
        assert "and 10 more" in host.command("status").stdout
        for each in held:
            each.tell("go")
        for conn in conns:
            assert conn.read_reply().status == 200
            conn.close()


# -------------------------------------------------------------------- kill

def test_who_heeds_it_keeps_his_worker(gate):
    """Breaks when: the client of a request that is ended waits on, is answered
    twice or is told a time-out; its worker is ended although it heeds the
    word; or the route's breaker counts it."""
    with gated(breaker_failures=1) as host:
        conn = begin(host, gate, "mine")
        held = gate.accept()
        did(host.command("kill", "mine"), "it is ended")
        reply = conn.read_reply()
        reply.problem(503, says=ENDED, retry=False)
        assert reply.header("Retry-After") is None
        conn.expect_quiet()
        assert held.line() == "cancelled"
        wait_until(lambda: running(host)["count"] == 0)
        conn.send(fcgi.request("GET", gate.path()))
        again = gate.accept()
        assert again.pid == held.pid
        again.tell("go")
        assert conn.read_reply().status == 200
        conn.close()
        found = route(host)
        assert (found["refused"]["killed"], found["timeouts"],
                found["crashes"], found["breaker"]) == (1, 0, 0, "closed")
        refused(host.command("kill", "mine"), "nothing of that name")


def test_who_does_not_is_ended_with_his_worker(gate):
    """Breaks when: a handler that goes on keeps its worker for ever; the
    client is answered a second time when that is ended; or a second word
    begins it anew."""
    with gated(routes={"GET /gate": {"timeout": "60s"}}) as host:
        conn = begin(host, gate, "deaf", deaf=1)
        held = gate.accept()
        did(host.command("kill", "deaf"))
        conn.read_reply().problem(503, says=ENDED, retry=False)
        refused(host.command("kill", "deaf"), "being ended already")
        host.wait_log("does not end req=deaf")
        wait_until(lambda: not alive(held.pid))
        conn.expect_quiet()
        conn.send(fcgi.request("GET", gate.path()))
        gate.accept().tell("go")
        assert conn.read_reply().status == 200
        conn.close()


def test_what_has_not_begun_never_does(gate):
    """Breaks when: one that waits in the queue cannot be ended, or a worker
    takes it all the same."""
    with gated() as host:
        first = begin(host, gate, "first")
        held = gate.accept()
        waiting = [begin(host, gate, "w%d" % i) for i in range(6)]
        wait_until(lambda: route(host)["in_flight"] == 7)
        for i, conn in enumerate(waiting):
            did(host.command("kill", "w%d" % i))
            conn.read_reply().problem(503, says=ENDED, retry=False)
            conn.close()
        held.tell("go")
        assert first.read_reply().status == 200
        first.close()
        gate.nobody()
        assert route(host)["refused"]["killed"] == 6


def test_one_that_waits_for_an_equal_one(gate):
    """Breaks when: one that waits for the reply to an equal request cannot be
    ended alone, or ending the one that runs ends or strands those that
    wait."""
    with gated(routes={"GET /gate": {"cache": "60s"}}) as host:
        conns = {name: begin(host, gate, name)
                 for name in ("first", "second", "third")}
        held = gate.accept()
        names = sorted(conns, key=lambda name: name != held.id)
        wait_until(lambda: host.command("kill", names[1]).returncode == 0)
        conns[names[1]].read_reply().problem(503, says=ENDED, retry=False)
        did(host.command("kill", names[0]))
        conns[names[0]].read_reply().problem(503, says=ENDED, retry=False)
        again = gate.accept()
        assert again.id == names[2]
        again.tell("go")
        assert conns[names[2]].read_reply().status == 200
        for conn in conns.values():
            conn.close()


def test_a_reply_and_an_order_at_once(gate):
    """Breaks when: a request whose reply and whose end reach the front in one
    turn is answered twice or never, or the order is said to have done what it
    has not; forced by a front that stands still meanwhile."""
    with gated() as host, host.connect() as conn:
        front = host.pid_of("front")
        for number in range(4):
            conn.send(fcgi.request("GET", gate.path(), extra={
                "REQUEST_ID": "n%d" % number}))
            held = gate.accept()
            os.kill(front, signal.SIGSTOP)
            held.tell("go")
            wait_until(lambda: running(host)["count"] == 0)
            order = subprocess.Popen(
                [host.binary, "kill", "-c", host.file, "n%d" % number],
                env=host.env(), stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            time.sleep(0.05)	# it is in the link, or nearly so
            os.kill(front, signal.SIGCONT)
            reply = conn.read_reply()
            assert (order.wait(10) == 0) == (reply.status == 503), reply
            assert reply.status in (200, 503)
            conn.expect_quiet(0.05)


def test_one_of_an_older_generation(gate):
    """Breaks when: what keeps an old generation from leaving cannot be
    ended."""
    with gated() as host:
        conn = begin(host, gate, "old")
        held = gate.accept()
        host.reload()
        assert running(host)["oldest"][0]["generation"] == 1
        did(host.command("kill", "old"))
        conn.read_reply().problem(503, says=ENDED, retry=False)
        assert held.line() == "cancelled"
        conn.close()


def test_the_run_of_a_job(gate):
    """Breaks when: a job whose run is ended is lost, or runs again at once as
    if it had not been begun."""
    with Host(handlers=["live_job"], jobs_retry="300ms") as host:
        job = accept(host, gate.path("/job"))
        gate.accept()
        found = running(host)["oldest"][0]
        begun = time.monotonic()
        did(host.command("kill", found["id"]))
        again = gate.accept()
        assert again.id == "%s 2" % job.id
        assert time.monotonic() - begun > 0.1
        again.tell("go")
        assert job.wait()["attempts"] == 2


def test_half_a_reply_is_broken_off(gate):
    """Breaks when: what has left of a reply is taken for the whole, or a
    second header follows."""
    with gated() as host:
        conn = begin(host, gate, "half", deaf=1)
        held = gate.accept()
        held.tell("part")
        assert held.line() == "flushed"
        conn.fill()	# a part of it has left
        did(host.command("kill", "half"))
        with pytest.raises(fcgi.Closed):
            conn.read_reply()
        conn.close()


def test_one_whose_client_has_left_can_be_ended(gate):
    """Breaks when: a handler that runs on for nobody cannot be ended."""
    with gated(routes={"GET /gate": {"timeout": "60s"}}) as host:
        conn = begin(host, gate, "left", deaf=1)
        held = gate.accept()
        conn.close()
        wait_until(lambda: route(host)["in_flight"] == 0)
        did(host.command("kill", "left"))
        wait_until(lambda: not alive(held.pid))


def test_a_sync_handler_cannot_be_ended(gate):
    """Breaks when: the word is taken for done, or waits for ever; or what is
    ordered while the front is busy is not done afterwards."""
    with gated() as host:
        waits = begin(host, gate, "waits")
        other = gate.accept()
        conn = begin(host, gate, "sync", route="/gate-sync")
        held = gate.accept()
        refused(host.command("kill", "sync"), "sync", "cannot be ended")
        refused(host.command("kill", "waits"), "did not answer within 3 s")
        held.tell("go")
        assert conn.read_reply().status == 200
        waits.read_reply().problem(503, says=ENDED, retry=False)
        assert other.line() == "cancelled"
        for each in (conn, waits):
            each.close()


# ----------------------------------------------------------------- recycle

def test_a_worker_is_replaced(gate):
    """Breaks when: its request is lost or its successor does not come; with a
    slot to spare, it leaves before that is ready."""
    for pool in ({"workers": 1},
                 {"workers": 1, "recycle_requests": 100000},
                 {"workers": "ondemand", "max_workers": 2,
                  "idle_timeout": "10s"}):
        spare = len(pool) > 1
        with Host(handlers=["live_gate"], pools={"default": pool}) as host:
            conn = begin(host, gate, "mine")
            held = gate.accept()
            done = host.command("recycle", "0")
            did(done, "leaves when its successor" if spare else
                "ends what it runs")
            refused(host.command("recycle", "0"), "being replaced already")
            held.tell("go")
            assert conn.read_reply().status == 200
            host.wait_replaced("worker", held.pid)
            conn.send(fcgi.request("GET", gate.path()))
            again = gate.accept()
            assert again.pid != held.pid
            again.tell("go")
            assert conn.read_reply().status == 200
            conn.close()
            assert host.status()["pools"][0]["recycled"]["asked"] == 1
            refused(host.command("recycle", "77"), "no worker 77")
            refused(host.command("recycle", "x"), "not a number")


# ----------------------------------------------------------------- breaker

def test_a_route_is_out_of_service_until_it_is_put_back():
    """Breaks when: it is tried again by itself, is open again after a reload
    or for a new front, or another route is closed with it."""
    with Host(handlers=["hello"], breaker_pause="50ms") as host:
        did(host.command("breaker", "open", "GET /hello"), "out of service")
        for change in (lambda: None, host.reload,
                       lambda: host.kill_role("front")):
            change()
            reply = wait_until(lambda: host.get("/hello"))
            reply.problem(503, says="An operator has taken")
            assert reply.header("Retry-After") == "60"
            assert host.get("/hello-async").status == 200
            assert route(host, "GET /hello")["breaker"] == "held"
        assert "GET /hello: its breaker is held: an operator" in \
            host.command("status").stdout
        did(host.command("breaker", "close", "GET /hello"), "in service")
        assert host.get("/hello").status == 200
        assert route(host, "GET /hello")["breaker"] == "closed"
        refused(host.command("breaker", "open", "GET /no"), "no route")
        refused(host.command("breaker", "close", "GET /no"), "no route")


def test_what_is_asked_wrongly_is_said():
    """Breaks when: a word that is none changes something, or crashes the
    supervisor."""
    with Host(handlers=["hello"]) as host:
        for words in (["kill", ""], ["kill", "x" * 500], ["kill", "a\nb"],
                      ["breaker", "half", "GET /hello"], ["recycle", ""],
                      ["breaker", "open", "y" * 300], ["kill"]):
            assert host.command(*words).returncode == 100, words
        refused(host.command("kill", "x" * 100), "such a long id")
        refused(host.command("kill", "nobody"), "nothing of that name")
        assert host.get("/hello").status == 200
