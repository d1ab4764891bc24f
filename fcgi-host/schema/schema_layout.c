/*
 * schema_layout.c - where values lie in the struct around them.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: every value lies inside of its struct and on no other one, so that
 * what a client sends cannot be written anywhere else.
 */
#include <stdalign.h>

#include "schema/schema_private.h"

#define SIZED(type)	{ sizeof(type), alignof(type) }

static const struct {
	size_t	size;
	size_t	align;
} sizes[] = {
	[FH_TYPE_BOOLEAN] = SIZED(bool),
	[FH_TYPE_INTEGER] = SIZED(int64_t),
	[FH_TYPE_NUMBER] = SIZED(double),
	[FH_TYPE_STRING] = SIZED(const char *),
	[FH_TYPE_DATE] = SIZED(struct fh_date),
	[FH_TYPE_DATE_TIME] = SIZED(struct fh_time),
	[FH_TYPE_UUID] = SIZED(struct fh_uuid),
	[FH_TYPE_BYTE] = SIZED(struct fh_bytes),
	[FH_TYPE_ENUM] = SIZED(int),
	[FH_TYPE_ARRAY] = SIZED(FH_LIST(void)),
	[FH_TYPE_OBJECT] = { 0, alignof(max_align_t) },
	[FH_TYPE_FILE] = SIZED(const struct fh_file *)
};

size_t
schema_size_of(enum fh_type type)
{
	return sizes[type].size;
}

static size_t
round_up(size_t at, size_t align)
{
	return (at + align - 1) / align * align;
}

/* One after the other. */
static void
lay_out(struct schema_node *object)
{
	size_t at = 0;

	for (size_t i = 0; i < object->field_count; i++) {
		struct schema_node *field = &object->fields[i];

		at = round_up(at, sizes[field->type].align);
		field->offset = at;
		field->has = 0;
		at += field->size;
	}
	object->size = round_up(at > 0 ? at : 1, alignof(max_align_t));
}

static bool
overlap(const struct schema_node *a, const struct schema_node *b)
{
	return a->offset < b->offset + b->size &&
	    b->offset < a->offset + a->size;
}

static int
check_field(const struct schema_maker *maker,
    const struct schema_node *object, const struct schema_node *field)
{
	if (field->size > object->size ||
	    field->offset > object->size - field->size)
		return schema_refuse(maker, "has member \"%s\" outside of its "
		    "struct of %zu bytes: declare it of that struct",
		    field->name, object->size);
	if (field->has > object->size)
		return schema_refuse(maker, "has the FH_HAS of \"%s\" outside "
		    "of its struct of %zu bytes: name a member of that struct",
		    field->name, object->size);
	for (const struct schema_node *other = object->fields; other < field;
	    other++) {
		if (overlap(field, other))
			return schema_refuse(maker, "has \"%s\" and \"%s\" in "
			    "the same place of the struct: give each a member "
			    "of its own (FH_VALUE is for FH_VALUES)",
			    other->name, field->name);
	}
	return 0;
}

int
schema_layout(struct schema_maker *maker, struct schema_node *object)
{
	if (object->size == 0) {
		lay_out(object);
		return 0;
	}
	for (size_t i = 0; i < object->field_count; i++) {
		if (check_field(maker, object, &object->fields[i]) < 0)
			return -1;
	}
	return 0;
}
