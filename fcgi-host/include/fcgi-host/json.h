/*
 * json.h - JSON written straight into the reply, without a tree.
 *
 * handler.h includes this.  For large replies: each call appends to the body,
 * so nothing is built first and nothing has to be freed.
 *
 *	fh_json_begin(rq, 200);
 *	fh_json_object(rq);
 *	fh_json_name(rq, "unit");
 *	fh_json_string(rq, "K");
 *	fh_json_name(rq, "values");
 *	fh_json_numbers(rq, values, count);
 *	fh_json_close(rq);
 *	return fh_json_end(rq);
 *
 * Nesting.  Between begin and end stands one value.  In an object each value
 * has a name before it; elsewhere none has.  fh_json_close ends the innermost
 * object or array, FH_JSON_DEPTH may be open.  fh_json_end wants all closed.
 *
 * Errors.  Whatever breaks these rules, and a NaN or an infinity, which JSON
 * cannot say, makes the reply a 500 whose detail names the call: what has been
 * written is thrown away, or, where the header has left (a body larger than the
 * reply space, async), the connection is closed.  From then on each call gives
 * -1 and does nothing, so it is enough to look at what fh_json_end gives.  A
 * handler that finds out half-way that it cannot go on ends with
 * `return fh_problem(...)`, as long as nothing has left.  -1/EPIPE: nobody
 * reads it any more.
 *
 * Names and strings are UTF-8.  What is not becomes U+FFFD, as in a web
 * browser; quotes, backslashes and control characters are escaped.  Nothing
 * looks for a name that stands twice in an object.
 *
 * Size.  As with fh_write(): a sync reply is bounded by `sync_reply_limit`, an
 * async one waits for its reader.  What fh_write() appends meanwhile stands
 * where it was written.
 */
#ifndef FCGI_HOST_JSON_H
#define FCGI_HOST_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_request;
struct fh_property;		/* input.h */
struct json_object;		/* <json-c/json.h> */

#define FH_JSON_DEPTH	64

/*
 * Begins a whole reply: a body written before is thrown away.  Content-Type is
 * application/json unless one has been set.  -1/EALREADY when the header has
 * left.  fh_json_end returns what serve() should.
 */
int	fh_json_begin(struct fh_request *, int status);
int	fh_json_end(struct fh_request *);

int	fh_json_object(struct fh_request *);
int	fh_json_array(struct fh_request *);
int	fh_json_close(struct fh_request *);
int	fh_json_name(struct fh_request *, const char *name);

/*
 * Values.
 *
 * string	NULL gives null
 * text		a string of `length` bytes, which may have NULs among them
 * number	the shortest text that reads back as the same double: 0.1, 5,
 *		1e+22 and -0
 * tree		a json-c object with all below it, as if each part had been
 *		given here: numbers shortest, a serialiser of its own not
 *		asked.  It stays yours; NULL gives null
 */
int	fh_json_string(struct fh_request *, const char *);
int	fh_json_text(struct fh_request *, const char *text, size_t length);
int	fh_json_integer(struct fh_request *, int64_t);
int	fh_json_unsigned(struct fh_request *, uint64_t);
int	fh_json_number(struct fh_request *, double);
int	fh_json_boolean(struct fh_request *, bool);
int	fh_json_null(struct fh_request *);
int	fh_json_tree(struct fh_request *, struct json_object *);

/*
 * A struct as an object, by the declaration of its members (input.h): FH_FIELDS
 * of a response, or a table that ends in FH_END, made with FH_STRING(S, m) and
 * its kin.  A member that is not given (`has`, a string that is NULL, a date of
 * zeros, an enum below 0) is left out, or null if it is `nullable`.
 */
int	fh_json_struct(struct fh_request *, const struct fh_property *fields,
	    const void *at);

/* A whole array; the same as fh_json_array, its values, fh_json_close. */
int	fh_json_numbers(struct fh_request *, const double *, size_t count);
int	fh_json_integers(struct fh_request *, const int64_t *, size_t count);

#ifdef __cplusplus
}
#endif

#endif /* FCGI_HOST_JSON_H */
