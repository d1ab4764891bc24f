/*
 * load_scenario.c - a mix of routes, and whether it makes sense.
 *
 * Runs in: the tools.
 * Owns: struct load_scenario.
 * Invariant: what load_scenario_check() passes can be planned and sent: no text
 * in it can end a line of a request early.
 */
#include "load/load.h"

#include <sys/stat.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_units.h"

#define USERS_DEFAULT	10
#define TARGET_MAX	8000
#define RATE_MAX	100000

void
load_scenario_init(struct load_scenario *scenario)
{
	*scenario = (struct load_scenario){ .duration_ms = 10000,
		.warmup_ms = 1000, .timeout_ms = 10000 };
}

void
load_scenario_free(struct load_scenario *scenario)
{
	for (size_t i = 0; i < scenario->route_count; i++) {
		struct load_route *route = &scenario->routes[i];

		free(route->name);
		free(route->target);
		free(route->body);
		for (size_t j = 0; j < route->header_count; j++)
			free(route->headers[j]);
	}
	free(scenario->url);
	*scenario = (struct load_scenario){ 0 };
}

uint32_t
load_scenario_users(const struct load_scenario *scenario)
{
	uint32_t users = 0;

	for (size_t i = 0; i < scenario->route_count; i++)
		users += scenario->routes[i].users;
	return users;
}

/* ------------------------------------------------------------ one of them */

static bool
is_printable(const char *text, bool blanks)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == 0x7f || byte < ' ' || (byte == ' ' && !blanks))
			return false;
	}
	return true;
}

static size_t
method_length(const char *request)
{
	return strspn(request, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
}

/* One segment of a path against the other, up to its '/' or the query. */
static bool
is_same_segment(const char *asked, const char *name)
{
	size_t length = strcspn(asked, "/?"), wanted = strcspn(name, "/");

	return (name[0] == '{' && length > 0) || (length == wanted &&
	    memcmp(asked, name, length) == 0);
}

bool
load_route_asks(const struct load_route *route, const char *name)
{
	const char *asked = route->target;
	size_t method = method_length(name);

	if (strncmp(route->name, name, method + 1) != 0 ||
	    name[method] != ' ')
		return false;
	for (name += method + 1; *asked == '/' && *name == '/';) {
		if (!is_same_segment(++asked, ++name))
			return false;
		asked += strcspn(asked, "/?");
		name += strcspn(name, "/");
	}
	return *name == '\0' && (*asked == '\0' || *asked == '?');
}

struct load_route *
load_scenario_add(struct load_scenario *scenario, const char *request,
    struct err *err)
{
	size_t method = method_length(request);
	const char *target = request + method + (request[method] == ' ');
	struct load_route *route;

	if (method == 0 || method > 32 || request[method] != ' ' ||
	    target[0] != '/' || strlen(target) > TARGET_MAX ||
	    !is_printable(target, false)) {
		err_set(err, "\"%.200s\": a request is METHOD /path, as in "
		    "\"GET /hello?name=you\"", request);
		return NULL;
	}
	if (strncmp(request, "HEAD ", 5) == 0) {
		err_set(err, "%.200s: wrk waits for a body after HEAD",
		    request);
		return NULL;
	}
	if (scenario->route_count == LOAD_ROUTES_MAX) {
		err_set(err, "there are more than %d routes", LOAD_ROUTES_MAX);
		return NULL;
	}
	route = &scenario->routes[scenario->route_count];
	*route = (struct load_route){ .users = USERS_DEFAULT,
		.name = strdup(request), .target = strdup(target) };
	if (route->name == NULL || route->target == NULL) {
		err_set(err, "no memory");
		return NULL;
	}
	scenario->route_count++;
	return route;
}

int
load_route_rate(struct load_route *route, const char *text, struct err *err)
{
	char *unit;
	double rate;

	if (strcmp(text, "none") == 0) {
		route->rate = 0;
		return 0;
	}
	rate = isdigit((unsigned char)text[0]) ? strtod(text, &unit) : 0;
	if (rate <= 0 || (strcmp(unit, "/s") != 0 && strcmp(unit, "/m") != 0))
		return err_set(err, "rate %.40s: it is \"50/s\", \"300/m\" or "
		    "\"none\"", text);
	route->rate = unit[1] == 'm' ? rate / 60 : rate;
	if (route->rate > RATE_MAX)
		return err_set(err, "rate %.40s: %d/s at most", text,
		    RATE_MAX);
	return 0;
}

int
load_route_users(struct load_route *route, const char *text, struct err *err)
{
	uint64_t users;

	if (config_units_count(text, &users, err) < 0)
		return -1;
	if (users < 1 || users > LOAD_USERS_MAX)
		return err_set(err, "users %.40s: 1 to %d", text,
		    LOAD_USERS_MAX);
	route->users = (uint32_t)users;
	return 0;
}

int
load_route_header(struct load_route *route, const char *text,
    struct err *err)
{
	size_t name = strcspn(text, ": \t");

	if (name == 0 || text[name] != ':' || !is_printable(text, true))
		return err_set(err, "header \"%.80s\": it is \"Name: value\"",
		    text);
	if (route->header_count == LOAD_HEADERS_MAX)
		return err_set(err, "there are more than %d headers",
		    LOAD_HEADERS_MAX);
	route->headers[route->header_count] = strdup(text);
	if (route->headers[route->header_count] == NULL)
		return err_set(err, "no memory");
	route->header_count++;
	return 0;
}

static int
read_body(struct load_route *route, const char *file, struct err *err)
{
	FILE *in = fopen(file, "rbe");
	struct stat status;
	int rc = -1;

	if (in == NULL)
		return err_sys(err, "%s", file);
	if (fstat(fileno(in), &status) < 0)
		err_sys(err, "%s", file);
	else if (!S_ISREG(status.st_mode) || status.st_size > LOAD_BODY_MAX)
		err_set(err, "%s: a body is a file of %d MiB at most", file,
		    LOAD_BODY_MAX >> 20);
	else
		rc = 0;
	if (rc == 0) {
		route->body = malloc((size_t)status.st_size + 1);
		route->body_length = route->body == NULL ? 0 :
		    fread(route->body, 1, (size_t)status.st_size, in);
		if (route->body == NULL)
			rc = err_set(err, "no memory");
	}
	fclose(in);
	return rc;
}

int
load_route_body(struct load_route *route, const char *text, struct err *err)
{
	free(route->body);
	route->body = NULL;
	if (text[0] == '@')
		return read_body(route, text + 1, err);
	route->body = strdup(text);
	route->body_length = strlen(text);
	return route->body == NULL ? err_set(err, "no memory") : 0;
}

int
load_time_parse(const char *name, const char *text, uint64_t least_ms,
    uint64_t *ms_out, struct err *err)
{
	struct err why;

	if (config_units_time(text, ms_out, &why) < 0)
		return err_set(err, "%s: %s", name, why.text);
	if (*ms_out < least_ms || *ms_out > LOAD_DURATION_MAX_MS)
		return err_set(err, "%s %s: %llu ms to one hour", name, text,
		    (unsigned long long)least_ms);
	return 0;
}

/* ------------------------------------------------------------------ whole */

/* A user that is to ask less than once a minute: nginx takes its connection for
 * idle and closes it. */
static int
check_route(const struct load_route *route, struct err *err)
{
	if (route->rate > 0 && route->rate / route->users < 1.0 / 60)
		return err_set(err, "%s: %u users for %.3g requests a second "
		    "is less than one a minute for each: take fewer users",
		    route->name, route->users, route->rate);
	return 0;
}

int
load_scenario_check(const struct load_scenario *scenario, struct err *err)
{
	double seconds = (double)(scenario->duration_ms +
	    scenario->warmup_ms) / 1000;
	double requests = 0;

	if (scenario->route_count == 0)
		return err_set(err, "there is no route: --route 'GET /hello', "
		    "or a scenario");
	for (size_t i = 0; i < scenario->route_count; i++) {
		if (check_route(&scenario->routes[i], err) < 0)
			return -1;
		requests += scenario->routes[i].rate * seconds;
	}
	if (scenario->duration_ms + scenario->warmup_ms >
	    LOAD_DURATION_MAX_MS)
		return err_set(err, "duration and warm-up together: one hour "
		    "at most");
	if (load_scenario_users(scenario) > LOAD_USERS_MAX)
		return err_set(err, "%u users: %d at most, as each is a "
		    "thread of the generator", load_scenario_users(scenario),
		    LOAD_USERS_MAX);
	if (requests > LOAD_REQUESTS_MAX)
		return err_set(err, "%.0f requests: %d at most", requests,
		    LOAD_REQUESTS_MAX);
	return 0;
}
