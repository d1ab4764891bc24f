/*
 * cli_load.c - `fcgi-host load`: a load test in one command.
 *
 * Runs in: the tools.
 * Owns: struct cli_load and the scratch folder.
 * Invariant: all that is wrong with what was asked is said before anything is
 * started.
 */
#include "cli/cli_load.h"

#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_options.h"
#include "cli/cli_scratch.h"
#include "common/log.h"
#include "config/config_units.h"

#define TURNS_DEFAULT	3
#define TURNS_LEAST	3	/* of two no interval says anything */
#define DURATION_LEAST	500
#define URL_DEFAULT	"http://127.0.0.1"

/* What was given, as text. */
struct words {
	struct cli_list	 routes, rates, users, headers;
	const char	*scenario, *url, *body, *duration, *warmup, *timeout;
	const char	*turns, *seed;
};

/* ---------------------------------------------------------- the scenario */

/* The n-th of a list goes with the n-th --route, a single one with all. */
static int
set_each(struct load_scenario *scenario, size_t first,
    const struct cli_list *list, const char *name,
    int set(struct load_route *, const char *, struct err *), struct err *err)
{
	size_t routes = scenario->route_count - first;

	if (list->count == 0)
		return 0;
	if (list->count != 1 && list->count != routes)
		return err_set(err, "--%s is given %zu times, and --route "
		    "%zu times: once for all, or once for each", name,
		    list->count, routes);
	for (size_t i = 0; i < routes; i++)
		if (set(&scenario->routes[first + i],
		    list->texts[list->count == 1 ? 0 : i], err) < 0)
			return -1;
	return 0;
}

static bool
takes_body(const struct load_route *route)
{
	return strncmp(route->name, "GET ", 4) != 0 &&
	    strncmp(route->name, "HEAD ", 5) != 0 &&
	    strncmp(route->name, "DELETE ", 7) != 0;
}

static int
set_routes(struct load_scenario *scenario, const struct words *words,
    struct err *err)
{
	size_t first = scenario->route_count;

	for (size_t i = 0; i < words->routes.count; i++)
		if (load_scenario_add(scenario, words->routes.texts[i],
		    err) == NULL)
			return -1;
	if (set_each(scenario, first, &words->rates, "rate", load_route_rate,
	    err) < 0 || set_each(scenario, first, &words->users, "users",
	    load_route_users, err) < 0)
		return -1;
	for (size_t i = first; words->body != NULL &&
	    i < scenario->route_count; i++)
		if (takes_body(&scenario->routes[i]) &&
		    load_route_body(&scenario->routes[i], words->body,
		    err) < 0)
			return -1;
	for (size_t i = 0; i < scenario->route_count; i++)
		for (size_t j = 0; j < words->headers.count; j++)
			if (load_route_header(&scenario->routes[i],
			    words->headers.texts[j], err) < 0)
				return -1;
	return 0;
}

static int
set_times(struct load_scenario *scenario, const struct words *words,
    struct err *err)
{
	if (words->duration != NULL && load_time_parse("--duration",
	    words->duration, DURATION_LEAST, &scenario->duration_ms, err) < 0)
		return -1;
	if (words->warmup != NULL && load_time_parse("--warmup",
	    words->warmup, 0, &scenario->warmup_ms, err) < 0)
		return -1;
	return words->timeout == NULL ? 0 : load_time_parse("--timeout",
	    words->timeout, 1, &scenario->timeout_ms, err);
}

static int
set_numbers(struct cli_load *load, const struct words *words,
    struct err *err)
{
	uint64_t turns = TURNS_DEFAULT;

	load->seed = 1;
	if (words->seed != NULL && config_units_count(words->seed,
	    &load->seed, err) < 0)
		return -1;
	if (words->turns != NULL && config_units_count(words->turns, &turns,
	    err) < 0)
		return -1;
	if (turns < TURNS_LEAST || turns > LOAD_PAIRS_MAX)
		return err_set(err, "--turns: %d to %d pairs", TURNS_LEAST,
		    LOAD_PAIRS_MAX);
	load->turns = (size_t)turns;
	return 0;
}

static int
check_compare(const struct cli_load *load, struct err *err)
{
	const struct load_scenario *scenario = &load->scenario;

	if (load->compare == NULL)
		return 0;
	for (size_t i = 0; i < scenario->route_count; i++)
		if (load_route_asks(&scenario->routes[i], load->compare))
			return 0;
	return err_set(err, "--compare %.200s: nothing in the mix asks it",
	    load->compare);
}

static int
set_all(struct cli_load *load, const struct words *words, struct err *err)
{
	struct load_scenario *scenario = &load->scenario;
	struct load_url url;

	load_scenario_init(scenario);
	if (words->scenario != NULL &&
	    load_scenario_read(scenario, words->scenario, err) < 0)
		return -1;
	if (words->url != NULL || scenario->url == NULL) {
		free(scenario->url);
		scenario->url = strdup(words->url != NULL ? words->url :
		    URL_DEFAULT);
	}
	if (load_url_parse(scenario->url, &url, err) < 0 ||
	    set_routes(scenario, words, err) < 0 ||
	    set_times(scenario, words, err) < 0 ||
	    set_numbers(load, words, err) < 0)
		return -1;
	return load_scenario_check(scenario, err) < 0 ? -1 :
	    check_compare(load, err);
}

/* ------------------------------------------------------------- the report */

/* "wrk 4.1.0", from the first line of `wrk -v`. */
static void
find_generator(struct cli_load *load)
{
	FILE *in = popen("wrk -v 2>&1", "re");
	char first[128] = "", version[48] = "";

	if (in != NULL) {
		if (fgets(first, sizeof(first), in) != NULL)
			sscanf(first, "wrk %47s", version);
		while (fgets(first, sizeof(first), in) != NULL)
			;
		pclose(in);
	}
	snprintf(load->generator, sizeof(load->generator), "wrk %s", version);
}

static void
find_machine(struct cli_load *load)
{
	struct utsname name;

	if (uname(&name) == 0)
		snprintf(load->machine, sizeof(load->machine), "%d CPUs, "
		    "%.32s %.64s, %.32s", get_nprocs(), name.sysname,
		    name.release, name.machine);
}

static struct load_about
about(const struct cli_load *load, const char *title)
{
	struct load_about out = { .title = title,
		.generator = load->generator, .machine = load->machine,
		.seed = load->seed };
	time_t now = time(NULL);
	struct tm parts;

	gmtime_r(&now, &parts);
	strftime(out.when, sizeof(out.when), "%Y-%m-%d %H:%M UTC", &parts);
	return out;
}

static int
report(const struct cli_load *load, const struct load_tally *tally,
    const struct load_comparison *comparison)
{
	char title[600];
	struct load_about what;
	FILE *out;

	snprintf(title, sizeof(title), "Load test of %.500s",
	    comparison != NULL ? comparison->route : load->scenario.url);
	what = about(load, title);
	if (load->json)
		load_print_json(stdout, &what, tally, comparison);
	else if (comparison != NULL)
		load_print_comparison(stdout, comparison);
	else
		load_print_table(stdout, &what, tally);
	if (load->html == NULL)
		return fflush(stdout) == 0 ? 0 : EXIT_CODE_SYSTEM;
	out = fopen(load->html, "we");
	if (out != NULL)
		load_print_html(out, &what, tally, comparison);
	if (out == NULL || ferror(out) || fclose(out) != 0) {
		perror(load->html);
		return EXIT_CODE_SYSTEM;
	}
	return fflush(stdout) == 0 ? 0 : EXIT_CODE_SYSTEM;
}

/* ----------------------------------------------------------------- a run */

static int
fails(const struct err *err)
{
	return cli_usage_error("load", "%s", err->text);
}

static int
compare(struct cli_load *load)
{
	struct load_comparison *comparison = calloc(1, sizeof(*comparison));
	struct err err;
	int rc;

	if (comparison == NULL)
		return EXIT_CODE_SYSTEM;
	rc = cli_load_compare(load, comparison, &err) < 0 ? fails(&err) :
	    report(load, NULL, comparison);
	free(comparison);
	return rc == 0 && cli_load_is_interrupted() ? 1 : rc;
}

static int
test(struct cli_load *load)
{
	struct load_tally tally;
	struct load_plan plan;
	struct err err;
	int rc;

	if (cli_load_first(load, &load->scenario, &err) < 0 ||
	    load_plan_make(&load->scenario, load->seed, &plan, &err) < 0)
		return fails(&err);
	rc = cli_load_run(load, &load->scenario, &plan, "load", &tally,
	    &err) < 0 ? fails(&err) : report(load, &tally, NULL);
	if (rc != EXIT_CODE_CONFIG)
		load_tally_free(&tally);
	load_plan_free(&plan);
	return rc == 0 && cli_load_is_interrupted() ? 1 : rc;
}

static int
run(struct cli_load *load)
{
	int rc;

	cli_load_catch_signals();
	if (!cli_load_is_installed("wrk"))
		return cli_usage_error("load", "wrk is not installed: apt "
		    "install wrk");
	if (load->compare != NULL && !cli_load_is_installed("nginx"))
		return cli_usage_error("load", "--compare starts an nginx of "
		    "its own, and none is installed: apt install nginx-light");
	strcpy(load->scratch, "/tmp/fcgi-host-load.XXXXXX");
	if (mkdtemp(load->scratch) == NULL) {
		perror(load->scratch);
		return EXIT_CODE_SYSTEM;
	}
	chmod(load->scratch, 0755);
	if (readlink("/proc/self/exe", load->self, sizeof(load->self) - 1) <
	    0)
		perror("/proc/self/exe");
	find_generator(load);
	find_machine(load);
	rc = load->compare != NULL ? compare(load) : test(load);
	cli_scratch_remove(load->scratch);
	return rc;
}

/* ------------------------------------------------------------------ begin */

static const char about_text[] =
    "Asks a mix of routes through nginx, each at its rate, and prints "
    "latencies and\nerrors.  Latencies are counted from when a request was "
    "due, so that a server\nthat stalls cannot hide it.  With --compare a "
    "route's tag is flipped on a host of\nour own, sync against async in "
    "turn, and it says which is better.  wrk makes the\nrequests.\n\n"
    "  fcgi-host load --route 'GET /hello' --rate 50/s --users 20\n"
    "  fcgi-host load --scenario mixed-200 --html report.html\n"
    "  fcgi-host load --scenario mixed-200 --compare 'GET /sleep'";

int
cli_load(int argc, char **argv)
{
	static struct words words;
	static struct cli_load load;
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(load.config),
		{ 's', "scenario", "FILE", "a mix from a file, or mixed-200: "
		    "200 users for 60 s", .text = &words.scenario },
		{ 'u', "url", "URL", "of nginx (" URL_DEFAULT ")",
		    .text = &words.url },
		{ 'r', "route", "REQUEST", "'METHOD /path?query'; again for "
		    "more", .list = &words.routes },
		{ '\0', "rate", "N/s", "of a route, all its users together; "
		    "else as fast as\nthey can.  Once for all, or once for "
		    "each --route", .list = &words.rates },
		{ '\0', "users", "N", "of a route (10), each with one "
		    "request at a time", .list = &words.users },
		{ 'H', "header", "LINE", "'Name: value', with each request",
		    .list = &words.headers },
		{ 'd', "data", "BODY", "or @FILE, of each --route that is no "
		    "GET", .text = &words.body },
		{ 't', "duration", "TIME", "that is measured (10s)",
		    .text = &words.duration },
		{ '\0', "warmup", "TIME", "before it (1s)",
		    .text = &words.warmup },
		{ '\0', "timeout", "TIME", "a later reply is an error (10s)",
		    .text = &words.timeout },
		{ '\0', "compare", "ROUTE", "flips its tag, on hosts of our "
		    "own", .text = &load.compare },
		{ '\0', "turns", "N", "pairs of turns of it (3)",
		    .text = &words.turns },
		{ '\0', "seed", "N", "of when requests are due (1)",
		    .text = &words.seed },
		{ '\0', "json", NULL, "prints JSON", .flag = &load.json },
		{ '\0', "html", "FILE", "writes a page with plots",
		    .text = &load.html },
		{ 'q', "quiet", NULL, "shows no progress",
		    .flag = &load.quiet },
	};
	const struct cli_command command = { "load", "", 0, 0, about_text,
	    options, sizeof(options) / sizeof(options[0]) };
	struct err err;
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	log_init("load");
	exit_code = set_all(&load, &words, &err) < 0 ? fails(&err) :
	    run(&load);
	load_scenario_free(&load.scenario);
	return exit_code;
}
