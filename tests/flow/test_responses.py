"""What a handler replies is what its route declares (check_responses)."""

import json

import pytest

from lib.host import Host

GOOD = "/declared?body=%7B%22name%22:%22x%22%7D"
BAD = "/declared?body=%7B%22name%22:7%7D"


@pytest.fixture(scope="module")
def strict():
    with Host(handlers=["kit_show"], check_responses=True) as one:
        yield one


def test_it_is_left_alone_unless_asked(strict):
    """Breaks when: replies are checked where nobody wants that."""
    with Host(handlers=["kit_show"]) as host:
        reply = host.get(BAD)
        assert (reply.status, reply.body) == (200, b'{"name":7}')
    assert strict.get(BAD).status == 500


@pytest.mark.parametrize("route", ["sync", "async"])
def test_a_reply_that_is_not_declared(route):
    """Breaks when: it leaves all the same, or nobody is told where it is
    wrong; or one that is as declared does not leave."""
    with Host(handlers=["kit_show"], check_responses=True, routes={
            "GET /declared": {"async": route == "async"}}) as host:
        assert host.get(GOOD).status == 200
        detail = host.get(BAD).problem(500)["detail"]
        assert "body.name: Input should be a valid string" in detail
        host.wait_log("GET /declared.*body.name: Input should be a valid")
        detail = host.get("/declared?status=202").problem(500)["detail"]
        assert "the status 202 is none that the route declares" in detail
        assert host.get("/declared?status=404").status == 404


def test_what_the_host_itself_answers(strict):
    """Breaks when: a 202 of a job, a 422 or a 304 has to be declared."""
    assert strict.get("/declared?status=422").status == 422
    reply = strict.post("/job", b"{}")
    assert reply.status == 202
    job = strict.get(reply.header("Location") + "?wait=10s")
    assert json.loads(job.body)["state"] == "succeeded"
