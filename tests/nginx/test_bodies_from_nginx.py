"""nginx's own files of bodies, handed over (fcgi-host-bodies.conf)."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from lib.fcgi import wait_until
from lib.host import Host, read_proc
from lib.nginx import Nginx

ROOT = os.geteuid() == 0
LARGE = 100 << 20


class Bodies(Nginx):
    """With the location for uploads, and one more like it for a handler that
    reads nothing; bodies may be large."""

    def __init__(self, host, **keywords):
        super().__init__(host, start=False, **keywords)
        self.include("fcgi-host-bodies.conf")
        for name in ("fcgi-host-bodies.conf", "fcgi-host-location.conf"):
            self.edit(name, "client_max_body_size 8m;",
                      "client_max_body_size 200m;")
        with open(os.path.join(self.conf, "fcgi-host-bodies.conf")) as file:
            text = file.read()
        self.edit("fcgi-host-bodies.conf", text, text + text.replace(
            "location /upload {", "location /unread-async {"))
        self.start()

    def edit(self, name, old, new):
        path = os.path.join(self.conf, name)
        with open(path) as file:
            text = file.read()
        assert old in text
        with open(path, "w") as file:
            file.write(text.replace(old, new))

    def folder_of_bodies(self):
        return os.path.join(self.scratch, "client_body")


@contextlib.contextmanager
def both(user=None, group=None, nginx_user=None, **keywords):
    """nginx's folder is there once it has run, so it is started first."""
    host = Host(handlers=["upload", "live_body"], body_limit="200 MiB",
                start=False, user=user, group=group, listen_mode="0666",
                **keywords)
    with Bodies(host, user=nginx_user) as nginx:
        host.change(body_files=nginx.folder_of_bodies())
        if user:
            shutil.chown(host.state, user, group)
        host.start()
        with host:
            yield nginx, host


@pytest.fixture(scope="module")
def pair():
    with both(routes={"POST /upload/form": {"async": False}}) as running:
        yield running


@pytest.mark.parametrize("size", [0, 10, 65536, 65537, 1000000])
def test_a_body_arrives_as_it_was_sent(pair, size):
    """Breaks when: the file is not the body, or one of its names is left."""
    nginx, host = pair
    body = bytes(i % 251 for i in range(size))
    got = json.loads(nginx.post("/upload", body).body)
    assert got["bytes"] == size and got["spooled"] == (size > 65536)
    assert got["sha256"] == hashlib.sha256(body).hexdigest()
    wait_until(lambda: not any(files for _, _, files in os.walk(
        nginx.folder_of_bodies())), what="nginx to remove its name")
    assert os.listdir(os.path.join(host.state, "spool")) == []
    assert nginx.errors() == []


def test_a_chunked_body(pair):
    """Breaks when: a body that announces no length is refused."""
    conn = pair[0].connection()
    conn.request("POST", "/upload", iter([b"a" * 1000] * 100),
                 encode_chunked=True,
                 headers={"Transfer-Encoding": "chunked"})
    assert json.loads(conn.getresponse().read())["bytes"] == 100000
    conn.close()


def test_a_form_in_the_front(pair, tmp_path):
    """Breaks when: a sync handler gets another body than an async one."""
    file = tmp_path / "x.bin"
    file.write_bytes(bytes(i % 251 for i in range(300000)))
    done = subprocess.run(
        ["curl", "-sS", "-F", "f=@%s" % file,
         "http://127.0.0.1:%d/upload/form" % pair[0].port],
        stdout=subprocess.PIPE, timeout=60, check=True)
    got = json.loads(done.stdout)["files"][0]
    assert got["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_client_cannot_name_a_file(pair, tmp_path):
    """Breaks when: a header of the request becomes REQUEST_BODY_FILE."""
    nginx, host = pair
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    for target in ("/upload", "/body"):
        answer = nginx.post(target, b"mine", headers={
            "Request-Body-File": str(secret),
            "REQUEST_BODY_FILE": str(secret)})
        assert b"secret" not in answer.body and answer.status == 200
        assert re.search(rb'(length=|"bytes": ?)4\b', answer.body)


def written(pid):
    """Bytes that a process has given to write() and its kind."""
    return int(re.search(r"wchar: (\d+)", read_proc(pid, "io")).group(1))


def seconds_of(nginx, target, body):
    begun = time.monotonic()
    assert nginx.post(target, body).body == b"not read\n"
    return time.monotonic() - begun


def test_the_host_copies_nothing(pair):
    """Breaks when: the front reads or writes the bytes of a file that it takes
    over.  The times are shown (-s), not judged."""
    nginx, host = pair
    body, front = bytes(LARGE), host.pid_of("front")
    taken, sent, copied = [], [], []
    for _ in range(3):
        before = written(front)
        taken.append(seconds_of(nginx, "/unread-async", body))
        copied.append(written(front) - before)
        before = written(front)
        sent.append(seconds_of(nginx, "/unread", body))
        assert written(front) - before >= LARGE
    assert max(copied) < 1 << 20
    print("100 MiB: the front writes %d bytes, not %d; %.2f of the time "
          "(%.2f s)" % (max(copied), LARGE, min(taken) / min(sent),
                        min(sent)))


@pytest.mark.skipif(not ROOT, reason="only root can run them as others")
def test_as_nginx_s_user():
    """Breaks when: the host needs more than to be nginx's user."""
    with both(user="nobody", group="nogroup", nginx_user="nobody nogroup") as (
            nginx, host):
        got = json.loads(nginx.post("/upload", b"x" * 300000).body)
        assert got["bytes"] == 300000 and got["spooled"]
        assert os.listdir(os.path.join(host.state, "spool")) == []


@pytest.mark.skipif(not ROOT, reason="only root can run them as others")
@pytest.mark.parametrize("user", ["www-data", None])
def test_as_another_user_it_is_a_500_that_the_log_explains(user):
    """Breaks when: files of another user are taken over, or nobody can see
    why they are not."""
    with both(user=user, group=user, nginx_user="nobody nogroup") as (
            nginx, host):
        answer = nginx.post("/upload", b"x" * 300000)
        assert answer.status == 500
        assert "taken over" in json.loads(answer.body)["detail"]
        host.wait_log("the host has to run as the web server's user")
