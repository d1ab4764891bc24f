/*
 * head.h - the few parameters that decide what happens to a request.
 *
 * One pass over the raw name-value block, nothing allocated: the front routes
 * by this, and a worker reads it again from the request it is given.
 */
#ifndef COMMON_HEAD_H
#define COMMON_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire_text.h"

#define HEAD_NO_LENGTH	(-1)
#define HEAD_ID_MAX	64

enum head_rc {
	HEAD_OK,
	HEAD_BAD_PARAMS,	/* a pair runs over the end: 400 */
	HEAD_NO_METHOD,		/* absent, or no token: 400 */
	HEAD_BAD_LENGTH,	/* CONTENT_LENGTH is no number: 400 */
	HEAD_BAD_PATH		/* a NUL, or a malformed escape: 400 */
};

/*
 * Spans point into the block, but `path` may point into the scratch space or
 * to a constant; one that is absent is "" with length 0.  Of a repeated name
 * the last one wins.
 */
struct head {
	struct wire_span	 method;
	struct wire_span	 path;		/* decoded, below the mount */
	struct wire_span	 query;
	struct wire_span	 uri;		/* REQUEST_URI, for the log */
	struct wire_span	 content_type;
	struct wire_span	 request_id;	/* empty if absent or unfit */
	struct wire_span	 cookie;
	struct wire_span	 remote_addr;
	struct wire_span	 body_file;	/* REQUEST_BODY_FILE */
	int64_t			 content_length;	/* or HEAD_NO_LENGTH */
	int64_t			 start_ms;	/* REQUEST_START, epoch; or 0 */
};

/*
 * The path is PATH_INFO; without it SCRIPT_NAME; without both the path of
 * REQUEST_URI, decoded into `scratch` (of `scratch_size` bytes, at least as
 * long as the block).  A web server that sends the whole URI as PATH_INFO
 * (PATH_INFO equals DOCUMENT_URI) has the SCRIPT_NAME prefix taken off, at a
 * segment's end only.  An empty parameter counts as absent; when nothing is
 * left, or nothing was sent, the path is "/".
 *
 * On any result but HEAD_OK the members that were found are filled as well, so
 * that the refusal can be logged; `path` may then be empty.  HEAD_BAD_PARAMS:
 * those before the bad pair.
 */
enum head_rc	head_scan(const uint8_t *block, size_t length, char *scratch,
		    size_t scratch_size, struct head *head_out);

const char	*head_strerror(enum head_rc);

/* Is it a HEAD request, whose reply has no body? */
bool	head_has_no_body(const struct head *);

#endif
