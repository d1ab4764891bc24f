/*
 * openapi_responses.c - what a route may answer, and the host for it.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: an answer of the host stands with every route that can get it,
 * and with no other.
 */
#include <stdio.h>
#include <string.h>

#include "openapi/openapi_private.h"
#include "wire/wire_text.h"

#define JSON_TYPE	"application/json"

/* What decides which of them a route can get. */
struct traits {
	bool	inputs, body, typed;
};

/* Of a route without inputs it is not known what its body is. */
static bool
may_send_body(const struct route *route)
{
	return route->inputs == NULL && (strcmp(route->method, "POST") == 0 ||
	    strcmp(route->method, "PUT") == 0 ||
	    strcmp(route->method, "PATCH") == 0);
}

static bool
is_given(const struct route *route, const struct traits *traits, int status)
{
	switch (status) {
	case 401:
	case 429:
		return route->auths != 0;
	case 403:
		return route->auths != 0 && route->scopes != NULL;
	case 406:
		return traits->typed && !route->job;
	case 413:
		return traits->body || may_send_body(route);
	case 415:
		return traits->body;
	case 422:
		return traits->inputs;
	case 504:
		return route->async && !route->job && (route->timeout_ms != 0 ||
		    route->deadline_ms != 0);
	default:
		return true;
	}
}

/* ------------------------------------------------------------- declared */

/* NULL: the declaration leaves the body open. */
static struct json_object *
schema_of(const struct schema_response *response)
{
	const struct openapi_scope scope = { .response = true };

	if (response->node.type != 0)
		return openapi_schema(&scope, &response->node);
	if (response->type == NULL && response->status >= 400)
		return openapi_reference("schemas", "Problem");
	return NULL;
}

static const char *
type_of(const struct schema_response *response)
{
	if (response->type != NULL)
		return response->type;
	if (response->node.type != 0)
		return JSON_TYPE;
	return response->status >= 400 ? OPENAPI_PROBLEM_TYPE : NULL;
}

/* The entry of that status, made if there is none. */
static struct json_object *
entry(struct json_object *responses,
    const struct schema_response *response)
{
	struct json_object *found;
	char status[16];

	snprintf(status, sizeof(status), "%d", response->status);
	if (json_object_object_get_ex(responses, status, &found))
		return found;
	found = json_object_new_object();
	openapi_add(found, "description", openapi_string(
	    response->about != NULL ? response->about :
	    wire_status_title(response->status)));
	openapi_add(responses, status, found);
	return found;
}

static struct json_object *
content_of(struct json_object *response)
{
	struct json_object *content;

	if (json_object_object_get_ex(response, "content", &content))
		return content;
	content = json_object_new_object();
	openapi_add(response, "content", content);
	return content;
}

static void
add_declared(struct json_object *responses,
    const struct schema_response *response)
{
	struct json_object *found = entry(responses, response), *media;
	const char *type = type_of(response);
	struct json_object *schema;

	if (type == NULL || !wire_status_has_body(response->status))
		return;
	schema = schema_of(response);
	media = json_object_new_object();
	if (schema != NULL)
		openapi_add(media, "schema", schema);
	openapi_add(content_of(found), type, media);
}

/* ------------------------------------------------------------- the host's */

static void
merge_problem(struct json_object *content, int status)
{
	struct json_object *ours = openapi_problem_content(status), *media;

	json_object_object_get_ex(ours, OPENAPI_PROBLEM_TYPE, &media);
	if (!json_object_object_get_ex(content, OPENAPI_PROBLEM_TYPE, NULL))
		openapi_add(content, OPENAPI_PROBLEM_TYPE,
		    json_object_get(media));
	json_object_put(ours);
}

/* A handler that declares the same status may send either document. */
static void
add_host(struct json_object *responses, const struct openapi_answer *answer)
{
	struct json_object *found, *content;
	char status[16];

	snprintf(status, sizeof(status), "%d", answer->status);
	if (!json_object_object_get_ex(responses, status, &found)) {
		openapi_add(responses, status,
		    openapi_reference("responses", answer->name));
		return;
	}
	if (!json_object_object_get_ex(found, "content", &content)) {
		openapi_add(found, "content",
		    openapi_problem_content(answer->status));
		return;
	}
	merge_problem(content, answer->status);
}

static struct json_object *
declared(const struct route *route, struct traits *traits)
{
	struct json_object *responses = json_object_new_object();
	const struct schema *schema = route->schema;

	for (size_t i = 0; schema != NULL && i < schema->response_count;
	    i++) {
		const struct schema_response *one = &schema->responses[i];

		traits->typed |= one->status < 400 && type_of(one) != NULL;
		add_declared(responses, one);
	}
	return responses;
}

static void
add_anything(struct json_object *responses)
{
	struct json_object *anything = json_object_new_object();

	openapi_add(anything, "description",
	    json_object_new_string("Not declared."));
	openapi_add(responses, "2XX", anything);
}

struct json_object *
openapi_responses(const struct route *route, struct json_object **job_out)
{
	struct json_object *body = openapi_body(route), *responses;
	struct traits traits = { .inputs = route->inputs != NULL,
	    .body = body != NULL };

	json_object_put(body);
	*job_out = NULL;
	responses = declared(route, &traits);
	if (route->job) {
		*job_out = responses;
		responses = json_object_new_object();
		openapi_job_answers(responses);
	} else if (json_object_object_length(responses) == 0)
		add_anything(responses);
	for (size_t i = 0; i < OPENAPI_ANSWERS; i++) {
		if (is_given(route, &traits, openapi_answers[i].status))
			add_host(responses, &openapi_answers[i]);
	}
	return responses;
}
