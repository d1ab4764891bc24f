"""Names and passwords (RFC 7617): who gets in, and what their hashes cost."""

import base64
import json
import os
import re
import subprocess
import threading
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import BINARY, Host
from lib.passwords import Crypt, basic, hashed, section, user

ADA, BOB = basic("ada", "Lovelace: 1815"), basic("bob", "builder")
# of the Apache manual, as htpasswd -B makes it: "myPassword"
APACHE = "$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"
USERS = user("ada", "Lovelace: 1815", "read write") + user("bob", "builder")
BODY = {"POST /body": {"auth": "people"}, "POST /body-sync": {"auth": "basic"},
        "GET /gate": {"auth": "people"}, "GET /open": {"auth": "none"},
        "GET /whoami": {"auth": "people"},
        "GET /whoami-async": {"auth": "people", "scopes": "write"}}


def put(folder, text, mode=0o600):
    path = os.path.join(str(folder), "users")
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


@pytest.fixture(scope="module")
def libcrypt():
    with Crypt() as one:
        yield one


@pytest.fixture
def crypt(libcrypt):
    yield libcrypt
    libcrypt.reset()


@pytest.fixture
def secret(tmp_path):
    return put(tmp_path, USERS)


def served(secret, crypt=None, handlers=("whoami", "live_body", "live_gate"),
           **options):
    options.setdefault("routes", BODY)
    options.setdefault("extra", section(secret))
    if crypt is not None:
        options.update(crypt.options)
    return Host(handlers=list(handlers), **options)


def ask(host, path="/whoami", headers=ADA, client="192.0.2.1"):
    return host.get(path, headers=headers, extra={"REMOTE_ADDR": client})


def send(host, path="/whoami", headers=ADA, client="192.0.2.1"):
    """A connection on which the question is, whose answer may take long."""
    conn = host.connect()
    conn.send(fcgi.request("GET", path, headers=headers,
                           extra={"REMOTE_ADDR": client}))
    return conn


# --------------------------------------------------------------- who gets in

def test_names_and_passwords(tmp_path):
    """Breaks when: a hash of a kind that may be is not understood, a right
    password is refused, or the handler, in the front or in a worker, sees
    another name."""
    path = put(tmp_path, USERS.replace("\n", "\r\n") + "# nobody\n\n" + (
        "htpasswd:%s\nzoë:%s:read\n" % (APACHE, hashed("grüße", "$6$ab$"))) +
        user("yes", "crypt", setting="$y$j75$abcdefgh$"))
    with served(path) as host, host.connect() as conn:
        for name, password, scopes in (
                ("ada", "Lovelace: 1815", "read write"),
                ("bob", "builder", ""), ("yes", "crypt", ""),
                ("htpasswd", "myPassword", ""), ("zoë", "grüße", "read")):
            reply = conn.get("/whoami", headers=basic(name, password))
            assert reply.json == {
                "auth": "people", "name": name, "scopes": scopes,
                "may_write": "write" in scopes, "claims": "{}"}, name
            reply = conn.get("/whoami-async", headers=basic(name, password))
            assert reply.status == (200 if "write" in scopes else 403)
        lower = {"Authorization": ADA["Authorization"].replace("B", "b", 1)}
        assert conn.get("/whoami", headers=lower).json["name"] == "ada"
        openapi = json.loads(host.command(
            "openapi", "-c", host.file).stdout)["components"]
        assert openapi["securitySchemes"] == {
            "people": {"type": "http", "scheme": "basic"}}
        done = host.command("call", "-c", host.file, "--as", "eve",
                            "--scopes", "write", "GET", "/whoami-async")
        assert json.loads(done.stdout)["name"] == "eve"


def test_who_does_not(secret):
    """Breaks when: something gets in that is not NAME:PASSWORD of a user, byte
    for byte; or a browser is not told what to ask for."""
    def sends(text):
        return {"Authorization": text}

    def of(data):
        return sends("Basic " + base64.b64encode(data).decode())
    good = ADA["Authorization"]
    pair = b"ada:Lovelace: 1815"
    assert of(pair) == ADA and BOB["Authorization"].endswith("I=")
    with served(secret, auth_failures=0) as host, host.connect() as conn:
        for headers in (
                {}, sends("Basic"), sends("Basic "), sends(good[6:]),
                sends("Bearer " + good[6:]), sends(good + "="),
                sends(good[:-1]), sends(BOB["Authorization"][:-1]),
                sends(BOB["Authorization"][:-2] + "J="),
                sends(good + " " + good), sends("Basic *" + good[7:]),
                sends(good + ", " + good), sends("Basic " + "A" * 9000),
                sends("Basic " + "A" * 9001), of(b"ada"), of(b":"),
                of(b""), of(b"ada:"), of(b"ada:Lovelace"), of(pair + b" "),
                of(pair + b"\0"), of(pair + b"\0x"), of(b"\0" + pair),
                of(b"ada\0:Lovelace: 1815"), of(pair + b"\n"),
                of(b"ADA:Lovelace: 1815"), of(b"eve:Lovelace: 1815"),
                of(b"bob:Lovelace: 1815"), of(b"ada:" + b"x" * 511),
                of(b"ada:" + b"x" * 512), of(b"ada:" + b"x" * 5000),
                of(b"a" * 600 + b":x"), of(pair.replace(b"L", b"\xff"))):
            reply = conn.get("/whoami", headers=headers)
            reply.problem(401)
            assert reply.header("WWW-Authenticate") == (
                'Basic realm="people", charset="UTF-8"')
        assert conn.get("/whoami", headers=of(pair)).status == 200
        twice = fcgi.pairs(fcgi.environment("GET", "/whoami")) + 2 * fcgi.pair(
            "HTTP_AUTHORIZATION", good)
        conn.send(fcgi.request(env=twice))
        conn.read_reply().problem(401)


def test_one_of_several(tmp_path):
    """Breaks when: a password is looked for in one file only, or a key that
    would do is not asked for because a password is wrong."""
    first = put(tmp_path, USERS)
    os.rename(first, first + "-1")
    second = put(tmp_path, user("bob", "other") + user("eve", "apple"))
    keys = os.path.join(str(tmp_path), "keys")
    with open(keys, "w") as file:
        file.write("cat 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5"
                   "e886266e7ae\n")	# "foo"
    os.chmod(keys, 0o600)
    extra = section(first + "-1", "one") + section(second, "two") + (
        'auth "keys" {\n type = key\n keys_file = "%s"\n}\n' % keys)
    with served(secret, extra=extra, handlers=["whoami"], auth_failures=0,
                routes={"GET /whoami": {"auth": "one two keys"}}) as host:
        for headers, section_, name in (
                (ADA, "one", "ada"), (BOB, "one", "bob"),
                (basic("bob", "other"), "two", "bob"),
                (basic("eve", "apple"), "two", "eve"),
                ({**basic("eve", "x"), "X-API-Key": "foo"}, "keys", "cat")):
            who = ask(host, headers=headers).json
            assert (who["auth"], who["name"]) == (section_, name)
        reply = ask(host, headers=basic("eve", "x"))
        reply.problem(401)
        assert [one.split()[0] for one in reply.all("WWW-Authenticate")] == [
            "Basic", "Basic", "ApiKey"]


def test_as_a_cgi_program(secret):
    """Breaks when: `cgi` serves whom the front would not."""
    with served(secret) as host:
        def run(headers):
            env = {**os.environ, **fcgi.environment(
                "GET", "/whoami", headers=headers)}
            return subprocess.run(
                [BINARY, "cgi", "-c", host.file], capture_output=True,
                text=True, env={name: value.decode() if isinstance(
                    value, bytes) else value
                    for name, value in env.items()}).stdout
        assert run(basic("ada", "x")).startswith("Status: 401")
        assert run(ADA).startswith("Status: 200") and '"ada"' in run(ADA)


# ------------------------------------------------------------ what hashes cost

def test_one_hash_for_many_requests(secret, crypt):
    """Breaks when: a password that was right is hashed again before a reload,
    one that was wrong is not, or a name that nobody has costs no hash, so that
    time tells who is a user."""
    with served(secret, crypt) as host:
        for _ in range(3):
            assert ask(host).status == ask(host, "/whoami-async").status == 200
        assert crypt.calls() == 1
        for count, name in enumerate(("ada", "ada", "eve", "mallory", "eve")):
            assert ask(host, headers=basic(name, "x")).status == 401
            assert crypt.calls() == 2 + count
        assert ask(host, headers=basic("eve", "\x01")).status == 401
        assert crypt.calls() == 6
        host.reload()
        assert ask(host).status == ask(host).status == 200
        assert crypt.calls() == 7
        put(os.path.dirname(secret), USERS.replace("ada", "eve"))
        host.reload()
        assert ask(host).status == 401


def test_others_are_served_meanwhile(secret, crypt):
    """Breaks when: a hash holds up the front or other connections, the body
    that comes meanwhile is lost, or it is kept for somebody not yet known."""
    body = os.urandom(300000)
    with served(secret, crypt, body_memory="64 KiB") as host:
        assert ask(host).status == 200
        crypt.hold()
        conns = []
        for path, cut in (("/body", 1000), ("/body-sync", 100000),
                          ("/body", 60000)):
            data = fcgi.request("POST", path, body, headers=BOB)
            conns.append((host.connect(), path, data, cut))
            conns[-1][0].send(data[:cut])
        crypt.at(2)
        assert ask(host).status == ask(host, "/whoami-async").status == 200
        assert not [name for name in host.files_in_state()
                    if "spool" in name]
        crypt.go()
        for conn, path, data, cut in conns:
            conn.send(data[cut:])
            reply = conn.read_reply()
            assert reply.status == 200 and "length=300000\n" in reply.text
            same = host.post(path, body, headers=ADA)
            assert re.search("hash=.*", same.text)[0] in reply.text
            assert conn.get("/whoami", headers=ADA).status == 200
            conn.close()
        assert crypt.calls() == 2


def test_who_leaves_meanwhile(secret, crypt):
    """Breaks when: a client that leaves while its password is hashed takes the
    front with it, is forgotten as one that failed, or has a hash computed for
    nobody."""
    with served(secret, crypt, auth_failures=1) as host:
        crypt.hold()
        gone = [send(host, headers=basic("ada", "x"))]
        crypt.at()
        gone += [send(host, client="192.0.2.%d" % i) for i in range(2, 6)]
        body = fcgi.request("POST", "/body", b"x" * 100000, headers=BOB)
        stays = host.connect()
        stays.send(body[:50000])
        wait_until(lambda: host.status()["front"]["connections"] >= 6)
        for conn in gone[:3]:
            conn.close()
        for conn in gone[3:]:
            conn.reset()
        wait_until(lambda: host.status()["front"]["connections"] <= 2)
        crypt.go()
        stays.send(body[50000:])
        assert stays.read_reply().status == 200
        assert crypt.calls() == 2
        assert ask(host).status == 429
        assert ask(host, client="192.0.2.2").status == 200
        stays.close()


def test_how_many_may_wait(secret, crypt):
    """Breaks when: more than 64 requests, or 16 of one address, wait for
    hashes; or one that waited is not answered, or an equal password is hashed
    for each."""
    with served(secret, crypt, connections=200) as host:
        crypt.hold()
        first = send(host, client="192.0.2.0")
        crypt.at()
        one = [send(host, client="192.0.2.1") for _ in range(16)]
        reply = ask(host)
        reply.problem(503)
        assert reply.header("Retry-After") == "1"
        more = [send(host, client="192.0.2.%d" % (i // 16))
                for i in range(32, 80)]
        ask(host, client="192.0.2.9").problem(503)
        assert ask(host, "/open", {}).status == 404
        crypt.go()
        for conn in [first] + one + more:
            assert conn.read_reply().json["name"] == "ada"
            conn.close()
        assert crypt.calls() == 1
        assert ask(host).status == 200


def test_a_flood_of_wrong_passwords(secret, crypt):
    """Breaks when: a client that sends wrong ones has each hashed, those that
    wait already included; or one that is known, or elsewhere, is refused with
    it."""
    with served(secret, crypt, auth_failures=3) as host:
        assert ask(host).status == 200
        crypt.hold()
        conns = [send(host, headers=basic("ada", "x%d" % i))
                 for i in range(8)]
        crypt.at(2)
        crypt.go()
        seen = []
        for conn in conns:
            seen.append(conn.read_reply().status)
            conn.close()
        assert sorted(seen) == [401] * 3 + [429] * 5
        assert ask(host, headers=basic("ada", "y")).status == 429
        assert ask(host, headers=BOB).status == 429
        assert crypt.calls() == 4
        assert ask(host).status == 200
        assert ask(host, headers=BOB, client="192.0.2.2").status == 200


def test_before_the_queue(secret, crypt, gate):
    """Breaks when: a request whose password is not known yet takes a place in
    its pool's queue; or the time it waited for its hash does not count."""
    with served(secret, crypt, pools={"default": {
            "workers": 1, "queue": 1, "queue_timeout": "300ms"}}) as host:
        assert ask(host, headers=BOB).status == 200
        crypt.hold()
        waits = [send(host, "/whoami-async", client="192.0.2.%d" % i)
                 for i in range(4)]
        crypt.at(2)
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path(), headers=BOB))
            held = gate.accept()
            queued = host.status()["pools"][0]["queued"]
            held.tell("go")
            assert queued == 0 and conn.read_reply().status == 200
        time.sleep(0.3)
        crypt.go()
        for conn in waits:
            conn.read_reply().problem(503, says="queue_timeout")
            conn.close()


# ---------------------------------------------------------- changes meanwhile

@pytest.mark.parametrize("gone", [False, True], ids=["user", "no-user"])
def test_a_reload_meanwhile(secret, crypt, gone):
    """Breaks when: a request whose password is hashed, or waits for it, or
    whose body has not come, is lost by a reload, is answered twice, or its
    connection is not the new front's afterwards."""
    with served(secret, crypt) as host:
        crypt.hold()
        conns = [send(host, path) for path in ("/whoami", "/whoami-async",
                                               "/whoami")]
        crypt.at()
        half = fcgi.request("POST", "/body", b"h" * 100000, headers=ADA)
        conns.append(host.connect())
        conns[-1].send(half[:20000])
        put(os.path.dirname(secret), USERS.replace("ada", "eve")
            if gone else USERS)
        number = host.number()
        host.reload()
        assert host.number() > number
        crypt.go()
        conns[3].send(half[20000:])
        for conn in conns:
            assert conn.read_reply().status == 200
        host.wait_settled()
        for conn in conns:
            assert conn.get("/whoami", headers=ADA).status == (
                401 if gone else 200)
            conn.close()


def test_what_is_queued_stays_with_its_workers(secret, crypt, gate):
    """Breaks when: a reload sends a request that has shown its password to a
    front that would have to hash it again; or it is lost."""
    with served(secret, crypt, pools={"default": {"workers": 1}}) as host:
        conns = [host.connect() for _ in range(6)]
        conns[0].send(fcgi.request("GET", gate.path(), headers=ADA))
        held = gate.accept()
        for conn in conns[1:]:
            conn.send(fcgi.request("GET", "/whoami-async", headers=ADA))
        wait_until(lambda: host.status()["pools"][0]["queued"] == 5)
        calls = crypt.calls()
        host.reload()
        for conn in conns[1:]:
            conn.expect_quiet(0.02)
        held.tell("go")
        for conn in conns:
            assert conn.read_reply().status == 200
        assert crypt.calls() == calls
        host.wait_settled()
        for conn in conns:
            assert conn.get("/whoami", headers=ADA).status == 200
            conn.close()


@pytest.mark.parametrize("drain, status", [("10s", 200), ("100ms", 503)])
def test_a_stop_meanwhile(secret, crypt, drain, status):
    """Breaks when: a stop does not wait for a hash, or, when drain_timeout is
    over, for good, or leaves somebody without an answer."""
    with served(secret, crypt, drain_timeout=drain) as host:
        crypt.hold()
        conns = [send(host), send(host, "/whoami-async")]
        crypt.at()
        stopping = threading.Thread(target=host.stop)
        stopping.start()
        host.wait_note("STOPPING=1")
        if status == 200:
            crypt.go()
        for conn in conns:
            assert conn.read_reply().status == status
            conn.close()
        stopping.join()
        if status != 200:
            crypt.go()


# ------------------------------------------------------------------- the file

HASH = hashed("builder")


@pytest.mark.parametrize("text, mode, why", [
    ("bob:builder\n", 0o600, 'line 1: the hash of "bob" is of a kind'),
    ("bob:$apr1$ab$rDRSEnTDoTHTzyrm4qDVk/\n", 0o600, "of a kind"),
    ("bob:{SHA}zRtB0gfUNDAUuAQPEKKiPZNtmoo=\n", 0o600, "of a kind"),
    ("bob:$1$ab$bPoFRqzdHmVFcD0hmgUM51\n", 0o600, "of a kind"),
    ("bob:\n", 0o600, "of a kind"), ("bob:!%s\n" % HASH, 0o600, "of a kind"),
    ("\n# x\nbob:%s\n" % HASH[:-1], 0o600, "line 3: the hash of"),
    ("bob:%sx\n" % HASH, 0o600, "too many"),
    ("bob:$y$jFT$abcdefgh$%s\n" % ("a" * 43), 0o600, "over 64 MiB"),
    ("bob\n", 0o600, "line 1: is not NAME:HASH"),
    (":%s\n" % HASH, 0o600, "has no name"),
    ("%s:%s\n" % ("b" * 64, HASH), 0o600, "over 63 bytes"),
    ("bob:%s:a\\b\n" % HASH, 0o600, "a scope is"),
    ("bob:%s\n" % HASH * 2, 0o600, '"bob" is there twice'),
    ("b\0b:%s\n" % HASH, 0o600, "NUL"),
    ("bob:%s\n" % HASH, 0o644, "everybody may read it"),
    ("bob:%s\n" % HASH, 0o620, "may write to it")])
def test_files_that_are_not_used(kept, text, mode, why):
    """Breaks when: a hash that is none or can be guessed, or a file that
    others could read or change, is used; what served is given up for it; or
    what may be a password is shown."""
    path = put(kept.users, text, mode)
    for said in (kept.reload(code=1).document["reason"],
                 kept.command("check", "-c", kept.file).stderr):
        assert why in said and path in said
        assert "builder" not in said and HASH[:20] not in said
        assert "mkpasswd -m yescrypt" in said or "hash" not in why
    assert ask(kept).status == 200


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("users")
    with served(put(folder, USERS)) as host:
        host.users = folder
        yield host


@pytest.mark.parametrize("text, why", [
    ("type = basic", "users_file: is missing"),
    ('type = basic\n users_file = "/x"\n header = "X"', "header: is of no use"),
    ('type = key\n keys_file = "/x"\n users_file = "/x"',
     "users_file: is of no use")])
def test_sections_that_are_none(tmp_path, text, why):
    """Breaks when: an option that has no effect is taken, or one that is
    wanted is not asked for."""
    path = os.path.join(str(tmp_path), "host.conf")
    with open(path, "w") as file:
        file.write('auth "a" {\n %s\n}\n' % text)
    done = subprocess.run([BINARY, "check", "-c", path], text=True,
                          capture_output=True)
    assert done.returncode != 0 and why in done.stderr


def test_the_plan_counts_a_hash(tmp_path, secret):
    """Breaks when: the memory of a hash is not in the plan."""
    def buffers(text):
        path = os.path.join(str(tmp_path), "host.conf")
        with open(path, "w") as file:
            file.write('handlers = "%s"\n%s' % (tmp_path, text))
        done = subprocess.run([BINARY, "plan", "-c", path], text=True,
                              capture_output=True)
        return float(re.search(r"(?m)^buffers +([\d.]+) MiB",
                               done.stdout)[1])
    assert round(buffers(section(secret)) - buffers("")) == 64
