"""Generations that are kept, and the way back to one of them."""

import hashlib
import json
import os
import re
import shutil
import signal
import time

import pytest

from lib import build
from lib.fcgi import wait_until
from lib.host import Host


def vary(version, **how):
    return build.handler("vary", version, **how)


def versions(host, *versions):
    """One generation after the other, each with its version of vary.so; the
    number of each."""
    out = []
    for version in versions:
        host.put("vary.so", vary(version))
        out.append(host.reload().document["generation"])
    return out


def version(host, route="/vary"):
    found = build.whole(host.get(route))
    assert build.whole(host.get(route + "-async")) == found
    return found


@pytest.fixture
def host():
    with Host(handlers=["hello"], watch=False, watch_delay="20ms") as one:
        yield one


@pytest.fixture
def watching():
    with Host(handlers=["hello"], watch_delay="20ms") as one:
        yield one


def folder_of(host, number):
    return os.path.join(host.state, "generations", str(number))


# ---------------------------------------------------------- generations

def test_generations_are_listed(host):
    """Breaks when: nobody can see what a rollback would return to."""
    first, second = versions(host, "1", "2")
    kept = host.generations()
    assert {first, second} <= set(kept)
    assert [number for number, one in kept.items()
            if one["state"] == "serving"] == [second]
    for number, text in ((first, "1"), (second, "2")):
        one = kept[number]
        assert one["trigger"] == "reload"
        assert abs(one["made_at"] - time.time()) < 60
        files = {each["file"]: each for each in one["files"]}
        assert set(files) == {"hello.so", "vary.so"}
        assert files["vary.so"]["build_id"] == build.build_id(vary(text))
        assert files["vary.so"]["sha256"] == build.sha256(vary(text))
        path = os.path.join(folder_of(host, number), "handlers", "vary.so")
        assert build.sha256(path) == build.sha256(vary(text))
    plain = host.command("generations").stdout
    for text in ("1", "2"):
        assert build.build_id(vary(text))[:8] in plain
    assert re.search(r"(?m)^ *%d\b.*serving" % second, plain)


def test_what_is_kept_is_not_for_everyone(host):
    """Breaks when: others can read, or change, what a rollback would load."""
    versions(host, "1", "2")
    for folder, folders, files in os.walk(host.state):
        for name in folders + files:
            mode = os.stat(os.path.join(folder, name)).st_mode
            assert mode & 0o026 == 0, (folder, name, oct(mode))


def test_as_many_are_kept_as_it_says():
    """Breaks when: the disk fills, or the one that serves is removed."""
    with Host(handlers=["hello"], watch=False, keep_generations=3) as host:
        numbers = versions(host, *"1234567")
        host.wait_settled()
        wait_until(lambda: sorted(host.generations()) == numbers[-3:],
                   what=numbers)
        wait_until(lambda: sorted(map(int, host.kept_folders()))
                   == numbers[-3:])
        host.change(keep_generations=4)
        host.reload()
        numbers = versions(host, *"abc")
        assert len(host.generations()) >= 3
        host.rollback(numbers[0])
        assert version(host) == "a"


def test_only_the_one_that_serves_is_kept():
    """Breaks when: one that leaves is never removed, or a rollback without
    one to go to is more than a refusal."""
    with Host(handlers=["hello"], watch=False, keep_generations=1) as host:
        numbers = versions(host, *"123")
        assert version(host) == "3"
        host.wait_settled()
        wait_until(lambda: host.kept_folders() == [str(numbers[-1])], 3,
                   "%s" % host.kept_folders())
        assert host.rollback(code=1)
        assert version(host) == "3"


def test_the_last_good_version_is_kept_in_any_case():
    """Breaks when: a file that has been bad for longer than generations are
    kept loses the version that serves, at once or with a restart."""
    with Host(handlers=["hello"], watch=False, keep_generations=2) as host:
        versions(host, "good")
        host.put("vary.so", vary("bad", self_test="return 1;"))
        for number in range(5):
            host.put("other.so", build.handler("other", str(number)))
            host.reload(code=1)
            assert version(host) == "good"
            assert version(host, "/other") == str(number)
        assert host.files()["vary.so"]["state"] == "serving-old"
        for _ in range(4):
            host.stop()
            host.start()
            found = host.files()["vary.so"]
            assert found["state"] == "serving-old", found
            assert found["sha256"] == build.sha256(vary("good"))
            assert version(host) == "good"
        assert len(host.kept_folders()) <= 3


# ------------------------------------------------------------- rollback

def test_back_to_the_one_before(host):
    """Breaks when: `rollback` serves anything but the generation before, or
    does not say what it did."""
    first, second = versions(host, "1", "2")
    done = host.rollback()
    assert version(host) == "1"
    document = done.document
    assert document["ok"] is True
    assert document["was"] == second and document["generation"] > second
    assert done.said("changed", "vary.so")
    status = host.status()
    assert status["generation"]["rolled_back_to"] == first
    assert status["reloads"]["last"]["trigger"] == "rollback"
    found = host.files()["vary.so"]
    assert found["state"] == "held"
    assert found["sha256"] == build.sha256(vary("1"))
    assert host.files()["hello.so"]["state"] == "serving"
    assert "held" in host.command("status").stdout


def test_back_by_number(host):
    """Breaks when: N is counted instead of named."""
    first, second, third = versions(host, "1", "2", "3")
    for number, text in ((first, "1"), (third, "3"), (second, "2")):
        done = host.command("rollback", str(number))
        assert done.returncode == 0, done
        assert re.match(r"generation \d+ serves, was \d+", done.stdout)
        assert version(host) == text


def test_back_and_back_again(host):
    """Breaks when: a second rollback only undoes the first."""
    versions(host, "1", "2", "3")
    host.rollback()
    assert version(host) == "2"
    host.rollback()
    assert version(host) == "1"


def test_generations_that_are_alike_are_passed_over(host):
    """Breaks when: a rollback goes to a generation that a reload without a
    change, or a file that was refused, has made: to what serves already."""
    first, _ = versions(host, "1", "2")
    host.reload()
    host.put("vary.so", vary("bad", self_test="return 1;"))
    host.reload(code=1)
    host.reload(code=1)
    assert version(host) == "2"
    host.rollback()
    assert version(host) == "1"
    assert host.status()["generation"]["rolled_back_to"] == first


def test_generations_that_are_alike_use_up_nothing():
    """Breaks when: a few reloads without a change, or restarts, push out what
    there is to go back to."""
    with Host(handlers=["hello"], watch=False, keep_generations=2) as host:
        versions(host, "1", "2")
        for _ in range(4):
            host.reload()
        for _ in range(2):
            host.stop()
            host.start()
        host.wait_settled()
        assert len(host.kept_folders()) <= 3
        host.rollback()
        assert version(host) == "1"


def test_to_a_generation_that_is_not_there(host):
    """Breaks when: a wrong number changes something, or is not said."""
    versions(host, "1", "2")
    number, pids = host.wait_settled()["generation"]["number"], set(
        host.processes())
    for wrong in (9999, number + 1):
        done = host.command("rollback", str(wrong))
        assert done.returncode == 1, done
        assert str(wrong) in done.stderr
        assert "generation %d serves on" % number in done.stderr
    assert host.number() == number and set(host.processes()) == pids
    assert version(host) == "2"


def test_there_is_none_before_the_first(host):
    """Breaks when: the first `rollback` ever ends the service."""
    done = host.command("rollback")
    assert done.returncode == 1 and done.stderr.startswith("refused: "), done
    assert host.get("/hello").status == 200


def test_files_that_came_or_went_since(host):
    """Breaks when: a rollback changes files but does not add and remove."""
    first, second = versions(host, "1", "2")
    host.remove("vary.so")
    host.put("new.so", build.handler("new"))
    host.reload()
    host.get("/vary").problem(404)
    done = host.rollback(second)
    assert version(host) == "2"
    host.get("/new").problem(404)
    assert done.said("added", "vary.so") and done.said("removed", "new.so")
    files = host.files()
    assert files["new.so"]["state"] == "held"
    assert files["new.so"]["version"] is None
    host.reload()
    host.get("/vary").problem(404)
    assert build.whole(host.get("/new")) == "1"
    assert {one["state"] for one in host.files().values()} == {"serving"}


def test_held_until_it_changes(watching):
    """Breaks when: the next change of another file brings the version back
    that was just got rid of, or a new version of it waits for ever."""
    host = watching
    first, _ = versions(host, "1", "2")
    host.rollback(first)	# the watcher may have made one between
    assert version(host) == "1"
    host.put("other.so", build.handler("other"))
    host.wait_file("other.so", "serving")
    host.wait_settled()
    assert version(host) == "1"
    assert host.files()["vary.so"]["state"] == "held"
    host.put("vary.so", vary("3"))
    host.wait_file("vary.so", "serving", sha256=build.sha256(vary("3")))
    assert version(host) == "3"
    host.put("vary.so", vary("2"))	# wanted, now that it comes anew
    host.wait_file("vary.so", "serving", sha256=build.sha256(vary("2")))
    assert version(host) == "2"


def test_what_came_back_stays_until_a_reload(watching):
    """Breaks when: the next change of another file takes a handler away that
    a rollback brought back, or brings one that it took away."""
    host = watching
    first, = versions(host, "1")
    host.remove("vary.so")
    host.put("new.so", build.handler("new"))
    host.reload()
    host.rollback(first)
    host.put("other.so", build.handler("other"))
    host.wait_file("other.so", "serving")
    host.wait_settled()
    assert version(host) == "1"
    host.get("/new").problem(404)
    host.reload()
    host.get("/vary").problem(404)
    assert build.whole(host.get("/new")) == "1"


def test_held_over_a_second_rollback(watching):
    """Breaks when: the second rollback holds back what the first one served,
    and not what lies in the directory."""
    host = watching
    first, second, third = versions(host, "1", "2", "3")
    host.rollback(second)
    host.rollback(first)
    assert version(host) == "1"
    host.put("other.so", build.handler("other"))
    host.wait_file("other.so", "serving")
    host.wait_settled()
    assert version(host) == "1"
    assert host.files()["vary.so"]["state"] == "held"
    host.rollback(third)
    assert version(host) == "3"
    assert host.files()["vary.so"]["state"] == "serving"


@pytest.mark.parametrize("what", ["zygote", "front", "restart"])
def test_held_over_a_crash(watching, what):
    """Breaks when: a crash after a rollback, or a restart, forgets it."""
    host = watching
    first, _ = versions(host, "1", "2")
    host.rollback(first)	# the watcher may have made one between
    host.wait_settled()
    if what == "restart":
        host.stop()
        host.start()
    else:
        old = host.kill_role(what)
        host.wait_replaced(what, old)
        host.wait_replaced("front", old)
    wait_until(lambda: len(host.pids("worker")) == 2)
    assert version(host) == "1"
    host.put("other.so", build.handler("other"))
    host.wait_file("other.so", "serving")
    host.wait_settled()
    assert version(host) == "1"
    assert host.files()["vary.so"]["state"] == "held"


def test_held_until_a_reload(watching):
    """Breaks when: an explicit reload does not take what lies there."""
    host = watching
    first, _ = versions(host, "1", "2")
    host.rollback(first)	# the watcher may have made one between
    assert version(host) == "1"
    done = host.reload()
    assert done.said("changed", "vary.so")
    assert version(host) == "2"
    found = host.files()["vary.so"]
    assert found["state"] == "serving"
    assert "rolled_back_to" not in host.status()["generation"] or (
        host.status()["generation"]["rolled_back_to"] is None)


def test_a_bad_change_of_a_held_file(watching):
    """Breaks when: a held file's next version is bad and the one before the
    rollback serves instead."""
    host = watching
    first, _ = versions(host, "1", "2")
    host.rollback(first)	# the watcher may have made one between
    host.put("vary.so", vary("3", self_test="return 1;"))
    host.wait_file("vary.so", "serving-old")
    assert version(host) == "1"
    host.remove("vary.so")
    host.wait_file("vary.so", None)
    host.get("/vary").problem(404)


def test_the_configuration_comes_back(host):
    """Breaks when: a rollback keeps the options that were the reason for it,
    or the next reload does not read the file."""
    def change(who, workers):
        host.change(settings={"say": {"who": who}},
                    pools={"default": {"workers": workers}})
    host.put("say.so", build.handler("say", serve='return fh_reply_text('
                                     'rq, 200, fh_setting(rq, "who"));'))
    change("first", 1)
    host.reload()
    change("second", 3)
    host.reload()
    assert host.get("/say").text == "second"
    wait_until(lambda: len(host.pids("worker")) == 3)
    done = host.rollback()
    assert host.get("/say").text == "first"
    assert host.get("/say-async").text == "first"
    assert done.said("config", "workers")
    wait_until(lambda: len(host.pids("worker")) == 1)
    front = host.pid_of("front")
    host.kill_process(front)
    host.wait_replaced("front", front)
    assert host.get("/say").text == "first", "not the file's, in between"
    host.reload()
    assert host.get("/say").text == "second"
    wait_until(lambda: len(host.pids("worker")) == 3)


def test_back_over_a_restart(host):
    """Breaks when: a restart forgets the generations, or counts anew."""
    first, second = versions(host, "1", "2")
    host.stop()
    host.start()
    assert host.number() > second
    assert {first, second} <= set(host.generations())
    assert version(host) == "2"
    host.rollback(first)
    assert version(host) == "1"
    host.stop()
    host.start()
    numbers = sorted(host.generations())
    assert host.number() == numbers[-1]
    assert sorted(map(int, host.kept_folders())) == numbers


def test_back_to_a_version_that_fails_now(host):
    """Breaks when: a rollback skips what a reload tries."""
    flag = host.write("flag", b"")
    host.put("vary.so", vary("1", top='#define FLAG "%s"' % flag,
                             self_test="return access(FLAG, F_OK);"))
    host.reload()
    versions(host, "2")
    os.unlink(flag)
    done = host.rollback(code=1)
    assert "vary.so" in done.out + done.err
    assert version(host) == "2"


def damage(folder, harm):
    """Does something to vary.so in a kept generation, or to the rest of it."""
    path = os.path.join(folder, "handlers", "vary.so")
    manifest = os.path.join(folder, "manifest.json")
    if harm == "byte":
        data = bytearray(build.read(path))
        data[len(data) // 2] ^= 1
        os.unlink(path)
        shutil.copyfile(build.keep(bytes(data)), path)
    elif harm == "cut":
        os.truncate(path, 100)
    elif harm == "gone":
        os.unlink(path)
    elif harm == "link":
        os.unlink(path)
        os.symlink("/dev/zero", path)
    elif harm == "manifest":
        with open(manifest, "w") as file:
            file.write('{"number": 1, "files": [{"file": "../../../x.so"')
    elif harm == "no manifest":
        os.unlink(manifest)
    else:
        with open(os.path.join(folder, "fcgi-host.conf"), "a") as file:
            file.write("\nnonsense = 1\n")


@pytest.mark.parametrize("harm", ["byte", "cut", "gone", "manifest",
                                  "no manifest", "config", "link"])
def test_back_to_a_generation_that_was_damaged(host, harm):
    """Breaks when: what lies in state_dir is loaded without a look, or the
    damage of one generation is the end of all."""
    first, second, third = versions(host, "1", "2", "3")
    damage(folder_of(host, second), harm)
    done = host.command("rollback", str(second))
    assert done.returncode == 1, done
    assert done.stdout + done.stderr
    assert version(host) == "3"
    host.rollback(first)
    assert version(host) == "1"
    assert host.generations()
    if harm == "no manifest":	# the next start would remove it
        shutil.rmtree(folder_of(host, second))
    host.stop()
    host.start()
    assert host.get("/hello").status == 200


def test_pieces_of_a_generation_at_the_start(host):
    """Breaks when: what a crash left is listed, or stays for ever."""
    first, second = versions(host, "1", "2")
    host.stop()
    for number in (second + 5, second + 6):
        os.makedirs(os.path.join(folder_of(host, number), "handlers"))
    shutil.copy(vary("x"), os.path.join(folder_of(host, second + 5),
                                        "handlers", "vary.so"))
    os.mkdir(os.path.join(host.state, "generations", "strange"))
    host.start()
    assert not {second + 5, second + 6} & (
        set(host.generations()) - {host.number()})
    assert version(host) == "2"
    versions(host, "3")
    left = set(host.kept_folders()) - {"strange"}
    assert left == {str(number) for number in host.generations()}
    strange = os.path.join(host.state, "generations", "strange")
    if os.path.exists(strange):
        os.rmdir(strange)


# ----------------------------------------------- what is bad at a start

def test_the_last_good_version_over_a_restart(host):
    """Breaks when: a restart with a bad file in the directory is an outage."""
    versions(host, "1")
    old = host.files()["vary.so"]
    host.put("vary.so", vary("2", preload="return -1;"))
    host.stop()
    host.start()
    found = host.files()["vary.so"]
    assert found["state"] == "serving-old", found
    assert found["sha256"] == old["sha256"]
    assert found["since"] == old["since"]
    assert "preload" in found["refused"]["reason"]
    assert version(host) == "1"
    host.put("vary.so", vary("3"))
    host.reload()
    assert version(host) == "3"


def test_since_is_kept_over_a_restart(host):
    """Breaks when: a restart makes every version look new."""
    versions(host, "1")
    old = host.files()["vary.so"]
    wait_until(lambda: time.time() >= old["since"] + 1.01)
    host.stop()
    host.start()
    assert host.files()["vary.so"]["since"] == old["since"]


def test_a_crash_of_the_host_keeps_generations(host):
    """Breaks when: only an orderly stop writes down what was served."""
    first, second = versions(host, "1", "2")
    manifest = json.loads(build.read(os.path.join(
        folder_of(host, second), "manifest.json")))
    assert manifest
    os.kill(host.pid, signal.SIGKILL)
    host.process.wait()
    host.wait_gone()
    host.start()
    assert {first, second} <= set(host.generations())
    host.rollback(first)
    assert version(host) == "1"


def test_numbers_are_never_given_twice(host):
    """Breaks when: a number that a log mentions means two generations."""
    seen = set()
    for _ in range(3):
        for text in ("1", "2"):
            number = versions(host, text)[0]
            assert number not in seen
            seen.add(number)
        host.put("vary.so", vary("bad", self_test="return 1;"))
        host.reload(code=1)
        assert host.number() >= max(seen)
        seen.add(host.number())
        host.stop()
        host.start()
        assert host.number() not in seen
        seen.add(host.number())
    assert host.number() == max(seen)


def test_the_text_that_was_served_is_what_is_kept(host):
    """Breaks when: the configuration is read again when it is kept."""
    versions(host, "1")
    number = host.number()
    text = build.read(host.file)
    host.replace_config(text.decode() + "\n# more\n")
    kept = build.read(os.path.join(folder_of(host, number),
                                   "fcgi-host.conf"))
    assert hashlib.sha256(kept).digest() == hashlib.sha256(text).digest()


@pytest.mark.parametrize("harm", ["byte", "gone"])
def test_a_last_good_version_that_was_damaged(host, harm):
    """Breaks when: a damaged copy is served after a restart, or keeps the host
    from starting."""
    number, = versions(host, "1")
    host.put("vary.so", vary("2", preload="return -1;"))
    host.reload(code=1)
    host.stop()
    for folder in host.kept_folders():
        if int(folder) >= number:
            damage(folder_of(host, folder), harm)
    host.start()
    assert host.get("/hello").status == 200
    host.get("/vary").problem(404)
    assert host.files()["vary.so"]["state"] == "refused"
    assert host.number() > number
