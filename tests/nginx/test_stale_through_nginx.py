"""A real nginx says when it passed a request on, and who has left."""

import os
import signal
import threading
import time

from lib.fcgi import wait_until
from lib.host import Host
from lib.nginx import Nginx


def counting(host):
    path = host.write("counted", b"")
    os.chmod(path, 0o666)
    return path


def tags(path):
    with open(path) as file:
        return file.read().split()


def target(path, tag, milliseconds=0):
    return "/count?to=%s&tag=%s&ms=%d" % (path, tag, milliseconds)


def test_what_waited_in_the_backlog_is_stale():
    """Breaks when: nginx-conf does not say when a request was passed on, or
    the host does not believe it."""
    with Host(handlers=["live_count"], pools={"default": {
            "workers": 1, "queue_timeout": "400ms"}}) as host, \
            Nginx(host) as nginx:
        path, front = counting(host), host.pid_of("front")
        answers = []
        os.kill(front, signal.SIGSTOP)
        threads = [threading.Thread(target=lambda: answers.append(
            nginx.get(target(path, "stale")).status)) for _ in range(10)]
        for thread in threads:
            thread.start()
        time.sleep(0.8)
        os.kill(front, signal.SIGCONT)
        for thread in threads:
            thread.join(15)
        assert answers == [503] * 10
        assert nginx.get(target(path, "live")).status == 200
        assert tags(path) == ["live"]


def test_who_left_nginx_while_waiting_is_dropped():
    """Breaks when: a request is run though its client has closed its
    connection to nginx while it waited."""
    with Host(handlers=["live_count"], pools={"default": {
            "workers": 1}}) as host, Nginx(host) as nginx:
        path, worker = counting(host), host.pid_of("worker")
        os.kill(worker, signal.SIGSTOP)
        gone = [nginx.connection() for _ in range(10)]
        for conn in gone:
            conn.request("GET", target(path, "gone"))
        wait_until(lambda: host.status()["pools"][0]["queued"] == 10)
        for conn in gone:
            conn.close()
        wait_until(lambda: host.status()["pools"][0]["queued"] == 0)
        os.kill(worker, signal.SIGCONT)
        assert nginx.get(target(path, "live")).status == 200
        assert tags(path) == ["live"]
