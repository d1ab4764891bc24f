/*
 * front_pass.c - connections go to a newer front.
 *
 * Runs in: front, one that retires.
 * Owns: nothing; what has gone is its link's until it is answered for.
 * Invariant: a connection goes between two records, with nothing of ours unsent
 * and at most a request that no worker has or will have; its descriptor is not
 * watched here any more when it is sent.  One that cannot go is served on.
 */
/*
 * What may happen at the same moment, and what then:
 *
 *	bytes arrive on the way		they stay in the socket, for whoever
 *					watches it next
 *	bytes of the next request came	go along in the packet (`held`)
 *	  in the same read
 *	a worker takes the job that is	one compare-and-swap decides: the job
 *	  withdrawn			runs here, or goes
 *	a reply is done and not read	the job is claimed, so it is busy; goes
 *					after its last byte
 *	the client hangs up		its end is read by the new front
 *	the link is full		the connection is served on here, its
 *					request offered to our workers again
 *	the new front dies with it	was not answered for: comes back, and
 *	  unread, or before it answers	waits for the next link
 *	... after it has answered	its loss, as of any front that dies
 *	we die, or leave		the packets in the link are the new
 *					front's
 *	another link comes		what went over the first stays there,
 *					unless that breaks
 *	a sync handler runs		the word is heard when it has returned
 */
#include <sys/mman.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/log.h"
#include "front/front.h"

bool
front_pass_is_open(const struct front *front)
{
	return front->passing != NULL && !front->passing->full &&
	    !front->stopping;
}

/* Nothing of it would be cut off, but for a request that a worker may have. */
static bool
is_still(const struct front_conn *conn)
{
	return !conn->closing && !conn->stays && !conn->runner &&
	    front_output_left(conn) == 0 &&
	    wire_reader_at_boundary(&conn->reader);
}

/* Without a request, or a body that nobody wants still arriving. */
static bool
is_at_rest(const struct front_conn *conn)
{
	return conn->request == NULL && !conn->close_after &&
	    (!conn->draining || conn->held != NULL);
}

bool
front_pass_may(const struct front_conn *conn)
{
	return front_pass_is_open(conn->front) && is_still(conn) &&
	    is_at_rest(conn);
}

static void
pack_request(const struct front_request *request, struct handover *packet)
{
	packet->flags |= HANDOVER_REQUEST;
	if (request->keep && !request->conn->close_after)
		packet->flags |= HANDOVER_KEEP;
	packet->id = request->id;
	packet->arrival_ns = request->arrival_ns;
	packet->queued_ns = request->queued_ns;
	packet->params_length = (uint32_t)request->params_have;
	packet->body_length = request->body_have;
	packet->spool = request->spool;
	memcpy(packet->request_id, request->request_id,
	    sizeof(request->request_id));
}

static int
write_bytes(int fd, const struct front_conn *conn)
{
	const struct front_request *request = conn->request;
	const struct front_held *held = conn->held;

	if (request != NULL && (io_write_all(fd, request->params,
	    request->params_have) < 0 || (request->spool == 0 &&
	    io_write_all(fd, request->body, request->body_have) < 0)))
		return -1;
	return held == NULL ? 0 : io_write_all(fd, held->bytes, held->length);
}

/* 0 also when there is nothing to write. */
static int
make_memory(struct front_passed *passed, const struct front_conn *conn)
{
	int fd;

	if (handover_bytes(&passed->packet) == 0)
		return 0;
	fd = memfd_create("fcgi-host-handover", MFD_CLOEXEC);
	if (fd >= 0 && write_bytes(fd, conn) == 0) {
		passed->fds[HANDOVER_FD_BYTES] = fd;
		return 0;
	}
	front_passing_warn(conn->front->passing);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* NULL: no memory. */
static struct front_passed *
pack(const struct front_conn *conn)
{
	struct front_passed *passed = calloc(1, sizeof(*passed));

	if (passed == NULL)
		return NULL;
	passed->packet = (struct handover){ .magic = HANDOVER_MAGIC,
	    .version = HANDOVER_VERSION,
	    .flags = conn->fresh ? HANDOVER_FRESH : 0,
	    .input_length = conn->held == NULL ? 0 :
	    (uint32_t)conn->held->length };
	passed->fds[HANDOVER_FD_CONN] = conn->fd;
	passed->fds[HANDOVER_FD_BYTES] = -1;
	passed->fds[HANDOVER_FD_SPOOL] = -1;
	if (conn->request != NULL) {
		pack_request(conn->request, &passed->packet);
		passed->fds[HANDOVER_FD_SPOOL] = conn->request->spool_fd;
	}
	if (make_memory(passed, conn) == 0)
		return passed;
	free(passed);
	return NULL;
}

/* It was not sent: all but the memory is the connection's still. */
static void
unpack(struct front_passed *passed)
{
	if (passed->fds[HANDOVER_FD_BYTES] >= 0)
		close(passed->fds[HANDOVER_FD_BYTES]);
	free(passed);
}

/* The next front would have to hash its password again, and many at once: our
 * own workers, which are there until we leave, serve it. */
static bool
is_ours(const struct front_request *request)
{
	return request->hashed;
}

static bool
may_go(const struct front_conn *conn)
{
	const struct front_request *request = conn->request;

	return front_pass_is_open(conn->front) && !conn->parsing &&
	    is_still(conn) && (request == NULL ? is_at_rest(conn) :
	    request->state == FRONT_PENDING && !is_ours(request));
}

bool
front_pass(struct front_conn *conn)
{
	struct front_passed *passed;

	if (!may_go(conn) || (passed = pack(conn)) == NULL)
		return false;
	front_conn_watch(conn, false);
	if (front_passing_send(conn->front, passed) < 0) {
		unpack(passed);
		front_conn_watch(conn, true);
		return false;
	}
	conn->front->passed_count++;
	if (conn->request != NULL)
		front_request_moved(conn->request);
	front_conn_part(conn);
	return true;
}

/* A request that was to go and cannot is for our workers after all. */
void
front_pass_settle(struct front_conn *conn)
{
	struct front *front = conn->front;

	if (!front->retiring || front_pass(conn))
		return;
	if (conn->request != NULL && conn->request->state == FRONT_PENDING)
		front_pool_refill(&front->pools[
		    conn->request->match.route->pool]);
}

static void
pass_waiting(const struct front_request_list *list)
{
	struct front_request *request, *next;

	for (request = TAILQ_FIRST(list); request != NULL; request = next) {
		next = TAILQ_NEXT(request, link);
		front_pass(request->conn);
	}
}

/* What is in the shared queue was admitted before what is pending. */
static void
pass_requests(struct front_pool *pool)
{
	struct front_job *job, *next_job;
	struct front_request *request;

	for (job = TAILQ_FIRST(&pool->active); job != NULL &&
	    front_pass_is_open(pool->front); job = next_job) {
		next_job = TAILQ_NEXT(job, link);
		request = job->request;
		if (request == NULL || !is_still(request->conn) ||
		    is_ours(request) || !front_job_withdraw(job))
			continue;
		front_pool_put_back(pool, request);
		front_pass(request->conn);
	}
	for (uint32_t i = 0; i < pool->lanes.count; i++)
		pass_waiting(&pool->pending[i]);
}

static void
pass_list(struct front_conn_list *list)
{
	struct front_conn *conn, *next;

	for (conn = TAILQ_FIRST(list); conn != NULL; conn = next) {
		next = TAILQ_NEXT(conn, link);
		front_pass(conn);
	}
}

void
front_pass_all(struct front *front)
{
	uint32_t pools = front->start->geometry->pool_count;

	if (!front_pass_is_open(front))
		return;
	for (uint32_t p = 0; p < pools; p++)
		pass_requests(&front->pools[p]);
	pass_list(&front->idle);
	pass_list(&front->busy);
	for (uint32_t p = 0; p < pools; p++)
		front_pool_refill(&front->pools[p]);
}
