/*
 * api_check.c - one request whose reply only has to be a good one.
 *
 * Runs in: the probe of a new generation, and `check --full`.
 * Owns: the request, and the one serving thread it runs in.
 * Invariant: of the reply no more is kept than a problem's sentence needs.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "api/api_private.h"
#include "common/request.h"

#define METHOD_MAX	32
#define KEPT		4096	/* bytes of a body, to find a problem in */

/* Without a configuration, in tests. */
#define SPACE		((size_t)64 << 10)

struct check {
	struct api_sink	 sink;		/* first: given to api_serve */
	const char	*text;		/* "GET /x?y" */
	struct request	 request;
	struct route_match match;
	struct api_result result;
	char		 body[KEPT + 1];
	size_t		 kept;
};

static int
keep_begin(struct api_sink *sink, const char *head, size_t head_length,
    const void *body, size_t length)
{
	struct check *check = (struct check *)sink;
	size_t room = KEPT - check->kept;

	(void)head;
	(void)head_length;
	if (length > room)
		length = room;
	memcpy(check->body + check->kept, body, length);
	check->kept += length;
	return 0;
}

static int
flush(struct api_sink *sink)
{
	(void)sink;
	return 0;
}

/* ----------------------------------------------------------- the request */

static int
make_request(struct check *check, struct err *err)
{
	const char *target = strchr(check->text, ' ');
	size_t length = target == NULL ? 0 : (size_t)(target - check->text);
	char method[METHOD_MAX + 1];
	enum head_rc head;
	int rc;

	if (length == 0 || length > METHOD_MAX || target[1] != '/')
		return err_set(err, "%s is no request: write \"GET /path\"",
		    check->text);
	memcpy(method, check->text, length);
	method[length] = '\0';
	rc = request_put_line(&check->request, method, target + 1);
	if (rc != 0)
		return err_set(err, "%s %s", check->text, rc < 0 ?
		    "could not be made: out of memory" :
		    "has a malformed escape");
	head = request_scan(&check->request);
	return head == HEAD_OK ? 0 : err_set(err, "%s is no request: %s",
	    check->text, head_strerror(head));
}

static int
find_route(struct check *check, const struct handler_set *set,
    struct err *err)
{
	const struct head *head = &check->request.head;

	route_find(set, head->method.at, head->method.length, head->path.at,
	    head->path.length, &check->match);
	if (check->match.route != NULL)
		return 0;
	if (check->match.status == 404)
		return err_set(err, "%s has no route", check->text);
	return err_set(err, "%s has no route: its path allows %s",
	    check->text, check->match.allow);
}

/* ------------------------------------------------------------- the reply */

/* ": " and the detail of a problem document, in one line; or "". */
static void
describe_problem(struct check *check, char *out, size_t size)
{
	struct json_object *document, *detail;

	out[0] = '\0';
	check->body[check->kept] = '\0';
	document = json_tokener_parse(check->body);
	if (json_object_is_type(document, json_type_object) &&
	    json_object_object_get_ex(document, "detail", &detail) &&
	    json_object_is_type(detail, json_type_string))
		snprintf(out, size, ": %s", json_object_get_string(detail));
	json_object_put(document);
	for (; *out != '\0'; out++) {
		if ((unsigned char)*out < ' ')
			*out = ' ';
	}
}

static int
judge(struct check *check, enum api_outcome outcome, struct err *err)
{
	char detail[256];

	if (outcome != API_DONE)
		return err_set(err, "%s was not answered to the end",
		    check->text);
	if (check->result.status < 400)
		return 0;
	describe_problem(check, detail, sizeof(detail));
	return err_set(err, "%s answered %d%s", check->text,
	    check->result.status, detail);
}

/* ----------------------------------------------------------------- serve */

static int
serve(struct check *check, struct api_worker *thread, struct err *err)
{
	const struct api_input input = {
		.route = check->match.route,
		.params = check->request.params,
		.params_length = check->request.length,
		.body = "",
		.body_fd = -1,
		.request_id = check->request.id,
		.head_only = check->match.head,
	};
	struct fh_request *rq = api_request_create(thread);
	enum api_outcome outcome;
	int rc;

	if (rq == NULL)
		return err_set(err, "%s could not be served: out of memory",
		    check->text);
	outcome = api_serve(rq, &input, &check->sink, &check->result);
	rc = judge(check, outcome, err);
	api_request_reset(rq);
	api_request_destroy(rq);
	return rc;
}

/* The set as if it had this route alone: only its handler is started. */
static int
serve_alone(struct check *check, const struct handler_set *set,
    struct err *err)
{
	const struct route *route = check->match.route;
	struct handler_set view = *set;
	struct api_worker *thread;
	int rc = -1;

	view.routes = &set->routes[route->index];
	view.route_count = 1;
	check->sink.streams = route->async;
	if (set->config != NULL)
		check->sink.space = route->async ? set->config->reply_space :
		    set->config->sync_reply_limit;
	handler_watched(route->handler->file);
	thread = api_worker_create(&view, API_ALL_POOLS);
	if (thread != NULL)
		rc = serve(check, thread, err);
	else
		err_set(err, "%s could not be served: out of memory",
		    check->text);
	api_worker_destroy(thread);
	handler_watched("");
	return rc;
}

const struct handler *
api_check_handler(const struct handler_set *set, const char *request)
{
	struct check check = { .text = request };
	struct err err;
	int rc;

	request_init(&check.request);
	rc = make_request(&check, &err);
	if (rc == 0)
		rc = find_route(&check, set, &err);
	request_free(&check.request);
	return rc == 0 ? check.match.route->handler : NULL;
}

int
api_check_request(const struct handler_set *set, const char *request,
    char *why, size_t size)
{
	struct check check = { .sink = { .space = SPACE,
	    .send = keep_begin, .flush = flush }, .text = request };
	struct err err = { "" };
	int rc;

	request_init(&check.request);
	rc = make_request(&check, &err);
	if (rc == 0)
		rc = find_route(&check, set, &err);
	if (rc == 0)
		rc = serve_alone(&check, set, &err);
	request_free(&check.request);
	if (rc < 0)
		snprintf(why, size, "%s", err.text);
	return rc;
}
