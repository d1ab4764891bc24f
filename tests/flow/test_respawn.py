"""A process that dies again and again before its first work is held back."""

import os
import signal
import time

import pytest

from lib.host import Host


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
