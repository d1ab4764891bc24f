/*
 * front_output.c - frames reply bytes as FastCGI records.
 *
 * Runs in: front.
 * Owns: each connection's output buffer while it holds something, and the
 * free list of buffers.
 * Invariant: records are appended whole; contents are padded to eight bytes
 * (specification, section 3.3).
 */
#include <stdlib.h>
#include <string.h>

#include "front/front_cors.h"

size_t
front_output_left(const struct front_conn *conn)
{
	return conn->output.have - conn->output.sent;
}

/* A connection has a buffer only while there is output. */
static int
take_buffer(struct front *front, struct front_output *output)
{
	if (front->free_buffer_count > 0)
		output->bytes = front->free_buffers[
		    --front->free_buffer_count];
	else
		output->bytes = front_memory(front, NULL, FRONT_BUFFER_SIZE);
	output->size = output->bytes == NULL ? 0 : FRONT_BUFFER_SIZE;
	output->have = output->sent = 0;
	return output->bytes == NULL ? -1 : 0;
}

void
front_output_release(struct front_conn *conn)
{
	struct front *front = conn->front;
	struct front_output *output = &conn->output;
	size_t places = sizeof(front->free_buffers) /
	    sizeof(front->free_buffers[0]);

	if (output->bytes == NULL)
		return;
	if (output->size == FRONT_BUFFER_SIZE &&
	    front->free_buffer_count < places)
		front->free_buffers[front->free_buffer_count++] =
		    output->bytes;
	else
		free(output->bytes);
	memset(output, 0, sizeof(*output));
}

void
front_output_forget(struct front *front)
{
	while (front->free_buffer_count > 0)
		free(front->free_buffers[--front->free_buffer_count]);
}

/* Room for `length` more bytes; where they go, or NULL. */
static uint8_t *
extend(struct front_conn *conn, size_t length)
{
	struct front_output *output = &conn->output;
	uint8_t *at;
	size_t size;

	if (output->bytes == NULL && take_buffer(conn->front, output) < 0)
		return NULL;
	if (output->sent > 0 && output->have + length > output->size) {
		output->have -= output->sent;
		memmove(output->bytes, output->bytes + output->sent,
		    output->have);
		output->sent = 0;
	}
	if (output->have + length > output->size) {
		for (size = output->size; size < output->have + length;
		    size *= 2)
			;
		if ((at = front_memory(conn->front, output->bytes,
		    size)) == NULL)
			return NULL;
		output->bytes = at;
		output->size = size;
	}
	at = output->bytes + output->have;
	output->have += length;
	return at;
}

/* Takes back what was added since there was so much left, and nothing sent. */
void
front_output_cut(struct front_conn *conn, size_t left)
{
	if (front_output_left(conn) > left)
		conn->output.have = conn->output.sent + left;
	if (conn->request != NULL)
		conn->request->begun_reply = false;
}

int
front_output_raw(struct front_conn *conn, const void *bytes, size_t length)
{
	uint8_t *at = extend(conn, length);

	if (at == NULL)
		return -1;
	memcpy(at, bytes, length);
	return 0;
}

/* Copies up to `length` bytes off the front of two pieces. */
static void
gather(uint8_t *at, size_t length, const uint8_t *pieces[2], size_t left[2])
{
	for (int i = 0; i < 2; i++) {
		size_t take = left[i] < length ? left[i] : length;

		if (take == 0)
			continue;
		memcpy(at, pieces[i], take);
		at += take;
		length -= take;
		pieces[i] += take;
		left[i] -= take;
	}
}

static int
put_stdout(struct front_conn *conn, uint16_t id, const void *first,
    size_t first_length, const void *second, size_t second_length)
{
	const uint8_t *pieces[2] = { first, second };
	size_t left[2] = { first_length, second_length };

	while (left[0] + left[1] > 0) {
		size_t all = left[0] + left[1];
		size_t content = all < WIRE_CONTENT_MAX ? all :
		    WIRE_CONTENT_MAX;
		size_t padding = -content & 7;
		uint8_t *at = extend(conn, FCGI_HEADER_LEN + content +
		    padding);

		if (at == NULL)
			return -1;
		wire_put_header(at, FCGI_STDOUT, id, (uint16_t)content,
		    (uint8_t)padding);
		gather(at + FCGI_HEADER_LEN, content, pieces, left);
		memset(at + FCGI_HEADER_LEN + content, 0, padding);
	}
	return 0;
}

/* "Status: 200 OK" and its end, if that is what the bytes begin with; else 0,
 * and our lines stand in front of it. */
static size_t
status_line(const char *first, size_t length)
{
	const char *end = length < 8 || memcmp(first, "Status: ", 8) != 0 ?
	    NULL : memchr(first, '\n', length);

	return end == NULL ? 0 : (size_t)(end + 1 - first);
}

/* Lines of our own, behind the first of a reply, which is then out. */
static int
begin_reply(struct front_conn *conn, const void *first, size_t *length)
{
	struct front_request *request = conn->request;
	char lines[CONFIG_CORS_ROOM];
	size_t count = front_cors_lines(request, lines, sizeof(lines));

	request->begun_reply = true;
	*length = count == 0 ? 0 : status_line(first, *length);
	return count == 0 ? 0 : put_stdout(conn, request->id, first, *length,
	    lines, count);
}

int
front_output_stdout(struct front_conn *conn, uint16_t id, const void *first,
    size_t first_length, const void *second, size_t second_length)
{
	size_t begun = first_length;

	if (conn->request == NULL || conn->request->begun_reply ||
	    conn->runner)
		begun = 0;
	else if (begin_reply(conn, first, &begun) < 0)
		return -1;
	if (begun > 0)
		first = (const char *)first + begun;
	return put_stdout(conn, id, first, first_length - begun, second,
	    second_length);
}

int
front_output_stderr(struct front_conn *conn, uint16_t id, const char *text)
{
	size_t length = strlen(text), padding = -length & 7;
	uint8_t *at = extend(conn, FCGI_HEADER_LEN + length + padding);

	if (at == NULL)
		return -1;
	wire_put_header(at, FCGI_STDERR, id, (uint16_t)length,
	    (uint8_t)padding);
	memcpy(at + FCGI_HEADER_LEN, text, length);
	memset(at + FCGI_HEADER_LEN + length, 0, padding);
	return 0;
}

int
front_output_end(struct front_conn *conn, uint16_t id, uint32_t app_status)
{
	uint8_t *at = extend(conn, FCGI_HEADER_LEN + WIRE_END_LEN);

	if (at == NULL)
		return -1;
	wire_put_header(at, FCGI_STDOUT, id, 0, 0);
	wire_put_end(at + FCGI_HEADER_LEN, id, app_status,
	    FCGI_REQUEST_COMPLETE);
	return 0;
}
