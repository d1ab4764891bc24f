"""A thousand idle event streams at four workers: what they cost, that one
event wakes all of them, and how they end."""

import re
import resource
import time

import pytest

from lib.fcgi import wait_until
from lib.host import Host, cpu_time, memory, sanitized
from lib.sse import Stream

WORKERS = 4
THREADS = 75 if sanitized() else 250	# a sanitizer's threads are heavy
COUNT = WORKERS * THREADS


@pytest.fixture
def many_files():
    """Each stream is a descriptor, here and in the front."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def busy(host):
    return sum(one["busy"] for one in host.status()["workers"])


def of_workers(host, key):
    return sum(memory(pid, key) for pid in host.pids("worker"))


def planned(host):
    """What `fcgi-host plan` says is needed, in bytes."""
    text = host.command("plan").stdout
    return float(re.search(r"^needed +([0-9.]+) MiB", text, re.M)[1]) * 2**20


def seconds(since):
    return time.monotonic() - since


def test_a_thousand_idle_streams(many_files, figure):
    """Breaks when: an idle stream costs processor time, memory that is not
    bounded, or the place of another request; one event does not reach all of
    them; a reload or a client that left leaves one behind."""
    with Host(handlers=["events", "hello"], drain_timeout="60s",
              log_level="info", pools={"default": {
                  "workers": WORKERS, "threads": THREADS}}) as host:
        front = host.pid_of("front")
        before = (memory(front, "Private_Dirty"), host.pss())
        begin = time.monotonic()
        streams = [Stream(host, "/events") for _ in range(COUNT)]
        assert all(one.next().id == "0" for one in streams)
        opened = seconds(begin)
        assert busy(host) == COUNT
        assert host.get("/hello").status == 200

        grown = memory(front, "Private_Dirty") - before[0]
        private = of_workers(host, "Private_Dirty")
        whole = host.pss() - before[1]
        figure("%d idle event streams at %d workers: opened in %.1f s; front "
               "%.1f MiB more, workers %.1f MiB private, all %.1f MiB more "
               "(PSS; the plan has %.1f)" % (
                   COUNT, WORKERS, opened, grown / 2**20, private / 2**20,
                   whole / 2**20, planned(host) / 2**20))
        if not sanitized():
            assert whole < planned(host) / 2

        pids = list(host.processes())
        used, begin = cpu_time(pids), time.monotonic()
        time.sleep(2)
        used = (cpu_time(pids) - used) / seconds(begin)
        figure("... while nothing happens: %.1f %% of a processor"
               % (100 * used))
        assert used < 0.1

        begin = time.monotonic()
        assert host.post("/events").status == 200
        assert all(one.next().id == "1" for one in streams)
        figure("... one event has reached all after %.0f ms"
               % (1000 * seconds(begin)))

        begin = time.monotonic()
        for one in streams[COUNT // 2:]:
            one.conn.close()
        wait_until(lambda: busy(host) == COUNT // 2, every=0.05)
        figure("... half of the clients leave: their threads are free after "
               "%.0f ms" % (1000 * seconds(begin)))
        assert seconds(begin) < 10

        begin = time.monotonic()
        host.reload()
        for one in streams[:COUNT // 2]:
            assert one.rest() == [] and one.conn.end is not None
        host.wait_settled()
        figure("... a reload has ended the other half, and the old generation "
               "is gone, after %.1f s" % seconds(begin))
        for one in streams[:COUNT // 2]:
            again = Stream(host, "/events", conn=one.conn, headers={
                "Last-Event-ID": one.reader.last_id})
            assert again.next().id == "0"	# it counts anew
            one.conn.close()
        wait_until(lambda: busy(host) == 0, every=0.05)
