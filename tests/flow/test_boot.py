"""Start, readiness, sockets, signals and the end."""

import grp
import os
import pwd
import signal
import socket
import stat
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, read_proc
from lib.nginx import free_port

ROOT = os.geteuid() == 0


def test_ready_means_serving():
    """Breaks when: READY=1 is sent before a request can be answered."""
    with Host() as host:
        assert "READY=1" in host.notes
        assert host.get("/hello").status == 200


def test_plain_start_without_notify_socket():
    """Breaks when: the host needs systemd to come up."""
    with Host(notify=False) as host:
        assert host.get("/hello").status == 200


def test_every_role_runs_under_its_name():
    """Breaks when: a process of the design is missing or unnamed."""
    with Host(pools={"default": {"workers": 3}}) as host:
        assert host.get("/hello").status == 200
        roles = sorted(host.processes().values())
        assert roles == ["front", "supervisor", "worker", "worker", "worker",
                         "zygote"]


def test_tcp():
    """Breaks when: listen = "tcp:..." does not listen there."""
    with Host(listen="tcp:127.0.0.1:%d" % free_port()) as host:
        assert host.get("/hello").status == 200


ACTIVATED = 'export LISTEN_FDS=1 LISTEN_PID=%s; exec "$@" 3<&%d %d<&-'


def activated(sock, pid="$$"):
    number = sock.fileno()
    return {"wrapper": ["bash", "-c", ACTIVATED % (pid, number, number),
                        "bash"], "pass_fds": (number,)}


def test_socket_activation():
    """Breaks when: LISTEN_FDS is ignored, or its socket file is removed."""
    with Host(start=False) as host:
        given = os.path.join(host.folder, "given.sock")
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(given)
            sock.listen(64)
            for key, value in activated(sock).items():
                setattr(host, key, value)
            host.start()
            with fcgi.Conn(given) as conn:
                assert conn.get("/hello").status == 200
            assert not os.path.exists(host.socket)
            host.stop()
            assert os.path.exists(given), "not ours to remove"
            host.start()
            with fcgi.Conn(given) as conn:
                assert conn.get("/hello").status == 200


def test_listen_fds_of_another_process_are_not_taken():
    """Breaks when: LISTEN_PID is not compared."""
    with Host(start=False) as host, socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.path.join(host.folder, "other.sock"))
        sock.listen(1)
        for key, value in activated(sock, "1").items():
            setattr(host, key, value)
        host.start()
        assert host.get("/hello").status == 200


def test_busy_socket_is_a_clear_message():
    """Breaks when: a second host takes over or removes a live socket."""
    with Host() as host:
        second = Host(listen=host.listen, expect_ready=False)
        try:
            assert second.wait_exit() in (100, 111)
            assert host.socket in second.log()
            assert "in use" in second.log() or "listen" in second.log()
        finally:
            second.kill()
            second.clean()
        assert host.get("/hello").status == 200


def test_busy_port_is_a_clear_message():
    """Breaks when: a taken port is not named."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        with Host(listen="tcp:127.0.0.1:%d" % port,
                  expect_ready=False) as host:
            host.exit_code = host.wait_exit()
            assert host.exit_code in (100, 111)
            assert str(port) in host.log()


def test_stale_socket_file_is_replaced():
    """Breaks when: a crash of the whole host needs a hand to start again."""
    with Host() as host:
        os.kill(host.pid, signal.SIGKILL)
        host.process.wait()
        host.wait_gone()
        assert os.path.exists(host.socket)
        host.start()
        assert host.get("/hello").status == 200


def test_socket_has_mode_owner_and_group():
    """Breaks when: listen_mode, listen_owner or listen_group is not set."""
    options = {"listen_mode": "0640"}
    if ROOT:
        options.update(listen_owner="nobody", listen_group="www-data")
    with Host(**options) as host:
        found = os.stat(host.socket)
        assert stat.S_IMODE(found.st_mode) == 0o640
        if ROOT:
            assert found.st_uid == pwd.getpwnam("nobody").pw_uid
            assert found.st_gid == grp.getgrnam("www-data").gr_gid


def test_socket_is_0660_by_default():
    """Breaks when: everyone on the machine may speak to the host."""
    with Host() as host:
        assert stat.S_IMODE(os.stat(host.socket).st_mode) == 0o660


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_user_for_all_but_the_supervisor():
    """Breaks when: handler code runs as root although a user is configured."""
    with Host(user="nobody", group="nogroup") as host:
        assert host.get("/hello").status == 200
        assert host.get("/hello-async").status == 200
        want = pwd.getpwnam("nobody").pw_uid
        for pid, role in host.processes().items():
            ids = [line.split()[1:] for line in read_proc(
                pid, "status").splitlines() if line.startswith("Uid:")][0]
            if role != "supervisor":
                assert ids == [str(want)] * 4, role


def test_sigterm_answers_what_is_running(gate):
    """Breaks when: SIGTERM cuts off a request that runs."""
    with Host(handlers=["live_gate"]) as host, host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        host.send_signal(signal.SIGTERM)
        host.wait_note("STOPPING=1")
        held.tell("go")
        assert conn.read_reply().body == b"ok\n"
        conn.expect_closed(5)	# long before drain_timeout is up
        assert host.wait_exit(5) == 0


def test_sigterm_answers_what_is_queued(gate):
    """Breaks when: draining forgets the pending list."""
    with Host(handlers=["live_gate"],
              pools={"default": {"workers": 1}}) as host, \
            host.connect() as first, host.connect() as second:
        first.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        second.send(fcgi.request("GET", gate.path()))
        host.get("/nothing-here")	# the front has read the second
        host.send_signal(signal.SIGTERM)
        host.wait_note("STOPPING=1")
        held.tell("go")
        assert first.read_reply().status == 200
        gate.accept().tell("go")
        assert second.read_reply().status == 200
        assert host.wait_exit() == 0


def test_sigterm_closes_idle_kept_connections():
    """Breaks when: an idle kept connection holds up the end."""
    with Host() as host, host.connect() as conn:
        assert conn.get("/hello").status == 200
        begin = time.monotonic()
        host.send_signal(signal.SIGTERM)
        conn.expect_closed()
        assert host.wait_exit() == 0
        assert time.monotonic() - begin < 5	# far below drain_timeout


def test_drain_has_an_end(gate):
    """Breaks when: a handler that never returns holds up SIGTERM for ever."""
    with Host(handlers=["live_gate"], drain_timeout="300ms",
              crashes=True) as host, host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path(deaf=1)))
        gate.accept().tell("loop")
        host.send_signal(signal.SIGTERM)
        try:
            assert conn.read_reply().status in (500, 503, 504)
        except fcgi.Closed as closed:
            assert closed.partial == b"", "half a reply"
        host.wait_exit()
        host.wait_gone()


def test_sigint_once_drains(gate):
    """Breaks when: one Ctrl-C drops requests."""
    with Host(handlers=["live_gate"]) as host, host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        host.send_signal(signal.SIGINT)
        host.wait_note("STOPPING=1")
        held.tell("go")
        assert conn.read_reply().status == 200
        assert host.wait_exit() == 0


def test_sigint_twice_stops_at_once(gate):
    """Breaks when: the second Ctrl-C waits for a handler."""
    with Host(handlers=["live_gate"], drain_timeout="60s") as host, \
            host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path(deaf=1)))
        gate.accept().tell("loop")
        host.send_signal(signal.SIGINT)
        host.wait_note("STOPPING=1")
        begin = time.monotonic()
        host.send_signal(signal.SIGINT)
        host.exit_code = host.wait_exit(10)
        assert time.monotonic() - begin < 3
        host.wait_gone()


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_children_die_with_the_supervisor(gate, busy):
    """Breaks when: kill -9 of the supervisor leaves a process behind."""
    with Host(handlers=["live_gate"]) as host, host.connect() as conn:
        if busy:
            conn.send(fcgi.request("GET", gate.path(deaf=1)))
            gate.accept().tell("loop")
        assert len(host.processes()) == 5
        os.kill(host.pid, signal.SIGKILL)
        host.process.wait()
        host.wait_gone(5)
        host.start()			# and a clean start after it


def test_wrong_config_ends_with_100():
    """Breaks when: a faulty configuration starts, or says only one fault."""
    with Host(start=False, exit_code=100, extra='nonsense = 1\n'
              'pool "p" { workers = -1 }\n') as host:
        host.start(wait=False)
        host.wait_exit()
        lines = open(host.file).read().splitlines()
        number = lines.index("nonsense = 1") + 1
        assert "%s:%d: nonsense" % (host.file, number) in host.log()
        assert "%s:%d: " % (host.file, number + 1) in host.log()


def test_missing_handler_directory_is_named():
    """Breaks when: a wrong path is not said."""
    with Host(start=False) as host:
        host.write_config({"handlers": "/nonexistent/handlers"}, {}, {}, {},
                          {}, "")
        host.start(wait=False)
        host.exit_code = host.wait_exit()
        assert host.exit_code in (100, 111)
        assert "/nonexistent/handlers" in host.log()


def test_a_bad_handler_does_not_stop_the_others():
    """Breaks when: one broken .so keeps the rest from being served."""
    with Host(start=False) as host:
        with open(os.path.join(host.dropped, "broken.so"), "wb") as file:
            file.write(b"\x7fELF and nothing else")
        host.start()
        assert host.get("/hello").status == 200
        host.wait_log(r"broken\.so")


def test_overwriting_a_dropped_file_changes_nothing():
    """Breaks when: the dropped file itself is what was dlopen()ed."""
    with Host() as host:
        assert host.get("/hello").status == 200
        path = os.path.join(host.dropped, "hello.so")
        with open(path, "r+b") as file:
            file.write(bytes(os.path.getsize(path)))
        for _ in range(3):
            assert host.get("/hello").status == 200
            assert host.get("/hello-async").status == 200
        old = host.pids("worker")[0]
        os.kill(old, signal.SIGKILL)	# a replacement runs the same code
        host.wait_replaced("worker", old, 2)
        assert host.get("/hello-async").status == 200


def switches(pids):
    total = 0
    for pid in pids:
        for thread in os.listdir("/proc/%d/task" % pid):
            for line in read_proc(pid, "task/%s/status" % thread).split("\n"):
                if "ctxt_switches" in line:
                    total += int(line.split()[1])
    return total


def test_idle_costs_nothing():
    """Breaks when: a process polls instead of sleeping.

    A second in which hardly anything ran must be found soon; samples of
    memory, every 10 s, may fall into some.
    """
    with Host(pools={"default": {"workers": 4}}) as host:
        conns = [host.connect() for _ in range(20)]
        for conn in conns:
            assert conn.get("/hello").status == 200
        assert host.get("/hello-async").status == 200
        pids = list(host.processes())
        quiet = []
        while len(quiet) < 4 and min(quiet, default=99) > 3:
            before = switches(pids)
            time.sleep(1)	# nothing may happen: nothing to wait for
            quiet.append(switches(pids) - before)
        assert min(quiet) <= 3, quiet
        for conn in conns:
            conn.close()


def test_starts_again_after_each_stop():
    """Breaks when: a stop leaves something that hinders the next start."""
    with Host() as host:
        for _ in range(3):
            assert host.get("/hello-async").status == 200
            host.stop()
            host.start()
        wait_until(lambda: len(host.pids("worker")) == 2)


def test_folders_and_the_control_socket_are_not_for_everyone():
    """Breaks when: others can read request bodies or stop the host."""
    with Host(handlers=["live_body"]) as host:
        host.post("/body", bytes(200000))
        paths = [host.control]
        for folder, folders, files in os.walk(host.state):
            paths += [os.path.join(folder, name) for name in folders + files]
        assert len(paths) >= 4
        for path in paths:
            # a folder may be passed through, by the service's own user
            passed = 0o001 if os.path.isdir(path) else 0
            assert os.stat(path).st_mode & 0o007 & ~passed == 0, path


def test_a_hang_up_is_survived():
    """Breaks when: closing the terminal, or a habit, ends the host."""
    with Host() as host:
        host.send_signal(signal.SIGHUP)
        host.wait_log(r"(?i)hangup|sighup")
        assert host.get("/hello").status == 200


@pytest.mark.parametrize("shared", ["state", "control"])
def test_a_state_dir_is_one_host_s(shared):
    """Breaks when: two hosts write spool files or answer `status` in one
    place."""
    with Host(handlers=["live_body"]) as host:
        second = Host(start=False)
        try:
            setattr(second, shared, getattr(host, shared))
            second.write_config({}, {}, {}, {}, {}, "")
            second.start(wait=False)
            assert second.wait_exit(5) in (100, 111)
            assert getattr(host, shared) in second.log()
        finally:
            second.kill()
            second.clean()
        assert host.post("/body", bytes(200000)).status == 200
        assert host.status()["state"] == "serving"


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_all_works_as_another_user():
    """Breaks when: a folder, a model or a replacement needs root."""
    with Host(handlers=["live_body", "live_model"], start=False) as host:
        path = host.write("model.bin", b"model" * 10000)
        host.write_config({"user": "nobody", "group": "nogroup"}, {}, {}, {
            "live-build": {"path": path, "kind": "build"}}, {}, "")
        host.start()
        for role in ("worker", "front", "zygote", "worker"):
            assert host.post("/body", bytes(300000)).status == 200
            assert host.get("/model?name=live-build").status == 200
            old = host.pids(role)[0]
            count = len(host.pids(role))
            host.kill_process(old)
            host.wait_replaced(role, old, count)
        assert host.post("/body-sync", bytes(300000)).status == 200
