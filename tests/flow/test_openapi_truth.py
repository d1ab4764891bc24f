"""Does the document tell the truth?  What the host takes, refuses and answers,
against what JSON Schema says of the document's schemas (Ajv)."""

import json

import pytest

from lib import build, npm
from lib.asked import Asked, as_json
from lib.declared import Declared, text
from lib.host import Host

BODIES = 40		# of each route
REQUESTS = 30


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


def schemas_of(document, number, inputs):
    """Each input's schema, by its pointer, and whether it is required."""
    at = "/paths/~1asked~1%d~1{p}/post/" % number
    operation = document["paths"]["/asked/%d/{p}" % number]["post"]
    form = at + ("requestBody/content/application~1x-www-form-urlencoded"
                 "/schema/properties/")
    found = {one["name"]: ("%sparameters/%d/schema" % (at, index),
                           one["schema"], one.get("required", False))
             for index, one in enumerate(operation.get("parameters", []))}
    for name, schema in operation.get("requestBody", {}).get(
            "content", {}).get("application/x-www-form-urlencoded", {}).get(
            "schema", {}).get("properties", {}).items():
        required = operation["requestBody"]["content"][
            "multipart/form-data"]["schema"].get("required", [])
        found[name] = (form + name, schema, name in required)
    assert sorted(found) == sorted(one["name"] for one in inputs)
    return found


def faults_of(reply):
    """The names that a 422 tells of, with their places."""
    assert reply.status in (200, 422), reply
    places = {"body": "FORM"}
    return {(places.get(one["loc"][0], one["loc"][0].upper()), one["loc"][1]):
            one["type"] for one in reply.problem(422)["errors"]} if (
                reply.status == 422) else {}


@pytest.mark.parametrize("seed", range(2))
def test_parameters_made_by_chance(seed, figure):
    """Breaks when: of a parameter or a form's field the document and the host
    say different things, or the host tells of one that is sound."""
    made = Asked(seed + 200, routes=12)
    with Host(handlers=[], openapi_path="/openapi.json") as host:
        host.put("asked.so", made.handler("asked"))
        host.wait_file("asked.so", "serving")
        document = json.loads(host.get("/openapi.json").text)
        asked = []
        with host.connect() as conn:
            for number in range(len(made.routes)):
                for _ in range(REQUESTS):
                    one = made.request(number)
                    asked.append((one, faults_of(one.ask(conn))))
    judged, values = [], {}
    for one, faults in asked:
        schemas = schemas_of(document, one.number, one.inputs)
        for declared in one.inputs:
            name, texts = declared["name"], one.sent[declared["name"]]
            at, schema, required = schemas[name]
            fault = faults.pop((declared["in"], name), None)
            if not texts:
                assert fault == ("missing" if required else None)
            elif len(texts) > 1 and declared["type"] != "ARRAY":
                assert fault == "repeated"
            else:
                values.setdefault(at, []).append(as_json(declared, texts))
                judged.append((at, declared, texts, schema, fault))
        assert faults == {}
    said = npm.run("openapi.mjs", {"document": document, "checks": [
        {"schema": at, "values": made} for at, made in values.items()]})
    assert said["errors"] == []
    answers = dict(zip(values, map(iter, said["answers"])))
    counts = {True: 0, False: 0}
    for one in judged:
        at, _, _, schema, fault = one
        valid, taken, exact = next(answers[at]), fault is None, is_exact(schema)
        counts[taken] += 1
        assert valid or not taken, one
        assert taken or not valid or not exact, one
    assert min(counts.values()) > 300, counts
    figure("openapi: %d parameters taken, %d refused, the document says the "
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
