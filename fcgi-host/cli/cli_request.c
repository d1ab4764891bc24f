/*
 * cli_request.c - a request as FastCGI parameters, made without FastCGI.
 *
 * Runs in: `call` and `cgi`.
 * Owns: struct cli_request.
 * Invariant: handlers cannot tell it from one that came through a web server.
 */
#include <sys/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_inline.h"
#include "wire/wire_params.h"

/* Both lengths of a pair take four bytes at most. */
#define PAIR_OVERHEAD	8

void
cli_request_init(struct cli_request *request)
{
	uint64_t random = 0;

	memset(request, 0, sizeof(*request));
	request->body.fd = -1;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) !=
	    (ssize_t)sizeof(random))
		random = (uint64_t)getpid();
	snprintf(request->id, sizeof(request->id), "%016llx",
	    (unsigned long long)random);
}

int
cli_request_put(struct cli_request *request, const char *name,
    size_t name_length, const char *value, size_t value_length)
{
	size_t need = request->length + name_length + value_length +
	    PAIR_OVERHEAD;
	uint8_t *end;

	if (need > request->room) {
		size_t room = need < 4096 ? 4096 : 2 * need;
		uint8_t *grown = realloc(request->params, room);

		if (grown == NULL)
			return -1;
		request->params = grown;
		request->room = room;
	}
	end = wire_params_put(request->params + request->length,
	    request->params + request->room, name, name_length, value,
	    value_length);
	if (end == NULL)
		return -1;
	request->length = (size_t)(end - request->params);
	return 0;
}

enum head_rc
cli_request_scan(struct cli_request *request)
{
	const struct wire_span *id = &request->head.request_id;
	enum head_rc rc;

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

void
cli_request_free(struct cli_request *request)
{
	free(request->params);
	free(request->scratch);
	cli_body_free(&request->body);
}
