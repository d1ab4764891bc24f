/*
 * api_sandbox.c - what the handlers that run in a process may do there.
 *
 * Runs in: front, worker, probe.
 * Owns: whether this process is in the sandbox.
 * Invariant: a process may what any of its handlers may, and no more.
 */
#include <errno.h>
#include <string.h>

#include "api/api.h"
#include "api/api_private.h"
#include "common/sandbox.h"

/* Are the files of this process within bounds? */
static bool	 confined;

/* An async route's finish() is called in the front. */
static bool
finishes_in_front(const struct handler_set *set, const struct handler *handler)
{
	for (size_t i = 0; i < set->route_count; i++)
		if (set->routes[i].handler == handler &&
		    set->routes[i].finish != NULL)
			return true;
	return false;
}

static bool
runs_here(const struct handler_set *set, const struct handler *handler,
    uint32_t pool)
{
	return api_worker_serves(set, handler, pool) ||
	    (pool == API_SYNC && finishes_in_front(set, handler));
}

static int
allow(struct sandbox *sandbox, const struct config_handler *section)
{
	sandbox->network |= section->network;
	sandbox->processes |= section->processes;
	if (sandbox_list_add(&sandbox->system_calls, section->syscalls) < 0 ||
	    sandbox_list_add(&sandbox->read_paths, section->read_paths) < 0)
		return -1;
	return sandbox_list_add(&sandbox->write_paths, section->write_paths);
}

static int
allow_handler(struct sandbox *sandbox, const struct config *config,
    const struct handler *handler)
{
	for (size_t i = 0; i < config->handler_count; i++)
		if (strcmp(config->handler_sections[i].name,
		    handler->name) == 0 &&
		    allow(sandbox, &config->handler_sections[i]) < 0)
			return -1;
	return 0;
}

/* What all may. */
static int
allow_all(struct sandbox *sandbox, const struct config *config)
{
	char *const own[] = { config->handlers, NULL };

	if (sandbox_list_add(&sandbox->read_paths, own) < 0 ||
	    sandbox_list_add(&sandbox->read_paths, config->read_paths) < 0)
		return -1;
	return sandbox_list_add(&sandbox->write_paths, config->write_paths);
}

/* All that run in `pool`, or one alone. */
static int
gather(struct sandbox *sandbox, const struct handler_set *set, uint32_t pool,
    const struct handler *alone)
{
	if (allow_all(sandbox, set->config) < 0)
		return -1;
	for (size_t i = 0; i < set->handler_count; i++) {
		const struct handler *handler = &set->handlers[i];

		if (handler->error != NULL)
			continue;
		if (alone != NULL ? handler != alone :
		    !runs_here(set, handler, pool))
			continue;
		if (allow_handler(sandbox, set->config, handler) < 0)
			return -1;
	}
	return 0;
}

static int
enter(struct sandbox *sandbox, const struct handler_set *set, uint32_t pool,
    const struct handler *alone, struct err *err)
{
	int rc;

	if (set->config == NULL || !set->config->sandbox)
		return 0;
	if (gather(sandbox, set, pool, alone) < 0)
		rc = err_set(err, "no memory");
	else
		rc = sandbox_enter(sandbox, err);
	confined = rc == 0 && sandbox_files_version() > 0;
	sandbox_list_free(&sandbox->system_calls);
	sandbox_list_free(&sandbox->read_paths);
	sandbox_list_free(&sandbox->write_paths);
	return rc;
}

int
api_sandbox_enter(const struct handler_set *set, uint32_t pool,
    const struct sandbox_folder *folders, size_t folder_count,
    struct err *err)
{
	struct sandbox sandbox = { .folders = folders,
	    .folder_count = folder_count };

	return enter(&sandbox, set, pool, NULL, err);
}

int
api_sandbox_enter_alone(const struct handler_set *set,
    const struct handler *handler, struct err *err)
{
	struct sandbox sandbox = { .network = false };

	return enter(&sandbox, set, API_ALL_POOLS, handler, err);
}

/* The kernel tells nobody but who asked, and that only by EACCES; so what
 * failed last is looked at, and it may have been something else. */
const char *
api_sandbox_hint(int error)
{
	return confined && error == EACCES ? "the call that failed last in it "
	    "was refused (EACCES), by a file's permissions or by the sandbox: "
	    "see read_paths and write_paths" : NULL;
}
