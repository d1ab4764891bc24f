"""Many of everything."""

import os
import signal

from lib.host import Host


def test_more_workers_than_a_link_holds_messages():
    """Breaks when: a message to the zygote is lost because its link is full."""
    with Host(handlers=["hello"], memory_plan="off", log_level="warn",
              pools={"default": {"workers": 250}}) as host:
        assert len(host.pids("worker")) == 250
        before = host.pids("worker")[7]
        os.kill(before, signal.SIGKILL)
        host.wait_replaced("worker", before, 250)
        assert host.get("/hello-async").status == 200
