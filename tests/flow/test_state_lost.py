"""What others do to state_dir while the host runs is put right by the host."""

import os
import shutil

import pytest

from lib.fcgi import wait_until
from lib.host import Host, alive

BIG = b"b" * 200000		# over body_memory
TARGETS = ("/show", "/show-async")


def in_state(host, *names):
    return os.path.join(host.state, *names)


def harm(host, how, name):
    """Does to a folder of state_dir what an operator's slip may do."""
    path = in_state(host, name)
    if how == "no rights":
        os.chmod(path, 0)
        return
    shutil.rmtree(path)
    if how == "a file":
        host.write("state/" + name, "no folder")
    elif how == "a link":
        os.symlink("/nowhere", path)
    elif how == "another":
        os.mkdir(path, 0o777)


def spools(host):
    """Does the host take large bodies, sync and async?"""
    found = [host.post(target, BIG).status for target in TARGETS]
    assert set(found) <= {200, 503}, found
    return found == [200, 200]


def kill_zygote(host):
    """And waits until all that it has forked is gone."""
    front = host.pid_of("front")
    host.kill_role("zygote")
    wait_until(lambda: not alive(front))


@pytest.mark.parametrize("how", ["removed", "a file", "a link", "another",
                                 "no rights"])
def test_the_spool_is_made_anew(how):
    """Breaks when: bodies are refused until somebody restarts the host, small
    ones with them, or nobody can see what happened."""
    with Host(handlers=["hello", "live_show"], user="nobody"
              if os.geteuid() == 0 else None) as host:
        assert spools(host)
        harm(host, how, "spool")
        with host.connect() as conn:	# that one stays open meanwhile
            wait_until(lambda: spools(host), 10, "large bodies again")
            assert conn.get("/hello").status == 200
        path = in_state(host, "spool")
        assert os.stat(path).st_mode & 0o7777 == 0o700
        assert host.log().count("degraded: bodies cannot be spooled") == 1
        if how != "no rights":
            assert host.log().count("/spool was removed or replaced") == 1
            assert host.log().count("repair: begins") == 1
        if how in ("a file", "a link"):
            host.wait_log("/spool was no folder; it is .*aside-1 now")
            os.unlink(in_state(host, "spool.aside-1"))
        wait_until(lambda: os.listdir(path) == [])


def test_a_reload_for_the_spool_takes_nothing_else():
    """Breaks when: what nobody has asked to be served yet is served because a
    folder was lost; or what a watcher has seen is forgotten over it."""
    with Host(handlers=["live_show"], watch=False) as host:
        host.drop("hello")
        host.write_config({"log_level": "info"}, {}, {}, {}, {}, "")
        shutil.rmtree(in_state(host, "spool"))
        wait_until(lambda: spools(host), 10, "large bodies again")
        assert host.get("/hello").status == 404
        host.reload()
        assert host.get("/hello").status == 200


@pytest.mark.parametrize("how", ["removed", "a file", "another"])
def test_generations_are_made_anew(how):
    """Breaks when: no reload works any more until a restart, or a number is
    used twice."""
    with Host(handlers=["live_show"]) as host:
        host.reload()
        harm(host, how, "generations")
        host.drop("hello")
        assert host.reload().document["generation"] == 3
        assert host.get("/hello").status == 200
        assert list(host.generations()) == [3]
        host.wait_log("/generations was removed or replaced")
        assert host.rollback(code=1).document["generation"] == 3
        if how == "a file":
            os.unlink(in_state(host, "generations.aside-1"))


@pytest.mark.parametrize("lost", ["generations", ""],
                         ids=["generations", "all"])
def test_a_zygote_that_dies_without_its_copies(lost):
    """Breaks when: the loss of what is kept, of which nobody has need as long
    as all goes well, turns a crash into an outage."""
    with Host(handlers=["hello", "live_show"]) as host:
        shutil.rmtree(in_state(host, lost))
        kill_zygote(host)
        assert host.get("/hello", timeout=20).status == 200
        wait_until(lambda: spools(host), 10, "large bodies")
        assert list(host.generations())


def test_a_lost_copy_and_a_bad_file():
    """Breaks when: one handler that cannot be had keeps all from coming back
    after a crash of the zygote."""
    with Host(handlers=["hello", "live_show"], watch=False) as host:
        shutil.rmtree(in_state(host, "generations"))
        host.put("live_show.so", b"no longer a handler")
        kill_zygote(host)
        assert host.get("/hello", timeout=20).status == 200
        assert host.get("/show").status == 404
        assert host.files()["live_show.so"]["state"] != "ok"


def test_all_of_it_is_made_anew():
    """Breaks when: state_dir itself is gone and stays it, or another host may
    have the new one."""
    with Host(handlers=["live_crash", "live_show"], crashes=True) as host:
        assert spools(host)
        shutil.rmtree(host.state)
        wait_until(lambda: spools(host), 10, "large bodies again")
        assert host.log().count("/state was removed or replaced") == 1
        assert host.get("/crash?how=null").status == 500
        wait_until(lambda: os.path.exists(in_state(host, "crashes", "1.json")))
        assert host.reload().document["ok"]
        with Host(start=False, expect_ready=False, exit_code=100,
                  state_dir=host.state) as other:
            other.start()
            assert other.wait_exit() == 100
            assert "in use by another host" in other.log()
        assert host.status()["degraded"] == []


def test_what_cannot_be_made_is_said_once():
    """Breaks when: a place where nothing can be made floods the log, costs
    more than large bodies, or is not tried again."""
    with Host(handlers=["live_show", "hello"]) as host:
        aside = host.state + ".gone"
        os.rename(host.state, aside)
        shutil.rmtree(os.path.join(aside, "spool"))
        host.write("state", "in its place")
        for _ in range(3):
            assert not spools(host)
        assert host.get("/hello").status == 200
        host.wait_log("state_dir: ")
        os.unlink(host.state)
        os.rename(aside, host.state)
        wait_until(lambda: spools(host), 10, "large bodies again")
        assert host.log().count("degraded: bodies cannot be spooled") == 1
