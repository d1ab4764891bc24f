/*
 * sup_upgrade.c - the old host's part in an upgrade of the binary.
 *
 * Runs in: supervisor, the one that is to be replaced.
 * Owns: the new process until it serves, the link to it.
 * Invariant: nothing that serves is touched before the new host has said that
 * it is ready; a new one that fails, or says nothing for LIMIT_MS, changes
 * nothing.
 */
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/channel.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_handoff.h"
#include "supervisor/sup_json.h"
#include "supervisor/sup_notify.h"

#define LIMIT_MS	300000	/* models may take long to load */
#define GIVE_MS		5000	/* until it takes the next thing from us */
#define LOOKS		100
#define LOOK_US		1000

/* ----------------------------------------------------------- how it ends */

static struct json_object *
make_outcome(const struct sup *sup, const char *reason)
{
	struct json_object *outcome = json_object_new_object();

	sup_json_text(outcome, "trigger", "upgrade");
	sup_json_bool(outcome, "ok", reason == NULL);
	sup_json_number(outcome, "pid", (uint64_t)sup->upgrade.pid);
	sup_json_number(outcome, "generation", sup->serving == NULL ? 0 :
	    sup->serving->number);
	sup_json_text(outcome, "reason", reason);
	return outcome;
}

static void
answer(struct sup *sup, const char *reason)
{
	struct json_object *outcome = make_outcome(sup, reason);
	struct sup_asker *asker;

	while ((asker = STAILQ_FIRST(&sup->upgrade.askers)) != NULL) {
		STAILQ_REMOVE_HEAD(&sup->upgrade.askers, link);
		asker->answer(asker, outcome);
	}
	json_object_put(outcome);
}

static void
close_link(struct sup_upgrade *upgrade)
{
	if (upgrade->poll == NULL)
		return;
	sup_watch_destroy(&upgrade->poll);
	close(upgrade->link);
	upgrade->link = -1;
}

static void
close_death(struct sup_upgrade *upgrade)
{
	if (upgrade->on_death == NULL)
		return;
	sup_watch_destroy(&upgrade->on_death);
	close(upgrade->death);
}

static void
describe(int status, char *out, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(out, size, "the new host was killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(out, size, "the new host exited with status %d; the "
		    "log says why", WEXITSTATUS(status));
}

/* The end of its link is seen a moment before it can be reaped. */
static bool
has_died(pid_t pid, int *status_out)
{
	for (int i = 0; i < LOOKS; i++) {
		if (waitpid(pid, status_out, WNOHANG) == pid)
			return true;
		usleep(LOOK_US);
	}
	return false;
}

/* No reason: it has closed its link, as those do that die. */
static void
end(pid_t pid, const char *reason, struct err *why)
{
	int status = 0;

	if (reason == NULL && has_died(pid, &status)) {
		describe(status, why->text, sizeof(why->text));
		return;
	}
	if (!child_kill(pid, &status))
		log_warnx("the new host (process %d) hangs, and is left "
		    "behind", (int)pid);
	err_set(why, "%s", reason != NULL ? reason :
	    "the new host has closed its link to this one");
}

/* Its numbers are used up, and its folder is nobody's. */
static void
catch_up(struct sup *sup)
{
	uint32_t last = sup_store_catch_up(sup->store);

	if (last > sup->generation_count)
		sup->generation_count = last;
}

static void
fail(struct sup *sup, const char *reason)
{
	struct sup_upgrade *upgrade = &sup->upgrade;
	struct err why;

	err_set(&why, "%s", reason != NULL ? reason : "");
	if (upgrade->pid > 0) {
		end(upgrade->pid, reason, &why);
		catch_up(sup);
	}
	log_warnx("upgrade refused: %s; this host serves on", why.text);
	uv_timer_stop(upgrade->timer);
	close_link(upgrade);
	upgrade->running = false;
	answer(sup, why.text);
	upgrade->pid = 0;
	sup_reload_continue(sup);
}

static void
on_late(uv_timer_t *timer)
{
	fail(timer->data, "the new host was not ready within five minutes");
}

/* ------------------------------------------------------- the new one serves */

/* Its files are the new host's: the sockets are closed, not removed. */
static void
let_go(struct sup *sup)
{
	sup->handed_over = true;
	sup->phase = SUP_STOPPING;
	sup_reload_stop(sup, "a new host serves since, with what there was "
	    "when it started: ask it again");
	sup_control_close(sup);
	sup_listen_close(sup);
	sup_source_watch(sup);
}

/* There is no front any more that our fronts could pass connections to. */
static void
on_death(uv_poll_t *poll, int status, int events)
{
	struct sup *sup = poll->data;

	(void)status;
	(void)events;
	close_death(&sup->upgrade);
	sup_stop_generations(sup);
}

/* Without it, idle connections hold our fronts up for drain_timeout. */
static void
watch_death(struct sup *sup)
{
	struct sup_upgrade *upgrade = &sup->upgrade;

	upgrade->death = pidfd_open(upgrade->pid, 0);
	if (upgrade->death < 0)
		log_warn("pidfd_open");
	else
		upgrade->on_death = sup_watch_create(sup, upgrade->death,
		    on_death, sup);
}

static void
step_down(struct sup *sup, int link)
{
	struct sup_generation *serving = sup->serving;

	log_info("process %d serves; stepping down", (int)sup->upgrade.pid);
	sup_notify_main(sup->upgrade.pid);
	uv_timer_stop(sup->upgrade.timer);
	if (serving != NULL && serving->zygote > 0 && serving->teams != NULL)
		sup_team_stop(serving->teams, link);
	close(link);
	sup->serving = NULL;
	if (serving != NULL)
		serving->state = SUP_GENERATION_LEAVING;
	watch_death(sup);
	sup_leave_all(sup);
}

static void
on_ready(struct sup *sup, int link)
{
	struct sup_handoff yours = { .type = SUP_HANDOFF_YOURS,
	    .version = SUP_HANDOFF_VERSION };

	if (sup_handoff_send(sup->upgrade.link, &yours, NULL, 0) < 0) {
		close(link);
		fail(sup, NULL);
		return;
	}
	answer(sup, NULL);
	let_go(sup);
	step_down(sup, link);
}

static const char not_understood[] = "the new host said what this one does not "
    "understand: restart instead";

static void
handle(struct sup *sup, struct sup_handoff *handoff, int *fds, size_t count)
{
	handoff->failed.text[sizeof(handoff->failed.text) - 1] = '\0';
	if (handoff->type == SUP_HANDOFF_READY && count == 1) {
		on_ready(sup, fds[0]);
		return;
	}
	while (count > 0)
		close(fds[--count]);
	fail(sup, handoff->type == SUP_HANDOFF_FAILED ? handoff->failed.text :
	    not_understood);
}

static void
on_link(uv_poll_t *poll, int status, int events)
{
	struct sup *sup = poll->data;
	int fds[SUP_HANDOFF_FDS], got;
	struct sup_handoff handoff;
	size_t count;

	(void)status;
	(void)events;
	got = sup_handoff_receive(sup->upgrade.link, &handoff, fds, &count);
	if (got > 0 && !sup->handed_over)
		handle(sup, &handoff, fds, count);
	else if (got < 0 && errno == EAGAIN)
		return;
	else if (!sup->handed_over)
		fail(sup, got < 0 ? not_understood : NULL);
	else
		close_link(&sup->upgrade);
}

/* ------------------------------------------------------------ its beginning */

/* It reads at once what there is no room for; one that does not is none. */
static int
give(int link, const struct sup_handoff *handoff, const int *fds, size_t count)
{
	struct pollfd room = { .fd = link, .events = POLLOUT };

	while (sup_handoff_send(link, handoff, fds, count) < 0)
		if (errno != EAGAIN || poll(&room, 1, GIVE_MS) <= 0)
			return -1;
	return 0;
}

static int
say_hello(const struct sup *sup)
{
	const int fds[SUP_HANDOFF_FDS] = {
		[SUP_HANDOFF_FD_LISTEN] = sup->listen_fd,
		[SUP_HANDOFF_FD_CONTROL] = sup_control_fd(sup),
		[SUP_HANDOFF_FD_LOCK] = sup->lock_fd,
	};
	struct sup_handoff hello = { .type = SUP_HANDOFF_HELLO,
	    .version = SUP_HANDOFF_VERSION, .team_count = sup->team_count,
	    .listen_inherited = sup->listen_inherited };

	snprintf(hello.hello.listen, sizeof(hello.hello.listen), "%s",
	    sup->config->listen);
	snprintf(hello.hello.control, sizeof(hello.hello.control), "%s",
	    sup->config->control);
	snprintf(hello.hello.state_dir, sizeof(hello.hello.state_dir), "%s",
	    sup->config->state_dir);
	return give(sup->upgrade.link, &hello, fds, SUP_HANDOFF_FDS);
}

static int
give_model(const struct sup *sup, const struct sup_model *model)
{
	struct sup_handoff handoff = { .type = SUP_HANDOFF_MODEL,
	    .version = SUP_HANDOFF_VERSION };
	struct sup_handoff_model *out = &handoff.model;

	out->image = model->image;
	out->hugepages = model->options.hugepages;
	out->lock = model->options.lock;
	out->max_bytes = model->options.max_bytes;
	out->loaded_at = model->loaded_at;
	memcpy(out->maker, model->maker, sizeof(out->maker));
	snprintf(out->path, sizeof(out->path), "%s", model->options.path);
	return give(sup->upgrade.link, &handoff, &model->fd, model->fd >= 0);
}

static int
give_all(const struct sup *sup)
{
	const struct sup_handoff end = { .type = SUP_HANDOFF_END,
	    .version = SUP_HANDOFF_VERSION };
	const struct sup_model *model;

	if (say_hello(sup) < 0)
		return -1;
	LIST_FOREACH(model, &sup->models, link)
		if (give_model(sup, model) < 0)
			return -1;
	return give(sup->upgrade.link, &end, NULL, 0);
}

/* The binary that lies where ours was started from, in a group of its own: what
 * a terminal sends to ours is passed on by us, and not to come twice. */
static void
become_successor(const struct sup *sup, int link)
{
	char *const argv[] = { "fcgi-host", "run", "-c",
	    sup->config->file, NULL };
	const int keep[] = { link, log_fd() };
	char number[16];

	child_begin("successor", getppid());
	prctl(PR_SET_PDEATHSIG, 0);
	setpgid(0, 0);
	child_close_others(keep, sizeof(keep) / sizeof(keep[0]));
	fcntl(link, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", link);
	setenv(SUP_HANDOFF_VARIABLE, number, 1);
	if (sup->guards)
		setenv(SUP_HANDOFF_GUARDED, "1", 1);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	dup2(log_fd(), STDERR_FILENO);
	execv(sup->binary, argv);
	fatal(EXIT_CODE_SYSTEM, "%s", sup->binary);
}

static void
start(struct sup *sup)
{
	struct sup_upgrade *upgrade = &sup->upgrade;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		fail(sup, "no descriptors for a link to the new host");
		return;
	}
	upgrade->pid = fork();
	if (upgrade->pid == 0)
		become_successor(sup, ends[1]);
	close(ends[1]);
	upgrade->link = ends[0];
	upgrade->poll = sup_watch_create(sup, ends[0], on_link, sup);
	uv_timer_start(upgrade->timer, on_late, LIMIT_MS, 0);
	if (upgrade->pid < 0)
		fail(sup, "the new host cannot be forked");
	else if (give_all(sup) < 0)
		fail(sup, errno == EPIPE || errno == ECONNRESET ? NULL :
		    "the new host does not take what it is given");
}

void
sup_upgrade_continue(struct sup *sup)
{
	if (!sup->upgrade.wanted || sup->upgrade.running ||
	    sup->phase != SUP_SERVING ||
	    sup->reload.phase != SUP_RELOAD_NONE)
		return;
	sup->upgrade.wanted = false;
	sup->upgrade.running = true;
	log_info("upgrade: starting %s", sup->binary);
	start(sup);
}

void
sup_upgrade_ask(struct sup *sup, struct sup_asker *asker)
{
	if (asker != NULL)
		STAILQ_INSERT_TAIL(&sup->upgrade.askers, asker, link);
	sup->upgrade.wanted = true;
	sup_upgrade_continue(sup);
}

void
sup_upgrade_forget(struct sup *sup, struct sup_asker *asker)
{
	sup_asker_take_off(&sup->upgrade.askers, asker);
}

void
sup_upgrade_stop(struct sup *sup)
{
	static const char why[] = "the host stops";

	sup->upgrade.wanted = false;
	if (sup->upgrade.running && !sup->handed_over)
		fail(sup, why);
	answer(sup, why);
	close_link(&sup->upgrade);
}
