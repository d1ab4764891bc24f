"""Apache 2.4 with the shipped nginx-conf/apache.conf in front of a Host."""

import http.client
import json
import os
import subprocess

import pytest

from lib.fcgi import wait_until
from lib.host import SOURCE, Host
from lib.nginx import Answer, free_port
from lib.passwords import basic, section, user

APACHE = "/usr/sbin/apache2"
MODULES = "/usr/lib/apache2/modules"
SOCKET = "/run/fcgi-host/host.sock"

# What a distribution sets up around a <VirtualHost>.
AROUND = """
ServerName localhost
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/apache.log
Listen 127.0.0.1:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule setenvif_module {modules}/mod_setenvif.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_fcgi_module {modules}/mod_proxy_fcgi.so
User {user}
Group {group}
<VirtualHost *>
Include {folder}/site.conf
</VirtualHost>
"""

pytestmark = pytest.mark.skipif(not os.path.exists(APACHE),
                                reason="needs apache2-bin")


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """A function that asks Apache."""
    # Apache's workers are not root, so the socket is for everybody here.
    users = os.path.join(str(tmp_path_factory.mktemp("secrets")), "users")
    with open(users, "w") as file:
        file.write(user("ada", "byron"))
    os.chmod(users, 0o600)
    with Host(handlers=["hello", "echo", "whoami"], listen_mode="0666",
              extra=section(users),
              routes={"GET /whoami": {"auth": "people"}}) as host:
        port = free_port()
        with open(os.path.join(SOURCE, "nginx-conf", "apache.conf")) as file:
            shipped = file.read()
        assert SOCKET in shipped
        host.write("site.conf", shipped.replace(SOCKET, host.socket))
        main = host.write("apache.conf", AROUND.format(
            folder=host.folder, port=port, modules=MODULES,
            user="www-data", group="www-data"))
        apache = subprocess.Popen([APACHE, "-f", main, "-D", "FOREGROUND"])

        def ask(method, target, body=None, headers=None):
            connection = http.client.HTTPConnection("127.0.0.1", port,
                                                    timeout=20)
            try:
                connection.request(method, target, body, headers or {})
                return Answer(connection.getresponse())
            finally:
                connection.close()

        def up():
            assert apache.poll() is None, open(
                os.path.join(host.folder, "apache.log")).read()
            try:
                return ask("GET", "/hello").status == 200
            except ConnectionRefusedError:
                return False

        try:
            wait_until(up, what="Apache")
            yield ask
        finally:
            apache.terminate()
            apache.wait(20)


def test_sync_async_and_kept_connections(ask):
    """Breaks when: Apache's records are not understood, or its second
    request on a kept connection."""
    for _ in range(20):
        assert ask("GET", "/hello").status == 200
        assert ask("GET", "/hello-async").status == 200


def test_refusals(ask):
    """Breaks when: the host's errors don't come through."""
    reply = ask("GET", "/nothing")
    assert reply.status == 404
    assert reply.header("Content-Type") == "application/problem+json"
    reply = ask("DELETE", "/hello")
    assert reply.status == 405 and "GET" in reply.header("Allow")


def test_path_query_and_body(ask):
    """Breaks when: the path, the query or the body arrives changed."""
    reply = ask("POST", "/echo?q=%20x", b"by apache",
                {"Content-Type": "text/plain", "Proxy": "evil"})
    assert reply.status == 200
    heard = json.loads(reply.text)
    assert heard["path"] == "/echo"
    assert heard["body"] == "by apache"
    assert "evil" not in reply.text


def test_who_asks(ask):
    """Breaks when: Apache keeps Authorization to itself, as it does unless it
    is told not to."""
    reply = ask("GET", "/whoami")
    assert reply.status == 401
    assert reply.header("WWW-Authenticate").startswith("Basic realm=")
    reply = ask("GET", "/whoami", headers=basic("ada", "byron"))
    assert json.loads(reply.text)["name"] == "ada"
    assert ask("GET", "/whoami", headers=basic("ada", "x")).status == 401


def test_head(ask):
    """Breaks when: a HEAD reply has a body, which spoils the connection."""
    reply = ask("HEAD", "/hello")
    assert (reply.status, reply.body) == (200, b"")
    assert ask("GET", "/hello").status == 200
