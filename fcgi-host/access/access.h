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
 * Signatures are OpenSSL's, JSON is json-c's, hashes of passwords libcrypt's;
 * what is here are the rules around them (RFC 7515, 7517, 7519, 7617, 8037,
 * 8725).  A check takes microseconds, and no byte of a peer decides which
 * algorithm or which kind of key is used.  Only a password costs more, on
 * purpose; that part is for another thread:
 *
 *	case ACCESS_HASH:
 *		hash = access_hash_create(access, &question, answer.section);
 *		access_hash_run(hash);			(there)
 *		rc = access_hash_done(access, hash, &question.tried, ...);
 *		access_hash_free(hash);			... and check again
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
	ACCESS_TOO_MANY,	/* this client has sent too many: 429 */
	ACCESS_BUSY,		/* no place or memory for a hash: 503 */
	ACCESS_HASH		/* a password is to be hashed: not known yet */
};

/*
 * auths	which sections will do, as bits in the configuration's order;
 *		not 0
 * scopes	all that is wanted; NULL or "" for nothing
 * params	the request's name-value pairs, sound ones
 * tried	of `auths`, those for which its password was hashed in vain
 * client	the address it came from
 * wall_s	the time, since 1970
 * now_ms	the time that does not jump
 */
struct access_question {
	uint32_t	 auths, tried;
	const char	*scopes;
	const uint8_t	*params;
	size_t		 params_length;
	const char	*client;
	size_t		 client_length;
	int64_t		 wall_s;
	uint64_t	 now_ms;
};

/*
 * section	which one has granted it, or wants a hash
 * why		a sentence for the client, if it is not granted
 * length	bytes of `identity`, 0 if it is not granted
 */
struct access_answer {
	enum access_verdict	 verdict;
	uint32_t		 section;
	const char		*why;
	size_t			 length;
	uint8_t			 identity[IDENTITY_MAX];
};

void	access_check(struct access *, const struct access_question *,
	    struct access_answer *answer_out);

/*
 * A password and what its hash should be.  Of a name that nobody has it is the
 * hash of one of the others, so that it takes as long.
 *
 * create	NULL: no memory
 * run		from any thread: it touches nothing but the hash.  Takes some
 *		30 ms and 16 MiB (yescrypt), or what the users' file says
 * done		0: it is right, and known from now on; 1: it is wrong, which
 *		is in *tried and counted; -1: no memory to tell
 * free		wipes it; NULL is fine
 */
struct access_hash;
struct access_hash	*access_hash_create(struct access *,
			    const struct access_question *, uint32_t section);
void	access_hash_run(struct access_hash *);
int	access_hash_done(struct access *, const struct access_hash *,
	    uint32_t *tried, int64_t wall_s, uint64_t now_ms);
void	access_hash_free(struct access_hash *);

/* The same in this thread, for tools: until there is a verdict. */
void	access_check_now(struct access *, struct access_question *,
	    struct access_answer *answer_out);

/*
 * The header lines of a refusal: WWW-Authenticate for each section that would
 * do (RFC 6750, section 3; RFC 7617, section 2), Retry-After for 429 and 503.
 * Ends in NUL; what is too long for `size` is left out whole lines at a time.
 * Returns the status.
 */
#define ACCESS_HEADERS_MAX	1024
int	access_refusal(const struct access *, const struct access_question *,
	    const struct access_answer *, char *out, size_t size);

/* Is a parameter, of a request, one whose value is a credential: Authorization,
 * Cookie and their kin, or the header of a section of type key? */
bool	access_is_secret(const struct config *, const uint8_t *name,
	    size_t length);

#endif
