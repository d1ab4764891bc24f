/*
 * openapi_access.c - who may ask, and how they show who they are.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: a route says what the front asks for, and nothing else is said of
 * a section of the configuration but its name and its header.
 */
#include <string.h>

#include "openapi/openapi_private.h"

static struct json_object *
scheme_of(const struct config_auth *auth)
{
	struct json_object *scheme = json_object_new_object();

	if (auth->type == CONFIG_AUTH_KEY) {
		openapi_add(scheme, "type", json_object_new_string("apiKey"));
		openapi_add(scheme, "in", json_object_new_string("header"));
		openapi_add(scheme, "name", openapi_string(auth->header));
		return scheme;
	}
	openapi_add(scheme, "type", json_object_new_string("http"));
	if (auth->type == CONFIG_AUTH_BASIC) {
		openapi_add(scheme, "scheme", json_object_new_string("basic"));
		return scheme;
	}
	openapi_add(scheme, "scheme", json_object_new_string("bearer"));
	openapi_add(scheme, "bearerFormat", json_object_new_string("JWT"));
	return scheme;
}

void
openapi_access_components(struct json_object *components,
    const struct config *config)
{
	struct json_object *schemes;

	if (config->auth_count == 0)
		return;
	schemes = json_object_new_object();
	for (size_t i = 0; i < config->auth_count; i++)
		openapi_add(schemes, config->auths[i].name,
		    scheme_of(&config->auths[i]));
	openapi_add(components, "securitySchemes", schemes);
}

/* In 3.1 scopes may stand with every kind of scheme. */
static struct json_object *
scopes_of(const struct route *route)
{
	struct json_object *list = json_object_new_array();
	const char *word = route->scopes == NULL ? "" : route->scopes;

	word += strspn(word, " ");
	while (*word != '\0') {
		size_t length = strcspn(word, " ");

		json_object_array_add(list, json_object_new_string_len(word,
		    (int)length));
		word += length;
		word += strspn(word, " ");
	}
	return list;
}

void
openapi_access_operation(struct json_object *operation,
    const struct route *route, const struct config *config)
{
	struct json_object *list;

	if (route->auths == 0)
		return;
	list = json_object_new_array();
	for (size_t i = 0; i < config->auth_count; i++) {
		struct json_object *one;

		if ((route->auths & UINT32_C(1) << i) == 0)
			continue;
		one = json_object_new_object();
		openapi_add(one, config->auths[i].name, scopes_of(route));
		json_object_array_add(list, one);
	}
	openapi_add(operation, "security", list);
}

/* As front/front_access.c and clerk/clerk_ask.c decide. */
void
openapi_access_jobs(struct json_object *operation,
    const struct handler_set *set)
{
	const struct config *config = set->config;
	struct json_object *list;

	if (config->auth_count == 0)
		return;
	list = json_object_new_array();
	for (size_t i = 0; i < config->auth_count; i++) {
		struct json_object *one = json_object_new_object();

		openapi_add(one, config->auths[i].name,
		    json_object_new_array());
		json_object_array_add(list, one);
	}
	if (handler_set_jobs_are_open(set))
		json_object_array_add(list, json_object_new_object());
	openapi_add(operation, "security", list);
}
