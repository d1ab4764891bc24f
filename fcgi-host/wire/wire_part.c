/*
 * wire_part.c - what the header of a part says of it.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: pure; a name is UTF-8 without a NUL, and only what a browser
 * escapes is taken out of its escapes: "%2e%2e%2f" is a strange name, no path.
 */
#include "wire/wire_multipart.h"

#include <string.h>
#include <strings.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
span_is(struct wire_span span, const char *word)
{
	return span.length == strlen(word) &&
	    strncasecmp(span.at, word, span.length) == 0;
}

/* ------------------------------------------------- parameters */

static const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

/* From behind the first quote to the last one, or NULL. */
static const char *
find_quote(const char *at, const char *end)
{
	for (; at < end && *at != '"'; at++) {
		if (*at == '\\' && end - at > 1 &&
		    (at[1] == '"' || at[1] == '\\'))
			at++;
	}
	return at < end ? at : NULL;
}

static const char *
take_value(const char *at, const char *end, struct wire_span *value_out,
    bool *quoted_out)
{
	const char *begin = at, *quote;

	*quoted_out = at < end && *at == '"';
	if (*quoted_out) {
		begin++;
		if ((quote = find_quote(begin, end)) == NULL)
			return NULL;
		*value_out = (struct wire_span){ begin,
		    (size_t)(quote - begin) };
		return quote + 1;
	}
	while (at < end && *at != ';' && !is_blank(*at))
		at++;
	*value_out = (struct wire_span){ begin, (size_t)(at - begin) };
	return at > begin ? at : NULL;
}

int
wire_parameter_next(const char **cursor, const char *end,
    struct wire_span *name_out, struct wire_span *value_out, bool *quoted_out)
{
	const char *at = skip_blanks(*cursor, end), *name;

	if (at == end)
		return 0;
	if (*at != ';')
		return -1;
	at = skip_blanks(at + 1, end);
	if (at == end)
		return 0;
	for (name = at; at < end && *at != '='; at++)
		continue;
	*name_out = (struct wire_span){ name, (size_t)(at - name) };
	if (at == end || !wire_is_token(name, name_out->length))
		return -1;
	at = take_value(at + 1, end, value_out, quoted_out);
	if (at == NULL)
		return -1;
	*cursor = at;
	return 1;
}

/* ------------------------------------------------- the boundary */

static bool
is_boundary(struct wire_span text)
{
	static const char marks[] = "'()+_,-./:=? ";

	if (text.length == 0 || text.length > WIRE_BOUNDARY_MAX ||
	    text.at[text.length - 1] == ' ')
		return false;
	for (size_t i = 0; i < text.length; i++) {
		char c = text.at[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') ||
		    memchr(marks, c, sizeof(marks) - 1) != NULL))
			return false;
	}
	return true;
}

/* What is behind the type, or NULL: it is another. */
static const char *
behind_type(struct wire_span content_type)
{
	static const char type[] = "multipart/form-data";
	const size_t length = sizeof(type) - 1;
	const char *at = content_type.at;

	if (content_type.length < length || strncasecmp(at, type, length) != 0)
		return NULL;
	at += length;
	return content_type.length == length || *at == ';' || is_blank(*at) ?
	    at : NULL;
}

int
wire_multipart_boundary(struct wire_span content_type,
    struct wire_span *boundary_out, const char **error_out)
{
	struct wire_span type = wire_trim(content_type), name, value;
	const char *at = behind_type(type), *end = type.at + type.length;
	unsigned count = 0;
	bool quoted;
	int rc;

	if (at == NULL)
		return 0;
	while ((rc = wire_parameter_next(&at, end, &name, &value,
	    &quoted)) == 1) {
		if (!span_is(name, "boundary"))
			continue;
		*boundary_out = value;
		count++;
	}
	if (rc == 0 && count == 1 && is_boundary(*boundary_out))
		return 1;
	*error_out = rc < 0 ? "the parameters of Content-Type are malformed" :
	    count == 0 ? "Content-Type gives no boundary" :
	    count > 1 ? "Content-Type gives two boundaries" :
	    "the boundary that Content-Type gives is not 1 to 70 of the "
	    "characters it may have";
	return -1;
}

/* ------------------------------------------------- the lines of a header */

/* Of the three that a browser escapes; or 0. */
static char
escaped(const char *at, const char *end)
{
	if (end - at < 3 || *at != '%')
		return 0;
	if (memcmp(at + 1, "22", 2) == 0)
		return '"';
	if (at[1] == '0' && (at[2] | 0x20) == 'd')
		return '\r';
	return at[1] == '0' && (at[2] | 0x20) == 'a' ? '\n' : 0;
}

/* In place.  A backslash before anything else is one: old browsers send whole
 * Windows paths. */
static void
decode(struct wire_span *span)
{
	char *to = (char *)(uintptr_t)span->at, *start = to;
	const char *at = span->at, *end = at + span->length;

	for (; at < end; at++) {
		char c = escaped(at, end);

		if (c != 0)
			at += 2;
		else if (*at == '\\' && end - at > 1 &&
		    (at[1] == '"' || at[1] == '\\'))
			c = *++at;
		else
			c = *at;
		*to++ = c;
	}
	span->length = (size_t)(to - start);
}

struct found {
	struct wire_part	*part;
	bool			 has_name;
	bool			 has_disposition;
	bool			 has_type;
};

static const char *
take_parameter(struct found *found, struct wire_span name,
    struct wire_span value, bool quoted)
{
	bool is_name = span_is(name, "name");

	if (!is_name && !span_is(name, "filename"))
		return NULL;
	if (is_name ? found->has_name : found->part->is_file)
		return "a part has two names or two filenames";
	if (!quoted && !wire_is_token(value.at, value.length))
		return "the name of a part is neither quoted nor a token";
	if (quoted)
		decode(&value);
	if (!wire_is_utf8(value.at, value.length))
		return "the name or filename of a part is not UTF-8";
	if (is_name) {
		found->has_name = true;
		found->part->name = value;
	} else {
		found->part->is_file = true;
		found->part->filename = value;
	}
	return NULL;
}

static const char *
take_disposition(struct found *found, struct wire_span value)
{
	static const char form_data[] = "form-data";
	const size_t length = sizeof(form_data) - 1;
	const char *at = value.at + length, *end = value.at + value.length;
	struct wire_span name, parameter;
	const char *error = NULL;
	bool quoted;
	int rc;

	if (found->has_disposition)
		return "a part has Content-Disposition twice";
	found->has_disposition = true;
	if (value.length < length ||
	    strncasecmp(value.at, form_data, length) != 0)
		return "the Content-Disposition of a part is not form-data";
	while (error == NULL && (rc = wire_parameter_next(&at, end, &name,
	    &parameter, &quoted)) != 0) {
		error = rc < 0 ? "the Content-Disposition of a part is "
		    "malformed" : take_parameter(found, name, parameter,
		    quoted);
	}
	return error;
}

static const char *
take_line(struct found *found, struct wire_span name, struct wire_span value)
{
	if (span_is(name, "Content-Disposition"))
		return take_disposition(found, value);
	if (span_is(name, "Content-Type")) {
		if (found->has_type)
			return "a part has Content-Type twice";
		found->has_type = true;
		found->part->type = value;
	}
	if (span_is(name, "Content-Transfer-Encoding") &&
	    !span_is(value, "binary") && !span_is(value, "8bit") &&
	    !span_is(value, "7bit"))
		return "a part has a Content-Transfer-Encoding (RFC 7578, "
		    "section 4.7)";
	return NULL;
}

/* A line that goes on in the next one begins with a blank: no token does. */
static const char *
split_line(struct found *found, struct wire_span line)
{
	const char *colon = memchr(line.at, ':', line.length);
	struct wire_span name = { line.at, 0 }, value;

	if (colon == NULL)
		return "a line in the header of a part has no colon";
	name.length = (size_t)(colon - line.at);
	value = (struct wire_span){ colon + 1, line.length - name.length - 1 };
	if (!wire_is_token(name.at, name.length) ||
	    !wire_is_field_value(value.at, value.length))
		return "a line in the header of a part is malformed";
	return take_line(found, name, wire_trim(value));
}

const char *
wire_part_header(char *header, size_t length, struct wire_part *part_out)
{
	struct found found = { .part = part_out };
	const char *at = header, *end = header + length, *error = NULL;

	*part_out = (struct wire_part){ { "", 0 }, { "", 0 }, { "", 0 },
	    false };
	while (error == NULL && at < end) {
		const char *stop = memmem(at, (size_t)(end - at), "\r\n", 2);

		if (stop == NULL)
			return "a line in the header of a part has no end";
		error = split_line(&found, (struct wire_span){ at,
		    (size_t)(stop - at) });
		at = stop + 2;
	}
	if (error == NULL && !found.has_name)
		return found.has_disposition ? "a part has no name" :
		    "a part has no Content-Disposition";
	return error;
}
