/*
 * handler_set.c - all handlers of a generation, in their order.
 *
 * Runs in: zygote, loader and the tools make it; front and workers read it.
 * Owns: the set, its handlers and routes.
 * Invariant: a refused handler has `error` and no route; one bad file never
 * keeps the others from loading.
 */
#include "common/handler_set.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/handler_copy.h"
#include "common/handler_load.h"
#include "common/log.h"

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
	return handler_is_file_name(entry->d_name);
}

static int
compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Until it has told its own, a handler's name is that of its file. */
static int
add_handler(struct handler_set *set, const char *base, const char *path)
{
	struct handler *handler = &set->handlers[set->handler_count];

	handler->index = (uint32_t)set->handler_count++;
	handler->host.set = set;
	handler->host.handler = handler;
	if (path != NULL)
		handler->file = strdup(path);
	else if (asprintf(&handler->file, "%s/%s", set->config->handlers,
	    base) < 0)
		handler->file = NULL;
	if (handler->file == NULL)
		return -1;
	handler->name = strndup(base, strlen(base) - strlen(".so"));
	return handler->name != NULL ? 0 : -1;
}

static int
add_handlers(struct handler_set *set, const struct handler_source *source,
    struct err *err)
{
	set->handlers = calloc(source->count + handler_own_count() + 1,
	    sizeof(*set->handlers));
	if (set->handlers == NULL)
		return err_sys(err, "the handlers");
	for (size_t i = 0; i < source->count; i++) {
		FH_BUG(!handler_is_file_name(source->names[i]));
		if (add_handler(set, source->names[i], source->paths != NULL ?
		    source->paths[i] : NULL) < 0)
			return err_sys(err, "the handlers");
	}
	return 0;
}

static int
list_directory(struct handler_set *set, struct err *err)
{
	const char *directory = set->config->handlers;
	struct handler_source source = { .copies = directory };
	struct dirent **entries;
	const char **names;
	int count, rc;

	count = scandir(directory, &entries, is_handler_file, compare_names);
	if (count < 0)
		return err_sys(err, "the handler directory %s cannot be read",
		    directory);
	names = calloc((size_t)count + 1, sizeof(*names));
	for (int i = 0; names != NULL && i < count; i++)
		names[i] = entries[i]->d_name;
	source.names = names;
	source.count = (size_t)count;
	rc = names != NULL ? add_handlers(set, &source, err) :
	    err_sys(err, "the handlers");
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free(entries);
	free(names);
	return rc;
}

/* ------------------------------------------------------------ loading */

const char *
handler_base(const struct handler *handler)
{
	const char *slash = strrchr(handler->file, '/');

	return slash != NULL ? slash + 1 : handler->file;
}

/* A handler's name and the models it makes belong to the first that has
 * them. */
static int
check_unique(const struct handler_set *set, struct handler *handler,
    struct err *err)
{
	const struct fh_model_def *models = handler->desc.models;
	const struct handler *other;

	for (size_t i = 0; i < handler->index; i++) {
		other = &set->handlers[i];
		if (other->error != NULL ||
		    strcmp(other->name, handler->name) != 0)
			continue;
		handler->rival = other;
		return err_set(err, "its name \"%s\" is taken by %s",
		    handler->name, handler_base(other));
	}
	for (size_t i = 0; models[i].name != NULL; i++) {
		if (handler_set_model_def(set, models[i].name, &other) == NULL
		    || other == handler)
			continue;
		handler->rival = other;
		return err_set(err, "model \"%s\" is made by %s already",
		    models[i].name, handler_base(other));
	}
	return 0;
}

static int
load_from(struct handler *handler, const struct handler_source *source,
    struct err *err)
{
	char path[PATH_MAX];

	if (source == NULL || source->paths != NULL)
		return handler_load(handler, handler->file, err);
	if (snprintf(path, sizeof(path), "%s/%s", source->copies,
	    handler_base(handler)) >= (int)sizeof(path))
		return err_set(err, "has too long a name for a copy in %s",
		    source->copies);
	return handler_load(handler, path, err);
}

static void
load_one(struct handler_set *set, struct handler *handler,
    const struct handler_source *source, handler_report *report,
    void *context)
{
	struct err err = { "" };

	if (!handler_watched(handler->file)) {
		handler_refuse(handler, HANDLER_LEFT_OUT, report, context);
		return;
	}
	if (load_from(handler, source, &err) < 0 ||
	    check_unique(set, handler, &err) < 0 ||
	    handler_routes_add(set, handler, &err) < 0)
		handler_refuse(handler, err.text, report, context);
}

struct handler_set *
handler_set_load(const struct config *config,
    const struct handler_source *source, handler_report *report,
    void *context, struct err *err)
{
	struct handler_set *set = calloc(1, sizeof(*set));
	int rc;

	if (set == NULL) {
		err_sys(err, "the handlers");
		return NULL;
	}
	set->config = config;
	rc = source == NULL ? list_directory(set, err) :
	    add_handlers(set, source, err);
	if (rc < 0) {
		handler_set_free(set);
		return NULL;
	}
	for (size_t i = 0; i < set->handler_count; i++)
		load_one(set, &set->handlers[i], source, report, context);
	handler_watched("");
	handler_own_add(set, report, context);
	set->root = route_tree_create(set->routes, set->route_count);
	if (set->root == NULL) {
		err_sys(err, "the routes");
		handler_set_free(set);
		return NULL;
	}
	handler_apply_report(set, report, context);
	return set;
}

bool
handler_set_jobs_are_open(const struct handler_set *set)
{
	for (size_t i = 0; i < set->route_count; i++)
		if (set->routes[i].job && set->routes[i].auths == 0)
			return true;
	return config_auth_is_optional(set->config);
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
