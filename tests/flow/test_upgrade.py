"""A new binary takes over: nothing is lost, and nothing is loaded again.

FH_RELOADS / 10 is how many upgrades the first test makes (4).
"""

import os
import random
import shutil
import signal
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import BINARY, alive, comm
from lib.load import Load
from lib.nginx import Nginx, free_port
from lib.sse import Stream
from lib.passwords import Crypt, basic, section, user
from lib.versions import VersionHost, ask_versions, check, versions_of

UPGRADES = int(os.environ.get("FH_RELOADS", "40")) // 10
SEED = int(os.environ.get("FH_SEED", "0")) or random.SystemRandom().randrange(
    1, 10 ** 6)


class UpgradeHost(VersionHost):
    """A host with a binary of its own.  Without a service manager (`notify`
    false) the process that was started stays, as a guard."""

    def start(self, wait=None):
        self.binary = os.path.join(self.folder, "fcgi-host")
        self.install()
        super().start(wait)
        if not self.notify:
            wait_until(self.can_connect)
            self.wait_served()
        return self

    def command(self, *arguments, **keywords):
        """With a client that is whole, whatever is installed."""
        own, self.binary = self.binary, BINARY
        try:
            return super().command(*arguments, **keywords)
        finally:
            self.binary = own

    def install(self, source=BINARY):
        """Another file at the binary's path."""
        path = os.path.join(self.folder, "fcgi-host.new")
        if isinstance(source, bytes):
            self.write("fcgi-host.new", source)
        else:
            shutil.copy(source, path)
        os.chmod(path, 0o755)
        os.rename(path, self.binary)

    def runs(self, pid):
        """Is the installed file what that process runs?"""
        one = os.stat("/proc/%d/exe" % pid)
        other = os.stat(self.binary)
        return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)

    def upgrade(self, told="command"):
        """Installs a binary and has it taken over; its supervisor."""
        old = set(self.pids("supervisor"))
        self.install()
        if told == "command":
            done = self.command("upgrade")
            assert done.returncode == 0, done
        else:
            os.kill(self.pid if alive(self.pid) else max(old),
                    signal.SIGUSR2)

        def alone():	# what was just forked has the name as well
            found = self.pids("supervisor")
            return len(found) == 1 and found[0] not in old and found[0]
        new = wait_until(alone, 20, "the new host, and the old one's end")
        assert self.runs(new)
        return new

    def stop(self, *arguments, **keywords):
        """The new host is not our child when a service manager was told."""
        if self.process.poll() is None:
            super().stop(*arguments, **keywords)
            return
        assert self.process.returncode == 0, self.log()
        for pid in self.pids("supervisor"):
            os.kill(pid, signal.SIGTERM)
        self.wait_gone(20)
        self.check_clean()

    def wait_one(self):
        self.wait_alone(others=[] if self.notify else ["guard"])


def query(target="/version", **fields):
    return target + "?" + "&".join("%s=%s" % item for item in fields.items())


# ------------------------------------------------------------ under load

@pytest.mark.parametrize("how", ["guarded", "told", "tcp"])
def test_upgrades_under_load(how):
    """Breaks when: a request is lost, refused, answered or run twice while a
    new binary takes over."""
    listen = "tcp:127.0.0.1:%d" % free_port() if how == "tcp" else None
    with UpgradeHost(pools={"default": {"workers": 2, "threads": 8}},
                     listen=listen, notify=how == "told",
                     log_level="info") as host:
        address = listen.rpartition(":")[2] if listen else host.socket
        first = host.status()["models"][0]
        with Load(address, fresh=4) as load:
            for number in range(UPGRADES):
                host.upgrade(("command", "signal")[number % 2])
                assert not load.faults, "in upgrade %d" % number
                host.advance(("handler", "config")[number % 2])
                assert not load.faults, "after upgrade %d" % number
        check(host, load.result, 50 * UPGRADES)
        now = host.status()["models"][0]
        assert now["inode"] == first["inode"], "the model was loaded again"
        host.wait_one()
        print(load.result.counts)


def test_upgrades_under_load_through_nginx():
    """Breaks when: a client of nginx sees an upgrade."""
    with UpgradeHost(pools={"default": {"workers": 2, "threads": 8}},
                     notify=False, log_level="info") as host, \
            Nginx(host) as nginx:
        with Load(nginx.port, "http", fresh=8) as load:
            for number in range(UPGRADES):
                host.upgrade()
                assert not load.faults, "in upgrade %d" % number
        check(host, load.result, 50 * UPGRADES)
        assert nginx.errors() == []
        print(load.result.counts)


def test_an_upgrade_ends_streams_well():
    """Breaks when: event streams hold the old host until drain_timeout, or
    their clients cannot come back on their connections."""
    with UpgradeHost(pools={"default": {"workers": 2, "threads": 8}},
                     notify=False, drain_timeout="60s") as host:
        host.drop("live_stream")
        host.reload()
        streams = [Stream(host, "/quiet") for _ in range(10)]
        assert all(one.next().event == "hello" for one in streams)
        host.upgrade()
        for one in streams:
            assert [got.data for got in one.rest()] == ["ECANCELED"]
            again = Stream(host, "/quiet", conn=one.conn)
            assert again.next().event == "hello"
            one.conn.close()
        host.wait_one()


BAD = {"not-a-program": b"this is no program\n",
       "empty": b"",
       "exits": b"#!/bin/sh\nexit 0\n",
       "fails": b"#!/bin/sh\nexit 111\n",
       "another-program": "/bin/true"}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_binary_changes_nothing(bad):
    """Breaks when: a binary that does not start costs a request, or is taken
    for the host."""
    with UpgradeHost(notify=False, log_level="info") as host:
        processes = host.processes()
        with Load(host.socket, fresh=4) as load:
            host.install(BAD[bad])
            done = host.command("upgrade")
            assert done.returncode == 1, done
            assert done.stdout + done.stderr
            host.send_signal(signal.SIGUSR2)
            host.wait_log(r"supervisor.* (error|warn) ", count=2)
            assert host.look() == host.version
        check(host, load.result, 20)
        wait_until(lambda: host.processes() == processes)
        host.upgrade()
        host.advance("handler")


# ------------------------------------------------------------ what moves

def test_what_is_under_way_at_an_upgrade(gate):
    """Breaks when: a connection that is idle, half of a request, a queued
    request, a running one or a stream does not come through an upgrade."""
    body = b"u" * 100000
    half = fcgi.request("POST", query("/version-sync", id="half"), body)
    with UpgradeHost(handlers=["live_gate"], notify=False,
                     pools={"default": {"workers": 1, "threads": 2}}) as host:
        names = ("idle", "half", "running", "stream", "queued")
        conns = {name: host.connect() for name in names}
        assert ask_versions(conns["idle"]) == host.version
        conns["half"].send(half[:50000])
        conns["running"].send(fcgi.request("GET", gate.path()))
        holder = gate.accept()
        conns["stream"].send(fcgi.request("GET", query(
            id="stream", lines=50, flush=1, wait=30)))
        pieces = conns["stream"].stdout()
        text = next(pieces)
        conns["queued"].send(fcgi.request("POST", query(id="queued"), body))
        wait_until(lambda: host.status()["pools"][0]["queued"] == 1)
        host.step("handler")
        host.install()
        assert host.command("upgrade").returncode == 0
        assert versions_of(conns["queued"].read_reply(), body) == host.version
        assert ask_versions(conns["idle"]) == host.version
        conns["half"].send(half[50000:])
        assert versions_of(conns["half"].read_reply(), body) in host.visited
        text += b"".join(pieces)
        assert versions_of(fcgi.Reply(text, b"", 0, 0)) == (1, 1, 1)
        holder.tell("go")
        assert conns["running"].read_reply().body == b"ok\n"
        for conn in conns.values():
            assert ask_versions(conn, "/version") == host.version
            conn.close()
        host.wait_alone(workers=1, others=["guard"])
        assert host.ran_twice() == []


def test_a_password_that_is_hashed_at_an_upgrade(tmp_path):
    """Breaks when: a request whose password is hashed by the old host, or
    waits for that, does not come through an upgrade."""
    path = os.path.join(str(tmp_path), "users")
    with open(path, "w") as file:
        file.write(user("ada", "byron"))
    os.chmod(path, 0o600)
    ada = basic("ada", "byron")
    with Crypt() as crypt, UpgradeHost(
            handlers=["live_gate", "whoami"], notify=False,
            extra=section(path), default_auth="people", **crypt.options,
            routes={label: {"auth": "none"} for label in (
                "GET /version", "GET /version-sync")}) as host:
        crypt.hold()
        conns = [host.connect(), host.connect()]
        conns[0].send(fcgi.request("GET", "/whoami-async", headers=ada))
        crypt.at()
        half = fcgi.request("POST", "/whoami-async", b"u" * 90000, headers=ada)
        conns[1].send(half[:1000])
        host.install()
        assert host.command("upgrade").returncode == 0
        crypt.go()
        conns[1].send(half[1000:])
        for conn in conns:
            assert conn.read_reply().json["name"] == "ada"
            assert conn.get("/whoami", headers=ada).json["name"] == "ada"
            conn.close()
        host.wait_alone(others=["guard"])


def test_an_upgrade_with_workers_on_demand(gate):
    """Breaks when: the new host, which begins without a worker, is not ready
    or has none for what comes, or the old one ends its only one."""
    with UpgradeHost(handlers=["live_gate"], notify=False, pools={"default": {
            "workers": "ondemand", "idle_timeout": "500ms"}}) as host, \
            host.connect() as conn, host.connect() as other:
        conn.send(fcgi.request("GET", gate.path()))
        holder = gate.accept()
        host.install()
        assert host.command("upgrade").returncode == 0
        assert ask_versions(other) == host.version
        assert holder.pid in host.pids("worker")
        holder.tell("go")
        assert conn.read_reply().body == b"ok\n"
        conn.close()
        host.wait_alone(workers=0, others=["guard"])


def test_drain_timeout_of_an_old_host(gate):
    """Breaks when: a handler that never returns keeps the old host, or its
    client gets no whole answer."""
    with UpgradeHost(handlers=["live_gate"], notify=False, crashes=True,
                     drain_timeout="700ms",
                     pools={"default": {"workers": 1}}) as host, \
            host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path(deaf=1)))
        gate.accept().tell("loop")
        host.install()
        assert host.command("upgrade").returncode == 0
        assert host.look("/version") == host.version
        conn.read_reply().problem(503)
        assert ask_versions(conn) == host.version
        host.wait_alone(workers=1, others=["guard"], seconds=5)


@pytest.mark.parametrize("told", [False, True])
def test_an_upgrade_while_an_older_host_finishes(gate, told):
    """Breaks when: a host that has a request yet loses its way to who serves
    when that one is replaced too: its connection is closed after the reply,
    and signals to it are lost."""
    with UpgradeHost(handlers=["live_gate"], notify=told, log_level="info",
                     drain_timeout="20s",
                     pools={"default": {"workers": 1}}) as host:
        conns, holders = [], []
        for _ in range(3):
            conns.append(host.connect())
            conns[-1].send(fcgi.request("GET", gate.path()))
            holders.append(gate.accept())
            host.install()
            assert host.command("upgrade").returncode == 0
            host.step("handler")
            host.reload()
        if not told:
            host.step("handler")
            host.send_signal(signal.SIGHUP)
            host.wait_served(5)
        for number in (1, 0, 2):
            holders[number].tell("go")
            assert conns[number].read_reply().body == b"ok\n"
            assert ask_versions(conns[number]) == host.version
        for conn in conns:
            assert ask_versions(conn) == host.version
            conn.close()
        host.wait_alone(workers=1, others=[] if told else ["guard"])


@pytest.mark.parametrize("told", [False, True])
def test_upgrades_that_overtake_a_request(gate, told):
    """Breaks when: a host that finishes a request loses its way to who serves
    because the host between has nothing to finish."""
    with UpgradeHost(handlers=["live_gate"], notify=told, log_level="info",
                     drain_timeout="20s",
                     pools={"default": {"workers": 1}}) as host, \
            host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        holder = gate.accept()
        for _ in range(3):
            host.install()
            assert host.command("upgrade").returncode == 0
            host.step("handler")
            host.reload()
            time.sleep(0.3)
        if not told:
            host.step("handler")
            host.send_signal(signal.SIGHUP)
            host.wait_served(5)
        holder.tell("go")
        assert conn.read_reply().body == b"ok\n"
        assert ask_versions(conn) == host.version
        host.wait_alone(workers=1, others=[] if told else ["guard"])


def test_what_is_in_place_is_taken():
    """Breaks when: a new host serves other versions than those there, uses a
    number again, or cannot go back."""
    with UpgradeHost(notify=False, watch=True) as host:
        host.advance("handler")
        number = host.number()
        for way in ("handler", "model", "config"):
            host.step(way)
        host.upgrade()
        assert host.look() == host.version
        assert host.number() > number
        host.rollback(number)
        assert host.look() == (2, 2, 1)
        host.reload()
        assert host.look() == host.version
        host.advance("handler", "watch")


def test_processes_of_a_new_host_are_replaced():
    """Breaks when: a host that has taken over cannot replace what dies."""
    with UpgradeHost(notify=False) as host:
        host.upgrade()
        host.wait_one()
        for role in ("worker", "front", "zygote"):
            old, count = host.pids(role)[0], len(host.pids(role))
            host.kill_process(old)
            host.wait_replaced(role, old, count)
            assert host.look() == host.look("/version") == host.version
        host.wait_one()


def test_a_service_manager_is_told():
    """Breaks when: a service manager does not learn of the new process, and
    ends it when the old one ends."""
    with UpgradeHost(log_level="info") as host:
        mark = len(host.notes)
        new = host.upgrade()
        assert "MAINPID=%d" % new in host.notes[mark:]
        assert host.process.wait(10) == 0
        assert "STOPPING=1" not in host.notes[mark:]
        mark = len(host.notes)
        newer = host.upgrade("signal")
        wait_until(lambda: "MAINPID=%d" % newer in host.notes[mark:])
        assert host.look() == host.version


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
        return [int(word) for word in file.read().split()]


def wait_end(pid):
    """As soon as it can be seen."""
    while alive(pid):
        pass


@pytest.mark.parametrize("number", range(6))
def test_a_stop_at_the_moment_an_old_host_ends(number):
    """Breaks when: a signal that comes just as a host between ends is sent to
    the dead."""
    with UpgradeHost(notify=False, log_level="info") as host:
        between = host.upgrade()
        host.install()
        assert host.command("upgrade").returncode == 0
        wait_end(between)
        host.stop()


SLOW = b"""#!/bin/sh
sleep 0.3
exec %s "$@"
"""


def test_a_host_that_dies_as_its_successor_begins():
    """Breaks when: a guard that does not know the new host yet, since that has
    only just been started, ends, and a restart meets a host that lives."""
    with UpgradeHost(notify=False, crashes=True) as host:
        between = host.upgrade()
        host.install(SLOW % BINARY.encode())
        os.kill(between, signal.SIGUSR2)
        wait_until(lambda: any(comm(pid) == "fcgi-host" for pid in
                               children(between)), what="the new host")
        os.kill(between, signal.SIGKILL)
        try:
            wait_until(lambda: between not in host.pids("supervisor")
                       and host.pids("supervisor") or
                       host.process.poll() is not None, 10)
        finally:
            host.install()
        if host.process.poll() is not None:	# it has lost what it was given
            host.wait_gone(5)
            host.start()
        wait_until(lambda: serves(host), 10)
        assert host.process.poll() is None


# ------------------------------------------------------------- deaths

def serves(host):
    try:
        return host.look() == host.look("/version")
    except (OSError, AssertionError):
        return False


def one_death(host, dice):
    """In an upgrade; what died.  Without its supervisor a host ends, and is
    started again as a service manager does."""
    host.send_signal(signal.SIGUSR2)
    time.sleep(dice.random() * 0.12)
    victim = dice.choice(wait_until(lambda: [
        pid for pid, role in host.processes().items()
        if role != "guard" and pid != host.pid], what="a process to end"))
    role = comm(victim)
    host.kill_process(victim)
    wait_until(lambda: serves(host) or host.process.poll() is not None, 15)
    time.sleep(dice.random() * 0.3)
    if host.process.poll() is not None:
        assert role == "fh-supervisor", role
        host.wait_gone(5)
        host.start()
    return role


def test_deaths_at_any_moment_of_an_upgrade():
    """Breaks when: some moment of an upgrade is not made for the death of a
    process: nobody serves, or a client gets a wrong answer or none."""
    print("FH_SEED=%d" % SEED)
    dice = random.Random(SEED)
    with UpgradeHost(notify=False, crashes=True, test_ms=20,
                     drain_timeout="2s", model_size=8 << 20) as host:
        with Load(host.socket, connections=16, fresh=2) as load:
            for _ in range(max(15, UPGRADES * 2)):
                begin = time.monotonic()
                print(one_death(host, dice), "%.3f s" % (time.monotonic()
                                                         - begin))
        counts = load.result.counts
        assert not any(counts[name] for name in (
            "wrong", "twice", "silent", "backwards")), load.result
        assert host.ran_twice() == []
        wait_until(lambda: host.command("upgrade").returncode == 0, 20)
        host.wait_one()
        print(counts)
