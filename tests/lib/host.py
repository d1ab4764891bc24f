"""A fcgi-host to start, look at and stop.

	with Host(handlers=["hello"], timeout="1s") as host:
		with host.connect() as conn:
			assert conn.get("/hello").status == 200

Keywords are configuration options; `pools`, `routes`, `models` and `settings`
make sections; `handlers` names .so files of the build.  Leaving the `with`
stops the host and asserts that nothing of it is left: exit code 0, no process,
no socket file, no spool file, no memfd, no sanitizer report.  Set FH_KEEP=1 to
keep the scratch folder.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from . import fcgi
from .fcgi import wait_until

BUILD = os.path.abspath(os.environ.get("FH_BUILD", "build"))
SOURCE = os.path.abspath(os.environ.get(
    "FH_SRC", os.path.join(os.path.dirname(__file__), "..", "..")))
BINARY = os.path.join(BUILD, "fcgi-host", "fcgi-host")
ROLES = ("supervisor", "zygote", "front", "worker", "loader")
READY = 30.0		# a sanitizer build on a busy machine
KEPT = re.compile(r"generations/(last|\d+/(handlers/[^/]+\.so|fcgi-host\.conf|"
                  r"manifest\.json))|crashes/(\d+\.json|\d+-\d+\.request)|"
                  r"jobs/(host-id|jobs\.sqlite(-wal|-shm)?)",
                  re.S)	# what a stop leaves in state_dir
REPORT = re.compile(r"((ERROR|WARNING|FATAL): \w*Sanitizer|runtime error:|"
                    r"SUMMARY: \w*Sanitizer)")


def sanitized():
    """Is the host built with AddressSanitizer or ThreadSanitizer?"""
    with open(BINARY, "rb") as file:
        return re.search(b"__[at]san_init", file.read()) is not None


def slack(plain):
    """How much memory may grow by; a sanitizer keeps some of its own."""
    return plain + (100 << 20 if sanitized() else 0)


def shared_object(name):
    """The file of a handler: an example's, or a fixture's of the tests."""
    for folder in ("handlers", "tests/fixtures"):
        file = os.path.join(BUILD, folder, name + ".so")
        if os.path.exists(file):
            return file
    raise AssertionError("%s.so is not built in %s" % (name, BUILD))


# ------------------------------------------------------------ /proc

def process_ids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def read_proc(pid, name):
    """A file of /proc/PID; "" when the process is gone."""
    try:
        with open("/proc/%s/%s" % (pid, name), errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def stat_of(pid):
    """state, parent, session; None when the process is gone."""
    text = read_proc(pid, "stat")
    if not text:
        return None
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[3])


def alive(pid):
    stat = stat_of(pid)
    return stat is not None and stat[0] not in "ZX"


def comm(pid):
    return read_proc(pid, "comm").strip()


def parent(pid):
    stat = stat_of(pid)
    return stat[1] if stat else None


def threads(pid):
    return len(os.listdir("/proc/%d/task" % pid))


def below(pid):
    """pid: role of all that a process has started; quicker than all of
    /proc."""
    out, todo = {}, [pid]
    while todo:
        one = todo.pop()
        for word in read_proc(one, "task/%d/children" % one).split():
            out[int(word)] = comm(word)[3:]
            todo.append(int(word))
    return out


def memory(pid, key):
    """"Pss", "Private_Dirty", ... of smaps_rollup, in bytes."""
    found = re.search(r"^%s:\s+(\d+) kB" % key,
                      read_proc(pid, "smaps_rollup"), re.M)
    return int(found.group(1)) << 10 if found else 0


def descriptors(pid):
    """Where each open descriptor of a process leads."""
    out = []
    try:
        for name in os.listdir("/proc/%d/fd" % pid):
            try:
                out.append(os.readlink("/proc/%d/fd/%s" % (pid, name)))
            except OSError:
                pass
    except OSError:
        pass
    return out


def cpu_time(pids):
    """Seconds of processor time, those of children that ended included."""
    total = 0
    for pid in pids:
        fields = read_proc(pid, "stat").rpartition(")")[2].split()
        total += sum(int(field) for field in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


def holders(inode):
    """Who has an open descriptor on, or a mapping of, a memfd: (pid, how)."""
    out = []
    for pid in process_ids():
        for line in read_proc(pid, "maps").splitlines():
            fields = line.split(None, 5)
            if fields[4:5] == [str(inode)] and "memfd:" in line:
                out.append((pid, line))
        try:
            for name in os.listdir("/proc/%d/fd" % pid):
                path = "/proc/%d/fd/%s" % (pid, name)
                try:
                    if (os.stat(path).st_ino == inode
                            and "memfd:" in os.readlink(path)):
                        out.append((pid, path))
                except OSError:
                    pass
        except OSError:
            pass
    return out


# ---------------------------------------------------------- the config

def text_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "{ %s }" % ", ".join(text_value(item) for item in value)
    if value == "auto":
        return value
    return '"%s"' % str(value).replace("\\", "\\\\").replace('"', '\\"')


def section(kind, title, options):
    lines = ["\t%s = %s" % item for item in (
        (name, text_value(value)) for name, value in options.items())]
    return '%s "%s" {\n%s\n}\n' % (kind, title, "\n".join(lines))


class Reload:
    """What `reload` or `rollback` said."""

    def __init__(self, done):
        self.code, self.out, self.err = (done.returncode, done.stdout,
                                         done.stderr)
        self.document = json.loads(done.stdout) if done.stdout else None

    def refused(self, file):
        """Why a file was refused; None if it was not."""
        for one in self.document["refused"]:
            if one["file"] == file:
                return one["reason"]
        return None

    def said(self, kind, text=""):
        """The changes of a kind that mention a text."""
        return [one["text"] for one in self.document["changes"]
                if one["kind"] == kind and text in one["text"]]

    def __repr__(self):
        return "Reload(%d, %r, %r)" % (self.code, self.out, self.err)


class Host:
    ready = False

    def __init__(self, handlers=("hello",), pools=None, routes=None,
                 models=None, settings=None, extra="", listen=None,
                 environment=None, crashes=False, exit_code=0, start=True,
                 wrapper=(), preexec=None, pass_fds=(), notify=True,
                 binary=None, expect_ready=True, **options):
        self.folder = tempfile.mkdtemp(prefix="fh-")
        os.chmod(self.folder, 0o755)
        self.socket = os.path.join(self.folder, "host.sock")
        self.control = os.path.join(self.folder, "control.sock")
        self.state = os.path.join(self.folder, "state")
        self.dropped = os.path.join(self.folder, "handlers")
        self.file = os.path.join(self.folder, "host.conf")
        self.listen = listen or "unix:" + self.socket
        self.binary = binary or BINARY
        self.wrapper, self.preexec = list(wrapper), preexec
        self.pass_fds, self.notify = pass_fds, notify
        self.environment = environment or {}
        self.crashes, self.exit_code = crashes, exit_code
        self.expect_ready = expect_ready
        self.process, self.notes, self.lines = None, [], []
        self.changed = threading.Condition(threading.RLock())
        os.mkdir(self.dropped)
        os.mkdir(self.state)
        for name in handlers:
            self.drop(name)
        self.write_config(options, pools or {}, routes or {}, models or {},
                          settings or {}, extra)
        if start:
            try:
                self.start()
            except BaseException:
                self.clean()
                raise

    # ------------------------------------------------------ making

    def drop(self, name):
        self.put(name + ".so", shared_object(name))

    def put(self, name, source, mode=0o644):
        """A file (its path, or bytes) into the handler directory at once."""
        path = os.path.join(self.folder, "to-be-dropped")
        if isinstance(source, bytes):
            self.write("to-be-dropped", source)
        else:
            shutil.copyfile(source, path)
        os.chmod(path, mode)
        os.rename(path, self.in_dropped(name))

    def in_dropped(self, name):
        return os.path.join(self.dropped, name)

    def remove(self, name):
        path = self.in_dropped(name)
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        else:
            os.unlink(path)

    def write_config(self, options, pools, routes, models, settings, extra):
        self.written = {
            "options": dict(options), "pools": dict(pools),
            "routes": dict(routes), "models": dict(models),
            "settings": dict(settings), "extra": extra}
        values = {
            "listen": self.listen, "control": self.control,
            "state_dir": self.state, "handlers": self.dropped,
            "log_level": "debug", "kill_grace": "300ms",
            "drain_timeout": "10s",
            # many tests end workers on purpose, and count the answers
            "breaker_failures": 0, "poison_kills": 0,
            "sync_warn": "0",	# a sanitizer build is slow
            "on_sync_fault": "keep",
        }
        values.update(options)
        pools = dict(pools)
        if "default" not in pools:
            pools["default"] = {"workers": 2}
        text = "".join("%s = %s\n" % (name, text_value(value))
                       for name, value in values.items()
                       if value is not None)
        for kind, sections in (("pool", pools), ("route", routes),
                               ("model", models)):
            for title, inside in sections.items():
                text += section(kind, title, inside)
        for title, inside in settings.items():
            text += section("handler", title, {
                "set": ["%s=%s" % item for item in inside.items()]})
        self.replace_config(text + extra)

    def replace_config(self, text):
        """Other text at once; the host may be reading."""
        with open(self.file + ".new", "w") as file:
            file.write(text)
        os.rename(self.file + ".new", self.file)

    def change(self, **keywords):
        """Options set, sections replaced (see Host()), the rest kept."""
        for kind in ("pools", "routes", "models", "settings", "extra"):
            if kind in keywords:
                self.written[kind] = keywords.pop(kind)
        self.written["options"].update(keywords)
        self.write_config(**self.written)

    def write(self, name, data):
        """A file in the scratch folder; its path."""
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        return path

    def env(self):
        env = {key: value for key, value in os.environ.items()
               if key not in ("LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET")}
        asan = ["log_path=" + os.path.join(self.folder, "asan"),
                "detect_leaks=1", "abort_on_error=0",
                "verify_asan_link_order=0",	# a test may preload
                "quarantine_size_mb=8"]	# tests measure memory
        if self.crashes:	# a handler's own SIGSEGV is no report
            asan += ["handle_segv=0", "handle_abort=0", "handle_sigbus=0",
                     "handle_sigfpe=0", "handle_sigill=0",
                     "allow_user_segv_handler=1"]
        env["ASAN_OPTIONS"] = ":".join(asan)
        env["UBSAN_OPTIONS"] = "print_stacktrace=1:log_path=" + os.path.join(
            self.folder, "ubsan")
        # a handler's exit() in a worker that leaves joins nobody
        env["TSAN_OPTIONS"] = ("exitcode=0:report_thread_leaks=0:log_path=" +
                               os.path.join(self.folder, "tsan"))
        if self.notify:
            env["NOTIFY_SOCKET"] = os.path.join(self.folder, "notify.sock")
        env.update(self.environment)
        return env

    # ---------------------------------------------------- starting

    def start(self, wait=None):
        notify = os.path.join(self.folder, "notify.sock")
        if os.path.exists(notify):
            os.unlink(notify)
            self.close_notes()
        self.notify_sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify_sock.bind(notify)
        os.chmod(notify, 0o777)
        self.notes, self.lines = [], []
        self.process = subprocess.Popen(
            self.wrapper + [self.binary, "run", "-c", self.file],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=self.env(), cwd="/",
            start_new_session=True, preexec_fn=self.preexec,
            pass_fds=self.pass_fds)
        self.pid = self.process.pid
        self.seen = {self.pid}
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        threading.Thread(target=self.read_notes, daemon=True, args=(
            self.notify_sock, self.notes)).start()
        if wait is None:
            wait = self.expect_ready
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.kill()
                raise
        return self

    def read_log(self):
        with open(os.path.join(self.folder, "log"), "ab") as copy:
            for line in iter(lambda: self.process.stdout.readline(1 << 20),
                             b""):
                copy.write(line)
                copy.flush()
                with self.changed:
                    self.lines.append(line.decode(errors="replace")
                                      .rstrip("\n"))
                    self.changed.notify_all()
        with self.changed:
            self.changed.notify_all()

    def close_notes(self):
        """Ends read_notes() too."""
        try:
            self.notify_sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.notify_sock.close()

    def read_notes(self, sock, notes):
        """Reads as long as the host runs: a full socket would stop it."""
        while True:
            try:
                data = sock.recv(4096).decode()
            except OSError:
                return
            if not data:
                return
            with self.changed:
                notes += data.splitlines()
                self.changed.notify_all()

    def wait_note(self, text, seconds=READY):
        """A line sent to NOTIFY_SOCKET that starts with `text`."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                for note in self.notes:
                    if note.startswith(text):
                        return note
                left = deadline - time.monotonic()
                ended = self.process.poll() is not None
                assert left > 0 and not ended, "no %s in %s%s; log:\n%s" % (
                    text, self.notes, ", exit code %s" %
                    self.process.returncode if ended else "", self.log())
                self.changed.wait(min(left, 0.2))

    def wait_ready(self, seconds=READY):
        if self.notify:
            self.wait_note("READY=1", seconds)
        else:
            wait_until(self.can_connect, seconds, "the listening socket")

    def can_connect(self):
        try:
            fcgi.Conn(self.address).close()
            return True
        except OSError:
            return False

    # ----------------------------------------------------- talking

    @property
    def address(self):
        kind, _, rest = self.listen.partition(":")
        if kind == "unix":
            return rest
        name, _, port = rest.rpartition(":")
        return name, int(port)

    def connect(self, timeout=fcgi.TIMEOUT):
        return fcgi.Conn(self.address, timeout)

    def ask(self, method, target, body=b"", **keywords):
        """One request on a connection of its own."""
        timeout = keywords.pop("timeout", fcgi.TIMEOUT)
        with self.connect(timeout) as conn:
            return conn.ask(method, target, body, **keywords)

    def get(self, target, **keywords):
        return self.ask("GET", target, **keywords)

    def post(self, target, body=b"", **keywords):
        return self.ask("POST", target, body, **keywords)

    def command(self, *arguments, **keywords):
        """Runs another subcommand with this host's configuration."""
        name, *rest = arguments
        return subprocess.run(
            [self.binary, name, "-c", self.file, *rest], env=self.env(),
            capture_output=True, text=True, timeout=60, **keywords)

    def status(self):
        done = self.command("status", "--json")
        assert done.returncode == 0, (done.stdout, done.stderr)
        return json.loads(done.stdout)

    # -------------------------------------------------- generations

    def reload(self, command="reload", *arguments, code=0):
        """`reload --json`, or `rollback`: what it said."""
        done = Reload(self.command(command, "--json", *arguments))
        assert code is None or done.code == code, done
        return done

    def rollback(self, *arguments, code=0):
        return self.reload("rollback", *map(str, arguments), code=code)

    def generations(self):
        """number: what is known of it, of every generation that is kept."""
        done = self.command("generations", "--json")
        assert done.returncode == 0, (done.stdout, done.stderr)
        return {one["number"]: one
                for one in json.loads(done.stdout)["generations"]}

    def number(self):
        """Of the generation that serves."""
        return self.status()["generation"]["number"]

    def files(self):
        return {one["file"]: one for one in self.status()["files"]}

    def wait_file(self, name, state, seconds=fcgi.TIMEOUT, **wanted):
        """Until `status` says so of a file; None: until it is not there."""
        seen = []

        def so():
            found = self.files().get(name)
            seen.append(found)
            if found is None or state is None:
                return (found is None) == (state is None)
            return found["state"] == state and all(
                found[key] == value for key, value in wanted.items())
        try:
            wait_until(so, seconds, every=0.02)
        except AssertionError:
            raise AssertionError("%s is not %s %s but %s" % (
                name, state, wanted, seen[-1])) from None
        return seen[-1]

    def wait_settled(self, seconds=fcgi.TIMEOUT):
        """Until no reload runs and no old generation is left."""
        def settled():
            status = self.status()
            return (status["reloads"]["running"] is None
                    and len(status["generations"]) == 1 and status)
        return wait_until(settled, seconds, "one generation", 0.02)

    # ----------------------------------------------------- looking

    def log(self):
        with self.changed:
            return "\n".join(self.lines)

    def wait_log(self, pattern, seconds=fcgi.TIMEOUT, count=1):
        """The first line that matches, once `count` have come."""
        expression = re.compile(pattern)
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                found = [line for line in self.lines
                         if expression.search(line)]
                if len(found) >= count:
                    return found[0]
                left = deadline - time.monotonic()
                assert left > 0, "no %r (%d of %d) in the log:\n%s" % (
                    pattern, len(found), count, "\n".join(self.lines))
                self.changed.wait(left)

    def processes(self):
        """pid: role of everything this host runs now."""
        out = {}
        for pid in process_ids():
            stat = stat_of(pid)
            if stat is None or stat[0] in "ZX":
                continue
            if stat[2] == self.pid or pid == self.pid or pid in self.seen:
                name = comm(pid)
                out[pid] = name[3:] if name.startswith("fh-") else name
        self.seen.update(out)
        return out

    def pids(self, role):
        return sorted(pid for pid, name in self.processes().items()
                      if name == role)

    def pid_of(self, role):
        """The one process of that role.  A copy has its name until it takes its
        own."""
        def only():
            found = self.pids(role)
            return found[0] if len(found) == 1 else None
        return wait_until(only, what="a single " + role)

    def kill_process(self, pid, signal_=signal.SIGKILL):
        """Unless it has gone by itself."""
        try:
            os.kill(pid, signal_)
        except ProcessLookupError:
            pass

    def kill_role(self, role, signal_=signal.SIGKILL):
        pid = self.pid_of(role)
        os.kill(pid, signal_)
        return pid

    def wait_replaced(self, role, old, count=1):
        """Until `count` processes of the role run and `old` is not one."""
        def settled():
            found = self.pids(role)
            return len(found) == count and old not in found and found
        return wait_until(settled, what="%s instead of %d" % (role, old))

    def pss(self, *keys):
        """The sum over all processes."""
        return sum(memory(pid, key) for pid in self.processes()
                   for key in (keys or ("Pss",)))

    def files_in_state(self):
        return [os.path.join(folder, name)
                for folder, _, names in os.walk(self.state)
                for name in names]

    def kept_folders(self):
        """The names of the folders of kept generations."""
        folder = os.path.join(self.state, "generations")
        if not os.path.isdir(folder):
            return []
        return [name for name in os.listdir(folder)
                if os.path.isdir(os.path.join(folder, name))]

    def reports(self):
        """What a sanitizer said."""
        out = [line for line in self.lines if REPORT.search(line)]
        for name in sorted(os.listdir(self.folder)):
            if name.startswith(("asan.", "tsan.", "ubsan.")):
                with open(os.path.join(self.folder, name),
                          errors="replace") as file:
                    out.append(file.read())
        return out

    # ---------------------------------------------------- stopping

    def send_signal(self, number):
        os.kill(self.pid, number)

    def wait_exit(self, seconds=20.0):
        code = self.process.wait(seconds)
        self.reader.join(5)
        return code

    def wait_gone(self, seconds=fcgi.TIMEOUT):
        """Until no process of this host is left."""
        wait_until(lambda: not self.processes(), seconds,
                   "the end of %s" % self.processes())

    def stop(self, signal_=signal.SIGTERM, seconds=20.0):
        """Stops in order and asserts that nothing is left."""
        self.processes()
        if self.process.poll() is None:
            self.send_signal(signal_)
        code = self.wait_exit(seconds)
        assert code == self.exit_code, "exit code %d:\n%s" % (code,
                                                              self.log())
        self.check_clean()

    def check_clean(self):
        self.wait_gone(2)
        reports = self.reports()
        assert not reports, "\n".join(reports)
        for path in (self.socket, self.control):
            assert not os.path.exists(path), "left behind: " + path
        left = [path for path in self.files_in_state() if not KEPT.fullmatch(
            os.path.relpath(path, self.state))]
        assert not left, "left behind: %s" % left
        for name in self.kept_folders():
            for file in ("manifest.json", "fcgi-host.conf"):
                path = os.path.join(self.state, "generations", name, file)
                assert os.path.exists(path), "incomplete: " + path
        left = [name for name in os.listdir("/dev/shm")
                if re.search(r"fh|fcgi", name)]
        assert not left, "left in /dev/shm: %s" % left

    def kill(self):
        """Ends everything at once, whatever state it is in."""
        if self.process is None:
            return
        for pid in self.processes():
            self.kill_process(pid)
        self.process.wait(10)
        self.reader.join(5)

    def clean(self):
        if self.process is not None:
            self.process.stdout.close()
            self.close_notes()
        if os.environ.get("FH_KEEP"):
            print("scratch folder kept: " + self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None and self.process is not None:
                self.stop()
        except BaseException:
            print("---- log of the host\n" + self.log()[-20000:])
            raise
        finally:
            if kind is not None:
                print("---- log of the host\n" + self.log()[-20000:])
            self.kill()
            self.clean()
