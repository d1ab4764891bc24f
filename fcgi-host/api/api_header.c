/*
 * api_header.c - the headers of a reply, as a handler sets them.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing; names and values lie in the request's arena.
 * Invariant: no byte that ends a line gets into a header, and what belongs to
 * the web server is refused.
 */
#include "api/api_private.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "wire/wire_text.h"

enum header_kind {
	HEADER_PLAIN,
	HEADER_TYPE,
	HEADER_LENGTH,
	HEADER_STATUS,
	HEADER_HOP,		/* between two hops: not the handler's */
	HEADER_ORIGINS		/* Access-Control-...: pages of others */
};

static bool
is_name(struct wire_span name, const char *other)
{
	return strlen(other) == name.length &&
	    strncasecmp(name.at, other, name.length) == 0;
}

static enum header_kind
kind_of(struct wire_span name)
{
	static const char *const hops[] = { "Connection", "Keep-Alive",
	    "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding",
	    "Upgrade" };

	if (is_name(name, "Content-Type"))
		return HEADER_TYPE;
	if (is_name(name, "Content-Length"))
		return HEADER_LENGTH;
	if (is_name(name, "Status"))
		return HEADER_STATUS;
	for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++) {
		if (is_name(name, hops[i]))
			return HEADER_HOP;
	}
	if (name.length > 15 &&
	    strncasecmp(name.at, "Access-Control-", 15) == 0)
		return HEADER_ORIGINS;
	return HEADER_PLAIN;
}

/* ------------------------------------------------- setting */

static int
refuse(struct fh_request *rq, struct wire_span name, const char *why)
{
	return api_fault(rq, EINVAL, "the header \"%.*s\" %s",
	    name.length > 128 ? 128 : (int)name.length, name.at, why);
}

static void
remove_header(struct fh_request *rq, struct wire_span name)
{
	size_t kept = 0;

	for (size_t i = 0; i < rq->header_count; i++) {
		if (is_name(name, rq->headers[i].name))
			continue;
		rq->headers[kept++] = rq->headers[i];
	}
	rq->header_count = kept;
}

static int
grow_headers(struct fh_request *rq)
{
	size_t size = rq->header_size == 0 ? 8 : rq->header_size * 2;
	struct api_header *headers = api_arena_alloc(&rq->arena,
	    size * sizeof(*headers));

	if (headers == NULL)
		return -1;
	if (rq->header_count > 0)
		memcpy(headers, rq->headers,
		    rq->header_count * sizeof(*headers));
	rq->headers = headers;
	rq->header_size = size;
	return 0;
}

static int
add_plain(struct fh_request *rq, struct wire_span name, struct wire_span value)
{
	struct api_header header = {
		.name_length = name.length, .value_length = value.length
	};

	header.name = api_copy(rq, name.at, name.length);
	header.value = api_copy(rq, value.at, value.length);
	if (header.name == NULL || header.value == NULL ||
	    (rq->header_count == rq->header_size && grow_headers(rq) != 0))
		return api_fault(rq, ENOMEM, "out of memory for a header");
	rq->headers[rq->header_count++] = header;
	return 0;
}

static int
set_type(struct fh_request *rq, struct wire_span value)
{
	rq->content_type = api_copy(rq, value.at, value.length);
	if (rq->content_type == NULL)
		return api_fault(rq, ENOMEM, "out of memory for a header");
	return 0;
}

static int
set_length(struct fh_request *rq, struct wire_span name,
    struct wire_span value)
{
	int64_t length;

	if (wire_parse_number(value.at, value.length, &length) != 0)
		return refuse(rq, name, "has a value that is no length");
	rq->declared = length;
	return 0;
}

static int
set_status(struct fh_request *rq, struct wire_span name,
    struct wire_span value)
{
	int status = wire_cgi_status(value.at, value.length);

	if (status < 0)
		return refuse(rq, name, "has a value that is no status");
	return fh_status(rq, status);
}

int
api_header_put(struct fh_request *rq, struct wire_span name,
    struct wire_span value, bool replace)
{
	if (!wire_is_token(name.at, name.length))
		return refuse(rq, name, "has a name that is not a token");
	if (!wire_is_field_value(value.at, value.length))
		return refuse(rq, name, "has a value with a CR, LF, NUL or "
		    "another control character");
	rq->replied = true;
	switch (kind_of(name)) {
	case HEADER_TYPE:
		return set_type(rq, value);
	case HEADER_LENGTH:
		return set_length(rq, name, value);
	case HEADER_STATUS:
		return set_status(rq, name, value);
	case HEADER_HOP:
		return refuse(rq, name, "belongs to the web server");
	case HEADER_ORIGINS:
		if (rq->input->route != NULL &&
		    rq->input->route->cors.origins != NULL)
			return 0;	/* the configuration decides */
		break;
	case HEADER_PLAIN:
		break;
	}
	if (replace)
		remove_header(rq, name);
	return add_plain(rq, name, value);
}

const char *
api_header_get(const struct fh_request *rq, const char *name)
{
	for (size_t i = 0; i < rq->header_count; i++) {
		if (strcasecmp(rq->headers[i].name, name) == 0)
			return rq->headers[i].value;
	}
	return NULL;
}

static struct wire_span
span_of(const char *text)
{
	struct wire_span span = { text == NULL ? "" : text, 0 };

	span.length = strlen(span.at);
	return span;
}

int
fh_set_header(struct fh_request *rq, const char *name, const char *value)
{
	struct wire_span span = span_of(name);

	if (api_reply_open(rq) != 0)
		return -1;
	if (value != NULL)
		return api_header_put(rq, span, span_of(value), true);
	if (is_name(span, "Content-Type"))
		rq->content_type = NULL;
	else if (is_name(span, "Content-Length"))
		rq->declared = -1;
	else
		remove_header(rq, span);
	return 0;
}

int
fh_add_header(struct fh_request *rq, const char *name, const char *value)
{
	if (api_reply_open(rq) != 0)
		return -1;
	if (value == NULL)
		return refuse(rq, span_of(name), "has no value");
	return api_header_put(rq, span_of(name), span_of(value), false);
}
