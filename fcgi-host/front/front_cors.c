/*
 * front_cors.c - pages of other origins.
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: each reply of this process says whether its page may read it, the
 * host's own ones too.
 */
#include "common/cors.h"
#include "front/front_cors.h"

static struct cors_question
question_of(const struct front_request *request)
{
	return (struct cors_question){ .set = request->front->set,
	    .match = &request->match, .path = request->head.path,
	    .params = request->params,
	    .params_length = request->params_have };
}

size_t
front_cors_lines(const struct front_request *request, char *out, size_t size)
{
	const struct cors_question question = question_of(request);

	return cors_lines(&question, out, size);
}

void
front_cors_preflight(const struct front_request *request, char *out,
    size_t size)
{
	const struct cors_question question = question_of(request);

	cors_preflight(&question, out, size);
}
