/*
 * config_suggest.c - reports a name that is not in the option table.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing.
 * Invariant: one report for each call.
 */
#include "config/config_suggest.h"

#include <stdio.h>
#include <string.h>

#include "config/config_statements.h"

/* The section that has an option of this name; the top is not asked. */
static const struct config_section *
section_of(const char *name, size_t length)
{
	for (size_t i = CONFIG_TOP + 1; i < CONFIG_SECTION_KINDS; i++)
		if (config_table_find(&config_sections[i], name, length))
			return &config_sections[i];
	return NULL;
}

/* "workers, threads, queue": what a section takes. */
static void
list_options(const struct config_section *section, char *out, size_t size)
{
	const struct config_option *option = section->options;
	size_t length = 0;

	for (; option->name != NULL && length < size; option++)
		length += (size_t)snprintf(out + length, size - length,
		    "%s%s", length == 0 ? "" : ", ", option->name);
}

/* The name is an option, elsewhere: says where.  False if it is none. */
static bool
suggest_place(struct config_faults *faults, unsigned line,
    const struct config_section *section, const char *key, const char *name,
    size_t length)
{
	const struct config_section *other = section_of(name, length);

	if (config_table_find(config_sections, name, length) != NULL)
		config_fault(faults, line, key, "is no option of a %s "
		    "section; it stands outside of sections", section->name);
	else if (other != NULL)
		config_fault(faults, line, key, "is an option of a section: "
		    "write it in %s \"%s\" { ... }", other->name,
		    other->title);
	else
		return false;
	return true;
}

void
config_suggest_option(struct config_faults *faults, unsigned line,
    const struct config_section *section, const char *name, size_t length)
{
	const struct config_section *named;
	char key[CONFIG_EXCERPT], names[256] = "";
	const char *near;

	config_excerpt(name, length, key);
	named = config_table_section(name, length);
	if (named != NULL && section == config_sections) {
		config_fault(faults, line, key, "is a section: write %s "
		    "\"%s\" { ... }", named->name, named->title);
		return;
	}
	if (suggest_place(faults, line, section, key, name, length))
		return;
	near = config_table_nearest(section, name, length);
	if (near != NULL) {
		config_fault(faults, line, key, "unknown option; did you mean "
		    "\"%s\"?", near);
	} else if (section == config_sections) {
		config_fault(faults, line, key, "unknown option; "
		    "fcgi-host.conf(5) has them all");
	} else {
		list_options(section, names, sizeof(names));
		config_fault(faults, line, key, "unknown option; a %s section "
		    "takes %s", section->name, names);
	}
}

void
config_suggest_section(struct config_faults *faults, unsigned line,
    const struct config_section *section, const char *name, size_t length)
{
	char key[CONFIG_EXCERPT];
	const char *near;

	config_excerpt(name, length, key);
	if (config_table_find(section, name, length) != NULL) {
		config_fault(faults, line, key, "is an option, not a section: "
		    "write %s = VALUE", key);
		return;
	}
	if (section != config_sections) {
		config_fault(faults, line, key, "a %s section has no sections "
		    "in it", section->name);
		return;
	}
	near = config_table_nearest(NULL, name, length);
	if (near != NULL)
		config_fault(faults, line, key, "unknown section; did you "
		    "mean \"%s\"?", near);
	else
		config_fault(faults, line, key, "unknown section; there are "
		    "pool, route, model and handler");
}
