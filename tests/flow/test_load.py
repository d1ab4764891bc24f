"""The load generator itself: it must see what a host must not do."""

import os
import re
import socket
import tempfile
import threading
import time

import pytest

from lib import fcgi
from lib.load import Load

LINE = ("c=%08d m=00000001 s=00000001 p=00000007 d=cbf29ce484222325 "
        "n=%08d id=%s\n")	# the digest is of no body


class Server:
    """A FastCGI responder; the bytes of each reply are what
    answer(id, lines, request_id) gives, none for a connection closed."""

    def __init__(self, answer):
        self.answer = answer
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "s")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.bind(self.path)
        self.sock.listen(100)

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        self.folder.cleanup()

    def accept(self):
        try:
            while True:
                threading.Thread(target=self.serve, daemon=True,
                                 args=self.sock.accept()).start()
        except OSError:
            pass

    def serve(self, peer, _):
        try:
            with peer:
                while self.serve_one(peer):
                    pass
        except ConnectionError:		# the client has seen enough
            pass

    def serve_one(self, peer):
        data = b""
        while not re.search(rb"\x01\x05..\0\0\0\0\Z", data, re.S):
            piece = peer.recv(1 << 16)
            if not piece:
                return False
            data += piece
        found = re.search(rb"[?]id=(\S+?)&lines=(\d+)", data)
        out = self.answer(found[1].decode(), int(found[2]), data[3])
        peer.sendall(out)
        return out != b""


def lines(name, count, versions=(1,)):
    return "".join(LINE % (versions[number % len(versions)], number, name)
                   for number in range(count)).encode()


def reply(body, request_id, head=b"Status: 200 OK\r\n\r\n"):
    return (fcgi.stream(fcgi.STDOUT, head + body, request_id)
            + fcgi.record(fcgi.END, bytes(8), request_id))


def good(name, count, request_id):
    return reply(lines(name, count), request_id)


FAULTS = {
    "mixed": ("wrong", lambda name, count, request_id: reply(
        lines(name, count, (1, 2)), request_id)),
    "of-another": ("wrong", lambda name, count, request_id: reply(
        lines(name[:-1] + "x", count), request_id)),
    "a-line-less": ("wrong", lambda name, count, request_id: reply(
        lines(name, count)[98:], request_id)),
    "another-id": ("wrong", lambda name, count, request_id: good(
        name, count, request_id + 1)),
    "no-end": ("silent", lambda *ask: good(*ask)[:-1]),
    "twice": ("twice", lambda *ask: good(*ask) * 2),
    "a-byte-more": ("twice", lambda *ask: good(*ask) + b"\1"),
    "an-error": ("errors", lambda name, count, request_id: reply(
        b"{}", request_id, b"Status: 503 No\r\nContent-Length: 2\r\n\r\n")),
    "closed": ("closed", lambda *ask: b""),
}


def load(answer, connections=4):
    with Server(answer) as server, Load(server.path, limit=500, pause=1,
                                        connections=connections) as one:
        time.sleep(0.7)
    return one.result


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_counted(fault):
    """Breaks when: the load generator is blind to a fault, so that the tests
    which use it say nothing."""
    kind, answer = FAULTS[fault]
    assert load(answer).counts[kind] > 0


def test_an_older_version_after_a_newer_is_counted():
    """Breaks when: a connection may go back to an older version unseen."""
    serial = iter(range(10 ** 6, 0, -1))

    def count_down(name, count, request_id):
        return reply(lines(name, count, (next(serial),)), request_id)
    assert load(count_down, connections=1).backwards > 0
    assert load(good, connections=1).backwards == 0
