/*
 * handler_set.c - all handlers of a generation, in the order of their names.
 *
 * Runs in: zygote, loader and the tools make it; front and workers read it.
 * Owns: the set, its handlers and routes.
 * Invariant: a refused handler has `error` and no route; one bad file never
 * keeps the others from loading.
 */
#include "common/handler_set.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/handler_load.h"

static handler_watch	*watch_call;
static void		*watch_context;

void
handler_set_watch(handler_watch *watch, void *context)
{
	watch_call = watch;
	watch_context = context;
}

bool
handler_watched(const char *file)
{
	return watch_call == NULL || watch_call(watch_context, file);
}

/* ------------------------------------------------------ the directory */

static int
is_handler_file(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	/* Names with a dot in front are how copying tools hide their work. */
	return length > 3 && entry->d_name[0] != '.' &&
	    strcmp(entry->d_name + length - 3, ".so") == 0;
}

static int
compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Until it has told its own, a handler's name is that of its file. */
static int
name_file(struct handler *handler, const char *directory, const char *base)
{
	if (asprintf(&handler->file, "%s/%s", directory, base) < 0) {
		handler->file = NULL;
		return -1;
	}
	handler->name = strndup(base, strlen(base) - 3);
	return handler->name != NULL ? 0 : -1;
}

static int
list_files(struct handler_set *set, struct err *err)
{
	const char *directory = set->config->handlers;
	struct dirent **entries;
	int count, rc = 0;

	count = scandir(directory, &entries, is_handler_file, compare_names);
	if (count < 0)
		return err_sys(err, "the handler directory %s cannot be read",
		    directory);
	set->handlers = calloc((size_t)count + 1, sizeof(*set->handlers));
	if (set->handlers == NULL)
		rc = err_sys(err, "the handlers of %s", directory);
	for (int i = 0; i < count; i++) {
		if (rc == 0) {
			struct handler *handler = &set->handlers[i];

			handler->index = (uint32_t)i;
			handler->host.set = set;
			handler->host.handler = handler;
			set->handler_count++;
			if (name_file(handler, directory,
			    entries[i]->d_name) < 0)
				rc = err_sys(err, "the handlers of %s",
				    directory);
		}
		free(entries[i]);
	}
	free(entries);
	return rc;
}

/* ------------------------------------------------------------ loading */

static const char *
base_of(const struct handler *handler)
{
	return strrchr(handler->file, '/') + 1;
}

/* A handler's name and the models it makes belong to the first that has
 * them. */
static int
check_unique(const struct handler_set *set, const struct handler *handler,
    struct err *err)
{
	const struct fh_model_def *models = handler->desc.models;
	const struct handler *other;

	for (size_t i = 0; i < handler->index; i++) {
		other = &set->handlers[i];
		if (other->error == NULL &&
		    strcmp(other->name, handler->name) == 0)
			return err_set(err, "its name \"%s\" is taken by %s",
			    handler->name, base_of(other));
	}
	for (size_t i = 0; models[i].name != NULL; i++) {
		if (handler_set_model_def(set, models[i].name, &other) != NULL
		    && other != handler)
			return err_set(err, "model \"%s\" is made by %s "
			    "already", models[i].name, base_of(other));
	}
	return 0;
}

static void
load_one(struct handler_set *set, struct handler *handler,
    const char *copy_dir, handler_report *report, void *context)
{
	struct err err = { "" };

	if (!handler_watched(handler->file)) {
		handler_refuse(handler, "left out", report, context);
		return;
	}
	if (handler_load(handler, copy_dir, &err) < 0 ||
	    check_unique(set, handler, &err) < 0 ||
	    handler_routes_add(set, handler, &err) < 0)
		handler_refuse(handler, err.text, report, context);
}

struct handler_set *
handler_set_load(const struct config *config, const char *copy_dir,
    handler_report *report, void *context, struct err *err)
{
	struct handler_set *set = calloc(1, sizeof(*set));

	if (set == NULL) {
		err_sys(err, "the handlers");
		return NULL;
	}
	set->config = config;
	if (list_files(set, err) < 0) {
		handler_set_free(set);
		return NULL;
	}
	for (size_t i = 0; i < set->handler_count; i++)
		load_one(set, &set->handlers[i], copy_dir, report, context);
	handler_watched("");
	set->root = route_tree_create(set->routes, set->route_count);
	if (set->root == NULL) {
		err_sys(err, "the routes");
		handler_set_free(set);
		return NULL;
	}
	handler_apply_report(set, report, context);
	return set;
}

void
handler_set_free(struct handler_set *set)
{
	if (set == NULL)
		return;
	route_tree_destroy(set->root);
	for (size_t i = 0; i < set->route_count; i++)
		route_finish(&set->routes[i]);
	for (size_t i = 0; i < set->handler_count; i++)
		handler_unload(&set->handlers[i]);
	free(set->routes);
	free(set->handlers);
	free(set);
}
