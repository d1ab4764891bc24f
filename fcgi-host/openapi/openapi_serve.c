/*
 * openapi_serve.c - the document at `openapi_path`.
 *
 * Runs in: zygote (made), front, call and cgi (served).
 * Owns: the document's text, for the process's life.
 * Invariant: what is served describes the generation that serves it.
 */
#include "openapi/openapi_serve.h"

#include <string.h>

#include "openapi/openapi.h"

static struct openapi_content document = {
	.type = "application/json",
	.cached = "no-cache",	/* it may be kept, and is asked for again */
};

static int
serve_document(struct fh_request *rq)
{
	if (document.bytes == NULL)
		return fh_problem(rq, 503, "There was no memory for it.");
	return openapi_reply(rq, &document);
}

const struct fh_route *
openapi_routes(const struct config *config, struct err *err)
{
	static struct fh_route routes[2];

	(void)err;
	routes[0] = (struct fh_route){ .methods = "GET",
	    .path = config->openapi_path, .serve = serve_document,
	    .summary = "the OpenAPI document", .hidden = true,
	    .auth = "none" };
	return config->openapi_path != NULL ? routes : NULL;
}

void
openapi_prepare(const struct handler_set *set)
{
	char *text;

	if (set->config->openapi_path == NULL)
		return;
	openapi_content_clear(&document);
	text = openapi_document_text(set);
	if (text != NULL)
		openapi_content_set(&document, text, strlen(text));
}
