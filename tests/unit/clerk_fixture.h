/*
 * clerk_fixture.h - a database of jobs in a scratch folder, and short names for
 * what is done with it.
 *
 * Leases are so short that they end, or so long that they do not.
 */
#ifndef TESTS_UNIT_CLERK_FIXTURE_H
#define TESTS_UNIT_CLERK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "clerk/clerk_store.h"

#define LONG	1000000
#define LABELS	"\nPOST /a\nPOST /b\n"

struct world {
	char			 folder[64], path[96];
	struct clerk_store	 one, two;	/* of two hosts */
};

static inline void
open_one(struct clerk_store *store, const char *path, const char *host)
{
	struct err err;

	memset(store, 0, sizeof(*store));
	store->db.class = &clerk_sqlite;
	store->db.where = path;
	snprintf(store->host, sizeof(store->host), "%s", host);
	assert_int_equal(clerk_store_open(store, &err), 0);
}

static inline int
set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	snprintf(world->folder, sizeof(world->folder), "/tmp/fh-clerk-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	snprintf(world->path, sizeof(world->path), "%s/jobs", world->folder);
	open_one(&world->one, world->path, "one");
	open_one(&world->two, world->path, "two");
	*state = world;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct world *world = *state;

	clerk_store_close(&world->one);
	clerk_store_close(&world->two);
	unlink(world->path);
	rmdir(world->folder);
	free(world);
	return 0;
}

static inline enum clerk_accepted
accept_new(struct clerk_store *store, struct clerk_new *new,
    const char *label, uint32_t priority, char id_out[CLERK_ID_MAX])
{
	struct clerk_route route = { .attempts = 2, .priority = priority,
	    .retry_ms = 1000, .keep_ms = 1000 };
	enum clerk_accepted accepted;

	new->route = &route;
	new->params = "P";
	new->params_length = 1;
	new->body = "B\0Y";
	new->body_length = 3;
	snprintf(route.label, sizeof(route.label), "%s", label);
	assert_int_equal(clerk_store_accept(store, new, &accepted, id_out),
	    0);
	return accepted;
}

static inline enum clerk_accepted
accept_as(struct clerk_store *store, const char *label, const char *key,
    const char *hash, uint32_t priority, char id_out[CLERK_ID_MAX])
{
	struct clerk_new new = { .owner = "me", .key = key, .hash = hash };

	return accept_new(store, &new, label, priority, id_out);
}

static inline bool
claim_beside(struct clerk_store *store, const char *labels, const char *ours,
    uint64_t lease_ms, struct clerk_claim *out)
{
	const struct clerk_wanted wanted = { labels, ours };
	bool found;

	assert_int_equal(clerk_store_claim(store, &wanted, lease_ms, out,
	    &found), 0);
	return found;
}

static inline bool
claim(struct clerk_store *store, const char *labels, uint64_t lease_ms,
    struct clerk_claim *out)
{
	return claim_beside(store, labels, "", lease_ms, out);
}

static inline int64_t
next(struct clerk_store *store, const char *labels, const char *ours)
{
	const struct clerk_wanted wanted = { labels, ours };
	int64_t delay;

	assert_int_equal(clerk_store_next(store, &wanted, &delay), 0);
	return delay;
}

static inline int64_t
number(struct clerk_store *store, const char *sql)
{
	struct clerk_rows rows;
	int64_t found;

	assert_int_equal(clerk_store_run(store, &rows, sql, NULL, 0), 0);
	found = clerk_rows_number(&rows, 0, 0);
	clerk_rows_free(&rows);
	return found;
}

static inline bool
finish(struct clerk_store *store, const struct clerk_claim *claim,
    enum clerk_state to, const char *body)
{
	struct clerk_result result = { .verdict = { .state = to,
	    .counts = true }, .status = 200, .type = "text/plain",
	    .body = body, .length = strlen(body) };
	bool kept;

	assert_int_equal(clerk_store_finish(store, claim->id, claim->token,
	    &result, &kept), 0);
	return kept;
}

static inline void
check_state(struct clerk_store *store, const char *id, enum clerk_state wanted,
    const char *result)
{
	struct clerk_job job;
	bool found;

	assert_int_equal(clerk_store_look(store, id, &job, &found), 0);
	assert_true(found);
	assert_int_equal(job.state, wanted);
	if (result == NULL)
		assert_null(job.result);
	else
		assert_string_equal(job.result, result);
	clerk_job_finish(&job);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, \
	tear_down)

#endif
