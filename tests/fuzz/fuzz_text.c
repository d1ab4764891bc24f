/*
 * fuzz_text.c - any bytes through each of the small grammars.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: every span lies in the input, every list comes to an end, and
 * json-c agrees that an escaped text is a JSON string of valid UTF-8.
 */
#include "fuzz.h"

#include <string.h>

#include <json-c/json.h>

#include "wire/wire_text.h"

static void
check_span(struct wire_span span, const char *text, const char *end)
{
	CHECK(span.at >= text && span.at <= end);
	CHECK(span.length <= (size_t)(end - span.at));
}

static void
check_lists(const char *text, size_t length)
{
	const char *end = text + length, *cursor = text, *before;
	struct wire_span name, value;

	while (before = cursor,
	    wire_form_next(&cursor, end, &name, &value) == 1) {
		CHECK(cursor > before);
		check_span(name, before, cursor);
		check_span(value, before, cursor);
		CHECK(memchr(name.at, '&', name.length) == NULL);
		CHECK(memchr(name.at, '=', name.length) == NULL);
		CHECK(memchr(value.at, '&', value.length) == NULL);
	}
	CHECK(cursor == end);
	cursor = text;
	while (before = cursor,
	    wire_cookie_next(&cursor, end, &name, &value) == 1) {
		CHECK(cursor > before);
		check_span(name, before, cursor);
		check_span(value, before, cursor);
		CHECK(memchr(value.at, ';', value.length) == NULL);
		CHECK(wire_trim(name).length == name.length);
	}
	CHECK(cursor == end);
}

static void
check_cgi(const char *text, size_t length)
{
	const char *end = text + length, *cursor = text, *before;
	struct wire_span name, value;
	int rc;

	while (before = cursor, (rc = wire_cgi_header_next(&cursor, end,
	    &name, &value)) == 1) {
		CHECK(cursor > before && cursor[-1] == '\n');
		check_span(name, before, cursor);
		check_span(value, before, cursor);
		CHECK(wire_is_token(name.at, name.length));
		CHECK(wire_is_field_value(value.at, value.length));
		CHECK(wire_trim(value).length == value.length);
	}
	CHECK(rc == 0 ? cursor > before : cursor == before);
	CHECK(rc != 2 || memchr(cursor, '\n', (size_t)(end - cursor)) == NULL);
	rc = wire_cgi_status(text, length);
	CHECK(rc == -1 || (rc >= 100 && rc <= 599));
}

static void
check_decode(const char *text, size_t length, bool plus)
{
	char *out = malloc(length + 1), *place = malloc(length + 1);
	ptrdiff_t n, m;

	CHECK(out != NULL && place != NULL);
	memcpy(place, text, length);
	n = wire_percent_decode(out, text, length, plus);
	m = wire_percent_decode(place, place, length, plus);
	CHECK(n == m && n <= (ptrdiff_t)length);
	CHECK(memcmp(place, n < 0 ? text : out, n < 0 ? length : (size_t)n) ==
	    0);
	if (memchr(text, '%', length) == NULL)
		CHECK(n == (ptrdiff_t)length);
	free(out);
	free(place);
}

static void
check_number(const char *text, size_t length)
{
	char again[32];
	int64_t value = -1;

	if (wire_parse_number(text, length, &value) == -1) {
		CHECK(value == -1);
		return;
	}
	CHECK(value >= 0);
	for (; length > 1 && *text == '0'; length--)
		text++;
	CHECK(snprintf(again, sizeof(again), "%lld", (long long)value) ==
	    (int)length);
	CHECK(memcmp(text, again, length) == 0);
}

static void
check_json(const char *text, size_t length)
{
	struct json_tokener *tokener = json_tokener_new();
	char *out = malloc(6 * length + 2), *small;
	ptrdiff_t n = wire_json_escape(out + 1, 6 * length, text, length);
	struct json_object *string;

	CHECK(tokener != NULL && out != NULL && n >= 0);
	out[0] = out[n + 1] = '"';
	json_tokener_set_flags(tokener,
	    JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	string = json_tokener_parse_ex(tokener, out, (int)n + 2);
	CHECK(string != NULL && json_object_is_type(string, json_type_string));
	CHECK((size_t)json_object_get_string_len(string) <= 3 * length);
	json_object_put(string);
	json_tokener_free(tokener);
	if (n > 0) {
		small = malloc((size_t)n);
		CHECK(small != NULL);
		CHECK(wire_json_escape(small, (size_t)n, text, length) == n);
		CHECK(memcmp(small, out + 1, (size_t)n) == 0);
		CHECK(wire_json_escape(small, (size_t)n - 1, text, length) ==
		    -1);
		free(small);
	}
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	if (size == 0)
		return 0;
	check_lists(text, size);
	check_cgi(text, size);
	check_decode(text, size, false);
	check_decode(text, size, true);
	check_number(text, size);
	check_json(text, size);
	if (wire_is_token(text, size))
		CHECK(wire_is_field_value(text, size));
	return 0;
}
