"""Load on a web server: wrk, a burst of requests at once, a steady asker."""

import json
import multiprocessing
import os
import re
import select
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time

from lib import fcgi

# What wrk measured, as one line of JSON.
DONE = """
done = function(summary, latency, requests)
	local e = summary.errors
	io.write(string.format('\\nJSON {"requests": %d, "seconds": %f, ' ..
	    '"bad": %d, "p50_ms": %f, "p99_ms": %f, "max_ms": %f}\\n',
	    summary.requests, summary.duration / 1e6,
	    e.connect + e.read + e.write + e.status + e.timeout,
	    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
	    latency.max / 1e3))
end
"""


def median(values):
    return statistics.median(values)


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def wrk(port, path, seconds, connections=32):
    """One run of wrk with one thread; every reply must have been a 200."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(DONE)
        script.flush()
        done = subprocess.run(
            ["wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds, "-s",
             script.name, "http://127.0.0.1:%d%s" % (port, path)],
            capture_output=True, text=True, timeout=seconds + 60)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.rpartition("\nJSON ")[2])
    assert result["requests"] > 0, "no reply from %s" % path
    assert result["bad"] == 0, "%d of %d replies from %s were not 200" % (
        result["bad"], result["requests"], path)
    result["rate"] = result["requests"] / result["seconds"]
    return result


def processor_ns(pids):
    """Processor time used so far, by all threads that live."""
    total = 0
    for pid in pids:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/schedstat" % (pid, task)) as file:
                total += int(file.read().split()[0])
    return total


# ------------------------------------------------------------- a burst

class Asker:
    """One HTTP request on one connection."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 30)
        self.sock.setblocking(False)
        self.data, self.whole = b"", None

    def send(self, request):
        assert self.sock.send(request) == len(request)

    def read(self):
        """Reads what is there; True once the reply is whole."""
        chunk = self.sock.recv(65536)
        if not chunk:
            raise fcgi.Closed(self.data)
        self.data += chunk
        if self.whole is None:
            head, gap, _ = self.data.partition(b"\r\n\r\n")
            if not gap:
                return False
            length = re.search(rb"\r\nContent-Length: (\d+)", head, re.I)
            assert length, "a reply without a length: %r" % head
            self.whole = len(head) + 4 + int(length.group(1))
        return len(self.data) >= self.whole

    @property
    def status(self):
        return int(self.data.split(b" ", 2)[1])


def burst(port, path, count, timeout=60.0):
    """Sends `count` requests at once, each on a connection of its own that is
    open already; (status, seconds from the first byte sent) of each."""
    request = ("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path).encode()
    askers = [Asker(port) for _ in range(count)]
    waiting = {asker.sock.fileno(): asker for asker in askers}
    out = []
    with select.epoll() as poll:
        for number in waiting:
            poll.register(number, select.EPOLLIN)
        begin = time.monotonic()
        for asker in askers:
            asker.send(request)
        while waiting:
            left = begin + timeout - time.monotonic()
            assert left > 0, "%d of %d unanswered" % (len(waiting), count)
            for number, _ in poll.poll(left):
                asker = waiting[number]
                if asker.read():
                    out.append((asker.status, time.monotonic() - begin))
                    poll.unregister(number)
                    del waiting[number]
    for asker in askers:
        asker.sock.close()
    return out


# -------------------------------------------------------- a steady asker

def ask_until(nginx, path, every, end, out):
    """Runs in a process of its own, so that the burst does not delay it."""
    conn, found = nginx.connection(), []
    while not end.is_set():
        begin = time.monotonic()
        conn.request("GET", path)
        response = conn.getresponse()
        response.read()
        found.append((response.status, time.monotonic() - begin))
        end.wait(every)
    conn.close()
    out.send(found)


class Steady:
    """Asks for `path` every `every` seconds inside a `with`; `replies` is then
    a list of (status, seconds)."""

    def __init__(self, nginx, path, every=0.02):
        context = multiprocessing.get_context("fork")
        self.end = context.Event()
        self.here, there = context.Pipe(False)
        self.process = context.Process(
            target=ask_until, args=(nginx, path, every, self.end, there))
        self.replies = []

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, kind, *_):
        self.end.set()
        if kind is None and self.here.poll(30):
            self.replies = self.here.recv()
        elif kind is None:
            raise AssertionError("no answer beside the burst within 30 s")
        else:
            self.process.kill()
        self.process.join()


# --------------------------------------------------------- system calls

class Scraper:
    """Reads a path every so many seconds, from a thread of its own."""

    def __init__(self, web, path, every):
        self.web, self.path, self.every = web, path, every
        self.took = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            begun = time.monotonic()
            reply = self.web.get(self.path)
            assert reply.status == 200 and reply.body, reply
            self.took.append(time.monotonic() - begun)
            self.over.wait(max(0, self.every - self.took[-1]))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


class NotHere(Exception):
    """This machine cannot measure that, and why."""


def tasks(pids):
    return ["/proc/%d/task/%s/status" % (pid, task) for pid in pids
            for task in os.listdir("/proc/%d/task" % pid)]


def traced(pids):
    for path in tasks(pids):
        with open(path) as file:
            if "\nTracerPid:\t0\n" in file.read():
                return False
    return True


def strace(pids, load):
    """System calls by name that the processes make while load() runs, and
    what load() returned."""
    if not shutil.which("strace"):
        raise NotHere("strace is missing")
    with tempfile.NamedTemporaryFile() as summary:
        command = ["strace", "-c", "-f", "-U", "calls,name", "-o",
                   summary.name]
        for pid in pids:
            command += ["-p", str(pid)]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + 10
            while not traced(pids):
                if tracer.poll() is not None:
                    raise NotHere(tracer.stderr.read().strip())
                assert time.monotonic() < deadline, "strace does not attach"
                time.sleep(0.01)
            result = load()
        finally:
            if tracer.poll() is None:
                tracer.send_signal(2)
            tracer.wait(20)
            tracer.stderr.close()
        return read_calls(summary.name), result


def read_calls(path):
    with open(path) as file:
        found = re.findall(r"^\s*(\d+)\s+(\w+)\s*$", file.read(), re.M)
    return {name: int(count) for count, name in found if name != "total"}


def perf(pids, load):
    """The number of system calls while load() runs, at nearly full speed."""
    if not shutil.which("perf"):
        raise NotHere("perf is missing")
    with tempfile.NamedTemporaryFile() as summary:
        counter = subprocess.Popen(
            ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o",
             summary.name, "-p", ",".join(map(str, pids))],
            stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)		# perf does not say when it is attached
        try:
            if counter.poll() is not None:
                raise NotHere(counter.stderr.read().strip())
            result = load()
        finally:
            if counter.poll() is None:
                counter.send_signal(2)
            counter.wait(20)
            counter.stderr.close()
        with open(summary.name) as file:
            found = re.search(r"^(\d+),", file.read(), re.M)
    if not found:
        raise NotHere("perf does not count system calls here")
    return int(found.group(1)), result
