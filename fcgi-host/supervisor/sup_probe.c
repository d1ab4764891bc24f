/*
 * sup_probe.c - the throwaway process that tries what is to serve.
 *
 * Runs in: supervisor.
 * Owns: the link to a generation's probe.
 * Invariant: what serves is not touched by anything that happens in a probe; a
 * generation gets its front and workers only after one that came to its end.
 */
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/sup.h"

static void
handle(struct sup_generation *generation, const struct message *message)
{
	switch (message->type) {
	case MESSAGE_FILE:
		memcpy(generation->file, message->text, MESSAGE_TEXT_MAX);
		sup_reload_progress(generation);
		break;
	case MESSAGE_HANDLER:
		sup_reload_refused(generation, message->slot, 0,
		    message->text, true);
		break;
	case MESSAGE_CHECK:
		sup_reload_give_up(generation->sup, "%s", message->text);
		break;
	case MESSAGE_READY:
		generation->probe.passed = true;
		generation->file[0] = '\0';
		break;
	default:
		log_warnx("the probe sent message type %u; ignored",
		    message->type);
	}
}

static void
on_link(uv_poll_t *poll, int status, int events)
{
	struct sup_generation *generation = poll->data;
	struct message message;

	(void)status;
	switch (sup_post_receive(&generation->probe.post, events, &message)) {
	case SUP_POST_MESSAGE:
		if (generation == generation->sup->reload.next)
			handle(generation, &message);
		break;
	case SUP_POST_ENDED:	/* the zygote will report its death */
		sup_post_close(&generation->probe.post);
		break;
	}
}

void
sup_probe_start(struct sup_generation *generation)
{
	struct sup_probe *probe = &generation->probe;
	struct message message = { .type = MESSAGE_SPAWN_PROBE };
	int link[2], output[2], fds[SPAWN_FDS];

	if (sup_child_links(link, output) < 0) {
		sup_reload_give_up(generation->sup, "no descriptors for a "
		    "trial of the handlers: raise LimitNOFILE");
		return;
	}
	for (int i = 0; i < SPAWN_FDS; i++)
		fds[i] = output[1];
	fds[SPAWN_FD_CONTROL] = link[1];
	sup_post_open(&probe->post, generation->sup, link[0], on_link,
	    generation);
	sup_output_create(generation->sup, NULL, "probe", output[0]);
	probe->asked = true;
	sup_generation_ask(generation, &message, fds, SPAWN_FDS);
	close(link[1]);
	close(output[1]);
}

void
sup_probe_spawned(struct sup_generation *generation,
    const struct message *message)
{
	if (!generation->probe.asked || generation->probe.pid != 0 ||
	    !sup_reload_is_making(generation))
		return;
	if (message->pid < 0)
		sup_reload_give_up(generation->sup, "a trial of the handlers "
		    "cannot be forked: %s", strerror(message->value));
	else
		generation->probe.pid = message->pid;
}

/* What it said last may still be in its link. */
static void
read_rest(struct sup_generation *generation)
{
	struct sup_post *post = &generation->probe.post;
	uint32_t number = generation->number;
	struct sup *sup = generation->sup;
	struct message message;

	while (sup->reload.next != NULL &&
	    sup->reload.next->number == number && post->poll != NULL &&
	    sup_post_receive(post, 0, &message) == SUP_POST_MESSAGE)
		handle(generation, &message);
}

static void
ended(struct sup_generation *generation, int status)
{
	char file[MESSAGE_TEXT_MAX], how[128];
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

	if (generation->probe.passed) {
		sup_reload_probed(generation);
		return;
	}
	memcpy(file, generation->file, sizeof(file));
	if (generation->sup->reload.hung)
		snprintf(how, sizeof(how), "hung: it did not return within "
		    "load_timeout");
	else
		child_describe_end(status, how, sizeof(how));
	sup_reload_crashed(generation, file, how,
	    killed && !generation->sup->reload.hung);
}

bool
sup_probe_exited(struct sup_generation *generation, pid_t pid, int status)
{
	struct sup *sup = generation->sup;
	uint32_t number = generation->number;

	if (generation->probe.pid != pid || pid == 0)
		return false;
	generation->probe.pid = 0;
	read_rest(generation);
	if (sup->reload.next != NULL && sup->reload.next->number == number) {
		sup_post_close(&generation->probe.post);
		ended(generation, status);
	}
	return true;
}

void
sup_probe_finish(struct sup_generation *generation)
{
	sup_post_close(&generation->probe.post);
	memset(&generation->probe, 0, sizeof(generation->probe));
}
