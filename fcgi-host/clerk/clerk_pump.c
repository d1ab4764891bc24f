/*
 * clerk_pump.c - which jobs are begun, and when there is one to begin.
 *
 * Runs in: clerk.
 * Owns: clerk.front, and the timer until the next job is due.
 * Invariant: nobody polls: it is looked for a job when one was accepted, when
 * one has ended, when another host says so, and when one is due.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clerk/clerk.h"
#include "common/log.h"

#define WAKE_FIRST_MS	INT64_C(20)
#define WAKE_LATEST_MS	INT64_C(3600000)

/* ------------------------------------------------------------- the front */

static const struct clerk_route *
routes_of(const struct clerk_client *front)
{
	return (const struct clerk_route *)(const void *)front->data;
}

bool
clerk_pump_front(struct clerk_client *client)
{
	struct clerk *clerk = client->clerk;
	const struct clerk_route *routes = routes_of(client);

	for (uint32_t i = 0; i < client->head.count; i++)
		if (memchr(routes[i].label, '\0', sizeof(routes[i].label)) ==
		    NULL || strchr(routes[i].label, '\n') != NULL)
			return false;
	client->state = CLERK_FRONT;
	clerk->held -= client->held;	/* it is no request */
	client->held = 0;
	clerk->front = client;
	log_debug("jobs: a front takes those of %u routes",
	    client->head.count);
	clerk_pump(clerk);
	return true;
}

/* An older one may still be there, of a generation that serves no more. */
void
clerk_pump_front_gone(struct clerk_client *client)
{
	if (client->clerk->front == client)
		client->clerk->front = NULL;
}

/* ------------------------------------------------------------- what may run */

static unsigned
running(const struct clerk *clerk, const char *label)
{
	const struct clerk_run *run;
	unsigned count = 0;

	TAILQ_FOREACH(run, &clerk->runs, link)
		count += !run->ended && strcmp(run->claim.route, label) == 0;
	return count;
}

/* "\nGET /a\nPOST /b\n"; free() it.  NULL: none, or no memory. */
static char *
labels_of(const struct clerk *clerk)
{
	const struct clerk_route *routes = routes_of(clerk->front);
	uint32_t count = clerk->front->head.count;
	char *labels = malloc((size_t)count * (SHM_LABEL_MAX + 1) + 2);
	size_t length = 1;

	if (labels == NULL)
		return NULL;
	labels[0] = '\n';
	for (uint32_t i = 0; i < count; i++)
		if (routes[i].concurrency == 0 || running(clerk,
		    routes[i].label) < routes[i].concurrency)
			length += (size_t)sprintf(labels + length, "%s\n",
			    routes[i].label);
	labels[length] = '\0';
	if (length > 1)
		return labels;
	free(labels);
	return NULL;
}

/* Those whose end is not saved yet too; free() it. */
static char *
tokens_of(const struct clerk *clerk)
{
	const struct clerk_run *run;
	size_t size = 1;
	char *tokens, *at;

	TAILQ_FOREACH(run, &clerk->runs, link)
		size += CLERK_ID_MAX;
	tokens = at = malloc(size);
	if (tokens == NULL)
		return NULL;
	*at = '\0';
	TAILQ_FOREACH(run, &clerk->runs, link)
		at += sprintf(at, "%s\n", run->claim.token);
	return tokens;
}

static void
on_wake(uv_timer_t *timer)
{
	clerk_pump(timer->data);
}

void
clerk_pump_soon(struct clerk *clerk)
{
	uv_timer_start(&clerk->wake, on_wake, 0, 0);
}

/* The database counts whole milliseconds.  One that is due and could not be had
 * is in somebody's hands for the moment. */
static int
wake_later(struct clerk *clerk, const struct clerk_wanted *wanted)
{
	int64_t delay;

	if (clerk_store_next(&clerk->store, wanted, &delay) < 0)
		return -1;
	uv_timer_stop(&clerk->wake);
	if (delay == 0)
		delay = WAKE_FIRST_MS;
	if (delay >= 0)
		uv_timer_start(&clerk->wake, on_wake, (uint64_t)(delay <
		    WAKE_LATEST_MS ? delay + 1 : WAKE_LATEST_MS), 0);
	return 0;
}

/* 1: one was begun, or has ended at once; 0: there is none for now; -1: the
 * database is away. */
static int
begin_one(struct clerk *clerk, const struct clerk_wanted *wanted)
{
	struct clerk_claim claim;
	bool found = false;

	if (clerk_store_claim(&clerk->store, wanted,
	    clerk->config->jobs_lease_ms, &claim, &found) < 0) {
		clerk_claim_finish(&claim);
		return -1;
	}
	if (!found)
		return wake_later(clerk, wanted);
	return clerk_run_start(clerk, &claim, clerk->front) ? 1 : 0;
}

static bool
may_begin(const struct clerk *clerk)
{
	return clerk->store.up && !clerk->stopping && clerk->front != NULL &&
	    clerk->run_count < clerk->config->jobs_concurrency;
}

void
clerk_pump(struct clerk *clerk)
{
	int rc = 1;

	while (rc > 0 && may_begin(clerk)) {
		char *labels = labels_of(clerk), *ours = tokens_of(clerk);

		rc = labels == NULL || ours == NULL ? 0 : begin_one(clerk,
		    &(struct clerk_wanted){ labels, ours });
		free(labels);
		free(ours);
	}
	if (rc < 0)
		clerk_away(clerk);
}
