"""What a pool does for its workers and its clients: memory, fair shares."""

import re

import pytest

from lib.host import Host, read_proc, sanitized


def data_limit(pid):
    """RLIMIT_DATA in bytes; None: unlimited."""
    found = re.search(r"^Max data size +(\S+)", read_proc(pid, "limits"),
                      re.M).group(1)
    return None if found == "unlimited" else int(found)


# -------------------------------------------------------------- max_memory

@pytest.mark.skipif(sanitized(), reason="the sanitizer's allocator ends the "
                    "process instead of returning NULL")
def test_memory_ends_in_one_worker_alone():
    """Breaks when: max_memory is not set in the workers, ends them, or holds
    for a pool that has none."""
    pools = {"default": {"workers": 1, "max_memory": "64 MiB"},
             "side": {"workers": 1}}
    with Host(handlers=["live_memory"], pools=pools) as host:
        first = host.get("/take?mib=32")
        assert first.status == 200
        assert host.get("/take?mib=128").status == 507
        assert host.get("/take-side?mib=128").status == 200
        again = host.get("/take?mib=32")
        assert (again.status, again.body) == (200, first.body)


def test_only_workers_of_the_pool_are_limited():
    """Breaks when: the limit is the bare option, so that what a worker has
    inherited counts; or it is put on the front or another pool."""
    pools = {"default": {"workers": 1, "max_memory": "64 MiB",
                         "threads": 5, "stack": "1 MiB"},
             "side": {"workers": 1}}
    with Host(handlers=["live_memory"], pools=pools) as host:
        limits = sorted((data_limit(pid) for pid in host.pids("worker")),
                        key=lambda limit: limit is None)
        assert limits[0] > (64 + 4) << 20
        assert limits[1] is None
        assert data_limit(host.pids("front")[0]) is None
