/*
 * openapi_operation.c - one route.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: a route without declarations is described as far as it is known.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openapi/openapi_private.h"

/* "users, admin": one after the other, without blanks around. */
static bool
next_tag(const char **cursor, const char **tag_out, size_t *length_out)
{
	const char *at = *cursor + strspn(*cursor, ", \t");
	size_t length = strcspn(at, ",");

	*cursor = at + length;
	while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t'))
		length--;
	*tag_out = at;
	*length_out = length;
	return length > 0;
}

static struct json_object *
tags_of(const struct route *route)
{
	struct json_object *list = json_object_new_array();
	const char *cursor = route->tags != NULL ? route->tags :
	    route->handler->name, *tag;
	size_t length;

	while (next_tag(&cursor, &tag, &length)) {
		char *copy = strndup(tag, length);

		if (copy != NULL)
			json_object_array_add(list, openapi_string(copy));
		free(copy);
	}
	return list;
}

/* "get_users_id" of GET /users/{id}. */
static char *
make_id(const char *method, const char *path)
{
	size_t length = strlen(method);
	char *id = malloc(length + strlen(path) + 2);

	if (id == NULL)
		return NULL;
	memcpy(id, method, length);
	for (; *path != '\0'; path++) {
		if (isalnum((unsigned char)*path))
			id[length++] = *path;
		else if (id[length - 1] != '_')
			id[length++] = '_';
	}
	while (id[length - 1] == '_')
		length--;
	id[length] = '\0';
	return id;
}

/* `ids` has those given so far: a second of that name gets a number. */
static struct json_object *
operation_id(const struct route *route, struct json_object *ids)
{
	char method[OPENAPI_METHOD_MAX], *base, *id = NULL;
	struct json_object *string;
	unsigned number = 1;
	int length = 0;

	openapi_method(route, method);
	base = make_id(method, route->path);
	if (base != NULL)
		length = asprintf(&id, "%s", base);
	while (base != NULL && length >= 0 &&
	    json_object_object_get_ex(ids, id, NULL)) {
		free(id);
		length = asprintf(&id, "%s_%u", base, ++number);
	}
	free(base);
	if (id == NULL || length < 0)
		return NULL;
	string = json_object_new_string(id);
	openapi_add(ids, id, json_object_new_boolean(true));
	free(id);
	return string;
}

static void
add_responses(struct json_object *operation, const struct route *route)
{
	struct json_object *result;

	openapi_add(operation, "responses", openapi_responses(route,
	    &result));
	if (result != NULL && json_object_object_length(result) > 0)
		openapi_add(operation, "x-job-result", result);
	else
		json_object_put(result);
}

static void
add_description(struct json_object *operation, const struct route *route)
{
	char *words = openapi_cache_words(route);
	const char *description = words != NULL ? words : route->description;

	if (description != NULL)
		openapi_add(operation, "description",
		    openapi_string(description));
	free(words);
}

struct json_object *
openapi_operation(const struct route *route, const struct route *names,
    struct json_object *ids)
{
	struct json_object *operation = json_object_new_object();
	struct json_object *parameters = openapi_parameters(route, names);
	struct json_object *body = openapi_body(route);

	openapi_add(operation, "operationId", operation_id(route, ids));
	openapi_add(operation, "tags", tags_of(route));
	if (route->summary[0] != '\0')
		openapi_add(operation, "summary",
		    openapi_string(route->summary));
	add_description(operation, route);
	if (route->deprecated)
		openapi_add(operation, "deprecated",
		    json_object_new_boolean(true));
	if (json_object_array_length(parameters) > 0)
		openapi_add(operation, "parameters", parameters);
	else
		json_object_put(parameters);
	if (body != NULL)
		openapi_add(operation, "requestBody", body);
	add_responses(operation, route);
	openapi_cache_operation(operation, route);
	return operation;
}
