"""The shells complete what --help says: real ones, each with a terminal.

A key that inserts all that fits is pressed, then Enter, and what runs in place
of fcgi-host prints its arguments.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from lib.host import BINARY, SOURCE

ALL = "\x18\x01"	# Ctrl-X Ctrl-A: what the key is bound to
BASH = r"""
PS1= PROMPT_COMMAND=
bind '"\C-x\C-a": insert-completions'
PATH=%(bin)s:$PATH
. '%(source)s/packaging/completion/fcgi-host'
fcgi-host() { printf '[%%s]' "$@"; printf '<end>\n'; }
"""
ZSH = r"""
PS1= RPS1= ; unsetopt zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste
fpath=('%(source)s/packaging/completion' $fpath)
PATH=%(bin)s:$PATH
autoload -Uz compinit && compinit -u -D
zle -C all complete-word _generic
bindkey '^X^A' all
zstyle ':completion:all:*' completer _all_matches _complete
zstyle ':completion:all:*' insert true
fcgi-host() { printf '[%%s]' "$@"; printf '<end>\n'; }
"""
SHELLS = {"bash": (["bash", "--norc", "--noprofile", "-i"], BASH),
          "zsh": (["zsh", "-f", "-i"], ZSH)}


class Terminal:
    def __init__(self, command, folder):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ.update(TERM="dumb", HISTFILE="", INPUTRC="/dev/null")
            os.execvp(command[0], command)
        self.text = ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, pattern, seconds=15):
        """What came up to it; what was read before is gone."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            assert time.monotonic() < end, self.text
            if select.select([self.fd], [], [], 1)[0]:
                self.text += os.read(self.fd, 65536).decode()

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


class Shell:
    def __init__(self, name, folder):
        command, text = SHELLS[name]
        (folder / "begin").write_text(text % {
            "bin": os.path.dirname(BINARY), "source": SOURCE})
        self.terminal = Terminal(command, folder)
        self.terminal.type(". ./begin; echo rea''dy\n")
        self.terminal.read_until("ready\r?\n")

    def complete(self, line):
        """The words of `fcgi-host LINE` once all that fits is inserted."""
        self.terminal.type("fcgi-host %s%s\n" % (line, ALL))
        found = self.terminal.read_until(r"((?:\[[^]]*\])+)<end>\r?\n")
        return re.findall(r"\[([^]]*)\]", found[1])


@pytest.fixture(scope="module", params=sorted(SHELLS))
def shell(request, tmp_path_factory):
    if shutil.which(request.param) is None:
        pytest.skip("%s is not installed" % request.param)
    folder = tmp_path_factory.mktemp(request.param)
    for name in ("my.conf", "hello.so", "hello.c"):
        (folder / name).touch()
    (folder / "sub").mkdir()
    one = Shell(request.param, folder)
    yield one
    one.terminal.close()


def help_of(*arguments):
    return subprocess.run([BINARY, *arguments, "--help"], check=True,
                          text=True, capture_output=True).stdout


def subcommands():
    return re.findall(r"^  ([a-z]+)  ", help_of(), re.M)


def long_options(name):
    return re.findall(r"^  (?:-\w, |    )(--[\w-]+)", help_of(name), re.M)


def test_subcommands(shell):
    """Breaks when: one is missing, or one of ours alone is shown."""
    assert len(subcommands()) > 15
    for letter in sorted({name[0] for name in subcommands()}):
        assert sorted(shell.complete(letter)) == sorted(
            name for name in subcommands() if name[0] == letter)


def test_options_of_each(shell):
    """Breaks when: an option is added and not completed, or a subcommand does
    something before it has read its options."""
    for name in subcommands():
        first, *found = shell.complete("%s --" % name)
        assert first == name
        assert sorted(word.rstrip("=") for word in found) == \
            sorted(long_options(name)), name


@pytest.mark.parametrize("line,fits", [
    ("status -c m", ["my.conf"]),
    ("status --config m", ["my.conf"]),
    ("check he", ["hello.so"]),
    ("check hello.so he", ["hello.so"]),
    ("call --with he", ["hello.so"]),
    ("dev s", ["sub"]),
    ("nginx -o s", ["sub"]),
    ("nginx --output s", ["sub"]),
    ("call P", ["POST", "PUT", "PATCH"]),
    ("completion ", ["bash", "zsh"]),
])
def test_what_follows(shell, line, fits):
    """Breaks when: an argument or operand gets files of another kind, or none;
    an option that takes one is taken for one that takes none."""
    given = line.split(" ")[:-1]
    words = shell.complete(line)
    assert words[:len(given)] == given
    assert sorted(word.rstrip("/") for word in words[len(given):]) == \
        sorted(fits)


def test_an_equals_sign(shell):
    """Breaks when: --config=FILE is taken for one word (bash) or two (zsh)."""
    assert shell.complete("status --config=m") == ["status",
                                                   "--config=my.conf"]


def test_a_body_from_a_file(shell):
    """Breaks when: names of files are offered for a body that is a text."""
    assert shell.complete("call -d @m") == ["call", "-d", "@my.conf"]
    assert shell.complete("call -d m") == ["call", "-d", "m"]


def test_an_unknown_shell():
    """Breaks when: a wrong word gives an empty script and success."""
    done = subprocess.run([BINARY, "completion", "fish"], text=True,
                          capture_output=True)
    assert (done.returncode, done.stdout) == (100, "")
    assert 'knows bash and zsh, not "fish"' in done.stderr
