"""What code of a handler may ask the kernel for, and how it learns."""

import contextlib
import ctypes
import errno
import functools
import json
import os
import re
import shutil
import signal
import tempfile

import pytest

from lib import build, fcgi
from lib.fcgi import wait_until
from lib.host import Host, read_proc, sanitized

REFUSED = {	# what it does: the system call, what would allow it
    "socket": ("socket", "network = true"),
    "fork": ("clone", "processes = true"),
    "exec": (None, "processes = true"),	# system() blocks all signals
    "kill": ("kill", "processes = true"),
    "ptrace": ("ptrace", 'syscalls = { "ptrace" }'),
    "setuid": ("setuid", 'syscalls = { "setuid" }'),
}
ALL = "network = true\nprocesses = true"


def sandboxed(inside="", **keywords):
    return Host(handlers=["live_sandbox", "hello"], crashes=True, sandbox=True,
                extra='handler "live_sandbox" {\n%s\n}\n' % inside, **keywords)


def reports(host, count=1):
    host.wait_log(" error crash {", count=count)
    return [json.loads(line[line.index("{"):])
            for line in host.log().splitlines() if " error crash {" in line]


def check(report, deed):
    call, advice = REFUSED[deed]
    assert report["signal"] == "SIGSYS", report
    assert report["handler"] == "live_sandbox"
    assert advice in report["what"], report
    if call is not None:
        assert report["what"].startswith("called %s(): " % call), report
        assert report["system_call"].startswith(call + "(0x"), report


@pytest.mark.parametrize("threads", [1, 3])
def test_worker(threads):
    """Breaks when: one of these is let through, or its report does not name
    the system call and what would allow it, or an ordinary thread is not."""
    with sandboxed(pools={"default": {"workers": 1,
                                      "threads": threads}}) as host:
        for number, deed in enumerate(REFUSED, 1):
            assert host.get("/try?do=" + deed).status == 500, deed
            check(reports(host, number)[-1], deed)
        assert host.get("/try?do=thread").body == b"done\n"
        assert host.get("/hello").status == 200


def test_front():
    """Breaks when: a sync handler is not in the sandbox."""
    with sandboxed() as host:
        for number, deed in enumerate(["socket", "exec"], 1):
            with host.connect() as conn:
                conn.send(fcgi.request("GET", "/try-sync?do=" + deed))
                with pytest.raises((fcgi.Closed, OSError)):
                    conn.read_reply()
            check(reports(host, number)[-1], deed)
            wait_until(lambda: host.get("/hello").status == 200, what="front")
        assert host.get("/try-sync?do=thread").body == b"done\n"


@pytest.mark.parametrize("path", ["/try", "/try-sync"])
def test_relaxed(path):
    """Breaks when: what the configuration allows is refused."""
    with sandboxed(ALL) as host:
        for deed in "socket", "fork", "exec", "kill":
            reply = host.get(path + "?do=" + deed)
            assert (reply.status, reply.body) == (200, b"done\n"), deed


def test_system_calls():
    """Breaks when: what `syscalls` names is refused, or more than that is let
    through, or a misspelt name is taken."""
    with sandboxed('syscalls = { "setuid", "socket" }') as host:
        for path in "/try", "/try-sync":
            for deed in "setuid", "socket":
                assert host.get(path + "?do=" + deed).body == b"done\n", deed
        assert host.get("/try?do=kill").status == 500
        check(reports(host)[0], "kill")
        host.change(extra='handler "live_sandbox" { syscalls = { "sockets" } '
                    "}\n")
        done = host.command("check")
        assert done.returncode == 100
        assert 'no system call "sockets"' in done.stderr


def test_a_pool_keeps_apart():
    """Breaks when: a handler's leave is given to processes it does not run
    in."""
    with Host(handlers=["live_sandbox", "live_crash"], crashes=True,
              sandbox=True, pools={"default": {"workers": 1},
                                   "other": {"workers": 1}},
              routes={"GET /try": {"pool": "other"}},
              extra='handler "live_crash" {\n%s\n}\n' % ALL) as host:
        assert host.get("/try?do=socket").status == 500
        check(reports(host)[0], "socket")


def test_rights():
    """Breaks when: a process with handlers' code has capabilities, could get
    new privileges or has no filter."""
    with sandboxed(pools={"default": {"workers": 1}}) as host:
        for role in "front", "worker":
            status = read_proc(host.pid_of(role), "status")
            assert re.search(r"^NoNewPrivs:\t1$", status, re.M)
            assert re.search(r"^Seccomp:\t2$", status, re.M)
            kinds = ["Inh", "Prm", "Eff", "Amb"]
            for kind in kinds + (["Bnd"] if os.geteuid() == 0 else []):
                assert re.search(r"^Cap%s:\t0+$" % kind, status, re.M), kind


def test_off():
    """Breaks when: sandbox = false leaves something of it."""
    with Host(handlers=["live_sandbox"], sandbox=False) as host:
        for path in "/try", "/try-sync":
            for deed in "socket", "fork", "exec", "kill", "setuid":
                assert host.get(path + "?do=" + deed).body == b"done\n", deed
        status = read_proc(host.pid_of("front"), "status")
        assert re.search(r"^Seccomp:\t0$", status, re.M)


def test_worker_init_is_tried_in_it():
    """Breaks when: a reload takes over a handler whose worker_init would end
    every worker; or its reason does not say what would allow it."""
    with sandboxed('set = { "init=none" }') as host:
        host.change(extra='handler "live_sandbox" {\n'
                    'set = { "init=socket" }\n}\n')
        result = host.reload(code=None)
        assert result.code == 1, result
        assert ("live_sandbox.so: called socket(): a network connection "
                "needs network = true" in result.out.replace(
                    "live_sandbox.so, which has not changed",
                    "live_sandbox.so")), result
        assert host.get("/try?do=thread").status == 200
        host.change(extra='handler "live_sandbox" {\n'
                    'set = { "init=socket" }\nnetwork = true\n}\n')
        host.reload()
        assert host.get("/try?do=socket").body == b"done\n"


# ----------------------------------------------------- before it serves

INIT = 'handler "live_sandbox" {\nset = { "init=%s" }\n%s\n}\n'


def test_a_trial_is_of_the_handler_alone():
    """Breaks when: a new version passes because of what another may that runs
    in its process, or is refused what its own section says."""
    with sandboxed() as host:
        host.change(extra=INIT % ("socket", "") +
                    'handler "hello" { network = true }\n')
        assert host.reload(code=None).code == 1
        host.change(extra=INIT % ("socket", "network = true"))
        host.reload()
        assert host.get("/hello").status == 200


@pytest.mark.parametrize("deed, said", [
    ("socket", "called socket(): a network connection needs network = true"),
    ("exec", "system(), popen() and posix_spawn() need processes = true"),
    ("/", "see read_paths and write_paths")])
def test_check_full(deed, said):
    """Breaks when: check passes what a reload would refuse, or names neither
    file nor remedy; or one that fails keeps others from being tried."""
    bad = build.handler("vary", self_test="return -5;")
    if deed == "/" and not landlock():
        pytest.skip("no Landlock")
    with sandboxed(start=False) as host:
        host.put("vary.so", bad)
        host.change(extra=INIT % (deed, ""))
        done = host.command("check", "--full")
        assert done.returncode == 100
        assert re.search("live_sandbox.so: .*" + re.escape(said), done.stderr)
        assert "vary.so: its self_test returned -5" in done.stderr
        host.remove("vary.so")
        host.change(extra=INIT % (
            deed, ALL + '\nread_paths = { "/" }'))
        done = host.command("check", "--full")
        assert (done.returncode, done.stderr) == (0, "")
        host.change(extra=INIT % (deed, ""), sandbox=False)
        assert host.command("check", "--full").returncode == 0


@pytest.mark.skipif(sanitized(), reason="its leak check needs a process")
def test_call():
    """Breaks when: call lets a handler do what the host will refuse, or does
    not say what would allow it, or what is allowed is refused."""
    with sandboxed(start=False, environment={"SECRET": "s"}) as host:
        def call(target, *options):
            return host.command("call", *options, "GET", target)

        done = call("/try?do=socket")
        assert done.returncode == -signal.SIGSYS
        assert "called socket(): a network connection needs" in done.stderr
        if landlock():
            done = call("/file?do=list&path=/")
            assert done.returncode == 1 and "EACCES" in done.stdout
            assert "see read_paths and write_paths" in done.stderr
        assert call("/variable?name=SECRET").stdout == "none none\n"
        for target, said in (("/try?do=socket", "done"),
                             ("/file?do=list&path=/", "done"),
                             ("/variable?name=SECRET", "none s")):
            assert call(target, "--no-sandbox").stdout == said + "\n"
        host.change(extra=INIT % ("", "network = true"))
        assert call("/try?do=socket").stdout == "done\n"


# ------------------------------------------------------------ descriptors

def test_max_files():
    """Breaks when: max_files is not set in the workers, or in those of another
    pool, or what a worker needs for itself no longer fits."""
    pools = {"default": {"workers": 1, "max_files": 64},
             "side": {"workers": 1}}
    with sandboxed(pools=pools) as host:
        count, why = host.get("/descriptors").body.decode().split()
        assert why == "EMFILE" and 30 < int(count) < 64
        assert host.status()["pools"][0]["max_files"] == 64
        assert "64" in re.search(r"Max open files .*", read_proc(
            host.pids("worker")[0], "limits")).group()
        host.change(routes={"GET /descriptors": {"pool": "side"}})
        host.reload()
        count, why = host.get("/descriptors").body.decode().split()
        assert int(count) > 500


# ------------------------------------------------------------- environment

def variables(host, *names):
    """What preload() saw of the first, and a worker and the front of all."""
    for route in "/variable", "/variable-sync":
        for name in names:
            yield host.get("%s?name=%s" % (route, name)).body.decode().split()


def test_environment():
    """Breaks when: a handler sees a variable that nobody named, or one that
    was named, or that the host sets, is gone."""
    names = "SECRET", "PGHOST", "PGPORT", "LC_TIME", "OMP_NUM_THREADS", "TZ"
    with sandboxed('set = { "early=SECRET" }', omp_threads=3, environment={
            "SECRET": "s", "PGHOST": "h", "PGPORT": "p", "LC_TIME": "C",
            "TZ": "UTC"}) as host:
        def seen():
            early, values = zip(*variables(host, *names))
            assert values[:len(names)] == values[len(names):]
            return early[0], list(values[:len(names)])

        assert seen() == ("none", ["none", "none", "none", "C", "3", "UTC"])
        for role in "zygote", "front", "worker":
            assert "SECRET" not in read_proc(
                host.pids(role)[0], "environ")
        host.write_config(**dict(host.written, options=dict(
            host.written["options"], environment=["PG*", "SECRET"])))
        host.reload()
        assert seen() == ("s", ["s", "h", "p", "none", "3", "none"])
        host.change(sandbox=False)
        host.reload()
        assert seen() == ("s", ["s", "h", "p", "C", "3", "UTC"])


# ------------------------------------------------------------------- files

def no_landlock():
    """For a process: its kernel, and its children's, knows no Landlock."""
    seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(0x7fff0000))
    number = seccomp.seccomp_syscall_resolve_name(b"landlock_create_ruleset")
    seccomp.seccomp_rule_add(context, 0x00050000 | errno.ENOSYS, number, 0)
    if seccomp.seccomp_load(context) != 0:
        raise OSError("no filter")


@functools.lru_cache(None)
def landlock():
    """The version of this kernel's."""
    with Host(handlers=["hello"]) as host:
        return host.status()["sandbox"]["landlock"]


@contextlib.contextmanager
def outside():
    """A folder that only its permissions protect: no scratch, no system."""
    for parent in "/var/lib", "/run", os.path.expanduser("~"):
        if os.access(parent, os.W_OK) and not parent.startswith("/tmp"):
            break
    folder = tempfile.mkdtemp(dir=parent, prefix="fh-")
    os.chmod(folder, 0o777)
    with open(os.path.join(folder, "data"), "w") as file:
        file.write("x" * 10)
    os.chmod(file.name, 0o666)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def did(host, deed, path, route="/file"):
    """"done", or the name of the errno."""
    reply = host.get("%s?do=%s&path=%s" % (route, deed, path))
    return (reply.body.decode().strip() if reply.status == 200
            else reply.problem(500)["detail"])


READS = ["read data", "list ."]
WRITES = ["write data", "truncate data", "make a", "unlink a", "dir b",
          "xdir b"]	# in this order


def tried(host, folder, deeds, route="/file"):
    return [did(host, deed, os.path.join(folder, name), route)
            for deed, name in map(str.split, deeds)]


@pytest.mark.skipif("not landlock()")
@pytest.mark.parametrize("route", ["/file", "/file-sync"])
def test_files(route):
    """Breaks when: a handler reaches a file that nobody named, or what every
    handler needs is refused, or the log does not say where to look."""
    with outside() as folder, sandboxed() as host:
        assert tried(host, folder, READS, route) == ["EACCES"] * 2
        # of what is not there another errno may come first
        assert tried(host, folder, WRITES[:3] + WRITES[4:5], route) == [
            "EACCES"] * 4
        assert os.listdir(folder) == ["data"]
        assert os.path.getsize(os.path.join(folder, "data")) == 10
        host.wait_log("see read_paths and write_paths")
        assert did(host, "write", "/etc/passwd", route) == "EACCES"
        for path in "/etc/passwd", "/proc/self/status", "/usr/bin/env":
            assert did(host, "read", path, route) == "done"
        assert did(host, "write", "/dev/null", route) == "done"
        shutil.copy(os.path.join(folder, "data"), host.folder)
        os.chmod(host.folder, 0o777)
        os.chmod(os.path.join(host.folder, "data"), 0o666)
        assert host.folder.startswith("/tmp/")
        assert set(tried(host, host.folder, READS + WRITES, route)) == {
            "done"}


@pytest.mark.skipif("not landlock()")
def test_paths_relaxed():
    """Breaks when: what the configuration names is refused, or reading lets a
    handler write, or a handler has the leave of another pool's."""
    with outside() as folder, sandboxed(
            'read_paths = { "%s" }' % folder) as host:
        assert tried(host, folder, READS) == ["done"] * 2
        assert tried(host, folder, WRITES[:3]) == ["EACCES"] * 3
        host.change(read_paths=[], write_paths=[folder], extra="")
        host.reload()
        for route in "/file", "/file-sync":
            assert set(tried(host, folder, READS + WRITES, route)) == {"done"}
        host.change(write_paths=[], pools={
            "default": {"workers": 1}, "other": {"workers": 1}}, routes={
                "GET /file": {"pool": "other"}},
            extra='handler "hello" { write_paths = { "%s" } }\n' % folder)
        host.reload()
        assert tried(host, folder, READS) == ["EACCES"] * 2


@pytest.mark.skipif("not landlock()")
def test_what_the_host_writes_itself():
    """Breaks when: the host can no longer spool bodies, or keep a request that
    crashed, because of what it takes from handlers."""
    with outside() as folder:
        os.chmod(folder, 0o711)
        state = os.path.join(folder, "state")
        with Host(handlers=["live_body", "live_crash"], crashes=True,
                  sandbox=True, state_dir=state, capture_crashed=True,
                  body_memory=0) as host:
            reply = host.post("/body", b"x" * 100000)
            assert b"length=100000\n" in reply.body
            assert b"fd=same\nmapped=1\n" in reply.body
            assert host.get("/crash?how=null").status == 500
            assert os.path.exists(reports(host)[0]["capture"])


@pytest.mark.skipif("not landlock()")
def test_a_hook_that_is_refused_a_file():
    """Breaks when: the reason of a refusal does not say that it may have been
    the sandbox."""
    with outside() as folder, sandboxed() as host:
        path = os.path.join(folder, "data")
        setting = 'handler "live_sandbox" {\nset = { "init=%s" }\n%s}\n'
        host.change(extra=setting % (path, ""))
        result = host.reload(code=None)
        assert result.code == 1
        assert "see read_paths" in str(result.document) + result.err, result
        host.change(extra=setting % (
            path, 'read_paths = { "%s" }\n' % path))
        host.reload()
        assert did(host, "read", path) == "done"


def test_status():
    """Breaks when: status or the log hides what the sandbox lets through."""
    with sandboxed('network = true\nread_paths = { "/nowhere" }',
                   write_paths=["/no/place"]) as host:
        host.wait_log('handler "live_sandbox" read_paths: /nowhere: No such '
                      "file")
        host.wait_log("warn write_paths: /no/place: No such file")
        shown = host.status()["sandbox"]
        assert shown["on"] is True and shown["write_paths"] == ["/no/place"]
        assert shown["handlers"] == [{
            "handler": "live_sandbox", "network": True, "processes": False,
            "syscalls": [], "read_paths": ["/nowhere"], "write_paths": []}]
        assert ("sandbox: live_sandbox may: network read_paths /nowhere"
                in host.command("status").stdout)
        assert ("handlers run as root" in host.log()) == (os.geteuid() == 0)
        done = host.command("check")
        assert done.returncode == 0
        assert "write_paths: /no/place: No such file" in done.stderr


def test_a_kernel_without_landlock():
    """Breaks when: a kernel that has no Landlock keeps the host from serving,
    takes the rest of the sandbox along, or is not spoken of."""
    with outside() as folder, sandboxed(preexec=no_landlock) as host:
        assert tried(host, folder, READS) == ["done"] * 2
        assert host.log().count("this kernel has no Landlock") == 1
        assert host.status()["sandbox"]["landlock"] == 0
        assert "without Landlock" in host.command("status").stdout
        assert host.get("/try?do=socket").status == 500
        check(reports(host)[0], "socket")
