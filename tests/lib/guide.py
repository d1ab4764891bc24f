"""Runs what a page of the guide says, as its reader would.

In a page every fenced block is one of these:

	```c greet.c		the file, as it is from here on
	```conf my.conf		the same; any language and a name
	```console		commands behind "$ ", and what they print
	```r			another language, to look at: nothing is done

In what a command prints a line "..." stands for any lines, and " ..." at the
end of one for any rest of it.  A command that ends with " &" goes on until the
page is over.  8080 is a free port.
"""

import os
import re
import signal
import subprocess

from .nginx import free_port

SHOWN = ("r", "python", "html")		# not run
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)


def blocks(text):
    """(line, language, name, inside) of each block."""
    for match in FENCE.finditer(text):
        yield (text.count("\n", 0, match.start()) + 1, match[1], match[2],
               match[3])


def commands(inside):
    """(command, what it prints) of a console block."""
    found = []
    continued = False
    for line in inside.splitlines():
        if continued:
            found[-1][0] += "\n" + line
        elif line.startswith("$ "):
            found.append([line[2:], []])
        else:
            found[-1][1].append(line)
        continued = found[-1][0].endswith("\\") and not found[-1][1]
    return found


def matches(wanted, lines):
    """Do these lines look like those?"""
    if not wanted:
        return not lines
    if wanted[0] == "...":
        return any(matches(wanted[1:], lines[i:])
                   for i in range(len(lines) + 1))
    if not lines:
        return False
    first = wanted[0]
    if first.endswith(" ..."):
        same = lines[0].startswith(first[:-4])
    else:
        same = lines[0] == first
    return same and matches(wanted[1:], lines[1:])


class Reader:
    """Does what a page says, in a folder."""

    def __init__(self, page, folder, environment):
        self.page = page
        self.folder = folder
        self.environment = environment
        self.port = str(free_port())
        self.background = []
        self.commands = self.files = 0

    def read(self):
        with open(self.page) as file:
            text = file.read()
        try:
            for line, language, name, inside in blocks(text):
                self.where = "%s:%d" % (self.page, line)
                self.take(language, name, inside)
        finally:
            for process in self.background:
                os.killpg(process.pid, signal.SIGTERM)
            for process in self.background:
                process.wait(30)

    def take(self, language, name, inside):
        if name:
            path = os.path.join(self.folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(inside)
            self.files += 1
        elif language == "console":
            for command, wanted in commands(inside):
                self.run(command.replace("8080", self.port), wanted)
        else:
            assert language in SHOWN, "%s: a block of %s has no file's " \
                "name" % (self.where, language)

    def run(self, command, wanted):
        self.commands += 1
        if command.endswith(" &"):
            self.background.append(subprocess.Popen(
                ["bash", "-c", "exec " + command[:-2]], cwd=self.folder,
                env=self.environment, start_new_session=True,
                stdout=open(os.path.join(self.folder, "background.log"),
                            "ab"), stderr=subprocess.STDOUT))
            return
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=self.environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        lines = done.stdout.decode(errors="replace").replace(
            self.port, "8080").replace("\r", "").splitlines()
        assert matches(wanted, lines), \
            "%s: $ %s\nprinted\n%s\nand not\n%s\n%s" % (
                self.where, command, "\n".join(lines), "\n".join(wanted),
                self.log())

    def log(self):
        path = os.path.join(self.folder, "background.log")
        if not os.path.exists(path):
            return ""
        with open(path, errors="replace") as file:
            return file.read()
