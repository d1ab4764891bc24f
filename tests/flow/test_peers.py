"""Who may connect: allow_users on the Unix socket, allow_addresses on TCP."""

import json
import os
import socket
import subprocess
import sys

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host

STRANGER = 54321	# a uid that nobody has

ASK = """
import json, os, sys
sys.path.insert(0, %r)
from lib import fcgi
os.setgid(%d)
os.setuid(%d)
out = []
for _ in range(%d):
    try:
        with fcgi.Conn(%r, 10) as conn:
            out.append(conn.get("/hello").status)
    except (fcgi.Closed, BrokenPipeError, ConnectionResetError):
        out.append(None)
print(json.dumps(out))
"""


def ask_as(uid, host, count=1):
    """The status of `count` requests by that user; None: closed at once."""
    tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    done = subprocess.run(
        [sys.executable, "-c", ASK % (tests, uid, uid, count, host.address)],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(host):
    return host.status()["front"]["refused_peers"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users")


@as_root
def test_only_the_users_that_are_named():
    """Breaks when: a user who is not in allow_users is served, or one who is
    in it is not; when each one refused is a line in the log, or none is."""
    with Host(listen_mode="0666", allow_users=["root", "33"]) as host:
        assert ask_as(33, host) == [200]
        assert ask_as(STRANGER, host, 30) == [None] * 30
        assert host.get("/hello").status == 200
        assert refused(host) == 30
        lines = [line for line in host.log().split("\n")
                 if "connection refused" in line]
        assert len(lines) == 1
        assert "uid %d " % STRANGER in lines[0]
        assert 'add "%d" to allow_users' % STRANGER in lines[0]


@as_root
def test_without_a_list_the_mode_decides():
    """Breaks when: the default shuts somebody out."""
    with Host(listen_mode="0666") as host:
        assert ask_as(STRANGER, host) == [200]
        assert refused(host) == 0


@as_root
def test_a_reload_takes_another_list():
    """Breaks when: a list belongs to the first start and not to its
    generation, or a change of it is not said."""
    with Host(listen_mode="0666", allow_users=["root"]) as host:
        assert ask_as(STRANGER, host) == [None]
        host.change(allow_users=["root", str(STRANGER)])
        done = host.reload()
        assert done.said("config", "allow_users") or "allow_users" in done.out
        assert ask_as(STRANGER, host) == [200]
        host.wait_settled()
        assert refused(host) == 1, "counters go on"


@as_root
def test_a_refused_user_takes_no_place():
    """Breaks when: for one who may not connect an idle connection is closed,
    or it counts as one that was accepted."""
    with Host(listen_mode="0666", allow_users=["root"],
              connections=2) as host:
        with host.connect() as one, host.connect() as two:
            assert one.get("/hello").status == 200
            assert two.get("/hello").status == 200
            accepted = host.status()["front"]["accepted"]
            assert ask_as(STRANGER, host, 10) == [None] * 10
            assert one.get("/hello").status == 200
            assert two.get("/hello").status == 200
            assert host.status()["front"]["accepted"] == accepted


def test_an_unknown_user_is_a_fault():
    """Breaks when: a name that nobody has is only found out later."""
    with Host(allow_users=["root"]) as host:
        host.change(allow_users=["root", "no-such-user"])
        done = host.command("check")
        assert done.returncode != 0
        assert "no-such-user" in done.stdout + done.stderr


def test_tcp_lets_in_what_the_list_names():
    """Breaks when: allow_addresses is ignored, or is not reloaded."""
    with Host(listen="tcp:127.0.0.1:%d" % free_port(),
              allow_addresses=["192.0.2.0/24"], notify=True) as host:
        with host.connect() as conn:
            try:
                conn.send(fcgi.request("GET", "/hello"))
            except (BrokenPipeError, ConnectionResetError):
                pass
            conn.expect_closed()
        wait_until(lambda: refused(host) == 1)
        assert 'add "127.0.0.1" to allow_addresses' in host.wait_log(
            "connection refused")
        host.change(allow_addresses=["192.0.2.0/24", "127.0.0.0/8"])
        host.reload()
        assert host.get("/hello").status == 200


def test_a_port_for_others_that_only_lets_this_machine_in():
    """Breaks when: nobody says that the web server cannot get in."""
    with Host(listen="tcp:0.0.0.0:%d" % free_port()) as host:
        assert "allow_addresses" in host.wait_log("not on a loopback")
        assert fcgi.Conn(("127.0.0.1", host.address[1])).get(
            "/hello").status == 200


def test_no_such_warning_where_others_may_come():
    """Breaks when: the warning is given whatever the list says."""
    with Host(listen="tcp:0.0.0.0:%d" % free_port(),
              allow_addresses=["127.0.0.1", "10.0.0.0/8"]) as host:
        assert host.get("/hello").status == 200
        assert "not on a loopback" not in host.log()
