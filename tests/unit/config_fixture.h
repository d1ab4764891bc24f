/*
 * config_fixture.h - parses a text as a configuration and collects the faults.
 */
#ifndef CONFIG_FIXTURE_H
#define CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/config.h"

#define REPORTS	64

struct reports {
	char	*text[REPORTS];
	size_t	 count;
};

/* A config_report for a struct reports, which forget() empties again. */
void	collect(void *context, const char *sentence);
void	forget(struct reports *);

struct config	*parse(const char *text, struct reports *);

/* A text that must be sound. */
struct config	*sound(const char *text);

/* Exactly one fault, at that line, saying that. */
void	faulty(const char *text, unsigned line, const char *says);

/* As many faults, at these lines, in this order. */
void	expect_lines(const char *text, const unsigned *lines, size_t count);

#endif
