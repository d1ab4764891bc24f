"""The tools that need no daemon, each in a folder of its own."""

import os
import shutil
import subprocess
import tempfile

from lib.host import BINARY, shared_object


class Done:
    """What a tool left: code, out and log as text, raw as bytes."""

    def __init__(self, done):
        self.code = done.returncode
        self.raw = done.stdout
        self.out = done.stdout.decode(errors="replace")
        self.log = done.stderr.decode(errors="replace")


class Tools:
    """A folder with handlers, a state folder and a configuration."""

    def __init__(self, handlers=(), config="", **files):
        self.folder = tempfile.mkdtemp(prefix="fh-tools-")
        self.handlers = os.path.join(self.folder, "handlers")
        self.file = os.path.join(self.folder, "host.conf")
        for name in ("handlers", "state"):
            os.mkdir(os.path.join(self.folder, name))
        os.chmod(self.folder, 0o755)
        for name in handlers:
            self.add(name)
        for name, data in files.items():
            self.write(name, data)
        self.configure(config)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def add(self, name, as_name=None):
        shutil.copy(shared_object(name), os.path.join(
            self.handlers, (as_name or name) + ".so"))

    def write(self, name, data):
        with open(self.path(name), "wb") as out:
            out.write(data if isinstance(data, bytes) else data.encode())
        return self.path(name)

    def configure(self, text):
        """The configuration: lines 1 and 2 are ours, then `text`."""
        self.write("host.conf", 'handlers = "%s"\nstate_dir = "%s/state"\n%s'
                   % (self.handlers, self.folder,
                      text.replace("@", self.folder)))

    def run(self, *command, stdin=b"", environment=None, timeout=60,
            sanitizer_may_speak=False, prefix=()):
        done = Done(subprocess.run(
            [*prefix, BINARY, *command], input=stdin, capture_output=True,
            timeout=timeout, env=environment))
        if not sanitizer_may_speak:
            assert "Sanitizer" not in done.log, done.log
            assert "runtime error" not in done.log, done.log
        return done

    def call(self, *arguments, **keywords):
        return self.run("call", "-c", self.file, *arguments, **keywords)

    def cgi(self, method, path, stdin=b"", sanitizer_may_speak=False,
            arguments=None, **variables):
        """Run as a web server would, with the variables that it must set."""
        environment = {
            "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_SOFTWARE": "test", "SERVER_NAME": "localhost",
            "SERVER_PORT": "80", "REMOTE_ADDR": "127.0.0.1",
            "REQUEST_METHOD": method, "SCRIPT_NAME": "/cgi-bin/host",
            "PATH_INFO": path, "QUERY_STRING": ""}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                environment[name] = os.environ[name]
        environment.update(variables)
        if stdin and "CONTENT_LENGTH" not in variables:
            environment["CONTENT_LENGTH"] = str(len(stdin))
        if arguments is None:
            arguments = ["-c", self.file]
        return Reply(self.run("cgi", *arguments, stdin=stdin,
                              environment=environment,
                              sanitizer_may_speak=sanitizer_may_speak))


class Reply:
    """A CGI reply, taken apart strictly."""

    def __init__(self, done):
        self.code, self.log = done.code, done.log
        head, blank, self.body = done.raw.partition(b"\r\n\r\n")
        assert blank, "no blank line: %r" % done.raw[:500]
        lines = head.decode("ascii").split("\r\n")
        name, number, *_ = lines[0].split(" ")
        assert name == "Status:", lines
        self.status = int(number)
        self.headers = {}
        for line in lines[1:]:
            key, colon, value = line.partition(": ")
            assert colon, lines
            self.headers[key.lower()] = value

    @property
    def text(self):
        return self.body.decode()
