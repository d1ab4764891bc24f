/*
 * cli_check_child.c - the throwaway process in which `check` loads handlers.
 *
 * Runs in: a child of `check`.
 * Owns: its end of the link.
 * Invariant: the name of a file is said before anything of it is run, so that
 * the parent knows which one has stopped us.
 */
#include "cli/cli_check_child.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/handler_set.h"
#include "common/log.h"
#include "model/model.h"

struct child {
	const struct config		*config;
	const struct cli_check_skip	*skips;
	size_t				 skip_count;
	int				 link;
};

static void
say(const struct child *child, const struct cli_check_message *message)
{
	if (send(child->link, message, sizeof(*message) - 1, MSG_NOSIGNAL) < 0)
		_exit(EXIT_CODE_SYSTEM);
}

static void
say_text(const struct child *child, enum cli_check_type type,
    const char *text)
{
	struct cli_check_message message = { .type = type };

	snprintf(message.text, sizeof(message.text), "%s", text);
	say(child, &message);
}

static void
report(void *context, const struct handler *about, const char *sentence)
{
	(void)about;
	say_text(context, CLI_CHECK_REPORT, sentence);
}

static bool
watch(void *context, const char *file)
{
	const struct child *child = context;

	for (size_t i = 0; i < child->skip_count; i++) {
		if (strcmp(child->skips[i].file, file) == 0)
			return false;
	}
	say_text(child, CLI_CHECK_FILE, file);
	return true;
}

static void
check_models(const struct child *child)
{
	const struct config *config = child->config;

	for (size_t i = 0; i < config->model_count; i++) {
		const struct config_model *model = &config->models[i];
		struct model_identity identity;
		char sentence[CLI_CHECK_TEXT];
		struct err err;

		if (model_identify(model->path, &identity, &err) == 0) {
			if (access(model->path, R_OK) == 0)
				continue;
			err_sys(&err, "%s", model->path);
		}
		snprintf(sentence, sizeof(sentence), "%s:%u: model \"%s\": %s",
		    config->file, model->line, model->name, err.text);
		if (model->required)
			say_text(child, CLI_CHECK_REPORT, sentence);
		else
			fprintf(stderr, "%s (not required)\n", sentence);
	}
}

/* As the processes will be that load them for real: that user, no core. */
static void
settle(const struct child *child, pid_t parent)
{
	const struct rlimit no_core = { 0, 0 };
	struct err err;
	int null;

	if (child_drop_privileges(child->config, &err) < 0) {
		say_text(child, CLI_CHECK_REPORT, err.text);
		_exit(EXIT_CODE_CONFIG);
	}
	child_begin("check", parent);
	child_redirect(STDERR_FILENO);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, STDOUT_FILENO);	/* whatever handlers print */
	setrlimit(RLIMIT_CORE, &no_core);
}

void
cli_check_child(const struct config *config, const struct cli_check_skip *skips,
    size_t skip_count, int link, pid_t parent)
{
	struct child child = { config, skips, skip_count, link };
	struct cli_check_message done = { .type = CLI_CHECK_DONE };
	struct handler_set *set;
	struct err err;

	settle(&child, parent);
	handler_set_watch(watch, &child);
	set = handler_set_load(config, NULL, report, &child, &err);
	if (set == NULL) {
		say_text(&child, CLI_CHECK_REPORT, err.text);
		say(&child, &done);
		_exit(EXIT_CODE_CONFIG);
	}
	check_models(&child);
	for (size_t i = 0; i < set->handler_count; i++)
		done.counts[0] += set->handlers[i].error == NULL;
	done.counts[1] = (unsigned)set->route_count;
	done.counts[2] = (unsigned)config->model_count;
	say(&child, &done);
	_exit(0);
}
