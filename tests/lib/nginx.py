"""A real nginx in front of a Host, with the shipped nginx-conf/.

	with Host(...) as host, Nginx(host) as nginx:
		reply = nginx.get("/hello")
		assert reply.status == 200

Only the lines that nginx-conf/place changes differ from what is shipped;
`stream` and `files` add the includes that nginx.conf only mentions.
"""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from .fcgi import TIMEOUT, wait_until
from .host import SOURCE, alive

NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Answer:
    """An HTTP reply, its body read whole."""

    def __init__(self, response):
        self.status = response.status
        self.reason = response.reason
        self.headers = response.headers
        self.body = response.read()

    def header(self, name):
        return self.headers[name]

    @property
    def text(self):
        return self.body.decode()

    def __repr__(self):
        return "Answer(%d, %r, %r)" % (self.status, dict(self.headers),
                                       self.body[:300])


class Nginx:
    def __init__(self, host, files=None, stream=False, start=True, user=None):
        self.folder = tempfile.mkdtemp(prefix="fh-nginx-")
        os.chmod(self.folder, 0o755)
        self.port = free_port()
        self.conf = os.path.join(self.folder, "conf")
        self.scratch = os.path.join(self.folder, "scratch")
        command = [os.path.join(SOURCE, "nginx-conf", "place"),
                   "--socket", host.socket,
                   "--listen", "127.0.0.1:%d" % self.port,
                   "--user", user or ("root root" if os.geteuid() == 0 else
                                      "nobody"), "--scratch", self.scratch]
        if files:
            command += ["--files", files]
        subprocess.run(command + [self.conf], check=True)
        if files:
            self.include("fcgi-host-files.conf")
        if stream:
            self.include("fcgi-host-streaming.conf")
        self.process = None
        if start:
            self.start()

    def generate(self, host, *options):
        """What `fcgi-host nginx` makes for that host, in place of what is
        shipped."""
        done = host.command("nginx", "-o", self.conf, *options)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return self

    def read(self, name):
        with open(os.path.join(self.conf, name)) as file:
            return file.read()

    def edit(self, name, change):
        """change(): from a file's text to another."""
        text = change(self.read(name))
        with open(os.path.join(self.conf, name), "w") as file:
            file.write(text)

    def place_socket(self, path):
        """Where the host is, from the next start or reload on."""
        self.edit("fcgi-host-server.conf", lambda text: re.sub(
            r"(?m)^server .*? max_fails", 'server "unix:%s" max_fails' % path,
            text))

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def include(self, name):
        """Turns on an include that nginx.conf has as a comment."""
        path = os.path.join(self.conf, "nginx.conf")
        with open(path) as file:
            text = file.read()
        changed = text.replace("#include %s;" % name, "include %s;" % name)
        assert changed != text, "nginx.conf does not mention " + name
        with open(path, "w") as file:
            file.write(changed)

    def start(self):
        self.process = subprocess.Popen(
            [NGINX, "-p", self.conf, "-c",
             os.path.join(self.conf, "nginx.conf"), "-g", "daemon off;"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        wait_until(self.answers, what="nginx")

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(self.process.stdout.read().decode())
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    # ------------------------------------------------------ asking

    def connection(self, timeout=TIMEOUT):
        return http.client.HTTPConnection("127.0.0.1", self.port,
                                          timeout=timeout)

    def ask(self, method, target, body=None, headers=None, timeout=TIMEOUT):
        conn = self.connection(timeout)
        try:
            conn.request(method, target, body, headers or {})
            return Answer(conn.getresponse())
        finally:
            conn.close()

    def get(self, target, **keywords):
        return self.ask("GET", target, **keywords)

    def post(self, target, body, **keywords):
        return self.ask("POST", target, body, **keywords)

    def raw(self, timeout=TIMEOUT):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    # ----------------------------------------------------- looking

    def errors(self):
        """Lines of the error log at level error and above, but for
        worker_rlimit_nofile where this machine's hard limit is lower."""
        try:
            with open(os.path.join(self.scratch, "error.log"),
                      errors="replace") as file:
                return [line for line in file.read().splitlines()
                        if re.search(r"\[(error|crit|alert|emerg)\]", line)
                        and "setrlimit(RLIMIT_NOFILE" not in line]
        except FileNotFoundError:
            return []

    def stop(self):
        if self.process is None:
            return
        if alive(self.process.pid):
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            raise
        finally:
            self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is not None:
                print("---- nginx's errors\n" + "\n".join(self.errors()))
            self.stop()
        finally:
            if os.environ.get("FH_KEEP"):
                print("scratch folder kept: " + self.folder)
            else:
                shutil.rmtree(self.folder, ignore_errors=True)
