/*
 * api_negotiate.c - which of a route's declared types the client gets.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing; a type is the handler's own text.
 * Invariant: a route that does not say all it may answer with is not
 * negotiated about.
 */
#include "api/api_private.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <strings.h>

#include "wire/wire_accept.h"

#define TYPES_MAX	16	/* of a route; more are not looked at */
#define JSON_TYPE	"application/json"

struct types {
	const char	*at[TYPES_MAX];
	size_t		 count;
};

static bool
is_listed(const struct types *types, const char *type)
{
	for (size_t i = 0; i < types->count; i++) {
		if (strcasecmp(types->at[i], type) == 0)
			return true;
	}
	return false;
}

/* Of what succeeds and has a body; false: one of them may be anything. */
static bool
find_types(const struct fh_request *rq, struct types *types)
{
	const struct fh_response *response = rq->input->route->responses;

	for (; response->status != 0;
	    response = route_next_response(rq->input->route, response)) {
		const char *type = response->type;

		if (response->status < 200 || response->status > 299 ||
		    !wire_status_has_body(response->status))
			continue;
		if (type == NULL && response->fields == NULL &&
		    response->items == NULL)
			return false;
		if (type == NULL)
			type = JSON_TYPE;
		if (types->count < TYPES_MAX && !is_listed(types, type))
			types->at[types->count++] = type;
	}
	return types->count > 0;
}

static int
refuse(struct fh_request *rq, const struct types *types)
{
	struct json_object *members = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < types->count; i++)
		json_object_array_add(list,
		    json_object_new_string(types->at[i]));
	json_object_object_add(members, "types", list);
	fh_problem_with(rq, 406, NULL, members, "Accept takes none of the "
	    "types there are.");
	return -1;
}

/* As a header says it: a text of ours is UTF-8. */
static const char *
full_type(struct fh_request *rq, const char *type)
{
	const char *full = type;

	if (strncasecmp(type, "text/", 5) == 0)
		full = fh_sprintf(rq, "%s; charset=utf-8", type);
	return full != NULL ? full : type;
}

int
api_negotiate(struct fh_request *rq)
{
	struct types types = { .count = 0 };
	struct wire_span accept;
	const char *text;
	size_t lines;
	int found;

	if (rq->input->route->responses == NULL || !find_types(rq, &types))
		return 0;
	if (types.count > 1 && fh_vary(rq, "Accept") != 0)
		return 0;
	rq->replied = false;	/* a header alone is no reply */
	text = api_header(rq, "Accept", &lines);
	accept.at = text == NULL ? "" : text;
	accept.length = strlen(accept.at);
	found = wire_accept(accept, types.at, types.count);
	if (found < 0)
		return refuse(rq, &types);
	rq->accepted = types.at[found];
	rq->accepted_type = full_type(rq, rq->accepted);
	return 0;
}

const char *
fh_accepted(struct fh_request *rq)
{
	return rq->accepted;
}

const char *
api_negotiated(const struct fh_request *rq)
{
	return rq->status >= 200 && rq->status <= 299 ? rq->accepted_type :
	    NULL;
}
