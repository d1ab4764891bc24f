"""What a service manager is told: reloads, states, and that the host lives, for
as long as the front's loop turns and no longer."""

import os
import signal
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.gate import Gate
from lib.host import Host, sanitized

ALIVE = "WATCHDOG=1"
WATCHDOG_S = 4 if sanitized() else 2


def watched(**keywords):
    usec = str(WATCHDOG_S * 1000000)
    return Host(environment={"WATCHDOG_USEC": usec}, **keywords)


def fed(host, mark):
    """How often since then."""
    with host.changed:
        return host.notes[mark:].count(ALIVE)


def test_a_reload_is_told():
    """Breaks when: the service manager does not learn of a reload, or thinks
    that one which was refused goes on for ever."""
    with Host(handlers=["hello"]) as host:
        assert "RELOADING=1" not in host.notes
        mark = len(host.notes)
        before = time.monotonic_ns() // 1000
        host.reload()
        notes = host.notes[mark:]
        usec = [note for note in notes if note.startswith("MONOTONIC_USEC=")]
        assert len(usec) == 1 and notes.count("RELOADING=1") == 1
        assert before <= int(usec[0].partition("=")[2]) <= \
            time.monotonic_ns() // 1000
        wait_until(lambda: "READY=1" in host.notes[mark:])
        assert host.notes.index("RELOADING=1") < mark + \
            host.notes[mark:].index("READY=1")
        wait_until(lambda: host.notes[-1].startswith(
            "STATUS=Generation 2 serves"))
        mark = len(host.notes)
        host.change(queue_timeout="soon")
        host.reload(code=1)
        wait_until(lambda: "READY=1" in host.notes[mark:])
        assert host.notes[mark:].count("RELOADING=1") == 1
        assert host.notes[-1].startswith("STATUS=Generation 2 serves")


def test_it_lives():
    """Breaks when: an idle host, or one whose front has been replaced, is taken
    for dead."""
    with watched(handlers=["hello"]) as host:
        mark = len(host.notes)
        wait_until(lambda: fed(host, mark) >= 2, WATCHDOG_S)
        mark = len(host.notes)
        host.kill_role("front")
        wait_until(lambda: fed(host, mark) >= 1, WATCHDOG_S)
        assert "has not answered" not in host.log()


@pytest.mark.parametrize("how", ["stopped", "sync handler"])
def test_a_front_that_does_not_turn(how):
    """Breaks when: the host is said to live while its front stands still, or is
    left to the service manager to kill with all its models; or a sync handler
    that nothing else ends holds it up for ever."""
    with watched(handlers=["live_gate", "hello"], sync_max="0", timeout="0",
                 on_sync_fault="demote") as host, Gate() as gate, \
            host.connect() as conn:
        front = host.pid_of("front")
        if how == "stopped":
            os.kill(front, signal.SIGSTOP)
        else:
            conn.send(fcgi.request("GET", gate.path("/gate-sync")))
            assert gate.accept().pid == front
        mark = len(host.notes)
        host.wait_log(r"front \(process %d\) has not answered within half of"
                      % front)
        assert fed(host, mark) <= 1	# an answer that was on its way
        wait_until(lambda: fed(host, mark) >= 2)
        assert host.get("/hello").status == 200
        assert host.pid_of("front") != front
        if how == "sync handler":
            host.wait_log('route="GET /gate-sync" handler=live_gate; killed')
            routes = {one["route"]: one for one in host.status()["routes"]}
            assert routes["GET /gate-sync"]["async"] is True
