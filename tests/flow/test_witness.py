"""`fcgi-host witness`: a crash, or a process that is slow, in words."""

import json
import os
import re
import signal
import struct
import subprocess
import time

import pytest

from lib.host import BINARY, BUILD, SOURCE

CRASHER = os.path.join(BUILD, "tests/fixtures/witness_crash")
TEXT = os.path.join(SOURCE, "tests/fixtures/witness_crash.c")
MAGIC = 0x66682d6372617368
LIMIT = 256 << 10


def line_of(comment):
    """The number of the line in witness_crash.c with this comment."""
    with open(TEXT, encoding="ascii") as file:
        return [number for number, line in enumerate(file, 1)
                if f"/* {comment} */" in line][0]


def run(arguments, record=None, **options):
    """Starts a process that has the record as descriptor 3."""
    if record is not None:
        arguments = ["/bin/sh", "-c",
                     f'exec "$0" "$@" 3<>/proc/self/fd/{record}', *arguments]
        options["pass_fds"] = [record]
    return subprocess.Popen(arguments, **options)


def crash(*how):
    """The record of a witness_crash, as a descriptor."""
    record = os.memfd_create("record", 0)
    process = run([CRASHER, *how], record)
    process.wait(20)
    assert process.returncode < 0, "it did not crash"
    return record


def witness(*arguments, record=None, env=None):
    """The report; whatever was asked, it is one JSON object."""
    process = run([BINARY, "witness", *arguments], record, env=env,
                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    text, log = process.communicate(timeout=20)
    assert process.returncode == 0, log
    assert len(text) < LIMIT
    return json.loads(text.decode("utf-8"))


def report_of(*how, **options):
    record = crash(*how)
    try:
        return witness("crash", record=record, **options)
    finally:
        os.close(record)


def functions(report):
    return [frame.get("function") for frame in report["backtrace"]]


@pytest.mark.parametrize("thread", [(), ("thread",)])
def test_frames_are_those_of_the_crash(thread):
    """Breaks when: a frame is missing, an inlined call is not shown, a line is
    that of the next call, or a thread's stack is not unwound."""
    report = report_of("null", *thread)
    assert report["signal"] == "SIGSEGV" and report["what"] == "wrote to NULL + 16"
    assert report["address"] == "0x10" and report["unwound"] == "dwarf"
    assert functions(report)[:3] == ["inlined_touch", "touch", "fail"]
    assert ("in_thread" if thread else "main") in functions(report)
    first, second = report["backtrace"][:2]
    assert first["inlined"] is True and "inlined" not in second
    assert first["source"].endswith(
        f"witness_crash.c:{line_of('touched here')}")
    assert second["source"].endswith(
        f"witness_crash.c:{line_of('inlined here')}")
    assert first["module"] == CRASHER
    assert re.fullmatch("[0-9a-f]{16,}", first["build_id"])
    assert len(report["registers"]) > 8 and "error" not in report


@pytest.mark.parametrize("how, number, what", [
    ("model", "SIGSEGV",
     'wrote to read-only model "sentiment" at offset 1234'),
    ("past", "SIGSEGV", 'wrote past the end of model "sentiment"'),
    ("code", "SIGSEGV", f"wrote to read-only memory of {CRASHER}"),
    ("overflow", "SIGSEGV", "stack overflow"),
    ("divide", "SIGFPE", "integer division by zero"),
    ("abort", "SIGABRT", "abort: the cache is empty"),
])
def test_words(how, number, what):
    """Breaks when: what the kernel really says is not what is looked for."""
    report = report_of(how)
    assert (report["signal"], report["what"]) == (number, what)
    assert len(report["backtrace"]) > 1


def test_a_stack_overflow_has_as_many_frames_as_are_shown():
    """Breaks when: endless recursion makes an endless report."""
    report = report_of("overflow", "thread")
    assert report["what"] == "stack overflow"
    assert functions(report)[:64] == ["overflow"] * 64


def test_who_jumped_to_nowhere_is_found():
    """Breaks when: a call through a NULL pointer has a frame without code and
    no caller."""
    report = report_of("jump")
    assert report["what"] == "jumped to NULL"
    assert report["backtrace"][0]["pc"] == "0x0"
    assert functions(report)[1:3] == ["jump", "fail"]


def test_nobody_is_asked_for_debug_information():
    """Breaks when: a crash connects to a server that the environment names."""
    report = report_of("null", env={
        **os.environ, "DEBUGINFOD_URLS": "http://127.0.0.1:9/",
        "DEBUGINFOD_VERBOSE": "1"})
    assert functions(report)[1] == "touch"


def test_a_record_that_is_none():
    """Breaks when: what is not there, or not whole, is more than an error."""
    for content in (b"", b"\0" * 4096, b"x" * 100,
                    struct.pack("<Q", MAGIC) + b"\xff" * 100):
        record = os.memfd_create("record", 0)
        os.write(record, content)
        assert list(witness("crash", record=record)) == ["error"]
        os.close(record)


def hostile_records():
    """Good records with one part overwritten."""
    good = crash("null")
    size = os.fstat(good).st_size
    bytes_ = os.pread(good, size, 0)
    os.close(good)
    for at in range(8, 512, 24):
        for filling in (b"\xff" * 24, b"\x00" * 24, b"\x7f" * 24):
            yield bytes_[:at] + filling + bytes_[at + 24:]
    for length in (1000, 5000, 300000, size - 1000):
        yield bytes_[:length]


def test_hostile_records():
    """Breaks when: a length, an address or a count in a record is believed."""
    for content in list(hostile_records())[::4]:
        record = os.memfd_create("record", 0)
        os.write(record, content)
        witness("crash", record=record)
        os.close(record)


def test_files_that_harm_who_reads_them(tmp_path):
    """Breaks when: a map that names a pipe, a device or a broken file hangs or
    ends the witness."""
    pipe, broken = str(tmp_path / "pipe"), str(tmp_path / "broken")
    os.mkfifo(pipe)
    with open(CRASHER, "rb") as file:
        content = bytearray(file.read())
    content[64:4096] = os.urandom(4096 - 64)
    with open(broken, "wb") as file:
        file.write(content)
    good = crash("null")
    text = os.pread(good, os.fstat(good).st_size, 0)
    os.close(good)
    for path in (pipe, "/dev/zero", broken, "/"):
        record = os.memfd_create("record", 0)
        os.write(record, text.replace(
            b" " + CRASHER.encode(), b" " + path.encode().ljust(
                len(CRASHER), b"/")[:max(len(path), 1)].ljust(
                len(CRASHER))))
        report = witness("crash", record=record)
        assert report["what"] == "wrote to NULL + 16"
        os.close(record)


def wait_until_it_sleeps(process):
    """It has loaded what it needs, and waits in nanosleep()."""
    for _ in range(1000):
        with open(f"/proc/{process.pid}/syscall", encoding="ascii") as file:
            if file.read().split()[0] in ("230", "35", "115", "101"):
                return
        time.sleep(0.001)
    raise AssertionError("it does not sleep")


def test_a_slow_process_goes_on():
    """Breaks when: a look ends a sleep early or late, or leaves the process
    stopped or traced."""
    process = run(["sleep", "1"])
    wait_until_it_sleeps(process)
    report = witness("slow", str(process.pid))
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        status = file.read()
    assert re.search(r"^TracerPid:\t0$", status, re.M)
    assert re.search(r"^State:\t[SR]", status, re.M)
    assert any("nanosleep" in (name or "") for name in functions(report))
    assert report["stopped_us"] < 500_000 and "signal" not in report
    assert process.wait(10) == 0


def test_a_process_that_may_not_be_looked_at():
    """Breaks when: who is not there, or forbidden, is a crash of ours."""
    process = run(["sleep", "10"])
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert list(witness("slow", str(process.pid))) == ["error"]


def test_names_of_cxx(tmp_path):
    """Breaks when: a C++ function has the name that the linker knows."""
    source, program = str(tmp_path / "p.cc"), str(tmp_path / "p")
    with open(source, "w", encoding="ascii") as file:
        file.write("""
#include <string>
#include <unistd.h>
namespace shop {
struct basket {
    __attribute__((noinline)) int wait(const std::string &text, int n) {
        if (write(1, "!", 1) == 1)
            for (volatile int i = 0; i >= 0; i = (i + n) & 0xffff)
                ;
        return (int)text.size();
    }
};
}
int main() { shop::basket one; return one.wait("x", 1) + 1; }
""")
    subprocess.run(["c++", "-g", "-O1", "-o", program, source], check=True)
    process = subprocess.Popen([program], stdout=subprocess.PIPE)
    assert process.stdout.read(1) == b"!"
    names = functions(witness("slow", str(process.pid)))
    process.kill()
    process.communicate()
    assert any(name.startswith("shop::basket::wait(std::") for name in names)
    assert "main" in names


def test_frame_pointers_where_no_file_can_be_read():
    """Breaks when: without any of the files that were mapped there are no
    callers, other ones than with them, or nobody says how they were found."""
    record = crash("jump")
    with_files = witness("crash", record=record)
    content = os.pread(record, os.fstat(record).st_size, 0)
    os.pwrite(record, re.sub(rb" /[a-z]", b" /_", content), 0)
    report = witness("crash", record=record)
    os.close(record)
    assert report["unwound"] == "frame pointers"
    assert set(functions(report)) == {None}
    expected = [frame["pc"] for frame in with_files["backtrace"]
                if "inlined" not in frame]
    assert [frame["pc"] for frame in report["backtrace"]][:4] == expected[:4]
