"""The OpenAPI document: valid, whole, and the truth about what is served."""

import json
import os
import shutil

import pytest

from lib import build, npm
from lib.declared import Declared
from lib.tools import Tools

ALL = r"""
    { "POST", "/all/{id}/{rest...}", .serve = serve, .async = true,
      .summary = "takes \"all\"", .description = "Of **every** type.",
      .tags = " b , a", .deprecated = true, .inputs = INPUTS, .responses = RESPONSES },
    { "GET", "/all/{id}", .serve = serve, .tags = "a" },
    { "PUT", "/all/{name}", .serve = serve },
    { "GET", "/all/{rest...}", .serve = serve, .summary = "left out" },
    { "GET PURGE", "/hidden", .serve = serve, .hidden = true },
    { "PURGE", "/other", .serve = serve },
    { "POST", "/form", .serve = serve, .inputs = FH_VALUES(
      { FH_VALUE(STRING, "user"), .in = FH_IN_FORM, .required = true },
      { FH_VALUE(STRING, "word"), .in = FH_IN_FORM, .secret = true }) },
    { "POST", "/files", .serve = serve, .inputs = FH_VALUES(
      { FH_VALUE(FILE, "any"), .about = "which" },
      { FH_VALUE(FILE, "one"), .required = true, .max_length = 9,
        .media_types = FH_MEDIA_TYPES("image/png") },
      { FH_VALUE(ARRAY, "many"), .max_length = 3, .items = FH_ITEMS(
        FH_ITEM(FILE), .media_types = FH_MEDIA_TYPES("text/csv", "image/*")) },
      { FH_VALUE(STRING, "user"), .in = FH_IN_FORM }) },
    { "POST", "/whole", .serve = serve, .inputs = FH_VALUES(
      { FH_VALUE(ARRAY, "list"), .in = FH_IN_WHOLE_BODY, .required = true,
        .items = FH_ITEMS(FH_ITEM(NUMBER), .above = "0") }) }
"""

TOP = r"""
struct node { const char *name; };
struct every {
    int64_t id, top;
    bool deep;
    double number;
    const char *rest, *session, *text, *odd;
    FH_LIST(const char *) tags;
    FH_LIST(int64_t) ids;
    struct fh_date date;
    struct fh_time time;
    struct fh_uuid uuid;
    struct fh_bytes byte;
    int level;
    struct node node;
};

#define BODY .in = FH_IN_BODY
#define INPUTS FH_INPUTS_STRICT(struct every,				\
    { FH_INTEGER(struct every, id), .min = "1", .about = "which" },	\
    { FH_BOOLEAN(struct every, deep), .fallback = "true" },		\
    { FH_INTEGER(struct every, top), .as = "$top", .min = "1",		\
      .max = "50", .fallback = "10", .example = "20",			\
      .about = "how many" },						\
    { FH_ARRAY(struct every, tags), .items = FH_ITEMS(FH_ITEM(STRING)),	\
      .fallback = "[\"x\"]" },						\
    { FH_ARRAY(struct every, ids), .as = "X-Ids", .in = FH_IN_HEADER,	\
      .items = FH_ITEMS(FH_ITEM(INTEGER)), .required = true },		\
    { FH_STRING(struct every, session), .in = FH_IN_COOKIE,		\
      .secret = true },							\
    { FH_NUMBER(struct every, number), BODY, .above = "-1.5",		\
      .below = "1e3", .required = true },				\
    { FH_STRING(struct every, text), BODY, .min_length = 1,		\
      .max_length = 9, .pattern = "^[a-z]+$", .nullable = true },	\
    { FH_STRING(struct every, odd), BODY, .pattern = "(?i)x" },		\
    { FH_DATE(struct every, date), BODY, .min = "2020-01-01" },		\
    { FH_DATE_TIME(struct every, time), BODY },				\
    { FH_UUID(struct every, uuid), BODY },				\
    { FH_BYTE(struct every, byte), BODY, .max_length = 4 },		\
    { FH_ENUM(struct every, level), BODY,				\
      .choices = FH_CHOICES("low", "high"), .fallback = "low",		\
      .nullable = true },						\
    { FH_OBJECT(struct every, node), BODY, .fields = FH_FIELDS(		\
      { FH_STRING(struct node, name), .required = true }) })

/* In itself: only what is answered may be. */
static const struct fh_property tree[] = {
    { FH_VALUE(STRING, "name"), .required = true },
    { FH_VALUE(ARRAY, "inner"), .items = FH_ITEMS(FH_ITEM(OBJECT),
      .fields = tree) }, FH_END };

#define RESPONSES FH_RESPONSES(						\
    { 200, .about = "found", .items = FH_ITEMS(FH_ITEM(STRING)) },	\
    { 200, "text/csv" },						\
    { 201, .fields = tree },						\
    { 204, .about = "nothing" },					\
    { 404, .about = "no such" },					\
    { 422, "text/plain" })
"""


@pytest.fixture(scope="module")
def everything():
    return build.handler("every", top=TOP, routes="," + ALL)


def document_of(tools, code=0):
    done = tools.run("openapi", "-c", tools.file)
    assert done.code == code, done.log
    return json.loads(done.out)


def ask(document, checks=()):
    """The validators' word; what they find is a fault."""
    said = npm.run("openapi.mjs", {"document": document,
                                   "checks": list(checks)})
    assert said["errors"] == []
    return said["answers"]


@pytest.fixture(scope="module")
def document(everything):
    with Tools() as tools:
        shutil.copy(everything, os.path.join(tools.handlers, "every.so"))
        return document_of(tools)


def body_of(operation, kind="application/json"):
    return operation["requestBody"]["content"][kind]["schema"]


# ---------------------------------------------------------------- the document

def test_the_examples_give_a_valid_document():
    """Breaks when: a validator finds a fault in it, or a route is missing."""
    with Tools(["hello", "echo", "sleep", "upload", "stream"],
               'api_title = "Ex\u00e4mples"\napi_version = "2.1"\n'
               'api_description = "All of *them*."\n'
               'api_servers = { "https://a.example/v1", "/v2" }\n') as tools:
        document = document_of(tools)
        routes = json.loads(tools.run("routes", "-c", tools.file,
                                      "--json").out)
    ask(document)
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {
        "title": "Ex\u00e4mples", "version": "2.1",
        "description": "All of *them*."}
    assert document["servers"] == [{"url": "https://a.example/v1"},
                                   {"url": "/v2"}]
    found = {(method.upper(), path): operation["summary"]
             for path, item in document["paths"].items()
             for method, operation in item.items()}
    assert found == {(one["method"], one["path"]): one["summary"]
                     for one in routes}


def test_every_type_as_json_schema(document):
    """Breaks when: a word of the table is lost, or said in another way."""
    ask(document)
    schema = body_of(document["paths"]["/all/{id}/{rest}"]["post"])
    assert schema["required"] == ["number"]
    assert schema["additionalProperties"] is False
    assert schema["properties"] == {
        "number": {"type": "number", "format": "double",
                   "exclusiveMinimum": -1.5, "exclusiveMaximum": 1000},
        "text": {"type": ["string", "null"], "minLength": 1, "maxLength": 9,
                 "pattern": "^[a-z]+$"},
        "odd": {"type": "string", "x-pcre2-pattern": "(?i)x"},
        "date": {"type": "string", "format": "date",
                 "formatMinimum": "2020-01-01"},
        "time": {"type": "string", "format": "date-time"},
        "uuid": {"type": "string", "format": "uuid"},
        "byte": {"type": "string", "maxLength": 8,
                 "contentEncoding": "base64",
                 "pattern": "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|"
                            "[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"},
        "level": {"type": ["string", "null"], "enum": ["low", "high", None],
                  "default": "low"},
        "node": {"type": "object", "properties": {
            "name": {"type": "string"}},
            "required": ["name"], "additionalProperties": False}}


def test_parameters_as_the_host_reads_them(document):
    """Breaks when: a place, a style, a default or a name is another."""
    operation = document["paths"]["/all/{id}/{rest}"]["post"]
    assert operation["parameters"] == [
        {"name": "id", "in": "path", "description": "which",
         "required": True, "schema": {"type": "integer", "format": "int64",
                                      "minimum": 1}},
        {"name": "rest", "in": "path", "required": True,
         "schema": {"type": "string"}, "x-rest": True},
        {"name": "deep", "in": "query",
         "schema": {"type": "boolean", "default": True}},
        {"name": "$top", "in": "query", "description": "how many",
         "schema": {"type": "integer", "format": "int64", "minimum": 1,
                    "maximum": 50, "default": 10, "examples": [20]}},
        {"name": "tags", "in": "query", "style": "form", "explode": True,
         "schema": {"type": "array", "items": {"type": "string"},
                    "default": ["x"]}},
        {"name": "X-Ids", "in": "header", "required": True,
         "style": "simple", "explode": False, "schema": {
             "type": "array",
             "items": {"type": "integer", "format": "int64"}}},
        {"name": "session", "in": "cookie",
         "schema": {"type": "string", "format": "password",
                    "writeOnly": True}}]


def test_words_and_answers_of_a_route(document):
    """Breaks when: tags, description or deprecated are lost, or an answer of
    the host stands where it cannot be given."""
    paths = document["paths"]
    operation = paths["/all/{id}/{rest}"]["post"]
    assert operation["summary"] == 'takes "all"'
    assert operation["description"] == "Of **every** type."
    assert operation["deprecated"] is True
    assert operation["tags"] == ["b", "a"]
    assert [tag["name"] for tag in document["tags"]] == ["a", "b", "every"]
    answers = operation["responses"]
    assert answers["201"]["content"]["application/json"]["schema"] == {
        "type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"},
            "inner": {"type": "array", "items": {"type": "object"}}}}
    assert sorted(answers) == ["200", "201", "204", "400", "404", "406", "413",
                               "415", "422", "500", "503", "504"]
    assert answers["200"] == {"description": "found", "content": {
        "application/json": {"schema": {"type": "array",
                                        "items": {"type": "string"}}},
        "text/csv": {}}}
    assert answers["204"] == {"description": "nothing"}
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    assert answers["404"]["content"] == {"application/problem+json": problem}
    assert sorted(answers["422"]["content"]) == [
        "application/problem+json", "text/plain"]
    plain = paths["/all/{id}"]["get"]
    assert plain["tags"] == ["a"]
    assert sorted(plain["responses"]) == ["2XX", "400", "500", "503"]
    assert plain["responses"]["400"] == {
        "$ref": "#/components/responses/BadRequest"}


def test_paths_of_a_kind_are_one(document):
    """Breaks when: two paths of the document take the same requests, or what
    is hidden or has no place in it is there."""
    paths = document["paths"]
    assert sorted(paths) == ["/all/{id}", "/all/{id}/{rest}", "/every",
                             "/every-async", "/files", "/form", "/whole"]
    assert sorted(paths["/all/{id}"]) == ["get", "put"]
    assert "summary" not in paths["/all/{id}"]["get"]
    for operation in paths["/all/{id}"].values():
        assert [one["name"] for one in operation["parameters"]] == ["id"]
    assert paths["/all/{id}"]["put"]["operationId"] == "put_all_name"


def test_forms_and_whole_bodies(document):
    """Breaks when: a form has one media type only, or a body is no body."""
    form = document["paths"]["/form"]["post"]
    assert form["requestBody"]["required"] is True
    assert sorted(form["requestBody"]["content"]) == [
        "application/x-www-form-urlencoded", "multipart/form-data"]
    assert body_of(form, "multipart/form-data") == {
        "type": "object", "required": ["user"], "properties": {
            "user": {"type": "string"},
            "word": {"type": "string", "format": "password",
                     "writeOnly": True}}}
    whole = document["paths"]["/whole"]["post"]
    assert whole["requestBody"]["required"] is True
    assert body_of(whole) == {"type": "array", "items": {
        "type": "number", "format": "double", "exclusiveMinimum": 0}}


def test_files_of_a_form(document):
    """Breaks when: a file has no media type, which pages know it by, or its
    form may be one that has no files."""
    ((kind, media),) = document["paths"]["/files"]["post"]["requestBody"][
        "content"].items()
    assert kind == "multipart/form-data"
    assert media["schema"] == {"type": "object", "required": ["one"],
                               "properties": {
        "any": {"type": "string", "format": "binary", "description": "which",
                "contentMediaType": "application/octet-stream"},
        "one": {"type": "string", "format": "binary", "maxLength": 9,
                "contentMediaType": "image/png"},
        "many": {"type": "array", "maxItems": 3, "items": {
            "type": "string", "format": "binary",
            "contentMediaType": "application/octet-stream"}},
        "user": {"type": "string"}}}
    assert media["encoding"] == {"one": {"contentType": "image/png"},
                                 "many": {"contentType": "text/csv, image/*"}}


def test_jobs():
    """Breaks when: a job's route shows the answer of its result as its own, or
    nobody can see where jobs are asked for."""
    work = build.handler("work", routes=r""",
        { "POST", "/work", .serve = serve, .job = true,
          .responses = FH_RESPONSES({ 200, "text/csv", .about = "rows" }) }""")
    with Tools(config='jobs_path = "/our/jobs"\n') as tools:
        shutil.copy(work, tools.handlers)
        document = document_of(tools)
    ask(document)
    post = document["paths"]["/work"]["post"]
    assert sorted(post["responses"]) == ["200", "202", "400", "413", "422",
                                         "500", "503"]
    assert "Location" in post["responses"]["202"]["headers"]
    assert [one["name"] for one in post["parameters"]] == ["Idempotency-Key"]
    assert post["x-job-result"] == {"200": {"description": "rows", "content":
                                            {"text/csv": {}}}}
    paths = document["paths"]
    assert sorted(paths["/our/jobs/{id}"]) == ["delete", "get", "parameters"]
    assert list(paths["/our/jobs/{id}/result"]) == ["parameters", "get"]
    assert list(paths["/our/jobs/{id}/events"]) == ["parameters", "get"]
    assert {"name": "jobs"} in document["tags"]


def test_who_may_ask():
    """Breaks when: the document does not say which routes want a key or a
    token and which scopes, or says it of a route that is open."""
    text = ('auth "partners" { type = key keys_file = "/nowhere" }\n'
            'auth "staff" { type = bearer key_file = "/nowhere" }\n'
            'route "GET /whoami" { auth = "partners staff" '
            'scopes = "read  write" }\n'
            'route "POST /whoami-async" { auth = "staff" }\n')
    with Tools(["whoami"], text) as tools:
        document = document_of(tools)
    ask(document)
    assert document["components"]["securitySchemes"] == {
        "partners": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "staff": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    paths = document["paths"]
    both, staff = paths["/whoami"]["get"], paths["/whoami-async"]["post"]
    assert both["security"] == [{"partners": ["read", "write"]},
                                {"staff": ["read", "write"]}]
    assert {"401", "403", "429"} <= set(both["responses"])
    assert staff["security"] == [{"staff": []}]
    assert {"401", "429"} <= set(staff["responses"])
    assert "403" not in staff["responses"]
    everybody = paths["/whoami-async"]["get"]
    assert "security" not in everybody
    assert not {"401", "403", "429"} & set(everybody["responses"])


def test_who_may_ask_for_jobs():
    """Breaks when: the document lets a page ask for a job without the key that
    the host wants, or wants one that it does not."""
    work = build.handler("work", routes=r""",
        { "POST", "/work", .serve = serve, .job = true }""")

    def jobs(more):
        with Tools(config=more) as tools:
            shutil.copy(work, tools.handlers)
            document = document_of(tools)
        ask(document)
        paths = document["paths"]
        return [operation for path in paths if path.startswith("/jobs/")
                for method, operation in paths[path].items()
                if method != "parameters"]

    for one in jobs(""):
        assert "security" not in one and "401" not in one["responses"]
        assert "cannot be guessed" in one["description"]
    section = 'auth "partners" { type = key keys_file = "/nowhere" }\n'
    for one in jobs(section):
        assert one["security"] == [{"partners": []}, {}]
    found = jobs(section + 'default_auth = "partners"\n')
    assert len(found) == 4
    for one in found:
        assert one["security"] == [{"partners": []}]
        assert {"401", "429"} <= set(one["responses"])
        assert "to whom it belongs" in one["description"]
    for one in jobs(section + 'default_auth = "partners"\n'
                    'route "POST /work" { auth = "none" }\n'):
        assert one["security"] == [{"partners": []}, {}]


def test_replies_that_are_kept():
    """Breaks when: the document does not say that a reply may be an old one,
    or says it of another route."""
    kept = build.handler("keeper", routes=r""",
        { "GET", "/kept", .serve = serve, .cache = "90s",
          .description = "Sums." },
        { "GET", "/typed", .serve = serve, .cache = "1500ms",
          .responses = FH_RESPONSES({ 200, "text/csv" }, { 404 }) }""")
    with Tools(config='route "GET /kept" { cache_refresh = true }\n') as tools:
        shutil.copy(kept, tools.handlers)
        document = document_of(tools)
    ask(document)
    kept, typed, other = (document["paths"][path]["get"]
                          for path in ("/kept", "/typed", "/keeper"))
    assert kept["x-cache"] == {"seconds": 90, "refresh": True}
    assert kept["description"].startswith(
        "Sums.\n\nA reply with status 200 is kept for 90s")
    assert "no-cache" in kept["description"]
    assert typed["x-cache"] == {"seconds": 1.5, "refresh": False}
    assert typed["description"].startswith("A reply with status 200 is kept")
    for answer in (kept["responses"]["2XX"], typed["responses"]["200"]):
        assert sorted(answer["headers"]) == ["Age", "Cache-Status"]
    assert "headers" not in typed["responses"]["404"]
    assert "x-cache" not in other and "description" not in other


def test_the_same_bytes_each_time(everything):
    """Breaks when: the order is that of files, or of chance."""
    made = Declared(1).handler("made")
    texts = set()
    for names in (("a.so", "b.so"), ("b.so", "a.so"), ("a.so", "b.so")):
        with Tools() as tools:
            for name, file in zip(names, (everything, made)):
                shutil.copy(file, os.path.join(tools.handlers, name))
            texts.add(tools.run("openapi", "-c", tools.file).raw)
    assert len(texts) == 1


def test_operations_have_names_of_their_own():
    """Breaks when: two routes have the same operationId."""
    twins = build.handler("twins", routes=r""",
        { "GET", "/a/b", .serve = serve }, { "GET", "/a_b", .serve = serve },
        { "GET", "/a/{b}", .serve = serve }, { "GET", "/a-b/", .serve = serve },
        { "GET", "/", .serve = serve }""")
    with Tools() as tools:
        shutil.copy(twins, tools.handlers)
        document = document_of(tools)
    ask(document)
    assert document["paths"]["/"]["get"]["operationId"] == "get"
    found = {document["paths"][path]["get"]["operationId"]
             for path in ("/a/b", "/a_b", "/a/{b}", "/a-b/")}
    assert found == {"get_a_b", "get_a_b_2", "get_a_b_3", "get_a_b_4"}


def test_bad_texts_give_a_good_document():
    """Breaks when: bytes of a handler's that are no UTF-8 reach the document,
    or a value that is none of its type."""
    odd = build.handler("odd", routes=r""",
        { "GET", "/strange", .serve = serve, .summary = "a\xff\"\\\n\1z",
          .responses = FH_RESPONSES({ 200, .fields = FH_FIELDS(
            { FH_VALUE(STRING, "n"), .about = "\xed\xa0\x80" }) }) }""")
    with Tools() as tools:
        shutil.copy(odd, tools.handlers)
        document = document_of(tools)
    ask(document)
    operation = document["paths"]["/strange"]["get"]
    assert operation["summary"] == "a\ufffd\"\\\n\x01z"


def test_a_file_that_is_refused_is_named():
    """Breaks when: the others are left out with it, or the code is 0."""
    with Tools(["hello"]) as tools:
        tools.write("handlers/bad.so", "no handler")
        done = tools.run("openapi", "-c", tools.file)
        assert done.code == 100 and "bad.so" in done.log
        assert "/hello" in json.loads(done.out)["paths"]


# ------------------------------------------------------------- made by chance

@pytest.mark.parametrize("seed", range(4))
def test_any_table_gives_a_valid_document(seed):
    """Breaks when: some combination of words gives a document that is not
    valid, or a schema that does not compile."""
    with Tools() as tools:
        shutil.copy(Declared(seed, routes=40).handler("made"), tools.handlers)
        document = document_of(tools)
    ask(document)
    assert len(document["paths"]) == 42
