/*
 * config_fixture.c - parses a text as a configuration and collects the faults.
 *
 * Runs in: the unit tests of the configuration.
 * Owns: nothing.
 * Invariant: a text is "test.conf" to every sentence.
 */
#include "config_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
collect(void *context, const char *sentence)
{
	struct reports *reports = context;

	if (reports->count < REPORTS)
		reports->text[reports->count] = strdup(sentence);
	reports->count++;
}

void
forget(struct reports *reports)
{
	for (size_t i = 0; i < reports->count && i < REPORTS; i++)
		free(reports->text[i]);
	reports->count = 0;
}

struct config *
parse(const char *text, struct reports *reports)
{
	reports->count = 0;
	return config_parse("test.conf", text, strlen(text), collect, reports);
}

struct config *
sound(const char *text)
{
	struct reports reports;
	struct config *config = parse(text, &reports);

	if (reports.count > 0)
		print_error("%s\n%s\n", text, reports.text[0]);
	assert_int_equal(reports.count, 0);
	assert_non_null(config);
	return config;
}

void
faulty(const char *text, unsigned line, const char *says)
{
	struct reports reports;
	struct config *config = parse(text, &reports);
	char where[64];

	snprintf(where, sizeof(where), line == 0 ? "test.conf: " :
	    "test.conf:%u: ", line);
	if (reports.count != 1 || strncmp(reports.text[0], where,
	    strlen(where)) != 0 || strstr(reports.text[0], says) == NULL) {
		print_error("%s\nwanted: %s ... %s\n", text, where, says);
		for (size_t i = 0; i < reports.count && i < REPORTS; i++)
			print_error("got: %s\n", reports.text[i]);
		fail();
	}
	assert_null(config);
	forget(&reports);
}

void
expect_lines(const char *text, const unsigned *lines, size_t count)
{
	struct reports reports;
	char where[64];

	assert_null(parse(text, &reports));
	for (size_t i = 0; i < reports.count && reports.count != count; i++)
		print_error("%s\n", reports.text[i]);
	assert_int_equal(reports.count, count);
	for (size_t i = 0; i < count; i++) {
		snprintf(where, sizeof(where), "test.conf:%u: ", lines[i]);
		assert_memory_equal(reports.text[i], where, strlen(where));
	}
	forget(&reports);
}
