/*
 * load_file.c - a scenario's file, in the grammar of the configuration.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: a fault is told with its line; nothing of the file is guessed.
 */
#include "load/load.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load/load_report.h"

/* libconfuse has a place for no context, and this is one thread. */
static struct err *reading;

static void	note_fault(cfg_t *, const char *, va_list)
	    __attribute__((format(printf, 2, 0)));

static void
note_fault(cfg_t *cfg, const char *format, va_list ap)
{
	char text[300];

	vsnprintf(text, sizeof(text), format, ap);
	if (reading->text[0] == '\0')
		err_set(reading, "%s:%d: %s", cfg->filename != NULL ?
		    cfg->filename : "scenario", cfg->line, text);
}

static cfg_t *
make_parser(void)
{
	cfg_opt_t route[] = {
		CFG_STR("rate", "none", CFGF_NONE),
		CFG_STR("users", NULL, CFGF_NONE),
		CFG_STR("request", NULL, CFGF_NONE),
		CFG_STR("body", NULL, CFGF_NONE),
		CFG_STR_LIST("headers", NULL, CFGF_NODEFAULT),
		CFG_END()
	};
	cfg_opt_t top[] = {
		CFG_STR("url", NULL, CFGF_NONE),
		CFG_STR("duration", NULL, CFGF_NONE),
		CFG_STR("warmup", NULL, CFGF_NONE),
		CFG_STR("timeout", NULL, CFGF_NONE),
		CFG_STR_LIST("headers", NULL, CFGF_NODEFAULT),
		CFG_SEC("route", route, CFGF_MULTI | CFGF_TITLE |
		    CFGF_NO_TITLE_DUPES),
		CFG_END()
	};
	cfg_t *cfg = cfg_init(top, CFGF_NONE);

	if (cfg != NULL)
		cfg_set_error_function(cfg, note_fault);
	return cfg;
}

static int
take_headers(struct load_route *route, cfg_t *cfg, struct err *err)
{
	for (unsigned i = 0; i < cfg_size(cfg, "headers"); i++)
		if (load_route_header(route, cfg_getnstr(cfg, "headers", i),
		    err) < 0)
			return -1;
	return 0;
}

/* What stands in the title is the route; what is asked of it may be more. */
static int
take_route(struct load_scenario *scenario, cfg_t *top, cfg_t *cfg,
    struct err *err)
{
	const char *title = cfg_title(cfg), *text = cfg_getstr(cfg, "request");
	struct load_route *route = load_scenario_add(scenario,
	    text != NULL ? text : title, err);

	if (route == NULL)
		return -1;
	if (text != NULL) {
		free(route->name);
		route->name = strdup(title);
		if (route->name == NULL)
			return err_set(err, "no memory");
		if (strncmp(title, text, strcspn(text, " ") + 1) != 0)
			return err_set(err, "route \"%s\": request \"%s\" has "
			    "another method", title, text);
	}
	if (load_route_rate(route, cfg_getstr(cfg, "rate"), err) < 0)
		return -1;
	if ((text = cfg_getstr(cfg, "users")) != NULL &&
	    load_route_users(route, text, err) < 0)
		return -1;
	if ((text = cfg_getstr(cfg, "body")) != NULL &&
	    load_route_body(route, text, err) < 0)
		return -1;
	return take_headers(route, top, err) < 0 ||
	    take_headers(route, cfg, err) < 0 ? -1 : 0;
}

static int
take_top(struct load_scenario *scenario, cfg_t *cfg, struct err *err)
{
	const struct { const char *name; uint64_t least, *out; } times[] = {
		{ "duration", 500, &scenario->duration_ms },
		{ "warmup", 0, &scenario->warmup_ms },
		{ "timeout", 1, &scenario->timeout_ms },
	};
	const char *text = cfg_getstr(cfg, "url");

	if (text != NULL) {
		free(scenario->url);
		scenario->url = strdup(text);
	}
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		text = cfg_getstr(cfg, times[i].name);
		if (text != NULL && load_time_parse(times[i].name, text,
		    times[i].least, times[i].out, err) < 0)
			return -1;
	}
	for (unsigned i = 0; i < cfg_size(cfg, "route"); i++)
		if (take_route(scenario, cfg, cfg_getnsec(cfg, "route", i),
		    err) < 0)
			return -1;
	return 0;
}

/* A sentence of ours says what; the file is where. */
static int
take_all(struct load_scenario *scenario, cfg_t *cfg, const char *file,
    struct err *err)
{
	struct err why;

	if (take_top(scenario, cfg, &why) == 0)
		return 0;
	return err_set(err, "%s: %s", file, why.text);
}

/* A file; or, where there is none, one of those that are ready. */
static int
parse(cfg_t *cfg, const char *file)
{
	char name[64];
	const char *text;

	snprintf(name, sizeof(name), "%.50s.conf", file);
	text = load_template_find(name);
	if (strchr(file, '/') == NULL && access(file, F_OK) < 0 &&
	    text[0] != '\0')
		return cfg_parse_buf(cfg, text);
	return cfg_parse(cfg, file);
}

int
load_scenario_read(struct load_scenario *scenario, const char *file,
    struct err *err)
{
	cfg_t *cfg = make_parser();
	int rc = -1;

	if (cfg == NULL)
		return err_set(err, "no memory");
	err->text[0] = '\0';
	reading = err;
	switch (parse(cfg, file)) {
	case CFG_SUCCESS:
		rc = take_all(scenario, cfg, file, err);
		break;
	case CFG_FILE_ERROR:
		err_sys(err, "%s", file);
		break;
	default:
		if (err->text[0] == '\0')
			err_set(err, "%s: it cannot be read", file);
	}
	reading = NULL;
	cfg_free(cfg);
	return rc;
}
