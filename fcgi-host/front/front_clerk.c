/*
 * front_clerk.c - requests that the clerk answers: for jobs, and of them.
 *
 * Runs in: front.
 * Owns: each struct front_relay, a connection to the clerk for one request.
 * Invariant: whoever waits for a job costs two descriptors here and no worker;
 * an answer that the clerk does not end is none: a 503 while nothing of it has
 * left, else a closed connection.
 */
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clerk.h"
#include "common/hash.h"
#include "common/identity.h"
#include "common/log.h"
#include "front/front.h"
#include "front/front_access.h"
#include "front/front_clerk.h"

#define PATIENCE_MS	30000	/* beyond what it may be asked to wait */
#define PIECE		(1u << 20)

struct front_relay {
	struct front_request	*request;	/* NULL: it is gone */
	int			 fd;
	uv_poll_t		 poll;
	uv_timer_t		 timer;
	unsigned		 handles;
	uint8_t			*head;		/* and the parameters */
	size_t			 head_length, sent;
	uint64_t		 body_sent;
	bool			 whole;		/* all is sent */
	bool			 hurry;		/* it is to answer now */
	bool			 full;		/* the reader is slower */
	bool			 any;		/* a part of the answer left */
	uint8_t			 length[4];	/* of the frame that comes */
	size_t			 length_have;
	uint32_t		 left;		/* of its bytes */
};

static void	on_ready(uv_poll_t *, int, int);

static void
watch(struct front_relay *relay)
{
	int events = relay->full ? UV_DISCONNECT : UV_READABLE;

	uv_poll_start(&relay->poll, relay->whole ? events : events |
	    UV_WRITABLE, on_ready);
}

/* ----------------------------------------------------------------- its end */

static void
on_closed(uv_handle_t *handle)
{
	struct front_relay *relay = handle->data;

	if (--relay->handles == 0)
		free(relay);
}

void
front_clerk_drop(struct front_request *request)
{
	struct front_relay *relay = request->relay;

	if (relay == NULL)
		return;
	request->relay = NULL;
	relay->request = NULL;
	uv_poll_stop(&relay->poll);
	close(relay->fd);
	free(relay->head);
	relay->head = NULL;
	uv_close((uv_handle_t *)&relay->poll, on_closed);
	uv_close((uv_handle_t *)&relay->timer, on_closed);
}

static void
answer_away(struct front_request *request)
{
	front_answer(request, 503, "Retry-After: 5\r\n",
	    "The process that keeps the jobs does not answer.");
}

static void
fail(struct front_relay *relay)
{
	struct front_request *request = relay->request;
	bool any = relay->any;

	front_clerk_drop(request);
	if (any)
		front_conn_close(request->conn);
	else
		answer_away(request);
}

static void
on_timer(uv_timer_t *timer)
{
	struct front_relay *relay = timer->data;

	log_warnx("req=%s the clerk does not answer",
	    relay->request->request_id);
	fail(relay);
}

/* -------------------------------------------------------------- its answer */

/* "Status: 202 ..." */
static void
take_status(struct front_request *request, const char *at, size_t length)
{
	if (length > 11 && memcmp(at, "Status: ", 8) == 0)
		request->result.status = (at[8] - '0') * 100 +
		    (at[9] - '0') * 10 + at[10] - '0';
}

/* 1: go on; 0: that was its end; -1: no memory. */
static int
take_frames(struct front_relay *relay, const uint8_t *at, const uint8_t *end)
{
	struct front_request *request = relay->request;

	while (at < end) {
		size_t take = (size_t)(end - at);

		if (relay->left == 0) {
			relay->length[relay->length_have++] = *at++;
			if (relay->length_have < sizeof(relay->length))
				continue;
			relay->length_have = 0;
			memcpy(&relay->left, relay->length, 4);
			if (relay->left == 0)
				return 0;
			continue;
		}
		if (take > relay->left)
			take = relay->left;
		if (!relay->any)
			take_status(request, (const char *)at, take);
		relay->any = true;
		if (front_output_stdout(request->conn, request->id, at, take,
		    NULL, 0) < 0)
			return -1;
		relay->left -= (uint32_t)take;
		at += take;
	}
	return 1;
}

static void
read_some(struct front_relay *relay)
{
	struct front_request *request = relay->request;
	struct front *front = request->front;
	struct front_conn *conn = request->conn;
	ssize_t got = recv(relay->fd, front->read_buffer,
	    sizeof(front->read_buffer), 0);
	int rc;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	rc = got <= 0 ? -1 : take_frames(relay, front->read_buffer,
	    front->read_buffer + got);
	if (rc < 0) {
		fail(relay);
		return;
	}
	uv_timer_stop(&relay->timer);
	if (rc == 0) {
		front_clerk_drop(request);
		front_request_replied(request);
		return;
	}
	front_conn_flush(conn);
	if (relay->request == NULL ||
	    front_output_left(conn) < FRONT_BACKLOG_MAX)
		return;
	relay->full = true;
	watch(relay);
}

/* The reader has taken some. */
void
front_clerk_room(struct front_request *request)
{
	struct front_relay *relay = request->relay;

	if (relay == NULL || !relay->full ||
	    front_output_left(request->conn) >= FRONT_BACKLOG_MAX)
		return;
	relay->full = false;
	watch(relay);
}

/* ----------------------------------------------------------- what is asked */

/* -1 with errno; 0: as much as it takes. */
static ssize_t
send_body(struct front_relay *relay)
{
	const struct front_request *request = relay->request;
	uint64_t left = request->body_have - relay->body_sent;
	off_t offset = (off_t)relay->body_sent;

	if (left == 0)
		return 0;
	if (request->spool_fd >= 0)
		return sendfile(relay->fd, request->spool_fd, &offset,
		    left < PIECE ? left : PIECE);
	return send(relay->fd, request->body + relay->body_sent, left,
	    MSG_NOSIGNAL);
}

static bool
has_body(const struct front_relay *relay)
{
	return relay->request->clerk == FRONT_CLERK_ACCEPT;
}

/* 0, or -1: it is broken. */
static int
write_some(struct front_relay *relay)
{
	ssize_t sent;

	while (relay->sent < relay->head_length) {
		sent = send(relay->fd, relay->head + relay->sent,
		    relay->head_length - relay->sent, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		relay->sent += (size_t)sent;
	}
	while (has_body(relay) &&
	    relay->body_sent < relay->request->body_have) {
		sent = send_body(relay);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		if (sent == 0)	/* the file is shorter than it was */
			return -1;
		relay->body_sent += (uint64_t)sent;
	}
	relay->whole = true;
	if (relay->hurry)
		shutdown(relay->fd, SHUT_WR);
	return 0;
}

static void
on_ready(uv_poll_t *poll, int status, int events)
{
	struct front_relay *relay = poll->data;

	if (relay->request == NULL)
		return;
	front_awake(relay->request->front);
	if (status < 0 || (events & UV_WRITABLE && write_some(relay) < 0)) {
		fail(relay);
		return;
	}
	watch(relay);
	if (events & (UV_READABLE | UV_DISCONNECT))
		read_some(relay);
}

void
front_clerk_hurry(struct front *front)
{
	struct front_conn *conn;

	TAILQ_FOREACH(conn, &front->busy, link) {
		struct front_relay *relay = conn->request == NULL ? NULL :
		    conn->request->relay;

		if (relay == NULL || relay->hurry)
			continue;
		relay->hurry = true;
		if (relay->whole)
			shutdown(relay->fd, SHUT_WR);
	}
}

/* ------------------------------------------------------------ its beginning */

/* What of the URI's path is before the route's: "/api" of "/api/train". */
static void
find_prefix(const struct front_request *request, char *out, size_t size)
{
	const struct head *head = &request->head;
	const char *query = memchr(head->uri.at, '?', head->uri.length);
	size_t length = query == NULL ? head->uri.length :
	    (size_t)(query - head->uri.at);

	out[0] = '\0';
	if (length <= head->path.length ||
	    length - head->path.length >= size || head->uri.at[0] != '/' ||
	    memcmp(head->uri.at + length - head->path.length, head->path.at,
	    head->path.length) != 0)
		return;
	length -= head->path.length;
	for (size_t i = 0; i < length; i++)
		if (head->uri.at[i] <= ' ' || head->uri.at[i] > '~')
			return;
	memcpy(out, head->uri.at, length);
	out[length] = '\0';
}

/* Whose its job will be, and whose jobs may be seen: the one place that says
 * so.  Without authentication everybody is nobody, and an id is the key. */
static void
find_owner(const struct front_request *request, char *out, size_t size)
{
	struct fh_identity identity;
	char digest[HASH_TEXT] = "";
	struct hash hash;

	out[0] = '\0';
	if (request->identity_length == 0 || identity_get(request->identity,
	    request->identity_length, &identity) < 0)
		return;
	if (hash_begin(&hash, NULL) < 0)
		return;
	hash_add(&hash, identity.auth, strlen(identity.auth) + 1);
	hash_add(&hash, identity.name, strlen(identity.name));
	hash_finish(&hash, digest, NULL);
	snprintf(out, size, "%s", digest);
}

void
front_clerk_route(const struct route *route, struct clerk_route *out)
{
	*out = (struct clerk_route){ .concurrency = route->job_concurrency,
	    .priority = route->job_priority, .attempts = route->job_attempts,
	    .retry_ms = route->job_retry_ms, .keep_ms = route->job_keep_ms };
	snprintf(out->label, sizeof(out->label), "%s", route->label);
}

/* NULL: no memory. */
static uint8_t *
make_head(const struct front_request *request, size_t *length_out)
{
	struct clerk_head head = { .magic = CLERK_MAGIC };
	size_t room = sizeof(head) + front_access_sealed(request);
	uint8_t *bytes = front_memory(request->front, NULL, room);

	if (bytes == NULL)
		return NULL;
	head.params_length = (uint32_t)front_access_seal(request,
	    bytes + sizeof(head), bytes + room);

	head.kind = CLERK_ASK;
	if (request->clerk == FRONT_CLERK_ACCEPT) {
		head.kind = CLERK_ACCEPT;
		head.body_length = request->body_have;
		front_clerk_route(request->match.route, &head.route);
	}
	memcpy(head.request_id, request->request_id,
	    sizeof(request->request_id));
	find_prefix(request, head.prefix, sizeof(head.prefix));
	find_owner(request, head.owner, sizeof(head.owner));
	*length_out = sizeof(head) + head.params_length;
	memcpy(bytes, &head, sizeof(head));
	return bytes;
}

/* NULL, and nothing is left open. */
static struct front_relay *
open_relay(struct front_request *request)
{
	struct front *front = request->front;
	struct front_relay *relay = front_memory(front, NULL, sizeof(*relay));

	if (relay == NULL)
		return NULL;
	memset(relay, 0, sizeof(*relay));
	relay->fd = front_runner_connect(front);
	relay->head = relay->fd < 0 ? NULL : make_head(request,
	    &relay->head_length);
	if (relay->head == NULL ||
	    uv_poll_init(&front->loop, &relay->poll, relay->fd) < 0) {
		if (relay->fd >= 0)
			close(relay->fd);
		free(relay->head);
		free(relay);
		return NULL;
	}
	uv_timer_init(&front->loop, &relay->timer);
	relay->poll.data = relay->timer.data = relay;
	relay->handles = 2;
	relay->hurry = front->retiring || front->stopping;
	return relay;
}

static void
pass(struct front_request *request)
{
	struct front_relay *relay = open_relay(request);
	uint64_t wait_ms = request->clerk == FRONT_CLERK_ASK ?
	    request->front->config->jobs_wait_ms : 0;

	if (relay == NULL) {
		answer_away(request);
		return;
	}
	relay->request = request;
	request->relay = relay;
	request->state = FRONT_CLERK;
	uv_timer_start(&relay->timer, on_timer, PATIENCE_MS + wait_ms, 0);
	watch(relay);
}

/* Is the path jobs_path, or below it? */
static bool
is_for_jobs(const struct front *front, const struct wire_span *path)
{
	const char *jobs = front->config->jobs_path;
	size_t length = strlen(jobs);

	return front->jobs_dir >= 0 && path->length >= length &&
	    memcmp(path->at, jobs, length) == 0 &&
	    (path->length == length || path->at[length] == '/');
}

enum front_clerk_kind
front_clerk_kind(const struct front_request *request)
{
	const struct route *route = request->match.route;

	if (request->conn->runner)
		return FRONT_CLERK_NOT;
	if (is_for_jobs(request->front, &request->head.path))
		return FRONT_CLERK_ASK;
	return route != NULL && route->job ? FRONT_CLERK_ACCEPT :
	    FRONT_CLERK_NOT;
}

void
front_clerk_send(struct front_request *request)
{
	const struct config *config = request->front->config;

	if (request->clerk == FRONT_CLERK_ASK) {
		pass(request);
		return;
	}
	if (request->body_have > config->jobs_body_limit)
		front_answer(request, 413, "", "The request body is larger "
		    "than jobs_body_limit (%zu bytes).",
		    config->jobs_body_limit);
	else if (front_sync_check(request))
		pass(request);
}
