"""What a crash of the front costs behind nginx with the shipped configuration:
idempotent requests are sent again, and no other request is run twice."""

import collections
import http.client
import json
import os
import re
import signal
import subprocess
import threading

from lib.fcgi import wait_until
from lib.host import Host
from lib.nginx import Nginx

TWICE = ("GET", "HEAD", "PUT", "DELETE")	# may run twice
CLIENTS = 16


class Setting:
    """A host that demotes, nginx before it, and who ran how often.  Workers
    have one thread: who runs beside one that crashes there gets a 503."""

    def __init__(self, nginx_workers="auto", threads=1, **options):
        options.setdefault("on_sync_fault", "demote")
        self.host = Host(handlers=["live_crash", "live_count", "live_gate"],
                         crashes=True, sync_max="500ms",
                         pools={"default": {"workers": 4, "threads": threads}},
                         **options)
        self.counted = self.host.write("counted", b"")
        os.chmod(self.counted, 0o666)
        self.nginx = Nginx(self.host, start=False)
        self.change("nginx.conf", "worker_processes auto",
                    "worker_processes %s" % nginx_workers)
        self.nginx.start()

    def change(self, name, old, new):
        path = os.path.join(self.nginx.conf, name)
        with open(path) as file:
            text = file.read()
        assert old in text
        with open(path, "w") as file:
            file.write(text.replace(old, new))

    def __enter__(self):
        self.host.__enter__()
        self.nginx.__enter__()
        return self.host, self.nginx, self

    def __exit__(self, *why):
        self.nginx.__exit__(*why)
        self.host.__exit__(*why)

    def runs(self):
        with open(self.counted) as file:
            return collections.Counter(file.read().split())

    def target(self, tag, milliseconds=1, path="/count-sync"):
        return "%s?to=%s&tag=%s&ms=%d" % (path, self.counted, tag,
                                          milliseconds)

    def sent_again(self):
        """What nginx noted two times of the host for, or more."""
        with open(os.path.join(self.nginx.scratch, "access.log")) as file:
            return len(re.findall(r'" \d+ \d+ [\d.]+ [\d.]+, ', file.read()))

    def crashes(self):
        return json.loads(self.host.command("crashes", "--json").stdout)[
            "crashes"]


class Traffic(threading.Thread):
    """One client that asks on, a fresh tag each time, in turn by all methods
    and of both kinds of handlers; each client is at another of them."""

    def __init__(self, setting, number, stop):
        super().__init__(daemon=True)
        self.setting, self.number, self.stop = setting, number, stop
        self.answers = {}			# tag: (method, status)

    def ask(self, conn, method, tag):
        path = "/count" if len(self.answers) % 3 else "/count-sync"
        body = b"x" * 100 if method in ("PUT", "POST") else None
        # So long that some POSTs are always in the middle of their run.
        busy_ms = 20 if method == "POST" and path == "/count" else 1
        conn.request(method, self.setting.target(tag, busy_ms, path), body)
        response = conn.getresponse()
        response.read()
        return response.status

    def run(self):
        methods = ("POST", "GET", "POST", "PUT", "HEAD", "POST", "DELETE")
        conn = self.setting.nginx.connection()
        while not self.stop.is_set():
            method = methods[(self.number + len(self.answers)) %
                             len(methods)]
            tag = "%d-%d" % (self.number, len(self.answers))
            try:
                status = self.ask(conn, method, tag)
            except (OSError, http.client.HTTPException) as error:
                status = repr(error)
                conn.close()
            self.answers[tag] = method, status
        conn.close()


def under_load(setting, action):
    """(what `action` returned, every answer, in how many runs each)."""
    stop = threading.Event()
    clients = [Traffic(setting, i, stop) for i in range(CLIENTS)]
    for client in clients:
        client.start()

    def busy():
        return all(len(client.answers) > 5 for client in clients)
    wait_until(busy, what="traffic")
    try:
        result = action()
        before = [len(client.answers) for client in clients]
        wait_until(lambda: all(
            len(client.answers) > then + 3 for client, then in
            zip(clients, before)), what="traffic afterwards")
    finally:
        stop.set()
        for client in clients:
            client.join(15)
    answers = {}
    for client in clients:
        answers.update(client.answers)
    return result, answers, setting.runs()


def account(setting, figure, what, answers, runs):
    """Says what the one fault cost, and asserts what must hold of that."""
    lost = {tag: answer for tag, answer in answers.items()
            if answer[1] != 200}
    posts = [tag for tag, answer in answers.items() if answer[0] == "POST"]
    lost_posts = [tag for tag in lost if tag in posts]
    others = [tag for tag in lost if tag not in posts]
    twice = [tag for tag, count in runs.items() if count > 1]
    figure("%s of a sync handler under load: %d requests, %d sent again, %d "
           "run twice; lost: %d of %d idempotent ones, %d of %d POSTs (%d of "
           "these had run)" % (
               what, len(answers), setting.sent_again(), len(twice),
               len(others), len(answers) - len(posts), len(lost_posts),
               len(posts), sum(runs[tag] for tag in lost_posts)))
    assert others == [], [lost[tag] for tag in others]
    assert [lost[tag] for tag in lost_posts
            if lost[tag] != ("POST", 503)] == []
    assert len(lost_posts) <= CLIENTS
    assert [tag for tag in twice if answers[tag][0] not in TWICE] == []
    assert all(runs[tag] for tag, answer in answers.items()
               if answer[1] == 200)


def test_a_crash_of_the_front_under_load(figure):
    """Breaks when: a crash in a sync handler costs a client of nginx a request
    that may be sent again, a POST is run twice, or the one that crashed does
    not get its 500 from the pool."""
    with Setting() as (host, nginx, setting):
        answer, answers, runs = under_load(
            setting, lambda: nginx.get("/crash-sync?how=null"))
        account(setting, figure, "a crash", answers, runs)
        assert setting.sent_again() > 0
        assert answer.status == 500
        assert answer.header("X-Request-ID") in answer.text
        crashed = wait_until(lambda: len(setting.crashes()) == 2 and
                             setting.crashes(), what="two reports")
        assert {one["process"].split()[0] for one in crashed} == {
            "front", "worker"}
        assert {one["request_id"] for one in crashed} == {
            answer.header("X-Request-ID")}


def test_a_sync_handler_that_hangs_under_load(gate, figure):
    """Breaks when: the requests behind a sync handler that does not return are
    lost with the front that sync_max ends, or its own is."""
    with Setting() as (host, nginx, setting):
        def hang():
            answer = []
            client = threading.Thread(target=lambda: answer.append(
                nginx.get(gate.path("/gate-sync"))))
            client.start()
            first = gate.accept()
            second = gate.accept()		# after sync_max
            assert second.pid in host.pids("worker")
            assert second.id == first.id
            second.tell("go")
            client.join(15)
            return answer[0]
        answer, answers, runs = under_load(setting, hang)
        account(setting, figure, "a hang", answers, runs)
        assert setting.sent_again() > 0
        assert answer.status == 200


def test_a_post_that_crashes_the_front():
    """Breaks when: what crashed the front is sent again though it is a POST."""
    with Setting() as (host, nginx, setting):
        answer = nginx.post("/crash-sync?how=null", b"x")
        assert answer.status == 503
        assert answer.header("X-Request-ID") in answer.text
        assert nginx.get("/crash-sync?how=none").status == 200
        wait_until(lambda: len(setting.crashes()) == 1, what="its report")


def test_a_request_that_crashes_every_front_is_given_up():
    """Breaks when: with on_sync_fault = keep, one GET takes front after
    front."""
    with Setting(on_sync_fault="keep") as (host, nginx, setting):
        assert nginx.get(setting.target("kept")).status == 200
        assert nginx.get("/crash-sync?how=null").status == 503
        wait_until(lambda: nginx.get(setting.target("after")).status == 200,
                   what="a front")
        front = host.pid_of("front")
        wait_until(lambda: len(setting.crashes()) >= 2, what="the reports")
        assert nginx.get(setting.target("then")).status == 200
        assert host.pid_of("front") == front
        assert len(setting.crashes()) <= 3


def test_what_the_host_answers_is_not_sent_again():
    """Breaks when: nginx sends a request again that the host has answered: a
    worker that crashed, or a handler over its time."""
    with Setting(routes={"GET /crash": {"timeout": "200ms"}}) as (
            host, nginx, setting):
        assert nginx.get("/crash?how=null").status == 500
        assert nginx.get("/crash?how=sleep").status == 504
        assert setting.sent_again() == 0
        wait_until(lambda: len(setting.crashes()) == 1, what="its report")


def test_a_retry_gets_past_kept_connections_that_are_dead(gate):
    """Breaks when: nginx has fewer servers to go through than it has idle
    connections, which all broke in the same moment: each is tried, fails, and
    the request is lost."""
    with Setting(nginx_workers=1, threads=8) as (host, nginx, setting):
        def ask(answers):
            answers.append(nginx.get(gate.path()).status)

        def asked(number, answers):
            clients = [threading.Thread(target=ask, args=[answers])
                       for _ in range(number)]
            for client in clients:
                client.start()
            return clients, [gate.accept() for _ in clients]

        # The kernel closes the newest first: those that are to be seen
        # last have to be the oldest, and idle by then.
        idle, idle_gates = asked(12, [])
        answers = []
        busy, busy_gates = asked(3, answers)
        for held in idle_gates:
            held.tell("go")
        for client in idle:
            client.join(15)
        worker = int(subprocess.check_output(
            ["pgrep", "-P", str(nginx.process.pid)]))
        front = host.pid_of("front")
        os.kill(worker, signal.SIGSTOP)
        try:
            host.kill_process(front)
            wait_until(lambda: host.pids("front") not in ([], [front]),
                       what="another front")
        finally:
            os.kill(worker, signal.SIGCONT)
        for _ in busy:
            gate.accept().tell("go")
        for client in busy:
            client.join(15)
        assert answers == [200] * 3
        for held in busy_gates:
            held.tell("go")
