"""`fcgi-host nginx`: what it writes is in effect in a real nginx."""

import hashlib
import os
import pwd
import random
import re
import subprocess
import time
import urllib.parse

import pytest

from lib import build
from lib.fcgi import wait_until
from lib.host import Host
from lib.nginx import NGINX, Nginx

KEY = "k" * 40
APP, OTHER = "https://app.example", "https://other.example"

LIMITS = r"""
#include <fcgi-host/handler.h>

static int
plain(struct fh_request *rq)
{
	return fh_reply_text(rq, 200, "plain\n");
}

static int
own(struct fh_request *rq)
{
	fh_set_header(rq, "Cache-Control", "no-cache");
	return fh_reply_text(rq, 200, "own\n");
}

static int
cookie(struct fh_request *rq)
{
	fh_set_header(rq, "Set-Cookie", "a=b");
	return fh_reply_text(rq, 200, "cookie\n");
}

static int
moved(struct fh_request *rq)
{
	return fh_redirect(rq, 302, "/plain");
}

static int
missing(struct fh_request *rq)
{
	return fh_problem(rq, 404, "there is none");
}

static int
slow(struct fh_request *rq)
{
	fh_wait(rq, 400);
	return fh_reply_text(rq, 200, "slow\n");
}

static int
pieces(struct fh_request *rq)
{
	for (int i = 0; i < 3; i++) {
		if (fh_printf(rq, "%d\n", i) < 0 || fh_flush(rq) < 0)
			return -1;
		fh_wait(rq, 150);
	}
	return 0;
}

FH_HANDLER(.name = "limits", .routes = FH_ROUTES(
	{ "GET POST", "/plain", .serve = plain },
	{ "GET", "/open", .serve = plain, .cache = "90s", .auth = "none",
	    .inputs = FH_VALUES(
	    { .type = FH_TYPE_STRING, .name = "q", .in = FH_IN_QUERY },
	    { .type = FH_TYPE_STRING, .name = "X-Lang",
	    .in = FH_IN_HEADER }) },
	{ "GET", "/unknown", .serve = plain, .cache = "60s" },
	{ "GET", "/keyed", .serve = plain, .cache = "60s", .auth = "keys",
	    .inputs = FH_VALUES(
	    { .type = FH_TYPE_STRING, .name = "q", .in = FH_IN_QUERY }) },
	{ "GET", "/cookie", .serve = cookie, .cache = "60s" },
	{ "GET", "/says", .serve = own, .cache = "60s" },
	{ "GET", "/missing", .serve = missing, .cache = "60s" },
	{ "POST", "/small", .serve = plain, .body_limit = 1000 },
	{ "POST", "/large/{id}", .serve = plain, .body_limit = 400000 },
	{ "POST", "/none", .serve = plain },
	{ "GET POST", "/counted", .serve = plain },
	{ "GET", "/looked", .serve = plain },
	{ "GET", "/free", .serve = plain },
	{ "POST", "/end/", .serve = plain, .body_limit = 1000 },
	{ "GET", "/moved", .serve = moved, .cache = "60s" },
	{ "GET", "/slow", .serve = slow, .async = true, .timeout_ms = 20000 },
	{ "GET", "/too-slow", .serve = slow, .async = true },
	{ "GET", "/pieces", .serve = pieces, .async = true,
	    .stream = true }));
"""


def scaled(text):
    """Times of a second are 50 ms, so that nobody has to wait."""
    return re.sub(r"fastcgi_read_timeout (\d+)s;", lambda found:
                  "fastcgi_read_timeout %dms;" % (50 * int(found[1])), text)


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text("ada %s\n" % hashlib.sha256(KEY.encode()).hexdigest())
    keys.chmod(0o600)
    sections = {
        "POST /none": {"body_limit": "0"},
        "POST /counted": {"rate": "2/m"},
        "GET /counted": {"cors_origins": [OTHER]},
        "GET /looked": {"rate": "3/m"},
        "GET /free": {"rate": "none"},
        "GET /pieces": {"cors_origins": ["*"], "cors_credentials": False},
        "GET /too-slow": {"cors_origins": [OTHER]}}
    one = Host(handlers=[], start=False, timeout="500ms", rate="600/m",
               rate_burst=30, body_limit="100 kB", routes=sections,
               pools={"default": {"workers": 2, "queue_timeout": "200ms"}},
               cors_origins=[APP], cors_expose=["X-Request-ID"],
               cors_credentials=True,
               extra='auth "keys" {\n type = key\n keys_file = "%s"\n}\n'
               % keys)
    one.put("limits.so", build.shared(LIMITS))
    one.start()
    with one:
        yield one


def front_of(host, *options, change=scaled):
    nginx = Nginx(host, start=False).generate(host, *options)
    nginx.edit("fcgi-host-location.conf", change)
    nginx.start()
    return nginx


@pytest.fixture
def nginx(host):
    """New for each test: nobody has been counted yet."""
    with front_of(host) as one:
        yield one


def cors(answer):
    """What a page of an origin is told, each header once at most."""
    names = ["Access-Control-Allow-Origin", "Vary",
             "Access-Control-Allow-Credentials",
             "Access-Control-Expose-Headers"]
    assert all(len(answer.headers.get_all(name, [])) <= 1 for name in names)
    return [answer.header(name) for name in names]


def asked(nginx, method, target, origin=APP, body=None, **headers):
    return nginx.ask(method, target, body, {"Origin": origin, **headers})


TOLD = [APP, "Origin", "true", "X-Request-ID"]


def test_what_the_host_says_of_origins_is_said_once(nginx):
    """Breaks when: nginx adds to replies of the host, or the two differ."""
    assert cors(asked(nginx, "GET", "/plain")) == TOLD
    assert cors(asked(nginx, "GET", "/plain", OTHER)) == [
        None, "Origin", None, None]
    assert cors(asked(nginx, "GET", "/nowhere")) == TOLD


def inside(text, name):
    """What stands in a location."""
    return re.search(r"location %s \{\n(.*?)\n\t\}" % re.escape(name), text,
                     re.S)[1]


# ---------------------------------------------------------------- bodies

def test_a_body_limit_of_each_route(host, nginx):
    """Breaks when: a location has another route's limit, or a page cannot
    read why its request was refused."""
    before = host.status()["front"]["requests"]
    refused = [asked(nginx, "POST", "/small", body=b"x" * 1001),
               asked(nginx, "POST", "/plain", body=b"x" * 100001),
               asked(nginx, "POST", "/large/7", body=b"x" * 400001),
               asked(nginx, "POST", "/none", body=b"xx")]
    for answer in refused:
        assert answer.status == 413
        assert answer.header("Content-Type") == "application/problem+json"
        assert cors(answer) == TOLD
    assert host.status()["front"]["requests"] == before
    for method, allowed, other in (("POST", APP, OTHER),
                                   ("GET", OTHER, APP)):
        for target in ("/small", "/counted")[method == "GET":]:
            body = b"x" * 100001
            assert cors(asked(nginx, method, target, allowed, body)) == [
                allowed, *TOLD[1:]]
            assert cors(asked(nginx, method, target, other, body)) == [
                None, "Origin", None, None]
    assert nginx.post("/end/", b"x" * 1001).status == 413
    assert nginx.post("/end/", b"x" * 1000).status == 200
    assert nginx.post("/end", b"").status == 404, "and no redirect"
    for target, size in (("/small", 1000), ("/plain", 100000),
                         ("/large/7", 400000), ("/none", 0)):
        assert asked(nginx, "POST", target,
                     body=b"x" * size).status == 200, target


# ----------------------------------------------------------------- rates

def test_a_rate_by_method(nginx):
    """Breaks when: other methods or routes count for a rate, a page cannot
    read a 429, or the client is not told when to come again."""
    for _ in range(2):
        assert asked(nginx, "POST", "/counted").status == 200
    over = asked(nginx, "POST", "/counted")
    assert over.status == 429 and cors(over) == TOLD
    assert over.header("Retry-After") == "30"
    assert over.header("Content-Type") == "application/problem+json"
    assert over.header("X-Request-ID") in over.text
    for method, target in (("GET", "/counted"), ("HEAD", "/counted"),
                           ("OPTIONS", "/counted"), ("POST", "/plain")):
        assert asked(nginx, method, target).status in (200, 204)
    assert [nginx.ask(method, "/looked").status for method in (
        "GET", "HEAD", "OPTIONS", "GET", "HEAD")] == [
            200, 200, 204, 200, 429]


def test_a_rate_of_all_routes(nginx):
    """Breaks when: the rate outside of sections is not that of all together,
    or holds for a route with one of its own."""
    statuses = [nginx.get(target).status for target in
                ["/plain", "/nowhere", "/slow/x"] * 20]
    assert statuses[0] == 200 and statuses.count(429) >= 20
    assert statuses.index(429) >= 30, "rate_burst and the one that was due"
    assert nginx.get("/plain").header("Retry-After") == "1"
    for target in ("/plain", "/counted"):
        assert [nginx.ask("OPTIONS", target).status for _ in range(40)] == [
            204] * 40, "they count nowhere"
    assert [nginx.get("/free").status for _ in range(40)] == [200] * 40


def test_other_rates_at_a_reload(host):
    """Breaks when: nginx refuses a zone that it knows with another key, and
    goes on with the old limits."""
    rates = [{"POST /counted": {"rate": "2/m"}},
             {"GET /counted": {"rate": "1/m"}, "POST /none": {"rate": "5/s"},
              "POST /counted": {"rate": "70/m"}}]
    with Host(handlers=[], start=False, routes=rates[0],
              extra='auth "keys" { type = key keys_file = "/keys" }') as other:
        other.put("limits.so", build.shared(LIMITS))
        other.socket = host.socket
        with Nginx(other, start=False).generate(other) as nginx:
            nginx.start()
            other.change(routes=rates[1])
            nginx.generate(other)
            nginx.place_socket(host.socket)
            nginx.reload()
            wait_until(lambda: nginx.get("/counted").status == 429,
                       what=str(nginx.errors()))


# ----------------------------------------------------------------- times

def test_a_timeout_of_each_route(nginx):
    """Breaks when: nginx gives up on a route that may take longer, or waits
    for one that may not: 50 ms for a second, see scaled()."""
    assert asked(nginx, "GET", "/slow").text == "slow\n"
    gone = asked(nginx, "GET", "/too-slow", OTHER)
    assert gone.status == 503 and gone.header("Retry-After") == "5"
    assert cors(gone) == [OTHER, "Origin", "true", "X-Request-ID"]
    assert cors(asked(nginx, "GET", "/too-slow")) == [
        None, "Origin", None, None]


def test_who_is_told_that_the_host_is_down(host):
    """Breaks when: a page cannot read a 503 of nginx's, by its route."""
    with front_of(host) as nginx:
        nginx.place_socket(host.socket + ".none")
        nginx.reload()
        wait_until(lambda: nginx.get("/plain").status == 503)
        assert cors(asked(nginx, "GET", "/plain")) == TOLD
        assert cors(asked(nginx, "GET", "/pieces", OTHER)) == [
            "*", None, None, "X-Request-ID"]
        assert cors(asked(nginx, "GET", "/pieces", "")) == [None] * 4


def test_a_stream_is_passed_on_as_it_comes(host, nginx):
    """Breaks when: its reply is collected, or its silence ends it."""
    own = inside(nginx.read("fcgi-host-location.conf"), "= /pieces")
    assert "fastcgi_buffering off;" in own and "1h;" in own
    conn = nginx.connection()
    conn.request("GET", "/pieces")
    response, arrived = conn.getresponse(), []
    while response.readline():
        arrived.append(time.monotonic())
    conn.close()
    assert len(arrived) == 3 and arrived[2] - arrived[0] > 0.15


# ----------------------------------------------------------------- cache

def test_how_long_a_reply_holds(nginx):
    """Breaks when: a kept reply has no max-age, one that must not be kept has
    it, what a handler says is changed, or a proxy would give one client what
    was another's."""
    answer = nginx.get("/open?q=x")
    assert answer.header("Cache-Control") == "max-age=90"
    assert answer.headers.get_all("Vary") == ["Origin", "Accept, X-Lang"]
    assert answer.header("X-Request-ID")
    again = nginx.get("/open?q=x")
    assert again.header("Cache-Control") == "max-age=90"
    assert again.header("Age") is not None
    unknown = nginx.get("/unknown")
    assert unknown.header("Cache-Control") == "private, max-age=60"
    assert "Accept, Cookie" in unknown.headers.get_all("Vary")
    assert nginx.get("/says").headers.get_all("Cache-Control") == [
        "no-cache"]
    keyed = nginx.get("/keyed?q=x", headers={"X-API-Key": KEY})
    assert keyed.header("Cache-Control") == "private, max-age=60"
    assert "Accept, X-API-Key" in keyed.headers.get_all("Vary")
    for target in ("/missing", "/keyed", "/plain", "/cookie", "/moved"):
        assert nginx.get(target).header("Cache-Control") is None, target


# ---------------------------------------------------------------- prefix

@pytest.mark.parametrize("prefix", ["/some/app", "/a b/{c};"])
def test_a_prefix(host, prefix):
    """Breaks when: a location is missed below the prefix, or SCRIPT_NAME is
    another one."""
    below = urllib.parse.quote(prefix)
    with front_of(host, "--prefix", prefix) as nginx:
        assert nginx.get(below + "/plain").text == "plain\n"
        for path, size, status in (("/small", 1001, 413),
                                   ("/large/7", 400000, 200),
                                   ("/large/7", 400001, 413)):
            assert nginx.post(below + path, b"x" * size).status == status
        outside = nginx.get("/plain")
        assert (outside.status, outside.header("X-Request-ID")) == (404, None)


@pytest.mark.parametrize("prefix, word", [
    ("app", "begins"), ("/app/", "end"), ("/", "end"), ("/a$b", "$"),
    ("/a//b", "//"), ("/a/../b", ".."), ("/a/.", ".."), ("/a\nb", "path"),
    ("/a%20b", "%"), ("/" + "a" * 300, "256")])
def test_a_prefix_that_cannot_be(host, prefix, word):
    """Breaks when: nginx would read it as something else."""
    done = host.command("nginx", "--prefix", prefix)
    assert done.returncode == 100 and done.stdout == ""
    assert "--prefix" in done.stderr and word in done.stderr


# ---------------------------------------------------- jobs and large bodies

def test_jobs_and_bodies(tmp_path):
    """Breaks when: a job's state is asked for through another location, or a
    large body is copied though nginx has it in a file."""
    route = 'route "POST /upload" {\n body_limit = "9 MiB"\n}\n'
    with Host(handlers=["upload", "train", "echo"], start=False,
              extra=route, body_limit="1 MiB", jobs_body_limit="2 KiB", listen_mode="0666") as host:
        one = Nginx(host, start=False)
        host.change(body_files=os.path.join(one.scratch, "client_body"))
        one.generate(host)
        text = one.read("fcgi-host-location.conf")
        assert "location ^~ /jobs/ {" in text and "location = /jobs {" in text
        assert inside(text, "= /train").count("client_max_body_size 2k;")
        assert "client_body_in_file_only clean;" in inside(text, "= /upload")
        one.start()
        with one:
            host.start()
            body = os.urandom(2 << 20)
            got = one.post("/upload", body)
            assert got.status == 200 and b'"spooled"' in got.body
            assert one.post("/echo", body).status == 413
            made = one.post("/upload", b"x" * (10 << 20))
            assert made.status == 413
            assert one.get("/jobs/none").status == 404
            assert all("too large body" in line for line in one.errors())


# ------------------------------------------------------- nothing is written

def whole(folder):
    return {name: (folder / name).read_bytes() for name in
            os.listdir(folder)}


@pytest.mark.parametrize("fault", [
    "config", "crash", "exit", "refused", "long"])
def test_with_a_fault_nothing_is_written(tmp_path, fault):
    """Breaks when: what nginx has is replaced by what is not whole, the tool
    dies with a handler, or nobody can see why."""
    top, routes, said = "", "", {
        "config": "timeout", "crash": "crashes while it is loaded",
        "exit": "exits while it is loaded", "refused": "is taken by",
        "long": "is over 4000 bytes"}[fault]
    if fault in ("crash", "exit"):
        top = ("__attribute__((constructor)) static void f(void) { %s; }"
               % {"crash": "abort()", "exit": "_exit(0)"}[fault])
    if fault == "long":
        routes = ', { "GET", "/%s/{a}", .serve = serve, .body_limit = 1 }' % (
            "\\\\" * 1010)
    with Host(handlers=["hello"], start=False) as host:
        conf = tmp_path / "conf"
        assert host.command("nginx", "-o", conf).returncode == 0
        before = whole(conf)
        assert "fcgi-host-location.conf" in before
        host.put("new.so", build.handler(
            "new", top=top, routes=routes,
            route="/hello" if fault == "refused" else "/new"))
        if fault == "config":
            host.change(timeout="soon")
        for options in (["-o", conf], []):
            done = host.command("nginx", *options)
            assert (done.returncode, done.stdout) == (100, ""), done
            assert said in done.stderr, done.stderr
        assert whole(conf) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to lose")
def test_handlers_are_loaded_as_the_user_of_the_service(tmp_path):
    """Breaks when: who may change a handler's file becomes root by the tool
    that root runs."""
    nobody = pwd.getpwnam("nobody").pw_uid
    top = r"""
__attribute__((constructor)) static void
seen(void)
{
	char path[200];

	snprintf(path, sizeof(path), "@DIR@/%d-%d", geteuid(), getpid());
	close(open(path, O_CREAT | O_WRONLY, 0600));
}
"""
    with Host(handlers=[], start=False, user="nobody") as host:
        seen = os.path.join(host.folder, "seen")
        os.mkdir(seen)
        os.chmod(seen, 0o777)
        host.put("seen.so", build.handler("seen", top=top.replace(
            "@DIR@", seen)))
        conf = tmp_path / "conf"
        done = host.command("nginx", "-o", conf)
        assert done.returncode == 0, done
        assert {int(name.split("-")[0]) for name in os.listdir(seen)} == {
            nobody}
        assert {(conf / name).stat().st_uid for name in
                os.listdir(conf)} == {0}


def test_a_folder_that_cannot_be_written(tmp_path):
    """Breaks when: a half-written file stays, or it counts as done."""
    (tmp_path / "file").write_text("")
    with Host(handlers=["hello"], start=False) as host:
        done = host.command("nginx", "-o", tmp_path / "file")
        assert done.returncode == 100 and str(tmp_path) in done.stderr
        (tmp_path / "conf" / ".fcgi-host.params.new").mkdir(parents=True)
        done = host.command("nginx", "-o", tmp_path / "conf")
        assert done.returncode == 100
        assert os.listdir(tmp_path / "conf") == [".fcgi-host.params.new"]


def test_all_of_it_is_printed_where_no_folder_is_named(host, tmp_path):
    """Breaks when: what is printed is not what is written, or a handler
    prints into it."""
    done = host.command("nginx")
    host.command("nginx", "-o", tmp_path)
    parts = re.split(r"^# ======== (\S+) ========\n\n", done.stdout,
                     flags=re.M)
    printed = dict(zip(parts[1::2], parts[2::2]))
    written = {name: text.decode() for name, text in
               whole(tmp_path).items()}
    assert {name: text.rstrip("\n") for name, text in printed.items()} == {
        name: text.rstrip("\n") for name, text in written.items()}


def takes(nginx):
    tried = subprocess.run(
        [NGINX, "-t", "-p", nginx.conf, "-c",
         os.path.join(nginx.conf, "nginx.conf")],
        capture_output=True, text=True)
    complaints = [line for line in tried.stderr.splitlines()
                  if "[warn]" in line or "[emerg]" in line]
    assert tried.returncode == 0 and not complaints, tried.stderr


def test_a_hundred_routes_with_everything(tmp_path):
    """Breaks when: so many locations, zones and maps are more than nginx
    takes without a warning."""
    paths = ["/r%d%s" % (i, ["", "/{a}", "/{a}/{b...}"][i % 3])
             for i in range(100)]
    routes = "".join(
        ', { "GET POST", "%s", .serve = serve, .timeout_ms = %d,'
        ' .body_limit = %d }' % (path, 1000 * (i + 1), i + 1)
        for i, path in enumerate(paths))
    sections = {"GET " + path: {
        "rate": "%d/s" % (i + 1), "cache": "%ds" % (i % 7 + 1),
        "cors_origins": ["https://%s.example" % ("o" * (i % 30 * 3 + 1))]}
        for i, path in enumerate(paths)}
    with Host(handlers=[], start=False, routes=sections, rate="1000/s",
              cors_origins=[APP]) as host:
        host.put("many.so", build.handler("many", routes=routes))
        nginx = Nginx(host, start=False).generate(host)
        text = nginx.read("fcgi-host-location.conf")
        assert len(re.findall(r"^\tlocation ", text, re.M)) == 100
        takes(nginx)


@pytest.mark.parametrize("options", [
    {"header_limit": "1 MiB", "reply_space": "1 MiB", "timeout": "0",
     "body_memory": "16 MiB", "body_limit": "1 TiB", "read_timeout": "1d",
     "idle_timeout": "10ms"},
    {"header_limit": "1 KiB", "body_memory": "0", "timeout": "1ms",
     "body_limit": "0", "read_timeout": "10ms", "deadline": "7d",
     "stream_keep_alive": "0"},
    {"header_limit": "100 kB", "reply_space": "128 KiB", "kill_grace": "10m",
     "body_memory": "1 B", "body_limit": "1 B", "rate": "1/m",
     "rate_burst": 1000000, "cors_origins": ["*"]},
    {"rate": "1000000/s", "cors_expose": ["X-%s" % ("a" * 300)],
     "cors_origins": ["https://a$b;c.example", 'x://"\\{}',
                      "y://" + "o" * 490]},
    {"listen": "tcp:[::1]:9000"}, {"listen": "tcp:0.0.0.0:9000"},
    {"listen": "tcp:localhost:9000"}, {"listen": 'unix:/tmp/a b;"{}$c.sock'}])
def test_nginx_takes_what_options_may_be(options):
    """Breaks when: a value at its bound, or a character, is none to nginx."""
    with Host(handlers=["hello", "events"], start=False, **options) as host:
        takes(Nginx(host, start=False).generate(host))


# ------------------------------- nginx's location is that of the host's route

SEGMENTS = ["a", "b", "a.b", "axb", "x y", "\u00e4", 'q"u', "$uri", "a;b",
            "(c)", "c", "\\", "\\n", "n", "+", "[ab]", "'", "~", "=", "^a",
            "a$", "|", "*", "@a"]


def patterns_of(dice, count):
    """Patterns that take some of the same paths."""
    out = {}
    while len(out) < count:
        parts, names = [], iter("tuvwxyz")
        for _ in range(dice.randint(1, 3)):
            parts.append(dice.choice(SEGMENTS) if dice.random() < 0.6
                         else "{%s}" % next(names))
        tail = dice.random()
        if tail < 0.25:
            parts.append("{%s...}" % next(names))
        elif tail < 0.35:
            parts.append("")
        path = "/" + "/".join(parts)
        out.setdefault(re.sub(r"\{\w", "{", path), path)
    return list(out.values())


def table_of(dice, patterns, mixed):
    """(methods, pattern, body_limit or None)"""
    return [(dice.choice(["GET", "POST", "GET POST"]) if mixed
             else "GET POST", path,
             None if dice.random() < (0.1 if mixed else 0.5)
             else 1001 + 2 * i) for i, path in enumerate(patterns)]


def c_text(text):
    return "".join(r"\%03o" % byte for byte in text.encode())


def handler_of(table):
    functions, routes = "", ""
    for i, (methods, path, limit) in enumerate(table):
        functions += ("static int s%d(struct fh_request *rq) { return "
                      "fh_reply_text(rq, 200, \"%d\"); }\n" % (i, i))
        routes += '\t{ "%s", "%s", .serve = s%d, .body_limit = %d },\n' % (
            methods, c_text(path), i, limit or 0)
    return build.shared(
        "#include <fcgi-host/handler.h>\n" + functions +
        'FH_HANDLER(.name = "table", .routes = (struct fh_route[]){\n%s'
        "\t{ 0 } });\n" % routes)


def numbered(text):
    """Each location inside says which one it is."""
    count = iter(range(1 << 20))
    return re.sub(r"fastcgi_pass fcgi_host;", lambda _: "fastcgi_pass "
                  "fcgi_host; add_header X-Location %d always;"
                  % next(count), text)


def locations_of(text):
    """[(its comment's lines, its limit)] in the order of numbered()."""
    return [(re.findall(r"\t#(?: or)? ((?:[A-Z]+ )+)(/.*)", found[1]),
             int((re.search(r"client_max_body_size (\d+)", found[2]) or
                  [0, 0])[1]))
            for found in re.finditer(
                r"\n((?:\t#[^\n]*\n)+)\tlocation [=~] [^\n]* \{\n(.*?)\n\t\}",
                text, re.S)]


def path_of(dice, pattern):
    """One that the pattern takes, or nearly."""
    parts = []
    for part in pattern.split("/")[1:]:
        if part.endswith("...}"):
            parts += dice.choices(SEGMENTS, k=dice.randint(0, 2)) or [""]
        elif part.startswith("{") or dice.random() < 0.1:
            parts.append(dice.choice(SEGMENTS))
        else:
            parts.append(part)
    if dice.random() < 0.15:
        parts.append(dice.choice(["", "a", "\n"]))
    if dice.random() < 0.1:
        parts[-1] += "\n"
    return "/" + "/".join(parts)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_nginx_chooses_the_location_of_the_host_s_route(seed):
    """Breaks when: a character of a path is syntax to nginx, an expression
    takes more or less than its pattern, or the order is not the host's."""
    dice = random.Random(seed)
    mixed = seed % 2 == 0
    table = table_of(dice, patterns_of(dice, 40), mixed)
    prefix = ["", "/pre.fix"][seed > 2]
    with Host(handlers=[], start=False) as host:
        host.put("table.so", handler_of(table))
        host.start()
        text = host.command("nginx", "--prefix", prefix).stdout
        found = locations_of(text[:text.index("fcgi-host-errors.conf ==")])
        with front_of(host, "--prefix", prefix, change=numbered) as nginx:
            conn, reached = nginx.connection(), set()
            for _ in range(150):
                method = dice.choice(["GET", "POST"])
                path = path_of(dice, dice.choice(table)[1])
                conn.request(method, urllib.parse.quote(prefix + path))
                reply = conn.getresponse()
                body, number = reply.read(), reply.headers["X-Location"]
                if reply.status != 200:
                    assert reply.status in (404, 405), (path, reply.status)
                    continue
                _, pattern, limit = table[int(body)]
                said, own = found[int(number)] if number else ([], 0)
                # Without a limit of its own it is like the outer one.
                assert own != 0 or limit is None or mixed, (path, pattern)
                if own == 0:
                    continue
                reached.add(number)
                assert own >= (limit or 1 << 20), (path, pattern)
                assert any(one == pattern and method in names.split()
                           for names, one in said), (method, path, said)
                if not mixed:
                    assert [one for _, one in said] == [pattern], path
                    assert own == limit
            conn.close()
        assert len(reached) > 5
