/*
 * schema.h - what a route declares of its inputs and responses, made ready.
 *
 * schema_create() reads a handler's tables (include/fcgi-host/input.h) once,
 * when it is loaded: bounds and fallbacks are parsed, patterns compiled, and
 * whatever does not fit is refused with a sentence.  From then on it is
 * constant: processes that are forked and threads share it.
 *
 * schema_take() looks for each input in what a client sent, checks it, and puts
 * it where the handler wants it; schema_check() does the same with a body that
 * a handler replies, and puts it nowhere.  Both go through all of it, report
 * each fault, in the order of the declarations, and need time and memory in
 * proportion to what they are given.
 *
 * Pure: no I/O, memory from the caller.
 */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "include/fcgi-host/handler.h"

struct json_object;
struct schema_matcher;		/* schema_pattern.c */

#define SCHEMA_DEPTH_MAX	32	/* objects in arrays in objects */
#define SCHEMA_ENTRIES_MAX	1024	/* of one table */
#define SCHEMA_PLACES		(FH_IN_WHOLE_BODY + 1)

/* ------------------------------------------------- what is declared */

/* A value of any type that has no insides, as it lies in the C struct. */
union schema_value {
	bool		 boolean;
	int64_t		 integer;
	double		 number;
	const char	*string;
	struct fh_date	 date;
	struct fh_time	 time;
	struct fh_uuid	 uuid;
	struct fh_bytes	 bytes;
	int		 choice;
	const struct fh_file	*file;
	struct {
		void	*at;
		size_t	 count;
	}		 list;
};

enum schema_bound {
	SCHEMA_MIN,
	SCHEMA_MAX,
	SCHEMA_ABOVE,
	SCHEMA_BELOW,
	SCHEMA_BOUNDS
};

/*
 * One input, one member of an object, or what an array is made of.
 *
 * name		the client's; "" of an item and of a whole body
 * offset	in the struct around it
 * size		of its value in C; 0 of an object that lies nowhere
 * has		1 + the offset of the bool that says it was given; 0: none
 * bounds	as written, NULL for none; their values in `limits`
 * choices	of an ENUM; of a FILE its media types
 * expected	'low' or 'high': for errors
 * secret	it is; hidden: so is it, or something in it
 * fallback	as written; a value, or JSON for what has insides
 * fields	of an object, `field_count`; of an array the one item
 * same		an object around it, of a reply, whose fields it has; or NULL
 * about, example  as declared, for the OpenAPI document; or NULL
 */
struct schema_node {
	enum fh_type		 type;
	enum fh_in		 in;
	const char		*name;
	size_t			 offset;
	size_t			 size;
	size_t			 has;
	bool			 required;
	bool			 nullable;
	bool			 secret;
	bool			 hidden;
	const char		*bounds[SCHEMA_BOUNDS];
	union schema_value	 limits[SCHEMA_BOUNDS];
	size_t			 min_length;
	size_t			 max_length;
	const char		*pattern;
	void			*code;		/* pcre2_code */
	const char *const	*choices;
	size_t			 choice_count;
	char			*expected;
	const char		*fallback;
	union schema_value	 value;
	struct json_object	*json;
	struct schema_node	*fields;
	size_t			 field_count;
	const struct schema_node *same;
	const char		*about;
	const char		*example;
};

enum schema_body {
	SCHEMA_NO_BODY,
	SCHEMA_JSON,		/* BODY, or WHOLE_BODY */
	SCHEMA_FORM
};

/* `node` is an object, an array, or of type 0: only status and type count. */
struct schema_response {
	int			 status;
	const char		*type;		/* or NULL: any */
	const char		*about;		/* or NULL */
	struct schema_node	 node;
};

/*
 * inputs	an object whose members are the inputs; its size is that of
 *		the struct, or of our own for FH_VALUES (`has_struct` false)
 * body_required  some input in the body is
 * has_files	some input of the form is a FILE
 */
struct schema {
	struct schema_node	 inputs;
	bool			 declared;	/* inputs were */
	bool			 has_struct;
	bool			 strict;
	enum schema_body	 body;
	bool			 whole_body;	/* it is one input */
	bool			 body_required;
	bool			 has_files;
	struct schema_response	*responses;
	size_t			 response_count;
};

/*
 * label	of the route, for sentences: "GET /users/{id}"
 * names	of its path's parameters, "id\0rest\0", `name_count`
 * handler	for the sizes that its tables were compiled with
 */
struct schema_source {
	const char			*label;
	const char			*names;
	size_t				 name_count;
	const struct fh_handler		*handler;
	const struct fh_inputs		*inputs;	/* or NULL */
	const struct fh_response	*responses;	/* or NULL */
};

/*
 * NULL and the reason: a sentence that names the route and the property, and
 * says what to do; or there is no memory.  It keeps pointers to the handler's
 * texts, and none to its tables.
 */
struct schema	*schema_create(const struct schema_source *, struct err *);
void		 schema_destroy(struct schema *);

/* ------------------------------------------------- faults */

/* What is wrong; schema_fault.c has the words for each. */
enum schema_wrong {
	SCHEMA_OK,
	SCHEMA_MISSING,
	SCHEMA_REPEATED,
	SCHEMA_EXTRA,
	SCHEMA_BOOL_TYPE,
	SCHEMA_BOOL_PARSING,
	SCHEMA_INT_TYPE,
	SCHEMA_INT_PARSING,
	SCHEMA_INT_SIZE,
	SCHEMA_INT_FRACTION,
	SCHEMA_FLOAT_TYPE,
	SCHEMA_FLOAT_PARSING,
	SCHEMA_FLOAT_SIZE,
	SCHEMA_STRING_TYPE,
	SCHEMA_STRING_UNICODE,
	SCHEMA_STRING_NUL,
	SCHEMA_STRING_SHORT,
	SCHEMA_STRING_LONG,
	SCHEMA_STRING_PATTERN,
	SCHEMA_DATE_TYPE,
	SCHEMA_DATE_PARSING,
	SCHEMA_TIME_TYPE,
	SCHEMA_TIME_PARSING,
	SCHEMA_UUID_TYPE,
	SCHEMA_UUID_PARSING,
	SCHEMA_BYTES_TYPE,
	SCHEMA_BYTES_ENCODING,
	SCHEMA_BYTES_SHORT,
	SCHEMA_BYTES_LONG,
	SCHEMA_ENUM,
	SCHEMA_LIST_TYPE,
	SCHEMA_LIST_SHORT,
	SCHEMA_LIST_LONG,
	SCHEMA_OBJECT_TYPE,
	SCHEMA_FILE_TYPE,
	SCHEMA_FILE_SHORT,
	SCHEMA_FILE_LONG,
	SCHEMA_FILE_MEDIA,
	SCHEMA_BELOW_MIN,
	SCHEMA_ABOVE_MAX,
	SCHEMA_NOT_ABOVE,
	SCHEMA_NOT_BELOW,
	SCHEMA_NO_MEMORY	/* never reported: the call fails */
};

/* The way to a value, from inside out; `name` NULL: the item `index`. */
struct schema_step {
	const struct schema_step	*outer;
	const char			*name;
	size_t				 length;	/* of the name */
	size_t				 index;
};

/*
 * node		NULL for something that is not declared
 * why		more words, for what could not be read; or ""
 * text, json	what was sent: a text, or JSON, or (text NULL and has_json
 *		false) nothing that may be repeated
 * actual	how long it is, of a list or a file
 */
struct schema_fault {
	const struct schema_step	*at;
	const struct schema_node	*node;
	enum schema_wrong		 wrong;
	const char			*why;
	const char			*text;
	size_t				 length;
	struct json_object		*json;
	bool				 has_json;
	size_t				 actual;
};

/* "less_than_equal", as pydantic calls it. */
const char	*schema_fault_type(const struct schema_fault *);

/* The sentence, cut to fit. */
void	schema_fault_message(const struct schema_fault *, char *out,
	    size_t size);

/* What it was measured by, as a JSON object: {"le":50}; "" if by nothing, or
 * there is not the room. */
void	schema_fault_context(const struct schema_fault *, char *out,
	    size_t size);

/* ["query","top"] as JSON, or query.top; cut to fit, but valid.  The length. */
size_t	schema_step_json(const struct schema_step *, char *out, size_t size);
size_t	schema_step_text(const struct schema_step *, char *out, size_t size);

/* ------------------------------------------------- a request, a reply */

/* What matching patterns needs: one for each thread.  NULL: out of memory. */
struct schema_matcher	*schema_matcher_create(void);
void			 schema_matcher_destroy(struct schema_matcher *);

/*
 * How one is gone through.
 *
 * alloc	memory that lives as long as the values; NULL: none
 * report	is told of each fault
 * wrong	counts them
 */
struct schema_run {
	void	*(*alloc)(void *context, size_t size);
	void	(*report)(void *context, const struct schema_fault *);
	void			*context;
	struct schema_matcher	*matcher;
	size_t			 wrong;
	/* its own */
	bool			 stores;
	bool			 strict;
	size_t			 bytes;
};

struct schema_fields {
	const struct fh_field	*at;
	size_t			 count;
};

/*
 * What came.  `fields` is by enum fh_in: path, query, cookie and form; headers
 * are asked for one by one, each with how many lines of it came, joined by
 * commas.  `files` are those of the form.  `body` is the tree
 * of a JSON body that is there.
 */
struct schema_sent {
	struct schema_fields	 fields[SCHEMA_PLACES];
	const char		*(*header)(void *context, const char *name,
				    size_t *lines_out);
	void			*context;
	const struct fh_file	*files;
	size_t			 file_count;
	bool			 has_body;
	struct json_object	*body;
};

/*
 * Fills the struct, of `schema->inputs.size` bytes, and for each input whether
 * it was given.  0, or -1: out of memory.  With faults the struct is of no use.
 * Strings and names in it point into what was sent.
 */
int	schema_take(const struct schema *, const struct schema_sent *,
	    struct schema_run *, void **values_out, bool **given_out);

/*
 * Is this body what the response says?  0, or -1: out of memory.
 */
int	schema_check(const struct schema_response *, struct json_object *body,
	    struct schema_run *);

#endif
