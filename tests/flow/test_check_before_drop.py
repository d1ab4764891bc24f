"""check FILE.so, check --full and call --with: before a file is dropped in."""

import os
import pwd
import shutil

import pytest

from lib.host import process_ids, read_proc, sanitized, shared_object
from lib.tools import Tools

PROBE = 'handler "tools_probe" { set = { %s } }\n'


def settings(**hooks):
    """The configuration that tells tools_probe what to do in which hook."""
    return PROBE % ", ".join('"%s=%s"' % pair for pair in hooks.items())


def faults(tools, done):
    """The lines of the faults, without the scratch folder; checks the rest."""
    assert done.code == 100 and done.out == ""
    lines = done.log.replace(tools.folder, "@").splitlines()
    assert lines[-1] == "fcgi-host check: %d fault%s" % (
        len(lines) - 1, "" if len(lines) == 2 else "s")
    return lines[:-1]


def outside(tools, name, as_name=None):
    """A handler beside the directory: its path."""
    os.makedirs(tools.path("new"), exist_ok=True)
    path = tools.path("new/%s.so" % (as_name or name))
    shutil.copy(shared_object(name), path)
    return path


def renamed(tools, path):
    """tools_plain under another name, with other models: only its routes are
    as before."""
    with open(path, "rb") as source:
        data = source.read()
    for old, new in ((b"plainly", b"handlr1"), (b"objects", b"objectz"),
                     (b"tables", b"tablez")):
        assert old + b"\0" in data
        data = data.replace(old + b"\0", new + b"\0")
    with open(path, "wb") as target:
        target.write(data)
    return path


# ---------------------------------------------------------- files to be dropped

def test_a_good_file_takes_the_place_of_the_old_one():
    """Breaks when: old and new are both loaded, or the new one is not."""
    with Tools(["hello", "tools_load"]) as tools:
        new = outside(tools, "tools_serve", "hello")
        done = tools.run("check", "-c", tools.file, new)
        assert (done.code, done.log) == (0, "")
        assert done.out == "ok: 2 handlers, 11 routes, 0 models\n"
        done = tools.run("check", "-c", tools.file, new,
                         outside(tools, "hello", "again"))
        assert done.out == "ok: 3 handlers, 13 routes, 0 models\n"
        # Nothing was changed.
        done = tools.run("check", "-c", tools.file)
        assert done.out == "ok: 2 handlers, 3 routes, 0 models\n"
        assert sorted(os.listdir(tools.handlers)) == ["hello.so",
                                                      "tools_load.so"]
        assert os.listdir(tools.path("state")) == []


def test_a_file_by_its_bare_name():
    """Breaks when: ./hello.so is looked for among the system's libraries."""
    with Tools() as tools:
        outside(tools, "hello")
        done = tools.run("check", "-c", tools.file, "hello.so",
                         prefix=["env", "-C", tools.path("new")])
        assert done.out == "ok: 1 handler, 2 routes, 0 models\n"


def test_a_new_file_loses_a_route_conflict():
    """Breaks when: a conflict with what serves shows only after the drop."""
    config = 'pool "special" { workers = 1 }\n'
    with Tools(["tools_plain"], config) as tools:
        # By its name it would come first.
        new = renamed(tools, outside(tools, "tools_plain", "a"))
        done = tools.run("check", "-c", tools.file, new)
        assert faults(tools, done) == [
            '@/new/a.so: route "GET /plain" is taken by tools_plain.so '
            '("GET /plain")']
        # In place of the one that has the routes it is a good one.
        new = renamed(tools, outside(tools, "tools_plain"))
        done = tools.run("check", "-c", tools.file, new)
        assert (done.code, done.log) == (0, "")


def test_what_is_wrong_with_the_others_is_said_too():
    """Breaks when: check of one file hides the state of the directory."""
    with Tools(["hello"]) as tools:
        tools.write("handlers/broken.so", "broken")
        done = tools.run("check", "-c", tools.file, outside(tools, "hello"))
        assert faults(tools, done) == [
            "@/handlers/broken.so: is no ELF file (6 bytes)"]


@pytest.mark.parametrize("arguments, why", [
    (["@/host.conf"], "@/host.conf: a handler's file is named NAME.so"),
    (["@/new/.hello.so"], "@/new/.hello.so: a handler's file is named NAME.so"),
    (["@/new/hello.so", "@/handlers/hello.so"],
     "@/handlers/hello.so: its name is given twice"),
    (["@/new/gone.so"],
     "@/new/gone.so: cannot be opened: No such file or directory"),
])
def test_a_file_that_cannot_be_dropped(arguments, why):
    """Breaks when: a slip in a deploy script is taken for a good file."""
    with Tools(["hello"]) as tools:
        outside(tools, "hello")
        arguments = [one.replace("@", tools.folder) for one in arguments]
        done = tools.run("check", "-c", tools.file, *arguments)
        assert faults(tools, done) == [why]


@pytest.mark.parametrize("mode, why", [
    (0o775, "is writable by its group: chmod g-w"),
    (0o757, "is writable by others: chmod o-w"),
    (0o666, "is writable by its group and by others: chmod go-w"),
])
def test_a_file_that_others_may_write(mode, why):
    """Breaks when: check says ok to a file that the host refuses."""
    with Tools(["hello"]) as tools:
        new = outside(tools, "tools_load")
        os.chmod(new, mode)
        done = tools.run("check", "-c", tools.file, new)
        assert faults(tools, done) == ["@/new/tools_load.so: " + why]
        os.chmod(os.path.join(tools.handlers, "hello.so"), mode)
        done = tools.run("check", "-c", tools.file)
        assert faults(tools, done) == ["@/handlers/hello.so: " + why]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user():
    """Breaks when: whoever owns a file can run code as the service."""
    with Tools(["hello"], 'user = "nobody"\n') as tools:
        path = os.path.join(tools.handlers, "hello.so")
        os.chown(path, 54321, 0)
        done = tools.run("check", "-c", tools.file)
        assert faults(tools, done) == [
            "@/handlers/hello.so: belongs to user 54321, neither to root nor "
            "to nobody (user %d), who runs the service: chown root"
            % pwd.getpwnam("nobody").pw_uid]
        shutil.chown(path, "nobody")
        assert tools.run("check", "-c", tools.file).code == 0


def test_what_is_no_file_in_the_directory_is_named():
    """Breaks when: a link or a FIFO is left out without a word, or hangs
    check."""
    with Tools(["hello"]) as tools:
        at = lambda name: os.path.join(tools.handlers, name)
        os.symlink("nowhere", at("dangling.so"))
        os.mkfifo(at("fifo.so"))
        os.mkdir(at("folder.so"))
        os.symlink("loop.so", at("loop.so"))
        os.symlink("../new/tools_load.so", at("other.so"))
        outside(tools, "tools_load")
        done = tools.run("check", "-c", tools.file, timeout=20)
        note = "@/handlers/other.so: is a link to ../new/tools_load.so, " \
               "which is not watched for changes"
        lines = done.log.replace(tools.folder, "@").splitlines()
        assert lines == [
            note,
            "@/handlers/dangling.so: is a link to a file that is not there",
            "@/handlers/fifo.so: is a FIFO, not a file",
            "@/handlers/folder.so: is a directory, not a file",
            "@/handlers/loop.so: is a link that leads to itself",
            "fcgi-host check: 4 faults"]
        for name in ("dangling", "fifo", "loop"):
            os.unlink(at(name + ".so"))
        os.rmdir(at("folder.so"))
        done = tools.run("check", "-c", tools.file)
        assert done.code == 0
        assert done.log.replace(tools.folder, "@") == note + "\n"


# ------------------------------------------------------------------- --full

def test_full_runs_every_hook_with_the_models_there():
    """Breaks when: a hook is left out, or self_test has no state or models."""
    config = ('model "probed" { path = "@/m" kind = file }\n' +
              settings(self_test="log"))
    with Tools(["hello", "tools_probe"], config, m="x") as tools:
        done = tools.run("check", "-c", tools.file)
        assert (done.code, done.log) == (0, "")
        done = tools.run("check", "--full", "-c", tools.file)
        assert done.out == "ok: 2 handlers, 4 routes, 1 model\n"
        assert "self_test is initialised, model there" in done.log
        assert done.code == 0


@pytest.mark.parametrize("hook, how, why", [
    ("preload", "3", "its preload returned 3"),
    ("worker_init", "-1", "its worker_init returned -1"),
    ("self_test", "3", "its self_test returned 3"),
    ("preload", "crash", "crashes in preload (signal 11, Segmentation fault)"),
    ("preload", "exit", "exits in preload (exit code 0)"),
    ("worker_init", "crash", "crashes in worker_init, self_test or "
     "worker_fini (signal 11, Segmentation fault)"),
    ("self_test", "exit", "exits in worker_init, self_test or worker_fini "
     "(exit code 0)"),
    ("worker_fini", "exit", "exits in worker_init, self_test or worker_fini "
     "(exit code 0)"),
])
def test_full_names_who_fails_in_a_hook(hook, how, why):
    """Breaks when: a hook that fails is found only when it serves."""
    with Tools(["hello"], settings(**{hook: how})) as tools:
        new = outside(tools, "tools_probe")
        assert tools.run("check", "-c", tools.file, new).code == 0
        done = tools.run("check", "--full", "-c", tools.file, new,
                         sanitizer_may_speak=True)
        assert done.code == 100 and done.out == ""
        lines = [line for line in done.log.replace(
            tools.folder, "@").splitlines() if line.startswith("@/")]
        if sanitized() and how == "crash":	# it may be an exit there
            lines = [line.replace(" exits ", " crashes ").split(" (")[0]
                     for line in lines]
            why = why.split(" (")[0]
        assert lines == ["@/new/tools_probe.so: " + why]


@pytest.mark.parametrize("hook", ["preload", "self_test"])
def test_full_gives_up_on_a_hang(hook):
    """Breaks when: a hook that never returns hangs a deploy script."""
    config = 'load_timeout = "1s"\n' + settings(**{hook: "hang"})
    with Tools(["hello", "tools_probe"], config) as tools:
        done = tools.run("check", "--full", "-c", tools.file)
        assert "/tools_probe.so: hangs in %s" % (
            "preload" if hook == "preload" else "worker_init") in done.log
        assert "(for 1 s)" in done.log
        assert done.code == 100
        assert not [pid for pid in process_ids()
                    if tools.folder in read_proc(pid, "cmdline")]


def test_full_finds_a_thread_before_the_fork():
    """Breaks when: a preload that starts a thread passes, and then no host
    starts with it."""
    with Tools(["tools_probe"], settings(preload="thread")) as tools:
        done = tools.run("check", "--full", "-c", tools.file)
        assert "2 threads run after the handlers' preload" in done.log
        assert done.code == 100


@pytest.mark.parametrize("kind", ["file", "build", "preload"])
def test_full_asks_each_model(kind):
    """Breaks when: a model's check is not made, or its answer not read."""
    config = ('model "live-%s" { path = "@/source" kind = %s check = '
              '"GET /model?name=%%s" }\n' % (kind, kind))
    with Tools(["live_model"], config % ("live-" + kind),
               source="a model") as tools:
        done = tools.run("check", "--full", "-c", tools.file)
        assert (done.code, done.log) == (0, "")
        tools.configure(config % "another")
        assert tools.run("check", "-c", tools.file).code == 0
        done = tools.run("check", "--full", "-c", tools.file)
        assert faults(tools, done) == [
            '@/host.conf:3: model "live-%s": its check GET '
            "/model?name=another answered 503: the model is not loaded" % kind]


def test_full_says_why_a_model_is_not_there():
    """Breaks when: a model that cannot be loaded passes, or an optional one
    fails."""
    config = ('model "live-build" { path = "@/source" kind = build }\n'
              'model "some" { path = "@/gone" kind = file required = false\n'
              '  check = "GET /model?name=some" }\n'
              'model "live-preload" { path = "@/gone" kind = preload %s }\n'
              'model "wrong" { path = "@/source" kind = file sha256 = "%s" }\n')
    with Tools(["live_model"], config % ("", "0" * 64),
               source="a model") as tools:
        done = tools.run("check", "--full", "-c", tools.file)
        lines = done.log.replace(tools.folder, "@").splitlines()
        assert lines[0] == ('@/host.conf:4: model "some": @/gone: No such '
                            "file or directory (not required)")
        assert lines[1].startswith('@/host.conf:7: model "wrong": its SHA-256')
        assert lines[2].startswith('@/host.conf:6: model "live-preload": ')
        assert "@/gone cannot be opened" in lines[2]
        assert lines[3:] == ["fcgi-host check: 2 faults"]
        assert done.code == 100
        tools.configure((config % ("required = false", "")).rsplit(
            "model", 1)[0])
        assert tools.run("check", "--full", "-c", tools.file).code == 0


@pytest.mark.parametrize("first, why", [
    ("X", "crashes while it builds a model (signal 11, Segmentation fault)"),
    ("H", "hangs while it builds a model (for 1 s)"),
])
def test_full_names_who_fails_in_a_build(first, why):
    """Breaks when: a build() that crashes or hangs takes check along."""
    config = ('model "live-build" { path = "@/source" kind = build '
              'load_timeout = "1s" }\n')
    with Tools(["hello", "live_model"], config, source=first) as tools:
        assert tools.run("check", "-c", tools.file).code == 0
        done = tools.run("check", "--full", "-c", tools.file,
                         sanitizer_may_speak=True)
        log = done.log.replace(tools.folder, "@")
        if sanitized() and first == "X":	# it may be an exit there
            log = log.replace(" exits ", " crashes ")
            why = why.split(" (")[0]
        assert "@/handlers/live_model.so: " + why in log
        assert done.code == 100


# -------------------------------------------------------------- call --with

def test_call_with_a_file_in_place_of_another():
    """Breaks when: what is tried is not the file that was given."""
    with Tools(["hello", "tools_load"]) as tools:
        new = outside(tools, "tools_serve", "hello")
        done = tools.call("--with", new, "GET", "/tools/own-name")
        assert (done.code, done.out, done.log) == (0, "mine\n", "")
        assert tools.call("--with", new, "GET", "/hello").code == 1
        done = tools.call("--with", new, "GET", "/tools-load")
        assert (done.code, done.out) == (0, "loaded\n")
        done = tools.call("--with", new, "--with",
                          outside(tools, "hello", "again"), "GET", "/hello")
        assert (done.code, done.out) == (0, "Hello, world!\n")
        assert tools.call("GET", "/hello").code == 0


def test_call_with_a_file_that_is_none():
    """Breaks when: call goes on with the old file, or without it."""
    with Tools(["hello"]) as tools:
        done = tools.call("--with", tools.file, "GET", "/hello")
        assert done.code == 100 and "is named NAME.so" in done.log
        done = tools.call("--with", tools.path("hello.so"), "GET", "/hello")
        assert done.code == 100 and "/hello.so: cannot be opened" in done.log
        assert done.out == ""
        tools.write("text.so", "no ELF")
        assert tools.call("--with", tools.path("text.so"), "GET",
                          "/hello").code == 100
