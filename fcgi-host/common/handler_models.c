/*
 * handler_models.c - the models of a set, and what runs before the forks.
 *
 * Runs in: zygote and the tools (preload); loader (handler_set_model_def).
 * Owns: nothing; the array of models is its giver's.
 * Invariant: a model that could not be made is not in the array, so that no
 * handler sees half of one.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/handler_load.h"
#include "common/log.h"

const struct fh_model_def *
handler_set_model_def(const struct handler_set *set, const char *name,
    const struct handler **handler_out)
{
	for (size_t i = 0; i < set->handler_count; i++) {
		const struct handler *handler = &set->handlers[i];
		const struct fh_model_def *def = handler->desc.models;

		for (; handler->error == NULL && def != NULL &&
		    def->name != NULL; def++) {
			if (strcmp(def->name, name) != 0)
				continue;
			if (handler_out != NULL)
				*handler_out = handler;
			return def;
		}
	}
	return NULL;
}

void
handler_set_cache(struct handler_set *set, struct cache *cache)
{
	set->cache = cache;
}

void
handler_set_models(struct handler_set *set, struct fh_model *models,
    size_t count)
{
	set->models = models;
	set->model_count = count;
}

struct fh_model *
handler_set_model(const struct handler_set *set, const char *name)
{
	for (size_t i = 0; i < set->model_count; i++) {
		if (strcmp(set->models[i].name, name) == 0)
			return &set->models[i];
	}
	return NULL;
}

/* ---------------------------------------------------- models of a library */

static int
map_source(struct fh_source *source, struct err *err)
{
	struct stat status;
	void *data;
	int fd = open(source->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "%s cannot be opened", source->path);
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_size == 0) {
		close(fd);
		return err_set(err, "%s is no file, or is empty",
		    source->path);
	}
	source->length = (size_t)status.st_size;
	data = mmap(NULL, source->length, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return err_sys(err, "%s cannot be mapped", source->path);
	source->data = data;
	return 0;
}

static int
preload_model(const struct handler_set *set, const struct config_model *config,
    struct fh_model *model, const struct handler **maker_out, struct err *err)
{
	const struct fh_model_def *def = handler_set_model_def(set,
	    config->name, maker_out);
	struct fh_source source = { .name = config->name,
	    .path = config->path };
	void *object = NULL;
	int rc;

	if (def == NULL || def->preload == NULL)
		return err_set(err, "no loaded handler has a preload "
		    "function for it");
	if (map_source(&source, err) < 0)
		return -1;
	handler_watched((*maker_out)->file);
	rc = def->preload(&source, &object);
	munmap((void *)(uintptr_t)source.data, source.length);
	if (rc != 0)
		return err_set(err, "its preload function returned %d", rc);
	if (object == NULL)
		return err_set(err, "its preload function left no object");
	model->root = object;
	return 0;
}

static void
remove_model(struct handler_set *set, struct fh_model *model)
{
	struct fh_model *end = set->models + set->model_count;

	memmove(model, model + 1, (size_t)(end - (model + 1)) *
	    sizeof(*model));
	set->model_count--;
}

static size_t
preload_models(struct handler_set *set, handler_report *report, void *context)
{
	size_t failed = 0;

	for (size_t i = 0; i < set->config->model_count; i++) {
		const struct config_model *config = &set->config->models[i];
		struct fh_model *model = handler_set_model(set, config->name);
		const struct handler *maker = NULL;
		char sentence[1024];
		struct err err;

		if (config->kind != CONFIG_MODEL_PRELOAD || model == NULL ||
		    model->root != NULL ||
		    preload_model(set, config, model, &maker, &err) == 0)
			continue;
		snprintf(sentence, sizeof(sentence), "model \"%s\": %s",
		    config->name, err.text);
		report(context, maker, sentence);
		remove_model(set, model);
		failed++;
	}
	return failed;
}

/* ------------------------------------------------------ handlers' preload */

size_t
handler_set_preload(struct handler_set *set, handler_report *report,
    void *context)
{
	size_t failed = preload_models(set, report, context);

	for (size_t i = 0; i < set->handler_count; i++) {
		struct handler *handler = &set->handlers[i];
		char reason[80];
		int rc;

		if (handler->error != NULL || handler->desc.preload == NULL)
			continue;
		handler_watched(handler->file);
		rc = handler->desc.preload(&handler->host);
		if (rc == 0)
			continue;
		snprintf(reason, sizeof(reason), "its preload returned %d",
		    rc);
		handler_routes_remove(set, handler);
		handler_refuse(handler, reason, report, context);
		failed++;
	}
	handler_watched("");
	route_tree_destroy(set->root);
	set->root = route_tree_create(set->routes, set->route_count);
	if (set->root == NULL)
		fatal(EXIT_CODE_SYSTEM, "the routes");
	return failed;
}
