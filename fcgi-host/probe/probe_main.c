/*
 * probe_main.c - tries what is to serve, in a process that is thrown away.
 *
 * Runs in: probe, one per generation, before its front and workers.
 * Owns: nothing that outlives it.
 * Invariant: the name of a file is said before its code runs; READY is said
 * only when all have been tried.  Their code runs in processes of its own
 * (api_trial.c).
 */
#include "probe/probe_main.h"

#include <sys/resource.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "common/cache.h"
#include "common/channel.h"
#include "common/log.h"

static void
say(const struct child_start *start, const struct message *message)
{
	if (channel_send(start->fds[SPAWN_FD_CONTROL], message, NULL, 0) < 0)
		fatal(EXIT_CODE_SYSTEM, "the supervisor does not answer");
}

/* Whose code runs: a handler's, but for the check of a model. */
static bool	 checking;

static bool
say_file(void *context, const char *file)
{
	struct message message = { .type = MESSAGE_FILE };

	if (checking)
		return true;
	snprintf(message.text, sizeof(message.text), "%s", file);
	say(context, &message);
	return true;
}

static void
report(void *context, const struct handler *about, const char *sentence)
{
	const struct child_start *start = context;
	struct message message = { .type = MESSAGE_HANDLER,
	    .slot = start->zygote->slots[about->index] };
	size_t length = strlen(about->file);

	/* The supervisor knows its name. */
	if (strncmp(sentence, about->file, length) == 0 &&
	    strncmp(sentence + length, ": ", 2) == 0)
		sentence += length + 2;
	snprintf(message.text, sizeof(message.text), "%s", sentence);
	say(start, &message);
}

static void
say_check(const struct child_start *start, const char *name)
{
	struct message message = { .type = MESSAGE_FILE };

	snprintf(message.text, sizeof(message.text), "model \"%s\": its check",
	    name);
	say(start, &message);
}

/* Of the models that are there. */
static void
check_models(const struct child_start *start)
{
	const struct config *config = start->config;

	checking = true;
	for (size_t i = 0; i < config->model_count; i++) {
		const struct config_model *model = &config->models[i];
		struct message failed = { .type = MESSAGE_CHECK };
		char why[MESSAGE_TEXT_MAX / 2];

		if (model->check == NULL || handler_set_model(start->set,
		    model->name) == NULL)
			continue;
		say_check(start, model->name);
		if (api_trial_request(start->set, model->check, why,
		    sizeof(why)) == 0)
			continue;
		snprintf(failed.text, sizeof(failed.text), "model \"%s\": its "
		    "check failed: %s", model->name, why);
		say(start, &failed);
	}
}

void
probe_main(const struct child_start *start)
{
	const struct rlimit no_core = { 0, 0 };
	struct message ready = { .type = MESSAGE_READY };
	void *context = (void *)(uintptr_t)start;
	struct err err;

	setrlimit(RLIMIT_CORE, &no_core);
	if (cache_detach(start->set->cache, &err) < 0)
		fatalx(EXIT_CODE_SYSTEM, "%s", err.text);
	handler_set_watch(say_file, context);
	api_trial_hooks(start->set, report, context);
	check_models(start);
	say(start, &ready);
	_exit(0);
}
