"""Files in the handler directory are taken over by the host itself."""

import os
import shutil
import subprocess
import threading
import time

import pytest

from lib import build, fcgi
from lib.fcgi import wait_until
from lib.host import Host

DELAY = 0.01		# watch_delay of these hosts, in seconds


def begin_again(host):
    """Reloads by the watcher that follow each other closely get further and
    further apart; to begin anew forgets that."""
    for watch in (False, True):
        host.change(watch=watch)
        host.reload()


@pytest.fixture(scope="module")
def shared():
    with Host(handlers=["hello"], watch_delay="10ms") as one:
        yield one


@pytest.fixture
def host(shared):
    """A host that has served nothing but hello.so."""
    for name in os.listdir(shared.dropped):
        if name != "hello.so":
            shared.remove(name)
    begin_again(shared)
    assert set(shared.files()) == {"hello.so"}
    yield shared


def serve_first(host, **files):
    """Files that are there already, by an explicit reload."""
    for name, file in files.items():
        host.put(name + ".so", file)
    host.reload()


def served(host, file, name="vary.so", route="/vary"):
    """Asserts that `status` and the answers are of this file."""
    found = host.wait_file(name, "serving", sha256=build.sha256(file))
    assert found["build_id"] == build.build_id(file)
    assert found["version"] == found["sha256"][:12]
    assert found["size"] == os.path.getsize(file)
    assert abs(found["since"] - time.time()) < 60
    assert found.get("refused") is None
    version = build.whole(host.get(route))
    assert build.whole(host.get(route + "-async")) == version
    return version


def copied(source, target):
    shutil.copyfile(source, target)


def moved(source, target):
    shutil.copyfile(source, target + ".part")
    os.rename(target + ".part", target)


def linked(source, target):
    """Never open for writing where it is dropped."""
    shutil.copyfile(source, target + ".part")
    if os.path.exists(target):
        os.unlink(target)
    os.link(target + ".part", target)
    os.unlink(target + ".part")


def overwritten(source, target):
    """In place: the same inode."""
    data = build.read(source)
    with open(target, "r+b" if os.path.exists(target) else "wb") as file:
        file.write(data)
        file.truncate()


def mapped(source, target):
    """As a linker does that sizes its output first and fills it through
    pages, the mode last."""
    data = build.read(source)
    fd = os.open(target, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.ftruncate(fd, len(data))
    for at in range(0, len(data), 4096):
        os.pwrite(fd, data[at:at + 4096], at)
    os.fchmod(fd, 0o755)
    os.close(fd)


WAYS = [copied, moved, linked, overwritten, mapped]


@pytest.mark.parametrize("put", WAYS)
def test_a_new_file_is_taken_however_it_comes(host, put):
    """Breaks when: one of the ways in which files are installed is not seen,
    or is seen only after a `reload`."""
    file = build.handler("vary", "1")
    put(file, host.in_dropped("vary.so"))
    assert served(host, file) == "1"
    assert host.get("/hello").status == 200


@pytest.mark.parametrize("put", WAYS)
def test_another_version_is_taken_however_it_comes(host, put):
    """Breaks when: one of the ways in which files are replaced is not seen."""
    serve_first(host, vary=build.handler("vary", "1"))
    file = build.handler("vary", "2")
    put(file, host.in_dropped("vary.so"))
    assert served(host, file) == "2"
    assert host.get("/hello").status == 200


@pytest.mark.parametrize("how", ["removed", "moved away"])
def test_a_file_that_goes(host, how):
    """Breaks when: a handler that was taken away is served for ever."""
    serve_first(host, vary=build.handler("vary", "1"))
    if how == "removed":
        host.remove("vary.so")
    else:
        os.rename(host.in_dropped("vary.so"),
                  os.path.join(host.folder, "vary.so"))
    host.wait_file("vary.so", None)
    host.get("/vary").problem(404)
    host.get("/vary-async").problem(404)
    assert host.get("/hello").status == 200


def test_a_file_that_a_compiler_writes_is_taken(host):
    """Breaks when: the usual `cc -o handlers/x.so` needs a copy and a move."""
    for version in ("1", "2"):
        text = ("#include <fcgi-host/handler.h>\nstatic int serve(struct "
                "fh_request *rq) { return fh_reply_text(rq, 200, \"%s\"); }\n"
                "FH_HANDLER(.name = \"made\", .routes = FH_ROUTES("
                "{ \"GET\", \"/made\", .serve = serve }));" % version)
        subprocess.run([*build.COMPILER, "-shared", "-fPIC", "-x", "c", "-I",
                        build.INCLUDE, "-", "-o", host.in_dropped("made.so")],
                       input=text, text=True, check=True, umask=0o022)
        host.wait_file("made.so", "serving",
                       sha256=build.sha256(host.in_dropped("made.so")))
        assert host.get("/made").text == version


def pieces(data, count):
    step = len(data) // count + 1
    return [data[at:at + step] for at in range(0, len(data), step)]


def versions_until(host, version, route="/vary"):
    """Asks until that version answers; all versions that did before."""
    found = []

    def there():
        found.append(build.whole(host.get(route)))
        return found[-1] == version
    wait_until(there)
    return set(found[:-1])


@pytest.mark.parametrize("truncated", [True, False])
def test_a_file_that_is_open_for_writing_is_not_complete(host, truncated):
    """Breaks when: a writer that is slower than watch_delay has its half file
    loaded, or called a fault."""
    first, second = build.handler("vary", "1"), build.handler("vary", "2")
    serve_first(host, vary=first)
    number = host.number()
    with open(host.in_dropped("vary.so"),
              "wb" if truncated else "r+b") as file:
        for piece in pieces(build.read(second), 4):
            file.write(piece)
            file.flush()
            time.sleep(3 * DELAY)	# how slow a writer is, is the matter
            assert build.whole(host.get("/vary")) == "1"
            assert build.whole(host.get("/vary-async")) == "1"
        found = host.files()["vary.so"]
        assert (found["state"], host.number()) == ("serving", number), found
        assert found["sha256"] == build.sha256(first)
    assert versions_until(host, "2") <= {"1"}
    served(host, second)


def test_a_file_that_comes_in_pieces_is_served_when_it_is_whole(host):
    """Breaks when: each piece, written and closed, is loaded, or the last one
    is not seen."""
    first, second = build.handler("vary", "1"), build.handler("vary", "2")
    serve_first(host, vary=first)
    os.truncate(host.in_dropped("vary.so"), 0)
    for piece in pieces(build.read(second), 3):
        time.sleep(3 * DELAY)		# long enough for it to be looked at
        assert build.whole(host.get("/vary")) == "1"
        with open(host.in_dropped("vary.so"), "ab") as file:
            file.write(piece)
    assert versions_until(host, "2") <= {"1"}
    served(host, second)


def test_files_that_come_together_are_taken_together(host):
    """Breaks when: ten files that are copied at once make ten generations, or
    the first of them is served with the old nine."""
    names = ["many-%d" % number for number in range(10)]
    files = {name: build.handler(name) for name in names}
    before = host.wait_settled()
    for name, file in files.items():
        copied(file, host.in_dropped(name + ".so"))
    for name in names:
        host.wait_file(name + ".so", "serving")
        assert build.whole(host.get("/" + name)) == "1"
    after = host.wait_settled()
    assert (after["generation"]["number"]
            <= before["generation"]["number"] + 5), "far from one each"


def test_what_did_not_change_stays_as_it_was(host):
    """Breaks when: `since` is the time of the last reload, not of the file,
    or one handler's reload takes another's file again."""
    serve_first(host, vary=build.handler("vary", "1"))
    old = host.files()["vary.so"]
    hello = host.files()["hello.so"]
    wait_until(lambda: time.time() >= old["since"] + 1.01)
    host.put("vary.so", build.handler("vary", "2"))
    new = host.wait_file("vary.so", "serving", sha256=build.sha256(
        build.handler("vary", "2")))
    assert new["since"] > old["since"]
    after = host.files()["hello.so"]
    assert after["since"] == hello["since"]
    assert after["sha256"] == hello["sha256"]


def test_an_unchanged_file_makes_no_new_generation(host):
    """Breaks when: `touch`, or the same bytes once more, restart everything."""
    file = build.handler("vary", "1")
    serve_first(host, vary=file)
    number = host.wait_settled()["generation"]["number"]
    pids = set(host.processes())
    os.utime(host.in_dropped("vary.so"))
    host.put("vary.so", file)
    time.sleep(10 * DELAY)	# nothing may happen: nothing to wait for
    overwritten(file, host.in_dropped("vary.so"))
    time.sleep(10 * DELAY)
    assert (host.number(), set(host.processes())) == (number, pids)


def test_a_renamed_file_keeps_its_routes(host):
    """Breaks when: the new name is a conflict with the old one."""
    file = build.handler("vary", "1")
    serve_first(host, vary=file)
    os.rename(host.in_dropped("vary.so"), host.in_dropped("other.so"))
    served(host, file, "other.so")
    host.wait_file("vary.so", None)


def test_a_route_moves_from_one_file_to_another(host):
    """Breaks when: new files are compared with the routes of old ones."""
    serve_first(host, one=build.handler("one", route="/moving"),
                two=build.handler("two"))
    one = build.handler("one", "2", route="/one")
    two = build.handler("two", "2", route="/moving")
    host.put("one.so", one)
    host.put("two.so", two)
    host.wait_file("two.so", "serving", sha256=build.sha256(two))
    host.wait_file("one.so", "serving", sha256=build.sha256(one))
    assert build.whole(host.get("/moving")) == "2"
    assert build.whole(host.get("/one")) == "2"
    host.get("/two").problem(404)


def test_other_files_are_none_of_its_business(host):
    """Breaks when: an editor's or an installer's temporary file is loaded, or
    refused with much ado."""
    for name in (".vary.so.Xa81bQ", "vary.so.dpkg-new", "vary.so~", "README",
                 "vary.so.1", "so"):
        host.put(name, build.handler("vary"))
    host.put("last.so", build.handler("last"))
    host.wait_file("last.so", "serving")
    assert set(host.files()) == {"hello.so", "last.so"}
    last = host.wait_settled()["reloads"]["last"]
    assert [one["kind"] for one in last["changes"]] == ["added"]
    assert last["refused"] == []
    host.get("/vary").problem(404)


def test_status_says_it_to_people_too(host):
    """Breaks when: only the JSON knows which version is in use."""
    file = build.handler("vary", "1")
    serve_first(host, vary=file)
    bad = build.keep(b"no program\n")
    host.put("vary.so", bad)
    host.wait_file("vary.so", "serving-old")
    done = host.command("status")
    lines = [line for line in done.stdout.splitlines() if "vary.so" in line]
    assert build.build_id(file)[:12] in done.stdout
    assert lines and "ELF" in done.stdout


def test_names_that_are_hard_to_write(host):
    """Breaks when: a file's name spoils `status`, the log or the manifest."""
    names = ['a "quoted" one.so', "back\\slash.so", "new\nline.so",
             "\u00fcml\u00e4ut.so", "-c.so", "%s%n.so", "x" * 200 + ".so"]
    for number, name in enumerate(names):
        host.put(name, build.handler("odd-%d" % number))
    bad = os.path.join(os.fsencode(host.dropped), b"bytes\xff.so")
    shutil.copyfile(build.handler("odd-bytes"), bad)
    os.chmod(bad, 0o644)
    host.put("last.so", build.handler("last"))
    host.wait_file("last.so", "serving")
    for number, name in enumerate(names):
        found = host.files()[name]
        if found["state"] == "serving":
            assert build.whole(host.get("/odd-%d" % number)) == "1"
        else:
            assert found["refused"]["reason"]
    os.unlink(bad)
    for name in names:
        host.remove(name)
    wait_until(lambda: set(host.files()) == {"hello.so", "last.so"},
               every=0.02)
    assert "new\nline" not in host.log()


def test_without_watch_it_waits_for_a_reload():
    """Breaks when: watch = false watches."""
    with Host(handlers=["hello"], watch=False, watch_delay="10ms") as host:
        host.put("vary.so", build.handler("vary"))
        time.sleep(0.3)		# nothing may happen: nothing to wait for
        assert set(host.files()) == {"hello.so"}
        host.get("/vary").problem(404)
        host.reload()
        assert build.whole(host.get("/vary")) == "1"


def test_what_is_dropped_before_the_start_or_during_it_is_taken():
    """Breaks when: the directory is read before it is watched."""
    with Host(handlers=["hello"], watch_delay="10ms", start=False) as host:
        slow = build.handler("slow", preload="usleep(300000);")
        host.put("slow.so", slow)
        host.start(wait=False)
        host.wait_log("generation 1: loading")
        host.put("vary.so", build.handler("vary"))
        host.wait_ready()
        host.wait_file("vary.so", "serving")
        assert build.whole(host.get("/vary")) == "1"


def test_what_is_dropped_during_a_reload_is_taken():
    """Breaks when: a change that comes while another is taken is forgotten,
    or the version that is being loaded is mixed with it."""
    with Host(handlers=["hello"], watch_delay="10ms") as host:
        slow = "usleep(300000);"
        host.put("vary.so", build.handler("vary", "1", preload=slow))
        wait_until(lambda: host.status()["reloads"]["running"], every=0.01)
        host.put("vary.so", build.handler("vary", "2"))
        host.put("late.so", build.handler("late"))
        host.wait_file("late.so", "serving")
        host.wait_file("vary.so", "serving", sha256=build.sha256(
            build.handler("vary", "2")))
        assert build.whole(host.get("/vary")) == "2"


def test_the_directory_goes_and_comes_back():
    """Breaks when: a directory that is replaced as a whole ends the service,
    or is never looked at again."""
    with Host(handlers=["hello"], watch_delay="10ms") as host:
        old = os.path.join(host.folder, "old")
        os.rename(host.dropped, old)
        for _ in range(5):
            assert host.get("/hello").status == 200
        done = host.command("reload")
        if done.returncode != 0:
            assert "handlers" in done.stdout + done.stderr
        os.mkdir(host.dropped)
        shutil.copy(os.path.join(old, "hello.so"), host.dropped)
        host.put("vary.so", build.handler("vary", "1"))
        host.reload()
        assert build.whole(host.get("/vary")) == "1"
        assert host.get("/hello").status == 200
        host.put("vary.so", build.handler("vary", "2"))
        versions_until(host, "2")


def ask_on(host, route, end, found, kept):
    """Versions in the order they answered; what went wrong instead."""
    conn = None
    try:
        while not end.is_set():
            conn = conn or host.connect()
            found.append(int(build.whole(conn.get(route))))
            if not kept:
                conn.close()
                conn = None
    except BaseException as error:
        found.append(repr(error))
    finally:
        if conn is not None:
            conn.close()


def test_every_answer_is_of_one_version(host):
    """Breaks when: a change of files costs a request, mixes versions in one
    answer, or a kept connection gets back to an older one."""
    count = 8
    files = [build.handler("vary", str(n)) for n in range(count + 1)]
    ways = [way for way in WAYS if way is not linked]	# that removes it first
    serve_first(host, vary=files[0])
    end, answers, threads = threading.Event(), [], []
    for route in ("/vary", "/vary-async"):
        for kept in (True, True, False):
            answers.append([])
            threads.append(threading.Thread(target=ask_on, args=(
                host, route, end, answers[-1], kept)))
            threads[-1].kept = kept
    for thread in threads:
        thread.start()
    try:
        for number in range(1, count + 1):
            if number % 2 == 0:
                begin_again(host)
            ways[number % len(ways)](files[number],
                                     host.in_dropped("vary.so"))
            host.wait_file("vary.so", "serving",
                           sha256=build.sha256(files[number]))
    finally:
        end.set()
        for thread in threads:
            thread.join()
    for thread, found in zip(threads, answers):
        assert [one for one in found if not isinstance(one, int)] == []
        assert set(found) <= set(range(count + 1))
        if thread.kept:
            assert found == sorted(found), "back to an older version"
    assert len({one for found in answers for one in found}) >= count - 1
    with fcgi.Conn(host.address) as conn:
        assert build.whole(conn.get("/vary")) == str(count)


def test_status_says_when_nobody_watches():
    """Breaks when: somebody waits for a file to be taken that nobody looks
    at, and cannot find out why."""
    with Host(handlers=["hello"], watch_delay="10ms") as host:
        assert host.status()["reloads"]["watch"] == "on"
        os.rename(host.dropped, host.dropped + ".away")
        wait_until(lambda: host.status()["reloads"]["watch"] ==
                   "directory missing")
        assert "directory missing" in host.command("status").stdout
        os.rename(host.dropped + ".away", host.dropped)
        wait_until(lambda: host.status()["reloads"]["watch"] == "on")
    with Host(handlers=["hello"], watch=False) as host:
        assert host.status()["reloads"]["watch"] == "off"
