"""Workers that are replaced by fresh ones: after requests, time, memory."""

import os
import signal
import time

from lib import fcgi
from lib.fcgi import wait_until
from lib.held import Held
from lib.host import Host, sanitized
from lib.load import Load
from lib.versions import VersionHost

# a sanitizer has some of its own
LIMIT = 128 if sanitized() else 32	# MiB
MODEL = 2 * LIMIT << 20


def pool_of(host):
    return host.status()["pools"][0]


def recycled(host):
    return pool_of(host)["recycled"]


def recycling(workers=1, **options):
    pool = {"workers": workers, "recycle_jitter": 0}
    pool.update(options)
    return {"default": pool}


def serve(host, times):
    """Who served so many requests, on the asynchronous route."""
    return {int(host.get("/vary-async").text.split()[3])
            for _ in range(times)}


def test_the_fresh_one_is_ready_before_the_old_one_leaves():
    """Breaks when: a worker leaves before another has done its worker_init,
    or although that one cannot start; forced by a worker_init that waits, and
    whose process is killed."""
    with Held(pools=recycling(recycle_requests=4)) as host:
        old = host.pid_of("worker")
        host.hold("worker")
        assert serve(host, 4) == {old}
        fresh = host.at("worker")
        assert serve(host, 4) == {old}
        os.unlink(os.path.join(host.folder, "at-worker"))
        os.kill(fresh, signal.SIGKILL)
        again = host.at("worker")
        assert again not in (old, fresh) and serve(host, 4) == {old}
        assert [one["state"] for one in host.status()["workers"]] == [
            "ready", "starting"]
        host.go("worker")
        line = host.wait_log(r"\(process %d\) has served" % old)
        assert "has served 12 requests (recycle_requests), and leaves" in line
        assert "(process %d) is ready in its place" % again in line
        host.wait_replaced("worker", old)
        assert serve(host, 1) == {again}
        pool = pool_of(host)
        assert (pool["recycled"]["requests"], pool["running"]) == (1, 1)
        assert (pool["retired"], pool["started"]) == (0, 0)


def test_one_in_eight_at_a_time():
    """Breaks when: workers that are due together leave together; forced by
    eight that are due while the first successor may not become ready."""
    with Held(pools=recycling(8, recycle_age="1s")) as host:
        old = set(host.pids("worker"))
        host.hold("worker")
        fresh = host.at("worker")
        time.sleep(1.2)			# all of them are due by now
        assert set(host.pids("worker")) == old | {fresh}
        assert pool_of(host)["running"] == 8
        host.go("worker")
        most = 0
        deadline = time.monotonic() + 20
        while old & set(host.pids("worker")):
            assert time.monotonic() < deadline
            rows = host.status()["workers"]
            most = max(most, len(rows))
            assert sum(row["state"] == "leaving" for row in rows) <= 1
            assert sum(row["state"] == "ready" for row in rows) >= 8
        assert most <= 9
        assert recycled(host)["age"] >= 8
        assert "crash" not in host.log()


def test_one_that_leaves_ends_what_it_runs(gate):
    """Breaks when: a worker that was told to leave breaks off the request
    that it runs in another thread, or takes a new one."""
    pools = recycling(threads=2, recycle_requests=1)
    with Host(handlers=["live_gate", "hello"], pools=pools) as host, \
            host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        assert host.get("/hello-async").status == 200
        host.wait_log(r"\(process %d\) has served 1 " % held.pid)

        def who_serves():
            with host.connect() as other:
                other.send(fcgi.request("GET", gate.path()))
                again = gate.accept()
                again.tell("go")
                assert other.read_reply().status == 200
                return again.pid
        wait_until(lambda: who_serves() != held.pid)	# it has been told
        assert held.pid not in [who_serves() for _ in range(5)]
        assert [row["pid"] for row in host.status()["workers"]
                if row["state"] == "leaving"] == [held.pid]
        held.tell("go")
        assert conn.read_reply().status == 200
        wait_until(lambda: held.pid not in host.pids("worker"))


def test_recycling_under_load_loses_nothing():
    """Breaks when: one that leaves takes a request or a part of a reply with
    it."""
    pools = recycling(2, threads=2, recycle_requests=60, recycle_jitter=50)
    with VersionHost(pools=pools, log_level="info") as host:
        with Load(host.socket, fresh=2, pause=5) as load:
            wait_until(lambda: recycled(host)["requests"] >= 5, 20, every=0.1)
        assert load.result.failed == 0, load.result
        assert load.result.fine > 5 * 30
        assert host.status()["front"]["restarts"] == 0
        assert "crash" not in host.log()


def test_private_memory_counts_and_a_model_does_not():
    """Breaks when: a worker is replaced for a model that all share (the
    kernel calls its pages private while only one has read them), or one that
    leaks is not."""
    pools = dict(recycling(recycle_memory="%d MiB" % LIMIT),
                 side={"workers": "ondemand"})
    with Host(handlers=["live_memory", "live_model"], start=False,
              memory_plan="warn", pools=pools) as host:
        path = host.write("model", os.urandom(1 << 20) * (MODEL >> 20))
        host.change(models={"live-file": {"path": path}})
        host.start()
        old = host.pid_of("worker")
        assert host.get("/model?name=live-file").status == 200
        assert int(host.get("/leak?mib=%d" % (LIMIT // 4)).text) == old
        time.sleep(1.5)			# it has been measured
        row = host.status()["workers"][0]
        assert row["pid"] == old and row["private_bytes"] > LIMIT << 20
        assert int(host.get("/leak?mib=%d" % LIMIT).text) == old
        line = host.wait_log("recycle_memory")
        assert "worker 0 (process %d) has " % old in line
        host.wait_replaced("worker", old)
        assert recycled(host)["memory"] == 1
        assert host.get("/take?mib=1").status == 200
