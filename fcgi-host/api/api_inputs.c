/*
 * api_inputs.c - what a route declares of its inputs, before it is served.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing; what it makes lies in the request's arena.
 * Invariant: serve() of a route that declares inputs sees none but sound ones.
 */
#include "api/api_private.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "wire/wire_multipart.h"
#include "wire/wire_text.h"

/* ------------------------------------------------- 415 */

/* "application/json" of "application/json; charset=utf-8". */
static struct wire_span
media_type(const char *type)
{
	return wire_trim((struct wire_span){ type, strcspn(type, ";") });
}

static bool
is(struct wire_span type, const char *other)
{
	return strlen(other) == type.length &&
	    strncasecmp(type.at, other, type.length) == 0;
}

static bool
is_json(struct wire_span type)
{
	return is(type, "application/json") || (type.length > 5 &&
	    memchr(type.at, '/', type.length) != NULL &&
	    strncasecmp(type.at + type.length - 5, "+json", 5) == 0);
}

static int
refuse_type(struct fh_request *rq, const char *type, const char *accept)
{
	if (fh_set_header(rq, "Accept", accept) != 0)
		return -1;
	if (type == NULL)
		fh_problem(rq, 415, "The body has no Content-Type; this route "
		    "takes %s.", accept);
	else
		fh_problem(rq, 415, "The body is %.100s; this route takes "
		    "%s.", type, accept);
	return -1;
}

static int
check_type(struct fh_request *rq, const struct schema *schema)
{
	const char *given = fh_header(rq, "Content-Type");
	struct wire_span type = media_type(given != NULL ? given : "");
	size_t length;

	fh_body(rq, &length);
	if (length == 0 || schema->body == SCHEMA_NO_BODY)
		return 0;
	if (schema->body == SCHEMA_JSON)
		return is_json(type) ? 0 : refuse_type(rq, given,
		    "application/json");
	if (is(type, "multipart/form-data") || (!schema->has_files &&
	    is(type, "application/x-www-form-urlencoded")))
		return 0;
	return refuse_type(rq, given, schema->has_files ?
	    "multipart/form-data" :
	    "application/x-www-form-urlencoded, multipart/form-data");
}

/* ------------------------------------------------- 400 */

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' &&
	    (c | 0x20) <= 'f');
}

/* Where a '%' is not followed by two digits; or the length. */
static size_t
find_bad_escape(struct wire_span text)
{
	const char *end = text.at + text.length, *at = text.at;

	while ((at = memchr(at, '%', (size_t)(end - at))) != NULL) {
		if (end - at < 3 || !is_hex(at[1]) || !is_hex(at[2]))
			return (size_t)(at - text.at);
		at += 3;
	}
	return text.length;
}

static bool
has_nul(struct wire_span text)
{
	return text.length > 0 && (memchr(text.at, '\0', text.length) != NULL ||
	    memmem(text.at, text.length, "%00", 3) != NULL);
}

/* It would look like the name that stands before it. */
static bool
has_nul_in_name(struct wire_span text)
{
	const char *at = text.at, *end = text.at + text.length;
	struct wire_span name, value;

	while (wire_form_next(&at, end, &name, &value) == 1) {
		if (has_nul(name))
			return true;
	}
	return false;
}

static int
check_escapes(struct fh_request *rq, const char *what, struct wire_span text)
{
	size_t bad = text.length == 0 ? 0 : find_bad_escape(text);

	if (bad < text.length)
		fh_problem(rq, 400, "The %s has a malformed escape at byte "
		    "%zu: a %% is followed by two hexadecimal digits.", what,
		    bad);
	else if (has_nul(text) && has_nul_in_name(text))
		fh_problem(rq, 400, "The %s has a name with a NUL in it.",
		    what);
	else
		return 0;
	return -1;
}

static int
check_form(struct fh_request *rq)
{
	const char *given = fh_header(rq, "Content-Type"), *error;
	struct wire_span body;
	int status;

	body.at = fh_body(rq, &body.length);
	if (body.length > 0 && given != NULL && is(media_type(given),
	    "application/x-www-form-urlencoded") &&
	    check_escapes(rq, "form", body) != 0)
		return -1;
	status = api_form_error(rq, &error);
	if (status != 0)
		fh_problem(rq, status, "%s", error);
	return status == 0 ? 0 : -1;
}

static int
check_json(struct fh_request *rq, struct schema_sent *sent)
{
	size_t length;

	fh_body(rq, &length);
	if (length == 0)
		return 0;
	if (api_json_strict(rq) != 0) {
		fh_problem(rq, 400, "The body is not JSON that can be taken: "
		    "%s.", rq->json_error);
		return -1;
	}
	sent->has_body = true;
	sent->body = rq->json;
	return 0;
}

static int
check_body(struct fh_request *rq, const struct schema *schema,
    struct schema_sent *sent)
{
	switch (schema->body) {
	case SCHEMA_JSON:
		return check_json(rq, sent);
	case SCHEMA_FORM:
		return check_form(rq);
	case SCHEMA_NO_BODY:
		break;
	}
	return 0;
}

/* ------------------------------------------------- 422 */

static const char *
header(void *rq, const char *name, size_t *lines_out)
{
	return api_header(rq, name, lines_out);
}

static void
gather(struct fh_request *rq, const struct schema *schema,
    struct schema_sent *sent)
{
	const struct api_fields *captures = api_captures(rq);
	struct schema_fields *fields = sent->fields;

	fields[FH_IN_PATH].at = captures->at;
	fields[FH_IN_PATH].count = captures->count;
	fields[FH_IN_QUERY].at = fh_query_fields(rq,
	    &fields[FH_IN_QUERY].count);
	fields[FH_IN_COOKIE].at = fh_cookies(rq,
	    &fields[FH_IN_COOKIE].count);
	if (schema->body == SCHEMA_FORM) {
		fields[FH_IN_FORM].at = fh_form_fields(rq,
		    &fields[FH_IN_FORM].count);
		sent->files = fh_files(rq, &sent->file_count);
	}
	sent->header = header;
	sent->context = rq;
}

static void *
alloc(void *context, size_t size)
{
	const struct api_wrong *wrong = context;

	return api_arena_alloc(&wrong->rq->arena, size);
}

static void
report(void *context, const struct schema_fault *fault)
{
	api_wrong_report(context, fault);
}

struct schema_matcher *
api_matcher(struct api_worker *thread)
{
	if (thread->matcher == NULL)
		thread->matcher = schema_matcher_create();
	return thread->matcher;
}

static int
take(struct fh_request *rq, const struct schema *schema,
    const struct schema_sent *sent)
{
	struct api_wrong wrong = { .rq = rq };
	struct schema_run run = { .alloc = alloc, .report = report,
	    .context = &wrong, .matcher = api_matcher(rq->thread) };
	void *values;
	bool *given;

	if (run.matcher == NULL ||
	    schema_take(schema, sent, &run, &values, &given) != 0 ||
	    wrong.failed)
		return api_fault(rq, ENOMEM, "out of memory for the inputs");
	if (run.wrong > 0) {
		api_wrong_reply(&wrong);
		return -1;
	}
	rq->values = values;
	rq->given = given;
	return 0;
}

int
api_inputs_take(struct fh_request *rq)
{
	const struct schema *schema = rq->input->route->schema;
	struct schema_sent sent;

	if (schema == NULL || !schema->declared)
		return 0;
	memset(&sent, 0, sizeof(sent));
	if (check_type(rq, schema) != 0 ||
	    check_escapes(rq, "query", api_head(rq)->query) != 0 ||
	    check_body(rq, schema, &sent) != 0)
		return -1;
	gather(rq, schema, &sent);
	if (rq->fault[0] != '\0')
		return -1;
	return take(rq, schema, &sent);
}
