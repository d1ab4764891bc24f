"""README.md says nothing that is not so."""

import os
import re
import subprocess

import pytest

from lib.host import BINARY, SOURCE, Host

with open(os.path.join(SOURCE, "README.md")) as file:
    README = file.read()


def block(language, word):
    """The fenced block of that language that has the word in it."""
    found = [text for kind, text in re.findall(
        r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
        if kind == language and word in text]
    assert len(found) == 1, (language, word)
    return found[0]


def test_the_handler_compiles_and_answers(tmp_path):
    """Breaks when: the example does not fit handler.h."""
    (tmp_path / "hello.c").write_text(block("c", "FH_HANDLER"))
    subprocess.run(
        [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-Wall", "-Wextra",
         "-Werror", "-I", os.path.join(SOURCE, "fcgi-host", "include"),
         "-o", tmp_path / "hello.so", tmp_path / "hello.c"], check=True)
    for path in ("/hello", "/hello-async"):
        done = subprocess.run(
            [BINARY, "call", "--handlers", tmp_path, "GET", path],
            capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "Hello, world!\n"), \
            done.stderr


def test_the_configuration_is_valid(tmp_path):
    """Breaks when: an option is renamed."""
    text = block("", "pool \"waiting\"")
    with Host(start=False) as host:
        text = re.sub(r'(handlers = )"[^"]*"', r'\1"%s"' % host.dropped, text)
        text = text.replace("/srv/models/sentiment.bin",
                            host.write("sentiment.bin", "a model"))
        host.drop("sleep")
        # The routes of the sketch are of handlers that are not here.
        text = text.replace('"GET /report"', '"GET /sleep-sync"')
        (tmp_path / "host.conf").write_text(text)
        done = subprocess.run([BINARY, "check", "-c", tmp_path / "host.conf"],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_command_of_the_table_exists():
    """Breaks when: a subcommand is renamed."""
    commands = set(re.findall(r"^\| `fcgi-host (\w+)", README, re.MULTILINE))
    assert {"run", "check", "call", "status"} <= commands
    for name in commands:
        done = subprocess.run([BINARY, name, "--help"], capture_output=True)
        assert done.returncode == 0, name


@pytest.mark.parametrize("reference", sorted(set(
    re.findall(r"`((?:tests/)[\w/.-]+(?:::\w+)?)`", README))))
def test_every_test_it_names_exists(reference):
    """Breaks when: a test is renamed and the table keeps the old name."""
    path, _, name = reference.partition("::")
    path = os.path.join(SOURCE, path)
    assert os.path.exists(path), reference
    if name:
        with open(path) as file:
            assert re.search(r"^def %s\(" % name, file.read(), re.MULTILINE)


@pytest.mark.parametrize("link", sorted(set(
    re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_link_leads_somewhere(link):
    """Breaks when: a file moves."""
    assert os.path.exists(os.path.join(SOURCE, link))
