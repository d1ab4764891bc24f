/*
 * openapi_private.h - what the files of openapi/ share.
 *
 * Every json_object returned is the caller's.  Without memory json-c gives
 * NULL, which stands as null in the document: the host has then more to worry
 * about than this page.
 */
#ifndef OPENAPI_OPENAPI_PRIVATE_H
#define OPENAPI_OPENAPI_PRIVATE_H

#include <json-c/json.h>

#include "openapi/openapi.h"
#include "schema/schema.h"

#define OPENAPI_METHOD_MAX	8	/* with its NUL: "options" */

/* Where a value stands in the document. */
struct openapi_scope {
	bool	strict;		/* nothing undeclared */
	bool	response;	/* the server writes it */
};

/* openapi_value.c */
void	openapi_add(struct json_object *, const char *key,
	    struct json_object *value);
/* Bad UTF-8 becomes U+FFFD. */
struct json_object	*openapi_string(const char *);
/* An object with this one member: a reference. */
struct json_object	*openapi_reference(const char *section,
			    const char *name);
/* A bound, a default or an example, written as in a query.  NULL: it is none
 * of that type. */
struct json_object	*openapi_value(enum fh_type, const char *text);

/* openapi_schema.c: of one value, with all inside of it. */
struct json_object	*openapi_schema(const struct openapi_scope *,
			    const struct schema_node *);
/* An object step by step: each of its members, then the whole, which takes
 * over what was collected. */
void	openapi_add_member(struct json_object *members,
	    struct json_object *required, const struct openapi_scope *,
	    const struct schema_node *);
struct json_object	*openapi_members(const struct openapi_scope *,
			    struct json_object *members,
			    struct json_object *required);

/* openapi_body.c: NULL for a route that takes no body. */
struct json_object	*openapi_body(const struct route *);

/* openapi_parameters.c: those declared, and those of the path. */
struct json_object	*openapi_parameters(const struct route *,
			    const struct route *names);

/* openapi_responses.c */
/* job_out: of a job, what its declared responses are, which its result has;
 * else NULL. */
struct json_object	*openapi_responses(const struct route *,
			    struct json_object **job_out);

/* openapi_components.c: what the host itself answers, and why. */
#define OPENAPI_PROBLEM_TYPE	"application/problem+json"
#define OPENAPI_ANSWERS		11
struct openapi_answer {
	int		 status;
	const char	*name;		/* in components.responses */
	const char	*about;
};
extern const struct openapi_answer	openapi_answers[OPENAPI_ANSWERS];
struct json_object	*openapi_components(const struct config *);
struct json_object	*openapi_problem_content(int status);

/* Is it one that only routes with auth can get? */
bool	openapi_is_refusal(int status);

/* openapi_access.c */
void	openapi_access_components(struct json_object *components,
	    const struct config *);
void	openapi_access_operation(struct json_object *operation,
	    const struct route *, const struct config *);
/* Where jobs are asked for: any section's credentials, or perhaps none. */
void	openapi_access_jobs(struct json_object *operation,
	    const struct handler_set *);

/* openapi_jobs.c: the header that a job's route takes, what it answers, where
 * jobs are asked for, and what these share. */
struct json_object	*openapi_job_key(void);
void	openapi_job_answers(struct json_object *responses);
void	openapi_jobs_paths(struct json_object *paths,
	    const struct handler_set *);
void	openapi_jobs_components(struct json_object *components);

/* openapi_cache.c: of a route whose replies are kept, how long, and the headers
 * that say so. */
char	*openapi_cache_words(const struct route *);
void	openapi_cache_operation(struct json_object *operation,
	    const struct route *);

/* openapi_path.c */
/* "get"; false: OpenAPI has no such method. */
bool	openapi_method(const struct route *, char out[OPENAPI_METHOD_MAX]);
/* Its path as in the document, in `names`' words; free() it. */
char	*openapi_path(const struct route *names);
bool	openapi_is_rest(const struct route *);
/* Routes by path and method; those of one path stand together, the rest of it
 * behind.  Hidden ones are left out.  free() it. */
const struct route	**openapi_sorted(const struct handler_set *,
			    size_t *count_out);
bool	openapi_same_path(const struct route *, const struct route *);

/* openapi_operation.c: `names` is the first route of the same path; `ids` has
 * the operationIds so far as its keys. */
struct json_object	*openapi_operation(const struct route *,
			    const struct route *names,
			    struct json_object *ids);

#endif
