/*
 * wire_condition.c - If-Match, If-None-Match, their kin and what they say.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: a header that is malformed matches nothing, and a date that is
 * none is as if it had not been sent.
 */
#include "wire/wire_condition.h"

#include <string.h>

static bool
is_weak(struct wire_span tag)
{
	return tag.length > 2 && tag.at[0] == 'W';
}

/* Without W/. */
static struct wire_span
opaque(struct wire_span tag)
{
	if (is_weak(tag)) {
		tag.at += 2;
		tag.length -= 2;
	}
	return tag;
}

/* How many bytes at `at` are an entity tag; 0: none is there. */
static size_t
tag_length(const char *at, const char *end)
{
	const char *from = at;

	if (end - at > 2 && at[0] == 'W' && at[1] == '/')
		at += 2;
	if (at == end || *at != '"')
		return 0;
	for (at++; at < end; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '"')
			return (size_t)(at + 1 - from);
		if (c <= ' ' || c == 127)
			return 0;
	}
	return 0;
}

bool
wire_is_etag(struct wire_span text)
{
	return text.length > 0 &&
	    tag_length(text.at, text.at + text.length) == text.length;
}

static bool
same_tag(struct wire_span a, struct wire_span b, bool strong)
{
	if (strong && (is_weak(a) || is_weak(b)))
		return false;
	a = opaque(a);
	b = opaque(b);
	return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

/* Does one of a list match?  "*" does if there is anything. */
static bool
list_matches(struct wire_span list, const struct wire_validators *there,
    bool strong)
{
	const char *at = list.at, *end = at + list.length;
	bool found = false;

	list = wire_trim(list);
	if (list.length == 1 && *list.at == '*')
		return there->etag.length > 0 ||
		    there->modified != WIRE_NO_DATE;
	while (at < end) {
		struct wire_span tag = { at, tag_length(at, end) };

		if (*at == ' ' || *at == '\t' || *at == ',') {
			at++;
			continue;
		}
		if (tag.length == 0)
			return false;
		found = found || (there->etag.length > 0 &&
		    same_tag(tag, there->etag, strong));
		at += tag.length;
	}
	return found;
}

/* True: it has not changed since; false also where nobody can tell. */
static bool
is_since(struct wire_span since, const struct wire_validators *there,
    int64_t now, bool *known_out)
{
	int64_t date = since.at == NULL ? WIRE_NO_DATE :
	    wire_parse_date(wire_trim(since), now);

	*known_out = date != WIRE_NO_DATE && there->modified != WIRE_NO_DATE;
	return *known_out && there->modified <= date;
}

static bool
may_go_on(const struct wire_conditions *asked,
    const struct wire_validators *there, int64_t now)
{
	bool known, same;

	if (asked->match.at != NULL)
		return list_matches(asked->match, there, true);
	same = is_since(asked->unmodified_since, there, now, &known);
	return same || !known;
}

enum wire_verdict
wire_judge(const struct wire_conditions *asked,
    const struct wire_validators *there, int64_t now)
{
	bool known, same;

	if (!may_go_on(asked, there, now))
		return WIRE_FAILED;
	if (asked->none_match.at != NULL)
		same = list_matches(asked->none_match, there, false);
	else
		same = asked->reads && is_since(asked->modified_since, there,
		    now, &known);
	if (!same)
		return WIRE_GO_ON;
	return asked->reads ? WIRE_NOT_MODIFIED : WIRE_FAILED;
}

bool
wire_if_range(struct wire_span value, const struct wire_validators *there,
    int64_t now)
{
	int64_t date;

	value = wire_trim(value);
	if (wire_is_etag(value))
		return there->etag.length > 0 &&
		    same_tag(value, there->etag, true);
	date = wire_parse_date(value, now);
	return date != WIRE_NO_DATE && date == there->modified && date < now;
}
