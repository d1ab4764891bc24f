/*
 * config_reload.c - a configuration read again, beside the running one.
 *
 * Runs in: the supervisor, at a reload.
 * Owns: nothing.
 * Invariant: after config_keep_restart() no option that needs a restart
 * differs; two configurations without a report have the same value everywhere.
 */
#include "config/config_reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_fault.h"
#include "config/config_value.h"
#include "config/config_values.h"

/* What is being compared, and who is told. */
struct comparison {
	const struct config	*new;
	const struct config	*running;
	config_report		*report;
	void			*context;
	size_t			 count;		/* of differences */
	char			*sentence;	/* that is being made */
	size_t			 length;
};

/* --------------------------------------------------------------- sentences */

static FILE *
begin_sentence(struct comparison *comparison)
{
	FILE *out = open_memstream(&comparison->sentence,
	    &comparison->length);

	if (out == NULL)
		fatal(EXIT_CODE_SYSTEM, "comparing two configurations");
	return out;
}

/* Closes `out` and reports what was printed to it. */
static void
end_sentence(struct comparison *comparison, FILE *out)
{
	if (fclose(out) != 0)
		fatal(EXIT_CODE_SYSTEM, "comparing two configurations");
	comparison->report(comparison->context, comparison->sentence);
	free(comparison->sentence);
	comparison->count++;
}

/* ------------------------------------------------- options of a restart */

static void
report_restart(struct comparison *comparison,
    const struct config_option *option)
{
	FILE *out = begin_sentence(comparison);

	fprintf(out, "%s: needs a restart: ", option->name);
	config_value_write(out, option, comparison->running);
	fprintf(out, " is in use, %s says ", comparison->new->file);
	config_value_write(out, option, comparison->new);
	end_sentence(comparison, out);
}

size_t
config_keep_restart(struct config *new, const struct config *running,
    config_report *report, void *context)
{
	struct comparison comparison = { .new = new, .running = running,
		.report = report, .context = context };
	const struct config_option *option = config_top_options;

	for (; option->name != NULL; option++) {
		if (!option->restart ||
		    config_value_equal(option, new, running))
			continue;
		report_restart(&comparison, option);
		config_value_assign(option, new, running);
	}
	return comparison.count;
}

/* ---------------------------------------------------------------- sections */

/* A section's title; of a route that is its method, and *path_out the rest. */
static const char *
title_of(enum config_section_kind kind, const void *base,
    const char **path_out)
{
	*path_out = NULL;
	switch (kind) {
	case CONFIG_SECTION_POOL:
		return ((const struct config_pool *)base)->name;
	case CONFIG_SECTION_ROUTE:
		*path_out = ((const struct config_route *)base)->path;
		return ((const struct config_route *)base)->method;
	case CONFIG_SECTION_MODEL:
		return ((const struct config_model *)base)->name;
	case CONFIG_SECTION_HANDLER:
		return ((const struct config_handler *)base)->name;
	case CONFIG_SECTION_AUTH:
		return ((const struct config_auth *)base)->name;
	default:
		return NULL;
	}
}

/* `pool "default"`, or nothing for what is outside of sections. */
static void
write_title(FILE *out, enum config_section_kind kind, const void *base)
{
	const char *path, *title = title_of(kind, base, &path);

	if (kind == CONFIG_TOP)
		return;
	fprintf(out, "%s \"%s%s%s\"", config_sections[kind].name, title,
	    path == NULL ? "" : " ", path == NULL ? "" : path);
}

static bool
same_title(enum config_section_kind kind, const void *a, const void *b)
{
	const char *a_path, *b_path;

	return strcmp(title_of(kind, a, &a_path),
	    title_of(kind, b, &b_path)) == 0 &&
	    (a_path == NULL || strcmp(a_path, b_path) == 0);
}

/* The section of that title, or NULL.  It is probably at `index` still. */
static const void *
find_section(const struct config *config, enum config_section_kind kind,
    const void *wanted, size_t index)
{
	size_t count = config_section_count(config, kind);

	for (size_t i = 0; i < count; i++) {
		const void *section = config_section_at(config, kind,
		    (index + i) % count);

		if (same_title(kind, section, wanted))
			return section;
	}
	return NULL;
}

static void
report_option(struct comparison *comparison, enum config_section_kind kind,
    const struct config_option *option, const void *new, const void *running)
{
	FILE *out = begin_sentence(comparison);

	write_title(out, kind, new);
	fprintf(out, "%s%s: ", kind == CONFIG_TOP ? "" : " ", option->name);
	if (option->type == CONFIG_SETTINGS) {
		fputs("changed", out);
	} else {
		config_value_write(out, option, running);
		fputs(" -> ", out);
		config_value_write(out, option, new);
	}
	end_sentence(comparison, out);
}

static void
compare_options(struct comparison *comparison, enum config_section_kind kind,
    const void *new, const void *running)
{
	const struct config_option *option = config_sections[kind].options;

	for (; option->name != NULL; option++)
		if (!option->restart &&
		    !config_value_equal(option, new, running))
			report_option(comparison, kind, option, new, running);
}

static void
report_section(struct comparison *comparison, enum config_section_kind kind,
    const void *section, const char *what)
{
	FILE *out = begin_sentence(comparison);

	write_title(out, kind, section);
	fprintf(out, ": %s", what);
	end_sentence(comparison, out);
}

static void
compare_sections(struct comparison *comparison, enum config_section_kind kind)
{
	const struct config *new = comparison->new;
	const struct config *running = comparison->running;

	for (size_t i = 0; i < config_section_count(new, kind); i++) {
		const void *section = config_section_at(new, kind, i);
		const void *old = find_section(running, kind, section, i);

		if (old != NULL)
			compare_options(comparison, kind, section, old);
		else
			report_section(comparison, kind, section, "added");
	}
	for (size_t i = 0; i < config_section_count(running, kind); i++) {
		const void *section = config_section_at(running, kind, i);

		if (find_section(new, kind, section, i) == NULL)
			report_section(comparison, kind, section, "removed");
	}
}

size_t
config_changes(const struct config *new, const struct config *running,
    config_report *report, void *context)
{
	struct comparison comparison = { .new = new, .running = running,
		.report = report, .context = context };

	compare_options(&comparison, CONFIG_TOP, new, running);
	for (size_t i = CONFIG_TOP + 1; i < CONFIG_SECTION_KINDS; i++)
		compare_sections(&comparison, (enum config_section_kind)i);
	return comparison.count;
}
