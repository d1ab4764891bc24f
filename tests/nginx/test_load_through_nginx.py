"""`fcgi-host load`: wrk through a real nginx, and what it says of it."""

import html.parser
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from lib.fcgi import wait_until
from lib.host import BINARY, Host, comm, process_ids, stat_of
from lib.nginx import Nginx, free_port

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None,
                                reason="wrk is not installed")
SCRATCH = "/tmp"


def left_behind():
    return {name for name in os.listdir(SCRATCH)
            if name.startswith("fcgi-host-load.")}


class Load:
    """A `fcgi-host load` that ran to its end."""

    def __init__(self, *arguments, environment=None, before=None, code=0):
        before = left_behind() if before is None else before
        done = subprocess.run(
            [BINARY, "load", *map(str, arguments)], capture_output=True,
            text=True, timeout=120,
            env={**os.environ, **(environment or {})})
        self.code, self.out, self.err = (done.returncode, done.stdout,
                                         done.stderr)
        assert self.code == code, (self.out, self.err)
        assert left_behind() <= before, "a scratch folder is left"

    @property
    def document(self):
        return json.loads(self.out)


@pytest.fixture(scope="module")
def served():
    with Host(handlers=["hello", "sleep"], pools={"default": {
            "workers": 2, "threads": 8}}) as host, Nginx(host) as nginx:
        yield host, nginx


def url(nginx):
    return "http://127.0.0.1:%d" % nginx.port


class Page(html.parser.HTMLParser):
    """What a page asks for, its elements, and whether they are closed."""

    VOID = ("meta", "br", "img", "link", "input")

    def __init__(self, text):
        super().__init__()
        self.open, self.names, self.asked, self.points = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, name, attributes):
        self.names.append(name)
        self.asked += [value for key, value in attributes
                       if key in ("src", "href", "action")]
        self.points += [value for key, value in attributes
                        if key == "points"]
        if name not in self.VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.handle_starttag(name, attributes)
        self.open.pop()

    def handle_endtag(self, name):
        assert self.open and self.open[-1] == name, (name, self.open)
        self.open.pop()


def test_a_mix(served, tmp_path):
    """Breaks when: requests are counted that nobody made or made that nobody
    counted, a rate is not kept, errors go under another name, or the page
    needs anything but itself."""
    host, nginx = served
    before = asked(host)
    page = tmp_path / "report.html"
    mix = ("GET /hello", "GET /sleep?seconds=0.05", "GET /sleep?seconds=2",
           "GET /hello-async?no")
    ran = Load("-u", url(nginx), *[word for one in mix
                                   for word in ("-r", one)],
               *"--rate 100/s --rate 20/s --rate 10/s --rate none".split(),
               *"--users 10 --users 4 --users 10 --users 1".split(),
               *"--warmup 0 -t 1s --timeout 1500ms --json -q".split(),
               "--html", page)
    got = ran.document
    hello, sleep, late, loop = got["routes"]
    assert got["generator_malformed"] == 0
    assert hello["errors"] == sleep["errors"] == loop["errors"] == 0
    assert 60 < hello["requests"] < 150, hello["requests"]
    assert 5 < sleep["requests"] < 45, sleep["requests"]
    assert loop["rate"] is None and loop["requests"] > 10
    assert late["errors"] == late["requests"] > 0
    assert late["errors_by_kind"]["too late"] > 0, late["errors_by_kind"]
    assert got["all"]["requests"] == sum(route["requests"]
                                         for route in got["routes"])
    made = {name: count - before[name] for name, count in asked(host).items()}
    # one more of each was asked to see that it is there
    assert made["GET /hello"] == hello["requests"] + 1
    assert made["GET /hello-async"] == loop["requests"] + 1
    assert sleep["latency_seconds"]["p50"] >= 0.049
    assert 0 < hello["latency_seconds"]["p50"] < 0.5
    for route in hello, sleep, loop:
        times = route["latency_seconds"]
        assert times["p50"] <= times["p90"] <= times["p95"] <= times["p99"]
        assert times["p99"] <= times["max"] * 1.02
        assert sum(point["replies"] for point in route["over_time"]) == (
            route["requests"])
    parsed = Page(page.read_text())
    assert parsed.asked == []
    assert not re.search(r"url\(|@import|https?://(?!127)", page.read_text())
    # a line of percentiles for each, and two over time for each
    assert parsed.names.count("svg") == 5 and len(parsed.points) == 12
    assert all(parsed.points)


def asked(host):
    return {route["route"]: route["requests"]
            for route in host.status()["routes"]}


def test_a_stall_is_not_hidden(served):
    """The front stands still for a second.  Breaks when: latencies are counted
    from the sending, by which two requests of some hundred were slow."""
    host, nginx = served
    before = asked(host)["GET /hello"]

    def stall():
        wait_until(lambda: asked(host)["GET /hello"] > before + 10,
                   what="requests")
        pid = host.pid_of("front")
        os.kill(pid, signal.SIGSTOP)
        time.sleep(1)
        os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=stall)
    thread.start()
    got = Load("-u", url(nginx), "-r", "GET /hello", "--rate", "100/s",
               "--users", 2, "--warmup", "0", "-t", "2s", "--json",
               "-q").document
    thread.join()
    hello = got["routes"][0]
    assert hello["errors"] == 0
    assert hello["latency_seconds"]["p90"] > 0.3, hello["latency_seconds"]
    assert hello["latency_seconds"]["max"] > 0.8
    assert hello["from_sending_seconds"]["p50"] < 0.1
    assert hello["held_share"] > 0.2


def test_what_cannot_be(served, tmp_path):
    """Breaks when: a load test begins that means nothing, or does not say
    why."""
    host, nginx = served
    base = ["-u", url(nginx), "-t", "1s", "--warmup", "0"]
    got = Load(*base, "-r", "GET /sleep?seconds=x", "--rate", "20/s")
    assert "answers 422" in got.err
    assert re.search(r"422: \d+", got.out), got.out
    for arguments, said in (
            (["-r", "GET /nowhere"], "404, there is no such route"),
            (["-r", "DELETE /hello"], "405"),
            (["-r", "GET hello"], "METHOD /path"),
            (["-r", "GET /hello", "--rate", "fast"], "50/s"),
            (["-r", "GET /hello", "--users", "0"], "1 to 2000"),
            (["-r", "GET /hello", "--rate", "1/m", "--users", "50"],
             "fewer users"),
            (["-r", "GET /hello", "--rate", "1/s", "--rate", "2/s"],
             "once for each"),
            ([], "there is no route"),
            (["-s", "nowhere"], "nowhere"),
            (["-r", "GET /hello", "-t", "2h"], "one hour"),
            (["-r", "GET /hello", "-u", "127.0.0.1"], "http://")):
        got = Load(*base, *arguments, code=100)
        assert said in got.err and got.out == "", (arguments, got.err)
    port = free_port()
    got = Load("-u", "http://127.0.0.1:%d" % port, "-r", "GET /hello",
               code=100)
    assert "is nginx running?" in got.err
    got = Load(*base, "-r", "GET /hello", code=100,
               environment={"PATH": str(tmp_path)})
    assert "apt install wrk" in got.err
    scenario = tmp_path / "bad.conf"
    scenario.write_text('route "GET /hello" {\n\trat = "1/s"\n}\n')
    got = Load(*base, "-s", scenario, code=100)
    assert "bad.conf:2" in got.err and "rat" in got.err


def test_no_host_behind_nginx():
    """Breaks when: a 502 is load tested."""
    with Host() as host, Nginx(host) as nginx:
        host.stop()
        got = Load("-u", url(nginx), "-r", "GET /hello", code=100)
        assert "no host behind it" in got.err, got.err
        host.start()


def test_an_interrupt_leaves_a_report(served):
    """Breaks when: Ctrl-C loses what was measured, or leaves wrk running."""
    host, nginx = served
    before = left_behind()
    load = subprocess.Popen(
        [BINARY, "load", "-u", url(nginx), "-r", "GET /hello", "--rate",
         "50/s", "--warmup", "0", "-t", "60s", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: [pid for pid in children(load.pid)
                        if comm(pid) == "wrk"], what="wrk")
    time.sleep(1.2)
    load.send_signal(signal.SIGINT)
    out, err = load.communicate(timeout=20)
    assert load.returncode == 1, err
    got = json.loads(out)
    assert got["interrupted"] and got["routes"][0]["requests"] > 5
    assert got["routes"][0]["errors"] == 0
    assert 0.2 < got["seconds"] < 10
    assert left_behind() <= before


def children(parent):
    return [pid for pid in process_ids()
            if (stat_of(pid) or ("", 0))[1] == parent]


def test_compare(served, tmp_path):
    """Breaks when: sync and async are mixed up, noise decides, or the host
    that runs is touched."""
    host, nginx = served
    with open(host.file) as file:
        written = file.read()
    number, page = host.number(), tmp_path / "report.html"
    got = Load("-c", host.file, "-r", "GET /hello", "--rate", "100/s",
               "--users", 5, "-r", "GET /sleep-sync?seconds=0.1", "--rate",
               "6/s", "--users", 5, "--warmup", "0", "-t", "500ms", "--turns",
               3, "--compare", "GET /sleep-sync", "--json", "--html", page,
               "-q").document["compare"]
    assert (got["first"], got["second"]) == ("sync", "async")
    assert got["better"] == "second", got
    assert "async is better" in got["verdict"]
    hello = got["routes"][0]
    turns = [turn["latency_seconds"]["p95"] for turn in hello["turns"]]
    assert min(turns[0::2]) > 2 * max(turns[1::2]), turns
    assert [turn["requests"] for turn in hello["turns"][:2]] == (
        [hello["turns"][0]["requests"]] * 2)
    assert Page(page.read_text()).asked == []
    with open(host.file) as file:
        assert file.read() == written
    assert host.number() == number
    for asked, said in (("GET /hello", "nothing in the mix asks it"),
                        ("GET /nowhere", "no handler has such a route")):
        got = Load("-c", host.file, "-r", asked, "--compare", "GET /nowhere",
                   code=100)
        assert said in got.err
