/*
 * sup_successor.c - the new host's part in an upgrade of the binary.
 *
 * Runs in: supervisor, one that was started by an older one.
 * Owns: the link to the older host.
 * Invariant: until its first generation is ready it touches nothing that the
 * older one uses: it binds no socket, cleans no folder, removes no file.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_handoff.h"

#define TEAMS_APART	1000	/* the older one may still start some */

static bool is_us;

bool
sup_successor_is_us(void)
{
	return is_us;
}

int
sup_successor_link(void)
{
	const char *number = getenv(SUP_HANDOFF_VARIABLE);
	int link = number == NULL ? -1 : atoi(number);

	is_us = link >= 0;
	unsetenv(SUP_HANDOFF_VARIABLE);
	if (link >= 0)
		fcntl(link, F_SETFD, FD_CLOEXEC);
	return link;
}

static int
check_paths(const struct sup *sup, const struct sup_handoff *hello,
    struct err *err)
{
	static const char advice[] = "it cannot change in an upgrade: put it "
	    "back, or restart";

	if (strcmp(sup->config->listen, hello->hello.listen) != 0)
		return err_set(err, "listen: %s is in use; %s",
		    hello->hello.listen, advice);
	if (strcmp(sup->config->control, hello->hello.control) != 0)
		return err_set(err, "control: %s is in use; %s",
		    hello->hello.control, advice);
	if (strcmp(sup->config->state_dir, hello->hello.state_dir) != 0)
		return err_set(err, "state_dir: %.300s is in use; %s",
		    hello->hello.state_dir, advice);
	return 0;
}

static int
take_hello(struct sup *sup, const struct sup_handoff *hello, const int *fds,
    size_t count, struct err *err)
{
	if (count != SUP_HANDOFF_FDS)
		return err_set(err, "the running host handed over %zu "
		    "descriptors, not %d", count, SUP_HANDOFF_FDS);
	sup->listen_fd = fds[SUP_HANDOFF_FD_LISTEN];
	sup->listen_inherited = hello->listen_inherited != 0;
	sup->control_taken = fds[SUP_HANDOFF_FD_CONTROL];
	sup->lock_fd = fds[SUP_HANDOFF_FD_LOCK];
	sup->team_count = hello->team_count + TEAMS_APART;
	return check_paths(sup, hello, err);
}

/* One whose bytes are not what they should be is loaded again. */
static void
take_model(struct sup *sup, const struct sup_handoff_model *given, int fd)
{
	struct sup_model *model = calloc(1, sizeof(*model));
	struct err err;

	if (model == NULL)
		fatal(EXIT_CODE_SYSTEM, "model");
	model->image = given->image;
	model->image.name[CONFIG_NAME_MAX] = '\0';
	if (given->image.kind != CONFIG_MODEL_PRELOAD &&
	    model_verify(&model->image, fd, &err) < 0) {
		log_warnx("model \"%s\" of the running host: %s; loading it "
		    "again", model->image.name, err.text);
		free(model);
		if (fd >= 0)
			close(fd);
		return;
	}
	model->fd = fd;
	model->loaded_at = given->loaded_at;
	model->options = (struct config_model){
		.name = strdup(model->image.name),
		.path = strndup(given->path, sizeof(given->path) - 1),
		.kind = (enum config_kind)given->image.kind,
		.hugepages = (enum config_pages)given->hugepages,
		.lock = given->lock != 0, .max_bytes = given->max_bytes };
	memcpy(model->maker, given->maker, sizeof(model->maker) - 1);
	sup_models_adopt(sup, model);
}

/* 1: there is more.  0: that was all.  -1 and why. */
static int
take_one(struct sup *sup, struct err *err)
{
	int fds[SUP_HANDOFF_FDS], got;
	struct sup_handoff handoff;
	size_t count;

	got = sup_handoff_receive(sup->successor_link, &handoff, fds, &count);
	if (got <= 0)
		return err_set(err, "the running host is of a version that "
		    "cannot hand over to this one: restart instead");
	switch (handoff.type) {
	case SUP_HANDOFF_HELLO:
		return take_hello(sup, &handoff, fds, count, err) < 0 ? -1 : 1;
	case SUP_HANDOFF_MODEL:
		take_model(sup, &handoff.model, count == 1 ? fds[0] : -1);
		return 1;
	default:
		return 0;
	}
}

int
sup_successor_receive(struct sup *sup, struct err *err)
{
	int rc;

	sup->guarded = getenv(SUP_HANDOFF_GUARDED) != NULL;
	do
		rc = take_one(sup, err);
	while (rc > 0);
	if (rc == 0 && sup->listen_fd < 0)
		return err_set(err, "the running host handed over no socket");
	return rc;
}

void
sup_successor_fail(struct sup *sup, const char *reason)
{
	struct sup_handoff failed = { .type = SUP_HANDOFF_FAILED,
	    .version = SUP_HANDOFF_VERSION };

	if (sup->successor_link < 0)
		return;
	snprintf(failed.failed.text, sizeof(failed.failed.text), "%s", reason);
	sup_handoff_send(sup->successor_link, &failed, NULL, 0);
	close(sup->successor_link);
	sup->successor_link = -1;
}

/* The older host is asked for what it serves.  If it has died meanwhile there
 * is nobody to ask, and all is ours. */
static void
wait_for_yours(struct sup *sup)
{
	struct sup_handoff handoff;
	int fds[SUP_HANDOFF_FDS];
	size_t count;

	while (sup_handoff_receive(sup->successor_link, &handoff, fds,
	    &count) > 0 && handoff.type != SUP_HANDOFF_YOURS)
		while (count > 0)
			close(fds[--count]);
}

void
sup_successor_take_over(struct sup *sup, int link)
{
	struct sup_handoff ready = { .type = SUP_HANDOFF_READY,
	    .version = SUP_HANDOFF_VERSION };

	if (sup_handoff_send(sup->successor_link, &ready, &link, 1) == 0)
		wait_for_yours(sup);
	close(sup->successor_link);
	sup->successor_link = -1;
	sup->borrowed = false;
	log_info("took over from the host before");
}
