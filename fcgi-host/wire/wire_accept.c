/*
 * wire_accept.c - which of several types a client wants.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: time is bounded by WIRE_ACCEPT_MAX ranges for each type.
 */
#include "wire/wire_accept.h"

#include <string.h>
#include <strings.h>

#define Q_MAX	1000

/* One range of the header. */
struct range {
	struct wire_span	type;		/* "text" or "*" */
	struct wire_span	subtype;
	int			q;		/* of Q_MAX */
};

/* What a type gets: the better of two is the larger, member by member. */
struct rating {
	int	q;		/* 0: not taken */
	int	specific;	/* 2: named, 1: "text/" and a star, 0: any */
	bool	json;
};

/* "0", "0.5", "1.000": thousandths, or -1. */
static int
parse_q(struct wire_span text)
{
	int q = 0, place = Q_MAX / 10;

	if (text.length == 0 || text.length > 5 ||
	    (*text.at != '0' && *text.at != '1') ||
	    (text.length > 1 && text.at[1] != '.'))
		return -1;
	q = (*text.at - '0') * Q_MAX;
	for (size_t i = 2; i < text.length; i++, place /= 10) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return -1;
		q += (text.at[i] - '0') * place;
	}
	return q > Q_MAX ? -1 : q;
}

/* Up to `mark` outside of quotes; *rest goes on behind it. */
static struct wire_span
cut(struct wire_span *rest, char mark)
{
	struct wire_span piece = { rest->at, 0 };
	bool quoted = false;
	size_t i;

	for (i = 0; i < rest->length; i++) {
		char c = rest->at[i];

		if (c == '"')
			quoted = !quoted;
		else if (quoted && c == '\\')
			i++;
		else if (!quoted && c == mark)
			break;
	}
	if (i > rest->length)
		i = rest->length;
	piece.length = i;
	i += i < rest->length;
	rest->at += i;
	rest->length -= i;
	return wire_trim(piece);
}

static bool
read_parameters(struct wire_span rest, struct range *out)
{
	while (rest.length > 0) {
		struct wire_span piece = cut(&rest, ';');

		if (piece.length < 2 || (piece.at[0] | 0x20) != 'q' ||
		    piece.at[1] != '=')
			continue;
		piece.at += 2;
		piece.length -= 2;
		out->q = parse_q(piece);
		return out->q >= 0;	/* what follows q is an extension */
	}
	return true;
}

static bool
read_range(struct wire_span text, struct range *out)
{
	struct wire_span name = cut(&text, ';');
	const char *slash = memchr(name.at, '/', name.length);

	if (slash == NULL)
		return false;
	out->q = Q_MAX;
	out->type = (struct wire_span){ name.at, (size_t)(slash - name.at) };
	out->subtype = (struct wire_span){ slash + 1,
	    name.length - out->type.length - 1 };
	if (!wire_is_token(out->type.at, out->type.length) ||
	    !wire_is_token(out->subtype.at, out->subtype.length))
		return false;
	return read_parameters(text, out);
}

static bool
is_star(struct wire_span text)
{
	return text.length == 1 && *text.at == '*';
}

static bool
is_text(struct wire_span text, const char *other, size_t length)
{
	return text.length == length &&
	    strncasecmp(text.at, other, length) == 0;
}

/* How specific the range is for this type; -1: it does not fit. */
static int
fits(const struct range *range, const char *type)
{
	const char *slash = strchr(type, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - type);

	if (slash == NULL)
		return -1;
	if (is_star(range->type))
		return is_star(range->subtype) ? 0 : -1;
	if (!is_text(range->type, type, length))
		return -1;
	if (is_star(range->subtype))
		return 1;
	return is_text(range->subtype, slash + 1, strlen(slash + 1)) ? 2 : -1;
}

/* A header that says nothing at all takes everything. */
static void
rate(struct wire_span header, const char *type, struct rating *out)
{
	bool says = false;
	struct range range;

	*out = (struct rating){ .specific = -1,
	    .json = strcasecmp(type, "application/json") == 0 };
	for (int i = 0; header.length > 0 && i < WIRE_ACCEPT_MAX; i++) {
		int specific;

		if (!read_range(cut(&header, ','), &range))
			continue;
		says = true;
		specific = fits(&range, type);
		if (specific < 0 || specific < out->specific ||
		    (specific == out->specific && range.q < out->q))
			continue;
		out->specific = specific;
		out->q = range.q;
	}
	if (!says)
		out->q = Q_MAX;
}

static bool
is_better(const struct rating *a, const struct rating *b)
{
	if (a->q != b->q)
		return a->q > b->q;
	if (a->specific != b->specific)
		return a->specific > b->specific;
	return a->json && !b->json;
}

int
wire_accept(struct wire_span header, const char *const *types, size_t count)
{
	struct rating best = { .q = 0, .specific = -1 }, rating;
	int found = -1;

	for (size_t i = 0; i < count; i++) {
		rate(header, types[i], &rating);
		if (rating.q == 0 || (found >= 0 && !is_better(&rating, &best)))
			continue;
		best = rating;
		found = (int)i;
	}
	return found;
}
