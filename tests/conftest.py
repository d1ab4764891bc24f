"""What every live test has: the library, a gate, a place for its figures, and
an end after a minute.

FH_BUILD	the build folder (default: build)
FH_SRC		the source folder (default: where this file is)
FH_KEEP=1	keep scratch folders
"""

import os
import signal
import sys

sys.dont_write_bytecode = True
os.umask(0o022)		# a handler that others may write to is refused
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import pytest  # noqa: E402

from lib.gate import Gate  # noqa: E402
from lib.host import BINARY  # noqa: E402

LONGEST = int(os.environ.get("FH_LONGEST", "90"))	# seconds a test may take


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures the machine, and so "
                            "runs when no other test does")
    config.addinivalue_line("markers", "threaded: a worker with several "
                            "threads; run under ThreadSanitizer as well")
    if not os.access(BINARY, os.X_OK):
        pytest.exit("no host to test: %s (set FH_BUILD)" % BINARY, 2)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    def late(*_):
        raise TimeoutError("the test took over %d s" % LONGEST)
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def gate():
    with Gate() as one:
        yield one


@pytest.fixture
def figure(record_property):
    """Called with a line, has it printed at the end, passed or not."""
    return lambda line: record_property("figure", line)


def pytest_terminal_summary(terminalreporter):
    """The tests may have run in other processes, which send their reports."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    if name == "figure":
                        terminalreporter.write_line(value)
