"""Keys and tokens: who may ask, and what a handler learns of it.

Tokens are made by PyJWT, which shares no line with the host.
"""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from jwt.algorithms import RSAAlgorithm

from lib import build, fcgi
from lib.fcgi import wait_until
from lib.host import BINARY, Host, sanitized
from lib.passwords import hashed, section, user

KEY, OTHER, SECRET = "k" * 40, "o" * 40, "s" * 40
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED = ed25519.Ed25519PrivateKey.generate()


def pem(private):
    return private.public_key().public_bytes(
        serialization.Encoding.PEM,
        serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def line(name, key, *scopes):
    return " ".join((name, hashlib.sha256(key.encode()).hexdigest(),
                     *scopes)) + "\n"


def token(algorithm="RS256", key=RSA, headers=None, **claims):
    claims = {"sub": "ada", "exp": time.time() + 600, **claims}
    return jwt.encode({name: value for name, value in claims.items()
                       if value is not None}, key, algorithm, headers)


def bearer(text):
    return {"Authorization": "Bearer " + text}


def extra(folder, algorithm="RS256", more=""):
    return ('auth "partners" {\n type = key\n keys_file = "%s/keys"\n}\n'
            'auth "staff" {\n type = bearer\n algorithm = %s\n'
            ' key_file = "%s/key"\n%s}\n' % (folder, algorithm, folder, more))


def put(folder, name, text, mode=0o600):
    path = os.path.join(str(folder), name)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


@pytest.fixture
def secrets(tmp_path):
    """A folder of keys, as extra() wants it."""
    put(tmp_path, "keys", line("ada", KEY, "read", "write") +
        "# not this one\n" + line("bob", OTHER))
    put(tmp_path, "key", pem(RSA), 0o644)
    return tmp_path


def served(secrets, handlers=("live_access", "whoami"), **options):
    options.setdefault("extra", extra(secrets))
    return Host(handlers=list(handlers), **options)


# ----------------------------------------------------------------- keys

def test_keys_and_who_they_are(secrets):
    """Breaks when: a key is not asked for, is taken wrong, or the handler,
    in the front or in a worker, sees another name."""
    routes = {"GET /whoami": {"auth": "partners"},
              "GET /whoami-async": {"auth": "partners", "scopes": "read"}}
    with served(secrets, routes=routes) as host, host.connect() as conn:
        reply = conn.get("/whoami")
        reply.problem(401)
        assert reply.header("WWW-Authenticate") == (
            'ApiKey realm="partners", header="X-API-Key"')
        for headers in ({"X-API-Key": KEY[:-1]}, {"X-API-Key": KEY + "k"},
                        {"X-API-Key": ""}, {"Authorization": KEY}):
            conn.get("/whoami", headers=headers).problem(401)
        for path in ("/whoami", "/whoami-async"):
            reply = conn.get(path, headers={"X-API-Key": KEY})
            assert json.loads(reply.text) == {
                "auth": "partners", "name": "ada", "scopes": "read write",
                "may_write": True, "claims": "{}"}
        reply = conn.get("/whoami-async", headers={"X-API-Key": OTHER})
        reply.problem(403)
        assert "scopes" in reply.text
        refused = {one["route"]: one["refused"]["access"]
                   for one in host.status()["routes"]}
        assert refused["GET /whoami"] == 5
        assert refused["GET /whoami-async"] == 1


def test_nobody_says_who_he_is(secrets):
    """Breaks when: what a client or a web server sends passes for an
    identity."""
    with served(secrets) as host, host.connect() as conn:
        made = b"partners\0root\0write\0{}\0"
        for name in ("REMOTE_USER", "FH_IDENTITY", "HTTP_X_IDENTITY",
                     "\0identity"):
            reply = conn.get("/whoami", extra={name: made})
            assert reply.text == "Nobody in particular.\n"


def test_which_routes_are_open(secrets):
    """Breaks when: the auth for all misses a route, or holds where a handler
    or the configuration has excepted one."""
    with served(secrets, default_auth="partners",
                routes={"GET /whoami": {"auth": "none"}}) as host:
        for path, status in (("/open", 200), ("/unsaid", 401),
                             ("/keyed", 401), ("/token", 401),
                             ("/whoami", 200), ("/whoami-async", 401)):
            assert host.get(path).status == status, path
        assert host.get("/unsaid", headers={"X-API-Key": OTHER}).text == "bob"
        with host.connect() as conn:
            assert conn.ask("OPTIONS", "/unsaid").status == 204


# --------------------------------------------------------------- tokens

@pytest.mark.parametrize("algorithm, key, public", [
    ("RS256", RSA, pem(RSA)), ("EdDSA", ED, pem(ED)),
    ("HS256", SECRET, SECRET)], ids=["RS256", "EdDSA", "HS256"])
def test_tokens(secrets, algorithm, key, public):
    """Breaks when: a sound token of one of the algorithms is refused, or one
    that is not sound is taken."""
    put(secrets, "key", public)
    more = ' issuer = "joe"\n audience = { "us" }\n'
    with served(secrets, extra=extra(secrets, algorithm, more)) as host:
        sound = {"iss": "joe", "aud": ["us", "them"], "scope": "read x"}
        with host.connect() as conn:
            def status(text):
                return conn.get("/token", headers=bearer(text)).status
            good = token(algorithm, key, **sound)
            for _ in range(2):		# verified, then known
                reply = conn.get("/token", headers=bearer(good))
                assert reply.status == 200 and reply.text == "ada"
            assert status(token(algorithm, key, **{
                **sound, "scope": "write"})) == 403
            for wrong in ({"exp": time.time() - 60}, {"exp": None},
                          {"nbf": time.time() + 60}, {"iss": "jim"},
                          {"iss": None}, {"aud": "them"}, {"aud": None}):
                assert status(token(algorithm, key,
                                    **{**sound, **wrong})) == 401, wrong
            head, body, mark = good.split(".")
            none = jwt.encode(sound, None, "none")
            for bad in (none, head + "." + body + ".", good[:-2],
                        "%s.%s.%s" % (head, body[:-4] + "AAAA", mark),
                        good + "." + mark, "A" * 9000, good + ".a.b"):
                assert status(bad) == 401, bad[:60]


def test_a_public_key_is_no_secret(secrets):
    """Breaks when: a token that is signed with the text of the public key, as
    if it were HS256's secret, is taken."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    text = b".".join((part(b'{"alg":"HS256"}'), part(json.dumps(
        {"sub": "eve", "exp": time.time() + 600,
         "scope": "read"}).encode())))
    mark = hmac.new(pem(RSA).encode(), text, hashlib.sha256).digest()
    with served(secrets) as host:
        forged = (text + b"." + part(mark)).decode()
        reply = host.get("/token", headers=bearer(forged))
        reply.problem(401)
        assert 'error="invalid_token"' in reply.header("WWW-Authenticate")
        assert "another algorithm" in reply.text


def test_a_set_of_keys(secrets):
    """Breaks when: kid does not choose, or a key that was taken out of the
    set still lets its tokens in after a reload."""
    def jwk(private, name):
        return {**json.loads(RSAAlgorithm.to_jwk(private.public_key())),
                "kid": name}
    new = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = put(secrets, "set", json.dumps(
        {"keys": [jwk(RSA, "old"), jwk(new, "new")]}))
    section = ('auth "staff" {\n type = bearer\n jwks_file = "%s"\n}\n'
               'auth "partners" {\n type = key\n keys_file = "%s/keys"\n}\n'
               % (path, secrets))
    with served(secrets, extra=section) as host:
        def status(private, name):
            return host.get("/token", headers=bearer(token(
                key=private, headers={"kid": name} if name else None,
                scope="read"))).status
        assert status(RSA, "old") == status(new, "new") == 200
        assert status(new, None) == 200
        assert status(RSA, "new") == status(RSA, "none") == 401
        put(secrets, "set", json.dumps({"keys": [jwk(new, "new")]}))
        assert host.reload().code == 0
        assert status(RSA, "old") == 401 and status(new, "new") == 200


def test_one_of_several(secrets):
    """Breaks when: of two sections only the first is asked, or what is wrong
    with one is said of the other."""
    with served(secrets) as host:
        assert host.get("/either", headers={"X-API-Key": OTHER}).text == "bob"
        assert host.get("/either", headers=bearer(token())).text == "ada"
        reply = host.get("/either")
        reply.problem(401)
        challenges = reply.all("WWW-Authenticate")
        assert [one.split()[0] for one in challenges] == ["ApiKey", "Bearer"]
        assert "error" not in challenges[1]
        assert "no credentials" in reply.json["detail"]
        for headers, is_told in (({"X-API-Key": "wrong"}, False),
                                 (bearer("a.b.c"), True)):
            reply = host.get("/either", headers=headers)
            reply.problem(401)
            told = reply.all("WWW-Authenticate")[1]
            assert ("error=" in told) is is_told
        twice = fcgi.environment("GET", "/either")
        block = fcgi.pairs(twice) + 2 * fcgi.pair(
            "HTTP_AUTHORIZATION", "Bearer " + token())
        with host.connect() as conn:
            conn.send(fcgi.request(env=block))
            conn.read_reply().problem(401)


# -------------------------------------------------- floods, queues, bodies

def test_a_flood_of_bad_tokens(secrets):
    """Breaks when: a client that sends bad tokens has each verified, or one
    that is known, or elsewhere, is refused with it."""
    with served(secrets, auth_failures=5) as host, host.connect() as conn:
        good, fresh = token(scope="read"), token(scope="read", sub="eve")

        def status(text, client):
            return conn.get("/token", headers=bearer(text),
                            extra={"REMOTE_ADDR": client}).status
        assert status(good, "192.0.2.1") == 200
        seen = [status(token(scope="read", jti=str(i), iss="x")[:-4] + "AAAA",
                       "192.0.2.1") for i in range(8)]
        assert seen == [401] * 5 + [429] * 3
        assert status(good, "192.0.2.1") == 200
        assert status(fresh, "192.0.2.1") == 429
        assert status(fresh, "192.0.2.2") == 200


def test_before_the_queue_and_the_body(secrets, gate):
    """Breaks when: who is not known takes a place in the queue, or has a
    body kept for him."""
    with served(secrets, ["live_access", "live_gate"], extra=extra(secrets),
                pools={"default": {"workers": 1, "queue": 0}},
                body_memory="64 KiB") as host:
        with host.connect() as held, host.connect() as conn:
            held.send(fcgi.request("GET", gate.path("/gate")))
            inside = gate.accept()
            conn.get("/token").problem(401)
            conn.get("/token", headers=bearer(token(scope="read"))).problem(
                503)
            conn.send(fcgi.begin() + fcgi.stream(fcgi.PARAMS, fcgi.pairs(
                fcgi.environment("POST", "/token", b"x" * 100000))))
            conn.read_reply().problem(401)	# not a byte of it was sent
            inside.tell("go")
            assert held.read_reply().status == 200


def test_a_job_is_its_owners(secrets):
    """Breaks when: a job does not run as who sent it, others can see it, or
    its database has the key."""
    with served(secrets) as host:
        def ask(path, key):
            return host.get(path, headers={"X-API-Key": key} if key else {})
        assert host.post("/later").status == 401
        # as the front names it in what is kept; of two the front's counts
        forged = {"\0identity": b"partners\0root\0write\0{}\0"}
        reply = host.post("/later", extra=forged, headers={
            "X-API-Key": KEY, "Cookie": "id=SESAM"})
        assert reply.status == 202, reply
        job = reply.header("Location")
        assert ask(job + "?wait=10s", KEY).json["state"] == "succeeded"
        assert ask(job + "/result", KEY).text == "ada"
        assert ask(job, OTHER).status == ask(job, None).status == 404
        assert ask(job, "wrong").status == 401
        for folder, _, names in os.walk(host.state):
            for name in names:
                path = os.path.join(folder, name)
                data = build.read(path) if os.path.isfile(path) else b""
                assert KEY.encode() not in data and b"SESAM" not in data
        host.change(extra=extra(secrets), default_auth="partners")
        host.reload()
        assert ask(job, None).status == 401


def test_a_job_of_nobodys_is_anybodys_who_knows_its_id(secrets):
    """Breaks when: who sent a job without credentials cannot ask for it, be it
    that he has some, or that all else wants some."""
    with served(secrets, routes={"POST /later": {"auth": "none"}},
                default_auth="partners") as host:
        job = host.post("/later").header("Location")
        for headers in ({}, {"X-API-Key": KEY}):
            assert host.get(job + "?wait=10s",
                            headers=headers).json["state"] == "succeeded"
        host.get(job, headers={"X-API-Key": "wrong"}).problem(401)
        host.get("/whoami").problem(401)


# ------------------------------------------------------- where they stand

def test_secrets_in_the_environment(secrets):
    """Breaks when: a variable is not read, or a handler or /proc shows it
    afterwards."""
    section = ('auth "staff" {\n type = bearer\n algorithm = HS256\n'
               ' key_file = "env:STAFF_SECRET"\n}\n'
               'auth "partners" {\n type = key\n'
               ' keys_file = "env:PARTNER_KEYS"\n}\n')
    with served(secrets, extra=section, environment={
            "STAFF_SECRET": SECRET,
            "PARTNER_KEYS": line("ada", KEY, "read")}) as host:
        assert host.get("/keyed", headers={"X-API-Key": KEY}).text == "ada"
        good = token("HS256", SECRET, scope="read")
        assert host.get("/token", headers=bearer(good)).text == "ada"
        for role in ("zygote", "front", "worker"):
            for pid in host.pids(role):
                with open("/proc/%d/environ" % pid, "rb") as file:
                    assert SECRET.encode() not in file.read(), role
        assert host.reload().code == 0
        assert host.get("/token", headers=bearer(good)).text == "ada"


def test_a_worker_has_no_secrets(secrets):
    """Breaks when: a worker can read the secret that tokens are signed
    with, or the hash of a password, as the front can."""
    put(secrets, "key", SECRET)
    users = put(secrets, "users", user("ada", "byron"))
    words = SECRET.encode(), hashed("byron")[-31:].encode()
    with served(secrets, extra=extra(secrets, "HS256") +
                section(users)) as host:
        def found(pid):
            seen = set()
            with open("/proc/%d/maps" % pid) as maps, \
                    open("/proc/%d/mem" % pid, "rb") as memory:
                for one in maps:
                    if "[heap]" not in one:
                        continue
                    first, last = (int(x, 16) for x in
                                   one.split()[0].split("-"))
                    memory.seek(first)
                    data = memory.read(last - first)
                    seen |= {word for word in words if word in data}
            return seen
        assert not any(found(pid) for pid in host.pids("worker"))
        if not sanitized():	# which has another heap
            assert found(host.pid_of("front")) == set(words)


@pytest.mark.parametrize("name, mode, text, why", [
    ("keys", 0o644, line("ada", KEY), "everybody may read it"),
    ("keys", 0o620, line("ada", KEY), "may write to it"),
    ("key", 0o666, pem(RSA), "may write to it"),
    ("keys", 0o600, "ada 00\n", "line 1: is not NAME SHA256"),
    ("key", 0o600, "nothing", "no public key"),
    ("key", 0o600, pem(ED), "none of RSA")],
    ids=["read", "group", "write", "line", "none", "kind"])
def test_files_that_are_not_used(secrets, name, mode, text, why):
    """Breaks when: a file that others could read or change, or that is none,
    is used; or what served is given up for it."""
    with served(secrets) as host:
        path = put(secrets, name, text, mode)
        reason = host.reload(code=1).document["reason"]
        assert why in reason and path in reason
        assert host.get("/keyed", headers={"X-API-Key": KEY}).text == "ada"
        checked = host.command("check", "-c", host.file)
        assert checked.returncode != 0 and why in checked.stderr


def test_keys_change_with_a_reload(secrets):
    """Breaks when: a reload serves with the keys of the start."""
    with served(secrets) as host:
        put(secrets, "keys", line("eve", SECRET))
        assert host.reload().code == 0
        assert host.get("/keyed", headers={"X-API-Key": KEY}).status == 401
        assert host.get("/keyed",
                        headers={"X-API-Key": SECRET}).text == "eve"


def test_a_handler_without_its_section():
    """Breaks when: a handler that wants to know who asks is served without a
    section that could say."""
    with Host(handlers=["hello"]) as host:
        host.drop("live_access")
        done = host.reload(code=1)
        assert 'there is no auth "key"' in done.refused("live_access.so")
        assert host.get("/hello").status == 200


# ------------------------------------------------------------------ leaks

@pytest.mark.parametrize("path", ["/fall", "/fall-sync"])
def test_no_credential_is_kept(secrets, path):
    """Breaks when: a captured request or the log has a token, a cookie or a
    key in it."""
    words = {"Authorization": "Bearer SESAM-1", "Cookie": "id=SESAM-2",
             "X-API-Key": "SESAM-3", "X-Other": "plain"}
    with served(secrets, crashes=True, capture_crashed=True,
                log_level="debug") as host:
        with host.connect() as conn:
            conn.send(fcgi.request("GET", path, headers=words))
            try:
                conn.read_reply()
            except (fcgi.Closed, OSError):
                assert "sync" in path
        host.wait_log(" error crash {")
        folder = os.path.join(host.state, "crashes")
        wait_until(lambda: any(name.endswith(".request")
                               for name in os.listdir(folder)))
        kept = b"".join(open(os.path.join(folder, name), "rb").read()
                        for name in os.listdir(folder))
        assert b"plain" in kept and b"xxxxxxxxx" in kept
        assert b"SESAM" not in kept
        assert "SESAM" not in "\n".join(host.lines)


# ------------------------------------------------------------------- tools

def test_call_and_routes(secrets):
    """Breaks when: a handler cannot be tried as somebody, or is called as
    nobody where it counts on somebody, or routes does not say who may ask."""
    with served(secrets) as host:
        done = host.command("call", "-c", host.file, "--as", "eve",
                            "--scopes", "write", "GET", "/whoami")
        assert json.loads(done.stdout)["name"] == "eve"
        assert json.loads(done.stdout)["may_write"] is True
        for path, given, status, hint in (
                ("/token", [], 401, "--as NAME"),
                ("/token", ["--as", "eve", "--scopes", "write"], 403,
                 "--scopes 'read'"),
                ("/token", ["--as", "eve", "--scopes", "write read"], 200,
                 "")):
            done = host.command("call", "-c", host.file, "-i", *given, "GET",
                                path)
            assert done.stdout.startswith("Status: %d " % status)
            assert hint in done.stdout
        routes = {(one["method"], one["path"]): one for one in json.loads(
            host.command("routes", "-c", host.file, "--json").stdout)}
        assert routes["GET", "/token"]["auth"] == ["staff"]
        assert routes["GET", "/token"]["scopes"] == "read"
        assert routes["GET", "/either"]["auth"] == ["partners", "staff"]
        assert routes["GET", "/open"]["auth"] == []


def test_as_a_cgi_program(secrets):
    """Breaks when: `cgi` serves whom the front would not, or hands a secret
    on as a parameter."""
    section = ('auth "staff" {\n type = bearer\n algorithm = HS256\n'
               ' key_file = "env:STAFF_SECRET"\n}\n'
               'auth "partners" {\n type = key\n keys_file = "%s/keys"\n}\n'
               % secrets)
    with served(secrets, extra=section,
                environment={"STAFF_SECRET": SECRET}) as host:
        def ask(headers):
            env = {**os.environ, "STAFF_SECRET": SECRET,
                   **fcgi.environment("GET", "/token", headers=headers)}
            env = {name: value.decode() if isinstance(value, bytes)
                   else value for name, value in env.items()}
            return subprocess.run([BINARY, "cgi", "-c", host.file], env=env,
                                  capture_output=True, text=True).stdout
        assert ask({}).startswith("Status: 401")
        said = ask(bearer(token("HS256", SECRET, scope="read")))
        assert said.startswith("Status: 200") and said.endswith("ada")
