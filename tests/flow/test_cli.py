"""check, routes, call and version: the tools that need no daemon."""

import json
import os
import shutil

import pytest

from lib import fcgi
from lib.host import process_ids, read_proc, sanitized
from lib.tools import Tools


# ------------------------------------------------------------------- usage

@pytest.mark.parametrize("name", ["run", "check", "plan", "routes", "openapi", "status",
                                  "call", "cgi", "completion", "version"])
def test_each_subcommand_has_help(name):
    """Breaks when: --help is missing, wants a configuration, or fails."""
    with Tools() as tools:
        done = tools.run(name, "--help",
                         environment={"FCGI_HOST_CONFIG": "/nowhere"})
    assert done.code == 0 and done.log == ""
    assert done.out.startswith("Usage: fcgi-host %s" % name)
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize("arguments, why", [
    (["check", "--foo"], "no such option: --foo"),
    (["check", "-x"], "no such option: -x"),
    (["check", "-c"], "an argument is missing after -c"),
    (["routes", "operand"], "takes no operands"),
    (["call", "GET"], "wants METHOD PATH"),
    (["call", "GET", "hello"], 'a path starts with \'/\', "hello" does not'),
    (["call", "GET", "/%zz"], "malformed escape"),
    (["call", "GET", "/", "-H", "no colon"], "write 'Name: value'"),
    (["call", "GET", "/", "-H", "A: b\nc"], "no control characters"),
    (["call", "GET", "/", "-H", "Content-Length: 3"], "that of -d"),
    (["call", "GET", "/", "-d", "@/nowhere"], "No such file"),
    (["call", "GET", "/", "--handlers", "/nowhere"], "No such file"),
    (["call", "-r", "x", "GET", "/"], "leave out METHOD PATH, -d and -H"),
    (["call", "-r", "x", "-d", "body"], "leave out METHOD PATH, -d and -H"),
    (["call", "-r", "x", "-H", "A: b"], "leave out METHOD PATH, -d and -H"),
    (["nonsense"], "nonsense"),
])
def test_wrong_usage_is_a_sentence_and_100(arguments, why):
    """Breaks when: a slip is taken for something else, or ends otherwise."""
    with Tools(["hello"]) as tools:
        if arguments[0] == "call" and "--handlers" not in arguments:
            arguments = arguments + ["--handlers", tools.handlers]
        done = tools.run(*arguments)
    assert done.code == 100 and done.out == ""
    assert why in done.log


def test_the_configuration_of_the_environment():
    """Breaks when: $FCGI_HOST_CONFIG is not read, or wins over -c."""
    with Tools(["hello"]) as tools:
        usual = dict(os.environ, FCGI_HOST_CONFIG=tools.file)
        other = dict(os.environ, FCGI_HOST_CONFIG="/nowhere.conf")
        assert tools.run("check", environment=usual).code == 0
        done = tools.run("check", environment=other)
        assert done.code == 100 and "/nowhere.conf" in done.log
        done = tools.run("check", "-c", tools.file, environment=other)
        assert done.code == 0


def test_version():
    """Breaks when: the ABI, which says what handlers load, is not shown."""
    with Tools() as tools:
        done = tools.run("version")
    assert done.code == 0
    assert done.out.startswith("fcgi-host ") and "ABI 1.2" in done.out


# ------------------------------------------------------------------- check

def test_check_counts_what_is_fine():
    """Breaks when: a sound configuration is not called ok."""
    with Tools(["hello", "tools_plain"], 'pool "special" { workers = 1 }\n'
               'model "m" { path = "@/m" kind = file }\n', m="x") as tools:
        done = tools.run("check", "-c", tools.file)
        assert done.out == "ok: 2 handlers, 6 routes, 1 model\n"
        assert done.code == 0 and done.log == ""
        assert os.listdir(tools.path("state")) == []


def test_check_names_what_goes_wrong_while_loading():
    """Breaks when: check dies with a handler, or names another one."""
    with Tools(["hello"]) as tools:
        for name in ("abort", "crash", "exit", "noise"):
            tools.add("tools_load", name)
        tools.write("handlers/empty.so", "")
        tools.write("handlers/text.so", "#!/bin/sh\necho this is no ELF\n")
        done = tools.run("check", "-c", tools.file, sanitizer_may_speak=True)
        lines = [line for line in done.log.splitlines()
                 if line.startswith(tools.folder)]
        wanted = ["abort.so: crashes while it is loaded (signal 6, Aborted)",
                  "crash.so: crashes while it is loaded (signal 11, "
                  "Segmentation fault)",
                  "empty.so: is empty (still being copied?)",
                  "exit.so: exits while it is loaded (exit code 0)",
                  "text.so: is no ELF file (30 bytes)"]
        wanted = ["%s/%s" % (tools.handlers, line) for line in wanted]
        if sanitized():		# a crash is an exit there
            wanted[1] = lines[1]
            assert "/crash.so: " in lines[1] and " while it is " in lines[1]
        assert lines == wanted
        assert done.log.endswith("fcgi-host check: 5 faults\n")
        assert done.code == 100 and done.out == ""


def test_check_gives_up_on_a_hang():
    """Breaks when: a constructor that never returns hangs check too."""
    with Tools(["hello"]) as tools:
        tools.add("tools_load", "hang")
        done = tools.run("check", "-c", tools.file)
        assert done.code == 100
        assert "hang.so: is still not loaded after 10 s" in done.log
        assert not [pid for pid in process_ids()
                    if tools.folder in read_proc(pid, "cmdline")]


def test_check_reports_every_fault_at_once():
    """Breaks when: one fault hides the next, or its line is wrong."""
    with Tools(["tools_plain"], 'pool "special" { workers = 1 }\n'
               'route "GET /plane" { async = true }\n'
               'model "gone" { path = "@/gone" kind = file }\n'
               'model "idle" { path = "@/idle" kind = file required = false }\n'
               'model "tables" { path = "@/host.conf" kind = preload }\n'
               'handler "nobody" { set = { "a=b" } }\n') as tools:
        tools.add("tools_plain", "twin")
        done = tools.run("check", "-c", tools.file)
        place = tools.file
        assert done.log.splitlines() == [
            '%s:6: model "idle": %s/idle: No such file or directory '
            "(not required)" % (place, tools.folder),
            '%s/twin.so: its name "plainly" is taken by tools_plain.so'
            % tools.handlers,
            '%s:4: route "GET /plane": no loaded handler has this route; '
            'near: "GET /plain"' % place,
            '%s:7: model "tables": kind = preload, but no loaded handler has '
            "a preload function for it" % place,
            '%s:8: handler "nobody": no file in %s is a handler of that name'
            % (place, tools.handlers),
            '%s:5: model "gone": %s/gone: No such file or directory'
            % (place, tools.folder),
            "fcgi-host check: 5 faults"]
        assert done.code == 100


def test_check_stops_at_a_faulty_file():
    """Breaks when: handlers are loaded under half a configuration."""
    with Tools(["hello"], 'threds = 3\nlog_level = "loud"\n') as tools:
        tools.add("tools_load", "exit")
        done = tools.run("check", "-c", tools.file)
        assert done.code == 100 and done.out == ""
        assert "%s:3: " % tools.file in done.log
        assert "%s:4: " % tools.file in done.log
        assert "exit.so" not in done.log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change users")
def test_check_reads_as_the_user_who_will():
    """Breaks when: root's check says ok to what `user` may not read."""
    with Tools(["hello"], 'user = "nobody"\n'
               'model "m" { path = "@/m" kind = file }\n', m="x") as tools:
        assert tools.run("check", "-c", tools.file).code == 0
        os.chmod(os.path.join(tools.handlers, "hello.so"), 0o600)
        os.chmod(tools.path("m"), 0o600)
        done = tools.run("check", "-c", tools.file)
        assert "hello.so: cannot be opened: Permission denied" in done.log
        assert "/m: Permission denied" in done.log
        assert done.code == 100


# ------------------------------------------------------------------ routes

def test_routes_show_the_configuration_over_the_tags():
    """Breaks when: an override is not what would be served."""
    with Tools(["hello"], 'pool "slow" { workers = 1 }\n'
               'route "GET /hello" { async = true pool = "slow" '
               'timeout = "1500ms" max_concurrent = 7 '
               'body_limit = 2048 }\n') as tools:
        done = tools.run("routes", "-c", tools.file)
        assert done.code == 0 and done.log == ""
        lines = [line.split() for line in done.out.splitlines()]
        assert lines[0] == ["METHOD", "PATH", "TAG", "POOL", "TIMEOUT", "MAX",
                            "BODY", "AUTH", "HANDLER", "SUMMARY"]
        assert lines[1][:9] == ["GET", "/hello", "async", "slow", "1500ms",
                                "7", "2K", "-", "hello"]
        assert lines[2][:9] == ["GET", "/hello-async", "async", "default",
                                "60s", "-", "8M", "-", "hello"]
        (first, second) = json.loads(
            tools.run("routes", "-c", tools.file, "--json").out)
        assert first["async"] and not first["async_in_handler"]
        assert first["pool"] == "slow" and first["timeout_ms"] == 1500
        assert first["max_concurrent"] == 7
        assert first["body_limit"] == 2048
        assert first["file"] == os.path.join(tools.handlers, "hello.so")
        assert second["method"] == "GET" and second["path"] == "/hello-async"
        assert second["handler_version"] == "1"


def test_routes_shows_streams():
    """Breaks when: a stream looks as if `timeout` ended it."""
    with Tools(["events"]) as tools:
        done = tools.run("routes", "-c", tools.file)
        lines = [line.split() for line in done.out.splitlines()]
        assert lines[1][:5] == ["GET", "/events", "stream", "default", "-"]
        assert lines[2][:3] == ["POST", "/events", "sync"]
        (first, second) = json.loads(
            tools.run("routes", "-c", tools.file, "--json").out)
        assert first["stream"] and first["async"]
        assert first["timeout_ms"] == 0 and not second["stream"]


def test_routes_lists_what_loads_and_says_what_does_not():
    """Breaks when: one bad file hides the others."""
    with Tools(["hello"]) as tools:
        tools.write("handlers/bad.so", "bad")
        done = tools.run("routes", "-c", tools.file)
        assert done.code == 100
        assert "bad.so: is no ELF file" in done.log
        assert len(done.out.splitlines()) == 3


# -------------------------------------------------------------------- call

def test_call_prints_the_body_alone():
    """Breaks when: a script cannot use what call prints."""
    with Tools(["hello"]) as tools:
        done = tools.call("GET", "/hello")
        assert (done.code, done.out, done.log) == (0, "Hello, world!\n", "")
        done = tools.run("call", "--handlers", tools.handlers, "GET",
                         "/hello-async")
        assert (done.code, done.out, done.log) == (0, "Hello, world!\n", "")
        done = tools.call("-i", "GET", "/hello")
        assert done.out.startswith("Status: 200 OK\r\n")
        assert done.out.endswith("\r\n\r\nHello, world!\n")


def test_call_says_whether_a_reply_would_be_kept():
    """Breaks when: who writes a handler cannot see whether its replies are
    ones that the host keeps, or is told so where nothing is kept."""
    with Tools(["live_cached"]) as tools:
        for target, says in (("/kept", "fwd=miss; stored"),
                             ("/kept-sync", "fwd=miss; stored"),
                             ("/kept?add=Cache-Control:private", "fwd=miss"),
                             ("/never", None)):
            head = tools.call("-i", "GET", target).out.partition(
                "\r\n\r\n")[0].split("\r\n")
            assert [line for line in head if "Cache" in line and
                    "private" not in line] == (
                ["Cache-Status: fcgi-host; " + says] if says else [])
        assert "cache-status" not in tools.cgi("GET", "/kept").headers


@pytest.mark.parametrize("method, target, status, allow", [
    ("GET", "/nothing", 404, None),
    ("GET", "/hello/", 404, None),
    ("POST", "/hello", 405, "GET, HEAD, OPTIONS"),
    ("OPTIONS", "/hello", 204, "GET, HEAD, OPTIONS"),
    ("HEAD", "/hello", 200, None),
])
def test_call_routes_as_the_host_does(method, target, status, allow):
    """Breaks when: call and front answer differently."""
    with Tools(["hello"]) as tools:
        done = tools.call("-i", method, target)
    head, _, body = done.out.partition("\r\n\r\n")
    lines = head.split("\r\n")
    assert lines[0].startswith("Status: %d " % status)
    assert done.code == (1 if status >= 400 else 0)
    assert (allow is None) == ("Allow: " not in head)
    if allow:
        assert "Allow: %s" % allow in lines
    if status >= 400:
        problem = json.loads(body)
        assert problem["status"] == status and problem["instance"]
    else:
        assert body == ""


def test_call_gives_the_handler_what_it_is_told():
    """Breaks when: a header, query, body or path does not arrive."""
    with Tools(["echo"]) as tools:
        done = tools.call("POST", "/ech%6F?a=1&b=%20", "-H", "X-One: eins",
                          "-H", "Cookie: c=d", "-d", "p=q&r=s+t")
        seen = json.loads(done.out)
        assert seen["path"] == "/echo" and seen["query"]["b"] == " "
        assert seen["headers"]["x-one"] == "eins"
        assert seen["cookies"] == {"c": "d"}
        assert seen["form"] == {"p": "q", "r": "s t"}
        assert seen["params"]["REQUEST_URI"] == "/ech%6F?a=1&b=%20"
        done = tools.call("POST", "/echo", "-H", "content-type: text/plain",
                          "-d", "plain")
        seen = json.loads(done.out)
        assert seen["params"]["CONTENT_TYPE"] == "text/plain"
        assert seen["params"]["CONTENT_LENGTH"] == "5"
        assert seen["body"] == "plain" and seen["form"] == {}
        seen = json.loads(tools.call("GET", "/echo").out)
        assert seen["body_length"] == 0
        assert "CONTENT_LENGTH" not in seen["params"]


def test_call_takes_bodies_from_files_and_stdin():
    """Breaks when: a large body is cut, or kept on the heap."""
    data = os.urandom(200000)
    with Tools(["tools_serve"], data=data) as tools:
        wanted = "%d bytes, sum %d, spooled\n" % (len(data), sum(data))
        done = tools.call("POST", "/tools/body", "-d",
                          "@" + tools.path("data"))
        assert done.out == wanted
        done = tools.call("POST", "/tools/body", "-d", "-", stdin=data)
        assert done.out == wanted
        done = tools.call("POST", "/tools/body", "-d", "-", stdin=data[:99])
        assert done.out == "99 bytes, sum %d, in memory\n" % sum(data[:99])
        tools.configure('body_limit = "1 kB"\n')
        done = tools.call("POST", "/tools/body", "-d", "-", stdin=data)
        assert done.code == 100 and "body_limit (1000 bytes)" in done.log
        tools.configure('body_limit = "1 kB"\nroute "POST /tools/body" { '
                        'body_limit = 200000 }\n')
        done = tools.call("POST", "/tools/body", "-d", "-", stdin=data)
        assert done.code == 0 and done.out == wanted
        tools.write("a.request", fcgi.request("POST", "/tools/body",
                                              data + b"."))
        done = tools.call("--request", tools.path("a.request"))
        assert done.code == 100 and "body_limit (200000 bytes)" in done.log


def test_call_sends_replies_of_any_size():
    """Breaks when: an async reply is limited, or a sync one is not."""
    with Tools(["tools_serve"]) as tools:
        done = tools.call("GET", "/tools/large?bytes=20000000")
        assert done.code == 0 and len(done.raw) == 20000000
        done = tools.call("-i", "GET", "/tools/large-sync?bytes=20000000")
        assert done.code == 1 and done.out.startswith("Status: 500 ")


def test_call_keeps_stdout_for_the_reply():
    """Breaks when: a handler's printf gets into the body."""
    with Tools(["tools_serve"]) as tools:
        done = tools.call("GET", "/tools/go/print")
        assert done.out == "short and stout\n" and done.code == 1
        assert "this goes to stdout" in done.log


def test_a_handlers_names_are_its_own():
    """Breaks when: the host shows handlers more symbols than fh_*."""
    with Tools(["tools_serve"]) as tools:
        done = tools.call("GET", "/tools/own-name")
        assert (done.code, done.out) == (0, "mine\n")


def test_call_runs_finish_with_what_was_kept():
    """Breaks when: finish is left out, or sees another state."""
    with Tools(["tools_serve"]) as tools:
        done = tools.call("POST", "/tools/keep")
        assert done.out == "made\n" and done.code == 0
        assert 'finish saw 201 and "kept bytes"' in done.log


def test_call_lets_a_crash_through():
    """Breaks when: a debugger would not see the signal."""
    with Tools(["tools_serve"]) as tools:
        assert tools.call("GET", "/tools/go/abort",
                          sanitizer_may_speak=True).code == -6


def test_call_makes_only_the_models_it_needs():
    """Breaks when: hello waits for a model of another handler."""
    config = ('pool "special" { workers = 1 }\n'
              'model "objects" { path = "@/gone" kind = preload }\n'
              'model "tables" { path = "@/gone" kind = build }\n')
    with Tools(["hello", "tools_plain"], config) as tools:
        done = tools.call("GET", "/hello")
        assert done.log == "" and done.code == 0
        done = tools.call("GET", "/plain")
        assert done.out == "plain\n" and done.code == 0
        assert 'model "objects": ' in done.log
        assert 'model "tables" is not there' in done.log
        done = tools.call("GET", "/hello", "--all-models")
        assert 'model "objects": ' in done.log
        done = tools.call("GET", "/plain", "--no-models")
        assert done.log == "" and done.code == 0


@pytest.mark.parametrize("kind", ["file", "build", "preload"])
def test_call_has_models_of_each_kind(kind):
    """Breaks when: a handler cannot be tried without a daemon."""
    with Tools(["live_model"], 'model "live-%s" { path = "@/source" '
               "kind = %s }\n" % (kind, kind), source="a model") as tools:
        done = tools.call("GET", "/model?name=live-" + kind)
        assert done.code == 0 and done.log == ""
        assert "version=1\n" in done.out
        tools.configure('model "live-file" { path = "@/source" kind = file '
                        'sha256 = "%s" }\n' % ("0" * 64))
        done = tools.call("GET", "/model?name=live-file")
        assert done.code == 1 and "its SHA-256 is" in done.log


def test_call_says_why_a_handler_could_not_start():
    """Breaks when: a failed preload is served all the same."""
    with Tools(["tools_plain"], 'pool "special" { workers = 1 }\n'
               'handler "plainly" { set = { "preload=fail" } }\n') as tools:
        done = tools.call("-i", "GET", "/plain")
        assert done.code == 1 and done.out.startswith("Status: 500 ")
        assert "tools_plain.so: its preload returned -7" in done.log


@pytest.mark.skipif(sanitized() or shutil.which("valgrind") is None,
                    reason="valgrind, and a build without sanitizers")
@pytest.mark.parametrize("arguments", [
    ["GET", "/hello"],
    ["GET", "/nothing"],
    ["GET", "/tools/large?bytes=300000"],
    ["GET", "/tools/thread"],
    ["POST", "/fcgx", "-d", "some=data"],
    ["POST", "/tools/keep", "-d", "some=data"],
    ["GET", "/model?name=live-build"],
    ["GET", "/model?name=live-preload"],
])
def test_call_is_clean_under_valgrind(arguments):
    """Breaks when: the host's own leaks or bad reads hide a handler's."""
    config = "".join('model "live-%s" { path = "@/source" kind = %s }\n'
                     % (kind, kind) for kind in ("build", "preload"))
    with Tools(["hello", "fcgx", "tools_serve", "live_model"], config,
               source="model") as tools:
        done = tools.call(*arguments, prefix=[
            "valgrind", "-q", "--leak-check=full", "--error-exitcode=99"])
    assert "==" not in done.log, done.log
    assert done.code == (1 if "/nothing" in arguments else 0)
    assert done.out


# ---------------------------------------------------------- call --request

POSTED = fcgi.request("POST", "/echo?x=1", b"z" * 200000, {
    "Content-Type": "text/plain", "X-Secret": "s3"},
    extra={"REQUEST_ID": "of-the-capture"})


def test_call_runs_a_captured_request():
    """Breaks when: method, path, query, header, id or a body over body_memory
    of a capture is another one than that of the same request made by hand."""
    by_hand = fcgi.request("POST", "/echo", b"a=1", padding=7, chunk=2,
                           params_chunk=9)
    with Tools(["echo"]) as tools:
        file = tools.write("a.request", POSTED)
        done = tools.call("--request", file)
        told = json.loads(done.out)
        assert done.code == 0 and done.log == ""
        assert (told["method"], told["path"]) == ("POST", "/echo")
        assert told["query"] == {"x": "1"} and told["body_length"] == 200000
        assert told["headers"]["x-secret"] == "s3"
        assert told["request_id"] == "of-the-capture"
        assert os.listdir(tools.path("state")) == []

        again = json.loads(tools.call("-r", tools.write(
            "b.request", by_hand)).out)
        assert again["body"] == "a=1" and again["method"] == "POST"


@pytest.mark.parametrize("data, why", [
    (b"", "ends at byte 0, before its BEGIN_REQUEST"),
    (b"GET / HTTP/1.1\r\n\r\n", "byte 0: no FastCGI record"),
    (POSTED[:-9], "before the end of STDIN"),
    (POSTED[:100], "ends at byte 100, before the end of PARAMS"),
    (fcgi.record(fcgi.GET_VALUES, request_id=0) + POSTED,
     "byte 0: a management record"),
    (POSTED + POSTED, "a second request begins; a capture holds one"),
    (fcgi.request("GET", "/" + 5000 * "x"),
     "more than params_limit (4096 bytes)"),
    (None, "No such file"),
], ids=range(8))
def test_a_file_that_is_no_capture_is_a_sentence_and_100(data, why):
    """Breaks when: a broken file is run, crashes the tool, or is refused
    without its name and place."""
    with Tools(["echo"], "params_limit = 4096\n") as tools:
        file = tools.path("some.request")
        if data is not None:
            tools.write("some.request", data)
        done = tools.call("--request", file)
    assert done.code == 100 and done.out == ""
    assert done.log.startswith("fcgi-host call: " + file) and why in done.log
    assert done.log.count("\n") == 1


def test_a_capture_is_answered_as_the_front_would():
    """Breaks when: a request that the front refuses is run from a file."""
    env = fcgi.environment("POST", "/echo", b"four")
    env["CONTENT_LENGTH"] = "5"
    with Tools(["echo"]) as tools:
        for request, status in (
                (fcgi.request("POST", "/echo", b"four", env=env), 400),
                (fcgi.request("GET", "/nothing"), 404),
                (fcgi.request("DELETE", "/echo"), 405),
                (fcgi.request(env=b"\x05\x05cut"), 400)):
            done = tools.call("-i", "--request",
                              tools.write("x.request", request))
            assert done.code == 1
            assert done.out.startswith("Status: %d " % status), done.out


@pytest.mark.skipif(sanitized() or shutil.which("valgrind") is None,
                    reason="valgrind, and a build without sanitizers")
@pytest.mark.parametrize("data, code", [(POSTED, 0), (POSTED[:-9], 100)],
                         ids=["whole", "cut"])
def test_a_capture_is_clean_under_valgrind(data, code):
    """Breaks when: reading a capture leaks, or reads what is not there."""
    with Tools(["echo"]) as tools:
        done = tools.call("--request", tools.write("a.request", data), prefix=[
            "valgrind", "-q", "--leak-check=full", "--error-exitcode=99"])
    assert "==" not in done.log, done.log
    assert done.code == code
