"""The shipped fcgi-host-streaming.conf in front of a Host."""

import json
import os
import time

import pytest

from lib.fcgi import wait_until
from lib.host import Host
from lib.nginx import Nginx


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["stream", "echo"]) as one:
        yield one


@pytest.fixture
def nginx(host):
    """New for each test: without kept connections to the host."""
    one = Nginx(host, stream=True, start=False)
    # The same location once more, for a handler that takes bodies.
    path = os.path.join(one.conf, "fcgi-host-streaming.conf")
    with open(path) as file:
        text = file.read()
    with open(path, "a") as file:
        file.write(text.replace("location /stream {", "location /echo {"))
    one.start()
    with one:
        yield one


def test_lines_come_one_by_one(nginx):
    """Breaks when: the reply is collected before it is passed on."""
    conn = nginx.connection()
    conn.request("GET", "/stream?count=4&interval_ms=300")
    response = conn.getresponse()
    begin = time.monotonic()
    arrived = []
    while response.readline():
        arrived.append(time.monotonic() - begin)
    conn.close()
    assert response.status == 200 and len(arrived) == 4
    assert arrived[-1] - arrived[0] > 0.3


def test_a_body_reaches_the_host_while_it_arrives(host, nginx):
    """Breaks when: nginx collects the body first, or the host wants a
    CONTENT_LENGTH, which a chunked body does not have."""
    before = host.status()["front"]["accepted"]
    with nginx.raw() as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: here\r\n"
                     b"Content-Type: text/plain\r\nConnection: close\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        wait_until(lambda: host.status()["front"]["accepted"] > before,
                   what="the host to see half a request")
        sock.sendall(b"7\r\n, last!\r\n0\r\n\r\n")
        reply = b"".join(iter(lambda: sock.recv(65536), b""))
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), reply
    body = body[body.index(b"{"):body.rindex(b"}") + 1]
    heard = json.loads(body)
    assert heard["body"] == "first, last!"
    assert "CONTENT_LENGTH" not in heard["params"] or \
        not heard["params"]["CONTENT_LENGTH"]


def test_the_limit_holds_for_a_chunked_body(nginx):
    """Breaks when: an unbuffered body may be of any size."""
    def endless():
        for _ in range(9):
            yield b"x" * (1 << 20)

    try:
        status = nginx.post("/echo", endless()).status
    except (BrokenPipeError, ConnectionResetError):
        return		# refused while we were still sending
    assert status == 413
