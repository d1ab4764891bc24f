/*
 * api_inputs_wrong.c - the answer to inputs that are not what was declared.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing; the document lies in the request's arena.
 * Invariant: the document is valid JSON of a bounded size whatever was sent,
 * and nothing that is secret stands in it.
 */
#include "api/api_private.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "wire/wire_text.h"

#define TOLD_MAX	200		/* faults in one document */
#define TEXT_MAX	((size_t)48 << 10)	/* bytes of them */
#define ROOM_LEAST	((size_t)1 << 10)	/* for the document around */
#define INPUT_MAX	200		/* bytes of what was sent */
#define MESSAGE_MAX	1200
#define CONTEXT_MAX	2048
#define WAY_MAX		2048

/* ------------------------------------------------- putting */

/* Where one fault is put; `failed` once something did not fit. */
struct put {
	char	*at;
	char	*end;
	bool	 failed;
};

static void
put_bytes(struct put *put, const char *bytes, size_t length)
{
	if (put->failed || length > (size_t)(put->end - put->at)) {
		put->failed = true;
		return;
	}
	memcpy(put->at, bytes, length);
	put->at += length;
}

static void
put(struct put *put, const char *text)
{
	put_bytes(put, text, strlen(text));
}

/* A string, cut after INPUT_MAX bytes if `cuts`. */
static void
put_string(struct put *to, const char *text, size_t length, bool cuts)
{
	static const char more[] = "\xe2\x80\xa6";	/* an ellipsis */
	char piece[6 * INPUT_MAX];
	const char *at = text, *end = text + length;
	size_t n;

	if (cuts && length > INPUT_MAX)
		end = text + INPUT_MAX;
	/* What is cut is not to end in half a character. */
	for (int i = 0; i < 3 && end < text + length && end > text &&
	    ((unsigned char)*end & 0xc0) == 0x80; i++)
		end--;
	put(to, "\"");
	while (at < end && !to->failed) {
		n = wire_json_escape_some(piece, sizeof(piece), &at, end);
		put_bytes(to, piece, n);
	}
	put(to, end < text + length ? more : "");
	put(to, "\"");
}

/* ------------------------------------------------- what was sent */

/* Takes off `budget` what there is in it, at least; false: more than that. */
static bool
is_small(struct json_object *json, size_t *budget)
{
	size_t weight = 4;

	if (json_object_is_type(json, json_type_string))
		weight += (size_t)json_object_get_string_len(json);
	if (weight > *budget)
		return false;
	*budget -= weight;
	if (json_object_is_type(json, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(json); i++) {
			if (!is_small(json_object_array_get_idx(json, i),
			    budget))
				return false;
		}
	} else if (json_object_is_type(json, json_type_object)) {
		json_object_object_foreach(json, name, value) {
			size_t length = strlen(name);

			if (length > *budget)
				return false;
			*budget -= length;
			if (!is_small(value, budget))
				return false;
		}
	}
	return true;
}

/* What is large and no string is left out. */
static void
put_json(struct put *to, struct json_object *json)
{
	size_t budget = 2 * INPUT_MAX, length;
	const char *text;

	if (json_object_is_type(json, json_type_string)) {
		put(to, ",\"input\":");
		put_string(to, json_object_get_string(json),
		    (size_t)json_object_get_string_len(json), true);
		return;
	}
	if (!is_small(json, &budget))
		return;
	text = json == NULL ? "null" : json_object_to_json_string_length(json,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	if (json == NULL)
		length = 4;
	if (text == NULL || length > 4 * INPUT_MAX)
		return;
	put(to, ",\"input\":");
	put_bytes(to, text, length);
}

static void
put_input(struct put *to, const struct schema_fault *fault)
{
	if (fault->wrong == SCHEMA_MISSING) {
		put(to, ",\"input\":null");
	} else if (fault->text != NULL) {
		put(to, ",\"input\":");
		put_string(to, fault->text, fault->length, true);
	} else if (fault->has_json) {
		put_json(to, fault->json);
	}
}

/* ------------------------------------------------- one fault */

static void
put_fault(struct put *to, const struct schema_fault *fault)
{
	char text[WAY_MAX];

	put(to, "{\"loc\":");
	put_bytes(to, text, schema_step_json(fault->at, text, sizeof(text)));
	schema_fault_message(fault, text, MESSAGE_MAX);
	put(to, ",\"msg\":");
	put_string(to, text, strlen(text), false);
	put(to, ",\"type\":\"");
	put(to, schema_fault_type(fault));
	put(to, "\"");
	put_input(to, fault);
	schema_fault_context(fault, text, CONTEXT_MAX);
	if (text[0] != '\0') {
		put(to, ",\"ctx\":");
		put(to, text);
	}
	put(to, "}");
}

/* What a sync route may send is the bound of all bounds. */
static int
begin(struct api_wrong *wrong)
{
	const struct api_sink *sink = wrong->rq->sink;

	if (wrong->text != NULL)
		return 0;
	wrong->size = TEXT_MAX;
	if (!sink->streams && sink->space < TEXT_MAX + ROOM_LEAST)
		wrong->size = sink->space > 2 * ROOM_LEAST ?
		    sink->space - ROOM_LEAST : ROOM_LEAST;
	wrong->text = api_arena_alloc(&wrong->rq->arena, wrong->size);
	return wrong->text != NULL ? 0 : -1;
}

void
api_wrong_report(struct api_wrong *wrong, const struct schema_fault *fault)
{
	struct put to;

	/* After the first that had no place they are only counted. */
	if (wrong->count++ != wrong->told || wrong->told == TOLD_MAX)
		return;
	if (begin(wrong) != 0) {
		wrong->failed = true;
		return;
	}
	to = (struct put){ .at = wrong->text + wrong->length,
	    .end = wrong->text + wrong->size };
	if (wrong->told > 0)
		put(&to, ",");
	put_fault(&to, fault);
	if (to.failed)
		return;
	wrong->length = (size_t)(to.at - wrong->text);
	wrong->told++;
}

/* ------------------------------------------------- the document */

int
api_wrong_reply(struct api_wrong *wrong)
{
	struct fh_request *rq = wrong->rq;
	size_t size = wrong->length + API_PROBLEM_MAX, rest;
	char *out = api_arena_alloc(&rq->arena, size), detail[80], more[64];
	ptrdiff_t length;

	if (out == NULL)
		return api_fault(rq, ENOMEM, "out of memory for the reply");
	snprintf(detail, sizeof(detail), wrong->count == 1 ?
	    "1 input is not as declared." : "%zu inputs are not as declared.",
	    wrong->count);
	length = api_problem_document(out, size, 422, rq->input->request_id,
	    detail, strlen(detail));
	FH_BUG(length < 2);
	more[0] = '\0';
	if (wrong->told < wrong->count)
		snprintf(more, sizeof(more), ",\"errors_omitted\":%zu",
		    wrong->count - wrong->told);
	/* Before the brace that ends it, and its newline. */
	length -= 2;
	rest = size - (size_t)length;
	length += snprintf(out + length, rest, ",\"errors\":[%.*s]%s}\n",
	    (int)wrong->length, wrong->text, more);
	return api_reply_whole(rq, 422, API_PROBLEM_TYPE, out,
	    (size_t)length);
}
