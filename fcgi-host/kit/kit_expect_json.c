/*
 * kit_expect_json.c - what a test expects of values in a JSON body.
 *
 * Runs in: tests of handlers, the test's thread.
 * Owns: nothing.
 * Invariant: a value of another type is a failure, never converted.
 */
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kit/kit.h"

/* Where an expectation stands, and what it is about. */
struct place {
	const struct fh_test_reply	*reply;
	const char			*at;
	const char			*file;
	int				 line;
};

static void __attribute__((format(printf, 3, 4)))
fail(const struct place *place, struct json_object *found,
    const char *format, ...)
{
	char sentence[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(sentence, sizeof(sentence), format, ap);
	va_end(ap);
	kit_expect_fail(place->reply, place->file, place->line,
	    "expected %s at \"%s\", and it is %.300s", sentence, place->at,
	    json_object_to_json_string_ext(found, JSON_C_TO_STRING_PLAIN));
}

/* True: there is such a place in the body.  Its value may be null. */
static bool
find(const struct place *place, struct json_object **value_out)
{
	struct json_object *json = kit_reply_json(place->reply);

	*value_out = json;
	if (json == NULL && strncmp(place->reply->body, "null", 4) != 0) {
		kit_expect_fail(place->reply, place->file, place->line,
		    "expected a JSON body");
		return false;
	}
	if (place->at[0] == '\0' ||
	    json_pointer_get(json, place->at, value_out) == 0)
		return true;
	kit_expect_fail(place->reply, place->file, place->line,
	    "expected a value at \"%s\", where there is none", place->at);
	return false;
}

void
fh_test_expect_string_at(const struct fh_test_reply *reply, const char *at,
    const char *value, const char *file, int line)
{
	const struct place place = { reply, at, file, line };
	struct json_object *found;

	if (!find(&place, &found))
		return;
	if (!json_object_is_type(found, json_type_string) ||
	    strcmp(json_object_get_string(found), value) != 0)
		fail(&place, found, "\"%s\"", value);
}

void
fh_test_expect_integer_at(const struct fh_test_reply *reply, const char *at,
    int64_t value, const char *file, int line)
{
	const struct place place = { reply, at, file, line };
	struct json_object *found;

	if (!find(&place, &found))
		return;
	if (!json_object_is_type(found, json_type_int) ||
	    json_object_get_int64(found) != value)
		fail(&place, found, "%lld", (long long)value);
}

void
fh_test_expect_number_at(const struct fh_test_reply *reply, const char *at,
    double value, double margin, const char *file, int line)
{
	const struct place place = { reply, at, file, line };
	struct json_object *found;

	if (!find(&place, &found))
		return;
	if ((!json_object_is_type(found, json_type_int) &&
	    !json_object_is_type(found, json_type_double)) ||
	    fabs(json_object_get_double(found) - value) > margin)
		fail(&place, found, "%.17g (within %g)", value, margin);
}

void
fh_test_expect_boolean_at(const struct fh_test_reply *reply, const char *at,
    bool value, const char *file, int line)
{
	const struct place place = { reply, at, file, line };
	struct json_object *found;

	if (!find(&place, &found))
		return;
	if (!json_object_is_type(found, json_type_boolean) ||
	    json_object_get_boolean(found) != value)
		fail(&place, found, "%s", value ? "true" : "false");
}

void
fh_test_expect_null_at(const struct fh_test_reply *reply, const char *at,
    const char *file, int line)
{
	const struct place place = { reply, at, file, line };
	struct json_object *found;

	if (find(&place, &found) && found != NULL)
		fail(&place, found, "null");
}

void
fh_test_expect_count_at(const struct fh_test_reply *reply, const char *at,
    size_t count, const char *file, int line)
{
	const struct place place = { reply, at, file, line };
	struct json_object *found;
	size_t there = SIZE_MAX;

	if (!find(&place, &found))
		return;
	if (json_object_is_type(found, json_type_array))
		there = json_object_array_length(found);
	else if (json_object_is_type(found, json_type_object))
		there = (size_t)json_object_object_length(found);
	if (there != count)
		fail(&place, found, "%zu of them", count);
}

/* ------------------------------------------------------------ problems */

static const char *
member_text(struct json_object *object, const char *name)
{
	struct json_object *member = NULL;

	json_object_object_get_ex(object, name, &member);
	return member == NULL ? "" : json_object_get_string(member);
}

void
fh_test_expect_problem_at(const struct fh_test_reply *reply, int status,
    const char *text, const char *file, int line)
{
	struct json_object *json;

	if (reply->status != status ||
	    strcmp(reply->type, "application/problem+json") != 0) {
		kit_expect_fail(reply, file, line, "expected a problem "
		    "document of %d", status);
		return;
	}
	json = kit_reply_json(reply);
	if (text != NULL && strstr(member_text(json, "detail"), text) == NULL)
		kit_expect_fail(reply, file, line, "expected \"%s\" in the "
		    "problem's detail", text);
}

/* ["body", "users", 0, "age"] is "body.users.0.age". */
static bool
is_place(struct json_object *loc, const char *input)
{
	size_t count = json_object_array_length(loc);

	for (size_t i = 0; i < count; i++) {
		const char *step = json_object_get_string(
		    json_object_array_get_idx(loc, i));
		size_t length = strlen(step);

		if (i > 0 && *input++ != '.')
			return false;
		if (strncmp(input, step, length) != 0)
			return false;
		input += length;
	}
	return *input == '\0';
}

static bool
has_error(struct json_object *errors, const char *input, const char *type)
{
	for (size_t i = 0; i < json_object_array_length(errors); i++) {
		struct json_object *error = json_object_array_get_idx(errors,
		    i), *loc = NULL;

		json_object_object_get_ex(error, "loc", &loc);
		if (json_object_is_type(loc, json_type_array) &&
		    is_place(loc, input) && (type == NULL ||
		    strcmp(member_text(error, "type"), type) == 0))
			return true;
	}
	return false;
}

void
fh_test_expect_invalid_at(const struct fh_test_reply *reply,
    const char *input, const char *type, const char *file, int line)
{
	struct json_object *errors = NULL;

	if (reply->status == 422)
		json_object_object_get_ex(kit_reply_json(reply), "errors",
		    &errors);
	if (!json_object_is_type(errors, json_type_array) ||
	    !has_error(errors, input, type))
		kit_expect_fail(reply, file, line, "expected a 422 with an "
		    "error%s%s in %s", type != NULL ? " of type " : "",
		    type != NULL ? type : "", input);
}
