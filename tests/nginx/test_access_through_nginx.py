"""Keys, tokens, passwords and pages of other origins through the shipped
nginx-conf/, at the root and below a prefix."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import time

import jwt
import pytest

from lib import npm
from lib.host import Host
from lib.nginx import Nginx
from lib.passwords import basic, section, user

CHROMIUM = shutil.which("chromium")
KEY, SECRET = "k" * 40, "s" * 40
APP, OWN = "https://app.example", "https://own.example"
CHALLENGES = ['ApiKey realm="partners", header="X-API-Key"',
              'Bearer realm="staff"',
              'Basic realm="people", charset="UTF-8"']
WISH = {"Origin": APP, "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization"}


def token(**claims):
    return jwt.encode({"sub": "grace", "exp": time.time() + 600, **claims},
                      SECRET, "HS256")


def put(folder, name, text):
    path = os.path.join(str(folder), name)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, 0o600)
    return path


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    keys = put(folder, "keys", "ada %s read\n" % hashlib.sha256(
        KEY.encode()).hexdigest())
    users = put(folder, "users", user("zoë", "grüße", "write") +
                user("slow", "pass", setting="$y$j75$abcdefgh$"))
    extra = ('auth "partners" {\n type = key\n keys_file = "%s"\n}\n'
             'auth "staff" {\n type = bearer\n algorithm = HS256\n'
             ' key_file = "%s"\n}\n' % (keys, put(folder, "key", SECRET)) +
             section(users))
    routes = {"GET /whoami": {}, "GET /whoami-async": {"scopes": "write"},
              "POST /body": {}, "GET /hello": {"cors_origins": [OWN]}}
    for one in routes.values():
        one["auth"] = "partners staff people"
    with Host(handlers=["whoami", "live_body", "hello"], extra=extra,
              routes=routes, cors_origins=[APP], auth_failures=0,
              cors_credentials=True) as one:
        yield one


@contextlib.contextmanager
def below(host, prefix):
    """nginx, and a function that asks it below where it has the host."""
    with Nginx(host, start=False) as nginx:
        if prefix:
            nginx.edit("fcgi-host-location.conf", lambda text: text.replace(
                "location / {", "location %s/ {" % prefix).replace(
                'SCRIPT_NAME "";', "SCRIPT_NAME %s;" % prefix))
        nginx.start()

        def ask(path, headers=None, method="GET", body=None):
            return nginx.ask(method, prefix + path, body, headers)
        ask.url = "http://127.0.0.1:%d%s" % (nginx.port, prefix)
        yield ask


@pytest.fixture(scope="module", params=["", "/some/app"],
                ids=["root", "prefix"])
def asked(host, request):
    with below(host, request.param) as ask:
        yield ask


def test_who_gets_in(asked):
    """Breaks when: nginx keeps a credential from the host, changes it, or the
    handler sees somebody else."""
    for headers, name in (({"X-API-Key": KEY}, "ada"),
                          ({"Authorization": "Bearer " + token()}, "grace"),
                          (basic("zoë", "grüße"), "zoë"),
                          (basic("slow", "pass"), "slow")):
        reply = asked("/whoami", headers)
        assert reply.status == 200
        assert json.loads(reply.text)["name"] == name
        status = 200 if name == "zoë" else 403
        assert asked("/whoami-async", headers).status == status


def test_who_does_not(asked):
    """Breaks when: a 401 is a page of nginx's, or loses a challenge."""
    for headers in ({}, {"X-API-Key": KEY + "k"}, basic("zoë", "gruesse"),
                    {"Authorization": "Bearer " + token(exp=1)},
                    {"Authorization": "Bearer " + jwt.encode(
                        {"sub": "eve"}, "", "none")}):
        reply = asked("/whoami", {"Origin": APP, **headers})
        assert reply.status == 401
        challenges = reply.headers.get_all("WWW-Authenticate")
        assert [one.split(", error")[0] for one in challenges] == CHALLENGES
        assert reply.header("Content-Type") == "application/problem+json"
        assert json.loads(reply.text)["status"] == 401
        assert reply.headers.get_all("Access-Control-Allow-Origin") == [APP]


def test_a_client_that_asks_first(asked):
    """Breaks when: a program that waits for a challenge does not understand
    ours, or what it sends again, body and all, is not what it had."""
    body = os.urandom(1 << 20)
    done = subprocess.run(
        ["curl", "-sS", "--anyauth", "-u", "zoë:grüße", "--data-binary", "@-",
         "-w", "%{http_code}", asked.url + "/body"], input=body,
        capture_output=True)
    assert done.returncode == 0, done
    text = done.stdout.decode()
    assert text.endswith("200") and "length=%d\n" % len(body) in text
    want = asked("/body", {"X-API-Key": KEY}, "POST", body)
    assert want.text == text[:-3]


def test_preflights(asked):
    """Breaks when: nginx answers a preflight itself, asks it who it is, says
    something twice, or one route's rules are another's."""
    reply = asked("/whoami", WISH, "OPTIONS")
    assert reply.status == 204 and reply.body == b""
    for name, value in (
            ("Access-Control-Allow-Origin", APP),
            ("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"),
            ("Access-Control-Allow-Headers",
             "Authorization, Content-Type, X-API-Key"),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Max-Age", "600"), ("Vary", "Origin")):
        assert reply.headers.get_all(name) == [value]
    assert asked("/hello", WISH, "OPTIONS").header(
        "Access-Control-Allow-Origin") is None
    for path, origin in (("/whoami", APP), ("/hello", OWN), ("/nowhere", APP)):
        for one in (APP, OWN):
            reply = asked(path, {"Origin": one, "X-API-Key": KEY})
            assert reply.headers.get_all("Access-Control-Allow-Origin") == (
                [one] if one == origin else None)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_page_in_a_browser(host):
    """Breaks when: a browser does not let a page of an origin that is named
    read a reply or a refusal, or lets one of another."""
    def said(page, name):
        return page.until(
            "fetch('%s/whoami', { headers: { Authorization: '%s' } })"
            ".then(async r => r.status + ' ' + await r.text(),"
            " e => 'refused: ' + e.name)" % (
                other.url, basic(name, "grüße")["Authorization"]))
    with Nginx(host) as nginx, below(host, "/some/app") as other:
        origin = "http://127.0.0.1:%d" % nginx.port
        host.change(cors_origins=[APP, origin])
        assert host.reload().code == 0
        with npm.Browser(CHROMIUM, origin + "/nowhere") as page:
            assert said(page, "zoë").startswith('200 {"auth":"people"')
            assert said(page, "nobody").startswith("401 ")
            host.change(cors_origins=[APP])
            assert host.reload().code == 0
            assert said(page, "zoë") == "refused: TypeError"
