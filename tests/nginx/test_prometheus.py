"""A real Prometheus reads the host through nginx, with what is shipped for it."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import pytest

from lib.fcgi import wait_until
from lib.host import SOURCE, Host
from lib.metrics import promtool, read
from lib.nginx import Nginx, free_port

SHIPPED = os.path.join(SOURCE, "metrics")
PROMETHEUS = shutil.which("prometheus")


def shipped(name):
    return os.path.join(SHIPPED, name)


def test_rules():
    """Breaks when: a rule is wrong, fires for nothing, or not at all."""
    promtool("check", "rules", shipped("fcgi-host.rules.yml"))
    promtool("check", "config", shipped("prometheus.yml"))
    promtool("test", "rules", shipped("fcgi-host.rules.test.yml"))
    with open(shipped("fcgi-host.rules.yml")) as file:
        names = re.findall(r"- alert: (\w+)", file.read())
    with open(shipped("fcgi-host.rules.test.yml")) as file:
        text = file.read()
    for name in names:	# each has a case in which it fires
        assert re.search(r"labels: 'ALERTS\{alertname=\"%s\"" % name, text)


class Prometheus:
    """Debian's, with the shipped configuration but for address and pace."""

    def __init__(self, target, interval="200ms"):
        self.folder = tempfile.mkdtemp(prefix="fh-prometheus-")
        self.port = free_port()
        shutil.copy(shipped("fcgi-host.rules.yml"), self.folder)
        with open(shipped("prometheus.yml")) as file:
            text = file.read()
        for old, new in (("127.0.0.1:80", target), ("15s", interval)):
            assert old in text
            text = text.replace(old, new)
        self.file = os.path.join(self.folder, "prometheus.yml")
        with open(self.file, "w") as file:
            file.write(text)
        self.process = subprocess.Popen(
            [PROMETHEUS, "--config.file=" + self.file,
             "--storage.tsdb.path=" + os.path.join(self.folder, "data"),
             "--web.listen-address=127.0.0.1:%d" % self.port],
            stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
            stdout=open(os.path.join(self.folder, "log"), "w"))

    def ask(self, path, **query):
        """The data of an API call; an assertion if it is an error."""
        url = "http://127.0.0.1:%d/api/v1/%s?%s" % (
            self.port, path, urllib.parse.urlencode(query))
        with urllib.request.urlopen(url, timeout=10) as reply:
            answer = json.load(reply)
        assert answer["status"] == "success", answer
        return answer["data"]

    def try_to(self, path, **query):
        try:
            return self.ask(path, **query)
        except OSError:
            return None

    def value(self, expression):
        """The sum of what an expression gives; None if it gives nothing."""
        result = self.ask("query", query=expression)["result"]
        return sum(float(one["value"][1]) for one in result) if result \
            else None

    def target(self):
        found = self.try_to("targets", state="active")
        return found and found["activeTargets"] and found["activeTargets"][0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder)


def traffic(nginx):
    for path in ("/hello", "/hello-async", "/slow/async?how=spin&ms=2",
                 "/nowhere"):
        nginx.get(path)
    nginx.post("/body", b"x" * 100)


def expressions(dashboard):
    """(panel, expression) of each query, with values for the variables."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], (
                target["expr"].replace("$__rate_interval", "3s")
                .replace("$instance", ".*").replace("$route", ".*"))


@pytest.fixture(scope="module")
def scraped():
    """A host that was asked for a while, and the Prometheus that saw it."""
    with Host(handlers=["hello", "live_slow", "live_body", "live_model"],
              metrics="/metrics", start=False) as host:
        path = host.write("model.bin", bytes(1 << 20))
        host.write_config({"metrics": "/metrics"}, {}, {}, {
            "live-file": {"path": path, "kind": "file"}}, {}, "")
        host.start()
        with Nginx(host) as nginx, Prometheus(
                "127.0.0.1:%d" % nginx.port) as prometheus:
            # it looks for its targets after five seconds
            wait_until(lambda: prometheus.target() and
                       prometheus.target()["health"] == "up", 30,
                       "a target that is up")
            for _ in range(8):	# more than a scrape
                traffic(nginx)
                time.sleep(0.1)
            yield host, nginx, prometheus


def test_prometheus_reads_it(scraped):
    """Breaks when: Prometheus does not take what it is given, or reads other
    numbers than are there."""
    host, nginx, prometheus = scraped
    target = prometheus.target()
    assert (target["health"], target["lastError"]) == ("up", "")
    hello = {"route": "GET /hello", "status": "2xx"}
    for _ in range(7):
        assert nginx.get("/hello").status == 200
    wait_until(lambda: prometheus.value(
        'fcgi_host_requests_total{route="GET /hello",status="2xx"}')
        == read(host).get("fcgi_host_requests_total", **hello) > 7)
    kinds = prometheus.ask("metadata")
    for name, kind in (("fcgi_host_requests", "counter"),
                       ("fcgi_host_request_run_seconds", "histogram"),
                       ("fcgi_host_route", "info"),
                       ("fcgi_host_connections", "gauge")):
        assert kinds[name][0]["type"] == kind	# so it came as OpenMetrics
        assert kinds[name][0]["help"]
    log = open(os.path.join(prometheus.folder, "log")).read()
    assert "duplicate" not in log and "out-of-order" not in log


def test_the_dashboard_shows_something_everywhere(scraped):
    """Breaks when: a panel asks for what is not there, or what Prometheus
    does not understand."""
    prometheus = scraped[2]
    with open(shipped("fcgi-host.dashboard.json")) as file:
        dashboard = json.load(file)
    asked = list(expressions(dashboard))
    assert len(asked) > 40
    empty = [(title, one) for title, one in asked
             if prometheus.value(one) is None]
    assert empty == []
    for variable in dashboard["templating"]["list"]:
        match = re.match(r"label_values\((.*), (\w+)\)",
                         variable.get("definition", ""))
        if match:
            series = match[1].replace("$instance", ".*")
            assert prometheus.ask("label/%s/values" % match[2],
                                  **{"match[]": series})


def test_no_rule_fails_or_fires(scraped):
    """Breaks when: a rule cannot be evaluated, or a host that is well is an
    alarm."""
    prometheus = scraped[2]

    def evaluated():
        rules = [rule for group in prometheus.ask("rules")["groups"]
                 for rule in group["rules"]]
        return all(rule["health"] != "unknown" for rule in rules) and rules
    rules = wait_until(evaluated)
    assert len(rules) > 10
    assert [(rule["name"], rule["lastError"]) for rule in rules
            if rule["health"] != "ok"] == []
    assert [rule["name"] for rule in rules
            if rule["state"] == "firing"] == []
