"""An installation in a folder, used as if it lay in /."""

import fcntl
import os
import subprocess

from .host import BUILD

PREFIX = "usr/local"


def environment(**more):
    """Without what an outer make would have us inherit."""
    return {**{name: value for name, value in os.environ.items()
               if not name.startswith(("MAKE", "MFLAGS"))}, **more}


def install(root):
    """`make install` with DESTDIR; one at a time, for it may build."""
    with open(os.path.join(BUILD, "tests", "install.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["make", "-C", BUILD, "install",
                               "DESTDIR=%s" % root], capture_output=True,
                              text=True, env=environment())
    assert done.returncode == 0, done.stdout + done.stderr
    return root


def installed(root):
    """The environment in which pkg-config and PATH find it."""
    return environment(
        PKG_CONFIG_SYSROOT_DIR=str(root),
        PKG_CONFIG_PATH=str(root / PREFIX / "lib" / "pkgconfig"),
        PATH="%s:%s:/usr/sbin" % (root / PREFIX / "bin", os.environ["PATH"]))
