"""Workers killed at any moment, clients of every kind: nothing is left over."""

import os
import random
import signal
import threading
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host

SECONDS = 4
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
