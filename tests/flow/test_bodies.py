"""Request bodies: in memory, spooled, too large, unread."""

import json
import os
import signal
import subprocess

import pytest

from lib import fcgi
from lib.facts import lines
from lib.fcgi import wait_until
from lib.host import Host, memory, slack

SPOOLED = 64 << 10


def fnv(data):
    value = 14695981039346656037
    for byte in data:
        value = ((value ^ byte) * 1099511628211) & 0xffffffffffffffff
    return "%016x" % value


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["hello", "live_body", "live_gate", "live_show"],
              body_limit="8 MiB") as one:
        yield one


def spool_files(host):
    return [path for path in host.files_in_state()
            if "/spool/" in path]


@pytest.mark.parametrize("target", ["/body", "/body-sync"])
@pytest.mark.parametrize("size", [0, 1, 1000, SPOOLED - 1, SPOOLED,
                                  SPOOLED + 1, 200001])
def test_a_body_arrives_as_it_was_sent(host, target, size):
    """Breaks when: bytes, stream, descriptor and mapping differ."""
    body = bytes(i * 7 % 251 for i in range(size))
    facts = lines(host.post(target, body, chunk=8192))
    assert facts["length"] == str(size)
    assert facts["hash"] == fnv(body)
    assert facts["read"] == "same"
    if size > SPOOLED:
        assert facts["fd"] == "same"
        assert facts["mapped"] == "1", "a mapping of the spool file"
    else:
        assert facts["fd"] == "none"
    assert spool_files(host) == []


@pytest.mark.parametrize("chunk", [1, 1000, 65535])
def test_pieces_of_any_size(host, chunk):
    """Breaks when: the size of the STDIN records matters."""
    size = 3000 if chunk == 1 else 300000
    body = bytes(i % 256 for i in range(size))
    assert lines(host.post("/body", body, chunk=chunk))["hash"] == fnv(body)


@pytest.mark.parametrize("size", [100, 300000])
def test_without_a_content_length(host, size):
    """Breaks when: a body must announce its length."""
    env = fcgi.environment("POST", "/body", length=False)
    reply = host.ask("POST", "/body", b"u" * size, env=env)
    assert lines(reply)["length"] == str(size)


def test_at_the_limit(host):
    """Breaks when: body_limit is off by one."""
    limit = 8 << 20
    assert lines(host.post("/body", bytes(limit)))["length"] == str(limit)


@pytest.mark.parametrize("announced", [True, False])
def test_over_the_limit(host, announced):
    """Breaks when: a body over body_limit is not refused with a 413."""
    size = (8 << 20) + 1
    env = fcgi.environment("POST", "/body", extra={
        "CONTENT_LENGTH": str(size)} if announced else None,
        length=False)
    with host.connect() as conn:
        try:
            conn.send(fcgi.request(env=env, body=bytes(size)))
        except (BrokenPipeError, ConnectionResetError):
            pass
        conn.read_reply().problem(413)
    assert spool_files(host) == []


def test_announced_too_large_is_refused_before_it_comes(host):
    """Breaks when: the host takes a body in that it will refuse anyway."""
    env = fcgi.environment("POST", "/body", extra={
        "CONTENT_LENGTH": str(1 << 40)}, length=False)
    with host.connect() as conn:
        conn.send(fcgi.begin(), fcgi.stream(fcgi.PARAMS, fcgi.pairs(env)))
        conn.read_reply().problem(413)


@pytest.fixture(scope="module")
def limited():
    with Host(handlers=["hello", "live_body"], body_limit="100 kB", routes={
            "POST /body": {"body_limit": "1 MB"},
            "POST /body-sync": {"body_limit": 1000},
            "POST /unread": {"body_limit": 0}}) as one:
        yield one


@pytest.mark.parametrize("target,limit", [
    ("/body", 1000000), ("/body-sync", 1000), ("/unread", 0),
    ("/unread-async", 100000)])
@pytest.mark.parametrize("announced", [True, False])
def test_a_route_has_a_limit_of_its_own(limited, target, limit, announced):
    """Breaks when: a route's body_limit is off by one, does not hold, gives
    way to the general one, or its refusal costs the connection."""
    with limited.connect() as conn:
        for size, status in ((limit + 1, 413), (limit, 200)):
            env = fcgi.environment("POST", target, extra={
                "CONTENT_LENGTH": str(size)} if announced else None,
                length=False)
            conn.send(fcgi.request(env=env, body=bytes(size)))
            reply = conn.read_reply()
            assert reply.status == status
            if status == 413:
                reply.problem(413, says="body_limit .%d bytes" % limit)
        assert conn.get("/hello").status == 200
    assert spool_files(limited) == []


def test_a_route_s_limit_is_told_before_the_body_comes(limited):
    """Breaks when: the host waits for a body that it will refuse."""
    for env, piece in (({"CONTENT_LENGTH": "1001"}, b""), (None, b"x" * 1001)):
        env = fcgi.environment("POST", "/body-sync", extra=env, length=False)
        with limited.connect() as conn:
            conn.send(fcgi.begin(), fcgi.stream(fcgi.PARAMS, fcgi.pairs(env)),
                      fcgi.stream(fcgi.STDIN, piece, end=False))
            conn.read_reply().problem(413)


@pytest.mark.parametrize("target", ["/unread", "/unread-async"])
@pytest.mark.parametrize("size", [10, 500000])
def test_an_unread_body_does_not_harm_the_connection(host, target, size):
    """Breaks when: the rest of a body is taken for the next request (L12)."""
    with host.connect() as conn:
        for _ in range(3):
            assert conn.post(target, bytes(size)).body == b"not read\n"


def test_a_spooled_body_never_passes_through_the_heap():
    """Breaks when: front or worker hold a large body in private memory."""
    with Host(handlers=["live_body"], body_limit="128 MiB",
              pools={"default": {"workers": 1}}) as host:
        body = bytes(64 << 20)
        pids = [host.pid_of("front"), host.pid_of("worker")]
        assert host.post("/body", b"warm" * 50000).status == 200
        before = [memory(pid, "Anonymous") for pid in pids]
        facts = lines(host.post("/body", body))
        assert facts["length"] == str(len(body)) and facts["fd"] == "same"
        for pid, was in zip(pids, before):
            assert memory(pid, "Anonymous") - was < slack(4 << 20)


def test_a_spool_file_goes_with_its_client(host):
    """Breaks when: an upload that stops half-way leaves its file."""
    front = host.pid_of("front")

    def open_files():
        out = 0
        for name in os.listdir("/proc/%d/fd" % front):
            try:
                link = os.readlink("/proc/%d/fd/%s" % (front, name))
            except FileNotFoundError:
                continue
            out += link.startswith(host.state)
        return out
    before = open_files()
    with host.connect() as conn:
        conn.send(fcgi.request("POST", "/body", bytes(1 << 20))[:-300000])
        wait_until(lambda: open_files() > before, what="a spool file")
    wait_until(lambda: open_files() == before, what="its end")
    assert spool_files(host) == []


def test_a_spool_file_goes_with_its_worker(gate):
    """Breaks when: a killed worker leaves the body's file behind."""
    with Host(handlers=["live_gate"]) as host, host.connect() as conn:
        conn.send(fcgi.request("POST", gate.path(), bytes(1 << 20)))
        held = gate.accept()
        os.kill(held.pid, signal.SIGKILL)
        conn.read_reply().problem(500)
        wait_until(lambda: spool_files(host) == [], what="an empty spool")


def test_a_spool_file_goes_with_its_front(gate):
    """Breaks when: files of a killed front are left for ever."""
    with Host(handlers=["live_gate"]) as host, host.connect() as conn:
        conn.send(fcgi.request("POST", gate.path(), bytes(1 << 20)))
        gate.accept()
        with host.connect() as half:
            half.send(fcgi.request("POST", "/gate", bytes(1 << 20))[:-9999])
            old = host.kill_role("front")
        host.wait_replaced("front", old)
        assert host.get("/nothing").status == 404
        wait_until(lambda: spool_files(host) == [], what="an empty spool")


def test_state_dir_that_cannot_be_written_is_a_5xx_not_a_crash(host):
    """Breaks when: a full or missing spool directory kills the front."""
    with Host(handlers=["live_body"]) as own:
        assert own.post("/body", b"small").status == 200
        for folder, names, _ in os.walk(own.state, topdown=False):
            for name in names:
                path = os.path.join(folder, name)
                if not os.listdir(path):
                    os.rmdir(path)
        reply = own.post("/body", bytes(300000))
        if reply.status != 200:
            reply.problem()
            assert reply.status in (500, 503, 507)
        assert own.post("/body", b"small").status == 200
        assert "was killed" not in own.log()	# another may serve by now


@pytest.mark.parametrize("text,status", [
    (b'{"a": [1, 2.5, null, "\\u00e4"]}', 200), (b"[]", 200),
    (b"", 400), (b"{", 400), (b'{"a": 1} x', 400), (b"[" * 5000, 400),
    (b"nonsense", 400)])
def test_json(host, text, status):
    """Breaks when: a body that is not JSON is taken, or deep nesting kills."""
    reply = host.post("/json", text,
                      headers={"Content-Type": "application/json"})
    if status == 200:
        assert reply.json == json.loads(text)
    else:
        assert reply.problem(400)["detail"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
def test_a_full_disk_is_a_5xx():
    """Breaks when: a body that does not fit on the disk is served cut off,
    kills the front, or leaves its file."""
    with Host(handlers=["live_body"], start=False) as host:
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m",
                                "tmpfs", host.state], capture_output=True)
        if mount.returncode != 0:
            pytest.skip("mount: %s" % mount.stderr.decode())
        try:
            host.start()
            front = host.pid_of("front")
            for _ in range(3):
                reply = host.post("/body", bytes(4 << 20))
                reply.problem()
                assert reply.status in (500, 503, 507)
                assert host.post("/body", bytes(100000)).status == 200
            assert spool_files(host) == []
            assert host.pid_of("front") == front
            host.stop()
        finally:
            host.kill()
            subprocess.run(["umount", "-l", host.state], check=True)
