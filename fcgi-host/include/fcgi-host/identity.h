/*
 * identity.h - who sent a request, where its route wants to know.
 *
 * handler.h includes this.  A route says what it wants, or the configuration
 * does for it:
 *
 *	{ "POST", "/orders", .serve = order, .auth = "bearer",
 *	    .scopes = "orders.write" }
 *
 * serve() is called for clients that have shown who they are and have all the
 * scopes; anybody else gets a 401 or 403 before the request is queued.  What
 * keys, tokens and users there are stands in the sections auth of the
 * configuration (fcgi-host.conf(5)), whose secrets no handler sees.
 *
 *	const struct fh_identity *who = fh_identity(rq);
 *
 *	fh_log(rq, FH_LOG_INFO, "an order of %s", who->name);
 *
 * Lifetime.  What fh_identity() gives belongs to the request like everything
 * else.  It is made by the host, never from a parameter or a header alone.
 */
#ifndef FCGI_HOST_IDENTITY_H
#define FCGI_HOST_IDENTITY_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_request;

/*
 * auth		the section of the configuration that knows it
 * name		of a key: the name beside it; of a token: its `sub`, "" if it
 *		has none; of a password: the user's
 * scopes	with one blank between them; "" for none
 * claims	the token's claims, a JSON object as the issuer wrote it; "{}"
 *		for a key or a password
 */
struct fh_identity {
	const char	*auth;
	const char	*name;
	const char	*scopes;
	const char	*claims;
};

/* NULL on a route without auth. */
const struct fh_identity	*fh_identity(struct fh_request *);

/* Is `scope` among its scopes?  For what a route cannot say: "may it see this
 * customer too?"  False without an identity. */
bool	fh_has_scope(struct fh_request *, const char *scope);

#ifdef __cplusplus
}
#endif

#endif /* FCGI_HOST_IDENTITY_H */
