/*
 * kit_cached.c - replies that are kept for equal calls, where a test wants it.
 *
 * Runs in: tests of handlers, the test's thread.
 * Owns: nothing; what is kept is in the test's cache.
 * Invariant: which calls are equal, what is kept and how it is given is decided
 * by the code that the front has (common/cached.h).
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cache.h"
#include "common/cached.h"
#include "kit/kit.h"

void
fh_test_keep(struct fh_test *test, bool on)
{
	test->keeps = on;
	if (on)
		test->kept_from++;
}

/* What was kept before the test said so last is none. */
static enum cached_kind
make_key(struct fh_test_call *call)
{
	const struct fh_test *test = call->test;
	uint8_t origin[CACHED_KEY];
	const struct cached_request wanted = {
		.route = call->match.route,
		.origin = origin,
		.head = &call->asked.head,
		.params = call->asked.params,
		.params_length = call->asked.length,
		.identity = call->identity,
		.identity_length = call->identity_length,
		.body = call->body.bytes,
		.body_length = call->body.length,
	};

	cached_origin(test->set, call->match.route, test->kept_from, origin);
	for (size_t i = 0; i < sizeof(test->kept_from); i++)
		origin[i] ^= (uint8_t)(test->kept_from >> 8 * i);
	return cached_key(&wanted, call->cache_key);
}

static void *
room(void *context, size_t length)
{
	void **bytes = context;

	free(*bytes);
	*bytes = kit_alloc(length + 1);
	return *bytes;
}

static void
give(struct fh_test_call *call, const struct cached_reply *reply,
    bool unchanged, uint64_t left_ms)
{
	char *head = kit_alloc(reply->head_length + CACHED_304_MORE);
	char lines[CACHED_LINES];
	size_t length = reply->head_length;

	if (unchanged)
		length = cached_304(reply, head);
	else
		memcpy(head, reply->head, length);
	kit_bytes_add(&call->head, head, length - 2);
	kit_bytes_add(&call->head, lines, cached_lines(lines, "hit", reply,
	    left_ms));
	if (!unchanged && !call->match.head)
		kit_bytes_add(&call->output, reply->body, reply->body_length);
	free(head);
	call->outcome = API_DONE;
	kit_reply_make(call);
}

static bool
look_up(struct fh_test_call *call, bool conditional)
{
	enum cached_verdict verdict = CACHED_GIVE;
	struct cached_reply reply;
	struct cache_found found;
	struct cache_key key;
	void *bytes = NULL;
	bool there;

	cache_key_make(&key, CACHE_SPACE_REPLY, "", call->cache_key,
	    CACHED_KEY);
	there = cache_get(call->test->cache, &key, room, &bytes, &found) ==
	    0 && cached_unpack(bytes, found.length, &reply);
	if (there && conditional)
		verdict = cached_judge(&reply, call->asked.params,
		    call->asked.length, time(NULL));
	there = there && verdict != CACHED_RUN;
	if (there)
		give(call, &reply, verdict == CACHED_GIVE_304, found.left_ms);
	free(bytes);
	return there;
}

bool
kit_cached_answers(struct fh_test_call *call)
{
	const struct fh_test *test = call->test;
	enum cached_kind kind;

	if (!test->keeps || call->match.route->cache_ms == 0 ||
	    test->config->cache_size == 0)
		return false;
	kind = make_key(call);
	if (kind == CACHED_NOT)
		return false;
	if (kind != CACHED_FRESH && look_up(call, kind == CACHED_IF))
		return true;
	call->cached = !call->match.head;
	return false;
}
