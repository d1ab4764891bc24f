/*
 * zyg_load.c - brings a generation's handlers and models into the zygote.
 *
 * Runs in: zygote, before its first fork.
 * Owns: the handler set and the models' mappings, for the process's life.
 * Invariant: no model descriptor is open afterwards (a forgotten one would keep
 * an old model's memory alive in every process forked from here); a refused
 * file is told before the word that all are done.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cache.h"
#include "access/access.h"
#include "common/hash.h"
#include "common/log.h"
#include "model/model.h"
#include "zygote/zyg.h"

void
zyg_fail(const struct zyg *zyg, const char *why)
{
	struct message message = { .type = MESSAGE_FAILED };

	snprintf(message.text, sizeof(message.text), "%s", why);
	zyg_say(zyg, &message);
	_exit(EXIT_CODE_CONFIG);
}

static uint32_t
slot_of(const struct zyg *zyg, const struct handler *handler)
{
	return zyg->start->slots[handler->index];
}

/* A model that could not be made is its handler's fault where it is needed. */
static bool
makes_required(const struct zyg *zyg, const struct handler *handler)
{
	const struct fh_model_def *def = handler->desc.models;

	for (; def != NULL && def->name != NULL; def++) {
		const struct config_model *model = config_model(
		    zyg->start->config, def->name);

		if (model != NULL && model->required &&
		    model->kind == CONFIG_MODEL_PRELOAD)
			return true;
	}
	return false;
}

static void
report(void *context, const struct handler *about, const char *sentence)
{
	const struct zyg *zyg = context;
	struct message message = { .type = MESSAGE_HANDLER,
	    .slot = SLOT_NONE };

	if (about != NULL && about->error != NULL) {
		message.slot = slot_of(zyg, about);
		sentence = about->error;
		if (about->rival != NULL)
			message.extra = 1 + slot_of(zyg, about->rival);
	} else if (about != NULL && makes_required(zyg, about))
		message.slot = slot_of(zyg, about);
	snprintf(message.text, sizeof(message.text), "%s", sentence);
	zyg_say(zyg, &message);
}

static uint32_t
slot_of_file(const struct zyg *zyg, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash != NULL ? slash + 1 : file;

	for (size_t i = 0; i < zyg->start->name_count; i++)
		if (strcmp(zyg->start->names[i], name) == 0)
			return zyg->start->slots[i];
	return SLOT_NONE;
}

/* Its code has run: has it done what no file may do in here? */
static void
check_harm(struct zyg *zyg)
{
	struct message message = { .type = MESSAGE_HANDLER, .value = 1,
	    .slot = slot_of_file(zyg, zyg->running) };
	struct err why;

	if (zyg->running[0] == '\0' || zyg_harm_check(zyg, &why) == 0)
		return;
	snprintf(message.text, sizeof(message.text), "%s", why.text);
	zyg_say(zyg, &message);
	if (zyg->spoilt)	/* or it would be the next one's fault too */
		zyg_fail(zyg, why.text);
}

/* Should its code take us along, the supervisor can say whose it was. */
static bool
say_file(void *context, const char *file)
{
	struct zyg *zyg = context;
	struct message message = { .type = MESSAGE_FILE };

	check_harm(zyg);
	snprintf(zyg->running, sizeof(zyg->running), "%s", file);
	snprintf(message.text, sizeof(message.text), "%s", file);
	zyg_say(zyg, &message);
	return true;
}

/* Which file makes which of the configured models. */
static void
say_makers(const struct zyg *zyg)
{
	const struct config *config = zyg->start->config;

	for (size_t i = 0; i < config->model_count; i++) {
		struct message message = { .type = MESSAGE_MAKER };
		const struct handler *maker;

		if (handler_set_model_def(zyg->set, config->models[i].name,
		    &maker) == NULL)
			continue;
		message.slot = slot_of(zyg, maker);
		snprintf(message.text, sizeof(message.text), "%s",
		    config->models[i].name);
		zyg_say(zyg, &message);
	}
}

static int
check_copy(const struct zygote_start *start, size_t index, struct err *err)
{
	char path[PATH_MAX], sha256[HASH_TEXT];
	struct stat status;
	int fd, rc;

	snprintf(path, sizeof(path), "%s/%s", start->copies,
	    start->names[index]);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return err_sys(err, "its kept copy cannot be opened");
	rc = fstat(fd, &status) < 0 ? err_sys(err, "its kept copy") :
	    hash_file(fd, (uint64_t)status.st_size, sha256, err);
	close(fd);
	if (rc < 0 || strcmp(sha256, start->sha256[index]) == 0)
		return rc;
	return err_set(err, "its kept copy has been changed: its sha256 is "
	    "%.12s..., and was %.12s...", sha256, start->sha256[index]);
}

/* The service's user, whom handlers run as, could write to copies. */
static void
check_copies(struct zyg *zyg, struct zygote_start *start)
{
	size_t kept = 0;

	for (size_t i = 0; i < start->name_count; i++) {
		struct message message = { .type = MESSAGE_HANDLER,
		    .slot = start->slots[i], .value = 1 };
		struct err why;

		if (check_copy(start, i, &why) == 0) {
			start->names[kept] = start->names[i];
			start->slots[kept++] = start->slots[i];
			continue;
		}
		snprintf(message.text, sizeof(message.text), "%s", why.text);
		zyg_say(zyg, &message);
	}
	start->name_count = kept;
}

void
zyg_load(struct zyg *zyg, struct zygote_start *start)
{
	struct handler_source source = { .copies = start->copies,
	    .names = start->names };
	struct message loaded = { .type = MESSAGE_LOADED };
	struct err err;

	start->access = access_create(start->config, &err);
	if (start->access == NULL)
		zyg_fail(zyg, err.text);
	zyg_harm_begin(zyg);
	check_copies(zyg, start);
	source.count = start->name_count;
	handler_set_watch(say_file, zyg);
	zyg->set = handler_set_load(start->config, &source, report, zyg, &err);
	if (zyg->set == NULL)
		zyg_fail(zyg, err.text);
	say_makers(zyg);
	zyg_say(zyg, &loaded);
}

/* ------------------------------------------------------------------ models */

/* One of kind preload is made later, by its handler. */
static int
bring_in(const struct zyg *zyg, size_t index, struct fh_model *model_out,
    struct err *err)
{
	const struct model_image *image = &zyg->images[index];
	int fd = zyg->model_fds[index];
	int result;

	if (fd >= 0) {
		result = model_map(image, fd, model_out, err);
		close(fd);
		return result;
	}
	model_out->name = image->name;
	model_out->sha256 = image->sha256;
	model_out->version = image->version;
	return 0;
}

static void
bring_models(struct zyg *zyg)
{
	size_t loaded = 0;
	struct err err;

	zyg->models = calloc(zyg->image_count + 1, sizeof(*zyg->models));
	if (zyg->models == NULL)
		zyg_fail(zyg, "no memory for the table of models");
	for (size_t i = 0; i < zyg->image_count; i++) {
		if (bring_in(zyg, i, &zyg->models[loaded], &err) < 0)
			zyg_fail(zyg, err.text);
		loaded++;
	}
	handler_set_models(zyg->set, zyg->models, loaded);
}

/* handler_set_preload() has taken out those that could not be made. */
static void
check_required(const struct zyg *zyg)
{
	for (size_t i = 0; i < zyg->image_count; i++) {
		const char *name = zyg->images[i].name;
		struct err why;

		if (!config_model(zyg->start->config, name)->required ||
		    handler_set_model(zyg->set, name) != NULL)
			continue;
		err_set(&why, "model \"%s\": its handler could not make it",
		    name);
		zyg_fail(zyg, why.text);
	}
}

/* After all of the handlers' code that runs in here. */
static void
bring_cache(struct zyg *zyg)
{
	struct err err;
	struct cache *cache = cache_map(zyg->start->cache_fd, &err);

	if (cache == NULL)
		zyg_fail(zyg, err.text);
	close(zyg->start->cache_fd);
	handler_set_cache(zyg->set, cache);
}

void
zyg_preload(struct zyg *zyg)
{
	struct message done = { .type = MESSAGE_PRELOADED };
	struct err err;

	bring_models(zyg);
	handler_set_preload(zyg->set, report, zyg);
	handler_own_prepare(zyg->set);
	malloc_trim(0);
	if (handler_set_ready(zyg->set, &err) < 0)
		zyg_fail(zyg, err.text);
	check_required(zyg);
	bring_cache(zyg);
	zyg->geometry = shm_geometry_create(zyg->start->config,
	    (uint32_t)zyg->set->route_count);
	if (zyg->geometry == NULL)
		zyg_fail(zyg, "no memory for the layout of shared memory");
	done.value = (int32_t)zyg->set->route_count;
	done.slot = (uint32_t)handler_set_jobs(zyg->set);
	for (size_t i = 0; i < zyg->set->handler_count; i++)
		done.extra += zyg->set->handlers[i].error == NULL &&
		    !zyg->set->handlers[i].own;
	zyg_say(zyg, &done);
}
