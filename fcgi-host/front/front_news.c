/*
 * front_news.c - what workers have written: from reply space to connection.
 *
 * Runs in: front.
 * Owns: `consumed` of every job, and the way back to SHM_REPLY_FREE.
 * Invariant: every word a worker can write is checked against what the front
 * knows itself before it is used; a reply is passed on as far as its connection
 * takes it, and the worker waits for the rest.
 */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/futex.h"
#include "common/log.h"
#include "front/front.h"

/* A reply slot with the job it answers. */
struct news {
	struct front		*front;
	struct front_job	*job;
	struct shm_reply	*reply;
	uint32_t		 worker, slot;
};

/* A worker seldom waits for its slot: it has others. */
static void
free_slot(struct shm_reply *reply)
{
	atomic_store(&reply->consumed, 0);
	atomic_store(&reply->seq, 0);
	atomic_store(&reply->state, SHM_REPLY_FREE);
	if (atomic_load(&reply->waits) != SHM_WAITS_NOT)
		futex_wake(&reply->state, 1);
}

/* Passes on `length` bytes of the space, which may wrap. */
static int
forward(struct news *news, uint64_t consumed, uint64_t length)
{
	const struct front_request *request = news->job->request;
	uint64_t space = news->front->start->geometry->reply_space;
	const uint8_t *bytes = shm_reply_space(news->front->shm, news->worker,
	    news->slot);
	uint64_t at = consumed % space;
	uint64_t first = length < space - at ? length : space - at;

	front_count(&front_route_stats(request)->reply_bytes, length);
	return front_output_stdout(request->conn, request->id, bytes + at,
	    first, bytes, length - first);
}

/* True when the worker has written more than the space holds. */
static bool
is_spoilt(const struct news *news, uint64_t written, uint64_t consumed)
{
	return written < consumed || written - consumed >
	    news->front->start->geometry->reply_space;
}

/* Moves bytes from the space to the connection; -1 when that is closed. */
static int
take_bytes(struct news *news, bool all)
{
	struct shm_reply *reply = news->reply;
	struct front_conn *conn = news->job->request->conn;
	uint64_t written = atomic_load(&reply->written);
	uint64_t consumed = news->job->consumed;

	if (is_spoilt(news, written, consumed)) {
		log_warnx("req=%s worker %u wrote %llu bytes into a reply "
		    "space with %llu consumed", news->job->request_id,
		    news->worker, (unsigned long long)written,
		    (unsigned long long)consumed);
		front_conn_close(conn);
		return -1;
	}
	if (written == consumed ||
	    (!all && front_output_left(conn) >= FRONT_BACKLOG_MAX))
		return 0;
	if (forward(news, consumed, written - consumed) < 0) {
		front_conn_close(conn);
		return -1;
	}
	news->job->forwarded = true;
	news->job->consumed = written;
	atomic_store(&reply->consumed, written);
	if (atomic_load(&reply->waits) == SHM_WAITS_ROOM) {
		atomic_fetch_add(&reply->room, 1);
		futex_wake(&reply->room, 1);
	}
	return 0;
}

/* One word that we see whole; a wild pointer's makes no harm but nonsense. */
static bool
read_progress(const struct shm_progress *progress, char *out, size_t size)
{
	uint32_t seq = atomic_load(&progress->seq);
	char text[SHM_PROGRESS_TEXT];
	long long done, total;

	if (seq == 0 || (seq & 1) != 0)
		return false;
	done = atomic_load(&progress->done);
	total = atomic_load(&progress->total);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = atomic_load_explicit(&progress->text[i],
		    memory_order_relaxed);
	text[sizeof(text) - 1] = '\0';
	if (atomic_load(&progress->seq) != seq)
		return false;
	snprintf(out, size, "%lld %lld %s", done, total, text);
	return true;
}

/* Passed on to the clerk, unless it has been, or is slow to read. */
static void
pass_progress(struct news *news)
{
	struct front_conn *conn = news->job->request->conn;
	const struct shm_progress *progress = &news->reply->progress;
	uint32_t seq = atomic_load(&progress->seq);
	char text[SHM_PROGRESS_TEXT + 64];

	if (!conn->runner || seq == news->job->progress ||
	    front_output_left(conn) >= FRONT_BACKLOG_MAX ||
	    !read_progress(progress, text, sizeof(text)))
		return;
	news->job->progress = seq;
	if (front_output_stderr(conn, news->job->request->id, text) < 0)
		front_conn_close(conn);
}

/*
 * Takes what there is and writes it.  The last take before we return must not
 * be one that was passed over because the output was full: the worker has said
 * its word, and when a flush has emptied the output nothing else would wake us.
 * While the output is full, its connection does.
 */
static void
pass_on(struct news *news)
{
	struct front_conn *conn = news->job->request->conn;

	pass_progress(news);
	if (news->job->request == NULL || take_bytes(news, false) < 0)
		return;
	front_conn_flush(conn);
	if (news->job->request == NULL ||
	    front_output_left(conn) >= FRONT_BACKLOG_MAX)
		return;
	if (take_bytes(news, false) == 0)
		front_conn_flush(conn);
}

static void
copy_result(struct front_request *request, const struct shm_reply *reply)
{
	uint32_t kept = atomic_load_explicit(&reply->kept_length,
	    memory_order_relaxed);

	request->result.status = (int)(reply->status % 1000);
	request->result.kept_length = kept <= FH_KEEP_MAX ? kept : 0;
	memcpy(request->result.kept, reply->kept, request->result.kept_length);
}

/* It saw that its time was up before our timer did: what it wrote since then is
 * not what the client asked for. */
static void
answer_late(struct news *news)
{
	struct front_request *request = news->job->request;
	uint64_t started = atomic_load(&news->reply->started_ns);

	front_job_release(news->job);
	free_slot(news->reply);
	front_deadline_answer(request, started);
}

/* Too late when its worker took it: no handler has seen it. */
static void
answer_stale(struct news *news)
{
	struct front_request *request = news->job->request;

	front_job_release(news->job);
	free_slot(news->reply);
	front_refuse(request, SHM_REFUSED_QUEUE_TIMEOUT);
}

/* serve() came to an end, and somebody waits for its reply.  False: its
 * connection is closed, and the job with its slot still to be released. */
static bool
complete(struct news *news, bool whole)
{
	struct front *front = news->front;
	struct front_job *job = news->job;
	struct front_request *request = job->request;
	uint64_t started = atomic_load(&news->reply->started_ns);

	if (!job->forwarded && front_deadline_passed(job, news->reply)) {
		answer_late(news);
		return true;
	}
	pass_progress(news);
	if (job->request == NULL || take_bytes(news, true) < 0)
		return false;
	copy_result(request, news->reply);
	/* it was told to end, and had no other answer */
	request->refused = front->ending && request->result.status == 503;
	request->served = true;
	request->begun_ns = started;
	request->ended_ns = news->reply->ended_ns;
	request->cpu_ns = news->reply->cpu_ns;
	front_job_release(job);
	free_slot(news->reply);
	if (whole)
		front_request_replied(request);
	else
		front_request_broken(request);
	return true;
}

static void
handle_slot(struct front *front, uint32_t worker, uint32_t slot,
    struct front_pool *pool)
{
	struct shm_reply *reply = shm_reply(front->shm, worker, slot);
	struct news news = { .front = front, .reply = reply,
	    .worker = worker, .slot = slot };
	uint32_t state, index, its_worker, its_slot;

	/* In this order: a slot that is not free keeps its job until we have
	 * freed it, and what changes after `flagged` is news again. */
	atomic_store(&reply->flagged, 0);
	state = atomic_load(&reply->state);
	index = atomic_load_explicit(&reply->job, memory_order_relaxed);
	if (state == SHM_REPLY_FREE || index >= pool->geometry->jobs)
		return;
	news.job = &pool->jobs[index];
	if (news.job->seq == 0 ||
	    !front_job_begun(news.job, &its_worker, &its_slot) ||
	    its_worker != worker || its_slot != slot) {
		if (state != SHM_REPLY_BUSY)
			free_slot(reply);
		return;
	}
	if (state == SHM_REPLY_BUSY) {
		if (news.job->request != NULL)
			pass_on(&news);
		return;
	}
	if (state == SHM_REPLY_EXPIRED && news.job->request != NULL &&
	    !news.job->forwarded) {
		answer_stale(&news);
		return;
	}
	if (news.job->request != NULL &&
	    complete(&news, state == SHM_REPLY_DONE))
		return;
	front_job_release(news.job);
	free_slot(reply);
}

static bool
handle_worker(struct front *front, uint32_t worker, struct front_pool *pool)
{
	struct shm_window *window = front->shm->windows[worker];
	uint32_t size = pool->geometry->news_size;
	uint32_t *head = &front->workers[worker].news_head;
	uint32_t handled;

	if (!front_window_is_sound(front, worker))
		return false;
	for (handled = 0; handled < size; handled++) {
		uint32_t entry = atomic_load(&window->news[*head % size]);

		if (entry == 0)
			break;
		atomic_store(&window->news[*head % size], 0);
		++*head;
		if (entry <= pool->geometry->replies)
			handle_slot(front, worker, entry - 1, pool);
	}
	return handled > 0;
}

/* Whole replies of a dead worker: it may have died between ending one and
 * saying so, or have left a hole in its news. */
void
front_news_of(struct front *front, uint32_t worker)
{
	struct front_pool *pool = &front->pools[shm_pool_of_worker(
	    front->start->geometry, worker)];

	if (!front_window_is_sound(front, worker))
		return;
	for (uint32_t slot = 0; slot < pool->geometry->replies; slot++)
		if (atomic_load(&shm_reply(front->shm, worker, slot)->state) !=
		    SHM_REPLY_BUSY)
			handle_slot(front, worker, slot, pool);
}

bool
front_news(struct front *front)
{
	bool any = front_notify_look(front);

	for (uint32_t p = 0; p < front->start->geometry->pool_count; p++) {
		struct front_pool *pool = &front->pools[p];

		front_queue_check(pool);
		for (uint32_t i = 0; i < pool->geometry->workers; i++)
			any |= handle_worker(front,
			    pool->geometry->first_worker + i, pool);
		if (pool->pending_count > 0)
			front_pool_refill(pool);
	}
	return any;
}

void
front_news_room(struct front_conn *conn)
{
	struct front_job *job = conn->request->job;
	struct news news = { .front = conn->front, .job = job };

	if (job == NULL || !front_job_begun(job, &news.worker, &news.slot))
		return;
	news.reply = shm_reply(conn->front->shm, news.worker, news.slot);
	pass_on(&news);
}
