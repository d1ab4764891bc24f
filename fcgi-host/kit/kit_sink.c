/*
 * kit_sink.c - where a handler's reply goes, and a client that may not read.
 *
 * Runs in: tests of handlers, the thread that runs the call.
 * Owns: head and output of the call.
 * Invariant: a handler waits only for a client that was told not to read, and
 * no longer when that client leaves.
 */
#include <errno.h>

#include "common/clock.h"
#include "kit/kit.h"

static struct fh_test_call *
call_of(struct api_sink *sink)
{
	return (struct fh_test_call *)((char *)sink -
	    offsetof(struct fh_test_call, sink));
}

/* As in a worker: more waits for room once the reply space is full. */
static bool
is_full(const struct fh_test_call *call)
{
	return call->held && !call->left &&
	    call->output.length - call->taken >= call->sink.space;
}

static int
outcome(bool left)
{
	if (!left)
		return 0;
	errno = EPIPE;
	return -1;
}

static int
send(struct api_sink *sink, const char *head, size_t head_length,
    const void *body, size_t length)
{
	struct fh_test_call *call = call_of(sink);
	struct fh_test *test = call->test;
	bool left;

	pthread_mutex_lock(&test->lock);
	while (is_full(call))
		pthread_cond_wait(&test->news, &test->lock);
	left = call->left;
	if (!left && head != NULL) {
		kit_bytes_add(&call->head, head, head_length);
		call->head_ns = clock_now_ns();
	}
	if (!left)
		kit_bytes_add(&call->output, body, length);
	if (!call->held)
		call->taken = call->output.length;
	pthread_mutex_unlock(&test->lock);
	return outcome(left);
}

static int
flush(struct api_sink *sink)
{
	struct fh_test_call *call = call_of(sink);
	struct fh_test *test = call->test;
	bool left;

	pthread_mutex_lock(&test->lock);
	call->flushed = call->output.length;
	left = call->left;
	pthread_cond_broadcast(&test->news);
	pthread_mutex_unlock(&test->lock);
	return outcome(left);
}

/* fh_wait(): whatever is told wakes it. */
static int
wait_for(struct api_sink *sink, const struct api_wait *wait)
{
	struct fh_test_call *call = call_of(sink);
	struct fh_test *test = call->test;
	uint64_t until_ns = clock_now_ns() + wait->ms * CLOCK_NS_PER_MS;
	bool left;

	pthread_mutex_lock(&test->lock);
	if (atomic_load(&call->cancelled) == 0)
		kit_start_wait(test, until_ns);
	left = call->left;
	pthread_mutex_unlock(&test->lock);
	return outcome(left);
}

static void
progress(struct api_sink *sink, int64_t done, int64_t total, const char *text)
{
	struct fh_test_call *call = call_of(sink);
	struct fh_test *test = call->test;

	(void)text;
	pthread_mutex_lock(&test->lock);
	call->reply.done = done;
	call->reply.total = total;
	pthread_mutex_unlock(&test->lock);
}

void
kit_sink_init(struct fh_test_call *call)
{
	const struct config *config = call->test->config;
	bool async = call->match.route->async;

	call->sink = (struct api_sink){ .send = send, .flush = flush,
	    .wait = wait_for, .progress = progress, .streams = async,
	    .space = async ? config->reply_space : config->sync_reply_limit };
}
