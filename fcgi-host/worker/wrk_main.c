/*
 * wrk_main.c - a worker's beginning and end.
 *
 * Runs in: worker.
 * Owns: the one struct wrk of the process.
 * Invariant: leaves by _exit, so that no destructor of a library inherited
 * from the zygote runs twice.
 */
#include "worker/wrk_main.h"

#include <sys/resource.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/crash.h"
#include "common/log.h"
#include "common/memory_limit.h"
#include "common/sandbox.h"
#include "worker/wrk.h"

/* For the signal handler alone. */
static struct wrk *the_worker;

/* The front ends one that has overwritten its window; until then what it took
 * would be lost with it. */
bool
wrk_leaving(const struct wrk *wrk)
{
	return atomic_load(&wrk->terminating) ||
	    atomic_load(&wrk->shm->state->drain) != 0 ||
	    atomic_load(&wrk->shm->state->leave[wrk->start->slot]) != 0 ||
	    atomic_load(&wrk->window->magic) != SHM_WINDOW_MAGIC;
}

/* A system call of its thread is to be broken. */
static bool
is_to_end(const struct wrk *wrk, const struct shm_job *job)
{
	return atomic_load(&job->cancelled) != SHM_CANCELLED_NOT ||
	    atomic_load(&wrk->shm->state->drain) != 0 ||
	    wrk->start->set->routes[job->route].stream;
}

static void
ring(void *context, uint64_t topics)
{
	struct wrk *wrk = context;

	atomic_fetch_or(&wrk->window->notified, topics);
	wrk_wake_front(wrk);
}

/*
 * SIGTERM: take nothing more, and break system calls of threads whose request
 * is cancelled, for whatever reason, or a stream: of all of them when the front
 * is gone.  The handler has no SA_RESTART: this thread's own call is broken by
 * its arrival.
 */
static void
on_terminate(int number)
{
	struct wrk *wrk = the_worker;
	uint32_t count = atomic_load(&wrk->thread_count);
	int saved = errno;

	(void)number;
	atomic_store(&wrk->terminating, true);
	for (uint32_t i = 1; i < count; i++) {
		const struct shm_job *job = atomic_load(
		    &wrk->threads[i].running);

		if (job != NULL && is_to_end(wrk, job))
			pthread_kill(wrk->threads[i].id, SIGUSR1);
	}
	jobq_wake(&wrk->jobq, true);
	errno = saved;
}

static void
on_interrupt(int number)
{
	(void)number;
}

static void
handle_signals(void)
{
	struct sigaction terminate = { .sa_handler = on_terminate };
	struct sigaction interrupt = { .sa_handler = on_interrupt };

	sigaction(SIGTERM, &terminate, NULL);
	sigaction(SIGUSR1, &interrupt, NULL);
	signal(SIGINT, SIG_IGN);	/* ^C is for the supervisor */
	signal(SIGHUP, SIG_IGN);
}

static void
set_up(struct wrk *wrk, const struct child_start *start)
{
	const struct shm_geometry *geometry = start->geometry;
	struct err err;
	uint32_t in_pool;

	wrk->start = start;
	wrk->shm = shm_map(geometry, start->fds[SPAWN_FD_SHM], SHM_WORKER,
	    start->slot, &err);
	if (wrk->shm == NULL)
		fatalx(EXIT_CODE_SYSTEM, "%s", err.text);
	close(start->fds[SPAWN_FD_SHM]);
	wrk->window = wrk->shm->windows[start->slot];
	wrk->pool_index = shm_pool_of_worker(geometry, start->slot);
	wrk->pool = &geometry->pools[wrk->pool_index];
	in_pool = start->slot - wrk->pool->first_worker;
	wrk->first_claimant = 1 + in_pool * wrk->pool->replies;
	jobq_init(&wrk->jobq, wrk->shm, wrk->pool_index);
	pthread_mutex_init(&wrk->starting, NULL);
	wrk->threads = calloc(wrk->pool->threads, sizeof(*wrk->threads));
	if (wrk->threads == NULL)
		fatal(EXIT_CODE_SYSTEM, "memory for %u threads",
		    wrk->pool->threads);
}

static void
say_ready(const struct wrk *wrk)
{
	struct message message = { .type = MESSAGE_READY,
	    .team = wrk->start->team, .slot = wrk->start->slot,
	    .incarnation = wrk->start->incarnation };

	atomic_store(&wrk->window->magic, SHM_WINDOW_MAGIC);
	atomic_store(&wrk->window->state, SHM_WORKER_READY);
	if (channel_send(wrk->start->fds[SPAWN_FD_CONTROL], &message, NULL,
	    0) < 0)
		fatal(EXIT_CODE_SYSTEM, "the supervisor does not answer");
}

/* None is started once we leave, but one may be on its way. */
static void
join_threads(struct wrk *wrk)
{
	uint32_t count;

	pthread_mutex_lock(&wrk->starting);
	count = atomic_load(&wrk->thread_count);
	pthread_mutex_unlock(&wrk->starting);
	for (uint32_t i = 1; i < count; i++)
		pthread_join(wrk->threads[i].id, NULL);
}

/*
 * SCHED_BATCH, sched(7): a worker that is woken does not push the front or the
 * web server off its processor in the middle of a batch.  Where a processor is
 * free it runs at once, as before.  Not being allowed to is no harm.
 */
static void
be_considerate(void)
{
	const struct sched_param none = { 0 };

	sched_setscheduler(0, SCHED_BATCH, &none);
}

/* Address space for every thread there may be is not the handlers' own. */
static void
limit_memory(const struct wrk *wrk)
{
	const struct config_pool *config =
	    &wrk->start->config->pools[wrk->pool_index];

	if (config->max_memory != 0)
		memory_limit_private(config->max_memory +
		    (uint64_t)(config->threads - 1) * config->stack);
}

/* The hard limit too: a handler has no business with it. */
static void
limit_files(const struct wrk *wrk)
{
	rlim_t most = wrk->start->config->pools[wrk->pool_index].max_files;
	struct rlimit limit;

	if (most == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (most > limit.rlim_max)
		most = limit.rlim_max;
	limit = (struct rlimit){ most, most };
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warn("setrlimit(RLIMIT_NOFILE)");
}

/* The front says what it lacks.  Spooled bodies are read here. */
static void
enter_sandbox(const struct wrk *wrk)
{
	const struct sandbox_folder spool = { wrk->start->spool_dir, false };
	struct err err;

	if (api_sandbox_enter(wrk->start->set, wrk->pool_index, &spool, 1,
	    &err) < 0)
		log_debug("sandbox: %s", err.text);
}

static void
run(struct wrk *wrk)
{
	if (wrk_thread_prepare(&wrk->threads[0]) < 0)
		fatalx(EXIT_CODE_SYSTEM, "out of memory");
	wrk_sample_at_start(wrk);
	say_ready(wrk);
	wrk_thread_run(&wrk->threads[0]);
	join_threads(wrk);
	wrk_thread_release(&wrk->threads[0]);
}

void
wrk_main(const struct child_start *start)
{
	static struct wrk wrk;
	uint64_t now_ms = clock_now_ms();

	be_considerate();
	crash_begin(start->fds[SPAWN_FD_CRASH], false);
	set_up(&wrk, start);
	the_worker = &wrk;
	api_notify_set(wrk.shm->state->topics, ring, &wrk);
	handle_signals();
	atomic_store(&wrk.window->started_ms, now_ms);
	atomic_store(&wrk.next_sample_ms, now_ms + 500);
	atomic_store(&wrk.thread_count, 1);
	atomic_store(&wrk.window->threads, 1);
	wrk.threads[0] = (struct wrk_thread){ .wrk = &wrk,
	    .id = pthread_self() };
	enter_sandbox(&wrk);
	limit_memory(&wrk);
	limit_files(&wrk);
	pthread_cleanup_push(crash_thread_left, NULL);
	run(&wrk);
	pthread_cleanup_pop(0);
	_exit(0);
}
