/*
 * sup_generation.c - a generation: a zygote with its handlers and models, and
 * the teams forked from it.
 *
 * Runs in: supervisor.
 * Owns: each struct sup_generation, the link to its zygote.
 * Invariant: a front's death starts a new team in the same generation at once;
 * the death of the zygote that serves starts a reload with the same files; the
 * listening socket stays open meanwhile.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_cache.h"
#include "supervisor/sup_clerk.h"
#include "supervisor/sup_demote.h"
#include "supervisor/sup_loader.h"
#include "supervisor/sup_stage.h"
#include "supervisor/sup_witness.h"

#define COMPLAINTS_MAX	1000
#define ROUTES_MAX	65536	/* each takes some memory that is shared */
#define LINK_LOOKS	100
#define LINK_LOOK_US	1000
#define RETRY_MS	500	/* what a team needs was not to be had */

/* ---------------------------------------------------------- what it says */

void
sup_generation_complain(struct sup_generation *generation, const char *text)
{
	char **grown;

	if (generation->complaint_count == COMPLAINTS_MAX)
		return;
	grown = reallocarray(generation->complaints,
	    generation->complaint_count + 1, sizeof(*grown));
	if (grown == NULL)
		return;
	generation->complaints = grown;
	grown[generation->complaint_count] = strdup(text);
	if (grown[generation->complaint_count] != NULL)
		generation->complaint_count++;
}

static void	respawn_after(struct sup *, uint64_t delay_ms);

/* What is being made is given up; what serves waits until there is room. */
static void
no_team(struct sup_generation *generation, const char *why)
{
	struct sup *sup = generation->sup;

	if (generation == sup->reload.next) {
		sup_reload_end(sup, EXIT_CODE_SYSTEM, why);
		return;
	}
	log_warnx("generation %u has no front: %s", generation->number, why);
	respawn_after(sup, RETRY_MS);
}

/* The first of the list serves; the others are leaving. */
void
sup_generation_add_team(struct sup_generation *generation)
{
	struct err err;
	struct sup_team *team = sup_team_start(generation, &err);

	if (team == NULL) {
		no_team(generation, err.text);
		return;
	}
	team->next = generation->teams;
	generation->teams = team;
}

static void
preloaded(struct sup_generation *generation, const struct message *message)
{
	generation->route_count = (uint32_t)message->value;
	generation->handler_count = message->extra;
	generation->geometry = shm_geometry_create(generation->config,
	    generation->route_count);
	if (generation->geometry == NULL)
		fatal(EXIT_CODE_SYSTEM, "layout of shared memory");
	generation->preloaded = true;
	generation->file[0] = '\0';
	if (message->slot > 0)
		sup_clerk_want(generation->sup);
	log_info("generation %u: %u handlers, %u routes", generation->number,
	    generation->handler_count, generation->route_count);
	sup_reload_preloaded(generation);
}

static void
remember_maker(struct sup_generation *generation,
    const struct message *message)
{
	const struct config *config = generation->config;
	const struct sup_picks *picks = &generation->sup->reload.picks;

	if (generation->sup->reload.next != generation ||
	    message->slot >= picks->count)
		return;
	for (size_t i = 0; i < config->model_count; i++) {
		if (strcmp(config->models[i].name, message->text) != 0)
			continue;
		free(generation->makers[i]);
		generation->makers[i] = strdup(
		    picks->list[message->slot].fresh.name);
	}
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
	sup_cache_exited(generation->sup, message->pid);
	if (sup_probe_exited(generation, message->pid, message->value))
		return;
	for (struct sup_team *team = generation->teams; team != NULL;
	    team = team->next)
		if (sup_team_exited(team, message->pid, message->value))
			return;
}

static void
spawned(struct sup_generation *generation, const struct message *message)
{
	struct sup_team *team = team_numbered(generation, message->team);

	if (team != NULL)
		sup_team_spawned(team, message);
	else if (message->team == 0)
		sup_probe_spawned(generation, message);
}

static void
handle(struct sup_generation *generation, const struct message *message)
{
	switch (message->type) {
	case MESSAGE_FILE:
		memcpy(generation->file, message->text, MESSAGE_TEXT_MAX);
		sup_reload_progress(generation);
		break;
	case MESSAGE_HANDLER:
		sup_reload_refused(generation, message->slot, message->extra,
		    message->text, message->value != 0);
		break;
	case MESSAGE_MAKER:
		remember_maker(generation, message);
		break;
	case MESSAGE_LOADED:
		generation->file[0] = '\0';
		sup_reload_loaded(generation);
		break;
	case MESSAGE_PRELOADED:
		preloaded(generation, message);
		break;
	case MESSAGE_FAILED:
		sup_reload_failed(generation, message->text);
		break;
	case MESSAGE_SPAWNED:
		spawned(generation, message);
		break;
	case MESSAGE_EXITED:
		exited(generation, message);
		break;
	}
}

/* A handler's code could write into its link, and the supervisor may be root:
 * what a zygote was not asked for is not taken. */
static bool
may_say(const struct sup_generation *generation,
    const struct message *message)
{
	const struct sup_reload *reload = &generation->sup->reload;
	bool loads = !generation->preloaded && generation == reload->next &&
	    (reload->phase == SUP_RELOAD_LOADING || generation->closed);
	bool preloads = !generation->preloaded &&
	    generation == reload->next &&
	    (reload->phase == SUP_RELOAD_PRELOADING || generation->closed);

	switch (message->type) {
	case MESSAGE_MAKER:
	case MESSAGE_LOADED:
		return loads;
	case MESSAGE_PRELOADED:
		return preloads && message->value >= 0 &&
		    message->value <= ROUTES_MAX;
	case MESSAGE_FILE:
	case MESSAGE_HANDLER:
	case MESSAGE_FAILED:
		return loads || preloads;
	case MESSAGE_SPAWNED:
		return generation->preloaded;
	case MESSAGE_EXITED:
		return generation->preloaded && message->pid > 0;
	default:
		return false;
	}
}

static void
take(struct sup_generation *generation, const struct message *message)
{
	if (may_say(generation, message))
		handle(generation, message);
	else
		log_warnx("the zygote of generation %u sent a message of type "
		    "%u, which is not its turn; ignored", generation->number,
		    message->type);
}

/* ----------------------------------------------------------- its end */

static void
free_texts(char **texts, size_t count)
{
	for (size_t i = 0; texts != NULL && i < count; i++)
		free(texts[i]);
	free(texts);
}

static void
destroy_teams(struct sup_generation *generation)
{
	struct sup_team *team;

	while ((team = generation->teams) != NULL) {
		generation->teams = team->next;
		sup_team_destroy(team);
	}
}

static void
take_off_list(struct sup_generation *generation)
{
	struct sup *sup = generation->sup;
	struct sup_generation **at = &sup->generations;

	while (*at != NULL && *at != generation)
		at = &(*at)->older;
	if (*at != NULL)
		*at = generation->older;
	if (sup->serving == generation)
		sup->serving = NULL;
	if (sup->reload.next == generation)
		sup->reload.next = NULL;
}

/* Its zygote is dead and, with it, everything that was forked there. */
void
sup_generation_destroy(struct sup_generation *generation)
{
	struct sup *sup = generation->sup;
	uint32_t number = generation->number;
	size_t models = generation->config->model_count;

	FH_BUG(generation->zygote != 0);
	take_off_list(generation);
	sup_probe_finish(generation);
	sup_demote_forget(generation);
	destroy_teams(generation);
	sup_post_close(&generation->post);
	sup_models_release(generation);
	shm_geometry_destroy(generation->geometry);
	free_texts(generation->makers, models);
	free_texts(generation->model_errors, models);
	free_texts(generation->complaints, generation->complaint_count);
	free(generation->models);
	if (!generation->kept)
		sup_store_drop(sup->store, number);
	sup_manifest_finish(&generation->manifest);
	config_free(generation->config);
	free(generation);
	if (sup->phase == SUP_SERVING)
		sup_switch_prune(sup);
	sup_stop_if_gone(sup);
}

static void
describe_death(const struct sup_generation *generation, int status,
    char *out, size_t size)
{
	if (generation->sup->reload.hung)
		snprintf(out, size, "hung: it did not return within "
		    "load_timeout");
	else
		child_describe_end(status, out, size);
}

static void
log_zygote_death(const struct sup_generation *generation, pid_t pid,
    int status, const char *how)
{
	bool in_handler = generation->file[0] != '\0';
	const char *before = in_handler ? " while it loaded " : "";

	if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0 || in_handler)
		log_warnx("generation %u: zygote (process %d) %s%s%s",
		    generation->number, (int)pid, how, before,
		    generation->file);
}

static int
reap(struct sup_generation *generation)
{
	int status = 0;

	if (generation->zygote == 0)
		return 0;
	if (!child_kill(generation->zygote, &status))
		log_warnx("generation %u: its zygote (process %d) hangs in a "
		    "file system or a device, and is left behind",
		    generation->number, (int)generation->zygote);
	generation->zygote = 0;
	return status;
}

void
sup_generation_unfork(struct sup_generation *generation)
{
	reap(generation);
	sup_post_close(&generation->post);
	sup_probe_finish(generation);
	sup_demote_forget(generation);
	destroy_teams(generation);
	shm_geometry_destroy(generation->geometry);
	generation->geometry = NULL;
	generation->preloaded = false;
	generation->file[0] = '\0';
	free_texts(generation->complaints, generation->complaint_count);
	generation->complaints = NULL;
	generation->complaint_count = 0;
}

static void
on_respawn(uv_timer_t *timer)
{
	struct sup *sup = timer->data;
	struct sup_generation *serving = sup->serving;

	if (sup->phase == SUP_STOPPING || serving == NULL)
		return;
	if (serving->zygote == 0)
		sup_reload_ask(sup, serving->closed ? SUP_TRIGGER_HANGUP :
		    SUP_TRIGGER_RECOVERY, 0, NULL);
	else if (serving->teams == NULL ||
	    serving->teams->state != SUP_TEAM_SERVING)
		sup_generation_add_team(serving);
}

void
sup_generation_recover(struct sup *sup)
{
	uint64_t lived = 0;

	uv_timer_start(sup->respawn_timer, on_respawn, sup_respawn_delay(
	    &sup->zygote_respawn, lived, false), 0);
}

static void
respawn_after(struct sup *sup, uint64_t delay_ms)
{
	uv_timer_start(sup->respawn_timer, on_respawn, delay_ms, 0);
}

/* Its team is leaving; the next one listens as soon as policy lets it. */
void
sup_generation_front_died(struct sup_generation *generation, int status,
    uint64_t delay_ms)
{
	struct sup *sup = generation->sup;

	if (generation->state == SUP_GENERATION_STARTING) {
		sup_reload_crashed(generation, "", "its front died before it "
		    "was ready", WIFSIGNALED(status) &&
		    WTERMSIG(status) == SIGKILL);
		return;
	}
	if (sup->serving != generation)
		return;
	sup->front_restarts++;
	if (delay_ms == 0)
		sup_generation_add_team(generation);
	else
		respawn_after(sup, delay_ms);
}

/* It keeps its place, its models and its copies of handlers: the next one is
 * made of them.  A zygote's work is what its front serves, for a while. */
static void
fallen(struct sup_generation *generation, uint64_t lived_ms)
{
	struct sup *sup = generation->sup;
	bool worked = lived_ms >= SUP_RESPAWN_SERVED_MS &&
	    sup_team_has_served(generation->teams);

	sup_generation_unfork(generation);
	respawn_after(sup, sup_respawn_delay(&sup->zygote_respawn, lived_ms,
	    worked));
}

static void
starting_died(struct sup_generation *generation, int status, const char *how)
{
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL &&
	    !generation->sup->reload.hung;
	char file[MESSAGE_TEXT_MAX];

	memcpy(file, generation->file, sizeof(file));
	sup_reload_crashed(generation, file, how, killed);
}

/* The end of its link is seen a moment before it can be reaped; who runs on
 * has closed it. */
static bool
closed_its_link(pid_t zygote)
{
	siginfo_t info;

	for (int i = 0; i < LINK_LOOKS; i++) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)zygote, &info,
		    WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid != 0)
			return false;
		usleep(LINK_LOOK_US);
	}
	return true;
}

static void
zygote_died(struct sup_generation *generation)
{
	struct sup *sup = generation->sup;
	uint64_t lived = clock_now_ms() - generation->started_ms;
	char how[128];
	bool lives = closed_its_link(generation->zygote);
	pid_t pid = generation->zygote;
	int status = reap(generation);

	if (lives && !sup->reload.hung)
		snprintf(how, sizeof(how), "closed the host's descriptors");
	else
		describe_death(generation, status, how, sizeof(how));
	log_zygote_death(generation, pid, status, how);
	sup_post_close(&generation->post);
	sup_cache_zygote_died(generation);
	if (sup->phase == SUP_STOPPING)
		sup_generation_destroy(generation);
	else if (generation->state == SUP_GENERATION_STARTING)
		starting_died(generation, lives ? 0 : status, how);
	else if (sup->serving == generation)
		fallen(generation, lived);
	else
		sup_generation_destroy(generation);
}

/* As process 1 of a container, or as one that may have to guard a successor, we
 * inherit the children of a dead zygote. */
static bool
is_ours(const struct sup *sup, pid_t pid)
{
	const struct sup_generation *generation = sup->generations;

	for (; generation != NULL; generation = generation->older)
		if (generation->zygote == pid)
			return true;
	return pid == sup_stage_pid(sup->reload.stage) ||
	    pid == sup_loader_pid(sup->reload.loader) ||
	    pid == sup->upgrade.pid || sup_witness_is_one(sup, pid);
}

static void
reap_orphans(const struct sup *sup)
{
	siginfo_t info = { .si_pid = 0 };

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    info.si_pid != 0 && !is_ours(sup, info.si_pid)) {
		waitpid(info.si_pid, NULL, 0);
		info.si_pid = 0;
	}
}

void
sup_generation_on_link(uv_poll_t *poll, int status, int events)
{
	struct sup_generation *generation = poll->data;
	struct message message;

	reap_orphans(generation->sup);
	(void)status;
	switch (sup_post_receive(&generation->post, events, &message)) {
	case SUP_POST_MESSAGE:
		take(generation, &message);
		break;
	case SUP_POST_ENDED:
		zygote_died(generation);
		break;
	}
}

/* --------------------------------------------------------- its beginning */

struct sup_generation *
sup_generation_create(struct sup *sup, uint32_t number, struct config *config)
{
	struct sup_generation *generation = calloc(1, sizeof(*generation));
	size_t models = config->model_count + 1;

	if (generation == NULL)
		fatal(EXIT_CODE_SYSTEM, "generation");
	generation->sup = sup;
	generation->number = number;
	generation->config = config;
	generation->models = calloc(models, sizeof(*generation->models));
	generation->model_errors = calloc(models, sizeof(char *));
	generation->makers = calloc(models, sizeof(char *));
	if (generation->models == NULL || generation->model_errors == NULL ||
	    generation->makers == NULL)
		fatal(EXIT_CODE_SYSTEM, "table of models");
	generation->older = sup->generations;
	sup->generations = generation;
	return generation;
}

/* ----------------------------------------------------------- while it lives */

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
	struct sup_team **at = &generation->teams;

	while (*at != team)
		at = &(*at)->next;
	*at = team->next;
	sup_team_destroy(team);
	if (generation->teams == NULL &&
	    (generation->state == SUP_GENERATION_LEAVING ||
	    generation->sup->phase == SUP_STOPPING))
		shutdown(generation->post.fd, SHUT_RDWR);
}

void
sup_generation_stop(struct sup_generation *generation)
{
	struct sup_team *team, *next;

	if (generation->teams == NULL && generation->zygote > 0)
		kill(generation->zygote, SIGKILL);
	for (team = generation->teams; team != NULL; team = next) {
		next = team->next;
		sup_team_stop(team, -1);	/* it may be gone at once */
	}
}
