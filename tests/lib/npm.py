"""Packages from npm that the tests ask: tests/npm/package-lock.json has them.

	said = npm.run("openapi.mjs", {"document": document})

They are installed once, with `npm ci`, into a folder of the build, and none of
their install scripts is run.  Without npm the test is skipped.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess

import pytest

from .host import BUILD, SOURCE

OURS = os.path.join(SOURCE, "tests", "npm")
FOLDER = os.path.join(BUILD, "tests", "npm")
FILES = ("package.json", "package-lock.json")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def installed(stamp, wanted):
    return os.path.exists(stamp) and read(stamp) == wanted


def install():
    """The folder that has node_modules, as package-lock.json says."""
    stamp = os.path.join(FOLDER, "installed")
    wanted = hashlib.sha256(b"".join(
        read(os.path.join(OURS, name)) for name in FILES)).digest()
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed(stamp, wanted):
            for name in FILES:
                shutil.copy(os.path.join(OURS, name), FOLDER)
            done = subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=FOLDER, text=True, capture_output=True,
                stdin=subprocess.DEVNULL)
            assert done.returncode == 0, done.stdout + done.stderr
            with open(stamp, "wb") as file:
                file.write(wanted)
        for name in os.listdir(OURS):
            if name.endswith(".mjs"):
                put(os.path.join(OURS, name), os.path.join(FOLDER, name))
    return FOLDER


def put(path, target):
    """A script looks for its packages beside itself."""
    if not os.path.exists(target) or read(path) != read(target):
        shutil.copy(path, target + ".new")
        os.rename(target + ".new", target)


def run(script, given, *arguments, timeout=60):
    """What a script of tests/npm prints as JSON."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    done = subprocess.run(
        ["node", os.path.join(install(), script), *arguments],
        input=json.dumps(given), text=True, capture_output=True,
        timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


class Browser:
    """A page in headless Chromium; until() gives the value of an expression
    in it, once that is true."""

    def __init__(self, browser, url):
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed")
        self.process = subprocess.Popen(
            ["node", os.path.join(install(), "steps.mjs")], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            self.until({"browser": browser, "url": url})
        except BaseException:
            self.close()
            raise

    def until(self, expression):
        self.process.stdin.write(json.dumps(expression) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the browser has ended"
        said = json.loads(line)
        assert "failed" not in said, said["failed"]
        return said["value"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def docs_page():
    """The folder for docs_files, as fcgi-host/docs-page/fetch makes it."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    ours = os.path.join(SOURCE, "fcgi-host", "docs-page")
    folder = os.path.join(BUILD, "tests", "docs-page")
    stamp = os.path.join(folder, "made")
    wanted = hashlib.sha256(b"".join(
        read(os.path.join(ours, name))
        for name in FILES + ("fetch", "start.js"))).digest()
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not installed(stamp, wanted):
            done = subprocess.run([os.path.join(ours, "fetch"), folder],
                                  text=True, capture_output=True,
                                  stdin=subprocess.DEVNULL)
            assert done.returncode == 0, done.stdout + done.stderr
            with open(stamp, "wb") as file:
                file.write(wanted)
    return folder
