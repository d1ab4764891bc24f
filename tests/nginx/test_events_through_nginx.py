"""Event streams through the shipped nginx-conf/, the ordinary location."""

import http.client
import os
import shutil
import signal

import pytest

from lib import npm
from lib.fcgi import wait_until
from lib.host import SOURCE, Host
from lib.nginx import Nginx
from lib.sse import Reader

CHROMIUM = shutil.which("chromium")
POOLS = {"default": {"workers": 2, "threads": 40}}


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["events", "live_stream"], pools=POOLS, crashes=True,
              stream_keep_alive="100ms", drain_timeout="60s") as one:
        yield one


@pytest.fixture(scope="module")
def nginx(host):
    with Nginx(host) as one:
        yield one


class Source:
    """What a browser's EventSource does, over one HTTP connection."""

    def __init__(self, nginx, target, conn=None, method="GET", **headers):
        self.conn = conn or nginx.connection()
        self.conn.request(method, target, headers=headers)
        self.response = self.conn.getresponse()
        self.reader, self.events = Reader(), []

    def feed(self):
        """False: the reply has ended well."""
        piece = self.response.read1(65536)
        self.events += self.reader.feed(piece)
        return piece != b""

    def next(self):
        while not self.events:
            assert self.feed(), "it has ended"
        return self.events.pop(0)


def busy(host):
    return sum(one["busy"] for one in host.status()["workers"])


def test_events_come_one_by_one(host, nginx):
    """Breaks when: nginx holds an event back, changes the header, or takes a
    quiet stream for dead."""
    source = Source(nginx, "/events")
    assert source.response.status == 200
    assert source.response.headers["Content-Type"] == "text/event-stream"
    assert source.response.headers["Cache-Control"] == "no-cache"
    assert source.response.headers["Transfer-Encoding"] == "chunked"
    first = int(source.next().id)
    for count in range(first + 1, first + 4):
        assert nginx.post("/events", b"").status == 200
        assert source.next().id == str(count)
    comments = source.reader.comments
    while source.reader.comments < comments + 3:
        assert source.feed()
    source.conn.close()
    again = Source(nginx, "/events", **{"Last-Event-ID": str(first)})
    assert again.next().id == str(first + 3)
    again.conn.close()


def test_a_browser_that_leaves_frees_its_thread(host, nginx):
    """Breaks when: nginx keeps the connection to the host, or the host waits
    for its next comment."""
    sources = [Source(nginx, "/quiet") for _ in range(50)]
    assert all(one.next().event == "hello" for one in sources)
    assert busy(host) == 50
    for one in sources:
        one.conn.close()
    wait_until(lambda: busy(host) == 0, 10)


def test_a_head_request_is_whole(nginx):
    """Breaks when: nginx waits for the end of a stream that nobody reads."""
    source = Source(nginx, "/events", method="HEAD")
    assert source.response.status == 200 and source.response.read() == b""
    source.conn.close()


def test_a_reload_ends_each_reply_well(host, nginx):
    """Breaks when: an event source sees an error where it should come back: a
    reply that is cut off, or a connection of the browser's that is closed."""
    sources = [Source(nginx, "/quiet") for _ in range(30)]
    assert all(one.next().event == "hello" for one in sources)
    host.reload()
    for one in sources:
        while one.feed():
            continue
        assert [(got.event, got.data) for got in one.events] == [
            ("bye", "ECANCELED")] and one.reader.whole
    again = [Source(nginx, "/quiet", conn=one.conn) for one in sources]
    assert all(one.next().event == "hello" for one in again)
    for one in again:
        one.conn.close()
    host.wait_settled()
    assert not nginx.errors()


def test_a_worker_that_dies_breaks_the_reply_off(host, nginx):
    """Breaks when: what was cut off looks whole to a client, as an end of file
    does to nginx where it does not buffer; or the next one finds no worker."""
    source = Source(nginx, "/quiet")
    os.kill(int(source.next().data), signal.SIGKILL)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        while source.feed():
            continue
    assert source.events == []
    source.conn.close()
    again = Source(nginx, "/quiet")
    assert again.next().event == "hello"
    again.conn.close()


def snippet():
    """The page of handlers/events/README.md, and its script."""
    with open(os.path.join(SOURCE, "handlers", "events",
                           "README.md")) as file:
        text = file.read()
    text = "\n".join(line[4:] for line in text.splitlines()
                     if line.startswith("    "))
    page, _, script = text.partition("<script>")
    return page, script.partition("</script>")[0]


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_real_browser_comes_back(host, nginx):
    """Breaks when: the page of handlers/events does not work, or a browser's
    EventSource takes an end by a reload, or one by a dead worker, for its
    last, or is told again what it has seen."""
    page, script = snippet()
    with npm.Browser(CHROMIUM, "http://127.0.0.1:%d/ring" % nginx.port) as \
            browser:
        def shows(text):
            return browser.until(
                "document.getElementById('count').textContent === '%s'" % text)

        first = int(nginx.post("/events", b"").body.split()[1].rstrip(b"}"))
        browser.until("document.body.innerHTML = %r" % page)
        browser.until("window.seen = 0; new MutationObserver(() => seen++)"
                      ".observe(document.body, {subtree: true, "
                      "childList: true, characterData: true}), true")
        browser.until("(0, eval)(%r), true" % script)
        shows(first)
        browser.until("document.querySelector('button').click(), true")
        shows(first + 1)
        host.reload()			# the count begins anew, and is sent
        shows(0)
        wait_until(lambda: busy(host) == 1)
        for pid in host.pids("worker"):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: busy(host) == 1, 20)	# it has come back
        assert nginx.post("/events", b"").status == 200
        shows(1)
        assert browser.until("seen") == 4	# nothing came twice
