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
#include <sys/stat.h>

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "access/access.h"
#include "cli/cli_files.h"
#include "cli/cli_inline.h"
#include "common/cache.h"
#include "common/child.h"
#include "common/environment.h"
#include "common/handler_copy.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "model/model.h"

#define LOAD_LIMIT_MS	10000	/* without --full */

struct child {
	const struct cli_check_order	*order;
	int				 link;
	enum cli_check_stage		 stage;
	unsigned			 limit_ms;
};

static void
say(const struct child *child, const struct cli_check_message *message)
{
	if (send(child->link, message, sizeof(*message) - 1, MSG_NOSIGNAL) < 0)
		_exit(EXIT_CODE_SYSTEM);
}

static void __attribute__((format(printf, 3, 4)))
say_text(const struct child *child, enum cli_check_type type,
    const char *format, ...)
{
	struct cli_check_message message = { .type = type };
	va_list ap;

	va_start(ap, format);
	vsnprintf(message.text, sizeof(message.text), format, ap);
	va_end(ap);
	say(child, &message);
}

static bool
is_skipped(const struct child *child, const char *file)
{
	for (size_t i = 0; i < child->order->skip_count; i++) {
		if (strcmp(child->order->skips[i].file, file) == 0)
			return true;
	}
	return false;
}

/* What look() has refused is left out as well, and has been reported. */
static void
report(void *context, const struct handler *about, const char *sentence)
{
	const struct child *child = context;

	if (about == NULL || about->error == NULL ||
	    strcmp(about->error, HANDLER_LEFT_OUT) != 0 ||
	    is_skipped(child, about->file))
		say_text(child, CLI_CHECK_REPORT, "%s", sentence);
}

/* ------------------------------------------------------------- the files */

/* As the host looks at it, before it copies it. */
static int
look(const struct child *child, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct handler_version version;
	char folder[PATH_MAX];
	struct err err;

	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	if (handler_look(folder[0] != '\0' ? folder : "/", slash + 1,
	    geteuid(), &version, &err) == 0)
		return 0;
	say_text(child, CLI_CHECK_REPORT, "%s: %s", path, err.text);
	return -1;
}

static void
note_link(const struct child *child, const char *path)
{
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length < 0)
		return;
	target[length] = '\0';
	say_text(child, CLI_CHECK_NOTE, "%s: is a link to %s, which is not "
	    "watched for changes", path, target);
}

/* Models are read between the files that build some, without a limit. */
static bool
watch(void *context, const char *file)
{
	const struct child *child = context;
	struct cli_check_message message = { .type = CLI_CHECK_FILE,
	    .stage = child->stage, .limit_ms = child->limit_ms };

	if (is_skipped(child, file))
		return false;
	if (child->stage == CLI_CHECK_BUILD && file[0] == '\0')
		message.limit_ms = 0;
	snprintf(message.text, sizeof(message.text), "%s", file);
	say(child, &message);
	if (child->stage != CLI_CHECK_LOAD || file[0] == '\0')
		return true;
	if (look(child, file) < 0)
		return false;
	note_link(child, file);
	return true;
}

static void
begin(struct child *child, enum cli_check_stage stage, unsigned limit_ms)
{
	child->stage = stage;
	child->limit_ms = limit_ms;
	watch(child, "");
}

static struct handler_set *
load(const struct child *child, struct err *err)
{
	const struct cli_check_order *order = child->order;
	struct handler_source source;
	struct cli_files files;

	if (cli_files_list(&files, order->config, order->given, err) < 0)
		return NULL;
	source = cli_files_source(&files);
	return handler_set_load(order->config, &source, report,
	    (void *)(uintptr_t)child, err);
}

/* ------------------------------------------------------------ the models */

static void
report_model(void *context, const struct config_model *model,
    const char *reason)
{
	const struct child *child = context;

	say_text(child, model->required ? CLI_CHECK_REPORT : CLI_CHECK_NOTE,
	    "%s:%u: model \"%s\": %s%s", child->order->config->file,
	    model->line, model->name, reason,
	    model->required ? "" : " (not required)");
}

static void
find_models(const struct child *child)
{
	const struct config *config = child->order->config;

	for (size_t i = 0; i < config->model_count; i++) {
		const struct config_model *model = &config->models[i];
		struct model_identity identity;
		struct err err;

		if (model_identify(model->path, &identity, &err) == 0) {
			if (access(model->path, R_OK) == 0)
				continue;
			err_sys(&err, "%s", model->path);
		}
		report_model((void *)(uintptr_t)child, model, err.text);
	}
}

/* ------------------------------------------------------------ with --full */

/* What a build may take at most. */
static unsigned
longest_build(const struct config *config)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < config->model_count; i++) {
		const struct config_model *model = &config->models[i];

		if (model->kind == CONFIG_MODEL_BUILD &&
		    model->load_timeout_ms > longest)
			longest = model->load_timeout_ms;
	}
	return (unsigned)longest;
}

/* A model that its library could not make is only noted if the host would
 * start without it. */
static void
report_preload(void *context, const struct handler *about,
    const char *sentence)
{
	const struct child *child = context;
	const struct config *config = child->order->config;

	for (size_t i = 0; i < config->model_count; i++) {
		char start[CONFIG_NAME_MAX + 16];
		int length = snprintf(start, sizeof(start), "model \"%s\": ",
		    config->models[i].name);

		if (strncmp(sentence, start, (size_t)length) != 0)
			continue;
		report_model(context, &config->models[i], sentence + length);
		return;
	}
	report(context, about, sentence);
}

static void
ask_models(const struct child *child, const struct handler_set *set)
{
	const struct config *config = child->order->config;

	for (size_t i = 0; i < config->model_count; i++) {
		const struct config_model *model = &config->models[i];
		char why[CLI_CHECK_TEXT / 2];

		if (model->check == NULL ||
		    handler_set_model(set, model->name) == NULL ||
		    api_trial_request(set, model->check, why,
		    sizeof(why)) == 0)
			continue;
		say_text(child, CLI_CHECK_REPORT, "%s:%u: model \"%s\": its "
		    "check %s", config->file, model->line, model->name, why);
	}
}

/* As a new generation: models, preload, then what its probe does. */
static void
try_all(struct child *child, struct handler_set *set)
{
	const struct config *config = child->order->config;
	struct model_alone models = { .config = config, .set = set };
	unsigned limit_ms = (unsigned)config->load_timeout_ms;
	struct err err;

	handler_set_cache(set, cache_map_private(config->cache_size, &err));
	begin(child, CLI_CHECK_BUILD, longest_build(config));
	if (model_alone_open(&models, NULL, report_model, child) < 0)
		report(child, NULL, "no memory for the table of models");
	begin(child, CLI_CHECK_PRELOAD, limit_ms);
	handler_set_preload(set, report_preload, child);
	if (handler_set_ready(set, &err) < 0)
		report(child, NULL, err.text);
	begin(child, CLI_CHECK_HOOKS, limit_ms);
	api_trial_hooks(set, report, child);
	begin(child, CLI_CHECK_REQUEST, limit_ms);
	/* With a handler left out, its routes are missing. */
	if (child->order->skip_count == 0)
		ask_models(child, set);
}

/* ----------------------------------------------------------------- begin */

static unsigned
load_limit_ms(const struct cli_check_order *order)
{
	uint64_t limit = order->config->load_timeout_ms;

	if (!order->full && limit > LOAD_LIMIT_MS)
		limit = LOAD_LIMIT_MS;
	return (unsigned)limit;
}

/* As the processes will be that load them for real: that user, no core. */
static void
settle(const struct child *child, pid_t parent)
{
	const struct rlimit no_core = { 0, 0 };
	struct err err;
	int null;

	child_volunteer_for_oom();
	if (child_drop_privileges(child->order->config, &err) < 0) {
		say_text(child, CLI_CHECK_REPORT, "%s", err.text);
		_exit(EXIT_CODE_CONFIG);
	}
	child_begin("check", parent);
	child_redirect(STDERR_FILENO);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, STDOUT_FILENO);	/* whatever handlers print */
	setrlimit(RLIMIT_CORE, &no_core);
	environment_restrict(child->order->config);
	cli_limit_threads(child->order->config);
}

static void
note(void *context, const char *sentence)
{
	say_text(context, CLI_CHECK_NOTE, "%s", sentence);
}

/* With the service user's rights, as the zygote. */
static void
try_access(const struct child *child)
{
	struct err err;
	struct access *access = access_create(child->order->config, &err);

	if (access == NULL)
		say_text(child, CLI_CHECK_REPORT, "%s", err.text);
	access_destroy(access);
}

void
cli_check_child(const struct cli_check_order *order, int link, pid_t parent)
{
	struct child child = { .order = order, .link = link };
	struct cli_check_message done = { .type = CLI_CHECK_DONE };
	struct handler_set *set;
	struct err err;

	settle(&child, parent);
	if (!order->handlers_only)
		sandbox_paths_check(order->config, note, &child);
	begin(&child, CLI_CHECK_LOAD, load_limit_ms(order));
	handler_set_watch(watch, &child);
	set = load(&child, &err);
	if (set == NULL) {
		say_text(&child, CLI_CHECK_REPORT, "%s", err.text);
		say(&child, &done);
		_exit(EXIT_CODE_CONFIG);
	}
	if (!order->handlers_only)
		try_access(&child);
	if (order->full)
		try_all(&child, set);
	else if (!order->handlers_only)
		find_models(&child);
	for (size_t i = 0; i < set->handler_count; i++)
		done.counts[0] += set->handlers[i].error == NULL &&
		    !set->handlers[i].own;
	done.counts[1] = (unsigned)set->route_count;
	done.counts[2] = (unsigned)order->config->model_count;
	say(&child, &done);
	_exit(0);
}
