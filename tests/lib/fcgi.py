"""A raw FastCGI client that can do everything wrong on purpose.

Requests are built as lists of records, so that a test can leave one out,
cut one in two, pad it or send it byte by byte.  Replies are read strictly:
every record is checked, and anything the specification does not allow is a
ProtocolError.  (FastCGI specification 1.0, sections 3 to 6.)

	with host.connect() as conn:
		reply = conn.get("/hello")
		assert reply.status == 200
"""

import json
import re
import select
import socket
import struct
import time

BEGIN, ABORT, END, PARAMS, STDIN = 1, 2, 3, 4, 5
STDOUT, STDERR, DATA, GET_VALUES, GET_VALUES_RESULT = 6, 7, 8, 9, 10
UNKNOWN_TYPE = 11

RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE = 0, 1, 2, 3
KEEP_CONN = 1

BROKEN_OFF = bytes(8)	# before the end of a reply that is cut off
TIMEOUT = 15.0		# no reply of a healthy host takes that long
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


class ProtocolError(AssertionError):
    """The peer sent what the specification does not allow."""


class Closed(ConnectionError):
    """The peer closed the connection; `partial` says what had come."""

    def __init__(self, partial=b""):
        super().__init__("closed after %r" % partial[-80:])
        self.partial = partial


# ------------------------------------------------------------- building

def record(type_, content=b"", request_id=1, padding=0, version=1,
           length=None):
    """One record; `length` lies about the content's."""
    if length is None:
        length = len(content)
    return struct.pack(">BBHHBB", version, type_, request_id, length,
                       padding, 0) + content + bytes(padding)


def begin(request_id=1, role=RESPONDER, keep=True, flags=None):
    if flags is None:
        flags = KEEP_CONN if keep else 0
    return record(BEGIN, struct.pack(">HB5x", role, flags), request_id)


def size(number, long=False):
    """A name's or value's length; `long` takes four bytes for a small one."""
    if number < 128 and not long:
        return bytes([number])
    return struct.pack(">I", number | 0x80000000)


def to_bytes(text):
    return text if isinstance(text, bytes) else str(text).encode()


def pair(name, value, long=False):
    name, value = to_bytes(name), to_bytes(value)
    return size(len(name), long) + size(len(value), long) + name + value


def pairs(items, long=False):
    if isinstance(items, dict):
        items = items.items()
    return b"".join(pair(name, value, long) for name, value in items)


def stream(type_, content, request_id=1, chunk=65535, padding=0, end=True):
    """A stream's records, the empty one at the end included."""
    out = [record(type_, content[at:at + chunk], request_id, padding)
           for at in range(0, len(content), chunk)]
    if end:
        out.append(record(type_, b"", request_id, padding))
    return b"".join(out)


def environment(method="GET", target="/", body=b"", headers=None,
                extra=None, length=True):
    """The parameters nginx sends with the shipped files, more or less."""
    target = to_bytes(target)
    path, _, query = target.partition(b"?")
    env = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_URI": target,
        "DOCUMENT_URI": path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "40000",
    }
    if length and (body or method not in ("GET", "HEAD")):
        env["CONTENT_LENGTH"] = str(len(body))
    for name, value in (headers or {}).items():
        key = name.upper().replace("-", "_")
        env[key if key == "CONTENT_TYPE" else "HTTP_" + key] = value
    env.update(extra or {})
    return {name: value for name, value in env.items() if value is not None}


def request(method="GET", target="/", body=b"", headers=None, extra=None,
            request_id=1, keep=True, role=RESPONDER, chunk=65535, padding=0,
            params_chunk=65535, env=None):
    """A whole request, as bytes."""
    body = to_bytes(body)
    if env is None:
        env = environment(method, target, body, headers, extra)
    block = env if isinstance(env, bytes) else pairs(env)
    return (begin(request_id, role, keep)
            + stream(PARAMS, block, request_id, params_chunk, padding)
            + stream(STDIN, body, request_id, chunk, padding))


# -------------------------------------------------------------- reading

class Record:
    def __init__(self, type_, request_id, content, padding):
        self.type, self.id = type_, request_id
        self.content, self.padding = content, padding

    def __repr__(self):
        return "Record(type=%d, id=%d, %d bytes %r)" % (
            self.type, self.id, len(self.content), self.content[:60])


class Reply:
    """One reply: what STDOUT held, taken apart as CGI (RFC 3875, 6)."""

    def __init__(self, stdout, stderr, app_status, protocol_status,
                 head_only=False, stdout_ended=True):
        self.stdout, self.stderr = stdout, stderr
        self.app_status = app_status
        self.protocol_status = protocol_status
        self.stdout_ended = stdout_ended
        self.status, self.headers, self.body = None, [], b""
        if protocol_status == REQUEST_COMPLETE and stdout:
            self.parse(stdout, head_only)

    def parse(self, stdout, head_only=False):
        head, gap, self.body = stdout.partition(b"\r\n\r\n")
        if not gap:
            raise ProtocolError("no blank line in %r" % stdout[:200])
        self.head = head + gap
        for line in head.split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if not colon or not TOKEN.match(name):
                raise ProtocolError("header line %r" % line)
            if re.search(rb"[\r\n\0]", value):
                raise ProtocolError("control byte in header %r" % line)
            self.headers.append((name.decode().lower(),
                                 value.strip().decode("latin-1")))
        if self.headers[0][0] != "status" or self.count("status") != 1:
            raise ProtocolError("not one Status line, first: %r" % head[:200])
        found = re.match(r"([1-5]\d\d) \S", self.headers[0][1])
        if not found:
            raise ProtocolError("status %r" % self.headers[0][1])
        self.status = int(found.group(1))
        self.check_length(head_only)

    def check_length(self, head_only):
        bodiless = head_only or self.status in (204, 304)
        if bodiless and self.body:
            raise ProtocolError("a body where none may be: %r"
                                % self.body[:80])
        if self.count("content-length") > 1:
            raise ProtocolError("two Content-Length")
        said = self.header("content-length")
        if said is not None and not bodiless and int(said) != len(self.body):
            raise ProtocolError("Content-Length %s but %d bytes"
                                % (said, len(self.body)))

    def count(self, name):
        return len(self.all(name))

    def all(self, name):
        return [value for key, value in self.headers if key == name.lower()]

    def header(self, name):
        values = self.all(name)
        return values[0] if values else None

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def problem(self, status=None, request_id=None, says=None, retry=True):
        """Asserts a whole RFC 9457 document and returns it; a 503 of the
        host's own has Retry-After."""
        if status is not None:
            assert self.status == status, self
        assert self.status >= 400, self
        kind = self.header("content-type") or ""
        assert kind.split(";")[0] == "application/problem+json", self
        document = self.json
        assert document["status"] == self.status, document
        assert document.get("title"), document
        assert document.get("instance"), document
        if request_id is not None:
            assert request_id in document["instance"], document
        if says is not None:
            assert re.search(says, document.get("detail", ""), re.I), document
        if self.status == 503 and retry:
            assert int(self.header("retry-after")) >= 0
            assert document.get("detail"), "a 503 says why"
        return document

    def __repr__(self):
        return "Reply(%s, %r, %r, %d)" % (
            self.status, self.headers, self.body[:300], self.protocol_status)


class Conn:
    """One connection.  Closes by itself at the end of a `with`."""

    def __init__(self, address, timeout=TIMEOUT):
        kind = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.sock = socket.socket(kind, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        try:
            self.sock.connect(address)
        except BaseException:
            self.sock.close()
            raise
        self.buffer = bytearray()
        self.records = []	# every record read, oldest first

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST on TCP; on a Unix socket it is a plain close."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()

    # ------------------------------------------------------- sending

    def send(self, *chunks):
        """Sends each chunk with a write of its own."""
        for chunk in chunks:
            self.sock.sendall(chunk)

    def send_bytewise(self, data):
        for at in range(len(data)):
            self.sock.sendall(data[at:at + 1])

    def finish_sending(self):
        self.sock.shutdown(socket.SHUT_WR)

    # ------------------------------------------------------- reading

    def fill(self):
        chunk = self.sock.recv(1 << 18)
        if not chunk:
            raise Closed(bytes(self.buffer))
        self.buffer += chunk

    def read_record(self):
        """The next record; Closed (with nothing partial) at the end."""
        while len(self.buffer) < 8:
            self.fill()
        if self.buffer[:8] == BROKEN_OFF:
            del self.buffer[:8]
            self.fill()		# nothing may follow but the end
            raise ProtocolError("bytes behind a reply that was broken off")
        version, type_, id_, length, padding, reserved = struct.unpack(
            ">BBHHBB", self.buffer[:8])
        if version != 1 or reserved != 0:
            raise ProtocolError("header %r" % bytes(self.buffer[:8]))
        if type_ not in (STDOUT, STDERR, END, GET_VALUES_RESULT,
                         UNKNOWN_TYPE):
            raise ProtocolError("type %d from an application" % type_)
        if (id_ == 0) != (type_ in (GET_VALUES_RESULT, UNKNOWN_TYPE)):
            raise ProtocolError("type %d with id %d" % (type_, id_))
        whole = 8 + length + padding
        while len(self.buffer) < whole:
            self.fill()
        found = Record(type_, id_, bytes(self.buffer[8:8 + length]), padding)
        del self.buffer[:whole]
        if type_ in (END, UNKNOWN_TYPE) and length != 8:
            raise ProtocolError("%r of %d bytes" % (found, length))
        self.records.append(found)
        return found

    def stdout(self, request_id=1):
        """STDOUT pieces as they come, up to and without END_REQUEST."""
        self.end, self.err, ended = None, b"", False
        while True:
            rec = self.read_record()
            if rec.id != request_id:
                raise ProtocolError("%r while reading %d" % (rec, request_id))
            if rec.type == END:
                self.end, self.stdout_ended = rec, ended
                return
            if rec.type == STDERR:
                self.err += rec.content
            elif rec.type != STDOUT:
                raise ProtocolError("%r in a reply" % rec)
            elif ended:
                raise ProtocolError("STDOUT after its end: %r" % rec)
            elif rec.content:
                yield rec.content
            else:
                ended = True

    def read_reply(self, request_id=1, head_only=False):
        out = b"".join(self.stdout(request_id))
        app, protocol = struct.unpack(">IB3x", self.end.content)
        if protocol > UNKNOWN_ROLE:
            raise ProtocolError("protocol status %d" % protocol)
        return Reply(out, self.err, app, protocol, head_only,
                     self.stdout_ended)

    def expect_closed(self, timeout=TIMEOUT):
        """Nothing more but the end of the connection."""
        self.sock.settimeout(timeout)
        try:
            left = bytes(self.buffer) + self.sock.recv(4096)
        except ConnectionError:
            left = b""
        assert not left, "more bytes before the end: %r" % left[:200]

    def expect_quiet(self, seconds=0.1):
        """Still open, and nothing to read, for that long."""
        assert not self.buffer, "unread: %r" % bytes(self.buffer[:200])
        ready, _, _ = select.select([self.sock], [], [], seconds)
        if ready:
            peeked = self.sock.recv(200, socket.MSG_PEEK)
            raise AssertionError("closed" if not peeked else
                                 "more bytes: %r" % peeked)

    # ------------------------------------------------ whole exchanges

    def ask(self, method, target, body=b"", **keywords):
        self.send(request(method, target, body, **keywords))
        return self.read_reply(keywords.get("request_id", 1),
                               method == "HEAD")

    def get(self, target, **keywords):
        return self.ask("GET", target, **keywords)

    def post(self, target, body=b"", **keywords):
        return self.ask("POST", target, body, **keywords)

    def get_values(self, *names, padding=0):
        """Asks with GET_VALUES; the answer as a list of pairs."""
        self.send(record(GET_VALUES, pairs([(n, "") for n in names]), 0,
                         padding))
        return self.read_values()

    def read_values(self):
        rec = self.read_record()
        if rec.type != GET_VALUES_RESULT:
            raise ProtocolError("%r for GET_VALUES" % rec)
        return read_pairs(rec.content)


def read_pairs(block):
    """The pairs of a block; ProtocolError when one runs over the end."""
    out, at = [], 0
    while at < len(block):
        lengths = []
        for _ in range(2):
            if at >= len(block):
                raise ProtocolError("half a pair in %r" % block)
            if block[at] & 0x80:
                lengths.append(struct.unpack_from(">I", block, at)[0]
                               & 0x7fffffff)
                at += 4
            else:
                lengths.append(block[at])
                at += 1
        end = at + sum(lengths)
        if end > len(block):
            raise ProtocolError("a pair over the end of %r" % block)
        out.append((block[at:at + lengths[0]].decode(),
                    block[at + lengths[0]:end].decode()))
        at = end
    return out


def wait_until(condition, seconds=TIMEOUT, what=None, every=0.01):
    """For what nobody can announce (a /proc entry): asks until it is so."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "waited in vain: %s" % (
            what or condition)
        time.sleep(every)
