"""Small handlers, compiled from C text: good ones, and bad ones on purpose.

	file = handler("vary", version="2")	# the path of a finished .so
	host.put("vary.so", file)

Every handler made here replies with one line of words,

	VERSION PRELOADED INITIALIZED PID

where the first three are the version its code, its preload() and its
worker_init() had: they differ only if an answer was put together from two
versions.  A file is compiled once for each text and set of flags.
"""

import atexit
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from .host import SOURCE

COMPILER = os.environ.get("CC", "cc").split()
INCLUDE = os.path.join(SOURCE, "fcgi-host", "include")
MACHINE = 18		# e_machine in the header of an ELF file
FOREIGN = 243		# EM_RISCV

TEXT = r"""
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcgi-host/handler.h>

static const char version[] = "@VERSION@";
static const char *preloaded = "none";

@TOP@

static int
preload(struct fh_host *host)
{
	(void)host;
	preloaded = version;
	@PRELOAD@
	return 0;
}

static int
worker_init(struct fh_worker *worker)
{
	fh_worker_set_data(worker, (void *)version);
	@WORKER_INIT@
	return 0;
}

static int
self_test(struct fh_worker *worker)
{
	(void)worker;
	@SELF_TEST@
	return 0;
}

static int
serve(struct fh_request *rq)
{
	const char *initialized = fh_worker_data(fh_worker(rq));

	@SERVE@
	return fh_printf(rq, "%s %s %s %d\n", version, preloaded,
	    initialized != NULL ? initialized : "none", (int)getpid());
}

@DESCRIPTOR@
"""

DESCRIPTOR = r"""
FH_HANDLER(.name = "@NAME@", .version = "@VERSION@", .preload = preload,
	.worker_init = worker_init, .self_test = self_test,
	.models = @MODELS@, .routes = FH_ROUTES(
	{ "GET", "@ROUTE@", .serve = serve },
	{ "GET", "@ROUTE@-async", .serve = serve, .async = true }@ROUTES@)@MORE@);
"""

NO_DESCRIPTOR = r"""
int (*fh_not_a_handler[])(struct fh_request *) = { serve };
int (*fh_not_a_hook[])(struct fh_worker *) = { worker_init, self_test };
int (*fh_not_a_preload[])(struct fh_host *) = { preload };
"""

folder = None


def scratch():
    """A folder that goes with the process."""
    global folder
    if folder is None:
        folder = tempfile.mkdtemp(prefix="fh-built-")
        atexit.register(shutil.rmtree, folder, True)
    return folder


def keep(data, suffix=".so"):
    """The path of a file with these bytes, as an installer would leave it."""
    name = hashlib.sha256(data).hexdigest()[:32] + suffix
    path = os.path.join(scratch(), name)
    if not os.path.exists(path):
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)
    return path


def shared(text, *flags):
    """C text compiled to a shared object; its path."""
    key = hashlib.sha256(repr((text, flags, COMPILER)).encode()).hexdigest()
    path = os.path.join(scratch(), key[:32] + ".so")
    if not os.path.exists(path):
        done = subprocess.run(
            [*COMPILER, "-shared", "-fPIC", "-O1", "-w", "-pthread",
             "-I", INCLUDE, "-Wl,--build-id", "-x", "c", "-", "-o", path,
             *flags], input=text, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr + text
        os.chmod(path, 0o644)
    return path


def handler(name, version="1", route=None, routes="", top="", preload="",
            worker_init="", self_test="", serve="", models="NULL", more="",
            descriptor=True, flags=()):
    """A handler; the C in `preload` and its kin runs in that hook.

    `routes` are more entries, each after a comma; `more` replaces members
    of the descriptor.
    """
    text = TEXT.replace("@DESCRIPTOR@",
                        DESCRIPTOR if descriptor else NO_DESCRIPTOR)
    for key, value in (
            ("TOP", top), ("PRELOAD", preload), ("WORKER_INIT", worker_init),
            ("SELF_TEST", self_test), ("SERVE", serve), ("ROUTES", routes),
            ("MODELS", models), ("MORE", more), ("NAME", name),
            ("VERSION", version), ("ROUTE", route or "/" + name)):
        text = text.replace("@%s@" % key, value)
    return shared(text, *flags)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def patched(path, at, data):
    """A copy with other bytes at an offset."""
    old = read(path)
    return keep(old[:at] + data + old[at + len(data):])


def renamed(path, *pairs):
    """A copy with texts in it replaced by others of the same length."""
    data = read(path)
    for old, new in pairs:
        assert len(old) == len(new), (old, new)
        assert old.encode() in data, old
        data = data.replace(old.encode(), new.encode())
    return keep(data)


def foreign(path):
    """The same file as if it were made for another machine."""
    return patched(path, MACHINE, FOREIGN.to_bytes(2, "little"))


def build_id(path):
    """As readelf prints it."""
    done = subprocess.run(["readelf", "-n", path], text=True,
                          capture_output=True)
    return re.search(r"Build ID: ([0-9a-f]+)", done.stdout).group(1)


def sha256(path):
    return hashlib.sha256(read(path)).hexdigest()


def whole(reply):
    """The version of a reply that was made by one version only."""
    assert reply.status == 200, reply
    found = reply.text.split()
    assert len(found) == 4, reply
    assert found[0] == found[1] == found[2], "of two versions: %r" % reply
    return found[0]
