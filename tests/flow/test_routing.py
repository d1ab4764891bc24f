"""Paths and methods, and the tag that makes a route sync or async."""

from urllib.parse import unquote

import pytest

from lib import fcgi
from lib.facts import Facts
from lib.host import Host


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["hello", "live_show"]) as one:
        yield one


def process(host, target, **keywords):
    pid = int(host.get(target, **keywords).text.split()[0])
    return host.processes()[pid]


def test_the_tag_decides_where_a_route_runs(host):
    """Breaks when: sync routes leave the front or async ones run in it."""
    assert process(host, "/where") == "front"
    assert process(host, "/where-async") == "worker"


def test_the_same_function_gives_the_same_reply(host):
    """Breaks when: sync and async differ in anything a client sees."""
    sync, other = host.get("/hello"), host.get("/hello-async")
    assert (sync.status, sync.headers, sync.body) == (
        other.status, other.headers, other.body)


def test_the_config_changes_the_tag():
    """Breaks when: route "..." { async } does nothing."""
    with Host(handlers=["live_show"], routes={
            "GET /where": {"async": True},
            "GET /where-async": {"async": False}}) as own:
        assert process(own, "/where") == "worker"
        assert process(own, "/where-async") == "front"


def test_a_route_section_for_no_route_is_said():
    """Breaks when: a misspelt route section is silently nothing."""
    with Host(handlers=["hello"], routes={"GET /helo": {"async": True}},
              start=False) as own:
        done = own.command("check")
        assert done.returncode == 100
        assert "/helo" in done.stdout + done.stderr


@pytest.mark.parametrize("target,name,value", [
    ("/users/7", "param.id", "7"),
    ("/users/a%20b", "param.id", "a b"),
    ("/users/a%2Fb", None, None),
    ("/users/7/posts", "param.id", "7"),
    ("/users/me/posts", "param.id", "me"),
    ("/files/", "param.rest", ""),
    ("/files/a/b/c.txt", "param.rest", "a/b/c.txt"),
    ("/files/a//b", "param.rest", "a//b"),
])
def test_path_parameters(host, target, name, value):
    """Breaks when: {name} or {rest...} take the wrong part of a path.

    The web server decodes PATH_INFO, so this client does as well.
    """
    path = unquote(target)
    env = fcgi.environment("GET", target, extra={
        "PATH_INFO": path, "DOCUMENT_URI": path})
    reply = host.ask("GET", target, env=env)
    if name is None:
        assert reply.status in (200, 404)
    else:
        assert Facts(reply)[name] == value


def test_a_literal_wins_over_a_parameter(host):
    """Breaks when: /users/me is served as /users/{id}."""
    assert host.get("/users/me").text.split()[0].isdigit()


@pytest.mark.parametrize("target", [
    "/", "/nothing", "/hello/", "/hell", "/hellox", "/users", "/users/",
    "/users/7/", "/users/7/none", "//hello", "/HELLO", "/files", "",
    "/users//posts"])
def test_no_such_path(host, target):
    """Breaks when: something else than the path itself is matched."""
    host.get(target, extra={"REQUEST_ID": "r-404"}).problem(404, "r-404")


@pytest.mark.parametrize("method,target,allow", [
    ("POST", "/hello", {"GET", "HEAD", "OPTIONS"}),
    ("POST", "/users/7", {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}),
    ("GET", "/json", {"POST", "OPTIONS"}),
    ("HEAD", "/json", {"POST", "OPTIONS"}),
    ("PATCH", "/show-async", {"GET", "HEAD", "POST", "OPTIONS"}),
    ("BREW", "/hello", {"GET", "HEAD", "OPTIONS"}),
    ("get", "/hello", {"GET", "HEAD", "OPTIONS"}),
])
def test_wrong_method(host, method, target, allow):
    """Breaks when: a 405 or its Allow is missing (RFC 9110, 15.5.6)."""
    reply = host.ask(method, target)
    if method != "HEAD":
        reply.problem(405)
    assert reply.status == 405
    assert {part.strip() for part in reply.header("allow").split(",")} == allow


@pytest.mark.parametrize("target,allow", [
    ("/hello", {"GET", "HEAD", "OPTIONS"}),
    ("/users/7", {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}),
    ("/hello-async", {"GET", "HEAD", "OPTIONS"})])
def test_options(host, target, allow):
    """Breaks when: OPTIONS is not answered for every path."""
    reply = host.ask("OPTIONS", target)
    assert reply.status == 204 and reply.body == b""
    assert {part.strip() for part in reply.header("allow").split(",")} == allow


@pytest.mark.parametrize("target", ["/hello", "/hello-async"])
def test_head_is_get_without_a_body(host, target):
    """Breaks when: HEAD has a body, or other headers than GET."""
    with host.connect() as conn:
        get, head = conn.get(target), conn.ask("HEAD", target)
        assert head.status == 200 and head.body == b""
        assert head.headers == get.headers
        assert conn.get(target).body == get.body, "the connection is in step"


@pytest.mark.parametrize("status", ["404", "405"])
def test_head_of_a_refusal_has_no_body(host, status):
    """Breaks when: the host's own problem documents ignore HEAD."""
    with host.connect() as conn:
        reply = conn.ask("HEAD", "/json" if status == "405" else "/nothing")
        assert reply.status == int(status) and reply.body == b""
        assert conn.get("/hello").status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_several_methods_of_one_route(host, method):
    """Breaks when: "GET PUT DELETE" is not three routes."""
    assert Facts(host.ask(method, "/users/7"))["method"] == method


@pytest.mark.parametrize("env,path", [
    ({"SCRIPT_NAME": "/app", "PATH_INFO": "/show"}, "/show"),
    ({"SCRIPT_NAME": "/app", "PATH_INFO": "/app/show",
      "DOCUMENT_URI": "/app/show"}, "/show"),
    ({"SCRIPT_NAME": "/show", "PATH_INFO": ""}, "/show"),
    ({"SCRIPT_NAME": "/show", "PATH_INFO": None}, "/show"),
])
def test_where_the_path_comes_from(host, env, path):
    """Breaks when: a mount point is not taken off, or taken off by halves."""
    full = fcgi.environment("GET", "/show")
    full.update(env, REQUEST_URI="/show")
    full = {name: value for name, value in full.items() if value is not None}
    assert Facts(host.ask("GET", "/show", env=full))["path"] == path


def test_a_mount_point_ends_at_a_segment(host):
    """Breaks when: SCRIPT_NAME /sh is taken off /show."""
    full = fcgi.environment("GET", "/show")
    full.update(SCRIPT_NAME="/sh")
    assert host.ask("GET", "/show", env=full).status in (200, 404)


def test_routes_lists_what_is_served(host):
    """Breaks when: `routes` and the host disagree."""
    done = host.command("routes")
    assert done.returncode == 0, done.stderr
    for text in ("/hello-async", "/users/{id}", "/files/{rest...}",
                 "DELETE", "live_show", "what came"):
        assert text in done.stdout
