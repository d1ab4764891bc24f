/*
 * fuzz_events.c - whatever a handler sends as events, a client that reads them
 * as WHATWG HTML says sees what was sent, and nothing else.
 *
 * Input: a byte of enum way, one that says when the reader leaves; then calls:
 * one byte which, one byte how much of the rest is theirs; of that the id, the
 * event and the data, each up to a NUL.
 *
 * Runs in: make check, libFuzzer.
 * Owns: what was sent, in order, as a client should see it.
 * Invariant: a call that failed has sent nothing; a reply that was broken off
 * has whole events before its end.
 */
#include "fuzz.h"
#include "fuzz_api.h"

#include <errno.h>
#include <string.h>

enum way {
	WAY_STREAMS = 1,
	WAY_SMALL = 2,		/* little is collected before it is sent */
	WAY_HEAD = 4,
	WAY_RETRY = 8
};

enum call { CALL_EVENT, CALL_DATA, CALL_ID, CALL_PRINT, CALL_WAIT, CALL_COUNT };

#define SENT_MAX	((size_t)1 << 20)

static const uint8_t	*bytes;
static size_t		 length;
static int		 ways;

/* Event type, data and last id of each, with a NUL behind each. */
static char		 sent[SENT_MAX], seen[SENT_MAX];
static size_t		 sent_length, seen_length;
static char		 last_id[FH_SSE_ID_MAX + 1];

/* ------------------------------------------------- what was sent */

static void
note(char *to, size_t *to_length, const char *text, size_t size)
{
	CHECK(*to_length + size + 1 < SENT_MAX);
	memcpy(to + *to_length, text, size);
	*to_length += size;
	to[(*to_length)++] = '\0';
}

/* LF for each line end. */
static void
note_data(const char *data)
{
	char *plain = malloc(strlen(data) + 1);
	size_t size = 0;

	CHECK(plain != NULL);
	for (; *data != '\0'; data++) {
		plain[size++] = *data == '\r' ? '\n' : *data;
		if (data[0] == '\r' && data[1] == '\n')
			data++;
	}
	note(sent, &sent_length, plain, size);
	free(plain);
}

static void
note_sent(const char *id, const char *event, const char *data)
{
	if (id != NULL)
		strcpy(last_id, id);
	if (data == NULL)
		return;
	event = event == NULL || event[0] == '\0' ? "message" : event;
	note(sent, &sent_length, event, strlen(event));
	note_data(data);
	note(sent, &sent_length, last_id, strlen(last_id));
}

static bool
may_be_sent(const char *id, const char *event)
{
	return (id == NULL || (strpbrk(id, "\r\n") == NULL &&
	    strlen(id) <= FH_SSE_ID_MAX)) &&
	    (event == NULL || strpbrk(event, "\r\n") == NULL);
}

/* The text behind the first NUL; "" if there is none. */
static const char *
behind(const char *text, const char *end)
{
	text += strlen(text);
	return text < end ? text + 1 : end;
}

static int
call_one(struct fh_request *rq, enum call call, const char *text, size_t size)
{
	const char *second = behind(text, text + size);
	const char *third = behind(second, text + size);
	const char *id = call == CALL_DATA ? NULL : text;
	const char *event = call == CALL_EVENT ? second : NULL;
	const char *data = call == CALL_DATA ? text : call == CALL_ID ? NULL :
	    call == CALL_EVENT ? third : second;
	int rc;

	if (call == CALL_WAIT) {
		rc = fh_wait(rq, 0);
		CHECK(rc == 0 || (rc == -1 && errno == EPIPE));
		return rc;
	}
	errno = 0;
	if (call == CALL_PRINT)
		rc = fh_sse_printf(rq, id, event, "%s", data);
	else
		rc = fh_sse(rq, id, event, data);
	if (!may_be_sent(id, event)) {
		CHECK(rc == -1 && errno == EINVAL);
		return 0;
	}
	CHECK(rc == 0 || errno == EPIPE);
	if (rc == 0)
		note_sent(id, event, data);
	return rc;
}

static int
serve_events(struct fh_request *rq)
{
	int rc = fh_sse_begin(rq, (ways & WAY_RETRY) != 0 ? 1500 : 0);

	CHECK(rc == 0 || errno == EPIPE || (ways & WAY_STREAMS) == 0);
	for (size_t at = 0; rc == 0 && length - at >= 2;) {
		enum call call = (enum call)(bytes[at] % CALL_COUNT);
		size_t size = bytes[at + 1] * (bytes[at] >= 128 ? 16u : 1u);
		char *text;

		at += 2;
		if (size > length - at)
			size = length - at;
		text = malloc(size + 1);
		CHECK(text != NULL);
		memcpy(text, bytes + at, size);
		text[size] = '\0';
		rc = call_one(rq, call, text, size);
		free(text);
		at += size;
	}
	return 0;
}

/* ------------------------------------------------- a client */

struct client {
	char	 data[FUZZ_BODY_MAX], event[FUZZ_BODY_MAX];
	char	 id[FUZZ_BODY_MAX];
	size_t	 data_length, event_length, id_length;
};

static struct client	client;

static void
dispatch(void)
{
	if (client.data_length > 0) {
		if (client.event_length == 0)
			note(seen, &seen_length, "message", 7);
		else
			note(seen, &seen_length, client.event,
			    client.event_length);
		note(seen, &seen_length, client.data, client.data_length - 1);
		note(seen, &seen_length, client.id, client.id_length);
	}
	client.data_length = client.event_length = 0;
}

static bool
is_named(const char *at, size_t size, const char *name)
{
	return size == strlen(name) && memcmp(at, name, size) == 0;
}

static void
take_field(const char *name, size_t name_length, const char *value,
    size_t size)
{
	if (is_named(name, name_length, "data")) {
		memcpy(client.data + client.data_length, value, size);
		client.data_length += size;
		client.data[client.data_length++] = '\n';
	} else if (is_named(name, name_length, "event")) {
		memcpy(client.event, value, size);
		client.event_length = size;
	} else if (is_named(name, name_length, "id")) {
		memcpy(client.id, value, size);
		client.id_length = size;
	} else
		CHECK(is_named(name, name_length, "retry"));
}

static void
take_line(const char *at, size_t size)
{
	const char *colon = memchr(at, ':', size);
	const char *value;

	if (size == 0) {
		dispatch();
		return;
	}
	CHECK(colon != NULL);		/* nothing else is ever sent */
	if (colon == at)
		return;
	value = colon + 1;
	if (value < at + size && *value == ' ')
		value++;
	take_field(at, (size_t)(colon - at), value,
	    (size_t)(at + size - value));
}

static void
read_events(const char *at, const char *end)
{
	client.data_length = client.event_length = client.id_length = 0;
	while (at < end) {
		const char *stop = at;

		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		if (stop == end)
			return;
		CHECK(*stop == '\n');
		take_line(at, (size_t)(stop - at));
		at = stop + 1;
	}
}

/* A reader that left may have seen one more, whose call it made fail. */
static void
check_seen(const struct fuzz_reply *reply, const struct fuzz_reader *reader)
{
	seen_length = 0;
	read_events(reply->body, reply->body + reply->body_length);
	if (reader->leaves_at == 0 && !reader->head_only)
		CHECK(seen_length == sent_length);
	CHECK(seen_length >= sent_length || reader->head_only);
	CHECK(memcmp(seen, sent, reader->head_only ? 0 : sent_length) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct api_input input = { .body = "", .body_fd = -1,
	    .params = data };
	struct fuzz_reader reader = { .space = 65536 };
	const struct fuzz_reply *reply;

	if (size < 2 || size > 60000)
		return 0;
	ways = data[0];
	reader.leaves_at = data[1];
	reader.streams = (ways & WAY_STREAMS) != 0;
	reader.head_only = (ways & WAY_HEAD) != 0;
	if ((ways & WAY_SMALL) != 0)
		reader.space = 50;
	bytes = data + 2;
	length = size - 2;
	sent_length = 0;
	last_id[0] = '\0';
	reply = fuzz_serve(serve_events, input, &reader);
	fuzz_check_reply(reply, &reader);
	if (reader.streams)
		check_seen(reply, &reader);
	else
		CHECK(reply->result.status == 500);
	return 0;
}
