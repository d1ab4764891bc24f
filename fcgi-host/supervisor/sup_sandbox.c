/*
 * sup_sandbox.c - what the host says of the sandbox, in its log and in status.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: says what the kernel has, and not what the configuration hopes.
 */
#include "supervisor/sup_sandbox.h"

#include <json-c/json.h>
#include <sys/resource.h>

#include <fcntl.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox.h"
#include "supervisor/sup_json.h"

/* The kernel writes a core with the rights of the process that dies. */
static bool
wants_core_files(void)
{
	struct rlimit limit;
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
	char first = '|';

	if (fd < 0)
		return false;
	if (read(fd, &first, 1) != 1)
		first = '|';
	close(fd);
	return first != '|' && getrlimit(RLIMIT_CORE, &limit) == 0 &&
	    limit.rlim_cur > 0;
}

void
sup_sandbox_warn(const struct config *config)
{
	if (geteuid() == 0 && config->user == NULL)
		log_warnx("handlers run as root: set user, or start the host "
		    "as another user");
	if (config->sandbox && sandbox_files_version() == 0)
		log_warnx("sandbox: this kernel has no Landlock, so that "
		    "handlers reach every file that their user may; the rest "
		    "of the sandbox holds");
	else if (config->sandbox && wants_core_files())
		log_info("sandbox: a core file is only written where "
		    "write_paths allows it");
}

static void
add_list(struct json_object *object, const char *key, char *const *items)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; items != NULL && items[i] != NULL; i++)
		json_object_array_add(list, sup_json_string(items[i]));
	json_object_object_add(object, key, list);
}

static struct json_object *
handler_status(const struct config_handler *handler)
{
	struct json_object *object = json_object_new_object();

	sup_json_text(object, "handler", handler->name);
	sup_json_bool(object, "network", handler->network);
	sup_json_bool(object, "processes", handler->processes);
	add_list(object, "syscalls", handler->syscalls);
	add_list(object, "read_paths", handler->read_paths);
	add_list(object, "write_paths", handler->write_paths);
	return object;
}

struct json_object *
sup_sandbox_status(const struct config *config)
{
	struct json_object *object = json_object_new_object();
	struct json_object *handlers = json_object_new_array();

	for (size_t i = 0; i < config->handler_count; i++)
		if (sandbox_is_relaxed(config,
		    config->handler_sections[i].name))
			json_object_array_add(handlers, handler_status(
			    &config->handler_sections[i]));
	sup_json_bool(object, "on", config->sandbox);
	sup_json_number(object, "landlock",
	    (uint64_t)sandbox_files_version());
	add_list(object, "read_paths", config->read_paths);
	add_list(object, "write_paths", config->write_paths);
	json_object_object_add(object, "handlers", handlers);
	return object;
}
