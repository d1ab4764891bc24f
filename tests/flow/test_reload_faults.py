"""Reloads, stops and deaths that meet at the worst moment."""

import os
import resource
import signal
import time

import pytest

from lib import build, fcgi
from lib.fcgi import wait_until
from lib.held import Asked, Held
from lib.hung import Hung
from lib.host import Host, SOURCE, alive, parent, process_ids, stat_of

ALL = ["front", "supervisor", "worker", "worker", "zygote"]

def reloads(host):
    return host.status()["reloads"]


def limit(pid, count):
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, count))


def new_zygote(host, old):
    return wait_until(lambda: [pid for pid in host.pids("zygote")
                               if pid not in old])[0]


# ------------------------------------------------- one that does not go on

@pytest.mark.parametrize("where", ["load", "preload", "self_test", "worker",
                                   "front"])
def test_a_new_zygote_that_stops(where):
    """Breaks when: a zygote that is stopped in some step holds a reload up
    for ever."""
    with Held(load_timeout="1s") as host:
        old = host.pids("zygote")
        host.vary("2")
        host.hold(where)
        asked = Asked(host, "reload")
        host.at(where)
        os.kill(new_zygote(host, old), signal.SIGSTOP)
        done = asked.result()
        assert done.returncode == 1, done
        host.go(where)
        host.serves("1")
        host.wait_settled()
        host.reload()
        host.serves("2")


@pytest.mark.parametrize("role", ["front", "worker", "probe"])
def test_a_new_process_that_stops(role):
    """Breaks when: a process of the new generation that is stopped holds a
    reload up for ever."""
    with Held(load_timeout="1s") as host:
        host.vary("2")
        host.hold(role)
        asked = Asked(host, "reload")
        os.kill(host.at(role), signal.SIGSTOP)
        assert asked.result().returncode == 1
        host.go(role)
        host.serves("1")
        host.wait_settled()
        host.reload()
        host.serves("2")


@pytest.mark.parametrize("role", ["front", "worker"])
def test_a_new_process_that_dies_again_and_again(role):
    """Breaks when: a crash that only a front or a worker shows ends the host,
    or a reload never ends."""
    with Held(load_timeout="1s", crashes=True) as host:
        host.vary("2", after={"worker_init":
                              'if (is_role("fh-%s")) raise(SIGSEGV);' % role})
        done = host.reload(code=1)
        assert done.document["reason"], done
        host.serves("1")
        host.wait_settled()
        # who puts the crashes into words ends a little later
        wait_until(lambda: sorted(host.processes().values()) == ALL,
                   what="the processes of one generation")


def test_an_old_zygote_that_stops():
    """Breaks when: processes that only a stopped zygote could end are there
    for ever, and with them their models."""
    with Held(drain_timeout="300ms") as host:
        old = host.pid_of("zygote")
        os.kill(old, signal.SIGSTOP)
        host.vary("2")
        host.reload()
        host.serves("2")
        host.wait_settled(20)
        assert not alive(old)


# --------------------------------------------------- stops at any moment

@pytest.mark.parametrize("where", ["load", "preload", "self_test", "worker",
                                   "front"])
def test_a_stop_in_each_step(where):
    """Breaks when: SIGTERM in some step of a reload leaves anything, or its
    client without an answer."""
    with Held() as host:
        host.vary("2")
        host.hold(where)
        asked = Asked(host, "reload")
        host.at(where)
        host.stop()
        done = asked.result()
        assert done.returncode == 1, done
        assert "stop" in done.stdout + done.stderr


def test_a_stop_while_a_model_is_freed_first(gate):
    """Breaks when: a stop forgets the generation that waits for another one to
    leave."""
    with Host(handlers=["hello", "live_gate", "live_model"], watch=False,
              models={"live-file": {"path": "/etc/hostname", "kind": "file",
                                    "reload": "free-first"}},
              start=False) as host:
        path = host.write("model", b"1" * 5000)
        host.change(models={"live-file": {"path": path, "kind": "file",
                                          "reload": "free-first"}})
        host.start()
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path()))
            held = gate.accept()
            os.unlink(path)
            host.write("model", b"2" * 6000)
            asked = Asked(host, "reload")
            wait_until(lambda: reloads(host)["running"] == "freeing")
            host.send_signal(signal.SIGTERM)
            time.sleep(0.3)		# it stops, and the request runs on
            held.tell("go")
            assert conn.read_reply().status == 200
        done = asked.result()
        assert done.returncode == 1, done
        assert "stop" in done.stdout + done.stderr


def test_a_stop_while_a_reload_waits_its_turn(gate):
    """Breaks when: a client whose reload never began is told that one was
    done, or nothing."""
    with Host(handlers=["hello", "live_gate"], watch=False) as host:
        conns = []
        for number in range(4):		# as many as may leave at a time
            conns.append(host.connect())
            conns[-1].send(fcgi.request("GET", gate.path()))
            gate.accept()
            host.reload()
        asked = Asked(host, "reload")
        wait_until(lambda: len(host.status()["generations"]) == 5)
        time.sleep(0.2)
        assert asked.waits()
        host.send_signal(signal.SIGTERM)
        done = asked.result()
        for held in gate.held:
            held.tell("go")
        for conn in conns:
            assert conn.read_reply().status == 200
            conn.close()
        assert done.returncode == 1, done
        assert "stop" in done.stdout + done.stderr


# ------------------------------------------------------------- deaths

def test_a_zygote_that_is_killed_while_a_model_is_loaded():
    """Breaks when: the loader that runs for a zygote that was killed gives its
    model to the next try, in another one's place."""
    made = build.handler("made", top=r"""
struct one { char text[64]; };
static int
make(struct fh_arena *arena, const struct fh_source *source, void **root_out)
{
	struct one *one = fh_arena_alloc(arena, sizeof(*one), 0);

	snprintf(one->text, sizeof(one->text), "%.*s", (int)source->length,
	    (const char *)source->data);
	usleep(700000);
	*root_out = one;
	return 0;
}
""", models='FH_MODELS({ "a", .build = make }, { "b", .build = make })',
        serve='return fh_printf(rq, "%s %s", '
              '((struct one *)fh_model(rq, "a")->root)->text, '
              '((struct one *)fh_model(rq, "b")->root)->text);')
    with Host(handlers=["hello"], watch=False) as host:
        models = {name: {"path": host.write(name, name.encode()),
                         "kind": "build"} for name in "ab"}
        host.put("made.so", made)
        host.change(models=models)
        old = host.pids("zygote")
        asked = Asked(host, "reload")
        wait_until(lambda: host.pids("loader"))
        os.kill(new_zygote(host, old), signal.SIGKILL)
        done = asked.result()
        assert done.returncode == 0, done
        assert host.get("/made").text == "a b"
        assert [one["name"] for one in host.status()["models"]] == ["a", "b"]


def test_the_serving_zygote_dies_during_a_reload():
    """Breaks when: what serves is made twice, once by the reload and once
    more because it had died."""
    with Held() as host:
        number = host.number()
        old = host.pids("zygote")
        host.vary("2")
        host.hold("preload")
        asked = Asked(host, "reload")
        host.at("preload")
        os.kill(old[0], signal.SIGKILL)
        host.wait_log("zygote .*killed by signal 9")
        time.sleep(0.5)			# its recovery is asked for meanwhile
        host.go("preload")
        assert asked.result().returncode == 0
        host.serves("2")
        host.wait_settled()
        time.sleep(0.3)
        assert host.number() == number + 1


def test_a_death_while_many_generations_leave(gate):
    """Breaks when: what has to serve waits for those that leave."""
    with Held(drain_timeout="60s") as host:
        host.drop("live_gate")
        host.reload()
        conns = []
        for _ in range(4):
            conns.append(host.connect())
            conns[-1].send(fcgi.request("GET", gate.path()))
            gate.accept()
            host.reload()
        newest = max(host.pids("zygote"))
        serving = [one for one in host.status()["generations"]
                   if one["state"] == "serving"][0]["number"]
        os.kill(newest, signal.SIGKILL)
        host.wait_log("generation %d: zygote .*killed" % serving)
        host.serves("1")
        for held, conn in zip(gate.held, conns):
            held.tell("go")
            assert conn.read_reply().status == 200
            conn.close()
        host.wait_settled()


@pytest.mark.parametrize("notify", [True, False])
def test_no_zombies_after_deaths(notify):
    """Breaks when: orphans of a dead zygote come to the supervisor, which does
    not expect them."""
    with Held(notify=notify) as host:
        for _ in range(3):
            zygote = host.pid_of("zygote")
            os.kill(zygote, signal.SIGKILL)
            host.wait_replaced("zygote", zygote)
            wait_until(lambda: host.can_connect() and
                       host.get("/vary").status == 200)
            host.wait_settled()
        host.reload()

        def zombies():
            return [pid for pid in process_ids()
                    if parent(pid) == host.pid and stat_of(pid)
                    and stat_of(pid)[0] == "Z"]
        wait_until(lambda: not zombies(), what="zombies: %s" % zombies())


# ---------------------------------------------------- what runs out

def test_a_reload_without_descriptors():
    """Breaks when: a reload that cannot have what it needs ends the host that
    serves."""
    with Held(load_timeout="1s") as host:
        host.reload()
        host.wait_settled()
        have = len(os.listdir("/proc/%d/fd" % host.pid))
        codes = set()
        for more in range(26, 2, -2):
            limit(host.pid, have + more)
            codes.add(host.command("reload").returncode)
            assert host.process.poll() is None, (more, host.log())
            host.serves("1")
            host.wait_settled()
        assert codes == {0, 1}


def test_a_front_without_descriptors():
    """Breaks when: a replacement that cannot have what it needs ends the host
    instead of waiting."""
    with Held(crashes=True) as host:
        have = len(os.listdir("/proc/%d/fd" % host.pid))
        soft = resource.prlimit(host.pid, resource.RLIMIT_NOFILE)
        for more in (1, 4):	# no memory to share, no link
            resource.prlimit(host.pid, resource.RLIMIT_NOFILE,
                             (have + more, soft[1]))
            host.kill_role("front")
            host.wait_log("has no front|has no descriptors")
            resource.prlimit(host.pid, resource.RLIMIT_NOFILE, soft)
            wait_until(lambda: sorted(host.processes().values()) == ALL)
            host.serves("1")


def test_refusals_outlive_a_directory_that_cannot_be_read():
    """Breaks when: a reload that has not looked at a file forgets that it
    crashed."""
    with Held(crashes=True) as host:
        host.vary("2", after={"self_test": "raise(SIGSEGV);"})
        host.reload(code=1)
        before = host.files()["vary.so"]
        assert before["state"] == "serving-old"
        os.rename(host.dropped, host.dropped + ".away")
        host.reload(code=1)
        os.rename(host.dropped + ".away", host.dropped)
        assert host.files()["vary.so"] == before


# -------------------------------------------------- what cannot be believed

SAY = r"""
#include <sys/socket.h>
#include <sys/time.h>
#include "common/contract.h"

static void
say(uint32_t type, uint32_t team, uint32_t slot, int32_t pid, int32_t value)
{
	struct message message = { .type = type, .team = team, .slot = slot,
	    .pid = pid, .value = value, .extra = 7, .text = "/x/vary.so" };

	send(ZYGOTE_LINK, &message, sizeof(message), MSG_NOSIGNAL);
}

static void
on_alarm(int number)
{
	(void)number;
	if (!is_role("fh-zygote"))
		return;
	for (uint32_t team = 0; team < 20; team++) {
		say(MESSAGE_SPAWNED, team, 9999, 1, 0);
		say(MESSAGE_SPAWNED, team, SLOT_FRONT, -1, 1 << 30);
	}
	say(MESSAGE_EXITED, 0, 0, 0, 9);
	say(MESSAGE_EXITED, 0, 0, -1, 9);
	say(MESSAGE_LOADED, 0, 0, 0, 0);
	say(MESSAGE_PRELOADED, 0, 0, 0, 3);
	say(MESSAGE_FAILED, 0, 0, 0, 3);
	say(MESSAGE_HANDLER, 0, 0, 0, 3);
	say(MESSAGE_MAKER, 0, 1 << 30, 0, 3);
}

static void
lie_later(void)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 300000 } };

	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &soon, NULL);
}
"""
LIES = {
    "loaded-again": "say(MESSAGE_LOADED, 0, 0, 0, 0);",
    "preloaded-again": "say(MESSAGE_PRELOADED, 0, 0, 0, 4);",
    "routes": "say(MESSAGE_PRELOADED, 0, 0, 0, 1 << 30);",
    "fewer-than-none": "say(MESSAGE_PRELOADED, 0, 0, 0, -1);",
    "spawned": "say(MESSAGE_SPAWNED, 0, 0, 1, 0); "
               "say(MESSAGE_SPAWNED, 0, 0, -1, 1 << 30);",
    "exited": "say(MESSAGE_EXITED, 0, 0, 0, 9);",
    "unknown": "say(77, 0, 0, 0, 9);",
    "later": "lie_later();",
}


@pytest.mark.parametrize("lie", sorted(LIES))
def test_a_handler_that_speaks_for_the_zygote(lie):
    """Breaks when: the supervisor believes a handler that writes into the
    link of the zygote, and ends, or writes where it should not."""
    with Held() as host:
        host.vary("2", top=SAY, after={"preload": LIES[lie]}, flags=(
            "-D_GNU_SOURCE", "-I", os.path.join(SOURCE, "fcgi-host")))
        host.reload(code=None)
        time.sleep(1)
        assert host.process.poll() is None
        host.vary("3")
        host.reload()
        host.serves("3")
        host.wait_settled()
        assert sorted(host.processes().values()) == ALL


@pytest.mark.parametrize("hook", ["preload", "self_test"])
def test_a_hook_that_hangs_in_a_file_system(hook):
    """Breaks when: the supervisor waits for the end of a process that has been
    killed and cannot even die."""
    with Held(load_timeout="1s") as host:
        with Hung() as hung:
            host.vary("2", after={hook: 'access("%s", F_OK);' % hung.file})
            begin = time.monotonic()
            done = Asked(host, "reload").result(15)
            assert done.returncode == 1, done
            assert time.monotonic() - begin < 12
            assert "hung" in done.stdout + done.stderr
            host.serves("1")
            host.vary("3")
            host.reload()
            host.serves("3")
            host.vary("4", after={hook: 'access("%s", F_OK);' % hung.file})
            asked = Asked(host, "reload")
            wait_until(lambda: reloads(host)["running"] in (
                "preloading", "probing"))
            time.sleep(0.2)
            begin = time.monotonic()
            host.send_signal(signal.SIGTERM)
            assert host.wait_exit() == 0
            assert time.monotonic() - begin < 10
            assert asked.result().returncode == 1


def test_all_of_it_as_another_user():
    """Breaks when: what the supervisor does as root is not possible for its
    processes, or not undone by them."""
    if os.geteuid() != 0:
        pytest.skip("not root")
    with Held(user="nobody", load_timeout="1s", crashes=True) as host:
        host.vary("2", after={"self_test": "raise(SIGSEGV);"})
        host.reload(code=1)
        host.serves("1")
        host.vary("2")
        host.reload()
        host.serves("2")
        host.wait_settled()
        zygote = host.kill_role("zygote")
        host.wait_replaced("zygote", zygote)
        host.serves("2")
        host.wait_settled()
        host.rollback(min(host.generations()))
        host.serves("1")
        host.wait_settled()
        for pid, role in host.processes().items():
            assert (os.stat("/proc/%d" % pid).st_uid == 0) == (
                role == "supervisor"), role
