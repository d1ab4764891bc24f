/*
 * request.c - a request as FastCGI parameters, made without FastCGI.
 *
 * Runs in: `call`, `cgi`, `check` and the probe of a new generation.
 * Owns: struct request.
 * Invariant: handlers cannot tell it from one that came through a web server.
 */
#include "common/request.h"

#include <sys/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/wire_params.h"
#include "wire/wire_text.h"

/* Both lengths of a pair take four bytes at most. */
#define PAIR_OVERHEAD	8

void
request_init(struct request *request)
{
	uint64_t random = 0;

	memset(request, 0, sizeof(*request));
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(random))
		random = (uint64_t)getpid();
	snprintf(request->id, sizeof(request->id), "%016llx",
	    (unsigned long long)random);
}

/* Room for `more` bytes. */
static int
make_room(struct request *request, size_t more)
{
	size_t need = request->length + more;
	size_t room = need < 4096 ? 4096 : 2 * need;
	uint8_t *grown;

	if (need <= request->room)
		return 0;
	grown = realloc(request->params, room);
	if (grown == NULL)
		return -1;
	request->params = grown;
	request->room = room;
	return 0;
}

int
request_put(struct request *request, const char *name,
    size_t name_length, const char *value, size_t value_length)
{
	uint8_t *end;

	if (make_room(request, name_length + value_length +
	    PAIR_OVERHEAD) < 0)
		return -1;
	end = wire_params_put(request->params + request->length,
	    request->params + request->room, name, name_length, value,
	    value_length);
	if (end == NULL)
		return -1;
	request->length = (size_t)(end - request->params);
	return 0;
}

int
request_put_text(struct request *request, const char *name, const char *value)
{
	return request_put(request, name, strlen(name), value, strlen(value));
}

int
request_put_header(struct request *request, const char *name,
    size_t name_length, const char *value)
{
	char *parameter = malloc(name_length + 5);
	int rc;

	if (parameter == NULL)
		return -1;
	memcpy(parameter, "HTTP_", 5);
	for (size_t i = 0; i < name_length; i++)
		parameter[5 + i] = wire_cgi_letter(name[i]);
	rc = request_put(request, parameter, name_length + 5, value,
	    strlen(value));
	free(parameter);
	return rc;
}

int
request_put_pairs(struct request *request, const void *bytes, size_t length)
{
	if (make_room(request, length) < 0)
		return -1;
	if (length > 0)
		memcpy(request->params + request->length, bytes, length);
	request->length += length;
	return 0;
}

static int
put_target(struct request *request, const char *target)
{
	const char *query = strchrnul(target, '?');
	size_t length = (size_t)(query - target);
	char *path = malloc(length + 1);
	ptrdiff_t decoded;
	int rc;

	if (path == NULL)
		return -1;
	decoded = wire_percent_decode(path, target, length, false);
	rc = decoded < 0 ? 1 : request_put(request, "PATH_INFO",
	    strlen("PATH_INFO"), path, (size_t)decoded);
	free(path);
	if (rc != 0)
		return rc;
	if (*query == '?')
		query++;
	return request_put_text(request, "QUERY_STRING", query) < 0 ||
	    request_put_text(request, "REQUEST_URI", target) < 0 ? -1 : 0;
}

int
request_put_line(struct request *request, const char *method,
    const char *target)
{
	static const struct {
		const char *name, *value;
	} fixed[] = {
		{ "GATEWAY_INTERFACE", "CGI/1.1" },
		{ "SERVER_PROTOCOL", "HTTP/1.1" },
		{ "SERVER_SOFTWARE", "fcgi-host" },
		{ "SERVER_NAME", "localhost" },
		{ "SERVER_ADDR", "127.0.0.1" },
		{ "SERVER_PORT", "80" },
		{ "REMOTE_ADDR", "127.0.0.1" },
		{ "REMOTE_PORT", "1" },
		{ "REQUEST_SCHEME", "http" },
		{ "SCRIPT_NAME", "" },
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (request_put_text(request, fixed[i].name,
		    fixed[i].value) < 0)
			return -1;
	}
	if (request_put_text(request, "REQUEST_METHOD", method) < 0)
		return -1;
	return put_target(request, target);
}

enum head_rc
request_scan(struct request *request)
{
	const struct wire_span *id = &request->head.request_id;
	enum head_rc rc;

	free(request->scratch);
	request->scratch = malloc(request->length + 1);
	if (request->scratch == NULL)
		return HEAD_BAD_PARAMS;
	rc = head_scan(request->params, request->length, request->scratch,
	    request->length + 1, &request->head);
	if (id->length > 0 && id->length <= HEAD_ID_MAX) {
		memcpy(request->id, id->at, id->length);
		request->id[id->length] = '\0';
	}
	return rc;
}

static bool
has(const struct request *request, const char *name)
{
	struct wire_pair pair;

	return wire_params_find(request->params, request->length, name,
	    &pair);
}

static int
put_job(struct request *request)
{
	if (!has(request, "JOB_ID") &&
	    request_put_text(request, "JOB_ID", request->id) < 0)
		return -1;
	return has(request, "JOB_ATTEMPT") ? 0 :
	    request_put_text(request, "JOB_ATTEMPT", "1");
}

static void
find(const struct request *request, const struct handler_set *set,
    struct route_match *match_out)
{
	const struct head *head = &request->head;

	route_find(set, head->method.at, head->method.length, head->path.at,
	    head->path.length, match_out);
}

int
request_route(struct request *request, const struct handler_set *set,
    struct route_match *match_out)
{
	find(request, set, match_out);
	if (match_out->route == NULL || !match_out->route->job)
		return 0;
	if (put_job(request) < 0 || request_scan(request) != HEAD_OK)
		return -1;
	find(request, set, match_out);
	return 0;
}

void
request_free(struct request *request)
{
	free(request->params);
	free(request->scratch);
}
