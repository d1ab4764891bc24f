"""Clients other than nginx and our own: cgi-fcgi, spawn-fcgi, CGI."""

import http.client
import os
import shutil
import subprocess
import sys

import pytest

from lib import fcgi
from lib.host import BINARY, Host
from lib.nginx import free_port
from lib.fcgi import wait_until

CGI_FCGI = shutil.which("cgi-fcgi")
SPAWN_FCGI = shutil.which("spawn-fcgi")


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["hello", "live_show"]) as one:
        yield one


def cgi_fcgi(host, method, target, body=b""):
    env = {name: value.decode() if isinstance(value, bytes) else value
           for name, value in fcgi.environment(method, target, body).items()}
    env["PATH"] = os.environ["PATH"]
    done = subprocess.run([CGI_FCGI, "-bind", "-connect", host.socket],
                          env=env, input=body, capture_output=True,
                          timeout=20)
    assert done.returncode == 0, done.stderr
    return fcgi.Reply(done.stdout, done.stderr, 0, 0, method == "HEAD")


@pytest.mark.skipif(CGI_FCGI is None, reason="needs cgi-fcgi (libfcgi-bin)")
@pytest.mark.parametrize("target", ["/show", "/show-async"])
def test_cgi_fcgi(host, target):
    """Breaks when: only our own client and nginx are understood."""
    reply = cgi_fcgi(host, "POST", target + "?q=1", b"by cgi-fcgi")
    assert reply.status == 200
    assert "is body=by%20cgi-fcgi\n" in reply.text
    assert cgi_fcgi(host, "GET", "/nothing").status == 404
    assert cgi_fcgi(host, "HEAD", "/hello").body == b""


@pytest.mark.skipif(SPAWN_FCGI is None, reason="needs spawn-fcgi")
def test_spawn_fcgi_hands_over_its_socket():
    """Breaks when: a FastCGI spawner's socket on descriptor 0 is not served.

    spawn-fcgi passes the listening socket as descriptor 0; a wrapper makes
    it the first of LISTEN_FDS, as for socket activation.
    """
    with Host(start=False, notify=False) as host:
        path = os.path.join(host.folder, "spawned.sock")
        script = host.write("spawned", (
            "#!/bin/sh\nexec 3<&0 0</dev/null\n"
            "LISTEN_FDS=1 LISTEN_PID=$$ exec '%s' run -c '%s' 2>'%s/log'\n"
            % (BINARY, host.file, host.folder)))
        os.chmod(script, 0o755)
        pid_file = os.path.join(host.folder, "pid")
        subprocess.run([SPAWN_FCGI, "-s", path, "-P", pid_file, "--",
                        script], check=True, stdout=subprocess.DEVNULL,
                       env=host.env())
        with open(pid_file) as file:
            pid = int(file.read())
        try:
            def serves():
                try:
                    with fcgi.Conn(path) as conn:
                        return conn.get("/hello").status == 200
                except ConnectionError:
                    return False
            wait_until(serves)
        finally:
            os.kill(pid, 15)
            wait_until(lambda: not os.path.exists("/proc/%d" % pid) or
                       "Z" == open("/proc/%d/stat" % pid).read()
                       .rpartition(")")[2].split()[0])


SERVER = """
import http.server, os, sys
class Handler(http.server.CGIHTTPRequestHandler):
    have_fork = True
    def is_cgi(self):
        path, _, query = self.path.partition("?")
        self.cgi_info = ("", "run" + path + ("?" + query if query else ""))
        return True
    def translate_path(self, path):
        return os.path.join(os.getcwd(), path.strip("/"))
    def log_message(self, *_): pass
os.chdir(sys.argv[2])
address = ("127.0.0.1", int(sys.argv[1]))
http.server.HTTPServer(address, Handler).serve_forever()
"""


def test_cgi_under_a_web_server(host):
    """Breaks when: `fcgi-host cgi` does not answer as RFC 3875 says."""
    folder = os.path.join(host.folder, "cgi-root")
    os.mkdir(folder)
    script = os.path.join(folder, "run")
    with open(script, "w") as file:
        file.write("#!/bin/sh\nexec '%s' cgi -c '%s'\n" % (BINARY, host.file))
    os.chmod(script, 0o755)
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(port),
                               folder], stderr=subprocess.DEVNULL)

    def ask(method, target, body=None):
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
        try:
            conn.request(method, target, body)
            response = conn.getresponse()
            return response.status, response.read()
        finally:
            conn.close()

    def answers():
        try:
            return ask("GET", "/hello")
        except ConnectionError:
            return None
    try:
        status, body = wait_until(answers)
        assert b"Hello, world!\n" in body
        status, body = ask("GET", "/hello-async")
        assert b"Hello, world!\n" in body, "async runs inline"
        status, body = ask("POST", "/show?q=5", b"cgi body")
        assert b"is body=cgi%20body\n" in body and b"is q=5\n" in body
        assert b"404" in ask("GET", "/nothing")[1]
    finally:
        server.terminate()
        server.wait()
