/*
 * config_suggest.h - reports a name that is not in the option table, with what
 * was probably meant.
 */
#ifndef COMMON_CONFIG_SUGGEST_H
#define COMMON_CONFIG_SUGGEST_H

#include "config/config_fault.h"
#include "config/config_table.h"

/* `name` stands in `section` as an option, but is none of it. */
void	config_suggest_option(struct config_faults *, unsigned line,
	    const struct config_section *, const char *name, size_t length);

/* `name` stands in `section`, or outside of any, as a section. */
void	config_suggest_section(struct config_faults *, unsigned line,
	    const struct config_section *, const char *name, size_t length);

#endif
