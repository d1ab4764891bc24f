"""Files that cannot be served: refused with a reason, and nothing else."""

import os
import pwd
import re
import socket
import subprocess
import threading
import time

import pytest

from lib import build
from lib.fcgi import wait_until
from lib.host import Host, alive, cpu_time, slack

ROOT = os.geteuid() == 0
LEAVE = "usleep(20000); if (!fork()) { for (;;) pause(); }"
SPIN = "for (;;) ;"
CRASH = "*(volatile int *)8 = 1;"
THREAD = """
static void *wait_for_ever(void *arg) { for (;;) pause(); return arg; }
static void start(void) { pthread_t id;
	pthread_create(&id, NULL, wait_for_ever, NULL); }
"""


def at_load(code, top=""):
    """C that runs in dlopen()."""
    return top + ("\n__attribute__((constructor)) static void\n"
                  "loaded(void)\n{\n\t%s\n}\n" % code)


def made(**how):
    return lambda name="vary": build.handler(name, "bad", **how)


def same(data):
    return lambda name="vary": build.keep(data)


def cut(part):
    """A good file's first bytes."""
    def make(name="vary"):
        data = build.read(build.handler(name, "bad"))
        return build.keep(data[:int(len(data) * part)])
    return make


# What is wrong, how to make it, and what the reason must say.
BAD = {
    "text": (same(b"#!/bin/sh\nexit 0\n"), r"ELF|shared object"),
    "empty": (same(b""), r"ELF|shared object|empty"),
    "header only": (same(b"\x7fELF\x02\x01\x01"),
                    r"ELF|shared object"),
    "cut in the middle": (cut(0.5), r"."),
    "one byte short": (cut(0.9999), r"."),
    "other machine": (lambda name="vary": build.foreign(
        build.handler(name, "bad")), r"machine|architecture"),
    "newer minor": (made(more=", .abi_minor = FH_ABI_MINOR + 1"), r"ABI"),
    "other major": (made(more=", .abi_major = FH_ABI_MAJOR + 1"), r"ABI"),
    "no descriptor": (made(descriptor=False), r"fh_handler_descriptor"),
    "missing symbol": (made(
        top="int no_such_function_anywhere(void);",
        serve="no_such_function_anywhere();"), r"no_such_function_anywhere"),
    "missing library": (lambda name="vary": build.renamed(
        build.handler(name, "bad", flags=("-Wl,--no-as-needed", "-lfcgi")),
        ("libfcgi.so", "libnone.so")), r"libnone\.so"),
    "route of another": (made(route="/hello"), r"hello\.so"),
    "route twice": (made(routes=', { "GET", "/vary", .serve = serve }'),
                    r"/vary"),
    "no such pool": (made(routes=', { "GET", "/vary-pool", .serve = serve, '
                          '.async = true, .pool = "nowhere" }'), r"nowhere"),
    "a job that streams": (made(routes=', { "GET", "/vary-job", .serve = '
                                'serve, .job = true, .stream = true }'),
                           r"a job.*cannot be a stream"),
    "preload fails": (made(preload="return -1;"), r"preload"),
    "worker_init fails": (made(worker_init="return -1;"), r"worker_init"),
    "self_test fails": (made(self_test="return 77;"), r"self.test.*77|77"),
    "load crashes": (made(top=at_load(CRASH)), r"signal 11|SIGSEGV"),
    "preload crashes": (made(preload=CRASH), r"signal 11|SIGSEGV"),
    "preload aborts": (made(preload="abort();"), r"signal 6|SIGABRT"),
    "worker_init crashes": (made(worker_init=CRASH), r"signal 11|SIGSEGV"),
    "self_test crashes": (made(self_test=CRASH), r"signal 11|SIGSEGV"),
    "load hangs": (made(top=at_load(SPIN)), r"load_timeout|longer"),
    "preload hangs": (made(preload=SPIN), r"load_timeout|longer"),
    "worker_init hangs": (made(worker_init="for (;;) pause();"),
                          r"load_timeout|longer"),
    "self_test hangs": (made(self_test=SPIN), r"load_timeout|longer"),
    "load exits": (made(top=at_load("exit(0);")), r"exit"),
    "preload exits": (made(preload="exit(0);"), r"exit"),
    "preload _exits": (made(preload="_exit(0);"), r"exit"),
    "worker_init exits": (made(worker_init="exit(0);"), r"exit"),
    "self_test exits": (made(self_test="_exit(0);"), r"exit"),
    "preload forks": (made(preload=LEAVE), r"fork|process|child"),
    "preload forks itself": (made(preload="fork();"), r"fork|process|child"),
    "preload becomes a daemon": (made(preload="if (!fork()) { if (fork()) "
                                 "_exit(0); setsid(); for (;;) pause(); } "
                                 "wait(NULL);"), r"fork|process|child"),
    "preload starts a thread": (made(top=THREAD, preload="start();"),
                                r"thread"),
    "load starts a thread": (made(top=THREAD + at_load("start();")),
                             r"thread"),
    "preload closes 3": (made(preload="close(3);"), r"descriptor"),
    "preload closes all": (made(preload="for (int i = 3; i < 64; i++) "
                                "close(i);"), r"."),
    "preload changes directory": (made(
        preload='if (chdir("/tmp") == -1) return -1;'), r"directory"),
}


def ask_hello(host, target, end, wrong):
    """Without a break, on one connection."""
    try:
        with host.connect() as conn:
            while not end.wait(0.005):
                assert conn.get(target).status == 200
    except BaseException as error:
        wrong.append(repr(error))


@pytest.fixture(scope="module")
def shared():
    """Whatever is dropped there, hello.so is served throughout."""
    end, wrong = threading.Event(), []
    with Host(handlers=["hello"], watch=False, load_timeout="400ms",
              crashes=True) as one:
        one.put("vary.so", build.handler("vary", "good"))
        one.reload()
        threads = [threading.Thread(target=ask_hello, args=(
            one, target, end, wrong)) for target in ("/hello",
                                                     "/hello-async")]
        for thread in threads:
            thread.start()
        yield one
        end.set()
        for thread in threads:
            thread.join()
        assert wrong == []


@pytest.fixture
def host(shared):
    """Serves vary.so in its version "good", whatever lies there, and
    hello.so."""
    yield shared
    if shared.files()["vary.so"]["sha256"] != build.sha256(
            build.handler("vary", "good")):
        shared.put("vary.so", build.handler("vary", "good"))
        shared.reload()
    shared.wait_settled()
    assert sorted(shared.processes().values()) == [
        "front", "supervisor", "worker", "worker", "zygote"]


def still_good(host, name="/vary"):
    assert build.whole(host.get(name)) == "good"
    assert build.whole(host.get(name + "-async")) == "good"
    assert host.get("/hello").status == 200
    assert host.get("/hello-async").status == 200


def log_since(host, mark):
    return "\n".join(host.lines[mark:])


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_refused_with_its_reason(host, what):
    """Breaks when: a file of that kind stops the good ones, takes the place of
    its own last good version, leaves a process, or says not what is wrong."""
    make, says = BAD[what]
    bad, mark = make(), len(host.lines)
    host.put("vary.so", bad)
    done = host.reload(code=1)
    reason = done.refused("vary.so")
    assert reason and re.search(says, reason, re.I), done
    found = host.files()["vary.so"]
    assert found["state"] == "serving-old", found
    assert found["sha256"] == build.sha256(build.handler("vary", "good"))
    assert found["refused"]["sha256"] in (None, build.sha256(bad))
    assert reason.startswith(found["refused"]["reason"])
    assert abs(found["refused"]["at"] - time.time()) < 60
    still_good(host)
    logged = [line for line in host.lines[mark:] if "vary.so" in line]
    assert any(re.search(says, line, re.I) for line in logged), logged


# What concerns the whole process: undone, or the file is refused.
CHANGES = {
    "SIGCHLD": "signal(SIGCHLD, SIG_IGN);",
    "its signals": "sigset_t all; sigfillset(&all); "
                   "sigprocmask(SIG_SETMASK, &all, NULL);",
    "a timer": "struct itimerval soon = { .it_value.tv_usec = 100000 }; "
               "setitimer(ITIMER_REAL, &soon, NULL);",
    "umask": "umask(0);",
    "0 to 2": "close(0); close(1); close(2);",
    "descriptor 4": "int fd = open(\"/dev/null\", O_RDWR); dup2(fd, 4); "
                    "close(fd);",
    "descriptor 5": "int fd = open(\"/dev/null\", O_RDWR); dup2(fd, 5); "
                    "close(fd);",
    "RLIMIT_NOFILE": "struct rlimit few = { 3, 3 }; "
                     "setrlimit(RLIMIT_NOFILE, &few);",
}
HEADERS = "#include <sys/resource.h>\n#include <sys/stat.h>\n" \
          "#include <sys/time.h>\n"


def works(host):
    """It serves, its zygote lives, and a worker that dies is replaced."""
    zygote = host.pid_of("zygote")
    old = host.pids("worker")[0]
    host.kill_process(old)
    host.wait_replaced("worker", old, 2)
    time.sleep(0.15)		# for the timer; nothing may happen
    for target in ("/hello", "/hello-async"):
        assert host.get(target).status == 200
    assert host.pid_of("zygote") == zygote


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("when", ["start", "reload"])
def test_what_a_preload_changes_is_undone_or_refused(what, when):
    """Breaks when: a handler that changes something of the process in its
    preload keeps the others from being served, or its generation from
    working, and nobody is named."""
    bad = build.handler("vary", "bad", top=HEADERS, preload=CHANGES[what])
    with Host(handlers=["hello"], watch=False, load_timeout="400ms",
              crashes=True, start=False) as host:
        if when == "start":
            host.put("vary.so", bad)
            host.start()
        else:
            host.put("vary.so", build.handler("vary", "good"))
            host.start()
            host.put("vary.so", bad)
            host.put("beside.so", build.handler("beside", "good"))
            host.reload(code=None)
            still_good(host, "/beside")
        host.wait_settled()
        works(host)
        found = host.files()["vary.so"]
        if found["state"] == "serving":
            assert build.whole(host.get("/vary-async")) == "bad"
        else:
            assert found["refused"]["reason"]


@pytest.mark.parametrize("hook", ["self_test", "worker_init"])
def test_a_trial_leaves_no_process(hook):
    """Breaks when: what a handler forks while it is tried stays for ever, one
    more with each reload."""
    with Host(handlers=["hello"], watch=False, crashes=True,
              extra='handler "vary" { processes = true }\n') as host:
        for number in range(3):
            host.put("vary.so", build.handler("vary", str(number), **{
                hook: "char name[16] = \"\"; int fd = open(\"/proc/self/comm\", "
                "O_RDONLY); if (read(fd, name, 15) > 0 && "
                "strstr(name, \"probe\") != NULL && !fork()) "
                "for (;;) pause(); close(fd);"}))
            host.reload()
        host.wait_settled()
        wait_until(lambda: "probe" not in host.processes().values(), 5,
                   "the end of what the trial forked")


# ------------------------------------------------- what is not a file at all

def put_fifo(path):
    os.mkfifo(path, 0o644)


def put_loop(path):
    os.symlink(os.path.basename(path), path)


def put_dangling(path):
    os.symlink(path + ".nowhere", path)


def put_device(path):
    os.symlink("/dev/zero", path)


def put_socket(path):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)


def put_sparse(path):
    with open(path, "wb") as file:
        file.write(build.read(build.handler("vary", "bad")))
        file.truncate(4 << 30)


ODD = {
    "fifo": (put_fifo, r"fifo|pipe|regular"),
    "directory": (os.mkdir, r"directory|regular"),
    "loop": (put_loop, r"loop|levels|link"),
    "dangling": (put_dangling, r"no such|dangling|nowhere|link"),
    "device": (put_device, r"device|regular|link"),
    "socket": (put_socket, r"socket|regular|no such device"),
    "sparse": (put_sparse, r"large|size|bytes|GiB"),
}


def bytes_in_state(host):
    return sum(os.stat(path).st_blocks * 512
               for path in host.files_in_state())


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
def test_what_is_no_file_is_refused(host, kind, known):
    """Breaks when: opening it blocks or fills the disk, or the good version
    that had this name goes."""
    put, says = ODD[kind]
    name = "vary.so" if known else "unheard.so"
    if known:
        host.remove(name)
    put(host.in_dropped(name))
    try:
        begin = time.monotonic()
        done = host.reload(code=1)
        assert time.monotonic() - begin < 10
        assert re.search(says, done.refused(name), re.I), done
        found = host.files()[name]
        assert found["state"] == ("serving-old" if known else "refused")
        assert re.search(says, found["refused"]["reason"], re.I)
        still_good(host)
        assert bytes_in_state(host) < 20 << 20
    finally:
        host.remove(name)
        host.put("vary.so", build.handler("vary", "good"))


# ------------------------------------------------------- whose file it is

@pytest.mark.parametrize("mode", [0o664, 0o646, 0o777, 0o622])
def test_a_file_that_others_may_write_is_refused(host, mode):
    """Breaks when: whoever is in a group may run code in the host."""
    bad = build.handler("vary", "of-others")
    host.put("vary.so", bad, mode)
    reason = host.reload(code=1).refused("vary.so")
    assert re.search("writ", reason), reason
    still_good(host)
    os.chmod(host.in_dropped("vary.so"), 0o644)
    host.reload()
    assert build.whole(host.get("/vary")) == "of-others"


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_a_file_of_somebody_else_is_refused():
    """Breaks when: a file of another user than root and the service's is
    loaded, or one of the service's is not."""
    nobody = pwd.getpwnam("nobody").pw_uid
    other = pwd.getpwnam("www-data").pw_uid
    with Host(handlers=["hello"], watch=False, user="nobody",
              group="nogroup") as host:
        for name, owner in (("own", nobody), ("other", other), ("root", 0)):
            host.put(name + ".so", build.handler(name))
            os.chown(host.in_dropped(name + ".so"), owner, -1)
        done = host.reload(code=1)
        assert [one["file"] for one in done.document["refused"]] == [
            "other.so"]
        assert re.search("www-data|%d|own" % other, done.refused("other.so"))
        for name in ("own", "root"):
            assert build.whole(host.get("/" + name)) == "1"
        host.get("/other").problem(404)


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_a_file_that_the_service_may_not_read_is_refused():
    """Breaks when: it is read with root's rights, or stops the others."""
    with Host(handlers=["hello"], watch=False, user="nobody",
              group="nogroup") as host:
        host.put("vary.so", build.handler("vary"), 0o600)
        done = host.reload(code=1)
        assert re.search("(?i)permission|read", done.refused("vary.so"))
        assert host.get("/hello").status == 200
        host.put("vary.so", build.handler("vary"), 0o640)
        os.chown(host.in_dropped("vary.so"), 0,
                 pwd.getpwnam("nobody").pw_gid)
        host.reload()
        assert build.whole(host.get("/vary")) == "1"


# ------------------------------------------------------------ together

def test_bad_ones_among_good_ones_at_the_start():
    """Breaks when: a bad file keeps a good one from being served, or the host
    from starting."""
    kinds = ["text", "other machine", "no descriptor", "preload fails",
             "preload crashes", "self_test fails", "worker_init exits",
             "preload forks", "preload hangs"]
    with Host(handlers=["hello"], load_timeout="400ms", crashes=True,
              start=False) as host:
        host.put("good.so", build.handler("good", "good"))
        for number, kind in enumerate(kinds):
            host.put(kind + ".so", BAD[kind][0]("bad-%d" % number))
        host.start()
        still_good(host, "/good")
        files = host.files()
        for kind in kinds:
            found = files[kind + ".so"]
            assert (found["state"], found["version"]) == ("refused", None)
            assert re.search(BAD[kind][1], found["refused"]["reason"], re.I)
        assert files["good.so"]["state"] == "serving"


def test_nobody_is_busy_with_a_bad_file():
    """Breaks when: a file that is refused is tried again and again."""
    kinds = ["text", "no descriptor", "preload forks", "preload exits",
             "preload closes 3", "preload starts a thread",
             "preload changes directory", "self_test crashes",
             "load hangs"]
    with Host(handlers=["hello"], watch_delay="20ms", load_timeout="400ms",
              crashes=True) as host:
        host.put("good.so", build.handler("good", "good"))
        for number, kind in enumerate(kinds):
            host.put(kind + ".so", BAD[kind][0]("bad-%d" % number))
        put_fifo(host.in_dropped("fifo.so"))
        put_loop(host.in_dropped("loop.so"))
        for kind in kinds + ["fifo", "loop"]:
            host.wait_file(kind + ".so", "refused", 30)
        host.wait_file("good.so", "serving")
        still_good(host, "/good")
        number = host.wait_settled()["generation"]["number"]
        pids, lines = set(host.processes()), len(host.lines)
        assert len(pids) == 5
        before = cpu_time(pids)
        time.sleep(1.5)		# nothing may happen: nothing to wait for
        assert cpu_time(pids) - before < 0.15
        assert set(host.processes()) == pids
        assert len(host.lines) - lines < 5, log_since(host, lines)
        assert host.number() == number


def test_a_bad_file_does_not_hold_up_a_good_one(host):
    """Breaks when: what comes with a bad file is refused with it."""
    host.put("vary.so", BAD["preload crashes"][0]())
    host.put("beside.so", build.handler("beside", "1"))
    done = host.reload(code=1)
    assert done.said("added", "beside.so")
    assert build.whole(host.get("/beside")) == "1"
    host.put("beside.so", build.handler("beside", "2"))
    host.reload(code=1)
    assert build.whole(host.get("/beside")) == "2"
    still_good(host)
    host.remove("beside.so")
    host.reload(code=1)


def test_the_old_version_goes_with_its_bad_file(host):
    """Breaks when: a file that was removed is served for ever since its last
    version was bad."""
    host.put("vary.so", BAD["text"][0]())
    host.reload(code=1)
    still_good(host)
    host.remove("vary.so")
    host.reload()
    host.get("/vary").problem(404)
    assert "vary.so" not in host.files()
    host.put("vary.so", build.handler("vary", "good"))
    host.reload()


def test_a_good_file_after_a_bad_one(host):
    """Breaks when: a refusal sticks to the name."""
    host.put("vary.so", BAD["self_test fails"][0]())
    host.reload(code=1)
    host.put("vary.so", build.handler("vary", "better"))
    host.reload()
    found = host.files()["vary.so"]
    assert found["state"] == "serving" and found.get("refused") is None
    assert build.whole(host.get("/vary")) == "better"


def test_the_same_bad_file_again_is_refused_again(host):
    """Breaks when: an explicit reload believes an old verdict, or forgets it
    and says that all is well."""
    flag = os.path.join(host.folder, "flag")
    host.put("vary.so", build.handler(
        "vary", "good", top='#define FLAG "%s"' % flag,
        self_test="return access(FLAG, F_OK) == 0 ? 0 : 5;"))
    for _ in range(2):
        assert "5" in host.reload(code=1).refused("vary.so")
        still_good(host)
    host.write("flag", b"")
    host.reload()
    found = host.files()["vary.so"]
    assert found["state"] == "serving" and found.get("refused") is None


# -------------------------------------------------------------- routes

def test_two_files_that_claim_one_route():
    """Breaks when: the order is chance, or the reason names no file."""
    with Host(handlers=["hello"], watch_delay="20ms", start=False) as host:
        host.put("a.so", build.handler("a", route="/claimed"))
        host.put("b.so", build.handler("b", "2", route="/claimed"))
        host.start()
        assert host.files()["a.so"]["state"] == "serving"
        found = host.wait_file("b.so", "refused")
        assert "a.so" in found["refused"]["reason"]
        assert "/claimed" in found["refused"]["reason"]
        assert build.whole(host.get("/claimed")) == "1"
        host.remove("a.so")
        host.wait_file("b.so", "serving")
        assert build.whole(host.get("/claimed")) == "2"


def test_who_has_a_route_keeps_it():
    """Breaks when: a new file takes a route from one that serves because its
    name comes first."""
    with Host(handlers=["hello"], watch_delay="20ms") as host:
        host.put("b.so", build.handler("b", "good", route="/claimed"))
        host.wait_file("b.so", "serving")
        host.put("a.so", build.handler("a", "2", route="/claimed"))
        found = host.wait_file("a.so", "refused")
        assert "b.so" in found["refused"]["reason"]
        assert host.files()["b.so"]["state"] == "serving"
        still_good(host, "/claimed")


@pytest.mark.parametrize("how", [{"preload": CRASH}, {"preload": "return -1;"},
                                 {"self_test": "return 1;"}],
                         ids=["crashes", "fails", "fails its test"])
def test_a_bad_file_takes_no_route_from_a_good_one(how):
    """Breaks when: a file that is refused has kept others from being loaded
    by the routes that it claimed first."""
    with Host(handlers=["hello"], watch=False, crashes=True) as host:
        host.put("a.so", build.handler("a", route="/claimed", **how))
        host.put("b.so", build.handler("b", "good", route="/claimed"))
        host.reload(code=1)
        assert host.files()["a.so"]["state"] == "refused"
        assert host.files()["b.so"]["state"] == "serving"
        still_good(host, "/claimed")


def test_a_change_takes_no_route_from_a_change():
    """Breaks when: a file that claims the route of another costs that one its
    new version, or what is served under that version is the old one's code."""
    with Host(handlers=["hello"], watch=False) as host:
        host.put("a.so", build.handler("a", "1"))
        host.put("b.so", build.handler("b", "1"))
        host.reload(code=0)
        new = build.handler("b", "2")
        host.put("a.so", build.handler("a", "2", routes=', { "GET", "/b", '
                                       '.serve = serve }'))
        host.put("b.so", new)
        host.reload(code=1)
        assert host.files()["a.so"]["state"] == "serving-old"
        found = host.files()["b.so"]
        assert found["state"] == "serving"
        assert found["sha256"] == build.sha256(new)
        assert build.whole(host.get("/b")) == "2"
        assert build.whole(host.get("/a")) == "1"
        served = os.path.join(host.state, "generations",
                              str(found["generation"]), "handlers")
        assert sorted(os.listdir(served)) == ["a.so", "b.so", "hello.so"]
        assert build.sha256(os.path.join(served, "b.so")) == found["sha256"]


def test_one_that_waits_for_another_outlives_a_third():
    """Breaks when: the copy of a file that lost its route to another new one
    is gone when, two tries later, that one is refused itself."""
    with Host(handlers=["hello"], watch=False, crashes=True) as host:
        host.put("a.so", build.handler("a", route="/claimed",
                                       self_test="return 1;"))
        host.put("b.so", build.handler("b", "good", route="/claimed"))
        host.put("c.so", build.handler("c", preload=CRASH))
        host.reload(code=1)
        states = {name: host.files()[name]["state"] for name in
                  ("a.so", "b.so", "c.so")}
        assert states == {"a.so": "refused", "b.so": "serving",
                          "c.so": "refused"}
        still_good(host, "/claimed")


def test_bad_files_in_each_other_s_way():
    """Breaks when: the good one is found only when there is one bad one."""
    with Host(handlers=["hello"], watch=False, crashes=True) as host:
        host.put("vary.so", build.handler("vary", "old"))
        host.reload()
        one = ', { "GET", "/one", .serve = serve }'
        host.put("a.so", build.handler("a", routes=one,
                                       self_test="return 1;"))
        host.put("b.so", build.handler("b", routes=one, preload=CRASH))
        host.put("c.so", build.handler("c", routes=one + ', { "GET", "/two",'
                                       ' .serve = serve }', top=at_load("")))
        host.put("d.so", build.handler("d", routes=', { "GET", "/two", '
                                       '.serve = serve }', preload=CRASH))
        host.put("vary.so", build.handler("vary", "good", routes=one,
                                          top=at_load("")))
        host.reload(code=1)
        states = {name: one["state"] for name, one in host.files().items()}
        assert states["a.so"] == states["b.so"] == "refused"
        assert states["d.so"] == "refused"
        served = [name for name in ("vary.so", "c.so")
                  if states[name] == "serving"]
        assert len(served) == 1, states
        assert build.whole(host.get("/one")) in ("good", "1")
        assert host.get("/hello").status == 200


# ------------------------------------------------------------- numbers

def test_five_hundred_files():
    """Breaks when: many files are slow, or one bad one among them costs a new
    attempt for each."""
    one = build.handler("n000", route="/r000")
    bad = build.handler("n250", route="/r250", preload="return -1;")
    with Host(handlers=["hello"], watch_delay="50ms") as host:
        for number in range(500):
            name = "%03d" % number
            host.put("n%s.so" % name, bad if number == 250 else build.renamed(
                one, ("n000", "n" + name), ("/r000", "/r" + name)))
        wait_until(lambda: len(host.files()) == 501, 40, every=0.2)
        host.wait_settled(40)
        found = host.files()
        assert [name for name, one in found.items()
                if one["state"] != "serving"] == ["n250.so"]
        for number in (0, 1, 249, 251, 499):
            assert build.whole(host.get("/r%03d" % number)) == "1"
            assert build.whole(host.get("/r%03d-async" % number)) == "1"
        for number in range(500):
            host.remove("n%03d.so" % number)
        wait_until(lambda: len(host.files()) == 1, 40, every=0.2)
        host.get("/r001").problem(404)
        assert host.get("/hello").status == 200


def test_a_file_that_comes_and_goes_all_the_time():
    """Breaks when: each of 100 changes a second costs a generation, or the
    host never gets to take another file."""
    with Host(handlers=["hello"], watch_delay="10ms") as host:
        host.put("vary.so", build.handler("vary", "good"))
        host.reload()
        number, lines = host.number(), len(host.lines)
        end, rounds = threading.Event(), []
        ready = host.write("wild", build.read(build.handler("wild")))

        def wild():
            while not end.is_set():
                os.link(ready, host.in_dropped("wild.so"))
                end.wait(0.005)
                host.remove("wild.so")
                end.wait(0.005)
                rounds.append(1)
        thread = threading.Thread(target=wild)
        pids = list(host.processes())
        before, begin = cpu_time(pids), time.monotonic()
        thread.start()
        try:
            while time.monotonic() - begin < 1.5:
                still_good(host)
                time.sleep(0.01)	# an even load, not a test of speed
            host.put("vary.so", build.handler("vary", "2"))
            host.wait_file("vary.so", "serving", 30, sha256=build.sha256(
                build.handler("vary", "2")))
        finally:
            end.set()
            thread.join()
        seconds = time.monotonic() - begin
        assert len(rounds) > 40 * seconds
        # ten in a row are nothing unusual
        assert host.number() - number <= 12 + 3 * seconds
        assert len(host.lines) - lines < 400 * seconds
        assert cpu_time(host.processes()) - before < 0.7 * seconds
        host.wait_file("wild.so", None, 30)
        host.wait_settled()
        assert build.whole(host.get("/vary")) == "2"
        host.get("/wild").problem(404)


# ---------------------------------------------------------- a full disk

@pytest.fixture
def small_state():
    """A host whose state_dir is a file system of 2 MiB."""
    host = Host(handlers=["hello"], watch_delay="20ms", start=False)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700",
                           "none", host.state], capture_output=True)
    if done.returncode != 0:
        host.clean()
        pytest.skip("cannot mount a file system")
    try:
        yield host
    finally:
        host.kill()
        subprocess.run(["umount", "-l", host.state], check=True)
        host.clean()


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_a_full_disk(small_state):
    """Breaks when: a copy that does not fit is served cut, ends the host, or
    leaves a piece behind that fills the disk for good."""
    host = small_state
    host.put("vary.so", build.handler("vary", "good"))
    host.start()
    still_good(host)
    number = host.number()
    fat = build.keep(build.read(build.handler("vary", "fat"))
                     + os.urandom(3 << 20))
    host.put("vary.so", fat)
    found = host.wait_file("vary.so", "serving-old")
    assert re.search("(?i)space|disk|full", found["refused"]["reason"])
    assert host.reload(code=1)
    still_good(host)
    assert bytes_in_state(host) < 1 << 20, "no piece of it is left"

    filler = os.path.join(host.state, "filler")
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    host.put("vary.so", build.handler("vary", "better"))
    done = host.reload(code=1)
    said = done.err + done.out
    assert re.search("(?i)space|disk|full", said), done
    still_good(host)
    os.unlink(filler)
    host.reload()
    assert build.whole(host.get("/vary")) == "better"
    assert host.number() > number
    host.stop()
    assert alive(host.pid) is False


def test_a_large_but_good_file_is_served(host):
    """Breaks when: the limit is below what real handlers have."""
    fat = build.keep(build.read(build.handler("vary", "fat"))
                     + bytes(64 << 20))
    before = host.pss("Private_Dirty")
    host.put("vary.so", fat)
    host.reload()
    assert build.whole(host.get("/vary")) == "fat"
    host.wait_settled()
    assert host.pss("Private_Dirty") - before < slack(16 << 20)
