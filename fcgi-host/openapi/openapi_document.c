/*
 * openapi_document.c - the whole document, from the routes of a set.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: the same routes and configuration give the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "openapi/openapi_private.h"

static struct json_object *
info_of(const struct config *config)
{
	struct json_object *info = json_object_new_object();

	openapi_add(info, "title", openapi_string(config->api_title));
	openapi_add(info, "version", openapi_string(config->api_version));
	if (config->api_description != NULL)
		openapi_add(info, "description",
		    openapi_string(config->api_description));
	return info;
}

static void
add_server(struct json_object *list, const char *url)
{
	struct json_object *server = json_object_new_object();

	openapi_add(server, "url", openapi_string(url));
	json_object_array_add(list, server);
}

/*
 * Relative to where the document is (OpenAPI 3.1, 4.8.5): one step up for each
 * folder that it is in below the mount point, which then need not be known.
 */
static void
add_mount(struct json_object *list, const char *path)
{
	char url[64] = ".";
	size_t length = 0;

	for (path = path != NULL ? path + 1 : ""; *path != '\0'; path++) {
		if (*path != '/' || length + 4 > sizeof(url))
			continue;
		memcpy(url + length, length == 0 ? ".." : "/..",
		    length == 0 ? 3 : 4);
		length += length == 0 ? 2 : 3;
	}
	add_server(list, url);
}

static struct json_object *
servers_of(const struct config *config)
{
	struct json_object *list = json_object_new_array();
	char *const *url = config->api_servers;

	for (; url != NULL && *url != NULL; url++)
		add_server(list, *url);
	if (json_object_array_length(list) == 0)
		add_mount(list, config->openapi_path);
	return list;
}

/* ------------------------------------------------------------------ tags */

static void
note_tags(struct json_object *seen, struct json_object *operation)
{
	struct json_object *tags;

	json_object_object_get_ex(operation, "tags", &tags);
	for (size_t i = 0; i < json_object_array_length(tags); i++)
		openapi_add(seen, json_object_get_string(
		    json_object_array_get_idx(tags, i)), NULL);
}

static int
compare_names(const void *a, const void *b)
{
	struct json_object *const *left = a, *const *right = b;
	struct json_object *x, *y;

	json_object_object_get_ex(*left, "name", &x);
	json_object_object_get_ex(*right, "name", &y);
	return strcmp(json_object_get_string(x), json_object_get_string(y));
}

static struct json_object *
sorted_tags(struct json_object *seen)
{
	struct json_object *list = json_object_new_array();

	json_object_object_foreach(seen, name, unused) {
		struct json_object *tag = json_object_new_object();

		(void)unused;
		openapi_add(tag, "name", json_object_new_string(name));
		json_object_array_add(list, tag);
	}
	json_object_array_sort(list, compare_names);
	return list;
}

/* ----------------------------------------------------------------- paths */

/* What is collected on the way through the routes. */
struct walk {
	struct json_object	*paths, *item, *ids, *tags;
	const struct route	*names;		/* the first of this path */
	const struct config	*config;
	const char		*file;		/* whose tables are read */
	bool			 jobs;		/* some route is a job */
};

static void
open_item(struct walk *walk, const struct route *route)
{
	char *path;

	if (walk->names != NULL && openapi_same_path(walk->names, route))
		return;
	walk->names = route;
	walk->item = json_object_new_object();
	path = openapi_path(route);
	openapi_add(walk->paths, path != NULL ? path : route->path,
	    walk->item);
	free(path);
}

static void
add_route(struct walk *walk, const struct route *route)
{
	char method[OPENAPI_METHOD_MAX];
	struct json_object *operation;

	open_item(walk, route);
	openapi_method(route, method);
	if (json_object_object_get_ex(walk->item, method, NULL))
		return;		/* a rest beside a parameter */
	if (walk->file == NULL ||
	    strcmp(walk->file, route->handler->file) != 0)
		handler_watched(walk->file = route->handler->file);
	operation = openapi_operation(route, walk->names, walk->ids);
	openapi_access_operation(operation, route, walk->config);
	note_tags(walk->tags, operation);
	walk->jobs |= route->job;
	openapi_add(walk->item, method, operation);
}

struct json_object *
openapi_document(const struct handler_set *set)
{
	struct json_object *document = json_object_new_object();
	struct walk walk = { .paths = json_object_new_object(),
	    .ids = json_object_new_object(),
	    .tags = json_object_new_object(), .config = set->config };
	struct json_object *components = openapi_components(set->config);
	const struct route **routes;
	size_t count;

	routes = openapi_sorted(set, &count);
	for (size_t i = 0; i < count; i++)
		add_route(&walk, routes[i]);
	handler_watched("");
	free(routes);
	if (walk.jobs) {
		openapi_add(walk.tags, "jobs", NULL);
		openapi_jobs_paths(walk.paths, set);
		openapi_jobs_components(components);
	}
	openapi_add(document, "openapi", json_object_new_string("3.1.0"));
	openapi_add(document, "info", info_of(set->config));
	openapi_add(document, "servers", servers_of(set->config));
	openapi_add(document, "tags", sorted_tags(walk.tags));
	openapi_add(document, "paths", walk.paths);
	openapi_add(document, "components", components);
	json_object_put(walk.ids);
	json_object_put(walk.tags);
	return document;
}

char *
openapi_document_text(const struct handler_set *set)
{
	struct json_object *document = openapi_document(set);
	const char *text = json_object_to_json_string_ext(document,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	size_t length = text != NULL ? strlen(text) : 0;
	char *copy = text != NULL ? malloc(length + 2) : NULL;

	if (copy != NULL) {
		memcpy(copy, text, length);
		memcpy(copy + length, "\n", 2);
	}
	json_object_put(document);
	return copy;
}
