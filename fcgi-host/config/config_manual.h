/*
 * config_manual.h - what the option table says, for people.
 *
 * man/fcgi-host.conf.5 and fcgi-host.conf in the source tree are what these two
 * print; tests/lint/options compares them.
 */
#ifndef COMMON_CONFIG_MANUAL_H
#define COMMON_CONFIG_MANUAL_H

#include <stdio.h>

#include "config/config_table.h"

/* fcgi-host.conf(5), in mdoc. */
void	config_print_manual(FILE *);

/* A configuration file with every option explained and its default in a
 * comment. */
void	config_print_sample(FILE *);

/* ------------------------------------------------------- config_prose.c */

enum config_prose { CONFIG_PROSE_PLAIN, CONFIG_PROSE_ROFF };

/* Fills lines of `text`, each behind `prefix`; in roff a sentence begins a
 * line, and what roff would take for its own is escaped. */
void	config_prose(FILE *, enum config_prose, const char *prefix,
	    const char *text);

/* One sentence: what an option may be and what it is without being set. */
void	config_prose_facts(FILE *, enum config_prose, const char *prefix,
	    const struct config_option *);

/* The option's default, or its example, as it stands in a file. */
void	config_print_value(FILE *, const struct config_option *);

#endif
