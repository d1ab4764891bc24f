"""The document and its page as the host serves them, without a web server."""

import json
import re

import pytest

from lib import build, npm
from lib.host import Host
from lib.tools import Tools

ON = {"openapi_path": "/openapi.json"}


def test_it_is_off_unless_it_is_asked_for():
    """Breaks when: what a host has is told to everybody by default."""
    with Host(handlers=["hello"]) as host:
        assert host.get("/openapi.json").status == 404
        assert host.get("/docs").status == 404
        assert host.status()["generation"]["routes"] == 2


def test_a_reload_changes_the_document():
    """Breaks when: the document is that of another generation, or its ETag
    says that it is still the same."""
    with Host(handlers=["hello"], watch=False, **ON) as host:
        first = host.get("/openapi.json")
        assert list(json.loads(first.text)["paths"]) == ["/hello",
                                                         "/hello-async"]
        host.put("vary.so", build.handler("vary"))
        host.reload()
        known = {"If-None-Match": first.header("ETag")}
        second = host.get("/openapi.json", headers=known)
        assert second.status == 200
        assert "/vary" in json.loads(second.text)["paths"]
        host.change(api_title="Other")
        host.reload()
        third = json.loads(host.get("/openapi.json").text)
        assert third["info"]["title"] == "Other"
        host.change(openapi_path="/elsewhere/v1.json")
        host.reload()
        assert host.get("/openapi.json").status == 404
        moved = json.loads(host.get("/elsewhere/v1.json").text)
        assert moved["servers"] == [{"url": ".."}]


def test_what_is_ours_counts_as_no_handler():
    """Breaks when: the host's own routes are shown as a handler's file, or the
    document describes itself."""
    with Host(handlers=["hello"], **ON) as host:
        status = host.status()
        assert status["generation"]["handlers"] == 1
        assert "GET /openapi.json" in [one["route"]
                                       for one in status["routes"]]
        assert [one["file"] for one in status["files"]] == ["hello.so"]
        assert "/openapi.json" not in host.get("/openapi.json").text


def test_a_route_of_a_handler_stays_its_own():
    """Breaks when: our route takes the place of a handler's, or nobody is
    told."""
    mine = build.handler("mine", route="/openapi.json")
    with Host(handlers=[], **ON) as host:
        host.put("mine.so", mine)
        host.wait_file("mine.so", "serving")
        assert build.whole(host.get("/openapi.json")) == "1"
        host.wait_log(r'openapi_path: route "GET /openapi.json" is taken by '
                      r"mine.so")
    with Tools(config='openapi_path = "/openapi.json"\n') as tools:
        tools.write("handlers/mine.so", build.read(mine))
        done = tools.run("check", "-c", tools.file)
        assert done.code == 100
        assert "openapi_path: route \"GET /openapi.json\" is taken by " \
            "mine.so" in done.log


@pytest.mark.parametrize("lines, why", [
    ('docs_path = "/docs"', "set openapi_path, too"),
    ('openapi_path = "/x"\ndocs_path = "/x"', "are the same"),
    ('openapi_path = "x.json"', "is no path to serve"),
    ('openapi_path = "/a/{b}"', "is no path to serve"),
    ('openapi_path = "/a?b"', "is no path to serve"),
    ('openapi_path = "/"', "a last part"),
    ('openapi_path = "/x/"', "a last part"),
    ('openapi_path = "/%s"' % ("x" * 300), "a last part"),
])
def test_paths_that_cannot_be(lines, why):
    """Breaks when: a path is taken that could not be served, or the sentence
    does not say what is wrong with it."""
    with Tools(["hello"], lines + "\n") as tools:
        done = tools.run("check", "-c", tools.file)
    assert done.code == 100 and why in done.log, done.log


def test_a_page_without_its_files():
    """Breaks when: a host without the files of the page does not start, or
    nobody is told how to get them."""
    lines = 'openapi_path = "/o"\ndocs_path = "/d"\ndocs_files = "/none"\n'
    with Tools(["hello"], lines) as tools:
        done = tools.run("check", "-c", tools.file)
        assert done.code == 100
        assert "docs_path: there is no page, for want of " \
            "/none/swagger-ui-bundle.js (No such file" in done.log
        assert "docs-page/fetch" in done.log
    with Host(handlers=["hello"], docs_path="/docs", docs_files="/none",
              **ON) as host:
        assert host.get("/hello").status == 200
        assert host.get("/openapi.json").status == 200
        assert host.get("/docs").status == 404
        host.wait_log("docs_path: there is no page")


def test_deep_paths():
    """Breaks when: a relative reference is right for paths of one part only."""
    with Host(handlers=["hello"], openapi_path="/api/v1/open.json",
              docs_path="/help/me/now", docs_files=npm.docs_page()) as host:
        document = json.loads(host.get("/api/v1/open.json").text)
        assert document["servers"] == [{"url": "../.."}]
        page = host.get("/help/me/now").text
        assert 'data-document="../../api/v1/open.json"' in page
        found = re.search(r'"(now/start.js\?v=\w+)"', page)[1]
        assert host.get("/help/me/" + found).status == 200
        assert host.get("/help/me/now/").header(
            "Location") == "/help/me/now"
        # In one process, too.
        done = host.command("call", "GET", "/help/me/now")
        assert done.stdout == page


def test_default_auth_is_for_handlers(tmp_path):
    """Breaks when: a browser cannot open the page where every handler wants a
    key."""
    keys = tmp_path / "keys"
    keys.write_text("")
    keys.chmod(0o600)
    with Host(handlers=["hello"], docs_path="/docs", default_auth="partners",
              docs_files=npm.docs_page(), extra='auth "partners" {\n'
              'type = key\n keys_file = "%s"\n}\n' % keys, **ON) as host:
        assert host.get("/hello").status == 401
        document = json.loads(host.get("/openapi.json").text)
        assert document["paths"]["/hello"]["get"]["security"] == [
            {"partners": []}]
        assert host.get("/docs").status == 200
        assert host.get("/docs/start.js").status == 200


def test_servers_of_other_hosts_may_be_asked():
    """Breaks when: the page's policy forbids the servers that the document
    names, or takes words of the configuration for sources."""
    with Host(handlers=["hello"], docs_path="/docs",
              docs_files=npm.docs_page(), api_servers=[
                  "https://api.example:8443/v1", "/v2", "http://x y",
                  "https://a.example;script-src *"], **ON) as host:
        policy = host.get("/docs").header("Content-Security-Policy")
        assert policy.endswith("connect-src 'self' https://api.example:8443 "
                               "http://x https://a.example")
