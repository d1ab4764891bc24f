/*
 * clerk_show.c - a job as a JSON document.
 *
 * Runs in: clerk.
 * Owns: nothing.
 * Invariant: valid JSON whatever a handler has replied: a result that is no
 * JSON, or a large one, is not put into it, but said where it is.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clerk/clerk.h"

#define DEPTH		64	/* of a result that is shown inside */
#define INSIDE_MAX	(1u << 20) /* a tree takes ten times as much */

static void
add(struct json_object *to, const char *key, struct json_object *value)
{
	json_object_object_add(to, key, value);
}

static void
add_text(struct json_object *to, const char *key, const char *text)
{
	add(to, key, json_object_new_string(text));
}

/* RFC 3339, with milliseconds. */
void
clerk_show_time(char out[32], int64_t at_ms)
{
	time_t at = (time_t)(at_ms / 1000);
	struct tm broken;
	char text[24];

	gmtime_r(&at, &broken);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &broken);
	snprintf(out, 32, "%.19s.%03uZ", text, (unsigned)(at_ms % 1000));
}

static void
add_time(struct json_object *to, const char *key, int64_t at_ms)
{
	char text[32];

	if (at_ms == 0)
		return;
	clerk_show_time(text, at_ms);
	add_text(to, key, text);
}

static bool
may_be_inside(const struct clerk_job *job)
{
	const char *type = job->type;
	size_t length = strcspn(type, "; ");

	if (job->result_length > INSIDE_MAX)
		return false;
	return (length == 16 && strncmp(type, "application/json", 16) == 0) ||
	    (length > 5 && strncmp(type + length - 5, "+json", 5) == 0);
}

/* NULL: it is none; but of `null` *good_out is true. */
static struct json_object *
parse(const struct clerk_job *job, bool *good_out)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
	struct json_object *object = NULL;

	*good_out = false;
	if (tokener == NULL)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
	    JSON_TOKENER_VALIDATE_UTF8);
	/* its NUL goes along, so that a number knows its end */
	object = json_tokener_parse_ex(tokener, job->result,
	    (int)job->result_length + 1);
	*good_out = json_tokener_get_error(tokener) == json_tokener_success &&
	    json_tokener_get_parse_end(tokener) == job->result_length;
	json_tokener_free(tokener);
	if (*good_out)
		return object;
	json_object_put(object);
	return NULL;
}

static void
add_progress(struct json_object *to, const struct clerk_job *job)
{
	struct json_object *progress;

	if (!job->has_progress)
		return;
	progress = json_object_new_object();
	add(progress, "done", json_object_new_int64(job->done));
	add(progress, "total", json_object_new_int64(job->total));
	add_text(progress, "text", job->text);
	add(to, "progress", progress);
}

static void
add_result(struct json_object *to, const struct clerk *clerk,
    const struct clerk_job *job, const char *prefix)
{
	struct json_object *result = json_object_new_object(), *body = NULL;
	bool good = false;
	char path[1024];

	add(result, "status", json_object_new_int(job->status));
	add_text(result, "type", job->type);
	if (may_be_inside(job))
		body = parse(job, &good);
	if (good)
		add(result, "body", body);
	else {
		snprintf(path, sizeof(path), "%s%s/%s/result", prefix,
		    clerk->config->jobs_path, job->id);
		add(result, "length",
		    json_object_new_int64((int64_t)job->result_length));
		add_text(result, "location", path);
	}
	add(to, "result", result);
}

/* What the last attempt replied: the document itself if it was one. */
static void
add_problem(struct json_object *to, const struct clerk_job *job)
{
	struct json_object *problem = NULL;
	bool good = false;

	if (may_be_inside(job))
		problem = parse(job, &good);
	if (!good || !json_object_is_type(problem, json_type_object)) {
		json_object_put(problem);
		problem = json_object_new_object();
		add_text(problem, "type", "about:blank");
		add_text(problem, "title", wire_status_title(job->status));
		add(problem, "status", json_object_new_int(job->status));
	}
	add(to, "problem", problem);
}

char *
clerk_show(const struct clerk *clerk, const struct clerk_job *job,
    const char *prefix)
{
	struct json_object *root = json_object_new_object();
	char *text;

	if (root == NULL)
		return NULL;
	add_text(root, "id", job->id);
	add_text(root, "state", clerk_state_name(job->state, job->attempts));
	add_text(root, "route", job->route);
	add(root, "attempts", json_object_new_int((int)job->attempts));
	add(root, "max_attempts", json_object_new_int((int)job->max_attempts));
	add_time(root, "created", job->created_at);
	add_time(root, "started", job->started_at);
	add_time(root, "finished", job->finished_at);
	add_time(root, "expires", job->expires_at);
	if (job->state == CLERK_QUEUED && job->attempts > 0)
		add_time(root, "next", job->begin_at);
	add_progress(root, job);
	if (job->result != NULL && job->state == CLERK_SUCCEEDED)
		add_result(root, clerk, job, prefix);
	else if (job->result != NULL && job->status >= 400)
		add_problem(root, job);
	text = strdup(json_object_to_json_string_ext(root,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return text;
}
