/*
 * reply.h - what replies have beside status, headers and body: the type a
 * client wants, rows, validators and conditions, ranges and files, cookies,
 * downloads, redirects, caching.
 *
 * handler.h includes this.
 *
 *	static int
 *	report(struct fh_request *rq)
 *	{
 *		fh_set_etag(rq, revision, false);
 *		fh_fresh_for(rq, 60, false);
 *		if (fh_precondition(rq) != 0)
 *			return 0;
 *		fh_download(rq, "report.pdf");
 *		return fh_reply_content(rq, "application/pdf", pdf, length);
 *	}
 *
 * Errors.  As everywhere: what cannot be said in HTTP, a line break in a value
 * for one, makes the reply a 500 whose detail says why; -1/EINVAL.
 * -1/EALREADY when the header has left.
 */
#ifndef FCGI_HOST_REPLY_H
#define FCGI_HOST_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_request;
struct fh_property;		/* input.h */
struct json_object;		/* <json-c/json.h> */

/* ------------------------------------------------- the type, and rows */

/*
 * Which of the types in the route's `responses` (input.h) the client wants, as
 * it is declared there; NULL: the route declares none, or one that may be
 * anything.  Accept decides (RFC 9110, 12.5.1): the highest q, then the type
 * that is named rather than meant by a star, then application/json, then the
 * first; parameters other than q are not looked at.  Responses of 2xx that have
 * a body count.  A client that takes none of them gets a 406 with the `types`
 * there are, and serve() is not called; one that sends no Accept takes all.
 * With several types the reply has Vary: Accept.
 *
 * A body that is written without a type has this one, if the status is 2xx; a
 * text as UTF-8.
 */
const char	*fh_accepted(struct fh_request *);

/*
 * A table in whichever of these was negotiated, row by row:
 *
 * application/json	an array of objects; also where there was no choice
 * application/jsonl, application/x-ndjson, application/ndjson
 *			an object on each line
 * text/csv		a line of names, then one for each row (RFC 4180)
 *
 * `columns` are the members of a row's struct, see fh_json_struct(); NULL takes
 * the `items` of the route's response of that status.  Rows are written as
 * they come, as with fh_write().  A value that is not given is an empty cell;
 * arrays and objects cannot stand in CSV.
 *
 * A text in CSV that begins with = + - @, a tab or a CR gets an apostrophe in
 * front, or a spreadsheet would take it for a formula.  Numbers are as they
 * are.  Who wants each text unchanged asks for JSON lines.
 *
 *	fh_rows_begin(rq, 200, NULL);
 *	while (next(&city))
 *		fh_row(rq, &city);
 *	return fh_rows_end(rq);
 */
int	fh_rows_begin(struct fh_request *, int status,
	    const struct fh_property *columns);
int	fh_row(struct fh_request *, const void *row);
int	fh_rows_end(struct fh_request *);

/* ------------------------------------------------- validators, conditions */

/*
 * What the reply's content is known by (RFC 9110, section 8.8): an entity tag,
 * given without its quotes, and when it was last changed, in seconds since
 * 1970.  `weak`: content with the same tag may differ in its bytes, so no part
 * of it can be asked for.
 *
 * A GET or HEAD that is answered 200 is judged by them before its header
 * leaves: If-None-Match and If-Modified-Since make it a 304 without a body,
 * If-Match and If-Unmodified-Since a 412.
 */
int	fh_set_etag(struct fh_request *, const char *tag, bool weak);
int	fh_set_modified(struct fh_request *, int64_t seconds);

/*
 * The same before the work is done, and for a request that changes something,
 * which must be judged before it does: set what is known of the content as it
 * is now, and ask.  Nothing set means that there is no such content:
 * "If-None-Match: *" holds then, and If-Match does not.  The order is that of
 * RFC 9110, 13.2.2; If-Match compares strongly, If-None-Match weakly.
 *
 * 0	go on
 * else	it has been answered, with that status (304, 412; -1: a 500): return 0
 */
int	fh_precondition(struct fh_request *);

/* ------------------------------------------------- content, ranges, files */

/*
 * Whole content, 200, of which a GET may ask for parts (RFC 9110, section 14):
 * 206 with one part or as multipart/byteranges, 416 where there is nothing,
 * If-Range.  A Range with more than 16 parts, or with more in them than in the
 * content, gets the whole.  Conditions are judged first, see above.
 *
 * content	bytes in memory
 * fd		a regular file; it stays yours, and its position is not moved.
 *		Without validators set, ETag is of its size and time of change
 *		(weak if that was within the last two seconds) and
 *		Last-Modified that time
 * path		the same for a path; 404 where no regular file is there
 * under	the same for a name below a folder, which may come from the
 *		client: `..` or a link that leads out of the folder is a 404
 *
 * `type` may be NULL: one that has been set, else that of the name's extension,
 * else application/octet-stream.  A file is read piece by piece; an async route
 * may send one of any size, within its `timeout`.  Where nginx can read the
 * file itself, fh_reply_file costs less, and nginx does ranges.  The sandbox
 * must allow the folder (`read_paths`): a file that may not be read is a 500.
 */
int	fh_reply_content(struct fh_request *, const char *type,
	    const void *bytes, size_t length);
int	fh_reply_fd(struct fh_request *, const char *type, int fd);
int	fh_reply_path(struct fh_request *, const char *type, const char *path);
int	fh_reply_under(struct fh_request *, const char *type,
	    const char *folder, const char *name);

/*
 * The reply is to be saved, under this name (RFC 6266, with RFC 8187 for what
 * is not ASCII).  Slashes, backslashes, control characters and what is not
 * UTF-8 become '_', so the name may be a user's.
 */
int	fh_download(struct fh_request *, const char *name);

/* ------------------------------------------------- cookies */

enum fh_same_site {
	FH_SAME_SITE_LAX,
	FH_SAME_SITE_STRICT,
	FH_SAME_SITE_NONE,	/* needs `secure` */
	FH_SAME_SITE_UNSAID
};

/*
 * max_age	seconds; 0: until the browser ends
 * expires	seconds since 1970; 0: not said.  max_age goes before it
 * domain	NULL: this host only
 * path		NULL: "/"
 * scripts	true: JavaScript may read it (no HttpOnly)
 * insecure	true: also over plain HTTP (no Secure)
 * partitioned	one for each site that embeds this one
 */
struct fh_cookie_options {
	int64_t			 max_age;
	int64_t			 expires;
	const char		*domain;
	const char		*path;
	enum fh_same_site	 same_site;
	bool			 scripts;
	bool			 insecure;
	bool			 partitioned;
};

/*
 * Adds a cookie (RFC 6265).  Options NULL, or all zero: Path=/; Secure;
 * HttpOnly; SameSite=Lax, until the browser ends.  Refused is what browsers
 * would not take: a name that is no token, a value with more than the letters
 * of RFC 6265, 4.1.1 (no blank, quote, comma, semicolon, backslash; encode it),
 * over 4096 bytes of both, SameSite=None or Partitioned without Secure, and the
 * prefixes __Host- (Secure, Path=/, no Domain) and __Secure- without what they
 * promise.
 *
 * fh_delete_cookie takes the options the cookie was set with.
 */
int	fh_set_cookie(struct fh_request *, const char *name, const char *value,
	    const struct fh_cookie_options *);
int	fh_delete_cookie(struct fh_request *, const char *name,
	    const struct fh_cookie_options *);

/* ------------------------------------------------- redirects */

/*
 * 301, 302, 303, 307 or 308, and where to.  "/users/7" is a path of this host:
 * the prefix it is mounted at is put in front.  A whole URI goes as it is, and
 * "7" or "?page=2" is relative to the request's.  What a URI may not have is
 * percent-encoded; a control character is refused, and so is "//", which looks
 * like a path and leads to another site.
 */
int	fh_redirect(struct fh_request *, int status, const char *location);

/* The prefix this host is mounted at: "" or "/app", without a slash at its
 * end.  A link to a route is fh_mount() and the route's path. */
const char	*fh_mount(struct fh_request *);

/* ------------------------------------------------- caching */

/*
 * Cache-Control (RFC 9111, 5.2.2), one of them:
 *
 * fresh_for	to be used again for so many seconds, by everybody or by this
 *		client only
 * revalidate	may be kept, but is asked for each time: with validators
 * no_store	is not kept anywhere
 *
 * fh_vary adds a request header that the reply depends on to Vary; once is
 * enough.
 */
int	fh_fresh_for(struct fh_request *, int64_t seconds, bool everybody);
int	fh_revalidate(struct fh_request *);
int	fh_no_store(struct fh_request *);
int	fh_vary(struct fh_request *, const char *header);

/* ------------------------------------------------- Server-Timing */

/*
 * With `server_timing = true` in the configuration, for all routes or in a
 * route's section, each reply of a handler says where its time went, in
 * milliseconds (https://www.w3.org/TR/server-timing/):
 *
 *	Server-Timing: queue;dur=0.120, run;dur=4.031, write;dur=0.207
 *
 * queue	from when the host had the whole request and admitted it until
 *		serve() was called; next to nothing for a sync route
 * run		from there until the first byte of the reply's body was written
 * write	from there until the header left: at serve()'s end, or at a
 *		flush, or when the reply space was full for the first time
 *
 * What follows the header is in none of them.  A header of this name that a
 * handler sets stays beside it.
 */

/* ------------------------------------------------- problems */

/*
 * fh_problem() with a `type` of your own (a URI; NULL: "about:blank") and with
 * members of your own, a json-c object that is released, or NULL.  Of those
 * that RFC 9457 names only a `title` is taken, in place of the status's.
 */
int	fh_problem_with(struct fh_request *, int status, const char *type,
	    struct json_object *members, const char *format, ...)
	    __attribute__((format(printf, 5, 6)));

#ifdef __cplusplus
}
#endif

#endif /* FCGI_HOST_REPLY_H */
