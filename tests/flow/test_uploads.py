"""Forms with files, and what becomes of the files."""

import hashlib
import os
import random

import pytest

from lib import fcgi
from lib.host import Host, memory, slack

BOUNDARY = "----WebKitFormBoundaryX"
SPOOLED = 64 << 10


def part(name, value, filename=None, type_=None, boundary=BOUNDARY):
    head = '--%s\r\nContent-Disposition: form-data; name="%s"' % (
        boundary, name)
    if filename is not None:
        head += '; filename="%s"' % filename
    if type_:
        head += "\r\nContent-Type: " + type_
    value = value if isinstance(value, bytes) else value.encode()
    return head.encode() + b"\r\n\r\n" + value + b"\r\n"


def form(*parts, boundary=BOUNDARY):
    return b"".join(parts) + b"--%s--\r\n" % boundary.encode()


def send(host, body, target="/upload/form", boundary=BOUNDARY, **keywords):
    return host.post(target, body, extra={
        "CONTENT_TYPE": "multipart/form-data; boundary=" + boundary},
        **keywords)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def host(folder):
    with Host(handlers=["upload"], settings={"upload": {"folder": folder}},
              body_limit="64 MiB", params_limit="1 MiB",
              write_paths=[str(folder)],
              pools={"default": {"workers": 1}}) as one:
        yield one


@pytest.mark.parametrize("size", [0, 1000, SPOOLED, 1 << 20])
def test_fields_and_files_arrive(host, folder, size):
    """Breaks when: a file of a form is not what was sent, in memory or
    spooled; or is not kept whole under a safe name."""
    data = random.Random(size).randbytes(size)
    body = form(part("title", "Grüße"), part("f", data, "../../x y.PNG",
                                             "image/png"),
                part("g", b"\r\n--" + BOUNDARY.encode()[:-1], "con"),
                part("h", b"", ""))
    reply = send(host, body, chunk=8192)
    assert reply.status == 200, reply
    got = reply.json
    assert got["fields"] == {"title": len("Grüße".encode())}
    assert got["spooled"] == (len(body) > SPOOLED)
    first, second = got["files"]
    assert first["field"] == "f" and first["filename"] == "../../x y.PNG"
    assert first["name"] == "x y.PNG" and first["type"] == "image/png"
    assert first["bytes"] == size
    assert first["sha256"] == hashlib.sha256(data).hexdigest()
    assert second["name"] == "_con"
    assert second["type"] == "application/octet-stream"
    kept = sorted(os.listdir(folder))
    assert [name.split("-", 4)[-1] for name in kept] == ["x y.PNG", "_con"]
    assert (folder / kept[0]).read_bytes() == data
    for name in kept:
        (folder / name).unlink()


@pytest.mark.parametrize("body,says", [
    (form(part("a", "1"))[:-6], "it ends in a part"),
    (form(b"--%s\r\n\r\n\r\n" % BOUNDARY.encode()), "no Content-Disposition"),
    (form(b"--%s\r\nContent-Disposition: form-data\r\n\r\n\r\n"
          % BOUNDARY.encode()), "a part has no name"),
    (form(part("a", "1", "x\r\nX-Evil: 1")), "malformed"),
    (form(part("a", "1", "x", "a\rb")), "malformed"),
    (form(b"--%s\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n\r\n"
          % BOUNDARY.encode()), "not UTF-8"),
    (b"", "nowhere in it")])
def test_a_malformed_form_is_a_400(host, body, says):
    """Breaks when: a form that can be read in two ways is read in one."""
    assert send(host, body).problem(400, says=says)


@pytest.mark.parametrize("boundary,says", [
    ("x" * 71, "1 to 70"), ("x" * 900000, "1 to 70"),
    ('"x\\"', "malformed"), ("a; boundary=b", "two boundaries")])
def test_a_bad_boundary_is_a_400(host, boundary, says):
    """Breaks when: a boundary of any length is looked for."""
    send(host, form(part("a", "1")), boundary=boundary).problem(400, says=says)


PNG = b"\x89PNG\r\n\x1a\n"


def test_a_declared_form(host, folder):
    """Breaks when: a declared file is not the one that was sent, spooled or
    not."""
    data = random.Random(1).randbytes(200000)
    reply = send(host, form(part("title", "Juist"),
                            part("photos", PNG, "a.png", "image/png"),
                            part("photos", data, "b.jpg", "image/jpeg"),
                            part("cover", b"c", "c.jpg", "image/jpeg")),
                 "/upload/album")
    assert reply.status == 200, reply
    assert reply.json["title"] == "Juist"
    assert [(one["field"], one["filename"], one["sha256"])
            for one in reply.json["files"]] == [
        (field, name, hashlib.sha256(bytes_).hexdigest())
        for field, name, bytes_ in (("photos", "a.png", PNG),
                                    ("photos", "b.jpg", data),
                                    ("cover", "c.jpg", b"c"))]
    for name in os.listdir(folder):
        (folder / name).unlink()


def test_a_form_that_is_not_as_declared(host, folder):
    """Breaks when: a fault of a file hides another, has other words than those
    of fields, or serve() is called all the same."""
    errors = send(host, form(
        part("photos", PNG, "a.gif", "image/gif"),
        part("photos", b"", "b.png", "image/png"),
        part("cover", "none"), part("more", PNG, "x.png", "image/png")),
        "/upload/album").problem(422)["errors"]
    assert [(one["loc"], one["type"]) for one in errors] == [
        (["body", "title"], "missing"), (["body", "cover"], "file_type"),
        (["body", "photos", 0], "file_media_type"),
        (["body", "photos", 1], "file_too_small"),
        (["body", "more"], "extra_forbidden")]
    assert errors[2]["msg"] == ("File should be of type 'image/png' or "
                                "'image/jpeg'")
    assert errors[2]["input"] == "image/gif"
    assert errors[3]["input"] == "b.png"
    large = form(part("title", "x"), part("photos", b"x" * (8 << 20 | 1),
                                          "x.png", "image/png"))
    (one,) = send(host, large, "/upload/album",
                  chunk=65000).problem(422)["errors"]
    assert one == {"loc": ["body", "photos", 0], "type": "file_too_large",
                   "msg": "File should have at most 8388608 bytes",
                   "input": "x.png", "ctx": {"max_length": 8 << 20,
                                             "actual_length": 8 << 20 | 1}}
    assert os.listdir(folder) == []


def test_a_form_with_files_is_multipart(host):
    """Breaks when: a form that can have no files is taken, and the client is
    told that they are missing."""
    refused = host.post("/upload/album", b"title=x&photos=x", extra={
        "CONTENT_TYPE": "application/x-www-form-urlencoded"})
    refused.problem(415, says="multipart/form-data")
    assert refused.header("Accept") == "multipart/form-data"
    (one, other) = host.post("/upload/album").problem(422)["errors"]
    assert one["type"] == other["type"] == "missing"


def test_ten_thousand_fields_are_a_413(host):
    """Breaks when: fields cost memory without a bound."""
    body = form(*[part("a%d" % i, "") for i in range(10000)])
    send(host, body).problem(413, says="form_fields")
    body = form(*[part("a", "", "x") for _ in range(101)])
    send(host, body).problem(413, says="form_files")
    body = form(part("a", b"x" * (2 << 20)))
    send(host, body).problem(413, says="form_memory")


@pytest.mark.parametrize("size", [10, 1 << 20])
def test_put_keeps_a_body(host, folder, size):
    """Breaks when: a raw body is not kept whole, or one that is there is
    written over."""
    data = random.Random(size).randbytes(size)
    assert host.ask("PUT", "/upload/raw.bin", data).status == 201
    host.ask("PUT", "/upload/raw.bin", b"another").problem(409)
    assert (folder / "raw.bin").read_bytes() == data
    host.ask("PUT", "/upload/..", data).problem(400)
    assert os.listdir(folder) == ["raw.bin"]
    (folder / "raw.bin").unlink()


def test_a_file_never_lies_on_the_heap(host, folder):
    """Breaks when: the worker copies a file of a form into its memory."""
    send(host, form(part("f", b"warm" * 50000, "x")))
    before = memory(host.pid_of("worker"), "Anonymous")
    reply = send(host, form(part("f", bytes(32 << 20), "x")))
    assert reply.json["files"][0]["bytes"] == 32 << 20
    assert memory(host.pid_of("worker"), "Anonymous") - before < slack(4 << 20)
    for name in os.listdir(folder):
        (folder / name).unlink()


def test_in_the_front_too(folder):
    """Breaks when: a sync handler sees another form than an async one."""
    with Host(handlers=["upload"], routes={
            "POST /upload/form": {"async": False}}) as host:
        for size in (100, 1 << 20):
            got = send(host, form(part("f", b"x" * size, "a.txt"))).json
            assert got["files"][0]["bytes"] == size
            assert got["files"][0]["name"] == "a.txt"
