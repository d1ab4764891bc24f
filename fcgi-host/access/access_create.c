/*
 * access_create.c - the sections auth, with what their files hold.
 *
 * Runs in: zygote and the tools, before any handler is loaded.
 * Owns: struct access.
 * Invariant: each section can judge, or there is no struct access.
 */
#include <sys/random.h>

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/access_private.h"
#include "wire/wire_text.h"

/* "HTTP_X_API_KEY" (RFC 3875, section 4.1.18). */
static char *
parameter_of(const char *header)
{
	size_t length = strlen(header);
	char *parameter = malloc(length + 6);

	if (parameter == NULL)
		return NULL;
	memcpy(parameter, "HTTP_", 5);
	for (size_t i = 0; i <= length; i++)
		parameter[5 + i] = wire_cgi_letter(header[i]);
	return parameter;
}

typedef int	parse_bytes(struct access_section *, const char *bytes,
		    size_t length, struct err *);

static int
parse_clients(struct access_section *section, const char *bytes,
    size_t length, struct err *err)
{
	return access_clients_parse(&section->clients, bytes, length, err);
}

static int
parse_users(struct access_section *section, const char *bytes, size_t length,
    struct err *err)
{
	return access_users_parse(&section->users, bytes, length, err);
}

static int
parse_single(struct access_section *section, const char *bytes,
    size_t length, struct err *err)
{
	return access_keys_single(&section->rules.keys,
	    section->config->algorithm, bytes, length, err);
}

static int
parse_set(struct access_section *section, const char *bytes, size_t length,
    struct err *err)
{
	return access_keys_set(&section->rules.keys,
	    section->config->algorithm, bytes, length, err);
}

static int
load(struct access_section *section, const char *source,
    enum access_privacy privacy, parse_bytes *parse, struct err *err)
{
	const char *name = section->config->name;
	size_t length = 0;
	struct err why;
	char *bytes = access_file_read(source, privacy, &length, &why);
	int rc;

	if (bytes == NULL)
		return err_set(err, "auth \"%s\": %.400s", name, why.text);
	rc = parse(section, bytes, length, &why);
	access_file_free(bytes, length);
	if (rc < 0)
		return err_set(err, "auth \"%s\": %.200s: %.200s", name,
		    source, why.text);
	return 0;
}

static int
create_section(struct access_section *section,
    const struct config_auth *config, struct err *err)
{
	enum access_privacy privacy = config->type == CONFIG_AUTH_KEY ||
	    config->algorithm == CONFIG_HS256 ? ACCESS_SECRET : ACCESS_PUBLIC;

	section->config = config;
	section->rules = (struct access_rules){
		.algorithm = config->algorithm, .issuer = config->issuer,
		.audience = config->audience,
		.leeway_s = (int64_t)(config->leeway_ms / 1000),
		.scope_claim = config->scope_claim };
	if (config->type == CONFIG_AUTH_KEY) {
		section->parameter = parameter_of(config->header);
		if (section->parameter == NULL)
			return err_sys(err, "auth \"%s\"", config->name);
		return load(section, config->keys_file, privacy, parse_clients,
		    err);
	}
	if (config->type == CONFIG_AUTH_BASIC)
		return load(section, config->users_file, ACCESS_SECRET,
		    parse_users, err);
	return config->jwks_file != NULL ?
	    load(section, config->jwks_file, privacy, parse_set, err) :
	    load(section, config->key_file, privacy, parse_single, err);
}

static const char *
variable_of(const char *source)
{
	return source != NULL && strncmp(source, "env:", 4) == 0 ?
	    source + 4 : NULL;
}

static void
wipe_variable(const char *source)
{
	const char *name = variable_of(source);
	char *value = name == NULL ? NULL : getenv(name);

	if (value == NULL)
		return;
	OPENSSL_cleanse(value, strlen(value));
	unsetenv(name);
}

/* Several sections may have read one; /proc would go on to show it. */
static void
wipe_variables(const struct config *config)
{
	for (size_t i = 0; i < config->auth_count; i++) {
		wipe_variable(config->auths[i].keys_file);
		wipe_variable(config->auths[i].key_file);
		wipe_variable(config->auths[i].jwks_file);
		wipe_variable(config->auths[i].users_file);
	}
}

static int
create_all(struct access *access, const struct config *config,
    struct err *err)
{
	if (getrandom(access->known.salt, sizeof(access->known.salt), 0) !=
	    (ssize_t)sizeof(access->known.salt) ||
	    getrandom(&access->failed.salt, sizeof(access->failed.salt), 0) !=
	    (ssize_t)sizeof(access->failed.salt))
		return err_sys(err, "random bytes");
	access->failed.limit = config->auth_failures;
	access->sections = calloc(config->auth_count + 1,
	    sizeof(*access->sections));
	if (access->sections == NULL)
		return err_sys(err, "memory for keys");
	for (; access->count < config->auth_count; access->count++)
		if (create_section(&access->sections[access->count],
		    &config->auths[access->count], err) < 0) {
			access->count++;
			return -1;
		}
	return 0;
}

struct access *
access_create(const struct config *config, struct err *err)
{
	struct access *access = calloc(1, sizeof(*access));

	if (access == NULL)
		err_sys(err, "memory for keys");
	else if (create_all(access, config, err) < 0) {
		access_destroy(access);
		access = NULL;
	}
	wipe_variables(config);
	return access;
}

void
access_destroy(struct access *access)
{
	if (access == NULL)
		return;
	for (size_t i = 0; i < access->count; i++) {
		free(access->sections[i].parameter);
		access_clients_free(&access->sections[i].clients);
		access_users_free(&access->sections[i].users);
		access_keys_free(&access->sections[i].rules.keys);
	}
	free(access->sections);
	access_known_forget(&access->known);
	free(access);
}
