"""A host whose every part has a version that its replies show.

	with VersionHost() as host:
		host.advance("handler")
		assert host.look() == host.version == (2, 1, 1)

The fixture live_version answers with the version of its file, of a model and
of a setting.  Each of the three only grows.  A version of the file is the
built one with other digits in it, and another build id.
"""

import os
import re
import signal
import struct

from .fcgi import wait_until
from .host import Host, shared_object

MARK = b"VERSION=%08d"
NOTE = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0"	# of a build id of 20 bytes
WAYS = ("handler", "model", "config", "nothing")

# In all four ways, told in all three.
ROUND = (("handler", "watch"), ("model", "command"), ("config", "hup"),
         ("nothing", "command"), ("handler", "command"), ("model", "hup"),
         ("config", "command"), ("nothing", "hup"))
WATCHED = 3		# then the watcher would take them further apart
LINE = re.compile(r"c=(\d{8}) m=(\d{8}) s=(\d{8}) p=\d{8} d=([0-9a-f]{16}) "
                  r"n=(\d{8}) id=(\S*) *\Z")


def handler_bytes(number):
    """The fixture as its version `number`."""
    with open(shared_object("live_version"), "rb") as file:
        data = file.read()
    assert data.count(MARK % 1) == 1
    data = data.replace(MARK % 1, MARK % number)
    at = data.find(NOTE)
    if at >= 0:
        at += len(NOTE)
        data = data[:at] + number.to_bytes(4, "big") + data[at + 4:]
    return data


def model_bytes(number, size):
    return (b"%08d" % number) * (size // 8)


def rounds(count):
    """(number, way, told) of so many reloads, one after the other."""
    for number in range(count):
        way, told = ROUND[number % len(ROUND)]
        if told == "watch" and number >= WATCHED * len(ROUND):
            told = "hup"
        yield number, way, told


def digest(body):
    """As live_version.c has it."""
    value, at = 0xcbf29ce484222325, len(body) // 8 * 8
    for word in struct.unpack("<%dQ" % (at // 8), body[:at]):
        value = (value ^ word) * 0x100000001b3 % 2 ** 64
    for byte in body[at:]:
        value = (value ^ byte) * 0x100000001b3 % 2 ** 64
    return "%016x" % value


def versions_of(reply, body=None):
    """(file, model, setting), once every line of a reply has been looked at;
    AssertionError when it is not wholly of one, or of another body."""
    assert reply.status == 200, reply
    found = set()
    for number, line in enumerate(reply.text.splitlines()):
        match = LINE.match(line)
        assert match, line
        assert int(match[5]) == number, line
        assert body is None or match[4] == digest(body), line
        found.add((int(match[1]), int(match[2]), int(match[3]), match[6]))
    assert len(found) == 1, found
    return found.pop()[:3]


class VersionHost(Host):
    """A host of live_version, and of other `handlers`.  It watches only with
    `watch`: a reload that nobody asked for may come between two others."""

    def __init__(self, handlers=(), settings=None, models=None, start=True,
                 model_size=65536, test_ms=0, **options):
        self.model_size, self.test_ms = model_size, test_ms
        self.numbers = {"handler": 1, "model": 1, "config": 1}
        self.visited = {self.version}
        super().__init__(handlers=handlers, start=False,
                         **{"watch": False, "watch_delay": "20ms",
                            **options})
        self.journal = self.write("journal", b"")
        os.chmod(self.journal, 0o666)
        self.model = os.path.join(self.folder, "model.bin")
        self.sections = {"models": {**(models or {}), "live-version": {
            "path": self.model, "kind": "file"}}, "settings": settings or {}}
        for way in ("handler", "model", "config"):
            getattr(self, "put_" + way)()
        if start:
            try:
                self.start()
            except BaseException:
                self.clean()
                raise

    @property
    def version(self):
        """What has been put in place last: (file, model, setting)."""
        return tuple(self.numbers[way] for way in WAYS[:3])

    # ------------------------------------------- putting it in place

    def put_handler(self):
        self.put("live_version.so", handler_bytes(self.numbers["handler"]))

    def put_model(self):
        os.rename(self.write("model.new", model_bytes(
            self.numbers["model"], self.model_size)), self.model)

    def put_config(self):
        self.sections["settings"]["live_version"] = {
            "setting": "%08d" % self.numbers["config"],
            "journal": self.journal, "test_ms": self.test_ms}
        self.change(**self.sections)

    def step(self, way):
        """The next version of one part, in its place; nothing is told."""
        if way == "nothing":
            return
        self.numbers[way] += 1
        self.visited.add(self.version)
        getattr(self, "put_" + way)()

    # -------------------------------------------------- taking it over

    def advance(self, way, told="command"):
        """Puts one part's next version in place and waits until it serves.

        `told` is how the host learns of it: "command", "hup" (SIGHUP) or
        "watch" (the watcher, of handler files alone).
        """
        before = self.reloads()
        self.step(way)
        if told == "hup":
            self.send_signal(signal.SIGHUP)
        elif told == "command":
            self.reload()
        self.wait_served()
        wait_until(lambda: self.reloads() > before, what="a reload")

    def reloads(self):
        """How many there have been."""
        return self.status()["reloads"]["count"]

    def is_due(self, version, since):
        """May this serve, when `since` did and newer ones were put in place,
        of which some may have been refused?"""
        return all(old <= part <= new for old, part, new in zip(
            since, version, self.version))

    def look(self, target="/version-sync", lines=3, **keywords):
        """The version that a new connection is served."""
        return versions_of(self.get("%s?id=look&lines=%d" % (target, lines),
                                    **keywords))

    def wait_served(self, seconds=30.0):
        seen = []

        def so():
            seen.append(self.look())
            return seen[-1] == self.version
        try:
            wait_until(so, seconds)
        except AssertionError:
            raise AssertionError("%s does not serve but %s" % (
                self.version, seen[-1:])) from None

    # -------------------------------------------------------- looking

    def states(self):
        """How many generations live in each state."""
        found = {}
        for entry in self.status()["generations"]:
            found[entry["state"]] = found.get(entry["state"], 0) + 1
        return found

    def wait_alone(self, workers=2, seconds=20.0, others=()):
        """Until the processes of one generation are all there is."""
        wanted = sorted(["front", "supervisor", "zygote", *others]
                        + ["worker"] * workers)
        wait_until(lambda: sorted(self.processes().values()) == wanted,
                   seconds, "one generation's processes", 0.05)

    def ran(self):
        """id: how often a request of that id was run."""
        counts = {}
        with open(self.journal) as file:
            for line in file:
                name = line.rstrip("\n")
                counts[name] = counts.get(name, 0) + 1
        for name in ("look", "ask"):
            counts.pop(name, None)
        return counts

    def ran_twice(self):
        return sorted(name for name, count in self.ran().items()
                      if count != 1)


def check(host, result, asked=0, also=()):
    """What must be so after any load over any reloads, but for the counts
    named in `also`."""
    failed = {name: count for name, count in result.counts.items()
              if count and name != "fine" and name not in also}
    assert not failed, result
    assert result.fine > asked, result
    strange = set(result.versions) - host.visited
    assert not strange, "made from parts of several: %s" % sorted(strange)
    assert host.ran_twice() == []
    if not also:
        assert len(host.ran()) == result.fine


def ask_versions(conn, target="/version-sync", lines=3, **keywords):
    """The version that this connection is served."""
    return versions_of(conn.get("%s?id=ask&lines=%d" % (target, lines),
                                **keywords))

