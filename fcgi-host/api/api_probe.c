/*
 * api_probe.c - the hooks of every handler, tried before anything serves.
 *
 * Runs in: the probe of a new generation, and `check --full`.
 * Owns: the thread state that the hooks see.
 * Invariant: a handler's name is told before any of its code is run.
 */
#include <errno.h>
#include <stdio.h>

#include "api/api_private.h"

struct probe {
	handler_report	*report;
	void		*context;
	size_t		 failures;
};

static void
fail(struct probe *probe, const struct handler *handler, const char *hook,
    int value)
{
	const char *hint = api_sandbox_hint(errno);
	char sentence[1024];

	snprintf(sentence, sizeof(sentence), "%s: its %s returned %d%s%s",
	    handler->file, hook, value, hint != NULL ? "; " : "",
	    hint != NULL ? hint : "");
	probe->report(probe->context, handler, sentence);
	probe->failures++;
}

static void
try_handler(struct probe *probe, struct fh_worker *worker)
{
	const struct handler *handler = worker->handler;
	const struct fh_handler *desc = &handler->desc;
	int value = 0;

	handler_watched(handler->file);
	api_trial_running(handler);
	errno = 0;
	if (desc->worker_init != NULL)
		value = desc->worker_init(worker);
	if (value != 0) {
		fail(probe, handler, "worker_init", value);
		return;
	}
	worker->serves = true;
	errno = 0;
	if (desc->self_test != NULL)
		value = desc->self_test(worker);
	if (value != 0)
		fail(probe, handler, "self_test", value);
}

/* api_worker_destroy() does the same, but names nobody. */
static void
end_handler(struct fh_worker *worker)
{
	const struct handler *handler = worker->handler;

	if (!worker->serves || handler->desc.worker_fini == NULL)
		return;
	handler_watched(handler->file);
	api_trial_running(handler);
	handler->desc.worker_fini(worker);
	worker->serves = false;
}

size_t
api_probe(const struct handler_set *set, handler_report *report, void *context)
{
	struct probe probe = { .report = report, .context = context };
	struct api_worker *thread = api_worker_allocate(set);

	if (thread == NULL) {
		report(context, NULL, "no memory to try the handlers in");
		return 1;
	}
	for (size_t i = 0; i < set->handler_count; i++) {
		if (api_worker_serves(set, &set->handlers[i], API_ALL_POOLS))
			try_handler(&probe, &thread->handlers[i]);
	}
	for (size_t i = 0; i < set->handler_count; i++)
		end_handler(&thread->handlers[i]);
	handler_watched("");
	api_worker_destroy(thread);
	return probe.failures;
}
