/*
 * wire_uri.c - a request's URI as a log may show it.
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: pure; what a client put into a query's values is not shown unless
 * that is wanted: they are passwords and keys as often as not.
 */
#include <string.h>

#include "wire/wire_text.h"

#define HIDDEN	"..."

struct shown {
	char	*at, *end;		/* room for the NUL behind it */
};

static void
put(struct shown *shown, const char *text, size_t length)
{
	size_t room = (size_t)(shown->end - shown->at);

	if (length > room)
		length = room;
	if (length > 0)		/* of none, `text` may be NULL */
		memcpy(shown->at, text, length);
	shown->at += length;
}

/* One piece of the query: its name, if it has one. */
static void
put_piece(struct shown *shown, const char *at, size_t length)
{
	const char *equals = memchr(at, '=', length);

	if (equals != NULL)
		put(shown, at, (size_t)(equals - at) + 1);
	if (length > 0)
		put(shown, HIDDEN, sizeof(HIDDEN) - 1);
}

void
wire_show_uri(char *out, size_t size, struct wire_span uri, bool values)
{
	struct shown shown = { out, out + size - 1 };
	const char *query = uri.length == 0 ? NULL :
	    memchr(uri.at, '?', uri.length);
	const char *end;

	if (values || query == NULL) {
		put(&shown, uri.at, uri.length);
		*shown.at = '\0';
		return;
	}
	end = uri.at + uri.length;
	put(&shown, uri.at, (size_t)(query - uri.at) + 1);
	for (query++; query < end; query++) {
		const char *next = memchr(query, '&', (size_t)(end - query));

		if (next == NULL)
			next = end;
		put_piece(&shown, query, (size_t)(next - query));
		if (next < end)
			put(&shown, "&", 1);
		query = next;
	}
	*shown.at = '\0';
}
