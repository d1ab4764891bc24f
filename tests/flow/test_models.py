"""Models: loaded once, sealed, shared by all, and what status says."""

import fcntl
import hashlib
import os
import re
import signal

import pytest

from lib import fcgi
from lib.facts import lines
from lib.host import Host, descriptors, memory, read_proc, slack

ROOT = os.geteuid() == 0
MEGABYTE = 1 << 20


def data(size, seed=7):
    block = bytes((i * seed) % 251 for i in range(65536))
    return (block * (size // 65536 + 1))[:size]


def checksum(content):
    value = 0
    for byte in content:
        value = (value * 31 + byte) & 0xffffffffffffffff
    return "%016x" % value


class ModelHost(Host):
    """A host with one model; its file is `source`."""

    def __init__(self, content, kind="file", name="live-file", model=None,
                 **options):
        start = options.pop("start", True)
        super().__init__(handlers=["live_model", "hello"], start=False,
                         **options)
        self.content, self.name = content, name
        self.source = os.path.join(self.folder, "model.bin")
        if content is not None:
            self.write("model.bin", content)
        section = {"path": self.source, "kind": kind}
        section.update(model or {})
        options = dict(options)
        pools = options.pop("pools", {})
        for key in ("crashes", "expect_ready", "exit_code"):
            options.pop(key, None)
        self.write_config(options, pools, {}, {name: section}, {}, "")
        if start:
            self.start()

    def look(self, target="/model"):
        return lines(self.get("%s?name=%s" % (target, self.name)))


@pytest.mark.parametrize("kind,name", [
    ("file", "live-file"), ("build", "live-build"),
    ("preload", "live-preload")])
def test_each_kind_reaches_sync_and_async(kind, name):
    """Breaks when: a model differs between front and workers, or its bytes."""
    content = data(100001)
    with ModelHost(content, kind, name) as host:
        for target in ("/model", "/model-sync"):
            facts = host.look(target)
            assert facts["sum"] == checksum(content)
            assert facts["sha256"] == hashlib.sha256(content).hexdigest()
            assert facts["version"] == "1"
        if kind == "file":
            assert facts["length"] == str(len(content))


def test_the_same_address_everywhere():
    """Breaks when: pointers in a built model cannot hold in every process."""
    with ModelHost(data(5000), "build", "live-build",
                   pools={"default": {"workers": 4}}) as host:
        found = {host.look("/model-sync")["root"]}
        found |= {host.look()["root"] for _ in range(20)}
        assert len(found) == 1


def model_bytes_in_fds(host, size):
    """Descriptors of other processes than the supervisor on something of
    the model's size."""
    out = []
    for pid, role in host.processes().items():
        if role == "supervisor":
            continue
        for number in os.listdir("/proc/%d/fd" % pid):
            path = "/proc/%d/fd/%s" % (pid, number)
            try:
                if os.stat(path).st_size >= size:
                    out.append((role, os.readlink(path)))
            except FileNotFoundError:
                pass
    return out


def test_eight_workers_share_one_model():
    """Breaks when: a worker has a copy, or a descriptor, of its own."""
    size = 64 * MEGABYTE
    with ModelHost(data(size), pools={"default": {"workers": 8}}) as host:
        conns = [host.connect() for _ in range(16)]
        for conn in conns:	# together, so that all of them get some
            conn.send(fcgi.request("GET", "/model?name=live-file"))
        asked = {lines(conn.read_reply())["pid"] for conn in conns}
        for conn in conns:
            conn.close()
        assert len(asked) > 4
        host.look("/model-sync")
        pss = host.pss()
        assert pss > size
        assert pss < size + slack(40 * MEGABYTE), pss
        for pid in host.pids("worker"):
            assert memory(pid, "Private_Dirty") < slack(10 * MEGABYTE)
        assert model_bytes_in_fds(host, size) == []


def test_the_model_is_mapped_read_only_and_shared():
    """Breaks when: a model can be written by anyone."""
    with ModelHost(data(MEGABYTE)) as host:
        facts = host.look()
        address = int(facts["address"], 16)
        for pid in host.pids("worker") + host.pids("front"):
            entry = [line for line in read_proc(pid, "maps").splitlines()
                     if int(line.split("-")[0], 16) == address]
            assert len(entry) == 1
            assert entry[0].split()[1] in ("r--s", "r--p"), entry


@pytest.mark.skipif(not ROOT, reason="needs root")
def test_the_memfd_is_sealed():
    """Breaks when: a seal is missing: someone could write, grow or shrink."""
    with ModelHost(data(MEGABYTE)) as host:
        facts = host.look()
        pid, address = int(facts["pid"]), int(facts["address"], 16)
        maps = [line.split()[0] for line in read_proc(pid, "maps").splitlines()
                if int(line.split("-")[0], 16) == address]
        path = "/proc/%d/map_files/%s" % (pid, maps[0])
        fd = os.open(path, os.O_RDWR)
        try:
            seals = fcntl.fcntl(fd, 1034)	# F_GET_SEALS
            assert seals & 0xf == 0xf, "SEAL, SHRINK, GROW, WRITE: %x" % seals
            with pytest.raises(PermissionError):
                os.pwrite(fd, b"x", 0)
            with pytest.raises(PermissionError):
                os.ftruncate(fd, 10)
        finally:
            os.close(fd)
        with open("/proc/%d/mem" % pid, "r+b", buffering=0) as file:
            file.seek(address)
            with pytest.raises(OSError):
                file.write(b"x")


@pytest.mark.parametrize("kind,name", [("file", "live-file"),
                                       ("build", "live-build")])
def test_a_stray_write_hits_one_worker(kind, name):
    """Breaks when: a wild pointer into a model spoils it for all."""
    content = data(50000)
    with ModelHost(content, kind, name, crashes=True) as host:
        host.get("/spoil?name=" + name, extra={
            "REQUEST_ID": "stray-1"}).problem(500, "stray-1")
        host.wait_log("stray-1")
        assert host.get("/spoil?how=mprotect&name=" + name
                        ).body == b"refused\n"
        for _ in range(4):
            assert host.look()["sum"] == checksum(content)
        assert host.look("/model-sync")["sum"] == checksum(content)


def test_a_replacement_has_the_model_at_once():
    """Breaks when: a worker, front or zygote that is replaced loads again."""
    with ModelHost(data(MEGABYTE)) as host:
        first = host.look()
        for role in ("worker", "front", "zygote"):
            count = len(host.pids(role))
            old = host.pids(role)[0]
            os.kill(old, signal.SIGKILL)
            host.wait_replaced(role, old, count)
            facts = host.look()
            for name in ("sum", "address", "version", "sha256"):
                assert facts[name] == first[name]
        assert host.pids("loader") == []


def test_overwriting_the_source_changes_nothing():
    """Breaks when: the file itself is mapped instead of a copy."""
    content = data(MEGABYTE)
    with ModelHost(content) as host:
        with open(host.source, "r+b") as file:
            file.write(bytes(1000))
            file.truncate(1000)
        assert host.look()["sum"] == checksum(content)


# ------------------------------------------------------------- refusals

def refused(host):
    host.expect_ready = False
    host.start(wait=False)
    host.exit_code = host.wait_exit()
    assert host.exit_code in (100, 111)
    host.check_clean()
    return host.log()


@pytest.mark.parametrize("content,model,says", [
    (None, {}, "model.bin"),
    (b"bytes", {"sha256": "0" * 64}, "sha256|SHA-256"),
    (b"", {}, "empty"),
])
def test_a_required_model_that_cannot_be_had(content, model, says):
    """Breaks when: the host starts without what it needs, or is silent."""
    with ModelHost(content, start=False, model=model) as host:
        log = refused(host)
        assert re.search(says, log) and "live-file" in log


def test_a_model_that_is_not_required():
    """Breaks when: an optional model stops the host or crashes a handler."""
    with ModelHost(None, model={"required": False}) as host:
        assert host.get("/hello").status == 200
        for target in ("/model", "/model-sync"):
            host.get(target + "?name=live-file").problem(503, retry=False)
        host.wait_log("live-file")


def test_the_right_sha256_is_accepted():
    """Breaks when: a correct sum is refused."""
    content = data(1000)
    with ModelHost(content, model={
            "sha256": hashlib.sha256(content).hexdigest()}) as host:
        assert host.look()["sum"] == checksum(content)


@pytest.mark.parametrize("first,says,model", [
    (b"X", "signal", {}), (b"H", "load_timeout|took longer",
                           {"load_timeout": "500ms"})])
def test_a_build_that_crashes_or_hangs(first, says, model):
    """Breaks when: a loader's fault is more than "load failed: reason"."""
    with ModelHost(first + b"est", "build", "live-build", start=False,
                   crashes=True, model=model) as host:
        assert re.search(says, refused(host))


def test_a_build_that_is_optional_and_crashes():
    """Breaks when: an optional model's crash takes the host with it."""
    with ModelHost(b"Xest", "build", "live-build", crashes=True,
                   model={"required": False}) as host:
        assert host.get("/hello").status == 200
        host.get("/model?name=live-build").problem(503, retry=False)


def test_a_build_over_its_max_bytes():
    """Breaks when: max_bytes does not bound the arena."""
    with ModelHost(data(100000), "build", "live-build", start=False,
                   model={"max_bytes": "64 KiB"}) as host:
        assert "live-build" in refused(host)


# ----------------------------------------------------------------- plan

def test_a_plan_that_does_not_fit_is_refused():
    """Breaks when: memory_plan = enforce starts what cannot fit."""
    with ModelHost(data(1000), start=False, memory_plan="enforce") as host:
        os.truncate(host.source, 4 << 40)	# sparse: 4 TiB
        log = refused(host)
        assert re.search(r"TiB|GiB|MiB", log), "the sum is said"
        done = host.command("plan")
        assert done.returncode != 0
        assert "live-file" in done.stdout + done.stderr


def test_a_plan_of_workers_that_does_not_fit():
    """Breaks when: workers are not counted in the plan."""
    with Host(handlers=["hello"], worker_memory="4 TiB",
              memory_plan="enforce", start=False) as host:
        refused(host)


def test_plan_says_what_private_copies_would_cost():
    """Breaks when: `plan` does not compare with a copy per worker."""
    with ModelHost(data(64 * MEGABYTE), start=False,
                   pools={"default": {"workers": 8}}) as host:
        done = host.command("plan")
        assert done.returncode == 0, done.stderr
        assert "live-file" in done.stdout
        assert re.search(r"(?i)private cop", done.stdout)
        assert re.search(r"(?i)available|limit", done.stdout)


def test_loaders_leave_and_close():
    """Breaks when: a loader or its descriptors outlive the load."""
    with ModelHost(data(MEGABYTE)) as host:
        host.look()
        assert host.pids("loader") == []
        held = [link for link in descriptors(host.pid) if "model.bin" in link]
        assert held == []
