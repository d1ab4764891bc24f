"""The metrics as a path: who may read them, and what becomes of a reader, or of
a supervisor, that stands still."""

import hashlib
import os
import signal
import socket
import time

import pytest

from lib import build, fcgi
from lib.fcgi import wait_until
from lib.host import Host, memory, slack
from lib.metrics import Metrics, promtool, read

OPEN = "application/openmetrics-text"
LOCAL = {"REMOTE_ADDR": "127.0.0.1"}
KEYS = 'auth "monitoring" { type = "key" keys_file = "%s" }\n'


def ask(host, accept=OPEN, extra=LOCAL, path="/metrics", **keywords):
    return host.get(path, headers={"Accept": accept} if accept else {},
                    extra=extra, **keywords)


def test_both_forms():
    """Breaks when: a reader gets a form it did not ask for, or other numbers
    than the control socket says."""
    with Host(handlers=["hello"], metrics="/metrics") as host:
        for _ in range(3):
            host.get("/hello")
        reply = ask(host)
        assert reply.status == 200
        assert reply.header("Content-Type").startswith(OPEN + "; version=1.0.0")
        assert reply.header("Cache-Control") == "no-store"
        metrics = Metrics(reply.text)
        assert set(metrics.families) == set(read(host).families)
        wait_until(lambda: Metrics(ask(host).text).get(
            "fcgi_host_requests_total", route="GET /hello") == 3)
        for accept in (None, "*/*", "text/plain", "application/json"):
            reply = ask(host, accept)
            assert reply.header("Content-Type").startswith(
                "text/plain; version=0.0.4")
            assert promtool("check", "metrics", input=reply.text) == ""
        reply = host.ask("HEAD", "/metrics", extra=LOCAL)
        assert reply.status == 200 and reply.text == ""
        wait_until(lambda: read(host).get(
            "fcgi_host_requests_total", route="GET /metrics",
            status="2xx") >= 7)


@pytest.mark.parametrize("address,status", [
    ("127.0.0.1", 200), ("127.8.8.8", 200), ("::1", 200),
    ("::ffff:127.0.0.1", 200), ("10.0.0.1", 403), ("128.0.0.1", 403),
    ("::2", 403), ("::ffff:10.0.0.1", 403), ("", 403), ("unix:", 403),
    ("127.0.0.1.example.org", 403), ("127." * 40, 403), (None, 403)])
def test_without_keys_it_is_for_this_machine(machine, address, status):
    """Breaks when: somebody from elsewhere reads them, or nobody can."""
    assert ask(machine, extra={"REMOTE_ADDR": address}).status == status


@pytest.mark.parametrize("name", [
    "X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_who_came_through_a_proxy_is_not_of_this_machine(machine, name):
    """Breaks when: a proxy on this machine makes its clients local."""
    reply = machine.get("/metrics", headers={name: "127.0.0.1"}, extra=LOCAL)
    reply.problem(403)


@pytest.fixture(scope="module")
def machine():
    with Host(handlers=["hello"], metrics="/metrics",
              default_auth="none") as host:
        yield host


def test_keys():
    """Breaks when: metrics_auth lets somebody in without a key, or asks an
    address as well."""
    with Host(handlers=["hello"], start=False) as host:
        digest = hashlib.sha256(b"secret-of-prometheus").hexdigest()
        path = host.write("keys", "prometheus %s\n" % digest)
        os.chmod(path, 0o600)
        host.write_config({"metrics": "/metrics",
                           "metrics_auth": "monitoring"}, {}, {}, {}, {},
                          KEYS % path)
        host.start()
        ask(host).problem(401)
        elsewhere = {"REMOTE_ADDR": "10.0.0.1"}
        ask(host, extra=elsewhere).problem(401)
        reply = host.get("/metrics", extra=elsewhere, headers={
            "X-API-Key": "secret-of-prometheus"})
        assert reply.status == 200
        done = host.command("check")
        assert done.returncode == 0, done.stderr
        host.change(metrics_auth="nobody")
        done = host.command("check")
        assert done.returncode == 100 and "nobody" in done.stderr


def test_no_path_without_the_option():
    """Breaks when: they are served though nobody said so."""
    with Host(handlers=["hello"]) as host:
        ask(host).problem(404)


def test_a_supervisor_that_stands_still():
    """Breaks when: the front waits for it with anybody else's requests, or
    does not come to itself afterwards."""
    with Host(handlers=["hello"], metrics="/metrics") as host:
        os.kill(host.pid, signal.SIGSTOP)
        try:
            conns = [host.connect() for _ in range(3)]
            begun = time.monotonic()
            for conn in conns:
                conn.send(fcgi.request("GET", "/metrics", extra=LOCAL))
            conns[2].close()	# it does not wait for the end
            for _ in range(20):
                assert host.get("/hello").status == 200
            assert time.monotonic() - begun < 1.5
            for conn in conns[:2]:
                conn.read_reply().problem(503)
                conn.close()
            assert 1.9 < time.monotonic() - begun < 10
        finally:
            os.kill(host.pid, signal.SIGCONT)
        assert ask(host).status == 200


def test_all_who_wait_are_given_one():
    """Breaks when: an answer is given to one of those who wait, or each of them
    asks the supervisor anew."""
    with Host(handlers=["hello"], metrics="/metrics") as host:
        os.kill(host.pid, signal.SIGSTOP)
        try:
            conns = [host.connect() for _ in range(20)]
            for conn in conns:
                conn.send(fcgi.request("GET", "/metrics", extra=LOCAL))
            host.get("/hello")	# by now all have been read
        finally:
            os.kill(host.pid, signal.SIGCONT)
        texts = {conn.read_reply().text for conn in conns}
        assert len(texts) == 1
        for conn in conns:
            conn.close()


def test_readers_that_stand_still():
    """Breaks when: who reads slowly, or not at all, costs the front a text
    each, or keeps others from theirs."""
    with Host(handlers=["hello"], metrics="/metrics") as host:
        host.put("many.so", build.handler("many", routes="".join(
            ', { "GET", "/many/%d", .serve = serve }' % i
            for i in range(400))))
        host.reload()
        host.wait_settled()
        whole = ask(host).text
        size = len(whole)
        assert size > 2 << 20
        front = host.pid_of("front")
        before = memory(front, "Private_Dirty")
        conns = []
        for _ in range(40):
            conn = host.connect()
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            conn.send(fcgi.request("GET", "/metrics", headers={
                "Accept": OPEN}, extra=LOCAL))
            conns.append(conn)
        for conn in conns:
            assert conn.sock.recv(1) == b"\x01"
        assert host.get("/hello").status == 200
        assert memory(front, "Private_Dirty") - before < slack(10 << 20)
        for conn in conns[1:]:
            conn.close()
        rest = b"\x01"
        while True:		# the one that goes on gets all of it
            data = conns[0].sock.recv(1 << 16)
            rest += data
            if not data or rest.endswith(b"\0" * 8):
                break
        assert rest.count(b"# EOF") == 1
        assert len(rest) > size
        conns[0].close()
        assert len(ask(host).text) >= size


def test_scraped_all_the_time_while_all_changes():
    """Breaks when: a scrape is lost, or a number goes back, while fronts are
    killed and generations change."""
    with Host(handlers=["hello"], metrics="/metrics") as host:
        def hellos():
            return Metrics(ask(host).text).get(
                "fcgi_host_requests_total", route="GET /hello")
        last = 0
        for step in range(12):
            host.get("/hello")
            if step == 4:
                host.reload()
            if step == 8:
                old = host.kill_role("front")
                host.wait_replaced("front", old)
                wait_until(host.can_connect)
            now = hellos()
            assert now >= last
            last = now
        # the one before the kill may have been answered and not counted
        wait_until(lambda: hellos() >= 11)
