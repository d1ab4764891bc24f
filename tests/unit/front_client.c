/*
 * front_client.c - a web server's side of a FastCGI connection.
 *
 * Runs in: unit tests of the front.
 * Owns: nothing; descriptors are the test's.
 * Invariant: nothing is waited for longer than ten seconds; what is no reply
 * fails the test.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front_fixture.h"
#include "wire/wire_params.h"
#include "wire/wire_record.h"

#define PATIENCE_MS	10000

static uint8_t *
put_pair(uint8_t *at, const char *name, const char *value)
{
	at = wire_params_put(at, at + CLIENT_URI_MAX + 64, name, strlen(name),
	    value, strlen(value));
	assert_non_null(at);
	return at;
}

static uint8_t *
put_params(uint8_t *at, const char *uri, size_t length)
{
	static uint8_t params[4 * CLIENT_URI_MAX];
	uint8_t *end = params;
	const char *query = strchr(uri, '?');
	char path[256], number[32];

	snprintf(path, sizeof(path), "%.*s", query == NULL ?
	    (int)strlen(uri) : (int)(query - uri), uri);
	snprintf(number, sizeof(number), "%zu", length);
	end = put_pair(end, "REQUEST_METHOD", length > 0 ? "POST" : "GET");
	end = put_pair(end, "SCRIPT_NAME", path);
	end = put_pair(end, "REQUEST_URI", uri);
	end = put_pair(end, "QUERY_STRING", query == NULL ? "" : query + 1);
	end = put_pair(end, "CONTENT_LENGTH", length > 0 ? number : "");
	wire_put_header(at, FCGI_PARAMS, 1, (uint16_t)(end - params), 0);
	memcpy(at + FCGI_HEADER_LEN, params, (size_t)(end - params));
	at += FCGI_HEADER_LEN + (end - params);
	wire_put_header(at, FCGI_PARAMS, 1, 0, 0);
	return at + FCGI_HEADER_LEN;
}

size_t
client_request(uint8_t **bytes_out, const char *uri, size_t length, bool keep)
{
	uint8_t *bytes = malloc(4 * CLIENT_URI_MAX + length + length / 1024);
	uint8_t *at = bytes;

	assert_non_null(bytes);
	at += wire_put_begin(at, 1, FCGI_RESPONDER, keep ? FCGI_KEEP_CONN : 0);
	at = put_params(at, uri, length);
	while (length > 0) {
		size_t piece = length < 32768 ? length : 32768;

		wire_put_header(at, FCGI_STDIN, 1, (uint16_t)piece, 0);
		memset(at + FCGI_HEADER_LEN, 'x', piece);
		at += FCGI_HEADER_LEN + piece;
		length -= piece;
	}
	wire_put_header(at, FCGI_STDIN, 1, 0, 0);
	*bytes_out = bytes;
	return (size_t)(at - bytes) + FCGI_HEADER_LEN;
}

void
client_write(int fd, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	while (length > 0) {
		ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		assert_true(sent > 0);
		at += sent;
		length -= (size_t)sent;
	}
}

void
client_post(int fd, const char *uri, size_t length)
{
	uint8_t *bytes;
	size_t size = client_request(&bytes, uri, length, true);

	client_write(fd, bytes, size);
	free(bytes);
}

void
client_send(int fd, const char *uri)
{
	client_post(fd, uri, 0);
}

static void
add(struct reply *reply, const uint8_t *bytes, size_t length)
{
	assert_true(reply->length + length < sizeof(reply->text));
	memcpy(reply->text + reply->length, bytes, length);
	reply->length += length;
	reply->text[reply->length] = '\0';
}

static bool
is_readable(int fd, int ms)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };

	return poll(&one, 1, ms) == 1;
}

/* 1, or 0 at the end. */
static int
read_all(int fd, uint8_t *bytes, size_t length)
{
	while (length > 0) {
		ssize_t got;

		if (!is_readable(fd, PATIENCE_MS))
			fail_msg("nothing came");
		got = recv(fd, bytes, length, 0);
		if (got <= 0)
			return 0;
		bytes += got;
		length -= (size_t)got;
	}
	return 1;
}

/* What a front says of a reply that is cut off, before it closes. */
static bool
is_broken_off(const uint8_t bytes[FCGI_HEADER_LEN])
{
	static const uint8_t none[FCGI_HEADER_LEN];

	return memcmp(bytes, none, sizeof(none)) == 0;
}

/* The record's type; 0 at the end of the connection. */
static int
read_record(int fd, struct reply *reply)
{
	uint8_t header[FCGI_HEADER_LEN], content[65535 + 255];
	size_t length;

	if (read_all(fd, header, sizeof(header)) == 0 ||
	    is_broken_off(header))
		return 0;
	assert_int_equal(header[0], 1);
	length = (size_t)header[4] << 8 | header[5];
	if (read_all(fd, content, length + header[6]) == 0)
		return 0;
	if (header[1] == FCGI_STDOUT)
		add(reply, content, length);
	return header[1];
}

static void
split(struct reply *reply)
{
	char *blank = strstr(reply->text, "\r\n\r\n");
	const char *status = strstr(reply->text, "Status: ");

	assert_non_null(blank);
	reply->status = status != NULL && status < blank ?
	    atoi(status + 8) : 200;
	reply->body = blank + 4;
	reply->length -= (size_t)(reply->body - reply->text);
}

bool
client_read_or_end(int fd, struct reply *reply)
{
	int type;

	reply->length = 0;
	while ((type = read_record(fd, reply)) != FCGI_END_REQUEST) {
		if (type == 0 && reply->length == 0)
			return false;
		if (type != FCGI_STDOUT)
			fail_msg("record %d after \"%s\"", type, reply->text);
	}
	split(reply);
	return true;
}

void
client_read(int fd, struct reply *reply)
{
	if (!client_read_or_end(fd, reply))
		fail_msg("closed without a reply");
}

void
client_read_part(int fd, struct reply *reply)
{
	assert_int_equal(read_record(fd, reply), FCGI_STDOUT);
}

bool
client_is_closed(int fd)
{
	uint8_t bytes[FCGI_HEADER_LEN];
	ssize_t got;

	if (!is_readable(fd, PATIENCE_MS))
		return false;
	got = recv(fd, bytes, sizeof(bytes), 0);
	if (got == (ssize_t)sizeof(bytes) && is_broken_off(bytes))
		got = is_readable(fd, PATIENCE_MS) ? recv(fd, bytes, 1, 0) : 1;
	return got <= 0;
}

long
client_ask(int fd, const char *uri)
{
	static struct reply reply;

	client_send(fd, uri);
	client_read(fd, &reply);
	if (reply.status != 200)
		fail_msg("%s: %d %s", uri, reply.status, reply.body);
	return strtol(reply.body, NULL, 10);
}
