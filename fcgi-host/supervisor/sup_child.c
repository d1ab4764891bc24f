/*
 * sup_child.c - one front or worker process, and its successors in its slot.
 *
 * Runs in: supervisor.
 * Owns: the link to the process, its pipe's read end, the respawn timer.
 * Invariant: a slot has at most one process; a worker's next process is forked
 * only after the front has settled what the last one left.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_crash.h"
#include "supervisor/sup_dirs.h"
#include "supervisor/sup_document.h"
#include "supervisor/sup_orders.h"
#include "supervisor/sup_pools.h"
#include "supervisor/sup_pulse.h"

#define NAME_BYTES	24
#define RETRY_MS	500	/* what it needs was not to be had */
#define CUT_OFF_MS	500	/* from a link's end to its process's */

static const char *
kind_of(const struct sup_child *child)
{
	return child->slot == SLOT_FRONT ? "front" : "worker";
}

/* "front", or "worker 3". */
static const char *
name_of(const struct sup_child *child, char out[NAME_BYTES])
{
	if (child->slot == SLOT_FRONT)
		return "front";
	snprintf(out, NAME_BYTES, "worker %u", child->slot);
	return out;
}

static struct sup *
sup_of(const struct sup_child *child)
{
	return child->team->generation->sup;
}

void
sup_child_init(struct sup_child *child, struct sup_team *team, uint32_t slot)
{
	memset(child, 0, sizeof(*child));
	child->team = team;
	child->slot = slot;
	child->timer = sup_timer_create(team->generation->sup, child);
	child->crash_fd = -1;
}

static void
close_crash(struct sup_child *child)
{
	if (child->crash_fd >= 0)
		close(child->crash_fd);
	child->crash_fd = -1;
}

void
sup_child_finish(struct sup_child *child)
{
	close_crash(child);
	sup_post_close(&child->post);
	sup_timer_destroy(&child->timer);
	sup_output_detach(&child->output);
}

static void
handle(struct sup_child *child, const struct message *message)
{
	switch (message->type) {
	case MESSAGE_READY:
		child->state = SUP_CHILD_READY;
		sup_team_ready(child);
		break;
	case MESSAGE_BUSY:
		sup_hang_watch(child->team);
		break;
	case MESSAGE_OVERTIME:
		sup_team_overtime(child->team, message);
		break;
	case MESSAGE_SPOILT:
		sup_team_spoilt(child->team, message);
		break;
	case MESSAGE_LOST:
		sup_crash_lost(child->team, message);
		break;
	case MESSAGE_CLEANED:
		sup_team_cleaned(child->team, message->slot);
		break;
	case MESSAGE_DEMAND:
		sup_pools_demand(child->team);
		break;
	case MESSAGE_SPOOL:
		sup_renew_spool(child->team, message->value);
		break;
	case MESSAGE_ASK:
		sup_document_answer(child, message);
		break;
	case MESSAGE_ORDERED:
		sup_orders_heard(child->team, message);
		break;
	case MESSAGE_ALIVE:
		sup_pulse_answered(child);
		break;
	case MESSAGE_NOTIFY:
		sup_switch_notify(child->team, message);
		break;
	default:
		log_warnx("%s %d sent message type %u; ignored",
		    kind_of(child), (int)child->pid, message->type);
	}
}

/* A worker may say that it is ready, and nothing else. */
static bool
may_say(const struct sup_child *child, const struct message *message)
{
	return message->type == MESSAGE_READY || child->slot == SLOT_FRONT;
}

/* Not dead and waiting for a zygote that is slow. */
static bool
is_running(pid_t pid)
{
	char path[32], state = 'Z';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(file);
	return state != 'Z' && state != 'X';
}

#define CLOSED	"its handler closed descriptors of the host"

/* It lives, and can neither be told anything nor wake the others. */
static void
on_cut_off(uv_timer_t *timer)
{
	struct sup_child *child = timer->data;
	char name[NAME_BYTES];

	if (!is_running(child->pid))
		return;
	log_warnx("%s (process %d) closed descriptors that are the host's; "
	    "killed.  A handler is to close only what it has opened",
	    name_of(child, name), (int)child->pid);
	child->blame = CLOSED;
	sup_child_signal(child, SIGKILL);
}

static void
on_link(uv_poll_t *poll, int status, int events)
{
	struct sup_child *child = poll->data;
	struct message message;

	(void)status;
	switch (sup_post_receive(&child->post, events, &message)) {
	case SUP_POST_MESSAGE:
		if (may_say(child, &message))
			handle(child, &message);
		break;
	case SUP_POST_ENDED:	/* the zygote will report its death */
		sup_post_close(&child->post);
		uv_timer_start(child->timer, on_cut_off, CUT_OFF_MS, 0);
		break;
	}
}

int
sup_child_links(int link_out[2], int output_out[2])
{
	if (channel_pair(link_out) < 0)
		return -1;
	if (pipe2(output_out, O_CLOEXEC) == 0)
		return 0;
	close(link_out[0]);
	close(link_out[1]);
	return -1;
}

static void
on_respawn(uv_timer_t *timer)
{
	struct sup_child *child = timer->data;

	if (child->team->state != SUP_TEAM_LEAVING)
		sup_child_spawn(child);
}

static void
spawn_after(struct sup_child *child, const char *what, uint64_t ms)
{
	char name[NAME_BYTES];

	if (ms == 0) {
		sup_child_spawn(child);
		return;
	}
	log_warnx("%s %s; next try in %llu ms", name_of(child, name), what,
	    (unsigned long long)ms);
	child->state = SUP_CHILD_WAITING;
	uv_timer_start(child->timer, on_respawn, ms, 0);
}

/* The system has no process or descriptor for it.  The first time is told. */
static void
spawn_later(struct sup_child *child, const char *what)
{
	struct sup *sup = sup_of(child);
	char name[NAME_BYTES];

	if (sup_trouble_begins(&sup->unforked))
		log_warnx("degraded: %s %s; tried again every %d ms",
		    name_of(child, name), what, RETRY_MS);
	sup->unforked.count++;
	child->state = SUP_CHILD_WAITING;
	uv_timer_start(child->timer, on_respawn, RETRY_MS, 0);
}

static void
spawned_again(struct sup *sup)
{
	if (sup_trouble_ends(&sup->unforked))
		log_info("no longer degraded: processes can be forked again; "
		    "%llu tries failed",
		    (unsigned long long)sup->unforked.count);
}

void
sup_child_spawn(struct sup_child *child)
{
	struct sup_team *team = child->team;
	struct message message = { .type = child->slot == SLOT_FRONT ?
	    MESSAGE_SPAWN_FRONT : MESSAGE_SPAWN_WORKER, .team = team->number,
	    .slot = child->slot, .incarnation = child->incarnation };
	int link[2], output[2], fds[SPAWN_FDS];
	char name[NAME_BYTES];

	close_crash(child);
	child->crash_fd = memfd_create("fcgi-host-crash", MFD_CLOEXEC);
	if (child->crash_fd < 0 || sup_child_links(link, output) < 0) {
		spawn_later(child, "has no descriptors: raise LimitNOFILE");
		return;
	}
	child->asked_to_end = false;
	child->leaving = false;
	child->blame = NULL;
	memset(&child->printed, 0, sizeof(child->printed));
	fds[SPAWN_FD_SHM] = team->shm_fd;
	fds[SPAWN_FD_EVENT] = team->event_fd;
	fds[SPAWN_FD_CONTROL] = link[1];
	fds[SPAWN_FD_OUTPUT] = output[1];
	fds[SPAWN_FD_CRASH] = child->crash_fd;
	sup_post_open(&child->post, sup_of(child), link[0], on_link, child);
	child->output = sup_output_create(sup_of(child), child,
	    name_of(child, name), output[0]);
	child->state = SUP_CHILD_FORKING;
	sup_generation_ask(team->generation, &message, fds, SPAWN_FDS);
	close(link[1]);
	close(output[1]);
}

/* It may have said that it is ready before the zygote has said its pid. */
bool
sup_child_is_awaited(const struct sup_child *child)
{
	return child->pid == 0 && (child->state == SUP_CHILD_FORKING ||
	    child->state == SUP_CHILD_READY);
}

void
sup_child_spawned(struct sup_child *child, const struct message *message)
{
	char name[NAME_BYTES], why[128];

	if (message->pid < 0) {
		sup_post_close(&child->post);
		sup_output_detach(&child->output);
		snprintf(why, sizeof(why), "cannot be forked: %s",
		    strerror(message->value));
		spawn_later(child, why);
		return;
	}
	spawned_again(sup_of(child));
	child->pid = message->pid;
	child->started_ms = clock_now_ms();
	if (child->state == SUP_CHILD_FORKING)
		child->state = SUP_CHILD_STARTING;
	log_debug("%s is process %d", name_of(child, name), (int)child->pid);
}

void
sup_child_name_work(const struct sup_child *child, char *out, size_t size)
{
	const struct shm *shm = child->team->shm;
	const struct shm_front_stats *stats = shm_front_stats(shm);
	const struct shm_route_stats *route;
	uint32_t running = atomic_load(&stats->sync_route);

	out[0] = '\0';
	if (child->slot != SLOT_FRONT || running == 0 ||
	    running > shm->geometry->route_count)
		return;
	route = shm_route_stats(shm, running - 1);
	snprintf(out, size, "req=%.*s route=\"%.*s\" handler=%.*s",
	    HEAD_ID_MAX, stats->sync_request_id, SHM_LABEL_MAX - 1,
	    route->label, CONFIG_NAME_MAX, route->handler);
}

void
sup_child_describe_work(const struct sup_child *child, char *out, size_t size)
{
	char work[SHM_LABEL_MAX + 200];

	sup_child_name_work(child, work, sizeof(work));
	snprintf(out, size, "%s%s", work[0] != '\0' ? " while it ran " : "",
	    work);
}

static void
log_death(const struct sup_child *child, int status)
{
	char name[NAME_BYTES], doing[SHM_LABEL_MAX + 256], how[96];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
	    (child->leaving || child->team->state != SUP_TEAM_SERVING))
		return;
	sup_child_describe_work(child, doing, sizeof(doing));
	child_describe_end(status, how, sizeof(how));
	log_warnx("%s (process %d) %s%s", name_of(child, name),
	    (int)child->pid, how, doing);
}

/* To have begun a request is work: what ends a worker then is the request, and
 * not its start. */
static bool
has_begun_one(const struct shm *shm, uint32_t worker)
{
	const struct shm_geometry *geometry = shm->geometry;
	uint32_t replies = geometry->pools[shm_pool_of_worker(geometry,
	    worker)].replies;

	for (uint32_t i = 0; i < replies; i++)
		if (atomic_load(&shm_reply(shm, worker, i)->started_ns) != 0)
			return true;
	return false;
}

static bool
has_worked(const struct sup_child *child)
{
	const struct shm *shm = child->team->shm;

	if (child->slot == SLOT_FRONT)
		return atomic_load(&shm_front_stats(shm)->requests) > 0;
	return atomic_load(&shm->windows[child->slot]->requests) > 0 ||
	    has_begun_one(shm, child->slot);
}

/* A front's successor is in another team: the state is the supervisor's. */
static struct sup_respawn *
policy_of(struct sup_child *child)
{
	return child->slot == SLOT_FRONT ? &sup_of(child)->front_respawn :
	    &child->respawn;
}

/* The process is reaped.  What follows is for the team to decide. */
void
sup_child_exited(struct sup_child *child, int status)
{
	uint64_t lived = clock_now_ms() - child->started_ms;
	struct message died = { .type = MESSAGE_WORKER_DIED,
	    .slot = child->slot, .incarnation = child->incarnation,
	    .value = status };

	sup_output_drain(child->output);
	log_death(child, status);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		child->blame = NULL;	/* it was faster than we */
	if (child->slot == SLOT_FRONT && atomic_load(&shm_front_stats(
	    child->team->shm)->sync_closed) != 0)
		child->blame = CLOSED;	/* it has seen that itself */
	died.extra = sup_crash_begin(child, status);
	uv_timer_stop(child->timer);
	sup_post_close(&child->post);
	sup_output_detach(&child->output);
	child->pid = 0;
	child->incarnation++;
	child->restarts += !child->leaving;
	child->delay_ms = sup_respawn_delay(policy_of(child), lived,
	    child->leaving || has_worked(child));
	child->state = SUP_CHILD_NONE;
	if (child->slot == SLOT_FRONT)
		return;
	child->state = SUP_CHILD_CLEANING;
	sup_child_tell(&child->team->front, &died, NULL, 0);
}

/* The front has settled a dead worker's jobs: the slot may be used again. */
void
sup_team_cleaned(struct sup_team *team, uint32_t slot)
{
	struct sup_child *child;

	if (slot >= team->worker_count)
		return;
	child = &team->workers[slot];
	if (child->state != SUP_CHILD_CLEANING)
		return;
	child->state = SUP_CHILD_NONE;
	child->leaving = false;
	sup_crash_settle(team, slot);
	if (team->state == SUP_TEAM_LEAVING)
		return;
	if (sup_pools_gone(child))
		spawn_after(child, "died before its first work",
		    child->delay_ms);
	sup_pools_look(team);
}

/* A front that is dead is about to be replaced, its jobs with it. */
void
sup_child_tell(struct sup_child *child, struct message *message,
    const int *fds, size_t count)
{
	message->team = child->team->number;
	if (child->post.poll != NULL &&
	    sup_post_send(&child->post, message, fds, count) < 0 &&
	    errno != EPIPE)
		log_warn("message to %s %d", kind_of(child), (int)child->pid);
}

void
sup_child_signal(struct sup_child *child, int number)
{
	child->asked_to_end = true;
	if (child->pid > 0)
		sup_generation_kill(child->team->generation, child->pid,
		    number);
}
