"""The guide: what a reader types is what happens."""

import os

import pytest

from lib.guide import Reader, blocks, commands, matches
from lib.host import SOURCE
from lib.installed import install, installed

PAGES = ["README.md", "coming-from-plumber2-or-fastapi.md",
         "porting-libfcgi.md"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return install(tmp_path_factory.mktemp("installed"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_true(root, tmp_path, page):
    """Breaks when: a snippet does not compile, or a command prints something
    else than the page shows."""
    os.chmod(tmp_path, 0o755)
    reader = Reader(os.path.join(SOURCE, "handlers", page), tmp_path,
                    installed(root))
    reader.read()
    assert reader.commands > 0 and reader.files > 0


def test_the_reader_reads():
    """Breaks when: a page could say anything and pass."""
    text = "x\n```c a.c\nint a;\n```\n```console\n$ a \\\n  b\nc\n$ d\n```\n"
    assert list(blocks(text)) == [
        (2, "c", "a.c", "int a;\n"), (5, "console", None,
                                      "$ a \\\n  b\nc\n$ d\n")]
    assert commands("$ a \\\n  b\nc\n$ d\n") == [["a \\\n  b", ["c"]],
                                                 ["d", []]]
    assert matches(["a", "...", "d"], ["a", "b", "c", "d"])
    assert matches(["a ..."], ["a b"])
    assert not matches(["a"], ["b"])
    assert not matches(["a"], ["a", "b"])
    assert not matches(["a", "..."], ["b"])
    assert not matches([], ["a"])
