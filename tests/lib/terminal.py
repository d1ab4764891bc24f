"""A program on a terminal: what it shows, keys, sizes, the line cut.

	with Terminal(argv, env, columns=80, rows=24) as terminal:
		terminal.wait("ROUTE")		# until it is on the screen
		terminal.press("q")
		assert terminal.ended() == 0

The terminal is pyte's (Debian: python3-pyte), so what counts is what a person
would see, whatever sequences it took.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

import pyte

TIMEOUT = 15.0


class Terminal:
    def __init__(self, argv, env, columns=80, rows=24, term="linux"):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.code, self.bytes = None, b""
        env = dict(env, TERM=term, LC_ALL="C.UTF-8")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ,
                            struct.pack("HHHH", rows, columns, 0, 0))
                os.execve(argv[0], argv, env)
            finally:
                os._exit(127)

    def look(self, seconds):
        """Takes what comes within that time.  False: the other end is gone."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:		# EIO: nobody has the terminal open
            data = b""
        self.bytes += data
        self.stream.feed(data)
        return data != b""

    def wait(self, what, seconds=TIMEOUT):
        """Until a text is on the screen, or something is true of it."""
        until = time.monotonic() + seconds
        while not (what(self) if callable(what) else what in self.text):
            left = until - time.monotonic()
            assert left > 0, "not seen: %s\n%s" % (what, self.text)
            assert self.look(min(left, 0.2)), "ended:\n" + self.text
        return self.text

    @property
    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self):
        return "\n".join(self.lines)

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def resize(self, columns, rows):
        """The kernel sends SIGWINCH."""
        self.screen.resize(rows, columns)
        self.screen.reset()
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def cut(self):
        """The line is gone, as when ssh ends."""
        os.close(self.fd)
        self.fd = -1

    def ended(self, seconds=TIMEOUT):
        """Its exit code; negative: by a signal."""
        until = time.monotonic() + seconds
        while self.code is None:
            assert time.monotonic() < until, "runs on:\n" + self.text
            if self.fd >= 0:
                self.look(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                self.code = os.waitstatus_to_exitcode(status)
            elif self.fd < 0:
                time.sleep(0.01)
        return self.code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.fd >= 0:
            os.close(self.fd)
