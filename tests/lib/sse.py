"""A reader of event streams, as WHATWG HTML 9.2.6 has it, and none of ours.

	with Stream(host, "/events") as stream:
		event = stream.next()
		assert event.event == "count" and event.data == "0"
		assert [one.event for one in stream.rest()] == ["bye"]
"""

import re

from . import fcgi


class Event:
    def __init__(self, id_, event, data):
        self.id, self.event, self.data = id_, event, data

    def __repr__(self):
        return "Event(%r, %r, %r)" % (self.id, self.event, self.data)


class Reader:
    """Bytes in, events out."""

    def __init__(self):
        self.left, self.last_id, self.retry = b"", "", None
        self.comments, self.dispatched = 0, True
        self.clear()

    def clear(self):
        self.data, self.event = "", ""

    def feed(self, data):
        """The events that are whole now."""
        out, self.left = [], self.left + data
        while True:
            found = re.match(rb"([^\r\n]*)(\r\n|\n|\r(?!\Z))", self.left)
            if found is None:
                return out
            self.left = self.left[found.end():]
            event = self.line(found.group(1).decode())
            if event is not None:
                out.append(event)

    def line(self, line):
        self.dispatched = line == ""
        if line == "":
            return self.dispatch()
        if line.startswith(":"):
            self.comments += 1
            return None
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "event":
            self.event = value
        elif name == "data":
            self.data += value + "\n"
        elif name == "id" and "\0" not in value:
            self.last_id = value
        elif name == "retry" and value.isdigit():
            self.retry = int(value)
        return None

    def dispatch(self):
        data, event = self.data, self.event
        self.clear()
        if data == "":
            return None
        return Event(self.last_id, event or "message", data[:-1])

    @property
    def whole(self):
        """Nothing is left of an event that was begun."""
        return self.left == b"" and self.dispatched


class Stream:
    """One event stream over a FastCGI connection of its own, or `conn`."""

    def __init__(self, host, target, conn=None, timeout=fcgi.TIMEOUT,
                 **keywords):
        self.conn = conn or host.connect(timeout)
        self.reader, self.events = Reader(), []
        self.conn.send(fcgi.request("GET", target, **keywords))
        self.pieces = self.conn.stdout()
        head, body = b"", b""
        while b"\r\n\r\n" not in head:
            head += next(self.pieces)
        head, _, body = head.partition(b"\r\n\r\n")
        self.head = head.decode()
        self.events += self.reader.feed(body)

    def next(self):
        """The next event; None when the stream has ended well."""
        while not self.events:
            piece = next(self.pieces, None)
            if piece is None:
                assert self.reader.whole, self.reader.left
                return None
            self.events += self.reader.feed(piece)
        return self.events.pop(0)

    def rest(self):
        return list(iter(self.next, None))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.conn.close()
