"""curl -F through nginx."""

import hashlib
import json
import subprocess

import pytest

from lib.host import Host
from lib.nginx import Nginx


@pytest.fixture(scope="module")
def nginx():
    with Host(handlers=["upload"]) as host, Nginx(host) as one:
        yield one


def curl(nginx, target, *words):
    done = subprocess.run(
        ["curl", "-sS", "--max-time", "60", *words,
         "http://127.0.0.1:%d%s" % (nginx.port, target)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=90)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("size", [100, 3 << 20])
def test_curl_sends_files(nginx, tmp_path, size):
    """Breaks when: what curl -F sends is not understood, its escapes of
    names included."""
    data = bytes(i % 251 for i in range(size))
    file = tmp_path / 'a"b\\c.bin'
    file.write_bytes(data)
    got = curl(nginx, "/upload/form", "-F", "title=two words",
               "-F", 'f=@"%s";type=image/png' % str(file).replace(
                   "\\", "\\\\").replace('"', '\\"'),
               "-F", "g=@-;filename=../x", "-F", "empty=")
    assert got["fields"] == {"title": 9, "empty": 0}
    first, second = got["files"]
    assert first["filename"] == 'a"b\\c.bin' and first["type"] == "image/png"
    assert first["name"] == "c.bin"
    assert first["sha256"] == hashlib.sha256(data).hexdigest()
    assert second["filename"] == "../x" and second["name"] == "x"
    assert second["bytes"] == 0
    assert nginx.errors() == []


def test_a_cut_off_form(nginx):
    """Breaks when: a malformed form is no problem document behind nginx."""
    got = curl(nginx, "/upload/form", "-H",
               "Content-Type: multipart/form-data; boundary=b",
               "--data-binary", "--b\r\n")
    assert got["status"] == 400 and "header of a part" in got["detail"]
