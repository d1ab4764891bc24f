/*
 * sup_loader_child.c - what runs in the loader process.
 *
 * Runs in: loader.
 * Owns: everything in its process but the supervisor's copies, which it never
 * touches (the event loop above all).
 * Invariant: keeps no descriptor but stdio, the log and its socket; leaves by
 * _exit().
 */
#include "supervisor/sup_loader_child.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/child.h"
#include "common/environment.h"
#include "common/handler_set.h"
#include "common/log.h"
#include "common/memory_limit.h"

/* Private, beside the model: handlers, libraries, libcrypto, buffers. */
#define DATA_SLACK	((size_t)256 << 20)

/* ------------------------------------------------------------- giving up */

/* exit() in a build() must not run what the supervisor left to be run. */
static void
leave(int status, void *unused)
{
	(void)unused;
	_exit(status);
}

/*
 * Signals stay blocked until child_begin(): the supervisor's handlers write to
 * a descriptor that is closed here, and whose number may be the model's next.
 */
static int
give_up_what_is_not_needed(const struct config *config, int socket,
    pid_t parent, struct err *err)
{
	int keep[] = { socket, log_fd() };

	child_close_others(keep, sizeof(keep) / sizeof(keep[0]));
	child_volunteer_for_oom();
	if (child_drop_privileges(config, err) != 0)
		return -1;
	child_begin("loader", parent);
	environment_restrict(config);
	if (on_exit(leave, NULL) != 0)
		return err_set(err, "on_exit failed");
	return 0;
}

/* --------------------------------------------------------------- loading */

static void
note_refusal(void *context, const struct handler *about, const char *sentence)
{
	struct err *first = context;

	(void)about;
	if (first->text[0] == '\0')
		err_set(first, "%s", sentence);
}

/* The handler that builds it.  Nothing is freed: the process is short. */
static int
find_def(const struct config *config, const struct config_model *model,
    const struct sup_loader_source *from, const struct fh_model_def **def_out,
    struct err *err)
{
	const struct handler_source source = { .copies = from->copies,
	    .names = &from->maker, .count = from->maker != NULL };
	struct err refusal = { "" };
	struct handler_set *set;

	set = handler_set_load(config, &source, note_refusal, &refusal, err);
	if (set == NULL)
		return -1;
	*def_out = handler_set_model_def(set, model->name, NULL);
	if (*def_out != NULL && (*def_out)->build != NULL)
		return 0;
	return err_set(err, "no handler in %s has a build() for it%s%s",
	    config->handlers, refusal.text[0] != '\0' ? "; " : "",
	    refusal.text);
}

static int
load(const struct config *config, const struct config_model *model,
    const struct sup_loader_source *source, uint64_t address,
    struct loader_result *result, int *fd_out)
{
	const struct fh_model_def *def = NULL;
	size_t bytes = 0;
	struct err why = { "" };

	if (model->kind == CONFIG_MODEL_BUILD) {
		if (find_def(config, model, source, &def, &why) != 0)
			return err_set(&result->error, "model \"%s\": %s",
			    model->name, why.text);
		bytes = model->max_bytes != 0 ? model->max_bytes :
		    def->max_bytes;
		if (bytes == 0 || bytes > MODEL_ADDRESS_STEP)
			bytes = MODEL_ADDRESS_STEP;
	}
	memory_limit_private(bytes + DATA_SLACK);
	return model_load(model, def, address, &result->image, fd_out,
	    &result->error);
}

static int
report(int socket, const struct loader_result *result, int fd)
{
	struct iovec piece = { (void *)result, sizeof(*result) };
	struct msghdr packet = { .msg_iov = &piece, .msg_iovlen = 1 };
	union {
		char		bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr	align;
	} space = { .bytes = "" };

	if (fd >= 0)
		channel_put_descriptors(&packet, space.bytes, &fd, 1);
	while (sendmsg(socket, &packet, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return 0;
}

void
sup_loader_child(const struct config *config, const struct config_model *model,
    const struct sup_loader_source *source, uint64_t address, int socket,
    pid_t parent)
{
	struct loader_result result;
	struct err why = { "" };
	int fd = -1;

	memset(&result, 0, sizeof(result));
	log_init("loader");
	if (give_up_what_is_not_needed(config, socket, parent, &why) != 0)
		err_set(&result.error, "model \"%s\": loader: %s",
		    model->name, why.text);
	else if (load(config, model, source, address, &result, &fd) == 0)
		result.loaded = 1;
	if (report(socket, &result, fd) != 0)
		fatal(EXIT_CODE_SYSTEM, "model \"%s\": telling the supervisor",
		    model->name);
	_exit(0);
}
