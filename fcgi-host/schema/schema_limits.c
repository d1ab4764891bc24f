/*
 * schema_limits.c - bounds, lengths, patterns and choices of a declaration.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing; what it makes belongs to the node.
 * Invariant: a limit that could never be kept, or that its type does not have,
 * is refused and not passed over.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/schema_private.h"
#include "wire/wire_text.h"

#define CHOICES_SHOWN	1000	/* bytes of them in an error */

static bool
has_order(enum fh_type type)
{
	return type == FH_TYPE_INTEGER || type == FH_TYPE_NUMBER ||
	    type == FH_TYPE_DATE || type == FH_TYPE_DATE_TIME;
}

static bool
has_length(enum fh_type type)
{
	return type == FH_TYPE_STRING || type == FH_TYPE_BYTE ||
	    type == FH_TYPE_ARRAY || type == FH_TYPE_FILE;
}

/* ------------------------------------------------- bounds */

static int
make_bound(const struct schema_maker *maker, struct schema_node *node,
    enum schema_bound which, const char *word, const char *text)
{
	struct schema_node plain = { .type = node->type };
	struct schema_reading reading;
	enum schema_wrong wrong;

	if (text == NULL)
		return 0;
	if (!has_order(node->type))
		return schema_refuse(maker, "has %s = \"%.80s\", but its type "
		    "has no order: take it away", word, text);
	wrong = schema_value_read(&plain, text, strlen(text), NULL, &reading);
	if (wrong != SCHEMA_OK)
		return schema_refuse(maker, "has %s = \"%.80s\", which is no "
		    "value of its type", word, text);
	node->bounds[which] = text;
	node->limits[which] = reading.value;
	return 0;
}

/* The two sides of a pair; `strictly`: one of them is not allowed itself. */
static int
check_pair(const struct schema_maker *maker, const struct schema_node *node,
    enum schema_bound low, enum schema_bound high, bool strictly)
{
	int order;

	if (node->bounds[low] == NULL || node->bounds[high] == NULL)
		return 0;
	order = schema_bounds_compare(node->type, &node->limits[low],
	    &node->limits[high]);
	if (order < 0 || (order == 0 && !strictly))
		return 0;
	return schema_refuse(maker, "takes no value: its bounds \"%.80s\" and "
	    "\"%.80s\" leave none", node->bounds[low], node->bounds[high]);
}

static int
make_bounds(const struct schema_maker *maker, const struct fh_property *from,
    struct schema_node *node)
{
	if (make_bound(maker, node, SCHEMA_MIN, "min", from->min) < 0 ||
	    make_bound(maker, node, SCHEMA_MAX, "max", from->max) < 0 ||
	    make_bound(maker, node, SCHEMA_ABOVE, "above", from->above) < 0 ||
	    make_bound(maker, node, SCHEMA_BELOW, "below", from->below) < 0 ||
	    check_pair(maker, node, SCHEMA_MIN, SCHEMA_MAX, false) < 0 ||
	    check_pair(maker, node, SCHEMA_MIN, SCHEMA_BELOW, true) < 0 ||
	    check_pair(maker, node, SCHEMA_ABOVE, SCHEMA_MAX, true) < 0)
		return -1;
	return check_pair(maker, node, SCHEMA_ABOVE, SCHEMA_BELOW, true);
}

static int
make_lengths(const struct schema_maker *maker, const struct fh_property *from,
    struct schema_node *node)
{
	node->min_length = from->min_length;
	node->max_length = from->max_length;
	if ((from->min_length != 0 || from->max_length != 0) &&
	    !has_length(node->type))
		return schema_refuse(maker, "has a min_length or max_length, "
		    "but its type has no length: take it away");
	if (from->max_length != 0 && from->min_length > from->max_length)
		return schema_refuse(maker, "takes no value: min_length = %zu "
		    "is over max_length = %zu", from->min_length,
		    from->max_length);
	return 0;
}

/* ------------------------------------------------- patterns, choices */

static int
make_pattern(const struct schema_maker *maker, const struct fh_property *from,
    struct schema_node *node)
{
	char why[200];

	if (from->pattern == NULL)
		return 0;
	if (node->type != FH_TYPE_STRING)
		return schema_refuse(maker, "has a pattern, but is no string: "
		    "take it away");
	node->pattern = from->pattern;
	node->code = schema_pattern_compile(from->pattern, why, sizeof(why));
	if (node->code == NULL)
		return schema_refuse(maker, "has a bad pattern \"%.120s\": "
		    "%s", from->pattern, why);
	return 0;
}

/* 'low', 'medium' or 'high' into node->expected. */
static int
list_choices(const struct schema_maker *maker, struct schema_node *node)
{
	char *list = node->expected = malloc(CHOICES_SHOWN);
	size_t length = 0;

	if (list == NULL)
		return schema_refuse(maker, "has choices there is no memory "
		    "for");
	for (size_t i = 0; i < node->choice_count; i++) {
		const char *between = i == 0 ? "" :
		    i + 1 == node->choice_count ? " or " : ", ";
		int n = snprintf(list + length, CHOICES_SHOWN - length,
		    "%s'%s'", between, node->choices[i]);

		if ((size_t)n >= CHOICES_SHOWN - length - 4) {
			strcpy(list + length, " ...");
			break;
		}
		length += (size_t)n;
	}
	return 0;
}

static int
check_choice(const struct schema_maker *maker, const struct schema_node *node,
    const char *choice)
{
	if (wire_utf8_count(choice, strlen(choice)) < 0)
		return schema_refuse(maker, "has a choice that is no UTF-8");
	for (size_t i = 0; i < node->choice_count; i++) {
		if (strcmp(node->choices[i], choice) == 0)
			return schema_refuse(maker, "has the choice \"%.80s\" "
			    "twice", choice);
	}
	return 0;
}

/* Of an ENUM, or the media types of a FILE. */
static int
take_choices(const struct schema_maker *maker, const char *const *choices,
    struct schema_node *node)
{
	node->choices = choices;
	while (choices[node->choice_count] != NULL) {
		if (node->choice_count == SCHEMA_ENTRIES_MAX)
			return schema_refuse(maker, "has more than %d "
			    "choices: write them with FH_CHOICES(...) or "
			    "FH_MEDIA_TYPES(...)", SCHEMA_ENTRIES_MAX);
		if (check_choice(maker, node,
		    choices[node->choice_count]) < 0)
			return -1;
		node->choice_count++;
	}
	return list_choices(maker, node);
}

static int
make_choices(const struct schema_maker *maker, const struct fh_property *from,
    struct schema_node *node)
{
	bool wants = node->type == FH_TYPE_ENUM;

	if (!wants && from->choices == NULL)
		return 0;
	if (!wants)
		return schema_refuse(maker, "has choices, but is no ENUM: "
		    "begin it with FH_ENUM");
	if (from->choices == NULL || from->choices[0] == NULL)
		return schema_refuse(maker, "is an ENUM without choices: add "
		    ".choices = FH_CHOICES(...)");
	return take_choices(maker, from->choices, node);
}

static int
make_media_types(const struct schema_maker *maker,
    const struct fh_property *from, struct schema_node *node)
{
	const char *const *type = from->media_types;

	if (type == NULL)
		return 0;
	if (node->type != FH_TYPE_FILE)
		return schema_refuse(maker, "has media_types, but is no FILE: "
		    "begin it with FH_FILE");
	if (*type == NULL)
		return schema_refuse(maker, "has no media type in its "
		    "media_types, so that no file could be sent: take them "
		    "away, or name some");
	for (size_t i = 0; i < SCHEMA_ENTRIES_MAX && type[i] != NULL; i++) {
		if (!schema_file_is_range(type[i]))
			return schema_refuse(maker, "has the media type "
			    "\"%.80s\": write it without parameters, as "
			    "\"image/png\", or \"image/*\" for all of a kind",
			    type[i]);
	}
	return take_choices(maker, type, node);
}

int
schema_limits_make(const struct schema_maker *maker,
    const struct fh_property *from, struct schema_node *node)
{
	if (make_bounds(maker, from, node) < 0 ||
	    make_lengths(maker, from, node) < 0 ||
	    make_pattern(maker, from, node) < 0)
		return -1;
	return make_choices(maker, from, node) < 0 ? -1 :
	    make_media_types(maker, from, node);
}
