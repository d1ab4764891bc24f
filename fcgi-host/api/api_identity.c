/*
 * api_identity.c - who sent the request, for its handler.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing; the texts lie beside the request's parameters.
 * Invariant: no parameter or header can be taken for an identity.
 */
#include "api/api_private.h"

#include <string.h>

#include "common/identity.h"

const struct fh_identity *
fh_identity(struct fh_request *rq)
{
	const struct api_input *input = rq->input;

	if (!rq->identified && input->identity_length > 0 &&
	    identity_get(input->identity, input->identity_length,
	    &rq->identity) == 0)
		rq->identified = true;
	return rq->identified ? &rq->identity : NULL;
}

bool
fh_has_scope(struct fh_request *rq, const char *scope)
{
	const struct fh_identity *identity = fh_identity(rq);

	return identity != NULL && identity_has_scope(identity->scopes, scope,
	    strlen(scope));
}
