/*
 * fuzz_capture.c - whatever a capture file holds, in whatever pieces it is
 * read: what comes out is within its limits, and the same.
 *
 * Input: one byte with the size of the pieces, then the file.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: each piece lies in memory of exactly its size.
 */
#include "fuzz.h"

#include <string.h>

#include "common/capture.h"

#define PARAMS_MAX	4096
#define BODY_MAX	4096

struct found {
	uint8_t		params[PARAMS_MAX], body[BODY_MAX];
	size_t		params_length, body_length;
};

static int
put_params(void *context, const void *bytes, size_t length)
{
	struct found *found = context;

	CHECK(length <= sizeof(found->params) - found->params_length);
	memcpy(found->params + found->params_length, bytes, length);
	found->params_length += length;
	return 0;
}

static int
put_body(void *context, const void *bytes, size_t length)
{
	struct found *found = context;

	CHECK(length <= sizeof(found->body) - found->body_length);
	memcpy(found->body + found->body_length, bytes, length);
	found->body_length += length;
	return 0;
}

static int
feed(struct capture_reader *reader, const uint8_t *data, size_t size,
    struct err *err)
{
	uint8_t *copy = malloc(size + (size == 0));
	int rc;

	CHECK(copy != NULL);
	memcpy(copy, data, size);
	rc = capture_feed(reader, copy, size, err);
	free(copy);
	return rc;
}

static int
read_by(const uint8_t *data, size_t size, size_t step, struct found *found,
    struct err *err)
{
	const struct capture_sink sink = { .params = put_params,
	    .body = put_body, .context = found, .params_max = PARAMS_MAX,
	    .body_max = BODY_MAX };
	struct capture_reader reader;

	memset(found, 0, sizeof(*found));
	capture_begin(&reader, &sink, "it");
	for (size_t at = 0; at < size; at += step)
		if (feed(&reader, data + at, size - at < step ? size - at :
		    step, err) < 0)
			return -1;
	return capture_end(&reader, err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct found whole, pieces;
	struct err whole_err = { "" }, pieces_err = { "" };
	int rc;

	if (size == 0)
		return 0;
	rc = read_by(data + 1, size - 1, size, &whole, &whole_err);
	CHECK(read_by(data + 1, size - 1, 1u + data[0], &pieces,
	    &pieces_err) == rc);
	CHECK(strcmp(whole_err.text, pieces_err.text) == 0);
	CHECK((rc == 0) == (whole_err.text[0] == '\0'));
	CHECK(rc < 0 || memcmp(&whole, &pieces, sizeof(whole)) == 0);
	return 0;
}
