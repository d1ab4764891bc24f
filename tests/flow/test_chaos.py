"""Processes killed and stopped at any moment, clients of every kind: nothing is
left over.

FH_CHAOS is how many seconds test_chaos lasts (6); with 300 give FH_LONGEST=600
as well.  FH_SEED repeats a run, as far as the machine allows.
"""

import collections
import os
import random
import re
import signal
import threading
import time

import pytest

from lib import chaos, fcgi
from lib.chaos import Chaos
from lib.fcgi import wait_until
from lib.host import Host, descriptors, memory, read_proc, slack

SECONDS = 3
CHAOS = float(os.environ.get("FH_CHAOS", "6"))
SEED = int(os.environ.get("FH_SEED", "0")) or random.SystemRandom().randrange(
    1, 10 ** 6)
CLIENTS = 8
BIG = 300000


class Client(threading.Thread):
    """Asks in every way there is; `faults` is what no client should see."""

    def __init__(self, host, seed):
        super().__init__(daemon=True)
        self.host, self.random = host, random.Random(seed)
        self.replies, self.faults = 0, []

    def run(self):
        end = time.monotonic() + SECONDS
        ways = [self.many, self.upload, self.big, self.slow, self.late,
                self.leave, self.leave_half, self.abort, self.pipeline]
        while time.monotonic() < end and not self.faults:
            way = self.random.choice(ways)
            try:
                with self.host.connect() as conn:
                    way(conn)
            except Exception as error:	# seen by the test
                self.faults.append("%s: %r" % (way.__name__, error))

    def expect(self, reply, *statuses):
        assert reply.status in statuses, reply
        self.replies += 1

    def many(self, conn):
        for _ in range(5):
            self.expect(conn.get("/hello-async"), 200, 500, 503)

    def upload(self, conn):
        body = b"x" * self.random.choice([5, 5000, 100000])
        self.expect(conn.post("/upload", body), 200, 500, 503)

    def big(self, conn):
        """A stream that has begun may be broken off, and is not wrong."""
        try:
            self.expect(conn.get("/reply-async/big?bytes=%d" % BIG), 200,
                        500, 503)
        except fcgi.Closed:
            pass

    def slow(self, conn):
        self.expect(conn.get("/sleep?seconds=%.3f" %
                             (self.random.random() / 10)), 200, 500, 503)

    def late(self, conn):
        self.expect(conn.get("/sleep?seconds=2"), 500, 504, 503)

    def leave(self, conn):
        conn.send(fcgi.request("GET", "/reply-async/big?bytes=3000000"))
        time.sleep(self.random.random() / 50)

    def leave_half(self, conn):
        data = fcgi.request("POST", "/upload", b"y" * 9000)
        conn.send(data[:self.random.randrange(len(data))])

    def abort(self, conn):
        conn.send(fcgi.request("GET", "/sleep?seconds=0.05"))
        time.sleep(self.random.random() / 20)
        conn.send(fcgi.record(fcgi.ABORT))
        conn.read_record()	# the reply, or its end alone

    def pipeline(self, conn):
        conn.send(fcgi.request("GET", "/hello-async") * 3)
        for _ in range(3):
            self.expect(conn.read_reply(), 200, 500, 503)


def is_at_rest(status):
    pool = status["pools"][0]
    return (pool["queued"], pool["busy"], status["front"]["connections"]) == \
        (0, 0, 0) and not any(r["in_flight"] for r in status["routes"]) and \
        all(w["state"] == "ready" for w in status["workers"])


@pytest.mark.threaded
@pytest.mark.parametrize("threads", [1, 4])
def test_workers_killed_under_load(threads):
    """Breaks when: a request hangs, a job, slot or file leaks, or the front
    takes a dead worker's word for another's."""
    with Host(handlers=["hello", "live_reply", "sleep", "upload"],
              pools={"default": {"workers": 3, "threads": threads,
                                 "queue": 50}},
              timeout="700ms", reply_space="16 KiB", body_memory="4 KiB",
              kill_grace="100ms", log_level="error", crashes=True) as host:
        front = host.pid_of("front")
        clients = [Client(host, seed) for seed in range(CLIENTS)]
        dice = random.Random(threads)
        for client in clients:
            client.start()
        while any(client.is_alive() for client in clients):
            time.sleep(0.07)
            workers = host.pids("worker")
            if workers:
                os.kill(dice.choice(workers), signal.SIGKILL)
        assert [fault for one in clients for fault in one.faults] == []
        assert sum(client.replies for client in clients) > 100
        assert host.pid_of("front") == front
        wait_until(lambda: is_at_rest(host.status()), what="rest")
        assert host.get("/hello-async").status == 200


# ------------------------------------------------------- everything at once

def shape(pid):
    """How many descriptors of each kind a process has."""
    return collections.Counter(re.sub(r"\d+", "N", link)
                               for link in descriptors(pid))


def shared_memory(host):
    """How many memfds the processes of a host keep alive."""
    inodes = set()
    for pid in host.processes():
        for line in read_proc(pid, "maps").splitlines():
            if "memfd:" in line:
                inodes.add(line.split()[4])
        for number in os.listdir("/proc/%d/fd" % pid):
            path = "/proc/%d/fd/%s" % (pid, number)
            if "memfd:" in os.readlink(path):
                inodes.add(str(os.stat(path).st_ino))
    return len(inodes)


class Sizes:
    """What must be the same before and after."""

    def __init__(self, host):
        self.supervisor = shape(host.pid)
        self.front = shape(host.pid_of("front"))
        self.zygote = shape(host.pid_of("zygote"))
        self.shared = shared_memory(host)
        self.roles = collections.Counter(host.processes().values())
        self.private = memory(host.pid, "Private_Dirty")

    def check(self, before):
        for name in ("supervisor", "front", "zygote", "shared", "roles"):
            assert getattr(self, name) == getattr(before, name), name
        assert self.private < before.private + slack(4 << 20)


def check_every_slot(host):
    """Each worker of each pool takes what it can take at a time."""
    status = host.status()
    for pool, path in (("default", "/token"), ("batch", "/token-batch")):
        wanted = {worker["pid"] for worker in status["workers"]
                  if worker["pool"] == pool}
        size = chaos.POOLS[pool]
        assert len(wanted) == size["workers"], status
        conns = [host.connect() for _ in range(
            size["workers"] * size["threads"])]
        for number, conn in enumerate(conns):
            conn.send(fcgi.request("GET", "%s?wait=500&t=slot-%s-%d" % (
                path, pool, number)))
        replies = [conn.read_reply() for conn in conns]
        for conn in conns:
            conn.close()
        assert {int(re.search("pid=(\\d+)", reply.text)[1])
                for reply in replies} == wanted


def check_runs(path, outcomes):
    """What was answered was run once, nothing twice, and half a request not
    at all."""
    with open(path) as file:
        runs = collections.Counter(line.rstrip("\n") for line in file)
    assert [token for token, count in runs.items() if count > 1] == []
    for outcome in outcomes:
        if outcome.status in (200, 0):
            assert runs[outcome.token] == (outcome.status == 200), outcome
    return sum(runs.values())


def tell(one, runs, before, after):
    """The figures, for whoever runs it by hand (-s)."""
    counts = collections.Counter(
        "closed, begun" if outcome.begun else
        "closed" if outcome.status is None else
        "never whole" if outcome.status == 0 else outcome.status
        for outcome in one.outcomes())
    print("seed %d, %.0f s: %s" % (SEED, CHAOS, dict(one.journal.counts)))
    print("%d runs of the handler; outcomes: %s" % (runs, dict(counts)))
    print("%d calms, all as before within %.1f s; %d answers in them" % (
        len(one.calms), one.slowest, one.calmly_answered()))
    print("supervisor: %d descriptors, %d KiB private, before %d" % (
        sum(after.supervisor.values()), after.private >> 10,
        before.private >> 10))


def is_idle(status):
    return all((pool["queued"], pool["busy"]) == (0, 0)
               for pool in status["pools"]) and \
        status["front"]["connections"] == 0 and \
        not any(route["in_flight"] for route in status["routes"])


@pytest.mark.threaded
def test_chaos():
    """Breaks when: a death, a stall, a reload or a broken connection, in any
    mixture, loses an answer or runs a request twice, or leaves a process, a
    worker's slot, a descriptor or memory behind."""
    print("FH_SEED=%d" % SEED)
    with Host(start=False, **chaos.options("")) as host:
        runs = host.write("runs", b"")
        os.chmod(runs, 0o666)
        host.change(settings={"live_token": {"runs": runs}})
        host.start()
        one = Chaos(host, SEED)
        one.mend()
        one.wait_settled()
        before = Sizes(host)
        end = time.monotonic() + CHAOS
        with one:
            while time.monotonic() < end and not one.faults():
                one.disturb(min(5.0, end - time.monotonic()))
                one.calm(1.0)
        assert one.faults() == []
        wait_until(lambda: is_idle(host.status()), what="rest")
        one.replace_workers()
        check_every_slot(host)
        wait_until(lambda: is_idle(host.status()), what="rest")
        after = Sizes(host)
        tell(one, check_runs(runs, one.outcomes()), before, after)
        assert one.unexcused() == []
        assert one.calmly_answered() > 50 * len(one.calms)
        after.check(before)
