"""What the host says in numbers: each is right, and none goes back."""

import os
import signal
import socket
import time

from lib import build, fcgi
from lib.fcgi import wait_until
from lib.host import Host, memory, slack
from lib.metrics import promtool, read

HELLO = {"route": "GET /hello", "handler": "hello"}
ASYNC = {"route": "GET /hello-async", "handler": "hello"}
RUNS = "fcgi_host_request_run_seconds_count"


def wait_for(host, wanted, name, **labels):
    """Until a metric has that value; all of them then."""
    def so():
        metrics = read(host)
        return metrics.get(name, **labels) == wanted and metrics
    return wait_until(so, what="%s %s of %s" % (name, labels, wanted))


def test_each_form_can_be_read():
    """Breaks when: a family is written wrongly, has no help, or Prometheus
    would complain of a name."""
    with Host(handlers=["hello", "live_crash"]) as host:
        host.get("/hello")
        metrics = read(host)
        assert all(one.documentation for one in metrics.families.values())
        done = host.command("metrics", "--text")
        assert done.returncode == 0, done.stderr
        assert promtool("check", "metrics", input=done.stdout) == ""
        names = {line.split(" ")[0].split("{")[0] for line in
                 done.stdout.splitlines() if not line.startswith("#")}
        assert names == {name for name, _ in metrics.samples}


def test_requests_by_outcome_and_size():
    """Breaks when: a request, its status or its bytes are not counted once."""
    with Host(handlers=["hello", "live_show", "live_body"]) as host:
        for _ in range(5):
            assert host.get("/hello").status == 200
        for _ in range(3):
            assert host.get("/hello-async").status == 200
        host.get("/nowhere").problem(404)
        host.ask("POST", "/hello").problem(405)
        host.post("/body", b"x" * 1000)
        host.post("/body-sync", b"x" * 2000)
        metrics = wait_for(host, 1, "fcgi_host_requests_total",
                           route="POST /body-sync", status="2xx")
        total = "fcgi_host_requests_total"
        assert metrics.all(total, "status", **HELLO) == {
            "2xx": 5, "1xx": 0, "3xx": 0, "4xx": 0, "5xx": 0,
            "client_left": 0}
        assert metrics.get(total, **ASYNC) == 3
        assert metrics.get("fcgi_host_front_requests_total") == 12
        assert metrics.get("fcgi_host_unroutable_requests_total") == 2
        sizes = metrics.all("fcgi_host_request_bytes_total", "route")
        assert (sizes["POST /body"], sizes["POST /body-sync"]) == (1000, 2000)
        assert metrics.get("fcgi_host_response_bytes_total",
                           **HELLO) == metrics.get(
            "fcgi_host_response_bytes_total", **ASYNC) * 5 / 3 > 0
        assert metrics.get("fcgi_host_route_info", kind="async", pool="default",
                           **ASYNC) == 1
        assert metrics.get("fcgi_host_route_info", kind="sync", **HELLO) == 1
        assert metrics.get("fcgi_host_connections_accepted_total") == 12


def between(metrics, name, low, high, **labels):
    """How many took from `low` to `high` seconds, both edges."""
    buckets = {float(key): value for key, value in metrics.all(
        name + "_bucket", "le", **labels).items()}
    return buckets[high] - buckets[low]


def test_times_of_requests():
    """Breaks when: queue and run are mixed up, a time-out is left out, or
    waiting counts as work of the processor."""
    sleeps = {"route": "GET /slow/async"}
    with Host(handlers=["hello", "live_slow"], pools={
            "default": {"workers": 1}}, routes={
            "GET /slow/async": {"timeout": "600ms"}}) as host:
        conns = [host.connect() for _ in range(2)]
        for conn in conns:
            conn.send(fcgi.request("GET", "/slow/async?how=sleep&ms=300"))
        for conn in conns:
            assert conn.read_reply().status == 200
            conn.close()
        for _ in range(20):
            host.get("/hello")
        metrics = wait_for(host, 20, RUNS, **HELLO)
        run, queue = ("fcgi_host_request_%s_seconds" % what
                      for what in ("run", "queue"))
        assert between(metrics, run, 0.25, 2.5, **sleeps) == 2
        assert between(metrics, queue, 0.25, 2.5, **sleeps) == 1
        assert 0.6 <= metrics.get(run + "_sum", **sleeps) < 3
        assert metrics.get("fcgi_host_request_write_seconds_count",
                           **HELLO) == 20
        cpu = "fcgi_host_request_cpu_seconds_total"
        assert metrics.get(cpu, **sleeps) < 0.2
        host.get("/slow/async?how=spin&ms=300")
        spun = wait_for(host, 3, RUNS, **sleeps)
        assert spun.get(cpu, **sleeps) - metrics.get(cpu, **sleeps) > 0.05
        host.get("/slow/async?how=sleep&ms=60000").problem(504)
        late = wait_for(host, 4, RUNS, **sleeps)
        assert late.get(run + "_sum", **sleeps) > 0.6 + spun.get(
            run + "_sum", **sleeps) - 0.05
        assert late.get("fcgi_host_request_timeouts_total", **sleeps) == 1


def test_percentiles_in_the_status():
    """Breaks when: `status` tells of means alone, or mixes up its times."""
    with Host(handlers=["live_slow"]) as host:
        for ms in [1] * 18 + [100] * 2:
            host.get("/slow/async?how=sleep&ms=%d" % ms)

        def counted():
            one = [one for one in host.status()["routes"]
                   if one["route"] == "GET /slow/async"][0]
            return one["requests"] == 20 and one
        route = wait_until(counted)
        run = route["run_us"]
        assert 1000 <= run["p50"] < 100000 <= run["p95"] <= run["p99"]
        assert route["queue_us"]["p50"] < 100000
        assert 0 < route["write_us"]["p99"]
        assert "P95 ms" in host.command("status").stdout


def test_a_blocked_loop_is_seen():
    """Breaks when: a sync handler keeps everybody waiting, and the numbers do
    not say so."""
    lag = "fcgi_host_front_loop_lag_seconds"
    with Host(handlers=["live_slow"]) as host:
        before = read(host)
        host.get("/slow?how=sleep&ms=300")
        after = wait_for(host, 1, RUNS, route="GET /slow")
        blocked = "fcgi_host_front_blocked_seconds_total"
        assert 0.3 <= after.get(blocked) - before.get(blocked) < 3
        wait_until(lambda: between(read(host), lag, 0.25, 5.0) -
                   between(before, lag, 0.25, 5.0) >= 1)


def test_pools_and_what_waits(gate):
    """Breaks when: busy, idle, queued or in flight are not those of now."""
    with Host(handlers=["live_gate", "hello"], pools={
            "default": {"workers": 2, "queue": 3}}) as host:
        conns = [host.connect() for _ in range(5)]
        for conn in conns:
            conn.send(fcgi.request("GET", gate.path()))
        held = [gate.accept() for _ in range(2)]
        metrics = wait_for(host, 3, "fcgi_host_pool_queued", pool="default")
        threads = "fcgi_host_pool_threads"
        assert metrics.all(threads, "state") == {"busy": 2, "idle": 0}
        assert metrics.get("fcgi_host_pool_workers", state="ready") == 2
        assert metrics.get("fcgi_host_requests_in_flight",
                           route="GET /gate") == 5
        assert metrics.get("fcgi_host_connections") == 5
        host.get(gate.path()).problem(503)
        assert wait_for(host, 1, "fcgi_host_requests_refused_total",
                        reason="queue_full")
        for one in held:
            one.tell("go")
        for _ in range(3):
            gate.accept().tell("go")
        for conn in conns:
            assert conn.read_reply().status == 200
            conn.close()
        metrics = wait_for(host, 0, "fcgi_host_requests_in_flight")
        assert metrics.all(threads, "state") == {"busy": 0, "idle": 2}


def test_memory_of_processes_and_models():
    """Breaks when: a process, or a model that is shared, is left out."""
    content = bytes(8 << 20)
    with Host(handlers=["live_model"], start=False) as host:
        path = host.write("model.bin", content)
        host.write_config({}, {"default": {"workers": 3}}, {}, {
            "live-file": {"path": path, "kind": "file"}}, {}, "")
        host.start()

        def measured():
            metrics = read(host)
            return all(metrics.all("fcgi_host_worker_pss_bytes",
                                   "worker").values()) and metrics
        metrics = wait_until(measured)
        assert set(metrics.all("fcgi_host_worker_private_bytes",
                               "worker")) == {"0", "1", "2"}
        assert metrics.all("fcgi_host_model_bytes", "model") == {
            "live-file": len(content)}
        assert metrics.get("fcgi_host_model_sharers") == 5
        assert metrics.get("fcgi_host_model_loads_total") == 1
        pss = metrics.all("fcgi_host_process_pss_bytes", "process")
        assert pss["supervisor"] > 0 and pss["zygote"] > 0


def test_nothing_goes_back(gate):
    """Breaks when: a front that dies, a worker that dies or a reload takes
    what was counted along."""
    with Host(handlers=["hello", "live_gate"]) as host:
        seen = {}

        def look():
            now = read(host).counters()
            lost = {key: (value, now.get(key)) for key, value in seen.items()
                    if now.get(key, -1) < value}
            assert not lost, lost
            seen.update(now)
        for step in ("reload", "front", "worker", "reload"):
            for _ in range(4):
                host.get("/hello")
                host.get("/hello-async")
            look()
            if step == "reload":
                host.reload()
                host.wait_settled()
            else:
                old = host.pids(step)[0]
                count = len(host.pids(step))
                os.kill(old, signal.SIGKILL)
                host.wait_replaced(step, old, count)
                wait_until(host.can_connect)
            look()
        metrics = read(host)
        for labels in (HELLO, ASYNC):
            assert metrics.get(RUNS, **labels) == 16
            assert metrics.get("fcgi_host_requests_total", status="2xx",
                               **labels) == 16
        assert metrics.get("fcgi_host_front_restarts_total") == 1
        assert metrics.get("fcgi_host_reloads_total", result="ok") == 3
        assert metrics.get("fcgi_host_generation") == 3
        wait_for(host, 1, "fcgi_host_crashes_total", process="worker")
        wait_for(host, 1, "fcgi_host_crashes_total", process="front")


def many_routes(count):
    """A handler with so many routes more: a document of some size."""
    return build.handler("many", routes="".join(
        ', { "GET", "/many/%d", .serve = serve }' % i for i in range(count)))


def test_odd_labels():
    """Breaks when: a route's path breaks its label, or two whose labels are
    cut to the same make two series of one name."""
    odd = '/a"b\\c\xc3\xbc'
    long = "/" + 170 * "x"
    paths = [odd, long + "/1", long + "/2"]
    text = "".join(', { "GET", "%s", .serve = serve }' % path.replace(
        "\\", "\\\\").replace('"', '\\"') for path in paths)
    with Host(handlers=[]) as host:
        host.put("odd.so", build.handler("odd", routes=text))
        host.reload()
        metrics = read(host)
        routes = metrics.all("fcgi_host_route_breaker", "route")
        assert "GET " + odd in routes
        assert sum("xxx" in route for route in routes) == 1
        assert promtool("check", "metrics", input=host.command(
            "metrics", "--text").stdout) == ""


def ask_and_stall(host):
    """Someone who asks and does not read."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(fcgi.TIMEOUT)
    sock.connect(host.control)
    sock.sendall(b"metrics\n")
    return sock


def test_a_hundred_who_do_not_read():
    """Breaks when: who asks and does not read keeps others from an answer, or
    each costs a text of its own."""
    with Host(handlers=["hello"]) as host:
        host.put("many.so", many_routes(200))
        host.reload()
        size = len(read(host).text)
        assert size > 1 << 20	# much more than a socket holds
        before = memory(host.pid, "Private_Dirty")
        stalled = [ask_and_stall(host) for _ in range(99)]
        for sock in stalled:	# the first byte: the answer is on its way
            assert sock.recv(1) == b"#"
        begun = time.monotonic()
        assert host.get("/hello").status == 200
        assert read(host).get("fcgi_host_serving") == 1
        assert time.monotonic() - begun < 5
        assert memory(host.pid, "Private_Dirty") - before < slack(20 * size)
        for sock in stalled:
            sock.close()


def test_who_asks_again_at_once_is_given_the_same():
    """Breaks when: each question makes a document, so that many who ask have
    all of the supervisor's time; or an old one is given for ever."""
    with Host(handlers=["hello"]) as host:
        host.put("many.so", many_routes(500))
        host.reload()

        def ask():
            with ask_and_stall(host) as sock, sock.makefile("rb") as file:
                return file.read().decode()

        def again():
            first = ask()
            host.get("/hello")	# counted, and too soon to be told
            return ask() == first
        assert any(again() for _ in range(5))
        first = ask()
        wait_until(lambda: ask() != first)


def test_a_host_without_routes_or_without_life():
    """Breaks when: there is nothing to tell of, and that is no answer; or a
    host that is not there is not said."""
    with Host(handlers=[]) as host:
        metrics = read(host)
        assert metrics.get("fcgi_host_serving") == 1
        assert metrics.get("fcgi_host_requests_total") is None
        assert promtool("check", "metrics", input=host.command(
            "metrics", "-t").stdout) == ""
        os.rename(host.control, host.control + ".away")
        done = host.command("metrics")
        os.rename(host.control + ".away", host.control)
        assert (done.returncode, done.stdout) == (111, "")
        assert "is the host running?" in done.stderr
