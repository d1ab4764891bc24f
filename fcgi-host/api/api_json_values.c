/*
 * api_json_values.c - JSON into the reply: numbers, words, arrays and trees.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: no number is written but a finite one.
 */
#include "api/api_private.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "wire/wire_number.h"

/* A number and the comma before it. */
#define NUMBER_ROOM	(WIRE_NUMBER_MAX + 1)

int
fh_json_boolean(struct fh_request *rq, bool value)
{
	return api_json_put(rq, "fh_json_boolean", value ? "true" : "false",
	    value ? 4 : 5);
}

int
fh_json_null(struct fh_request *rq)
{
	return api_json_put(rq, "fh_json_null", "null", 4);
}

int
fh_json_integer(struct fh_request *rq, int64_t value)
{
	char text[WIRE_NUMBER_MAX];

	return api_json_put(rq, "fh_json_integer", text,
	    (size_t)(wire_put_integer(text, value) - text));
}

int
fh_json_unsigned(struct fh_request *rq, uint64_t value)
{
	char text[WIRE_NUMBER_MAX];

	return api_json_put(rq, "fh_json_unsigned", text,
	    (size_t)(wire_put_unsigned(text, value) - text));
}

static int
refuse_number(struct fh_request *rq, const char *call, double value)
{
	return api_json_misuse(rq, call, isnan(value) ?
	    "JSON has no NaN" : "JSON has no infinity");
}

int
fh_json_number(struct fh_request *rq, double value)
{
	char text[WIRE_NUMBER_MAX];

	if (!isfinite(value))
		return refuse_number(rq, "fh_json_number", value);
	return api_json_put(rq, "fh_json_number", text,
	    (size_t)(wire_put_double(text, value) - text));
}

/* ------------------------------------------------- arrays of numbers */

/* One array while it is written. */
struct numbers {
	const double	*doubles;	/* one of the two */
	const int64_t	*integers;
	size_t		 count;
	size_t		 done;
};

/* NULL: it is no number. */
static char *
put_number(const struct numbers *numbers, char *at)
{
	size_t i = numbers->done;

	if (i > 0)
		*at++ = ',';
	if (numbers->doubles == NULL)
		return wire_put_integer(at, numbers->integers[i]);
	if (!isfinite(numbers->doubles[i]))
		return NULL;
	return wire_put_double(at, numbers->doubles[i]);
}

/* As many as surely fit in `room` bytes; NULL as above. */
static char *
put_some(struct numbers *numbers, char *at, size_t room)
{
	const char *last = at + room - NUMBER_ROOM;

	while (at != NULL && at <= last && numbers->done < numbers->count) {
		at = put_number(numbers, at);
		numbers->done += at != NULL;
	}
	return at;
}

static int
push_numbers(struct fh_request *rq, const char *call, struct numbers *numbers)
{
	char aside[NUMBER_ROOM], *end;

	while (numbers->done < numbers->count) {
		size_t room = api_reply_room(rq);
		bool in_place = room >= NUMBER_ROOM;
		char *at = in_place ? api_reply_at(rq) : aside;

		end = put_some(numbers, at, in_place ? room : sizeof(aside));
		if (end == NULL)
			return refuse_number(rq, call,
			    numbers->doubles[numbers->done]);
		if (in_place)
			api_reply_took(rq, (size_t)(end - at));
		else if (api_reply_push(rq, at, (size_t)(end - at)) != 0)
			return -1;
	}
	return 0;
}

static int
put_array(struct fh_request *rq, const char *call, struct numbers *numbers)
{
	if (api_json_put(rq, call, "[", 1) != 0 ||
	    push_numbers(rq, call, numbers) != 0)
		return -1;
	return api_reply_push(rq, "]", 1);
}

int
fh_json_numbers(struct fh_request *rq, const double *values, size_t count)
{
	struct numbers numbers = { .doubles = values, .count = count };

	return put_array(rq, "fh_json_numbers", &numbers);
}

int
fh_json_integers(struct fh_request *rq, const int64_t *values, size_t count)
{
	struct numbers numbers = { .integers = values, .count = count };

	return put_array(rq, "fh_json_integers", &numbers);
}

/* ------------------------------------------------- trees */

static int
put_members(struct fh_request *rq, struct json_object *object)
{
	struct json_object_iterator at = json_object_iter_begin(object);
	struct json_object_iterator end = json_object_iter_end(object);

	if (fh_json_object(rq) != 0)
		return -1;
	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
		if (fh_json_name(rq, json_object_iter_peek_name(&at)) != 0 ||
		    fh_json_tree(rq, json_object_iter_peek_value(&at)) != 0)
			return -1;
	}
	return fh_json_close(rq);
}

static int
put_items(struct fh_request *rq, struct json_object *array)
{
	if (fh_json_array(rq) != 0)
		return -1;
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		if (fh_json_tree(rq, json_object_array_get_idx(array, i)) != 0)
			return -1;
	}
	return fh_json_close(rq);
}

/* json-c tells one of its two kinds of integer as the largest of the other. */
static int
put_integer(struct fh_request *rq, const struct json_object *tree)
{
	int64_t value = json_object_get_int64(tree);

	if (value == INT64_MAX)
		return fh_json_unsigned(rq, json_object_get_uint64(tree));
	return fh_json_integer(rq, value);
}

int
fh_json_tree(struct fh_request *rq, struct json_object *tree)
{
	switch (json_object_get_type(tree)) {
	case json_type_object:
		return put_members(rq, tree);
	case json_type_array:
		return put_items(rq, tree);
	case json_type_boolean:
		return fh_json_boolean(rq, json_object_get_boolean(tree));
	case json_type_int:
		return put_integer(rq, tree);
	case json_type_double:
		return fh_json_number(rq, json_object_get_double(tree));
	case json_type_string:
		return fh_json_text(rq, json_object_get_string(tree),
		    (size_t)json_object_get_string_len(tree));
	case json_type_null:
		break;
	}
	return fh_json_null(rq);
}
