/*
 * schema_private.h - what the files of schema/ share.
 *
 * Nobody outside of schema/ and its tests includes this.
 */
#ifndef SCHEMA_SCHEMA_PRIVATE_H
#define SCHEMA_SCHEMA_PRIVATE_H

#include "schema/schema.h"

/*
 * The most that the lists of one request may take: {} in a body is three
 * bytes, and what it fills may be a struct of a thousand.
 */
#define SCHEMA_LISTS_MAX	((size_t)64 << 20)

/* ------------------------------------------------- texts (schema_text.c) */

/*
 * Strict readers: all of the text is the value, or it is none.  What they want
 * is said in input.h.  SCHEMA_OK, or what is wrong and, where the word alone
 * does not say it, why.  No locale has a part in it.
 */
enum schema_wrong	schema_text_boolean(const char *, size_t, bool *out);
enum schema_wrong	schema_text_integer(const char *, size_t,
			    int64_t *out);
enum schema_wrong	schema_text_number(const char *, size_t, double *out);
enum schema_wrong	schema_text_uuid(const char *, size_t,
			    struct fh_uuid *out, const char **why_out);

/* Base64 into `out`, which has room for length / 4 * 3 bytes. */
enum schema_wrong	schema_text_bytes(const char *, size_t, uint8_t *out,
			    size_t *length_out, const char **why_out);

/*
 * schema_time.c.  A leap second (23:59:60 UTC, on any day) is taken and is the
 * second after it, as POSIX counts.  Digits of a fraction after the ninth are
 * cut.
 */
enum schema_wrong	schema_text_date(const char *, size_t,
			    struct fh_date *out, const char **why_out);
enum schema_wrong	schema_text_time(const char *, size_t,
			    struct fh_time *out, const char **why_out);

/* ------------------------------------------------- values */

/* A value that is read: its length as the bounds count it, and why not. */
struct schema_reading {
	union schema_value	 value;
	size_t			 length;
	const char		*why;
};

/*
 * A text as the node's type, its bounds looked at (schema_value.c).  A string
 * points to the text, which must end in NUL.
 */
enum schema_wrong	schema_value_read(const struct schema_node *,
			    const char *text, size_t length,
			    struct schema_run *, struct schema_reading *out);

/* The bounds alone, of a value that is read (schema_bounds.c). */
enum schema_wrong	schema_bounds_check(const struct schema_node *,
			    const struct schema_reading *,
			    struct schema_run *);

/* -1, 0, 1; of a type that has an order. */
int	schema_bounds_compare(enum fh_type, const union schema_value *,
	    const union schema_value *);

/* The C sizes (schema_layout.c). */
size_t	schema_size_of(enum fh_type);

/* ------------------------------------------------- going through */

void	schema_report(struct schema_run *, const struct schema_fault *);

/* Puts a value that was read into the struct at `base`. */
void	schema_store(const struct schema_run *, const struct schema_node *,
	    void *base, const union schema_value *);

/* Says whether it was given, where the struct wants to know. */
void	schema_store_given(const struct schema_run *,
	    const struct schema_node *, void *base, bool given);

/* What the node is when it was not given.  -1: out of memory. */
int	schema_store_absent(struct schema_run *, const struct schema_node *,
	    void *base);

/* Room for a list of so many; NULL: no memory, or *over_out of what a request
 * may have, which is in *most_out. */
void	*schema_list_alloc(struct schema_run *, const struct schema_node *item,
	    size_t count, size_t *most_out);

/*
 * JSON into the node's place in the struct at `base`, whose alignment and size
 * were looked at when it was compiled (schema_json.c).  -1: out of memory.
 */
int	schema_json_take(struct schema_run *, const struct schema_node *,
	    struct json_object *, const struct schema_step *, void *base);

/* The members of an object, whether one was sent or (NULL) none was: what is
 * missing from none is no fault. */
int	schema_json_members(struct schema_run *, const struct schema_node *,
	    struct json_object *, const struct schema_step *, void *base);

/* One of them, which is told whether it was given. */
int	schema_json_member(struct schema_run *, const struct schema_node *,
	    struct json_object *object, const struct schema_step *outer,
	    void *base, bool *given_out);

/* Reports what the object has and the node, among its fields that are looked
 * for in `in`, has not. */
void	schema_json_extras(struct schema_run *, const struct schema_node *,
	    enum fh_in in, struct json_object *object,
	    const struct schema_step *);

/* ------------------------------------------------- files (schema_file.c) */

/* Is it a FILE, or an array of them? */
bool	schema_is_file(const struct schema_node *);

/* "image/png", or "image/" and an asterisk: what `media_types` may name. */
bool	schema_file_is_range(const char *);

/* All files of the node's name, and no text.  -1: out of memory. */
int	schema_file_take(struct schema_run *, const struct schema_node *,
	    const struct schema_sent *, const struct schema_step *,
	    void *base, bool *given_out);

/* A file of that name, or NULL. */
const struct fh_file	*schema_file_find(const struct schema_sent *,
			    const char *name);

/* The fault of what is not of its type at all: "int_type". */
enum schema_wrong	schema_type_wrong(enum fh_type);

/* ------------------------------------------------- compiling */

/* The objects around an entry, and their tables. */
struct schema_around {
	const struct schema_around	*outer;
	const struct fh_property	*table;
	const struct schema_node	*object;
};

/* While one route's tables are read; `path` names where: "filter.tags[]". */
struct schema_maker {
	const struct schema_source	*source;
	struct err			*err;
	const char			*what;	/* "input", "response 200" */
	bool				 stores;
	unsigned			 depth;
	const struct schema_around	*around;
	size_t				 length;
	char				 path[200];
};

/* "route "GET /x": input "top" WHY"; returns -1. */
int	schema_refuse(const struct schema_maker *, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

/* Entry `index` of a table, in our size.  False: its end. */
bool	schema_table_property(const struct schema_maker *,
	    const struct fh_property *, size_t index, struct fh_property *out);
bool	schema_table_response(const struct schema_maker *,
	    const struct fh_response *, size_t index, struct fh_response *out);

/* A table's entries as the fields of an object (schema_node.c). */
int	schema_node_fields(struct schema_maker *, const struct fh_property *,
	    struct schema_node *object);
/* One entry, or what an array is made of. */
int	schema_node_item(struct schema_maker *, const struct fh_property *,
	    struct schema_node *array);
void	schema_node_finish(struct schema_node *);

/* Bounds, lengths, pattern, choices: do they fit the type (schema_limits.c)? */
int	schema_limits_make(const struct schema_maker *,
	    const struct fh_property *, struct schema_node *);

/* fallback and example: can they be read (schema_fallback.c)? */
int	schema_fallback_make(const struct schema_maker *,
	    const struct fh_property *, struct schema_node *);

/* Where the members of an object lie (schema_layout.c): by us if its size is
 * 0, else inside of it and apart from each other. */
int	schema_layout(struct schema_maker *, struct schema_node *object);

/* The rules between the inputs of one route (schema_places.c). */
int	schema_places_settle(struct schema_maker *, struct schema *);

/* ------------------------------------------------- patterns */

/* The code, or NULL with PCRE2's words and where (schema_pattern.c). */
void	*schema_pattern_compile(const char *pattern, char *why, size_t size);
void	 schema_pattern_free(void *code);

/* Does valid UTF-8 match?  What takes too long does not. */
bool	 schema_pattern_matches(struct schema_matcher *, const void *code,
	    const char *text, size_t length);

#endif
