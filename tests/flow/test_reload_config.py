"""What a reload takes from the configuration, and what it refuses."""

import hashlib
import os
import re
import shutil
import signal

import pytest

from lib import build, fcgi
from lib.fcgi import wait_until
from lib.host import SOURCE, Host


@pytest.fixture(scope="module")
def shared():
    with Host(handlers=["hello", "live_gate", "live_body", "live_show"],
              watch=False, crashes=True) as one:
        one.plain = dict(one.written["options"])
        yield one


@pytest.fixture
def host(shared):
    """With the options it began with."""
    shared.written["options"] = dict(shared.plain)
    shared.change(pools={}, routes={}, models={}, settings={}, extra="")
    shared.reload()
    shared.wait_settled()
    yield shared


def take(host, **keywords):
    host.change(**keywords)
    return host.reload()


def pool(host, name="default"):
    return {one["name"]: one for one in host.status()["pools"]}.get(name)


# -------------------------------------------------- what a reload takes

def test_pool_sizes(host):
    """Breaks when: a pool has the size it began with."""
    for count in (4, 1, 3):
        done = take(host, pools={"default": {"workers": count}})
        assert done.said("config", "workers")
        wait_until(lambda: len(host.pids("worker")) == count)
        assert host.get("/hello-async").status == 200


def test_a_pool_that_comes_and_goes(host, gate):
    """Breaks when: a new pool has no workers, or one that is gone keeps its."""
    take(host, pools={"default": {"workers": 1}, "side": {"workers": 2}},
         routes={"GET /gate-side": {"pool": "side"}})
    wait_until(lambda: len(host.pids("worker")) == 3)
    with host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path("/gate-side")))
        held = gate.accept()
        assert pool(host, "side")["busy"] == 1
        held.tell("go")
        assert conn.read_reply().status == 200
    take(host, pools={"default": {"workers": 1}}, routes={})
    wait_until(lambda: len(host.pids("worker")) == 1)
    assert pool(host, "side") is None


def test_limits_on_what_is_sent(host):
    """Breaks when: body_limit, params_limit or connections are those of the
    start."""
    with host.connect() as conn:
        assert conn.post("/body", bytes(5000)).status == 200
        take(host, body_limit="1 KiB", params_limit="4 KiB")
        conn.post("/body", bytes(5000)).problem(413)
        reply = conn.get("/hello", headers={"X-Long": "x" * 5000})
        assert reply.status in (400, 431)
    take(host, body_limit="1 MiB", params_limit="64 KiB")
    assert host.post("/body", bytes(5000)).status == 200
    assert host.get("/hello", headers={"X-Long": "x" * 5000}).status == 200


def test_timeouts(host, gate):
    """Breaks when: a reload leaves the time a handler may take."""
    done = take(host, timeout="150ms")
    assert any("150ms" in text for text in done.said("config", "timeout"))
    with host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        gate.accept()
        conn.read_reply().problem(504)
    take(host, timeout="20s", routes={"GET /gate": {"timeout": "10s"}})
    with host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path()))
        held = gate.accept()
        held.tell("deadline")
        assert 9000 < int(held.line()) <= 10000
        held.tell("go")
        assert conn.read_reply().status == 200


def test_routes_change_sides(host):
    """Breaks when: async = true in the file needs a restart."""
    def where(target):
        return int(host.get(target).text.split()[0])
    assert where("/where") in host.pids("front")
    take(host, routes={"GET /where": {"async": True},
                       "GET /where-async": {"async": False}})
    host.wait_settled()
    assert where("/where") in host.pids("worker")
    assert where("/where-async") in host.pids("front")
    take(host, routes={})
    host.wait_settled()
    assert where("/where") in host.pids("front")
    assert where("/where-async") in host.pids("worker")


def test_how_many_at_a_time(host, gate):
    """Breaks when: queue and max_concurrent are those of the start."""
    take(host, pools={"default": {"workers": 1, "queue": 0}},
         routes={"GET /gate-side": {"max_concurrent": 1}})
    with host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path("/gate-side")))
        held = gate.accept()
        host.get("/hello-async").problem(503)
        held.tell("go")
        assert conn.read_reply().status == 200
    take(host, pools={"default": {"workers": 2}},
         routes={"GET /gate-side": {"max_concurrent": 1}})
    with host.connect() as conn:
        conn.send(fcgi.request("GET", gate.path("/gate-side")))
        held = gate.accept()
        host.get(gate.path("/gate-side")).problem(503)
        held.tell("go")
        assert conn.read_reply().status == 200


def test_the_log_level(host):
    """Breaks when: to see debug lines one has to restart."""
    said = build.handler("said", serve='fh_log(rq, FH_LOG_DEBUG, "heard %s", '
                         'fh_query(rq, "x"));')
    host.put("said.so", said)
    try:
        take(host, log_level="info")
        for target in ("/said?x=quiet", "/said-async?x=quiet"):
            assert host.get(target).status == 200
        take(host, log_level="debug")
        for target in ("/said?x=loud", "/said-async?x=loud"):
            assert host.get(target).status == 200
        host.wait_log("heard loud", count=2)
        assert not [line for line in host.lines if "heard quiet" in line]
    finally:
        host.remove("said.so")


def test_the_settings_of_a_handler(host):
    """Breaks when: a handler sees old settings, in its hooks or requests."""
    host.put("say.so", build.handler(
        "say", preload='preloaded = strdup(fh_host_setting(host, "who"));',
        worker_init='fh_worker_set_data(worker, strdup('
        'fh_worker_setting(worker, "who")));',
        serve='return fh_printf(rq, "%s %s %s", preloaded, (char *)'
        'fh_worker_data(fh_worker(rq)), fh_setting(rq, "who"));'))
    try:
        for who in ("alice", "bob"):
            take(host, settings={"say": {"who": who}})
            for target in ("/say", "/say-async"):
                assert host.get(target).text == " ".join([who] * 3)
    finally:
        host.remove("say.so")


def test_another_handler_directory():
    """Breaks when: `handlers` needs a restart, or the new directory is not
    watched."""
    with Host(handlers=["hello"], watch_delay="20ms") as host:
        first = host.dropped
        host.dropped = os.path.join(host.folder, "others")
        os.mkdir(host.dropped)
        host.put("vary.so", build.handler("vary", "1"))
        done = take(host, handlers=host.dropped)
        assert done.said("added", "vary.so")
        assert done.said("removed", "hello.so")
        assert build.whole(host.get("/vary")) == "1"
        host.get("/hello").problem(404)
        host.put("vary.so", build.handler("vary", "2"))
        host.wait_file("vary.so", "serving", sha256=build.sha256(
            build.handler("vary", "2")))
        with open(os.path.join(first, "late.so"), "wb") as file:
            file.write(build.read(build.handler("late")))
        host.put("last.so", build.handler("last"))
        host.wait_file("last.so", "serving")
        host.get("/late").problem(404)
        assert set(host.files()) == {"vary.so", "last.so"}


def test_watching_can_be_turned_on_and_off():
    """Breaks when: watch or watch_delay is that of the start."""
    with Host(handlers=["hello"], watch=False) as host:
        take(host, watch=True, watch_delay="10ms")
        host.put("vary.so", build.handler("vary", "1"))
        host.wait_file("vary.so", "serving")
        take(host, watch=False)
        host.put("vary.so", build.handler("vary", "2"))
        number = host.number()
        for _ in range(10):
            assert build.whole(host.get("/vary")) == "1"
        done = host.reload()
        assert done.document["was"] == number
        assert build.whole(host.get("/vary")) == "2"


def test_files_and_options_at_once(host):
    """Breaks when: a handler that needs a new option is loaded without it, or
    the option is there before the handler."""
    host.put("need.so", build.handler(
        "need", preload='if (fh_host_setting(host, "key") == NULL) '
        'return -1;'))
    try:
        done = take(host, settings={"need": {"key": "value"}})
        assert done.said("added", "need.so")
        assert build.whole(host.get("/need")) == "1"
    finally:
        host.remove("need.so")


def test_the_watcher_takes_no_options():
    """Breaks when: a file that is dropped takes half-edited options along."""
    with Host(handlers=["hello"], watch_delay="20ms") as host:
        host.change(pools={"default": {"workers": 4}})
        host.put("vary.so", build.handler("vary"))
        host.wait_file("vary.so", "serving")
        host.wait_settled()
        assert len(host.pids("worker")) == 2
        host.replace_config("nonsense\n")
        host.put("vary.so", build.handler("vary", "2"))
        wait_until(lambda: build.whole(host.get("/vary")) == "2")
        host.change()
        host.reload()
        wait_until(lambda: len(host.pids("worker")) == 4)


OTHER = {	# another value of every option that a reload takes
    "connections": 100, "params_limit": "32 KiB", "body_limit": "1 MiB",
    "body_memory": "32 KiB", "idle_timeout": "1m", "read_timeout": "50s",
    "send_timeout": "50s", "form_fields": 10, "body_files": "/var/tmp", "form_files": 11,
    "form_memory": "1 MiB", "header_limit": "8 KiB",
    "stream_keep_alive": "20s",
    "server_timing": True, "reply_space": "128 KiB", "sync_reply_limit": "1 MiB", "timeout": "50s",
    "kill_grace": "1s", "drain_timeout": "9s", "watch": True,
    "watch_delay": "20ms", "keep_generations": 3, "load_timeout": "50s",
    "memory_plan": "warn", "worker_memory": "4 MiB", "omp_threads": 2,
    "log_level": "info", "log_query": True,
    "check_responses": True, "allow_users": [str(os.geteuid())],
    "allow_addresses": ["10.0.0.0/8"], "deadline": "100s",
    "sync_max": "20s", "on_sync_fault": "demote",
    "breaker_failures": 7, "breaker_window": "9s", "breaker_pause": "3s",
    "poison_kills": 4, "poison_window": "5m",
    "sync_warn": "1s", "sandbox": False, "read_paths": ["/var"],
    "write_paths": ["/var/tmp"], "environment": ["PATH", "FH_*"],
    "capture_crashed": True, "api_title": "Other", "api_version": "2",
    "api_description": "other", "api_servers": ["/other"],
    "openapi_path": "/other.json", "docs_path": "/other",
    "docs_files": "/nowhere",
    "jobs_attempts": 7, "jobs_retry": "7s", "jobs_keep": "7s",
    "auth_failures": 7, "rate": "7/s", "rate_burst": 7, "cors_origins": ["https://a.example"],
    "cors_headers": ["X-A"], "cors_expose": ["X-B"], "cors_credentials": True,
    "cors_max_age": "7s", "default_auth": "none",
    "metrics": "/other-metrics", "metrics_auth": "none",
    "livez": "/other-livez", "readyz": "/other-readyz", "readyz_auth": "none",
    "stop_delay": "1ms"}
RESTART = {"listen", "listen_mode", "listen_owner", "listen_group",
           "listen_backlog", "user", "group", "state_dir", "control",
           "cache_size", "jobs_path", "jobs_database",
           "jobs_concurrency", "jobs_lease",
           "jobs_webhooks", "jobs_webhook_secret",
           "jobs_wait", "jobs_body_limit", "jobs_result_limit"}


def test_every_option_is_taken_or_named(host):
    """Breaks when: some option is neither taken by a reload nor said to need
    a restart."""
    with open(os.path.join(SOURCE, "fcgi-host", "fcgi-host.conf")) as file:
        names = set(re.findall(r"(?m)^# ([a-z_]+) = ", file.read()))
    assert names == set(OTHER) | RESTART | {"handlers"}
    others = os.path.join(host.folder, "copied")
    shutil.copytree(host.dropped, others)
    try:
        done = take(host, handlers=others, **OTHER)
        said = " | ".join(done.said("config"))
        for name in set(OTHER) | {"handlers"}:
            assert re.search(r"(^|\| )%s: " % name, said), (name, said)
        assert done.document["restart"] == []
        assert host.get("/hello").status == 200
    finally:
        shutil.rmtree(others)


def test_every_option_of_a_section_is_taken(host):
    """Breaks when: some option of a pool, a route, a model or a handler is not
    seen by a reload."""
    model = host.write("one.bin", b"one")
    other = host.write("two.bin", b"two")
    plain = {"pools": {"default": {"workers": 2}, "side": {"workers": 1}},
             "routes": {"GET /hello-async": {}},
             "models": {"one": {"path": model}},
             "settings": {"hello": {"key": "old"}}}
    for kind, name, values in (
            ("pools", "side", {"workers": 2, "threads": 2, "queue": 7,
                               "queue_timeout": "7s", "stack": "128 KiB"}),
            ("routes", "GET /hello-async", {
                "async": False, "pool": "side", "timeout": "7s",
                "max_concurrent": 7, "sync_warn": "7s", "cache": "7s",
                "cache_refresh": True, "rate": "7/m", "rate_burst": 7,
                "body_limit": "7 kB", "server_timing": True, "auth": "none",
                "job_concurrency": 7, "job_priority": 7, "job_attempts": 7,
                "job_retry": "7s", "job_keep": "7s", "cors_origins": [],
                "cors_headers": [], "cors_expose": ["X-B"],
                "cors_credentials": False, "cors_max_age": "7s"}),
            ("models", "one", {
                "path": other, "required": False, "hugepages": "try",
                "lock": True, "max_bytes": "1 MiB", "sha256": hashlib.sha256(
                    b"one").hexdigest(), "load_timeout": "7s",
                "allow_threads": True, "reload": "free-first",
                "check": "GET /hello"}),
            ("settings", "hello", {"key": "new"})):
        for option, value in values.items():
            host.change(**plain)
            host.reload()
            changed = dict(plain[kind])
            changed[name] = dict(changed[name], **{option: value})
            done = take(host, **{kind: changed})
            assert [one for one in done.document["changes"]
                    if one["kind"] in ("config", "model")], (kind, option)
            assert host.get("/hello-async").status == 200


# ---------------------------------------------- what waits for a restart

def test_options_that_need_a_restart(host):
    """Breaks when: an option that was not taken is not named, or keeps the
    others from being taken."""
    old = dict(host.plain)
    text = build.read(host.file).decode()
    changed = text.replace(host.listen, host.listen + "-new").replace(
        "workers = 2", "workers = 3")
    host.replace_config(changed + 'listen_mode = "0600"\n'
                        'listen_backlog = 100\n')
    done = host.command("reload")
    assert done.returncode == 0, done
    for name in ("listen", "listen_mode", "listen_backlog"):
        assert re.search(r"(?m)^ +restart +%s: " % name, done.stdout), name
    wait_until(lambda: len(host.pids("worker")) == 3)
    assert host.get("/hello").status == 200, "still at the old address"
    named = " ".join(host.reload().document["restart"])
    for name in ("listen", "listen_mode", "listen_backlog"):
        assert name in named, "named until it is so"
    assert "workers" not in named
    host.written["options"] = old
    host.change()
    assert host.reload().document["restart"] == []


@pytest.mark.parametrize("name", ["state_dir", "control", "user", "group",
                                  "listen_owner", "listen_group"])
def test_each_option_that_needs_a_restart(host, name):
    """Breaks when: that option is believed to have changed."""
    value = {"state_dir": host.state + "-new", "control": host.control +
             "-new", "user": "nobody", "group": "nogroup",
             "listen_owner": "nobody", "listen_group": "nogroup"}[name]
    if name == "state_dir":
        os.mkdir(value)
    text = build.read(host.file).decode()
    lines = [line for line in text.splitlines()
             if not line.startswith(name + " ")]
    if name == "control":	# the client must find the host
        host.replace_config("\n".join(
            ['%s = "%s"' % (name, value)] + lines) + "\n")
        host.send_signal(signal.SIGHUP)
        host.wait_log(r"control\b.*restart")
        assert os.path.exists(host.control)
    else:
        host.replace_config("\n".join(
            ['%s = "%s"' % (name, value)] + lines) + "\n")
        done = host.reload()
        assert [one for one in done.document["restart"]
                if re.match(name + r"\b", one)], done
    assert host.get("/hello").status == 200
    host.change()
    assert host.status()["state"] == "serving"


# ------------------------------------------------------- what is refused

def serves_on(host, number):
    status = host.wait_settled()
    assert status["generation"]["number"] == number
    assert host.get("/hello").status == 200
    assert host.get("/hello-async").status == 200


FAULTS = {
    "unknown": ("nonsense = 1\n", r"nonsense"),
    "twice": ('timeout = "1s"\ntimeout = "2s"\n', r"timeout"),
    "range": ('pool "p" { workers = -1 }\n', r"workers"),
    "syntax": ('pool "p" {\n', r"."),
    "no path": ('model "m" { kind = file }\n', r"path"),
    "bytes": ("\0\1\2\xff\n", r"."),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_file_changes_nothing(host, fault):
    """Breaks when: a fault in the file ends the service, half of the file is
    taken, or the line is not named."""
    text, says = FAULTS[fault]
    good = build.read(host.file).decode()
    number, pids = host.number(), set(host.processes())
    host.replace_config(good.replace("workers = 2", "workers = 5") + text)
    done = host.command("reload")
    assert done.returncode not in (0, 111), done
    said = done.stdout + done.stderr
    assert re.search(says, said) and re.search(r":\d+: ", said), done
    mark = len(host.lines)
    host.send_signal(signal.SIGHUP)
    wait_until(lambda: [line for line in host.lines[mark:]
                        if re.search(r"refused|host\.conf:\d+", line)])
    host.replace_config(good)
    serves_on(host, number)
    assert set(host.processes()) == pids


def test_status_while_the_file_is_broken(host):
    """Breaks when: the one who broke the file cannot look at the host, nor
    reload when it is mended."""
    number = host.number()
    good = build.read(host.file).decode()
    host.replace_config(good + "nonsense = 1\n")
    done = host.command("status", "--json")
    host.replace_config(good)
    assert done.returncode == 0, done.stderr
    serves_on(host, number)


def test_a_file_that_cannot_be_read(host):
    """Breaks when: a file that is gone, or is none, ends or blocks the host."""
    number = host.number()
    good = build.read(host.file).decode()
    for harm in (lambda: None, lambda: os.mkfifo(host.file),
                 lambda: os.mkdir(host.file),
                 lambda: os.symlink(host.file, host.file),
                 lambda: os.symlink("/dev/zero", host.file)):
        os.unlink(host.file)
        harm()
        mark = len(host.lines)
        host.send_signal(signal.SIGHUP)
        wait_until(lambda: [line for line in host.lines[mark:]
                            if "refused" in line], what="a refusal")
        assert host.get("/hello").status == 200
        if os.path.isdir(host.file):
            os.rmdir(host.file)
        else:
            host.write("host.conf.keep", good)
            if os.path.lexists(host.file):
                os.unlink(host.file)
        host.replace_config(good)
        serves_on(host, number)


def test_routes_and_pools_that_do_not_fit_together(host):
    """Breaks when: what `check` would find is found after the switch."""
    number = host.number()
    for change in ({"routes": {"GET /gate": {"pool": "nowhere"}}},
                   {"routes": {"GET /no-such-route": {"async": True}}}):
        host.change(routes={}, **{"pools": {}})
        host.change(**change)
        done = host.command("reload")
        said = done.stdout + done.stderr
        if done.returncode == 0:	# a warning may do for the second
            assert "pool" not in change["routes"].get("GET /gate", {})
            number = host.number()
            continue
        assert re.search(r"nowhere|/no-such-route", said), done
        host.change(routes={})
        serves_on(host, number)


def test_a_plan_that_does_not_fit(host):
    """Breaks when: a reload starts what cannot fit in the memory there is."""
    number, pids = host.number(), set(host.processes())
    host.change(worker_memory="1 TiB")
    done = host.command("reload")
    assert done.returncode == 1, done
    assert re.search(r"[TG]iB", done.stderr), "the sum is said"
    assert "generation %d serves on" % number in done.stderr
    serves_on(host, number)
    assert set(host.processes()) == pids


def test_a_setting_that_a_handler_refuses(host):
    """Breaks when: the same file, refused with new options, is tried for ever
    or takes the old options' generation with it."""
    host.put("pick.so", build.handler(
        "pick", preload='if (fh_host_setting(host, "bad") != NULL) '
        'return -1;'))
    try:
        host.reload()
        host.change(settings={"pick": {"bad": "1"}})
        done = host.command("reload")
        assert done.returncode == 1, done
        assert "pick.so" in done.stdout + done.stderr
        assert "preload" in done.stdout + done.stderr
        host.wait_settled()
        assert host.get("/hello").status == 200
        host.change(settings={})
        host.reload()
        assert build.whole(host.get("/pick")) == "1"
    finally:
        host.change(settings={})
        host.remove("pick.so")
