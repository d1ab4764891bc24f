/*
 * fuzz_json.c - whatever calls of json.h a handler makes, in whatever order: a
 * 200 that is whole is JSON.
 *
 * Input: a byte of enum way, one with the space of the sink in 4 bytes; then
 * the calls: one byte which, and what it takes (eight bytes of a number, or a
 * length and that many of text).
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: json-c, strictly, reads what was written; a call that has failed
 * makes the reply a 500 or breaks it off.
 */
#include "fuzz.h"
#include "fuzz_api.h"

#include <json-c/json.h>
#include <string.h>

enum way {
	WAY_STREAMS = 1,
	WAY_HEAD = 2,
	WAY_ORDERLY = 4		/* what is open is closed, and it is ended */
};

enum call {
	CALL_OBJECT, CALL_ARRAY, CALL_CLOSE, CALL_NAME, CALL_TEXT,
	CALL_INTEGER, CALL_UNSIGNED, CALL_NUMBER, CALL_TRUE, CALL_NULL,
	CALL_NUMBERS, CALL_INTEGERS, CALL_TREE, CALL_BEGIN, CALL_END,
	CALL_FLUSH, CALL_COUNT
};

static const uint8_t	*at;
static const uint8_t	*end;
static int		 ways;
static bool		 failed;
static unsigned int	 open;

/* Up to 255 bytes, with a NUL behind them. */
static size_t
take_text(char text[256])
{
	size_t length = at < end ? *at++ : 0;

	if (length > (size_t)(end - at))
		length = (size_t)(end - at);
	memcpy(text, at, length);
	text[length] = '\0';
	at += length;
	return length;
}

static uint64_t
take_bits(void)
{
	uint64_t bits = 0;
	size_t length = (size_t)(end - at) < 8 ? (size_t)(end - at) : 8;

	memcpy(&bits, at, length);
	at += length;
	return bits;
}

static double
take_double(void)
{
	uint64_t bits = take_bits();
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static int
call_array(struct fh_request *rq, enum call call)
{
	double numbers[3] = { take_double(), take_double(), take_double() };
	int64_t integers[2] = { (int64_t)take_bits(), (int64_t)take_bits() };

	if (call == CALL_NUMBERS)
		return fh_json_numbers(rq, numbers, 3);
	return fh_json_integers(rq, integers, 2);
}

static int
call_tree(struct fh_request *rq)
{
	char text[256];
	struct json_object *tree;
	int rc;

	take_text(text);
	tree = json_tokener_parse(text);
	rc = fh_json_tree(rq, tree);
	json_object_put(tree);
	return rc;
}

static int
call_nesting(struct fh_request *rq, enum call call)
{
	int rc = call == CALL_OBJECT ? fh_json_object(rq) :
	    call == CALL_ARRAY ? fh_json_array(rq) : fh_json_close(rq);

	if (rc == 0)
		open += call == CALL_CLOSE ? -1u : 1u;
	return rc;
}

static int
call_one(struct fh_request *rq, enum call call)
{
	char text[256];

	switch (call) {
	case CALL_OBJECT:
	case CALL_ARRAY:
	case CALL_CLOSE:
		return call_nesting(rq, call);
	case CALL_NAME:
		take_text(text);
		return fh_json_name(rq, text);
	case CALL_TEXT:
		return fh_json_text(rq, text, take_text(text));
	case CALL_INTEGER:
		return fh_json_integer(rq, (int64_t)take_bits());
	case CALL_UNSIGNED:
		return fh_json_unsigned(rq, take_bits());
	case CALL_NUMBER:
		return fh_json_number(rq, take_double());
	case CALL_TRUE:
		return fh_json_boolean(rq, true);
	case CALL_NUMBERS:
	case CALL_INTEGERS:
		return call_array(rq, call);
	case CALL_TREE:
		return call_tree(rq);
	case CALL_BEGIN:	/* refused once the header has left: no harm */
		if (fh_json_begin(rq, 200) == 0)
			open = 0;
		return 0;
	case CALL_END:
		return fh_json_end(rq);
	case CALL_FLUSH:
		return fh_flush(rq);
	default:
		return fh_json_null(rq);
	}
}

static int
serve(struct fh_request *rq)
{
	open = 0;
	failed = fh_json_begin(rq, 200) != 0;
	while (at < end)
		failed |= call_one(rq, (enum call)(*at++ % CALL_COUNT)) != 0;
	if ((ways & WAY_ORDERLY) == 0)
		return 0;
	while (!failed && open > 0)
		failed |= call_one(rq, CALL_CLOSE) != 0;
	failed |= fh_json_end(rq) != 0;
	return 0;
}

static void
check_json(const struct fuzz_reply *reply)
{
	struct json_tokener *tokener = json_tokener_new_ex(FH_JSON_DEPTH + 2);
	struct json_object *read;

	CHECK(tokener != NULL);
	json_tokener_set_flags(tokener,
	    JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	reply->body[reply->body_length] = '\0';
	read = json_tokener_parse_ex(tokener, reply->body,
	    (int)reply->body_length + 1);
	CHECK(json_tokener_get_error(tokener) == json_tokener_success);
	json_object_put(read);
	json_tokener_free(tokener);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct api_input input = { .body = "", .body_fd = -1,
	    .params = data };
	struct fuzz_reader reader = { .space = 65536 };
	const struct fuzz_reply *reply;

	if (size < 2 || size > 20000)
		return 0;
	ways = data[0];
	reader.space = 4u * data[1];
	reader.streams = (ways & WAY_STREAMS) != 0;
	reader.head_only = (ways & WAY_HEAD) != 0;
	at = data + 2;
	end = data + size;
	reply = fuzz_serve(serve, input, &reader);
	fuzz_check_reply(reply, &reader);
	if (failed)
		CHECK(reply->outcome == API_BROKEN ||
		    reply->result.status == 500);
	if (reply->outcome == API_DONE && !reader.head_only)
		check_json(reply);
	return 0;
}
