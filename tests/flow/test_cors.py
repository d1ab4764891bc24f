"""Pages of other origins: what a browser is told of replies and preflights."""

import pytest

from lib.host import Host
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
     "header_limit")])
def test_faults(text, why):
    """Breaks when: a line that would let in anybody, or nobody, is taken."""
    with Tools(["hello"], text) as tools:
        done = tools.run("check", "-c", tools.file)
        assert done.code != 0 and why in done.log, done.log
