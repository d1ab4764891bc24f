/*
 * api_responses.c - a reply against what its route declares.
 *
 * Runs in: front, workers, call, cgi, tests of handlers.
 * Owns: whether it is done though the configuration does not ask for it.
 * Invariant: a reply that is not declared never leaves as it is; what has left
 * already is not looked at.
 */
#include "api/api_private.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "wire/wire_text.h"

#define JSON_TYPE	"application/json"

static bool	always;

void
api_responses_always(bool checks)
{
	always = checks;
}

/* ------------------------------------------------- status and type */

/* Without parameters; "" for none. */
static struct wire_span
type_of(const struct fh_request *rq)
{
	const char *type = rq->content_type != NULL ? rq->content_type :
	    api_negotiated(rq);

	if (type == NULL)
		type = "";
	return wire_trim((struct wire_span){ type, strcspn(type, ";") });
}

/* Only such a body is looked into. */
static bool
fits_json(struct wire_span type)
{
	return type.length >= 4 && strncasecmp(type.at + type.length - 4,
	    "json", 4) == 0 && type.length != strlen(API_PROBLEM_TYPE);
}

static const char *
declared_type(const struct schema_response *response)
{
	return response->type == NULL && response->node.type != 0 ?
	    JSON_TYPE : response->type;
}

static bool
fits_type(const struct schema_response *response, struct wire_span type)
{
	const char *wanted = declared_type(response);

	/* An error that is declared without a type is a problem document. */
	if (response->type == NULL && response->status >= 400 &&
	    type.length == strlen(API_PROBLEM_TYPE) && strncasecmp(type.at,
	    API_PROBLEM_TYPE, type.length) == 0)
		return true;
	return wanted == NULL || (strlen(wanted) == type.length &&
	    strncasecmp(wanted, type.at, type.length) == 0);
}

/* The first that fits; *status_out says whether its status alone would. */
static const struct schema_response *
find(const struct schema *schema, int status, struct wire_span type,
    bool has_body, bool *status_out)
{
	*status_out = false;
	for (size_t i = 0; i < schema->response_count; i++) {
		const struct schema_response *response =
		    &schema->responses[i];

		if (response->status != status)
			continue;
		*status_out = true;
		if (!has_body || fits_type(response, type))
			return response;
	}
	return NULL;
}

/* ------------------------------------------------- the body */

struct finding {
	struct fh_request	*rq;
	char			 text[200];	/* the first; or "" */
};

static void
take_fault(void *context, const struct schema_fault *fault)
{
	struct finding *finding = context;
	char way[80], words[100];

	if (finding->text[0] != '\0')
		return;
	schema_step_text(fault->at, way, sizeof(way));
	schema_fault_message(fault, words, sizeof(words));
	snprintf(finding->text, sizeof(finding->text), "%s: %s", way, words);
}

static void *
alloc(void *context, size_t size)
{
	const struct finding *finding = context;

	return api_arena_alloc(&finding->rq->arena, size);
}

static int
check_body(struct fh_request *rq, const struct schema_response *response)
{
	struct finding finding = { .rq = rq };
	struct schema_run run = { .alloc = alloc, .report = take_fault,
	    .context = &finding, .matcher = api_matcher(rq->thread) };
	struct json_object *json;
	const char *why;
	size_t offset;
	int rc = 0;

	json = api_json_parse(rq->space, rq->collected, &offset, &why);
	if (why != NULL)
		return api_fault(rq, EINVAL, "the reply %d is declared as "
		    "JSON, but is none: %s, at byte %zu", rq->status, why,
		    offset);
	if (run.matcher == NULL || schema_check(response, json, &run) != 0)
		rc = api_fault(rq, ENOMEM, "out of memory for the reply");
	else if (finding.text[0] != '\0')
		rc = api_fault(rq, EINVAL, "the reply %d is not as declared: "
		    "%s", rq->status, finding.text);
	json_object_put(json);
	return rc;
}

/* ------------------------------------------------- all of it */

/* What the host itself answers to a request that got as far as its route. */
static bool
is_own(const struct fh_request *rq)
{
	static const int own[] = { 206, 304, 400, 401, 403, 406, 412, 413, 415,
	    416, 422 };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (rq->status == own[i])
			return true;
	}
	return rq->status >= 500;
}

static bool
is_wanted(const struct fh_request *rq)
{
	const struct config *config = rq->thread->set->config;
	const struct schema *schema = rq->input->route->schema;

	return (always || (config != NULL && config->check_responses)) &&
	    schema != NULL && schema->response_count > 0 && !rq->left &&
	    !is_own(rq) && api_header_get(rq, "X-Accel-Redirect") == NULL;
}

static int
refuse(struct fh_request *rq, bool has_status, struct wire_span type)
{
	if (!has_status)
		return api_fault(rq, EINVAL, "the status %d is none that the "
		    "route declares", rq->status);
	return api_fault(rq, EINVAL, "the reply %d is %.*s, which the route "
	    "does not declare for it", rq->status, type.length == 0 ? 17 :
	    (int)(type.length > 80 ? 80 : type.length), type.length == 0 ?
	    "without a type" : type.at);
}

int
api_responses_check(struct fh_request *rq)
{
	bool has_body = wire_status_has_body(rq->status), has_status;
	struct wire_span type = type_of(rq);
	const struct schema_response *response;

	if (!is_wanted(rq))
		return 0;
	response = find(rq->input->route->schema, rq->status, type, has_body,
	    &has_status);
	if (response == NULL)
		return refuse(rq, has_status, type);
	if (response->node.type == 0 || !has_body || rq->input->head_only ||
	    !fits_json(type) || rq->collected != rq->written)
		return 0;
	return check_body(rq, response);
}
