"""Clients of every kind, and somebody who breaks the host under them.

	with Host(**chaos.OPTIONS) as host, Chaos(host, seed) as chaos:
		chaos.disturb(5)	# seconds
		chaos.calm(1)		# now nothing may fail

Each request has a token that the handler (the fixture live_token) notes before
it does anything else, and answers with.  What a client got that is not that
answer must be excused by something that was done to the host just then, and
in a calm nothing excuses it.
"""

import bisect
import collections
import os
import random
import re
import signal
import threading
import time

from . import fcgi
from .fcgi import wait_until
from .host import below, shared_object

CLIENTS = 10
POOLS = {"default": {"workers": 3, "threads": 4, "queue": 100},
         "batch": {"workers": 2, "threads": 1, "queue": 50}}
WORKERS = 5
EXCUSED = 5.0		# seconds that the consequences of a fault may last,
CLOSED = 1.0		# and within which they close a connection
SETTLED = 40.0		# seconds until all is as it was: deaths are held back
TIMEOUT = 1.5		# of a handler

# What may excuse a request that had no answer of its own.
NOBODY, WORKER, FRONT = 0, 1, 2


def options(runs):
    return {
        "handlers": ["live_token"], "pools": POOLS, "crashes": True,
        "settings": {"live_token": {"runs": runs}},
        "timeout": "%dms" % (TIMEOUT * 1000), "kill_grace": "200ms",
        "drain_timeout": "3s", "watch_delay": "50ms", "log_level": "info",
        "reply_space": "16 KiB", "body_memory": "16 KiB",
    }


class Journal:
    """What was done to the host, and when.  Written before it is done."""

    def __init__(self):
        self.entries, self.counts = [], collections.Counter()
        self.lock = threading.Lock()

    def add(self, what, harms):
        with self.lock:
            self.counts[what] += 1
            self.entries.append((time.monotonic(), harms, what))

    def excuses(self, harms, since, until):
        first = bisect.bisect(self.entries, (since,))
        last = bisect.bisect(self.entries, (until,))
        return any(harm in harms for _, harm, _ in self.entries[first:last])


class Outcome:
    """What became of a request.  `status` is None for a connection that was
    closed, and 0 for a request that was never complete."""

    def __init__(self, token, status, since, until, begun=False):
        self.token, self.status, self.begun = token, status, begun
        self.since, self.until = since, until

    def __repr__(self):
        return "%s: %s%s, %.3f to %.3f" % (
            self.token, self.status, " (begun)" * self.begun, self.since,
            self.until)


class Client(threading.Thread):
    """Asks in one way after the other, on a kept connection or a new one."""

    HARMLESS = ("plain", "plain", "upload", "stream", "pipeline", "leave",
                "leave_half", "abort")

    def __init__(self, chaos, name):
        super().__init__(daemon=True)
        self.chaos, self.label = chaos, name
        self.dice = random.Random("%s %s" % (chaos.seed, name))
        self.outcomes, self.faults, self.rounds, self.number = [], [], 0, 0
        self.conn, self.used = None, 0.0

    def run(self):
        while not self.chaos.ended.is_set():
            harmless = self.chaos.quiet.is_set() or self.dice.random() > 0.006
            way = self.dice.choice(self.HARMLESS if harmless else
                                   ("crash", "crash", "crash", "late"))
            try:
                getattr(self, way)()
            except Exception as error:	# for the test to see
                self.faults.append("%s %s: %r" % (
                    way, self.label + str(self.number), error))
                self.drop()
            self.rounds += 1
        self.drop()

    # ------------------------------------------------ connections

    def drop(self):
        if self.conn is not None:
            self.conn.close()
        self.conn = None

    def connect(self):
        if self.conn is None or self.dice.random() < 0.3:
            self.drop()
            self.conn = self.chaos.host.connect(20)
            self.used = time.monotonic()
        return self.conn

    # ------------------------------------------------ one request

    def token(self):
        self.number += 1
        return "%s%06d" % (self.label, self.number)

    def build(self, token, path, body=b"", **query):
        target = path + "?t=" + token + "".join(
            "&%s=%d" % item for item in query.items())
        return fcgi.request("POST" if body else "GET", target, body,
                            extra={"REQUEST_ID": token},
                            chunk=self.dice.choice([65535, 1000]))

    def check(self, token, reply, body, lines):
        """An answer is the token's own, or a problem that names it."""
        if reply.status != 200:
            assert reply.status in (500, 503, 504), reply
            reply.problem(request_id=token)
            return
        total = 0
        for byte in body:
            total = (total * 31 + byte) % 2 ** 32
        wanted = "t=%s pid=%%s body=%d sum=%d\n" % (token, len(body), total)
        found = re.match(r"t=\S+ pid=(\d+) ", reply.text)
        assert found and reply.text == wanted % found[1] * lines, reply

    def read(self, token, body, lines):
        conn, status, begun = self.conn, None, False
        before = len(conn.records)
        try:
            reply = conn.read_reply()
            self.check(token, reply, body, lines)
            status = reply.status
        except ConnectionError:
            begun = len(conn.records) > before or bool(conn.buffer)
            self.drop()
        del conn.records[:]
        self.note(token, status, begun)
        return status

    def note(self, token, status, begun=False):
        """A kept connection may have been closed since it was used last."""
        now = time.monotonic()
        self.outcomes.append(Outcome(token, status, self.used, now, begun))
        self.used = now

    def one(self, path, body=b"", lines=1, **query):
        token = self.token()
        conn = self.connect()
        try:
            conn.send(self.build(token, path, body, lines=lines, **query))
        except ConnectionError:		# what was answered is there to read
            pass
        return self.read(token, body, lines)

    # ------------------------------------------------ ways

    def path(self):
        return self.dice.choice(["/token", "/token", "/token-batch",
                                 "/token-sync"])

    def plain(self):
        path = self.path()
        self.one(path, wait=0 if path == "/token-sync" else
                 self.dice.randrange(20))

    def upload(self):
        self.one(self.path(), b"\xa5z" * self.dice.choice([3, 3000, 60000]))

    def stream(self):
        self.one("/token-stream", lines=4, wait=self.dice.randrange(8))

    def pipeline(self):
        tokens = [self.token() for _ in range(3)]
        conn = self.connect()
        try:
            conn.send(b"".join(self.build(token, self.path())
                               for token in tokens))
        except ConnectionError:
            pass
        for token in tokens:
            if self.conn is None:
                self.note(token, None)
            else:
                self.read(token, b"", 1)

    def send_and_drop(self, data):
        self.drop()
        try:
            self.connect().send(data)
        except ConnectionError:
            pass
        time.sleep(self.dice.random() / 100)
        self.drop()

    def leave(self):
        """It may be run; nobody knows."""
        self.send_and_drop(self.build(self.token(), "/token-stream", lines=4,
                                      wait=5))

    def leave_half(self):
        """At least one byte of the body does not come: it must not be run."""
        token = self.token()
        data = self.build(token, self.path(), b"half" * 2000)
        self.send_and_drop(data[:self.dice.randrange(len(data) - 8)])
        self.note(token, 0)

    def abort(self):
        token = self.token()
        self.drop()
        conn = self.connect()
        try:
            conn.send(self.build(token, "/token", wait=20))
            time.sleep(self.dice.random() / 50)
            conn.send(fcgi.record(fcgi.ABORT))
            conn.read_reply()
        except ConnectionError:
            self.note(token, None)
        self.drop()

    def crash(self):
        path = self.path()
        how = self.dice.choice([signal.SIGSEGV, signal.SIGABRT, 0])
        self.chaos.journal.add("crash " + path,
                               FRONT if path == "/token-sync" else WORKER)
        assert self.one(path, crash=how) != 200

    def late(self):
        """A 504; or a 200 before, when the worker was told to leave: that ends
        the handler's sleep."""
        self.chaos.journal.add("late", WORKER)
        self.one("/token", wait=int(TIMEOUT * 3000))


class Chaos:
    """The clients, and what is done to the host."""

    def __init__(self, host, seed):
        self.host, self.seed, self.dice = host, seed, random.Random(seed)
        self.journal = Journal()
        self.quiet, self.ended = threading.Event(), threading.Event()
        self.clients = [Client(self, "c%d-" % n) for n in range(CLIENTS)]
        self.calms, self.slowest, self.versions = [], 0.0, 0
        with open(shared_object("live_token"), "rb") as file:
            self.good = file.read()

    def __enter__(self):
        for client in self.clients:
            client.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for client in self.clients:
            client.join(30)

    # ------------------------------------------------ what is done

    def find(self, *roles):
        found = [pid for pid, role in below(self.host.pid).items()
                 if role in roles]
        return self.dice.choice(sorted(found)) if found else None

    def kill(self, role, harms):
        pid = self.find(role)
        if pid:
            self.journal.add("kill " + role, harms)
            self.host.kill_process(pid)

    def kill_worker(self):
        self.kill("worker", WORKER)

    def kill_front(self):
        self.kill("front", FRONT)

    def kill_zygote(self):
        self.kill("zygote", FRONT)

    def kill_helper(self):
        """Whoever is there for a moment only; one is made to come."""
        self.next_handler()
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            pid = self.find("witness", "stage", "probe")
            if pid:
                self.journal.add("kill a helper", NOBODY)
                self.host.kill_process(pid)
                return

    def stall(self, role, harms, seconds):
        pid = self.find(role)
        if pid is None:
            return
        self.journal.add("stall " + role, harms)
        self.host.kill_process(pid, signal.SIGSTOP)
        time.sleep(seconds)
        self.host.kill_process(pid, signal.SIGCONT)

    def stall_worker(self):
        self.stall("worker", WORKER, self.dice.choice([0.05, 0.3, 2.0]))

    def stall_front(self):
        self.stall("front", FRONT, self.dice.choice([0.05, 0.3]))

    def next_handler(self):
        """The same code in a file of other bytes: a new generation."""
        self.versions += 1
        self.journal.add("replace a handler", NOBODY)
        self.host.put("live_token.so", self.good + b"%d" % self.versions)

    def drop_in(self):
        self.journal.add("drop a handler in", NOBODY)
        self.host.drop("hello")

    def take_away(self):
        if os.path.exists(self.host.in_dropped("hello.so")):
            self.journal.add("take a handler away", NOBODY)
            self.host.remove("hello.so")

    def drop_bad(self):
        self.journal.add("drop a bad file in", NOBODY)
        self.host.put("bad.so", self.good[:self.dice.randrange(
            len(self.good))])

    def drop_slowly(self):
        """Written in place, half first."""
        self.journal.add("write a handler in place", NOBODY)
        with open(self.host.in_dropped("hello.so"), "wb") as file:
            with open(shared_object("hello"), "rb") as source:
                data = source.read()
            file.write(data[:3000])
            file.flush()
            time.sleep(self.dice.random() / 10)
            file.write(data[3000:])

    def reload(self):
        self.journal.add("reload", NOBODY)
        self.host.reload(code=None)

    def change(self):
        self.journal.add("change the configuration", NOBODY)
        settings = {"live_token": dict(
            self.host.written["settings"]["live_token"],
            change=self.journal.counts["change the configuration"])}
        self.host.change(settings=settings)
        self.host.send_signal(signal.SIGHUP)

    def rollback(self):
        self.journal.add("rollback", NOBODY)
        self.host.reload("rollback", code=None)

    def disturb(self, seconds):
        often = [self.kill_worker] * 4 + [self.stall_worker] * 2
        ways = often * 2 + [
            self.kill_front, self.stall_front, self.kill_zygote,
            self.kill_helper, self.next_handler, self.drop_in,
            self.take_away, self.drop_bad, self.drop_slowly, self.reload,
            self.change, self.rollback]
        end = time.monotonic() + seconds
        self.quiet.clear()
        while time.monotonic() < end:
            self.dice.choice(ways)()
            time.sleep(self.dice.random() / 5)

    # ------------------------------------------------ rest

    def mend(self):
        """All files good again, and taken over."""
        for name in ("bad.so", "hello.so"):
            if os.path.exists(self.host.in_dropped(name)):
                self.host.remove(name)
        self.next_handler()
        self.host.reload(code=None)

    def is_settled(self):
        status = self.host.status()
        return (status["state"] == "serving"
                and status["reloads"]["running"] is None
                and len(status["generations"]) == 1
                and len(status["workers"]) == WORKERS
                and all(worker["state"] == "ready"
                        for worker in status["workers"]))

    def wait_settled(self):
        wait_until(self.is_settled, SETTLED, "a host as it was", 0.1)

    def replace_workers(self):
        """Each of them dies once more, and nobody else."""
        for pid, role in below(self.host.pid).items():
            if role == "worker":
                self.host.kill_process(pid)
                wait_until(lambda: pid not in below(self.host.pid))
        self.wait_settled()

    def calm(self, seconds):
        """Until what was begun is over: each slot has a worker again, by itself
        and then in a new generation.  Then nothing may be answered but with a
        200 for so long."""
        self.quiet.set()
        begin = time.monotonic()
        rounds = [client.rounds for client in self.clients]
        wait_until(lambda: all(client.rounds > before or client.faults
                               for client, before in zip(self.clients,
                                                         rounds)),
                   SETTLED, "the clients", 0.05)
        self.wait_settled()
        self.mend()
        self.wait_settled()
        self.slowest = max(self.slowest, time.monotonic() - begin)
        start = time.monotonic()
        time.sleep(seconds)
        self.calms.append((start, time.monotonic()))

    # ------------------------------------------------ what must be so

    def faults(self):
        return [fault for client in self.clients for fault in client.faults]

    def outcomes(self):
        return [outcome for client in self.clients
                for outcome in client.outcomes]

    def excuse(self, outcome):
        """Is this outcome one that what was done can lead to?"""
        if outcome.status in (200, 0):
            return True
        if any(start <= outcome.since and outcome.until <= end
               for start, end in self.calms):
            return False
        if outcome.status is None and not outcome.begun:
            return self.journal.excuses((FRONT,), outcome.since - CLOSED,
                                        outcome.until)
        return self.journal.excuses((FRONT, WORKER), outcome.since - EXCUSED,
                                    outcome.until)

    def unexcused(self):
        return [outcome for outcome in self.outcomes()
                if not self.excuse(outcome)]

    def calmly_answered(self):
        return sum(outcome.status == 200 and start <= outcome.since
                   and outcome.until <= end for outcome in self.outcomes()
                   for start, end in self.calms)


