/*
 * config_manual_test.c - the option table, the manual and the sample agree.
 *
 * Runs in: make check; reads the committed manual and sample from $srcdir.
 * Owns: nothing.
 * Invariant: what is committed is what the table prints, and is true.
 */
#include "config_fixture.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_manual.h"
#include "config/config_value.h"
#include "config/config_table.h"

static char *
print(void (*printer)(FILE *))
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	printer(out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static char *
read_source(const char *name)
{
	const char *folder = getenv("srcdir");
	char path[4096], *text = calloc(1, 1 << 20);
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", folder == NULL ? "." : folder,
	    name);
	in = fopen(path, "r");
	if (in == NULL)
		fail_msg("%s cannot be opened", path);
	assert_non_null(text);
	text[fread(text, 1, (1 << 20) - 1, in)] = '\0';
	fclose(in);
	return text;
}

static void
expect_source(const char *name, void (*printer)(FILE *))
{
	char *printed = print(printer), *committed = read_source(name);

	assert_string_equal(printed, committed);
	free(printed);
	free(committed);
}

static void
test_the_committed_files(void **state)
{
	(void)state;
	expect_source("fcgi-host/man/fcgi-host.conf.5", config_print_manual);
	expect_source("fcgi-host/fcgi-host.conf", config_print_sample);
}

/* ------------------------------------------------------------------ table */

/* Breaks when: a long default is cut. */
static void
check_facts(const struct config_option *option)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	config_prose_facts(out, CONFIG_PROSE_PLAIN, "", option);
	fclose(out);
	for (char *at = text; (at = strchr(at, '\n')) != NULL;)
		*at = ' ';
	assert_non_null(strstr(text, ". "));
	if (option->fallback != NULL && !option->required)
		assert_non_null(strstr(text, option->fallback));
	free(text);
}

static void
check_section(const struct config_section *section)
{
	const struct config_option *option = section->options;

	for (; option->name != NULL; option++) {
		assert_ptr_equal(config_table_find(section, option->name,
		    strlen(option->name)), option);
		assert_non_null(option->text);
		assert_int_equal(option->text[strlen(option->text) - 1], '.');
		assert_true(option->fallback != NULL ||
		    option->example != NULL);
		assert_true((option->min == NULL) == (option->max == NULL));
		assert_true(option->offset + option->width <= section->size);
		check_facts(option);
	}
	assert_true(option - section->options <= CONFIG_OPTIONS_MAX);
}

static void
test_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONFIG_SECTION_KINDS; i++)
		check_section(&config_sections[i]);
}

/* ----------------------------------------------------------------- sample */

/* Does the line begin an option or a section's block in a comment? */
static bool
is_statement(const char *line, const char *what)
{
	size_t name = 0;

	if (strncmp(line, "# ", 2) != 0)
		return false;
	while (islower((unsigned char)line[2 + name]) ||
	    line[2 + name] == '_')
		name++;
	return name > 0 && strncmp(line + 2 + name, what, strlen(what)) == 0;
}

/* The sample with the comments taken off from its options and sections. */
static char *
uncomment(char *sample)
{
	char *out = calloc(1, strlen(sample) + 1), *line;
	bool inside = false;

	assert_non_null(out);
	for (line = strtok(sample, "\n"); line != NULL;
	    line = strtok(NULL, "\n")) {
		inside |= is_statement(line, " \"") &&
		    line[strlen(line) - 1] == '{';
		if (inside || is_statement(line, " = "))
			strcat(out, line + (line[1] == ' ' ? 2 : 1));
		else
			strcat(out, line);
		strcat(out, "\n");
		if (strcmp(line, "# }") == 0)
			inside = false;
	}
	return out;
}

/* Compares the members of a section's struct, as the table knows them. */
static void
expect_same(const struct config_section *section, const void *left,
    const void *right)
{
	const struct config_option *option = section->options;

	for (; option->name != NULL; option++) {
		const char *a = (const char *)left + option->offset;
		const char *b = (const char *)right + option->offset;
		const char *const *at = (const void *)a;
		const char *const *bt = (const void *)b;

		if (option->type == CONFIG_SETTINGS)
			continue;
		if (option->type == CONFIG_LIST)
			assert_true(config_value_equal(option, left, right));
		else if (option->type > CONFIG_SHA256)
			assert_memory_equal(a, b, option->width);
		else if (*at == NULL || *bt == NULL)
			assert_ptr_equal(*at, *bt);
		else
			assert_string_equal(*at, *bt);
	}
}

static void
test_the_sample_is_the_defaults(void **state)
{
	struct config *defaults = config_defaults(), *plain, *bare;
	char *sample = print(config_print_sample), *open;

	(void)state;
	plain = sound(sample);
	open = uncomment(sample);
	bare = sound(open);
	expect_same(config_sections, plain, defaults);
	expect_same(config_sections, bare, defaults);
	expect_same(&config_sections[CONFIG_SECTION_POOL], &bare->pools[0],
	    &defaults->pools[0]);
	assert_int_equal(bare->pool_count, 1);
	assert_int_equal(bare->route_count, 1);
	assert_int_equal(bare->model_count, 1);
	assert_int_equal(bare->handler_count, 1);
	assert_int_equal(bare->handler_sections[0].setting_count, 1);
	config_free(defaults);
	config_free(plain);
	config_free(bare);
	free(sample);
	free(open);
}

/* Every option has its entry in both. */
static void
test_every_option_is_documented(void **state)
{
	char *manual = print(config_print_manual);
	char *sample = print(config_print_sample), line[128];

	(void)state;
	for (size_t i = 0; i < CONFIG_SECTION_KINDS; i++) {
		const struct config_option *option =
		    config_sections[i].options;

		for (; option->name != NULL; option++) {
			snprintf(line, sizeof(line), "\n.It Ic %s No = Ar ",
			    option->name);
			assert_non_null(strstr(manual, line));
			snprintf(line, sizeof(line), "\n# %s%s = ",
			    i == CONFIG_TOP ? "" : "    ", option->name);
			assert_non_null(strstr(sample, line));
		}
	}
	free(manual);
	free(sample);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_committed_files),
		cmocka_unit_test(test_the_table),
		cmocka_unit_test(test_the_sample_is_the_defaults),
		cmocka_unit_test(test_every_option_is_documented)
	};

	return cmocka_run_group_tests_name("config_manual", tests, NULL, NULL);
}
