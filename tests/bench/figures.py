"""The figures, one function each.

A figure gets the run's options and returns rows.  What must hold on any
machine (every reply a 200, the counts) is asserted; times never are.
"""

import json as json_text
import os
import signal
import subprocess
import threading
import time

import load
import rig
from lib import build, fcgi
from lib.facts import lines
from lib.flood import flood, full_pool
from lib.gate import Gate
from load import median

MEGABYTE = 1 << 20


class Row:
    """One line of the table; `fine` is None where nothing is asked for."""

    def __init__(self, what, measured, wanted="", fine=None, **numbers):
        self.what, self.measured, self.wanted = what, measured, wanted
        self.fine, self.numbers = fine, numbers


def at_least(what, value, limit, **numbers):
    return Row(what, "%.2f" % value, "at least %.2f" % limit, value >= limit,
               value=value, limit=limit, **numbers)


def at_most(what, value, limit, form="%.2f", **numbers):
    return Row(what, form % value, "at most " + form % limit, value <= limit,
               value=value, limit=limit, **numbers)


# ---------------------------------------------------------- throughput

def throughput(options):
    """sync hello of canned, async of sync: requests a second, 32 clients"""
    with rig.bench_host() as host:
        stdout = host.get("/hello").stdout
        with rig.Canned(stdout) as canned, rig.Web(host, canned) as web:
            runs, cost = in_turn(web, [canned.pid], list(host.processes()),
                                 options.rounds, options.seconds)
    rates = {name: median(found) for name, found in runs.items()}
    # Each sync run stands between two canned ones, each async run between
    # two sync ones: compared with those two, not with the whole.
    sync = [2 * b / (a + c) for a, b, c in zip(
        runs["canned"], runs["sync"], runs["canned again"])]
    async_ = [2 * b / (a + c) for a, b, c in zip(
        runs["sync"], runs["async"], runs["sync again"])]
    noise = [b / a for a, b in zip(runs["canned"], runs["canned again"])]
    return [
        at_least("sync hello / canned", median(sync), 0.95, runs=runs),
        at_least("async hello / sync hello", median(async_), 0.80),
        Row("async hello / canned", "%.2f" % (
            rates["async"] / rates["canned"]), value=rates["async"] /
            rates["canned"]),
        Row("canned / canned: the noise", "%.2f to %.2f" % (
            min(noise), max(noise)), noise=noise),
        Row("canned, sync, async: requests a second", "%d, %d, %d" % (
            rates["canned"], rates["sync"], rates["async"])),
        Row("  processor time of a request (us)", "%.1f, %.1f, %.1f" % tuple(
            median(cost[name]) for name in ("canned", "sync", "async")),
            cost_us=cost),
    ]


def in_turn(web, canned, host, rounds, seconds):
    """Requests a second of each run, and what a request cost the processes
    behind nginx, in microseconds."""
    order = [("canned", web.canned_port, "/hello", canned),
             ("sync", web.port, "/hello", host),
             ("canned again", web.canned_port, "/hello", canned),
             ("async", web.port, "/hello-async", host),
             ("sync again", web.port, "/hello", host)]
    runs = {name: [] for name, _, _, _ in order}
    cost = {name: [] for name in runs}
    for _, port, path, _ in order[1:4]:	# opens the kept connections
        load.wrk(port, path, 1)
    for _ in range(rounds):
        for name, port, path, pids in order:
            before = load.processor_ns(pids)
            run = load.wrk(port, path, seconds)
            used = load.processor_ns(pids) - before
            runs[name].append(run["rate"])
            cost[name].append(used / run["requests"] / 1e3)
    return runs, cost


# -------------------------------------------------------- system calls

def calls(options):
    """system calls for each request at saturation"""
    rows = []
    with rig.bench_host() as host, rig.Web(host) as web:
        for what, path, roles, limit in (
                ("sync, front", "/hello", ("front",), 3.2),
                ("async, front and workers", "/hello-async",
                 ("front", "worker"), 6.0)):
            rows += count_calls(host, web, what, path, roles, limit,
                                options.seconds)
    return rows


def count_calls(host, web, what, path, roles, limit, seconds):
    pids = [pid for role in roles for pid in host.pids(role)]

    def run():
        return load.wrk(web.port, path, seconds)["requests"]

    run()
    rows = []
    title = "system calls a request, " + what
    try:
        found, requests = load.strace(pids, run)
        by_name = {name: count / requests for name, count in
                   sorted(found.items(), key=lambda item: -item[1])}
        rows.append(at_most(title, sum(by_name.values()), limit,
                            by_name=by_name, requests=requests))
        rows.append(Row("  of these", ", ".join(
            "%s %.2f" % item for item in by_name.items()
            if item[1] >= 0.005)))
    except load.NotHere as why:
        rows.append(Row(title, "not measured: %s" % why))
    try:
        count, requests = load.perf(pids, run)
        rows.append(at_most("  at full speed (perf)", count / requests, limit))
    except load.NotHere:
        pass
    return rows


# -------------------------------------------------------------- memory

def memory(options):
    """PSS of all processes with 8 workers and a model, of the model"""
    with model_file(options) as model, model_host(model, 8) as host:
        use_everywhere(host, 8)
        pss = host.pss()
        private = host.pss("Private_Dirty", "Private_Clean")
    return [
        at_most("PSS of all processes / model, 8 workers", pss / model.size,
                1.05, "%.3f", model_bytes=model.size, pss=pss,
                private=private),
        Row("  model, all else", "%.1f MiB, %.1f MiB" % (
            model.size / MEGABYTE, (pss - model.size) / MEGABYTE)),
    ]


def model_file(options):
    return rig.ModelFile(options.model,
                         (8 if options.quick else 64) * MEGABYTE)


def model_host(model, workers):
    return rig.bench_host(
        handlers=["hello", "live_model"],
        pools={"default": {"workers": workers}},
        models={"live-file": {"path": model.path, "kind": "file"}})


def use_everywhere(host, workers):
    """Until every worker and the front have read each byte of the model."""
    asked = set()
    deadline = time.monotonic() + 60
    while len(asked) < workers:
        assert time.monotonic() < deadline, "only %s work" % asked
        conns = [host.connect(60) for _ in range(2 * workers)]
        for conn in conns:
            conn.send(fcgi.request("GET", "/model?name=live-file"))
        asked |= {lines(conn.read_reply())["pid"] for conn in conns}
        for conn in conns:
            conn.close()
    lines(host.get("/model-sync?name=live-file", timeout=60))
    assert len(host.pids("worker")) == workers


# -------------------------------------------------------- a killed worker

def killed(options):
    """from kill -9 of the only worker to the answer of the next"""
    times, failed = [], 0
    with model_file(options) as model, model_host(model, 1) as host, \
            host.connect() as conn:
        for _ in range(5 if options.quick else 20):
            assert conn.get("/hello-async").status == 200
            seconds, refused = kill_once(host, conn)
            times.append(seconds * 1e3)
            failed += refused
    return [
        at_most("killed worker, serves again after (ms), median of %d" %
                len(times), median(times), 20, "%.1f", times_ms=times),
        Row("  least, most (ms)", "%.1f, %.1f" % (min(times), max(times))),
        Row("  requests that died with it", "%d" % failed),
    ]


def kill_once(host, conn):
    """Seconds until a 200, and how many other answers came before it."""
    (old,) = host.pids("worker")
    refused = 0
    begin = time.monotonic()
    os.kill(old, signal.SIGKILL)
    while True:
        status = conn.get("/hello-async").status
        now = time.monotonic()
        if status == 200:
            break
        assert status in (500, 503), status
        refused += 1
        assert now < begin + 10, "no worker within 10 s"
    host.wait_replaced("worker", old)
    return now - begin, refused


# ------------------------------------------------- the motivating case

def motivating(options):
    """A takes long; B and C, sent right after, do not"""
    long, short = (2.0, 0.2) if options.quick else (10.0, 1.0)
    rows = []
    with rig.bench_host(handlers=["sleep"],
                        pools={"default": {"workers": 8}}) as host, \
            rig.Web(host) as web:
        for what, path, b, c in (
                ("async", "/sleep", short, short),
                ("sync", "/sleep-sync", long + short, long + 2 * short)):
            times = one_after_another(web, path, (long, short, short))
            rows.append(Row(
                "A, B, C of %g, %g, %g s, %s" % (long, short, short, what),
                "%.2f, %.2f, %.2f s" % tuple(times),
                "%g, %g, %g s" % (long, b, c),
                abs(times[1] - b) < 0.05 * b and abs(times[2] - c) < 0.05 * c,
                seconds=times))
    return rows


def one_after_another(web, path, sleeps, pause=0.02):
    times = [None] * len(sleeps)

    def ask(i, seconds):
        begin = time.monotonic()
        status = web.get("%s?seconds=%g" % (path, seconds), timeout=60).status
        times[i] = time.monotonic() - begin if status == 200 else status

    threads = []
    for i, seconds in enumerate(sleeps):
        threads.append(threading.Thread(target=ask, args=(i, seconds)))
        threads[-1].start()
        time.sleep(pause)
    for thread in threads:
        thread.join()
    assert all(isinstance(found, float) for found in times), times
    return times


# ---------------------------------------------------------------- JSON

def json(options):
    """a 1 MB array of doubles by json.h, of json-c: a worker's processor time"""
    targets = ("/json/numbers", "/json/numbers-tree")
    cost = {target: [] for target in targets}
    with rig.bench_host(handlers=["live_json"],
                        pools={"default": {"workers": 1}}) as host, \
            host.connect(60) as conn:
        workers = host.pids("worker")
        sizes = [len(conn.get(target).body) for target in targets]
        assert min(sizes) > 1e6, "only %s bytes" % sizes
        for _ in range(2 * options.rounds):
            for target in targets:
                before = load.processor_ns(workers)
                reply = conn.get(target)
                cost[target].append(load.processor_ns(workers) - before)
                assert reply.status == 200 and len(reply.body) in sizes
    writer, tree = (median(cost[target]) for target in targets)
    return [
        at_most("a 1 MB array of doubles, json.h / json-c", writer / tree,
                1 / 3, cost_ns=cost, sizes=sizes),
        Row("  processor time (ms)", "%.2f, %.2f" % (
            writer / 1e6, tree / 1e6)),
    ]


# ---------------------------------------------- idle kept connections

def idle(options):
    """what idle kept connections cost"""
    count = 200 if options.quick else 1000
    without, with_, threads = [], [], []
    with rig.bench_host() as host, rig.Web(host) as web:
        load.wrk(web.port, "/hello", 1)
        load.wrk(web.port, "/hello-async", 1)
        for _ in range(options.rounds):
            before = rig.threads_of(host), len(host.pids("worker"))
            without.append(load.wrk(web.port, "/hello", options.seconds))
            conns = keep_idle(host, count)
            after = rig.threads_of(host), len(host.pids("worker"))
            with_.append(load.wrk(web.port, "/hello", options.seconds))
            for conn in conns:
                assert conn.get("/hello").status == 200
                conn.close()
            threads.append((before, after))
    p99 = [median([run["p99_ms"] for run in runs]) for runs in (without, with_)]
    rate = [median([run["rate"] for run in runs]) for runs in (without, with_)]
    more = [max(after[i] - before[i] for before, after in threads)
            for i in (0, 1)]
    assert more == [0, 0], "idle connections cost %d threads, %d workers" % (
        more[0], more[1])
    return [
        Row("%d idle connections: more threads, workers" % count,
            "%d, %d" % tuple(more), "0, 0", more == [0, 0]),
        at_most("  p99 of hello, with / without", p99[1] / p99[0], 1.10,
                p99_ms=p99),
        Row("  requests a second, with / without",
            "%.2f" % (rate[1] / rate[0])),
    ]


def keep_idle(host, count):
    conns = []
    for _ in range(count):
        conns.append(host.connect())
        assert conns[-1].get("/hello").status == 200
    return conns


# ---------------------------------------------------------------- cache

def cache(options):
    """fh_cache_get and _set, of a table behind one mutex"""
    program = rig.built_program("cache")
    if program is None:
        return [Row("cache", "not measured: not built (make)")]
    found = json_text.loads(subprocess.run(
        [program, str(options.rounds)], stdout=subprocess.PIPE, check=True,
        text=True, timeout=600).stdout)
    rows = []
    for kind, took in found.items():
        name = "cache %s B%s" % (kind.partition(",")[0],
                                 ", two processes" * ("two" in kind))
        ratio = median([a / b for a, b in zip(took["cache"], took["table"])])
        if kind == "get 100, two":
            rows.append(at_most(name + ", of a table with a mutex", ratio,
                                8.0, took_ns=took))
        else:
            rows.append(Row(name + ", of the table", "%.2f" % ratio,
                            took_ns=took))
        rows.append(Row("  hash and copy, table, cache (ns)", ", ".join(
            "%.0f" % median(took[whose])
            for whose in ("bare", "table", "cache"))))
    return rows


# ------------------------------------------------------------- overload

def overload(options):
    """sync hello beside a flood of requests that are refused"""
    count, rate = (500, 1000) if options.quick else (5000, 5000)
    with Gate() as gate, rig.bench_host(
            handlers=["hello", "live_gate"], connections=count + 100,
            pools={"default": {"workers": 1, "queue": 1,
                               "queue_timeout": "300s"}}) as host, \
            full_pool(host, gate):
        found = flood(host, gate.path(), "/hello", connections=count,
                      rate=rate, probes=1000, rounds=options.rounds,
                      window=options.seconds * 1000)
    assert found["sent"] == found["answered"] == found["refused"], found
    ratios = [asking["p99"] / silent["p99"] for silent, asking in zip(
        found["silent"], found["asking"])]
    return [
        at_most("%d connections, %d refusals/s: p99 of sync, of idle"
                % (count, rate), median(ratios), 1.5, found=found),
        *(Row("  %s (us): p50, p99" % what, "%.0f, %.0f" % tuple(
            median([one[key] for one in found[name]])
            for key in ("p50", "p99"))) for what, name in (
                ("idle", "silent"), ("beside the refusals", "asking"))),
        at_most("  a 503, median (ms)", found["crowd"]["p50"] / 1e3, 5.0),
    ]


# ------------------------------------------------------------- scraped

def scraped(options):
    """hello while the metrics of 100 routes are read ten times a second"""
    with rig.bench_host(metrics="/metrics") as host, rig.Web(host) as web:
        many_routes(host, 100)
        load.wrk(web.port, "/hello", 1)
        without, with_, read = [], [], []
        for _ in range(options.rounds):
            without.append(load.wrk(web.port, "/hello", options.seconds))
            with load.Scraper(web, "/metrics", 0.1) as scraper:
                with_.append(load.wrk(web.port, "/hello", options.seconds))
            read += scraper.took
        spent = load.processor_ns([host.pid])
    assert len(read) > 5 * options.rounds * options.seconds, read
    p99 = [median([run["p99_ms"] for run in runs])
           for runs in (without, with_)]
    rate = [median([run["rate"] for run in runs])
            for runs in (without, with_)]
    return [
        at_most("read ten times a second: p99 of hello, with / without",
                p99[1] / p99[0], 1.10, p99_ms=p99),
        Row("  requests a second, with / without",
            "%.2f" % (rate[1] / rate[0])),
        Row("  processor time of the supervisor for one (ms)",
            "%.1f" % (spent / 1e6 / len(read))),
        Row("  to read one meanwhile (ms), median",
            "%.1f" % (median(read) * 1e3)),
    ]


def many_routes(host, count):
    """A handler with so many routes more, each asked for once."""
    host.put("many.so", build.handler("many", routes="".join(
        ', { "GET", "/many/%d", .serve = serve }' % i for i in range(count))))
    host.reload()
    host.wait_settled()
    with host.connect() as conn:
        for i in range(count):
            assert conn.get("/many/%d" % i).status == 200


# ------------------------------------------------------------- sleepers

def sleepers(options):
    """many requests that wait, at once, and hello meanwhile"""
    count, workers, threads, seconds = (
        (300, 2, 200, 0.5) if options.quick else (3000, 4, 800, 1.0))
    with rig.bench_host(
            handlers=["hello", "sleep"],
            pools={"waiting": {"workers": workers, "threads": threads}},
            routes={"GET /sleep": {"pool": "waiting"}}) as host, \
            rig.Web(host) as web:
        found = []
        for _ in range(1 if options.quick else 3):
            with load.Steady(web, "/hello") as steady:
                replies = load.burst(web.port, "/sleep?seconds=%g" % seconds,
                                     count)
            found.append((replies, steady.replies))
            check_statuses(replies, count)
            check_statuses(steady.replies, len(steady.replies))
            assert steady.replies
    lasts = [max(at for _, at in replies) for replies, _ in found]
    hellos = [at * 1e3 for _, replies in found for _, at in replies]
    return [
        at_most("%d x sleep %g s, %d x %d threads: first run, last reply (s)"
                % (count, seconds, workers, threads), lasts[0], 3.0,
                lasts=lasts),
        Row("  all runs, last reply (s)",
            ", ".join("%.2f" % last for last in lasts)),
        Row("  hello meanwhile (ms): median, p99, of %d" % len(hellos),
            "%.1f, %.1f" % (median(hellos), load.percentile(hellos, 0.99))),
    ]


def check_statuses(replies, count):
    statuses = [status for status, _ in replies]
    assert statuses == [200] * count, {
        status: statuses.count(status) for status in set(statuses)}


FIGURES = {function.__name__: function for function in (
    throughput, calls, memory, killed, motivating, json, cache, idle,
    overload, scraped, sleepers)}
