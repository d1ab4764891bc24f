/*
 * nginx_locations.c - a location for each pattern with limits of its own.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: nginx chooses the location whose pattern the host tries first:
 * exact ones before all, then regular expressions in the order they stand in.
 */
#include <stdlib.h>
#include <string.h>

#include "common/route_pattern.h"
#include "nginx/nginx_private.h"

#define SHOWN_MAX	2048	/* bytes of a comment's line */

/* ------------------------------------------------------------- its name */

/* Not with a slash at its end: nginx would redirect there who asks without. */
static bool
is_exact(const char *path)
{
	struct route_segment segment = { .length = 0 };

	while (route_segment_next(&path, &segment))
		if (segment.kind != ROUTE_LITERAL)
			return false;
	return segment.length > 0;
}

/* \z and not $, which takes a line feed at the end too. */
static void
put_pattern(FILE *out, const char *prefix, const char *path)
{
	struct route_segment segment;

	putc('^', out);
	nginx_put_literal(out, prefix, strlen(prefix));
	while (route_segment_next(&path, &segment)) {
		putc('/', out);
		if (segment.kind == ROUTE_REST)
			return;
		if (segment.kind == ROUTE_PARAM)
			fputs("[^/]+", out);
		else
			nginx_put_literal(out, segment.at, segment.length);
	}
	fputs("\\z", out);
}

/* "location = /users": as nginx has it, in memory of its own, or NULL. */
static char *
name_of(const char *prefix, const char *path)
{
	char *text = NULL, *name = NULL;
	size_t text_size = 0, name_size = 0;
	FILE *out = open_memstream(&text, &text_size);
	bool exact = is_exact(path);

	if (out == NULL)
		return NULL;
	if (exact)
		fprintf(out, "%s%s", prefix, path);
	else
		put_pattern(out, prefix, path);
	if (fclose(out) != 0 ||
	    (out = open_memstream(&name, &name_size)) == NULL) {
		free(text);
		return NULL;
	}
	fputs(exact ? "location = " : "location ~ ", out);
	if (exact)
		nginx_put_word(out, text);
	else
		nginx_put_quoted(out, text);
	free(text);
	if (fclose(out) == 0)
		return name;
	free(name);
	return NULL;
}

/* ---------------------------------------------------------- its comment */

static bool
same_path(const struct route *a, const struct route *b)
{
	return nginx_pattern_order(a->path, b->path) == 0;
}

/* "# GET POST /users/{id}", a line for each pattern. */
static void
put_comment(FILE *out, const struct nginx_place *place)
{
	size_t next, i;

	for (i = 0; i < place->count; i = next) {
		const struct route *route = place->routes[i];
		size_t length = strlen(route->path);

		fputs(i == 0 ? "\n\t#" : "\t# or", out);
		for (next = i; next < place->count && same_path(route,
		    place->routes[next]); next++) {
			length += strlen(place->routes[next]->method) + 1;
			if (length < SHOWN_MAX)
				fprintf(out, " %s",
				    place->routes[next]->method);
		}
		fprintf(out, " %s\n", route->path);
	}
}

/* ----------------------------------------------------------- its values */

/* A group of its own has answers of its own; the first error_page counts. */
static void
put_errors(struct nginx *nginx, size_t group)
{
	char suffix[NGINX_VALUE_ROOM];

	if (group == 0)
		return;
	nginx_suffix(group, suffix);
	fprintf(nginx->locations,
	    "\t\terror_page 502 504 = @fcgi_host_down%s;\t# cors_...\n"
	    "\t\terror_page 413 = @fcgi_host_too_large%s;\n"
	    "\t\terror_page 429 = @fcgi_host_too_often%s;\n",
	    suffix, suffix, suffix);
}

static void
put_files(struct nginx *nginx)
{
	FILE *out = nginx->locations;

	fputs("\t\tfastcgi_param SCRIPT_NAME ", out);
	nginx_put_word(out, nginx->source->prefix);
	fputs(";\n\t\tinclude fcgi-host-pass.conf;\n"
	    "\t\tclient_body_in_file_only clean;\t"
	    "# body_files; see fcgi-host-bodies.conf\n"
	    "\t\tclient_body_temp_path ", out);
	nginx_put_word(out, nginx->config->body_files);
	fputs(";\n\t\tfastcgi_pass_request_body off;\n"
	    "\t\tfastcgi_param REQUEST_BODY_FILE $request_body_file;\n", out);
}

/* nginx takes 0 for any size. */
static void
put_body_limit(FILE *out, const struct nginx_values *values)
{
	char text[NGINX_VALUE_ROOM];

	fprintf(out, "\t\tclient_max_body_size %s;\t# body_limit of %s\n",
	    values->body_limit == 0 ? "1" : nginx_size(values->body_limit,
	    true, text), values->body_of->label);
}

static void
put_values(struct nginx *nginx, const struct nginx_values *values)
{
	FILE *out = nginx->locations;
	char text[NGINX_VALUE_ROOM];

	if (values->stream_of != NULL)
		fprintf(out, "\t\tfastcgi_buffering off;\t# %s is a stream\n"
		    "\t\tgzip off;\n", values->stream_of->label);
	if (values->read_of != NULL)
		fprintf(out, "\t\tfastcgi_read_timeout %s;\t# %s of %s\n",
		    nginx_time(values->read_ms, text),
		    values->read_of->stream && values->read_of->timeout_ms ==
		    0 ? "stream_keep_alive" : "timeout, queue_timeout, "
		    "kill_grace", values->read_of->label);
	if (values->body_of != NULL)
		put_body_limit(out, values);
	if (values->cache_of != NULL)
		nginx_put_cache(nginx, values->cache_of,
		    values->files_of != NULL);
}

/* ---------------------------------------------------------- a location */

static void
put_place(struct nginx *nginx, const struct nginx_place *place,
    const char *name, size_t group)
{
	struct nginx_values values;

	nginx_values_find(nginx->config, place, &values);
	put_comment(nginx->locations, place);
	fprintf(nginx->locations, "\t%s {\n", name);
	put_errors(nginx, group);
	if (values.files_of != NULL)
		put_files(nginx);
	else
		fputs("\t\tfastcgi_pass fcgi_host;\n", nginx->locations);
	put_values(nginx, &values);
	nginx_put_rates(nginx, place);
	fputs("\t}\n", nginx->locations);
}

static int
put_one(struct nginx *nginx, const struct nginx_place *place,
    struct err *err)
{
	int group = nginx_cors_group(nginx, place);
	char *name = name_of(nginx->source->prefix, place->routes[0]->path);

	if (group < 0 || name == NULL) {
		free(name);
		return err_set(err, "out of memory");
	}
	if (strlen(name) > NGINX_WORD_MAX) {
		free(name);
		return err_set(err, "route \"%.100s...\": its path, as nginx "
		    "has to be told it, is over %d bytes, more than nginx "
		    "reads", place->routes[0]->label, NGINX_WORD_MAX);
	}
	put_place(nginx, place, name, (size_t)group);
	free(name);
	return 0;
}

/* Asked for by all that made a job: front/front_clerk.c takes it before it
 * looks for a route, and so does ^~ here. */
static void
put_jobs_path(struct nginx *nginx, const char *how, const char *end)
{
	FILE *out = nginx->locations;
	char *path, text[NGINX_VALUE_ROOM];

	if (asprintf(&path, "%s%s%s", nginx->source->prefix,
	    nginx->config->jobs_path, end) < 0)
		return;
	fprintf(out, "\tlocation %s ", how);
	nginx_put_word(out, path);
	fprintf(out, " {\n\t\tfastcgi_pass fcgi_host;\n"
	    "\t\tfastcgi_buffering off;\t# its events\n"
	    "\t\tfastcgi_read_timeout %s;\t# jobs_wait\n\t}\n",
	    nginx_time(nginx_jobs_ms(nginx->config), text));
	free(path);
}

static bool
differs(struct nginx *nginx, const struct nginx_place *place)
{
	struct nginx_values values;

	nginx_values_find(nginx->config, place, &values);
	return nginx_values_differ(&values) ||
	    nginx_rates_differ(nginx->config, place) ||
	    nginx_cors_group(nginx, place) != 0;
}

int
nginx_put_locations(struct nginx *nginx, struct err *err)
{
	struct nginx_places *places = &nginx->places;
	int rc = 0;

	for (size_t i = 0; i < places->count; i++)
		places->list[i].differs = differs(nginx, &places->list[i]);
	nginx_places_choose(places);
	if (handler_set_jobs(nginx->source->set) > 0) {
		fputs("\n\t# What has become of a job:\t\t\tjobs_path\n",
		    nginx->locations);
		put_jobs_path(nginx, "=", "");
		put_jobs_path(nginx, "^~", "/");
	}
	for (size_t i = 0; rc == 0 && i < places->count; i++)
		if (places->list[i].wanted)
			rc = put_one(nginx, &places->list[i], err);
	return rc;
}
