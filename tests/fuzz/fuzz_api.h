/*
 * fuzz_api.h - one request through api/, and what came out of it.
 */
#ifndef TESTS_FUZZ_API_H
#define TESTS_FUZZ_API_H

#include <stdbool.h>

#include "api/api.h"

#define FUZZ_HEADER_LIMIT	6000
#define FUZZ_BODY_MAX		((size_t)1 << 20)
#define FUZZ_FORM_FIELDS	5
#define FUZZ_FORM_FILES		3
#define FUZZ_FORM_MEMORY	1000

/* A reply as its reader sees it. */
struct fuzz_reply {
	enum api_outcome	 outcome;
	struct api_result	 result;
	char			 head[FUZZ_HEADER_LIMIT];
	size_t			 head_length;
	char			*body;
	size_t			 body_length;
};

/* How it is read. */
struct fuzz_reader {
	size_t			 space;
	bool			 streams;
	bool			 head_only;
	unsigned int		 leaves_at;	/* which send fails; 0: none */
};

/*
 * Serves one request; its route is "GET /{name}/{rest...}".  The input's route
 * and id are set here, and nothing of it is read but what belongs to it.  The
 * reply is good until the next call.
 */
const struct fuzz_reply	*fuzz_serve(int (*serve)(struct fh_request *),
			    struct api_input, const struct fuzz_reader *);

/* What the route declares of its inputs, from now on; NULL: nothing. */
void	fuzz_declare(const struct schema *);

/*
 * What holds for every reply: the header is one of CGI, with one status and no
 * more than one length, which is the body's when the reply is whole.
 */
void	fuzz_check_reply(const struct fuzz_reply *,
	    const struct fuzz_reader *);

/* Is there a line of that name?  Its value goes to *value_out, up to a CR. */
bool	fuzz_find_header(const struct fuzz_reply *, const char *name,
	    const char **value_out);

#endif
