"""What all processes of the host keep together: fh_cache_set() and its kin."""

import os
import re
import signal
import subprocess
import threading
import time

from lib.fcgi import wait_until
from lib.host import BINARY, Host

BOTH = {"GET /notes/{name}": {"async": True},
        "POST /notes/{name}/count": {"async": True}}


def put(host, name, body, **query):
    text = "&".join("%s=%s" % item for item in query.items())
    return host.ask("PUT", "/notes/%s?%s" % (name, text), body)


def get(host, name):
    reply = host.get("/notes/" + name)
    return reply.text if reply.status == 200 else reply.status


def count(host, name):
    return host.ask("POST", "/notes/%s/count" % name)


def test_front_and_workers_of_all_generations_see_the_same():
    """Breaks when: the cache is a process's, a team's or a generation's own,
    or ends with a front."""
    with Host(handlers=["notes"], crashes=True,
              pools={"default": {"workers": 2}}) as host:
        assert get(host, "a") == 404
        assert put(host, "a", b"in the front").status == 204
        assert count(host, "n").text == "1"
        host.change(routes=BOTH)
        assert host.reload().code == 0
        assert get(host, "a") == "in the front", "a worker of the next one"
        assert count(host, "n").text == "2"
        front = host.pid_of("front")
        os.kill(front, signal.SIGKILL)
        host.wait_replaced("front", front)
        assert get(host, "a") == "in the front"
        assert count(host, "n").text == "3"
        assert host.ask("DELETE", "/notes/a").status == 204
        assert get(host, "a") == 404
        cache = host.status()["cache"]
        assert cache["entries"] == 1 and cache["cleared_shards"] == 0
        assert cache["hits"] >= 2 and cache["misses"] >= 2
        assert cache["size_bytes"] == 4 << 20
        assert "cache: " in host.command("status").stdout


def test_one_of_many_writers_wins():
    """Breaks when: of several who replace the same version more than one
    does, or a count is lost, in several processes and threads."""
    with Host(handlers=["notes"],
              pools={"default": {"workers": 2, "threads": 4}},
              routes={"PUT /notes/{name}": {"async": True},
                      "POST /notes/{name}/count": {"async": True}}) as host:
        won = []

        def write():
            with host.connect() as conn:
                for turn in range(40):
                    reply = conn.ask("PUT", "/notes/r%d?version=0" % turn,
                                         b"x")
                    assert reply.status in (204, 409)
                    won.append(reply.status == 204)
                    assert conn.ask(
                        "POST", "/notes/sum/count").status == 200
        threads = [threading.Thread(target=write) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won.count(True) == 40
        assert get(host, "sum") == "240"


def test_a_reader_waits_for_a_change():
    """Breaks when: a worker that waits is not woken by what another process
    sets, or is woken by nothing."""
    with Host(handlers=["notes"],
              pools={"default": {"workers": 1, "threads": 4}}) as host:
        put(host, "w", b"one")
        version = host.get("/notes/w").header("note-version")
        got = []

        def wait():
            got.append(host.get("/notes/w/next?version=" + version).text)
        threads = [threading.Thread(target=wait) for _ in range(3)]
        for thread in threads:
            thread.start()
        wait_until(lambda: host.status()["pools"][0]["busy"] == 3)
        put(host, "other", b"x")
        assert got == []
        put(host, "w", b"two")
        for thread in threads:
            thread.join(20)
        assert got == ["two"] * 3


def test_killed_workers_take_nothing_along():
    """Breaks when: a worker that is killed while it uses the cache leaves a
    part of it closed, or a value half written."""
    with Host(handlers=["notes"], crashes=True,
              pools={"default": {"workers": 2}}, breaker_failures=0,
              poison_kills=0, routes={
                  "GET /notes/{name}": {"async": True},
                  "PUT /notes/{name}": {"async": True}}) as host:
        stop = threading.Event()
        wrong = []

        def use(number):
            with host.connect() as conn:
                turn = 0
                while not stop.is_set():
                    turn += 1
                    name = "k%d" % (turn % 50)
                    text = name.encode() * (100 + 37 * number)
                    conn.ask("PUT", "/notes/" + name, text)
                    reply = conn.get("/notes/" + name)
                    if reply.status == 200 and reply.body.replace(
                            name.encode(), b"") != b"":
                        wrong.append(reply.body)
        threads = [threading.Thread(target=use, args=(number,))
                   for number in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(6):
            time.sleep(0.1)
            workers = host.pids("worker")
            if workers:
                os.kill(workers[0], signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
        assert wrong == []
        for number in range(60):
            assert put(host, "after%d" % number, b"x").status == 204
            assert get(host, "after%d" % number) == "x"


def test_a_size_of_zero_is_none_and_a_new_one_needs_a_restart():
    """Breaks when: a handler fails otherwise than with ENOTSUP where there is
    no cache, a reload says nothing of a size that it does not take, or
    something is left of what was there before a restart."""
    with Host(handlers=["notes"], cache_size=0) as host:
        reply = put(host, "a", b"x")
        assert reply.status == 503 and b"not supported" in reply.body
        assert host.status()["cache"]["size_bytes"] == 0
        assert "cache: " not in host.command("status").stdout
        host.change(cache_size="2 MiB")
        done = host.reload()
        assert [line for line in done.document["restart"]
                if line.startswith("cache_size")]
        assert put(host, "a", b"x").status == 503
        for _ in range(2):
            host.stop()
            host.start()
            assert get(host, "a") == 404
            assert put(host, "a", b"x").status == 204
            assert get(host, "a") == "x"


def test_the_plan_counts_it(tmp_path):
    """Breaks when: memory that the cache may take is not in the plan."""
    file = tmp_path / "fcgi-host.conf"

    def needed(size):
        file.write_text('handlers = "%s"\ncache_size = "%s"\n' % (tmp_path,
                                                                  size))
        out = subprocess.run([BINARY, "plan", "-c", str(file)],
                             capture_output=True, text=True).stdout
        return [float(re.search(r"(?m)^%s +([0-9.]+) MiB" % what,
                                out).group(1))
                for what in ("cache", "needed")]
    none, some = needed("0"), needed("2 GiB")
    assert (none[0], some[0]) == (0, 2048)
    assert some[1] - none[1] == 2048
