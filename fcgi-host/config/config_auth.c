/*
 * config_auth.c - what names of sections auth and scopes mean.
 *
 * Runs in: whoever reads a configuration or loads handlers.
 * Owns: nothing.
 * Invariant: a list of names means at least one section, or is "none".
 */
#include "config/config.h"

#include <stdio.h>
#include <string.h>

#define BLANKS	" \t"

static bool
is_word(const char *word, size_t length, const char *text)
{
	return strlen(text) == length && memcmp(word, text, length) == 0;
}

/* The section of that name, or the only one of that type. */
static int
find_one(const struct config *config, const char *word, size_t length)
{
	static const char *const types[] = { "key", "bearer",
		"basic" };
	int found = -1, count = 0;

	for (size_t i = 0; i < config->auth_count; i++) {
		const struct config_auth *auth = &config->auths[i];

		if (is_word(word, length, auth->name))
			return (int)i;
		if (is_word(word, length, types[auth->type])) {
			found = (int)i;
			count++;
		}
	}
	return count == 1 ? found : -1;
}

static int
complain(const struct config *config, const char *word, size_t length,
    struct err *err)
{
	char names[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < config->auth_count && used < sizeof(names);
	    i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used,
		    "%s%s", i == 0 ? "" : ", ", config->auths[i].name);
	return err_set(err, "there is no auth \"%.*s\": add auth \"%.*s\" "
	    "{ }%s%s", (int)length, word, (int)length, word,
	    names[0] == '\0' ? "" : " or use one of: ", names);
}

int
config_auth_find(const struct config *config, const char *names,
    uint32_t *bits_out, struct err *err)
{
	const char *word = names + strspn(names, BLANKS);
	uint32_t bits = 0;

	*bits_out = 0;
	if (strcmp(names, CONFIG_AUTH_NONE) == 0)
		return 0;
	while (*word != '\0') {
		size_t length = strcspn(word, BLANKS);
		int found = find_one(config, word, length);

		if (found < 0)
			return complain(config, word, length, err);
		bits |= UINT32_C(1) << found;
		word += length;
		word += strspn(word, BLANKS);
	}
	if (bits == 0)
		return err_set(err, "names no section auth: write \"none\" "
		    "for whoever it is");
	*bits_out = bits;
	return 0;
}

bool
config_auth_is_optional(const struct config *config)
{
	uint32_t bits = 0;

	return config->default_auth == NULL || config_auth_find(config,
	    config->default_auth, &bits, NULL) < 0 || bits == 0;
}

/* RFC 6749, section 3.3: printable, but no quote and no backslash. */
int
config_scopes_check(const char *text, struct err *err)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' ||
		    (unsigned char)*text > '~' || *text == '"' ||
		    *text == '\\')
			return err_set(err, "a scope is of visible ASCII "
			    "characters without '\"' and '\\'");
	return 0;
}

static bool
is_variable(const char *source, const char *variable)
{
	size_t length;

	if (source == NULL || strncmp(source, "env:", 4) != 0)
		return false;
	source += 4;
	length = strlen(source);
	return strncmp(variable, source, length) == 0 &&
	    variable[length] == '=';
}

bool
config_auth_wants(const struct config *config, const char *variable)
{
	for (size_t i = 0; i < config->auth_count; i++) {
		const struct config_auth *auth = &config->auths[i];

		if (is_variable(auth->keys_file, variable) ||
		    is_variable(auth->key_file, variable) ||
		    is_variable(auth->jwks_file, variable) ||
		    is_variable(auth->users_file, variable))
			return true;
	}
	return false;
}
