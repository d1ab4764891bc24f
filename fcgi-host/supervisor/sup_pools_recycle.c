/*
 * sup_pools_recycle.c - a fresh worker takes the place of an old one.
 *
 * Runs in: supervisor.
 * Owns: each struct sup_seat.
 * Invariant: a worker is told to leave when its successor is ready, and not
 * before, but where an operator wants a fresh one and no slot is free; at most
 * config_pool_spares() of a pool are out at a time by themselves, from the
 * start of the successor to the end of the old process.
 */
#include <sys/random.h>

#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup_pools.h"

static struct sup_recycle
state_of(const struct sup_child *child)
{
	const struct sup_team *team = child->team;
	const struct shm_window *window = team->shm->windows[child->slot];

	return (struct sup_recycle){
		.requests = atomic_load(&window->requests),
		.age_ms = clock_now_ms() -
		    team->pools->seats[child->slot].ready_ms,
		.private_bytes = atomic_load(&window->own_bytes),
	};
}

void
sup_pools_recycle_ready(const struct sup_child *child)
{
	const struct sup_team *team = child->team;
	uint32_t pool = shm_pool_of_worker(team->generation->geometry,
	    child->slot);
	uint64_t bytes = atomic_load(
	    &team->shm->windows[child->slot]->own_bytes);
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint32_t)clock_now_ns();
	team->pools->seats[child->slot] = (struct sup_seat){
		.limits = sup_recycle_draw(sup_pools_config(team, pool), bytes,
		    random),
		.ready_ms = clock_now_ms() };
}

void
sup_pools_recycle_gone(const struct sup_child *child)
{
	child->team->pools->seats[child->slot].out = false;
}

uint32_t
sup_pools_doubled(const struct sup_team *team, uint32_t pool)
{
	uint32_t doubled = 0;

	for (uint32_t i = sup_pools_first(team, pool);
	    i < sup_pools_end(team, pool); i++)
		doubled += team->pools->seats[i].out &&
		    sup_pools_is_there(&team->workers[i]);
	return doubled;
}

static uint32_t
count_out(const struct sup_team *team, uint32_t pool)
{
	uint32_t out = 0;

	for (uint32_t i = sup_pools_first(team, pool);
	    i < sup_pools_end(team, pool); i++)
		out += team->pools->seats[i].out;
	return out;
}

bool
sup_pools_any_out(const struct sup_team *team, uint32_t pool)
{
	return count_out(team, pool) > 0;
}

/* "has served 1000 requests (recycle_requests)" */
static void
describe(const struct sup_recycle *now, enum sup_recycle_reason reason,
    char *out, size_t size)
{
	switch (reason) {
	case SUP_RECYCLE_REQUESTS:
		snprintf(out, size, "has served %" PRIu64 " requests "
		    "(recycle_requests)", now->requests);
		break;
	case SUP_RECYCLE_AGE:
		snprintf(out, size, "is %.1f s old (recycle_age)",
		    (double)now->age_ms / 1000);
		break;
	case SUP_RECYCLE_ASKED:
		snprintf(out, size, "is to be replaced (recycle)");
		break;
	default:
		snprintf(out, size, "has %.1f MiB of private memory "
		    "(recycle_memory)",
		    (double)now->private_bytes / (1024.0 * 1024.0));
		break;
	}
}

static void
let_go(struct sup_child *child, uint32_t pool, const struct sup_child *next)
{
	const struct sup_team *team = child->team;
	const struct sup_seat *seat = &team->pools->seats[child->slot];
	struct sup_recycle now = state_of(child);
	char why[96];

	describe(&now, seat->reason, why, sizeof(why));
	log_info("pool %s: worker %u (process %d) %s, and leaves; worker %u "
	    "(process %d) is ready in its place",
	    sup_pools_config(team, pool)->name, child->slot, (int)child->pid,
	    why, next->slot, (int)next->pid);
	sup_pools_counts(team, pool)->recycled[seat->reason]++;
	sup_pools_tell_to_leave(child);
}

/* One whose successor is ready leaves; one whose successor was given up has to
 * wait for another. */
static void
go_on(struct sup_team *team, uint32_t pool, uint32_t slot)
{
	struct sup_seat *seat = &team->pools->seats[slot];
	struct sup_child *child = &team->workers[slot];
	const struct sup_child *next = &team->workers[seat->successor];

	if (child->leaving)
		return;
	if (!sup_pools_is_there(next))
		seat->out = false;
	else if (sup_pools_is_ready(child) && sup_pools_is_ready(next) &&
	    next->pid > 0)
		let_go(child, pool, next);
}

static enum sup_recycle_reason
due(const struct sup_child *child)
{
	const struct sup_seat *seat = &child->team->pools->seats[child->slot];
	struct sup_recycle now;

	if (!sup_pools_is_ready(child) || seat->out)
		return SUP_RECYCLE_REASONS;
	now = state_of(child);
	return sup_recycle_due(&seat->limits, &now);
}

/* The one that is ready longest, so that each gets its turn. */
static struct sup_child *
find_due(struct sup_team *team, uint32_t pool)
{
	const struct sup_seat *seats = team->pools->seats;
	struct sup_child *found = NULL;

	for (uint32_t i = sup_pools_first(team, pool);
	    i < sup_pools_end(team, pool); i++)
		if (due(&team->workers[i]) < SUP_RECYCLE_REASONS &&
		    (found == NULL ||
		    seats[i].ready_ms < seats[found->slot].ready_ms))
			found = &team->workers[i];
	return found;
}

static struct sup_child *
find_free(struct sup_team *team, uint32_t pool)
{
	for (uint32_t i = sup_pools_first(team, pool);
	    i < sup_pools_end(team, pool); i++)
		if (team->workers[i].state == SUP_CHILD_NONE)
			return &team->workers[i];
	return NULL;
}

static void
begin(struct sup_child *child, struct sup_child *next, uint32_t pool,
    enum sup_recycle_reason reason)
{
	struct sup_seat *seat = &child->team->pools->seats[child->slot];

	seat->reason = reason;
	seat->out = true;
	seat->successor = next->slot;
	log_debug("pool %s: worker %u (process %d) is to be replaced by worker "
	    "%u", sup_pools_config(child->team, pool)->name, child->slot,
	    (int)child->pid, next->slot);
	sup_child_spawn(next);
}

/* False: none is due, or there is no room for a successor. */
static bool
begin_one(struct sup_team *team, uint32_t pool)
{
	struct sup_child *child = find_due(team, pool);
	struct sup_child *next = find_free(team, pool);

	if (child == NULL || next == NULL)
		return false;
	begin(child, next, pool, due(child));
	return true;
}

void
sup_pools_recycle(struct sup_team *team, uint32_t pool)
{
	uint32_t most = config_pool_spares(sup_pools_config(team, pool));

	for (uint32_t i = sup_pools_first(team, pool);
	    i < sup_pools_end(team, pool); i++)
		if (team->pools->seats[i].out)
			go_on(team, pool, i);
	while (count_out(team, pool) < most && begin_one(team, pool))
		continue;
}

/* There is no slot for a successor: it leaves first. */
static void
leave_first(struct sup_child *child, uint32_t pool)
{
	log_info("pool %s: worker %u (process %d) is to be replaced (recycle), "
	    "and leaves", sup_pools_config(child->team, pool)->name,
	    child->slot, (int)child->pid);
	sup_pools_counts(child->team, pool)->recycled[SUP_RECYCLE_ASKED]++;
	sup_pools_tell_to_leave(child);
}

bool
sup_pools_recycle_asked(struct sup_team *team, uint32_t slot, char *out,
    size_t size)
{
	uint32_t pool = shm_pool_of_worker(team->generation->geometry, slot);
	struct sup_child *child = &team->workers[slot];
	struct sup_child *next = find_free(team, pool);

	if (!sup_pools_is_ready(child) || team->pools->seats[slot].out) {
		snprintf(out, size, "worker %u is %s", slot,
		    child->state != SUP_CHILD_READY ?
		    "not ready: there is nothing to replace yet" :
		    "being replaced already");
		return false;
	}
	if (next != NULL) {
		begin(child, next, pool, SUP_RECYCLE_ASKED);
		snprintf(out, size, "worker %u (process %d) leaves when its "
		    "successor, worker %u, is ready", slot, (int)child->pid,
		    next->slot);
	} else {
		leave_first(child, pool);
		snprintf(out, size, "worker %u (process %d) ends what it runs "
		    "and leaves; a fresh one follows", slot, (int)child->pid);
	}
	sup_pools_look(team);
	return true;
}
