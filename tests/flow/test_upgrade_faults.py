"""Upgrades of the binary in which one of the two hosts goes wrong."""

import os
import re
import shutil
import signal
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.held import Asked, Held
from lib.host import BINARY, alive, comm, parent, process_ids

# What lies where the binary was, and is not one; `link` leads to the old host.
FAKE = """#!/usr/bin/python3
import array, os, socket, time
link = socket.socket(fileno=int(os.environ["FCGI_HOST_HANDOFF"]))
hello = link.recv(1 << 20)
"""
READY = """
link.shutdown(socket.SHUT_RD)
ours, theirs = socket.socketpair()
link.sendmsg([(5).to_bytes(4, "little") + hello[4:]], [(socket.SOL_SOCKET,
             socket.SCM_RIGHTS, array.array("i", [theirs.fileno()]))])
"""


class Upgraded(Held):
    """A host whose binary can be replaced, and that stays in front of what
    replaces it."""

    def __init__(self, **options):
        super().__init__(notify=False, **options)

    def start(self, wait=None):
        self.binary = os.path.join(self.folder, "fcgi-host")
        shutil.copy(BINARY, self.binary)
        super().start(wait)
        self.serves("1")	# there is nobody to tell us
        return self

    def command(self, *arguments, **keywords):
        own, self.binary = self.binary, BINARY
        try:
            return super().command(*arguments, **keywords)
        finally:
            self.binary = own

    def fake(self, text, head=FAKE):
        path = self.write("new", head + text)
        os.chmod(path, 0o755)
        os.rename(path, self.binary)

    def real(self):
        path = os.path.join(self.folder, "new")
        shutil.copy(BINARY, path)
        os.rename(path, self.binary)

    def successor(self):
        """The new host, from its first moment on."""
        def there():
            return [pid for pid in process_ids() if parent(pid) == self.pid
                    and comm(pid) in ("fh-supervisor", "fcgi-host")]
        return wait_until(there, what="a new host")[0]

    def settled(self):
        """It serves on, and can do all that it could."""
        assert os.path.exists(self.socket) and os.path.exists(self.control)
        self.serves("1")
        self.real()
        done = self.command("reload")
        assert done.returncode == 0, done
        done = self.command("upgrade")
        assert done.returncode == 0, done
        self.serves("1")


def refused(asked, seconds=20):
    done = asked.result(seconds)
    assert done.returncode == 1, done
    return done.stdout + done.stderr


# ------------------------------------------------------- what is no host

@pytest.mark.parametrize("text", [
    "link.close(); time.sleep(1000)",
    "link.send(b'what?'); time.sleep(1000)",
    "link.send((9).to_bytes(4, 'little') + hello[4:]); link.close()",
    READY + "os._exit(0)",
    READY + "time.sleep(1000)",
    "os._exit(3)",
    "os.kill(os.getpid(), 6)",
], ids=["closes", "nonsense", "unknown", "dies-ready", "leaves-ready",
        "exits", "aborts"])
def test_a_binary_that_is_no_host(text):
    """Breaks when: a program that is started by an upgrade and does not do
    what a host does stops the one that serves."""
    with Upgraded() as host:
        host.fake(text)
        refused(Asked(host, "upgrade"))
        host.settled()


def test_a_binary_that_is_not_there():
    """Breaks when: the log does not say why an upgrade failed."""
    with Upgraded() as host:
        os.unlink(host.binary)
        refused(Asked(host, "upgrade"))
        host.wait_log(r"%s: No such file" % re.escape(host.binary))
        host.settled()


# ------------------------------------------------- deaths of the new host

@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM,
                                    signal.SIGINT])
@pytest.mark.parametrize("where", ["load", "preload", "self_test", "worker",
                                   "front"])
def test_a_new_host_that_ends(where, number):
    """Breaks when: a new host that is killed, or told to stop, before it
    serves takes the socket, a number or a file along."""
    with Upgraded() as host:
        host.hold(where)
        asked = Asked(host, "upgrade")
        host.at(where)
        os.kill(host.successor(), number)
        refused(asked)
        host.go(where)
        host.settled()


def test_a_new_host_that_fails_unseen():
    """Breaks when: a new host that cannot serve cleans up what is still the
    old one's, should that be slow."""
    with Upgraded() as host:
        host.fake("os.kill(os.getppid(), signal.SIGSTOP)\n"
                  "os.execv(%r, ['fcgi-host', 'run', '-c', %r])" % (
                      BINARY, host.file),
                  "#!/usr/bin/python3\nimport os, signal\n")
        os.rename(host.dropped, host.dropped + ".away")
        asked = Asked(host, "upgrade")
        host.wait_log("handler directory .* cannot be read")
        new = host.successor()
        wait_until(lambda: not alive(new))
        os.rename(host.dropped + ".away", host.dropped)
        os.kill(host.pid, signal.SIGCONT)
        refused(asked)
        host.settled()


# ------------------------------------------------- deaths of the old host

@pytest.mark.parametrize("where", ["load", "preload", "self_test", "worker",
                                   "front"])
def test_an_old_host_that_is_killed(where):
    """Breaks when: the death of the old host takes along the new one, which is
    about to serve."""
    with Upgraded() as host:
        host.hold(where)
        Asked(host, "upgrade")
        host.at(where)
        new = host.successor()
        os.kill(host.pid, signal.SIGKILL)
        host.process.wait()
        host.go(where)
        host.wait_log("took over")
        wait_until(lambda: host.can_connect(), 10)
        host.serves("1")
        host.process.returncode = None
        os.kill(new, signal.SIGTERM)
        wait_until(lambda: not alive(new), 20)
        host.check_clean()
        host.process = None


# --------------------------------------------------------- at the same time

def test_a_reload_during_an_upgrade():
    """Breaks when: who asks for a reload while a new host starts waits for
    ever."""
    with Upgraded() as host:
        host.hold("preload")
        upgrade = Asked(host, "upgrade")
        host.at("preload")
        asked = Asked(host, "reload")
        time.sleep(0.3)
        assert asked.waits()
        host.go("preload")
        assert upgrade.result().returncode == 0
        done = asked.result()
        assert done.returncode == 1, done
        assert "new host" in done.stdout + done.stderr
        host.reload()


def test_an_upgrade_during_a_reload():
    """Breaks when: an upgrade does not wait for a reload, or forgets it."""
    with Upgraded() as host:
        host.vary("2")
        host.hold("preload")
        asked = Asked(host, "reload")
        host.at("preload")
        upgrade = Asked(host, "upgrade")
        time.sleep(0.2)
        assert upgrade.waits()
        host.go("preload")
        assert asked.result().returncode == 0
        assert upgrade.result().returncode == 0
        host.serves("2")


@pytest.mark.parametrize("where", ["preload", "worker"])
def test_a_stop_during_an_upgrade(where):
    """Breaks when: SIGTERM while a new host starts leaves that one behind."""
    with Upgraded() as host:
        host.hold(where)
        asked = Asked(host, "upgrade")
        host.at(where)
        new = host.successor()
        host.stop()
        assert "stop" in refused(asked)
        assert not alive(new)


def test_a_stop_before_an_upgrade():
    """Breaks when: who asked for an upgrade that waited for a reload is not
    told that the host stops."""
    with Upgraded() as host:
        host.vary("2")
        host.hold("preload")
        asked = Asked(host, "reload")
        host.at("preload")
        upgrade = Asked(host, "upgrade")
        time.sleep(0.2)
        host.stop()
        assert "stop" in refused(asked)
        assert "stop" in refused(upgrade)


# ------------------------------------------------ signals to the old process

class Draining:
    """An old host that has handed over and still has a request."""

    def __init__(self, gate, **options):
        self.gate = gate
        self.host = Upgraded(handlers=["live_gate"], drain_timeout="60s",
                             **options)

    def __enter__(self):
        host = self.host.__enter__()
        self.conn = host.connect()
        self.conn.__enter__()
        self.conn.send(fcgi.request("GET", self.gate.path()))
        self.held = self.gate.accept()
        assert host.command("upgrade").returncode == 0
        return host, self.held, self.conn

    def __exit__(self, *what):
        self.conn.__exit__(*what)
        return self.host.__exit__(*what)


def test_a_hang_up_is_passed_on(gate):
    """Breaks when: SIGHUP to a host that finishes after an upgrade is lost."""
    with Draining(gate) as (host, held, conn):
        host.vary("2")
        host.send_signal(signal.SIGHUP)
        wait_until(lambda: host.get("/vary").text.startswith("2 "))
        held.tell("go")
        assert conn.read_reply().status == 200
        host.vary("3")
        host.send_signal(signal.SIGHUP)
        wait_until(lambda: host.get("/vary").text.startswith("3 "))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_passed_on(gate, number):
    """Breaks when: a signal to a host that finishes after an upgrade ends what
    that still runs, or does not reach the one that serves."""
    with Draining(gate) as (host, held, conn):
        new = host.successor()
        host.send_signal(number)
        wait_until(lambda: not alive(new))
        held.tell("go")
        assert conn.read_reply().status == 200
        assert host.wait_exit() == 0
        host.check_clean()


@pytest.mark.parametrize("drains", [True, False])
def test_an_interrupt_of_the_terminal_stops_in_order(gate, drains):
    """Breaks when: Ctrl-C, which the terminal sends to each process of a group,
    reaches the new host once more through the old one: twice is at once."""
    with Draining(gate) as (host, held, conn):
        if not drains:
            held.tell("go")
            assert conn.read_reply().status == 200
            host.wait_log("waiting for process")
        with host.connect() as other:
            other.send(fcgi.request("GET", gate.path()))
            new = gate.accept()
            os.killpg(host.pid, signal.SIGINT)
            time.sleep(0.3)
            new.tell("go")
            assert other.read_reply().status == 200
        if drains:
            held.tell("go")
            assert conn.read_reply().status == 200
        assert host.wait_exit() == 0
        host.check_clean()


# ------------------------------------------------------------------ models

def test_as_many_models_as_one_likes():
    """Breaks when: models are handed over only as far as a socket has room."""
    with Upgraded() as host:
        models = {"m%d" % number: {
            "path": host.write("model%d" % number, b"%d" % number * 100),
            "kind": "file"} for number in range(80)}
        host.change(models=models)
        host.reload()
        before = {one["name"]: one["inode"]
                  for one in host.status()["models"]}
        assert len(before) == 80
        done = host.command("upgrade")
        assert done.returncode == 0, done
        assert {one["name"]: one["inode"]
                for one in host.status()["models"]} == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_as_process_1(number):
    """Breaks when: as process 1 of a container the host reaps its successor
    before it has asked what that died of."""
    wrapper = ["unshare", "-pf", "--mount-proc", "--kill-child"]
    with Upgraded(wrapper=wrapper) as host:
        host.hold("preload")
        asked = Asked(host, "upgrade")
        host.at("preload")
        supervisors = [pid for pid in process_ids()
                       if comm(pid) == "fh-supervisor"
                       and parent(pid) != host.pid and parent(pid) in
                       [one for one in process_ids()
                        if parent(one) == host.pid]]
        assert len(supervisors) == 1
        os.kill(supervisors[0], number)
        says = refused(asked)
        assert "killed by signal 9" in says or number != signal.SIGKILL, says
        host.go("preload")
        host.settled()
        inside = [pid for pid in process_ids() if parent(pid) == host.pid]
        os.kill(inside[0], signal.SIGTERM)
        host.wait_exit()
        host.process = None
