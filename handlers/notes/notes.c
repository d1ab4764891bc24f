/*
 * notes.c - small texts and counters that every process of the host shares.
 *
 * Teaches: the cache (fh_cache_set and its kin): time to live, counting, one
 * winner of several writers, waiting for a change.
 * Runs in: the front; reading that waits, in a worker.
 * Owns: nothing; what is kept is the host's, and may vanish.
 * Invariant: a note that is shown is one that somebody wrote, whole.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <fcgi-host/handler.h>

#define LONGEST_MS	30000	/* that a reader may wait */

static const char *
name_of(const struct fh_request *rq)
{
	return fh_path_param(rq, "name");
}

/* A number of the query; 0 if there is none. */
static uint64_t
number(struct fh_request *rq, const char *name)
{
	const char *text = fh_query(rq, name);

	return text == NULL ? 0 : strtoull(text, NULL, 10);
}

/* What the cache said, as a reply. */
static int
failed(struct fh_request *rq)
{
	switch (errno) {
	case ENOENT:
		return fh_problem(rq, 404, "There is no such note.");
	case EEXIST:
	case ESTALE:
		return fh_problem(rq, 409, "Somebody else was faster.");
	case EMSGSIZE:
		return fh_problem(rq, 413, "The note is too long.");
	case EINVAL:
		return fh_problem(rq, 400, "That cannot be done with it.");
	default:
		fh_set_header(rq, "Retry-After", "1");
		return fh_problem(rq, 503, "The cache: %s.", strerror(errno));
	}
}

static void
say_version(struct fh_request *rq, const struct fh_cache_value *value)
{
	fh_set_header(rq, "Note-Version", fh_sprintf(rq, "%" PRIu64,
	    value->version));
}

/* GET /notes/{name} */
static int
show(struct fh_request *rq)
{
	struct fh_cache_value value;

	if (fh_cache_get(rq, fh_cache(rq), name_of(rq), FH_CACHE_TEXT,
	    &value) < 0)
		return failed(rq);
	say_version(rq, &value);
	if (value.type == FH_CACHE_INTEGER)
		return fh_reply_text(rq, 200, fh_sprintf(rq, "%" PRId64,
		    *(const int64_t *)value.bytes));
	return fh_reply_bytes(rq, 200, "text/plain; charset=utf-8",
	    value.bytes, value.length);
}

/* GET /notes/{name}/next?version=V: the first one that is not V. */
static int
show_next(struct fh_request *rq)
{
	if (fh_cache_wait(rq, fh_cache(rq), name_of(rq), FH_CACHE_TEXT,
	    number(rq, "version"), LONGEST_MS) < 0 && errno != ETIMEDOUT)
		return failed(rq);
	return show(rq);
}

/* PUT /notes/{name}?ttl=MS&version=V: V is the one that is replaced, 0 is none
 * that is there; without it, whatever is. */
static int
put(struct fh_request *rq)
{
	const char *name = name_of(rq);
	uint64_t ttl_ms = number(rq, "ttl");
	size_t length;
	const void *body = fh_body(rq, &length);
	int rc;

	if (fh_query(rq, "version") == NULL)
		rc = fh_cache_set(fh_cache(rq), name, FH_CACHE_TEXT, body,
		    length, ttl_ms);
	else
		rc = fh_cache_swap(fh_cache(rq), name, FH_CACHE_TEXT,
		    number(rq, "version"), body, length, ttl_ms);
	return rc < 0 ? failed(rq) : fh_status(rq, 204);
}

/* POST /notes/{name}/count?ttl=MS: one more. */
static int
count(struct fh_request *rq)
{
	int64_t sum;

	if (fh_cache_count(fh_cache(rq), name_of(rq), FH_CACHE_TEXT, 1, 0,
	    number(rq, "ttl"), &sum) < 0)
		return failed(rq);
	return fh_reply_text(rq, 200, fh_sprintf(rq, "%" PRId64, sum));
}

/* DELETE /notes/{name} */
static int
forget(struct fh_request *rq)
{
	if (fh_cache_delete(fh_cache(rq), name_of(rq), FH_CACHE_TEXT) < 0)
		return failed(rq);
	return fh_status(rq, 204);
}

FH_HANDLER(.name = "notes", .version = "1.0", .routes = FH_ROUTES(
	{ "GET", "/notes/{name}", .serve = show, .summary = "a note" },
	{ "PUT", "/notes/{name}", .serve = put, .summary = "writes one" },
	{ "DELETE", "/notes/{name}", .serve = forget,
	    .summary = "takes it away" },
	{ "POST", "/notes/{name}/count", .serve = count,
	    .summary = "adds one to a counter" },
	{ "GET", "/notes/{name}/next", .serve = show_next, .async = true,
	    .summary = "waits until it is another" }));
