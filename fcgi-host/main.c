/*
 * main.c - argv to subcommand, and process to role.
 *
 * Runs in: every process, first.
 * Owns: nothing.
 * Invariant: the only file that knows all subcommands and all roles.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_ask.h"
#include "cli/cli.h"
#include "cli/cli_completion.h"
#include "cli/cli_options.h"
#include "config/config_manual.h"
#include "common/ask.h"
#include "common/log.h"
#include "common/handler_set.h"
#include "front/front_main.h"
#include "openapi/openapi_serve.h"
#include "probe/probe_main.h"
#include "supervisor/sup_main.h"
#include "witness/wit_main.h"
#include "worker/wrk_main.h"
#include "zygote/zyg_main.h"

static const struct roles roles = {
	.front = front_main,
	.worker = wrk_main,
	.probe = probe_main,
};

/* What the host serves itself. */
static const struct handler_own own[] = {
	{ "(openapi)", "openapi_path", openapi_routes, openapi_prepare, 0 },
	{ "(docs)", "docs_path", openapi_page_routes, openapi_page_prepare,
	    0 },
	{ "(metrics)", "metrics", api_ask_metrics, NULL, 1 + ASK_METRICS },
	{ "(livez)", "livez", api_ask_alive, NULL, 1 + ASK_ALIVE },
	{ "(readyz)", "readyz", api_ask_ready, NULL, 1 + ASK_READY },
	{ NULL, NULL, NULL, NULL, 0 },
};

static int
run(int argc, char **argv)
{
	const char *file = NULL;
	const struct cli_option options[] = { CLI_OPTION_CONFIG(file) };
	const struct cli_command command = { "run", "", 0, 0,
	    "Runs the host in the foreground.  SIGTERM: answers what has begun "
	    "and stops.\nSIGINT twice: stops at once.  SIGHUP: reloads.\n"
	    "SIGUSR2: hands over to the binary that is installed now.",
	    options, 1 };
	struct config *config;
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	if ((config = cli_config_load(file)) == NULL)
		return EXIT_CODE_CONFIG;
	exit_code = sup_run(config);
	config_free(config);
	return exit_code;
}

/* The supervisor runs this. */
static int
zygote(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	zyg_main(&roles);
	return EXIT_CODE_BUG;
}

/* For the maintainers: tests/lint/options compares these with the tree. */
static int
manual(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	config_print_manual(stdout);
	return 0;
}

static int
sample(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	config_print_sample(stdout);
	return 0;
}

static int	completion(int, char **);

static const struct cli_subcommand subcommands[] = {
	{ "run", run, "run the host in the foreground" },
	{ "check", cli_check, "check the configuration and every handler" },
	{ "plan", cli_plan, "add up the memory a start would need" },
	{ "routes", cli_routes, "list the routes" },
	{ "openapi", cli_openapi, "print the OpenAPI document" },
	{ "nginx", cli_nginx, "write nginx's configuration for the routes" },
	{ "status", cli_status, "ask a running host what it does" },
	{ "top", cli_top, "the same live, on a terminal" },
	{ "kill", cli_kill, "end a request that runs" },
	{ "recycle", cli_recycle, "put a fresh worker in the place of one" },
	{ "breaker", cli_breaker, "take a route out of service, and back" },
	{ "doctor", cli_doctor, "look for what is wrong around the host" },
	{ "health", cli_health, "ask whether it is ready, for probes" },
	{ "metrics", cli_metrics, "the same in numbers, for Prometheus" },
	{ "load", cli_load, "a load test through nginx; sync against async" },
	{ "reload", cli_reload, "take handlers, models and configuration" },
	{ "rollback", cli_rollback, "go back to an earlier generation" },
	{ "upgrade", cli_upgrade, "hand over to the binary installed now" },
	{ "generations", cli_generations, "list what a rollback can go to" },
	{ "crashes", cli_crashes, "list what crashed, and where" },
	{ "call", cli_call, "run one request against a handler, no server" },
	{ "cgi", cli_cgi, "answer one request as a CGI program" },
	{ "new", cli_new, "make a folder with a handler and its test" },
	{ "dev", cli_dev, "build and serve a folder, again at each save" },
	{ "completion", completion, "print a script for bash or zsh" },
	{ "version", cli_version, "print the version" },
	{ "zygote", zygote, NULL },
	{ "witness", wit_main, NULL },
	{ "manual", manual, NULL },
	{ "sample", sample, NULL },
	{ NULL, NULL, NULL },
};

static int
completion(int argc, char **argv)
{
	return cli_completion(subcommands, argc, argv);
}

static int
help(FILE *out, int exit_code)
{
	const struct cli_subcommand *one = subcommands;

	fprintf(out, "Usage: fcgi-host SUBCOMMAND [OPTION...]\n\n");
	for (; one->name != NULL; one++)
		if (one->about != NULL)
			fprintf(out, "  %-11s  %s\n", one->name, one->about);
	fprintf(out, "\n`fcgi-host SUBCOMMAND --help` says more; so does "
	    "fcgi-host(1).\n");
	return exit_code;
}

int
main(int argc, char **argv)
{
	const struct cli_subcommand *one;

	handler_set_own(own);
	/* A web server may turn a query into words of ours: RFC 3875, 4.4. */
	if (getenv("GATEWAY_INTERFACE") != NULL &&
	    (argc < 2 || strcmp(argv[1], "cgi") != 0))
		return cli_cgi(1, argv);
	if (argc < 2)
		return help(stderr, EXIT_CODE_CONFIG);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(stdout, 0);
	if (strcmp(argv[1], "--version") == 0)
		return cli_version(1, argv);
	for (one = subcommands; one->name != NULL; one++)
		if (strcmp(argv[1], one->name) == 0)
			return one->main(argc - 1, argv + 1);
	fprintf(stderr, "fcgi-host: no subcommand \"%s\"\n\n", argv[1]);
	return help(stderr, EXIT_CODE_CONFIG);
}
