/*
 * front_main.c - the front's beginning and its loop.
 *
 * Runs in: front.
 * Owns: the one struct front of the process.
 * Invariant: the front sleeps in epoll only after it has said so in shared
 * memory and then looked once more for news, and found none; a worker that
 * finds the front asleep wakes it, and no other does.
 */
#include "front/front_bodies.h"
#include "front/front_main.h"

#include <sys/prctl.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crash.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "front/front.h"
#include "front/front_ask.h"
#include "front/front_cached.h"
#include "front/front_password.h"
#include "front/front_times.h"

/* Its being active is what counts: epoll returns at once. */
static void
on_awake(uv_idle_t *handle)
{
	(void)handle;
}

/* News are taken once, not until there are none: workers that write without a
 * pause must not keep the front from its connections. */
static void
on_before_sleep(uv_prepare_t *handle)
{
	struct front *front = handle->data;

	front_flight_settle(front);
	front_sync_look(front);
	front_times_turn_ends(front);
	front->sleeps += front->sleeps == UINT32_MAX ? 2 : 1;
	front->asleep = true;
	atomic_store(&front->shm->state->asleep, front->sleeps);
	if (front_news(front)) {
		front_awake(front);
		uv_idle_start(&front->awake, on_awake);
	} else
		uv_idle_stop(&front->awake);
	front->looked_ns = uv_now(&front->loop) * CLOCK_NS_PER_MS;
}

/* At the first thing that woke us: what comes during the rest of the turn is
 * seen at its end without being rung for. */
void
front_awake(struct front *front)
{
	if (!front->asleep)
		return;
	front->asleep = false;
	front_times_turn_begins(front);
	atomic_store(&front->shm->state->asleep, 0);
}

static void
on_after_sleep(uv_check_t *handle)
{
	struct front *front = handle->data;

	front_awake(front);
	front_news(front);
}

/* A worker woke us; on_after_sleep does the work. */
static void
on_event(uv_poll_t *handle, int status, int events)
{
	struct front *front = handle->data;
	uint64_t count;

	(void)status;
	(void)events;
	front_awake(front);
	if (read(front->start->fds[SPAWN_FD_EVENT], &count,
	    sizeof(count)) < 0 && errno != EAGAIN)
		log_warn("eventfd");
}

static void
start_watching(struct front *front)
{
	uv_prepare_init(&front->loop, &front->before_sleep);
	uv_check_init(&front->loop, &front->after_sleep);
	uv_idle_init(&front->loop, &front->awake);
	uv_timer_init(&front->loop, &front->pass_timer);
	uv_timer_init(&front->loop, &front->drain_timer);
	front->before_sleep.data = front;
	front->after_sleep.data = front;
	front->event_poll.data = front;
	front->pass_timer.data = front;
	front->drain_timer.data = front;
	uv_prepare_start(&front->before_sleep, on_before_sleep);
	uv_check_start(&front->after_sleep, on_after_sleep);
	if (uv_poll_init(&front->loop, &front->event_poll,
	    front->start->fds[SPAWN_FD_EVENT]) < 0 ||
	    uv_poll_start(&front->event_poll, UV_READABLE, on_event) < 0)
		fatalx(EXIT_CODE_SYSTEM, "watching the workers' eventfd");
}

static void
set_up_sync(struct front *front)
{
	front->sync_worker = api_worker_create(front->set, API_SYNC);
	if (front->sync_worker != NULL)
		front->sync_request = api_request_create(front->sync_worker);
	if (front->sync_request == NULL)
		fatalx(EXIT_CODE_SYSTEM, "no memory for sync handlers");
}

/* A witness of the supervisor's may look where a slow handler is, also where
 * the kernel (Yama) lets nobody look at a process that is not its child. */
static void
let_witness_look(const struct front *front)
{
	prctl(PR_SET_PTRACER, (unsigned long)front->start->zygote->supervisor,
	    0, 0, 0);
}

/* A kernel that lacks a part lacks it for the workers too: said once.  Spooled
 * bodies and captured requests are written here. */
static void
enter_sandbox(const struct front *front)
{
	const struct sandbox_folder folders[] = {
		{ front->start->spool_dir, true },
		{ front->start->crash_dir, true },
		{ front->bodies_dir, true } };
	struct err err;

	if (api_sandbox_enter(front->set, API_SYNC, folders, 3, &err) < 0)
		log_warnx("sandbox: %s; it goes on without", err.text);
}

static void
map_memory(struct front *front)
{
	const struct child_start *start = front->start;
	struct err err;

	front->shm = shm_map(start->geometry, start->fds[SPAWN_FD_SHM],
	    SHM_FRONT, 0, &err);
	if (front->shm == NULL)
		fatalx(EXIT_CODE_SYSTEM, "%s", err.text);
	close(start->fds[SPAWN_FD_SHM]);
	front->stats = shm_front_stats(front->shm);
}

static void
run(struct front *front)
{
	set_up_sync(front);
	let_witness_look(front);
	start_watching(front);
	front_memory_start(front);
	front_accept_start(front);
	if (front_link_start(front) < 0)
		fatalx(EXIT_CODE_SYSTEM, "the supervisor does not answer");
	uv_run(&front->loop, UV_RUN_DEFAULT);
}

void
front_main(const struct child_start *start)
{
	struct front *front = calloc(1, sizeof(*front));

	if (front == NULL)
		fatal(EXIT_CODE_SYSTEM, "memory for the front");
	signal(SIGINT, SIG_IGN);	/* ^C is for the supervisor */
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);	/* it stops by a message */
	crash_begin(start->fds[SPAWN_FD_CRASH],
	    start->config->capture_crashed);
	front->start = start;
	front->config = start->config;
	front->set = start->set;
	front->next_seq = 1;
	front->pid = getpid();
	TAILQ_INIT(&front->idle);
	TAILQ_INIT(&front->busy);
	TAILQ_INIT(&front->free_requests);
	TAILQ_INIT(&front->passings);
	TAILQ_INIT(&front->takings);
	map_memory(front);
	front_notify_start(front);
	if (uv_loop_init(&front->loop) < 0)
		fatalx(EXIT_CODE_SYSTEM, "event loop");
	if (front_pools_create(front) < 0 || front_stats_start(front) < 0 ||
	    front_fault_start(front) < 0 || front_cached_start(front) < 0 ||
	    front_ask_start(front) < 0)
		fatalx(EXIT_CODE_SYSTEM, "no memory for the pools");
	front_password_start(front);
	front_runner_open(front);
	front_bodies_start(front);
	enter_sandbox(front);
	pthread_cleanup_push(crash_thread_left, NULL);
	run(front);
	pthread_cleanup_pop(0);
	fatalx(EXIT_CODE_BUG, "the event loop ended");
}
