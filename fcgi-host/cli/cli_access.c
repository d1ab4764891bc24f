/*
 * cli_access.c - who asks, where there is no front to find it out.
 *
 * Runs in: `call` and `cgi`.
 * Owns: nothing.
 * Invariant: `cgi` lets in whom the front would; `call` asks for no key, but a
 * handler that may count on an identity has one, with its route's scopes.
 */
#include <string.h>

#include "cli/cli_inline.h"
#include "common/clock.h"

static bool
admits_named(const struct cli_request *request, struct cli_sink *sink)
{
	const struct route *route = request->match.route;
	struct fh_identity who;

	if (identity_get(request->who.identity, request->who.length,
	    &who) < 0)
		cli_inline_problem(request, sink, 401, "", "Who sends this is "
		    "not known: say it with --as NAME.");
	else if (route->scopes != NULL &&
	    !identity_has_scopes(who.scopes, route->scopes))
		cli_inline_problem(request, sink, 403, "", "Access is refused: "
		    "it wants --scopes '%s'.", route->scopes);
	else
		return true;
	return false;
}

bool
cli_inline_admits(struct cli_inline *in, struct cli_request *request,
    struct cli_sink *sink)
{
	const struct request *asked = &request->asked;
	const struct route *route = request->match.route;
	struct access_question question = {
		.auths = route->auths, .scopes = route->scopes,
		.params = asked->params, .params_length = asked->length,
		.client = asked->head.remote_addr.at,
		.client_length = asked->head.remote_addr.length,
		.wall_s = clock_wall_ms() / 1000, .now_ms = clock_now_ms(),
	};
	char headers[ACCESS_HEADERS_MAX];
	int status;

	if (route->auths == 0)
		return true;
	if (in->access == NULL)
		return admits_named(request, sink);
	access_check_now(in->access, &question, &request->who);
	if (request->who.verdict == ACCESS_GRANTED)
		return true;
	status = access_refusal(in->access, &question, &request->who, headers,
	    sizeof(headers));
	cli_inline_problem(request, sink, status, headers, "%s: %s.",
	    status == 403 ? "Access is refused" :
	    "Who sends this is not known", request->who.why);
	return false;
}

int
cli_request_as(struct cli_request *request, const char *name,
    const char *scopes)
{
	const struct fh_identity identity = { "call", name,
		scopes == NULL ? "" : scopes, "{}" };

	request->who.length = identity_put(request->who.identity,
	    sizeof(request->who.identity), &identity);
	return request->who.length > 0 ? 0 : -1;
}
