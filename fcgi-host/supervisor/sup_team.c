/*
 * sup_team.c - a team: a front, its workers, their shared memory.
 *
 * Runs in: supervisor.
 * Owns: each struct sup_team with its memfd and eventfd.
 * Invariant: workers outlive their front, never the other way round, unless it
 * crashed; a team whose front is dead takes no new front: its shared memory is
 * of requests whose connections are gone.
 */
#include <sys/eventfd.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_crash.h"
#include "supervisor/sup_demote.h"
#include "supervisor/sup_dirs.h"
#include "supervisor/sup_pools.h"
#include "supervisor/sup_slow.h"

#define ZYGOTE_PATIENCE_MS	2000	/* with one that is to kill */

static int
make_memory(struct sup_team *team, struct err *err)
{
	const struct shm_geometry *geometry = team->generation->geometry;

	team->shm_fd = shm_create(geometry, err);
	if (team->shm_fd < 0)
		return -1;
	team->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (team->event_fd < 0)
		err_sys(err, "eventfd");
	else if ((team->shm = shm_map(geometry, team->shm_fd, SHM_SUPERVISOR,
	    0, err)) != NULL)
		return 0;
	else
		close(team->event_fd);
	close(team->shm_fd);
	return -1;
}

struct sup_team *
sup_team_start(struct sup_generation *generation, struct err *err)
{
	struct sup_team *team = calloc(1, sizeof(*team));

	if (team == NULL)
		fatal(EXIT_CODE_SYSTEM, "team");
	team->generation = generation;
	team->number = ++generation->sup->team_count;
	team->worker_count = generation->geometry->worker_count;
	if (make_memory(team, err) < 0) {
		free(team);
		return NULL;
	}
	team->timer = sup_timer_create(generation->sup, team);
	team->hang_timer = sup_timer_create(generation->sup, team);
	team->workers = calloc(team->worker_count, sizeof(*team->workers));
	if (team->workers == NULL)
		fatal(EXIT_CODE_SYSTEM, "workers");
	sup_child_init(&team->front, team, SLOT_FRONT);
	for (uint32_t i = 0; i < team->worker_count; i++)
		sup_child_init(&team->workers[i], team, i);
	sup_child_spawn(&team->front);
	sup_pools_start(team);
	return team;
}

void
sup_team_destroy(struct sup_team *team)
{
	sup_crash_settle(team, SLOT_NONE);
	sup_dirs_clean_spool(team->generation->sup, team->number);
	sup_counts_keep(team->generation->sup, team);
	sup_slow_destroy(team);
	sup_child_finish(&team->front);
	for (uint32_t i = 0; i < team->worker_count; i++)
		sup_child_finish(&team->workers[i]);
	sup_timer_destroy(&team->timer);
	sup_timer_destroy(&team->hang_timer);
	sup_pools_finish(team);
	shm_unmap(team->shm);
	close(team->shm_fd);
	close(team->event_fd);
	free(team->workers);
	free(team);
}

bool
sup_team_has_served(const struct sup_team *team)
{
	for (; team != NULL; team = team->next)
		if (atomic_load(&shm_front_stats(team->shm)->requests) > 0)
			return true;
	return false;
}

/* A worker that is not wanted yet is not waited for. */
bool
sup_team_is_ready(const struct sup_team *team)
{
	if (team->front.state != SUP_CHILD_READY)
		return false;
	for (uint32_t i = 0; i < team->worker_count; i++)
		if (team->workers[i].state != SUP_CHILD_READY &&
		    team->workers[i].state != SUP_CHILD_NONE)
			return false;
	return true;
}

/* In a generation that is being made the front waits for the workers; one that
 * replaces another serves at once. */
void
sup_team_ready(struct sup_child *child)
{
	struct sup_team *team = child->team;
	struct sup_generation *generation = team->generation;

	if (generation->state == SUP_GENERATION_STARTING) {
		if (sup_team_is_ready(team))
			sup_reload_team_ready(generation);
	} else if (child->slot == SLOT_FRONT &&
	    generation->state == SUP_GENERATION_SERVING &&
	    team->state == SUP_TEAM_SERVING)
		sup_switch_front_ready(team);
	sup_pools_ready(child);
}

static struct sup_child *
child_of(struct sup_team *team, uint32_t slot)
{
	if (slot == SLOT_FRONT)
		return &team->front;
	return slot < team->worker_count ? &team->workers[slot] : NULL;
}

static void
signal_workers(struct sup_team *team, int number)
{
	for (uint32_t i = 0; i < team->worker_count; i++)
		sup_child_signal(&team->workers[i], number);
}

/* Also one that is ready before the zygote has said its pid. */
static bool
is_process(const struct sup_child *child)
{
	return child->pid > 0 || child->state == SUP_CHILD_FORKING ||
	    child->state == SUP_CHILD_STARTING ||
	    child->state == SUP_CHILD_READY;
}

static bool
has_processes(const struct sup_team *team)
{
	bool any = is_process(&team->front);

	for (uint32_t i = 0; i < team->worker_count; i++)
		any |= is_process(&team->workers[i]);
	return any;
}

/* The team is destroyed when nothing is left of it. */
static void
end_if_gone(struct sup_team *team)
{
	if (team->state == SUP_TEAM_LEAVING && !has_processes(team))
		sup_generation_team_gone(team->generation, team);
}

void
sup_team_spawned(struct sup_team *team, const struct message *message)
{
	struct sup_child *child = child_of(team, message->slot);

	if (child == NULL || !sup_child_is_awaited(child)) {
		log_warnx("team %u: a process that nobody asked for; ignored",
		    team->number);
		return;
	}
	sup_child_spawned(child, message);
	if (team->state == SUP_TEAM_LEAVING)
		sup_child_signal(child, SIGTERM);
	end_if_gone(team);
}

/* Who is to kill them does not: all of it goes.  A generation that serves needs
 * its zygote more than it needs to be rid of an old team. */
static void
on_zygote_timer(uv_timer_t *timer)
{
	const struct sup_team *team = timer->data;
	const struct sup_generation *generation = team->generation;

	if (generation->state != SUP_GENERATION_LEAVING ||
	    generation->zygote <= 0)
		return;
	log_warnx("generation %u: its zygote (process %d) does not end its "
	    "processes; killed with them", generation->number,
	    (int)generation->zygote);
	kill(generation->zygote, SIGKILL);
}

static void
on_kill_timer(uv_timer_t *timer)
{
	struct sup_team *team = timer->data;

	log_warnx("team %u: processes still run after kill_grace; killed",
	    team->number);
	sup_child_signal(&team->front, SIGKILL);
	signal_workers(team, SIGKILL);
	uv_timer_start(timer, on_zygote_timer, ZYGOTE_PATIENCE_MS, 0);
}

/* The front is gone: workers end what they run and leave. */
static void
let_workers_leave(struct sup_team *team)
{
	team->state = SUP_TEAM_LEAVING;
	atomic_store(&team->shm->state->drain, 1);
	sup_crash_settle(team, SLOT_NONE);	/* by whom is gone */
	signal_workers(team, SIGTERM);
	uv_timer_start(team->timer, on_kill_timer,
	    team->generation->config->kill_grace_ms + 1, 0);
}

static void
on_drain_timer(uv_timer_t *timer)
{
	struct sup_team *team = timer->data;

	log_warnx("team %u: the front still runs after drain_timeout; killed",
	    team->number);
	sup_child_signal(&team->front, SIGKILL);
	uv_timer_start(timer, on_kill_timer, ZYGOTE_PATIENCE_MS, 0);
}

/* The front keeps time itself: this is for one that does not. */
static void
start_drain_timer(struct sup_team *team)
{
	const struct config *config = team->generation->config;

	if (team->state == SUP_TEAM_SERVING)
		uv_timer_start(team->timer, on_drain_timer,
		    config->drain_timeout_ms + 3 * config->kill_grace_ms +
		    1000, 0);
	team->state = SUP_TEAM_STOPPING;
}

void
sup_team_stop(struct sup_team *team, int link)
{
	struct message retire = { .type = MESSAGE_RETIRE };
	struct message stop = { .type = MESSAGE_STOP };

	if (team->state == SUP_TEAM_LEAVING || team->told_to_stop)
		return;
	start_drain_timer(team);
	if (!is_process(&team->front)) {
		let_workers_leave(team);
		end_if_gone(team);
		return;
	}
	team->told_to_stop = link < 0;
	if (link >= 0)
		sup_child_tell(&team->front, &retire, &link, 1);
	else
		sup_child_tell(&team->front, &stop, NULL, 0);
}

static struct sup_child *
child_with_pid(struct sup_team *team, pid_t pid)
{
	if (team->front.pid == pid)
		return &team->front;
	for (uint32_t i = 0; i < team->worker_count; i++)
		if (team->workers[i].pid == pid)
			return &team->workers[i];
	return NULL;
}

/* Its workers leave with it.  True: its generation, which was being made, may
 * be gone with the team. */
static bool
front_exited(struct sup_team *team, int status)
{
	struct sup_generation *generation = team->generation;
	bool starting = generation->state == SUP_GENERATION_STARTING;
	bool served = team->state == SUP_TEAM_SERVING;

	let_workers_leave(team);
	if (served && !starting)
		sup_demote_whom_it_ran(team, status);
	if (served)
		sup_generation_front_died(generation, status,
		    team->front.delay_ms);
	return starting;
}

/* False: the process is not of this team. */
bool
sup_team_exited(struct sup_team *team, pid_t pid, int status)
{
	struct sup_child *child = child_with_pid(team, pid);

	if (child == NULL)
		return false;
	sup_child_exited(child, status);
	if (child == &team->front && team->state != SUP_TEAM_LEAVING &&
	    front_exited(team, status))
		return true;
	end_if_gone(team);
	return true;
}

static void
on_grace_timer(uv_timer_t *timer)
{
	struct sup_child *child = timer->data;

	log_warnx("worker %u (process %d) still runs kill_grace after "
	    "SIGTERM; killed", child->slot, (int)child->pid);
	sup_child_signal(child, SIGKILL);
}

/* The worker that the front means, if it is that process still. */
static struct sup_child *
accused(struct sup_team *team, const struct message *message)
{
	struct sup_child *child;

	if (message->slot >= team->worker_count)
		return NULL;
	child = &team->workers[message->slot];
	if (child->pid == 0 || child->incarnation != message->incarnation)
		return NULL;
	return child;
}

/* The last steps of the kill ladder; the front took the first. */
void
sup_team_overtime(struct sup_team *team, const struct message *message)
{
	struct sup_child *child;

	child = accused(team, message);
	if (child == NULL || uv_is_active((uv_handle_t *)child->timer))
		return;		/* SIGKILL is on its way */
	log_warnx("worker %u (process %d) does not end %s; SIGTERM",
	    child->slot, (int)child->pid, message->text);
	sup_child_signal(child, SIGTERM);
	uv_timer_start(child->timer, on_grace_timer,
	    team->generation->config->kill_grace_ms + 1, 0);
}

/* It has overwritten memory it shares: nothing it says counts any more. */
void
sup_team_spoilt(struct sup_team *team, const struct message *message)
{
	struct sup_child *child = accused(team, message);

	if (child == NULL)
		return;
	child->blame = "overwrote the memory it shares with the front";
	sup_child_signal(child, SIGKILL);
}
