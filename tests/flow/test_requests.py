"""What a handler is given: params, headers, cookies, fields, settings."""

import pytest

from lib.facts import Facts
from lib.host import Host

TARGETS = ("/show", "/show-async")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["live_show", "live_fcgx", "echo"],
              settings={"live_show": {"word": "set in the config"}}) as one:
        yield one


@pytest.mark.parametrize("target", TARGETS)
def test_headers_and_params(host, target):
    """Breaks when: a header or parameter is lost or renamed."""
    reply = host.get(target, headers={"X-Live-One": "one", "Accept": "*/*"},
                     extra={"SPECIAL": "s p"})
    facts = Facts(reply)
    assert facts["header"] == "one"
    assert facts.all("param", "SPECIAL") == ["s p"]
    assert facts.all("param", "HTTP_ACCEPT") == ["*/*"]
    assert facts["method"] == "GET" and facts["path"] == target


@pytest.mark.parametrize("target", TARGETS)
def test_http_proxy_is_dropped(host, target):
    """Breaks when: a Proxy header reaches a handler (httpoxy)."""
    facts = Facts(host.get(target, headers={"Proxy": "http://evil"}))
    assert facts["HTTP_PROXY"] is None and facts["proxy"] is None
    assert facts.all("param", "HTTP_PROXY") == []
    for name in ("/live-fcgx/method", "/live-fcgx-sync/method"):
        reply = host.get(name, headers={"Proxy": "http://evil"})
        assert reply.text == "GET  -\n"


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("query,fields", [
    ("", []),
    ("q=1", [("q", "1")]),
    ("q=a%20b+c&q=2&e=&f", [("q", "a b c"), ("q", "2"), ("e", ""),
                            ("f", "")]),
    ("a=%zz%4&b=%C3%A4", [("a", "%zz%4"), ("b", "\u00c3\u00a4")]),
    ("&&a=1&", [("a", "1")]),
    ("a=b=c", [("a", "b=c")]),
])
def test_query(host, target, query, fields):
    """Breaks when: a query field is decoded otherwise than a form's."""
    facts = Facts(host.get(target + "?" + query))
    assert facts["query"] == query
    assert facts.all("query") == fields
    if query.startswith("q"):
        assert facts["q"] == fields[0][1]


@pytest.mark.parametrize("target", TARGETS)
def test_form(host, target):
    """Breaks when: a form body is not read, or a JSON one is."""
    facts = Facts(host.post(target, b"f=one+two&g=%26", headers=FORM))
    assert facts.all("form") == [("f", "one two"), ("g", "&")]
    assert facts["field"] == "one two"
    other = Facts(host.post(target, b"f=1",
                            headers={"Content-Type": "text/plain"}))
    assert other.all("form") == []


@pytest.mark.parametrize("target", TARGETS)
def test_cookies(host, target):
    """Breaks when: cookies are split or chosen wrongly (RFC 6265)."""
    facts = Facts(host.get(target, headers={"Cookie":
                                            "c=first; d=a=b; c=second; e="}))
    assert facts["cookie"] == "first"
    assert facts.all("cookie") == [("c", "first"), ("d", "a=b"),
                                   ("c", "second"), ("e", "")]


@pytest.mark.parametrize("target", TARGETS)
def test_settings(host, target):
    """Breaks when: handler "name" { set } does not reach the handler."""
    assert Facts(host.get(target))["setting"] == "set in the config"


@pytest.mark.parametrize("given,kept", [
    ("abc-DEF_1.2", True), ("x" * 64, True), ("x" * 65, False), ("", False),
    ("a b", False), ("a\nb", False), ("\u00e4", False)])
def test_request_id(host, given, kept):
    """Breaks when: REQUEST_ID is not taken, or is taken as it comes."""
    for target in TARGETS:
        found = Facts(host.get(target, extra={"REQUEST_ID": given}))["id"]
        assert (found == given) == kept
        assert 1 <= len(found) <= 64


def test_own_request_ids_differ(host):
    """Breaks when: two requests get one id."""
    found = {Facts(host.get(target))["id"] for target in TARGETS * 50}
    assert len(found) == 100


def test_log_lines_of_a_request_name_it():
    """Breaks when: fh_log lines cannot be told apart by request."""
    with Host(handlers=["live_reply"]) as host:
        for target in ("/reply/log", "/reply-async/log"):
            host.get(target + "?text=word", extra={"REQUEST_ID": "r-77"})
            line = host.wait_log(r"said: word")
            assert "r-77" in line and "live_reply" in line
            host.lines.clear()


def test_a_log_line_cannot_be_forged():
    """Breaks when: a line break in fh_log makes a second line."""
    with Host(handlers=["live_reply"]) as host:
        host.get("/reply/log?text=a%0Afront[1]%20error%20forged")
        host.wait_log(r"said: a")
        assert not [line for line in host.lines
                    if line.startswith("front[1]")]


def test_echo_example(host):
    """Breaks when: the example `echo` loses a part of the request."""
    document = host.post("/echo?q=1", b"f=2", headers=dict(
        FORM, Cookie="c=3")).json
    text = str(document)
    for part in ("POST", "/echo", "'q'", "'f'", "'c'", "f=2"):
        assert part in text, (part, document)
