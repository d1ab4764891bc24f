"""kill -9 in the middle of reloads: the old or the new generation serves.

FH_RELOADS is how many reloads test_deaths_at_any_moment makes (30); with 200
give FH_LONGEST=900 as well.  FH_SEED repeats one run.
"""

import os
import random
import re
import signal
import threading
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import KEPT, alive, below, descriptors
from lib.load import Load
from lib.versions import WAYS, VersionHost, ask_versions

RELOADS = int(os.environ.get("FH_RELOADS", "30"))
SEED = int(os.environ.get("FH_SEED", "0")) or random.SystemRandom().randrange(
    1, 10 ** 6)
POOLS = {"default": {"workers": 2, "threads": 4}}
PHASES = ("begins", "loading", "models", "preloading", "probing", "starting",
          "serves")
WITHIN = 15.0	# seconds in which a killed host must answer again


def slow_host(**options):
    """One whose reloads take long enough to be met in each of their steps."""
    return VersionHost(pools=POOLS, model_size=8 << 20, test_ms=20,
                       watch=True, crashes=True, drain_timeout="3s",
                       **options)


class Killer(threading.Thread):
    """Kills one process of a role: a new one as soon as it is there, or one
    that is there already; `delay` seconds later."""

    def __init__(self, host, role, new, delay=0.0):
        super().__init__(daemon=True)
        self.host, self.role, self.new, self.delay = host, role, new, delay
        self.supervisor, self.killed = host.pid, None
        self.before = set(below(host.pid))
        self.end = threading.Event()
        self.start()

    def find(self):
        if self.role == "supervisor":
            return self.supervisor
        for pid, role in below(self.supervisor).items():
            if role == self.role and (pid in self.before) != self.new:
                return pid
        return None

    def run(self):
        while not self.end.is_set():
            pid = self.find()
            if pid:
                self.end.wait(self.delay)
                self.killed = pid
                self.host.kill_process(pid)
                return

    def stop(self):
        """The process that was killed; None when there was none."""
        self.end.set()
        self.join()
        return self.killed


def look(host):
    """(file, model, setting) that both sides serve; None when one does not
    answer well, or they differ, as they may in the middle of a change."""
    try:
        found = {host.look(), host.look("/version")}
    except (OSError, AssertionError):
        return None
    return found.pop() if len(found) == 1 else None


def wait_answers(host, since):
    """Until the host answers, with what may serve now; that, and after how
    many seconds."""
    begin = time.monotonic()
    found = wait_until(lambda: look(host), WITHIN, "an answer")
    assert host.is_due(found, since), "%s serves after %s, of %s" % (
        found, since, host.version)
    return found, time.monotonic() - begin


def wait_newest(host):
    """Reloads without deaths take all that is there; a file that was blamed
    for a death may need one more."""
    host.reload(code=None)
    host.reload()
    host.wait_served()


def check_unhurt(host, result):
    """A death may cost a reply, or an error that says so; never a wrong
    reply, a second one, or none at all."""
    hurt = {name: result.counts[name] for name in (
        "wrong", "twice", "silent", "backwards")}
    assert not any(hurt.values()), result
    assert host.ran_twice() == [], "run twice"
    assert result.fine > 0


def loose_files(host, but="nothing"):
    """In state_dir, of no generation that is kept."""
    names = [os.path.relpath(path, host.state)
             for path in host.files_in_state()]
    return [name for name in names
            if not KEPT.fullmatch(name) and not name.startswith(but)]


def check_nothing_left(host):
    """One generation's processes, files and memory, and no others."""
    host.wait_alone()
    assert not loose_files(host)
    assert len(host.kept_folders()) <= 6, host.kept_folders()
    memory = [link for link in descriptors(host.pid) if "memfd:" in link]
    crash = [link for link in memory if "fcgi-host-crash" in link]
    assert len(memory) - len(crash) <= 3, memory
    assert len(crash) == len(host.pids("front") + host.pids("worker"))


# --------------------------------------------------- one death, one reload

@pytest.mark.parametrize("role", ["stage", "loader", "probe", "zygote",
                                  "front", "worker"])
def test_a_death_in_the_new_generation(role):
    """Breaks when: a process of the generation that is being made dies, and
    the old one is touched, or the reload hangs."""
    with slow_host() as host:
        since = host.version
        with Load(host.socket, connections=16) as load:
            for _ in range(20):		# some live for a moment only
                for way in ("model", "config", "handler"):
                    host.step(way)
                killer = Killer(host, role, new=True)
                done = host.reload(code=None)
                if killer.stop():
                    break
                since = look(host)
            assert killer.killed, "there was no new " + role
            found, _ = wait_answers(host, since)
            if done.code == 0:
                assert found == host.version
            wait_newest(host)
        check_unhurt(host, load.result)
        if role in ("stage", "loader", "probe"):	# they serve nobody
            assert load.result.failed == 0, load.result
        check_nothing_left(host)


@pytest.mark.parametrize("role", ["zygote", "front", "worker"])
@pytest.mark.parametrize("delay", [0.0, 0.02, 0.06])
def test_a_death_in_the_old_generation(role, delay):
    """Breaks when: a process that serves dies while its successor is made,
    and neither generation serves."""
    with slow_host() as host:
        since = host.version
        with Load(host.socket, connections=16) as load:
            host.step("model")
            host.step("handler")
            killer = Killer(host, role, new=False, delay=delay)
            done = host.reload(code=None)
            assert killer.stop() or delay, "there was no " + role
            found, _ = wait_answers(host, since)
            if done.code == 0:
                assert found == host.version
            wait_newest(host)
        check_unhurt(host, load.result)
        check_nothing_left(host)


@pytest.mark.parametrize("role", ["front", "zygote"])
def test_a_death_right_after_the_switch(gate, role):
    """Breaks when: the new front dies while connections are on their way to
    it, and the old one passes them to nobody for ever."""
    with VersionHost(handlers=["live_gate"], crashes=True,
                     pools={"default": {"workers": 1}}) as host:
        busy = host.connect()
        busy.send(fcgi.request("GET", gate.path()))
        holder = gate.accept()
        old = {pid for pid in host.processes()}
        host.advance("handler")
        new = [pid for pid in host.pids("front") if pid not in old]
        for pid in host.pids(role):
            if pid not in old:
                host.kill_process(pid)
        wait_until(lambda: not any(alive(pid) for pid in new))
        holder.tell("go")
        assert busy.read_reply().body == b"ok\n"
        wait_answers(host, host.version)
        reply = busy.get("/version-sync?id=x")	# passed to the third front
        assert reply.status == 200
        busy.close()
        host.wait_alone(workers=1)


def test_a_death_with_connections_on_their_way(gate):
    """Breaks when: connections that were sent to a new front are lost when it
    dies before it has taken them."""
    with VersionHost(handlers=["live_gate"], crashes=True) as host:
        idle = [host.connect() for _ in range(20)]
        for conn in idle:
            assert ask_versions(conn) == (1, 1, 1)
        first = host.connect()
        first.send(fcgi.request("GET", gate.path("/gate-sync")))
        old = gate.accept()		# stands in the old front
        second = host.connect()		# waits to be accepted
        second.send(fcgi.request("GET", gate.path("/gate-sync")))
        host.step("handler")
        host.reload()
        new = gate.accept()		# stands in the new front
        assert new.pid != old.pid
        old.tell("go")
        assert first.read_reply().body == b"ok\n"
        time.sleep(0.3)			# they are on their way
        host.kill_process(new.pid)
        host.wait_log(r"front.*[1-9]\d* connections taken back")
        for conn in idle + [first]:	# the old front serves meanwhile
            wait_until(lambda: ask_versions(conn) == host.version)
        host.wait_alone()
        for conn in idle + [first, second]:
            conn.close()


# ----------------------------------------------------- deaths at random

class Deaths:
    """Reloads one after the other, and a death in each."""

    def __init__(self, host, seed):
        self.host, self.dice = host, random.Random(seed)
        self.since, self.longest, self.log = host.version, 0.0, []

    def choose(self):
        """A role, and whether a new process of it or an old one."""
        role = self.dice.choice(["stage", "loader", "probe", "zygote", "front",
                                 "worker"])
        new = role in ("stage", "loader", "probe") or \
            self.dice.random() < 0.5
        return role, new

    def aim(self):
        """The killer of one, at once, a little later, or with a phase."""
        role, new = self.choose()
        if self.dice.random() < 0.3:
            return AtLine(self.host, self.dice.choice(PHASES), role, new)
        return Killer(self.host, role, new, self.dice.choice(
            [0, 0, 0.001, self.dice.random() * 0.15]))

    def once(self, number):
        way = self.dice.choice(WAYS)
        self.host.step(way)
        killer = self.aim()
        if self.dice.random() < 0.3:
            self.host.send_signal(signal.SIGHUP)
            time.sleep(self.dice.random() * 0.1)
        done = self.host.reload(code=None)
        killed = killer.stop()
        self.log.append((number, way, killer.role, killer.new, killed,
                         done.code))
        self.since, seconds = wait_answers(self.host, self.since)
        self.longest = max(self.longest, seconds)


class AtLine(Killer):
    """Kills when the log says that a reload has come to a phase."""

    def __init__(self, host, phase, *what):
        self.mark, self.phase = len(host.lines), phase
        super().__init__(host, *what)

    def find(self):
        if not any(re.search(r"supervisor\S* \w+ .*\b%s" % self.phase, line)
                   for line in self.host.lines[self.mark:]):
            return None
        return super().find()


def test_deaths_at_any_moment():
    """Breaks when: some moment of a reload is not made for the death of a
    process: nothing serves, a client gets a wrong answer or none, something
    is left over."""
    print("FH_SEED=%d" % SEED)
    with slow_host() as host:
        deaths = Deaths(host, SEED)
        try:
            with Load(host.socket, connections=16, fresh=2) as load:
                for number in range(RELOADS):
                    deaths.once(number)
                wait_newest(host)
        finally:
            print("\n".join(map(str, deaths.log[-20:])))
        print("longest without an answer: %.3f s, %s" % (deaths.longest,
                                                         load.result.counts))
        assert sum(bool(entry[4]) for entry in deaths.log) > RELOADS / 3
        check_unhurt(host, load.result)
        assert load.result.refused == 0, "the socket was closed"
        check_nothing_left(host)


# ------------------------------------------------- death of the supervisor

def restart(host, before):
    """As a service manager does: after all of its processes are gone."""
    host.process.wait(10)
    host.wait_gone(5)
    assert not [pid for pid in before if alive(pid)], "outlived it"
    host.start()


def check_restarted(host, since):
    found, _ = wait_answers(host, since)
    assert host.command("status").returncode == 0
    assert not loose_files(host, but="spool/"), "load is on it"
    for name in host.kept_folders():
        assert os.path.exists(os.path.join(
            host.state, "generations", name, "manifest.json")), name
    return found


def test_deaths_of_the_supervisor():
    """Breaks when: after the death of the supervisor in a reload something
    runs on, or a restart meets a stale socket, half a generation, a number it
    has used, or serves something else than what was there."""
    print("FH_SEED=%d" % SEED)
    dice = random.Random(SEED)
    with slow_host() as host:
        since, numbers = host.version, []
        with Load(host.socket, connections=16) as load:
            for number in range(max(6, RELOADS // 5)):
                host.step(dice.choice(WAYS))
                before = host.processes()
                numbers.append(host.number())
                killer = (AtLine(host, dice.choice(PHASES), "supervisor", True)
                          if number % 2 else
                          Killer(host, "supervisor", True, dice.random() / 8))
                host.command("reload")
                if not killer.stop():
                    os.kill(host.pid, signal.SIGKILL)
                restart(host, before)
                since = check_restarted(host, since)
                assert since == host.version
                assert host.number() > numbers[-1]
        check_unhurt(host, load.result)
        check_nothing_left(host)
        print(numbers, load.result.counts)
