"""Probes: what lives, what is ready, what is not and why, by path and by
command; and a stop that is announced."""

import hashlib
import json
import os
import signal

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.gate import Gate
from lib.host import Host

PROBES = {"livez": "/livez", "readyz": "/readyz"}
LOCAL = {"REMOTE_ADDR": "127.0.0.1"}
ELSEWHERE = {"REMOTE_ADDR": "10.0.0.1"}
ONE = {"default": {"workers": 1}}


def probe(host, rest="", status=200, extra=LOCAL, **keywords):
    """The document that a probe of /readyz is answered with."""
    reply = host.get("/readyz" + rest, extra=extra, **keywords)
    assert reply.status == status, (reply.status, reply.text)
    document = json.loads(reply.text)
    if status in (200, 503):
        assert document["ready"] is (status == 200)
    return document


def words(document, key="reasons"):
    return [(one["reason"], one.get("name")) for one in document.get(key, [])]


@pytest.fixture(scope="module")
def ready():
    with Host(handlers=["hello"], **PROBES) as host:
        yield host


def test_a_host_that_is_well(ready):
    """Breaks when: a host that serves is not alive or not ready, or the answer
    can be kept by a cache."""
    reply = ready.get("/livez", extra=ELSEWHERE)
    assert (reply.status, reply.text) == (200, "alive\n")
    assert reply.header("Cache-Control") == "no-store"
    assert probe(ready) == {"ready": True}
    assert probe(ready, extra=ELSEWHERE) == {"ready": True}
    for path in "/livez", "/readyz":
        reply = ready.ask("HEAD", path, extra=LOCAL)
        assert reply.status == 200 and reply.text == ""
        assert reply.header("Cache-Control") == "no-store"
    document = probe(ready, "?verbose")
    assert document["warnings"] == [] and document["generation"] == 1
    assert document["pools"] == {"default": {"ready": True, "reasons": []}}
    assert document["routes"]["GET /hello"]["ready"] is True
    done = ready.command("health")
    assert (done.returncode, done.stdout) == (0, "ready\n")
    done = ready.command("health", "--json", "--verbose")
    assert json.loads(done.stdout)["routes"] == document["routes"]


def test_parts(ready):
    """Breaks when: a part cannot be asked for by path, by query and by
    command, or one that there is not is ready."""
    for rest in ("/pools/default", "/routes/GET/hello", "?pool=default",
                 "?route=GET%20/hello&pool=default", "/routes/GET/hello?verbose"):
        probe(ready, rest)
    for rest, name in (("/pools/x", "x"), ("/models/x", "x"),
                       ("/routes/GET/x", "GET /x"),
                       ("?route=GET%20/hello&model=x", "x"),
                       ("/pools/default?model=x", "x")):
        assert words(probe(ready, rest, 404)) == [("unknown", name)]
    assert ready.command("health", "--route", "GET /hello", "--pool",
                         "default").returncode == 0
    done = ready.command("health", "--model", "x")
    assert done.returncode == 100 and "unknown x" in done.stdout


@pytest.mark.parametrize("rest", [
    "?rout=GET%20/hello", "?pool=", "?pool=%zz", "?pool=default%00",
    "/routes/GET", "?" + "pool=default&" * 33])
def test_what_is_not_understood(ready, rest):
    """Breaks when: a probe with a mistake in it is told that all is well."""
    assert ready.get("/readyz" + rest, extra=LOCAL).status == 400


def test_off_by_default():
    """Breaks when: probes are answered though nobody said so; or a handler's
    own route is taken from it."""
    with Host(handlers=["hello"], livez="/hello") as host:
        assert host.get("/readyz", extra=LOCAL).status == 404
        assert host.get("/hello").text != "alive\n"
        assert host.command("health").returncode == 0
        assert "livez" in host.log()


def test_nobody_else_is_waited_for():
    """Breaks when: a probe waits for a worker, for a place in a queue, or, if
    it is about life, for the supervisor."""
    pools = {"default": {"workers": 1, "queue": 1}}
    with Host(handlers=["live_gate", "hello"], pools=pools, **PROBES) as host, \
            Gate() as gate, host.connect() as first, host.connect() as second:
        first.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        second.send(fcgi.request("GET", "/hello-async"))
        wait_until(lambda: host.get("/hello-async").status == 503)
        assert probe(host) == {"ready": True}
        os.kill(host.pid, signal.SIGSTOP)
        assert host.get("/livez").status == 200
        os.kill(host.pid, signal.SIGCONT)
        probe(host)
        held.tell("go")
        assert first.read_reply().status == 200


def test_who_is_told_what():
    """Breaks when: who is not of this machine learns names or sentences
    without a key, or with readyz_auth anything at all."""
    model = {"path": "/nonexistent", "kind": "file", "required": False}
    with Host(handlers=["live_model"], models={"live-file": model},
              start=False, **PROBES) as host:
        digest = hashlib.sha256(b"a-key-of-the-probe").hexdigest()
        path = host.write("keys", "probe %s\n" % digest)
        os.chmod(path, 0o600)
        host.change(extra='auth "probes" { type = "key" keys_file = "%s" }\n'
                    % path)
        host.start()
        found = probe(host, "/models/live-file", 503)["reasons"][0]
        assert found["reason"] == "model" and "/nonexistent" in found["detail"]
        assert words(probe(host, "?verbose"), "warnings") == [
            ("model", "live-file")]
        assert "warning: model live-file" in \
            host.command("health", "--verbose").stdout
        assert probe(host, "/models/live-file", 503, ELSEWHERE) == {
            "ready": False, "reasons": [{"reason": "model"}]}
        assert probe(host, "?verbose", extra=ELSEWHERE) == {"ready": True}
        proxied = {"X-Forwarded-For": "127.0.0.1"}
        assert probe(host, "?verbose", headers=proxied) == {"ready": True}
        host.change(readyz_auth="probes")
        host.reload()
        host.get("/readyz", extra=LOCAL).problem(401)
        document = probe(host, "?verbose", extra=ELSEWHERE,
                         headers={"X-API-Key": "a-key-of-the-probe"})
        assert document["warnings"]
        assert host.get("/livez", extra=ELSEWHERE).status == 200


def test_a_breaker_is_its_route_s_alone():
    """Breaks when: a handler that crashes makes the host unready; or a route
    that is not ready never gets the request that would open it again."""
    with Host(handlers=["live_crash", "hello"], crashes=True,
              breaker_failures=3, breaker_pause="700ms", **PROBES) as host:
        for i in range(3):
            assert host.get("/crash?how=null&number=%d" % i).status == 500
        assert words(probe(host, "/routes/GET/crash", 503)) == [
            ("breaker", "GET /crash")]
        probe(host, "/routes/GET/hello")
        assert ("breaker", "GET /crash") in words(probe(host, "?verbose"),
                                                  "warnings")
        done = host.command("health", "-r", "GET /crash")
        assert done.returncode == 1
        assert done.stdout.startswith("not ready\n  breaker GET /crash: ")
        wait_until(lambda: host.get("/readyz/routes/GET/crash").status == 200)
        assert host.command("breaker", "open", "GET /hello").returncode == 0
        probe(host, "/routes/GET/hello", 503)
        assert probe(host) == {"ready": True}


def test_no_worker():
    """Breaks when: a host whose workers die as soon as they are there says
    that it is ready, or does not when one lives."""
    with Host(handlers=["hello"], pools=ONE, **PROBES) as host:
        def end_workers():
            for pid in host.pids("worker"):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return host.get("/readyz", extra=LOCAL).status == 503
        wait_until(end_workers)
        assert words(probe(host, "/pools/default", 503)) == [
            ("workers", None), ("workers", "default")]
        wait_until(lambda: host.get("/readyz").status == 200)
        probe(host, "/routes/GET/hello-async")


def test_a_front_that_stands_still():
    """Breaks when: the command says that a host is ready whose front would
    answer nobody; or a debugger that stops the front gets it killed where no
    service manager has asked for that, or where the watchdog is another
    process's."""
    environment = {"WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"}
    with Host(handlers=["hello"], environment=environment) as host:
        front = host.pid_of("front")
        os.kill(front, signal.SIGSTOP)
        done = host.command("health")
        os.kill(front, signal.SIGCONT)
        assert done.returncode == 1 and "  front: " in done.stdout
        assert host.command("health").returncode == 0
        assert host.pid_of("front") == front
        assert "WATCHDOG=1" not in host.notes


def test_a_start_that_takes_long():
    """Breaks when: a host that loads a model says that it is ready, or nobody
    learns what it waits for; or a model that failed makes it unready."""
    model = {"kind": "build", "required": False, "load_timeout": "600ms"}
    with Host(handlers=["live_model"], start=False, **PROBES) as host:
        model["path"] = host.write("model.bin", b"H")
        host.change(models={"live-build": model})
        host.start(wait=False)
        host.wait_note("STATUS=Starting: model live-build is loaded (1 of 1)")
        assert any(note == "EXTEND_TIMEOUT_USEC=30000000"
                   for note in host.notes)
        done = host.command("health")
        assert done.returncode == 1 and "  starting: " in done.stdout
        host.wait_ready()
        assert probe(host) == {"ready": True}
        probe(host, "/models/live-build", 503)


def test_a_model_that_does_not_fit_twice():
    """Breaks when: a host that refuses every request says that it is ready, or
    that it is dead."""
    model = {"kind": "build", "reload": "free-first", "load_timeout": "700ms"}
    with Host(handlers=["live_model"], start=False, **PROBES) as host:
        model["path"] = host.write("model.bin", b"good")
        host.change(models={"live-build": model})
        host.start()
        probe(host, "/models/live-build")
        host.write("model.bin", b"Hangs")
        with host.connect() as conn:
            host.send_signal(signal.SIGHUP)
            wait_until(lambda: words(json.loads(host.get(
                "/readyz").text)) == [("closed", None)])
            assert host.get("/livez").status == 200
            assert conn.ask("GET", "/model").status == 503
        host.wait_log("SIGHUP refused")


def test_a_stop_is_announced():
    """Breaks when: a stop comes without a word to who sends requests, or does
    not come; or it is said to systemd too late for its watchdog of the stop."""
    with Host(handlers=["hello"], stop_delay="1m", **PROBES) as host:
        with host.connect() as conn:
            host.send_signal(signal.SIGTERM)
            host.wait_note("STOPPING=1")
            assert words(probe(host, status=503)) == [("stopping", None)]
            assert host.get("/livez").status == 200
            assert host.get("/hello-async").status == 200
            assert conn.ask("GET", "/hello").status == 200
            done = host.command("health")
            assert done.returncode == 1 and "  stopping: " in done.stdout
            assert any("is about to stop" in note for note in host.notes)
        host.send_signal(signal.SIGTERM)
        assert host.wait_exit() == 0


def test_the_delay_ends():
    """Breaks when: a host that was told to stop once goes on for ever."""
    with Host(handlers=["hello"], stop_delay="300ms", **PROBES) as host:
        host.send_signal(signal.SIGTERM)
        wait_until(lambda: host.get("/readyz").status == 503)
        assert host.wait_exit() == 0
