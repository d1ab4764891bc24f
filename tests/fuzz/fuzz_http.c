/*
 * fuzz_http.c - any bytes as Accept, Range, a condition, a date, a cookie's or
 * a file's name.
 *
 * Input: a byte with the size of the content in 7 bytes; then the text.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: a range lies in the content, and all together are no longer than
 * it; a date that is read is written as the same; a header that is made of the
 * text is one line, and its reply whole.
 */
#include "fuzz.h"
#include "fuzz_api.h"

#include <string.h>

#include "wire/wire_accept.h"
#include "wire/wire_condition.h"
#include "wire/wire_date.h"
#include "wire/wire_range.h"

static char	*name;

static void
check_ranges(struct wire_span text, uint64_t size)
{
	struct wire_range out[WIRE_RANGES_MAX];
	int count = wire_ranges(text, size, out);
	uint64_t sum = 0;

	CHECK(count >= -1 && count <= WIRE_RANGES_MAX);
	for (int i = 0; i < count; i++) {
		CHECK(out[i].first <= out[i].last && out[i].last < size);
		sum += out[i].last - out[i].first + 1;
	}
	CHECK(sum <= size);
}

static void
check_date(struct wire_span text)
{
	int64_t seconds = wire_parse_date(text, 1764075600);
	char out[WIRE_DATE_LENGTH + 1];

	if (seconds == WIRE_NO_DATE)
		return;
	wire_put_date(out, seconds);
	/* The year 0 there is; it is written as the first. */
	CHECK(seconds < -62135596800 || wire_parse_date((struct wire_span){
	    out, WIRE_DATE_LENGTH }, 0) == seconds);
}

static void
check_conditions(struct wire_span text)
{
	struct wire_validators there = { { "\"a\"", 3 }, 784111777 };
	struct wire_conditions asked = { .reads = true, .match = text };

	CHECK(wire_judge(&asked, &there, 1764075600) != WIRE_NOT_MODIFIED);
	asked = (struct wire_conditions){ .reads = true, .none_match = text };
	CHECK(wire_judge(&asked, &there, 1764075600) != WIRE_FAILED);
	asked = (struct wire_conditions){ .modified_since = text,
	    .unmodified_since = text };
	CHECK(wire_judge(&asked, &there, 1764075600) != WIRE_NOT_MODIFIED);
	wire_if_range(text, &there, 1764075600);
}

static void
check_accept(struct wire_span text)
{
	static const char *const types[] = { "application/json", "text/csv",
	    "image/png" };
	int found = wire_accept(text, types, 3);
	int again = wire_accept(text, types, found < 0 ? 3 : (size_t)found + 1);

	CHECK(found >= -1 && found < 3 && found == again);
}

static int
serve(struct fh_request *rq)
{
	fh_set_cookie(rq, "n", name, NULL);
	return fh_reply_text(rq, 200, "");
}

static int
serve_redirect(struct fh_request *rq)
{
	return fh_redirect(rq, 302, name);
}

static int
serve_content(struct fh_request *rq)
{
	fh_set_etag(rq, name, false);
	fh_download(rq, name);
	return fh_reply_content(rq, "text/plain", name, strlen(name));
}

/* A parameter, as the web server sends a header. */
static size_t
put_param(uint8_t *at, const char *header, const char *value)
{
	size_t name_length = strlen(header), length = strlen(value);

	at[0] = (uint8_t)name_length;
	at[1] = (uint8_t)(length >> 24 | 0x80);
	at[2] = (uint8_t)(length >> 16);
	at[3] = (uint8_t)(length >> 8);
	at[4] = (uint8_t)length;
	memcpy(at + 5, header, name_length);
	memcpy(at + 5 + name_length, value, length);
	return 5 + name_length + length;
}

static void
check_replies(void)
{
	const struct fuzz_reader reader = { .space = 65536 };
	size_t size = 3 * strlen(name) + 256;
	uint8_t *params = malloc(size);
	struct api_input input = { .body = "", .body_fd = -1,
	    .params = params };

	CHECK(params != NULL);
	fuzz_check_reply(fuzz_serve(serve, input, &reader), &reader);
	fuzz_check_reply(fuzz_serve(serve_redirect, input, &reader), &reader);
	input.params_length = put_param(params, "REQUEST_METHOD", "GET");
	input.params_length += put_param(params + input.params_length,
	    "HTTP_RANGE", name);
	input.params_length += put_param(params + input.params_length,
	    "HTTP_IF_NONE_MATCH", name);
	CHECK(input.params_length <= size);
	fuzz_check_reply(fuzz_serve(serve_content, input, &reader), &reader);
	free(params);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_span text = { (const char *)data + 1, size - 1 };

	if (size < 2 || size > 5000)
		return 0;
	check_ranges(text, (uint64_t)data[0] * 7);
	check_date(text);
	check_conditions(text);
	check_accept(text);
	name = malloc(size);
	CHECK(name != NULL);
	memcpy(name, text.at, text.length);
	name[text.length] = '\0';
	check_replies();
	free(name);
	return 0;
}
