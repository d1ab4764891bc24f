/*
 * config_check_auth.c - the sections auth, and who names them.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing.
 * Invariant: a section has what its type needs, and nothing of another one,
 * which would look as if it had an effect.
 */
#include "config/config_values.h"

#include <string.h>

#include "config/config_value.h"
#include "wire/wire_text.h"

#define KEY	(1u << CONFIG_AUTH_KEY)
#define BEARER	(1u << CONFIG_AUTH_BEARER)
#define BASIC	(1u << CONFIG_AUTH_BASIC)

/* Which types have use for an option. */
static const struct {
	const char	*name;
	unsigned	 types;
} uses[] = {
	{ "header", KEY }, { "keys_file", KEY }, { "users_file", BASIC },
	{ "algorithm", BEARER },
	{ "key_file", BEARER }, { "jwks_file", BEARER },
	{ "issuer", BEARER }, { "audience", BEARER }, { "leeway", BEARER },
	{ "scope_claim", BEARER }
};

/* One that only repeats the default misleads nobody. */
static void
check_uses(const struct config_auth *auth,
    const struct config_instance *instance, struct config_faults *faults)
{
	const struct config_section *section =
	    &config_sections[CONFIG_SECTION_AUTH];
	struct config_auth plain = { .name = NULL };

	config_value_defaults(section, &plain);
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		const char *name = uses[i].name;

		if ((uses[i].types & 1u << auth->type) == 0 &&
		    !config_value_equal(config_table_find(section, name,
		    strlen(name)), auth, &plain))
			config_fault(faults, config_line_of(instance, name),
			    name, "is of no use to this type: remove the "
			    "line");
	}
	config_value_release(section, &plain);
}

static void
check_key(const struct config_auth *auth,
    const struct config_instance *instance, struct config_faults *faults)
{
	if (auth->keys_file == NULL)
		config_fault(faults, instance->line, "keys_file", "is missing: "
		    "add keys_file = \"/PATH\"");
	if (auth->header != NULL && !wire_is_token(auth->header,
	    strlen(auth->header)))
		config_fault(faults, config_line_of(instance, "header"),
		    "header", "is no name of a header");
}

static void
check_bearer(const struct config_auth *auth,
    const struct config_instance *instance, struct config_faults *faults)
{
	if (auth->key_file == NULL && auth->jwks_file == NULL)
		config_fault(faults, instance->line, "key_file", "is missing: "
		    "add key_file or jwks_file = \"/PATH\"");
	if (auth->key_file != NULL && auth->jwks_file != NULL)
		config_fault(faults, config_line_of(instance, "jwks_file"),
		    "jwks_file", "there is a key_file too: keep one of the "
		    "two");
}

static void
check_basic(const struct config_auth *auth,
    const struct config_instance *instance, struct config_faults *faults)
{
	if (auth->users_file == NULL)
		config_fault(faults, instance->line, "users_file", "is "
		    "missing: add users_file = \"/PATH\"");
}

static void
check_section(const struct config_auth *auth,
    const struct config_instance *instance, struct config_faults *faults)
{
	if (config_line_of(instance, "type") == 0 || instance->refused)
		return;
	if (strcmp(auth->name, CONFIG_AUTH_NONE) == 0)
		config_fault(faults, instance->line, "auth", "\"none\" says "
		    "that there is none: use another name");
	check_uses(auth, instance, faults);
	if (auth->type == CONFIG_AUTH_KEY)
		check_key(auth, instance, faults);
	else if (auth->type == CONFIG_AUTH_BEARER)
		check_bearer(auth, instance, faults);
	else
		check_basic(auth, instance, faults);
}

static void
check_names(const struct config *config, const char *names, unsigned line,
    struct config_faults *faults)
{
	struct err err;
	uint32_t bits;

	if (names != NULL && config_auth_find(config, names, &bits, &err) < 0)
		config_fault(faults, line, "auth", "%s", err.text);
}

/* The names are not judged when a section's own name is not sound. */
void
config_check_auth(const struct config *config,
    const struct config_statements *statements, struct config_faults *faults)
{
	size_t auths = 0, routes = 0;

	for (size_t i = 0; i < statements->count; i++)
		if (statements->list[i].kind == CONFIG_SECTION_AUTH)
			check_section(&config->auths[auths++],
			    &statements->list[i], faults);
	if (faults->count > 0)
		return;
	check_names(config, config->default_auth, config_line_of(
	    &statements->list[0], "default_auth"), faults);
	check_names(config, config->metrics_auth, config_line_of(
	    &statements->list[0], "metrics_auth"), faults);
	check_names(config, config->readyz_auth, config_line_of(
	    &statements->list[0], "readyz_auth"), faults);
	for (size_t i = 0; i < statements->count; i++)
		if (statements->list[i].kind == CONFIG_SECTION_ROUTE)
			check_names(config, config->routes[routes++].auth,
			    config_line_of(&statements->list[i], "auth"),
			    faults);
}
