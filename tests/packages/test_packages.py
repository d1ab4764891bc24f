"""The Debian packages: built once, looked at by lintian, installed in a fresh
Debian with systemd, asked for replies, updated under load and taken away.

Run by `quickstart test` beside the newcomer's tests: it builds all of it once
more and brings a small Debian from a mirror.
"""

import json
import os
import re
import shutil
import subprocess
import threading

import pytest

from lib import fcgi
from lib.chroot import Debian
from lib.host import BUILD, SOURCE
from lib.installed import environment

NAMES = ("fcgi-host", "fcgi-host-dev", "fcgi-host-examples")


def version():
    with open(os.path.join(SOURCE, "configure.ac")) as file:
        return re.search(r"AC_INIT\(\[fcgi-host\], \[(.*)\]\)",
                         file.read())[1]


def build(folder):
    """From what `make dist` would ship, as somebody with that file would."""
    source = folder / ("fcgi-host-" + version())
    subprocess.run(["make", "-C", BUILD, "distdir", "distdir=%s" % source],
                   check=True, capture_output=True, env=environment())
    clean = {name: value for name, value in environment().items()
             if not name.startswith(("CC", "CXX", "CFLAGS"))}
    clean["DEB_BUILD_OPTIONS"] = "nocheck parallel=2"
    if shutil.which("npm") is None:
        clean["DEB_BUILD_PROFILES"] = "nocheck pkg.fcgi-host.nopage"
    done = subprocess.run(["dpkg-buildpackage", "-b", "-us", "-uc"],
                          cwd=source, text=True, env=clean,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-20000:]
    return {name: next(folder.glob("%s_*.deb" % name)) for name in NAMES}


class Packages:
    """Building takes processors, and bringing a Debian the network."""

    def __init__(self, folder):
        self.debian = Debian(folder / "debian", packages=("procps",))
        try:
            self.files = build(folder)
            self.changes = next(folder.glob("*.changes"))
        except BaseException:
            self.debian.close()
            raise


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    for program in ("dpkg-buildpackage", "dh", "lintian"):
        if shutil.which(program) is None:
            pytest.skip("%s is not installed" % program)
    made = Packages(tmp_path_factory.mktemp("packages"))
    yield made
    made.debian.close()


@pytest.fixture(scope="module")
def debian(packages):
    one = packages.debian
    one.boot()
    for file in packages.files.values():
        shutil.copy(file, one.folder)
    one.run("apt-get", "install", "-y", "--no-install-recommends",
            *("/" + packages.files[name].name
              for name in ("fcgi-host", "fcgi-host-examples")))
    return one


def test_lintian_is_silent(packages):
    """Breaks when: a file is where Debian has it not, a dependency, licence or
    manual page is missing, a maintainer script is wrong."""
    done = subprocess.run(["lintian", "--display-info", "--allow-root",
                           "--tag-display-limit=0", packages.changes],
                          text=True, capture_output=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def listing(package):
    done = subprocess.run(["dpkg-deb", "-c", package], check=True, text=True,
                          capture_output=True)
    return {line.split(None, 5)[5].lstrip(".").split(" -> ")[0]
            for line in done.stdout.splitlines()}


def test_what_each_has(packages):
    """Breaks when: a file is in no package, or a handler of the examples in
    the directory that a host serves."""
    has = {name: listing(file) for name, file in packages.files.items()}
    assert {"/usr/bin/fcgi-host", "/usr/libexec/fcgi-host/fcgi-host-clerk",
            "/etc/fcgi-host/fcgi-host.conf", "/etc/logrotate.d/fcgi-host",
            "/lib/systemd/system/fcgi-host.service",
            "/lib/systemd/system/fcgi-host@.socket",
            "/usr/lib/sysusers.d/fcgi-host.conf",
            "/usr/lib/tmpfiles.d/fcgi-host.conf",
            "/usr/share/bash-completion/completions/fcgi-host",
            "/usr/share/zsh/vendor-completions/_fcgi-host",
            "/usr/share/man/man1/fcgi-host.1.gz",
            "/usr/share/man/man5/fcgi-host.conf.5.gz",
            "/usr/lib/fcgi-host/handlers/"} <= has["fcgi-host"]
    assert {"/usr/include/fcgi-host/handler.h", "/usr/lib/libfh-test.a",
            "/usr/share/man/man3/fcgi-host-handler.3.gz"} <= \
        has["fcgi-host-dev"]
    assert {"/etc/fcgi-host/examples.conf",
            "/usr/lib/fcgi-host/examples/hello.so"} <= \
        has["fcgi-host-examples"]
    if shutil.which("npm"):
        assert "/usr/share/fcgi-host/docs/swagger-ui-bundle.js" in \
            has["fcgi-host"]
    for one in has.values():
        assert not any(path.startswith("/usr/lib/fcgi-host/handlers/") and
                       path.endswith(".so") for path in one)


def get(debian, path, name="fcgi-host"):
    with fcgi.Conn(debian.path("/run/%s/host.sock" % name)) as conn:
        return conn.get(path)


def unit_says(debian, what):
    return debian.run("systemctl", "show", "-P", what,
                      "fcgi-host.service").strip()


HANDLER = """
#include <fcgi-host/handler.h>

static int
mine(struct fh_request *rq)
{
	return fh_reply_text(rq, 200, "mine");
}

static int
fall(struct fh_request *rq)
{
	(void)rq;
	*(volatile int *)8 = 1;
	return 0;
}

FH_HANDLER(.name = "mine", .routes = FH_ROUTES(
	{ "GET", "/mine", .serve = mine },
	{ "GET", "/fall", .serve = fall, .async = true }));
"""


def test_a_handler_made_with_dev_is_served(packages, debian, tmp_path):
    """Breaks when: the service does not run once it is installed, headers or
    flags of -dev are wrong, or a handler that is dropped in is not taken."""
    assert debian.run("systemctl", "is-active", "fcgi-host.service",
                      "fcgi-host.socket").split() == ["active", "active"]
    assert get(debian, "/mine").status == 404
    subprocess.run(["dpkg-deb", "-x", packages.files["fcgi-host-dev"],
                    tmp_path], check=True)
    flags = subprocess.run(
        ["pkg-config", "--cflags", "fcgi-host"], check=True, text=True,
        capture_output=True, env=environment(
            PKG_CONFIG_SYSROOT_DIR=str(tmp_path),
            PKG_CONFIG_PATH=str(next(tmp_path.glob(
                "usr/lib/*/pkgconfig"))))).stdout
    assert str(tmp_path) in flags
    subprocess.run(["cc", "-g", "-shared", *flags.split(), "-o",
                    tmp_path / "mine.so", "-x", "c", "-"], input=HANDLER,
                   text=True, check=True)
    shutil.copy(tmp_path / "mine.so",
                debian.path("/usr/lib/fcgi-host/handlers/mine.so"))
    fcgi.wait_until(lambda: get(debian, "/mine").status == 200, 20,
                    "the handler serves")
    assert get(debian, "/mine").body == b"mine"


def reports(debian):
    return json.loads(debian.run("fcgi-host", "crashes", "--json"))["crashes"]


def test_the_unit_takes_nothing_that_is_needed(debian):
    """Breaks when: the list of system calls or a closed folder of the unit
    keeps the host from its sandbox, its backtraces or its metrics."""
    status = json.loads(debian.run("fcgi-host", "status", "--json"))
    assert status["sandbox"]["on"] is True, status["sandbox"]
    assert status["degraded"] == []
    assert get(debian, "/fall").status == 500
    fcgi.wait_until(lambda: reports(debian), 20, "the crash has a report")
    report = debian.run("fcgi-host", "crashes",
                        str(reports(debian)[0]["number"]))
    assert "fall at " in report and "<stdin>:14" in report, report
    assert "fcgi_host_listen_queue" in debian.run("fcgi-host", "metrics")


def test_an_update_loses_no_request(packages, debian):
    """Breaks when: the maintainer scripts stop or restart a host that runs, or
    leave the old version running."""
    host, begun = (unit_says(debian, what)
                   for what in ("MainPID", "InvocationID"))
    failed, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                if get(debian, "/mine").status != 200:
                    failed.append("status")
            except Exception as error:
                failed.append(repr(error))
    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    debian.run("dpkg", "-i", "/" + packages.files["fcgi-host"].name)
    stop.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert unit_says(debian, "MainPID") != host
    assert unit_says(debian, "InvocationID") == begun	# not started again


def test_the_examples_are_an_instance(debian):
    """Breaks when: the template's folders or the configuration of the examples
    are not those of the other."""
    assert debian.ask("systemctl", "is-active",
                      "fcgi-host@examples").stdout == "inactive\n"
    debian.run("systemctl", "start", "fcgi-host@examples")
    assert get(debian, "/hello", "fcgi-host@examples").status == 200
    if shutil.which("npm"):
        assert get(debian, "/docs", "fcgi-host@examples").status == 200
    assert get(debian, "/hello").status == 404
    debian.run("systemctl", "reload", "fcgi-host@examples")


def test_a_purge_leaves_nothing_that_runs(debian):
    """Breaks when: a unit or an instance of a removed package goes on, or
    what it has made stays after a purge."""
    os.unlink(debian.path("/usr/lib/fcgi-host/handlers/mine.so"))
    debian.run("apt-get", "purge", "-y", "fcgi-host", "fcgi-host-examples")
    assert debian.run("systemctl", "list-units", "--plain", "--no-legend",
                      "--state=active", "fcgi-host*").strip() == ""
    assert debian.ask("pgrep", "fcgi-host|fh-").stdout == ""
    for path in ("/etc/fcgi-host", "/usr/lib/fcgi-host", "/var/lib/fcgi-host",
                 "/var/lib/fcgi-host@examples", "/var/log/fcgi-host",
                 "/run/fcgi-host/host.sock"):
        assert not os.path.lexists(debian.path(path)), path
