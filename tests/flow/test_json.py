"""JSON written straight into the reply (json.h), sync and async."""

import pytest

from lib.fcgi import Closed
from lib.host import Host


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["hello", "live_json"],
              sync_reply_limit="1 MiB") as one:
        yield one


def test_the_numbers_are_those_of_json_c(host):
    """Breaks when: a number does not come through a large reply whole."""
    with host.connect(60) as conn:
        written = conn.get("/json/numbers?count=120000")
        tree = conn.get("/json/numbers-tree?count=120000")
    assert written.status == tree.status == 200
    assert len(written.body) > 2 << 20
    assert written.header("content-type") == "application/json"
    assert written.json == tree.json


def test_sync_within_its_limit(host):
    """Breaks when: a sync reply differs from an async one, or its limit is
    passed over."""
    small = host.get("/json/numbers-sync?count=300")
    assert small.json == host.get("/json/numbers?count=300").json
    assert int(small.header("content-length")) == len(small.body)
    problem = host.get("/json/numbers-sync?count=120000").problem(500)
    assert "sync_reply_limit" in problem["detail"]


def test_a_broken_rule_is_a_500(host):
    """Breaks when: half a document goes out as a reply."""
    for target in ("/json/wrong?count=10", "/json/wrong-sync?count=10"):
        problem = host.get(target).problem(500)
        assert problem["detail"] == "fh_json_number(): JSON has no NaN"
    assert host.get("/hello").status == 200


def test_a_broken_rule_after_the_header_closes(host):
    """Breaks when: a document that broke off late looks whole."""
    with host.connect(60) as conn:
        with pytest.raises(Closed):
            conn.get("/json/wrong?count=120000")
    assert host.get("/hello").status == 200
