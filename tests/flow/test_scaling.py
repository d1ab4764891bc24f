"""Pools whose workers come with the requests and leave when there are none."""

import contextlib
import os
import signal

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.held import Held
from lib.host import Host
from lib.load import Load
from lib.versions import VersionHost


def elastic(word, **options):
    pool = {"workers": word, "max_workers": 4, "idle_timeout": "300ms"}
    pool.update(options)
    return Host(handlers=["live_gate", "hello"], pools={"default": pool})


def pool_of(host):
    return host.status()["pools"][0]


def wait_running(host, count):
    return wait_until(lambda: len(host.pids("worker")) == count and
                      pool_of(host)["running"] == count,
                      what="%d workers" % count)


@contextlib.contextmanager
def holding(host, gate, count):
    """That many requests run; they are answered at the end."""
    with contextlib.ExitStack() as stack:
        conns = [stack.enter_context(host.connect()) for _ in range(count)]
        for conn in conns:
            conn.send(fcgi.request("GET", gate.path()))
        held = [gate.accept() for _ in conns]
        yield held
        for one in held:
            one.tell("go")
        assert [conn.read_reply().status for conn in conns] == [200] * count


# --------------------------------------------------------------- ondemand

def test_the_first_request_starts_a_worker(gate):
    """Breaks when: a pool without workers is not ready or refuses, the
    request that starts one is not answered, or the worker never leaves."""
    with elastic("ondemand", queue=0) as host:
        assert not host.pids("worker")
        pool = pool_of(host)
        assert (pool["scaling"], pool["workers"], pool["running"]) == (
            "ondemand", 4, 0)
        assert host.status()["workers"] == []
        for _ in range(2):
            assert host.get("/hello-async").status == 200
            wait_running(host, 0)
        status = host.status()
        assert not status["degraded"] and "crash" not in host.log()
        assert status["pools"][0]["started"] == 2
        assert status["pools"][0]["retired"] == 2
        with holding(host, gate, 4):	# as many at a time as there may be
            assert host.get("/hello-async").status == 503
        wait_running(host, 0)


def test_threads_are_used_before_workers(gate):
    """Breaks when: a worker is started for what one that runs could take."""
    with elastic("ondemand", threads=3) as host:
        with holding(host, gate, 3) as held:
            assert len({one.pid for one in held}) == 1
            with holding(host, gate, 1) as more:
                assert more[0].pid != held[0].pid


@pytest.mark.parametrize("most", [1, 2])
def test_a_request_for_one_that_leaves(most):
    """Breaks when: a request stays in the queue of a worker that was told to
    leave before it could take it, or waits for its end where another may be
    started."""
    with elastic("ondemand", max_workers=most, idle_timeout="1s") as host, \
            host.connect() as conn:
        assert host.get("/hello-async").status == 200
        worker = host.pid_of("worker")
        wait_until(lambda: pool_of(host)["idle"] == 1)
        os.kill(worker, signal.SIGSTOP)
        host.wait_log(r"process %d\) is not needed, and leaves" % worker)
        conn.send(fcgi.request("GET", "/hello-async"))
        if most == 1:
            wait_until(lambda: pool_of(host)["queued"] == 1)
            os.kill(worker, signal.SIGCONT)
        assert conn.read_reply().status == 200
        if most == 2:
            os.kill(worker, signal.SIGCONT)
        wait_running(host, 0)


def test_a_dead_worker_is_missed_only_when_needed(gate):
    """Breaks when: one that nobody needs is replaced, or a request that a
    dead one had not begun is not run by another."""
    with elastic("ondemand", max_workers=1, idle_timeout="60s",
                 ) as host, host.connect() as first, host.connect() as next_:
        assert host.get("/hello-async").status == 200
        os.kill(host.pid_of("worker"), signal.SIGKILL)
        wait_running(host, 0)
        assert host.get("/hello-async").status == 200
        first.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        next_.send(fcgi.request("GET", "/hello-async"))
        wait_until(lambda: pool_of(host)["queued"] == 1)
        held.tell("crash")
        assert first.read_reply().status == 500
        assert next_.read_reply().status == 200


def test_a_worker_that_cannot_start_is_held_back():
    """Breaks when: each request, or each look, starts one more of those that
    die at once; or the pool does not recover by itself."""
    pools = {"default": {"workers": "ondemand", "max_workers": 8,
                         "queue_timeout": "1s"}}
    with Held(pools=pools, crashes=True) as host:
        bad = os.path.join(host.folder, "bad")
        host.vary("2", after={"worker_init":
                              'if (is_role("fh-worker") && access("%s", F_OK) '
                              '== 0) abort();' % bad})
        assert host.reload().code == 0
        host.write("bad", b"")
        os.chmod(host.folder, 0o755)
        assert host.get("/vary-async").status == 503
        crashes = host.log().count(' crash {')
        assert 2 <= crashes <= 6	# 0, 0, 100, 200, 400 ms
        os.unlink(bad)
        wait_until(lambda: host.get("/vary-async").status == 200)
        assert host.status()["front"]["restarts"] == 0


# ---------------------------------------------------------------- dynamic

def test_dynamic_follows_the_requests(gate):
    """Breaks when: no worker is started before all are busy, more than
    max_workers are, one with a request is ended, or fewer than min_workers
    stay."""
    with elastic("dynamic", min_workers=2, spare_workers=1) as host:
        wait_running(host, 2)
        with holding(host, gate, 2):
            wait_running(host, 3)
            with holding(host, gate, 2):
                wait_running(host, 4)
                with host.connect() as conn:
                    conn.send(fcgi.request("GET", "/hello-async"))
                    wait_until(lambda: pool_of(host)["queued"] == 1)
                    assert len(host.pids("worker")) == 4
            assert host.get("/hello-async").status == 200
            wait_running(host, 3)
        wait_running(host, 2)
        assert pool_of(host)["scaling"] == "dynamic"


def test_a_reload_and_a_new_front_keep_what_runs(gate):
    """Breaks when: a new generation or team begins with the least and its
    first requests wait for workers."""
    with elastic("dynamic", idle_timeout="60s") as host:
        with holding(host, gate, 3):
            wait_running(host, 4)
        host.reload()
        host.wait_settled()
        wait_running(host, 4)
        host.kill_role("front")
        wait_until(lambda: host.status()["front"]["restarts"] == 1)
        wait_running(host, 4)
        host.change(pools={"default": {"workers": 3}})
        assert host.reload().said(
            "config", 'pool "default" workers: dynamic -> 3')
        assert host.get("/hello-async").status == 200
        assert pool_of(host)["scaling"] == "static"
        wait_running(host, 3)


def test_nothing_is_lost_while_they_come_and_go():
    """Breaks when: a worker that is told to leave takes a request with it, or
    breaks one it runs; forced by many that leave under load."""
    pools = {"default": {"workers": "dynamic", "min_workers": 1,
                         "spare_workers": 0, "max_workers": 6,
                         "idle_timeout": "100ms"}}
    with VersionHost(pools=pools, log_level="info") as host:
        with Load(host.socket, connections=6, pause=60) as load:
            wait_until(lambda: pool_of(host)["retired"] >= 10, 20, every=0.1)
        assert load.result.failed == 0, load.result
        assert load.result.fine > 100
        assert host.status()["front"]["restarts"] == 0


def test_the_plan_counts_all_there_may_be():
    """Breaks when: a plan is for the workers of an idle pool, leaves those
    out that take the place of others, or forgets the bound of each."""
    pool = {"workers": "ondemand", "max_workers": 16, "recycle_age": "1h",
            "max_memory": "64 MiB"}
    with Host(start=False, pools={"default": pool}) as host:
        lines = host.command("plan").stdout.splitlines()
        assert any("18 x " in line and "worker_memory" in line
                   for line in lines), lines
        assert any("pool default, at most" in line and "18 x 64.0 MiB" in line
                   for line in lines), lines
