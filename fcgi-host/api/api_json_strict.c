/*
 * api_json_strict.c - a JSON body that is to be checked against a declaration.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: what is in the tree is what the text says: no member is lost, no
 * number and no name is cut.
 */
#include "api/api_private.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire_text.h"

#define LEVELS_MAX	65	/* json-c takes 64 */

/* What one pass over a text that json-c took has found. */
struct scan {
	const char	*text;
	size_t		 length;
	size_t		 members;	/* names in it */
	size_t		 huge;		/* integers over 64 bits */
	size_t		 bad;		/* what is no JSON; or length */
	const char	*why;		/* it is not */
};

/* ------------------------------------------------- a pass over the text */

/* Behind the string that begins at `at`. */
static size_t
skip_string(const struct scan *scan, size_t at)
{
	for (at++; at < scan->length && scan->text[at] != '"'; at++) {
		if (scan->text[at] == '\\')
			at++;
	}
	return at < scan->length ? at + 1 : scan->length;
}

static bool
is_number_part(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' ||
	    c == 'e' || c == 'E';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t
number_length(const struct scan *scan, size_t at)
{
	size_t length = 0;

	while (at + length < scan->length &&
	    is_number_part(scan->text[at + length]))
		length++;
	return length;
}

/* An integer that has no place in 64 bits with a sign? */
static bool
is_huge(const char *number, size_t length)
{
	static const char limits[2][20] = { "9223372036854775807",
	    "9223372036854775808" };
	bool negative = number[0] == '-';

	number += negative;
	length -= negative;
	if (length < 19)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_digit(number[i]))
			return false;
	}
	return length > 19 || memcmp(number, limits[negative], 19) > 0;
}

/* json-c takes "1." and "1.e5", "00" and "-01". */
static const char *
why_no_number(const char *number, size_t length)
{
	const char *point = memchr(number, '.', length);
	bool negative = number[0] == '-';

	if (point != NULL && (point + 1 == number + length ||
	    !is_digit(point[1])))
		return "a digit is missing in the number";
	if (length > 1u + negative && number[negative] == '0' &&
	    is_digit(number[negative + 1]))
		return "the number begins with a 0";
	return NULL;
}

/* The string at `at` is a name if a colon follows. */
static bool
is_name(const struct scan *scan, size_t end)
{
	while (end < scan->length && scan->text[end] != '\0' &&
	    strchr(" \t\r\n", scan->text[end]) != NULL)
		end++;
	return end < scan->length && scan->text[end] == ':';
}

/* json-c ends a name at a NUL, and then it looks like another. */
static const char *
why_no_name(const struct scan *scan, size_t at, size_t end)
{
	const char *text = scan->text + at;

	for (size_t i = 0; i + 6 < end - at; i++) {
		if (text[i] != '\\')
			continue;
		if (memcmp(text + i, "\\u0000", 6) == 0)
			return is_name(scan, end) ?
			    "a name has a NUL in it" : NULL;
		i++;
	}
	return NULL;
}

static void
find_bad(struct scan *scan, size_t at, const char *why)
{
	if (why == NULL || scan->bad != scan->length)
		return;
	scan->bad = at;
	scan->why = why;
}

static void
scan_text(struct scan *scan)
{
	scan->bad = scan->length;
	for (size_t i = 0; i < scan->length;) {
		const char *at = scan->text + i;
		size_t length = 1;

		if (*at == '"') {
			length = skip_string(scan, i) - i;
			find_bad(scan, i, why_no_name(scan, i, i + length));
		} else if (is_digit(*at) || *at == '-') {
			length = number_length(scan, i);
			scan->huge += is_huge(at, length);
			find_bad(scan, i, why_no_number(at, length));
		}
		scan->members += *at == ':';
		i += length;
	}
}

/* ------------------------------------------------- integers over 64 bits */

/* The text with ".0" behind each of them; free() it. */
static char *
widen(const struct scan *scan, size_t *length_out)
{
	char *wide = malloc(scan->length + 2 * scan->huge), *to = wide;
	size_t i = 0, length;

	for (; wide != NULL && i < scan->length; i += length) {
		const char *at = scan->text + i;

		length = *at == '"' ? skip_string(scan, i) - i :
		    is_digit(*at) || *at == '-' ? number_length(scan, i) : 1;
		memcpy(to, at, length);
		to += length;
		if (*at == '"' || !is_huge(at, length))
			continue;
		memcpy(to, ".0", 2);
		to += 2;
	}
	*length_out = wide == NULL ? 0 : (size_t)(to - wide);
	return wide;
}

static void
read_again(struct fh_request *rq, const struct scan *scan)
{
	size_t length, offset;
	char *wide = widen(scan, &length);
	const char *why = "out of memory";

	json_object_put(rq->json);
	rq->json = NULL;
	if (wide != NULL && length <= INT_MAX)
		rq->json = api_json_parse(wide, length, &offset, &why);
	free(wide);
	rq->json_error = why;
}

/* ------------------------------------------------- names twice */

static size_t
count_members(struct json_object *json)
{
	size_t count = 0;

	if (json_object_is_type(json, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(json); i++)
			count += count_members(
			    json_object_array_get_idx(json, i));
	} else if (json_object_is_type(json, json_type_object)) {
		json_object_object_foreach(json, name, value) {
			(void)name;
			count += 1 + count_members(value);
		}
	}
	return count;
}

/* The objects around a place, each with the names it has had so far. */
struct levels {
	struct json_object	*names[LEVELS_MAX];
	size_t			 count;
};

static void
open_level(struct levels *levels)
{
	if (levels->count < LEVELS_MAX)
		levels->names[levels->count++] = json_object_new_object();
}

static void
close_level(struct levels *levels)
{
	if (levels->count > 0)
		json_object_put(levels->names[--levels->count]);
}

/* A copy of the name if the object has had it already, else NULL. */
static const char *
take_name(struct fh_request *rq, struct levels *levels, const char *at,
    size_t length)
{
	struct json_object *names = levels->count == 0 ? NULL :
	    levels->names[levels->count - 1], *string;
	const char *why, *twice = NULL, *name;
	size_t offset;

	string = api_json_parse(at, length, &offset, &why);
	name = json_object_get_string(string);
	if (name != NULL && json_object_object_get_ex(names, name, NULL))
		twice = api_copy(rq, name, strlen(name));
	else if (name != NULL && names != NULL)
		json_object_object_add(names, name, NULL);
	json_object_put(string);
	return twice;
}

static const char *
find_twice(struct fh_request *rq, const struct scan *scan)
{
	struct levels levels = { .count = 0 };
	const char *twice = NULL;

	for (size_t i = 0; twice == NULL && i < scan->length;) {
		char c = scan->text[i];
		size_t end = c == '"' ? skip_string(scan, i) : i + 1;

		if (c == '{')
			open_level(&levels);
		else if (c == '}')
			close_level(&levels);
		else if (c == '"' && is_name(scan, end))
			twice = take_name(rq, &levels, scan->text + i,
			    end - i);
		i = end;
	}
	while (levels.count > 0)
		close_level(&levels);
	return twice;
}

static void
refuse_twice(struct fh_request *rq, const struct scan *scan)
{
	const char *name = find_twice(rq, scan);

	rq->json_error = fh_sprintf(rq, "an object has the name \"%.100s\" "
	    "twice", name != NULL ? name : "");
	if (rq->json_error == NULL)
		rq->json_error = "out of memory";
}

/* ------------------------------------------------- all of it */

static size_t
find_bad_utf8(const char *text, size_t length)
{
	const char *at = text, *end = text + length;
	bool good = true;

	while (at < end) {
		size_t taken = (unsigned char)*at < 0x80 ? 1 :
		    wire_utf8_take(at, end, &good);

		if (!good)
			break;
		at += taken;
	}
	return (size_t)(at - text);
}

int
api_json_strict(struct fh_request *rq)
{
	struct scan scan = { .members = 0 };
	size_t bad;

	scan.text = fh_body(rq, &scan.length);
	bad = find_bad_utf8(scan.text, scan.length);
	if (bad < scan.length) {
		api_json_fails(rq, "invalid UTF-8", bad);
		return -1;
	}
	fh_json(rq);
	if (rq->json_error != NULL)
		return -1;
	scan_text(&scan);
	if (scan.bad < scan.length)
		api_json_fails(rq, scan.why, scan.bad);
	else if (scan.huge > 0)
		read_again(rq, &scan);
	if (rq->json_error == NULL && count_members(rq->json) != scan.members)
		refuse_twice(rq, &scan);
	return rq->json_error == NULL ? 0 : -1;
}
