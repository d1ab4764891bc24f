"""Jobs of several hosts over one PostgreSQL: a real server, two hosts."""

import os
import signal
import threading
import time

import pytest

from lib import fcgi
from lib.fcgi import wait_until
from lib.host import Host, below
from lib.jobs import Job, accept, events_of, later
from lib.postgresql import PostgreSQL

OPTIONS = dict(handlers=["live_job"], jobs_retry="50ms", jobs_lease="1500ms",
               jobs_concurrency=1)


@pytest.fixture(scope="module")
def server():
    with PostgreSQL() as server:
        yield server


def drop(server):
    server.run("DROP TABLE IF EXISTS fh_job_hooks, fh_job_results, fh_job_requests, "
               "fh_jobs, fh_jobs_schema CASCADE; DROP FUNCTION IF EXISTS "
               "fh_jobs_tell, fh_now;")


@pytest.fixture
def pair(request, server):
    """Two hosts that find no tables and begin at the same moment."""
    drop(server)
    options = dict(OPTIONS, **getattr(request, "param", {}))
    hosts = [Host(jobs_database=server.uri, start=False, **options)
             for _ in range(2)]
    try:
        threads = [threading.Thread(target=host.start) for host in hosts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for host in hosts:
            host.wait_log("a front takes those of [0-9]+ routes")
            wait_until(lambda: host.status()["jobs"].get("up"))
        yield hosts
        for host in hosts:
            if host.process.poll() is None:
                host.stop()
    except BaseException:
        for host in hosts:
            print("---- log\n" + host.log()[-10000:])
        raise
    finally:
        for host in hosts:
            host.kill()
            host.clean()


def owner(hosts, held):
    """On which of the hosts it runs."""
    return next(host for host in hosts if held.pid in below(host.pid))


def one_on_each(hosts, gate):
    """Two jobs that the first host has accepted, with what holds them: the
    one that the first runs, and the one that the second does."""
    jobs = [accept(hosts[0], gate.path("/job")) for _ in range(2)]
    held = [gate.accept() for _ in range(2)]
    found = {}
    for one in held:
        job = next(job for job in jobs if one.id.startswith(job.id))
        found[owner(hosts, one)] = (job, one)
    assert len(found) == 2, "both run on one host"
    return found[hosts[0]], found[hosts[1]]


def test_a_job_runs_on_another_host_and_is_seen_from_both(pair, gate):
    """Breaks when: an idle host does not hear of a job, or a host shows and
    follows only its own."""
    here, there = pair
    (mine, held_here), (theirs, held_there) = one_on_each(pair, gate)
    with here.connect(30) as conn, here.connect(30) as stream:
        conn.send(fcgi.request("GET", theirs.path + "?wait=20s"))
        stream.send(fcgi.request("GET", theirs.path + "/events"))
        pieces = stream.stdout()
        text = b""
        held_there.tell("progress 1 2 on the other host")
        assert held_there.line() == "said"
        while b"on the other host" not in text:
            text += next(pieces)
        held_there.tell("go")
        assert conn.read_reply().json["result"]["body"]["job"] == theirs.id
        *_, last = events_of((text + b"".join(pieces)).split(
            b"\r\n\r\n", 1)[1].decode())
        assert last[1] == "end"
    held_here.tell("go")
    assert mine.wait(host=there)["attempts"] == 1
    raw = there.get("/jobs/%s/result" % mine.id)
    assert raw.json["job"] == mine.id


def test_one_is_cancelled_from_the_other_host(pair, gate):
    """Breaks when: DELETE reaches only the host that runs the job."""
    (mine, held_here), (theirs, held_there) = one_on_each(pair, gate)
    reply = theirs.delete(pair[0])
    assert reply.status in (202, 204), reply
    assert held_there.line() == "cancelled"
    theirs.wait("cancelled", host=pair[0])
    held_here.tell("go")
    mine.wait()


def test_a_host_that_dies_loses_none(pair, gate):
    """Breaks when: kill -9 of a host loses its job, another host runs it
    before the lease has ended, or it is run for ever."""
    here, there = pair
    (mine, held_here), (theirs, _) = one_on_each(pair, gate)
    os.kill(there.pid_of("clerk"), signal.SIGSTOP)	# it sees nobody die
    there.kill()
    held_here.tell("go")
    mine.wait()
    gate.nobody(0.2)
    again = gate.accept()
    assert again.id == theirs.id + " 2"
    again.tell("go")
    done = theirs.wait(host=here)
    assert done["attempts"] == 2
    assert done["result"]["body"]["attempt"] == 2


def test_of_two_results_one_is_kept(pair, gate):
    """Breaks when: a host that stood still for longer than its lease puts
    its late result over the one that counts."""
    here, there = pair
    (mine, held_here), (theirs, held_there) = one_on_each(pair, gate)
    clerk = there.pid_of("clerk")
    os.kill(clerk, signal.SIGSTOP)
    try:
        held_here.tell("go")
        mine.wait(host=here)
        held_there.tell("go")		# its result waits for the clerk
        again = gate.accept()		# ... and its lease ends
        assert again.id == theirs.id + " 2"
        again.tell("text")
        kept = theirs.wait(host=here)
        assert kept["result"]["type"].startswith("text/plain")
    finally:
        os.kill(clerk, signal.SIGCONT)
    there.wait_log("thrown away|is ended")
    assert theirs.look(here) == kept
    assert accept(there, "/job").wait()


@pytest.mark.parametrize("pair", [{"jobs_lease": "20s"}], indirect=True)
def test_the_server_may_go_and_come_back(pair, server, gate):
    """Breaks when: a restart of the server loses a job that runs or a result
    that came meanwhile, or a host has to be restarted after it."""
    here, there = pair
    (mine, held_here), (theirs, held_there) = one_on_each(pair, gate)
    server.stop("immediate")
    try:
        held_here.tell("go")
        wait_until(lambda: here.post("/job").status == 503)
        here.post("/job").problem(503, says="database")
        wait_until(lambda: [one for one in here.status()["degraded"]
                            if one["what"] == "jobs"])
    finally:
        server.start()
    for host in pair:
        wait_until(lambda: not host.status()["degraded"], 20)
    assert mine.wait(host=there)["attempts"] == 1
    held_there.tell("go")
    assert theirs.wait(host=here)["attempts"] == 1
    assert server.run("SELECT count(*) FROM fh_job_results") == "2"
    gate.nobody()


def test_of_200_jobs_each_is_begun_once(pair, server):
    """Breaks when: two hosts take the same job, or one is left."""
    jobs = []

    def send(host):
        with host.connect(30) as conn:
            for _ in range(100):
                jobs.append(Job(host, conn.post("/job", b"x")))

    begun = time.monotonic()
    threads = [threading.Thread(target=send, args=(host,)) for host in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: server.run("SELECT count(*) FROM fh_jobs WHERE "
                                  "state < 3") == "0", 30)
    print("200 jobs on two hosts: %.1f s" % (time.monotonic() - begun))
    assert len({job.id for job in jobs}) == 200
    assert server.run("SELECT count(*), sum(attempts), min(state), "
                      "max(state) FROM fh_jobs") == "200|200|3|3"
    assert server.run("SELECT count(DISTINCT lease_host) FROM fh_jobs") == \
        "2"


def test_a_host_runs_only_what_it_has(pair, server):
    """Breaks when: during an update a host whose handler is older takes jobs
    of a route that it does not have yet."""
    new, old = pair
    for host in pair:
        host.put("later.so", later(host is new))
        host.wait_file("later.so", "serving")
    jobs = [accept(new, "/later") for _ in range(6)]
    assert old.post("/later").status == 405
    for job in jobs:
        assert job.wait(host=old)["attempts"] == 1
    assert server.run("SELECT count(DISTINCT lease_host) FROM fh_jobs") == "1"


def test_one_key_on_two_hosts_is_one_job(pair):
    """Breaks when: the same request, sent to two hosts at once, runs
    twice."""
    for number in range(10):
        key, ids = {"Idempotency-Key": "k%d" % number}, []
        threads = [threading.Thread(target=lambda host=host: ids.append(
            accept(host, "/job", b"x", headers=key).id)) for host in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ids) == 2 and len(set(ids)) == 1


@pytest.mark.parametrize("body,status", [(b"x", 202), (b"another", 422)])
def test_a_key_is_taken_while_it_is_being_accepted(pair, server, body, status):
    """Breaks when: a request that comes on another host between the first
    one's insert and its commit makes a second job, is told a key of another
    request's is its own, or is refused because it met the first."""
    key, replies = {"Idempotency-Key": "k-%d" % status}, {}

    def send(host, body):
        replies[host] = host.post("/job", body, headers=key, timeout=30)

    session = server.hold("LOCK TABLE fh_job_requests IN EXCLUSIVE MODE")
    try:
        threads = []
        for host, its in zip(pair, (b"x", body)):
            threads.append(threading.Thread(target=send, args=(host, its)))
            threads[-1].start()
            wait_until(lambda: server.waiting() >= len(threads))
    finally:
        session.kill()
        session.wait()
        session.stdin.close()
        session.stdout.close()
    for thread in threads:
        thread.join()
    first, second = (replies[host] for host in pair)
    assert first.status == 202
    assert second.status in ((200, 202) if status == 202 else (status,))
    if status == 202:
        assert second.json["id"] == first.json["id"]
    assert server.run("SELECT count(*) FROM fh_jobs") == "1"


def test_who_is_idle_asks_nothing(pair, server):
    """Breaks when: a host without work polls the server."""
    def asked():
        return server.run("SELECT max(query_start) FROM pg_stat_activity "
                          "WHERE application_name = 'fcgi-host jobs'")

    def silent():
        before = asked()
        time.sleep(1)
        return asked() == before

    accept(pair[0], "/job").wait()
    # the counts for `status` follow a change
    assert any(silent() for _ in range(4))


def test_a_password_is_no_part_of_the_configuration(tmp_path):
    """Breaks when: a secret in a file that all may read goes unnoticed."""
    for words in ("host=db password=s3cret", "postgresql://me:s3cret@db/x"):
        with Host(jobs_database=words, start=False) as host:
            done = host.command("check")
            assert done.returncode == 100
            assert "password" in done.stderr and "s3cret" not in done.stderr
