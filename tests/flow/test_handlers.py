"""The example handlers do what their first comments promise.

sentiment and sentiment-lib are compared with Debian's `fasttext predict-prob`
on lines the model has not seen; train runs on SQLite and on a real PostgreSQL
server that the tests start and stop.
"""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from urllib.parse import quote

import pytest

from lib.host import BINARY, SOURCE, Host, memory, shared_object
from lib.fcgi import Closed, request, wait_until
from lib.jobs import accept
from lib.postgresql import PostgreSQL

SCRIPTS = os.path.join(SOURCE, "handlers")
SMALL = ["-dim", "8", "-thread", "1", "-epoch", "5"]


def script(name, *arguments):
    done = subprocess.run([os.path.join(SCRIPTS, name), *map(str, arguments)],
                          stdout=subprocess.PIPE, timeout=80, check=True)
    return done.stdout


# ------------------------------------------------------------ in one process

def call(method, target, body=None, handlers=("hello",), config="",
         expect=0, headers=()):
    """`fcgi-host call` in a folder of its own: (exit code, body, log)."""
    with tempfile.TemporaryDirectory(prefix="fh-call-") as folder:
        os.mkdir(os.path.join(folder, "handlers"))
        os.mkdir(os.path.join(folder, "state"))
        for name in handlers:
            shutil.copy(shared_object(name), os.path.join(folder, "handlers"))
        file = os.path.join(folder, "host.conf")
        with open(file, "w") as out:
            out.write('handlers = "%s/handlers"\nstate_dir = "%s/state"\n%s'
                      % (folder, folder, config))
        command = [BINARY, "call", "-c", file, method, target]
        for line in headers:
            command += ["-H", line]
        if body is not None:
            data = os.path.join(folder, "body")
            with open(data, "wb") as out:
                out.write(body if isinstance(body, bytes) else body.encode())
            command += ["-d", "@" + data]
        done = subprocess.run(command, capture_output=True, timeout=60)
    log = done.stderr.decode(errors="replace")
    assert "Sanitizer" not in log and "runtime error" not in log, log
    assert done.returncode == expect, (done.returncode, done.stdout, log)
    return done.stdout.decode(errors="replace"), log


def test_hello_is_the_same_sync_and_async():
    """Breaks when: the tag changes what a handler does."""
    one, _ = call("GET", "/hello")
    two, _ = call("GET", "/hello-async")
    assert one == two == "Hello, world!\n"


@pytest.mark.parametrize("query", ["", "?seconds=", "?seconds=x",
                                   "?seconds=-1", "?seconds=nan",
                                   "?seconds=3601", "?seconds=1x"])
def test_sleep_wants_a_number(query):
    """Breaks when: strtod's leniency is taken for a check."""
    text, _ = call("GET", "/sleep" + query, handlers=["sleep"], expect=1)
    assert json.loads(text)["status"] == 422


def test_sleep_sleeps():
    """Breaks when: it returns before its time."""
    start = time.monotonic()
    text, _ = call("GET", "/sleep?seconds=0.6", handlers=["sleep"])
    assert text == "slept 0.6 s\n" and time.monotonic() - start >= 0.6


def test_sleep_wakes_when_nobody_waits():
    """Breaks when: fh_cancelled() is not looked at."""
    with Host(handlers=["sleep"], pools={"default": {"workers": 1}}) as host:
        conn = host.connect()
        conn.send(request("GET", "/sleep?seconds=60"))
        worker = host.pid_of("worker")
        wait_until(lambda: busy(host) == 1, what="a busy worker")
        conn.close()
        wait_until(lambda: busy(host) == 0, 5, "an idle worker")
        assert host.pid_of("worker") == worker


def busy(host):
    """How many requests run in the pools, however status spells it."""
    return sum(pool["busy"] for pool in host.status()["pools"])


def test_echo_shows_what_was_sent():
    """Breaks when: a part of the request gets lost or mixed up."""
    text, _ = call("POST", "/echo?a=1&b=%C3%BC&a=2", "x=1&y=a+b",
                   handlers=["echo"], headers=[
                       "Content-Type: application/x-www-form-urlencoded",
                       "Cookie: one=1; two=2", "X-Test: yes"])
    got = json.loads(text)
    assert got["method"] == "POST" and got["path"] == "/echo"
    assert got["query"] == {"a": ["1", "2"], "b": "ü"}
    assert got["form"] == {"x": "1", "y": "a b"}
    assert got["cookies"] == {"one": "1", "two": "2"}
    assert got["headers"]["x-test"] == "yes"
    assert got["body"] == "x=1&y=a+b" and got["body_length"] == 9
    assert got["params"]["REQUEST_METHOD"] == "POST"


def test_echo_is_json_whatever_comes():
    """Breaks when: bytes that are not UTF-8 get into a JSON string."""
    body = bytes(range(256)) + "ü€😀".encode() + b"\xed\xa0\x80\xf4\x90\x80\x80"
    text, _ = call("POST", "/echo?x=%ff%00%fe", body, handlers=["echo"])
    got = json.loads(text)
    assert got["body_length"] == len(body)
    assert got["body"].startswith("".join(map(chr, range(128))) + "?")
    assert "ü€😀" in got["body"]


def test_upload_tells_length_and_hash():
    """Breaks when: a large body is cut, or read twice."""
    data = random.Random(1).randbytes(3 << 20)
    for body in (data, b"", b"abc"):
        text, _ = call("POST", "/upload", body, handlers=["upload"])
        got = json.loads(text)
        assert got["bytes"] == len(body)
        assert got["sha256"] == hashlib.sha256(body).hexdigest()


def test_upload_is_spooled_over_the_limit():
    """Breaks when: a large body goes through the heap."""
    with Host(handlers=["upload"], body_memory="64 KiB") as host:
        for size, spooled in ((1 << 20, True), (1000, False)):
            got = host.post("/upload", b"x" * size).json
            assert got["bytes"] == size and got["spooled"] == spooled


def test_stream_counts():
    """Breaks when: a line is lost at a flush."""
    text, _ = call("GET", "/stream?count=50&interval_ms=0",
                   handlers=["stream"])
    assert text == "".join("line %d of 50\n" % i for i in range(1, 51))
    assert call("GET", "/stream?count=0", handlers=["stream"])[0] == ""
    for query in ("count=x", "count=-1", "count=1000001", "interval_ms=1s"):
        text, _ = call("GET", "/stream?" + query, handlers=["stream"],
                       expect=1)
        assert json.loads(text)["status"] == 422


def test_stream_that_is_out_of_time_is_broken_off():
    """Breaks when: a reply that was cut short looks whole."""
    with Host(handlers=["stream"],
              routes={"GET /stream": {"timeout": "700ms"}}) as host:
        with host.connect() as conn:
            conn.send(request("GET", "/stream?count=1000&interval_ms=50"))
            got = b""
            with pytest.raises(Closed):
                for piece in conn.stdout():
                    got += piece
        assert b"line 2 of 1000" in got


def test_fcgx_runs_a_libfcgi_body():
    """Breaks when: FCGX_ functions don't see the request."""
    text, _ = call("POST", "/fcgx?q=1", "a\nb\n", handlers=["fcgx"])
    lines = text.splitlines()
    assert lines[:3] == ["method POST", "query q=1",
                         "body 4 bytes, 2 lines"]
    assert "param CONTENT_LENGTH=4" in lines


# ---------------------------------------------------------------- sentiment

@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def model(folder):
    path = folder / "small.bin"
    script("sentiment/train-model", "--small", path)
    assert sorted(os.listdir(folder)) == ["small.bin"]	# no scratch is left
    return str(path)


@pytest.fixture(scope="module")
def held_out():
    text = script("sentiment/make-text", "--held-out", "--lines", 300)
    return [line.partition(" ") for line in text.decode().splitlines()]


def odd_lines():
    """What nobody would write."""
    r = random.Random(4)
    words = ["good", "awful", "film", "café", "not", "</s>", "zzz", "Good",
             "__label__negative", "__label__none", "x" * 300, "中文", "😀",
             "\x0b", "good\x0cfilm", "\u200b", "\xa0"]
    return ["good", "zzz", "</s>", "</s> awful", "__label__positive", "-"] + [
        " ".join(r.choice(words) for _ in range(r.randint(1, 12)))
        for _ in range(60)]


def fasttext(model, lines):
    """[(label, probability)] as Debian's fasttext says.

    Its program takes "</s>" within a line for the end of it and goes on with
    the rest as another line; here the first counts.
    """
    first = [re.split(r"(?:^|(?<=\s))</s>(?=\s|$)", line)[0] + "\n"
             for line in lines]
    done = subprocess.run(["fasttext", "predict-prob", model, "-"],
                          input="".join(first), stdout=subprocess.PIPE,
                          text=True, check=True)
    out = [line.split() for line in done.stdout.splitlines()]
    assert len(out) == len(lines)
    return [(label.replace("__label__", ""), float(p)) for label, p in out]


def sentiment_config(name, model, kind):
    return 'model "%s" {\n\tpath = "%s"\n\tkind = %s\n}\n' % (name, model,
                                                             kind)


def assert_same(got, wanted):
    assert len(got) == len(wanted)
    for answer, (label, probability) in zip(got, wanted):
        assert answer["label"] == label
        assert abs(answer["probability"] - probability) <= 1e-4


def ask_list(model, lines):
    text, _ = call("POST", "/sentiment", json.dumps(lines),
                   handlers=["sentiment"],
                   config=sentiment_config("sentiment", model, "file"))
    return json.loads(text)


def test_made_text_is_the_same_every_time():
    """Breaks when: make-text depends on anything but its arguments."""
    one = script("sentiment/make-text", "--lines", 50)
    assert one == script("sentiment/make-text", "--lines", 50)
    assert one != script("sentiment/make-text", "--lines", 50, "--seed", 2)
    assert one != script("sentiment/make-text", "--lines", 50, "--held-out")


def test_sentiment_answers_as_fasttext_does(model, held_out):
    """Breaks when: a hash, a row or the loss differs from fastText's."""
    lines = [text for _, _, text in held_out]
    got = ask_list(model, lines)
    assert_same(got, fasttext(model, lines))
    right = sum("__label__" + answer["label"] == label
                for answer, (label, _, _) in zip(got, held_out))
    assert right >= 0.9 * len(lines)


def test_sentiment_answers_odd_lines_as_fasttext_does(model):
    """Breaks when: tokens, labels in the text or line ends are seen
    differently."""
    lines = odd_lines()
    assert_same(ask_list(model, lines), fasttext(model, lines))


@pytest.mark.parametrize("options", [
    [], ["-wordNgrams", "4", "-bucket", "500"],
    ["-minn", "2", "-maxn", "4", "-wordNgrams", "2", "-bucket", "900"],
    ["-loss", "ova", "-minn", "1", "-maxn", "2", "-bucket", "300"]])
def test_sentiment_reads_every_way_of_training(folder, held_out, options):
    """Breaks when: an argument in the model's header is not heeded."""
    text = folder / "text"
    text.write_bytes(script("sentiment/make-text", "--lines", 1500))
    subprocess.run(["fasttext", "supervised", "-input", text, "-output",
                    folder / "other", *SMALL, *options], check=True,
                   capture_output=True)
    path = str(folder / "other.bin")
    lines = [text for _, _, text in held_out[:100]] + odd_lines()
    assert_same(ask_list(path, lines), fasttext(path, lines))


def test_sentiment_refuses_a_model_it_cannot_read(folder, model):
    """Breaks when: a wrong model is served, or refused without a reason."""
    text = folder / "text"
    text.write_bytes(script("sentiment/make-text", "--lines", 500))
    quantized = ["-output", folder / "quantized", "-wordNgrams", "2",
                 "-bucket", "400"]
    for command in (["supervised", "-loss", "hs", "-output", folder / "hs"],
                    ["supervised", *quantized], ["quantize", *quantized]):
        subprocess.run(["fasttext", *command, "-input", text, *SMALL],
                       check=True, capture_output=True)
    with open(model, "rb") as file:
        (folder / "cut").write_bytes(file.read()[:-1])
    (folder / "text-only").write_text("good film\n" * 100)
    for name, reason in (("hs.bin", "loss hs"), ("quantized.ftz", "quantized"),
                         ("cut", "cut off"),
                         ("text-only", "not a fastText model")):
        _, log = call(
            "GET", "/sentiment?text=good", handlers=["sentiment"], expect=1,
            config=sentiment_config("sentiment", folder / name, "file"))
        assert reason in log, (name, log)


def test_sentiment_takes_only_texts(model):
    """Breaks when: bad input gets an answer, or a fault is not named."""
    config = sentiment_config("sentiment", model, "file")
    for body, status, says in (
            ("[", 400, "byte"), ("{}", 422, "list"), ("[]", 422, "0 texts"),
            ("null", 422, "list"), ('["good", ""]', 422, "text 1 is empty"),
            ('[1, " ", null]', 422, "text 0 is not a string; text 1 is empty;"
             " text 2 is not a string"),
            (json.dumps(["a"] * 1001), 422, "1001 texts"),
            (json.dumps(["a" * 200000] * 2), 422, "256 KiB")):
        text, _ = call("POST", "/sentiment", body, handlers=["sentiment"],
                       config=config, expect=1)
        got = json.loads(text)
        assert got["status"] == status and says in got["detail"], got
    for query in ("", "?text=", "?text=+%09", "?txt=good"):
        text, _ = call("GET", "/sentiment" + query, handlers=["sentiment"],
                       config=config, expect=1)
        assert json.loads(text)["status"] == 422


def test_sentiment_without_a_model_is_503():
    """Breaks when: a handler without its model crashes or is not there."""
    for name, target in (("sentiment", "/sentiment?text=good"),
                         ("sentiment-lib", "/sentiment-lib?text=good")):
        text, _ = call("GET", target, handlers=[name], expect=1)
        assert json.loads(text)["status"] == 503


def test_sentiment_lib_answers_as_fasttext_does(model, held_out):
    """Breaks when: an object made before the fork is not whole after it."""
    lines = [text for _, _, text in held_out[:150]] + [
        line for line in odd_lines() if not line.isspace()]
    with Host(handlers=["sentiment", "sentiment-lib"], models={
            "sentiment": {"path": model, "kind": "file"},
            "sentiment-lib": {"path": model, "kind": "preload"}}) as host:
        for name in ("sentiment", "sentiment-lib"):
            with host.connect() as conn:
                assert_same([conn.get("/%s?text=%s" % (name, quote(line))).json
                             for line in lines], fasttext(model, lines))
        assert host.get("/sentiment-lib").problem(422)
        assert host.get("/sentiment-lib?text=%0A").problem(422)


def test_sentiment_lib_says_why_a_model_does_not_load(folder):
    """Breaks when: an exception of the library ends the process."""
    path = folder / "no-model"
    path.write_text("good film\n")
    text, log = call(
        "GET", "/sentiment-lib?text=good", handlers=["sentiment-lib"],
        expect=1, config='model "sentiment-lib" {\n\tpath = "%s"\n'
        '\tkind = preload\n\trequired = false\n}\n' % path)
    assert "sentiment-lib" in log and "wrong file format" in log, log


def test_the_big_model(tmp_path, held_out):
    """Breaks when: half a gigabyte is read differently from five megabytes,
    or is in memory more than once."""
    path = str(tmp_path / "big.bin")
    script("sentiment/train-model", path)
    size = os.path.getsize(path)
    assert 500_000_000 < size < 550_000_000
    lines = [text for _, _, text in held_out]
    with Host(handlers=["sentiment"], routes={
            "POST /sentiment": {"async": True}}, pools={
                "default": {"workers": 3}}, models={
                    "sentiment": {"path": path, "kind": "file"}}) as host:
        with host.connect() as conn:
            got = [conn.get("/sentiment?text=" + quote(line)).json
                   for line in lines[:100]]
            for _ in range(6):
                assert_same(conn.post("/sentiment", json.dumps(lines)).json,
                            fasttext(path, lines))
        assert_same(got, fasttext(path, lines[:100]))
        private = sum(memory(pid, "Private_Dirty")
                      for pid in host.processes())
        assert private < size / 4
    os.unlink(path)


# -------------------------------------------------------------------- train

def make_rows(path, *options):
    script("train/make-rows", *options, path)
    return str(path)


def truth(count=300):
    """Rows nobody has trained on: [(features, label)]."""
    lines = script("train/make-rows", "--sql", "--rows", count, "--seed",
                   77).decode().splitlines()
    rows = [line.split("\t") for line in lines if line.count("\t") == 4]
    assert len(rows) == count
    return [([None if x == "\\N" else float(x) for x in row[:4]],
             int(row[4])) for row in rows]


def share_right(host, version):
    rows = truth()
    reply = host.post("/score", json.dumps(
        [{"features": features} for features, _ in rows])).json
    assert reply["version"] == version and len(reply["scores"]) == len(rows)
    return sum((score > 0.5) == bool(label) for score, (_, label)
               in zip(reply["scores"], rows)) / len(rows)


def train_host(database, workers=2, **settings):
    keywords = {"handlers": ["train"], "jobs_attempts": 1, "settings": {
        "train": dict({"database": database} if database else {},
                      **settings)}}
    return Host(pools={"default": {"workers": workers}}, **keywords)


def train(host):
    """What a job of POST /train comes to."""
    return accept(host, "/train").wait()["result"]["body"]


def train_fails(host):
    """Its problem document."""
    return accept(host, "/train").wait("failed")["problem"]


@pytest.fixture
def rows(tmp_path):
    return make_rows(tmp_path / "rows.sqlite")


def check_learning(host):
    assert host.post("/score", '{"features":[0,0,0,0]}').problem(409)
    got = train(host)
    assert got["version"] == 1 and got["rows"] == 5000
    assert got["skipped"] == 0 and got["held_out"] == 1000
    assert got["accuracy"] > 0.85
    assert share_right(host, 1) > 0.85
    one = host.post("/score", '{"features":[0.9,0.5,0.5,-0.5]}').json
    assert one["score"] > 0.9 and one["version"] == 1
    one = host.post("/score", '{"features":[-0.9,-0.5,0.5,null]}').json
    assert one["score"] < 0.1
    assert train(host)["version"] == 2
    for _ in range(20):		# by whichever worker
        reply = host.post("/score", '{"features":[0,0,0,0]}').json
        assert reply["version"] == 2


def test_train_learns_from_sqlite(rows):
    """Breaks when: a model is not stored, or a worker stays with an old
    one."""
    with train_host(rows, workers=3) as host:
        check_learning(host)
    with train_host(rows) as host:		# and after a restart
        assert share_right(host, 2) > 0.85


def test_train_keeps_five_models(rows):
    """Breaks when: the database grows with every training."""
    with train_host(rows, rounds=2) as host:
        for version in range(1, 9):
            assert train(host)["version"] == version
    with sqlite3.connect(rows) as database:
        kept = [row[0] for row in database.execute(
            "SELECT version FROM fcgi_host_models ORDER BY version")]
    assert kept == [4, 5, 6, 7, 8]


def test_score_names_every_fault(rows):
    """Breaks when: bad input reaches the model."""
    with train_host(rows, rounds=2) as host:
        train(host)
        for body, status, says in (
                ("nope", 400, "byte"), ("[]", 422, "0 rows"),
                ("{}", 422, "row 0 needs"),
                ('{"features":[1,2,3]}', 422, "has 3 features, the model 4"),
                ('[{"features":[1,2,3,4]},{"features":[1,2,3,"4"]},7]', 422,
                 "row 1 has a feature 3 that is neither a number nor null; "
                 "row 2 needs")):
            reply = host.post("/score", body)
            assert says in reply.json["detail"] and reply.status == status


def test_train_checks_its_settings(rows):
    """Breaks when: a name from the configuration gets into SQL unchecked."""
    for settings, says in (
            ({"table": "samples; DROP TABLE samples"}, '"table"'),
            ({"features": "x1,,x2"}, '"features"'),
            ({"label": "1"}, '"label"'), ({"rounds": "0"}, '"rounds"'),
            ({"max_rows": "many"}, '"max_rows"')):
        with train_host(rows, workers=1, **settings) as host:
            problem = train_fails(host)
            assert problem["status"] == 503 and says in problem["detail"]


def test_train_without_a_database_says_so():
    """Breaks when: a missing setting is a crash, or a riddle."""
    with train_host(None, workers=1) as host:
        reply = host.post("/score", "{}")
        assert reply.status == 503
        for problem in (reply.json, train_fails(host)):
            assert '"database" is missing' in problem["detail"]


def test_train_opens_a_database_that_comes_later(tmp_path):
    """Breaks when: a failed worker_init is the end of it."""
    path = tmp_path / "later.sqlite"
    with train_host(path, workers=1) as host:
        host.wait_log(r"unable to open database file")
        assert train_fails(host)["status"] == 503
        make_rows(path)
        assert train(host)["version"] == 1


def test_train_says_what_the_table_lacks(tmp_path):
    """Breaks when: too little to learn from makes a model, or a crash."""
    path = make_rows(tmp_path / "few.sqlite", "--rows", 19)
    with train_host(path, workers=1) as host:
        problem = train_fails(host)
        assert problem["status"] == 409 and "19 rows" in problem["detail"]
        with sqlite3.connect(path) as database:
            database.execute("INSERT INTO samples SELECT NULL, NULL, NULL, "
                             "NULL, 1")
            database.execute("INSERT INTO samples VALUES (1, 1, 1, 1, NULL)")
            database.execute("INSERT INTO samples VALUES (1, 1, 1, 1, 'no')")
        got = train(host)
        assert got["rows"] == 20 and got["skipped"] == 2
        with sqlite3.connect(path) as database:
            database.execute("DROP TABLE samples")
        assert train_fails(host)["status"] == 500
        host.wait_log("no such table: samples")


def test_train_stops_when_the_time_is_up(rows):
    """Breaks when: fh_cancelled() is not looked at between rounds."""
    with Host(handlers=["train"], pools={"default": {"workers": 1}},
              kill_grace="20s", routes={"POST /train": {"timeout": "1s"}},
              jobs_attempts=1,
              settings={"train": {"database": rows, "rounds": 10000,
                                  "depth": 12}}) as host:
        worker = host.pid_of("worker")
        assert train_fails(host)["status"] == 504
        start = time.monotonic()
        assert host.post("/score", '{"features":[0,0,0,0]}').status == 409
        assert time.monotonic() - start < 10
        assert host.pid_of("worker") == worker


def test_train_is_a_job(rows):
    """Breaks when: training that its worker did not survive is lost, nobody
    sees how far it is, or it cannot be stopped."""
    with Host(handlers=["train"], pools={"default": {"workers": 1}},
              jobs_retry="50ms", settings={"train": {
                  "database": rows, "rounds": 10000, "depth": 8}}) as host:
        job = accept(host, "/train")
        wait_until(lambda: job.look().get("progress"))
        os.kill(host.pid_of("worker"), signal.SIGKILL)
        wait_until(lambda: job.look()["attempts"] == 2
                   and job.look().get("progress"))
        progress = job.look()["progress"]
        assert progress["total"] == 10000 and progress["text"] == "trees"
        worker = host.pid_of("worker")
        assert job.delete().status in (202, 204)
        job.wait("cancelled")
        assert host.post("/score", '{"features":[0,0,0,0]}').status == 409
        assert host.pid_of("worker") == worker


# --------------------------------------------------------------- PostgreSQL

@pytest.fixture(scope="module")
def server():
    with PostgreSQL() as one:
        yield one


@pytest.fixture
def tables(server):
    """A server with fresh tables."""
    server.run("DROP TABLE IF EXISTS samples, fcgi_host_models;")
    server.run(script("train/make-rows", "--sql").decode())
    return server


def test_train_learns_from_postgresql(tables):
    """Breaks when: the PostgreSQL back end differs from SQLite's."""
    with train_host(tables.uri, workers=3) as host:
        check_learning(host)
        assert tables.connections() == 3	# one a thread, no more
    wait_until(lambda: tables.connections() == 0, what="closed connections")


def test_train_survives_a_restart_of_the_server(tables):
    """Breaks when: a connection that died stays dead."""
    with train_host(tables.uri, workers=1) as host:
        worker = host.pid_of("worker")
        assert train(host)["version"] == 1
        tables.restart()
        assert share_right(host, 1) > 0.85
        tables.restart()
        assert train(host)["version"] == 2
        tables.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                   "WHERE application_name = 'fcgi-host train';")
        assert train(host)["version"] == 3
        assert host.pid_of("worker") == worker


def test_train_answers_while_the_server_is_down(tables):
    """Breaks when: a dead server hangs a request, or its return is missed."""
    with train_host(tables.uri, workers=1) as host:
        assert train(host)["version"] == 1
        tables.stop()
        try:
            reply = host.post("/score", '{"features":[0,0,0,0]}')
            assert reply.status == 503 and reply.header("retry-after")
            assert train_fails(host)["status"] == 503
        finally:
            tables.start()
        assert host.post("/score", '{"features":[0,0,0,0]}').json[
            "version"] == 1


def test_train_starts_before_its_server(tables):
    """Breaks when: a server that is down at start keeps the host down."""
    tables.stop()
    try:
        with train_host(tables.uri, workers=1) as host:
            host.wait_log("the next request tries again")
            assert train_fails(host)["status"] == 503
            tables.start()
            assert train(host)["version"] == 1
    finally:
        if not tables.running:
            tables.start()


def test_a_password_stays_out_of_the_log(tmp_path):
    """Breaks when: a connection string is logged or sent."""
    uri = "postgresql://u:s3cret@/db?host=%s" % tmp_path
    with train_host(uri, workers=1) as host:
        assert "s3cret" not in json.dumps(train_fails(host))
        host.wait_log("database: ")
        assert "s3cret" not in host.log()
