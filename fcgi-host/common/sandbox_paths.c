/*
 * sandbox_paths.c - what the configuration says of handlers: who may more, and
 * paths that nobody can come to.
 *
 * Runs in: zygote and probe, supervisor, `check`.
 * Owns: nothing.
 * Invariant: looks with the rights that handlers will have.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/sandbox.h"

static bool
is_relaxed(const struct config_handler *handler)
{
	return handler->network || handler->processes ||
	    handler->syscalls != NULL || handler->read_paths != NULL ||
	    handler->write_paths != NULL;
}

/* A tool, or a test, may have no configuration. */
bool
sandbox_is_relaxed(const struct config *config, const char *handler)
{
	size_t count = config == NULL ? 0 : config->handler_count;

	for (size_t i = 0; i < count; i++)
		if (strcmp(config->handler_sections[i].name, handler) == 0 &&
		    is_relaxed(&config->handler_sections[i]))
			return true;
	return false;
}

struct telling {
	config_report	*report;
	void		*context;
};

static void
tell(const struct telling *telling, const char *handler, const char *option,
    const char *path)
{
	bool any = handler == NULL;
	char sentence[CONFIG_NAME_MAX + 256 + 4096];
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return;
	}
	snprintf(sentence, sizeof(sentence), "%s%s%s%s: %s: %s; the sandbox "
	    "leaves it out until the next reload or restart",
	    any ? "" : "handler \"", any ? "" : handler, any ? "" : "\" ",
	    option, path, strerror(errno));
	telling->report(telling->context, sentence);
}

static void
tell_all(const struct telling *telling, const char *handler,
    const char *option, char *const *paths)
{
	for (size_t i = 0; paths != NULL && paths[i] != NULL; i++)
		tell(telling, handler, option, paths[i]);
}

void
sandbox_paths_check(const struct config *config, config_report *report,
    void *context)
{
	const struct telling telling = { report, context };

	if (!config->sandbox)
		return;
	tell_all(&telling, NULL, "read_paths", config->read_paths);
	tell_all(&telling, NULL, "write_paths", config->write_paths);
	for (size_t i = 0; i < config->handler_count; i++) {
		const struct config_handler *handler =
		    &config->handler_sections[i];

		tell_all(&telling, handler->name, "read_paths",
		    handler->read_paths);
		tell_all(&telling, handler->name, "write_paths",
		    handler->write_paths);
	}
}
