/*
 * health.h - is the host ready, or a part of it?  What a probe is told.
 *
 * The supervisor makes one document for all who ask (supervisor/sup_health.c),
 * and each is answered with the part that the question names:
 *
 *	{ "ready": true,		the host as a whole
 *	  "reasons": [ REASON... ],	why it is not; empty if it is
 *	  "warnings": [ REASON... ],	it is ready, and yet this is wrong
 *	  "generation": 3,
 *	  "models": { NAME: { "ready": true, "reasons": [] }... },
 *	  "pools": { NAME: ... }, "routes": { "GET /hello": ... } }
 *
 * A REASON is { "reason": one word for programs, "name": of the part, "detail":
 * a sentence for people }.  Pure, and never fatal; the question's bytes are a
 * client's.
 */
#ifndef COMMON_HEALTH_H
#define COMMON_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#define HEALTH_PARTS_MAX	32	/* of one question */

struct json_object;

enum health_kind { HEALTH_MODEL, HEALTH_POOL, HEALTH_ROUTE, HEALTH_KINDS };

/* "model", "pool", "route", as a question names it. */
const char	*health_kind_name(enum health_kind);

struct health_part {
	enum health_kind	 kind;
	const char		*name;
};

/*
 * Without parts it is about the host as a whole; with some, about the host and
 * each of them.
 *
 * verbose	the answer has the warnings and all parts as well
 * hidden	reasons are words only: no names, no sentences, nothing verbose
 */
struct health_question {
	struct health_part	 parts[HEALTH_PARTS_MAX];
	size_t			 count;
	bool			 verbose;
	bool			 hidden;
};

/* One part more; false: there are as many as there may be. */
bool	health_ask(struct health_question *, enum health_kind,
	    const char *name);

/*
 * A query: "verbose", and "model=", "pool=" and "route=" with a name each, as
 * often as wanted.  The names stay in `query`, which is decoded in place and
 * has one byte more than `length`.  NULL, or what is wrong with it: a question
 * that is not understood must not be answered with yes.
 */
const char	*health_read_query(struct health_question *, char *query,
		    size_t length);

/*
 * The HTTP status that says it: 200 ready, 503 not ready, 404 there is no such
 * part.  *answer_out is the caller's; NULL: out of memory.
 */
int	health_answer(struct json_object *document,
	    const struct health_question *, struct json_object **answer_out);

#endif
