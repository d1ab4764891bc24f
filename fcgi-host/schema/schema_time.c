/*
 * schema_time.c - dates and times of RFC 3339.
 *
 * Runs in: front, workers, call, cgi; zygote for what the tables hold.
 * Owns: nothing.
 * Invariant: a date that no calendar has is none.
 */
#include <string.h>

#include "schema/schema_private.h"

#define LAST_SECOND	INT64_C(253402300799)	/* 9999-12-31T23:59:59 */

/* What is read, from `at` on. */
struct cursor {
	const char	*at;
	const char	*end;
	const char	*why;
};

/* `count` digits as a number in min..max; or -1, and why. */
static int
take_digits(struct cursor *cursor, size_t count, int min, int max,
    const char *why)
{
	int value = 0;

	if (cursor->why != NULL)
		return -1;
	if ((size_t)(cursor->end - cursor->at) < count) {
		cursor->why = "it is too short";
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		char c = *cursor->at++;

		if (c < '0' || c > '9') {
			cursor->why = "a digit is missing";
			return -1;
		}
		value = value * 10 + (c - '0');
	}
	if (value < min || value > max)
		cursor->why = why;
	return value;
}

/* One of these characters. */
static char
take_mark(struct cursor *cursor, const char *marks, const char *why)
{
	if (cursor->why != NULL)
		return '\0';
	if (cursor->at == cursor->end)
		cursor->why = "it is too short";
	else if (*cursor->at == '\0' || strchr(marks, *cursor->at) == NULL)
		cursor->why = why;
	else
		return *cursor->at++;
	return '\0';
}

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
	    30, 31 };

	return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static void
take_date(struct cursor *cursor, struct fh_date *out)
{
	int year, month, day, last = 31;

	year = take_digits(cursor, 4, 0, 9999, "");
	take_mark(cursor, "-", "the year is not followed by '-'");
	month = take_digits(cursor, 2, 1, 12, "its month is not in 01..12");
	take_mark(cursor, "-", "the month is not followed by '-'");
	if (cursor->why == NULL)
		last = days_of(year, month);
	day = take_digits(cursor, 2, 1, last, "its month has no such day");
	if (cursor->why == NULL)
		*out = (struct fh_date){ .year = (int16_t)year,
		    .month = (uint8_t)month, .day = (uint8_t)day };
}

static enum schema_wrong
end(const struct cursor *cursor, const char **why_out,
    enum schema_wrong wrong)
{
	*why_out = cursor->why != NULL ? cursor->why :
	    cursor->at != cursor->end ? "something follows it" : "";
	return **why_out != '\0' ? wrong : SCHEMA_OK;
}

enum schema_wrong
schema_text_date(const char *text, size_t length, struct fh_date *out,
    const char **why_out)
{
	struct cursor cursor = { .at = text, .end = text + length };

	take_date(&cursor, out);
	return end(&cursor, why_out, SCHEMA_DATE_PARSING);
}

/* ------------------------------------------------- with a time */

/* Days since 1970-01-01, in the Gregorian calendar throughout. */
static int64_t
days_since_epoch(const struct fh_date *date)
{
	int64_t year = date->year - 1, days;

	days = year * 365 + (year >= 0 ? year / 4 - year / 100 + year / 400 :
	    -1);
	for (int month = 1; month < date->month; month++)
		days += days_of(date->year, month);
	return days + date->day - 1 - 719162;
}

/* ".25": at least one digit. */
static uint32_t
take_fraction(struct cursor *cursor)
{
	uint32_t nanoseconds = 0, scale = 100000000;

	if (cursor->why != NULL || cursor->at == cursor->end ||
	    *cursor->at != '.')
		return 0;
	cursor->at++;
	do {
		int digit = take_digits(cursor, 1, 0, 9, "");

		if (cursor->why != NULL)
			return 0;
		nanoseconds += (uint32_t)digit * scale;
		scale /= 10;
	} while (cursor->at < cursor->end && *cursor->at >= '0' &&
	    *cursor->at <= '9');
	return nanoseconds;
}

static int
take_zone(struct cursor *cursor)
{
	char mark = take_mark(cursor, "Zz+-",
	    "it has no zone: Z, or one like +01:00");
	int hours, minutes;

	if (mark == 'Z' || mark == 'z')
		return 0;
	hours = take_digits(cursor, 2, 0, 23, "its zone has no such hour");
	take_mark(cursor, ":", "its zone is not written +hh:mm");
	minutes = take_digits(cursor, 2, 0, 59, "its zone has no such minute");
	return mark == '-' ? -(hours * 60 + minutes) : hours * 60 + minutes;
}

enum schema_wrong
schema_text_time(const char *text, size_t length, struct fh_time *out,
    const char **why_out)
{
	struct cursor cursor = { .at = text, .end = text + length };
	struct fh_date date = { 1970, 1, 1 };
	int hour, minute, second, zone;
	uint32_t nanoseconds;
	int64_t seconds;

	take_date(&cursor, &date);
	take_mark(&cursor, "Tt", "the date is not followed by 'T'");
	hour = take_digits(&cursor, 2, 0, 23, "its hour is not in 00..23");
	take_mark(&cursor, ":", "the hour is not followed by ':'");
	minute = take_digits(&cursor, 2, 0, 59, "its minute is not in 00..59");
	take_mark(&cursor, ":", "the minute is not followed by ':'");
	second = take_digits(&cursor, 2, 0, 60, "its second is not in 00..60");
	nanoseconds = take_fraction(&cursor);
	zone = take_zone(&cursor);
	if (end(&cursor, why_out, SCHEMA_TIME_PARSING) != SCHEMA_OK)
		return SCHEMA_TIME_PARSING;
	seconds = days_since_epoch(&date) * 86400 + hour * 3600 + minute * 60 +
	    second - zone * 60;
	*why_out = "a second 60 there is only at 23:59:60 UTC";
	if (second == 60 && seconds % 86400 != 0)
		return SCHEMA_TIME_PARSING;
	*why_out = "the second after it is in no year that can be written";
	if (second == 60 && seconds + zone * 60 > LAST_SECOND)
		return SCHEMA_TIME_PARSING;
	*why_out = "";
	*out = (struct fh_time){ .seconds = seconds,
	    .nanoseconds = nanoseconds, .offset_minutes = (int16_t)zone };
	return SCHEMA_OK;
}
