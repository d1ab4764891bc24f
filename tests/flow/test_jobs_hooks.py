"""Webhooks: somebody is told that a job has ended."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
import time

import pytest

from lib.fcgi import wait_until
from lib.host import Host
from lib.jobs import accept
from lib.postgresql import PostgreSQL

SECRET = b"a secret of the tests"


class Receiver:
    """Answers with the statuses it is given, one after the other, then 200;
    `got` has what came."""

    def __init__(self, statuses=(), port=0, certificate=None):
        self.got, self.statuses = [], list(statuses)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append((self.path, dict(self.headers), body))
                status = (receiver.statuses.pop(0) if receiver.statuses
                          else 200)
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self):	# what a redirect leads to
                receiver.got.append((self.path, dict(self.headers), b""))
                self.send_error(404)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port),
                                                      Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket,
                                                     server_side=True)
        self.port = self.server.server_address[1]
        self.url = "http%s://localhost:%d/hooks" % (
            "s" if certificate else "", self.port)
        threading.Thread(target=self.server.serve_forever,
                         args=(0.02,), daemon=True).start()

    def wait(self, count):
        wait_until(lambda: len(self.got) >= count, 20)
        return self.got

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def options(tmp_path, receiver, **more):
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET + b"\n")
    os.chmod(tmp_path, 0o755)
    return dict(handlers=["live_job"], jobs_retry="20ms", jobs_lease="2s",
                jobs_webhooks=[receiver.url],
                jobs_webhook_secret=str(secret), **more)


def check_signature(headers, body):
    text = b"%s.%s." % (headers["webhook-id"].encode(),
                        headers["webhook-timestamp"].encode()) + body
    assert headers["webhook-signature"] == "v1," + base64.b64encode(
        hmac.new(SECRET, text, hashlib.sha256).digest()).decode()
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60


def hook(url):
    return {"Webhook-URL": url}


def test_who_wants_to_know_is_told(tmp_path):
    """Breaks when: the end of a job is not told, not signed, told with
    another document or to another address that an answer names, or told once
    although nobody took it."""
    with Receiver([500, 302]) as receiver, Host(**options(
            tmp_path, receiver)) as host:
        job = accept(host, "/job", b"x", headers=hook(receiver.url + "/me?a"))
        done = job.wait()
        for path, headers, body in receiver.wait(3):
            assert path == "/hooks/me?a"
            assert headers["webhook-id"] == job.id
            check_signature(headers, body)
            document = json.loads(body)
            assert document["type"] == "job.succeeded"
            assert document["data"] == done
        time.sleep(0.3)
        assert len(receiver.got) == 3
        # no URL: nobody is told
        accept(host, "/job").wait()
        failed = accept(host, "/job?to=/nowhere", headers=hook(receiver.url))
        failed.wait("failed")
        assert json.loads(receiver.wait(4)[3][2])["type"] == "job.failed"


def test_one_that_is_cancelled_is_told_too(tmp_path, gate):
    """Breaks when: only jobs that ran are told."""
    with Receiver() as receiver, Host(jobs_concurrency=1, **options(
            tmp_path, receiver)) as host:
        accept(host, gate.path("/job"))
        held = gate.accept()
        waiting = accept(host, "/job", headers=hook(receiver.url))
        assert waiting.delete().status == 204
        (_, _, body), = receiver.wait(1)
        assert json.loads(body)["type"] == "job.cancelled"
        held.tell("go")


def test_only_what_is_named_is_called(tmp_path):
    """Breaks when: a client can have the host call what it likes."""
    with Receiver() as receiver, Host(**options(tmp_path, receiver)) as host:
        for url in ("http://127.0.0.1:%d/hooks" % receiver.port,
                    receiver.url + "x", receiver.url + ".evil.net/",
                    receiver.url + "/../admin", receiver.url + "/%2e%2e/x",
                    receiver.url + "/a b", receiver.url + "/\\..", "",
                    receiver.url.replace("http", "ftp"),
                    receiver.url.replace("http://", "http://me@")):
            host.post("/job", headers=hook(url)).problem(
                400, says="Webhook-URL")
    with Host(handlers=["live_job"]) as host:
        host.post("/job", headers=hook("http://a.org/")).problem(400)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_it_is_told_after_a_restart(tmp_path, kind):
    """Breaks when: a webhook that nobody took is forgotten with the host."""
    with Receiver() as first:
        port = first.port
    more, server = {}, None
    if kind == "postgresql":
        server = PostgreSQL()
        more = {"jobs_database": server.uri}
    try:
        with Host(**options(tmp_path, first, **more)) as host:
            job = accept(host, "/job", headers=hook(first.url))
            job.wait()
            host.wait_log("job %s: webhook" % job.id)
            host.kill()
            with Receiver(port=port) as receiver:
                host.start()
                (_, headers, body), *_ = receiver.wait(1)
                check_signature(headers, body)
                assert headers["webhook-id"] == job.id
    finally:
        if server:
            server.clean()


def test_one_that_hangs_holds_nobody_up(tmp_path):
    """Breaks when: jobs wait for a receiver that takes a webhook and says
    nothing, or a stop does, or what it did not answer is forgotten."""
    with socket.create_server(("127.0.0.1", 0)) as mute, Receiver(
            port=0) as receiver:
        port = mute.getsockname()[1]
        given = options(tmp_path, receiver)
        given["jobs_webhooks"].append("http://localhost:%d/" % port)
        with Host(**given) as host:
            begun = time.monotonic()
            jobs = [accept(host, "/job", headers=hook(
                "http://localhost:%d/" % port)) for _ in range(5)]
            for job in jobs:
                job.wait()
            taken = [mute.accept()[0] for _ in range(4)]	# at a time
            assert accept(host, "/job").wait()
            assert time.monotonic() < begun + 8, "it waited for the receiver"
            host.stop()
            assert time.monotonic() < begun + 16
            for one in taken:
                one.close()
            host.start()
            for _ in range(4):
                mute.settimeout(20)
                mute.accept()[0].close()


def test_a_certificate_that_nobody_vouches_for(tmp_path):
    """Breaks when: TLS is not verified."""
    pem = str(tmp_path / "pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", pem + ".key",
                    "-out", pem + ".crt"], check=True, capture_output=True)
    with open(pem, "w") as file:
        for part in (".key", ".crt"):
            file.write(open(pem + part).read())
    with Receiver(certificate=pem) as receiver, Host(**options(
            tmp_path, receiver)) as host:
        job = accept(host, "/job", headers=hook(receiver.url))
        job.wait()
        host.wait_log("job %s: webhook .*(certificate|SSL)" % job.id)
        assert receiver.got == []


def test_webhooks_without_a_secret_are_a_fault(tmp_path):
    """Breaks when: what nobody can trust is sent."""
    with Host(jobs_webhooks=["https://a.org/"], start=False) as host:
        done = host.command("check")
        assert done.returncode == 100
        assert "jobs_webhook_secret" in done.stderr
