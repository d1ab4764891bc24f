/*
 * wire_date.c - dates of HTTP, written in one form and read in three.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: no locale has a say in it; a date that does not exist (31 Feb) is
 * none.
 */
#include "wire/wire_date.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define FIRST_SECOND	INT64_C(-62135596800)	/* 0001-01-01 */
#define LAST_SECOND	INT64_C(253402300799)	/* 9999-12-31T23:59:59 */

static const char days[7][4] = {
	"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
};
static const char long_days[7][10] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
	"Saturday"
};
static const char months[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
	"Nov", "Dec"
};

/* Where a date is read; `failed` once something else stood there. */
struct reader {
	const char	*at;
	const char	*end;
	bool		 failed;
};

void
wire_put_date(char out[WIRE_DATE_LENGTH + 1], int64_t seconds)
{
	time_t time = (time_t)(seconds < FIRST_SECOND ? FIRST_SECOND :
	    seconds > LAST_SECOND ? LAST_SECOND : seconds);
	char text[64];
	struct tm tm;

	gmtime_r(&time, &tm);
	snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
	memcpy(out, text, WIRE_DATE_LENGTH + 1);
}

/* ------------------------------------------------- reading */

static void
read_text(struct reader *reader, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(reader->end - reader->at) < length ||
	    memcmp(reader->at, text, length) != 0)
		reader->failed = true;
	else
		reader->at += length;
}

/* `width` digits; the first may be a blank in asctime's day. */
static int
read_number(struct reader *reader, int width, bool blank)
{
	int value = 0;

	if (reader->end - reader->at < width) {
		reader->failed = true;
		return 0;
	}
	for (int i = 0; i < width; i++) {
		char c = *reader->at++;

		if (blank && i == 0 && c == ' ')
			continue;
		if (c < '0' || c > '9')
			reader->failed = true;
		else
			value = value * 10 + c - '0';
	}
	return value;
}

static int
read_month(struct reader *reader)
{
	for (int i = 0; i < 12; i++) {
		if (reader->end - reader->at >= 3 &&
		    memcmp(reader->at, months[i], 3) == 0) {
			reader->at += 3;
			return i;
		}
	}
	reader->failed = true;
	return 0;
}

static void
read_time(struct reader *reader, struct tm *tm)
{
	tm->tm_hour = read_number(reader, 2, false);
	read_text(reader, ":");
	tm->tm_min = read_number(reader, 2, false);
	read_text(reader, ":");
	tm->tm_sec = read_number(reader, 2, false);
}

/* "06 Nov 1994 08:49:37 GMT" */
static void
read_fixed(struct reader *reader, struct tm *tm)
{
	read_text(reader, " ");
	tm->tm_mday = read_number(reader, 2, false);
	read_text(reader, " ");
	tm->tm_mon = read_month(reader);
	read_text(reader, " ");
	tm->tm_year = read_number(reader, 4, false) - 1900;
	read_text(reader, " ");
	read_time(reader, tm);
	read_text(reader, " GMT");
}

/* "Nov  6 08:49:37 1994" */
static void
read_asctime(struct reader *reader, struct tm *tm)
{
	read_text(reader, " ");
	tm->tm_mon = read_month(reader);
	read_text(reader, " ");
	tm->tm_mday = read_number(reader, 2, true);
	read_text(reader, " ");
	read_time(reader, tm);
	read_text(reader, " ");
	tm->tm_year = read_number(reader, 4, false) - 1900;
}

/* One that seems to be more than 50 years ahead is of the century before. */
static int
full_year(int year, int64_t now)
{
	time_t time = (time_t)now;
	struct tm tm;
	int this_year;

	gmtime_r(&time, &tm);
	this_year = tm.tm_year + 1900;
	year += this_year / 100 * 100;
	return year > this_year + 50 ? year - 100 : year;
}

/* " 06-Nov-94 08:49:37 GMT" */
static void
read_old(struct reader *reader, struct tm *tm, int64_t now)
{
	read_text(reader, ", ");
	tm->tm_mday = read_number(reader, 2, false);
	read_text(reader, "-");
	tm->tm_mon = read_month(reader);
	read_text(reader, "-");
	tm->tm_year = full_year(read_number(reader, 2, false), now) - 1900;
	read_text(reader, " ");
	read_time(reader, tm);
	read_text(reader, " GMT");
}

static bool
starts_with(const struct reader *reader, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(reader->end - reader->at) >= length &&
	    memcmp(reader->at, text, length) == 0;
}

/* A day of the week that is wrong is no fault: it says nothing more. */
static void
read_any(struct reader *reader, struct tm *tm, int64_t now)
{
	int day = 0;

	while (day < 7 && !starts_with(reader, days[day]))
		day++;
	if (day == 7) {
		reader->failed = true;
	} else if (starts_with(reader, long_days[day])) {
		reader->at += strlen(long_days[day]);
		read_old(reader, tm, now);
	} else {
		reader->at += 3;
		if (reader->at < reader->end && *reader->at == ',') {
			reader->at++;
			read_fixed(reader, tm);
		} else {
			read_asctime(reader, tm);
		}
	}
}

int64_t
wire_parse_date(struct wire_span text, int64_t now)
{
	struct reader reader = { .at = text.at, .end = text.at + text.length };
	struct tm tm = { 0 }, made;
	int64_t seconds;

	read_any(&reader, &tm, now);
	if (reader.failed || reader.at != reader.end || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return WIRE_NO_DATE;
	if (tm.tm_sec == 60)	/* a leap second is the one before */
		tm.tm_sec = 59;
	made = tm;
	seconds = timegm(&made);
	return made.tm_mday != tm.tm_mday || made.tm_mon != tm.tm_mon ?
	    WIRE_NO_DATE : seconds;
}
