/*
 * handler_descriptor.c - the descriptor in a handler, checked and copied.
 *
 * Runs in: zygote, loader and the tools.
 * Owns: desc.routes and desc.models of each handler, copies of its tables.
 * Invariant: after handler_descriptor_copy() nobody needs to know the sizes
 * that the handler was compiled with.
 */
#include <stdlib.h>
#include <string.h>

#include "common/handler_load.h"

#define ENTRIES_MAX	4096
#define SIZE_MAX_SANE	4096

/* The sizes of ABI 1.0: where its last member ends.  They never change. */
#define END_OF(type, member) \
	(offsetof(type, member) + sizeof(((type *)NULL)->member))
#define HANDLER_SIZE_1_0	END_OF(struct fh_handler, worker_fini)
#define ROUTE_SIZE_1_0		END_OF(struct fh_route, summary)
#define MODEL_SIZE_1_0		END_OF(struct fh_model_def, max_bytes)

static int
check_size(const char *what, uint32_t size, size_t least, struct err *err)
{
	if (size >= least && size <= SIZE_MAX_SANE)
		return 0;
	return err_set(err, "its struct %s has %u bytes, ABI %d.%d has %zu: "
	    "build it with this host's handler.h", what, size, FH_ABI_MAJOR,
	    FH_ABI_MINOR, least);
}

int
handler_descriptor_check(const uint8_t bytes[16], struct err *err)
{
	struct fh_handler first;

	memset(&first, 0, sizeof(first));
	memcpy(&first, bytes, 16);
	if (first.abi_major != FH_ABI_MAJOR)
		return err_set(err, "is built for ABI %u.%u, this host has "
		    "%d.%d: build it with this host's handler.h",
		    first.abi_major, first.abi_minor, FH_ABI_MAJOR,
		    FH_ABI_MINOR);
	if (first.abi_minor > FH_ABI_MINOR)
		return err_set(err, "is built for ABI %u.%u, newer than this "
		    "host's %d.%d: update the host, or build it with this "
		    "host's handler.h", first.abi_major, first.abi_minor,
		    FH_ABI_MAJOR, FH_ABI_MINOR);
	if (check_size("fh_handler", first.size, HANDLER_SIZE_1_0, err) < 0 ||
	    check_size("fh_route", first.route_size, ROUTE_SIZE_1_0, err) < 0)
		return -1;
	return check_size("fh_model_def", first.model_size, MODEL_SIZE_1_0,
	    err);
}

/*
 * Copies a table whose entries have `from_size` bytes and end with one whose
 * pointer at `key` is NULL, into entries of `to_size` bytes.
 */
static void *
copy_table(const void *table, size_t from_size, size_t to_size, size_t key,
    const char *what, struct err *err)
{
	size_t least = from_size < to_size ? from_size : to_size;
	const char *from = table;
	size_t count = 0;
	char *copy;

	for (; count < ENTRIES_MAX; count++) {
		const void *pointer;

		memcpy(&pointer, from + count * from_size + key,
		    sizeof(pointer));
		if (pointer == NULL)
			break;
	}
	if (count == ENTRIES_MAX) {
		err_set(err, "its table of %s has no end: write it with "
		    "FH_ROUTES(...) and FH_MODELS(...)", what);
		return NULL;
	}
	copy = calloc(count + 1, to_size);
	if (copy == NULL) {
		err_sys(err, "its table of %s", what);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		memcpy(copy + i * to_size, from + i * from_size, least);
	return copy;
}

static int
check_name(const char *what, const char *name, struct err *err)
{
	size_t length;

	if (name == NULL)
		return err_set(err, "has a %s without a name", what);
	length = strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
	if (length == 0 || name[length] != '\0' || length > CONFIG_NAME_MAX)
		return err_set(err, "%s name \"%.80s\": a name is 1 to %d "
		    "letters, digits, '-', '_' and '.'", what, name,
		    CONFIG_NAME_MAX);
	return 0;
}

static int
check_models(const struct fh_model_def *models, struct err *err)
{
	for (size_t i = 0; models[i].name != NULL; i++) {
		if (check_name("model", models[i].name, err) < 0)
			return -1;
		if (models[i].build == NULL && models[i].preload == NULL)
			return err_set(err, "model \"%s\" has neither build "
			    "nor preload (kind \"file\" needs no entry)",
			    models[i].name);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(models[i].name, models[k].name) == 0)
				return err_set(err, "has model \"%s\" twice",
				    models[i].name);
		}
	}
	return 0;
}

static int
copy_tables(struct handler *handler, struct err *err)
{
	static const struct fh_route no_routes[1];
	static const struct fh_model_def no_models[1];
	struct fh_handler *desc = &handler->desc;
	const struct fh_route *routes = desc->routes;
	const struct fh_model_def *models = desc->models;

	if (routes == NULL) {
		routes = no_routes;
		desc->route_size = sizeof(*routes);
	}
	if (models == NULL) {
		models = no_models;
		desc->model_size = sizeof(*models);
	}
	desc->models = NULL;
	desc->routes = copy_table(routes, desc->route_size, sizeof(*routes),
	    offsetof(struct fh_route, path), "routes", err);
	if (desc->routes == NULL)
		return -1;
	desc->models = copy_table(models, desc->model_size, sizeof(*models),
	    offsetof(struct fh_model_def, name), "models", err);
	if (desc->models == NULL)
		return -1;
	desc->route_size = sizeof(*routes);
	desc->model_size = sizeof(*models);
	return 0;
}

int
handler_descriptor_copy(struct handler *handler,
    const struct fh_handler *descriptor, struct err *err)
{
	struct fh_handler *desc = &handler->desc;
	size_t size = descriptor->size;
	char *name;

	memset(desc, 0, sizeof(*desc));
	memcpy(desc, descriptor, size < sizeof(*desc) ? size : sizeof(*desc));
	desc->size = sizeof(*desc);
	if (copy_tables(handler, err) < 0)
		return -1;
	if (desc->name == NULL)
		return err_set(err, "has no name: FH_HANDLER(.name = \"...\", "
		    "...)");
	if (check_name("handler", desc->name, err) < 0 ||
	    check_models(desc->models, err) < 0)
		return -1;
	if (desc->routes[0].path == NULL && desc->models[0].name == NULL)
		return err_set(err, "has neither routes nor models");
	name = strdup(desc->name);
	if (name == NULL)
		return err_sys(err, "its name");
	free(handler->name);
	handler->name = name;
	return 0;
}

void
handler_descriptor_free(struct handler *handler)
{
	free((void *)(uintptr_t)handler->desc.routes);
	free((void *)(uintptr_t)handler->desc.models);
	handler->desc.routes = NULL;
	handler->desc.models = NULL;
}
