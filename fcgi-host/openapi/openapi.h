/*
 * openapi.h - the handlers' declarations as an OpenAPI 3.1 document.
 *
 * From what schema/ has made of a handler's tables, which are thus read once.
 * What they say becomes JSON Schema 2020-12, and that part of it which a schema
 * cannot say is left out, never wrong:
 *
 * BYTE		contentEncoding base64, with a pattern for its letters; the
 *		bounds are those of the text, in steps of 4 characters
 * FILE		contentMediaType and format binary, in a form that is
 *		multipart/form-data; its media types as `encoding`
 * date(-time)	bounds are formatMinimum and its kin, which some validators
 *		know and all others pass over
 * pattern	only if it means the same in ECMAScript (openapi_pattern);
 *		another stands as x-pcre2-pattern
 * {rest...}	is a path parameter with x-rest: true, since OpenAPI has none
 *		that spans segments; a client sends its slashes as %2F, which
 *		the host takes.  Beside a route whose last segment is a {name},
 *		with the same method, it is left out
 * jobs		their routes answer 202; what they declare is that of the
 *		result, and stands as x-job-result
 * cache	how long replies are kept stands in the description, and as
 *		x-cache
 * methods	PURGE and its like have no place in a path item
 *
 * Two routes whose paths differ in the names of parameters only are one path,
 * with the names of the first.  The order is that of paths, then methods: the
 * same handlers and configuration give the same bytes.
 *
 * A route without declarations is there with its method, its path parameters
 * and its summary.  What the host itself answers (400, 413, 415, 422, 5xx)
 * stands beside the declared responses where that route can give it; an error
 * that is declared without a type is a problem document.
 */
#ifndef OPENAPI_OPENAPI_H
#define OPENAPI_OPENAPI_H

#include <stdbool.h>

#include "common/handler_set.h"

struct json_object;

/* The whole document; json_object_put() it.  handler_watched() is told whose
 * tables are read.  NULL: out of memory. */
struct json_object	*openapi_document(const struct handler_set *);

/* The same as text, ends in a newline; free() it. */
char	*openapi_document_text(const struct handler_set *);

/*
 * Does a PCRE2 pattern (with UTF) mean the same to ECMAScript with its flag u,
 * as validators compile it?  Says no where it is not sure.
 */
bool	openapi_pattern(const char *);

#endif
