/*
 * cli_scratch.c - a folder of a subcommand's own, and an nginx that runs in it.
 *
 * Runs in: dev, load.
 * Owns: nothing; folder and text are the caller's.
 * Invariant: no link is followed when a folder is removed; this nginx writes
 * nowhere but where it is started.
 */
#include "cli/cli_scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

static int
remove_one(const char *path, const struct stat *status, int kind,
    struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	remove(path);
	return 0;
}

void
cli_scratch_remove(const char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char nginx_text[] =
    "daemon off;\n"
    "%s"
    "pid nginx.pid;\n"
    "worker_processes %s;\n"
    "%s"
    "worker_shutdown_timeout 2s;\n"
    "events {\n"
    "%s"
    "}\n"
    "http {\n"
    "	access_log off;\n"
    "%s"
    "	client_body_temp_path nginx-body;\n"
    "	proxy_temp_path nginx-proxy;\n"
    "	fastcgi_temp_path nginx-fastcgi;\n"
    "	uwsgi_temp_path nginx-uwsgi;\n"
    "	scgi_temp_path nginx-scgi;\n"
    "	include fcgi-host-upstream.conf;\n"
    "	server {\n"
    "		listen 127.0.0.1:%s;\n"
    "		include fcgi-host-location.conf;\n"
    "	}\n"
    "}\n";

char *
cli_scratch_nginx(const char *port, const struct cli_scratch_nginx *more)
{
	char *text;

	if (asprintf(&text, nginx_text, geteuid() == 0 ?
	    "user root root;\n" : "", more->processes, more->top,
	    more->events, more->http, port) < 0)
		return NULL;
	return text;
}
