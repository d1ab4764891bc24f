/*
 * whoami.c - tells a client who it is, as the host found out.
 *
 * Who may ask stands in the configuration:
 *
 *	auth "partners" { type = key  keys_file = "/etc/fcgi-host/keys" }
 *	auth "people" { type = basic  users_file = "/etc/fcgi-host/users" }
 *	route "GET /whoami" { auth = "partners people" }
 *	route "GET /whoami-async" { auth = "partners"  scopes = "read" }
 *
 * A handler that must not be served without says so itself, with .auth and
 * .scopes in its table: then it is refused where no such section is.
 *
 * Runs in: front and workers.
 * Owns: nothing.
 * Invariant: a client is told of itself alone.
 */
#include <fcgi-host/handler.h>

static int
whoami(struct fh_request *rq)
{
	const struct fh_identity *who = fh_identity(rq);

	if (who == NULL)
		return fh_reply_text(rq, 200, "Nobody in particular.\n");
	fh_json_begin(rq, 200);
	fh_json_object(rq);
	fh_json_name(rq, "auth");
	fh_json_string(rq, who->auth);
	fh_json_name(rq, "name");
	fh_json_string(rq, who->name);
	fh_json_name(rq, "scopes");
	fh_json_string(rq, who->scopes);
	fh_json_name(rq, "may_write");
	fh_json_boolean(rq, fh_has_scope(rq, "write"));
	fh_json_name(rq, "claims");
	fh_json_string(rq, who->claims);
	fh_json_close(rq);
	return fh_json_end(rq);
}

FH_HANDLER(.name = "whoami", .version = "1.0", .routes = FH_ROUTES(
	{ "GET", "/whoami", .serve = whoami,
	    .summary = "Who the client is" },
	{ "GET POST", "/whoami-async", .serve = whoami, .async = true,
	    .summary = "The same, in a worker" }));
