"""Jobs through nginx: accepted, refused, waited for, followed."""

import json
import urllib.parse

import pytest

from lib.host import Host
from lib.jobs import Database, events_of
from lib.nginx import Nginx

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["kit_show"]) as one:
        yield one


@pytest.fixture(scope="module")
def nginx(host):
    with Nginx(host) as one:
        yield one


def post(nginx, body):
    return nginx.post("/work", json.dumps(body).encode(), headers=JSON)


def test_what_is_refused_is_no_job(host, nginx):
    """Breaks when: a request that its inputs forbid is kept, and fails only
    when it is run."""
    assert post(nginx, {"steps": 1}).status == 202
    with Database(host) as database:
        before = database.rows("SELECT count(*) FROM fh_jobs")
        for body in ({}, {"steps": 0}, {"steps": "x"}, {"steps": 101}):
            reply = post(nginx, body)
            assert reply.status == 422
            assert json.loads(reply.body)["errors"][0]["loc"] == [
                "body", "steps"]
        assert nginx.post("/work", b"{", headers=JSON).status == 400
        assert nginx.post("/work", b"1").status == 415
        assert database.rows("SELECT count(*) FROM fh_jobs") == before


def test_waited_for_and_followed(nginx):
    """Breaks when: a 202 loses its Location, nginx keeps back what a job
    says, or a wait ends before the job."""
    reply = post(nginx, {"steps": 3})
    path = urllib.parse.urlsplit(reply.header("Location")).path
    job = json.loads(nginx.get(path + "?wait=10s").body)
    assert job["state"] == "succeeded"
    assert job["progress"]["done"] == job["progress"]["total"] == 3
    assert nginx.get(path + "/result").body == b"worked\n"
    followed = nginx.get(path + "/events")
    assert followed.header("Content-Type") == "text/event-stream"
    assert events_of(followed.text)[-1][2]["state"] == "succeeded"
    assert nginx.get("/jobs/" + "0" * 32).status == 404
