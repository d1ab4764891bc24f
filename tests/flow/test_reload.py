"""`fcgi-host reload` and SIGHUP: what they take, say and leave."""

import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from lib import build, fcgi
from lib.fcgi import wait_until
from lib.host import Host, alive, descriptors, read_proc

ALL = ["front", "supervisor", "worker", "worker", "zygote"]


@pytest.fixture(scope="module")
def shared():
    with Host(handlers=["hello", "live_gate"], watch=False,
              crashes=True) as one:
        yield one


@pytest.fixture
def host(shared):
    """With hello.so and live_gate.so, and none of an earlier test's."""
    shared.change(pools={}, timeout=None)
    for name in os.listdir(shared.dropped):
        if name not in ("hello.so", "live_gate.so"):
            shared.remove(name)
    shared.reload()
    shared.wait_settled()
    yield shared
    shared.wait_settled()
    assert sorted(shared.processes().values()) == ALL


# ---------------------------------------------------------- what it says

def test_it_says_what_changed(host):
    """Breaks when: `reload` returns before the new version serves, or does not
    say what it took."""
    one, two = build.handler("vary", "1"), build.handler("vary", "2")
    number = host.number()
    host.put("vary.so", one)
    host.put("gone.so", build.handler("gone"))
    host.reload()
    host.put("vary.so", two)
    host.put("new.so", build.handler("new"))
    host.remove("gone.so")
    done = host.command("reload")
    assert build.whole(host.get("/vary")) == "2"
    assert build.whole(host.get("/vary-async")) == "2"
    assert done.returncode == 0, done
    lines = done.stdout.splitlines()
    found = re.match(r"generation (\d+) serves, was (\d+), after \d+ ms$",
                     lines[0])
    assert found, lines
    assert [int(found.group(1)), int(found.group(2))] == [number + 2,
                                                          number + 1]
    changed = [line for line in lines if re.match(" +changed ", line)]
    assert len(changed) == 1 and "vary.so" in changed[0]
    assert build.build_id(one)[:8] in changed[0]
    assert build.build_id(two)[:8] in changed[0]
    assert re.search(r"(?m)^ +added +new\.so +build id "
                     + build.build_id(build.handler("new"))[:8], done.stdout)
    assert re.search(r"(?m)^ +removed +gone\.so", done.stdout)
    assert "hello.so" not in done.stdout


def test_it_says_it_to_programs(host):
    """Breaks when: a script has to read sentences."""
    host.put("vary.so", build.handler("vary", "1"))
    host.put("bad.so", build.keep(b"no program\n"))
    before = host.number()
    done = host.reload(code=1)
    document = done.document
    assert document["ok"] is True
    assert (document["generation"], document["was"]) == (before + 1, before)
    assert 0 <= document["ms"] < 60000
    assert [one["kind"] for one in document["changes"]] == ["added"]
    assert "vary.so" in document["changes"][0]["text"]
    assert [one["file"] for one in document["refused"]] == ["bad.so"]
    assert "ELF" in document["refused"][0]["reason"]
    assert document["restart"] == [] and document["reason"] is None
    last = host.status()["reloads"]["last"]
    assert last["generation"] == before + 1 and last["trigger"] == "reload"
    assert abs(last["at"] - time.time()) < 60


def test_a_refused_file_makes_it_fail(host):
    """Breaks when: a script that deploys does not notice a refusal."""
    host.put("vary.so", build.handler("vary", "1"))
    host.reload()
    host.put("vary.so", build.handler("vary", "2", self_test="return 9;"))
    done = host.command("reload")
    assert done.returncode == 1
    line = [line for line in done.stdout.splitlines() if "refused" in line]
    assert len(line) == 1 and "vary.so" in line[0] and "9" in line[0]
    assert re.search(r"generation \d+ serves on", line[0]), line
    assert build.whole(host.get("/vary")) == "1"


def test_nothing_to_take(host):
    """Breaks when: a reload without a change fails, or changes something."""
    before = host.files()
    done = host.reload()
    assert done.document["changes"] == [] and done.document["refused"] == []
    after = host.files()
    for name in before:
        assert after[name]["since"] == before[name]["since"]
    assert host.get("/hello").status == 200


def test_without_a_host():
    """Breaks when: `reload`, `rollback` or `generations` hangs, or says that
    all is well, when there is no host."""
    with Host(start=False) as host:
        for command in ("reload", "rollback", "generations"):
            done = host.command(command)
            assert done.returncode == 111, done
            assert host.control in done.stderr


def test_a_hang_up_is_a_reload(host):
    """Breaks when: SIGHUP does less than `reload`."""
    host.put("vary.so", build.handler("vary", "1"))
    host.change(pools={"default": {"workers": 3}})
    number = host.number()
    host.send_signal(signal.SIGHUP)
    host.wait_file("vary.so", "serving")
    status = host.wait_settled()
    assert status["generation"]["number"] == number + 1
    assert re.search("(?i)hup", status["reloads"]["last"]["trigger"])
    assert build.whole(host.get("/vary")) == "1"
    wait_until(lambda: len(host.pids("worker")) == 3)
    host.change(pools={})
    host.send_signal(signal.SIGHUP)
    wait_until(lambda: len(host.pids("worker")) == 2)


def test_the_log_says_it_too(host):
    """Breaks when: after a SIGHUP nobody can find out what it did."""
    host.put("vary.so", build.handler("vary", "1"))
    host.put("bad.so", build.keep(b"no program\n"))
    mark, number = len(host.lines), host.number()
    host.send_signal(signal.SIGHUP)
    host.wait_file("vary.so", "serving")
    host.wait_settled()
    said = "\n".join(host.lines[mark:])
    assert re.search(r"generation %d" % (number + 1), said)
    assert re.search(r"vary\.so", said)
    assert re.search(r"bad\.so.*ELF", said)


# ------------------------------------------------------ several at once

def test_reloads_at_the_same_time(host):
    """Breaks when: a reload that comes during another returns before what it
    was called for serves, or is lost."""
    slow = "usleep(250000);"
    host.put("vary.so", build.handler("vary", "1", preload=slow))
    first = []
    thread = threading.Thread(target=lambda: first.append(host.reload()))
    thread.start()
    wait_until(lambda: host.status()["reloads"]["running"], every=0.01)
    host.put("vary.so", build.handler("vary", "2", preload=slow))
    done = host.reload()
    assert build.whole(host.get("/vary")) == "2"
    thread.join()
    assert first[0].code == 0 and done.code == 0
    assert first[0].document["generation"] <= done.document["generation"]
    host.put("vary.so", build.handler("vary", "3"))
    many = [subprocess.Popen([host.binary, "reload", "-c", host.file,
                              "--json"], stdout=subprocess.PIPE,
                             env=host.env()) for _ in range(8)]
    for one in many:
        out, _ = one.communicate(timeout=60)
        assert one.returncode == 0 and json.loads(out)["ok"], out
    assert build.whole(host.get("/vary")) == "3"


def test_a_storm_of_hang_ups(host):
    """Breaks when: each of many signals is a generation, or the last change
    is missed."""
    number = host.number()
    for _ in range(100):
        host.send_signal(signal.SIGHUP)
        assert host.get("/hello").status == 200
    host.put("vary.so", build.handler("vary", "1"))
    host.send_signal(signal.SIGHUP)
    host.wait_file("vary.so", "serving")
    host.wait_settled()
    assert host.number() - number < 60
    assert build.whole(host.get("/vary")) == "1"


def test_a_client_that_does_not_wait(host):
    """Breaks when: a `reload` that is interrupted takes the reload, or the
    host, with it."""
    host.put("vary.so", build.handler("vary", "1", preload="usleep(200000);"))
    one = subprocess.Popen([host.binary, "reload", "-c", host.file],
                           stdout=subprocess.DEVNULL, env=host.env())
    wait_until(lambda: host.status()["reloads"]["running"], every=0.01)
    one.kill()
    one.wait()
    host.wait_file("vary.so", "serving")
    assert build.whole(host.get("/vary")) == "1"


def test_status_answers_during_a_reload(host):
    """Breaks when: the supervisor waits for a handler that is being loaded."""
    host.put("vary.so", build.handler("vary", "1", preload="usleep(500000);"))
    number = host.number()
    thread = threading.Thread(target=host.reload)
    thread.start()
    try:
        status = wait_until(lambda: (lambda one: one["reloads"]["running"]
                                     and one)(host.status()), every=0.01)
        assert isinstance(status["reloads"]["running"], str)
        assert status["generation"]["number"] == number
        begin = time.monotonic()
        assert host.status()["state"] == "serving"
        assert host.get("/hello").status == 200
        assert host.get("/hello-async").status == 200
        assert time.monotonic() - begin < 0.4
    finally:
        thread.join()
    assert host.number() == number + 1


# ------------------------------------------------------ the old generation

def test_the_old_generation_leaves_with_its_last_request(host, gate):
    """Breaks when: a request that runs is cut off, or its generation stays
    when it is done."""
    host.put("vary.so", build.handler("vary", "1"))
    host.reload()
    old = set(host.wait_settled() and host.processes()) - {host.pid}
    with host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        host.put("vary.so", build.handler("vary", "2"))
        done = host.reload()
        assert build.whole(host.get("/vary")) == "2"
        states = {one["number"]: one for one in
                  host.status()["generations"]}
        assert states[done.document["generation"]]["state"] == "serving"
        leaving = states[done.document["was"]]
        assert (leaving["state"], leaving["connections"]) == ("leaving", 1)
        assert leaving["age_ms"] >= 0
        assert alive(held.pid)
        held.tell("go")
        assert conn.read_reply().body == b"ok\n"
        wait_until(lambda: not any(alive(pid) for pid in old),
                   what="the end of the old generation")
        assert build.whole(conn.get("/vary")) == "2", "the kept connection"
    assert len(host.wait_settled()["generations"]) == 1


def test_several_old_generations(host, gate):
    """Breaks when: a third generation confuses the first two."""
    conns, held = [], []
    for number in range(3):
        host.put("vary.so", build.handler("vary", str(number)))
        host.reload()
        conns.append(host.connect())
        conns[-1].send(fcgi.request("GET", gate.path()))
        held.append(gate.accept())
    host.put("vary.so", build.handler("vary", "last"))
    host.reload()
    assert [one["state"] for one in host.status()["generations"]].count(
        "leaving") == 3
    for index in (1, 0, 2):
        held[index].tell("go")
        assert conns[index].read_reply().body == b"ok\n"
        assert build.whole(conns[index].get("/vary")) == "last"
        conns[index].close()
    host.wait_settled()


def test_the_old_generation_has_a_time(gate):
    """Breaks when: a handler that never ends keeps its generation for ever, or
    its client gets no words."""
    with Host(handlers=["hello", "live_gate"], watch=False, crashes=True,
              drain_timeout="300ms") as host, host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path(deaf=1)))
        held = gate.accept()
        held.tell("loop")
        host.put("vary.so", build.handler("vary", "1"))
        host.reload()
        reply = conn.read_reply()
        assert reply.status in (503, 504), reply
        reply.problem()
        host.wait_settled()
        assert not alive(held.pid)
        assert build.whole(conn.get("/vary")) == "1"


def test_reloads_leak_nothing(host):
    """Breaks when: each reload costs a descriptor, a mapping, a process or a
    file."""
    files = [build.handler("vary", str(number)) for number in (1, 2)]

    def once(number):
        host.put("vary.so", files[number % 2])
        host.reload()
        with host.connect() as conn:
            assert build.whole(conn.get("/vary")) == str(number % 2 + 1)

    def held():
        host.wait_settled()
        wait_until(lambda: sorted(host.processes().values()) == ALL)
        return (sorted(re.sub(r"\d+", "", link)
                       for link in descriptors(host.pid)),
                read_proc(host.pid, "maps").count("memfd:"),
                [len(descriptors(host.pid_of(role)))
                 for role in ("zygote", "front")])
    for number in range(6):
        once(number)
    before = held()
    for number in range(14):
        once(number)
    assert wait_until(lambda: held() == before and before), held()
    assert len(host.kept_folders()) <= 5


# ------------------------------------------------- things that go wrong

def test_a_new_generation_that_is_killed(host):
    """Breaks when: the death of a new zygote ends the host or hangs the
    client that waits for the reload."""
    host.put("vary.so", build.handler("vary", "1"))
    host.reload()
    host.wait_settled()
    old = set(host.processes())
    host.put("vary.so", build.handler(
        "vary", "2", preload='fh_host_log(host, FH_LOG_INFO, "loading it");'
        "usleep(300000);"))
    mark, results = len(host.lines), []
    thread = threading.Thread(
        target=lambda: results.append(host.reload(code=None)))
    thread.start()
    wait_until(lambda: [line for line in host.lines[mark:]
                        if "loading it" in line])
    for pid in host.pids("zygote"):
        if pid not in old:
            host.kill_process(pid)
    thread.join()
    version = build.whole(host.get("/vary"))
    assert version == ("1" if results[0].code else "2")
    if results[0].code:
        assert re.search("(?i)killed|signal 9", results[0].err
                         + results[0].out)
    host.reload(code=None)
    host.reload()
    assert build.whole(host.get("/vary")) == "2"


@pytest.mark.parametrize("role", ["front", "zygote", "worker"])
def test_a_death_in_an_old_generation(host, gate, role):
    """Breaks when: the death of a process that is to leave anyway touches the
    new generation, or leaves the old one standing."""
    host.put("vary.so", build.handler("vary", "1"))
    host.reload()
    host.wait_settled()
    old = {name: host.pids(name) for name in ("front", "zygote", "worker")}
    with host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        host.put("vary.so", build.handler("vary", "2"))
        host.reload()
        host.kill_process(held.pid if role == "worker" else old[role][0])
        for _ in range(5):
            assert build.whole(host.get("/vary")) == "2"
            assert build.whole(host.get("/vary-async")) == "2"
        if role == "zygote":	# it may go on without one
            try:
                held.tell("go")
            except ConnectionError:
                pass
        try:
            reply = conn.read_reply()
            assert reply.status == 200 or reply.problem()
        except ConnectionError as error:
            assert getattr(error, "partial", b"") == b""
    host.wait_settled()
    wait_until(lambda: sorted(host.processes().values()) == ALL)
    assert build.whole(host.get("/vary")) == "2"


def test_a_front_that_dies_after_a_reload(host):
    """Breaks when: a replacement after a reload is of the old generation."""
    for version in ("1", "2"):
        host.put("vary.so", build.handler("vary", version))
        host.reload()
    host.wait_settled()
    for role in ("front", "zygote", "worker"):
        old, count = host.pids(role)[0], len(host.pids(role))
        host.kill_process(old)
        host.wait_replaced(role, old, count)
        assert build.whole(host.get("/vary")) == "2"
        assert build.whole(host.get("/vary-async")) == "2"
    wait_until(lambda: sorted(host.processes().values()) == ALL)


@pytest.mark.parametrize("hook", ["preload", "self_test"])
def test_a_stop_during_a_reload(hook):
    """Breaks when: SIGTERM waits for what is being loaded, leaves a process,
    or half a generation."""
    with Host(handlers=["hello"], watch_delay="10ms") as host:
        host.put("vary.so", build.handler("vary", "1", **{
            hook: "for (;;) pause();"}))
        wait_until(lambda: host.status()["reloads"]["running"], every=0.01)
        time.sleep(0.1)		# into the hook; any moment would have to do
        begin = time.monotonic()
        host.stop()
        assert time.monotonic() - begin < 5
        host.remove("vary.so")
        host.start()
        assert host.get("/hello").status == 200


def test_a_crash_during_a_reload():
    """Breaks when: a host that was killed while it loaded does not come up, or
    takes half a generation for a whole one."""
    with Host(handlers=["hello"], watch=False) as host:
        host.put("vary.so", build.handler("vary", "1"))
        host.reload()
        number = host.number()
        host.put("vary.so", build.handler("vary", "2",
                                          preload="for (;;) pause();"))
        waiting = subprocess.Popen(
            [host.binary, "reload", "-c", host.file], env=host.env(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: host.status()["reloads"]["running"], every=0.01)
        os.kill(host.pid, signal.SIGKILL)
        host.process.wait()
        assert waiting.wait(10) != 0, "the client is told"
        host.wait_gone()
        host.put("vary.so", build.handler("vary", "3"))
        host.start()
        assert build.whole(host.get("/vary")) == "3"
        kept = host.generations()
        assert number in kept and host.number() > number
        assert max(kept) == host.number()


def test_the_control_socket_takes_no_nonsense_for_a_reload(host):
    """Breaks when: half a command, or one with odd arguments, is a reload."""
    number = host.number()
    for data in (b"reload", b"reloa\n", b"reload " + b"x" * 10000 + b"\n",
                 b"rollback -1\n", b"rollback 99999999999999999999\n",
                 b"rollback x\n", b"rollback 0\n", b"generations\0\n"):
        with fcgi.Conn(host.control) as conn:
            try:
                conn.send(data)
                conn.finish_sending()
                while conn.sock.recv(65536):
                    pass
            except (ConnectionError, TimeoutError):
                pass
    for words in (["reload", "extra"], ["rollback", "x"], ["rollback", "-1"],
                  ["rollback", "1", "2"], ["generations", "extra"]):
        done = host.command(*words)
        assert done.returncode == 100, (words, done)
    assert host.wait_settled()["generation"]["number"] <= number + 1
    assert host.get("/hello").status == 200
