/*
 * load_plan.c - when each request is due.
 *
 * Runs in: the tools.
 * Owns: struct load_plan.
 * Invariant: the same scenario and seed give the same times, of each user in
 * order and before the plan's end.
 */
#include "load/load.h"

#include <math.h>
#include <stdlib.h>

/* splitmix64, of Sebastiano Vigna: a word of state, and any seed will do. */
static uint64_t
draw(uint64_t *state)
{
	uint64_t word = *state += UINT64_C(0x9e3779b97f4a7c15);

	word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
	return word ^ word >> 31;
}

/* The time to the next request of a Poisson process of that rate. */
static double
gap_us(uint64_t *state, double rate)
{
	double uniform = ((double)(draw(state) >> 11) + 0.5) * 0x1p-53;

	return -log(uniform) / rate * 1e6;
}

static int
push(struct load_plan *plan, size_t *room, double at)
{
	if (plan->due_count == *room) {
		size_t more = *room * 2 + 1024;
		uint32_t *due = realloc(plan->due, more * sizeof(*due));

		if (due == NULL)
			return -1;
		plan->due = due;
		*room = more;
	}
	plan->due[plan->due_count++] = (uint32_t)at;
	return 0;
}

static int
draw_user(struct load_plan *plan, size_t *room, struct load_user *user,
    double rate, uint64_t seed)
{
	user->first = plan->due_count;
	if (rate > 0) {
		double at = gap_us(&seed, rate);

		for (; at < plan->end_us; at += gap_us(&seed, rate))
			if (push(plan, room, at) < 0)
				return -1;
	}
	user->count = plan->due_count - user->first;
	return 0;
}

static int
draw_all(const struct load_scenario *scenario, uint64_t seed,
    struct load_plan *plan)
{
	struct load_user *user = plan->users;
	size_t room = 0;

	for (uint32_t i = 0; i < scenario->route_count; i++) {
		const struct load_route *route = &scenario->routes[i];

		for (uint32_t j = 0; j < route->users; j++, user++) {
			user->route = i;
			user->loop = route->rate <= 0;
			if (draw_user(plan, &room, user, route->rate /
			    route->users, draw(&seed)) < 0)
				return -1;
		}
	}
	return 0;
}

int
load_plan_make(const struct load_scenario *scenario, uint64_t seed,
    struct load_plan *plan, struct err *err)
{
	*plan = (struct load_plan){
		.user_count = load_scenario_users(scenario),
		.measured_us = (uint32_t)(scenario->warmup_ms * 1000),
		.end_us = (uint32_t)((scenario->warmup_ms +
		    scenario->duration_ms) * 1000),
	};
	plan->users = calloc(plan->user_count + 1, sizeof(*plan->users));
	if (plan->users != NULL && draw_all(scenario, seed, plan) == 0)
		return 0;
	load_plan_free(plan);
	return err_set(err, "no memory for the plan");
}

int
load_plan_first(const struct load_scenario *scenario, struct load_plan *plan,
    struct err *err)
{
	*plan = (struct load_plan){ .user_count = scenario->route_count,
		.due_count = scenario->route_count, .end_us = 1 };
	plan->users = calloc(plan->user_count + 1, sizeof(*plan->users));
	plan->due = calloc(plan->due_count + 1, sizeof(*plan->due));
	if (plan->users == NULL || plan->due == NULL) {
		load_plan_free(plan);
		return err_set(err, "no memory for the plan");
	}
	for (uint32_t i = 0; i < scenario->route_count; i++)
		plan->users[i] = (struct load_user){ i, false, i, 1 };
	return 0;
}

void
load_plan_free(struct load_plan *plan)
{
	free(plan->users);
	free(plan->due);
	*plan = (struct load_plan){ 0 };
}
