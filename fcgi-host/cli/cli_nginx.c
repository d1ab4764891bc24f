/*
 * cli_nginx.c - `fcgi-host nginx`: what nginx has to know of this host.
 *
 * Runs in: the tools.
 * Owns: the files it writes, under their new names until all are there.
 * Invariant: with any fault nothing is written: what nginx has stays whole.
 */
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_nginx_child.h"
#include "cli/cli_options.h"
#include "common/log.h"

struct order {
	const char	*file;		/* the configuration, as given */
	const char	*folder;	/* NULL: all is printed */
	const char	*prefix;
	bool		 no_handlers;
};

/* ------------------------------------------------------------- the files */

static int
write_new(const char *path, const char *text)
{
	FILE *out = fopen(path, "we");
	int rc;

	if (out == NULL)
		return -1;
	rc = fputs(text, out) < 0 || fflush(out) != 0 ||
	    fsync(fileno(out)) < 0 ? -1 : 0;
	if (fclose(out) != 0 || rc < 0) {
		unlink(path);
		return -1;
	}
	return 0;
}

static void
paths_of(const struct order *order, const char *name, char out[PATH_MAX],
    char new_out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s", order->folder, name);
	snprintf(new_out, PATH_MAX, "%s/.%s.new", order->folder, name);
}

static int
fails(const char *path)
{
	return cli_usage_error("nginx", "%s: %s", path, strerror(errno));
}

/* One after the other in a moment: nginx reads them at its next reload. */
static int
rename_all(const struct order *order, const struct nginx_files *files)
{
	char path[PATH_MAX], new[PATH_MAX];

	for (size_t i = 0; i < files->count; i++) {
		paths_of(order, files->list[i].name, path, new);
		if (rename(new, path) < 0)
			return fails(path);
	}
	return 0;
}

static int
write_files(const struct order *order, const struct nginx_files *files)
{
	char path[PATH_MAX], new[PATH_MAX];
	int rc = 0;

	if (strlen(order->folder) > PATH_MAX - 64) {
		errno = ENAMETOOLONG;
		return fails(order->folder);
	}
	if (mkdir(order->folder, 0755) < 0 && errno != EEXIST)
		return fails(order->folder);
	for (size_t i = 0; rc == 0 && i < files->count; i++) {
		paths_of(order, files->list[i].name, path, new);
		if (write_new(new, files->list[i].text) < 0)
			rc = fails(new);
	}
	if (rc == 0)
		return rename_all(order, files);
	for (size_t i = 0; i < files->count; i++) {
		paths_of(order, files->list[i].name, path, new);
		unlink(new);
	}
	return rc;
}

static int
print_files(const struct nginx_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		printf("%s# ======== %s ========\n\n%s", i > 0 ? "\n" : "",
		    files->list[i].name, files->list[i].text);
	return fflush(stdout) == 0 ? 0 : EXIT_CODE_SYSTEM;
}

/* ----------------------------------------------------------------- begin */

static int
make(const struct nginx_source *source, bool no_handlers,
    struct nginx_files *files_out)
{
	struct err err;

	if (!no_handlers)
		return cli_nginx_load(source, files_out);
	if (nginx_files_make(source, files_out, &err) < 0)
		return cli_usage_error("nginx", "%s", err.text);
	return 0;
}

static int
run(const struct order *order, const struct config *config)
{
	struct nginx_files files;
	char made[1024];
	int rc;

	snprintf(made, sizeof(made), "%s-c %s%s%s", order->no_handlers ?
	    "--no-handlers " : "", cli_config_file(order->file),
	    order->prefix[0] != '\0' ? " --prefix " : "", order->prefix);
	rc = make(&(struct nginx_source){ config, NULL, order->prefix, made },
	    order->no_handlers, &files);
	if (rc != 0)
		return rc;
	rc = order->folder != NULL ? write_files(order, &files) :
	    print_files(&files);
	nginx_files_free(&files);
	return rc;
}

static int
parse(struct order *order, int argc, char **argv)
{
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(order->file),
		{ 'o', "output", "DIR", "writes the files there, beside "
		    "nginx.conf; else all is printed",
		    .text = &order->folder },
		{ '\0', "prefix", "PATH", "the host is below PATH, as in /app",
		    .text = &order->prefix },
		{ '\0', "no-handlers", NULL, "loads none: what holds for all "
		    "routes alone", .flag = &order->no_handlers },
	};
	const struct cli_command command = { "nginx", "", 0, 0,
	    "Writes nginx's configuration for this host: times, sizes and "
	    "answers that fit\nits options, and a location for each route "
	    "that has limits of its own (timeout,\nbody_limit, rate, cache, "
	    "cors_..., streams and jobs).  Run it again after a\nchange, and "
	    "reload nginx.  With any fault nothing is written, and the exit "
	    "code\nis 100.\n\n"
	    "  fcgi-host nginx -o /etc/nginx && nginx -t && nginx -s reload",
	    options, sizeof(options) / sizeof(options[0]) };
	int exit_code;
	struct err err;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	if (nginx_prefix_check(order->prefix, &err) < 0)
		return cli_usage_error("nginx", "--prefix: %s", err.text);
	return -1;
}

int
cli_nginx(int argc, char **argv)
{
	struct order order = { .prefix = "" };
	int exit_code = parse(&order, argc, argv);
	struct config *config;

	if (exit_code >= 0)
		return exit_code;
	log_init("nginx");
	config = cli_config_load(order.file);
	if (config == NULL)
		return EXIT_CODE_CONFIG;
	exit_code = run(&order, config);
	config_free(config);
	return exit_code;
}
