"""Conditions, ranges and redirects through a real nginx as shipped."""

import os

import pytest

from lib.host import Host
from lib.nginx import Answer, Nginx

CONTENT = bytes(ord("a") + i % 23 for i in range(100000))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("files")
    (path / "a.txt").write_bytes(CONTENT)
    os.utime(path / "a.txt", (784111777, 784111777))
    for one in (path, *path.parents):
        if one.stat().st_uid == os.geteuid() and str(one) != "/":
            one.chmod(one.stat().st_mode | 0o055)
    return path


@pytest.fixture(scope="module")
def host(folder):
    with Host(handlers=["hello", "live_answer"],
              settings={"live-answer": {"folder": str(folder)}},
              routes={"GET /rows-async": {"server_timing": True}}) as one:
        yield one


@pytest.fixture(scope="module")
def nginx(host, folder):
    with Nginx(host, files=str(folder) + "/") as one:
        yield one


PATHS = ("/answer/content?tag=v1", "/answer-async/content?tag=v1",
         "/files/a.txt", "/accel/a.txt")


@pytest.mark.parametrize("path", PATHS)
def test_ranges(nginx, path):
    """Breaks when: nginx cuts a part of a part, or leaves it out.  The last
    is a file of nginx's own, by X-Accel-Redirect."""
    whole = nginx.get(path)
    assert whole.status == 200 and whole.body == CONTENT
    assert whole.header("Accept-Ranges") == "bytes"
    part = nginx.get(path, headers={"Range": "bytes=10-19",
                                    "If-Range": whole.header("ETag")})
    assert part.status == 206 and part.body == CONTENT[10:20]
    assert part.header("Content-Range") == "bytes 10-19/100000"
    parts = nginx.get(path, headers={"Range": "bytes=0-0,-1"})
    assert parts.status == 206
    assert parts.header("Content-Type").startswith("multipart/byteranges;")
    assert len(parts.body) == int(parts.header("Content-Length")) < 1000
    none = nginx.get(path, headers={"Range": "bytes=100000-"})
    assert none.status == 416
    assert none.header("Content-Range") == "bytes */100000"
    other = nginx.get(path, headers={"Range": "bytes=0-0",
                                     "If-Range": '"other"'})
    assert other.status == 200 and other.body == CONTENT


@pytest.mark.parametrize("path", PATHS)
def test_not_modified_keeps_the_connection(nginx, path):
    """Breaks when: a 304 has a body, or costs its connection."""
    conn = nginx.connection()
    tag = nginx.get(path).header("ETag")
    for _ in range(3):
        conn.request("GET", path, headers={"If-None-Match": tag})
        answer = Answer(conn.getresponse())
        assert answer.status == 304 and answer.body == b""
        assert answer.header("ETag") == tag
        kept = conn.sock
        assert kept is not None
        conn.request("GET", "/hello")
        assert Answer(conn.getresponse()).text == "Hello, world!\n"
        assert conn.sock is kept
    conn.close()


def test_rows_and_their_timing(nginx):
    """Breaks when: nginx keeps Accept from the host, or Vary or
    Server-Timing from the client."""
    answer = nginx.get("/rows-async?text=x", headers={"Accept": "text/csv"})
    assert answer.text.startswith("name,people,")
    assert answer.header("Vary") == "Accept"
    assert "queue;dur=" in answer.header("Server-Timing")
    assert "application/json" in nginx.get(
        "/rows-async", headers={"Accept": "image/gif"}).text


def test_redirects_keep_the_prefix(host, folder):
    """Breaks when: below a prefix a redirect leads out of it."""
    nginx = Nginx(host, start=False)
    path = os.path.join(nginx.conf, "fcgi-host-location.conf")
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace("location / {", "location /app/ {").replace(
            'SCRIPT_NAME "";', "SCRIPT_NAME /app;"))
    nginx.start()
    with nginx:
        answer = nginx.get("/app/answer/redirect?status=308&to=/hello")
        assert answer.status == 308
        assert answer.header("Location") == "/app/hello"
        assert nginx.get(answer.header("Location")).status == 200
