/*
 * sup_switch.c - the new generation serves, the old one finishes and leaves.
 *
 * Runs in: supervisor.
 * Owns: nothing; the socket pairs between fronts belong to these.
 * Invariant: there is always a front that accepts, or the backlog holds what
 * comes; each older front has a link to the one that serves now.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_notify.h"
#include "supervisor/sup_orders.h"
#include "supervisor/sup_pulse.h"

#define LINK_BUFFER	(1 << 20)	/* for some hundred connections */

/* Both ends of a way for connections from an old front to the new one. */
static int
make_way(int ends_out[2])
{
	const int size = LINK_BUFFER;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, ends_out) < 0)
		return -1;
	setsockopt(ends_out[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return 0;
}

/* One that cannot pass anything on still finishes what it has. */
static void
retire(struct sup_team *old, struct sup_team *new)
{
	struct message take = { .type = MESSAGE_TAKE };
	int ends[2];

	if (new == NULL || make_way(ends) < 0) {
		log_warn("a way from the old front to the new one");
		sup_team_stop(old, -1);
		return;
	}
	sup_child_tell(&new->front, &take, &ends[1], 1);
	sup_team_stop(old, ends[0]);
	close(ends[0]);
	close(ends[1]);
}

/* Each team that is not `new` and has a front. */
static void
retire_all_for(struct sup *sup, struct sup_team *new)
{
	struct sup_generation *generation = sup->generations, *older;
	struct sup_team *team, *next;

	for (; generation != NULL; generation = older) {
		older = generation->older;
		if (generation->state != SUP_GENERATION_LEAVING)
			continue;
		for (team = generation->teams; team != NULL; team = next) {
			next = team->next;
			retire(team, new);
		}
	}
}

void
sup_switch_front_ready(struct sup_team *team)
{
	struct message serve = { .type = MESSAGE_SERVE };

	sup_orders_tell(team);
	sup_child_tell(&team->front, &serve, NULL, 0);
	sup_pulse_begin(team->generation->sup);
	retire_all_for(team->generation->sup, team);
}

void
sup_switch_notify(const struct sup_team *from, const struct message *message)
{
	const struct sup_generation *serving = from->generation->sup->serving;
	struct message copy = *message;

	if (serving != NULL && serving->teams != NULL &&
	    serving->teams != from)
		sup_child_tell(&serving->teams->front, &copy, NULL, 0);
}

/* ------------------------------------------------------------- its manifest */

static void
fill_file(const struct sup_generation *generation,
    const struct sup_pick *pick, struct sup_file *out)
{
	const struct handler_version *version = sup_pick_version(pick);

	*out = pick->kept;
	if (pick->set_aside[0] != '\0')
		memcpy(out->held, pick->set_aside, sizeof(out->held));
	else if (!pick->held)
		out->held[0] = '\0';
	if (version == NULL) {
		memset(&out->version, 0, sizeof(out->version));
		memcpy(out->version.name, pick->fresh.name,
		    sizeof(out->version.name));
		return;
	}
	/* Same bytes in another file: only its identity is new. */
	if (strcmp(pick->fresh.sha256, version->sha256) == 0)
		version = &pick->fresh;
	out->version = *version;
	if (pick->choice == SUP_PICK_FRESH) {
		out->since = generation->number;
		out->since_at = generation->since_at;
	}
}

/* Files that are served, and those that a rollback holds back. */
static void
fill_files(struct sup_generation *generation, const struct sup_picks *picks)
{
	struct sup_manifest *manifest = &generation->manifest;

	manifest->files = calloc(picks->count + 1, sizeof(*manifest->files));
	if (manifest->files == NULL)
		fatal(EXIT_CODE_SYSTEM, "manifest");
	for (size_t i = 0; i < picks->count; i++) {
		struct sup_file *file = &manifest->files[manifest->file_count];

		fill_file(generation, &picks->list[i], file);
		if (file->version.sha256[0] != '\0' || file->held[0] != '\0')
			manifest->file_count++;
	}
}

static void
fill_models(struct sup_generation *generation)
{
	struct sup_manifest *manifest = &generation->manifest;
	size_t count = generation->config->model_count;

	manifest->models = calloc(count + 1, sizeof(*manifest->models));
	if (manifest->models == NULL)
		fatal(EXIT_CODE_SYSTEM, "manifest");
	for (size_t i = 0; i < count; i++) {
		const struct sup_model *model = generation->models[i];
		struct sup_kept_model *kept =
		    &manifest->models[manifest->model_count];

		if (model == NULL)
			continue;
		manifest->model_count++;
		memcpy(kept->name, model->image.name, sizeof(kept->name));
		memcpy(kept->sha256, model->image.sha256,
		    sizeof(kept->sha256));
		kept->bytes = model->fd >= 0 ? model->image.length :
		    model->image.source_length;
		kept->kind = model->image.kind;
	}
}

/* A disk that is full costs the way back, not the service. */
static void
store(struct sup_generation *generation)
{
	struct sup *sup = generation->sup;
	struct err err;

	generation->kept = sup_store_finish(sup->store, &generation->manifest,
	    generation->config->text, generation->config->text_length,
	    &err) == 0;
	if (!generation->kept)
		log_warnx("generation %u serves, but cannot be kept for a "
		    "rollback: %s", generation->number, err.text);
}

void
sup_switch_prune(struct sup *sup)
{
	struct sup_generation *generation = sup->generations;
	uint32_t in_use[64];
	size_t count = 0;

	for (; generation != NULL; generation = generation->older)
		if (count < sizeof(in_use) / sizeof(in_use[0]))
			in_use[count++] = generation->number;
	sup_store_prune(sup->store, sup_config(sup)->keep_generations, in_use,
	    count);
}

static void
write_manifest(struct sup_generation *generation)
{
	const struct sup_reload *reload = &generation->sup->reload;
	struct sup_manifest *manifest = &generation->manifest;

	manifest->number = generation->number;
	manifest->made_at = generation->since_at;
	snprintf(manifest->trigger, sizeof(manifest->trigger), "%s",
	    sup_trigger_name(reload->trigger));
	if (reload->trigger == SUP_TRIGGER_ROLLBACK)
		manifest->rolled_back_to = reload->wanted;
	fill_files(generation, &reload->picks);
	fill_models(generation);
	store(generation);
}

/* --------------------------------------------------------------- the switch */

/* An old generation whose zygote is dead has nothing left to finish. */
static void
leave(struct sup_generation *old)
{
	if (old == NULL)
		return;
	old->state = SUP_GENERATION_LEAVING;
	if (old->zygote == 0)
		sup_generation_destroy(old);
	else if (old->teams == NULL)
		shutdown(old->post.fd, SHUT_RDWR);
}

/* A host before us hands over what it serves: connections come from it. */
static void
take_over(struct sup_generation *generation)
{
	struct message take = { .type = MESSAGE_TAKE };
	struct sup *sup = generation->sup;
	int ends[2];

	if (make_way(ends) < 0)
		fatal(EXIT_CODE_SYSTEM, "a way from the host before");
	sup_child_tell(&generation->teams->front, &take, &ends[1], 1);
	sup_successor_take_over(sup, ends[0]);
	close(ends[0]);
	close(ends[1]);
	sup_control_serve(sup);
	sup_models_drop_unused(sup);
}

void
sup_switch(struct sup_generation *generation)
{
	struct sup *sup = generation->sup;
	struct sup_generation *old = sup->serving;
	bool first = sup->phase != SUP_SERVING;

	generation->since_at = time(NULL);
	generation->state = SUP_GENERATION_SERVING;
	sup->serving = generation;
	leave(old);
	if (sup->successor_link >= 0)
		take_over(generation);
	sup_switch_front_ready(generation->teams);
	if (!generation->closed) {
		sup_place_tidy(sup, generation->number);
		write_manifest(generation);
		sup_outcome_files(sup, sup->reload.outcome);
	}
	log_set_level(generation->config->log_level);
	sup_source_watch(sup);
	sup_switch_prune(sup);
	if (first)
		sup_serving(sup);
	else
		sup_notify_look(sup);
}
