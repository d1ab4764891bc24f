"""quickstart as a newcomer meets it: a copy of the files git knows, in a folder
with a space in its name, from nothing to a running host and back.

Run by `quickstart test` as a step of its own: it builds and trains once more.
"""

import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from lib.fcgi import wait_until
from lib.host import SOURCE, process_ids, read_proc
from lib.nginx import free_port

READY = "Ctrl-C stops everything."


def run(*arguments, folder=SOURCE, **keywords):
    """./quickstart to its end."""
    return subprocess.run(["./quickstart", *arguments], cwd=folder,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, **keywords)


class Terminal:
    """./quickstart run in a terminal of its own, so that Ctrl-C is real."""

    def __init__(self, folder, *arguments):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                # ignored in a test in the background, or under nohup
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                signal.signal(signal.SIGHUP, signal.SIG_DFL)
                os.chdir(folder)
                os.execv("./quickstart", ["./quickstart", "run", *arguments])
            finally:
                os._exit(127)
        self.text = ""
        self.code = None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            if not data:
                return
            self.text += data.decode(errors="replace").replace("\r", "")

    def ended(self):
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def wait_ready(self, seconds=400):
        wait_until(lambda: READY in self.text or self.ended(), seconds,
                   "quickstart run")
        assert READY in self.text, self.text

    def press_ctrl_c(self):
        os.write(self.fd, b"\x03")

    def wait_end(self):
        wait_until(self.ended, 40, "the end of quickstart")
        self.reader.join(5)
        return self.code

    def scratch(self):
        return re.search(r"Configuration: (/\S+)/fcgi-host.conf",
                         self.text).group(1)

    def commands(self):
        """What it tells the reader to type."""
        return re.findall(r"^    ((?:curl|/).*)$", self.text, re.MULTILINE)

    def close(self):
        if not self.ended():
            os.kill(self.pid, signal.SIGTERM)
            self.wait_end()
        os.close(self.fd)


def processes_of(scratch):
    return [pid for pid in process_ids()
            if scratch in read_proc(pid, "cmdline")]


def nothing_is_left(scratch, port):
    wait_until(lambda: not processes_of(scratch), 20,
               "the end of what quickstart started")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """What a clone would have, in a folder that needs quoting."""
    folder = tmp_path_factory.mktemp("a clone") / "with 'quotes' & space"
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached",
         "--others", "--exclude-standard"],
        cwd=SOURCE, capture_output=True)
    if listed.returncode != 0:
        pytest.skip("not a git work tree")
    for name in listed.stdout.decode().split("\0"):
        origin = os.path.join(SOURCE, name)
        if name and os.path.lexists(origin):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, target, follow_symlinks=False)
    yield folder
    built = folder / "build"
    if built.is_symlink():
        shutil.rmtree(built.resolve(), ignore_errors=True)


@pytest.fixture
def terminal(request):
    opened = []

    def start(folder, *arguments):
        opened.append(Terminal(folder, *arguments))
        return opened[-1]
    yield start
    for one in opened:
        one.close()


def test_from_a_clone_to_answers_and_back(clone, terminal):
    """Breaks when: a file is missing in git, a line that is printed does
    not work, or Ctrl-C leaves something behind."""
    port = free_port()
    one = terminal(clone, "--no-install", "--port", str(port))
    one.wait_ready()
    commands = one.commands()
    assert len(commands) >= 8, one.text
    for command in commands:
        if command.startswith("curl "):
            command = command.replace("curl ", "curl -sS -f --max-time 20 ")
        done = subprocess.run(["bash", "-c", command], cwd=clone,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert done.stdout.strip(), command
    if shutil.which("npm"):
        page = re.search(r"in a browser: (http\S+)", one.text)[1]
        with urllib.request.urlopen(page, timeout=20) as reply:
            assert b"swagger-ui-bundle.js" in reply.read()
    scratch = one.scratch()
    assert processes_of(scratch)
    one.press_ctrl_c()
    assert one.wait_end() == 0, one.text
    nothing_is_left(scratch, port)
    assert not os.path.exists(scratch)


def test_the_second_start_builds_and_trains_nothing(clone, terminal):
    """Breaks when: configure, make or training runs again."""
    model = clone / "build" / "sentiment.bin"
    before = model.stat()
    binary = clone / "build" / "host" / "fcgi-host" / "fcgi-host"
    built = binary.stat().st_mtime_ns
    one = terminal(clone, "--no-install", "--port", str(free_port()))
    begin = time.monotonic()
    one.wait_ready()
    took = time.monotonic() - begin
    assert "Training" not in one.text
    assert (model.stat().st_ino, model.stat().st_mtime_ns) == (
        before.st_ino, before.st_mtime_ns)
    assert binary.stat().st_mtime_ns == built
    print("second start: %.1f s" % took, file=sys.stderr)
    assert took < 30		# the first takes minutes
    one.press_ctrl_c()
    assert one.wait_end() == 0


def test_killed_quickstart_leaves_no_process(clone, terminal):
    """Breaks when: host or nginx outlive the script that started them."""
    port = free_port()
    one = terminal(clone, "--no-install", "--port", str(port))
    one.wait_ready()
    scratch = one.scratch()
    os.kill(one.pid, signal.SIGKILL)
    one.wait_end()
    nothing_is_left(scratch, port)
    shutil.rmtree(scratch)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_stop_it_as_well(clone, terminal, number):
    """Breaks when: a closed terminal leaves a server running."""
    port = free_port()
    one = terminal(clone, "--no-install", "--port", str(port))
    one.wait_ready()
    scratch = one.scratch()
    os.kill(one.pid, number)
    assert one.wait_end() == 0
    nothing_is_left(scratch, port)


def test_a_host_that_does_not_start_says_why(clone, terminal):
    """Breaks when: the reason is only in a file nobody is told of."""
    model = clone / "build" / "sentiment.bin"
    aside = model.with_suffix(".aside")
    model.rename(aside)
    model.write_bytes(b"")
    try:
        one = terminal(clone, "--no-install", "--port", str(free_port()))
        assert one.wait_end() == 1
    finally:
        aside.rename(model)
    assert "the host did not start" in one.text
    assert "sentiment.bin" in one.text


# ---------------------------------------------- without building anything

def test_busy_port_is_a_clear_message(tmp_path):
    """Breaks when: the port is found busy after minutes of building."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = run("run", "--port", str(port), "--build-dir", str(tmp_path))
    assert done.returncode == 1
    assert str(port) in done.stderr and "--port" in done.stderr
    assert not (tmp_path / "host").exists()


@pytest.mark.parametrize("arguments", [
    [], ["walk"], ["run", "test"], ["run", "--port"], ["run", "--colour"]])
def test_wrong_usage_shows_the_usage(arguments):
    """Breaks when: a mistyped option is passed over."""
    done = run(*arguments)
    assert done.returncode == 100
    assert "usage: ./quickstart" in done.stderr


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "123456"])
def test_ports_that_are_none(port):
    """Breaks when: nginx is the first to notice."""
    done = run("run", "--port", port)
    assert done.returncode != 0 and "--port" in done.stderr


def test_help():
    """Breaks when: an option is not in the help."""
    done = run("--help")
    assert done.returncode == 0
    for word in ("run", "test", "--port", "--build-dir", "--no-install"):
        assert word in done.stdout


def test_no_install_names_what_is_missing(tmp_path):
    """Breaks when: --no-install installs, or fails in the compiler."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, body in (("dpkg-query", 'case "$*" in *libuv1-dev) exit 1 ;; '
                        "esac; printf installed"),
                       ("apt-get", "touch '%s/installed'" % tmp_path)):
        (tools / name).write_text("#!/bin/sh\n%s\n" % body)
        (tools / name).chmod(0o755)
    done = run("run", "--no-install", "--port", str(free_port()),
               "--build-dir", str(tmp_path / "build"),
               env={**os.environ, "PATH": "%s:%s" % (tools,
                                                     os.environ["PATH"])})
    assert done.returncode == 1
    assert "libuv1-dev" in done.stderr and "apt-get install" in done.stderr
    assert not (tmp_path / "installed").exists()
