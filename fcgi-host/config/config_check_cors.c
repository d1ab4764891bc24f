/*
 * config_check_cors.c - pages of other origins: for all routes, and for one.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing.
 * Invariant: what is said of an origin is what browsers understand, fits into
 * a reply's header, and lets in nobody by accident; that holds for the rules
 * of each route as they are after the options outside of sections.
 */
#include "config/config_values.h"

#include <string.h>

#include "config/config_value.h"
#include "wire/wire_text.h"

#define ORIGIN_MAX	500	/* bytes */

/* Where an option stands, or else what it is about. */
static unsigned
line_of(const struct config_instance *instance, const char *name)
{
	unsigned line = config_line_of(instance, name);

	return line != 0 ? line : instance->line;
}

/* ------------------------------------------------------------------- words */

static void
check_origin(const char *origin, unsigned line, struct config_faults *faults)
{
	const char *authority = strstr(origin, "://");

	if (strlen(origin) > ORIGIN_MAX)
		config_fault(faults, line, "cors_origins", "an origin is over "
		    "%d bytes", ORIGIN_MAX);
	else if (strcmp(origin, "*") != 0 && (authority == NULL ||
	    authority[3] == '\0' || strpbrk(authority + 3, "/?# ") != NULL))
		config_fault(faults, line, "cors_origins", "\"%.80s\" is no "
		    "origin: write it as browsers do, "
		    "\"https://app.example\"", origin);
}

static void
check_origins(char *const *items, const struct config_instance *instance,
    struct config_faults *faults)
{
	for (; items != NULL && *items != NULL; items++)
		check_origin(*items, line_of(instance, "cors_origins"),
		    faults);
}

static void
check_headers(char *const *items, const struct config_instance *instance,
    const char *name, struct config_faults *faults)
{
	for (; items != NULL && *items != NULL; items++)
		if (!wire_is_token(*items, strlen(*items)))
			config_fault(faults, line_of(instance, name), name,
			    "\"%.80s\" is no name of a header", *items);
}

/* ------------------------------------------------------------------- rules */

/* The characters of the lists, and as many for what is around them. */
static size_t
room_of(char *const *items)
{
	size_t room = 100;

	for (; items != NULL && *items != NULL; items++)
		room += strlen(*items) + 2;
	return room;
}

static void
check_anybody(const struct config_cors *cors,
    const struct config_instance *instance, struct config_faults *faults)
{
	const char *name = config_line_of(instance, "cors_origins") != 0 ?
	    "cors_origins" : "cors_credentials";
	bool anybody = false;
	size_t count = 0;

	for (; cors->origins != NULL && cors->origins[count] != NULL; count++)
		anybody |= strcmp(cors->origins[count], "*") == 0;
	if (anybody && (cors->credentials || count > 1))
		config_fault(faults, line_of(instance, name), name, "\"*\" "
		    "stands alone, and not with cors_credentials: name the "
		    "origins");
}

static void
check_room(const struct config *config, const struct config_cors *cors,
    const struct config_instance *instance, struct config_faults *faults)
{
	if (cors->origins != NULL &&
	    config->header_limit < 2 * CONFIG_CORS_ROOM)
		config_fault(faults, line_of(instance, "cors_origins"),
		    "cors_origins", "header_limit is under %d bytes, too few "
		    "for what is said of origins", 2 * CONFIG_CORS_ROOM);
	if (room_of(cors->headers) + room_of(cors->expose) >
	    CONFIG_CORS_ROOM - 800)
		config_fault(faults, line_of(instance, "cors_headers"),
		    "cors_headers", "they and cors_expose are over %d bytes",
		    CONFIG_CORS_ROOM - 1000);
}

/* What stands outside of sections is judged there alone. */
static void
check_route(const struct config *config, const struct config_route *route,
    const struct config_instance *instance, struct config_faults *faults)
{
	struct config_cors cors = config_cors_of(config, route);

	check_origins(route->cors_origins, instance, faults);
	check_headers(route->cors_headers, instance, "cors_headers", faults);
	check_headers(route->cors_expose, instance, "cors_expose", faults);
	if (route->cors_origins != NULL ||
	    route->cors_credentials != CONFIG_UNSET)
		check_anybody(&cors, instance, faults);
	if (route->cors_origins != NULL || route->cors_headers != NULL ||
	    route->cors_expose != NULL)
		check_room(config, &cors, instance, faults);
}

void
config_check_cors(const struct config *config,
    const struct config_statements *statements, struct config_faults *faults)
{
	const struct config_instance *top = &statements->list[0];
	struct config_cors cors = config_cors_of(config, NULL);
	size_t routes = 0;

	check_origins(config->cors_origins, top, faults);
	check_headers(config->cors_headers, top, "cors_headers", faults);
	check_headers(config->cors_expose, top, "cors_expose", faults);
	check_anybody(&cors, top, faults);
	check_room(config, &cors, top, faults);
	for (size_t i = 0; i < statements->count; i++)
		if (statements->list[i].kind == CONFIG_SECTION_ROUTE)
			check_route(config, &config->routes[routes++],
			    &statements->list[i], faults);
}
