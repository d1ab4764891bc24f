"""What a route declares of its inputs is checked before it is served."""

import json
import time

import pytest

from lib.host import Host, memory
from lib.tools import Tools

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ORDER = {"address": {"street": "Long Lane", "city": "Ulm"},
         "items": [{"article": "AB-1234", "price": 1.5, "count": 2}]}


@pytest.fixture(scope="module")
def host():
    with Host(handlers=["orders", "live_inputs"], log_level="debug",
              params_limit="128 KiB",
              routes={"POST /orders": {"async": True}}) as one:
        yield one


def errors(reply):
    """(loc, type) of each; every entry has its words."""
    document = reply.problem(422)
    assert all(one["msg"] for one in document["errors"])
    return [(one["loc"], one["type"]) for one in document["errors"]]


def test_a_sound_request_is_served_from_the_struct(host):
    """Breaks when: a value, a fallback or a list does not arrive."""
    assert host.get("/orders?text=tea&tag=green&tag=loose&top=50",
                    headers={"X-Trace-Level": "3"}).json == {
        "text": "tea", "top": 50, "sort": "newest",
        "tags": ["green", "loose"], "trace": 3}
    assert host.get("/orders?text=%C3%A4%2B&since=2024-02-29&sort=total").json \
        == {"text": "ä+", "top": 10, "sort": "total", "tags": [],
            "year": 2024, "trace": 0}


def test_a_header_in_several_lines():
    """Breaks when: all lines but one are lost, or one of two values that
    contradict each other is taken."""
    with Tools(["orders", "live_inputs", "planets"]) as tools:
        done = tools.call("GET", "/inputs/header", "-H", "X-Numbers: 1, 2",
                          "-H", "X-Numbers: 4")
        assert done.out == "3 7"
        done = tools.call("GET", "/orders?text=tea", "-H", "X-Trace-Level: 1",
                          "-H", "X-Trace-Level: 2")
        (error,) = json.loads(done.out)["errors"]
        assert error["type"] == "repeated" and error["input"] == "1, 2"
        done = tools.call("-i", "GET", "/planets", "-H",
                          "Accept: application/jsonl;q=0.5", "-H",
                          "Accept: text/csv")
        assert "Content-Type: text/csv" in done.out


def test_all_that_is_wrong_is_said_at_once(host):
    """Breaks when: one fault hides the next, or the words are not those of
    FastAPI."""
    reply = host.get("/orders?text=t&top=99&sort=up&tag=a&tag=B&page=2",
                     headers={"X-Trace-Level": "high"})
    document = reply.problem(422)
    assert document["detail"] == "6 inputs are not as declared."
    assert document["errors"][1] == {
        "loc": ["query", "top"], "type": "less_than_equal", "input": "99",
        "msg": "Input should be less than or equal to 50", "ctx": {"le": 50}}
    assert errors(reply) == [
        (["query", "text"], "string_too_short"),
        (["query", "top"], "less_than_equal"), (["query", "sort"], "enum"),
        (["query", "tag", 1], "string_pattern_mismatch"),
        (["header", "X-Trace-Level"], "int_parsing"),
        (["query", "page"], "extra_forbidden")]


def test_head_is_refused_like_get(host):
    """Breaks when: HEAD passes by the checks, or its length is another."""
    head = host.ask("HEAD", "/orders?top=0")
    get = host.get("/orders?top=0")
    assert head.status == get.status == 422 and head.body == b""
    assert abs(int(head.header("content-length")) - len(get.body)) <= 1


@pytest.mark.parametrize("top", ["3.7", "+3", "%203", "0x3", "",
                                 "9223372036854775808", "1e1"])
def test_numbers_are_strict(host, top):
    """Breaks when: a text that is no integer is read as one."""
    (found,) = errors(host.get("/orders?text=ab&top=" + top))
    assert found[0] == ["query", "top"]
    assert found[1].startswith("int_parsing")


def test_bytes_that_are_no_text(host):
    """Breaks when: overlong UTF-8 or a NUL reaches a handler, or the answer
    about it is no JSON."""
    assert errors(host.get("/orders?text=ab%C0%AF")) == [
        (["query", "text"], "string_unicode")]
    assert errors(host.get("/orders?text=ab%00cd")) == [
        (["query", "text"], "string_nul")]
    assert errors(host.get("/orders?text=ab&%FF=1")) == [
        (["query", "�"], "extra_forbidden")]


@pytest.mark.parametrize("query", ["text=ab%", "text=ab%4", "text=ab%zz",
                                   "%=1"])
def test_a_malformed_escape_is_a_400(host, query):
    """Breaks when: half an escape is taken for itself where inputs are
    declared."""
    problem = host.get("/orders?" + query).problem(400)
    assert "malformed escape at byte" in problem["detail"]


def test_nested_json(host):
    """Breaks when: a worker fills the struct in another way than the front, or
    a member goes astray."""
    order = dict(ORDER, due="2026-02-03T04:05:06+01:00", gift=True,
                 coupon="12345678")
    reply = host.post("/orders", json.dumps(order), headers=JSON)
    assert reply.status == 201
    assert reply.json == {"city": "Ulm", "total": 3, "due": 1770087906,
                          "gift": True, "coupon": True}
    order = dict(ORDER, coupon=None, items=[
        {"article": "AB-1234", "price": 10 ** 20},
        {"article": "CD-0000", "price": 1, "count": 3.0}])
    reply = host.post("/orders", json.dumps(order), headers={
        "Content-Type": "application/vnd.order+json; charset=utf-8"})
    assert reply.json["total"] == 1e20 + 3
    order = dict(ORDER, items=[{"article": "AB-12345", "price": "1"}, 7, {}],
                 address={"street": "", "zip": 1}, due="2026-02-30T00:00:00Z",
                 gift=1)
    assert errors(host.post("/orders", json.dumps(order), headers=JSON)) == [
        (["body", "address", "street"], "string_too_short"),
        (["body", "address", "city"], "missing"),
        (["body", "address", "zip"], "extra_forbidden"),
        (["body", "items", 0, "article"], "string_pattern_mismatch"),
        (["body", "items", 0, "price"], "float_type"),
        (["body", "items", 1], "model_attributes_type"),
        (["body", "items", 2, "article"], "missing"),
        (["body", "items", 2, "price"], "missing"),
        (["body", "due"], "datetime_parsing"), (["body", "gift"], "bool_type")]


def test_a_name_with_a_nul_is_no_other_name(host):
    """Breaks when: what stands before a NUL passes for a declared name, also
    where nothing undeclared may come."""
    for query in ("text=ab&top%00x=5", "%00top=5&text=ab"):
        host.get("/orders?" + query).problem(
            400, says="The query has a name with a NUL in it")
    for form in (b"name%00=x&text=y", b"name\0x=x&text=y"):
        host.post("/orders/contact", form, headers=FORM).problem(
            400, says="The form has a name with a NUL in it")
    assert errors(host.get("/orders?text=ab%00c%00")) == [
        (["query", "text"], "string_nul")]


def test_a_secret_is_not_repeated(host):
    """Breaks when: what is secret stands in an answer or in the log, by its own
    fault, its neighbour's or a misspelled name's."""
    for more in ({"coupon": "hunter2"}, {"cuopon": "hunter22"},
                 {"coupon": ["hunter2"]}):
        reply = host.post("/orders", json.dumps(dict(ORDER, **more)),
                          headers=JSON)
        assert len(errors(reply)) == 1
        assert b"hunter2" not in reply.body
    reply = host.post("/orders", '["hunter2"]', headers=JSON)
    assert errors(reply) == [(["body"], "model_attributes_type")]
    assert b"hunter2" not in reply.body
    assert "hunter2" not in host.log()


@pytest.mark.parametrize("body, says", [
    (b'{"address": ', "unexpected end"),
    (b'{"a": 1} x', "at byte 9"),
    (b'{"address": {"city": 1, "city": 2}}', 'name "city" twice'),
    (b'{"a\\u0062": 1, "ab": 2}', 'name "ab" twice'),
    (b'{"a": "\xc0\xaf"}', "invalid UTF-8, at byte 7"),
    (b'{"a": 1.}', "digit is missing"), (b'{"a": 00}', "begins with a 0"),
    (b'[-01.5]', "begins with a 0, at byte 1"),
    (b'{"coupon\\u0000x": "12345678"}', "a name has a NUL in it, at byte 1"),
    (b'{"a": 01}', "at byte"),
    (b"{'a': 1}", "at byte 1"),
    (b"[" * 100 + b"]" * 100, "nesting"),
])
def test_malformed_json_is_a_400_that_says_where(host, body, says):
    """Breaks when: json-c's leniency passes for JSON."""
    problem = host.post("/orders", body, headers=JSON).problem(400)
    assert says in problem["detail"]


def test_the_types_of_bodies(host):
    """Breaks when: a body of another type is looked into."""
    for headers in ({"Content-Type": "text/plain"}, {},
                    {"Content-Type": "application/jsonx"}):
        reply = host.post("/orders", json.dumps(ORDER), headers=headers)
        reply.problem(415)
        assert reply.header("accept") == "application/json"
    host.post("/orders/contact", "name=x&text=y", headers=JSON).problem(415)
    assert errors(host.post("/orders")) == [(["body"], "missing")]


def test_forms(host):
    """Breaks when: a field of either kind of form is lost, or one that is not
    there is not missed."""
    assert host.post("/orders/contact", "name=J%C3%B6rg+T&text=hi",
                     headers=FORM).text == "Thank you, Jörg T.\n"
    part = '--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    assert host.post("/orders/contact", part % ("name", "Ann") +
                     part % ("text", "hi") + "--x--\r\n", headers={
                         "Content-Type": "multipart/form-data; boundary=x"}
                     ).text == "Thank you, Ann.\n"
    assert errors(host.post("/orders/contact", "name=a&name=b",
                            headers=FORM)) == [
        (["body", "name"], "repeated"), (["body", "text"], "missing")]
    host.post("/orders/contact", "name=%g0", headers=FORM).problem(400)
    host.post("/orders/contact", part % ("name", "Ann"), headers={
        "Content-Type": "multipart/form-data; boundary=x"}).problem(400)


def test_single_values(host):
    """Breaks when: FH_VALUES lie one upon the other."""
    uuid = "A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11"
    assert host.ask("DELETE", "/orders/" + uuid).status == 204
    assert host.ask("DELETE", "/orders/%s?dry=true" % uuid).text == \
        uuid.lower()
    assert errors(host.ask("DELETE", "/orders/7?dry=yes")) == [
        (["path", "id"], "uuid_parsing"), (["query", "dry"], "bool_parsing")]


def test_finish_is_called_for_what_was_not_served(host):
    """Breaks when: serve() runs with inputs that are not sound, or finish()
    does not run."""
    host.get("/inputs/kept/0").problem(422)
    host.wait_log("finish: 422, not served")
    assert host.get("/inputs/kept/5").text == "5"
    host.wait_log("finish: 200, served")


def test_what_was_not_declared_is_the_handlers_mistake(host):
    """Breaks when: a handler reads what is not there."""
    assert host.get("/inputs/wrong").problem(500)["detail"] == (
        'the input "missing" is asked for, which the route does not declare')
    assert host.get("/inputs/wrong-type").problem(500)["detail"] == (
        'the input "text" is asked for as INTEGER, but it is declared as '
        'STRING')


def test_ten_thousand_fields(host):
    """Breaks when: an answer grows with what was wrong, or the time with its
    square."""
    fields = {"f%d" % i: i for i in range(10000)}
    start = time.monotonic()
    document = host.post("/inputs/strict", json.dumps(fields),
                         headers=JSON).problem(422)
    assert time.monotonic() - start < 10
    assert len(document["errors"]) == 200
    assert document["errors_omitted"] == 9800
    assert document["detail"].startswith("10000 inputs")
    query = "&".join("f%d=1" % i for i in range(3000))
    document = host.get("/orders?text=ab&" + query).problem(422)
    assert document["errors_omitted"] == 2800
    assert document["errors"][0]["loc"] == ["query", "f0"]


def test_what_is_too_much_is_refused_whole(host):
    """Breaks when: fields of a query or a form are left out and nobody is
    told, or an urlencoded form has another bound than one with files."""
    document = host.get("/orders?text=ab&" + "x&" * 10000).problem(422)
    assert document["detail"] == "10000 inputs are not as declared."
    host.get("/orders?text=ab&" + "x&" * 16384).problem(
        400, says="The query has more than 16384 fields.")
    few = "&".join(["name=Ada", "text=hello"] + ["x="] * 998)
    assert host.post("/orders/contact", few, headers=FORM).status == 200
    for many in (few + "&y", few + "&y" * 10000):
        host.post("/orders/contact", many, headers=FORM).problem(
            413, says="more than 1000 fields")


def test_a_long_name_and_a_long_value_are_cut(host):
    """Breaks when: the answer repeats a megabyte."""
    body = json.dumps({"n" * (1 << 20): "ä" * (1 << 20)})
    reply = host.post("/inputs/strict", body, headers=JSON)
    assert errors(reply) == [(["body", "n" * 100], "extra_forbidden")]
    assert len(reply.body) < 2000
    assert reply.json["errors"][0]["input"].endswith("ä…")


def test_a_million_numbers(host):
    """Breaks when: a long list takes more than time in proportion, or is cut."""
    numbers = list(range(1000000))
    reply = host.post("/inputs/list", json.dumps(numbers), headers=JSON)
    assert reply.text == "1000000 %d" % sum(numbers)
    reply = host.post("/inputs/list", json.dumps(["x"] * 1000000),
                      headers=JSON)
    assert reply.problem(422)["errors_omitted"] > 999000


def test_the_first_refusal_that_applies(host):
    """Breaks when: 406, 415, 400 and 422 are asked for in another order than
    input.h says."""
    wrong = {"Accept": "image/png", "Content-Type": "text/plain"}
    target = "/inputs/chosen?n=%"
    host.post(target, "{", headers=wrong).problem(406)
    del wrong["Accept"]
    host.post(target, "{", headers=wrong).problem(415)
    host.post(target, "{", headers=JSON).problem(400, says="malformed escape")
    host.post("/inputs/chosen?n=x", "{", headers=JSON).problem(
        400, says="JSON")
    assert errors(host.post("/inputs/chosen?n=x", "{}", headers=JSON)) == [
        (["query", "n"], "int_parsing"), (["body", "text"], "missing")]
    assert host.post("/inputs/chosen?n=1", '{"text":"a"}',
                     headers=JSON).text == "fine"


def test_the_last_integers_that_fit(host):
    """Breaks when: an integer of JSON is cut to 64 bits, or rounded to a
    double on its way."""
    def ask(text):
        return host.post("/inputs/list", text, headers=JSON)
    assert ask("[9223372036854775807]").text == "1 9223372036854775807"
    assert ask("[-9223372036854775808]").text == "1 -9223372036854775808"
    assert ask("[9007199254740993]").text == "1 9007199254740993"
    for text in ("9223372036854775808", "-9223372036854775809", "1e19",
                 "18446744073709551616"):
        assert errors(ask("[%s]" % text)) == [
            (["body", 0], "int_parsing_size")], text


def test_a_cruel_pattern_holds_nobody_up(host):
    """Breaks when: a pattern is let look back over a megabyte of text for
    longer than its steps allow."""
    start = time.monotonic()
    reply = host.post("/inputs/pattern", json.dumps(
        {"text": "a" * (1 << 20) + "!"}), headers=JSON)
    assert errors(reply) == [(["body", "text"], "string_pattern_mismatch")]
    assert time.monotonic() - start < 10


def test_memory_is_given_back(host):
    """Breaks when: a request's inputs outlive it."""
    body = json.dumps(["x"] * 300000)
    sizes = []
    for _ in range(3):
        for _ in range(4):
            host.post("/inputs/list", body, headers=JSON).problem(422)
        sizes.append(sum(memory(pid, "VmRSS") for pid in host.pids("worker")))
    assert sizes[2] < sizes[0] + (64 << 20)


def test_call_and_check_do_the_same():
    """Breaks when: a tool serves what the host would refuse."""
    with Tools(["orders", "live_refused"]) as tools:
        done = tools.run("call", "--handlers", tools.handlers, "GET",
                         "/orders?top=0")
        assert done.code != 0
        document = json.loads(done.out)
        assert [one["type"] for one in document["errors"]] == [
            "missing", "greater_than_equal"]
        done = tools.run("check", "-c", tools.file)
        assert done.code != 0
        assert ('route "GET /refused": input "top" has fallback = "99", which '
                'a client may not send: Input should be less than or equal to '
                '50') in done.log + done.out
