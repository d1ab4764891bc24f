"""What the lint scripts share: finding the files, reading C, and reporting.

A lint is an executable script that takes the source folder from argv[1] or
$srcdir, prints each fault as FILE:LINE: sentence, and exits 1 if there was one.
"""

import os
import re
import sys

C_NAMES = (".c", ".h", ".cc")
PARTS = ("fcgi-host", "handlers", "tests")
PUBLIC = "fcgi-host/include/fcgi-host"
VENDOR = "fcgi-host/vendor"	# by others, see tests/lint/vendor


def source_folder():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("srcdir", ".")
    if not os.path.isfile(os.path.join(folder, "fcgi-host/common/err.h")):
        sys.exit(f"{sys.argv[0]}: {folder} is not the source folder")
    return folder


def build_folder():
    """The folder with the objects, or None where none was named."""
    if len(sys.argv) > 2:
        return sys.argv[2]
    return os.environ.get("FH_BUILD") or None


def find_files(source, parts=PARTS, names=C_NAMES):
    """The paths of our files below `parts`, relative to the source, in
    order."""
    found = []
    for part in parts:
        for folder, folders, files in os.walk(os.path.join(source, part)):
            folders.sort()
            if os.path.relpath(folder, source) == VENDOR:
                folders.clear()
            found += [os.path.relpath(os.path.join(folder, name), source)
                      for name in sorted(files) if name.endswith(names)]
    return found


def read(source, path):
    with open(os.path.join(source, path), encoding="utf-8",
              errors="replace") as file:
        return file.read()


def blank_out(text):
    """The text with comments, strings and characters turned to blanks, line
    by line the same as before."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'
                         r"'(?:\\.|[^'\\\n])*'", re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def functions(text):
    """(name, first line, last line) of each function body of a file in KNF:
    its braces stand alone in the first column."""
    lines = blank_out(text).split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{" and start is None:
            start = number
        elif line.startswith("}") and start is not None:
            yield name_before(lines, start), start, number
            start = None


def name_before(lines, start):
    for line in reversed(lines[:start - 1]):
        match = re.match(r"(\w+)\(", line)
        if match:
            return match[1]
        if not line.strip():
            break
    return "?"


class Report:
    """Collects faults; done() prints how it went and exits."""

    def __init__(self):
        self.faults = 0
        self.checked = 0

    def fault(self, path, line, sentence):
        self.faults += 1
        print(f"{path}:{line}: {sentence}")

    def done(self, what):
        name = os.path.basename(sys.argv[0])
        if self.checked == 0:
            sys.exit(f"{name}: found nothing to check")
        print(f"{name}: {self.checked} {what}, {self.faults} faults")
        sys.exit(1 if self.faults else 0)
