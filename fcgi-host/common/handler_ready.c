/*
 * handler_ready.c - is it safe to fork?
 *
 * Runs in: zygote, after handlers' code and before the forks; and the child of
 * `check --full`.
 * Owns: nothing.
 * Invariant: forks happen with exactly one thread, unless the configuration
 * says of a model that its threads are harmless: a lock held by a thread that
 * is not copied stays locked for ever, and OpenMP after a fork hangs.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/handler_set.h"

/* omp_pause_hard of OpenMP 5.0, section 3.2.44: free all of the runtime. */
#define OMP_PAUSE_HARD	2

/* Looked up through each handler: what it brings along is local to it. */
static void
pause_openmp(const struct handler_set *set)
{
	int (*pause_all)(int);

	for (size_t i = 0; i < set->handler_count; i++) {
		if (set->handlers[i].dl == NULL)
			continue;
		*(void **)&pause_all = dlsym(set->handlers[i].dl,
		    "omp_pause_resource_all");
		if (pause_all != NULL)
			pause_all(OMP_PAUSE_HARD);
	}
}

unsigned
handler_threads(const struct handler_set *set)
{
	char line[256];
	unsigned threads = 0;
	FILE *status;

	if (set != NULL)
		pause_openmp(set);
	status = fopen("/proc/self/status", "re");
	if (status == NULL)
		return 0;
	while (fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "Threads: %u", &threads) == 1)
			break;
	fclose(status);
	return threads;
}

bool
handler_threads_allowed(const struct config *config)
{
	for (size_t i = 0; i < config->model_count; i++)
		if (config->models[i].allow_threads)
			return true;
	return false;
}

int
handler_set_ready(const struct handler_set *set, struct err *err)
{
	unsigned threads;

	threads = handler_threads(set);
	if (threads == 1 || handler_threads_allowed(set->config))
		return 0;
	return err_set(err, "%u threads run after the handlers' preload, and "
	    "none may: forked processes would hang.  Start threads in "
	    "worker_init, or, if they are harmless, set allow_threads = true "
	    "for the model that needs them", threads);
}
