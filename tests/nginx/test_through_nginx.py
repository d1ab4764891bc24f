"""A real nginx, configured as shipped, in front of the host."""

import json
import os
import re
import signal
import time

import pytest

from lib.host import Host
from lib.fcgi import wait_until
from lib.nginx import Nginx


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["hello", "echo", "upload", "stream", "live_gate",
                        "live_show", "live_reply", "live_body"],
              pools={"default": {"workers": 2, "queue": 2,
                                 "queue_timeout": "20s"},
                     "side": {"workers": 1}}, crashes=True) as one:
        yield one


@pytest.fixture(scope="module")
def nginx(host):
    with Nginx(host) as one:
        yield one


@pytest.fixture(autouse=True)
def quiet(nginx):
    """Nothing this host replies may be an error in nginx's log."""
    before = len(nginx.errors())
    yield
    found = [line for line in nginx.errors()[before:]
             if "client intended to send too large body" not in line]
    assert not found, "\n".join(found)


def problem(answer, status):
    assert answer.status == status, answer
    assert answer.header("Content-Type").startswith(
        "application/problem+json")
    document = json.loads(answer.body)
    assert document["status"] == status and document["instance"]
    if status == 503:
        assert int(answer.header("Retry-After")) >= 0
    return document


def test_sync_and_async(nginx):
    """Breaks when: the shipped files do not reach the handlers."""
    for target in ("/hello", "/hello-async"):
        answer = nginx.get(target)
        assert answer.status == 200 and answer.text == "Hello, world!\n"
        assert answer.header("Status") is None


def test_nginx_reuses_its_connections(host, nginx):
    """Breaks when: something in a reply makes nginx drop the connection.

    HEAD is left out: nginx 1.22 drops the connection after each, whatever
    the reply looks like.
    """
    before = host.status()["front"]["accepted"]
    conn = nginx.connection()
    for target in ("/hello", "/hello-async", "/reply/status?status=204",
                   "/reply/big?bytes=300000", "/nothing", "/reply/nothing",
                   "/reply-async/big?bytes=3000000", "/reply-async/lines",
                   "/reply/length?said=5&bytes=10") * 5:
        conn.request("GET", target)
        conn.getresponse().read()
    conn.close()
    assert host.status()["front"]["accepted"] - before <= 1


def test_path_query_and_headers(nginx):
    """Breaks when: fcgi-host.params lacks or doubles a parameter."""
    answer = nginx.get("/show?q=a%20b", headers={
        "X-Live-One": "v", "Cookie": "c=1", "Proxy": "http://evil"})
    lines = answer.text.splitlines()
    for line in ("is method=GET", "is path=/show", "is query=q%3Da%2520b",
                 "is q=a%20b", "is header=v", "is cookie=1", "is proxy=%",
                 "param REMOTE_ADDR=127.0.0.1"):
        assert line in lines, (line, answer.text)
    names = [line.split()[1].split("=")[0] for line in lines
             if line.startswith("param ")]
    assert len(names) == len(set(names)), "a parameter twice"
    assert "HTTP_PROXY" not in names


def test_encoded_path(nginx):
    """Breaks when: a path is decoded twice, or not at all."""
    assert "is param.id=a%20b\n" in nginx.get("/users/a%20b").text
    assert "is param.id=%2525\n" in nginx.get("/users/%2525").text


def test_the_request_id_is_nginx_s(nginx):
    """Breaks when: REQUEST_ID does not reach the host."""
    answer = nginx.get("/show")
    assert "is id=%s\n" % answer.header("X-Request-ID") in answer.text
    document = problem(nginx.get("/nothing"), 404)
    assert re.search(r"[0-9a-f]{32}", document["instance"])


@pytest.mark.parametrize("size", [0, 10, 65536, 1000000, 8 << 20])
def test_upload(nginx, size):
    """Breaks when: a body, spooled or not, does not arrive whole."""
    answer = nginx.post("/body", bytes(i % 251 for i in range(size)))
    assert "length=%d\n" % size in answer.text
    assert ("fd=same" if size > 65536 else "fd=none") in answer.text


def test_upload_example(nginx):
    """Breaks when: the example `upload` miscounts."""
    document = json.loads(nginx.post("/upload", b"u" * 200000).body)
    assert document["bytes"] == 200000 and document["spooled"]


def test_chunked_upload(nginx):
    """Breaks when: a body without Content-Length is lost."""
    conn = nginx.connection()
    conn.request("POST", "/body", iter([b"a" * 1000] * 100),
                 encode_chunked=True, headers={"Transfer-Encoding":
                                               "chunked"})
    assert b"length=100000\n" in conn.getresponse().read()
    conn.close()


def test_upload_too_large(nginx):
    """Breaks when: 413 is not a problem document."""
    conn = nginx.connection()
    conn.putrequest("POST", "/body")
    conn.putheader("Content-Length", str((8 << 20) + 1))
    conn.endheaders()
    response = conn.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["status"] == 413
    conn.close()


@pytest.mark.parametrize("size", [1100000, 3000000, 8 << 20])
def test_413_of_the_host(size):
    """Breaks when: the host stops reading a body it has refused, so that
    nginx fails in sending it before it sees the refusal."""
    with Host(handlers=["live_body"], body_limit="1 MiB") as host, \
            Nginx(host) as nginx:
        for _ in range(20):
            problem(nginx.post("/body", bytes(size)), 413)


def test_streaming_first_byte(nginx, gate):
    """Breaks when: nginx or the host holds back what was flushed."""
    with nginx.raw() as sock:
        sock.sendall(b"GET %s HTTP/1.1\r\nHost: t\r\n\r\n"
                     % gate.path().encode())
        held = gate.accept()
        held.tell("part")
        assert held.line() == "flushed"
        got = b""
        while b"part\n" not in got:
            chunk = sock.recv(4096)
            assert chunk
            got += chunk
        held.tell("go")
        while b"ok\n" not in got:
            got += sock.recv(4096)
        assert b"chunked" in got


def test_head_options_and_refusals(nginx):
    """Breaks when: HEAD, OPTIONS, 404 or 405 get lost on the way."""
    head = nginx.ask("HEAD", "/hello")
    assert head.status == 200 and head.body == b""
    assert head.header("Content-Length") == "14"
    options = nginx.ask("OPTIONS", "/hello")
    assert options.status == 204 and "GET" in options.header("Allow")
    problem(nginx.get("/nothing"), 404)
    refused = nginx.ask("DELETE", "/hello")
    problem(refused, 405)
    assert "GET" in refused.header("Allow")


def test_large_reply(nginx):
    """Breaks when: a reply of many buffers is cut."""
    answer = nginx.get("/reply-async/big?bytes=30000001", timeout=60)
    assert len(answer.body) == 30000001


def test_503_and_504_and_500_come_through(host, nginx, gate):
    """Breaks when: nginx replaces the host's own words."""
    with nginx.raw() as first, nginx.raw() as second, \
            nginx.raw() as third, nginx.raw() as fourth:
        for sock in (first, second):
            sock.sendall(b"GET %s HTTP/1.1\r\nHost: t\r\n\r\n"
                         % gate.path().encode())
        held = [gate.accept(), gate.accept()]
        for sock in (third, fourth):
            sock.sendall(b"GET /where-async HTTP/1.1\r\nHost: t\r\n\r\n")
        wait_until(lambda: host.status()["pools"][0]["queued"] == 2,
                   what="a full queue")
        document = problem(nginx.get("/where-async"), 503)
        assert "answer" not in document["detail"]
        for one in held:
            one.tell("go")
        for sock in (first, second, third, fourth):
            assert sock.recv(20).startswith(b"HTTP/1.1 200")
    problem(nginx.get(gate.path("/gate-short")), 504)
    gate.accept()			# that one, which is over
    with nginx.raw() as sock:
        sock.sendall(b"GET %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n"
                     b"\r\n" % gate.path().encode())
        os.kill(gate.accept().pid, signal.SIGKILL)
        got = b""
        while chunk := sock.recv(65536):
            got += chunk
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 500")
        assert json.loads(body)["status"] == 500


def test_header_too_large_for_nginx(nginx):
    """Breaks when: nginx says 502 for what the host should refuse."""
    assert nginx.get("/reply/fat-header?bytes=15000").status == 200
    problem(nginx.get("/reply/fat-header?bytes=17000"), 500)
    problem(nginx.get("/reply-async/fat-header?bytes=40000"), 500)


def test_client_that_leaves(nginx, gate):
    """Breaks when: a browser that is closed does not cancel its handler."""
    with nginx.raw() as sock:
        sock.sendall(b"GET %s HTTP/1.1\r\nHost: t\r\n\r\n"
                     % gate.path().encode())
        held = gate.accept()
    assert held.line() == "cancelled"


def test_motivating_case():
    """Breaks when: behind nginx, slow A holds up quick B and C."""
    def running(host, target):
        return [one for one in host.status()["routes"]
                if one["route"] == "GET " + target][0]["in_flight"]

    def run(host, nginx, target):
        socks = []
        begin = time.monotonic()
        for seconds in ("1", "0.1", "0.1"):
            sock = nginx.raw()
            sock.sendall(b"GET %s?seconds=%s HTTP/1.1\r\nHost: t\r\n\r\n"
                         % (target.encode(), seconds.encode()))
            socks.append(sock)
            wait_until(lambda: running(host, target))	# A is first
        took = {}
        for name, sock in (("b", socks[1]), ("c", socks[2]),
                           ("a", socks[0])):
            assert sock.recv(20).startswith(b"HTTP/1.1 200")
            took[name] = time.monotonic() - begin
            sock.close()
        return took
    with Host(handlers=["sleep"], pools={"default": {"workers": 3}}) as host, \
            Nginx(host) as nginx:
        took = run(host, nginx, "/sleep")
        assert took["b"] < 0.9 and took["c"] < 0.9
        took = run(host, nginx, "/sleep-sync")
        assert took["b"] > 1 and took["c"] > 1


def test_file_by_x_accel_redirect(tmp_path):
    """Breaks when: fh_reply_file does not make nginx send the file."""
    with Host(handlers=["live_reply"]) as host:
        folder = os.path.join(host.folder, "files")
        os.mkdir(folder)
        host.write("files/a file.bin", b"the file")
        with Nginx(host, files=folder) as nginx:
            answer = nginx.get(
                "/reply-async/file?path=/fcgi-host-files/a%20file.bin")
            assert answer.status == 200 and answer.body == b"the file"
            assert answer.header("X-Accel-Redirect") is None
            assert nginx.get("/fcgi-host-files/a%20file.bin").status == 404


def test_host_down_and_up_again(tmp_path):
    """Breaks when: with the host down a client gets nginx's HTML, or nginx
    does not find the host again."""
    with Host(start=False) as host, Nginx(host) as nginx:
        problem(nginx.get("/hello"), 503)
        host.start()
        assert nginx.get("/hello").status == 200
        host.stop()
        problem(nginx.get("/hello"), 503)
        host.start()
        assert nginx.get("/hello").status == 200


def test_front_killed_behind_nginx():
    """Breaks when: after a front died nginx's kept connections stay broken."""
    with Host() as host, Nginx(host) as nginx:
        assert nginx.get("/hello").status == 200
        old = host.kill_role("front")
        statuses = [nginx.get("/hello").status for _ in range(20)]
        host.wait_replaced("front", old)
        assert set(statuses) <= {200, 503}
        assert [nginx.get("/hello").status for _ in range(5)] == [200] * 5


def test_nothing_is_left_of_kept_connections(host, nginx):
    """Breaks when: the host keeps connections that nginx closed."""
    for _ in range(50):	# each HEAD costs nginx its connection
        assert nginx.ask("HEAD", "/hello").status == 200
    wait_until(lambda: host.status()["front"]["connections"] <= 64)
