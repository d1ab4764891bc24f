"""What the figures are measured on: the host and the yardstick, side by side
behind one nginx with the shipped configuration."""

import os
import re
import shutil
import subprocess
import tempfile

from lib import host as lib_host
from lib.fcgi import wait_until
from lib.host import Host
from lib.nginx import Nginx, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O2"]


class OneGroup:
    """Where the kernel shares the processors by session (autogroup), the host
    with its workers would get no more than wrk alone.  Services of a server do
    not run like that, so all go into one cgroup, if we may make one."""

    PLACES = ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup")

    def __init__(self):
        self.folder = None
        self.note = ""

    def __enter__(self):
        if not autogroup():
            return self
        for place in self.PLACES:
            folder = os.path.join(place, "fcgi-host-bench-%d" % os.getpid())
            try:
                os.mkdir(folder)
            except OSError:
                continue
            if os.path.exists(os.path.join(folder, "cpu.weight")) or \
                    os.path.exists(os.path.join(folder, "cpu.shares")):
                self.folder = folder
                join_group(folder)
                return self
            os.rmdir(folder)
        self.note = ("The kernel shares the processors by session here "
                     "(sched_autogroup_enabled): async looks slower.")
        return self

    def __exit__(self, *_):
        if self.folder:
            join_group(os.path.dirname(self.folder))
            wait_until(self.remove, what="the end of " + self.folder)

    def remove(self):
        try:
            os.rmdir(self.folder)
            return True
        except OSError:		# somebody is still dying in there
            return False


def autogroup():
    try:
        with open("/proc/sys/kernel/sched_autogroup_enabled") as file:
            return file.read().strip() == "1"
    except OSError:
        return False


def join_group(folder):
    with open(os.path.join(folder, "cgroup.procs"), "w") as file:
        file.write(str(os.getpid()))


def bench_host(**options):
    """A host as people run it: the tests' one logs every detail."""
    options.setdefault("log_level", "info")
    options.setdefault("handlers", ["hello"])
    return Host(**options)


def built_program(name):
    """The build's, or None."""
    built = os.path.join(lib_host.BUILD, "tests", "bench", name)
    return built if os.access(built, os.X_OK) else None


def canned_program(folder):
    """The build's, or one made now."""
    built = built_program("canned")
    if built:
        return built
    made = os.path.join(folder, "canned")
    subprocess.run([os.environ.get("CC", "cc"), *FLAGS, "-o", made,
                    os.path.join(HERE, "canned.c")], check=True)
    return made


class Canned:
    """The yardstick, answering with what the host answered for `path`."""

    def __init__(self, stdout):
        self.folder = tempfile.mkdtemp(prefix="fh-canned-")
        self.socket = os.path.join(self.folder, "canned.sock")
        reply = os.path.join(self.folder, "reply")
        with open(reply, "wb") as file:
            file.write(stdout)
        # A session of its own, as the host has (see OneGroup).
        self.process = subprocess.Popen(
            [canned_program(self.folder), self.socket, reply],
            start_new_session=True)
        self.pid = self.process.pid
        wait_until(lambda: os.path.exists(self.socket), what="canned")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Web(Nginx):
    """nginx as shipped, but with one worker process and without an access
    log: both would only make what is compared a smaller part of the whole."""

    def __init__(self, host, canned=None):
        super().__init__(host, start=False)
        self.change("nginx.conf", r"worker_processes \S+;",
                    "worker_processes 1;")
        self.change("nginx.conf", r"access_log [^;]*;", "access_log off;")
        if canned:
            self.canned_port = free_port()
            self.add_canned(canned)
        self.start()

    def errors(self):
        """A benchmark's faults come by the thousand."""
        return super().errors()[-5:]

    def change(self, name, pattern, text, to=None):
        with open(os.path.join(self.conf, name)) as file:
            before = file.read()
        after, count = re.subn(pattern, lambda _: text, before)
        assert count, "%s has no %s" % (name, pattern)
        with open(os.path.join(self.conf, to or name), "w") as file:
            file.write(after)

    def add_canned(self, canned):
        """A second server, the same in all but where it leads."""
        self.change("fcgi-host-upstream.conf", "upstream fcgi_host",
                    "upstream canned", "canned-upstream.conf")
        self.change("canned-upstream.conf", "fcgi-host-server",
                    "canned-server")
        self.change("fcgi-host-server.conf", r"(?m)^server .*$",
                    'server "unix:%s" max_fails=0;' % canned.socket,
                    "canned-server.conf")
        self.change("fcgi-host-pass.conf", "fastcgi_pass fcgi_host",
                    "fastcgi_pass canned", "canned-pass.conf")
        self.change("fcgi-host-location.conf", "include fcgi-host-pass",
                    "include canned-pass", "canned-location.conf")
        self.change("nginx.conf", r"\n}\s*$", """
	include canned-upstream.conf;
	server {
		listen 127.0.0.1:%d backlog=4096;
		include canned-location.conf;
	}
}
""" % self.canned_port)


def threads_of(host):
    return sum(lib_host.threads(pid) for pid in host.processes())


class ModelFile:
    """The model to measure with: the given file, or one made of noise."""

    def __init__(self, given, size):
        self.folder = None
        self.path = given
        if given is None:
            self.folder = tempfile.mkdtemp(prefix="fh-model-")
            self.path = os.path.join(self.folder, "model.bin")
            with open(self.path, "wb") as file:
                for _ in range(size >> 20):
                    file.write(os.urandom(1 << 20))
        self.path = os.path.abspath(self.path)
        self.size = os.path.getsize(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
