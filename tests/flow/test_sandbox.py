"""What code of a handler may ask the kernel for, and how it learns."""

import json
import os
import re

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, read_proc

REFUSED = {	# what it does: the system call, what would allow it
    "socket": ("socket", "network = true"),
    "fork": ("clone", "processes = true"),
    "exec": (None, "processes = true"),	# system() blocks all signals
    "kill": ("kill", "processes = true"),
    "ptrace": ("ptrace", "no handler"),
    "setuid": ("setuid", "no handler"),
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
        assert "see network" in str(result.document) + result.err, result
        assert host.get("/try?do=thread").status == 200
        host.change(extra='handler "live_sandbox" {\n'
                    'set = { "init=socket" }\nnetwork = true\n}\n')
        host.reload()
        assert host.get("/try?do=socket").body == b"done\n"
