/*
 * fuzz_reply.c - whatever a handler replies, in the calls of handler.h or as a
 * CGI reply over libfcgi's streams, its reader gets a reply that is in order.
 *
 * Input: a byte of enum way, one that seeds the sizes of what is written at a
 * time, one with the length of a header that is put in front, in 32 bytes, one
 * that says when the reader leaves; then the CGI reply, or the calls: one byte
 * which, one byte how much of the rest is theirs.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: see fuzz_check_reply(); and a CGI reply is the same in whatever
 * pieces it was printed.
 */
#include "fuzz.h"
#include "fuzz_api.h"

#include <fcgiapp.h>
#include <json-c/json.h>
#include <string.h>

#include "wire/wire_text.h"

enum way {
	WAY_CGI = 1,
	WAY_STREAMS = 2,
	WAY_SMALL = 4,		/* little is collected before it is sent */
	WAY_HEAD = 8,		/* a HEAD request */
	WAY_FLUSH = 16,		/* after each piece */
	WAY_ERR = 32,		/* each piece goes to the log as well */
	WAY_FAILS = 64		/* serve() returns -1 */
};

enum call {
	CALL_WRITE, CALL_STATUS, CALL_SET, CALL_ADD, CALL_REMOVE, CALL_FLUSH,
	CALL_TEXT, CALL_BYTES, CALL_FILE, CALL_PROBLEM, CALL_PRINT, CALL_JSON,
	CALL_MANY, CALL_FCGX, CALL_KEEP, CALL_COUNT
};

static const uint8_t	*bytes;		/* of the input, behind its head */
static size_t		 length;
static int		 ways;
static unsigned int	 seed;
static size_t		 padding;

/* ------------------------------------------------- a CGI reply */

static size_t
next_size(size_t left)
{
	size_t size;

	seed = seed * 1103515245u + 12345u;
	size = 1 + (seed >> 16) % ((seed & 0x8000) != 0 ? 9 : 5000);
	return size < left ? size : left;
}

static void
print_padding(FCGX_Stream *out)
{
	if (padding == 0)
		return;
	FCGX_PutS("X-Padding: ", out);
	for (size_t i = 0; i < padding; i++)
		FCGX_PutChar('p', out);
	FCGX_PutS("\r\n", out);
}

static int
serve_cgi(struct fh_request *rq)
{
	FCGX_Request *request = fh_fcgx(rq);
	size_t size;

	CHECK(request != NULL);
	print_padding(request->out);
	for (size_t at = 0; at < length; at += size) {
		const char *piece = (const char *)bytes + at;

		size = next_size(length - at);
		FCGX_PutStr(piece, (int)size, request->out);
		if ((ways & WAY_ERR) != 0)
			FCGX_PutStr(piece, (int)size, request->err);
		if ((ways & WAY_FLUSH) != 0)
			FCGX_FFlush(request->out);
	}
	return (ways & WAY_FAILS) != 0 ? -1 : 0;
}

/* Where the body of the CGI reply begins; NULL: nowhere. */
static const uint8_t *
find_body(void)
{
	const uint8_t *end = bytes + length, *at = bytes, *stop;

	while ((stop = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		if (stop == at || (stop == at + 1 && *at == '\r'))
			return stop + 1;
		at = stop + 1;
	}
	return NULL;
}

/* What is not a 500 is what was printed, or the announced part of it. */
static void
check_body(const struct fuzz_reply *reply)
{
	const uint8_t *body = find_body();
	const char *value;

	if (reply->result.status == 500 || reply->head_length == 0)
		return;
	CHECK(body != NULL);
	CHECK(reply->body_length <= (size_t)(bytes + length - body));
	CHECK(memcmp(reply->body, body, reply->body_length) == 0);
	if (reply->outcome == API_DONE && (ways & WAY_HEAD) == 0 &&
	    wire_status_has_body(reply->result.status) &&
	    reply->body_length < (size_t)(bytes + length - body))
		CHECK(fuzz_find_header(reply, "Content-Length", &value));
}

/* Once more in other pieces: nothing of it may be seen. */
static void
check_again(const struct fuzz_reply *reply, const struct api_input *input,
    const struct fuzz_reader *reader)
{
	struct fuzz_reply first = *reply;

	if (reader->leaves_at != 0 || reader->streams)
		return;
	first.body = malloc(first.body_length + 1);
	CHECK(first.body != NULL);
	memcpy(first.body, reply->body, first.body_length);
	reply = fuzz_serve(serve_cgi, *input, reader);
	CHECK(reply->outcome == first.outcome);
	CHECK(reply->head_length == first.head_length);
	CHECK(memcmp(reply->head, first.head, first.head_length) == 0);
	CHECK(reply->body_length == first.body_length);
	CHECK(memcmp(reply->body, first.body, first.body_length) == 0);
	free(first.body);
}

/* ------------------------------------------------- calls */

/* The text of a call, up to its first NUL, and what stands behind that. */
static const char *
behind(const char *text, size_t size)
{
	size_t at = strlen(text);

	return at < size ? text + at + 1 : text + size;
}

static void
write_many(struct fh_request *rq, const char *text, size_t size)
{
	for (int i = 0; i < 64; i++)
		fh_write(rq, text, size);
}

static void
print_cgi(struct fh_request *rq, const char *text, size_t size)
{
	FCGX_Request *request = fh_fcgx(rq);

	CHECK(request != NULL);
	FCGX_PutStr(text, (int)size, request->out);
}

static void
call_header(struct fh_request *rq, enum call call, const char *text,
    size_t size)
{
	const char *value = behind(text, size);

	if (call == CALL_SET)
		fh_set_header(rq, text, value);
	else if (call == CALL_ADD)
		fh_add_header(rq, text, value);
	else
		fh_set_header(rq, text, NULL);
}

/* A reply in one call. */
static void
call_whole(struct fh_request *rq, enum call call, const char *text,
    size_t size)
{
	int status = 90 + 5 * (size > 0 ? (unsigned char)text[0] : 22);

	if (call == CALL_TEXT)
		fh_reply_text(rq, status, text);
	else if (call == CALL_BYTES)
		fh_reply_bytes(rq, status, text, text, size);
	else if (call == CALL_FILE)
		fh_reply_file(rq, text);
	else if (call == CALL_PROBLEM)
		fh_problem(rq, status, "%s", text);
	else
		fh_reply_json(rq, status, json_object_new_string_len(text,
		    (int)size));
}

/* `text` ends in a NUL behind its `size` bytes. */
static void
call_one(struct fh_request *rq, enum call call, const char *text, size_t size)
{
	switch (call) {
	case CALL_WRITE:
		fh_write(rq, text, size);
		break;
	case CALL_STATUS:
		fh_status(rq, atoi(text));
		break;
	case CALL_SET:
	case CALL_ADD:
	case CALL_REMOVE:
		call_header(rq, call, text, size);
		break;
	case CALL_FLUSH:
		fh_flush(rq);
		break;
	case CALL_PRINT:
		fh_printf(rq, "%s %zu\n", text, size);
		break;
	case CALL_MANY:
		write_many(rq, text, size);
		break;
	case CALL_FCGX:
		print_cgi(rq, text, size);
		break;
	case CALL_KEEP:
		fh_keep(rq, text, size);
		break;
	default:
		call_whole(rq, call, text, size);
	}
}

static int
serve_calls(struct fh_request *rq)
{
	for (size_t at = 0; length - at >= 2;) {
		enum call call = (enum call)(bytes[at] % CALL_COUNT);
		size_t size = bytes[at + 1];
		char *text;

		at += 2;
		if (size > length - at)
			size = length - at;
		text = malloc(size + 1);
		CHECK(text != NULL);
		memcpy(text, bytes + at, size);
		text[size] = '\0';
		call_one(rq, call, text, size);
		free(text);
		at += size;
	}
	return (ways & WAY_FAILS) != 0 ? -1 : 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct api_input input = { .body = "", .body_fd = -1,
	    .params = data };
	struct fuzz_reader reader = { .space = 65536 };
	const struct fuzz_reply *reply;

	if (size < 4)
		return 0;
	ways = data[0];
	seed = data[1];
	padding = 32u * data[2];
	reader.leaves_at = data[3];
	reader.streams = (ways & WAY_STREAMS) != 0;
	reader.head_only = (ways & WAY_HEAD) != 0;
	if ((ways & WAY_SMALL) != 0)
		reader.space = 100;
	bytes = data + 4;
	length = size - 4;
	reply = fuzz_serve((ways & WAY_CGI) != 0 ? serve_cgi : serve_calls,
	    input, &reader);
	fuzz_check_reply(reply, &reader);
	if ((ways & WAY_CGI) != 0) {
		check_body(reply);
		check_again(reply, &input, &reader);
	}
	return 0;
}
