/*
 * config_values.h - the values of a file's sound statements, into the struct.
 */
#ifndef COMMON_CONFIG_VALUES_H
#define COMMON_CONFIG_VALUES_H

#include "config/config_statements.h"

#define CONFIG_SETTINGS_MAX	1024	/* of one handler */

/* Reads the text of `statements` with libconfuse and fills `config`, which
 * holds its defaults. */
void	config_values_read(struct config *, const struct config_statements *,
	    struct config_faults *);

/* ------------------------------------------------------ config_place.c */

/* Makes room for the sections of the file, set to their defaults; the pool
 * "default" is always there, and first. */
void	config_values_prepare(struct config *,
	    const struct config_statements *);

/* The struct of a section, the `index`th of its kind in the file. */
void	*config_values_base(struct config *, const struct config_statements *,
	    const struct config_instance *, size_t index);

/* The sections of a kind, in the order they are kept in. */
size_t	config_section_count(const struct config *, enum config_section_kind);
void	*config_section_at(const struct config *, enum config_section_kind,
	    size_t index);

/* ------------------------------------------------------- config_check.c */

/* What a value alone cannot show: required ones, and how they fit together.
 * Sets what follows from them. */
void	config_check(struct config *, const struct config_statements *,
	    struct config_faults *);

/* The line of an option, or 0 where it has its default. */
unsigned	config_line_of(const struct config_instance *,
		    const char *name);

/* -------------------------------------------------- config_check_cors.c */

void	config_check_cors(const struct config *,
	    const struct config_statements *, struct config_faults *);

/* -------------------------------------------------- config_check_auth.c */

void	config_check_auth(const struct config *,
	    const struct config_statements *, struct config_faults *);

#endif
