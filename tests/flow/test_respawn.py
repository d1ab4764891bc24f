"""A process that dies again and again before its first work is held back."""

import os
import signal
import time

import pytest

from lib import fcgi
from lib.host import Host, read_proc

WINDOW = 2.0
EVERY = 0.1		# ten crashes a second


def own_time(pid):
    """Seconds of processor time of a process, without its children's."""
    fields = read_proc(pid, "stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("role", ["front", "worker", "zygote"])
def test_a_crash_loop_is_cheap(role):
    """Breaks when: what was done before counts as the new process's work."""
    with Host(handlers=["hello"], crashes=True, log_level="warn",
              pools={"default": {"workers": 1}}) as host:
        for _ in range(3):
            assert host.get("/hello").status == 200
            assert host.get("/hello-async").status == 200
        killed = set()
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            for pid in host.pids(role):
                if pid not in killed:
                    killed.add(pid)
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)
        assert 3 <= len(killed) <= 12, "each waits twice as long"
        assert host.get("/hello-async", timeout=20).status == 200


@pytest.mark.parametrize("why", ["requests", "start"])
def test_ten_crashes_a_second_are_cheap(why):
    """Breaks when: the supervisor itself does what is dear about a crash: it
    reads stacks and symbols, or the reports that are kept again and again."""
    with Host(handlers=["live_crash", "hello"], crashes=True, log_level="info",
              capture_crashed=True, pools={"default": {"workers": 4}}) as host:
        for _ in range(3):
            host.get("/crash?how=null")
        host.wait_log(" error crash {", count=3)
        seen, count, killed = own_time(host.pid), 0, set()
        begin = time.monotonic()
        while time.monotonic() < begin + WINDOW:
            if why == "requests":
                assert host.get("/crash?how=null").status == 500
            else:	# each before its first work, as soon as it is there
                for pid in set(host.pids("worker")) - killed:
                    killed.add(pid)
                    host.kill_process(pid, signal.SIGSEGV)
            count += 1
            left = begin + count * EVERY - time.monotonic()
            time.sleep(max(left, 0))
        share = (own_time(host.pid) - seen) / (time.monotonic() - begin)
        crashes = count if why == "requests" else len(killed)
        print("%s: %d crashes in %.1f s: supervisor %.2f %%" % (
            why, crashes, time.monotonic() - begin, share * 100))
        assert share < 0.05
        if why == "requests":
            host.wait_log(" error crash {", 20, count + 3)
            assert host.log().count('"backtrace":') >= count // 2
        assert host.get("/hello").status == 200


def test_a_finish_hook_that_loops(gate):
    """Breaks when: only serve() is watched, and a hook stops the service."""
    with Host(handlers=["hello", "live_gate"], timeout="500ms",
              kill_grace="200ms", crashes=True) as host:
        old = host.pid_of("front")
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path(finish="loop"), extra={
                "REQUEST_ID": "finish-loop"}))
            gate.accept().tell("go")
            assert conn.read_reply().status == 200
            host.wait_log("front .*finish-loop")
            host.wait_replaced("front", old)
        assert host.get("/hello").status == 200


def test_a_zygote_whose_front_serves_is_replaced_at_once():
    """Breaks when: zygotes that die from outside, young but each with a front
    that serves, count as a crash loop: after the seventh nobody is there for
    3 seconds, after the tenth for 25."""
    with Host(handlers=["hello"], crashes=True, log_level="warn",
              pools={"default": {"workers": 1}}) as host:
        for number in range(7):
            assert host.get("/hello").status == 200
            time.sleep(0.6)
            begin = time.monotonic()
            host.kill_role("zygote")
            host.wait_log("zygote .* was killed", count=number + 1)
            assert host.get("/hello").status == 200
            assert time.monotonic() - begin < 2.5
