/*
 * config_write.c - one value, from its place in a struct to its text.
 *
 * Runs in: whoever compares configurations.
 * Owns: nothing.
 * Invariant: what is written for an option that is set, put into quotes where
 * it has none, is read as the same value.
 */
#include "config/config_value.h"

#include <string.h>

#include "config/config_list.h"
#include "config/config_units.h"

/* As store_number() of config_value.c kept it. */
static uint64_t
number_at(const struct config_option *option, const void *base)
{
	const char *at = (const char *)base + option->offset;
	uint64_t number;
	uint32_t half;
	bool truth;

	if (option->width == sizeof(truth)) {
		memcpy(&truth, at, sizeof(truth));
		return truth;
	}
	if (option->width == sizeof(half)) {
		memcpy(&half, at, sizeof(half));
		return half;
	}
	memcpy(&number, at, sizeof(number));
	return number;
}

/* CONFIG_UNSET, in the width of the member. */
static bool
is_unset(const struct config_option *option, uint64_t number)
{
	return option->fallback == NULL &&
	    number == (option->width == sizeof(uint32_t) ?
	    (uint32_t)CONFIG_UNSET : (uint64_t)CONFIG_UNSET);
}

static void
write_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; text != NULL && *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void
write_text(FILE *out, const struct config_option *option, const void *base)
{
	const char *text;

	memcpy(&text, (const char *)base + option->offset, sizeof(text));
	if (text == NULL && option->fallback == NULL) {
		fputs("not set", out);
		return;
	}
	write_quoted(out, text);
}

static void
write_list(FILE *out, const struct config_option *option,
    char *const *items)
{
	if (items == NULL && option->fallback == NULL) {
		fputs("not set", out);
		return;
	}
	fputs("{ ", out);
	for (size_t i = 0; items != NULL && items[i] != NULL; i++) {
		if (i > 0)
			fputs(", ", out);
		write_quoted(out, items[i]);
	}
	fputs(items == NULL || items[0] == NULL ? "}" : " }", out);
}

/* The word of `choices` in that place. */
static void
write_choice(FILE *out, const char *choices, uint64_t place)
{
	for (; place > 0; place--)
		choices += strcspn(choices, " ") + 1;
	fprintf(out, "%.*s", (int)strcspn(choices, " "), choices);
}

static void
write_number(FILE *out, const struct config_option *option, uint64_t number)
{
	char shown[CONFIG_UNITS_ROOM];

	switch (option->type) {
	case CONFIG_MODE:
		fprintf(out, "%04o", (unsigned)number);
		break;
	case CONFIG_SIZE:
		fputs(config_units_show_size(number, shown), out);
		break;
	case CONFIG_TIME:
		fputs(config_units_show_time(number, shown), out);
		break;
	case CONFIG_BOOL:
		fputs(number != 0 ? "true" : "false", out);
		break;
	case CONFIG_CHOICE:
		write_choice(out, option->choices, number);
		break;
	case CONFIG_WORKERS:
		if (number >= CONFIG_WORKERS_STATIC)
			write_choice(out, option->choices,
			    number - CONFIG_WORKERS_STATIC);
		else
			fprintf(out, "%llu", (unsigned long long)number);
		break;
	default:
		fprintf(out, "%llu", (unsigned long long)number);
		break;
	}
}

void
config_value_write(FILE *out, const struct config_option *option,
    const void *base)
{
	uint64_t number;

	if (option->type == CONFIG_LIST) {
		write_list(out, option, config_list_items(option, base));
		return;
	}
	if (config_value_is_text(option)) {
		write_text(out, option, base);
		return;
	}
	number = number_at(option, base);
	if (is_unset(option, number))
		fputs("not set", out);
	else
		write_number(out, option, number);
}
