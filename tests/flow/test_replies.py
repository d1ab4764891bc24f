"""Replies: each kind a handler can make, sync and async alike."""

import pytest

from lib.host import Host


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["hello", "live_reply", "live_fcgx", "fcgx"]) as one:
        yield one


@pytest.fixture(params=["/reply/", "/reply-async/"])
def ask(host, request):
    with host.connect() as conn:
        def one(what, method="GET", **keywords):
            return conn.ask(method, request.param + what, **keywords)
        yield one
        assert conn.get("/hello").status == 200, "the connection is in step"


def test_text_has_type_and_length(host):
    """Breaks when: a whole reply leaves without Content-Length."""
    for target in ("/hello", "/hello-async"):
        reply = host.get(target)
        assert reply.header("content-length") == str(len(reply.body))
        assert reply.header("content-type") == "text/plain; charset=utf-8"


def test_json(ask):
    """Breaks when: fh_reply_json does not say it is JSON."""
    reply = ask("json")
    assert reply.header("content-type") == "application/json"
    assert reply.json == {"one": 1}


def test_headers_set_and_added(ask):
    """Breaks when: set does not replace, or add does."""
    reply = ask("cookies")
    assert reply.status == 201
    assert reply.all("set-cookie") == ["a=1", "b=2"]
    assert reply.all("x-once") == ["second"]


def test_file_by_the_web_server(ask):
    """Breaks when: fh_reply_file does not send X-Accel-Redirect."""
    reply = ask("file")
    assert reply.status == 200 and reply.body == b""
    assert reply.header("x-accel-redirect") in ("/internal/a file.bin",
                                                "/internal/a%20file.bin")
    assert reply.header("content-type") is None


def test_problem_of_a_handler(ask):
    """Breaks when: fh_problem is not a problem document in both modes."""
    document = ask("problem?status=422&field=%22na%5Cme%0A", extra={
        "REQUEST_ID": "p-1"}).problem(422, "p-1")
    assert document["detail"] == 'field ""na\\me\n"'


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("body", ["", "&body=1"])
def test_no_body_with_204_and_304(ask, status, body):
    """Breaks when: a body where none may be costs nginx its connection."""
    reply = ask("status?status=%d%s" % (status, body))
    assert reply.status == status and reply.body == b""


@pytest.mark.parametrize("status", [200, 201, 202, 299, 400, 418, 499, 599])
def test_any_status(ask, status):
    """Breaks when: a status without a known phrase is malformed."""
    assert ask("status?status=%d&body=1" % status).status == status


@pytest.mark.parametrize("what", ["big?bytes=100", "json", "lines", "cookies",
                                  "big?bytes=300000", "nothing",
                                  "problem?status=404"])
def test_head_never_has_a_body(ask, what):
    """Breaks when: a handler that ignores HEAD sends a body."""
    assert ask(what, method="HEAD").body == b""


def test_head_keeps_the_length(ask):
    """Breaks when: HEAD says another Content-Length than GET."""
    assert ask("big?bytes=100", method="HEAD").header(
        "content-length") == "100"


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 1000000])
def test_sizes(ask, size):
    """Breaks when: a body at the edge of the reply space is cut."""
    reply = ask("big?bytes=%d&piece=999" % size, method="GET")
    if size == 0:
        return	# nothing written: a case of its own
    assert reply.status == 200 and len(reply.body) == size


def test_a_large_reply_of_a_worker(host):
    """Breaks when: a reply is limited by the reply space."""
    with host.connect(60) as conn:
        reply = conn.get("/reply-async/big?bytes=40000001")
        assert len(reply.body) == 40000001


def test_a_sync_reply_over_its_limit():
    """Breaks when: a sync reply may grow without bound."""
    with Host(handlers=["live_reply"], sync_reply_limit="256 KiB") as host:
        reply = host.get("/reply/big?bytes=200000")
        assert len(reply.body) == 200000
        host.get("/reply/big?bytes=1000000").problem(500)
        assert len(host.get("/reply-async/big?bytes=1000000").body) == 10**6


def test_flushed_lines_arrive_whole(ask):
    """Breaks when: flushing loses or doubles bytes."""
    reply = ask("lines?count=50")
    assert reply.text == "".join("line %d\n" % i for i in range(50))


def test_headers_are_fixed_after_a_flush(ask):
    """Breaks when: a late header is promised but not sent."""
    reply = ask("late-header")
    assert reply.text.startswith("early\n")
    if "taken" in reply.text:	# sync: nothing has left yet
        assert reply.header("x-late") == "1"
    else:
        assert reply.header("x-late") is None


# ------------------------------------------------------- the libfcgi view

@pytest.fixture(params=["/live-fcgx/", "/live-fcgx-sync/"])
def cgi(host, request):
    with host.connect() as conn:
        def one(what, body=b"", method="POST"):
            return conn.ask(method, request.param + what, body)
        yield one
        assert conn.get("/hello").status == 200


def test_fcgx_status_and_lf_only_header(cgi):
    """Breaks when: the header of a libfcgi program needs CR LF."""
    reply = cgi("lf")
    assert reply.status == 201 and reply.body == b"lf\n"
    assert reply.header("content-type") == "text/x"


def test_fcgx_location_without_a_status(cgi):
    """Breaks when: Location alone is not a redirect (RFC 3875, 6.3.4)."""
    reply = cgi("location")
    assert reply.status == 302
    assert reply.header("location") == "http://localhost/new"


@pytest.mark.parametrize("size", [0, 1, 5000, 300000])
def test_fcgx_body_in_and_out(cgi, size):
    """Breaks when: `in` or `out` lose bytes at a buffer's end."""
    body = bytes(i % 253 for i in range(size))
    assert cgi("copy", body).body == body


def test_fcgx_err_goes_to_the_log(host, cgi):
    """Breaks when: err is lost, or becomes STDERR records."""
    reply = cgi("err")
    assert reply.body == b"said\n" and reply.stderr == b""
    host.wait_log("to the error stream")


@pytest.mark.parametrize("what", ["nothing", "no-blank", "garbage"])
def test_fcgx_reply_that_is_none(cgi, what):
    """Breaks when: a missing header or blank line reaches the client."""
    cgi(what).problem(500)


def test_fcgx_written_after_the_end(cgi):
    """Breaks when: what is printed after FClose is sent or crashes."""
    reply = cgi("after-end")
    if reply.status == 200:
        assert reply.body == b"whole\n"
    else:
        reply.problem(500)


def test_fcgx_example(host):
    """Breaks when: the example from a libfcgi program does not run."""
    assert host.get("/fcgx?x=1").status == 200
    assert host.post("/fcgx", b"some body").status == 200


def test_hop_by_hop_headers_are_refused(ask):
    """Breaks when: a handler's Transfer-Encoding breaks the framing."""
    for name in ("Transfer-Encoding", "Connection"):
        ask("header?name=%s&value=chunked" % name).problem(500, says=name)
