"""What moves from front to front when there is very much of it, when its
client leaves meanwhile, and when the host stops."""

import random
import threading
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import alive
from lib.load import Load
from lib.versions import VersionHost, ask_versions, check, versions_of

JAM = {"default": {"workers": 1}}


def query(target="/version", **fields):
    return target + "?" + "&".join("%s=%s" % item for item in fields.items())


def gated(**options):
    options.setdefault("pools", JAM)
    return VersionHost(handlers=["live_gate", "live_hooks"], **options)


def wait_queued(host, count):
    wait_until(lambda: host.status()["pools"][0]["queued"] == count,
               what="%d queued requests" % count)


# ------------------------------------------------------------ very much

def test_a_long_queue_moves_again_and_again():
    """Breaks when: of hundreds of requests that wait at each reload one is
    lost, run twice, or kept waiting for ever."""
    with VersionHost(pools=JAM, log_level="info") as host:
        with Load(host.socket, connections=200) as load:
            for number in range(20):
                host.advance(("handler", "nothing")[number % 2])
                assert not load.faults
            assert host.status()["pools"][0]["queued"] > 20
        check(host, load.result, 200)
        host.wait_alone(workers=1)


def test_thousands_of_idle_connections_are_passed():
    """Breaks when: what is on its way between two fronts is limited, and the
    rest is closed or left behind."""
    with VersionHost(connections=4096) as host:
        conns = [host.connect() for _ in range(3000)]
        wait_until(lambda: host.status()["front"]["connections"] == 3000)
        for way in ("handler", "config"):
            host.advance(way)
        host.wait_alone()
        assert host.status()["front"]["connections"] == 3000
        for conn in conns:
            conn.send(fcgi.request("GET", query("/version-sync", id="idle")))
        for conn in conns:
            assert versions_of(conn.read_reply()) == host.version
            conn.close()


def test_reloads_from_all_sides_at_once():
    """Breaks when: reloads that are asked for while one runs are lost, or
    confuse it."""
    with VersionHost(watch=True, log_level="info") as host:
        stop = threading.Event()

        def ask(how):
            while not stop.is_set():
                how()
        askers = [threading.Thread(target=ask, args=(how,)) for how in (
            host.reload, host.reload, lambda: (host.send_signal(1),
                                               time.sleep(0.01)))]
        with Load(host.socket, fresh=4) as load:
            for one in askers:
                one.start()
            try:
                for number in range(30):
                    host.step(("handler", "model", "config")[number % 3])
                    host.wait_served()
            finally:
                stop.set()
                for one in askers:
                    one.join()
        check(host, load.result, 300)
        host.wait_alone()


def test_rollbacks_under_load():
    """Breaks when: going back loses what going forward does not."""
    with VersionHost(log_level="info") as host:
        with Load(host.socket, fresh=4) as load:
            for _ in range(8):
                host.advance("handler")
                host.advance("nothing")
                host.rollback()
                host.rollback(min(host.generations()))
                host.reload()
                host.wait_served()
        check(host, load.result, 200, also=("backwards",))
        host.wait_alone()


# ------------------------------------------- clients that leave meanwhile

class Leaver(threading.Thread):
    """Asks, and does not wait for the answer, or sends a part only."""

    def __init__(self, host, seed):
        super().__init__(daemon=True)
        self.host, self.dice, self.faults = host, random.Random(seed), []
        self.end = threading.Event()

    def run(self):
        ways = [self.leave, self.leave_half, self.abort, self.stay]
        while not self.end.is_set() and not self.faults:
            way = self.dice.choice(ways)
            try:
                with self.host.connect() as conn:
                    way(conn)
            except BaseException as error:	# seen by the test
                self.faults.append("%s: %r" % (way.__name__, error))

    def request(self):
        size = self.dice.choice([0, 10, 5000, 100000])
        target = query(self.dice.choice(["/version", "/version-sync"]),
                       id="leaver", lines=self.dice.choice([1, 50, 3000]),
                       hold=self.dice.choice([0, 0, 0, 30]))
        return fcgi.request("POST" if size else "GET", target, b"l" * size)

    def pause(self):
        self.end.wait(self.dice.random() / 20)

    def leave(self, conn):
        conn.send(self.request())
        self.pause()

    def leave_half(self, conn):
        data = self.request()
        conn.send(data[:self.dice.randrange(1, len(data))])
        self.pause()

    def abort(self, conn):
        conn.send(self.request())
        self.pause()
        conn.send(fcgi.record(fcgi.ABORT))
        while conn.read_record().type != fcgi.END:
            pass

    def stay(self, conn):
        conn.send(self.request())
        versions_of(conn.read_reply())


def is_at_rest(status):
    pool = status["pools"][0]
    return (pool["queued"], pool["busy"], status["front"]["connections"]) == \
        (0, 0, 0) and not any(r["in_flight"] for r in status["routes"])


def test_clients_that_leave_while_they_move():
    """Breaks when: a request whose client has left is counted, or kept, for
    ever once it has moved."""
    with VersionHost(pools={"default": {"workers": 1, "threads": 2}},
                     log_level="error", drain_timeout="2s") as host:
        leavers = [Leaver(host, seed) for seed in range(12)]
        for one in leavers:
            one.start()
        for number in range(30):
            host.step(("handler", "model", "nothing")[number % 3])
            host.reload()
        for one in leavers:
            one.end.set()
        for one in leavers:
            one.join()
        assert [fault for one in leavers for fault in one.faults] == []
        host.wait_alone(workers=1)
        wait_until(lambda: is_at_rest(host.status()), what="rest")
        assert host.look("/version") == host.version
        assert not [path for path in host.files_in_state()
                    if "/spool/" in path]


def test_a_client_that_leaves_after_its_request_has_moved(gate):
    """Breaks when: a request that has moved is run though nobody waits."""
    with gated() as host, host.connect() as first:
        first.send(fcgi.request("GET", gate.path()))
        holders = [gate.accept()]
        second = host.connect()
        second.send(fcgi.request("GET", gate.path()))
        third = host.connect()
        third.send(fcgi.request("POST", query(id="left"), b"x" * 100000))
        wait_queued(host, 2)
        host.advance("handler")
        holders.append(gate.accept())
        wait_queued(host, 1)
        third.close()
        wait_queued(host, 0)
        for conn, holder in zip((first, second), holders):
            holder.tell("go")
            assert conn.read_reply().body == b"ok\n"
        assert ask_versions(first, "/version") == host.version
        assert "left" not in host.ran()
        second.close()
        host.wait_alone(workers=1)


# -------------------------------------------------- what belongs to whom

def test_a_body_in_a_file_outlives_the_front_that_wrote_it(gate):
    """Breaks when: the file of a body goes with the front that read it,
    before a worker of the next generation has."""
    body = bytes(range(256)) * 500
    with gated() as host:
        conns = [host.connect() for _ in range(3)]
        conns[0].send(fcgi.request("GET", gate.path()))
        holders = [gate.accept()]
        conns[1].send(fcgi.request("GET", gate.path()))
        conns[2].send(fcgi.request("POST", query(id="body"), body))
        wait_queued(host, 2)
        old = host.pid_of("front")
        host.advance("handler")
        holders.append(gate.accept())
        holders[0].tell("go")
        assert conns[0].read_reply().body == b"ok\n"
        wait_until(lambda: not alive(old))
        host.wait_alone(workers=1)
        holders[1].tell("go")
        assert conns[1].read_reply().body == b"ok\n"
        assert versions_of(conns[2].read_reply(), body) == host.version
        for conn in conns:
            assert ask_versions(conn) == host.version
            conn.close()
        wait_until(lambda: not [path for path in host.files_in_state()
                                if "/spool/" in path])


def test_half_a_body_over_three_reloads():
    """Breaks when: a request that is being sent waits in its old generation
    and keeps it, or what was read is lost on the way."""
    body = bytes(range(256)) * 1000
    data = fcgi.request("POST", query(id="slowly", lines=9), body)
    with VersionHost() as host, host.connect() as conn:
        for number in range(4):
            part = len(data) // 4 + 1
            conn.send(data[number * part:(number + 1) * part])
            time.sleep(0.05)
            if number < 3:
                host.advance("handler")
        assert versions_of(conn.read_reply(), body) in host.visited
        assert ask_versions(conn) == host.version
        assert host.ran()["slowly"] == 1
        host.wait_alone()


def test_workers_of_an_old_generation_end_in_order():
    """Breaks when: worker_fini() is left out when a generation leaves."""
    with gated(pools={"default": {"workers": 2}}) as host:
        def hooks(word):
            return {tuple(line.split()[-2:]) for line in host.lines
                    if " hook %s " % word in line}
        for _ in range(3):
            host.advance("handler")
        host.wait_alone()
        serving = {str(pid) for pid in host.pids("worker")
                   + host.pids("front")}
        begun = {one for one in hooks("init") if one[0] not in serving}
        assert len(begun) >= 3 * 3	# and the probes
        wait_until(lambda: hooks("fini") >= begun, 5, begun - hooks("fini"))


# ----------------------------------------------------- the host stops

@pytest.mark.parametrize("held", [1, 2])
def test_a_stop_while_generations_leave(gate, held):
    """Breaks when: a stop forgets the generations that are leaving, or cuts
    off what they finish."""
    with gated() as host:
        conns, holders = [], []
        for _ in range(held):
            conns.append(host.connect())
            conns[-1].send(fcgi.request("GET", gate.path()))
            holders.append(gate.accept())
            host.advance("handler")
        threading.Timer(0.3, lambda: [one.tell("go")
                                      for one in holders]).start()
        host.stop()
        for conn in conns:
            assert conn.read_reply().body == b"ok\n"
            conn.expect_closed()
            conn.close()


def test_a_stop_does_not_wait_for_the_deaf(gate):
    """Breaks when: a leaving generation's handler that never returns keeps
    the host after drain_timeout."""
    with gated(drain_timeout="700ms", crashes=True) as host, \
            host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path(deaf=1)))
        gate.accept().tell("stubborn")
        host.advance("handler")
        begin = time.monotonic()
        host.stop()
        assert time.monotonic() - begin < 6
        conn.read_reply().problem(503)


def test_a_stop_in_a_storm_of_reloads():
    """Breaks when: a stop during a reload hangs, or cuts off replies."""
    for number in range(5):
        with VersionHost(log_level="info") as host:
            with Load(host.socket, connections=16) as load:
                for _ in range(3):
                    host.step("handler")
                    host.send_signal(1)
                    time.sleep(number * 0.01)
                host.stop()
                time.sleep(0.1)
            counts = load.result.counts
            assert not any(counts[name] for name in (
                "wrong", "twice", "silent", "backwards")), load.result
