/*
 * api_input.c - what the web server says of a request: parameters and headers.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing; what it makes lies in the request's arena.
 * Invariant: HTTP_PROXY and parameters whose name has a NUL reach no handler.
 * The raw block is copied and indexed only when a handler first asks.
 */
#include "api/api_private.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "wire/wire_params.h"
#include "wire/wire_text.h"

/*
 * The accessors that only look are const for the handler; what they find is
 * kept in the request all the same, which is never a const object.
 */
static struct fh_request *
writable(const struct fh_request *rq)
{
	return (struct fh_request *)(uintptr_t)rq;
}

/* ------------------------------------------------- the head */

const struct head *
api_head(const struct fh_request *const_rq)
{
	struct fh_request *rq = writable(const_rq);
	const struct api_input *input = rq->input;
	enum head_rc rc;
	char *scratch;

	if (rq->head_ready)
		return &rq->head;
	rq->head_ready = true;
	scratch = api_arena_alloc(&rq->arena, input->params_length);
	rc = head_scan(input->params, scratch == NULL ? 0 :
	    input->params_length, scratch, input->params_length, &rq->head);
	if (scratch == NULL)
		api_fault(rq, ENOMEM, "out of memory for the parameters");
	else if (rc != HEAD_OK)
		api_fault(rq, EINVAL, "%s", head_strerror(rc));
	return &rq->head;
}

static const char *
text_of(const struct fh_request *rq, const char **kept, struct wire_span span)
{
	if (*kept == NULL)
		*kept = api_copy(writable(rq), span.at, span.length);
	if (*kept == NULL) {
		api_fault(writable(rq), ENOMEM, "out of memory");
		*kept = "";
	}
	return *kept;
}

const char *
fh_method(const struct fh_request *rq)
{
	return rq->method != NULL ? rq->method :
	    text_of(rq, &writable(rq)->method, api_head(rq)->method);
}

const char *
fh_path(const struct fh_request *rq)
{
	return rq->path != NULL ? rq->path :
	    text_of(rq, &writable(rq)->path, api_head(rq)->path);
}

const char *
fh_query_string(const struct fh_request *rq)
{
	return rq->query_string != NULL ? rq->query_string :
	    text_of(rq, &writable(rq)->query_string, api_head(rq)->query);
}

/* ------------------------------------------------- parameters */

/* httpoxy; and a NUL would make one name look like another. */
static bool
is_kept(const struct wire_pair *pair)
{
	if (pair->name_length == 10 &&
	    strncasecmp((const char *)pair->name, "HTTP_PROXY", 10) == 0)
		return false;
	return pair->name_length > 0 &&
	    memchr(pair->name, '\0', pair->name_length) == NULL;
}

static size_t
count_params(const struct api_input *input)
{
	const uint8_t *at = input->params, *end = at + input->params_length;
	struct wire_pair pair;
	size_t count = 0;

	while (wire_params_next(&at, end, &pair) == 1)
		count++;
	return count;
}

static char *
put_text(char *to, const uint8_t *text, size_t length)
{
	memcpy(to, text, length);
	to[length] = '\0';
	return to + length + 1;
}

/* A pair has two length bytes at least: its two NULs fit in their place. */
static void
index_params(struct fh_request *rq)
{
	const struct api_input *input = rq->input;
	const uint8_t *at = input->params, *end = at + input->params_length;
	size_t count = count_params(input), n = 0;
	struct fh_field *fields;
	struct wire_pair pair;
	char *to;

	rq->params.ready = true;
	fields = api_arena_alloc(&rq->arena, count * sizeof(*fields));
	to = api_arena_alloc(&rq->arena, input->params_length);
	if (fields == NULL || to == NULL) {
		api_fault(rq, ENOMEM, "out of memory for the parameters");
		return;
	}
	while (n < count && wire_params_next(&at, end, &pair) == 1) {
		if (!is_kept(&pair))
			continue;
		fields[n].name = to;
		to = put_text(to, pair.name, pair.name_length);
		fields[n].value = to;
		fields[n].length = pair.value_length;
		to = put_text(to, pair.value, pair.value_length);
		n++;
	}
	rq->params.at = fields;
	rq->params.count = n;
}

static const struct api_fields *
params_of(const struct fh_request *rq)
{
	if (!rq->params.ready)
		index_params(writable(rq));
	return &rq->params;
}

const struct fh_field *
fh_params(const struct fh_request *rq, size_t *count_out)
{
	const struct api_fields *params = params_of(rq);

	*count_out = params->count;
	return params->at;
}

const char *
fh_param(const struct fh_request *rq, const char *name)
{
	const struct api_fields *params = params_of(rq);

	for (size_t i = params->count; i-- > 0;) {
		if (strcmp(params->at[i].name, name) == 0)
			return params->at[i].value;
	}
	return NULL;
}

/* ------------------------------------------------- headers */

/* Is `param` the CGI name of the header `name` (RFC 3875, 4.1.18)? */
static bool
is_header(const char *param, const char *name)
{
	if (strncmp(param, "HTTP_", 5) != 0)
		return false;
	for (param += 5; *name != '\0'; param++, name++) {
		if (*param != wire_cgi_letter(*name))
			return false;
	}
	return *param == '\0';
}

/* Two headers have a name of their own; web servers send it empty for none. */
static const char *
content_header(const struct fh_request *rq, const char *name)
{
	const char *value = NULL;

	if (strcasecmp(name, "Content-Type") == 0)
		value = fh_param(rq, "CONTENT_TYPE");
	else if (strcasecmp(name, "Content-Length") == 0)
		value = fh_param(rq, "CONTENT_LENGTH");
	return value == NULL || *value == '\0' ? NULL : value;
}

const char *
fh_header(const struct fh_request *rq, const char *name)
{
	const struct api_fields *params = params_of(rq);
	const char *value = NULL;

	if ((*name | 0x20) == 'c')
		value = content_header(rq, name);
	for (size_t i = 0; value == NULL && i < params->count; i++) {
		if (is_header(params->at[i].name, name))
			value = params->at[i].value;
	}
	return value;
}

const char *
api_header(struct fh_request *rq, const char *name, size_t *lines_out)
{
	const struct api_fields *params = params_of(rq);
	const char *value = fh_header(rq, name);
	size_t length = 0, lines = 0;
	char *all;

	for (size_t i = 0; i < params->count; i++) {
		if (!is_header(params->at[i].name, name))
			continue;
		length += params->at[i].length + 2;
		lines++;
	}
	*lines_out = value == NULL ? 0 : lines < 1 ? 1 : lines;
	if (lines < 2)
		return value;
	all = api_arena_alloc(&rq->arena, length + 1);
	if (all == NULL) {
		api_fault(rq, ENOMEM, "out of memory for a header");
		return value;
	}
	value = all;
	for (size_t i = 0; i < params->count; i++) {
		if (!is_header(params->at[i].name, name))
			continue;
		if (all != value)
			all = stpcpy(all, ", ");
		all = stpcpy(all, params->at[i].value);
	}
	return value;
}

/* ------------------------------------------------- path parameters */

static void
find_captures(struct fh_request *rq)
{
	struct route_capture found[ROUTE_CAPTURES_MAX];
	const struct wire_span path = api_head(rq)->path;
	struct fh_field *fields;
	size_t count;

	rq->captures.ready = true;
	count = route_captures(rq->input->route, path.at, path.length, found);
	fields = api_arena_alloc(&rq->arena, count * sizeof(*fields));
	for (size_t i = 0; fields != NULL && i < count; i++) {
		fields[i].name = found[i].name;
		fields[i].value = api_copy(rq, found[i].at, found[i].length);
		fields[i].length = found[i].length;
		if (fields[i].value == NULL)
			fields = NULL;
	}
	if (fields == NULL) {
		api_fault(rq, ENOMEM, "out of memory for the path");
		return;
	}
	rq->captures.at = fields;
	rq->captures.count = count;
}

const struct api_fields *
api_captures(const struct fh_request *rq)
{
	if (!rq->captures.ready)
		find_captures(writable(rq));
	return &rq->captures;
}

const char *
fh_path_param(const struct fh_request *rq, const char *name)
{
	api_captures(rq);
	for (size_t i = 0; i < rq->captures.count; i++) {
		if (strcmp(rq->captures.at[i].name, name) == 0)
			return rq->captures.at[i].value;
	}
	return NULL;
}
