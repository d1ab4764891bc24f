"""The document and its page through nginx, below a prefix, in a real browser."""

import gzip
import hashlib
import json
import os
import re
import shutil
import urllib.parse

import pytest

from lib import build, npm
from lib.host import Host
from lib.nginx import Nginx

CHROMIUM = shutil.which("chromium")


def mounted(host, prefix):
    """nginx with the host below a prefix, as fcgi-host-location.conf says."""
    nginx = Nginx(host, start=False)
    path = os.path.join(nginx.conf, "fcgi-host-location.conf")
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace("location / {", "location %s/ {" % prefix)
                   .replace('SCRIPT_NAME "";', "SCRIPT_NAME %s;" % prefix))
    nginx.start()
    return nginx


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["hello", "orders", "upload"], openapi_path="/openapi.json",
              docs_path="/docs", docs_files=npm.docs_page(),
              api_title='<b>"Mounted" & tried', sync_reply_limit="16 KiB",
              header_limit="16 KiB") as one:
        yield one


@pytest.fixture(scope="module")
def nginx(host):
    with mounted(host, "/some/app") as one:
        yield one


def test_the_document_is_served_as_it_is_printed(host, nginx):
    """Breaks when: what is served is another document, has a wrong type, or
    is sent again to who has it."""
    reply = nginx.get("/some/app/openapi.json")
    assert reply.status == 200
    assert reply.header("Content-Type") == "application/json"
    assert reply.header("Cache-Control") == "no-cache"
    assert reply.text == host.command("openapi").stdout
    assert json.loads(reply.text)["servers"] == [{"url": "."}]
    tag = reply.header("ETag")
    for known in (tag, "W/" + tag, '"x", ' + tag, "*"):
        again = nginx.get("/some/app/openapi.json",
                          headers={"If-None-Match": known})
        assert (again.status, again.body) == (304, b"")
    other = nginx.get("/some/app/openapi.json",
                      headers={"If-None-Match": '"x"'})
    assert other.status == 200
    head = nginx.ask("HEAD", "/some/app/openapi.json")
    assert head.status == 200 and head.header("ETag") == tag


def test_the_files_of_the_page(nginx):
    """Breaks when: a file is missing, over sync_reply_limit, has a wrong type
    or encoding, or may be kept without its URL changing with it."""
    page = nginx.get("/some/app/docs")
    assert page.status == 200
    assert page.header("Content-Type") == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.header("Content-Security-Policy")
    assert ("<title>&lt;b>&quot;Mounted&quot; &amp; tried</title>"
            in page.text)
    found = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)
    assert len(found) == 4
    for name in found:
        url = urllib.parse.urljoin("/some/app/docs", name)
        plain = nginx.get(url)
        assert plain.status == 200, url
        assert "immutable" in plain.header("Cache-Control")
        assert plain.header("X-Content-Type-Options") == "nosniff"
        kind = plain.header("Content-Type").partition(";")[0]
        assert kind == {"js": "text/javascript", "css": "text/css",
                        "png": "image/png"}[re.search(r"\.(\w+)\?", url)[1]]
        packed = nginx.get(url, headers={"Accept-Encoding": "br, gzip;q=0.5"})
        if kind == "image/png":
            assert packed.header("Content-Encoding") is None
            continue
        assert packed.header("Content-Encoding") == "gzip"
        assert packed.header("Vary") == "Accept-Encoding"
        assert packed.header("ETag") != plain.header("ETag")
        assert gzip.decompress(packed.body) == plain.body
        none = nginx.get(url, headers={"Accept-Encoding": "gzip;q=0"})
        assert none.body == plain.body
    assert nginx.get("/some/app/docs/../../etc/passwd").status == 404
    assert nginx.get("/some/app/docs/LICENSE").status == 404
    slash = nginx.get("/some/app/docs/")
    assert slash.status == 308
    assert urllib.parse.urlsplit(
        slash.header("Location")).path == "/some/app/docs"


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_try_it_in_a_browser(nginx, tmp_path):
    """Breaks when: the page does not come up below a prefix, a request that is
    tried misses it, another host is asked, a form has no button to choose a
    file, or the browser complains (of the page's policy, of a script)."""
    photo = tmp_path / "a.png"
    photo.write_bytes(b"\x89PNG")
    origin = "http://127.0.0.1:%d" % nginx.port
    bad = {"address": {"street": "Hay 1"}, "items": [
        {"article": "AB-1234", "count": 0, "price": 2.5}]}
    said = npm.run("page.mjs", {
        "browser": CHROMIUM, "url": origin + "/some/app/docs",
        "tries": [{"operation": "hello-get_hello"},
                  {"operation": "orders-post_orders",
                   "body": json.dumps(bad)},
                  {"operation": "orders-get_orders",
                   "values": {"text": "green tea", "top": "3"}},
                  {"operation": "upload-post_upload_album",
                   "form": {"title": "Juist"},
                   "files": {"cover": str(photo), "photos": str(photo)}}],
        "screenshot": os.environ.get("FH_SCREENSHOT"),
        "top": "orders-get_orders"})
    assert said["title"] == '<b>"Mounted" & tried'
    assert {"GET /hello", "GET /orders", "POST /orders"} <= set(
        said["operations"])
    hello, refused, found, kept = said["answers"]
    assert hello["status"] == 200
    assert "Hello, world!" in hello["body"]
    assert hello["url"].split() == ["Request", "URL",
                                    origin + "/some/app/hello"]
    assert refused["status"] == 422
    for word in ("errors", "city", "missing", "greater_than_equal"):
        assert word in refused["body"]
    assert found["status"] == 200
    assert "green tea" in found["body"]
    url = urllib.parse.urlsplit(found["url"].split()[-1])
    assert url.path == "/some/app/orders"
    assert {("text", "green tea"), ("top", "3")} <= set(
        urllib.parse.parse_qsl(url.query))
    assert kept["status"] == 200
    assert hashlib.sha256(photo.read_bytes()).hexdigest() in kept["body"]
    assert "a.png" in kept["body"] and "image/png" in kept["body"]
    asked = [urllib.parse.urlsplit(url) for url in said["requests"]]
    assert {one.netloc for one in asked if one.scheme != "data"} == {
        "127.0.0.1:%d" % nginx.port}
    assert "/some/app/hello" in {one.path for one in asked}
    # The 422 itself is told of in the console, that the page has no component
    # of its own for the files of a list (it falls back), and nothing else.
    assert [one for one in said["complaints"]
            if "status of 422" not in one and
            "component: JsonSchema_string_binary" not in one] == []
