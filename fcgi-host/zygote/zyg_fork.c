/*
 * zyg_fork.c - forks fronts and workers, and reaps them.
 *
 * Runs in: zygote; the first lines of a child run here too.
 * Owns: the descriptors that come with a spawn message, until they are closed.
 * Invariant: a worker never holds the listening socket or the zygote's link.
 */
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "common/cache.h"
#include "access/access.h"
#include "common/log.h"
#include "zygote/zyg.h"

static void
close_zygote_descriptors(const struct zyg *zyg, bool front)
{
	close(zyg->start->link);
	close(zyg->signal_fd);
	if (!front && zyg->start->listen_fd >= 0)
		close(zyg->start->listen_fd);
	if (!front && zyg->start->crash_dir >= 0)
		close(zyg->start->crash_dir);
}

static void
become(const struct zyg *zyg, const struct message *message,
    const int fds[SPAWN_FDS], pid_t zygote)
{
	bool front = message->type == MESSAGE_SPAWN_FRONT;
	bool probe = message->type == MESSAGE_SPAWN_PROBE;
	const struct roles *roles = zyg->start->roles;
	struct child_start start = {
		.config = zyg->start->config,
		.zygote = zyg->start,
		.set = zyg->set,
		.geometry = zyg->geometry,
		.listen_fd = front ? zyg->start->listen_fd : -1,
		.spool_dir = zyg->start->spool_dir,
		.crash_dir = front ? zyg->start->crash_dir : -1,
		.generation = zyg->start->generation,
		.team = message->team,
		.slot = message->slot,
		.incarnation = message->incarnation,
	};

	if (probe)
		setpgid(0, 0);	/* what it forks ends with it */
	child_begin(front ? "front" : probe ? "probe" : "worker", zygote);
	close_zygote_descriptors(zyg, front);
	cache_enter(zyg->set->cache, getpid());
	if (front)
		start.access = zyg->start->access;
	else			/* its handlers need no secrets */
		access_destroy(zyg->start->access);
	child_redirect(fds[SPAWN_FD_OUTPUT]);
	close(fds[SPAWN_FD_OUTPUT]);
	for (int i = 0; i < SPAWN_FDS; i++)
		start.fds[i] = fds[i];
	start.fds[SPAWN_FD_OUTPUT] = -1;
	if (front)
		roles->front(&start);
	else if (probe)
		roles->probe(&start);
	else
		roles->worker(&start);
	FH_BUG("a role returned");
}

void
zyg_spawn(const struct zyg *zyg, const struct message *message,
    const int fds[SPAWN_FDS])
{
	struct message answer = *message;
	pid_t zygote = getpid();
	pid_t pid = fork();

	if (pid == 0)
		become(zyg, message, fds, zygote);
	answer.type = MESSAGE_SPAWNED;
	answer.pid = pid;
	answer.value = pid < 0 ? errno : 0;
	for (int i = 0; i < SPAWN_FDS; i++)
		close(fds[i]);
	zyg_say(zyg, &answer);
}

void
zyg_reap(const struct zyg *zyg)
{
	struct message message = { .type = MESSAGE_EXITED };
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		kill(-pid, SIGKILL);	/* a probe's group */
		message.pid = pid;
		message.value = status;
		zyg_say(zyg, &message);
	}
}
