/*
 * config_units.c - sizes and times as people write them.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing.
 * Invariant: a text is either exactly one number and one unit, or refused with
 * a sentence; nothing wraps around.  size_t has 64 bits.
 */
#include "config/config_units.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "config/config.h"
#include "config/config_fault.h"

#define SECONDS_MAX_MS	120000	/* a longer time is shown in minutes */

struct unit {
	const char	*name;
	uint64_t	 factor;
};

static const struct unit size_units[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "KiB", UINT64_C(1) << 10 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "GiB", UINT64_C(1) << 30 },
	{ "TiB", UINT64_C(1) << 40 },
	{ "kB", UINT64_C(1000) },
	{ "MB", UINT64_C(1000000) },
	{ "GB", UINT64_C(1000000000) },
	{ "TB", UINT64_C(1000000000000) },
	{ NULL, 0 }
};

static const struct unit time_units[] = {
	{ "ms", 1 },
	{ "s", UINT64_C(1000) },
	{ "m", UINT64_C(60000) },
	{ "h", UINT64_C(3600000) },
	{ "d", UINT64_C(86400000) },
	{ NULL, 0 }
};

static const char *
skip_spaces(const char *text)
{
	return text + strspn(text, " \t");
}

/* Digits at *at_io; moves past them.  `shown` is the value, for sentences. */
static int
take_number(const char **at_io, const char *shown, uint64_t *number_out,
    struct err *err)
{
	const char *at = skip_spaces(*at_io);
	size_t digits = strspn(at, "0123456789");
	uint64_t number = 0;

	if (digits == 0)
		return err_set(err, "\"%s\" is not a whole number from 0 up",
		    shown);
	if (at[digits] == '.')
		return err_set(err, "\"%s\" has a fraction; write a whole "
		    "number of a smaller unit", shown);
	for (size_t i = 0; i < digits; i++) {
		uint64_t digit = (uint64_t)(at[i] - '0');

		if (number > (UINT64_MAX - digit) / 10)
			return err_set(err, "\"%s\" is too large", shown);
		number = number * 10 + digit;
	}
	*at_io = at + digits;
	*number_out = number;
	return 0;
}

/* Is `text` this unit, and nothing but spaces after it? */
static bool
is_unit(const char *text, const char *name, bool any_case)
{
	size_t length = strlen(name);

	if (any_case ? strncasecmp(text, name, length) != 0 :
	    strncmp(text, name, length) != 0)
		return false;
	return *skip_spaces(text + length) == '\0';
}

static const struct unit *
find_unit(const struct unit *units, const char *text, bool any_case)
{
	for (; units->name != NULL; units++)
		if (is_unit(text, units->name, any_case))
			return units;
	return NULL;
}

static int
scale(const char *shown, uint64_t number, uint64_t factor, uint64_t *out,
    struct err *err)
{
	if (number > UINT64_MAX / factor)
		return err_set(err, "\"%s\" is too large", shown);
	*out = number * factor;
	return 0;
}

/* Says why `unit` is no unit of size; k, M, kb, Kb, ... have two readings. */
static int
refuse_size(const char *shown, const char *unit, uint64_t number,
    struct err *err)
{
	static const char letters[] = "KMGT";
	const struct unit *near = find_unit(size_units, unit, true);
	const char *letter = strchr(letters, unit[0] & ~0x20);

	if (near != NULL && strlen(near->name) == 3)
		return err_set(err, "\"%s\": write the unit as %s", shown,
		    near->name);
	if (letter != NULL && (near != NULL || is_unit(unit + 1, "", false)))
		return err_set(err, "\"%s\" may mean powers of 1024 or of "
		    "1000; write \"%llu %ciB\" or \"%llu %cB\"", shown,
		    (unsigned long long)number, *letter,
		    (unsigned long long)number, *letter == 'K' ? 'k' : *letter);
	return err_set(err, "\"%s\" has no known unit; sizes are in B, KiB, "
	    "MiB, GiB or TiB (or kB, MB, GB, TB)", shown);
}

int
config_units_size(const char *text, size_t *bytes_out, struct err *err)
{
	char shown[CONFIG_EXCERPT];
	const char *at = text;
	const struct unit *unit;
	uint64_t number, bytes = 0;

	config_excerpt(text, strlen(text), shown);
	if (take_number(&at, shown, &number, err) < 0)
		return -1;
	at = skip_spaces(at);
	unit = find_unit(size_units, at, false);
	if (unit == NULL)
		return refuse_size(shown, at, number, err);
	if (scale(shown, number, unit->factor, &bytes, err) < 0)
		return -1;
	*bytes_out = (size_t)bytes;
	return 0;
}

int
config_units_time(const char *text, uint64_t *ms_out, struct err *err)
{
	char shown[CONFIG_EXCERPT];
	const char *at = text;
	const struct unit *unit;
	uint64_t number;

	config_excerpt(text, strlen(text), shown);
	if (take_number(&at, shown, &number, err) < 0)
		return -1;
	at = skip_spaces(at);
	if (*at == '\0' && number == 0) {
		*ms_out = 0;
		return 0;
	}
	if (*at == '\0')
		return err_set(err, "%llu has no unit; write \"%llus\" for "
		    "seconds or \"%llums\" for milliseconds",
		    (unsigned long long)number, (unsigned long long)number,
		    (unsigned long long)number);
	unit = find_unit(time_units, at, false);
	if (unit == NULL)
		return err_set(err, "\"%s\" has no known unit; a time is one "
		    "number in ms, s, m, h or d", shown);
	return scale(shown, number, unit->factor, ms_out, err);
}

int
config_units_count(const char *text, uint64_t *count_out, struct err *err)
{
	char shown[CONFIG_EXCERPT];
	const char *at = text;
	uint64_t number;

	config_excerpt(text, strlen(text), shown);
	if (take_number(&at, shown, &number, err) < 0)
		return -1;
	if (*skip_spaces(at) != '\0')
		return err_set(err, "\"%s\" is not a whole number; it takes "
		    "no unit", shown);
	*count_out = number;
	return 0;
}

/* The largest unit, of at most `most`, of which the number is a multiple. */
static const struct unit *
fit_unit(const struct unit *units, uint64_t number, uint64_t most)
{
	const struct unit *best = units;

	for (; units->name != NULL; units++)
		if (number % units->factor == 0 && units->factor <= most &&
		    units->factor > best->factor)
			best = units;
	return best;
}

const char *
config_units_show_size(uint64_t bytes, char out[CONFIG_UNITS_ROOM])
{
	const struct unit *unit = fit_unit(size_units + 1, bytes, UINT64_MAX);

	if (bytes == 0)
		return strcpy(out, "0");
	snprintf(out, CONFIG_UNITS_ROOM, "%llu %s",
	    (unsigned long long)(bytes / unit->factor), unit->name);
	return out;
}

const char *
config_units_show_time(uint64_t ms, char out[CONFIG_UNITS_ROOM])
{
	uint64_t most = ms <= SECONDS_MAX_MS ? 1000 : UINT64_MAX;
	const struct unit *unit = fit_unit(time_units, ms, most);

	if (ms == 0)
		return strcpy(out, "0");
	snprintf(out, CONFIG_UNITS_ROOM, "%llu%s",
	    (unsigned long long)(ms / unit->factor), unit->name);
	return out;
}

int
config_parse_size(const char *text, size_t *bytes_out)
{
	return config_units_size(text, bytes_out, NULL);
}

int
config_parse_time(const char *text, uint64_t *ms_out)
{
	return config_units_time(text, ms_out, NULL);
}
