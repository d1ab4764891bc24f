"""Bodies that the web server has put into files: taken over, or refused."""

import os
import pathlib
import subprocess
import tempfile

import pytest

from lib import fcgi
from lib.facts import lines
from lib.gate import Gate
from lib.host import Host

from test_bodies import SPOOLED, fnv, spool_files

ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bodies")
    (path / "1").mkdir()
    return path


@pytest.fixture(scope="module")
def host(folder):
    with Host(handlers=["hello", "live_body"], body_files=folder,
              body_limit="1 MB") as one:
        yield one


def named(target, path, length=None, method="POST"):
    extra = {"REQUEST_BODY_FILE": str(path)}
    if length is not None:
        extra["CONTENT_LENGTH"] = str(length)
    return fcgi.environment(method, target, extra=extra, length=False)


def put(folder, size, name="1/0000000001"):
    body = bytes(i * 7 % 251 for i in range(size))
    (folder / name).write_bytes(body)
    return folder / name, body


@pytest.mark.parametrize("target", ["/body", "/body-sync"])
@pytest.mark.parametrize("size", [0, 1, SPOOLED, SPOOLED + 1, 1000000])
def test_a_file_is_taken_over(host, folder, target, size):
    """Breaks when: the file is not the body, is copied though it is large, or
    its name is left behind."""
    path, body = put(folder, size)
    for length in (size, None):
        reply = host.ask("POST", target, env=named(target, path, length))
        facts = lines(reply)
        assert facts["length"] == str(size) and facts["hash"] == fnv(body)
        assert facts["fd"] == ("same" if size > SPOOLED else "none")
        assert os.stat(path).st_nlink == 1
    assert spool_files(host) == []


def test_its_name_may_go_while_it_waits(folder):
    """Breaks when: the web server's own removal, or a reload on the way, takes
    the body from a request that waits."""
    with Gate() as gate, Host(
            handlers=["live_gate", "live_body"], body_files=folder,
            pools={"default": {"workers": 1}}) as host:
        with host.connect() as blocker, host.connect() as conn:
            blocker.send(fcgi.request("GET", gate.path()))
            held = gate.accept()
            path, body = put(folder, 300000)
            conn.send(fcgi.request(env=named("/body", path, len(body))))
            link = fcgi.wait_until(lambda: spool_files(host))
            assert os.path.samefile(link[0], path)
            path.unlink()
            host.reload()
            facts = lines(conn.read_reply())
            assert facts["hash"] == fnv(body) and facts["fd"] == "same"
            held.tell("go")
            assert blocker.read_reply().status == 200
        assert spool_files(host) == []


def outside(folder, tmp_path):
    (tmp_path / "secret").write_bytes(b"x" * 70000)
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "beside").symlink_to(tmp_path)
    (folder / "inside").symlink_to(".")
    (folder / "plain").write_bytes(b"x" * 70000)
    os.mkfifo(folder / "fifo")


def test_what_is_no_such_file_is_refused(host, folder, tmp_path):
    """Breaks when: a name leads to any other file, or opening one hangs."""
    outside(folder, tmp_path)
    try:
        for path in (tmp_path / "secret", "/etc/passwd", "1/0000000001",
                     "%s/../%s/secret" % (folder, tmp_path.name),
                     "%s/link" % folder, "%s/beside/secret" % folder,
                     "%s/inside/plain" % folder,
                     "%s/fifo" % folder, "%s/1" % folder, folder,
                     "%s/" % folder, "%s-else/x" % folder,
                     "%s/missing" % folder, "%s/%s" % (folder, "y" * 5000)):
            for length in (70000, None):
                with host.connect() as conn:
                    env = named("/body", path, length)
                    conn.send(fcgi.request(env=env))
                    reply = conn.read_reply()
                    reply.problem(500, says="could not be taken over")
                    assert b"xxx" not in reply.body
                    assert conn.get("/hello").status == 200
        host.wait_log("REQUEST_BODY_FILE /etc/passwd: it is not below")
        host.wait_log("/link: it leads out of body_files")
        host.wait_log("/fifo: it is no regular file")
    finally:
        for name in ("link", "beside", "inside", "plain", "fifo"):
            (folder / name).unlink()
    assert spool_files(host) == []


@pytest.mark.skipif(not ROOT, reason="only root can give files away")
def test_another_user_s_file_is_refused(host, folder):
    """Breaks when: a file that others can still write to is taken over."""
    path, _ = put(folder, 70000)
    os.chown(path, 65534, -1)
    host.ask("POST", "/body", env=named("/body", path)).problem(500)
    host.wait_log("belongs to another user")
    path.unlink()


@pytest.mark.parametrize("length", [1000001, None])
def test_limits_hold(host, folder, length):
    """Breaks when: a file may be larger than a body."""
    path, _ = put(folder, 1000001)
    with host.connect() as conn:
        conn.send(fcgi.request(env=named("/body", path, length)))
        conn.read_reply().problem(413, says="body_limit .1000000 bytes")
        assert conn.get("/hello").status == 200
    env = named("/body", path, 1000)
    host.ask("POST", "/body", env=env).problem(413)
    put(folder, 10)
    env = named("/body", path, 11)
    host.ask("POST", "/body", env=env).problem(400, says="11 were announced")
    assert spool_files(host) == []


@pytest.mark.parametrize("size", [10, 100000])
def test_a_body_does_not_come_twice(host, folder, size):
    """Breaks when: a stream is added to the file, or one of the two chosen."""
    path, body = put(folder, size)
    for length in (size, None):
        with host.connect() as conn:
            conn.send(fcgi.request(env=named("/body", path, length),
                                   body=b"more"))
            conn.read_reply().problem(400, says="as a file and as a stream")
            assert conn.get("/hello").status == 200
    assert path.read_bytes() == body
    assert spool_files(host) == []


def test_without_the_option_the_parameter_means_nothing(folder):
    """Breaks when: a file is taken though nobody has said from where; or, when
    the body is nowhere else, the client is told that it is to blame."""
    path, _ = put(folder, 100000)
    with Host(handlers=["live_body"]) as host:
        reply = host.ask("POST", "/body", b"sent", env=named("/body", path, 4))
        assert lines(reply)["length"] == "4"
        for length in (100000, None):
            env = named("/body", path, length)
            host.ask("POST", "/body", env=env).problem(500)
        host.wait_log("body_files is not set, and the body did not", count=2)
        assert lines(host.ask("POST", "/body", env=named("/body", path, 0))
                     )["length"] == "0"


@pytest.mark.skipif(not ROOT, reason="only root may write there")
def test_where_the_sandbox_lets_nobody_in():
    """Breaks when: only what handlers may write to anyway (/tmp) works."""
    with tempfile.TemporaryDirectory(dir="/var/lib") as place:
        one = pathlib.Path(place, "bodies")
        state = pathlib.Path(place, "state")
        one.mkdir()
        state.mkdir()
        with Host(handlers=["live_body"], body_files=one,
                  state_dir=state) as host:
            for target in ("/body", "/body-sync"):
                path, body = put(one, 100000, "x")
                reply = host.ask("POST", target, env=named(target, path))
                assert lines(reply)["hash"] == fnv(body)
                assert lines(reply)["fd"] == "same"
                assert os.listdir(state / "spool") == []


@pytest.fixture
def elsewhere(tmp_path):
    """A folder on a file system of its own."""
    subprocess.run(["mount", "-t", "tmpfs", "bodies", tmp_path], check=True)
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


@pytest.mark.skipif(not ROOT, reason="needs root to mount")
@pytest.mark.parametrize("target", ["/body", "/body-sync"])
def test_from_another_file_system_it_is_copied(elsewhere, target):
    """Breaks when: a file that cannot be linked is cut, mixed with another, or
    dispatched before all of it is there."""
    with Host(handlers=["live_body"], body_files=elsewhere) as host:
        files = [put(elsewhere, size, str(size))
                 for size in (100, 70000, 1 << 20, 5000000)]
        conns = [host.connect() for _ in files]
        for conn, (path, _) in zip(conns, files):
            conn.send(fcgi.request("POST", env=named(target, path)))
        for conn, (path, body) in zip(conns, files):
            facts = lines(conn.read_reply())
            assert facts["length"] == str(len(body))
            assert facts["hash"] == fnv(body)
            conn.close()
        assert spool_files(host) == []


@pytest.mark.skipif(not ROOT, reason="needs root to mount")
def test_a_copy_ends_with_its_client(elsewhere):
    """Breaks when: a copy delays others, goes on for nobody, or is left; or a
    file that grows shorter ends the front."""
    large = elsewhere / "large"
    with open(large, "wb") as file:
        file.truncate(4 << 30)
    with Host(handlers=["hello", "live_body"], body_files=elsewhere,
              body_limit="8 GiB") as host:
        front = host.pid_of("front")
        with host.connect() as conn:
            conn.send(fcgi.request("POST", env=named("/unread", large)))
            fcgi.wait_until(lambda: spool_files(host))
            assert host.get("/hello").status == 200
            assert spool_files(host), "it is copied still"
        fcgi.wait_until(lambda: spool_files(host) == [])
        with host.connect() as conn:
            conn.send(fcgi.request("POST", env=named("/unread", large)))
            fcgi.wait_until(lambda: spool_files(host))
            os.truncate(large, 0)
            conn.read_reply().problem(503, says="could not be stored")
            assert conn.get("/hello").status == 200
        assert spool_files(host) == []
        assert host.pid_of("front") == front
