/*
 * access.h - may this client ask this route?
 *
 * A generation reads its keys once, in the zygote, before any handler is
 * loaded; fronts inherit them, and in workers they are wiped.
 *
 *	access = access_create(config, &err);
 *	...
 *	access_check(access, &question, &answer);
 *	switch (answer.verdict) { ... }
 *
 * Signatures are OpenSSL's, JSON is json-c's; what is here are the rules around
 * them (RFC 7515, 7517, 7519, 8037, 8725).  A check takes microseconds, and no
 * byte of a peer decides which algorithm or which kind of key is used.
 *
 * Not thread-safe: one thread asks at a time.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/identity.h"
#include "config/config.h"

struct access;

/*
 * Reads what the sections auth name: files and variables of the environment,
 * which are wiped there.  NULL, and why: the sentence begins with the section
 * and names the file.
 */
struct access	*access_create(const struct config *, struct err *);

/* Wipes what is secret.  NULL is fine. */
void		 access_destroy(struct access *);

enum access_verdict {
	ACCESS_GRANTED,
	ACCESS_MISSING,		/* no credentials: 401 */
	ACCESS_INVALID,		/* bad ones: 401 */
	ACCESS_FORBIDDEN,	/* good ones without the scopes: 403 */
	ACCESS_TOO_MANY		/* this client has sent too many: 429 */
};

/*
 * auths	which sections will do, as bits in the configuration's order;
 *		not 0
 * scopes	all that is wanted; NULL or "" for nothing
 * params	the request's name-value pairs, sound ones
 * client	the address it came from
 * wall_s	the time, since 1970
 * now_ms	the time that does not jump
 */
struct access_question {
	uint32_t	 auths;
	const char	*scopes;
	const uint8_t	*params;
	size_t		 params_length;
	const char	*client;
	size_t		 client_length;
	int64_t		 wall_s;
	uint64_t	 now_ms;
};

/*
 * why		a sentence for the client, if it is not granted
 * length	bytes of `identity`, 0 if it is not granted
 */
struct access_answer {
	enum access_verdict	 verdict;
	const char		*why;
	size_t			 length;
	uint8_t			 identity[IDENTITY_MAX];
};

void	access_check(struct access *, const struct access_question *,
	    struct access_answer *answer_out);

/*
 * The header lines of a refusal: WWW-Authenticate for each section that would
 * do (RFC 6750, section 3), Retry-After for a 429.  Ends in NUL; what is too
 * long for `size` is left out whole lines at a time.  Returns the status.
 */
#define ACCESS_HEADERS_MAX	1024
int	access_refusal(const struct access *, const struct access_question *,
	    const struct access_answer *, char *out, size_t size);

/* Is a parameter, of a request, one whose value is a credential: Authorization,
 * Cookie and their kin, or the header of a section of type key? */
bool	access_is_secret(const struct config *, const uint8_t *name,
	    size_t length);

#endif
