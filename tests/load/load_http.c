/*
 * load_http.c - a request as HTTP/1.1, and a reply out of it (RFC 9112).
 *
 * Runs in: the load generator of the live tests.
 * Owns: nothing.
 * Invariant: a reply is whole only if its body had the length it said, or
 * came to its last chunk.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "load.h"

void
http_write(const struct ask *ask, bool keep, struct bytes *out)
{
	char target[120];

	ask_target(ask, target, sizeof(target));
	bytes_print(out, "%s %s HTTP/1.1\r\nHost: localhost\r\n",
	    ask->post ? "POST" : "GET", target);
	if (ask->post)
		bytes_print(out, "Content-Length: %zu\r\n", ask->body_length);
	bytes_print(out, "%s\r\n", keep ? "" : "Connection: close\r\n");
	bytes_add(out, ask->body, ask->body_length);
}

static int
refuse(struct reply *reply, const char *why, const char *what)
{
	snprintf(reply->fault, sizeof(reply->fault), "%s: %.60s", why, what);
	return -1;
}

/* One line of the header, its end cut off. */
static void
take_field(struct reply *reply, const char *line)
{
	if (strncasecmp(line, "Content-Length: ", 16) == 0)
		reply->left = strtoll(line + 16, NULL, 10);
	if (strcasecmp(line, "Transfer-Encoding: chunked") == 0)
		reply->chunked = true;
	if (strcasecmp(line, "Connection: close") == 0)
		reply->closes = true;
}

/* The header, once all of it is there. */
static int
take_head(struct bytes *in, struct reply *reply)
{
	unsigned char *gap = in->length == 0 ? NULL :
	    memmem(in->data, in->length, "\r\n\r\n", 4);
	char *line = (char *)in->data, *end;

	if (gap == NULL)
		return 0;
	gap[2] = '\0';
	reply->left = -1;
	if (strncmp(line, "HTTP/1.1 ", 9) != 0)
		return refuse(reply, "no status line", line);
	reply->status = atoi(line + 9);
	while ((end = strstr(line, "\r\n")) != NULL) {
		*end = '\0';
		take_field(reply, line);
		line = end + 2;
	}
	if (reply->chunked == (reply->left >= 0))
		return refuse(reply, "not one of length and chunks", "");
	bytes_drop(in, (size_t)(gap - in->data) + 4);
	reply->headed = true;
	if (reply->chunked)
		reply->left = 0;
	return 0;
}

/* "1f4\r\n" before a chunk, "\r\n" behind it: the first is read here, the
 * second counts as part of the chunk and is checked when it is cut off. */
static int
take_chunk_head(struct bytes *in, struct reply *reply)
{
	unsigned char *end = in->length == 0 ? NULL :
	    memmem(in->data, in->length, "\r\n", 2);

	if (end == NULL)
		return in->length < 20 ? 0 :
		    refuse(reply, "no chunk's size", (char *)in->data);
	reply->left = strtoll((char *)in->data, NULL, 16);
	reply->stdout_ended = reply->left == 0;
	reply->left += 2;
	bytes_drop(in, (size_t)(end - in->data) + 2);
	return 1;
}

static size_t
move(struct bytes *in, struct reply *reply)
{
	size_t length = in->length;

	if ((int64_t)length > reply->left)
		length = (size_t)reply->left;
	bytes_add(&reply->content, in->data, length);
	bytes_drop(in, length);
	reply->left -= (int64_t)length;
	return length;
}

/* The end of a chunk has been reached. */
static int
cut_chunk(struct reply *reply)
{
	struct bytes *content = &reply->content;

	if (memcmp(content->data + content->length - 2, "\r\n", 2) != 0)
		return refuse(reply, "a chunk has no end", "");
	content->length -= 2;
	reply->whole = reply->stdout_ended;
	return 0;
}

static int
take_chunks(struct bytes *in, struct reply *reply)
{
	int rc = 1;

	while (rc == 1 && !reply->whole && in->length > 0) {
		if (reply->left == 0) {
			rc = take_chunk_head(in, reply);
			continue;
		}
		move(in, reply);
		if (reply->left == 0 && cut_chunk(reply) < 0)
			return -1;
	}
	return rc < 0 ? -1 : 0;
}

int
http_read(const struct ask *ask, struct bytes *in, struct reply *reply)
{
	if (!reply->headed && take_head(in, reply) < 0)
		return -1;
	if (!reply->headed)
		return 0;
	if (reply->chunked && take_chunks(in, reply) < 0)
		return -1;
	if (!reply->chunked) {
		move(in, reply);
		reply->whole = reply->left == 0;
	}
	if (!reply->whole || reply->status != 200)
		return 0;
	return check_body(ask, reply->content.data, reply->content.length,
	    &reply->version, reply->fault);
}
