"""What replies have beside status, headers and body (reply.h)."""

import csv
import io
import json
import os
import re
import select
import time

from urllib.parse import quote

import pytest

from lib import fcgi
from lib.gate import Gate
from lib.host import Host

CONTENT = bytes(ord("a") + i % 23 for i in range(100000))
OLD = 784111777
THEN = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What /files has: of 1994, so that its tags are strong."""
    path = tmp_path_factory.mktemp("files")
    (path / "sub").mkdir()
    (path / "sub" / "page.html").write_bytes(b"<p>page")
    with open(path / "large", "wb") as file:
        file.write(b"first")
        file.truncate(48 << 20)
    os.symlink("/etc/passwd", path / "out")
    for name in ("sub/page.html", "large"):
        os.utime(path / name, (OLD, OLD))
    for one in (path, *path.parents):
        if one.stat().st_uid == os.geteuid() and str(one) != "/":
            one.chmod(one.stat().st_mode | 0o055)
    return path


@pytest.fixture(scope="module")
def host(folder):
    with Host(handlers=["hello", "live_answer"],
              pools={"default": {"workers": 1}},
              settings={"live-answer": {"folder": str(folder)}},
              sync_reply_limit="1 MiB") as one:
        yield one


@pytest.fixture(params=["/answer/", "/answer-async/"])
def ask(host, request):
    with host.connect() as conn:
        def one(what, method="GET", **headers):
            return conn.ask(method, request.param + what, headers={
                name.replace("_", "-"): value
                for name, value in headers.items()})
        yield one
        assert conn.get("/hello").status == 200, "the connection is in step"


def parts_of(reply):
    """[(content-range, bytes)] of a multipart/byteranges reply."""
    kind, boundary = reply.header("content-type").split("; boundary=")
    assert kind == "multipart/byteranges"
    begin, *parts, end = reply.body.split(b"\r\n--" + boundary.encode())
    assert begin == b"" and end == b"--\r\n"
    found = []
    for part in parts:
        head, _, body = part.partition(b"\r\n\r\n")
        found.append((re.search(rb"Content-Range: (.*)", head)[1].decode(),
                      body))
    return found


def test_not_modified(ask):
    """Breaks when: a client that has it gets it again."""
    for what in ("content", "pieces"):
        reply = ask(what + "?tag=v1")
        assert reply.status == 200 and reply.body == CONTENT
        assert reply.header("etag") == '"v1"'
        same = ask(what + "?tag=v1", If_None_Match='"v0", W/"v1"')
        assert same.status == 304 and same.header("etag") == '"v1"'
        assert ask(what + "?tag=v2", If_None_Match='"v1"').status == 200


def test_a_change_of_what_is_known(ask):
    """Breaks when: two clients overwrite each other's change."""
    assert ask("change?tag=v1", "PUT", If_Match='"v1"').status == 200
    lost = ask("change?tag=v2", "PUT", If_Match='"v1"')
    assert lost.problem(412) and lost.header("etag") == '"v2"'
    assert ask("change?tag=v1&weak", "PUT", If_Match='W/"v1"').status == 412
    assert ask("change", "PUT", If_None_Match="*").status == 200
    assert ask("change?tag=v1", "PUT", If_None_Match="*").status == 412


def test_ranges(ask):
    """Breaks when: a part is not the part that was asked for."""
    one = ask("content", Range="bytes=10-19")
    assert one.status == 206 and one.body == CONTENT[10:20]
    assert one.header("content-range") == "bytes 10-19/100000"
    several = ask("content", Range="bytes=0-9,50000-79999,-10")
    assert several.status == 206
    assert parts_of(several) == [
        ("bytes 0-9/100000", CONTENT[:10]),
        ("bytes 50000-79999/100000", CONTENT[50000:80000]),
        ("bytes 99990-99999/100000", CONTENT[-10:])]
    none = ask("content", Range="bytes=100000-")
    assert none.problem(416)
    assert none.header("content-range") == "bytes */100000"
    old = ask("content?tag=v2", Range="bytes=0-9", If_Range='"v1"')
    assert old.status == 200 and old.body == CONTENT


def test_range_bombs(ask):
    """Breaks when: a header of a few bytes makes us send more than all."""
    for bomb in ("bytes=" + ",".join(["0-"] * 1300),
                 "bytes=" + ",".join("%d-%d" % (i, i) for i in range(1300)),
                 "bytes=0-,0-", "bytes=0-99999,0-0"):
        reply = ask("content", Range=bomb)
        assert reply.status == 200 and reply.body == CONTENT, bomb[:40]


def test_files(host):
    """Breaks when: a file is not what it is, in whole or in part."""
    for path in ("/files/", "/files-sync/"):
        whole = host.get(path + "sub/page.html")
        assert whole.status == 200 and whole.body == b"<p>page"
        assert whole.header("content-type") == "text/html; charset=utf-8"
        assert whole.header("last-modified") == THEN
        tag = whole.header("etag")
        assert re.fullmatch(r'"[0-9a-f]+-7"', tag)
        part = host.get(path + "sub/page.html", headers={
            "Range": "bytes=3-", "If-Range": tag})
        assert part.status == 206 and part.body == b"page"
        for headers in ({"If-None-Match": tag}, {"If-Modified-Since": THEN}):
            assert host.get(path + "sub/page.html",
                            headers=headers).status == 304


def test_names_stay_in_the_folder(host):
    """Breaks when: a client reads what is not below the folder."""
    for name in ("", "sub", "none", "out", "../../../etc/passwd",
                 "sub/../../x", "/etc/passwd", "%2e%2e/x", "sub/..%2f..%2fx"):
        host.get("/files/" + name).problem(404)


def high_water(pid):
    with open("/proc/%d/status" % pid) as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) << 10


def test_a_large_file_is_not_read_into_memory(host):
    """Breaks when: a file passes through memory whole, or the front holds
    what its client has not read."""
    pids = [host.pids("front")[0], host.pids("worker")[0]]
    assert host.get("/files/sub/page.html").status == 200
    before = [high_water(pid) for pid in pids]
    with host.connect(60) as conn:
        reply = conn.get("/files/large")
    assert reply.status == 200 and len(reply.body) == 48 << 20
    assert reply.body.startswith(b"first\0")
    for pid, was in zip(pids, before):
        assert high_water(pid) - was < 24 << 20
    problem = host.get("/files-sync/large").problem(500)
    assert "sync_reply_limit" in problem["detail"]


def test_a_file_that_is_cut_while_it_is_sent(host, folder):
    """Breaks when: a short file looks whole, or takes the worker along."""
    path = folder / "cut"
    with open(path, "wb") as file:
        file.truncate(48 << 20)
    worker = host.pids("worker")
    with host.connect(60) as conn:
        conn.send(fcgi.request("GET", "/files/cut"))
        assert select.select([conn.sock], [], [], 15)[0]
        os.truncate(path, 1 << 20)
        with pytest.raises(ConnectionError):
            conn.read_reply()
    assert host.get("/hello-async").status == 200
    assert host.pids("worker") == worker
    host.wait_log("the file has become shorter")


def test_headers_are_not_split(ask):
    """Breaks when: a line break from a client gets into a header."""
    for what in ("cookie?name=a&value=b%0D%0AX-Split:%20y",
                 "cookie?name=a%0D%0AX-Split:&value=b",
                 "redirect?status=302&to=/x%0D%0AX-Split:%20y",
                 "redirect?status=302&to=//evil.example"):
        reply = ask(what)
        reply.problem(500)
        assert reply.header("x-split") is None
    saved = ask("download?name=a%0D%0AX-Split:%20y")
    assert saved.status == 200 and saved.header("x-split") is None
    assert saved.header("content-disposition") == \
        'attachment; filename="a__X-Split: y"'


def test_cookies_redirects_downloads(ask):
    """Breaks when: one of them is not what its RFC says."""
    cookies = ask("cookie?name=id&value=abc").all("set-cookie")
    assert cookies == [
        "id=abc; Path=/; Secure; HttpOnly; SameSite=Lax",
        "old=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; "
        "Secure; HttpOnly; SameSite=Lax"]
    reply = ask("redirect?status=303&to=/files/a%20b")
    assert reply.status == 303 and reply.body == b""
    assert reply.header("location") == "/files/a%20b"
    reply = ask("download?name=%C3%A9.txt")
    assert reply.header("content-disposition") == \
        "attachment; filename=\"__.txt\"; filename*=UTF-8''%C3%A9.txt"
    assert reply.header("cache-control") == "private, max-age=60"
    assert reply.header("vary") == "Accept-Language"


# ---------------------------------------------------- the type, and rows

def accept(host, target, value):
    return host.get(target, headers={} if value is None else
                    {"Accept": value})


@pytest.mark.parametrize("target", ["/rows", "/rows-async"])
def test_rows_in_what_is_accepted(host, target):
    """Breaks when: a client does not get the type it likes best, or the rows
    differ between types."""
    target += "?text=Berlin"
    for value in (None, "*/*", "text/html, */*;q=0.1",
                  "text/csv;q=0.5, application/json"):
        reply = accept(host, target, value)
        assert reply.header("content-type") == "application/json"
        assert reply.header("vary") == "Accept"
        assert reply.json == [
            {"name": "Berlin", "people": 0, "height": 12.5,
             "founded": "1237-10-28"},
            {"name": "Berlin", "people": -1, "height": None,
             "founded": "1237-10-28"}]
    lines = accept(host, target, "application/jsonl")
    assert lines.header("content-type") == "application/jsonl"
    assert [json.loads(line) for line in lines.body.splitlines()] == \
        reply.json
    table = accept(host, target, "text/*, application/json;q=0.9")
    assert table.header("content-type") == \
        "text/csv; charset=utf-8; header=present"
    assert table.body == (b"name,people,height,founded\r\n"
                          b"Berlin,0,12.5,1237-10-28\r\n"
                          b"Berlin,-1,,1237-10-28\r\n")


def test_nothing_acceptable(host):
    """Breaks when: serve() is called for a client that takes none of it, or
    a client is not told what there is."""
    for target in ("/rows", "/rows-async"):
        reply = accept(host, target, "text/html, image/png")
        assert reply.problem(406)["types"] == [
            "text/csv", "application/json", "application/jsonl"]
        assert reply.header("vary") == "Accept"
    assert accept(host, "/chosen", "*/*").body == b"image/png"
    reply = accept(host, "/chosen", "text/*")
    assert reply.body == b"text/plain"
    assert reply.header("content-type") == "text/plain; charset=utf-8"
    assert accept(host, "/chosen", "application/json").problem(406)
    # A route that declares nothing takes everybody.
    assert accept(host, "/hello", "image/png").status == 200


def test_texts_in_csv(host):
    """Breaks when: a text comes out of CSV as another, but for those that a
    spreadsheet would compute."""
    for text in ("a,b", 'say "x"', "two\r\nlines", " blank ", "", "\u00fc",
                 "x" * 1000 + '"', "a=b", "1-2", "'quoted'"):
        reply = accept(host, "/rows?count=1&text=" + quote(text), "text/csv")
        header, row = csv.reader(io.StringIO(reply.body.decode(),
                                             newline=""))
        assert row[0] == text
    for text in ("=1+1", "+1", "-1", "@x", "\tx", '=cmd|"/c"'):
        reply = accept(host, "/rows?count=1&text=" + quote(text), "text/csv")
        header, row = csv.reader(io.StringIO(reply.body.decode(),
                                             newline=""))
        assert row[0] == "'" + text
        same = accept(host, "/rows?count=1&text=" + quote(text),
                      "application/jsonl")
        assert json.loads(same.body)["name"] == text


def test_the_example_of_a_table():
    """Breaks when: what handlers/planets.c promises is not so."""
    with Host(handlers=["planets"]) as host:
        reply = host.get("/planets")
        assert reply.json[2] == {"name": "Earth", "radius_km": 6371,
                                 "moons": 1, "has_rings": False}
        assert reply.header("cache-control") == "public, max-age=3600"
        tag = reply.header("etag")
        assert host.get("/planets", headers={
            "If-None-Match": tag}).status == 304
        table = host.get("/planets?save=yes", headers={
            "Accept": "text/csv", "If-None-Match": tag})
        assert table.body.startswith(
            b"name,radius_km,moons,has_rings\r\nMercury,2439.7,0,false\r\n")
        assert table.header("content-disposition") == \
            'attachment; filename="planets.csv"'
        assert host.get("/planets", headers={
            "Accept": "image/png"}).problem(406)


def test_many_rows_stream(host):
    """Breaks when: a table has to fit into memory."""
    for value in ("text/csv", "application/jsonl", "application/json"):
        reply = accept(host, "/rows-async?count=20000&text=x", value)
        assert reply.status == 200 and len(reply.body) > 400000
        assert reply.header("content-length") is None


# -------------------------------------------------------- Server-Timing

def timing(reply):
    """{"queue": milliseconds, ...}"""
    found = re.fullmatch(r"queue;dur=(\d+\.\d{3}), run;dur=(\d+\.\d{3}), "
                         r"write;dur=(\d+\.\d{3})",
                         reply.header("server-timing"))
    return dict(zip(("queue", "run", "write"), map(float, found.groups())))


def test_server_timing_when_asked_for():
    """Breaks when: where the time went is not said, is said of another part,
    or is said to who did not ask."""
    with Host(handlers=["hello", "sleep", "live_gate"], server_timing=True,
              pools={"default": {"workers": 1}},
              routes={"GET /hello": {"server_timing": False}}) as host:
        assert host.get("/hello").header("server-timing") is None
        sync = timing(host.get("/sleep-sync?seconds=0.1"))
        assert sync["queue"] < 50 and 90 <= sync["run"] < 5000
        assert sync["write"] < 1000
        with Gate() as gate, host.connect() as first, \
                host.connect() as second:
            first.send(fcgi.request("GET", gate.path()))
            held = gate.accept()
            second.send(fcgi.request("GET", "/hello-async"))
            assert host.get("/hello").status == 200	# it is read
            time.sleep(0.1)
            held.tell("go")
            ran = timing(first.read_reply())
            waited = timing(second.read_reply())
        assert 90 <= ran["run"] < 10000
        assert 90 <= waited["queue"] < 10000
        assert waited["run"] < 1000
        # The host's own answers ran nowhere.
        assert host.get("/none").header("server-timing") is None


def test_server_timing_of_one_route():
    """Breaks when: a route cannot ask for it alone."""
    with Host(handlers=["hello", "live_answer"],
              routes={"GET /answer-async/{what}": {"server_timing": True},
                      "GET /rows": {"server_timing": True}}) as host:
        assert host.get("/hello").header("server-timing") is None
        assert host.get("/answer/content").header("server-timing") is None
        for what in ("content", "pieces", "redirect?status=302&to=/x"):
            assert timing(host.get("/answer-async/" + what))
        assert timing(host.get("/rows?text=x"))
        assert timing(accept(host, "/rows", "image/gif"))	# a 406
