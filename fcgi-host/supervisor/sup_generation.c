/*
 * sup_generation.c - a generation: a zygote with its handlers and models, and
 * the teams forked from it.
 *
 * Runs in: supervisor.
 * Owns: each struct sup_generation, the link to its zygote.
 * Invariant: a front's death starts a new team in the same generation at once,
 * a zygote's death a new generation; the listening socket stays open meanwhile.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup.h"

#define KEPT_REFUSALS_MAX	1000

static void
keep_refusal(struct sup_generation *generation, const char *text)
{
	char **grown;

	if (generation->refusal_count == KEPT_REFUSALS_MAX)
		return;
	grown = reallocarray(generation->refusals,
	    generation->refusal_count + 1, sizeof(*grown));
	if (grown == NULL)
		return;
	generation->refusals = grown;
	grown[generation->refusal_count] = strdup(text);
	if (grown[generation->refusal_count] != NULL)
		generation->refusal_count++;
}

/* The first of the list serves; the others are leaving. */
static void
add_team(struct sup_generation *generation)
{
	struct sup_team *team = sup_team_start(generation);

	team->next = generation->teams;
	generation->teams = team;
}

static void
loaded(struct sup_generation *generation, const struct message *message)
{
	struct sup *sup = generation->sup;

	generation->loaded = true;
	generation->route_count = (uint32_t)message->value;
	generation->handler_count = message->extra;
	generation->geometry = shm_geometry_create(sup->config,
	    generation->route_count);
	if (generation->geometry == NULL)
		fatal(EXIT_CODE_SYSTEM, "layout of shared memory");
	log_info("generation %u: %u handlers, %u routes", generation->number,
	    generation->handler_count, generation->route_count);
	if (sup->phase != SUP_STOPPING)
		add_team(generation);
}

static struct sup_team *
team_numbered(struct sup_generation *generation, uint32_t number)
{
	struct sup_team *team = generation->teams;

	while (team != NULL && team->number != number)
		team = team->next;
	return team;
}

static void
exited(struct sup_generation *generation, const struct message *message)
{
	for (struct sup_team *team = generation->teams; team != NULL;
	    team = team->next)
		if (sup_team_exited(team, message->pid, message->value))
			return;
}

static void
handle(struct sup_generation *generation, const struct message *message)
{
	struct sup_team *team;

	switch (message->type) {
	case MESSAGE_FILE:
		memcpy(generation->file, message->text, MESSAGE_TEXT_MAX);
		break;
	case MESSAGE_HANDLER:
		keep_refusal(generation, message->text);
		break;
	case MESSAGE_LOADED:
		loaded(generation, message);
		break;
	case MESSAGE_FAILED:
		keep_refusal(generation, message->text);
		break;
	case MESSAGE_SPAWNED:
		team = team_numbered(generation, message->team);
		if (team != NULL)
			sup_team_spawned(team, message);
		break;
	case MESSAGE_EXITED:
		exited(generation, message);
		break;
	default:
		log_warnx("the zygote sent message type %u; ignored",
		    message->type);
	}
}

/* Its processes died with it: nobody is left to report their deaths. */
static void
destroy(struct sup_generation *generation)
{
	struct sup_team *team;

	while ((team = generation->teams) != NULL) {
		generation->teams = team->next;
		sup_team_destroy(team);
	}
	sup_post_close(&generation->post);
	shm_geometry_destroy(generation->geometry);
	for (size_t i = 0; i < generation->refusal_count; i++)
		free(generation->refusals[i]);
	free(generation->refusals);
	free(generation);
}

static void
log_zygote_death(const struct sup_generation *generation, int status)
{
	bool in_handler = generation->file[0] != '\0';
	const char *before = in_handler ? " while it loaded " : "";

	if (WIFSIGNALED(status))
		log_warnx("zygote (process %d) was killed by signal %d "
		    "(%s)%s%s", (int)generation->zygote, WTERMSIG(status),
		    strsignal(WTERMSIG(status)), before, generation->file);
	else if (WEXITSTATUS(status) != 0 || in_handler)
		log_warnx("zygote (process %d) exited with status %d%s%s",
		    (int)generation->zygote, WEXITSTATUS(status), before,
		    generation->file);
}

/* Starting again helps only where the system was to blame. */
static int
exit_code_for(const struct sup_generation *generation, int status)
{
	bool config = generation->file[0] != '\0' || (WIFEXITED(status) &&
	    WEXITSTATUS(status) == EXIT_CODE_CONFIG);

	return config ? EXIT_CODE_CONFIG : EXIT_CODE_SYSTEM;
}

static void
on_respawn(uv_timer_t *timer)
{
	struct sup *sup = timer->data;

	if (sup->phase == SUP_STOPPING)
		return;
	if (sup->generation == NULL)
		sup_generation_start(sup);
	else if (sup->generation->loaded && (sup->generation->teams == NULL ||
	    sup->generation->teams->state != SUP_TEAM_SERVING))
		add_team(sup->generation);
}

/* Its team is leaving; the next one listens as soon as policy lets it. */
void
sup_generation_front_died(struct sup_generation *generation, uint64_t delay_ms)
{
	struct sup *sup = generation->sup;

	sup->front_restarts++;
	if (delay_ms == 0)
		add_team(generation);
	else
		uv_timer_start(sup->respawn_timer, on_respawn, delay_ms, 0);
}

static void
zygote_died(struct sup_generation *generation)
{
	struct sup *sup = generation->sup;
	bool had_loaded = generation->loaded;
	uint64_t lived = clock_now_ms() - generation->started_ms;
	uint64_t delay;
	int status = 0, exit_code;

	if (sup->phase != SUP_STOPPING)	/* else it is about to leave */
		kill(generation->zygote, SIGKILL);
	while (waitpid(generation->zygote, &status, 0) < 0 && errno == EINTR)
		;
	log_zygote_death(generation, status);
	exit_code = exit_code_for(generation, status);
	sup->generation = NULL;
	destroy(generation);
	if (sup->phase == SUP_STOPPING) {
		sup_generation_gone(sup);
		return;
	}
	if (!had_loaded && sup->phase != SUP_SERVING) {
		sup_fail(sup, exit_code);
		return;
	}
	/* It serves nobody itself: only to live is work. */
	delay = sup_respawn_delay(&sup->zygote_respawn, lived, false);
	uv_timer_start(sup->respawn_timer, on_respawn, delay, 0);
}

/* As process 1 of a container we inherit the children of a dead zygote.  No
 * loader runs while a zygote does, so all that can be reaped are those. */
static void
reap_orphans(const struct sup_generation *generation)
{
	siginfo_t info = { .si_pid = 0 };

	while (getpid() == 1 && waitid(P_ALL, 0, &info,
	    WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0 &&
	    info.si_pid != generation->zygote) {
		waitpid(info.si_pid, NULL, 0);
		info.si_pid = 0;
	}
}

static void
on_link(uv_poll_t *poll, int status, int events)
{
	struct sup_generation *generation = poll->data;
	struct message message;

	reap_orphans(generation);
	(void)status;
	switch (sup_post_receive(&generation->post, events, &message)) {
	case SUP_POST_MESSAGE:
		handle(generation, &message);
		break;
	case SUP_POST_ENDED:
		zygote_died(generation);
		break;
	}
}

/*
 * The forked process becomes a zygote by an exec of ourselves: handlers get an
 * address space without our libraries' state (libuv closes its own descriptors
 * in every process forked later, by number).
 */
static void
become_zygote(const struct sup *sup, int link, pid_t parent)
{
	char *const argv[] = { "fcgi-host", "zygote", NULL };
	const int kept = ZYGOTE_LINK;
	struct err err;

	if (link == ZYGOTE_LINK)
		fcntl(link, F_SETFD, 0);
	else if (dup2(link, ZYGOTE_LINK) < 0)
		fatal(EXIT_CODE_SYSTEM, "the zygote's link");
	child_close_others(&kept, 1);
	if (child_drop_privileges(sup->config, &err) < 0)
		fatalx(EXIT_CODE_CONFIG, "%s", err.text);
	child_begin("zygote", parent);
	execv("/proc/self/exe", argv);
	fatal(EXIT_CODE_SYSTEM, "exec of the zygote");
}

/* A descriptor with these bytes. */
static int
memory_file(const char *name, const void *bytes, size_t length)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length)
		fatal(EXIT_CODE_SYSTEM, "%s", name);
	return fd;
}

/* What it must know; a zygote that is dead already is seen by its link. */
static void
tell_start(struct sup_generation *generation)
{
	const struct sup *sup = generation->sup;
	struct message start = { .type = MESSAGE_START,
	    .team = generation->number, .value = (int32_t)sup->image_count };
	int fds[START_FDS] = {
		[START_FD_LISTEN] = sup->listen_fd,
		[START_FD_SPOOL] = sup->spool_dir,
		[START_FD_CONFIG] = memory_file("config", sup->config->text,
		    sup->config->text_length),
		[START_FD_IMAGES] = memory_file("images", sup->images,
		    sup->image_count * sizeof(*sup->images)),
	};

	snprintf(start.text, sizeof(start.text), "%s", sup->config->file);
	sup_generation_ask(generation, &start, fds, START_FDS);
	close(fds[START_FD_CONFIG]);
	close(fds[START_FD_IMAGES]);
	for (size_t i = 0; i < sup->image_count; i++) {
		struct message model = { .type = MESSAGE_MODEL,
		    .slot = (uint32_t)i };

		if (sup->model_fds[i] >= 0)
			sup_generation_ask(generation, &model,
			    &sup->model_fds[i], 1);
	}
}

void
sup_generation_start(struct sup *sup)
{
	struct sup_generation *generation = calloc(1, sizeof(*generation));
	pid_t parent = getpid();
	int ends[2];

	if (generation == NULL || channel_pair(ends) < 0)
		fatal(EXIT_CODE_SYSTEM, "generation");
	generation->sup = sup;
	generation->number = ++sup->generation_count;
	generation->started_ms = clock_now_ms();
	generation->zygote = fork();
	if (generation->zygote < 0)
		fatal(EXIT_CODE_SYSTEM, "forking the zygote");
	if (generation->zygote == 0) {
		close(ends[0]);
		become_zygote(sup, ends[1], parent);
	}
	close(ends[1]);
	sup_post_open(&generation->post, sup, ends[0], on_link, generation);
	sup->generation = generation;
	tell_start(generation);
}

/* A dead zygote is noticed by the end of its link, not here. */
void
sup_generation_ask(struct sup_generation *generation, struct message *message,
    const int *fds, size_t count)
{
	if (sup_post_send(&generation->post, message, fds, count) < 0)
		log_warn("message to the zygote");
}

void
sup_generation_kill(struct sup_generation *generation, pid_t pid, int number)
{
	struct message message = { .type = MESSAGE_KILL, .pid = pid,
	    .value = number };

	sup_generation_ask(generation, &message, NULL, 0);
}

/* Its last process is reaped. */
void
sup_generation_team_gone(struct sup_generation *generation,
    struct sup_team *team)
{
	struct sup *sup = generation->sup;
	struct sup_team **at = &generation->teams;

	while (*at != team)
		at = &(*at)->next;
	*at = team->next;
	sup_team_destroy(team);
	if (sup->phase == SUP_STOPPING && generation->teams == NULL)
		shutdown(generation->post.fd, SHUT_RDWR);
}

void
sup_generation_stop(struct sup_generation *generation)
{
	struct sup_team *team, *next;

	if (generation->teams == NULL)
		kill(generation->zygote, SIGKILL);
	for (team = generation->teams; team != NULL; team = next) {
		next = team->next;
		sup_team_stop(team);	/* it may be gone at once */
	}
}
