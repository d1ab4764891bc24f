"""Does the document tell the truth?  What the host takes, refuses and answers,
against what JSON Schema says of the document's schemas (Ajv)."""

import json

import pytest

from lib import build, npm
from lib.declared import Declared, text
from lib.host import Host

BODIES = 40		# of each route


def pointer(number):
    return ("/paths/~1made~1%d/post/requestBody/content/application~1json"
            "/schema" % number)


def host_says(host, number, body):
    reply = host.ask("POST", "/made/%d" % number, text(body).encode(),
                     headers={"Content-Type": "application/json"})
    assert reply.status in (200, 422), (number, body, reply)
    return reply.status == 200, reply


def is_exact(schema):
    """Has it all that the host looks at?"""
    if isinstance(schema, list):
        return all(map(is_exact, schema))
    if not isinstance(schema, dict):
        return True
    return "x-pcre2-pattern" not in schema and all(
        map(is_exact, schema.values()))


@pytest.mark.parametrize("seed", range(3))
def test_bodies_made_by_chance(seed, figure):
    """Breaks when: the document forbids what the host takes, or, where it says
    all that the host looks at, allows what the host refuses."""
    made = Declared(seed + 100, routes=30)
    with Host(handlers=[], openapi_path="/openapi.json") as host:
        host.put("made.so", made.handler("made"))
        host.wait_file("made.so", "serving")
        document = json.loads(host.get("/openapi.json").text)
        checks = [{"schema": pointer(number),
                   "values": [made.body(members) for _ in range(BODIES)]}
                  for number, members in enumerate(made.routes)]
        said = npm.run("openapi.mjs", {"document": document,
                                       "checks": checks})
        assert said["errors"] == []
        counts = {True: 0, False: 0}
        with host.connect() as conn:
            for number, check in enumerate(checks):
                item = document["paths"]["/made/%d" % number]["post"]
                exact = is_exact(item["requestBody"])
                for body, valid in zip(check["values"],
                                       said["answers"][number]):
                    taken, reply = host_says(conn, number, body)
                    counts[taken] += 1
                    assert valid or not taken, (item, body, reply)
                    assert taken or not valid or not exact, (
                        item, body, reply)
        assert min(counts.values()) > 100, counts
        figure("openapi: %d bodies taken, %d refused, the document says the "
               "same" % (counts[True], counts[False]))


def test_job_documents():
    """Breaks when: what is said of a job is not as its schema says."""
    work = build.handler("work", routes=r""",
        { "POST", "/work", .serve = serve, .job = true },
        { "POST", "/fail", .serve = fail, .job = true }""", top=r"""
        static int
        fail(struct fh_request *rq)
        {
            fh_progress(rq, 1, 3, "steps");
            usleep(500 * 1000);
            return fh_problem(rq, 400, "No.");
        }""")
    told = []
    with Host(handlers=[], openapi_path="/openapi.json") as host:
        host.put("work.so", work)
        host.wait_file("work.so", "serving")
        document = json.loads(host.get("/openapi.json").text)
        for path, state in (("/work", "succeeded"), ("/fail", "failed")):
            accepted = host.post(path)
            assert accepted.status == 202
            told.append(json.loads(accepted.text))
            at = accepted.header("Location")
            told.append(json.loads(host.get(at + "?wait=20s").text))
            assert told[-1]["state"] == state
            missing = host.get(at[:-4] + "0000")
            assert missing.status == 404
    assert "progress" in told[-1] and "problem" in told[-1]
    said = npm.run("openapi.mjs", {"document": document, "checks": [
        {"schema": "/components/schemas/Job", "values": told + [{}]}]})
    assert said["errors"] == []
    assert said["answers"] == [[True] * 4 + [False]]
