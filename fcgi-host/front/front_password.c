/*
 * front_password.c - requests whose password is to be hashed.
 *
 * Runs in: front; the hash itself in a thread of libuv's.
 * Owns: struct front_passwords, the hash that is computed.
 * Invariant: at most one hash is computed; the thread has nothing but that
 * hash, so whatever becomes of its request, its connection and the front
 * meanwhile is none of its business; who waits was not refused when it came,
 * and is looked at again when its turn comes.
 */
#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "common/clock.h"
#include "common/log.h"
#include "front/front.h"
#include "front/front_access.h"
#include "front/front_password.h"

/*
 * hash		being computed; NULL: none
 * request	... for this one; NULL: it has left
 * waiting	oldest first, without that one
 * turning	in next(), or about to: deep in the bytes of one nobody else's
 *		turn comes
 */
struct front_passwords {
	uv_work_t		 work;
	struct access_hash	*hash;
	struct front_request	*request;
	struct front_request_list waiting;
	unsigned		 count;
	bool			 turning;
};

static void	next(struct front *);

void
front_password_start(struct front *front)
{
	front->passwords = calloc(1, sizeof(*front->passwords));
	if (front->passwords == NULL)
		fatal(EXIT_CODE_SYSTEM, "memory for passwords");
	front->passwords->work.data = front;
	TAILQ_INIT(&front->passwords->waiting);
}

static bool
is_same_client(const struct front_request *a, const struct front_request *b)
{
	struct wire_span one = a->head.remote_addr, two = b->head.remote_addr;

	return one.length == two.length && (one.length == 0 ||
	    memcmp(one.at, two.at, one.length) == 0);
}

bool
front_password_has_place(const struct front_request *request)
{
	const struct front_passwords *passwords = request->front->passwords;
	const struct front_request *other;
	unsigned count = 0;

	TAILQ_FOREACH(other, &passwords->waiting, link)
		count += is_same_client(other, request);
	return passwords->count < FRONT_PASSWORDS &&
	    count < FRONT_PASSWORDS_CLIENT;
}

void
front_password_wait(struct front_request *request)
{
	struct front *front = request->front;

	request->state = FRONT_CHECKING;
	TAILQ_INSERT_TAIL(&front->passwords->waiting, request, link);
	front->passwords->count++;
	next(front);
}

static void
leave(struct front_request *request)
{
	struct front_passwords *passwords = request->front->passwords;

	TAILQ_REMOVE(&passwords->waiting, request, link);
	passwords->count--;
}

void
front_password_drop(struct front_request *request)
{
	struct front_passwords *passwords = request->front->passwords;

	if (request->state != FRONT_CHECKING)
		return;
	if (passwords->request == request)
		passwords->request = NULL;
	else {
		leave(request);
		access_hash_free(request->hash);
	}
	request->hash = NULL;
}

void
front_password_give_up(struct front_request *request)
{
	front_password_drop(request);
	front_answer(request, 503, "Retry-After: 1\r\n",
	    "The service is stopping.");
}

/* ------------------------------------------------------------------- a turn */

static void
compute(uv_work_t *work)
{
	const struct front *front = work->data;

	access_hash_run(front->passwords->hash);
}

/* It goes on where it was, with what came of it meanwhile; the time it waited
 * counts as such.  `starved`: there was no memory to tell. */
static void
resume(struct front_request *request, bool starved)
{
	struct front_conn *conn = request->conn;
	struct front_held *held = NULL;

	request->state = FRONT_READING;
	if (!request->again) {
		held = front_conn_take(conn);
		request->params_ns = clock_now_ns();
	}
	if (starved)
		front_request_starve(request);
	else
		front_access_hashed(request);
	front_conn_use(conn, held);
	if (!conn->closing)
		front_pass_settle(conn);
}

static void
on_computed(uv_work_t *work, int status)
{
	struct front *front = work->data;
	struct front_passwords *passwords = front->passwords;
	struct front_request *request = passwords->request;
	struct access_hash *hash = passwords->hash;
	uint32_t tried = 0;
	int rc;

	(void)status;
	front_awake(front);
	passwords->request = NULL;
	passwords->hash = NULL;
	passwords->turning = true;
	rc = access_hash_done(front->start->access, hash, &tried,
	    clock_wall_ms() / 1000, clock_now_ms());
	access_hash_free(hash);
	if (request != NULL) {
		request->hash = NULL;
		request->tried |= tried;
		resume(request, rc < 0);
	}
	passwords->turning = false;
	next(front);
}

/* The oldest whose hash is still wanted. */
static void
next(struct front *front)
{
	struct front_passwords *passwords = front->passwords;
	struct front_request *request;

	if (passwords->turning)
		return;
	passwords->turning = true;
	while (passwords->hash == NULL &&
	    (request = TAILQ_FIRST(&passwords->waiting)) != NULL) {
		leave(request);
		if (front_access_is_hash(request)) {
			passwords->request = request;
			passwords->hash = request->hash;
			FH_BUG(uv_queue_work(&front->loop, &passwords->work,
			    compute, on_computed) < 0);
		} else {
			access_hash_free(request->hash);
			request->hash = NULL;
			resume(request, false);
		}
	}
	passwords->turning = false;
}
