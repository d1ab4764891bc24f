/*
 * nginx_cors.c - what nginx answers itself, for pages of other origins.
 *
 * Runs in: the tools.
 * Owns: the groups of places that say the same.
 * Invariant: a refusal of nginx's tells a page what the host would have told
 * it (front/front_cors.c), and a reply of the host's gets nothing added.
 */
#include <stdlib.h>
#include <string.h>

#include "nginx/nginx_private.h"

/* While it is made. */
struct group {
	FILE			*origins, *credentials, *expose;
	size_t			 sizes[3];
	struct nginx_cors	 said;
};

/* The lists are the configuration's own. */
static bool
same_rules(const struct config_cors *a, const struct config_cors *b)
{
	return a->origins == b->origins && a->expose == b->expose &&
	    a->credentials == b->credentials;
}

/* "GET|HEAD" of a route, or every method. */
static void
put_key(FILE *out, const struct route *route)
{
	fputs("~^", out);
	if (route == NULL)
		fputs("[^ ]+", out);
	else
		nginx_put_methods(out, &route, 1);
	putc(' ', out);
}

/* In quotes, with what follows the methods; a text's own quotes and
 * backslashes are nginx_put_quoted()'s to see to. */
static void
put_entry(FILE *out, const struct route *route, const char *literal,
    const char *value)
{
	char *key = NULL;
	size_t size = 0;
	FILE *text = open_memstream(&key, &size);

	if (text == NULL)
		return;
	put_key(text, route);
	if (literal != NULL) {
		nginx_put_literal(text, literal, strlen(literal));
		fputs("\\z", text);
	} else
		putc('.', text);
	if (fclose(text) == 0) {
		putc('\t', out);
		nginx_put_quoted(out, key);
		fprintf(out, " %s;\n", value);
	}
	free(key);
}

static void
put_expose(FILE *out, const struct route *route, char *const *items)
{
	char *value = NULL;
	size_t size = 0;
	FILE *text = open_memstream(&value, &size);

	if (text == NULL)
		return;
	for (size_t i = 0; items[i] != NULL; i++)
		fprintf(text, "%s%s", i == 0 ? "\"" : ", ", items[i]);
	putc('"', text);
	if (fclose(text) == 0)
		put_entry(out, route, NULL, value);
	free(value);
}

static void
add_rules(struct group *group, const struct route *route,
    const struct config_cors *cors)
{
	bool all;

	if (cors->origins == NULL || cors->origins[0] == NULL)
		return;
	all = strcmp(cors->origins[0], "*") == 0;
	group->said.vary |= !all;
	for (size_t i = 0; !all && cors->origins[i] != NULL; i++)
		put_entry(group->origins, route, cors->origins[i],
		    "$http_origin");
	if (all)
		put_entry(group->origins, route, NULL, "\"*\"");
	if (cors->credentials)
		put_entry(group->credentials, route, NULL, "true");
	if (cors->expose != NULL && cors->expose[0] != NULL)
		put_expose(group->expose, route, cors->expose);
}

/* What a place's routes have in common needs no methods. */
static void
add_place(const struct nginx *nginx, struct group *group,
    const struct nginx_place *place)
{
	const struct config_cors rest = config_cors_of(nginx->config, NULL);
	bool same = true;

	for (size_t i = 1; place != NULL && i < place->count; i++)
		same &= same_rules(&place->routes[i]->cors,
		    &place->routes[0]->cors);
	if (place == NULL || same) {
		add_rules(group, NULL, place == NULL ? &rest :
		    &place->routes[0]->cors);
		return;
	}
	for (size_t i = 0; i < place->count; i++)
		add_rules(group, place->routes[i], &place->routes[i]->cors);
}

/* -1: no memory.  Then, too, all that is open is to be closed. */
static int
open_group(struct group *group)
{
	*group = (struct group){ 0 };
	group->origins = open_memstream(&group->said.origins,
	    &group->sizes[0]);
	group->credentials = open_memstream(&group->said.credentials,
	    &group->sizes[1]);
	group->expose = open_memstream(&group->said.expose,
	    &group->sizes[2]);
	return group->origins != NULL && group->credentials != NULL &&
	    group->expose != NULL ? 0 : -1;
}

static int
close_one(FILE *file)
{
	return file == NULL ? 0 : fclose(file);
}

static int
close_group(struct group *group)
{
	int rc = close_one(group->origins);

	rc |= close_one(group->credentials);
	return rc | close_one(group->expose);
}

void
nginx_cors_free(struct nginx_cors *cors)
{
	free(cors->origins);
	free(cors->credentials);
	free(cors->expose);
}

/* --------------------------------------------------------------- groups */

static bool
are_equal(const struct nginx_cors *a, const struct nginx_cors *b)
{
	return strcmp(a->origins, b->origins) == 0 &&
	    strcmp(a->credentials, b->credentials) == 0 &&
	    strcmp(a->expose, b->expose) == 0;
}

static void
put_map(FILE *out, const char *key, const char *name, const char *suffix,
    const char *entries)
{
	if (entries[0] != '\0')
		fprintf(out, "map \"$request_method $%s%s\" "
		    "$fh_%s%s {\n\tdefault \"\";\n%s}\n", key,
		    strcmp(key, "http_origin") == 0 ? "" : suffix, name,
		    suffix, entries);
}

static void
put_maps(struct nginx *nginx, const struct nginx_cors *cors, size_t group)
{
	char suffix[NGINX_VALUE_ROOM];

	nginx_suffix(group, suffix);
	if (cors->origins[0] != '\0')
		fputs("\n# cors_origins, cors_credentials, cors_expose: what "
		    "pages of other origins may read\n# of what nginx itself "
		    "answers (fcgi-host-errors.conf).\n", nginx->http);
	put_map(nginx->http, "http_origin", "origin", suffix, cors->origins);
	put_map(nginx->http, "fh_origin", "creds", suffix,
	    cors->credentials);
	put_map(nginx->http, "fh_origin", "expose", suffix,
	    cors->expose);
}

static int
find_group(struct nginx *nginx, struct nginx_cors *cors)
{
	struct nginx_cors *grown;

	for (size_t i = 0; i < nginx->cors_count; i++) {
		if (are_equal(cors, &nginx->cors[i])) {
			nginx_cors_free(cors);
			return (int)i;
		}
	}
	grown = realloc(nginx->cors, (nginx->cors_count + 1) *
	    sizeof(*grown));
	if (grown == NULL) {
		nginx_cors_free(cors);
		return -1;
	}
	nginx->cors = grown;
	grown[nginx->cors_count] = *cors;
	put_maps(nginx, cors, nginx->cors_count);
	return (int)nginx->cors_count++;
}

int
nginx_cors_group(struct nginx *nginx, const struct nginx_place *place)
{
	struct group group;
	int rc = open_group(&group);

	if (rc == 0)
		add_place(nginx, &group, place);
	if (close_group(&group) == 0 && rc == 0)
		return find_group(nginx, &group.said);
	nginx_cors_free(&group.said);
	return -1;
}

/* ---------------------------------------------------------------- lines */

static void
put_header(FILE *out, const char *entries, const char *header,
    const char *name, const char *suffix)
{
	if (entries[0] != '\0')
		fprintf(out, "\tadd_header Access-Control-%s "
		    "$fh_%s%s always;\n", header, name, suffix);
}

char *
nginx_cors_lines(const struct nginx *nginx, size_t group)
{
	const struct nginx_cors *cors = &nginx->cors[group];
	char suffix[NGINX_VALUE_ROOM], *lines = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);

	if (out == NULL)
		return NULL;
	nginx_suffix(group, suffix);
	put_header(out, cors->origins, "Allow-Origin", "origin", suffix);
	put_header(out, cors->credentials, "Allow-Credentials",
	    "creds", suffix);
	put_header(out, cors->expose, "Expose-Headers", "expose", suffix);
	if (cors->vary)
		fputs("\tadd_header Vary Origin always;\n", out);
	if (fclose(out) == 0)
		return lines;
	free(lines);
	return NULL;
}
