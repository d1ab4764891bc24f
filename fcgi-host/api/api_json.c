/*
 * api_json.c - a body as JSON, and JSON as a reply.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: the parsed object, until the reset.
 * Invariant: a body is parsed once; what follows the value, blanks excepted,
 * is an error.
 */
#include "api/api_private.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#define DEPTH_MAX	64

static size_t
skip_blanks(const char *text, size_t from, size_t length)
{
	while (from < length && text[from] != '\0' &&
	    strchr(" \t\r\n", text[from]) != NULL)
		from++;
	return from;
}

/*
 * json-c takes 'single quotes', NaN, Infinity and control characters in
 * strings; RFC 8259 does not.  Where the first of them stands, or `length`.
 */
static size_t
find_stray(const char *text, size_t length)
{
	bool quoted = false;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c == '"')
			quoted = !quoted;
		else if (quoted && c == '\\')
			i++;
		else if (quoted ? (unsigned char)c < ' ' :
		    c == '\'' || c == 'N' || c == 'I')
			return i;
	}
	return length;
}

/* A number is known to be whole only by what follows it: a NUL says "end". */
static struct json_object *
parse(struct json_tokener *tokener, const char *text, size_t length,
    size_t *offset_out, enum json_tokener_error *error_out)
{
	struct json_object *json;

	json = json_tokener_parse_ex(tokener, text, (int)length);
	*error_out = json_tokener_get_error(tokener);
	*offset_out = json_tokener_get_parse_end(tokener);
	if (*error_out == json_tokener_continue) {
		json = json_tokener_parse_ex(tokener, "", 1);
		*error_out = json_tokener_get_error(tokener);
		*offset_out = length;
	}
	if (*error_out != json_tokener_success)
		return json;
	*offset_out = skip_blanks(text, *offset_out, length);
	if (*offset_out == length)
		*offset_out = find_stray(text, length);
	if (*offset_out < length)
		*error_out = json_tokener_error_parse_unexpected;
	return json;
}

struct json_object *
api_json_parse(const char *text, size_t length, size_t *offset_out,
    const char **why_out)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	enum json_tokener_error error;
	struct json_object *json;

	*offset_out = 0;
	*why_out = "out of memory";
	if (tokener == NULL)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
	    JSON_TOKENER_ALLOW_TRAILING_CHARS | JSON_TOKENER_VALIDATE_UTF8);
	json = parse(tokener, text, length, offset_out, &error);
	json_tokener_free(tokener);
	*why_out = NULL;
	if (error == json_tokener_success)
		return json;
	*why_out = json_tokener_error_desc(error);
	json_object_put(json);
	return NULL;
}

void
api_json_fails(struct fh_request *rq, const char *why, size_t offset)
{
	rq->json_error = fh_sprintf(rq, "%s, at byte %zu", why, offset);
	if (rq->json_error == NULL)
		rq->json_error = "out of memory";
}

static void
read_json(struct fh_request *rq)
{
	size_t length, offset;
	const char *text = fh_body(rq, &length), *why;

	if (length == 0 || length > INT_MAX) {
		rq->json_error = length == 0 ? "the body is empty" :
		    "the body is too long";
		return;
	}
	rq->json = api_json_parse(text, length, &offset, &why);
	if (why != NULL)
		api_json_fails(rq, why, offset);
}

struct json_object *
fh_json(struct fh_request *rq)
{
	if (!rq->json_ready) {
		rq->json_ready = true;
		read_json(rq);
	}
	return rq->json;
}

const char *
fh_json_error(const struct fh_request *rq)
{
	return rq->json_error;
}

void
api_json_release(struct fh_request *rq)
{
	json_object_put(rq->json);
	rq->json = NULL;
}

int
fh_reply_json(struct fh_request *rq, int status, struct json_object *json)
{
	const char *text;
	size_t length = 0;
	int rc;

	text = json_object_to_json_string_length(json,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	if (text == NULL)
		rc = api_fault(rq, ENOMEM, "out of memory for the reply");
	else
		rc = api_reply_whole(rq, status, "application/json", text,
		    length);
	json_object_put(json);
	return rc;
}
