/*
 * wire_file_name.c - a name that a file may have, of what a client calls it.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: pure; what comes out is UTF-8, one component of a path, visible,
 * and never "", ".", ".." nor the name of a device.
 */
#include "wire/wire_multipart.h"

#include <string.h>
#include <strings.h>

#define EXTENSION_MAX	16	/* bytes, the dot included */

/* What follows the last slash of either kind. */
static struct wire_span
base_of(struct wire_span from)
{
	for (size_t i = from.length; i > 0; i--) {
		if (from.at[i - 1] != '/' && from.at[i - 1] != '\\')
			continue;
		from.at += i;
		from.length -= i;
		break;
	}
	return from;
}

static uint32_t
code_point(const char *at, size_t length)
{
	static const uint8_t masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (uint8_t)*at & masks[length];

	for (size_t i = 1; i < length; i++)
		code = code << 6 | ((uint8_t)at[i] & 0x3f);
	return code;
}

/* Control characters, those that turn the writing direction or end a line, and
 * those without width: they make a name look like another. */
static bool
is_unseen(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) ||
	    code == 0xad || code == 0x61c || code == 0xfeff ||
	    (code >= 0x200b && code <= 0x200f) ||
	    (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2060 && code <= 0x206f);
}

struct made {
	char	*out;
	size_t	 length;
	size_t	 room;
};

/* False: it does not fit. */
static bool
put(struct made *made, const char *at, size_t length, bool good)
{
	if (good && is_unseen(code_point(at, length)))
		return true;
	if (!good || (length == 1 && strchr("<>:\"|?*", *at) != NULL)) {
		at = "_";
		length = 1;
	}
	if (made->length == 0 && length == 1 && (*at == '.' || *at == ' '))
		return true;
	if (length > made->room - made->length)
		return false;
	memcpy(made->out + made->length, at, length);
	made->length += length;
	return true;
}

static void
put_all(struct made *made, struct wire_span from)
{
	const char *at = from.at, *end = at + from.length;

	while (at < end) {
		bool good;
		size_t length = wire_utf8_take(at, end, &good);

		if (!put(made, at, length, good))
			return;
		at += length;
	}
}

static void
trim_end(struct made *made)
{
	while (made->length > 0 && (made->out[made->length - 1] == '.' ||
	    made->out[made->length - 1] == ' '))
		made->length--;
}

/* ".jpeg", or nothing: too long for one. */
static struct wire_span
extension_of(struct wire_span base)
{
	const char *dot = memrchr(base.at, '.', base.length);
	struct wire_span none = { "", 0 };

	if (dot == NULL || dot == base.at ||
	    base.at + base.length - dot > EXTENSION_MAX)
		return none;
	return (struct wire_span){ dot, (size_t)(base.at + base.length -
	    dot) };
}

/* In Windows with any extension: "con.txt" too. */
static bool
is_device(const char *name, size_t length)
{
	static const char *const words[] = { "con", "prn", "aux", "nul",
	    "conin$", "conout$" };
	const char *dot = memchr(name, '.', length);
	size_t stem = dot == NULL ? length : (size_t)(dot - name);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (stem == strlen(words[i]) &&
		    strncasecmp(name, words[i], stem) == 0)
			return true;
	}
	return stem == 4 && (strncasecmp(name, "com", 3) == 0 ||
	    strncasecmp(name, "lpt", 3) == 0) && name[3] >= '0' &&
	    name[3] <= '9';
}

size_t
wire_file_name(char *out, size_t size, struct wire_span from)
{
	struct wire_span base = base_of(from), extension;
	/* room for the NUL, and for '_' before a device */
	struct made made = { out, 0, size - 2 };

	put_all(&made, base);
	extension = extension_of(base);
	if (made.length + EXTENSION_MAX > made.room && extension.length > 0) {
		made = (struct made){ out, 0, size - 2 - EXTENSION_MAX };
		base.length -= extension.length;
		put_all(&made, base);
		made.room = size - 2;
		put_all(&made, extension);
	}
	trim_end(&made);
	if (made.length == 0) {
		memcpy(out, "file", 4);
		made.length = 4;
	}
	if (is_device(out, made.length)) {
		memmove(out + 1, out, made.length);
		out[0] = '_';
		made.length++;
	}
	out[made.length] = '\0';
	return made.length;
}
