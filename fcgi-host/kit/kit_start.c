/*
 * kit_start.c - calls that overlap: each in a thread, told what may befall it.
 *
 * Runs in: tests of handlers.
 * Owns: the threads.
 * Invariant: a thread runs one call at a time, and none is left when the test
 * is closed; what a call is told it sees at once, also while it waits.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/shm.h"
#include "kit/kit.h"

static struct fh_test_call *
next_call(struct kit_runner *runner)
{
	struct fh_test *test = runner->test;
	struct fh_test_call *call;

	pthread_mutex_lock(&test->lock);
	while (runner->call == NULL && !test->closing)
		pthread_cond_wait(&test->news, &test->lock);
	call = runner->call;
	pthread_mutex_unlock(&test->lock);
	return call;
}

static void *
run_thread(void *context)
{
	struct kit_runner *runner = context;
	struct fh_test *test = runner->test;
	struct fh_test_call *call;

	if (kit_runner_init(runner, test) < 0)
		fatalx(EXIT_CODE_SYSTEM, "out of memory");
	while ((call = next_call(runner)) != NULL) {
		kit_run(runner, call);
		pthread_mutex_lock(&test->lock);
		runner->call = NULL;
		pthread_mutex_unlock(&test->lock);
	}
	kit_runner_finish(runner);
	return NULL;
}

static struct kit_runner *
find_idle(struct fh_test *test)
{
	struct kit_runner *runner;

	TAILQ_FOREACH(runner, &test->runners, link) {
		if (runner->call == NULL)
			break;
	}
	return runner;
}

static void
create(struct fh_test *test, struct fh_test_call *call)
{
	struct kit_runner *runner = kit_alloc(sizeof(*runner));

	runner->test = test;
	runner->call = call;
	if (pthread_create(&runner->thread, NULL, run_thread, runner) != 0)
		fatalx(EXIT_CODE_SYSTEM, "no thread for %s", call->label);
	TAILQ_INSERT_TAIL(&test->runners, runner, link);
}

void
fh_test_start(struct fh_test_call *call)
{
	struct fh_test *test = call->test;
	struct kit_runner *idle;

	if (!kit_run_prepare(call))
		return;
	pthread_mutex_lock(&test->lock);
	idle = find_idle(test);
	if (idle != NULL)
		idle->call = call;
	else
		create(test, call);
	pthread_cond_broadcast(&test->news);
	pthread_mutex_unlock(&test->lock);
}

/* ------------------------------------------------------------ waiting */

static uint64_t
after_ms(uint64_t ms)
{
	return clock_now_ns() + ms * CLOCK_NS_PER_MS;
}

bool
kit_start_wait(struct fh_test *test, uint64_t until_ns)
{
	const struct timespec until = {
		.tv_sec = (time_t)(until_ns / 1000000000),
		.tv_nsec = (long)(until_ns % 1000000000) };

	return pthread_cond_timedwait(&test->news, &test->lock, &until) == 0;
}

static void
tell(struct fh_test_call *call, enum shm_cancelled what, bool left)
{
	struct fh_test *test = call->test;

	pthread_mutex_lock(&test->lock);
	atomic_store(&call->cancelled, (uint32_t)what);
	call->left = left;
	pthread_cond_broadcast(&test->news);
	pthread_mutex_unlock(&test->lock);
}

void
fh_test_cancel(struct fh_test_call *call)
{
	tell(call, SHM_CANCELLED_NOBODY, true);
}

void
fh_test_end(struct fh_test_call *call)
{
	tell(call, SHM_CANCELLED_ENDING, false);
}

void
fh_test_hold(struct fh_test_call *call, bool held)
{
	struct fh_test *test = call->test;

	pthread_mutex_lock(&test->lock);
	call->held = held;
	call->taken = call->output.length;
	pthread_cond_broadcast(&test->news);
	pthread_mutex_unlock(&test->lock);
}

/* True: it has ended.  False: that time has passed. */
static bool
wait_for_end(struct fh_test_call *call, uint64_t until_ns)
{
	struct fh_test *test = call->test;
	bool waits = true, ended;

	pthread_mutex_lock(&test->lock);
	while (call->state == KIT_RUNNING && waits)
		waits = kit_start_wait(test, until_ns);
	ended = call->state != KIT_RUNNING;
	pthread_mutex_unlock(&test->lock);
	return ended;
}

const struct fh_test_reply *
fh_test_wait(struct fh_test_call *call, uint64_t ms)
{
	uint64_t until_ns = after_ms(ms), late_ns = call->deadline_ns;
	bool late_first = late_ns != 0 && late_ns < until_ns;

	if (call->reply.call != NULL)
		return &call->reply;
	if (!wait_for_end(call, late_first ? late_ns : until_ns)) {
		if (!late_first)
			return NULL;
		fh_test_cancel(call);
		kit_reply_late(call);
	} else if (kit_run_was_late(call)) {
		kit_reply_late(call);	/* we are later still */
	} else {
		kit_reply_make(call);
	}
	return &call->reply;
}

static bool
holds(const struct fh_test_call *call, bool ended, const char *text)
{
	size_t length = ended ? call->output.length : call->flushed;

	return length > 0 &&
	    memmem(call->output.bytes, length, text, strlen(text)) != NULL;
}

bool
fh_test_wait_for(struct fh_test_call *call, const char *text, uint64_t ms)
{
	struct fh_test *test = call->test;
	uint64_t until_ns = after_ms(ms);
	bool waits = true, found = false;

	pthread_mutex_lock(&test->lock);
	for (;;) {
		bool ended = call->state != KIT_RUNNING;

		found = holds(call, ended, text);
		if (found || ended || !waits)
			break;
		waits = kit_start_wait(test, until_ns);
	}
	pthread_mutex_unlock(&test->lock);
	return found;
}

/* ------------------------------------------------------------ the end */

static bool
end_calls(struct fh_test *test)
{
	uint64_t until_ns = after_ms(KIT_PATIENCE_MS);
	struct fh_test_call *call;

	TAILQ_FOREACH(call, &test->calls, link) {
		if (call->state == KIT_RUNNING)
			fh_test_cancel(call);
	}
	TAILQ_FOREACH(call, &test->calls, link) {
		if (wait_for_end(call, until_ns))
			continue;
		kit_fail(test->file, test->line, "%s: its handler still runs "
		    "%d ms after it was cancelled; fh_cancelled() tells it",
		    call->label, KIT_PATIENCE_MS);
		return false;
	}
	return true;
}

bool
kit_start_stop(struct fh_test *test)
{
	struct kit_runner *runner;

	if (!end_calls(test))
		return false;
	pthread_mutex_lock(&test->lock);
	test->closing = true;
	pthread_cond_broadcast(&test->news);
	pthread_mutex_unlock(&test->lock);
	while ((runner = TAILQ_FIRST(&test->runners)) != NULL) {
		TAILQ_REMOVE(&test->runners, runner, link);
		pthread_join(runner->thread, NULL);
		free(runner);
	}
	return true;
}
