"""`fcgi-host top` on a real terminal, beside a real host."""

import os
import re
import signal
import subprocess

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, alive
from lib.terminal import Terminal

DOWN = "\x1b[B"


def top(host, *arguments, **keywords):
    return Terminal([host.binary, "top", "-c", host.file, "-d", "0.1",
                     *arguments], host.env(), **keywords)


def fresh(terminal):
    """Whole, at its size: a head, and a last line."""
    lines = terminal.lines
    return lines[0].startswith("fcgi-host"[:terminal.screen.columns]) and \
        lines[-1] != ""


def row(terminal, name):
    """The cells behind a name."""
    for line in terminal.lines:
        if line[1:].startswith(name + " "):
            return line[1 + len(name):].split()
    return []


def leave(terminal):
    terminal.press("q")
    assert terminal.ended() == 0


def test_it_shows_what_the_host_does(gate):
    """Breaks when: a table is empty, a rate is none or stays when the load
    ends, or a request that runs is not seen."""
    with Host(handlers=["hello", "live_gate"]) as host, top(
            host, columns=110, rows=40) as terminal:
        for word in ("GET /hello", "WORKER", "POOL", "default", "up "):
            terminal.wait(word)

        def load(terminal):
            for _ in range(20):
                assert host.get("/hello").status == 200
            cells = row(terminal, "GET /hello")
            return cells and re.fullmatch(r"[1-9][\d.]*k?", cells[0])
        terminal.wait(load)
        terminal.wait(lambda _: row(terminal, "GET /hello")[0] == "0")
        with host.connect() as conn:
            conn.send(fcgi.request("GET", gate.path(), extra={
                "REQUEST_ID": "4f2a"}))
            held = gate.accept()
            text = terminal.wait("4f2a")
            assert re.search(r"GET /gate .* %d .*4f2a" % held.pid, text)
            held.tell("go")
            assert conn.read_reply().status == 200
            terminal.wait(lambda _: "4f2a" not in terminal.text)
        leave(terminal)


def test_any_size():
    """Breaks when: it ends, or shows nothing or what was there before, at a
    size it is given while it runs."""
    with Host(handlers=["hello"]) as host, top(host) as terminal:
        terminal.wait("GET /hello")
        for columns, rows in ((20, 5), (200, 60), (40, 10), (7, 3), (1, 1),
                              (80, 2), (80, 24)):
            terminal.resize(columns, rows)
            if min(columns, rows) > 1:
                terminal.wait(fresh)
            if columns >= 20 and rows >= 5:
                terminal.wait(">GET /")
        assert terminal.lines[-1].startswith("q quit")
        leave(terminal)


def names(terminal):
    """Of the routes, from above; of a screen that is half drawn only some."""
    return [line[1:].split("  ")[0] for line in terminal.lines
            if re.match(r"[> ](GET|POST) ", line)]


def test_keys(gate):
    """Breaks when: something is done without y; what is done is another thing
    than was asked, or is not said; or a client that was ended waits on."""
    with Host(handlers=["hello", "live_gate"], kill_grace="200ms", pools={
            "default": {"workers": 1}}) as host, top(
            host, columns=90, rows=30) as terminal, host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path(), extra={
            "REQUEST_ID": "4f2a"}))
        held = gate.accept()
        terminal.wait("4f2a")
        terminal.press("3k")
        terminal.wait("y/n? end request 4f2a")
        terminal.press("n")
        terminal.wait("nothing was done")
        terminal.press("ky")
        terminal.wait("it is ended")
        reply = conn.read_reply()
        reply.problem(503, says="An operator has ended", retry=False)
        assert held.line() == "cancelled"
        terminal.press("2w")
        terminal.wait("y/n? replace worker 0")
        terminal.press("y")
        terminal.wait("a fresh one follows")
        wait_until(lambda: not alive(held.pid))
        terminal.press("1n")
        terminal.wait(">ROUTE")
        count = len(host.status()["routes"])
        terminal.wait(lambda _: len(names(terminal)) == count)
        terminal.press(DOWN * names(terminal).index("GET /hello"))
        terminal.wait(">GET /hello ")
        terminal.press("b")
        terminal.wait("y/n? take out of service GET /hello")
        terminal.press("y")
        terminal.wait(lambda _: "held" in row(terminal, "GET /hello"))
        assert host.get("/hello").status == 503
        terminal.press("b")
        terminal.wait("y/n? put back into service GET /hello")
        terminal.press("y")
        terminal.wait(lambda _: "closed" in row(terminal, "GET /hello"))
        assert host.get("/hello").status == 200
        terminal.press("h")
        terminal.wait("end the request that is chosen")
        terminal.press("x")
        terminal.wait("ROUTE")
        leave(terminal)


def test_a_host_that_goes_and_comes_back():
    """Breaks when: it ends with the host, hangs with one that stands still, or
    does not show the next one."""
    with Host(handlers=["hello"]) as host, top(host) as terminal:
        terminal.wait("GET /hello")
        host.send_signal(signal.SIGSTOP)
        terminal.press("h")
        terminal.wait("end the request that is chosen")
        terminal.press("h")
        terminal.wait("GET /hello")
        host.send_signal(signal.SIGCONT)
        host.stop()
        terminal.wait("[NO ANSWER]")
        terminal.wait("is the host running?")
        assert "GET /hello" in terminal.text
        host.start()
        terminal.wait(lambda _: "[NO ANSWER]" not in terminal.text)
        terminal.wait("GET /hello")
        leave(terminal)


def test_the_line_is_cut():
    """Breaks when: it runs on, or in circles, when its terminal is gone."""
    with Host(handlers=["hello"]) as host, top(host) as terminal:
        terminal.wait("GET /hello")
        terminal.cut()
        terminal.ended()


def test_no_host_at_all():
    """Breaks when: it ends where no host runs yet."""
    with Host(handlers=["hello"], start=False) as host, top(
            host) as terminal:
        terminal.wait("[NO ANSWER]")
        host.start()
        terminal.wait("GET /hello")
        leave(terminal)


@pytest.mark.parametrize("term, says", [
    ("dumb", "cannot place the cursor"), ("no-such", "is not known here")])
def test_a_terminal_that_cannot(term, says):
    """Breaks when: it writes sequences to a terminal that has none."""
    with Host(handlers=["hello"], start=False) as host, top(
            host, term=term, columns=200) as terminal:
        assert terminal.ended() == 100
        assert says in terminal.text and "fcgi-host status" in terminal.text
        assert b"\x1b" not in terminal.bytes


def test_no_terminal():
    """Breaks when: a pipe is written to as if somebody saw it, or a delay is
    taken that is none."""
    with Host(handlers=["hello"], start=False) as host:
        done = host.command("top", stdin=subprocess.DEVNULL)
        assert done.returncode == 100 and done.stdout == ""
        assert "no terminal" in done.stderr and "status" in done.stderr
        for delay in "0", "61", "x", "nan", "-1", "":
            done = host.command("top", "-d", delay)
            assert done.returncode == 100 and "seconds" in done.stderr, delay


def test_ncurses_is_in_no_process_that_serves():
    """Breaks when: the host is linked with what only a terminal needs."""
    with Host(handlers=["hello"]) as host:
        for pid in host.processes():
            with open("/proc/%d/maps" % pid) as file:
                assert "ncurses" not in file.read(), os.readlink(
                    "/proc/%d/exe" % pid)
