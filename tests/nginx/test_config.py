"""The shipped nginx-conf/: nginx takes every combination, the values fit the
host's defaults, and each directive has its reason beside it."""

import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

SOURCE = pathlib.Path(os.environ.get(
    "FH_SRC", pathlib.Path(__file__).resolve().parents[2]))
SHIPPED = SOURCE / "nginx-conf"
SAMPLE = SOURCE / "fcgi-host" / "fcgi-host.conf"
NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin:/sbin")

# An nginx.conf that somebody has already, much like Debian's.
EXISTING = """
pid {scratch}/nginx.pid;
error_log {scratch}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {scratch}/1; fastcgi_temp_path {scratch}/2;
    proxy_temp_path {scratch}/3; scgi_temp_path {scratch}/4;
    uwsgi_temp_path {scratch}/5;
    gzip on;
    client_max_body_size 1m;
    include fcgi-host-upstream.conf;
    server {{
        listen 127.0.0.1:8080;
        client_max_body_size 2m;
        error_page 404 /404.html;
        location /static/ {{ root /srv; }}
        {includes}
    }}
}}
"""


def place(folder, *options):
    """Copies the shipped files the way quickstart does.  Port 80 is root's,
    and `nginx -t` binds too."""
    scratch = folder / "scratch"
    subprocess.run(
        [SHIPPED / "place", "--scratch", scratch, "--listen",
         "127.0.0.1:8080", *options, folder / "conf"], check=True)
    return folder / "conf"


def nginx_takes(conf, command="-t"):
    result = subprocess.run(
        [NGINX, command, "-p", conf, "-c", conf / "nginx.conf"],
        stderr=subprocess.PIPE, text=True)
    complaints = [line for line in result.stderr.splitlines()
                  if "[emerg]" in line or "[warn]" in line
                  and '"user" directive' not in line]
    assert result.returncode == 0 and not complaints, result.stderr


def test_place_without_options_copies_the_files_as_they_are(tmp_path):
    """Breaks when: the tests run something else than what is shipped."""
    subprocess.run([SHIPPED / "place", tmp_path / "conf"], check=True)
    copied = sorted(tmp_path.joinpath("conf").iterdir())
    assert {"nginx.conf", "fcgi-host.params", "fcgi-host-location.conf"} <= {
        file.name for file in copied}
    for file in copied:
        assert file.read_bytes() == (SHIPPED / file.name).read_bytes()


def test_place_changes_marked_lines_and_no_others(tmp_path):
    """Breaks when: a value is replaced beside its mark, or a mark is lost."""
    conf = place(tmp_path, "--socket", "/tmp/a b/&|.sock", "--listen",
                 "127.0.0.1:8081", "--user", "nobody nogroup", "--files", "/srv/x y")
    for file in conf.iterdir():
        ours = file.read_text().splitlines()
        shipped = (SHIPPED / file.name).read_text().splitlines()
        assert len(ours) == len(shipped)
        for mine, theirs in zip(ours, shipped):
            if mine != theirs:
                assert re.search(r"# @\w+$", theirs), theirs
                assert theirs.split("# @")[1] == mine.split("# @")[1]
    server = (conf / "fcgi-host-server.conf").read_text()
    assert 'server "unix:/tmp/a b/&|.sock" max_fails=0;' in server
    nginx_takes(conf)


@pytest.mark.parametrize("value", ['a"b', "a;b", "a\nb", "a$b", "a\\b", ""])
def test_place_refuses_what_nginx_would_read_as_syntax(tmp_path, value):
    """Breaks when: a path can smuggle a directive into the configuration."""
    result = subprocess.run(
        [SHIPPED / "place", "--socket", "/tmp/" + value if value else "",
         tmp_path / "conf"], capture_output=True, text=True)
    assert result.returncode == 100
    assert "--socket" in result.stderr


@pytest.mark.parametrize("extra", [
    (), ("streaming",), ("files",), ("bodies",),
    ("streaming", "files", "bodies")])
@pytest.mark.parametrize("server", [
    "unix:/tmp/host.sock", "127.0.0.1:9000"])
def test_nginx_takes_the_complete_configuration(tmp_path, extra, server):
    """Breaks when: a shipped file has a fault, alone or with another."""
    conf = place(tmp_path, "--socket", server.removeprefix("unix:"))
    main = conf / "nginx.conf"
    text = main.read_text()
    for name in extra:
        text = text.replace(f"#include fcgi-host-{name}.conf",
                            f"include fcgi-host-{name}.conf")
    assert text.count("\t#include") == 3 - len(extra)
    main.write_text(text)
    nginx_takes(conf)


@pytest.mark.parametrize("includes", [
    ["location"], ["location", "status"], ["location", "streaming"],
    ["location", "files"], ["location", "bodies"],
    ["location", "status", "streaming", "files", "bodies"]])
def test_the_includes_fit_a_server_that_exists(tmp_path, includes):
    """Breaks when: an include sets at server level what the server has set."""
    conf = place(tmp_path)
    (conf / "nginx.conf").write_text(EXISTING.format(
        scratch=tmp_path / "scratch",
        includes="\n".join(f"include fcgi-host-{name}.conf;"
                           for name in includes)))
    nginx_takes(conf)


def test_a_mount_below_a_prefix_is_two_words(tmp_path):
    """Breaks when: the prefix has to be changed in a third place."""
    conf = place(tmp_path)
    file = conf / "fcgi-host-location.conf"
    text = file.read_text()
    text = text.replace("location / {", "location /app/ {")
    text = text.replace('SCRIPT_NAME "";', "SCRIPT_NAME /app;")
    file.write_text(text)
    nginx_takes(conf)


# ------------------------------------------------- the values fit the host's

UNITS = {"": 1, "k": 1024, "m": 1024 ** 2, "g": 1024 ** 3, "kib": 1024,
         "mib": 1024 ** 2, "gib": 1024 ** 3, "ms": 0.001, "s": 1, "min": 60,
         "h": 3600}


def number(text):
    match = re.fullmatch(r"(\d+)\s*([A-Za-z]*)", text)
    assert match, text
    return int(match[1]) * UNITS[match[2].lower()]


def host_default(option):
    """What fcgi-host.conf, the sample, says the default is."""
    match = re.search(rf'^[#\s]*{option}\s*=\s*"?([^"\n#]+?)"?\s*$',
                      SAMPLE.read_text(), re.MULTILINE)
    assert match, f"{SAMPLE}: no {option}"
    return number(match[1])


def directive(file, name):
    match = re.search(rf"^\s*{name}\s+([^;]+);",
                      (SHIPPED / file).read_text(), re.MULTILINE)
    assert match, f"{file}: no {name}"
    return number(match[1])


LOCATIONS = ["fcgi-host-location.conf", "fcgi-host-streaming.conf",
             "fcgi-host-bodies.conf"]


@pytest.mark.parametrize("file", LOCATIONS)
def test_nginx_waits_longer_than_the_host_may_take(file):
    """Breaks when: nginx gives up before the host's own 503 or 504 comes."""
    longest = sum(map(host_default, ["timeout", "queue_timeout",
                                     "kill_grace"]))
    assert directive(file, "fastcgi_read_timeout") > longest


def test_the_sentence_in_the_location_adds_up():
    """Breaks when: a default changes and the comment keeps the old sum."""
    text = (SHIPPED / "fcgi-host-location.conf").read_text()
    match = re.search(r"# (\d+)s \+ (\d+)s \+ (\d+)s < (\d+)s", text)
    assert [int(digits) for digits in match.groups()] == [
        *map(host_default, ["timeout", "queue_timeout", "kill_grace"]),
        directive("fcgi-host-location.conf", "fastcgi_read_timeout")]


@pytest.mark.parametrize("file", LOCATIONS)
@pytest.mark.parametrize("name, option", [
    ("fastcgi_send_timeout", "read_timeout"),
    ("client_max_body_size", "body_limit"),
    ("client_body_buffer_size", "body_memory")])
def test_nginx_and_host_agree_on(file, name, option):
    """Breaks when: one of the two is changed alone."""
    assert directive(file, name) == host_default(option)


@pytest.mark.parametrize("file", LOCATIONS)
def test_the_header_buffer_has_room_for_the_records_too(file):
    """Breaks when: a header the host lets through is a 502 in nginx."""
    assert directive(file, "fastcgi_buffer_size") >= \
        host_default("header_limit") + 64


def test_the_host_does_not_close_a_kept_connection_before_nginx():
    """Breaks when: idle_timeout becomes shorter than keepalive_timeout."""
    idle = host_default("idle_timeout")
    assert idle == 0 or idle > directive("fcgi-host-upstream.conf",
                                         "keepalive_timeout")


def test_a_request_can_be_sent_past_every_kept_connection():
    """Breaks when: `keepalive` is raised alone, so that a retry after a crash
    finds dead connections only (test_retry_through_nginx.py)."""
    text = (SHIPPED / "fcgi-host-upstream.conf").read_text()
    servers = text.count("include fcgi-host-server.conf;")
    kept = directive("fcgi-host-upstream.conf", "keepalive")
    assert servers == 1 + kept + 1
    assert f"# 1 + {kept} + 1:" in text


def test_the_stock_parameters_are_not_included_as_well():
    """Breaks when: nginx would send a parameter twice."""
    names = re.findall(r"^fastcgi_param (\S+)",
                       (SHIPPED / "fcgi-host.params").read_text(),
                       re.MULTILINE)
    assert len(names) == len(set(names))
    assert {"REQUEST_ID", "REQUEST_START", "HTTP_PROXY"} <= set(names)
    for file in SHIPPED.glob("*.conf"):
        assert not re.search(r"^\s*include\s+\S*fastcgi", file.read_text(),
                             re.MULTILINE), file


@pytest.mark.parametrize("file", sorted(
    file.name for file in [*SHIPPED.glob("*.conf"),
                           SHIPPED / "fcgi-host.params"]))
def test_every_directive_has_its_reason(file):
    """Breaks when: a directive is added in a paragraph without a comment."""
    bare = []
    for paragraph in (SHIPPED / file).read_text().split("\n\n"):
        lines = [line.strip() for line in paragraph.splitlines()]
        reasoned = any(re.search(r"# ?[^@\s]", line) for line in lines)
        bare += [line for line in lines if line and not reasoned
                 and not re.match(r"[#}]|include |\w+ \{|return ", line)]
    assert not bare


# ------------------------------------------------- nginx as shipped, running

class Responder(threading.Thread):
    """A FastCGI server that sends the bytes it was made with."""

    def __init__(self, path, reply):
        super().__init__(daemon=True)
        self.reply = reply
        self.params = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        os.chmod(path, 0o666)
        self.socket.listen(16)
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[connection],
                             daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rb")
        params = b""
        while len(header := stream.read(8)) == 8:
            kind, length, padding = struct.unpack(">xBxxHBx", header)
            content = stream.read(length)
            stream.read(padding)
            if kind == 4:
                params += content
            if kind == 5 and length == 0:
                self.params.append(params)
                params = b""
                connection.sendall(self.reply)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def record(kind, content):
    return struct.pack(">BBHHxx", 1, kind, 1, len(content)) + content


def whole_reply(text):
    end = record(3, bytes(8))
    return record(6, text) + record(6, b"") + end


@pytest.fixture
def running(tmp_path):
    """(url, path of the host's socket) of a real nginx."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % probe.getsockname()[1]
    path = tmp_path / "host.sock"
    # Workers of another user could not reach into the test's folder.
    conf = place(tmp_path, "--socket", path, "--listen", address,
                 "--user", "root" if os.getuid() == 0 else "www-data")
    process = subprocess.Popen(
        [NGINX, "-p", conf, "-c", conf / "nginx.conf", "-g", "daemon off;"])
    pid_file = tmp_path / "scratch" / "nginx.pid"
    while not (pid_file.exists() and pid_file.read_text().strip()):
        assert process.poll() is None, (
            tmp_path / "scratch" / "error.log").read_text()
        threading.Event().wait(0.01)
    yield f"http://{address}", path
    process.terminate()
    process.wait()


def get(url, **arguments):
    request = urllib.request.Request(url, **arguments)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_host_down_is_a_503_problem_document(running):
    """Breaks when: the client sees nginx's own 502 page."""
    url, _ = running
    status, headers, body = get(url + "/hello")
    assert status == 503
    assert headers["Content-Type"] == "application/problem+json"
    assert int(headers["Retry-After"]) > 0
    assert f'"instance":"{headers["X-Request-ID"]}"'.encode() in body


def test_host_that_breaks_off_is_a_503_too(running):
    """Breaks when: an answer that is no FastCGI shows as a 502 page."""
    url, path = running
    responder = Responder(path, b"nonsense")
    status, headers, _ = get(url + "/")
    responder.close()
    assert (status, headers["Content-Type"]) == (
        503, "application/problem+json")


@pytest.mark.parametrize("code", [404, 413, 500, 502, 503, 504])
def test_the_hosts_own_errors_go_through(running, code):
    """Breaks when: nginx replaces a document that says what was wrong."""
    url, path = running
    responder = Responder(path, whole_reply(
        b"Status: %d Own\r\nContent-Type: application/x-own\r\n\r\nmine"
        % code))
    status, headers, body = get(url + "/")
    responder.close()
    assert (status, headers["Content-Type"], body) == (
        code, "application/x-own", b"mine")


def test_a_body_over_the_limit_is_a_413_problem_document(running):
    """Breaks when: the refusal comes from nginx as an HTML page."""
    url, path = running
    limit = host_default("body_limit")
    status, headers, _ = get(url + "/", method="POST", headers={
        "Content-Length": str(limit + 1)}, data=b"")
    assert status == 413
    assert headers["Content-Type"] == "application/problem+json"


def test_the_largest_header_the_host_lets_through_passes(running):
    """Breaks when: fastcgi_buffer_size is taken to be the header alone."""
    url, path = running
    limit = int(host_default("header_limit"))
    head = b"Status: 200 OK\r\nContent-Type: text/plain\r\nX-Long: "
    head += b"a" * (limit - len(head) - 4) + b"\r\n\r\n"
    responder = Responder(path, whole_reply(head + b"body"))
    status, _, body = get(url + "/")
    responder.close()
    assert (status, body) == (200, b"body")


def test_what_the_host_is_told(running):
    """Breaks when: a parameter the host counts on is not sent, or
    HTTP_PROXY is."""
    url, path = running
    responder = Responder(path, whole_reply(
        b"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n"))
    _, headers, _ = get(url + "/a%20b//c?x=%20", headers={"Proxy": "evil"})
    responder.close()
    params = responder.params[0]
    assert b"HTTP_PROXY" not in params and b"evil" not in params
    assert b"PATH_INFO/a b/c" in params
    assert b"DOCUMENT_URI/a b/c" in params
    assert b"QUERY_STRINGx=%20" in params
    assert b"REQUEST_ID" + headers["X-Request-ID"].encode() in params
    assert re.search(rb"REQUEST_START\d+\.\d{3}", params)


def test_nginx_status_is_for_this_machine_only(running):
    """Breaks when: the location is open to everybody."""
    url, _ = running
    status, _, body = get(url + "/nginx-status")
    assert status == 200 and b"Active connections" in body
    text = (SHIPPED / "fcgi-host-status.conf").read_text()
    assert re.search(r"allow 127\.0\.0\.1;\s+allow ::1;\s+deny all;", text)
