/*
 * api_value.c - members of a struct, as text.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: what is written is read back as the same value by the rules of
 * input.h.
 */
#include "api/api_value.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "wire/wire_number.h"

#define FIRST_SECOND	INT64_C(-62167219200)	/* 0000-01-01 */
#define LAST_SECOND	INT64_C(253402300799)	/* 9999-12-31T23:59:59 */

const char *
api_value_name(const struct fh_property *property)
{
	return property->as != NULL ? property->as : property->name;
}

/* Copied, so that nothing has to be aligned or of a type. */
#define TAKE(type, value, property, base)				\
	type value;							\
	memcpy(&(value), (base) + (property)->offset, sizeof(value))

bool
api_value_given(const struct fh_property *property, const char *base)
{
	if (property->has != 0 && !*(const bool *)(base + property->has - 1))
		return false;
	if (property->type == FH_TYPE_STRING) {
		TAKE(const char *, text, property, base);
		return text != NULL;
	}
	if (property->type == FH_TYPE_DATE) {
		TAKE(struct fh_date, date, property, base);
		return date.month != 0;
	}
	if (property->type == FH_TYPE_ENUM) {
		TAKE(int, index, property, base);
		return index >= 0;
	}
	return true;
}

bool
api_value_is_bare(const struct fh_property *property)
{
	return property->type == FH_TYPE_BOOLEAN ||
	    property->type == FH_TYPE_INTEGER ||
	    property->type == FH_TYPE_NUMBER;
}

size_t
api_value_size(const struct fh_property *property)
{
	switch (property->type) {
	case FH_TYPE_BOOLEAN:
		return sizeof(bool);
	case FH_TYPE_INTEGER:
		return sizeof(int64_t);
	case FH_TYPE_NUMBER:
		return sizeof(double);
	case FH_TYPE_STRING:
		return sizeof(const char *);
	case FH_TYPE_DATE:
		return sizeof(struct fh_date);
	case FH_TYPE_DATE_TIME:
		return sizeof(struct fh_time);
	case FH_TYPE_UUID:
		return sizeof(struct fh_uuid);
	case FH_TYPE_BYTE:
		return sizeof(struct fh_bytes);
	case FH_TYPE_ENUM:
		return sizeof(int);
	case FH_TYPE_ARRAY:
		return sizeof(FH_LIST(char));
	case FH_TYPE_OBJECT:
		return property->size;
	case FH_TYPE_FILE:	/* of no reply */
		return 0;
	}
	return 0;
}

/* ------------------------------------------------- by type */

static const char *
put_date(char *out, const struct fh_date *date)
{
	if (date->year < 0 || date->year > 9999 || date->month < 1 ||
	    date->month > 12 || date->day < 1 || date->day > 31)
		return NULL;
	snprintf(out, API_VALUE_MAX, "%04d-%02d-%02d", date->year,
	    date->month, date->day);
	return out;
}

/* ".25" for a quarter of a second, "" for none. */
static void
put_fraction(char out[12], uint32_t nanoseconds)
{
	size_t length;

	if (nanoseconds == 0) {
		out[0] = '\0';
		return;
	}
	length = (size_t)snprintf(out, 12, ".%09" PRIu32, nanoseconds);
	while (out[length - 1] == '0')
		out[--length] = '\0';
}

static const char *
put_time(char *out, const struct fh_time *value)
{
	int minutes = value->offset_minutes;
	int distance = minutes < 0 ? -minutes : minutes;
	char fraction[12], zone[16] = "Z";
	time_t local;
	struct tm tm;

	if (value->nanoseconds > 999999999 || distance > 23 * 60 + 59 ||
	    __builtin_add_overflow(value->seconds, minutes * 60, &local) ||
	    local < FIRST_SECOND || local > LAST_SECOND)
		return NULL;
	gmtime_r(&local, &tm);
	put_fraction(fraction, value->nanoseconds);
	if (minutes != 0)
		snprintf(zone, sizeof(zone), "%c%02d:%02d",
		    minutes < 0 ? '-' : '+', distance / 60, distance % 60);
	snprintf(out, API_VALUE_MAX, "%04d-%02d-%02dT%02d:%02d:%02d%.10s%s",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
	    tm.tm_min, tm.tm_sec, fraction, zone);
	return out;
}

/* From its bytes: a handler that makes one need not make the text too. */
static const char *
put_uuid(char *out, const struct fh_uuid *uuid)
{
	char *at = out;

	for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		at += snprintf(at, 3, "%02x", uuid->bytes[i]);
	}
	return out;
}

static const char *
put_base64(struct fh_request *rq, const struct fh_bytes *bytes)
{
	unsigned char *text;

	if (bytes->length == 0)
		return "";
	if (bytes->length > INT_MAX / 2)
		return NULL;
	text = api_arena_alloc(&rq->arena, bytes->length / 3 * 4 + 5);
	if (text != NULL)
		EVP_EncodeBlock(text, bytes->at, (int)bytes->length);
	return (const char *)text;
}

static const char *
choice(const struct fh_property *property, int index)
{
	const char *const *at = property->choices;

	if (at == NULL)
		return NULL;
	while (index > 0 && *at != NULL) {
		index--;
		at++;
	}
	return *at;
}

static const char *
put_double(char *out, double value)
{
	if (!isfinite(value))
		return NULL;
	*wire_put_double(out, value) = '\0';
	return out;
}

/* NULL: there is no such value of the type. */
static const char *
text_of(struct fh_request *rq, const struct fh_property *property,
    const char *base, char *out)
{
	union {
		bool		 boolean;
		int64_t		 integer;
		double		 number;
		const char	*string;
		struct fh_date	 date;
		struct fh_time	 time;
		struct fh_uuid	 uuid;
		struct fh_bytes	 bytes;
		int		 index;
	} value = { .integer = 0 };
	size_t size = api_value_size(property);

	if (size > sizeof(value))
		return NULL;
	memcpy(&value, base + property->offset, size);
	switch (property->type) {
	case FH_TYPE_BOOLEAN:
		return value.boolean ? "true" : "false";
	case FH_TYPE_INTEGER:
		*wire_put_integer(out, value.integer) = '\0';
		return out;
	case FH_TYPE_NUMBER:
		return put_double(out, value.number);
	case FH_TYPE_STRING:
		return value.string;
	case FH_TYPE_DATE:
		return put_date(out, &value.date);
	case FH_TYPE_DATE_TIME:
		return put_time(out, &value.time);
	case FH_TYPE_UUID:
		return put_uuid(out, &value.uuid);
	case FH_TYPE_BYTE:
		return put_base64(rq, &value.bytes);
	case FH_TYPE_ENUM:
		return choice(property, value.index);
	default:
		return NULL;
	}
}

const char *
api_value_text(struct fh_request *rq, const char *call,
    const struct fh_property *property, const char *base,
    char out[API_VALUE_MAX])
{
	const char *text = text_of(rq, property, base, out);

	if (text == NULL)
		api_fault(rq, EINVAL, "%s(): \"%.64s\" has a value that cannot "
		    "be written as its type", call, api_value_name(property));
	return text;
}
