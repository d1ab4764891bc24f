"""What `make install` puts where, and a handler built against it alone."""

import os
import re
import shutil
import subprocess

import pytest

from lib.host import BUILD, SOURCE
from lib.installed import PREFIX, environment, install, installed

@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return install(tmp_path_factory.mktemp("installed"))


def pkg_config(root, *arguments, package="fcgi-host"):
    return subprocess.run(["pkg-config", *arguments, package], check=True,
                          capture_output=True, text=True,
                          env=installed(root)).stdout.strip()


def test_what_is_installed(root):
    """Breaks when: a file people need is not installed."""
    for name in ("bin/fcgi-host", "include/fcgi-host/handler.h",
                 "include/fcgi-host/fh_test.h", "lib/libfh-test.a",
                 "lib/pkgconfig/fcgi-host-test.pc",
                 "include/fcgi-host/identity.h",
                 "include/fcgi-host/input.h", "include/fcgi-host/json.h",
                 "include/fcgi-host/form.h",
                 "include/fcgi-host/stream.h",
                 "include/fcgi-host/cache.h",
                 "include/fcgi-host/reply.h",
                 "include/fcgi-host/job.h",
                 "libexec/fcgi-host/fcgi-host-clerk",
                 "libexec/fcgi-host/fcgi-host-top",
                 "lib/pkgconfig/fcgi-host.pc",
                 "lib/fcgi-host/handlers/hello.so",
                 "lib/systemd/system/fcgi-host.service",
                 "lib/systemd/system/fcgi-host.socket",
                 "lib/systemd/system/fcgi-host@.service",
                 "lib/systemd/system/fcgi-host@.socket",
                 "lib/sysusers.d/fcgi-host.conf",
                 "lib/tmpfiles.d/fcgi-host.conf",
                 "etc/logrotate.d/fcgi-host",
                 "share/bash-completion/completions/fcgi-host",
                 "share/zsh/site-functions/_fcgi-host",
                 "share/man/man1/fcgi-host.1",
                 "share/man/man3/fcgi-host-handler.3",
                 "share/man/man5/fcgi-host.conf.5",
                 "share/doc/fcgi-host/README.md",
                 "share/doc/fcgi-host/handlers/README.md",
                 "share/doc/fcgi-host/handlers/porting-libfcgi.md",
                 "share/doc/fcgi-host/handlers/orders/orders.c",
                 "share/doc/fcgi-host/fcgi-host.conf",
                 "share/doc/fcgi-host/nginx-conf/nginx.conf",
                 "share/doc/fcgi-host/nginx-conf/fcgi-host.params"):
        assert (root / PREFIX / name).is_file(), name


def make(*arguments):
    done = subprocess.run(["make", "-C", BUILD, *arguments], text=True,
                          capture_output=True, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_is_installed_once_it_was_fetched(tmp_path):
    """Breaks when: `make docs-page` gives another folder than `make install`
    installs and docs_files names, or an uninstall leaves it."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    docs = tmp_path / PREFIX / "share" / "fcgi-host" / "docs"
    make("docs-page")
    make("install-data-local", "DESTDIR=%s" % tmp_path)
    found = {one.name for one in docs.iterdir()}
    assert {"swagger-ui-bundle.js", "swagger-ui-bundle.js.gz", "start.js",
            "swagger-ui.css", "favicon-32x32.png", "LICENSE",
            "NOTICE"} <= found
    make("uninstall-local", "DESTDIR=%s" % tmp_path)
    assert not docs.exists()


def test_nothing_installed_names_where_it_was_built(root):
    """Breaks when: a path of the build or of DESTDIR is written down."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith((".so", ".a", "fcgi-host", "-clerk",
                              "-top")):
                continue		# debug information may
            with open(os.path.join(folder, name), "rb") as file:
                text = file.read()
            for path in (str(root), BUILD):
                assert path.encode() not in text, name


def test_pkg_config_builds_a_handler_outside_the_tree(root, tmp_path):
    """Breaks when: handler.h needs a file that is not installed, or the
    flags or the handler directory are wrong."""
    flags = pkg_config(root, "--cflags").split()
    assert SOURCE not in " ".join(flags)
    assert "%s/%s/include" % (root, PREFIX) in " ".join(flags)
    assert pkg_config(root, "--variable=handlersdir").endswith(
        "/%s/lib/fcgi-host/handlers" % PREFIX)
    (tmp_path / "mine.c").write_text("""
#include <fcgi-host/handler.h>

static int
mine(struct fh_request *rq)
{
	return fh_reply_text(rq, 200, fh_path_param(rq, "name"));
}

FH_HANDLER(.name = "mine", .routes = FH_ROUTES(
	{ "GET", "/mine/{name}", .serve = mine }));
""")
    subprocess.run(["cc", "-shared", *flags, "-o", tmp_path / "mine.so",
                    tmp_path / "mine.c"], check=True)
    done = subprocess.run(
        [root / PREFIX / "bin" / "fcgi-host", "call", "--handlers", tmp_path,
         "GET", "/mine/own"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "own"), done.stderr


CPP = """
#include <fcgi-host/handler.h>

struct input { %s one; bool has_one; };

static int
mine(fh_request *rq)
{
	return fh_reply_text(rq, 200, fh_input_given(rq, "one") ? "+" : "-");
}

FH_HANDLER(.name = "mine", .routes = FH_ROUTES(
    { .methods = "GET", .path = "/mine", .serve = mine,
	.inputs = FH_INPUTS(input, { FH_INTEGER(input, one),
	    .has = FH_HAS(input, has_one) }) }));
"""


def test_a_handler_in_cpp(root, tmp_path):
    """Breaks when: a macro of the headers is none of C++, or takes a member
    of another type than it says."""
    def compiles(text):
        return subprocess.run(
            ["c++", "-std=c++20", "-Wall", "-Werror", "-shared", "-x", "c++",
             *pkg_config(root, "--cflags").split(), "-o",
             tmp_path / "mine.so", "-"], input=text, text=True,
            capture_output=True)

    assert compiles(CPP % "int").returncode != 0
    done = compiles(CPP % "int64_t")
    assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [root / PREFIX / "bin" / "fcgi-host", "call", "--handlers", tmp_path,
         "GET", "/mine?one=1"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "+"), done.stderr


def test_a_handlers_test_is_built_outside_the_tree(root, tmp_path):
    """Breaks when: fh_test.h or libfh-test needs what is not installed, the
    handler does not find its functions in the test program, or a failure is
    not seen."""
    (tmp_path / "mine_test.c").write_text("""
#include <fcgi-host/fh_test.h>
int log_line;	/* a name of the library's, inside */

int
main(int argc, char **argv)
{
	struct fh_test *test = fh_test_open(argv[1], argc > 2 ? argv[2] : "");
	const struct fh_test_reply *reply = fh_test_get(test, "/hello");

	fh_test_expect_status(reply, 200);
	fh_test_expect_text(reply, argc > 3 ? argv[3] : "Hello");
	fh_test_close(test);
	return log_line;
}
""")
    subprocess.run("cc -o test mine_test.c "
                   "$(pkg-config --cflags --libs fcgi-host-test)",
                   shell=True, cwd=tmp_path, check=True, env=installed(root))
    run = [tmp_path / "test",
           root / PREFIX / "lib/fcgi-host/handlers/hello.so"]
    done = subprocess.run(run, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run([*run, "", "Goodbye"], capture_output=True,
                          text=True)
    assert done.returncode == 1
    assert 'mine_test.c:12: GET /hello: expected "Goodbye"' in done.stderr


@pytest.mark.parametrize("options", [[], ["--async"], ["--model"],
                                     ["--model", "--async"], ["--job"],
                                     ["--job", "--model"]],
                         ids=lambda options: "".join(options) or "plain")
def test_a_new_handler_builds_and_passes(root, tmp_path, options):
    """Breaks when: what `new` makes does not build without warnings, does not
    pass, or passes whatever it does."""
    subprocess.run([root / PREFIX / "bin/fcgi-host", "new", "my-thing",
                    *options], cwd=tmp_path, check=True)
    folder = tmp_path / "my-thing"
    make = ["make", "-C", folder, "CFLAGS=-O1 -g -Wall -Wextra -Werror"]
    done = subprocess.run([*make, "check"], capture_output=True, text=True,
                          env=installed(root))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[  PASSED  ] 2 test(s)." in done.stdout + done.stderr
    text = (folder / "my-thing.c").read_text()
    assert (".async = true" in text) == ("--async" in options)
    for old, new in (("Hello", "Bye"), ("compare) != NULL", "compare) == NULL"),
                     ("sum += step", "sum -= step"), ("== 0;", "!= 0;")):
        text = text.replace(old, new)
    (folder / "my-thing.c").write_text(text)
    done = subprocess.run([*make, "check"], capture_output=True, text=True,
                          env=installed(root))
    assert done.returncode != 0
    assert "my-thing_test.c:" in done.stderr


def test_new_leaves_what_is_there(root, tmp_path):
    """Breaks when: a folder is overwritten, or a name makes a wrong path."""
    (tmp_path / "here").mkdir()
    for name, sentence in (("here", "here: File exists"),
                           ("../x", "letters, digits"), ("-x", "-x"),
                           ("", "letters, digits")):
        done = subprocess.run([root / PREFIX / "bin/fcgi-host", "new", name],
                              cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (100, "")
        assert sentence in done.stderr
    assert os.listdir(tmp_path) == ["here"]
    assert os.listdir(tmp_path / "here") == []


def test_uninstall_takes_all_of_it_away(root):
    """Breaks when: a rule installs what it does not remove."""
    subprocess.run(["make", "-C", BUILD, "uninstall", "DESTDIR=%s" % root],
                   check=True, capture_output=True, env=environment())
    left = [name for _, _, names in os.walk(root) for name in names]
    assert left == []
