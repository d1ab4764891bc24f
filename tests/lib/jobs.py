"""Jobs of a host: accepted, looked at, waited for.

	job = accept(host, "/job?to=...", b"...")
	assert job.wait()["state"] == "succeeded"
"""

import json
import re
import sqlite3
import os
import time

from . import build, fcgi
from .fcgi import wait_until


def events_of(text):
    """(id, event, document) of each whole server-sent event."""
    out = []
    for block in text.split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n")
                      if line and not line.startswith((":", "retry")))
        if "data" in fields:
            out.append((fields["id"], fields["event"],
                        json.loads(fields["data"])))
    return out


class Job:
    def __init__(self, host, reply):
        self.host, self.reply = host, reply
        assert reply.status in (200, 202), reply
        self.path = reply.header("location")
        self.id = reply.json["id"]
        assert re.fullmatch(r"[0-9a-f]{32}", self.id)
        assert self.path.endswith("/jobs/" + self.id)

    def look(self, host=None, query=""):
        reply = (host or self.host).get("/jobs/" + self.id + query,
                                        timeout=40)
        assert reply.status == 200, reply
        assert reply.header("cache-control") == "no-store"
        assert reply.json["id"] == self.id
        return reply.json

    def state(self, host=None):
        return self.look(host)["state"]

    def wait(self, state="succeeded", host=None, seconds=30):
        """Until it has ended, as a client waits."""
        deadline = time.monotonic() + seconds
        while True:
            job = self.look(host, "?wait=10s")
            if job["state"] in ("succeeded", "failed", "cancelled"):
                assert job["state"] == state, job
                return job
            assert time.monotonic() < deadline, job

    def wait_state(self, state, host=None, seconds=fcgi.TIMEOUT):
        wait_until(lambda: self.state(host) == state, seconds,
                   "the state " + state)

    def delete(self, host=None):
        return (host or self.host).ask("DELETE", "/jobs/" + self.id)


def accept(host, target, body=b"", **keywords):
    return Job(host, host.post(target, body, **keywords))


def later(route):
    """A handler with, or still without, the job POST /later."""
    return build.handler("later", routes=', { "POST", "/later", .serve = '
                         "serve, .job = true }" if route else "",
                         version="2" if route else "1")


class Database:
    """The SQLite file of a host, looked at from outside."""

    def __init__(self, host):
        self.path = os.path.join(host.state, "jobs", "jobs.sqlite")
        self.connection = sqlite3.connect(self.path, isolation_level=None,
                                          timeout=10)

    def lock(self):
        """Nobody else can commit until unlock()."""
        self.connection.execute("BEGIN IMMEDIATE")

    def unlock(self):
        self.connection.execute("ROLLBACK")

    def rows(self, sql, *values):
        return self.connection.execute(sql, values).fetchall()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
