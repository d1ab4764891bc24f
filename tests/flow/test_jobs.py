"""Jobs: accepted, run, looked at, waited for, cancelled, run again."""

import os
import signal
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, alive, descriptors
from lib.jobs import Database, accept, events_of

OPTIONS = dict(handlers=["live_job", "hello"], jobs_retry="50ms",
               jobs_lease="2s")


@pytest.fixture(scope="module")
def host():
    with Host(jobs_result_limit="64 KiB", jobs_body_limit="1 MiB",
              pools={"default": {"workers": 4}},
              routes={"POST /other": {"job_concurrency": 1},
                      "POST /job/{name}": {"timeout": "300ms"}},
              **OPTIONS) as host:
        yield host


# ------------------------------------------------------------ one that runs

def test_a_job_is_accepted_run_and_kept(host):
    """Breaks when: the 202 lacks its Location, or the result is lost."""
    job = accept(host, "/job", b"12345")
    assert job.reply.status == 202
    assert job.reply.json["state"] == "queued"
    done = job.wait()
    assert done["attempts"] == 1 and done["route"] == "POST /job"
    assert done["result"]["status"] == 200
    assert done["result"]["body"] == {
        "job": job.id, "attempt": 1, "body": 5, "secret": False}
    for key in ("created", "started", "finished", "expires"):
        assert done[key].endswith("Z")
    raw = host.get("/jobs/%s/result" % job.id)
    assert raw.status == 200 and raw.json == done["result"]["body"]


def test_what_is_declared_is_checked_when_it_is_accepted(host):
    """Breaks when: a job is kept that its route would refuse, or the check
    is taken for a run of the handler: a warning for each job."""
    assert host.post("/checked?n=x").problem(422)
    assert accept(host, "/checked?n=1").wait()["result"]["status"] == 200
    assert '"POST /checked" handler=live_job' not in host.log()


def test_the_location_is_below_the_mount_point(host):
    """Breaks when: a job is looked for beside the service's prefix."""
    reply = host.post("/job", extra={"PATH_INFO": "/job",
                                     "SCRIPT_NAME": "/api",
                                     "REQUEST_URI": "/api/job?x=1"})
    assert reply.header("location").startswith("/api/jobs/")


def test_a_result_that_is_no_json_has_a_place_of_its_own(host, gate):
    """Breaks when: other bytes are put into the document or get another
    type."""
    job = accept(host, gate.path("/job"))
    gate.accept().tell("text")
    done = job.wait()
    assert "body" not in done["result"]
    assert done["result"]["location"] == "/jobs/%s/result" % job.id
    raw = host.get(done["result"]["location"])
    assert raw.text == "plain words\n"
    assert raw.header("content-type") == "text/plain; charset=utf-8"


def test_a_result_without_content(host, gate):
    """Breaks when: a 204 of the handler becomes an empty file."""
    job = accept(host, gate.path("/job"))
    gate.accept().tell("none")
    assert job.wait()["result"]["status"] == 204
    raw = host.get("/jobs/%s/result" % job.id)
    assert raw.status == 204 and raw.header("content-type") is None
    assert raw.header("cache-control") == "no-store"


def test_a_result_that_is_too_large_is_a_failure(host, gate):
    """Breaks when: a result over jobs_result_limit is kept, or tried again
    and again."""
    job = accept(host, gate.path("/job"))
    gate.accept().tell("big 65536")
    job.wait()
    assert len(host.get(job.path + "/result").body) == 65536
    job = accept(host, gate.path("/job"))
    gate.accept().tell("big 65537")
    done = job.wait("failed")
    assert "jobs_result_limit" in done["problem"]["detail"]
    assert done["attempts"] == 1


def test_a_large_body_comes_whole(host):
    """Breaks when: a spooled body is cut on its way through the database."""
    job = accept(host, "/job", b"x" * 900000)
    assert job.wait()["result"]["body"]["body"] == 900000
    assert host.post("/job", b"x" * 1100000).problem(413)


def test_what_is_secret_is_not_kept(host):
    """Breaks when: a password of a request is written to the disk."""
    job = accept(host, "/job", headers={
        "Authorization": "Bearer s3cr3tword", "Proxy-Authorization":
        "Basic s3cr3tword", "Idempotency-Key": "s3cr3tword"})
    assert job.wait()["result"]["body"]["secret"] is False
    with Database(host) as database:
        (params,), = database.rows("SELECT params FROM fh_job_requests WHERE "
                                   "id = ?", job.id)
    assert b"s3cr3tword" not in params and b"/job" in params


def test_nobody_reaches_a_job_but_through_the_clerk(host):
    """Breaks when: a client that claims to be one is run at once."""
    reply = host.post("/job", extra={"JOB_ID": "0" * 32, "JOB_ATTEMPT": "1"})
    assert reply.status == 202
    assert reply.json["id"] != "0" * 32


def test_progress_means_nothing_in_other_routes(host, gate):
    """Breaks when: fh_progress() of a plain route harms its reply."""
    with host.connect() as conn:
        conn.send(fcgi.request("POST", gate.path("/plain")))
        held = gate.accept()
        held.tell("progress 1 2 halfway")
        assert held.line() == "said"
        held.tell("go")
        assert conn.read_reply().json["attempt"] == 0


# -------------------------------------------------------------- looking on

def test_progress_is_seen_while_it_runs(host, gate):
    """Breaks when: what a handler says is not shown, or not told."""
    job = accept(host, gate.path("/job"))
    held = gate.accept()
    assert job.look()["state"] == "running"
    assert "progress" not in job.look()
    held.tell("progress 3 10 three of t\xc3en \"quoted\"")
    assert held.line() == "said"
    wait_until(lambda: job.look().get("progress") is not None)
    shown = job.look()["progress"]
    assert (shown["done"], shown["total"]) == (3, 10)
    assert shown["text"].startswith("three of t") and '"quoted"' in \
        shown["text"]
    held.tell("go")
    assert job.wait()["progress"]["done"] == 3


def test_the_last_progress_is_kept(host, gate):
    """Breaks when: what a handler says right before its end is lost."""
    job = accept(host, gate.path("/job"))
    held = gate.accept()
    for line in ("progress 1 2 half", "progress 2 2 all"):
        held.tell(line)
        assert held.line() == "said"
    held.tell("go")
    assert job.wait()["progress"] == {"done": 2, "total": 2, "text": "all"}


def test_waiting_ends_with_the_job_or_its_time(host, gate):
    """Breaks when: ?wait= polls, waits too long, or not at all."""
    job = accept(host, gate.path("/job"))
    held = gate.accept()
    begun = time.monotonic()
    assert job.look(query="?wait=300ms")["state"] == "running"
    assert 0.29 < time.monotonic() - begun < 5
    with host.connect(30) as conn:
        conn.send(fcgi.request("GET", job.path + "?wait=20s"))
        held.tell("go")
        begun = time.monotonic()
        assert conn.read_reply().json["state"] == "succeeded"
        assert time.monotonic() - begun < 10
    assert host.get(job.path + "?wait=soon").status == 400
    assert job.look(query="?wait=20s")["state"] == "succeeded"


def read_events(conn, job):
    """Those of a stream, one after the other, until it ends."""
    conn.send(fcgi.request("GET", job.path + "/events"))
    text = b""
    for piece in conn.stdout():
        text += piece
        while b"\n\n" in text:
            block, text = text.split(b"\n\n", 1)
            for event in events_of(block.decode().split("\r\n")[-1]
                                   + "\n\n"):
                yield event


def test_events_follow_a_job_to_its_end(host, gate):
    """Breaks when: a change is not told, or the stream does not end."""
    job = accept(host, gate.path("/job"))
    held = gate.accept()
    with host.connect(30) as conn:
        events = read_events(conn, job)
        first = next(events)
        assert first[1] == "progress" and first[2]["state"] == "running"
        held.tell("progress 1 2 half")
        assert held.line() == "said"
        second = next(events)
        assert second[2]["progress"]["text"] == "half"
        assert int(second[0]) > int(first[0])
        held.tell("go")
        *_, last = events
        assert last[1] == "end" and last[2]["state"] == "succeeded"
    with host.connect() as conn:
        only, = read_events(conn, job)
        assert only[1] == "end"
    reply = host.get(job.path, headers={"Accept": "text/event-stream"})
    assert reply.header("content-type") == "text/event-stream"


def test_who_waits_costs_no_worker(host, gate):
    """Breaks when: clients that wait for jobs take the place of others."""
    job = accept(host, gate.path("/job"))
    held = gate.accept()
    conns = [host.connect(60) for _ in range(200)]
    try:
        for conn in conns:
            conn.send(fcgi.request("GET", job.path + "?wait=50s"))
        assert host.post("/plain").status == 200
        assert host.get("/hello-async").status == 200
        held.tell("go")
        for conn in conns:
            assert conn.read_reply().json["state"] == "succeeded"
    finally:
        for conn in conns:
            conn.close()


def test_ids_that_are_guesses_lead_nowhere(host):
    """Breaks when: an unknown id is anything but a 404, or a query of the
    database for any text."""
    for path in ("/jobs", "/jobs/", "/jobs/" + "0" * 32, "/jobs/1",
                 "/jobs/" + "A" * 32, "/jobs/" + "0" * 31 + "'",
                 "/jobs/" + "0" * 32 + "/result", "/jobs/" + "0" * 33,
                 "/jobs/%s/x" % ("0" * 32), "/jobs/..%2f..%2fetc"):
        host.get(path).problem(404)
        assert host.ask("DELETE", path).status in (404, 405)
    job = accept(host, "/job")
    assert host.ask("POST", job.path).header("allow") == \
        "GET, HEAD, DELETE, OPTIONS"
    assert host.ask("PUT", job.path + "/result", b"x").status == 405
    assert host.ask("OPTIONS", job.path).status == 204
    assert host.ask("HEAD", job.path).status == 200
    assert host.get("/jobsx").status == 404


# ---------------------------------------------------------------- cancelling

def test_one_that_waits_is_cancelled_at_once(host, gate):
    """Breaks when: a job that was deleted runs all the same."""
    first = accept(host, gate.path("/other"))
    held = gate.accept()
    second = accept(host, gate.path("/other"))	# job_concurrency = 1
    assert second.state() == "queued"
    assert second.delete().status == 204
    assert second.state() == "cancelled"
    assert second.delete().problem(409)
    held.tell("go")
    first.wait()
    gate.nobody()


def test_one_that_runs_is_told(host, gate):
    """Breaks when: the handler of a job that was deleted runs on."""
    job = accept(host, gate.path("/job"))
    held = gate.accept()
    assert job.delete().status in (202, 204)
    assert held.line() == "cancelled"
    done = job.wait("cancelled")
    assert "result" not in done
    assert job.delete().problem(409)
    gate.nobody()


# ------------------------------------------------------------- more than once

@pytest.mark.parametrize("word", ["crash", "status 500", "retry", "kill"])
def test_a_failure_is_tried_again(host, gate, word):
    """Breaks when: a job is lost with its worker, its first 5xx is its last,
    or it is tried again before the time it has asked for."""
    job = accept(host, gate.path("/job"))
    held = gate.accept()
    if word == "kill":
        os.kill(held.pid, signal.SIGKILL)
    else:
        held.tell(word)
    begun = time.monotonic()
    again = gate.accept()
    if word == "retry":		# with Retry-After: 1
        assert time.monotonic() - begun > 0.9
    assert again.id == "%s 2" % job.id
    again.tell("go")
    assert job.wait()["attempts"] == 2


def test_an_attempt_has_its_time(host, gate):
    """Breaks when: the handler of a job is not told that its timeout is over,
    or one that took too long is not run again."""
    job = accept(host, gate.path("/job/slow"))
    held = gate.accept()
    assert held.line() == "cancelled"
    again = gate.accept()
    assert again.id == "%s 2" % job.id
    again.tell("go")
    assert job.wait()["attempts"] == 2


def test_a_4xx_is_final(host, gate):
    """Breaks when: what the client did wrong is tried again."""
    job = accept(host, gate.path("/job"))
    gate.accept().tell("status 422")
    done = job.wait("failed")
    assert done["attempts"] == 1 and done["problem"]["status"] == 422
    assert done["problem"]["detail"] == "as told"
    assert host.get(job.path + "/result").problem(404)


def test_attempts_come_to_an_end(host, gate):
    """Breaks when: a job that always fails is tried for ever, or forgotten."""
    job = accept(host, gate.path("/job"))
    for _ in range(3):
        gate.accept().tell("status 500")
    done = job.wait("failed")
    assert done["attempts"] == 3 and done["problem"]["status"] == 500
    gate.nobody()


# -------------------------------------------------------------- idempotency

def test_one_key_is_one_job(host):
    """Breaks when: a request that is sent again makes a second job, or
    another request gets the first one's answer."""
    key = {"Idempotency-Key": '"k-%d"' % time.monotonic_ns()}
    job = accept(host, "/job", b"a", headers=key)
    assert accept(host, "/job", b"a", headers=key).id == job.id
    job.wait()
    again = host.post("/job", b"a", headers=key)
    assert again.status == 200 and again.json["id"] == job.id
    assert "result" in again.json
    for target, body in (("/job", b"b"), ("/job?x=1", b"a")):
        host.post(target, body, headers=key).problem(
            422, says="Idempotency-Key")
    host.post("/job", b"a", headers=dict(key, **{
        "Content-Type": "text/plain"})).problem(422, says="Idempotency-Key")
    named = accept(host, "/job/ada", b"a", headers=key)
    assert named.id != job.id
    host.post("/job/bob", b"a", headers=key).problem(422)
    assert accept(host, "/other", b"a", headers=key).id != job.id
    assert accept(host, "/job", b"a").id != job.id
    for bad in ("", '""', "a b", "x" * 300):
        host.post("/job", b"a", headers={"Idempotency-Key": bad}).problem(400)


# ---------------------------------------------------- hosts and clerks that end

def restart(host):
    """kill -9 of everything; the clerk sees nobody die before itself."""
    os.kill(host.pid_of("clerk"), signal.SIGSTOP)
    host.kill()
    host.start()


def test_nothing_accepted_is_lost_with_the_host(gate):
    """Breaks when: kill -9 of everything loses a job that was accepted and
    not begun, or one that ran."""
    with Host(jobs_concurrency=1, **OPTIONS) as host:
        running = accept(host, gate.path("/job"))
        gate.accept()
        waiting = accept(host, gate.path("/job"))
        assert waiting.state() == "queued"
        restart(host)
        ids = []
        for _ in range(2):
            held = gate.accept()
            ids.append(held.id)
            held.tell("go")
        assert sorted(ids) == sorted([running.id + " 2", waiting.id + " 1"])
        running.wait()
        waiting.wait()


def test_a_result_that_could_not_be_kept_is_made_again(gate):
    """Breaks when: a host that dies between a result and its commit has lost
    the job, or has kept it twice."""
    with Host(**OPTIONS) as host:
        job = accept(host, gate.path("/job"))
        held = gate.accept()
        with Database(host) as database:
            database.lock()
            held.tell("go")
            host.wait_log(r"jobs: SQLite: database is locked")
            restart(host)
            database.unlock()
        held = gate.accept()
        assert held.id == job.id + " 2"
        held.tell("go")
        assert job.wait()["result"]["body"]["attempt"] == 2


def test_while_the_database_is_away_nothing_is_accepted_or_forgotten(gate):
    """Breaks when: a 202 is sent for what is not on the disk, a result that
    came meanwhile is lost, or status says nothing."""
    with Host(**OPTIONS) as host:
        job = accept(host, gate.path("/job"))
        held = gate.accept()
        with Database(host) as database:
            database.lock()
            held.tell("go")
            host.wait_log(r"jobs: SQLite: database is locked")
            refused = host.post("/job")
            refused.problem(503, says="database")
            wait_until(lambda: [one for one in host.status()["degraded"]
                                if one["what"] == "jobs"])
            count, = database.rows("SELECT count(*) FROM fh_jobs")
            assert count == (1,)
            database.unlock()
        wait_until(lambda: not host.status()["degraded"])
        assert job.wait()["attempts"] == 1
        assert accept(host, "/job").wait()
        gate.nobody()


def test_a_clerk_that_dies_is_replaced(gate):
    """Breaks when: jobs are accepted no more after the clerk has died, or
    one that ran is not run again when its lease has ended."""
    with Host(**OPTIONS) as host:
        job = accept(host, gate.path("/job"))
        held = gate.accept()
        old = host.pid_of("clerk")
        os.kill(old, signal.SIGKILL)
        assert held.line() == "cancelled"
        assert accept(host, "/job").wait()["attempts"] == 1
        again = gate.accept()
        assert again.id == job.id + " 2"
        again.tell("go")
        job.wait()
        assert host.status()["jobs"]["restarts"] == 1


def test_a_reload_lets_a_job_run_on(gate):
    """Breaks when: a reload ends a job, or the new generation begins none."""
    with Host(**OPTIONS) as host:
        job = accept(host, gate.path("/job"))
        held = gate.accept()
        with host.connect(30) as conn:
            conn.send(fcgi.request("GET", job.path + "?wait=20s"))
            wait_until(lambda: host.status()["jobs"].get("here") == 1)
            host.reload()
            # who waited there is answered now, and asks the new front
            assert conn.read_reply().json["state"] == "running"
        assert accept(host, "/job").wait()
        held.tell("go")
        assert job.wait()["attempts"] == 1


def test_a_stop_puts_back_what_runs(gate):
    """Breaks when: a job that a stop has ended counts as failed, or is
    forgotten."""
    with Host(drain_timeout="100ms", jobs_attempts=1, **OPTIONS) as host:
        job = accept(host, gate.path("/job"))
        held = gate.accept()
        host.stop()
        assert held.line() == "cancelled"
        host.start()
        again = gate.accept()
        assert again.id == job.id + " 1"
        again.tell("go")
        job.wait()


def test_no_library_of_a_database_is_in_other_processes(host):
    """Breaks when: front, workers or supervisor map SQLite or libpq."""
    for role, mapped in (("front", False), ("worker", False),
                         ("supervisor", False), ("clerk", True)):
        for pid in host.pids(role):
            with open("/proc/%d/maps" % pid) as file:
                text = file.read()
            assert ("libsqlite3" in text) == mapped, role


def test_jobs_end_and_go(gate):
    """Breaks when: what has been kept long enough stays for ever, or jobs are
    not where jobs_path says."""
    with Host(jobs_keep="1s", jobs_path="/our/jobs", **OPTIONS) as host:
        path = host.post("/job").header("location")
        assert path.startswith("/our/jobs/")
        assert host.get(path + "?wait=10s").json["state"] == "succeeded"
        assert host.get(path[4:]).status == 404
        wait_until(lambda: host.get(path).status == 404, 10)
        with Database(host) as database:
            for table in ("fh_jobs", "fh_job_requests", "fh_job_results"):
                assert database.rows("SELECT * FROM " + table) == []


def test_those_with_priority_are_first(gate):
    """Breaks when: a job of a higher priority waits for one of a lower."""
    with Host(jobs_concurrency=1, routes={
            "POST /other": {"job_priority": 5}}, **OPTIONS) as host:
        accept(host, gate.path("/job"))
        held = gate.accept()
        low = accept(host, gate.path("/job"))
        high = accept(host, gate.path("/other"))
        held.tell("go")
        for job in (high, low):
            held = gate.accept()
            assert held.id == job.id + " 1"
            held.tell("go")


def test_an_upgrade_keeps_jobs(gate):
    """Breaks when: a job that runs does not survive the new binary's coming,
    the clerk of the old host begins jobs beside it, or the old host stays."""
    with Host(notify=False, **OPTIONS) as host:
        job = accept(host, gate.path("/job"))
        held = gate.accept()
        old = host.pid_of("clerk")
        assert host.command("upgrade").returncode == 0
        second = accept(host, gate.path("/job"))
        other = gate.accept()
        assert other.id == second.id + " 1"
        assert second.state() == "running"
        held.tell("go")
        assert job.wait()["attempts"] == 1
        wait_until(lambda: not alive(old), 20)
        other.tell("go")
        second.wait()
        assert host.status()["jobs"]["restarts"] == 0
