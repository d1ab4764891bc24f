"""Crash reports are kept and shown, whatever lies beside them."""

import json
import os
import re

import pytest

from lib.fcgi import wait_until
from lib.host import Host
from flow.test_upgrade import UpgradeHost

CONTROL = re.compile(rb"[\0-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")


def crashing(**keywords):
    keywords.setdefault("handlers", ["live_crash", "hello"])
    return Host(crashes=True, **keywords)


def crashes(host, *arguments, code=0):
    """`crashes --json`: the list, or with a number the report; stderr."""
    done = host.command("crashes", "--json", *map(str, arguments))
    assert done.returncode == code, done
    answer = json.loads(done.stdout)
    return (answer if arguments else answer["crashes"]), done.stderr


def numbers(host):
    return [one["number"] for one in crashes(host)[0]]


def crash(host, how="null"):
    """One crash, and its report among those that are kept."""
    before = numbers(host)
    assert host.get("/crash?how=" + how).status == 500
    wait_until(lambda: len(numbers(host)) > len(before), 20, "a report")
    return numbers(host)[0]


def plant(host, name, data):
    path = os.path.join(host.state, "crashes", name)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path, "wb") as out:
        out.write(data if isinstance(data, bytes) else data.encode())
    return path


def unlink_planted(host, *names):
    for name in names:
        path = os.path.join(host.state, "crashes", name)
        (os.rmdir if os.path.isdir(path) and not os.path.islink(path)
         else os.unlink)(path)


# ------------------------------------------------------------------ a host

def test_table_and_page():
    """Breaks when: one crash is two reports or none, or the table or the page
    leaves out whose it was, in which request, or where."""
    with crashing() as host:
        assert crashes(host)[0] == []
        done = host.command("crashes")
        assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)
        assert crash(host) == 1
        assert crash(host, "exit") == 2
        done = host.command("crashes")
        lines = done.stdout.splitlines()
        assert done.stderr == "" and len(lines) == 3
        assert re.match(r"2 .* worker \d+ +live_crash +GET /crash ", lines[1])
        assert lines[2].startswith("1 ")
        report, _ = crashes(host, 1)
        assert report["uri"] == "/crash?how=..."
        page = host.command("crashes", "1").stdout
        assert page.startswith("crash 1: %s\n" % report["what"])
        for row in ("time +" + report["time"], r"process +worker \d+, process id \d+",
                    r"handler +live_crash \(live_crash\.so\)",
                    "version +[0-9a-f]{64}", r"request +GET /crash\?how=\.",
                    "request id +" + report["request_id"],
                    r"age +\d+ ms, of which it ran \d+ ms",
                    "signal +SIGSEGV"):
            assert re.search("^  " + row, page, re.M), (row, page)
        for frame in report.get("backtrace", []):
            for key in ("function", "source"):
                assert frame.get(key, "") in page
        assert "capture_crashed = true" in page
        assert re.search("^  exit status +7", host.command("crashes",
                                                           "2").stdout, re.M)


@pytest.mark.parametrize("number, code, why", [
    ("7", 1, "no report 7"), ("0", 100, "not the number"),
    ("-1", 100, "no such option"), ("1x", 100, "not the number"),
    ("99999999999", 100, "not the number")])
def test_a_number_that_is_none(number, code, why):
    """Breaks when: a slip shows another report, or ends with 0."""
    with crashing(start=False) as host:
        done = host.command("crashes", number)
    assert done.returncode == code and why in done.stderr
    assert done.stdout == ""


def test_over_a_stop_and_a_start():
    """Breaks when: reports are lost with the host, cannot be read without one,
    or a number is used again."""
    with crashing() as host:
        crash(host)
        crash(host, "divide")
        running, said = crashes(host)
        assert said == ""
        host.stop()
        stopped, said = crashes(host)
        assert "no host answers at" in said and "/crashes" in said
        assert stopped == running
        assert host.command("crashes", "2").stdout.startswith("crash 2: ")
        host.start()
        assert crashes(host) == (running, "")
        assert crash(host) == 3
        assert numbers(host) == [3, 2, 1]


def test_over_an_upgrade():
    """Breaks when: the new host does not know the old one's reports, or takes
    a number that the old one gave."""
    with UpgradeHost(["live_crash"], crashes=True) as host:
        assert crash(host) == 1
        host.upgrade()
        assert numbers(host) == [1]
        assert crash(host) == 2
        assert numbers(host) == [2, 1]


# ------------------------------------------------------------------ bad files

BAD = {
    "2.json": b"", "3.json": b'{"what": "cut', "4.json": b"[]",
    "5.json": b"\0\xff" * 600, "6.json": b"[" * 100000,
    "7.json": b'{"what": "' + b"x" * (1 << 20) + b'"}', "notes": b"mine",
}


def test_bad_files_are_said_and_left():
    """Breaks when: one keeps the host from its start, hides those beside it,
    is not named, or is removed."""
    with crashing(start=False) as host:
        for name, data in BAD.items():
            plant(host, name, data)
        plant(host, "1.json", '{"what": "good", "handler": "h"}')
        os.symlink("1.json", host.state + "/crashes/8.json")
        os.mkfifo(host.state + "/crashes/9.json")
        os.mkdir(host.state + "/crashes/10.json")
        alone, said = crashes(host)
        assert [one["what"] for one in alone] == ["good"]
        for number in range(2, 11):
            assert "crashes/%d.json is left out: " % number in said
        host.start()
        assert crashes(host) == (alone, "")
        assert crash(host) == 11
        assert numbers(host) == [11, 1]
        for number in range(2, 11):
            assert host.log().count("crashes/%d.json is no crash report"
                                    % number) == 1
        assert '"notes" is not the host\'s: remove it' in host.log()
        for name, data in BAD.items():
            with open(os.path.join(host.state, "crashes", name), "rb") as file:
                assert file.read() == data
        unlink_planted(host, "notes", *("%d.json" % n for n in range(2, 11)))


def test_no_folder_for_them():
    """Breaks when: the host does not serve without it, says nothing in log or
    status, or forgets the reports while it runs."""
    with crashing(start=False) as host:
        with open(os.path.join(host.state, "crashes"), "w"):
            pass
        host.start()
        host.wait_log("degraded: crash reports are kept in memory only")
        assert crash(host) == 1
        (trouble,) = host.status()["degraded"]
        assert trouble["what"] == "crashes" and trouble["count"] == 1
        os.unlink(os.path.join(host.state, "crashes"))
        assert crash(host) == 2
        host.wait_log("no longer degraded: crash reports are written")
        assert host.status()["degraded"] == []
        host.stop()
        assert numbers(host) == [2, 1]


@pytest.mark.parametrize("make", [
    lambda path: open(path, "w").close(), os.mkfifo,
    lambda path: os.symlink("/nowhere", path)],
    ids=["file", "fifo", "link"])
def test_no_folders_in_the_state_directory(make):
    """Breaks when: what lies in the place of a folder keeps the host from its
    start, is not named, or is removed."""
    with crashing(handlers=["hello", "echo"], start=False) as host:
        for name in ("spool", "generations"):
            make(os.path.join(host.state, name))
        make(os.path.join(host.state, "spool.aside-1"))
        host.start()
        host.wait_log("/spool was no folder; it is .*/spool.aside-2 now")
        host.wait_log("/generations was no folder; it is .*-1 now")
        body = b"b" * 200000
        assert host.post("/echo", body).status == 200
        assert list(host.generations()) == [1]
        for name in ("spool.aside-1", "spool.aside-2", "generations.aside-1"):
            os.unlink(os.path.join(host.state, name))


def test_a_terminal_is_not_told_anything():
    """Breaks when: a report's bytes clear the screen, or worse."""
    evil = "\\u001b[2J\\u007f\\u009b31m\\u0007\\r\\n"
    report = {key: "EVIL" for key in (
        "what", "time", "process", "handler", "file", "route", "method",
        "uri", "request_id", "message", "signal", "address", "core",
        "capture", "EVIL")}
    report["registers"] = {"EVIL": "EVIL"}
    report["others"] = [{"method": "EVIL", "uri": "EVIL"}, 7, None]
    report["backtrace"] = [{"pc": "EVIL", "function": "EVIL",
                            "source": "EVIL"}, {"module": "EVIL"}, []]
    text = json.dumps(report).replace("EVIL", evil)
    with crashing(start=False) as host:
        plant(host, "1.json", text)
        plant(host, "2.json", '{"backtrace": 3, "registers": [], "others": '
              '"x", "number": {}, "age_ms": null, "what": ["%s"]}' % evil)
        for arguments in ([], ["1"], ["2"], ["--json"], ["--json", "1"]):
            done = host.command("crashes", *arguments)
            assert done.returncode == 0
            out = done.stdout.encode()
            assert not CONTROL.search(out), (arguments, out)
            assert b"[2J" in out
        shown, _ = crashes(host, 1)
        assert shown["what"] == json.loads('"%s"' % evil)
