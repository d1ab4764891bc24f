/*
 * request.h - a request as FastCGI parameters, made without FastCGI.
 *
 *	request_init(&request);
 *	request_put_line(&request, "GET", "/hello?name=you");
 *	request_scan(&request);
 *	... request.head, request.params ...
 *	request_free(&request);
 *
 * What comes from a web server is read by the front; this is for requests of
 * our own, and those of `call` and `cgi`.
 */
#ifndef COMMON_REQUEST_H
#define COMMON_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "common/handler_set.h"
#include "common/head.h"

struct request {
	uint8_t		*params;	/* raw pairs; malloc */
	size_t		 length;
	size_t		 room;
	char		*scratch;
	struct head	 head;
	char		 id[HEAD_ID_MAX + 1];
};

/* Empty, with an id of its own. */
void	request_init(struct request *);
void	request_free(struct request *);

/* Appends a parameter.  -1: out of memory. */
int	request_put(struct request *, const char *name, size_t name_length,
	    const char *value, size_t value_length);
int	request_put_text(struct request *, const char *name,
	    const char *value);

/* Appends a request header as RFC 3875, 4.1.18 has it: "Accept-Language" as
 * HTTP_ACCEPT_LANGUAGE.  -1: out of memory. */
int	request_put_header(struct request *, const char *name,
	    size_t name_length, const char *value);

/* Appends what are pairs already, or pieces of them.  -1: out of memory. */
int	request_put_pairs(struct request *, const void *bytes, size_t length);

/*
 * Appends what a web server on this machine would say of this request:
 * `target` is "/path?query" as in a URL.  -1: out of memory.  1: the path has
 * a malformed escape.
 */
int	request_put_line(struct request *, const char *method,
	    const char *target);

/* Reads the head; a web server's id takes the place of ours. */
enum head_rc	request_scan(struct request *);

/*
 * Finds the route of a request whose head was read.  The handler of a job is
 * told beside its request what it is told in the host (job.h), where nobody has
 * said it: JOB_ID, which is the request's id, and JOB_ATTEMPT.  -1: out of
 * memory.
 */
int	request_route(struct request *, const struct handler_set *,
	    struct route_match *match_out);

#endif
