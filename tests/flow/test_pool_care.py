"""What a pool does for its workers and its clients: memory, fair shares."""

import contextlib
import re

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, read_proc, sanitized


def data_limit(pid):
    """RLIMIT_DATA in bytes; None: unlimited."""
    found = re.search(r"^Max data size +(\S+)", read_proc(pid, "limits"),
                      re.M).group(1)
    return None if found == "unlimited" else int(found)


# -------------------------------------------------------------- max_memory

@pytest.mark.skipif(sanitized(), reason="the sanitizer's allocator ends the "
                    "process instead of returning NULL")
def test_memory_ends_in_one_worker_alone():
    """Breaks when: max_memory is not set in the workers, ends them, or holds
    for a pool that has none."""
    pools = {"default": {"workers": 1, "max_memory": "64 MiB"},
             "side": {"workers": 1}}
    with Host(handlers=["live_memory"], pools=pools) as host:
        first = host.get("/take?mib=32")
        assert first.status == 200
        assert host.get("/take?mib=128").status == 507
        assert host.get("/take-side?mib=128").status == 200
        again = host.get("/take?mib=32")
        assert (again.status, again.body) == (200, first.body)


def test_only_workers_of_the_pool_are_limited():
    """Breaks when: the limit is the bare option, so that what a worker has
    inherited counts; or it is put on the front or another pool."""
    pools = {"default": {"workers": 1, "max_memory": "64 MiB",
                         "threads": 5, "stack": "1 MiB"},
             "side": {"workers": 1}}
    with Host(handlers=["live_memory"], pools=pools) as host:
        limits = sorted((data_limit(pid) for pid in host.pids("worker")),
                        key=lambda limit: limit is None)
        assert limits[0] > (64 + 4) << 20
        assert limits[1] is None
        assert data_limit(host.pids("front")[0]) is None


# ---------------------------------------------------------- max_per_client

def sharing(most=2, **options):
    pool = {"workers": 3, "max_per_client": most}
    pool.update(options)
    return Host(handlers=["live_gate", "hello"], pools={"default": pool})


def send(conn, target, client="10.0.0.1", **extra):
    conn.send(fcgi.request("GET", target,
                           extra=dict(extra, REMOTE_ADDR=client)))


def gate_status(host):
    return [route for route in host.status()["routes"]
            if route["route"].endswith(" /gate")][0]


def is_refused(host, target, client="10.0.0.1", **extra):
    """Is one more of this client's refused?"""
    with host.connect() as conn:
        send(conn, target, client, **extra)
        reply = conn.read_reply()
    if reply.status == 503:
        assert "this client" in reply.problem()["detail"]
        assert reply.header("Retry-After")
    return reply.status == 503


def test_one_client_does_not_take_all_workers(gate):
    """Breaks when: a client has more than its share running or waiting,
    another one is refused with it, or its own never ends."""
    with sharing() as host, contextlib.ExitStack() as stack:
        conns = [stack.enter_context(host.connect()) for _ in range(2)]
        for conn in conns:
            send(conn, gate.path())
        held = [gate.accept(), gate.accept()]
        for _ in range(5):
            assert is_refused(host, gate.path())
        assert gate_status(host)["refused"]["client_full"] == 5
        assert host.get("/hello", extra={"REMOTE_ADDR": "10.0.0.1"}
                        ).status == 200		# sync: not of the pool
        for _ in range(3):
            with host.connect() as other:
                send(other, gate.path(), "10.0.0.2")
                gate.accept().tell("go")
                assert other.read_reply().status == 200
        held[0].tell("go")
        assert conns[0].read_reply().status == 200
        send(conns[0], gate.path())
        again = gate.accept()
        assert is_refused(host, gate.path())
        for one in again, held[1]:
            one.tell("go")
        for conn in conns:
            assert conn.read_reply().status == 200


def test_a_client_that_left_still_has_its_worker(gate):
    """Breaks when: hanging up makes room for more while the handlers run."""
    with sharing(1) as host:
        with host.connect() as conn:
            send(conn, gate.path(deaf=1))
            held = gate.accept()
        wait_until(lambda: gate_status(host)["in_flight"] == 0,
                   what="it to be gone")
        assert is_refused(host, gate.path())
        held.tell("go")
        wait_until(lambda: not is_refused(host, "/hello-async"),
                   what="its share")


def test_who_is_the_same_client(gate):
    """Breaks when: each address of a /64 has a share, or client_param or a
    request without it is taken for another."""
    with sharing(1) as host, host.connect() as conn:
        send(conn, gate.path(), "2001:db8::1")
        held = gate.accept()
        assert is_refused(host, "/hello-async", "2001:db8::ffff:2")
        assert not is_refused(host, "/hello-async", "2001:db8:0:1::1")
        held.tell("go")
        assert conn.read_reply().status == 200
    with sharing(1, client_param="X_ACCOUNT") as host, \
            host.connect() as conn:
        send(conn, gate.path(), X_ACCOUNT="one")
        held = gate.accept()
        assert is_refused(host, "/hello-async", "10.9.9.9", X_ACCOUNT="one")
        assert not is_refused(host, "/hello-async", X_ACCOUNT="two")
        assert not is_refused(host, "/hello-async")
        held.tell("go")
        assert conn.read_reply().status == 200


def test_a_share_moves_with_its_request(gate):
    """Breaks when: a request that waits over a reload counts in no front, or
    in both, or is refused there."""
    with sharing(2, workers=1) as host, contextlib.ExitStack() as stack:
        conns = [stack.enter_context(host.connect()) for _ in range(3)]
        send(conns[0], gate.path())
        old = gate.accept()
        send(conns[1], gate.path())
        assert host.reload().code == 0
        new = gate.accept()
        send(conns[2], gate.path())
        wait_until(lambda: is_refused(host, "/hello-async"),
                   what="both to count")
        for one in old, new:
            one.tell("go")
        gate.accept().tell("go")
        assert [conn.read_reply().status for conn in conns] == [200] * 3
        assert not is_refused(host, "/hello-async")
