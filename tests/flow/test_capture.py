"""capture_crashed: the request that crashed is kept, and runs again."""

import json
import os
import resource
import stat

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host

HANDLER = ["live_trap", "hello"]
SMALL, LARGE = b"x" * 100 + b"boom!", b"y" * 200000 + b"boom!"


def trapped(**options):
    options.setdefault("capture_crashed", True)
    return Host(handlers=HANDLER, crashes=True, **options)


def fall(host, path, body, count=1, **keywords):
    """Sends what crashes; the report of it."""
    with host.connect() as conn:
        conn.send(fcgi.request("POST", path, body, **keywords))
        try:
            assert conn.read_reply().status == 500
        except (fcgi.Closed, OSError):
            assert "sync" in path
    host.wait_log(" error crash {", count=count)
    crashes = json.loads(host.command("crashes", "--json").stdout)["crashes"]
    assert len(crashes) == count
    return crashes[0]


def again(host, file):
    """Runs a capture, without a host."""
    return host.command("call", "--request", file)


def captures(host):
    folder = os.path.join(host.state, "crashes")
    return sorted(name for name in os.listdir(folder)
                  if not name.endswith(".json"))


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["memory", "spooled"])
@pytest.mark.parametrize("path", ["/trap", "/trap-sync"])
def test_what_crashed_crashes_again(path, body):
    """Breaks when: the request of a crash is not kept, is kept for others to
    read, is another one than was sent, or does not crash when it runs
    again."""
    with trapped() as host:
        report = fall(host, path + "?a=1", body, headers={"X-Secret": "s3"})
        file = report["capture"]
        assert os.path.dirname(file) == os.path.join(host.state, "crashes")
        assert captures(host) == [os.path.basename(file)]
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
        with open(file, "rb") as opened:
            data = opened.read()
        assert data == fcgi.request(
            "POST", path + "?a=1", body, headers={"X-Secret": "s3"},
            keep=False, chunk=65528, params_chunk=65528)

        assert "step_on_it" in [frame.get("function")
                                for frame in report["backtrace"]]
        done = again(host, file)
        assert done.returncode == -11, done
        assert "step_on_it: %d bytes" % len(body) in done.stderr

        whole = data.replace(b"boom!", b"peace")
        done = again(host, host.write("whole.request", whole))
        assert done.stdout == "%d bytes\n" % len(body), done


def test_a_request_without_a_body_in_the_front():
    """Breaks when: whether it is kept depends on how long its URI is."""
    with Host(handlers=["live_crash"], crashes=True,
              capture_crashed=True) as host:
        for more in range(8):
            with host.connect() as conn:
                conn.send(fcgi.request("GET", "/crash-sync?how=null&more=" +
                                       "m" * more))
                with pytest.raises((fcgi.Closed, OSError)):
                    conn.read_reply()
            host.wait_log(" error crash {", count=more + 1)
        assert len(captures(host)) == 8


@pytest.mark.skipif(os.geteuid() != 0, reason="root drops its rights")
def test_as_another_user():
    """Breaks when: the service's user cannot write its captures, or the
    supervisor's are readable for others than root."""
    with trapped(user="nobody") as host:
        for count, path in enumerate(("/trap", "/trap-sync"), 1):
            status = os.stat(fall(host, path, SMALL, count)["capture"])
            assert stat.S_IMODE(status.st_mode) == 0o600
            assert (status.st_uid == 0) == (path == "/trap-sync")
            wait_until(lambda: host.get("/hello").status == 200,
                       what="the front")


def test_a_file_larger_than_may_be():
    """Breaks when: a limit on the size of files ends the front, where it
    should cost the capture."""
    with trapped(body_memory="1 MiB") as host:
        front = host.pid_of("front")
        resource.prlimit(front, resource.RLIMIT_FSIZE, (100000, 100000))
        assert "capture" not in fall(host, "/trap", LARGE)
        host.wait_log("is not captured: .*File too large")
        assert captures(host) == []
        assert "capture" in fall(host, "/trap", SMALL, 2)
        assert host.pid_of("front") == front


def test_a_restart():
    """Breaks when: a capture does not outlive the host, or one that no report
    names does."""
    with trapped() as host:
        file = fall(host, "/trap", SMALL)["capture"]
        host.stop()
        orphan = os.path.join(host.state, "crashes", "1-1.request")
        for name in orphan, orphan + ".new":
            with open(name, "wb") as opened:
                opened.write(b"of a host that was killed")
        host.start()
        assert captures(host) == [os.path.basename(file)]
        assert again(host, file).returncode == -11


def test_a_capture_sent_to_the_socket():
    """Breaks when: a capture is not what a web server sends."""
    with trapped() as host:
        file = fall(host, "/trap", SMALL)["capture"]
        with open(file, "rb") as opened:
            data = opened.read()
        with host.connect() as conn:
            conn.send(data.replace(b"boom!", b"peace"))
            assert conn.read_reply().body == b"105 bytes\n"


def test_nothing_is_kept_unless_wanted():
    """Breaks when: bodies are kept on disk without being asked for."""
    with trapped(capture_crashed=False) as host:
        for count, path in enumerate(("/trap", "/trap-sync"), 1):
            report = fall(host, path, SMALL, count)
            assert "capture" not in report
            wait_until(lambda: host.get("/hello").status == 200,
                       what="the front")
        assert captures(host) == []


def test_a_reload_changes_it():
    """Breaks when: the option needs a restart, or a front of an older
    generation counts."""
    with trapped(capture_crashed=False) as host:
        host.change(capture_crashed=True)
        assert host.reload().code == 0
        assert "capture" in fall(host, "/trap", SMALL)


def test_what_cannot_be_kept_is_answered_and_said():
    """Breaks when: a folder that takes no file, or a body that is too large,
    stops the reply or the report, or leaves half a file."""
    large = b"z" * (16 << 20) + b"boom!"
    with trapped(body_limit="32 MiB") as host:
        report = fall(host, "/trap", large)
        assert "capture" not in report
        host.wait_log("is not captured: its body has 16777221 bytes, at most "
                      "16777216 are kept")
        report = fall(host, "/trap-sync", large, 2)
        assert "capture" not in report
        assert captures(host) == []
        wait_until(lambda: host.get("/hello").status == 200, what="a front")


def test_a_crash_in_finish_is_not_captured():
    """Breaks when: half a request is kept."""
    with trapped() as host:
        with host.connect() as conn:
            conn.send(fcgi.request("POST", "/trap-sync?after=1", b"body"))
            assert conn.read_reply().status == 200
        host.wait_log(" error crash {")
        assert captures(host) == []


def test_names_that_are_taken():
    """Breaks when: a process with the id of an older one writes over its
    capture, or keeps nothing."""
    with trapped() as host:
        folder = os.path.join(host.state, "crashes")
        front = host.pid_of("front")
        taken = os.path.join(folder, "%d-1.request" % front)
        with open(taken, "wb") as file:
            file.write(b"older")
        report = fall(host, "/trap", SMALL)
        assert report["capture"].endswith("/%d-2.request" % front)
        with open(taken, "rb") as file:
            assert file.read() == b"older"
