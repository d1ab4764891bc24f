/*
 * nginx_files.c - the templates with what follows from a configuration.
 *
 * Runs in: the tools.
 * Owns: the texts while they are made.
 * Invariant: all files are made, or none.
 */
#include <stdlib.h>
#include <string.h>

#include "config/config_units.h"
#include "nginx/nginx_private.h"

#define WORDS_MAX	32

struct words {
	struct nginx_word	list[WORDS_MAX];
	size_t			count;
	bool			failed;		/* no memory */
};

static void
add_word(struct words *words, const char *name, const char *value)
{
	struct nginx_word *word = &words->list[words->count++];

	word->name = name;
	word->value = strdup(value);
	words->failed |= word->value == NULL;
}

static void
free_words(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->list[i].value);
}

static void
add_time(struct words *words, const char *name, uint64_t ms)
{
	char text[NGINX_VALUE_ROOM];

	add_word(words, name, nginx_time(ms, text));
}

static void
add_size(struct words *words, const char *name, uint64_t bytes, bool large)
{
	char text[NGINX_VALUE_ROOM];

	add_word(words, name, nginx_size(bytes, large, text));
}

/* As the configuration has it. */
static void
add_option(struct words *words, const char *name, uint64_t ms)
{
	char text[CONFIG_UNITS_ROOM];

	add_word(words, name, ms == 0 ? "none" :
	    config_units_show_time(ms, text));
}

/* The prefix and what follows it, as one word of nginx's. */
static void
add_path(struct words *words, const char *name, const char *prefix,
    const char *path)
{
	char *whole = NULL, *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL || asprintf(&whole, "%s%s", prefix, path) < 0) {
		words->failed = true;
	} else
		nginx_put_word(out, whole);
	if (out != NULL && fclose(out) == 0 && !words->failed)
		add_word(words, name, text);
	free(text);
	free(whole);
}

/* "unix:/run/x.sock" as it is; of "tcp:HOST:PORT" what follows. */
static void
add_server(struct words *words, const char *listen)
{
	if (strncmp(listen, "tcp:", 4) == 0)
		listen += 4;
	add_path(words, "server", listen, "");
}

/* How it was asked for stands in a comment: on one line. */
static void
add_made(struct words *words, const char *made)
{
	char text[512];

	snprintf(text, sizeof(text), "%s", made);
	for (char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			*at = '?';
	add_word(words, "made", text);
}

static void
add_options(struct words *words, const struct config *config)
{
	add_server(words, config->listen);
	add_option(words, "timeout", config->timeout_ms);
	add_option(words, "queue_timeout", config->pools[0].queue_timeout_ms);
	add_option(words, "kill_grace", config->kill_grace_ms);
	add_time(words, "read_timeout", nginx_read_ms(config));
	add_time(words, "stream_timeout", nginx_stream_ms(config));
	add_time(words, "send_timeout", config->read_timeout_ms);
	add_time(words, "keepalive_timeout", nginx_keepalive_ms(config));
	add_size(words, "body_limit", config->body_limit == 0 ? 1 :
	    config->body_limit, true);
	add_size(words, "body_memory", config->body_memory < 1024 ? 1024 :
	    config->body_memory, false);
	add_size(words, "header_buffer", nginx_header_buffer(config), false);
	add_size(words, "reply_buffer", nginx_reply_buffer(config), false);
}

static void
add_prefix(struct words *words, const char *prefix)
{
	add_path(words, "mount", prefix, "/");
	add_path(words, "script", prefix, "");
	add_path(words, "stream", prefix, "/stream");
	add_path(words, "upload", prefix, "/upload");
}

/* ------------------------------------------------- what depends on routes */

static bool
has_rates(const struct nginx *nginx)
{
	for (size_t i = 0; i < nginx->places.count; i++)
		if (nginx_rates_differ(nginx->config,
		    &nginx->places.list[i]))
			return true;
	return nginx->config->rate != NULL;
}

static void
add_retry(struct words *words, const struct nginx *nginx)
{
	char line[128] = "";

	if (has_rates(nginx))
		snprintf(line, sizeof(line), "# How long a client over its "
		    "rate waits for its next turn, in seconds:\trate\n"
		    "set $fh_retry_after %u;\n\n",
		    nginx_retry_seconds(nginx->config));
	add_word(words, "set_retry_after", line);
	add_word(words, "retry_after", line[0] == '\0' ? "1" :
	    "$fh_retry_after");
}

static int
open_streams(struct nginx *nginx)
{
	size_t routes = nginx->source->set == NULL ? 0 :
	    nginx->source->set->route_count;

	nginx->http = open_memstream(&nginx->http_text, &nginx->http_size);
	nginx->locations = open_memstream(&nginx->locations_text,
	    &nginx->locations_size);
	nginx->rates = open_memstream(&nginx->rates_text,
	    &nginx->rates_size);
	nginx->rated = calloc(routes + 1, sizeof(bool));
	return nginx->http != NULL && nginx->locations != NULL &&
	    nginx->rates != NULL && nginx->rated != NULL ? 0 : -1;
}

static int
close_streams(struct nginx *nginx)
{
	int rc = nginx->http == NULL ? 0 : fclose(nginx->http);

	rc |= nginx->locations == NULL ? 0 : fclose(nginx->locations);
	return rc | (nginx->rates == NULL ? 0 : fclose(nginx->rates));
}

static int
put_routes(struct nginx *nginx, struct err *err)
{
	if (nginx_cors_group(nginx, NULL) < 0)
		return err_set(err, "out of memory");
	nginx_put_rate_of_all(nginx, nginx->rates);
	if (nginx->source->set == NULL)
		return 0;
	if (nginx_places_find(nginx->source->set, &nginx->places) < 0)
		return err_set(err, "out of memory");
	return nginx_put_locations(nginx, err);
}

static void
add_texts(struct words *words, const struct nginx *nginx)
{
	add_word(words, "http", nginx->http_text);
	add_word(words, "locations", nginx->locations_text);
	add_word(words, "rates", nginx->rates_text);
	add_retry(words, nginx);
}

/* ------------------------------------------------------------- the files */

static bool
is_of_group(const struct nginx_template *template)
{
	return strcmp(template->name, "fcgi-host-errors.conf") == 0;
}

/* The answers of each group: in the first with all that is to be said. */
static void
put_groups(FILE *out, const struct nginx *nginx, const char *text,
    struct words *words)
{
	char suffix[NGINX_VALUE_ROOM];

	for (size_t i = 0; i < nginx->cors_count; i++) {
		struct words of_group = *words;
		char *lines = nginx_cors_lines(nginx, i);

		nginx_suffix(i, suffix);
		of_group.list[of_group.count++] = (struct nginx_word){
		    "group", suffix };
		of_group.list[of_group.count++] = (struct nginx_word){
		    "cors", lines };
		words->failed |= lines == NULL;
		if (lines != NULL)
			nginx_put_template(out, text, of_group.list,
			    of_group.count, i > 0);
		free(lines);
	}
}

static int
make_file(const struct nginx *nginx, const struct nginx_template *template,
    struct words *words, struct nginx_files *files)
{
	size_t size = 0, index = files->count;
	FILE *out = open_memstream(&files->list[index].text, &size);

	if (out == NULL)
		return -1;
	files->list[index].name = template->name;
	files->count++;
	if (is_of_group(template))
		put_groups(out, nginx, template->text, words);
	else
		nginx_put_template(out, template->text, words->list,
		    words->count, false);
	return fclose(out) == 0 && !words->failed ? 0 : -1;
}

static int
make_files(const struct nginx *nginx, struct nginx_files *files,
    struct err *err)
{
	const struct nginx_template *template = nginx_templates;
	struct words words = { .count = 0 };
	int rc = 0;

	add_made(&words, nginx->source->made);
	add_options(&words, nginx->config);
	add_prefix(&words, nginx->source->prefix);
	add_texts(&words, nginx);
	for (; rc == 0 && template->name != NULL; template++)
		rc = make_file(nginx, template, &words, files);
	free_words(&words);
	return rc == 0 ? 0 : err_set(err, "out of memory");
}

static void
finish(struct nginx *nginx)
{
	for (size_t i = 0; i < nginx->cors_count; i++)
		nginx_cors_free(&nginx->cors[i]);
	for (size_t i = 0; i < nginx->map_count; i++)
		free(nginx->maps[i]);
	free(nginx->maps);
	free(nginx->cors);
	nginx_places_free(&nginx->places);
	free(nginx->rated);
	free(nginx->http_text);
	free(nginx->locations_text);
	free(nginx->rates_text);
}

int
nginx_files_make(const struct nginx_source *source,
    struct nginx_files *files, struct err *err)
{
	struct nginx nginx = { .source = source, .config = source->config };
	int rc;

	files->count = 0;
	rc = open_streams(&nginx);
	if (rc < 0)
		err_set(err, "out of memory");
	else
		rc = put_routes(&nginx, err);
	if ((close_streams(&nginx) != 0 || nginx.failed) && rc == 0)
		rc = err_set(err, "out of memory");
	if (rc == 0)
		rc = make_files(&nginx, files, err);
	finish(&nginx);
	if (rc < 0)
		nginx_files_free(files);
	return rc;
}

void
nginx_files_free(struct nginx_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->list[i].text);
	files->count = 0;
}
