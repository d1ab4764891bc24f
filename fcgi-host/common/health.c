/*
 * health.c - a question about health, and the part of the document it is about.
 *
 * Runs in: front and the tools.
 * Owns: nothing.
 * Invariant: what is asked for and not understood, or not there, is never
 * ready.
 */
#include "common/health.h"

#include <json-c/json.h>
#include <string.h>

#include "wire/wire_text.h"

static const struct {
	const char	*name, *member;		/* in question, document */
} kinds[HEALTH_KINDS] = {
	[HEALTH_MODEL] = { "model", "models" },
	[HEALTH_POOL] = { "pool", "pools" },
	[HEALTH_ROUTE] = { "route", "routes" },
};

const char *
health_kind_name(enum health_kind kind)
{
	return kinds[kind].name;
}

/* ---------------------------------------------------------------- questions */

bool
health_ask(struct health_question *question, enum health_kind kind,
    const char *name)
{
	if (question->count == HEALTH_PARTS_MAX)
		return false;
	question->parts[question->count++] = (struct health_part){ kind,
	    name };
	return true;
}

static bool
is(struct wire_span span, const char *text)
{
	return span.length == strlen(text) &&
	    memcmp(span.at, text, span.length) == 0;
}

/* What follows the value in the query has been read. */
static const char *
add_part(struct health_question *question, enum health_kind kind,
    char *value, size_t length)
{
	ptrdiff_t decoded = wire_percent_decode(value, value, length, true);

	if (decoded <= 0 || memchr(value, '\0', (size_t)decoded) != NULL)
		return "A name in the query is empty or not well encoded.";
	value[decoded] = '\0';
	return health_ask(question, kind, value) ? NULL :
	    "The query names too many parts.";
}

static const char *
take_field(struct health_question *question, struct wire_span name,
    char *value, size_t length)
{
	if (is(name, "verbose")) {
		question->verbose = true;
		return NULL;
	}
	for (int kind = 0; kind < HEALTH_KINDS; kind++)
		if (is(name, kinds[kind].name))
			return add_part(question, (enum health_kind)kind,
			    value, length);
	return "The query may have verbose, model=, pool= and route=, and "
	    "nothing else.";
}

const char *
health_read_query(struct health_question *question, char *query,
    size_t length)
{
	const char *cursor = query, *end = query + length, *wrong = NULL;
	struct wire_span name, value;

	while (wrong == NULL &&
	    wire_form_next(&cursor, end, &name, &value) == 1)
		wrong = take_field(question, name,
		    query + (value.at - query), value.length);
	return wrong;
}

/* ------------------------------------------------------------------ answers */

static bool
is_ready(struct json_object *part)
{
	return json_object_get_boolean(json_object_object_get(part, "ready"));
}

static void
add_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

/* The same reason, or its word alone: once, then. */
static void
add_reason(struct json_object *list, struct json_object *reason, bool hidden)
{
	struct json_object *word = json_object_object_get(reason, "reason");
	struct json_object *copy;

	if (!hidden) {
		json_object_array_add(list, json_object_get(reason));
		return;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (json_object_equal(json_object_object_get(
		    json_object_array_get_idx(list, i), "reason"), word))
			return;
	copy = json_object_new_object();
	json_object_object_add(copy, "reason", json_object_get(word));
	json_object_array_add(list, copy);
}

static void
add_reasons(struct json_object *list, struct json_object *part, bool hidden)
{
	struct json_object *reasons = json_object_object_get(part, "reasons");
	size_t count = reasons == NULL ? 0 :
	    json_object_array_length(reasons);

	for (size_t i = 0; i < count; i++)
		add_reason(list, json_object_array_get_idx(reasons, i),
		    hidden);
}

/* The client has said the name itself. */
static void
add_unknown(struct json_object *list, const struct health_part *part)
{
	struct json_object *reason = json_object_new_object();

	add_text(reason, "reason", "unknown");
	add_text(reason, "name", part->name);
	json_object_array_add(list, reason);
}

/* 200, 503 or 404. */
static int
add_part_reasons(struct json_object *list, struct json_object *document,
    const struct health_part *part, bool hidden)
{
	struct json_object *members = json_object_object_get(document,
	    kinds[part->kind].member);
	struct json_object *member = json_object_object_get(members,
	    part->name);

	if (member == NULL) {
		add_unknown(list, part);
		return 404;
	}
	add_reasons(list, member, hidden);
	return is_ready(member) ? 200 : 503;
}

/* One that is not there is a mistake of who asks, and outweighs the others. */
static int
worse(int a, int b)
{
	return a == 404 || b == 404 ? 404 : a == 503 || b == 503 ? 503 : 200;
}

static void
add_rest(struct json_object *answer, struct json_object *document)
{
	if (!json_object_is_type(document, json_type_object))
		return;
	json_object_object_foreach(document, key, value)
		if (strcmp(key, "ready") != 0 && strcmp(key, "reasons") != 0)
			json_object_object_add(answer, key,
			    json_object_get(value));
}

int
health_answer(struct json_object *document,
    const struct health_question *question, struct json_object **answer_out)
{
	struct json_object *answer = json_object_new_object();
	struct json_object *list = json_object_new_array();
	int status = is_ready(document) ? 200 : 503;

	*answer_out = answer;
	if (answer == NULL || list == NULL) {
		json_object_put(answer);
		json_object_put(list);
		*answer_out = NULL;
		return 503;
	}
	add_reasons(list, document, question->hidden);
	for (size_t i = 0; i < question->count; i++)
		status = worse(status, add_part_reasons(list, document,
		    &question->parts[i], question->hidden));
	json_object_object_add(answer, "ready",
	    json_object_new_boolean(status == 200));
	if (json_object_array_length(list) > 0)
		json_object_object_add(answer, "reasons", list);
	else
		json_object_put(list);
	if (question->verbose && !question->hidden)
		add_rest(answer, document);
	return status;
}
