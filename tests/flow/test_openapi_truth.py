"""Does the document tell the truth?  What the host answers, against what JSON
Schema says of the document's schemas (Ajv)."""

import json

from lib import build, npm
from lib.host import Host

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
