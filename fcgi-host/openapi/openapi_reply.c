/*
 * openapi_reply.c - a content that is in memory, with ETag and encoding.
 *
 * Runs in: front, call, cgi.
 * Owns: nothing.
 * Invariant: each encoding has an ETag of its own (RFC 9110, 8.8.3).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "openapi/openapi_serve.h"

int
openapi_content_set(struct openapi_content *content, char *bytes,
    size_t length)
{
	char text[HASH_TEXT];
	struct hash hash;
	struct err err;

	if (hash_begin(&hash, &err) < 0)
		return -1;
	hash_add(&hash, bytes, length);
	if (hash_finish(&hash, text, &err) < 0)
		return -1;
	content->bytes = bytes;
	content->length = length;
	snprintf(content->tag, sizeof(content->tag), "%.16s", text);
	return 0;
}

void
openapi_content_clear(struct openapi_content *content)
{
	free(content->bytes);
	free(content->gzip);
	content->bytes = content->gzip = NULL;
}

/* One of a list: "gzip;q=0.5".  With a weight of 0 it is not wanted. */
static bool
is_gzip(const char *at, size_t length)
{
	const char *end = at + length, *weight;

	if (length < 4 || strncasecmp(at, "gzip", 4) != 0)
		return false;
	weight = memchr(at, '=', length);
	if (weight == NULL)
		return at + 4 + strspn(at + 4, " \t") >= end;
	return weight + 1 + strspn(weight + 1, "0. \t") < end;
}

/* RFC 9110, 12.5.3. */
static bool
takes_gzip(const char *at)
{
	while (at != NULL && *at != '\0') {
		size_t length;

		at += strspn(at, ", \t");
		length = strcspn(at, ",");
		if (is_gzip(at, length))
			return true;
		at += length;
	}
	return false;
}

int
openapi_reply(struct fh_request *rq, const struct openapi_content *content)
{
	bool gzip = content->gzip != NULL &&
	    takes_gzip(fh_header(rq, "Accept-Encoding"));
	char tag[32];

	snprintf(tag, sizeof(tag), "%s%s", content->tag,
	    gzip ? "-gzip" : "");
	if (fh_set_etag(rq, tag, false) < 0 ||
	    fh_set_header(rq, "Cache-Control", content->cached) < 0 ||
	    fh_set_header(rq, "X-Content-Type-Options", "nosniff") < 0)
		return -1;
	if (content->gzip != NULL && fh_vary(rq, "Accept-Encoding") < 0)
		return -1;
	if (fh_precondition(rq) != 0)
		return 0;
	if (gzip && fh_set_header(rq, "Content-Encoding", "gzip") < 0)
		return -1;
	return fh_reply_bytes(rq, 200, content->type,
	    gzip ? content->gzip : content->bytes,
	    gzip ? content->gzip_length : content->length);
}
