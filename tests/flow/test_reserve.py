"""`reserve` of a route: workers that the others of its pool do not get."""

import contextlib
import os
import signal
import time

from lib import fcgi
from lib.fcgi import wait_until
from lib.held import Held
from lib.host import Host

KEPT = "/gate-side"	# the route that has workers of its own


class Setting:
    """A host whose KEPT has a reserve, a flood of another route, and both."""

    def __init__(self, gate, workers=3, reserve=1, routes=None, host=Host,
                 **pool):
        self.gate, self.stack = gate, contextlib.ExitStack()
        self.host = host(
            handlers=["live_gate", "live_crash"], crashes=True,
            pools={"default": dict(pool, workers=workers)},
            routes=dict({"GET " + KEPT: {"reserve": reserve}},
                        **(routes or {})))

    def send(self, path="/gate", **extra):
        conn = self.stack.enter_context(self.host.connect())
        conn.send(fcgi.request("GET", self.gate.path(path), extra=extra))
        return conn

    def flood(self, count=20):
        return [self.send() for _ in range(count)]

    def begun(self, count):
        """So many begin, and no more."""
        held = [self.gate.accept() for _ in range(count)]
        self.gate.nobody()
        return held

    def at_once(self):
        """One more of KEPT is answered, whatever the others do."""
        start = time.monotonic()
        conn = self.send(KEPT, REQUEST_ID="kept")
        held = self.gate.accept()
        assert held.id == "kept"
        held.tell("go")
        assert conn.read_reply().status == 200
        return time.monotonic() - start

    def all_answered(self, conns, held, most):
        """Lets one after the other go; never more than `most` run."""
        running = list(held)
        for _ in range(len(conns) - len(running)):
            running.pop(0).tell("go")
            running.append(self.gate.accept())
            assert len(running) <= most
        for one in running:
            one.tell("go")
        for conn in conns:
            assert conn.read_reply().status == 200

    def routes(self):
        return {one["route"]: one for one in self.host.status()["routes"]}

    def __enter__(self):
        self.host.__enter__()
        return self

    def __exit__(self, *why):
        self.stack.close()
        self.host.__exit__(*why)


def test_a_flood_of_others_leaves_its_workers(gate):
    """Breaks when: the others get a worker that is kept, or not each of the
    rest, or one of them is never served."""
    with Setting(gate) as it:
        conns = it.flood()
        held = it.begun(2)
        took = [it.at_once() for _ in range(10)]
        assert it.routes()["GET " + KEPT]["reserve"] == 1
        assert ("GET %s: 1 worker of pool default is kept for it\n" % KEPT
                in it.host.command("status").stdout)
        it.all_answered(conns, held, 2)
        print("in the flood: %.1f ms at most" % (max(took) * 1000))


def test_without_a_reserve_it_waits(gate):
    """Breaks when: the test above would pass whatever `reserve` did."""
    with Setting(gate, reserve=0) as it:
        it.flood()
        held = it.begun(3)
        kept = it.send(KEPT, REQUEST_ID="kept")
        gate.nobody()
        held[0].tell("go")
        assert gate.accept().id != "kept"	# it is not even the next
        del kept


def test_threads_are_kept_as_well(gate):
    """Breaks when: a worker with threads is kept as one place."""
    with Setting(gate, workers=2, threads=3) as it:
        conns = it.flood()
        held = it.begun(3)
        kept = [it.send(KEPT) for _ in range(3)]
        held_kept = it.begun(3)
        for one in held_kept:
            one.tell("go")
        for conn in kept:
            assert conn.read_reply().status == 200
        it.all_answered(conns, held, 3)


def test_it_takes_what_is_free_and_gives_it_back(gate):
    """Breaks when: a route is held to its reserve where others do nothing, or
    starves them in a flood of its own."""
    with Setting(gate) as it:
        kept = [it.send(KEPT, REQUEST_ID="kept") for _ in range(6)]
        wait_until(lambda: it.routes()["GET " + KEPT]["in_flight"] == 6)
        held = it.begun(3)
        other = it.send(REQUEST_ID="other")
        wait_until(lambda: it.routes()["GET /gate"]["in_flight"] == 1)
        kept += [it.send(KEPT, REQUEST_ID="late") for _ in range(3)]
        # Who came before the other one goes before it, who came later not.
        for name in ["kept"] * 3 + ["other"]:
            held.pop(0).tell("go")
            held.append(gate.accept())
            assert held[-1].id == name
        held.pop().tell("go")
        assert other.read_reply().status == 200
        held.append(gate.accept())
        it.all_answered(kept[4:], held, 3)


def test_its_queue_is_its_own(gate):
    """Breaks when: a queue full of others refuses who has a free worker, or
    who could wait for one; or its own queue has no end."""
    with Setting(gate, workers=2, queue=2) as it:
        it.flood(3)
        it.begun(1)
        with it.host.connect() as conn:
            assert conn.get(gate.path()).status == 503
        it.at_once()
        it.send(KEPT)
        it.begun(1)
        for number in range(2):
            it.send(KEPT)
            wait_until(lambda: it.routes()["GET " + KEPT]["in_flight"] ==
                       2 + number)
        with it.host.connect() as conn:
            assert conn.get(gate.path(KEPT)).status == 503


def test_a_dead_worker_gives_its_place_back(gate):
    """Breaks when: a place is lost with the worker that ran a request, or one
    that is kept goes to the others with its successor."""
    with Setting(gate) as it:
        it.flood()
        held = it.begun(2)
        for _ in range(3):
            it.host.kill_process(held.pop(0).pid)
            held += it.begun(1)
            it.at_once()


def test_it_is_kept_among_the_workers_that_are_there(gate):
    """Breaks when: while a dead worker's successor starts, the others get the
    last one; or what waits is forgotten when it has come."""
    with Setting(gate, host=Held) as it:
        it.flood()
        held = it.begun(2)
        it.host.hold("worker")
        it.host.kill_process(held.pop(0).pid)
        it.host.at("worker")
        gate.nobody()
        it.at_once()
        it.host.go("worker")
        it.begun(1)
        it.at_once()


def test_who_leaves_gives_its_place_back(gate):
    """Breaks when: a place stays taken by a request that was withdrawn before
    a worker had begun it, so that those who wait are not served."""
    with Setting(gate) as it:
        workers = it.host.pids("worker")
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        gone = it.flood(2)
        wait_until(lambda: it.routes()["GET /gate"]["in_flight"] == 2)
        stays = it.send()
        wait_until(lambda: it.routes()["GET /gate"]["in_flight"] == 3)
        for conn in gone:
            conn.close()
        wait_until(lambda: it.routes()["GET /gate"]["in_flight"] == 1)
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        gate.accept().tell("go")
        assert stays.read_reply().status == 200


def test_over_a_reload(gate):
    """Breaks when: a new generation does not keep what the new configuration
    says, or counts what still runs in the old one."""
    with Setting(gate) as it:
        old = [it.send(), it.send()]
        held_old = it.begun(2)
        conns = it.flood(2)
        it.host.change(routes={"GET " + KEPT: {"reserve": 2}})
        it.host.reload()
        held = it.begun(1)		# of those that moved
        it.at_once()
        assert it.routes()["GET " + KEPT]["reserve"] == 2
        for one in held_old:
            one.tell("go")
        for conn in old:
            assert conn.read_reply().status == 200
        gate.nobody()
        it.all_answered(conns, held, 1)
        it.host.wait_settled()


def test_a_pool_that_grows(gate):
    """Breaks when: only as many workers come as the others may take."""
    with Setting(gate, workers="dynamic", max_workers=3, min_workers=1,
                 spare_workers=0) as it:
        conns = it.flood(6)
        held = it.begun(2)
        it.at_once()
        it.all_answered(conns, held, 2)


def test_a_sync_route_keeps_nothing(gate):
    """Breaks when: workers stand idle for a route that runs in the front."""
    with Setting(gate, reserve=0, routes={"GET /gate-sync": {
            "reserve": 2}}) as it:
        it.flood(4)
        it.begun(3)
        assert "reserve" not in it.routes()["GET /gate-sync"]


def test_more_than_there_is_is_refused(gate):
    """Breaks when: a pool is left without a worker for everybody, unsaid."""
    with Setting(gate, workers=2) as it:
        for options, code in (({"reserve": 1}, 0), ({"reserve": 2}, 100),
                              ({"reserve": 2, "pool": "default"}, 100)):
            it.host.change(routes={"GET " + KEPT: options})
            done = it.host.command("check")
            assert (done.returncode == 0) == (code == 0), done
            if code:
                assert ('2 workers of pool "default" are kept for its '
                        "routes, which has 2; one at least must be left to "
                        "all") in done.stdout + done.stderr
        it.host.reload(code=None)
        assert it.routes()["GET " + KEPT]["reserve"] == 1
