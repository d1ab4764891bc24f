/*
 * cached.h - replies of routes that are kept in the cache: under which key, and
 * as what.
 *
 * The front looks a request up before it is admitted, and gives the key to who
 * runs it; what that one sends is kept there (api_cached.c).  Pure, but for the
 * age of a reply.
 */
#ifndef COMMON_CACHED_H
#define COMMON_CACHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/handler_set.h"
#include "common/head.h"

#define CACHED_KEY	32	/* SHA-256: nobody makes two that collide */

/*
 * What a reply depends on besides its request: the route, its handler's build,
 * the models, the configuration.  A handler without a build id is another one
 * in each generation.
 */
void	cached_origin(const struct handler_set *, const struct route *,
	    uint32_t generation, uint8_t out[CACHED_KEY]);

/* A request whose route has `cache`; parameters and head are sound. */
struct cached_request {
	const struct route	*route;
	const uint8_t		*origin;	/* CACHED_KEY bytes */
	const struct head	*head;
	const uint8_t		*params;
	size_t			 params_length;
	const uint8_t		*identity;	/* common/identity.h */
	size_t			 identity_length; /* 0: none */
	const void		*body;
	size_t			 body_length;
};

/*
 * CACHED_NOT: it asks for a part, or is to change something under a condition,
 * and is not looked up.
 * CACHED_IF: it reads under a condition, see cached_judge().  What was made for
 * it may be none for others, so nobody waits for it.
 * CACHED_FRESH: it wants one that is made now (Cache-Control: no-cache).
 *
 * The key is of the origin, the decoded path, the inputs, Accept, the host and
 * scheme that were asked, and whoever asks (his identity, REMOTE_USER, and each
 * parameter that may be a credential or say who it is).  The inputs are those
 * declared, of query, header and cookie, and otherwise the whole query and all
 * cookies; a body counts byte by byte, with its type.
 */
enum cached_kind { CACHED_NOT, CACHED_LOOK, CACHED_IF, CACHED_FRESH };
enum cached_kind	cached_key(const struct cached_request *,
			    uint8_t out[CACHED_KEY]);

/* A reply as it is kept.  The head ends in its blank line. */
struct cached_reply {
	const char	*head, *body;
	size_t		 head_length, body_length;
	uint64_t	 made_ms;	/* clock_now_ms() */
};

size_t	cached_packed(const struct cached_reply *);	/* its size then */
void	cached_pack(const struct cached_reply *, void *out);

/* Points into `bytes`.  False: it is none. */
bool	cached_unpack(const void *bytes, size_t length,
	    struct cached_reply *out);

/* Age and Cache-Status of one that is given, in place of the head's blank line;
 * their length.  `how` is what Cache-Status says of it, left_ms until when it
 * is kept. */
#define CACHED_LINES	192
size_t	cached_lines(char out[CACHED_LINES], const char *how,
	    const struct cached_reply *, uint64_t left_ms);

/*
 * The kept reply for a request whose kind is CACHED_IF (cached_condition.c):
 * as it is, as a 304, or not at all, because it says nothing that a condition
 * could be about, or because that fails.  `now`: seconds since 1970.
 */
enum cached_verdict { CACHED_GIVE, CACHED_GIVE_304, CACHED_RUN };
enum cached_verdict	cached_judge(const struct cached_reply *,
			    const uint8_t *params, size_t params_length,
			    int64_t now);

/* The head of that 304, in head_length + CACHED_304_MORE bytes; its length. */
#define CACHED_304_MORE	32
size_t	cached_304(const struct cached_reply *, char *out);

/* May a reply with this header be kept?  "Set-Cookie": no; a Cache-Control of
 * no-store, no-cache or private; a Vary on what is not in the key. */
bool	cached_header_may(struct wire_span name, struct wire_span value);

/* Is the word one of a list with commas, such as Cache-Control, in any case?
 * What follows a '=' does not count. */
bool	cached_has_word(struct wire_span list, const char *word);

#endif
