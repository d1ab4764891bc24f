/*
 * cached_test.c - replies that are kept: which requests are equal, and what is
 * a reply of ours.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cached.h"
#include "wire/wire_params.h"

struct inputs {
	const char	*q;
	const char	*level;
	const char	*lang;
};

static const struct fh_inputs declared[] = { { .properties = FH_FIELDS(
	{ FH_STRING(struct inputs, q) },
	{ FH_STRING(struct inputs, level), .in = FH_IN_HEADER,
	    .as = "X-Level" },
	{ FH_STRING(struct inputs, lang), .in = FH_IN_COOKIE }) } };
static const struct fh_inputs strict[] = { { .strict = true,
	.properties = FH_FIELDS({ FH_STRING(struct inputs, q) }) } };

static struct handler	 handler;
static struct route	 plain_route = { .handler = &handler,
	.label = (char *)(uintptr_t)"GET /" };
static struct route	 declared_route = { .handler = &handler,
	.inputs = declared };
static struct route	 strict_route = { .handler = &handler,
	.inputs = strict };
static struct route	 refreshed_route = { .handler = &handler,
	.cache_refresh = true };

/* Of a handler whose header had a larger struct. */
static const struct {
	struct fh_property	 property;
	uint64_t		 more;
} wide[] = {
	{ { FH_STRING(struct inputs, q) }, UINT64_MAX },
	{ { FH_STRING(struct inputs, lang) }, UINT64_MAX },
	{ FH_END, UINT64_MAX }
};
static const struct fh_inputs wide_inputs = {
	.properties = &wide[0].property };
static struct handler	 wide_handler = {
	.desc.property_size = sizeof(wide[0]) };
static struct route	 wide_route = { .handler = &wide_handler,
	.inputs = &wide_inputs };

/* "NAME=value;NAME=value", and what the head makes of it. */
static enum cached_kind
key_of(const struct route *route, const char *params, const char *body,
    uint8_t out[CACHED_KEY])
{
	static const uint8_t origin[CACHED_KEY] = { 1 };
	uint8_t block[1024], *end = block;
	char scratch[1024], *copy = strdup(params), *at = copy, *one;
	struct head head;
	struct cached_request request = { .route = route, .origin = origin,
	    .head = &head, .params = block, .body = body,
	    .body_length = strlen(body) };

	end = wire_params_put(end, block + sizeof(block), "REQUEST_METHOD", 14,
	    "GET", 3);
	while ((one = strsep(&at, ";")) != NULL) {
		char *value = strchr(one, '=');

		if (value == NULL)
			continue;
		end = wire_params_put(end, block + sizeof(block), one,
		    (size_t)(value - one), value + 1, strlen(value + 1));
		assert_non_null(end);
	}
	request.params_length = (size_t)(end - block);
	assert_int_equal(head_scan(block, request.params_length, scratch,
	    sizeof(scratch), &head), HEAD_OK);
	free(copy);
	return cached_key(&request, out);
}

static bool
same(const struct route *route, const char *one, const char *two)
{
	uint8_t first[CACHED_KEY], second[CACHED_KEY];

	assert_int_equal(key_of(route, one, "", first), CACHED_LOOK);
	assert_int_equal(key_of(route, two, "", second), CACHED_LOOK);
	return memcmp(first, second, CACHED_KEY) == 0;
}

static void
test_without_inputs(void **state)
{
	const struct route *route = &plain_route;

	(void)state;
	assert_true(same(route, "PATH_INFO=/a;QUERY_STRING=x=1",
	    "PATH_INFO=/a;QUERY_STRING=x=1;HTTP_USER_AGENT=curl"));
	assert_false(same(route, "PATH_INFO=/a", "PATH_INFO=/b"));
	assert_false(same(route, "PATH_INFO=/a;QUERY_STRING=x=1",
	    "PATH_INFO=/a;QUERY_STRING=x=2"));
	assert_false(same(route, "PATH_INFO=/a;QUERY_STRING=x",
	    "PATH_INFO=/ax"));
	assert_false(same(route, "", "HTTP_COOKIE=a=1"));
	assert_false(same(route, "HTTP_X_API_KEY=1", "HTTP_X_API_KEY=2"));
	assert_false(same(route, "HTTP_AUTHORIZATION=a", ""));
	assert_false(same(route, "REMOTE_USER=ada", "REMOTE_USER=bob"));
	assert_false(same(route, "HTTP_X_FORWARDED_USER=ada", ""));
	assert_false(same(route, "HTTP_X_AUTH_REQUEST_EMAIL=ada@x", ""));
	assert_false(same(route, "HTTP_X_MS_CLIENT_PRINCIPAL=a", ""));
	assert_false(same(route, "SSL_CLIENT_S_DN=CN=ada", "SSL_CLIENT_S_DN="
	    "CN=bob"));
	assert_true(same(route, "REMOTE_ADDR=10.0.0.1;HTTP_X_FORWARDED_FOR=a",
	    "REMOTE_ADDR=10.0.0.2"));
	assert_false(same(route, "HTTP_HOST=a", "HTTP_HOST=b"));
}

/* Breaks when: two pieces of a request that lie side by side are one. */
static void
test_pieces_stay_apart(void **state)
{
	uint8_t one[CACHED_KEY], two[CACHED_KEY];

	(void)state;
	assert_false(same(&plain_route, "HTTP_ACCEPT=a;HTTP_HOST=b",
	    "HTTP_ACCEPT=ab;HTTP_HOST="));
	assert_false(same(&declared_route, "QUERY_STRING=q=a&q=b",
	    "QUERY_STRING=q=ab"));
	key_of(&plain_route, "QUERY_STRING=a", "", one);
	key_of(&plain_route, "", "a", two);
	assert_memory_not_equal(one, two, CACHED_KEY);
}

/* Breaks when: one client is given what another may see, bodies are not
 * compared, or two pieces whose bytes tell no border between them are one. */
static void
test_who_asks_and_what_for(void **state)
{
	static const uint8_t origins[2][CACHED_KEY] = { { 1 }, { 2 } };
	static const char query[] = "query\0";
	const struct head empty = { .query = { "", 0 } };
	const struct head asks = { .query = { query, sizeof(query) - 1 } };
	struct cached_request request = { .route = &plain_route,
	    .origin = origins[0], .head = &empty, .params = origins[0],
	    .identity = (const uint8_t *)"a", .identity_length = 1,
	    .body = query, .body_length = sizeof(query) - 1 };
	uint8_t first[CACHED_KEY], key[CACHED_KEY];

	(void)state;
	assert_int_equal(cached_key(&request, first), CACHED_LOOK);
	assert_int_equal(cached_key(&request, key), CACHED_LOOK);
	assert_memory_equal(key, first, CACHED_KEY);
	request.identity = (const uint8_t *)"b";
	cached_key(&request, key);
	assert_memory_not_equal(key, first, CACHED_KEY);
	request.identity_length = 0;
	cached_key(&request, key);
	assert_memory_not_equal(key, first, CACHED_KEY);
	request.identity = (const uint8_t *)"a";
	request.identity_length = 1;
	request.origin = origins[1];
	cached_key(&request, key);
	assert_memory_not_equal(key, first, CACHED_KEY);
	request.origin = origins[0];
	request.body_length = 0;
	request.head = &asks;
	cached_key(&request, key);
	assert_memory_not_equal(key, first, CACHED_KEY);
	request.head = &empty;
	cached_key(&request, key);
	assert_memory_not_equal(key, first, CACHED_KEY);
}

/* What a reply was made by. */
struct maker {
	const char	*label, *name, *build, *config, *sha256;
	uint64_t	 version;
	uint32_t	 generation;
};

static bool
same_origin(const struct maker *a, const struct maker *b)
{
	const struct maker *makers[2] = { a, b };
	uint8_t keys[2][CACHED_KEY];

	for (size_t i = 0; i < 2; i++) {
		const struct maker *m = makers[i];
		struct handler handler = { .name = (char *)(uintptr_t)m->name };
		struct route route = { .handler = &handler,
		    .label = (char *)(uintptr_t)m->label };
		struct config config = { .text = (char *)(uintptr_t)m->config,
		    .text_length = strlen(m->config) };
		struct fh_model model = { .name = "m", .sha256 = m->sha256,
		    .version = m->version };
		const struct handler_set set = { .config = &config,
		    .models = &model, .model_count = 1 };

		snprintf(handler.build_id, sizeof(handler.build_id), "%s",
		    m->build);
		cached_origin(&set, &route, m->generation, keys[i]);
	}
	return memcmp(keys[0], keys[1], CACHED_KEY) == 0;
}

/* Breaks when: a reply outlives the handler, the configuration or the model
 * that it was made by; or is lost by a reload that changed nothing. */
static void
test_origins(void **state)
{
	static const struct maker one = { "GET /", "h", "0011", "a = 1", "aa",
	    1, 1 };
	struct maker other = one;

	(void)state;
	other.generation = 2;
	assert_true(same_origin(&one, &other));
	other = one;
	other.label = "GET /x";
	assert_false(same_origin(&one, &other));
	other = one;
	other.name = "g";
	assert_false(same_origin(&one, &other));
	other = one;
	other.build = "0012";
	assert_false(same_origin(&one, &other));
	other = one;
	other.config = "a = 2";
	assert_false(same_origin(&one, &other));
	other = one;
	other.sha256 = "ab";
	assert_false(same_origin(&one, &other));
	other = one;
	other.version = 2;
	assert_false(same_origin(&one, &other));
	/* Without a build id nobody knows whether it is the same file. */
	other = one;
	other.build = "";
	assert_true(same_origin(&other, &other));
	assert_false(same_origin(&other, &(struct maker){ "GET /", "h", "",
	    "a = 1", "aa", 1, 2 }));
}

static void
test_inputs(void **state)
{
	const struct route *route = &declared_route;

	(void)state;
	assert_true(same(route, "QUERY_STRING=q=1", "QUERY_STRING=z=2&q=1"));
	assert_true(same(route, "", "HTTP_COOKIE=session=1"));
	assert_true(same(route, "", "HTTP_X_OTHER=1"));
	assert_false(same(route, "QUERY_STRING=q=1", "QUERY_STRING=q=2"));
	assert_false(same(route, "QUERY_STRING=q=1&q=2",
	    "QUERY_STRING=q=2&q=1"));
	assert_false(same(route, "", "HTTP_X_LEVEL=1"));
	assert_false(same(route, "HTTP_X_LEVEL=1", "HTTP_X_LEVEL=2"));
	assert_false(same(route, "", "HTTP_COOKIE=lang=de"));
	assert_false(same(route, "HTTP_AUTHORIZATION=a", ""));
	/* %71 is q */
	assert_false(same(route, "QUERY_STRING=q=1",
	    "QUERY_STRING=q=1&%71=2"));
	assert_false(same(&strict_route, "QUERY_STRING=q=1",
	    "QUERY_STRING=q=1&z=2"));
	assert_false(same(&wide_route, "QUERY_STRING=lang=1",
	    "QUERY_STRING=lang=2"));
	assert_true(same(&wide_route, "QUERY_STRING=lang=1",
	    "QUERY_STRING=lang=1&z=2"));
}

static void
test_kinds(void **state)
{
	uint8_t key[CACHED_KEY], plain[CACHED_KEY];

	(void)state;
	assert_int_equal(key_of(&plain_route, "HTTP_RANGE=bytes=0-1", "", key),
	    CACHED_NOT);
	assert_int_equal(key_of(&plain_route, "HTTP_IF_NONE_MATCH=x;"
	    "HTTP_RANGE=bytes=0-1", "", key), CACHED_NOT);
	key_of(&plain_route, "", "", plain);
	assert_int_equal(key_of(&plain_route, "HTTP_IF_NONE_MATCH=x", "", key),
	    CACHED_IF);
	assert_memory_equal(key, plain, CACHED_KEY);
	assert_int_equal(key_of(&refreshed_route, "HTTP_IF_NONE_MATCH=x;"
	    "HTTP_CACHE_CONTROL=no-cache", "", key), CACHED_FRESH);
	assert_int_equal(key_of(&plain_route, "HTTP_CACHE_CONTROL=no-cache",
	    "", key), CACHED_LOOK);
	assert_int_equal(key_of(&refreshed_route,
	    "HTTP_CACHE_CONTROL=max-age=0 , No-Cache", "", key), CACHED_FRESH);
	assert_int_equal(key_of(&refreshed_route,
	    "HTTP_CACHE_CONTROL=max-age=0", "", key), CACHED_LOOK);
}

static bool
may(const char *name, const char *value)
{
	return cached_header_may((struct wire_span){ name, strlen(name) },
	    (struct wire_span){ value, strlen(value) });
}

static void
test_headers(void **state)
{
	(void)state;
	assert_true(may("ETag", "\"private\""));
	assert_true(may("Cache-Control", "public, max-age=60"));
	assert_true(may("Vary", "accept, Authorization"));
	assert_true(may("Vary", ""));
	assert_false(may("set-cookie", "a=b"));
	assert_false(may("Cache-Control", "max-age=1 ,\tPrivate"));
	assert_false(may("Cache-Control", "private=\"x\""));
	assert_false(may("cache-control", "no-store"));
	assert_false(may("Cache-Control", "no-cache"));
	assert_false(may("Vary", "*"));
	assert_false(may("Vary", "Accept, Origin"));
	assert_false(may("X-Accel-Redirect", "/x"));
}

/* ------------------------------------------------------------ conditions */

#define OLD	"Sun, 06 Nov 1994 08:49:37 GMT"
#define OLDER	"Sun, 06 Nov 1994 08:49:36 GMT"

static struct cached_reply
reply_with(const char *head)
{
	return (struct cached_reply){ .head = head,
	    .head_length = strlen(head) };
}

static enum cached_verdict
judge(const char *head, const char *name, const char *value)
{
	const struct cached_reply reply = reply_with(head);
	uint8_t block[256], *end;

	end = wire_params_put(block, block + sizeof(block), name, strlen(name),
	    value, strlen(value));
	return cached_judge(&reply, block, (size_t)(end - block), 2000000000);
}

/* Breaks when: a client is told that it has what it has not, or a condition is
 * judged by a reply that says nothing of it. */
static void
test_conditions(void **state)
{
	static const char tagged[] = "Status: 200 OK\r\nETag: \"a\"\r\n\r\n";
	static const char dated[] = "Status: 200 OK\r\nLast-Modified: " OLD
	    "\r\n\r\n";
	static const char plain[] = "Status: 200 OK\r\nETag: a\r\n\r\n";

	(void)state;
	assert_int_equal(judge(tagged, "HTTP_IF_NONE_MATCH", "\"b\", \"a\""),
	    CACHED_GIVE_304);
	assert_int_equal(judge(tagged, "HTTP_IF_NONE_MATCH", "*"),
	    CACHED_GIVE_304);
	assert_int_equal(judge(tagged, "HTTP_IF_NONE_MATCH", "\"b\""),
	    CACHED_GIVE);
	assert_int_equal(judge(tagged, "HTTP_IF_MATCH", "\"a\""), CACHED_GIVE);
	assert_int_equal(judge(tagged, "HTTP_IF_MATCH", "\"b\""), CACHED_RUN);
	assert_int_equal(judge(tagged, "HTTP_IF_MODIFIED_SINCE", OLD),
	    CACHED_GIVE);
	assert_int_equal(judge(dated, "HTTP_IF_MODIFIED_SINCE", OLD),
	    CACHED_GIVE_304);
	assert_int_equal(judge(dated, "HTTP_IF_MODIFIED_SINCE", OLDER),
	    CACHED_GIVE);
	assert_int_equal(judge(dated, "HTTP_IF_UNMODIFIED_SINCE", OLDER),
	    CACHED_RUN);
	assert_int_equal(judge(plain, "HTTP_IF_NONE_MATCH", "*"), CACHED_RUN);
}

/* Breaks when: a 304 tells of a body, or loses what it is to tell again. */
static void
test_a_304(void **state)
{
	static const char head[] = "Status: 200 OK\r\ncontent-type: a/b\r\n"
	    "ETag: \"a\"\r\nContent-Length: 4\r\nVary: Accept\r\n\r\n";
	static const char wanted[] = "Status: 304 Not Modified\r\n"
	    "ETag: \"a\"\r\nVary: Accept\r\n\r\n";
	static const char *const heads[] = { head, "Status: 200 OK\r\n\r\n" };
	struct cached_reply reply;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *out;
		size_t length;

		reply = reply_with(heads[i]);
		out = malloc(reply.head_length + CACHED_304_MORE);
		length = cached_304(&reply, out);
		assert_true(length <= reply.head_length + CACHED_304_MORE);
		if (i == 0) {
			assert_int_equal(length, sizeof(wanted) - 1);
			assert_memory_equal(out, wanted, length);
		}
		free(out);
	}
}

#define HEAD	"Status: 200 OK\r\nETag: x\r\n\r\n"

/* Breaks when: bytes that are none of a reply's are read beyond their end, or
 * sent to a client. */
static void
test_no_reply(void **state)
{
	const struct cached_reply reply = { HEAD, "body", sizeof(HEAD) - 1, 4,
	    7 };
	size_t size = cached_packed(&reply);
	char *bytes = malloc(size);
	struct cached_reply out;

	(void)state;
	cached_pack(&reply, bytes);
	assert_true(cached_unpack(bytes, size, &out));
	assert_int_equal(out.head_length, sizeof(HEAD) - 1);
	assert_memory_equal(out.head, HEAD, out.head_length);
	assert_int_equal(out.body_length, 4);
	assert_memory_equal(out.body, "body", 4);
	assert_int_equal(out.made_ms, 7);
	for (size_t length = 0; length < size - 4; length++) {
		char *part = malloc(length + 1);

		memcpy(part, bytes, length);
		part = realloc(part, length == 0 ? 1 : length);
		assert_false(cached_unpack(part, length, &out));
		free(part);
	}
	for (size_t i = 0; i < 8; i++) {
		bytes[i] ^= 0x41;
		assert_false(cached_unpack(bytes, size, &out));
		bytes[i] ^= 0x41;
	}
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_inputs),
		cmocka_unit_test(test_pieces_stay_apart),
		cmocka_unit_test(test_who_asks_and_what_for),
		cmocka_unit_test(test_origins),
		cmocka_unit_test(test_inputs),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_a_304),
		cmocka_unit_test(test_no_reply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
