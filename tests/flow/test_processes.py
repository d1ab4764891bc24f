"""Processes that die, and what the others and the clients see of it."""

import os
import random
import re
import signal
import threading
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, alive, descriptors, parent, read_proc, threads


def test_a_killed_idle_worker_is_replaced():
    """Breaks when: a dead worker leaves the pool smaller."""
    with Host(handlers=["live_show"]) as host:
        before = host.pids("worker")
        os.kill(before[0], signal.SIGKILL)
        after = host.wait_replaced("worker", before[0], 2)
        assert before[1] in after, "the other one was not touched"
        found = set()
        for _ in range(40):
            found.add(int(host.get("/where-async").text.split()[0]))
        assert found <= set(after)
        host.wait_log(r"worker.*signal 9|worker.*SIGKILL|worker.*[Kk]illed")


def test_the_client_of_a_killed_worker_gets_a_500(gate):
    """Breaks when: a worker's death is a reset or half a reply, or spreads."""
    with Host(handlers=["live_gate", "live_show"],
              pools={"default": {"workers": 3}}) as host, \
            host.connect() as first, host.connect() as second:
        first.send(fcgi.request("GET", gate.path(), headers={},
                                extra={"REQUEST_ID": "req-dies"}))
        dying = gate.accept()
        second.send(fcgi.request("GET", gate.path()))
        other = gate.accept()
        assert dying.id == "req-dies"
        os.kill(dying.pid, signal.SIGKILL)
        first.read_reply().problem(500, "req-dies")
        host.wait_log(r"req-dies")
        host.wait_replaced("worker", dying.pid, 3)
        other.tell("go")
        assert second.read_reply().body == b"ok\n"
        assert first.get("/where-async").status == 200, "kept connection"


def test_killed_workers_leak_nothing(gate):
    """Breaks when: each replaced worker costs a descriptor or a zombie."""
    with Host(handlers=["live_gate", "live_show"],
              pools={"default": {"workers": 1}}) as host:
        def once():
            with host.connect() as conn:
                conn.send(fcgi.request("GET", gate.path()))
                pid = gate.accept().pid
                os.kill(pid, signal.SIGKILL)
                conn.read_reply().problem(500)
                host.wait_replaced("worker", pid)
            assert host.get("/where-async").status == 200

        def counts():
            wait_until(lambda: host.status()["front"]["connections"] == 0)
            return [len(descriptors(host.pid_of(role)))
                    for role in ("supervisor", "zygote", "front", "worker")]
        for _ in range(3):
            once()
        before = counts()
        for _ in range(10):
            once()
        wait_until(lambda: counts() == before, what="%s" % before)


def test_a_worker_that_keeps_dying_does_not_stop_the_host(gate):
    """Breaks when: throttling a dying worker blocks healthy handlers."""
    with Host(handlers=["live_gate", "hello"], crashes=True,
              pools={"default": {"workers": 2}}) as host:
        for _ in range(10):
            with host.connect() as conn:
                conn.send(fcgi.request("GET", gate.path()))
                gate.accept().tell("crash")
                conn.read_reply().problem(500)
            assert host.get("/hello").status == 200
        assert host.get("/hello-async").status == 200


def test_a_killed_front_is_replaced_with_the_socket_open():
    """Breaks when: a connect is refused while the front is restarted."""
    with Host() as host:
        refused, served, end = [], [], threading.Event()

        def client():
            while not end.is_set():
                try:
                    served.append(host.get("/hello").status)
                except ConnectionRefusedError as error:
                    refused.append(error)
                except (ConnectionError, FileNotFoundError) as error:
                    if isinstance(error, FileNotFoundError):
                        refused.append(error)
        thread = threading.Thread(target=client)
        thread.start()
        try:
            for _ in range(5):
                old = host.kill_role("front")
                host.wait_replaced("front", old)
                count = len(served)
                wait_until(lambda: len(served) > count + 5)
        finally:
            end.set()
            thread.join()
        assert not refused, refused[0]
        assert set(served) == {200}
        assert host.get("/hello-async").status == 200


def test_a_killed_front_frees_its_workers(gate):
    """Breaks when: a job of a dead front occupies a worker for ever."""
    with Host(handlers=["live_gate", "live_show"],
              pools={"default": {"workers": 1}}) as host, \
            host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        gate.accept()
        old = host.kill_role("front")
        with pytest.raises((fcgi.Closed, ConnectionError)) as caught:
            conn.read_reply()
        assert getattr(caught.value, "partial", b"") == b""
        host.wait_replaced("front", old)
        assert host.get("/where-async").status == 200


def test_a_killed_zygote_is_replaced():
    """Breaks when: without its zygote a host never serves again."""
    with Host() as host:
        old = host.kill_role("zygote")
        host.wait_replaced("zygote", old)
        host.wait_replaced("front", old)
        wait_until(lambda: len(host.pids("worker")) == 2)
        assert host.get("/hello").status == 200
        assert host.get("/hello-async").status == 200
        worker = host.pids("worker")[0]
        os.kill(worker, signal.SIGKILL)
        host.wait_replaced("worker", worker, 2)
        assert host.get("/hello-async").status == 200


def test_sigterm_to_a_worker_or_a_front_is_survived():
    """Breaks when: a stray SIGTERM to one process stops service for good."""
    with Host() as host:
        for role, count in (("worker", 2), ("front", 1)):
            pid = host.pids(role)[0]
            os.kill(pid, signal.SIGTERM)
            assert host.get("/hello-async").status == 200
            wait_until(lambda: len(host.pids(role)) == count)


def test_the_zygote_is_the_parent_and_has_one_thread():
    """Breaks when: workers are forked from a process with threads."""
    with Host() as host:
        zygote = host.pid_of("zygote")
        assert threads(zygote) == 1
        for pid in host.pids("worker") + host.pids("front"):
            assert parent(pid) == zygote


def test_the_supervisor_has_no_handler_code():
    """Breaks when: the supervisor loads what it must outlive."""
    with Host() as host:
        assert "hello.so" not in read_proc(host.pid, "maps")
        assert "hello.so" in read_proc(host.pid_of("front"), "maps")


def inodes_at(path):
    """Of the socket bound there and of every connection it accepted."""
    with open("/proc/net/unix") as file:
        return {line.split()[6] for line in file
                if line.rstrip().endswith(" " + path)}


def test_workers_see_no_socket_of_a_peer():
    """Breaks when: a worker, a replacement too, holds a client's connection,
    the listening or the control socket."""
    with Host() as host, host.connect() as conn:
        assert conn.get("/hello").status == 200
        first = host.pids("worker")[0]
        os.kill(first, signal.SIGKILL)
        host.wait_replaced("worker", first, 2)
        inodes = inodes_at(host.socket) | inodes_at(host.control)
        assert len(inodes) >= 3
        for pid in host.pids("worker"):
            held = {found.group(1) for found in (
                re.match(r"socket:\[(\d+)\]", link)
                for link in descriptors(pid)) if found}
            assert not held & inodes, descriptors(pid)


def test_core_processes_survive_a_storm_of_deaths(gate):
    """Breaks when: deaths at the same time confuse the accounting."""
    with Host(handlers=["live_gate", "hello"],
              pools={"default": {"workers": 8}}) as host:
        for _ in range(3):
            conns = [host.connect() for _ in range(8)]
            for conn in conns:
                conn.send(fcgi.request("GET", gate.path()))
            pids = {gate.accept().pid for _ in conns}
            assert len(pids) == 8
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            for conn in conns:
                conn.read_reply().problem(500)
                conn.close()
            wait_until(lambda: len(host.pids("worker")) == 8)
            assert host.get("/hello-async").status == 200
        assert alive(host.pid)


def test_killed_fronts_and_zygotes_leak_nothing():
    """Breaks when: the shared memory of a team that is gone stays mapped or
    open in the supervisor."""
    with Host() as host:
        def once(role):
            old = host.kill_role(role)
            host.wait_replaced(role, old)
            wait_until(lambda: len(host.pids("worker")) == 2)
            assert host.get("/hello-async").status == 200

        def held():
            return (len(descriptors(host.pid)),
                    read_proc(host.pid, "maps").count("memfd:"))

        def settled():
            first = held()
            time.sleep(0.3)	# what they printed is read to its end
            return held() == first and first
        for role in ("front", "zygote") * 2:
            once(role)
        before = wait_until(settled)
        for role in ("front", "zygote") * 4:
            once(role)
        assert wait_until(lambda: held() == before and before), held()


def ask_until(host, end, number, found):
    """Asks one thing after the other; what came of it goes into `found`."""
    chance, conn = random.Random(number), None
    targets = ["/hello", "/where-async", "/show-async?x=%d." % number,
               "/reply-async/big?bytes=300000", "/body"]
    while not end.is_set():
        target = chance.choice(targets)
        try:
            conn = conn or host.connect()
            reply = (conn.post(target, bytes(150000)) if target == "/body"
                     else conn.get(target))
            if reply.status != 200:
                reply.problem()
            elif "x=" in target:
                assert "x%%3D%d." % number in reply.text, "another's reply"
            found.append(reply.status)
        except ConnectionError as error:	# Closed is one
            if getattr(error, "partial", b""):
                found.append("cut")
            conn = None
        except Exception as error:	# a hang, a mix-up, nonsense
            found.append(repr(error))
            return


@pytest.mark.parametrize("roles", [["worker"], ["worker", "front", "zygote"]],
                         ids=["workers", "all"])
def test_deaths_at_any_moment(roles):
    """Breaks when: some moment of dying leaves a client without an end, gives
    it another's reply, or leaves the host unfit."""
    chance, end, found = random.Random(5), threading.Event(), []
    with Host(handlers=["hello", "live_show", "live_reply", "live_body"],
              pools={"default": {"workers": 3, "threads": 2}}) as host:
        clients = [threading.Thread(target=ask_until, args=(
            host, end, number, found)) for number in range(6)]
        for client in clients:
            client.start()
        for _ in range(20):
            end.wait(chance.random() / 10)
            pids = host.pids(chance.choice(roles))
            if pids:
                host.kill_process(chance.choice(pids))
        end.set()
        for client in clients:
            client.join()
        assert set(found) <= {200, 500, 503, "cut"}, set(found)
        assert found.count(200) > 100
        wait_until(lambda: sorted(host.processes().values()) == [
            "front", "supervisor", "worker", "worker", "worker", "zygote"])
        for _ in range(10):
            assert host.get("/where-async").status == 200
