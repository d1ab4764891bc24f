/*
 * load_fastcgi.c - a request as records, and a reply out of them.
 *
 * Runs in: the load generator of the live tests.
 * Owns: nothing.
 * Invariant: a reply is whole only if each of its records was one that
 * FastCGI 1.0 allows there, END_REQUEST the last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

enum type { BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };

#define HEADER		8
#define CHUNK		20000		/* of a body */

static void
add_record(struct bytes *out, const struct ask *ask, enum type type,
    const void *content, size_t length)
{
	const unsigned char padding[8] = { 0 };
	size_t padded = length % 8 == 0 ? 0 : 8 - length % 8;
	const unsigned char header[HEADER] = { 1, (unsigned char)type,
	    (unsigned char)(ask->request_id >> 8),
	    (unsigned char)ask->request_id, (unsigned char)(length >> 8),
	    (unsigned char)length, (unsigned char)padded };

	bytes_add(out, header, sizeof(header));
	bytes_add(out, content, length);
	bytes_add(out, padding, padded);
}

/* Lengths below 128 only. */
static void
add_pair(struct bytes *out, const char *name, const char *value)
{
	const unsigned char lengths[2] = { (unsigned char)strlen(name),
	    (unsigned char)strlen(value) };

	bytes_add(out, lengths, sizeof(lengths));
	bytes_add(out, name, strlen(name));
	bytes_add(out, value, strlen(value));
}

static void
add_params(struct bytes *out, const struct ask *ask)
{
	struct bytes block = { 0 };
	char target[120], length[24], *query;

	ask_target(ask, target, sizeof(target));
	add_pair(&block, "REQUEST_URI", target);
	query = strchr(target, '?');
	*query++ = '\0';
	snprintf(length, sizeof(length), "%zu", ask->body_length);
	add_pair(&block, "REQUEST_METHOD", ask->post ? "POST" : "GET");
	add_pair(&block, "SCRIPT_NAME", "");
	add_pair(&block, "PATH_INFO", target);
	add_pair(&block, "DOCUMENT_URI", target);
	add_pair(&block, "QUERY_STRING", query);
	add_pair(&block, "CONTENT_LENGTH", ask->post ? length : "");
	add_pair(&block, "SERVER_PROTOCOL", "HTTP/1.1");
	add_pair(&block, "GATEWAY_INTERFACE", "CGI/1.1");
	add_pair(&block, "REQUEST_ID", ask->id);
	add_record(out, ask, PARAMS, block.data, block.length);
	add_record(out, ask, PARAMS, NULL, 0);
	free(block.data);
}

void
fastcgi_write(const struct ask *ask, bool keep, struct bytes *out)
{
	const unsigned char begin[8] = { 0, 1, keep };
	size_t length;

	add_record(out, ask, BEGIN, begin, sizeof(begin));
	add_params(out, ask);
	for (size_t at = 0; at < ask->body_length; at += length) {
		length = ask->body_length - at;
		if (length > CHUNK)
			length = CHUNK;
		add_record(out, ask, STDIN, ask->body + at, length);
	}
	add_record(out, ask, STDIN, NULL, 0);
}

/* ----------------------------------------------------------- the reply */

static int
refuse(struct reply *reply, const char *why)
{
	snprintf(reply->fault, sizeof(reply->fault), "%s", why);
	return -1;
}

/* The header of a CGI reply: its status, and its length if it says one. */
static int
read_head(struct reply *reply, const unsigned char *head, size_t length,
    size_t body_length)
{
	const char *text = (const char *)head, *said;

	if (length < 12 || strncmp(text, "Status: ", 8) != 0)
		return refuse(reply, "no Status line first");
	reply->status = atoi(text + 8);
	if (reply->status < 100 || reply->status > 599)
		return refuse(reply, "the status is no number");
	said = memmem(text, length, "\r\nContent-Length: ", 18);
	if (said != NULL && strtoull(said + 18, NULL, 10) != body_length)
		return refuse(reply, "Content-Length is not the length");
	return 0;
}

/* END_REQUEST has come: what STDOUT held must be a whole CGI reply. */
static int
read_whole(const struct ask *ask, struct reply *reply)
{
	struct bytes *content = &reply->content;
	const unsigned char *gap = content->length == 0 ? NULL :
	    memmem(content->data, content->length, "\r\n\r\n", 4);
	size_t head, body;

	if (gap == NULL)
		return refuse(reply, "no blank line in STDOUT");
	head = (size_t)(gap - content->data) + 4;
	body = content->length - head;
	if (read_head(reply, content->data, head, body) < 0)
		return -1;
	reply->whole = true;
	if (reply->status != 200)
		return 0;
	return check_body(ask, content->data + head, body, &reply->version,
	    reply->fault);
}

static int
take_end(const struct ask *ask, const unsigned char *content, size_t length,
    struct reply *reply)
{
	const unsigned char nothing[5] = { 0 };

	if (length != 8 || memcmp(content, nothing, sizeof(nothing)) != 0)
		return refuse(reply, "END_REQUEST does not say complete, 0");
	return read_whole(ask, reply);
}

static int
take_record(const struct ask *ask, const unsigned char *record,
    size_t length, struct reply *reply)
{
	const unsigned char *content = record + HEADER;

	if (record[0] != 1 || record[7] != 0)
		return refuse(reply, "the record's header is wrong");
	if ((unsigned)record[2] << 8 != (ask->request_id & 0xff00) ||
	    record[3] != (ask->request_id & 0xff))
		return refuse(reply, "a record of another request");
	if (record[1] == END)
		return take_end(ask, content, length, reply);
	if (record[1] != STDOUT)
		return refuse(reply, "a record of another type");
	if (reply->stdout_ended)
		return refuse(reply, "STDOUT after its end");
	if (length == 0)
		reply->stdout_ended = true;
	bytes_add(&reply->content, content, length);
	return 0;
}

static const unsigned char	broken_off[HEADER];

int
fastcgi_read(const struct ask *ask, struct bytes *in, struct reply *reply)
{
	size_t done = 0, whole, length;
	const unsigned char *record;
	int rc = 0;

	while (rc == 0 && !reply->whole && in->length - done >= HEADER) {
		record = in->data + done;
		if (memcmp(record, broken_off, HEADER) == 0)
			break;		/* its connection will be closed */
		length = (size_t)record[4] << 8 | record[5];
		whole = HEADER + length + record[6];
		if (in->length - done < whole)
			break;
		rc = take_record(ask, record, length, reply);
		done += whole;
	}
	bytes_drop(in, done);
	return rc;
}
