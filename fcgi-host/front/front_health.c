/*
 * front_health.c - probes: is the host alive, is it ready?
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: a probe that is not understood is not told that all is well; who
 * is neither of this machine nor known by a key learns no names of ours.
 */
#include "front/front_health.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/health.h"
#include "front/front_ask.h"

#define DEPTH_MAX	16	/* of the supervisor's document */

static const char alive[] = "alive\n";

static unsigned
asked_of(const struct front_request *request)
{
	return request->match.route == NULL ? 0 :
	    request->match.route->handler->asked;
}

bool
front_health_is_for(const struct front_request *request)
{
	return request->head_rc == HEAD_OK &&
	    (asked_of(request) == 1 + ASK_ALIVE ||
	    asked_of(request) == 1 + ASK_READY);
}

static void
reply(struct front_request *request, int status, const char *type,
    const char *text, size_t length)
{
	char head[256];
	int head_length = snprintf(head, sizeof(head), "Status: %d %s\r\n"
	    "Content-Type: %s\r\nContent-Length: %zu\r\n"
	    "Cache-Control: no-store\r\n\r\n", status,
	    wire_status_title(status), type, length);
	size_t sent = request->match.head ? 0 : length;

	request->result.status = status;
	request->refused = status == 503;
	if (front_output_stdout(request->conn, request->id, head,
	    (size_t)head_length, text, sent) < 0) {
		front_conn_close(request->conn);
		return;
	}
	front_count(&front_route_stats(request)->reply_bytes, sent);
	front_request_replied(request);
}

/* ------------------------------------------------------------- the question */

/* "GET/users/{id}", of the path, is the route "GET /users/{id}". */
static bool
read_route(char *name)
{
	char *slash = strchr(name, '/');
	size_t rest = slash == NULL ? 0 : strlen(slash);

	if (rest == 0)
		return false;
	memmove(slash + 1, slash, rest + 1);
	*slash = ' ';
	return true;
}

/* A label is as long in the supervisor's document. */
static void
cut_names(struct health_question *question, char *names)
{
	for (size_t i = 0; i < question->count; i++) {
		char *name = names + (question->parts[i].name - names);

		if (question->parts[i].kind == HEALTH_ROUTE &&
		    strlen(name) >= SHM_LABEL_MAX)
			name[SHM_LABEL_MAX - 1] = '\0';
	}
}

/* The part that the path names.  False: no route can have that name. */
static bool
read_path(struct health_question *question,
    const struct route_match *match, char *name)
{
	const struct route_capture *capture = &match->captures[0];

	if (match->capture_count == 0)
		return true;
	memcpy(name, capture->at, capture->length);
	name[capture->length] = '\0';
	if (strlen(name) != capture->length)
		return false;
	for (int kind = 0; kind < HEALTH_KINDS; kind++)
		if (strcmp(capture->name, health_kind_name(
		    (enum health_kind)kind)) == 0)
			health_ask(question, (enum health_kind)kind, name);
	return strcmp(capture->name, "route") != 0 || read_route(name);
}

/* `names` has room for the query and for the path's part, each with two bytes
 * more.  NULL, or what is wrong. */
static const char *
read_question(const struct front_request *request,
    struct health_question *question, char *names)
{
	const struct front *front = request->front;
	const struct wire_span *query = &request->head.query;
	const char *wrong;

	*question = (struct health_question){ .hidden =
	    front->config->readyz_auth == NULL &&
	    !front_asker_is_local(request) };
	if (query->length > 0)
		memcpy(names, query->at, query->length);
	names[query->length] = '\0';
	wrong = health_read_query(question, names, query->length);
	if (wrong == NULL && !read_path(question, &request->match,
	    names + query->length + 2))
		wrong = "The path is to go on as in routes/GET/users.";
	if (wrong == NULL)
		cut_names(question, names);
	return wrong;
}

/* Room for the names in the question; NULL: no memory. */
static char *
names_of(const struct front_request *request)
{
	size_t length = request->head.query.length + 4;

	if (request->match.capture_count > 0)
		length += request->match.captures[0].length;
	return malloc(length);
}

/* --------------------------------------------------------------- the answer */

struct json_object *
front_health_read(const char *text, size_t length)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *health = NULL;

	if (tokener != NULL)
		health = json_tokener_parse_ex(tokener, text, (int)length);
	if (tokener != NULL)
		json_tokener_free(tokener);
	if (json_object_is_type(health, json_type_object))
		return health;
	json_object_put(health);
	return NULL;
}

static void
answer(struct front_request *request, struct json_object *health,
    const struct health_question *question)
{
	struct json_object *part;
	int status = health_answer(health, question, &part);
	const char *text;
	size_t length = 0;

	text = part == NULL ? NULL : json_object_to_json_string_length(part,
	    JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	if (text == NULL)
		front_request_starve(request);
	else
		reply(request, status, "application/json", text, length);
	json_object_put(part);
}

void
front_health_answer(struct front_request *request, struct json_object *health)
{
	struct health_question question;
	char *names = names_of(request);
	const char *wrong;

	if (names == NULL) {
		front_request_starve(request);
		return;
	}
	wrong = read_question(request, &question, names);
	if (wrong != NULL)
		front_answer(request, 400, "", "%s", wrong);
	else
		answer(request, health, &question);
	free(names);
}

void
front_health(struct front_request *request)
{
	if (asked_of(request) == 1 + ASK_ALIVE)
		reply(request, 200, "text/plain", alive, sizeof(alive) - 1);
	else
		front_ask(request);
}
