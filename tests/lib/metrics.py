"""What a host says of itself in numbers, read as strictly as OpenMetrics is.

The parser is that of python3-prometheus-client: an answer it does not take is
a fault of ours.
"""

import subprocess

from prometheus_client.openmetrics.parser import text_string_to_metric_families


class Metrics:
    """name and labels: number; `families` by their names."""

    def __init__(self, text):
        self.text = text
        self.families = {one.name: one for one in
                         text_string_to_metric_families(text)}
        self.samples = {}
        for family in self.families.values():
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in self.samples, "twice: %s" % (sample,)
                self.samples[key] = sample.value

    def get(self, name, **labels):
        """The sum over all samples of that name with these labels among
        theirs; None if there are none."""
        found = [value for (one, its), value in self.samples.items()
                 if one == name and set(labels.items()) <= its]
        return sum(found) if found else None

    def all(self, name, label, **labels):
        """value of a label: number."""
        return {dict(its)[label]: value for (one, its), value in
                self.samples.items()
                if one == name and set(labels.items()) <= its}

    def counters(self):
        """Everything that may never go back."""
        return {key: value for key, value in self.samples.items()
                if key[0].endswith(("_total", "_bucket", "_count", "_sum"))
                and not key[0].startswith("fcgi_host_worker_")}


def read(host):
    done = host.command("metrics")
    assert done.returncode == 0, (done.stdout, done.stderr)
    return Metrics(done.stdout)


def promtool(*arguments, **keywords):
    """Runs promtool; what it complains of, "" if it is content."""
    done = subprocess.run(["promtool", *arguments], capture_output=True,
                          text=True, timeout=60, **keywords)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stderr
