/*
 * config_cors.c - whose pages may read what.
 *
 * Runs in: whoever reads a configuration or loads handlers.
 * Owns: nothing.
 * Invariant: an option that a section route sets holds for it whatever stands
 * outside of sections, the empty list included; the others are those.
 */
#include "config/config.h"

static char *const *
list_of(char *const *own, char *const *common)
{
	char *const *list = own != NULL ? own : common;

	return list == NULL || list[0] == NULL ? NULL : list;
}

struct config_cors
config_cors_of(const struct config *config, const struct config_route *route)
{
	struct config_cors cors = {
		.origins = list_of(NULL, config->cors_origins),
		.headers = list_of(NULL, config->cors_headers),
		.expose = list_of(NULL, config->cors_expose),
		.credentials = config->cors_credentials,
		.max_age_ms = config->cors_max_age_ms };

	if (route == NULL)
		return cors;
	cors.origins = list_of(route->cors_origins, cors.origins);
	cors.headers = list_of(route->cors_headers, cors.headers);
	cors.expose = list_of(route->cors_expose, cors.expose);
	if (route->cors_credentials != CONFIG_UNSET)
		cors.credentials = route->cors_credentials != 0;
	if (route->cors_max_age_ms != CONFIG_UNSET)
		cors.max_age_ms = (uint64_t)route->cors_max_age_ms;
	return cors;
}

bool
config_cors_used(const struct config *config)
{
	if (config_cors_of(config, NULL).origins != NULL)
		return true;
	for (size_t i = 0; i < config->route_count; i++)
		if (config_cors_of(config, &config->routes[i]).origins != NULL)
			return true;
	return false;
}
