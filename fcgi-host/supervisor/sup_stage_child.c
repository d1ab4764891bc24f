/*
 * sup_stage_child.c - what runs in the child that copies handlers.
 *
 * Runs in: stage, a child of the supervisor.
 * Owns: nothing; what it has copied is the supervisor's to keep or remove.
 * Invariant: opens files of the handler directory with the rights of the
 * service's user; runs no code of them; leaves by _exit().
 */
#include "supervisor/sup_stage.h"

#include <sys/socket.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/child.h"
#include "common/handler_copy.h"
#include "common/log.h"

#define FILES_MAX	4096

static void
send_packet(int socket, const struct sup_stage_packet *packet)
{
	while (send(socket, packet, sizeof(*packet), MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			_exit(EXIT_CODE_SYSTEM);
}

static void __attribute__((noreturn))
finish(int socket, const struct err *err)
{
	struct sup_stage_packet packet = { .last = 1 };

	if (err != NULL)
		packet.error = *err;
	send_packet(socket, &packet);
	_exit(0);
}

static bool
is_being_written(const struct sup_stage_work *work, const char *name)
{
	for (size_t i = 0; i < work->writing_count; i++)
		if (strcmp(work->writing[i], name) == 0)
			return true;
	return false;
}

/* The known version of a file that has not changed since, or NULL. */
static const struct handler_version *
find_known(const struct sup_stage_work *work,
    const struct handler_version *now)
{
	for (size_t i = 0; i < work->known_count; i++) {
		const struct handler_version *known = &work->known[i];

		if (strcmp(known->name, now->name) == 0 &&
		    known->sha256[0] != '\0' &&
		    handler_version_unchanged(known, now))
			return known;
	}
	return NULL;
}

static int
examine(const struct sup_stage_work *work, const char *name,
    struct sup_stage_file *out, struct err *err)
{
	const char *directory = work->config->handlers;
	const struct handler_version *known;

	if (is_being_written(work, name))
		return err_set(err, "is being written; it is taken when that "
		    "is done");
	if (handler_look(directory, name, geteuid(), &out->version, err) < 0)
		return -1;
	known = find_known(work, &out->version);
	if (known != NULL) {
		out->known = true;
		out->version = *known;
		return 0;
	}
	return handler_copy(directory, name, geteuid(), work->to_dir,
	    &out->version, err);
}

static void
take(const struct sup_stage_work *work, const char *name, int socket)
{
	struct sup_stage_packet packet = { .last = 0 };
	struct err err = { "" };

	if (examine(work, name, &packet.file, &err) < 0)
		snprintf(packet.file.reason, sizeof(packet.file.reason), "%s",
		    err.text);
	snprintf(packet.file.version.name, sizeof(packet.file.version.name),
	    "%s", name);
	send_packet(socket, &packet);
}

static int
is_handler(const struct dirent *entry)
{
	return handler_is_file_name(entry->d_name);
}

static void
take_all(const struct sup_stage_work *work, int socket)
{
	struct dirent **entries;
	struct err err;
	int count = scandir(work->config->handlers, &entries, is_handler,
	    alphasort);

	if (count < 0) {
		err_sys(&err, "the handler directory %s cannot be read",
		    work->config->handlers);
		finish(socket, &err);
	}
	if (count > FILES_MAX) {
		err_set(&err, "the handler directory %s has %d files; %d may "
		    "be in it", work->config->handlers, count, FILES_MAX);
		finish(socket, &err);
	}
	for (int i = 0; i < count; i++)
		take(work, entries[i]->d_name, socket);
}

void
sup_stage_child(const struct sup_stage_work *work, int socket, pid_t parent)
{
	const int keep[] = { socket, work->to_dir, log_fd() };
	struct err err;

	log_init("stage");
	child_close_others(keep, sizeof(keep) / sizeof(keep[0]));
	if (child_drop_privileges(work->config, &err) < 0)
		finish(socket, &err);
	child_begin("stage", parent);
	take_all(work, socket);
	finish(socket, NULL);
}
