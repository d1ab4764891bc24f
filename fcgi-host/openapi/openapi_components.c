/*
 * openapi_components.c - the host's own answers, which every route shares.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: the schemas are those of what is sent: problem documents of RFC
 * 9457, and for a 422 with `errors`.
 */
#include "openapi/openapi_private.h"

const struct openapi_answer openapi_answers[OPENAPI_ANSWERS] = {
	{ 400, "BadRequest", "The request is malformed." },
	{ 401, "Unauthorized", "Who sends it is not known." },
	{ 403, "Forbidden", "It has not all the scopes that are wanted." },
	{ 406, "NotAcceptable", "Accept takes none of the types there are." },
	{ 413, "ContentTooLarge", "The body is larger than it may be." },
	{ 415, "UnsupportedMediaType", "The body has another Content-Type." },
	{ 422, "UnprocessableContent", "Inputs are not as declared: `errors` "
	    "has all of them." },
	{ 429, "TooManyRequests", "Too many wrong credentials came from "
	    "there: come back later." },
	{ 500, "InternalServerError", "The handler failed." },
	{ 503, "ServiceUnavailable", "Overloaded, or out of service for now: "
	    "come back later." },
	{ 504, "GatewayTimeout", "The handler took longer than it may." },
};

static const char problem[] =
"{\"type\":\"object\","
"\"description\":\"A problem document (RFC 9457).\","
"\"properties\":{"
"\"type\":{\"type\":\"string\",\"format\":\"uri-reference\"},"
"\"title\":{\"type\":\"string\"},"
"\"status\":{\"type\":\"integer\",\"minimum\":100,\"maximum\":599},"
"\"detail\":{\"type\":\"string\"},"
"\"instance\":{\"type\":\"string\","
"\"description\":\"The request's id, as in the log.\"}},"
"\"required\":[\"type\",\"title\",\"status\"]}";

static const char validation_problem[] =
"{\"allOf\":[{\"$ref\":\"#/components/schemas/Problem\"}],"
"\"type\":\"object\","
"\"description\":\"A problem document with every violation.\","
"\"properties\":{\"errors\":{\"type\":\"array\",\"items\":{"
"\"type\":\"object\",\"properties\":{"
"\"loc\":{\"type\":\"array\","
"\"description\":\"Where: query, path, header, cookie, form or body, then "
"names and indices.\","
"\"items\":{\"type\":[\"string\",\"integer\"]}},"
"\"msg\":{\"type\":\"string\"},"
"\"type\":{\"type\":\"string\","
"\"description\":\"A word for programs, such as missing.\"},"
"\"input\":{\"description\":\"What was sent; left out if it is secret.\"},"
"\"ctx\":{\"type\":\"object\",\"description\":\"The bound or the like.\"}},"
"\"required\":[\"loc\",\"msg\",\"type\"]}}},"
"\"required\":[\"errors\"]}";

static const char retry_after[] =
"{\"Retry-After\":{\"description\":\"Seconds to wait.\","
"\"schema\":{\"type\":\"integer\"}}}";

struct json_object *
openapi_problem_content(int status)
{
	struct json_object *content = json_object_new_object();
	struct json_object *media = json_object_new_object();

	openapi_add(media, "schema", openapi_reference("schemas",
	    status == 422 ? "ValidationProblem" : "Problem"));
	openapi_add(content, OPENAPI_PROBLEM_TYPE, media);
	return content;
}

static struct json_object *
response_of(const struct openapi_answer *answer)
{
	struct json_object *response = json_object_new_object();

	openapi_add(response, "description",
	    json_object_new_string(answer->about));
	if (answer->status == 503 || answer->status == 429)
		openapi_add(response, "headers",
		    json_tokener_parse(retry_after));
	openapi_add(response, "content",
	    openapi_problem_content(answer->status));
	return response;
}

bool
openapi_is_refusal(int status)
{
	return status == 401 || status == 403 || status == 429;
}

struct json_object *
openapi_components(const struct config *config)
{
	struct json_object *components = json_object_new_object();
	struct json_object *schemas = json_object_new_object();
	struct json_object *responses = json_object_new_object();

	openapi_add(schemas, "Problem", json_tokener_parse(problem));
	openapi_add(schemas, "ValidationProblem",
	    json_tokener_parse(validation_problem));
	openapi_add(components, "schemas", schemas);
	for (size_t i = 0; i < OPENAPI_ANSWERS; i++) {
		if (config->auth_count == 0 &&
		    openapi_is_refusal(openapi_answers[i].status))
			continue;
		openapi_add(responses, openapi_answers[i].name,
		    response_of(&openapi_answers[i]));
	}
	openapi_add(components, "responses", responses);
	openapi_access_components(components, config);
	return components;
}
