"""Reloads under load, seen through nginx with the shipped configuration.

FH_RELOADS as in tests/flow/test_nothing_lost.py.
"""

import os

from lib.load import Load
from lib.nginx import Nginx
from lib.versions import VersionHost, check, rounds, versions_of

RELOADS = int(os.environ.get("FH_RELOADS", "40"))


def test_reloads_under_load():
    """Breaks when: a client of nginx sees a reload: a 502, a cut reply, one
    made from parts of several versions, a request that ran twice."""
    with VersionHost(pools={"default": {"workers": 2, "threads": 8}},
                     watch=True, log_level="info") as host, \
            Nginx(host) as nginx:
        with Load(nginx.port, "http", fresh=8) as load:
            for number, way, told in rounds(RELOADS):
                host.advance(way, told)
                assert not load.faults, "in reload %d" % number
        check(host, load.result, 10 * RELOADS)
        assert nginx.errors() == []
        host.wait_alone()
        print(load.result.counts)


def test_the_connections_nginx_keeps_are_passed_on():
    """Breaks when: nginx has to connect anew after a reload, and so could have
    met a connection that was just closed."""
    with VersionHost(watch=True) as host, Nginx(host) as nginx:
        def ask():
            return versions_of(nginx.get("/version-sync?id=look"))
        assert ask() == (1, 1, 1)
        kept = host.status()["front"]["connections"]
        assert kept >= 1
        for _, way, told in rounds(8):
            host.advance(way, told)
            assert ask() == host.version
        assert host.status()["front"]["connections"] >= kept
        assert nginx.errors() == []
