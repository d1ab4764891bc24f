"""Load from many connections, with a strict look at every byte that comes.

	with Load(host.socket) as load:
		...			# whatever must not be noticed
	result = load.result		# counts; see tests/load/load.c
	assert result.failed == 0

The host must serve the fixture live_version (lib/versions.py).
"""

import json
import os
import subprocess
import threading

from .host import BUILD

PROGRAM = os.path.join(BUILD, "tests", "load", "load")
FAULTS = ("errors", "closed", "wrong", "twice", "backwards", "silent",
          "refused")


class Result:
    """The counts as attributes; `versions` has (file, model, setting):
    replies made from just these."""

    def __init__(self, line, faults):
        counts = json.loads(line)
        self.versions = {tuple(entry[:3]): entry[3]
                         for entry in counts.pop("versions")}
        self.counts, self.faults = counts, faults
        self.__dict__.update(counts)

    @property
    def failed(self):
        return sum(self.counts[name] for name in FAULTS)

    def __repr__(self):
        return "%s\n%s" % (self.counts, "\n".join(self.faults))


class Load:
    def __init__(self, address, kind="fastcgi", connections=64, fresh=0,
                 pause=20, limit=20000, seed=1):
        self.command = [PROGRAM, "-c", str(connections), "-f", str(fresh),
                        "-p", str(pause), "-l", str(limit), "-s", str(seed),
                        kind, str(address)]
        self.result, self.faults = None, []

    def read_faults(self):
        for line in self.process.stderr:
            self.faults.append(line.rstrip("\n"))

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read_faults, daemon=True)
        self.reader.start()
        return self

    def __exit__(self, kind, *_):
        """Lets what runs end; the result then is in `result`."""
        try:
            if kind is not None:
                self.process.kill()
                print("---- faults of the load\n" + "\n".join(self.faults))
                return
            self.process.stdin.close()
            line = self.process.stdout.read()
            code = self.process.wait(60)
            self.reader.join(5)
            assert code == 0, self.faults
            self.result = Result(line, self.faults)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.reader.join(5)
            self.process.stderr.close()
