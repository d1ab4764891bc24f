/*
 * api_json_out.c - JSON into the reply: what may stand where, and texts.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing; what is open is a bit for each level, in the request.
 * Invariant: what has been written is the beginning of one JSON value, or the
 * reply has a fault.
 */
#include "api/api_private.h"

#include <errno.h>
#include <string.h>

#include "wire/wire_text.h"

/* Pieces in which a text is escaped where it does not fit in place. */
#define ASIDE	256

/* The longest escape of one character. */
#define ESCAPE_MAX	6

static bool
in_object(const struct api_json *json)
{
	return json->depth > 0 && (json->objects >> (json->depth - 1) & 1);
}

/* Why no value may stand here, or NULL. */
static const char *
why_no_value(const struct api_json *json)
{
	if (json->state == API_JSON_NONE)
		return "fh_json_begin() has not been called";
	if (json->state == API_JSON_ENDED)
		return "the document is ended";
	if (in_object(json) && !json->named)
		return "a value in an object needs a name before it";
	if (json->depth == 0 && json->comma)
		return "a document is one value";
	return NULL;
}

int
api_json_misuse(struct fh_request *rq, const char *call, const char *why)
{
	return api_fault(rq, EINVAL, "%s(): %s", call, why);
}

int
api_json_value(struct fh_request *rq, const char *call, bool *comma_out)
{
	struct api_json *json = &rq->json_out;
	const char *why = why_no_value(json);

	if (why != NULL)
		return api_json_misuse(rq, call, why);
	*comma_out = json->comma && !json->named;
	json->comma = true;
	json->named = false;
	return 0;
}

/* A value of a few bytes. */
int
api_json_put(struct fh_request *rq, const char *call, const char *text,
    size_t length)
{
	char piece[API_JSON_SCALAR];
	bool comma;

	if (api_json_value(rq, call, &comma) != 0)
		return -1;
	if (!comma)
		return api_reply_push(rq, text, length);
	piece[0] = ',';
	memcpy(piece + 1, text, length);
	return api_reply_push(rq, piece, length + 1);
}

/* ------------------------------------------------- begin and end */

int
fh_json_begin(struct fh_request *rq, int status)
{
	const char *type = rq->content_type;

	if (api_reply_begin(rq, status, type != NULL ? type :
	    "application/json") != 0)
		return -1;
	rq->json_out = (struct api_json){ .state = API_JSON_OPEN };
	return 0;
}

/* Why the document cannot end here, or NULL. */
static const char *
why_no_end(const struct api_json *json)
{
	if (json->state != API_JSON_OPEN)
		return why_no_value(json);
	if (json->depth > 0)
		return "an object or array is not closed";
	if (!json->comma)
		return "the document is empty";
	return NULL;
}

int
fh_json_end(struct fh_request *rq)
{
	const char *why = why_no_end(&rq->json_out);

	if (why != NULL)
		return api_json_misuse(rq, "fh_json_end", why);
	rq->json_out.state = API_JSON_ENDED;
	return api_reply_state(rq);
}

/* ------------------------------------------------- nesting */

static int
open_level(struct fh_request *rq, const char *call, const char *bracket,
    bool object)
{
	struct api_json *json = &rq->json_out;

	if (json->depth == FH_JSON_DEPTH)
		return api_json_misuse(rq, call, "more than 64 are open");
	if (api_json_put(rq, call, bracket, 1) != 0)
		return -1;
	json->objects &= ~((uint64_t)1 << json->depth);
	json->objects |= (uint64_t)object << json->depth;
	json->depth++;
	json->comma = false;
	return 0;
}

int
fh_json_object(struct fh_request *rq)
{
	return open_level(rq, "fh_json_object", "{", true);
}

int
fh_json_array(struct fh_request *rq)
{
	return open_level(rq, "fh_json_array", "[", false);
}

int
fh_json_close(struct fh_request *rq)
{
	struct api_json *json = &rq->json_out;
	bool object = in_object(json);

	if (json->state != API_JSON_OPEN || json->depth == 0)
		return api_json_misuse(rq, "fh_json_close", "nothing is open");
	if (json->named)
		return api_json_misuse(rq, "fh_json_close",
		    "a name has no value");
	json->depth--;
	json->comma = true;
	return api_reply_push(rq, object ? "}" : "]", 1);
}

/* ------------------------------------------------- texts */

static int
push_escaped(struct fh_request *rq, const char *at, const char *end)
{
	char aside[ASIDE];

	while (at < end) {
		size_t room = api_reply_room(rq), n;

		if (room >= ESCAPE_MAX) {
			n = wire_json_escape_some(api_reply_at(rq), room, &at,
			    end);
			api_reply_took(rq, n);
			continue;
		}
		n = wire_json_escape_some(aside, sizeof(aside), &at, end);
		if (api_reply_push(rq, aside, n) != 0)
			return -1;
	}
	return 0;
}

static int
push_string(struct fh_request *rq, bool comma, const char *text,
    size_t length, const char *behind)
{
	if (api_reply_push(rq, comma ? ",\"" : "\"", comma ? 2 : 1) != 0 ||
	    push_escaped(rq, text, text + length) != 0)
		return -1;
	return api_reply_push(rq, behind, strlen(behind));
}

int
fh_json_name(struct fh_request *rq, const char *name)
{
	struct api_json *json = &rq->json_out;
	bool comma = json->comma;

	if (json->state != API_JSON_OPEN || !in_object(json))
		return api_json_misuse(rq, "fh_json_name",
		    "a name stands in an object only");
	if (json->named)
		return api_json_misuse(rq, "fh_json_name",
		    "a name has no value");
	if (name == NULL)
		return api_json_misuse(rq, "fh_json_name", "the name is NULL");
	json->named = true;
	return push_string(rq, comma, name, strlen(name), "\":");
}

int
fh_json_text(struct fh_request *rq, const char *text, size_t length)
{
	bool comma;

	if (api_json_value(rq, "fh_json_text", &comma) != 0)
		return -1;
	return push_string(rq, comma, text, length, "\"");
}

int
fh_json_string(struct fh_request *rq, const char *text)
{
	bool comma;

	if (text == NULL)
		return fh_json_null(rq);
	if (api_json_value(rq, "fh_json_string", &comma) != 0)
		return -1;
	return push_string(rq, comma, text, strlen(text), "\"");
}
