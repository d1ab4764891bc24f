"""A pool that is full and a crowd before it."""

import resource
import statistics
import time

from lib import fcgi
from lib.fcgi import wait_until
from lib.gate import Gate
from lib.host import Host, memory, sanitized


def ask_timed(conn, target):
    begin = time.monotonic()
    reply = conn.get(target)
    return reply.status, time.monotonic() - begin


def p99(values):
    return sorted(values)[len(values) * 99 // 100]


def test_a_crowd_before_a_full_pool():
    """Breaks when: what a full pool cannot take waits for its refusal, slows
    the sync handlers, or is left without an answer."""
    count = 1000 if sanitized() else 5000
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most[1], most[1]))
    try:
        with Gate() as gate, Host(
                handlers=["live_gate", "hello"], connections=count + 100,
                log_level="info",
                pools={"default": {"workers": 1, "queue": 1,
                                   "queue_timeout": "60s"}}) as host:
            with host.connect() as sync:
                idle = [ask_timed(sync, "/hello")[1] for _ in range(1000)]
                first = host.connect()
                first.send(fcgi.request("GET", gate.path()))
                held = gate.accept()
                waiting = host.connect()
                waiting.send(fcgi.request("GET", gate.path()))
                wait_until(lambda: host.status()["pools"][0]["queued"] == 1)
                crowd = [host.connect() for _ in range(count)]
                wait_until(lambda: host.status()["front"]["connections"] ==
                           count + 3)
                took, busy = [], []
                for conn in crowd:
                    status, seconds = ask_timed(conn, gate.path())
                    assert status == 503
                    took.append(seconds)
                    busy.append(ask_timed(sync, "/hello")[1])
                before = time.monotonic()	# and all of them at once
                data = fcgi.request("GET", gate.path())
                for conn in crowd:
                    conn.send(data)
                for conn in crowd:
                    assert conn.read_reply().status == 503
                flood = time.monotonic() - before
                print("503: median %.3f ms, p99 %.3f ms; sync p99 %.3f ms, "
                      "idle %.3f ms; %d at once in %.0f ms; front %d KiB" % (
                          statistics.median(took) * 1e3, p99(took) * 1e3,
                          p99(busy) * 1e3, p99(idle) * 1e3, count,
                          flood * 1e3,
                          memory(host.pid_of("front"), "Pss") >> 10))
                assert statistics.median(took) < 0.05
                held.tell("go")
                assert first.read_reply().status == 200
                gate.accept().tell("go")
                assert waiting.read_reply().status == 200
                for conn in crowd + [first, waiting]:
                    conn.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
