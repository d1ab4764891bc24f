"""FastCGI as specified, and everything that is not: the pitfall table."""

import random
import struct

import pytest

from lib import fcgi
from lib.facts import Facts
from lib.fcgi import wait_until
from lib.host import Host, descriptors, threads


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["hello", "live_show", "live_reply", "live_gate",
                        "live_body"]) as one:
        yield one


@pytest.fixture
def conn(host):
    with host.connect() as one:
        yield one


@pytest.fixture(autouse=True)
def still_there(host):
    """Whatever a test did, the next client is served by the same front."""
    before = host.pid_of("front")
    yield
    assert host.get("/hello").status == 200
    assert host.pid_of("front") == before, "the front died"


# ------------------------------------------------------- plain and split

def test_a_reply_ends_its_stdout_and_its_request(conn):
    """Breaks when: STDOUT is not closed by an empty record (section 3.3)."""
    reply = conn.get("/hello")
    assert reply.status == 200 and reply.stdout_ended
    assert (reply.app_status, reply.protocol_status) == (0, 0)
    assert reply.stderr == b"", "STDERR makes error lines in nginx's log"
    conn.expect_quiet()


def test_many_requests_on_one_connection(conn):
    """Breaks when: state of one request reaches the next."""
    for number in range(300):
        facts = Facts(conn.post("/show?n=%d" % number, b"x" * (number % 50)))
        assert facts["query"] == "n=%d" % number
        assert facts["bytes"] == str(number % 50)


def test_without_keep_conn_the_connection_ends(conn):
    """Breaks when: FCGI_KEEP_CONN is ignored."""
    assert conn.get("/hello", keep=False).status == 200
    conn.expect_closed()


@pytest.mark.parametrize("target", ["/show", "/show-async"])
def test_byte_by_byte(conn, target):
    """Breaks when: a record's pieces are not put together."""
    conn.send_bytewise(fcgi.request("POST", target, b"body",
                                    params_chunk=50, padding=3))
    assert Facts(conn.read_reply())["body"] == "body"


@pytest.mark.parametrize("target", ["/show", "/show-async"])
def test_split_at_every_byte(host, target):
    """Breaks when: one place in a request cannot be the end of a read."""
    env = {"REQUEST_METHOD": "POST", "PATH_INFO": target,
           "CONTENT_LENGTH": "5", "REQUEST_URI": target, "LONG": "v" * 130}
    data = fcgi.request(env=env, body=b"split", padding=2, params_chunk=60)
    for start in range(1, len(data), 40):
        cuts = range(start, min(start + 40, len(data)))
        conns = [host.connect() for _ in cuts]
        for cut, conn in zip(cuts, conns):
            conn.send(data[:cut])
        assert host.get("/hello").status == 200	# all first parts are read
        for cut, conn in zip(cuts, conns):
            conn.send(data[cut:])
        for cut, conn in zip(cuts, conns):
            assert Facts(conn.read_reply())["body"] == "split", cut
            conn.close()


def test_two_requests_in_one_write(conn):
    """Breaks when: what follows a request in one read spoils its reply.

    A web server may not use an id again before its END_REQUEST, so the
    others may be served or refused by closing, but the first is served.
    """
    conn.send(fcgi.request("GET", "/show?n=1")
              + fcgi.request("POST", "/show-async?n=2", b"b")
              + fcgi.request("GET", "/show?n=3"))
    for number in (1, 2, 3):
        try:
            facts = Facts(conn.read_reply())
        except (fcgi.Closed, ConnectionError) as error:
            assert number > 1 and getattr(error, "partial", b"") == b""
            break
        assert facts["query"] == "n=%d" % number


@pytest.mark.parametrize("padding", [1, 7, 8, 255])
def test_padding(conn, padding):
    """Breaks when: padding is not skipped, on empty records too."""
    facts = Facts(conn.post("/show", b"padded", padding=padding, chunk=2))
    assert facts["body"] == "padded"


def test_every_padding_of_a_begin(conn):
    """Breaks when: BEGIN_REQUEST may not be padded."""
    for padding in range(0, 256, 5):
        conn.send(fcgi.record(fcgi.BEGIN, struct.pack(">HB5x", 1, 1),
                              padding=padding),
                  fcgi.request("GET", "/hello")[16:])
        assert conn.read_reply().status == 200


@pytest.mark.parametrize("number", [1, 2, 255, 256, 65535])
def test_request_ids(conn, number):
    """Breaks when: a request id other than 1 is not sent back."""
    assert conn.get("/hello", request_id=number).status == 200


def test_large_replies_are_whole(conn):
    """Breaks when: a reply over one record is cut or reordered."""
    for target in ("/reply/big", "/reply-async/big"):
        for size in (65535, 65536, 1000003):
            reply = conn.get("%s?bytes=%d" % (target, size))
            assert len(reply.body) == size
            assert reply.body[:26] == b"abcdefghijklmnopqrstuvwxyz"


# ---------------------------------------------------------- management

def check_values(pairs):
    values = dict(pairs)
    assert len(values) == len(pairs), "a name twice: %s" % pairs
    assert values.pop("FCGI_MPXS_CONNS", "0") == "0"
    for name, value in values.items():
        assert name in ("FCGI_MAX_CONNS", "FCGI_MAX_REQS")
        assert int(value) > 0


@pytest.mark.parametrize("padding", [0, 5])
def test_get_values(conn, padding):
    """Breaks when: GET_VALUES is not answered, or closes the connection."""
    names = ("FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS")
    pairs = conn.get_values(*names, padding=padding)
    assert {name for name, _ in pairs} == set(names)
    check_values(pairs)
    assert conn.get("/hello").status == 200


def test_get_values_with_names_twice_and_unknown(conn):
    """Breaks when: unknown or repeated names are answered or overrun."""
    check_values(conn.get_values(*["FCGI_MAX_CONNS"] * 50, "NOBODY",
                                 "X" * 200))
    assert conn.get_values("NOBODY") == []
    assert conn.get_values() == []
    assert conn.get("/hello").status == 200


def test_get_values_that_lies_about_a_length(conn):
    """Breaks when: a pair over the end of GET_VALUES is read."""
    conn.send(fcgi.record(fcgi.GET_VALUES, b"\x7f\x00FCGI", 0))
    check_values(conn.read_values())
    conn.send(fcgi.record(fcgi.GET_VALUES, b"\xff\xff\xff\xff\xff", 0))
    check_values(conn.read_values())
    assert conn.get("/hello").status == 200


def test_get_values_between_the_records_of_a_request(conn):
    """Breaks when: a management record disturbs the request around it."""
    data = fcgi.request("GET", "/hello")
    conn.send(data[:16])
    check_values(conn.get_values("FCGI_MAX_REQS"))
    conn.send(data[16:])
    assert conn.read_reply().status == 200


def test_huge_get_values(conn):
    """Breaks when: a 64 KiB GET_VALUES overruns the place for it."""
    block = fcgi.pairs([("FCGI_MAX_CONNS", "")]) * 4000
    conn.send(fcgi.record(fcgi.GET_VALUES, block[:65535], 0))
    check_values(conn.read_values())
    assert conn.get("/hello").status == 200


@pytest.mark.parametrize("type_", [12, 55, 255])
def test_unknown_type(conn, type_):
    """Breaks when: UNKNOWN_TYPE is not the answer to a type nobody knows."""
    conn.send(fcgi.record(type_, b"what", 0, padding=4))
    answer = conn.read_record()
    assert answer.type == fcgi.UNKNOWN_TYPE
    assert answer.content[0] == type_
    assert conn.get("/hello").status == 200


@pytest.mark.parametrize("version", [0, 2, 255])
def test_unknown_version_closes(conn, version):
    """Breaks when: bytes that are not FastCGI 1 are taken for it."""
    conn.send(fcgi.record(fcgi.BEGIN, struct.pack(">HB5x", 1, 1),
                          version=version))
    conn.expect_closed()


@pytest.mark.parametrize("role", [fcgi.AUTHORIZER, fcgi.FILTER, 0, 77])
def test_unknown_role(conn, role):
    """Breaks when: a role that is not served is not refused as such."""
    conn.send(fcgi.request("GET", "/hello", role=role))
    assert conn.read_reply().protocol_status == fcgi.UNKNOWN_ROLE
    assert conn.get("/hello").status == 200, "the connection is kept"


# ------------------------------------------------------------- multiplex

def test_second_begin_cannot_multiplex(conn):
    """Breaks when: a second request spoils the first (section 5.5)."""
    data = fcgi.request("POST", "/show", b"first")
    conn.send(data[:16], fcgi.begin(2))
    end = conn.read_record()
    assert (end.type, end.id) == (fcgi.END, 2)
    assert end.content[4] == fcgi.CANT_MPX_CONN
    conn.send(fcgi.stream(fcgi.PARAMS, fcgi.pairs({"A": "b"}), 2),
              fcgi.stream(fcgi.STDIN, b"second", 2))
    conn.send(data[16:])
    facts = Facts(conn.read_reply())
    assert facts["body"] == "first" and not facts.all("param", "A")


def test_second_begin_while_a_request_runs(conn, gate):
    """Breaks when: a running request is lost to another BEGIN."""
    conn.send(fcgi.request("GET", gate.path()))
    held = gate.accept()
    conn.send(fcgi.request("GET", "/hello", request_id=9))
    end = conn.read_record()
    assert (end.type, end.id) == (fcgi.END, 9)
    assert end.content[4] == fcgi.CANT_MPX_CONN
    held.tell("go")
    assert conn.read_reply().body == b"ok\n"


def test_next_request_sent_before_the_reply_with_the_same_id(conn, gate):
    """Breaks when: pipelining on one id drops the second or mixes both."""
    conn.send(fcgi.request("GET", gate.path()))
    held = gate.accept()
    conn.send(fcgi.request("GET", "/show?later=1"))
    held.tell("go")
    assert conn.read_reply().body == b"ok\n"
    try:
        assert Facts(conn.read_reply())["query"] == "later=1"
    except (fcgi.Closed, ConnectionError) as error:
        assert getattr(error, "partial", b"") == b""


# ----------------------------------------------------------------- abort

def ended(conn):
    """END_REQUEST for 1, perhaps after a whole reply."""
    try:
        conn.read_reply()
    except fcgi.Closed as closed:
        assert closed.partial == b""
        return False
    return True


def test_abort_during_params(conn, gate):
    """Breaks when: an aborted request is run all the same."""
    data = fcgi.request("GET", gate.path())
    conn.send(data[:60], )
    conn.send(data[60:16 + 8 + struct.unpack(">H", data[20:22])[0]])
    conn.send(fcgi.record(fcgi.ABORT))
    if ended(conn):
        assert conn.get("/hello").status == 200
    gate.nobody()


def test_abort_during_stdin(conn, gate):
    """Breaks when: an aborted body is served as a whole one."""
    data = fcgi.request("POST", gate.path(), b"x" * 100)
    conn.send(data[:-50], data[-50:-8][:0])
    conn.send(data[-50:-8], fcgi.record(fcgi.ABORT))
    if ended(conn):
        assert conn.get("/hello").status == 200
    gate.nobody()


def test_abort_while_running_tells_the_handler(conn, gate):
    """Breaks when: ABORT is not seen as fh_cancelled()."""
    conn.send(fcgi.request("GET", gate.path()))
    held = gate.accept()
    conn.send(fcgi.record(fcgi.ABORT))
    assert held.line() == "cancelled"
    if ended(conn):
        assert conn.get("/hello").status == 200


def test_abort_of_a_queued_request(host, gate):
    """Breaks when: an aborted request in the queue is started later."""
    with Host(handlers=["live_gate"], pools={
            "default": {"workers": 1, "queue_timeout": "60s"}}) as own, \
            own.connect() as first, own.connect() as second:
        first.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        second.send(fcgi.request("GET", gate.path()))
        second.send(fcgi.record(fcgi.ABORT))
        ended(second)
        held.tell("go")
        assert first.read_reply().status == 200
        gate.nobody()


def test_abort_of_nothing(conn):
    """Breaks when: ABORT for an id that is not there does harm."""
    conn.send(fcgi.record(fcgi.ABORT, request_id=7), fcgi.record(fcgi.ABORT))
    assert conn.get("/hello").status == 200


# ---------------------------------------------------------------- params

def test_of_a_name_sent_twice_the_last_wins(conn):
    """Breaks when: the first of two equal names is taken, as libfcgi does."""
    env = list(fcgi.environment("GET", "/nowhere").items())
    env += [("PATH_INFO", "/show"), ("TWICE", "1"), ("TWICE", "2")]
    facts = Facts(conn.ask("GET", "/show", env=fcgi.pairs(env)))
    assert facts["path"] == "/show"
    assert [v for v in facts.all("param", "TWICE")][-1] == "2"


@pytest.mark.parametrize("chunk", [1, 2, 7, 8, 127, 129])
def test_pairs_split_over_records(conn, chunk):
    """Breaks when: a pair must lie within one record."""
    env = fcgi.environment("GET", "/show")
    env["LONG"] = "v" * 300
    reply = conn.ask("GET", "/show", env=env, params_chunk=chunk)
    assert Facts(reply).all("param", "LONG") == ["v" * 300]


def test_four_byte_lengths_for_short_names(conn):
    """Breaks when: a long form of a small length is refused."""
    block = fcgi.pairs(fcgi.environment("GET", "/show"), long=True)
    assert Facts(conn.ask("GET", "/show", env=block))["path"] == "/show"


@pytest.mark.parametrize("length", [127, 128, 129, 255, 256, 4000])
def test_long_names_and_values(conn, length):
    """Breaks when: lengths around 128 are read in the wrong form."""
    env = fcgi.environment("GET", "/show")
    env["N" * length] = "v" * length
    facts = Facts(conn.ask("GET", "/show", env=env))
    assert facts.all("param", "N" * length) == ["v" * length]


def test_empty_names_and_values(conn):
    """Breaks when: a pair of zero length ends the block."""
    env = list(fcgi.environment("GET", "/show").items())
    env = [("", ""), ("EMPTY", "")] + env + [("", "x"), ("LAST", "1")]
    facts = Facts(conn.ask("GET", "/show", env=fcgi.pairs(env)))
    assert facts.all("param", "EMPTY") == [""]
    assert facts.all("param", "LAST") == ["1"]


def test_ten_thousand_params(conn):
    """Breaks when: many small pairs are too much for the index."""
    env = list(fcgi.environment("GET", "/show").items())
    env += [("a", "1")] * 10000
    facts = Facts(conn.ask("GET", "/show-async", env=fcgi.pairs(env)))
    assert len(facts.all("param", "a")) in (1, 10000)


def test_one_record_of_65535_bytes(host):
    """Breaks when: the largest record of params is cut."""
    with Host(handlers=["live_show"], params_limit="256 KiB") as own:
        block = fcgi.pairs(fcgi.environment("GET", "/show"))
        rest = 65535 - len(block) - 1 - 4 - 4
        block += fcgi.pair("FILL", "f" * rest)
        assert len(block) == 65535
        facts = Facts(own.ask("GET", "/show", env=block))
        assert facts.all("param", "FILL") == ["f" * rest]


@pytest.mark.parametrize("size", [65 << 10, 1 << 20, 8 << 20])
def test_params_over_the_limit(host, size):
    """Breaks when: a 1 MB parameter is taken, or is not answered."""
    with host.connect() as conn:
        env = fcgi.environment("GET", "/show")
        env["HUGE"] = "h" * size
        env["REQUEST_ID"] = "huge-%d" % size
        try:
            conn.send(fcgi.request(env=env))
        except (BrokenPipeError, ConnectionResetError):
            pass	# closed after its answer
        conn.read_reply().problem(says="param")
        assert True


def test_params_at_the_limit(host):
    """Breaks when: the limit is off by one."""
    with Host(handlers=["live_show"], params_limit="4 KiB") as own:
        base = fcgi.pairs(fcgi.environment("GET", "/show"))
        fit = base + fcgi.pair("F", "f" * (4096 - len(base) - 6))
        assert len(fit) == 4096
        assert own.ask("GET", "/show", env=fit).status == 200
        over = base + fcgi.pair("F", "f" * (4096 - len(base) - 5))
        assert own.ask("GET", "/show", env=over).status in (400, 431)


@pytest.mark.parametrize("block", [
    b"\x05", b"\x05\x05abc", b"\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x80\x00\x00", b"\x01\xff\xff\xff\xffAB", b"\x7f\x7f" + b"a" * 100],
    ids=["half", "short", "2^31", "cut length", "value 2^31", "253 of 100"])
def test_lying_lengths_in_params(conn, block):
    """Breaks when: a length is believed (CVE-2025-23016)."""
    whole = fcgi.pairs(fcgi.environment("GET", "/show")) + block
    conn.ask("GET", "/show", env=whole).problem(400)
    assert conn.get("/hello").status == 200


@pytest.mark.parametrize("value", [b"a\0b", b"a\rb", b"a\r\nX: y", b"a\nb"])
def test_control_bytes_in_params(host, conn, value):
    """Breaks when: NUL or CR in a header gets into the log or reply."""
    for target in ("/show", "/show-async"):
        env = fcgi.environment("GET", target)
        env["HTTP_X_LIVE_ONE"] = value
        env["REMOTE_ADDR"] = value
        env["REQUEST_ID"] = value
        reply = conn.ask("GET", target, env=env)
        if reply.status == 200:
            assert "\n" not in Facts(reply)["id"]
        else:
            reply.problem(400)
    assert not [line for line in host.lines if line.startswith("X: y")]


@pytest.mark.parametrize("path", [b"/show\0", b"/sh\0ow", b"/\0"])
def test_nul_in_the_path(conn, path):
    """Breaks when: a path is cut at a NUL and another route is served."""
    env = fcgi.environment("GET", "/x")
    env["PATH_INFO"] = env["DOCUMENT_URI"] = path
    assert conn.ask("GET", "/x", env=env).status in (400, 404)


def test_no_method(conn):
    """Breaks when: REQUEST_METHOD is taken for granted."""
    env = fcgi.environment("GET", "/show")
    del env["REQUEST_METHOD"]
    conn.ask("GET", "/show", env=env).problem(400)


def test_no_params_at_all(conn):
    """Breaks when: an empty block is a crash."""
    conn.ask("GET", "/show", env=b"").problem(400)


def test_params_cut_off_are_never_served(host, gate):
    """Breaks when: a request whose params never ended is run (L4)."""
    data = fcgi.request("GET", gate.path())
    for cut in (4, 12, 16, 20, 60, len(data) - 17, len(data) - 9):
        with host.connect() as conn:
            conn.send(data[:cut])
            conn.finish_sending()
            conn.expect_closed()
    gate.nobody()


# ----------------------------------------------------- order and content

@pytest.mark.parametrize("records", [
    fcgi.stream(fcgi.PARAMS, b"\x01\x01ab"),
    fcgi.stream(fcgi.STDIN, b"stray"),
    fcgi.record(fcgi.DATA, b"stray"),
    fcgi.record(fcgi.STDOUT, b"stray"),
    fcgi.record(fcgi.END, bytes(8)),
], ids=["params", "stdin", "data", "stdout", "end"])
def test_records_without_a_request(host, records):
    """Breaks when: a record for no request does harm."""
    with host.connect() as conn:
        conn.send(records)
        try:
            conn.send(fcgi.request("GET", "/hello", request_id=2))
            while conn.read_record().type == fcgi.UNKNOWN_TYPE:
                pass
            assert conn.records[-1].type == fcgi.STDOUT
            assert conn.records[-1].id == 2
        except (fcgi.Closed, ConnectionError) as error:
            assert getattr(error, "partial", b"") == b""


@pytest.mark.parametrize("content", [b"", b"\0", b"\0\1\1", bytes(7)])
def test_short_begin(host, content):
    """Breaks when: a BEGIN_REQUEST of too few bytes is read over its end."""
    with host.connect() as conn:
        try:
            conn.send(fcgi.record(fcgi.BEGIN, content)
                      + fcgi.request("GET", "/hello")[16:])
            conn.finish_sending()
            while True:
                assert conn.read_record().type != fcgi.STDOUT
        except (fcgi.Closed, ConnectionError) as error:
            assert getattr(error, "partial", b"") == b""


def test_begin_with_id_zero(host):
    """Breaks when: id 0, kept for management, starts a request."""
    with host.connect() as conn:
        conn.send(fcgi.request("GET", "/hello", request_id=0))
        conn.finish_sending()
        try:
            while True:
                assert conn.read_record().type != fcgi.STDOUT
        except fcgi.Closed as closed:
            assert closed.partial == b""


def test_data_records_are_ignored(conn):
    """Breaks when: an FCGI_DATA stream is taken for the body."""
    data = fcgi.request("POST", "/show", b"body")
    conn.send(data[:16], fcgi.stream(fcgi.DATA, b"filter"), data[16:])
    assert Facts(conn.read_reply())["body"] == "body"


def test_records_after_the_end_of_stdin(conn):
    """Breaks when: bytes after the end of a body reach the next request."""
    conn.send(fcgi.request("POST", "/show", b"body")
              + fcgi.stream(fcgi.STDIN, b"more"))
    assert Facts(conn.read_reply())["body"] == "body"
    try:
        assert Facts(conn.post("/show", b"next"))["body"] == "next"
    except (fcgi.Closed, ConnectionError) as error:
        assert getattr(error, "partial", b"") == b""


# -------------------------------------------------------- CONTENT_LENGTH

def post(said, body):
    env = fcgi.environment("POST", "/show", body, extra={
        "CONTENT_LENGTH": said})
    return fcgi.request(env=env, body=body)


@pytest.mark.parametrize("said", ["-1", "9223372036854775808", "1e3", "x",
                                  "18446744073709551617", " ", "5 5", "0x5",
                                  "+5"])
def test_content_length_that_is_no_number(conn, said):
    """Breaks when: CONTENT_LENGTH is read with atoi."""
    conn.send(post(said, b"12345"))
    conn.read_reply().problem(400)


@pytest.mark.parametrize("body", [b"", b"1234"])
def test_body_shorter_than_announced(conn, body):
    """Breaks when: a cut-off upload is served as a whole one."""
    conn.send(post("5", body))
    conn.read_reply().problem(400)


def test_body_longer_than_announced(conn):
    """Breaks when: the rest is taken for the body or the next request."""
    conn.send(post("5", b"1234567890"))
    reply = conn.read_reply()
    if reply.status == 200:
        assert Facts(reply)["body"] == "12345"
    else:
        reply.problem(400)
    try:
        assert conn.get("/hello").status == 200
    except (fcgi.Closed, ConnectionError) as error:
        assert getattr(error, "partial", b"") == b""


def test_body_without_a_length(conn):
    """Breaks when: nginx's fastcgi_request_buffering off loses the body."""
    env = fcgi.environment("POST", "/show", length=False)
    assert "CONTENT_LENGTH" not in env
    conn.send(fcgi.request(env=env, body=b"chunked", chunk=2))
    assert Facts(conn.read_reply())["body"] == "chunked"


def test_empty_content_length_is_none(conn):
    """Breaks when: CONTENT_LENGTH "", as nginx sends for GET, is a fault."""
    env = fcgi.environment("GET", "/show", extra={"CONTENT_LENGTH": ""})
    assert Facts(conn.ask("GET", "/show", env=env))["bytes"] == "0"


# ------------------------------------------------------------- and noise

def test_noise(host):
    """Breaks when: some sequence of bytes kills or wedges the front."""
    chance = random.Random(2)
    whole = fcgi.request("POST", "/show", b"noise" * 20, padding=3)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        with host.connect() as conn:
            try:
                conn.send(bytes(data))
                conn.finish_sending()
                while conn.sock.recv(65536):
                    pass
            except ConnectionError:
                pass


def test_records_in_any_order(host):
    """Breaks when: a legal record at the wrong time kills the front."""
    chance = random.Random(3)
    parts = [fcgi.begin(), fcgi.begin(2), fcgi.record(fcgi.ABORT),
             fcgi.stream(fcgi.PARAMS, fcgi.pairs(fcgi.environment(
                 "POST", "/show-async", b"12"))),
             fcgi.record(fcgi.PARAMS), fcgi.record(fcgi.STDIN, b"12"),
             fcgi.record(fcgi.STDIN), fcgi.record(fcgi.DATA, b"d"),
             fcgi.record(fcgi.GET_VALUES, b"", 0), fcgi.record(77, b"", 0)]
    for _ in range(300):
        with host.connect() as conn:
            try:
                conn.send(b"".join(chance.choice(parts) for _ in range(12)))
                conn.finish_sending()
                while True:
                    conn.read_record()
            except (fcgi.Closed, ConnectionError) as error:
                assert getattr(error, "partial", b"") == b""


def test_a_thousand_idle_kept_connections(host):
    """Breaks when: an idle kept connection costs a thread or a process."""
    def size():
        running = host.processes()
        return {pid: threads(pid) for pid in running}
    assert host.get("/hello-async").status == 200
    before = size()
    conns = []
    try:
        for _ in range(1000):
            conns.append(host.connect())
            assert conns[-1].get("/hello").status == 200
        assert size() == before
        for conn in conns[::7]:
            assert conn.get("/hello-async").status == 200
        assert size() == before
    finally:
        for conn in conns:
            conn.close()


def test_half_closed_client_still_gets_its_reply(host):
    """Breaks when: shutdown(SHUT_WR) after the request counts as leaving.

    A client that half-closes is rare; the host may treat it as gone, but
    never as a crash or half a reply.
    """
    with host.connect() as conn:
        conn.send(fcgi.request("GET", "/hello", keep=False))
        conn.finish_sending()
        try:
            assert conn.read_reply().status == 200
        except fcgi.Closed as closed:
            assert closed.partial == b""


def test_clients_that_vanish_leave_nothing(host):
    """Breaks when: a connection of a client that left is kept."""
    front = host.pid_of("front")
    assert host.get("/hello").status == 200
    before = len(descriptors(front))
    data = fcgi.request("POST", "/show-async", b"x" * 100)
    for cut in range(0, len(data), 9):
        with host.connect() as conn:
            conn.send(data[:cut] or data)
    wait_until(lambda: len(descriptors(front)) <= before,
               what="the descriptors of connections that are gone")
