"""What `status` says, also when every worker is busy."""

import hashlib
import os
import re
import signal

from lib import fcgi
from lib.facts import lines
from lib.fcgi import wait_until
from lib.host import Host, memory, read_proc


def test_generation_and_uptime():
    """Breaks when: status does not say since when what is served."""
    with Host() as host:
        status = host.status()
        assert status["generation"]["number"] >= 1
        first = status["uptime_ms"]
        wait_until(lambda: host.status()["uptime_ms"] > first)


def test_plain_status_is_for_people():
    """Breaks when: `status` without --json prints nothing useful."""
    with Host(handlers=["live_gate", "hello"]) as host:
        host.get("/hello")
        done = host.command("status")
        assert done.returncode == 0, done.stderr
        for text in ("GET /hello", "default", "generation"):
            assert text in done.stdout
        assert not done.stdout.startswith("{")


def pool(host, name="default"):
    return [one for one in host.status()["pools"] if one["name"] == name][0]


def route(host, label):
    return [one for one in host.status()["routes"]
            if one["route"] == label][0]


def test_pools_busy_idle_queued(gate):
    """Breaks when: status waits for a worker, or miscounts."""
    with Host(handlers=["live_gate", "live_show"], pools={
            "default": {"workers": 2}, "side": {"workers": 1}}) as host:
        assert (pool(host)["busy"], pool(host)["queued"]) == (0, 0)
        conns = [host.connect() for _ in range(5)]
        for conn in conns:
            conn.send(fcgi.request("GET", gate.path()))
        held = [gate.accept() for _ in range(2)]
        found = wait_until(lambda: pool(host)["queued"] == 3 and pool(host))
        assert (found["busy"], found["idle"]) == (2, 0)
        assert pool(host, "side")["idle"] == 1
        for one in held:
            one.tell("go")
        for _ in range(3):
            gate.accept().tell("go")
        for conn in conns:
            assert conn.read_reply().status == 200
            conn.close()
        wait_until(lambda: pool(host)["busy"] == 0)
        assert pool(host)["idle"] == 2


def test_routes_are_counted():
    """Breaks when: a request, or its fault, is not counted once."""
    with Host(handlers=["hello", "live_reply"]) as host:
        for _ in range(7):
            assert host.get("/hello").status == 200
        for _ in range(5):
            assert host.get("/hello-async").status == 200
        for _ in range(3):
            host.get("/reply-async/nothing").problem(500)
        wait_until(lambda: route(host, "GET /hello")["requests"] == 7)
        wait_until(lambda: route(host, "GET /hello-async")["requests"] == 5)
        wait_until(lambda: route(
            host, "GET /reply-async/{what}")["requests"] == 3)
        assert route(host, "GET /hello-async")["async"] is True


def test_workers_are_listed():
    """Breaks when: status and /proc disagree about the workers."""
    with Host(pools={"default": {"workers": 3}}) as host:
        for _ in range(20):
            host.get("/hello-async")
        workers = host.status()["workers"]
        assert sorted(one["pid"] for one in workers) == host.pids("worker")
        wait_until(lambda: sum(one["requests"] for one in
                               host.status()["workers"]) == 20)
        old = workers[0]["pid"]
        os.kill(old, signal.SIGKILL)
        host.wait_replaced("worker", old, 3)
        wait_until(lambda: sorted(
            one["pid"] for one in host.status()["workers"]) == host.pids(
            "worker"))


def test_models_and_memory():
    """Breaks when: what is shared, and what copies would cost, is not said."""
    content = bytes(8 << 20)
    with Host(handlers=["live_model"], start=False) as host:
        path = host.write("model.bin", content)
        host.write_config({}, {"default": {"workers": 4}}, {}, {
            "live-file": {"path": path, "kind": "file"}}, {}, "")
        host.start()
        status = host.status()
        model = status["models"][0]
        assert model["name"] == "live-file"
        assert model["bytes"] == len(content)
        assert model["sha256"] == hashlib.sha256(content).hexdigest()
        address = lines(host.get("/model?name=live-file"))["address"][2:]
        assert model["sharers"] == len([
            pid for pid in host.processes() if re.search(
                "^0*%s-" % address, read_proc(pid, "maps"), re.M)])
        workers = wait_until(lambda: all(
            one["private_bytes"] for one in host.status()["workers"])
            and host.status()["workers"], what="a first sample")
        for one in workers:
            assert one["private_bytes"] < 200 << 20
            real = memory(one["pid"], "Pss")
            assert one["pss_bytes"] < 4 * real + (8 << 20)
        totals = status["totals"]
        assert totals["with_private_copies_bytes"] >= 5 * len(content)


def test_a_busy_worker_is_measured(gate):
    """Breaks when: only idle workers say what they cost."""
    with Host(handlers=["live_gate"],
              pools={"default": {"workers": 1}}) as host, \
            host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        wait_until(lambda: host.status()["workers"][0]["private_bytes"],
                   what="a sample")
        held.tell("go")
        assert conn.read_reply().status == 200


def test_status_of_a_host_that_is_not_there():
    """Breaks when: `status` hangs, or blames the wrong thing."""
    with Host(start=False) as host:
        done = host.command("status")
        assert done.returncode in (100, 111)
        assert host.control in done.stderr


def test_status_while_everything_is_stuck(gate):
    """Breaks when: a front in a sync handler holds up `status`."""
    with Host(handlers=["live_gate"],
              pools={"default": {"workers": 1}}) as host, \
            host.connect() as busy, host.connect() as sync:
        busy.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        sync.send(fcgi.request("GET", gate.path("/gate-sync")))
        stuck = gate.accept()
        assert pool(host)["busy"] == 1
        stuck.tell("go")
        held.tell("go")
        assert busy.read_reply().status == sync.read_reply().status == 200


def test_the_control_socket_takes_no_nonsense():
    """Breaks when: bytes on the control socket harm the supervisor."""
    with Host() as host:
        for data in (b"", b"\0" * 1000, b"nonsense\n", b"{" * 5000,
                     b"status" * 10000):
            with fcgi.Conn(host.control) as conn:
                try:
                    conn.send(data)
                    conn.finish_sending()
                    conn.sock.settimeout(3)
                    while conn.sock.recv(65536):
                        pass
                except (ConnectionError, TimeoutError):
                    pass
        idle = []
        try:
            for _ in range(200):
                idle.append(fcgi.Conn(host.control))
        except BlockingIOError:	# as many as it takes at once
            pass
        assert host.status()["generation"]["number"] >= 1
        for conn in idle:
            conn.close()
