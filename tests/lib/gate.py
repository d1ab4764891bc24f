"""Handlers that stop where a test wants them to.

The fixture live_gate connects to a Unix socket of the test when serve() is
called, says who it is, and does what it is told: no test has to guess with a
sleep when a request is running.

	with Gate() as gate:
		conn.send(fcgi.request("GET", gate.path()))
		held = gate.accept()		# serve() is running, in held.pid
		held.tell("go")			# and replies
"""

import os
import shutil
import socket
import tempfile

TIMEOUT = 15.0


class Held:
    """One serve() that waits for a word."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(TIMEOUT)
        self.file = sock.makefile("r")
        word, pid, thread, self.id = self.line().split(" ", 3)
        self.word, self.pid, self.thread = word, int(pid), int(thread)

    def line(self):
        """What it says next; "" when it is gone."""
        try:
            return self.file.readline().rstrip("\n")
        except ConnectionError:
            return ""

    def tell(self, word):
        self.sock.sendall(word.encode() + b"\n")

    def close(self):
        self.file.close()
        self.sock.close()


class Gate:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="fh-gate-")
        os.chmod(self.folder, 0o755)
        self.address = os.path.join(self.folder, "s")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.bind(self.address)
        os.chmod(self.address, 0o777)
        self.sock.listen(4096)
        self.sock.settimeout(TIMEOUT)
        self.held = []

    def path(self, route="/gate", **query):
        fields = ["to=" + self.address]
        fields += ["%s=%s" % item for item in query.items()]
        return "%s?%s" % (route, "&".join(fields))

    def accept(self, timeout=TIMEOUT):
        self.sock.settimeout(timeout)
        held = Held(self.sock.accept()[0])
        self.held.append(held)
        return held

    def nobody(self, seconds=0.2):
        """Asserts that nothing is started for that long."""
        try:
            held = self.accept(seconds)
        except TimeoutError:
            return
        raise AssertionError("started: %s" % held.id)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for held in self.held:
            held.close()
        self.sock.close()
        shutil.rmtree(self.folder, ignore_errors=True)
