"""A crowd before a full pool, and what others have of it.

	with full_pool(host, gate):
		found = flood(host, gate.path(), "/hello", connections=5000)

See tests/load/flood.c for what `found` has.
"""

import contextlib
import json
import os
import subprocess

from . import fcgi
from .fcgi import wait_until
from .host import BUILD

PROGRAM = os.path.join(BUILD, "tests", "load", "flood")
LETTERS = {"connections": "-c", "rate": "-r", "probes": "-p",
           "window": "-w", "rounds": "-n"}


@contextlib.contextmanager
def full_pool(host, gate):
    """All workers of the only pool are held, and its queue is full."""
    pool = host.status()["pools"][0]
    count = pool["workers"] * pool["threads"] + pool["queue_limit"]
    conns = [host.connect(60) for _ in range(count)]
    for conn in conns:
        conn.send(fcgi.request("GET", gate.path()))
    wait_until(lambda: host.status()["pools"][0]["queued"] ==
               pool["queue_limit"], what="a full queue")
    yield
    for _ in conns:
        gate.accept().tell("go")
    for conn in conns:
        assert conn.read_reply().status == 200
        conn.close()


def first_attention(pid):
    """Other load on this machine is not what is measured, if we may say so."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(10))


def flood(host, crowd, probe, **options):
    """The crowd asks for one target, the prober for the other."""
    first_attention(host.pid_of("front"))
    files = [host.write(name, fcgi.request("GET", target)) for name, target
             in (("crowd", crowd), ("probe", probe))]
    flags = [text for name, value in options.items()
             for text in (LETTERS[name], str(value))]
    done = subprocess.run([PROGRAM, *flags, host.socket, *files],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
