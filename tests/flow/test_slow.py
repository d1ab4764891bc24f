"""Slow sync handlers: the log names them, and they notice nothing."""

import os
import re
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import SOURCE, Host, sanitized

LINE = re.compile(r"front \(process (\d+)\) (runs|ran) req=(\S+) "
                  r"route=\"([^\"]+)\" handler=(\S+) for (\d+) ms; "
                  r"tag it async(.*)")


def lines(host):
    return LINE.findall(host.log())


def number_of_line(text):
    path = os.path.join(SOURCE, "tests/fixtures/live_slow.c")
    with open(path) as file:
        for number, line in enumerate(file, 1):
            if text in line:
                return number
    raise AssertionError(text)


def slow(how, ms, path="/slow"):
    return "%s?how=%s&ms=%d" % (path, how, ms)


def result(reply):
    assert reply.status == 200
    return [int(word) for word in reply.text.split()]


@pytest.mark.parametrize("how", ["sleep", "spin"])
def test_it_is_named_while_it_runs(how):
    """Breaks when: a slow sync handler is not told, or only when it is over;
    or where it is just now is not said."""
    with Host(["live_slow"], sync_warn="100ms") as host:
        with host.connect(30) as conn:
            lasts = 4000 if sanitized() else 1500
            conn.send(fcgi.request("GET", slow(how, lasts)))
            found = wait_until(lambda: lines(host), 20)
            pid, word, _, route, handler, ms, rest = found[0]
            assert int(pid) == host.pids("front")[0]
            assert (word, route, handler) == ("runs", "GET /slow",
                                              "live_slow")
            assert 100 <= int(ms) < lasts
            assert "slow (live_slow.c:" in rest, rest
            if how == "sleep":
                assert "slow_sleep (live_slow.c:%d)" % number_of_line(
                    "the line of slow_sleep") in rest, rest
            else:
                assert "slow_spin (live_slow.c:" in rest, rest
            assert "api_serve" not in rest, rest
            rc, error, took = result(conn.read_reply())
            assert (rc, error) == (0, 0) and took >= lasts
        assert len(lines(host)) == 1


@pytest.mark.parametrize("how", ["sleep", "epoll", "socket"])
def test_its_system_calls_are_not_disturbed(how):
    """Breaks when: being looked at ends a system call early or with EINTR:
    a sleep that is cut short, a database that \"failed\"."""
    with Host(["live_slow"], sync_warn="50ms") as host:
        with host.connect(30) as conn:
            rc, error, took = result(conn.get(slow(how, 1000)))
        assert (rc, error) == (0, 0) and 1000 <= took < 5000
        assert wait_until(lambda: lines(host), 20)
        if how == "sleep" or not sanitized():	# whose wrappers keep frames
            assert "slow_" + how in lines(host)[0][-1]


def test_what_is_not_slow_is_not_told():
    """Breaks when: a fast handler, or an async one, is told off."""
    with Host(["live_slow"], sync_warn="1s") as host:
        with host.connect(30) as conn:
            for _ in range(20):
                result(conn.get(slow("sleep", 10)))
            result(conn.get(slow("sleep", 1200, "/slow/async")))
        assert lines(host) == []
        assert {one["route"]: one["slow"] for one in
                host.status()["routes"]}["GET /slow"] == 0


def test_each_route_has_its_own_time():
    """Breaks when: a route's own sync_warn does not count, or a line of one
    route keeps that of another back."""
    with Host(["live_slow"], sync_warn="0", routes={
            "GET /slow": {"sync_warn": "100ms"}}) as host:
        with host.connect(30) as conn:
            result(conn.get(slow("sleep", 700, "/slow/other")))
            result(conn.get(slow("sleep", 700)))
            wait_until(lambda: lines(host), 20)
            result(conn.get(slow("sleep", 300)))
        assert [one[3] for one in lines(host)] == ["GET /slow"]
        counts = {one["route"]: one["slow"] for one in
                  host.status()["routes"]}
        assert counts["GET /slow"] == 2 and counts["GET /slow/other"] == 0


def test_nobody_wakes_when_nothing_runs():
    """Breaks when: the supervisor goes on looking for slow handlers when none
    has run for a while."""
    with Host(["live_slow"], sync_warn="100ms") as host:
        def switches():
            with open("/proc/%d/status" % host.pid) as file:
                return int(re.search(r"^voluntary\w+:\s+(\d+)", file.read(),
                                     re.M).group(1))
        with host.connect(30) as conn:
            result(conn.get(slow("sleep", 10)))
            time.sleep(1.5)
            before = switches()
            time.sleep(1)
            assert switches() - before <= 3
            conn.send(fcgi.request("GET", slow("sleep", 1000)))
            assert wait_until(lambda: lines(host), 20)
            result(conn.read_reply())
