/*
 * wire_text.h - the small grammars of HTTP and CGI.  Pure: no I/O, never fatal.
 *
 * Tokens and field values: RFC 9110, 5.5 and 5.6.2.  Percent-encoding: RFC
 * 3986, 2.1.  Form fields: WHATWG URL, application/x-www-form-urlencoded.
 * Cookies: RFC 6265, 5.4.  CGI replies: RFC 3875, 6.
 */
#ifndef WIRE_TEXT_H
#define WIRE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One character at least, and none but those of a token. */
bool	wire_is_token(const char *text, size_t length);

/* No control character but the tab; may be empty, may have blanks around. */
bool	wire_is_field_value(const char *text, size_t length);

/* "Not Found" for 404; "Unknown" where no RFC has a name. */
const char	*wire_status_title(int status);

/* True if a reply with this status may have a body (not 1xx, 204, 304). */
bool	wire_status_has_body(int status);

/*
 * Digits only, no sign, no space, at most 2^63 - 1.  0 or -1.
 */
int	wire_parse_number(const char *text, size_t length, int64_t *value_out);

/*
 * Decodes %XX (and, for forms, '+') from `text` into `out`, which may be the
 * same place.  Returns the new length, or -1 for a malformed escape, and
 * then `out` is as it was.  %00 gives a NUL.
 */
ptrdiff_t	wire_percent_decode(char *out, const char *text, size_t length,
		    bool plus_is_space);

/*
 * The other way round: letters, digits and what is in `stays` are written as
 * they are, all else as %XX.  `out` takes up to 3 * length bytes; returns how
 * many, without a NUL.
 */
size_t	wire_percent_encode(char *out, const char *text, size_t length,
	    const char *stays);

struct wire_span {
	const char	*at;
	size_t		 length;
};

/* Without the blanks (space, tab) around it. */
struct wire_span	wire_trim(struct wire_span);

/*
 * A request's URI for a log: "/x?user=...&key=..." unless `values` is true.  A
 * piece of the query without '=' is a value too.  Cut to fit, ends in NUL.
 */
void	wire_show_uri(char *out, size_t size, struct wire_span uri,
	    bool values);

/*
 * The next field of "a=1&b=2", not yet decoded: 1, or 0 at the end.  Empty
 * pieces between two '&' are skipped; a piece without '=' has an empty value.
 */
int	wire_form_next(const char **cursor, const char *end,
	    struct wire_span *name_out, struct wire_span *value_out);

/* The same for a Cookie header, "a=1; b=2"; blanks around a name or a value
 * go, and then a pair of quotes around the value. */
int	wire_cookie_next(const char **cursor, const char *end,
	    struct wire_span *name_out, struct wire_span *value_out);

/*
 * One line of a CGI reply's header.  Lines end in LF or CRLF.
 *  1	name and value are filled (value without surrounding blanks)
 *  0	the blank line was taken: *cursor is where the body starts
 *  2	the end came before the blank line: more is needed
 * -1	malformed: no colon, a name that is no token, a forbidden byte
 * After 2 and -1 *cursor still is at the start of that line.
 */
int	wire_cgi_header_next(const char **cursor, const char *end,
	    struct wire_span *name_out, struct wire_span *value_out);

/* A character of a request header's name as its parameter has it, behind
 * "HTTP_" (RFC 3875, 4.1.18): a capital, and '_' for '-'. */
static inline char
wire_cgi_letter(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	return c == '-' ? '_' : c;
}

/* The value of a Status line, "404 Not Found" or "404" -> 404; -1 if it does
 * not begin with three digits, 100..599, that end there or at a blank. */
int	wire_cgi_status(const char *value, size_t length);

/* Is all of it UTF-8 (RFC 3629)?  Of nothing it is true; a NUL is a character
 * like any other. */
bool	wire_is_utf8(const char *text, size_t length);

/* How many characters of UTF-8 it has; -1 if it is none. */
ptrdiff_t	wire_utf8_count(const char *text, size_t length);

/* The character at `text`, which is before `end`: how many bytes it has.  If it
 * is none, *good_out is false, and so many bytes are replaced as one. */
size_t	wire_utf8_take(const char *text, const char *end, bool *good_out);

/* Writes `text` as the inside of a JSON string, without a NUL; each run of bad
 * UTF-8 becomes U+FFFD (Unicode 3.9, maximal subparts).  Returns the length, or
 * -1 if `size` is too small; 6 * length is always enough. */
ptrdiff_t	wire_json_escape(char *out, size_t size, const char *text,
		    size_t length);

/* As much of *cursor .. `end` as fits, whole characters; *cursor is then what
 * is left.  With a `size` of 6 at least, something is always taken.  Returns
 * the length. */
size_t	wire_json_escape_some(char *out, size_t size, const char **cursor,
	    const char *end);

#endif
