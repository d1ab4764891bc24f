"""`fcgi-host dev`: a folder that is edited, built and served, behind nginx."""

import os
import re
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

from lib.fcgi import wait_until
from lib.host import BINARY, SOURCE
from lib.nginx import free_port

HANDLER = """
#include <fcgi-host/handler.h>

static int
greet(struct fh_request *rq)
{
	return fh_reply_text(rq, 200, "%s\\n");
}

static int
setting(struct fh_request *rq)
{
	const char *text = fh_setting(rq, "text");

	return fh_reply_text(rq, 200, text != NULL ? text : "none");
}

static int
crash(struct fh_request *rq)
{
	return *(volatile int *)8 + fh_status(rq, 200);
}

FH_HANDLER(.name = "mine", .routes = FH_ROUTES(
	{ "GET", "/greet", .serve = greet },
	{ "GET", "/setting", .serve = setting },
	{ "GET", "/crash", .serve = crash, .async = true }));
"""

MAKEFILE = ("mine.so: mine.c\n\tcc -g -shared -fPIC -I%s/fcgi-host/include "
            "-o $@.new mine.c && mv $@.new $@\n" % SOURCE)


LINE_OF_CRASH = HANDLER[:HANDLER.index("*(volatile")].count("\n") + 1


class Dev:
    def __init__(self, folder, **files):
        self.folder = folder
        self.port = free_port()
        self.log = folder / "output"
        os.chmod(folder, 0o755)
        for name, text in files.items():
            self.save(name.replace("_", "."), text)
        self.process = None

    def save(self, name, text):
        (self.folder / (name + "~")).write_text(text)
        os.rename(self.folder / (name + "~"), self.folder / name)

    def __enter__(self):
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(
                [BINARY, "dev", "-p", str(self.port), self.folder],
                stdout=out, stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def get(self, path):
        """The body, or the status of a refusal; None: nobody answers."""
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d%s" % (
                    self.port, path), timeout=20) as reply:
                return reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    @property
    def output(self):
        return self.log.read_text()

    def gives(self, path, text):
        wait_until(lambda: self.get(path) == text, what="%s from %s: %s" % (
            text, path, self.output))

    def says(self, text):
        wait_until(lambda: text in self.output, what="%r in %s" % (
            text, self.output))


@pytest.fixture
def dev(tmp_path):
    with Dev(tmp_path, mine_c=HANDLER % "one", Makefile=MAKEFILE) as dev:
        yield dev


def test_each_save_is_served(dev):
    """Breaks when: a save is not seen, a build that fails takes away what
    serves, or its errors are not shown."""
    dev.gives("/greet", "one\n")
    dev.save("mine.c", HANDLER % "two")
    dev.gives("/greet", "two\n")
    dev.save("mine.c", HANDLER.replace("return 0", "") % "three" + "oops")
    dev.says("mine.c:")
    dev.says("the build failed; what was built before serves on")
    assert re.search(r"mine\.c:\d+:.* error:", dev.output)
    assert dev.get("/greet") == "two\n"
    dev.save("mine.c", HANDLER % "three")
    dev.gives("/greet", "three\n")


def test_the_configuration_is_taken_too(dev):
    """Breaks when: the folder's fcgi-host.conf is not read, not again at a
    save, or what it says of sockets and users holds here."""
    dev.gives("/setting", "none")
    dev.__exit__()
    config = 'listen = "unix:/nowhere/host.sock"\nuser = "nobody-here"\n' \
        'handler "mine" { set = { "text=%s" } }\n'
    dev.save("fcgi-host.conf", config % "first")
    with dev:
        dev.gives("/setting", "first")
        dev.save("fcgi-host.conf", config % "second")
        dev.gives("/setting", "second")
        dev.save("fcgi-host.conf", config % "third" + "wrong = 1\n")
        wrong = "%s/fcgi-host.conf:4: wrong" % dev.folder
        dev.says(" error " + wrong)	# the host
        dev.says("\n" + wrong)		# `fcgi-host nginx`
        assert "dev.conf" not in dev.output
        assert dev.get("/setting") == "second"


def test_a_handler_that_is_renamed_or_removed(dev):
    """Breaks when: what is not in the folder any more is served on."""
    dev.gives("/greet", "one\n")
    other = HANDLER.replace('"mine"', '"other"').replace('"/', '"/other/')
    dev.save("other.c", other % "two")
    dev.save("Makefile", MAKEFILE.replace("mine", "other"))
    dev.gives("/other/greet", "two\n")
    os.unlink(dev.folder / "mine.so")
    dev.gives("/greet", 404)
    assert dev.get("/other/greet") == "two\n"


def test_nginx_is_told_of_routes_and_options(tmp_path):
    """Breaks when: nginx here has other limits than `fcgi-host nginx` writes,
    or keeps those of before a save."""
    dev = Dev(tmp_path, mine_c=HANDLER % "one", Makefile=MAKEFILE)
    dev.save("fcgi-host.conf", "")
    with dev:
        dev.gives("/greet", "one\n")
        dev.save("fcgi-host.conf", 'route "GET /greet" { rate = "1/m" }\n')
        wait_until(lambda: dev.get("/greet") == 429, what="a rate")
        assert dev.get("/setting") == "none"
        dev.save("mine.c", (HANDLER % "two").replace("/setting", "/other"))
        dev.gives("/other", "none")


def test_a_handler_that_cannot_be_loaded_has_nginx_as_it_is(tmp_path):
    """Breaks when: nginx is not there, or gone, where a handler dies while it
    is loaded."""
    bad = HANDLER.replace("static int", "__attribute__((constructor)) static "
                          "void die(void) { *(volatile int *)8 = 1; }\n"
                          "static int", 1)
    with Dev(tmp_path, mine_c=bad % "bad", Makefile=MAKEFILE) as dev:
        dev.says("crashes while it is loaded")
        dev.says("http://127.0.0.1:%d/" % dev.port)
        dev.save("mine.c", HANDLER % "two")
        dev.gives("/greet", "two\n")


def test_a_crash_is_told_in_words(dev):
    """Breaks when: a report is not shown, or as the line of the log."""
    dev.gives("/greet", "one\n")
    assert dev.get("/crash") == 500
    dev.says("backtrace, innermost first:")
    dev.says("crash at")
    assert re.search(r"^crash 1: ", dev.output, re.M)
    assert "mine.c:%d" % LINE_OF_CRASH in dev.output
    assert "error crash {" not in dev.output


def test_nothing_is_left(dev):
    """Breaks when: a process, a port or the scratch folder outlives it."""
    dev.gives("/greet", "one\n")
    dev.says("serving on")
    scratch = re.search(r"/tmp/fcgi-host-dev\.\w+", dev.output)[0]
    assert os.path.isdir(scratch)
    dev.process.send_signal(signal.SIGINT)
    assert dev.process.wait(30) == 0
    assert "stopped" in dev.output and "warn worker" not in dev.output
    assert not os.path.exists(scratch)
    assert dev.get("/greet") is None
    left = subprocess.run(["pgrep", "-f", scratch], capture_output=True)
    assert left.stdout == b""


def test_a_first_build_that_fails(tmp_path):
    """Breaks when: there is nothing to serve at first, and it gives up."""
    with Dev(tmp_path, mine_c="oops", Makefile=MAKEFILE) as dev:
        dev.says("nothing is served yet")
        dev.save("mine.c", HANDLER % "one")
        dev.gives("/greet", "one\n")


def test_what_it_cannot_do(tmp_path):
    """Breaks when: a wrong folder or port is not said at once."""
    for words, sentence in ((["/nowhere"], "/nowhere: No such file"),
                            ([BINARY], "is no folder"),
                            (["-c", "/no.conf", "."], "/no.conf: No such"),
                            (["-p", "x", "."], "a port is 1 to 65535")):
        done = subprocess.run([BINARY, "dev", *words], capture_output=True,
                              text=True, timeout=30)
        assert done.returncode == 100
        assert sentence in done.stderr


def test_a_port_that_is_taken(dev, tmp_path_factory):
    """Breaks when: nginx cannot listen, and nobody is told why."""
    dev.gives("/greet", "one\n")
    folder = tmp_path_factory.mktemp("other")
    other = Dev(folder, mine_c=HANDLER % "one", Makefile=MAKEFILE)
    other.port = dev.port
    with other:
        assert other.process.wait(60) == 111
    assert "--port N takes another" in other.output
