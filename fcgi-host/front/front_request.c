/*
 * front_request.c - a request from its BEGIN_REQUEST to its last reply byte.
 *
 * Runs in: front.
 * Owns: each struct front_request, its parameters and body.
 * Invariant: a request is answered at most once, and leaves its connection
 * exactly once: by front_request_end (answered), front_request_cancel or
 * front_request_moved (another front answers it).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clerk.h"
#include "common/clock.h"
#include "common/io.h"
#include "common/log.h"
#include "front/front.h"
#include "front/front_access.h"
#include "front/front_ask.h"
#include "front/front_bodies.h"
#include "front/front_cached.h"
#include "front/front_client.h"
#include "front/front_password.h"

#define PARAMS_FIRST_SIZE	4096
#define IDENTITY_FIRST_SIZE	256
#define KEPT_SIZE		16384	/* a free request keeps no more */
#define FREE_REQUESTS_MAX	256

/* No version has such a record: see ARCHITECTURE.md. */
static const uint8_t	broken_off[FCGI_HEADER_LEN];

static struct front_request *
take_request(struct front *front)
{
	struct front_request *request = TAILQ_FIRST(&front->free_requests);

	if (request == NULL) {
		request = front_memory(front, NULL, sizeof(*request));
		if (request != NULL)
			memset(request, 0, sizeof(*request));
		return request;
	}
	TAILQ_REMOVE(&front->free_requests, request, link);
	front->free_request_count--;
	memset(request, 0, offsetof(struct front_request, result));
	request->result.status = 0;
	request->result.kept_length = 0;
	return request;
}

struct front_request *
front_request_begin(struct front_conn *conn, uint16_t id, bool keep)
{
	struct front_request *request = take_request(conn->front);

	if (request == NULL)
		return NULL;
	request->front = conn->front;
	request->conn = conn;
	request->id = id;
	request->keep = keep;
	request->spool_fd = -1;
	request->state = FRONT_READING;
	request->arrival_ns = clock_now_ns();
	conn->request = request;
	conn->discarded = 0;
	conn->draining = false;
	front_conn_reading(conn);
	return request;
}

static void
destroy(struct front_request *request)
{
	request->front->body_bytes -= request->body_size;
	free(request->params);
	free(request->identity);
	free(request->body);
	free(request->scratch);
	free(request);
}

void
front_request_forget(struct front *front)
{
	struct front_request *request;

	while ((request = TAILQ_FIRST(&front->free_requests)) != NULL) {
		TAILQ_REMOVE(&front->free_requests, request, link);
		front->free_request_count--;
		destroy(request);
	}
}

void
front_request_free(struct front_request *request)
{
	struct front *front = request->front;
	size_t size = request->params_size + request->body_size +
	    request->scratch_size + request->identity_size;

	front_spool_release(request);
	if (size <= KEPT_SIZE &&
	    front->free_request_count < FREE_REQUESTS_MAX) {
		TAILQ_INSERT_HEAD(&front->free_requests, request, link);
		front->free_request_count++;
		return;
	}
	destroy(request);
}

/* Makes room for `length` more bytes behind `have`. */
static int
grow(struct front *front, uint8_t **bytes, size_t *size, size_t have,
    size_t length, size_t first)
{
	size_t wanted = *size == 0 ? first : *size;
	uint8_t *grown;

	if (have + length <= *size)
		return 0;
	while (wanted < have + length)
		wanted *= 2;
	if ((grown = front_memory(front, *bytes, wanted)) == NULL)
		return -1;
	*bytes = grown;
	*size = wanted;
	return 0;
}

static void
make_id(struct front_request *request)
{
	const struct front *front = request->front;

	snprintf(request->request_id, sizeof(request->request_id),
	    "%x-%llx-%llx", (unsigned)front->pid,
	    (unsigned long long)(request->arrival_ns / CLOCK_NS_PER_MS),
	    (unsigned long long)front->next_id);
	request->front->next_id++;
}

/* What still comes of it is thrown away. */
void
front_request_starve(struct front_request *request)
{
	if (request->request_id[0] == '\0')
		make_id(request);
	front_answer(request, 503, "Retry-After: 5\r\n",
	    "The service is out of memory.");
}

static void
take_id(struct front_request *request)
{
	const struct wire_span *given = &request->head.request_id;

	if (given->length == 0 || given->length > HEAD_ID_MAX) {
		make_id(request);
		return;
	}
	memcpy(request->request_id, given->at, given->length);
	request->request_id[given->length] = '\0';
}

int
front_request_identify(struct front_request *request)
{
	if (grow(request->front, &request->scratch, &request->scratch_size, 0,
	    request->params_have + 1, PARAMS_FIRST_SIZE) < 0)
		return -1;
	request->params_done = true;
	request->head_rc = head_scan(request->params, request->params_have,
	    (char *)request->scratch, request->scratch_size, &request->head);
	if (request->request_id[0] == '\0')
		take_id(request);
	if (request->head_rc == HEAD_OK)
		route_find(request->front->set, request->head.method.at,
		    request->head.method.length, request->head.path.at,
		    request->head.path.length, &request->match);
	request->clerk = request->head_rc == HEAD_OK ?
	    front_clerk_kind(request) : FRONT_CLERK_NOT;
	if (request->clerk == FRONT_CLERK_ASK)
		request->match.route = NULL;
	return 0;
}

/* The body's time to come is not waiting: see front_request_stdin(). */
static void
set_arrival(struct front_request *request)
{
	struct front *front = request->front;

	request->params_ns = clock_now_ns();
	/* A job's request has come long ago, and waited elsewhere. */
	if (request->head.start_ms == 0 || !front->local ||
	    request->conn->runner)
		return;
	request->arrival_ns = front_arrival(&front->wall, request->arrival_ns,
	    request->head.start_ms, request->params_ns, clock_wall_ms());
}

size_t
front_request_limit(const struct front_request *request)
{
	return request->match.route != NULL ?
	    request->match.route->body_limit :
	    request->front->config->body_limit;
}

/* All parameters are here: who is asked for, and by whom? */
static void
params_complete(struct front_request *request)
{
	if (front_request_identify(request) < 0) {
		front_request_starve(request);
		return;
	}
	set_arrival(request);
	if (request->head_rc != HEAD_OK || front_access_admits(request))
		front_request_admitted(request);
}

/* May the body come? */
void
front_request_admitted(struct front_request *request)
{
	request->too_large |= request->head.content_length >
	    (int64_t)front_request_limit(request);
	request->discard_body = request->too_large ||
	    request->head_rc != HEAD_OK || request->match.route == NULL;
	if (!request->discard_body && front_bodies_take(request) < 0)
		return;
	/* Answering now spares both sides a large body. */
	if (request->too_large && request->head_rc == HEAD_OK)
		front_dispatch(request);
}

int
front_request_put_params(struct front_request *request, const uint8_t *bytes,
    size_t length)
{
	if (grow(request->front, &request->params, &request->params_size,
	    request->params_have, length, PARAMS_FIRST_SIZE) < 0)
		return -1;
	memcpy(request->params + request->params_have, bytes, length);
	request->params_have += length;
	return 0;
}

int
front_request_put_identity(struct front_request *request,
    const uint8_t *bytes, size_t length)
{
	if (grow(request->front, &request->identity, &request->identity_size,
	    0, length, IDENTITY_FIRST_SIZE) < 0)
		return -1;
	memcpy(request->identity, bytes, length);
	request->identity_length = length;
	return 0;
}

void
front_request_params(struct front_request *request,
    const struct wire_piece *piece)
{
	size_t limit = request->front->config->params_limit;

	if (request->params_done)
		return;
	if (piece->content_length == 0) {
		params_complete(request);
		return;
	}
	if (request->params_have + piece->length > limit) {
		make_id(request);
		front_answer(request, 431, "", "The request's parameters are "
		    "larger than params_limit (%zu bytes).", limit);
		return;
	}
	if (front_request_put_params(request, piece->data,
	    piece->length) < 0)
		front_request_starve(request);
}

/* Each may have body_memory, and all together what the memory plan says. */
bool
front_request_has_place(const struct front_request *request, size_t length)
{
	const struct front *front = request->front;
	size_t whole = request->body_have + length;

	return whole <= front->config->body_memory &&
	    (whole <= request->body_size || (front->reserve != NULL &&
	    front->body_bytes + whole <= config_bodies(front->config)));
}

static int
grow_body(struct front_request *request, size_t length)
{
	size_t before = request->body_size;
	int rc = grow(request->front, &request->body, &request->body_size,
	    request->body_have, length, 1024);

	request->front->body_bytes += request->body_size - before;
	return rc;
}

int
front_request_keep(struct front_request *request, const uint8_t *bytes,
    size_t length)
{
	if (request->spool_fd >= 0 || !front_request_has_place(request, length))
		return front_spool_write(request, bytes, length);
	if (grow_body(request, length) < 0)
		return -1;
	memcpy(request->body + request->body_have, bytes, length);
	request->body_have += length;
	return 0;
}

int
front_request_read(struct front_request *request, int fd, size_t length)
{
	if (grow_body(request, length) < 0 ||
	    io_read_at(fd, request->body, length, 0) < 0)
		return -1;
	request->body_have = length;
	return 0;
}

/* Never more than was announced: what is over is not the request's. */
static size_t
wanted_of(const struct front_request *request, size_t length)
{
	int64_t announced = request->head.content_length;
	uint64_t left;

	if (announced == HEAD_NO_LENGTH)
		return length;
	left = (uint64_t)announced - request->body_have;
	return length < left ? length : (size_t)left;
}

static void
add_body(struct front_request *request, const struct wire_piece *piece)
{
	size_t wanted;

	if (request->filed) {
		front_count(&request->front->stats->bad_requests, 1);
		front_answer(request, 400, "", "The body came as a file and "
		    "as a stream.");
		return;
	}
	wanted = wanted_of(request, piece->length);
	if (wanted < piece->length)
		request->conn->close_after = true;
	if (request->body_have + wanted > front_request_limit(request)) {
		request->too_large = true;
		request->discard_body = true;
		front_dispatch(request);
		return;
	}
	if (front_request_keep(request, piece->data, wanted) < 0) {
		front_trouble(request->front, front_trouble_of(errno,
		    SHM_TROUBLE_SPOOL));
		front_answer(request, 503, "Retry-After: 5\r\n",
		    "The request body could not be stored.");
	}
}

void
front_request_whole(struct front_request *request)
{
	if (!request->stdin_done || request->copy != NULL)
		return;
	request->arrival_ns += clock_now_ns() - request->params_ns;
	front_dispatch(request);
}

void
front_request_stdin(struct front_request *request,
    const struct wire_piece *piece)
{
	if (piece->content_length == 0) {
		if (!request->params_done)
			return;		/* some send it early */
		request->stdin_done = true;
		front_request_whole(request);
		return;
	}
	if (request->discard_body || !request->params_done) {
		request->conn->discarded += piece->length;
		if (request->conn->discarded > request->front->config->
		    body_limit)
			front_conn_close(request->conn);
		return;
	}
	add_body(request, piece);
}

/* Takes the request off its connection and the counters. */
static void
detach(struct front_request *request)
{
	front_count_replied(request);
	front_client_left(request);
	request->conn->draining = !request->stdin_done;
	request->conn->request = NULL;
	request->conn = NULL;
}

/* Its connection has gone with it; a spooled body's file is not ours. */
void
front_request_moved(struct front_request *request)
{
	front_flight_leave(request);
	front_pool_remove(&request->front->pools[request->match.route->pool],
	    request);
	front_count_moved(request);
	front_client_left(request);
	request->spool = 0;
	request->spool_fd = -1;
	request->conn->request = NULL;
	request->conn = NULL;
	front_request_free(request);
}

void
front_request_cancel(struct front_request *request)
{
	front_flight_leave(request);
	if (request->state == FRONT_PENDING)
		front_pool_remove(&request->front->pools[
		    request->match.route->pool], request);
	if (request->job != NULL)
		front_job_abandon(request->job);
	front_clerk_drop(request);
	front_password_drop(request);
	front_ask_drop(request);
	if (request->state == FRONT_REPLYING && request->served)
		front_finish(request);
	detach(request);
	front_request_free(request);
}

void
front_request_replied(struct front_request *request)
{
	struct front_conn *conn = request->conn;

	front_flight_leave(request);
	/* before the client can know that it is answered */
	front_spool_release(request);
	request->state = FRONT_REPLYING;
	conn->close_after |= !request->keep;
	if (front_output_end(conn, request->id, conn->runner &&
	    request->refused ? CLERK_NOT_BEGUN : 0) < 0)
		front_conn_close(conn);
	else
		front_conn_flush(conn);
}

/* Its header may have been read: all that can be said is that it is no reply,
 * in a record that is none and then by closing. */
void
front_request_broken(struct front_request *request)
{
	struct front_conn *conn = request->conn;

	front_flight_leave(request);
	if (request->job != NULL)
		front_job_abandon(request->job);
	front_spool_release(request);
	request->state = FRONT_REPLYING;
	request->served = false;
	conn->close_after = true;
	if (front_output_raw(conn, broken_off, sizeof(broken_off)) < 0)
		front_conn_close(conn);
	else
		front_conn_flush(conn);
}

/* Everything has left; a body still arriving is thrown away from now on. */
void
front_request_end(struct front_request *request)
{
	struct front_conn *conn = request->conn;

	if (request->served)
		front_finish(request);
	detach(request);
	front_request_free(request);
	front_conn_rest(conn);
}
