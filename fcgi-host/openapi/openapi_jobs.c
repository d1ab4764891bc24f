/*
 * openapi_jobs.c - jobs: what their routes answer, and where they are asked
 * for.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: as clerk/ answers; it is in the document only if some route in it
 * is a job.
 */
#include <stdio.h>

#include "openapi/openapi_private.h"

static const char job[] =
"{\"type\":\"object\",\"description\":\"Long work, and how far it is.\","
"\"properties\":{"
"\"id\":{\"type\":\"string\"},"
"\"state\":{\"type\":\"string\",\"enum\":[\"queued\",\"running\",\"retrying\","
"\"succeeded\",\"failed\",\"cancelled\"]},"
"\"route\":{\"type\":\"string\"},"
"\"attempts\":{\"type\":\"integer\"},"
"\"max_attempts\":{\"type\":\"integer\"},"
"\"created\":{\"type\":\"string\",\"format\":\"date-time\"},"
"\"started\":{\"type\":\"string\",\"format\":\"date-time\"},"
"\"finished\":{\"type\":\"string\",\"format\":\"date-time\"},"
"\"expires\":{\"type\":\"string\",\"format\":\"date-time\"},"
"\"next\":{\"type\":\"string\",\"format\":\"date-time\","
"\"description\":\"When the next attempt begins.\"},"
"\"progress\":{\"type\":\"object\",\"properties\":{"
"\"done\":{\"type\":\"integer\"},"
"\"total\":{\"type\":\"integer\",\"description\":\"0: nobody knows.\"},"
"\"text\":{\"type\":\"string\"}}},"
"\"result\":{\"type\":\"object\",\"description\":\"What the route answered: "
"its body if that is JSON, else where it is.\",\"properties\":{"
"\"status\":{\"type\":\"integer\"},\"type\":{\"type\":\"string\"},\"body\":{},"
"\"length\":{\"type\":\"integer\"},\"location\":{\"type\":\"string\"}}},"
"\"problem\":{\"$ref\":\"#/components/schemas/Problem\"}},"
"\"required\":[\"id\",\"state\",\"route\",\"attempts\",\"max_attempts\"]}";

static const char id_parameter[] =
"[{\"name\":\"id\",\"in\":\"path\",\"required\":true,"
"\"schema\":{\"type\":\"string\"}}]";

static const char wait_parameter[] =
"[{\"name\":\"wait\",\"in\":\"query\",\"description\":\"Answers when the job "
"has ended, or after this time.\",\"schema\":{\"type\":\"string\","
"\"pattern\":\"^[0-9]+(?:ms|s|m|h|d)?$\",\"examples\":[\"10s\"]}}]";

static const char key_parameter[] =
"{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"description\":\"However "
"often the same request is sent with one key, it makes one job.\","
"\"schema\":{\"type\":\"string\"}}";

/* Whose a job is: front_clerk.c and clerk_ask.c. */
static const char open_words[] = "A job's id is its key: whoever knows it may "
"see and cancel the job, and it cannot be guessed.";
static const char owned_words[] = "A job is shown to whom it belongs, by the "
"credentials that it was sent with; to others it is not there.  Of one that "
"was sent without, its id is the key: it cannot be guessed.";

static const char location[] =
"{\"Location\":{\"description\":\"Where the job is.\","
"\"schema\":{\"type\":\"string\",\"format\":\"uri-reference\"}}}";

struct json_object *
openapi_job_key(void)
{
	return json_tokener_parse(key_parameter);
}

/* ---------------------------------------------------------------- answers */

/* `content` NULL: without a body. */
static void
answer(struct json_object *responses, const char *status, const char *about,
    struct json_object *content)
{
	struct json_object *response = json_object_new_object();

	openapi_add(response, "description", json_object_new_string(about));
	if (content != NULL)
		openapi_add(response, "content", content);
	openapi_add(responses, status, response);
}

static struct json_object *
content_of(const char *type, struct json_object *schema)
{
	struct json_object *content = json_object_new_object();
	struct json_object *media = json_object_new_object();

	if (schema != NULL)
		openapi_add(media, "schema", schema);
	openapi_add(content, type, media);
	return content;
}

static struct json_object *
a_job(void)
{
	return content_of("application/json",
	    openapi_reference("schemas", "Job"));
}

void
openapi_job_answers(struct json_object *responses)
{
	struct json_object *accepted;

	answer(responses, "202", "It has become a job.", a_job());
	json_object_object_get_ex(responses, "202", &accepted);
	openapi_add(accepted, "headers", json_tokener_parse(location));
	answer(responses, "200", "A job of that Idempotency-Key has ended.",
	    a_job());
	answer(responses, "422", "Inputs are not as declared, or the "
	    "Idempotency-Key was used for another request.",
	    openapi_problem_content(0));
}

/* ------------------------------------------------------------------ paths */

static struct json_object *
operation(struct json_object *item, const struct handler_set *set,
    const char *method, const char *id, const char *summary)
{
	struct json_object *operation = json_object_new_object();
	struct json_object *responses = json_object_new_object();

	openapi_add(operation, "operationId", json_object_new_string(id));
	openapi_add(operation, "tags", json_tokener_parse("[\"jobs\"]"));
	openapi_add(operation, "summary", json_object_new_string(summary));
	openapi_add(operation, "description", json_object_new_string(
	    set->config->auth_count == 0 ? open_words : owned_words));
	openapi_access_jobs(operation, set);
	openapi_add(operation, "responses", responses);
	openapi_add(item, method, operation);
	return responses;
}

static void
end(struct json_object *responses, const struct handler_set *set)
{
	if (set->config->auth_count > 0) {
		openapi_add(responses, "401", openapi_reference("responses",
		    "Unauthorized"));
		openapi_add(responses, "429", openapi_reference("responses",
		    "TooManyRequests"));
	}
	openapi_add(responses, "404", openapi_reference("responses",
	    "NoSuchJob"));
	openapi_add(responses, "503", openapi_reference("responses",
	    "ServiceUnavailable"));
}

static struct json_object *
item(struct json_object *paths, const struct handler_set *set,
    const char *rest)
{
	struct json_object *item = json_object_new_object();
	char path[1024];

	snprintf(path, sizeof(path), "%.900s/{id}%s", set->config->jobs_path,
	    rest);
	openapi_add(item, "parameters", json_tokener_parse(id_parameter));
	openapi_add(paths, path, item);
	return item;
}

static void
add_job(struct json_object *paths, const struct handler_set *set)
{
	struct json_object *at = item(paths, set, ""), *get, *responses;

	responses = operation(at, set, "get", "job_get",
	    "how far a job is");
	json_object_object_get_ex(at, "get", &get);
	openapi_add(get, "parameters", json_tokener_parse(wait_parameter));
	answer(responses, "200", "The job.", a_job());
	openapi_add(responses, "400", openapi_reference("responses",
	    "BadRequest"));
	end(responses, set);
	responses = operation(at, set, "delete", "job_cancel",
	    "cancels a job");
	answer(responses, "202", "It is told to end.", a_job());
	answer(responses, "204", "It is cancelled.", NULL);
	answer(responses, "409", "It has ended.", openapi_problem_content(0));
	end(responses, set);
}

void
openapi_jobs_paths(struct json_object *paths, const struct handler_set *set)
{
	struct json_object *responses;

	add_job(paths, set);
	responses = operation(item(paths, set, "/result"), set, "get",
	    "job_result", "what the route answered");
	answer(responses, "2XX", "Its status, type and body.",
	    content_of("*/*", NULL));
	answer(responses, "409", "It has not ended.",
	    openapi_problem_content(0));
	end(responses, set);
	responses = operation(item(paths, set, "/events"), set, "get",
	    "job_events", "follows a job, as server-sent events");
	answer(responses, "200", "A stream that ends with the job.",
	    content_of("text/event-stream", NULL));
	end(responses, set);
}

void
openapi_jobs_components(struct json_object *components)
{
	struct json_object *schemas, *responses;

	json_object_object_get_ex(components, "schemas", &schemas);
	openapi_add(schemas, "Job", json_tokener_parse(job));
	json_object_object_get_ex(components, "responses", &responses);
	answer(responses, "NoSuchJob", "There is no such job.",
	    openapi_problem_content(0));
}
