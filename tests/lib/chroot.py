"""A Debian of its own in a folder, with systemd as its first process.

	debian = Debian(folder)		# bootstraps, beside what else is done
	debian.boot()
	debian.run("apt-get", "install", "-y", "/a.deb")
	debian.path("/run/a.sock")
	debian.close()

It shares the network and the clock of this machine.  Its processes, mounts and
control groups are in namespaces of their own and go with them.  Without root,
mmdebstrap or a mirror the test is skipped.
"""

import os
import shutil
import signal
import subprocess

import pytest

from .fcgi import wait_until

# systemd wants the root to be a mount of its own, and /sys, /proc, /dev, /run.
BOOT = """set -e
mount --make-rprivate /
mount --bind "$0" "$0"
cd "$0"
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do
	: >dev/$name
	mount --bind /dev/$name dev/$name
done
ln -s /proc/self/fd dev/fd
mkdir dev/shm dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t devpts -o ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mkdir -p old
pivot_root . old
umount -l /old
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test \
	/lib/systemd/systemd --system --show-status=no
"""
# What has no use in there, and takes time.
MASKED = ("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
          "e2scrub_all.timer", "fstrim.timer", "getty.target",
          "console-getty.service", "systemd-networkd.service",
          "systemd-networkd-wait-online.service", "systemd-timesyncd.service",
          "systemd-logind.service", "systemd-udevd.service",
          "systemd-udev-trigger.service", "systemd-resolved.service")
NEEDED = ("mmdebstrap", "unshare", "nsenter", "pivot_root")


def cgroup2():
    """Where the unified hierarchy is mounted, or None."""
    with open("/proc/self/mounts") as file:
        for line in file:
            if line.split()[2] == "cgroup2":
                return line.split()[1]
    return None


class Debian:
    def __init__(self, folder, packages=()):
        search = os.environ["PATH"] + ":/usr/sbin:/sbin"
        for program in NEEDED:
            if shutil.which(program, path=search) is None:
                pytest.skip("%s is not installed" % program)
        if os.getuid() != 0:
            pytest.skip("only root can start a system")
        if cgroup2() is None:
            pytest.skip("no cgroup2 is mounted")
        self.folder = str(folder)
        self.group = os.path.join(cgroup2(), "fcgi-host-test-%d" % os.getpid())
        self.systemd = None
        self.log = open(self.folder + ".log", "w+")
        self.environment = {**os.environ, "PATH": search}
        self.bootstrap = subprocess.Popen(
            ["mmdebstrap", "--mode=root", "--variant=apt",
             "--include=%s" % ",".join(("systemd", *packages)),
             "--skip=cleanup/apt", "--dpkgopt=force-unsafe-io",
             "--dpkgopt=path-exclude=/usr/share/doc/*",
             "--dpkgopt=path-include=/usr/share/doc/fcgi-host*",
             "bookworm", self.folder], env=self.environment, stdin=
            subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def await_bootstrap(self):
        if self.bootstrap.wait() != 0:
            said = self.said()
            if "Could not resolve" in said or "Failed to fetch" in said:
                pytest.skip("no Debian mirror answers")
            pytest.fail(said)
        shutil.copy("/etc/resolv.conf", self.folder + "/etc/resolv.conf")
        for unit in MASKED:
            os.symlink("/dev/null",
                       "%s/etc/systemd/system/%s" % (self.folder, unit))

    def boot(self):
        self.await_bootstrap()
        os.mkdir(self.group)

        def enter():
            with open(self.group + "/cgroup.procs", "w") as file:
                file.write(str(os.getpid()))
        self.starter = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts",
             "--ipc", "--cgroup", "sh", "-c", BOOT, self.folder],
            preexec_fn=enter, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=subprocess.STDOUT)
        wait_until(self.is_up, 40, "systemd is up")

    def is_up(self):
        assert self.starter.poll() is None, self.said()
        path = "/proc/%d/task/%d/children" % (self.starter.pid,
                                              self.starter.pid)
        with open(path) as file:
            children = file.read().split()
        if not children:
            return False
        self.systemd = int(children[0])
        return self.ask("systemctl", "is-system-running").stdout.strip() in (
            "running", "degraded")

    def ask(self, *command, **more):
        """One that may fail."""
        return subprocess.run(
            ["nsenter", "--target", str(self.systemd), "--all", "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
             "DEBIAN_FRONTEND=noninteractive", *command], text=True,
            stdin=subprocess.DEVNULL, capture_output=True,
            env=self.environment, **more)

    def run(self, *command):
        done = self.ask(*command)
        assert done.returncode == 0, "%s\n%s%s" % (
            " ".join(command), done.stdout, done.stderr)
        return done.stdout

    def path(self, name):
        """What has that name in there, for us."""
        return "/proc/%d/root%s" % (self.systemd, name)

    def close(self):
        if self.bootstrap.poll() is None:
            self.bootstrap.terminate()
            self.bootstrap.wait()
        if self.systemd is not None:
            os.kill(self.systemd, signal.SIGKILL)	# and all in there
            self.starter.wait(30)
        if os.path.isdir(self.group):
            wait_until(self.remove_group, 30, "its control groups are gone")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.log.close()

    def remove_group(self):
        for folder, _, _ in os.walk(self.group, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                return False
        return True
