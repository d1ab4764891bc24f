"""Replies that are kept (`cache` of a route), and of equal requests one runs."""

import hashlib
import os
import signal
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host

TWO = {"default": {"workers": 2}}


@pytest.fixture(scope="module")
def kept():
    with Host(handlers=["live_cached"], pools=TWO) as host:
        yield host


@pytest.fixture
def held(gate):
    """live_gate with replies that are kept, and who waits for one."""
    with Host(handlers=["live_gate", "live_show"], crashes=True, pools=TWO,
              routes={"GET /gate": {"cache": "60s"},
                      "GET /gate-short": {"cache": "60s"}}) as host:
        yield host


def route(host, label):
    return next(one for one in host.status()["routes"]
                if one["route"] == label)


def same(host, target, *others, first=None, **keywords):
    """Is the first answer given to the other requests too?"""
    one = host.get(target, **(first or {}))
    assert one.status == 200 and "fwd=miss; stored" in one.header(
        "cache-status"), one
    replies = [host.ask(*other[:3], **other[3]) for other in others]
    return [reply.body == one.body for reply in replies]


def test_a_kept_reply_costs_no_run(kept):
    """Breaks when: a reply is made twice, or differs from the one that was
    kept in more than Age and Cache-Status."""
    for path in ("/kept", "/kept-sync"):
        first = kept.get(path + "?add=X-Mine:1")
        again = kept.get(path + "?add=X-Mine:1")
        assert first.header("cache-status") == "fcgi-host; fwd=miss; stored"
        assert first.header("age") is None
        assert again.body == first.body and again.header("x-mine") == "1"
        assert again.header("content-type") == first.header("content-type")
        assert again.header("cache-status").startswith("fcgi-host; hit; ttl=")
        assert again.header("age") == "0"
        with kept.connect() as conn:
            conn.send(fcgi.request("HEAD", path + "?add=X-Mine:1"))
            head = conn.read_reply(head_only=True)
            assert head.header("content-length") == str(len(first.body))
            assert head.body == b"" and "hit" in head.header("cache-status")
            assert conn.get(path + "?add=X-Mine:1").body == first.body
        wait_until(lambda: route(kept, "GET " + path)["requests"] == 4)
        stats = route(kept, "GET " + path)
        assert stats["cache_hits"] == 3 and stats["status"]["2xx"] == 4
    assert kept.get("/never").header("cache-status") is None


def test_it_is_made_again_when_its_time_is_over(kept):
    """Breaks when: a reply is given longer than `cache` says."""
    first = kept.get("/brief").body
    time.sleep(0.45)
    assert kept.get("/brief").body != first


@pytest.mark.parametrize("target", [
    "/kept?add=Set-Cookie:a=b", "/kept?add=Cache-Control:private",
    "/kept?add=Cache-Control:max-age=5,no-store", "/kept?status=201",
    "/kept?status=404", "/kept?add=Vary:User-Agent", "/kept?flush=1",
    "/kept?add=X-Accel-Redirect:/x", "/kept?size=200000"])
def test_what_is_not_kept(kept, target):
    """Breaks when: a reply for one client alone, one that failed or one that
    is too large is given to another."""
    first, again = kept.get(target), kept.get(target)
    assert first.body != again.body
    for reply in (first, again):
        assert reply.header("cache-status") == "fcgi-host; fwd=miss"


@pytest.mark.parametrize("headers", [
    {"Range": "bytes=0-1"}, {"If-None-Match": '"x"'},
    {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}])
def test_a_request_with_a_condition_is_run(kept, headers):
    """Breaks when: a part, or what a handler made of a condition by itself, is
    given to or kept for those who asked for the whole."""
    first = kept.get("/kept?first=1", headers=headers)
    assert "stored" not in (first.header("cache-status") or "")
    whole = kept.get("/kept?conditions=1").body
    assert kept.get("/kept?conditions=1", headers=headers).body != whole
    assert kept.get("/kept?conditions=1").body == whole


def test_a_kept_reply_says_not_modified(kept):
    """Breaks when: who has what is kept already costs a run, gets it again,
    or is told so of something else; or a reply to a condition that the host
    has judged, which is whole, is not kept."""
    def ask(target, **headers):
        return kept.get(target, headers={
            name.replace("_", "-"): value for name, value in
            headers.items()})
    target = "/kept?tag=a&add=X-Mine:1"
    first = ask(target, If_None_Match='"b"')
    assert first.status == 200 and first.header(
        "cache-status") == "fcgi-host; fwd=miss; stored"
    same = ask(target, If_None_Match='"b", W/"a"')
    assert same.status == 304 and same.body == b""
    assert same.header("etag") == '"a"' and same.header("x-mine") == "1"
    assert same.header("content-type") is None
    assert same.header("content-length") is None
    assert same.header("age") == "0"
    assert same.header("cache-status").startswith("fcgi-host; hit; ttl=")
    for headers in ({"If_None_Match": '"b"'}, {"If_Match": '"a"'}, {}):
        again = ask(target, **headers)
        assert again.status == 200 and again.body == first.body
    assert ask(target, If_Match='"b"').status == 412
    part = ask(target, If_None_Match='"b"', Range="bytes=0-1")
    assert part.header("cache-status") is None
    assert ask(target).body == first.body
    only = ask("/kept?tag=c", If_None_Match='"c"')
    assert only.status == 304 and only.header(
        "cache-status") == "fcgi-host; fwd=miss"
    assert ask("/kept?tag=c").status == 200


def test_who_asks_and_what_for_is_in_the_key(kept):
    """Breaks when: one client is given what another may see, or a reply to
    another question."""
    def ask(target="/kept?k=1", method="GET", body=b"", **headers):
        return (method, target, body, {"headers": {
            name.replace("_", "-"): value for name, value in
            headers.items()}})
    assert not any(same(
        kept, "/kept?k=1",
        ask("/kept?k=2"), ask("/kept?k=1&x=1"),
        ask(Authorization="Bearer one"), ask(Authorization="Bearer two"),
        ask(X_Api_Key="k"), ask(X_Auth_Token="t"), ask(Cookie="session=1"),
        ask(Accept="text/csv"), ask(Host="other.example"),
        ask(X_Forwarded_Host="evil.example"), ask(X_Forwarded_Proto="https"),
        ask("/kept?k=1", "POST", b"a")))
    assert all(same(kept, "/kept?k=3", ask("/kept?k=3"),
                    ask("/kept?k=3", User_Agent="curl"),
                    ask("/kept?k=3", Cache_Control="no-cache")))
    one = kept.post("/kept", b'{"a": 1}')
    assert kept.post("/kept", b'{"a": 1}').body == one.body
    assert kept.post("/kept", b'{"a": 2}').body != one.body


def test_declared_inputs_are_the_key(kept):
    """Breaks when: what a route does not take makes another key, or what it
    takes makes none."""
    def ask(target="/declared?q=1", **headers):
        return ("GET", target, b"", {"headers": {
            name.replace("_", "-"): value for name, value in
            headers.items()}})
    assert all(same(
        kept, "/declared?q=1", ask("/declared?q=1&utm_source=mail"),
        ask("/declared?utm=2&q=1"), ask(Cookie="session=77"),
        ask(User_Agent="x")))
    assert not any(same(
        kept, "/declared?q=5", ask("/declared?q=6"), ask("/declared"),
        ask("/declared?q=5&q=6"), ask("/declared?q=5&%71=6"),
        ask("/declared?q=5", X_Level="2"),
        ask("/declared?q=5", Cookie="lang=de"),
        ask("/declared?q=5", Authorization="Basic eA==")))


def test_a_kept_reply_is_for_who_may_see_it(tmp_path):
    """Breaks when: a client without a key, or with another's, is given what
    was made for one who has shown who he is."""
    keys = {name: name * 20 for name in ("ada", "bob")}
    file = tmp_path / "keys"
    file.write_text("".join("%s %s\n" % (name, hashlib.sha256(
        key.encode()).hexdigest()) for name, key in keys.items()))
    file.chmod(0o600)
    with Host(handlers=["live_cached"], routes={"GET /kept": {"auth": "us"}},
              extra='auth "us" {\n type = key\n header = "X-Pass"\n'
              ' keys_file = "%s"\n}\n' % file) as host:
        def ask(key):
            return host.get("/kept", headers={"X-Pass": key} if key else {})
        ada = ask(keys["ada"]).body
        assert ask(keys["ada"]).body == ada
        assert ask(keys["bob"]).body != ada
        assert ask(None).status == 401 and ask("x" * 60).status == 401
        assert ask(keys["ada"]).body == ada


def wait_for_waiting(host, conns):
    """Until all of them are the front's: it has read what they sent."""
    wait_until(lambda: host.status()["front"]["connections"] >= len(conns))
    time.sleep(0.1)


def test_of_equal_requests_one_runs(held, gate):
    """Breaks when: equal requests run beside one another, or those that wait
    hold workers."""
    conns = [held.connect() for _ in range(12)]
    for conn in conns:
        conn.send(fcgi.request("GET", gate.path()))
    runner = gate.accept()
    gate.nobody()
    wait_for_waiting(held, conns)
    assert held.status()["pools"][0]["busy"] == 1
    assert held.get("/where-async").status == 200, "the other worker"
    runner.tell("go")
    replies = [conn.read_reply() for conn in conns]
    assert {reply.body for reply in replies} == {b"ok\n"}
    kinds = sorted(reply.header("cache-status").partition("; ttl")[0]
                   for reply in replies)
    assert kinds == ["fcgi-host; fwd=miss; collapsed"] * 11 + [
        "fcgi-host; fwd=miss; stored"]
    gate.nobody(0.05)
    wait_until(lambda: route(held, "GET /gate")["in_flight"] == 0)
    assert route(held, "GET /gate")["cache_shared"] == 11
    assert conns[3].get("/where-async").status == 200, "kept connection"
    for conn in conns:
        conn.close()


@pytest.mark.parametrize("how", ["killed", "error", "left"])
def test_when_the_one_fails_another_runs(held, gate, how):
    """Breaks when: those who wait for a runner that is killed, fails, or whose
    client leaves get its fate, wait on, or all run at once."""
    conns = [held.connect() for _ in range(4)]
    for conn in conns:
        conn.send(fcgi.request("GET", gate.path(how=how)))
        if conn is conns[0]:
            first = gate.accept()
    wait_for_waiting(held, conns)
    if how == "killed":
        os.kill(first.pid, signal.SIGKILL)
        conns[0].read_reply().problem(500)
    elif how == "error":
        first.tell("error")
        conns[0].read_reply().problem(500)
    else:
        conns[0].close()
    second = gate.accept()
    gate.nobody(0.1)
    second.tell("go")
    for conn in conns[1:]:
        assert conn.read_reply().body == b"ok\n"
    gate.nobody(0.05)
    for conn in conns:
        conn.close()


def test_when_its_reply_is_not_kept_all_run(held, gate):
    """Breaks when: those who waited for a reply that turns out to be for one
    client alone get it, or run one after the other."""
    conns = [held.connect() for _ in range(3)]
    for conn in conns:
        conn.send(fcgi.request("GET", gate.path(one="1")))
        if conn is conns[0]:
            first = gate.accept()
    wait_for_waiting(held, conns)
    first.tell("part")
    assert first.line() == "flushed"
    first.tell("go")
    assert conns[0].read_reply().status == 200
    both = [gate.accept(), gate.accept()]
    for one in both:
        one.tell("go")
    for conn in conns[1:]:
        assert conn.read_reply().body == b"ok\n"
        conn.close()
    conns[0].close()


def test_who_waits_has_its_own_time(held, gate):
    """Breaks when: one that waits for a runner that came before it waits
    longer than the route's timeout, or its client cannot leave."""
    with held.connect() as one, held.connect() as two, \
            held.connect() as three:
        target = gate.path("/gate-short", deaf="1")
        one.send(fcgi.request("GET", target))
        runner = gate.accept()
        two.send(fcgi.request("GET", target))
        three.send(fcgi.request("GET", target))
        wait_for_waiting(held, [1, 2, 3])
        three.close()
        statuses = [conn.read_reply().status for conn in (one, two)]
        assert statuses == [504, 504]
        wait_until(lambda: route(held, "GET /gate-short")["timeouts"] >= 2)
        runner.tell("go")
    assert held.get("/where-async").status == 200


def test_who_waits_ends_before_a_runner_that_has_not_begun(held, gate):
    """Breaks when: only the runner's end ends those who wait: this one has not
    got a worker yet, so its own time has not begun."""
    conns = [held.connect() for _ in range(4)]
    for i, conn in enumerate(conns[:2]):
        conn.send(fcgi.request("GET", gate.path(r=i)))
    busy = [gate.accept(), gate.accept()]
    for conn in conns[2:]:
        conn.send(fcgi.request("GET", gate.path("/gate-short")))
        wait_until(lambda: held.status()["pools"][0]["queued"] == 1)
    conns[3].read_reply().problem(504, says="equal request")
    for one in busy:
        one.tell("go")
    gate.accept().tell("go")
    assert conns[2].read_reply().body == b"ok\n"
    gate.nobody()


def test_a_reload_and_a_stop_lose_nobody_who_waits(held, gate):
    """Breaks when: a front that retires or stops forgets those who wait for a
    reply, or a new configuration is answered from before it."""
    conns = [held.connect() for _ in range(3)]
    for conn in conns:
        conn.send(fcgi.request("GET", gate.path(r="1")))
        if conn is conns[0]:
            runner = gate.accept()
    wait_for_waiting(held, conns)
    held.change(timeout="50s")
    assert held.reload().code == 0
    runner.tell("go")
    for conn in conns:
        assert conn.read_reply().body == b"ok\n"
    conns[0].send(fcgi.request("GET", gate.path(r="1")))
    gate.accept().tell("go")
    assert conns[0].read_reply().header(
        "cache-status") == "fcgi-host; fwd=miss; stored"
    for conn in conns:
        conn.send(fcgi.request("GET", gate.path(r="2")))
        if conn is conns[0]:
            runner = gate.accept()
    wait_for_waiting(held, conns)
    held.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    runner.tell("go")
    for conn in conns:
        assert conn.read_reply().body == b"ok\n"
        conn.close()
    assert held.wait_exit() == 0


def test_how_long_another_took_is_not_told():
    """Breaks when: a kept reply says how long the one it was made for took, or
    loses more than that."""
    with Host(handlers=["live_cached"], server_timing=True) as host:
        first = host.get("/kept?add=X-Mine:1")
        assert first.header("server-timing")
        again = host.get("/kept?add=X-Mine:1")
        assert again.header("server-timing") is None
        assert again.header("x-mine") == "1" and again.body == first.body
        assert "hit" in again.header("cache-status")


def test_each_origin_is_told_its_own():
    """Breaks when: a kept reply, or its 304, tells a page of another origin
    what the one was told that it was made for."""
    origins = ["https://a.example", "https://b.example"]
    with Host(handlers=["live_cached"], cors_origins=origins) as host:
        bodies = set()
        for origin in origins + [None, "https://evil.example"]:
            for tag in ('"y"', '"x"'):
                reply = host.get("/kept?tag=x", headers={
                    "If-None-Match": tag, **({"Origin": origin} if origin
                                             else {})})
                assert reply.status == (200 if tag == '"y"' else 304)
                assert reply.header("access-control-allow-origin") == (
                    origin if origin in origins else None), reply
                bodies.add(reply.body)
        assert len(bodies) == 2, "one run"


def test_kept_replies_outlive_a_front():
    """Breaks when: replies are the front's own."""
    with Host(handlers=["live_cached"], crashes=True) as host:
        first = host.get("/kept").body
        host.wait_replaced("front", host.kill_role("front"))
        assert host.get("/kept").body == first


def test_clients_ask_for_a_new_one_only_where_they_may():
    """Breaks when: Cache-Control: no-cache of a client counts where nobody
    has allowed it, or does nothing where somebody has."""
    with Host(handlers=["live_cached"],
              routes={"GET /kept": {"cache_refresh": True}}) as host:
        fresh = {"Cache-Control": "max-age=0, No-Cache"}
        first = host.get("/kept").body
        second = host.get("/kept", headers=fresh).body
        assert second != first and host.get("/kept").body == second
        other = host.get("/kept-sync").body
        assert host.get("/kept-sync", headers=fresh).body == other


@pytest.mark.parametrize("handler,title,says", [
    ("notes", "DELETE /notes/{name}", "is for GET and POST"),
    ("events", "GET /events", "is a stream")])
def test_where_there_can_be_none(handler, title, says):
    """Breaks when: a cache that cannot work is taken without a word."""
    with Host(handlers=["hello"]) as host:
        host.change(routes={title: {"cache": "5s"}})
        host.drop(handler)
        done = host.reload(code=None)
        assert says in str(done.document), done
