"""Pages of other origins: what a browser is told of replies and preflights."""

import json
import os
import subprocess

import pytest

from lib import fcgi
from lib.host import BINARY, Host
from lib.tools import Tools

APP, OTHER = "https://app.example", "https://other.example"
LISTED = {"cors_origins": [APP, "http://localhost:8080"],
          "cors_expose": ["X-Total", "ETag"]}


def asked(conn, path, origin=APP, method="GET", **keywords):
    headers = {"Origin": origin} if origin else {}
    return conn.ask(method, path, headers=headers, **keywords)


def allowed(reply):
    return reply.header("Access-Control-Allow-Origin")


def test_every_reply_says_whose_page_may_read_it():
    """Breaks when: a reply of a handler, sync, async or in pieces, or of the
    host itself, says nothing, or the origin a client would like."""
    with Host(handlers=["hello", "stream"], **LISTED) as host:
        with host.connect() as conn:
            for path, status in (("/hello", 200), ("/hello-async", 200),
                                 ("/stream?count=3&interval_ms=1", 200),
                                 ("/nowhere", 404)):
                for origin in (APP, "http://localhost:8080"):
                    reply = asked(conn, path, origin)
                    assert reply.status == status
                    assert reply.all("Access-Control-Allow-Origin") == [
                        origin], path
                    assert reply.all("Vary") == ["Origin"]
                    assert reply.header("Access-Control-Expose-Headers") == (
                        "X-Total, ETag")
                    assert reply.header(
                        "Access-Control-Allow-Credentials") is None
                for origin in (OTHER, APP + ".evil", "null", None, APP[:-1]):
                    reply = asked(conn, path, origin)
                    assert reply.status == status and allowed(reply) is None
                    assert reply.header("Vary") == "Origin"
            reply = asked(conn, "/hello", method="DELETE")
            assert reply.status == 405 and allowed(reply) == APP
            assert asked(conn, "/hello", method="HEAD").body == b""


def test_preflights():
    """Breaks when: a preflight names other methods than the path has, or is
    answered for an origin that may not."""
    with Host(handlers=["hello"], cors_credentials=True, cors_max_age="90s",
              **LISTED) as host, host.connect() as conn:
        wish = {"Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "authorization"}
        reply = conn.ask("OPTIONS", "/hello", headers={"Origin": APP, **wish})
        assert reply.status == 204 and allowed(reply) == APP
        assert reply.header("Access-Control-Allow-Methods") == reply.header(
            "Allow") == "GET, HEAD, OPTIONS"
        assert reply.header("Access-Control-Allow-Headers") == (
            "Authorization, Content-Type, X-API-Key")
        assert reply.header("Access-Control-Max-Age") == "90"
        assert reply.header("Access-Control-Allow-Credentials") == "true"
        reply = conn.ask("OPTIONS", "/hello", headers={
            "Origin": OTHER, **wish})
        assert reply.status == 204 and allowed(reply) is None
        assert reply.header("Access-Control-Allow-Methods") is None
        reply = conn.ask("OPTIONS", "/hello", headers={"Origin": APP})
        assert reply.header("Access-Control-Allow-Methods") is None
        assert conn.ask("OPTIONS", "/no", headers={
            "Origin": APP, **wish}).status == 404


def preflight(conn, path, method, origin):
    return conn.ask("OPTIONS", path, headers={
        "Origin": origin, "Access-Control-Request-Method": method})


@pytest.fixture(scope="module")
def apart():
    """Routes with rules of their own beside those for all."""
    with Host(handlers=["live_cached"], crashes=True, routes={
            "GET /kept": {"cors_origins": [OTHER], "cors_credentials": True,
                          "cors_max_age": "90s"},
            "GET /kept-sync": {"cors_origins": []},
            "GET /brief": {"cors_expose": ["X-Brief"]}}, **LISTED) as host:
        yield host


def test_a_route_has_rules_of_its_own(apart):
    """Breaks when: a section route does not win, option by option, over what
    stands outside of sections; or one of the two holds for the other."""
    with apart.connect() as conn:
        for path, mine, says in (("/kept", OTHER, "true"),
                                 ("/never", APP, None), ("/no", APP, None)):
            for origin in (APP, OTHER):
                reply = asked(conn, path, origin)
                assert allowed(reply) == (origin if origin == mine else None)
            reply = asked(conn, path, mine)
            assert reply.header("Access-Control-Allow-Credentials") == says
            assert reply.header("Access-Control-Expose-Headers") == (
                "X-Total, ETag")
            assert reply.header("Vary") == "Origin"
        reply = asked(conn, "/kept-sync", APP)
        assert allowed(reply) is None and reply.header("Vary") is None
        reply = asked(conn, "/brief", APP)
        assert allowed(reply) == APP
        assert reply.header("Access-Control-Expose-Headers") == "X-Brief"
    routes = {(one["method"], one["path"]): one["cors_origins"]
              for one in json.loads(apart.command(
                  "routes", "-c", apart.file, "--json").stdout)}
    assert routes["GET", "/kept"] == [OTHER]
    assert routes["GET", "/kept-sync"] == []
    assert routes["GET", "/never"] == LISTED["cors_origins"]


def test_a_preflight_opens_one_method_and_no_other(apart):
    """Breaks when: a preflight has other rules than the method it asks for,
    or names a method of the same path whose rules are others."""
    methods = "Access-Control-Allow-Methods"
    with apart.connect() as conn:
        reply = preflight(conn, "/kept", "GET", OTHER)
        assert reply.status == 204 and allowed(reply) == OTHER
        assert reply.header(methods) == "GET, HEAD"
        assert reply.header("Access-Control-Max-Age") == "90"
        reply = preflight(conn, "/kept", "POST", APP)
        assert allowed(reply) == APP
        assert reply.header(methods) == "POST, OPTIONS"
        assert reply.header("Access-Control-Max-Age") == "600"
        for path, method, origin in (
                ("/kept", "POST", OTHER), ("/kept", "GET", APP),
                ("/kept", "HEAD", APP), ("/kept-sync", "GET", APP),
                ("/kept", "x" * 300, OTHER)):
            reply = preflight(conn, path, method, origin)
            assert reply.status == 204, (path, method)
            assert allowed(reply) is None and reply.header(methods) is None


def test_a_handler_does_not_say_it_too(apart):
    """Breaks when: of a handler's own Access-Control lines one stands beside
    ours, or, where nothing is said, is lost."""
    own = "?add=access-control-Allow-Origin:*"
    with apart.connect() as conn:
        for origin in (APP, OTHER):
            reply = asked(conn, "/never" + own, origin)
            assert reply.status == 200
            assert reply.all("Access-Control-Allow-Origin") == (
                [APP] if origin == APP else [])
        assert asked(conn, "/kept-sync" + own).all(
            "Access-Control-Allow-Origin") == ["*"]


def test_a_kept_reply_is_for_whoever_asks(apart):
    """Breaks when: who asks second gets the lines of who asked first."""
    with apart.connect() as conn:
        for path, mine, other in (("/kept", OTHER, APP),
                                  ("/brief", APP, OTHER)):
            first = asked(conn, path + "?two", mine)
            assert "fwd=miss" in first.header("Cache-Status")
            for origin, says in ((other, None), (mine, mine), (None, None)):
                reply = asked(conn, path + "?two", origin)
                assert "; hit;" in reply.header("Cache-Status")
                assert reply.body == first.body and allowed(reply) == says
                assert reply.all("Vary") == ["Origin"]


def test_a_cgi_program_says_the_same(apart):
    """Breaks when: `cgi` leaves out what a handler says of origins and says
    nothing itself, or says it where the front would not."""
    def ask(method, path, **headers):
        env = {**os.environ, **fcgi.environment(method, path, headers={
            name.replace("_", "-"): value for name, value in headers.items()})}
        done = subprocess.run(
            [BINARY, "cgi", "-c", apart.file], capture_output=True, env={
                name: value.decode() if isinstance(value, bytes) else value
                for name, value in env.items()})
        assert done.stdout.startswith(b"Status: "), done
        return fcgi.Reply(done.stdout, b"", 0, 0)
    own = "?add=Access-Control-Allow-Origin:*"
    for path, origin in (("/kept", OTHER), ("/never" + own, APP),
                         ("/no", APP)):
        for one in (APP, OTHER):
            reply = ask("GET", path, Origin=one)
            assert reply.all("Access-Control-Allow-Origin") == (
                [one] if one == origin else [])
            assert "Origin" in reply.all("Vary")
    reply = ask("OPTIONS", "/kept", Origin=OTHER,
                Access_Control_Request_Method="GET")
    assert reply.status == 204 and allowed(reply) == OTHER
    assert reply.header("Access-Control-Allow-Methods") == "GET, HEAD"


def test_any_origin():
    """Breaks when: "*" repeats the origin, or caches keep replies apart."""
    with Host(handlers=["hello"], cors_origins=["*"]) as host, \
            host.connect() as conn:
        reply = asked(conn, "/hello", OTHER)
        assert allowed(reply) == "*" and reply.header("Vary") is None
        assert allowed(asked(conn, "/hello", None)) is None


def test_nothing_is_said_by_default():
    """Breaks when: a host without origins says something of them."""
    with Host(handlers=["hello"]) as host, host.connect() as conn:
        reply = asked(conn, "/hello")
        assert allowed(reply) is None and reply.header("Vary") is None


@pytest.mark.parametrize("text, why", [
    ('cors_origins = { "*" }\ncors_credentials = true\n', "stands alone"),
    ('cors_origins = { "*", "https://a" }\n', "stands alone"),
    ('cors_origins = { "app.example" }\n', "is no origin"),
    ('cors_origins = { "https://a/" }\n', "is no origin"),
    ('cors_headers = { "X A" }\n', "no name of a header"),
    ('cors_origins = { "https://a" }\nheader_limit = \"2 KiB\"\n',
     "header_limit"),
    ('cors_origins = { "*" }\nroute "GET /hello" {\n'
     ' cors_credentials = true\n}\n', ":5: cors_credentials"),
    ('cors_credentials = true\nroute "GET /hello" {\n'
     ' cors_origins = { "*" }\n}\n', "stands alone"),
    ('route "GET /hello" { cors_origins = { "a" } }\n', "is no origin"),
    ('route "GET /hello" { cors_expose = { "X A" } }\n', "no name of a h"),
    ('route "GET /hello" { cors_origins = { "https://a" } }\n'
     'header_limit = "2 KiB"\n', "header_limit")])
def test_faults(text, why):
    """Breaks when: a line that would let in anybody, or nobody, is taken."""
    with Tools(["hello"], text) as tools:
        done = tools.run("check", "-c", tools.file)
        assert done.code != 0 and why in done.log, done.log
