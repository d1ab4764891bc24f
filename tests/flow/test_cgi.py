"""`fcgi-host cgi`: a CGI program (RFC 3875), without any web server."""

import json
import os
import subprocess
import time

import pytest

from lib.host import BINARY
from lib.tools import Tools


def test_the_least_a_server_must_send():
    """Breaks when: a variable that RFC 3875 does not demand is needed."""
    with Tools(["hello"]) as tools:
        done = subprocess.run(
            [BINARY, "cgi", "-c", tools.file], capture_output=True,
            env={"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET",
                 "PATH_INFO": "/hello"}, stdin=subprocess.DEVNULL)
    assert done.stdout.startswith(b"Status: 200 OK\r\n")
    assert done.stdout.endswith(b"\r\n\r\nHello, world!\n")
    assert done.returncode == 0 and done.stderr == b""


def test_sync_and_async_handlers_answer():
    """Breaks when: an async route is not run inline."""
    with Tools(["hello"]) as tools:
        for path in ("/hello", "/hello-async"):
            reply = tools.cgi("GET", path)
            assert (reply.status, reply.text) == (200, "Hello, world!\n")
            assert reply.headers["content-length"] == "14"
            assert reply.log == "" and reply.code == 0
        reply = tools.cgi("HEAD", "/hello")
        assert reply.body == b"" and reply.headers["content-length"] == "14"


def test_the_programs_own_url_is_the_root():
    """Breaks when: SCRIPT_NAME, which is not ours to route, is routed."""
    with Tools(["echo"]) as tools:
        tools.add("tools_serve")
        assert tools.cgi("OPTIONS", "").status == 204
        assert tools.cgi("GET", "/cgi-bin/host").status == 404
        reply = tools.cgi("GET", "/echo", SCRIPT_NAME="/echo")
        assert json.loads(reply.text)["path"] == "/echo"


def test_a_handler_sees_the_environment():
    """Breaks when: a variable is lost, or a request's Proxy header is not."""
    with Tools(["echo"]) as tools:
        reply = tools.cgi("GET", "/echo", QUERY_STRING="a=b", HTTP_X_ONE="1",
                          HTTP_PROXY="http://evil/", REMOTE_USER="me",
                          REQUEST_ID="abc-1")
        seen = json.loads(reply.text)
    assert seen["path"] == "/echo" and seen["query"] == {"a": "b"}
    assert seen["headers"]["x-one"] == "1"
    assert seen["params"]["REMOTE_USER"] == "me"
    assert seen["request_id"] == "abc-1"
    assert "HTTP_PROXY" not in seen["params"]


def test_bodies_end_where_they_should():
    """Breaks when: a body is read past, cut, or waited for."""
    data = os.urandom(150000)
    with Tools(["tools_serve"], 'body_limit = "1 MiB"\n') as tools:
        def put(stdin, **variables):
            return tools.cgi("POST", "/tools/body", stdin, **variables)

        assert put(b"hello").text == "5 bytes, sum 532, in memory\n"
        assert put(b"hello, and more", CONTENT_LENGTH="5").text == \
            "5 bytes, sum 532, in memory\n"
        assert put(data).text == "150000 bytes, sum %d, spooled\n" % sum(data)
        assert put(b"ignored", CONTENT_LENGTH="").text == \
            "0 bytes, sum 0, in memory\n"
        assert put(b"hello", CONTENT_LENGTH="",
                   HTTP_TRANSFER_ENCODING="chunked").text == \
            "5 bytes, sum 532, in memory\n"
        assert os.listdir(tools.path("state")) == []


def test_a_route_has_a_limit_of_its_own():
    """Breaks when: body_limit of a route does not hold, or the general one
    holds all the same."""
    with Tools(["tools_serve"], 'body_limit = "1 kB"\n'
               'route "POST /tools/body" { body_limit = "2 kB" }\n') as tools:
        def put(size):
            return tools.cgi("POST", "/tools/body", b"x" * size).status

        assert (put(2000), put(2001)) == (200, 413)


@pytest.mark.parametrize("status, variables, stdin", [
    (400, {"CONTENT_LENGTH": "10"}, b"short"),
    (400, {"CONTENT_LENGTH": "ten"}, b""),
    (400, {"CONTENT_LENGTH": "-1"}, b""),
    (413, {"CONTENT_LENGTH": "2000000"}, b"x"),
    (413, {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""},
     b"x" * 2000000),
    (404, {"PATH_INFO": "/nothing"}, b""),
    (405, {"REQUEST_METHOD": "PATCH"}, b""),
    (400, {"REQUEST_METHOD": ""}, b""),
    (431, {"HTTP_COOKIE": "x" * 80000}, b""),
])
def test_what_is_refused_is_a_problem_document(status, variables, stdin):
    """Breaks when: a web server would get no whole reply."""
    with Tools(["tools_serve"], 'body_limit = "1 MiB"\n') as tools:
        reply = tools.cgi("POST", "/tools/body", stdin, **variables)
    assert reply.status == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert int(reply.headers["content-length"]) == len(reply.body)
    problem = json.loads(reply.text)
    assert problem["status"] == status and problem["instance"]
    assert ("allow" in reply.headers) == (status == 405)


@pytest.mark.parametrize("how, status", [
    ("crash", 500), ("abort", 500), ("exit", 500), ("error", 500)])
def test_a_handler_that_goes_wrong_still_answers(how, status):
    """Breaks when: a crash or exit() leaves the server without a reply."""
    with Tools(["tools_serve"]) as tools:
        reply = tools.cgi("GET", "/tools/go/" + how, REQUEST_ID="this-one",
                          sanitizer_may_speak=True)
        assert reply.status == status
        assert json.loads(reply.text)["instance"] == "this-one"
        assert "req=this-one" in reply.log and "tools_serve" in reply.log
        reply = tools.cgi("GET", "/tools/early/" + how,
                          sanitizer_may_speak=True)
        assert reply.status == 200 and reply.text == "first\n"
        assert reply.code != 0


def test_a_handler_over_its_time_is_a_504():
    """Breaks when: the server waits for a handler that hangs."""
    with Tools(["tools_serve"], 'kill_grace = "300ms"\n') as tools:
        start = time.monotonic()
        reply = tools.cgi("GET", "/tools/go/hang", REQUEST_ID="slow")
        assert reply.status == 504
        assert json.loads(reply.text)["instance"] == "slow"
        assert "req=slow" in reply.log
        assert 1 <= time.monotonic() - start < 10


def test_a_handler_cannot_write_to_the_server():
    """Breaks when: a handler's printf gets in front of the header."""
    with Tools(["tools_serve"]) as tools:
        reply = tools.cgi("GET", "/tools/go/print")
        assert reply.status == 418 and reply.text == "short and stout\n"
        assert "this goes to stdout" in reply.log


def test_faults_of_the_configuration_stay_in_the_log():
    """Breaks when: the client gets no reply, or our paths."""
    with Tools(["hello"], "nonsense = 1\n") as tools:
        reply = tools.cgi("GET", "/hello")
        assert reply.status == 500 and reply.code == 100
        assert "nonsense" in reply.log and tools.folder not in reply.text
        reply = tools.cgi("GET", "/hello", arguments=["-c", "/nowhere"])
        assert reply.status == 500
        reply = tools.cgi("GET", "/hello", arguments=[],
                          FCGI_HOST_CONFIG=tools.file)
        assert reply.status == 500 and "nonsense" in reply.log
        tools.write("host.conf", 'handlers = "/nowhere"\n')
        reply = tools.cgi("GET", "/hello")
        assert reply.status == 500 and reply.code == 100
        assert "/nowhere" in reply.log and "/nowhere" not in reply.text


@pytest.mark.parametrize("query, arguments", [
    ("-c+/tmp/evil.conf", ["-c", "/tmp/evil.conf"]),
    ("-c+/tmp/e;l", ["-c", "/tmp/e\\;l"]),
    ("--help", ["--help"]),
    ("-c%2Fx", ["-c/x"]),
])
def test_a_query_does_not_become_an_option(query, arguments):
    """Breaks when: a client can choose the configuration (RFC 3875, 4.4)."""
    with Tools(["hello"]) as tools:
        reply = tools.cgi("GET", "/hello", QUERY_STRING=query,
                          arguments=["-c", tools.file] + arguments)
        assert reply.status == 400 and reply.log == ""
        reply = tools.cgi("GET", "/hello", QUERY_STRING=query)
        assert reply.status == 200


@pytest.mark.parametrize("query, arguments", [
    ("", []),
    ("check+-c+/etc/hostname", ["check", "-c", "/etc/hostname"]),
    ("run+-c+/tmp/evil", ["run", "-c", "/tmp/evil"]),
    ("version", ["version"]),
])
def test_run_directly_by_a_web_server(query, arguments):
    """Breaks when: a query of the client's picks the subcommand."""
    with Tools(["hello"]) as tools:
        done = tools.run(*arguments, environment={
            "GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET",
            "PATH_INFO": "/hello", "QUERY_STRING": query,
            "FCGI_HOST_CONFIG": tools.file})
        assert done.out.startswith("Status: 200 OK\r\n"), done.out
        assert done.out.endswith("Hello, world!\n")


def test_by_hand_it_says_what_it_is():
    """Breaks when: somebody who tries it in a shell gets a CGI reply."""
    with Tools(["hello"]) as tools:
        done = tools.run("cgi", "-c", tools.file, environment={})
        assert done.code == 100 and done.out == ""
        assert "GATEWAY_INTERFACE" in done.log
