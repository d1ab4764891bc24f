/*
 * fuzz_head.c - any bytes as the parameters of a request.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: what the scan says about a request is what a plain search for the
 * last parameter of that name says.
 */
#include "fuzz.h"

#include <string.h>

#include "common/head.h"
#include "wire/wire_params.h"

/* The last value of that name; "" if there is none. */
static struct wire_span
find_last(const uint8_t *block, size_t length, const char *name)
{
	struct wire_span found = { "", 0 };
	const uint8_t *cursor = block;
	struct wire_pair pair;

	while (wire_params_next(&cursor, block + length, &pair) == 1) {
		if (pair.name_length == strlen(name) &&
		    memcmp(pair.name, name, pair.name_length) == 0)
			found = (struct wire_span){ (const char *)pair.value,
				pair.value_length };
	}
	return found;
}

static bool
equal(struct wire_span a, struct wire_span b)
{
	return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

static void
check_path(const struct head *head, const uint8_t *block, size_t length)
{
	struct wire_span info = find_last(block, length, "PATH_INFO");
	struct wire_span script = find_last(block, length, "SCRIPT_NAME");
	struct wire_span uri = find_last(block, length, "DOCUMENT_URI");
	struct wire_span path = head->path;

	CHECK(path.length > 0);
	CHECK(memchr(path.at, '\0', path.length) == NULL);
	if (info.length == 0 && script.length > 0)
		CHECK(equal(path, script));
	if (info.length > 0 && !equal(info, uri))
		CHECK(equal(path, info));
	if (info.length > 0 && !equal(path, info) &&
	    !(path.length == 1 && *path.at == '/')) {
		CHECK(*path.at == '/' && path.length < info.length);
		CHECK(memcmp(info.at + info.length - path.length, path.at,
		    path.length) == 0);
		CHECK(info.length - path.length <= script.length);
		CHECK(memcmp(info.at, script.at, info.length - path.length) ==
		    0);
	}
}

static void
check_head(const struct head *head, const uint8_t *block, size_t length)
{
	CHECK(equal(head->method, find_last(block, length,
	    "REQUEST_METHOD")));
	CHECK(equal(head->query, find_last(block, length, "QUERY_STRING")));
	CHECK(equal(head->uri, find_last(block, length, "REQUEST_URI")));
	CHECK(equal(head->cookie, find_last(block, length, "HTTP_COOKIE")));
	CHECK(equal(head->content_type, find_last(block, length,
	    "CONTENT_TYPE")));
	CHECK(equal(head->remote_addr, find_last(block, length,
	    "REMOTE_ADDR")));
	CHECK(head->request_id.length == 0 || equal(head->request_id,
	    find_last(block, length, "REQUEST_ID")));
	CHECK(head->request_id.length <= HEAD_ID_MAX);
	CHECK(wire_is_field_value(head->request_id.at,
	    head->request_id.length));
	CHECK(head->start_ms >= 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *scratch = malloc(size + (size == 0));
	struct head head;
	enum head_rc rc;

	CHECK(scratch != NULL);
	rc = head_scan(data, size, scratch, size, &head);
	check_head(&head, data, size);
	if (rc == HEAD_OK) {
		struct wire_span length = find_last(data, size,
		    "CONTENT_LENGTH");

		CHECK(wire_is_token(head.method.at, head.method.length));
		CHECK((head.content_length == HEAD_NO_LENGTH) ==
		    (length.length == 0));
		check_path(&head, data, size);
	}
	CHECK(head_strerror(rc)[0] != '\0');
	free(scratch);
	return 0;
}
