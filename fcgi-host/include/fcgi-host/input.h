/*
 * input.h - a route's inputs and responses, declared once.
 *
 * handler.h includes this.  From one table beside the route come the parsing,
 * the checks, the filled struct, the OpenAPI document and its page:
 *
 *	struct search {
 *		const char		*text;
 *		int64_t			 top;
 *		FH_LIST(const char *)	 tags;
 *	};
 *
 *	static int
 *	search(struct fh_request *rq)
 *	{
 *		const struct search *in = fh_input(rq);
 *
 *		return fh_reply_text(rq, 200, in->text);
 *	}
 *
 *	FH_HANDLER(.name = "search", .routes = FH_ROUTES(
 *	    { "GET", "/search", .serve = search, .inputs = FH_INPUTS(
 *		struct search,
 *		{ FH_STRING(struct search, text), .required = true,
 *		    .max_length = 200, .about = "What to look for" },
 *		{ FH_INTEGER(struct search, top), .min = "1", .max = "50",
 *		    .fallback = "10", .about = "How many to give" },
 *		{ FH_ARRAY(struct search, tags),
 *		    .items = FH_ITEMS(FH_ITEM(STRING)) }) }));
 *
 * What a client sends is checked before serve() is called, where serve() would
 * run.  If anything is wrong serve() is not called (finish() is, with the
 * status that was sent), and the client gets the first of these that applies:
 *
 *	406	no declared response has a type that Accept takes
 *	415	there is a body, and its Content-Type is not what the inputs
 *		want: application/json or one ending in +json; for a form
 *		application/x-www-form-urlencoded or multipart/form-data, and
 *		the latter alone if one of them is a FILE
 *	400	a malformed escape in the query or a form, or a NUL in a name
 *		there or in JSON, a malformed form (413 for one over a limit),
 *		malformed JSON, with the place, or with a name twice in an
 *		object, or bytes that are no UTF-8
 *	422	application/problem+json with all that is wrong, in the order
 *		of the table: `errors`: [{ "loc": ["query", "top"],
 *		"msg": "...", "type": "less_than_equal", "input": "99",
 *		"ctx": { "le": 50 } }], as FastAPI gives them.  After 200 of
 *		them, or 48 KiB, `errors_omitted` says how many more there are
 *
 * A route that declares no inputs gets whatever comes, as ever.  A value that
 * may stand once (not an ARRAY) and comes twice is an error.
 *
 * Lifetime.  What fh_input() gives, and all it points to, belongs to the
 * request like everything else.  The tables are static data of the handler.
 */
#ifndef FCGI_HOST_INPUT_H
#define FCGI_HOST_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_file;			/* form.h */
struct fh_request;

/* ------------------------------------------------------------------- types */

/*
 * How a value is written, and the C type of the member it is put in.  Texts
 * are those of a path, query, header, cookie or form; JSON has types of its
 * own, and a text is no number there.
 *
 * BOOLEAN	bool		true, false; as text also 1 and 0
 * INTEGER	int64_t		decimal digits, a '-' before them; 3.7 is none,
 *				neither is one that does not fit; in JSON 3.0
 *				is one
 * NUMBER	double		as JSON writes it (RFC 8259, section 6); not
 *				NaN, not infinite, not over a double
 * STRING	const char *	UTF-8, ends in NUL and has none inside
 * DATE		struct fh_date	2026-11-25 (RFC 3339, full-date)
 * DATE_TIME	struct fh_time	2026-11-25T13:00:00.25Z (RFC 3339, date-time);
 *				23:59:60 UTC is the second after it
 * UUID		struct fh_uuid	8-4-4-4-12 hex digits (RFC 9562, section 4)
 * BYTE		struct fh_bytes	base64 (RFC 4648, section 4), decoded
 * ENUM		int		one of `choices`: its index; -1: not given
 * ARRAY	FH_LIST(T)	a JSON array; elsewhere the name may come
 *				several times, in a path or header with commas,
 *				a header in several lines too
 * OBJECT	a struct	a JSON object with `fields`; one that is not
 *				given has the fallbacks of its fields
 * FILE		const struct fh_file *	a part with a filename, of a form
 *				that is multipart/form-data (form.h); NULL: not
 *				given.  Also as the items of an ARRAY
 */
enum fh_type {
	FH_TYPE_BOOLEAN = 1,
	FH_TYPE_INTEGER,
	FH_TYPE_NUMBER,
	FH_TYPE_STRING,
	FH_TYPE_DATE,
	FH_TYPE_DATE_TIME,
	FH_TYPE_UUID,
	FH_TYPE_BYTE,
	FH_TYPE_ENUM,
	FH_TYPE_ARRAY,
	FH_TYPE_OBJECT,
	FH_TYPE_FILE
};

struct fh_date {
	int16_t		year;
	uint8_t		month;		/* 1..12 */
	uint8_t		day;		/* 1..31 */
};

struct fh_time {
	int64_t		seconds;	/* since 1970-01-01T00:00:00Z */
	uint32_t	nanoseconds;
	int16_t		offset_minutes;	/* of the zone it was written in */
};

struct fh_uuid {
	uint8_t		bytes[16];
	char		text[37];	/* lower case, ends in NUL */
};

struct fh_bytes {
	const uint8_t	*at;
	size_t		 length;
};

/* A member that takes an ARRAY of T: `at` has `count` of them. */
#define FH_LIST(T)	struct { T *at; size_t count; }

/* ------------------------------------------------------------------ inputs */

/*
 * Where an input is looked for.  Not said: in the path if the route's path has
 * it, as {name} or {name...}, else in the query.  Header names compare without
 * case.  FORM is a field of application/x-www-form-urlencoded or
 * multipart/form-data, BODY a member of the JSON object that is the body, and
 * WHOLE_BODY all of it: one input then, whatever its type.  A FILE is in the
 * form without its being said.
 */
enum fh_in {
	FH_IN_PATH_OR_QUERY,
	FH_IN_PATH,
	FH_IN_QUERY,
	FH_IN_HEADER,
	FH_IN_COOKIE,
	FH_IN_FORM,
	FH_IN_BODY,
	FH_IN_WHOLE_BODY
};

/*
 * One input, or one member of an object.  Begin it with a macro below, which
 * sets the first four.  All else is optional, and all that does not fit the
 * type, or cannot be read, has the handler refused when it is loaded.
 *
 * name		of the C member
 * offset	where it is in the struct
 * size		of the struct, for items that are objects
 * as		the name the client uses, if it is another: "X-Trace-Level"
 * required	it must be given.  Path parameters always are
 * fallback	what it is when not given, written as in a query; an array's is
 *		JSON.  Without one: false, 0, NULL, empty, and for ENUM -1
 * has		FH_HAS(S, m): a bool that says whether it was given
 * min, max	the least and the greatest value, both allowed: "0", "1.5", a
 *		date, a date-time
 * above, below	the same, but not allowed themselves
 * min_length, max_length  of a string in characters, of BYTE and FILE in bytes;
 *		of an array in items.  0: no bound
 * pattern	a PCRE2 regular expression that a string must match somewhere;
 *		use ^ and $ for all of it.  Matching has a limit: a text that
 *		reaches it does not match
 * choices	FH_CHOICES("low", "high") of an ENUM
 * items	FH_ITEMS(...), what an array is made of
 * fields	what an object has: a table, FH_FIELDS(...) or an array
 *		that ends in FH_END.  Of a response it may be in itself
 * nullable	null in JSON is taken as not given
 * secret	its value is not repeated in errors, nor logged, nor is any part
 *		of it
 * about	one line for people
 * example	one value, written as `fallback` is
 * media_types	FH_MEDIA_TYPES("image/png", "image/jpeg"): of these a FILE must
 *		be one, by the Content-Type of its part; an asterisk after the
 *		slash stands for all of a kind; NULL: any.  It is the client's
 *		word: what the bytes are is not looked at
 */
struct fh_property {
	enum fh_type			 type;
	const char			*name;
	size_t				 offset;
	size_t				 size;
	enum fh_in			 in;
	const char			*as;
	bool				 required;
	const char			*fallback;
	size_t				 has;
	const char			*min, *max;
	const char			*above, *below;
	size_t				 min_length, max_length;
	const char			*pattern;
	const char *const		*choices;
	const struct fh_property	*items;
	const struct fh_property	*fields;
	bool				 nullable;
	bool				 secret;
	const char			*about;
	const char			*example;
	const char *const		*media_types;
};

/* For a member `m` of the struct S.  Another C type does not compile. */
#define FH_BOOLEAN(S, m)	FH_PROPERTY_(BOOLEAN, S, m, bool)
#define FH_INTEGER(S, m)	FH_PROPERTY_(INTEGER, S, m, int64_t)
#define FH_NUMBER(S, m)		FH_PROPERTY_(NUMBER, S, m, double)
#define FH_STRING(S, m)		FH_PROPERTY_(STRING, S, m, const char *)
#define FH_DATE(S, m)		FH_PROPERTY_(DATE, S, m, struct fh_date)
#define FH_DATE_TIME(S, m)	FH_PROPERTY_(DATE_TIME, S, m, struct fh_time)
#define FH_UUID(S, m)		FH_PROPERTY_(UUID, S, m, struct fh_uuid)
#define FH_BYTE(S, m)		FH_PROPERTY_(BYTE, S, m, struct fh_bytes)
#define FH_ENUM(S, m)		FH_PROPERTY_(ENUM, S, m, int)
#define FH_FILE(S, m)							\
	FH_PROPERTY_(FILE, S, m, const struct fh_file *)

/* For a member that is an FH_LIST, or a struct of its own. */
#define FH_ARRAY(S, m)							\
	.type = FH_TYPE_ARRAY, .name = #m,				\
	.offset = offsetof(S, m)
#define FH_OBJECT(S, m)							\
	.type = FH_TYPE_OBJECT, .name = #m,				\
	.offset = offsetof(S, m), .size = sizeof(((S *)0)->m)

/* Of no struct: read with fh_input_integer() and its kin, or a response's. */
#define FH_VALUE(TYPE, text)	.type = FH_TYPE_ ## TYPE, .name = text

/* What an array is made of: FH_ITEMS(FH_ITEM(INTEGER), .min = "0"). */
#define FH_ITEM(TYPE)		.type = FH_TYPE_ ## TYPE
#define FH_ITEM_OBJECT(S)	.type = FH_TYPE_OBJECT, .size = sizeof(S)
#define FH_ITEMS(...)							\
	((const struct fh_property[]){ { __VA_ARGS__ } })

/* Such a table in place, and how one that is a variable ends. */
#define FH_END			{ .type = (enum fh_type)0 }
#define FH_FIELDS(...)							\
	((const struct fh_property[]){ __VA_ARGS__, FH_END })
#define FH_CHOICES(...)		((const char *const[]){ __VA_ARGS__, NULL })
#define FH_MEDIA_TYPES(...)	FH_CHOICES(__VA_ARGS__)
#define FH_HAS(S, m)		(1 + FH_OFFSET_(S, m, bool))

/*
 * A route's inputs.  FH_INPUTS has them put into a struct S; FH_VALUES has
 * none, and they are read one by one.
 *
 * strict	what is not declared is an error too: in the query, the form
 *		and the body.  Otherwise it is left alone
 */
struct fh_inputs {
	size_t				 size;
	const struct fh_property	*properties;
	bool				 strict;
};

#define FH_INPUTS(S, ...)						\
	((const struct fh_inputs[]){ { .size = sizeof(S),		\
	    .properties = FH_FIELDS(__VA_ARGS__) } })
#define FH_INPUTS_STRICT(S, ...)					\
	((const struct fh_inputs[]){ { .size = sizeof(S),		\
	    .properties = FH_FIELDS(__VA_ARGS__), .strict = true } })
#define FH_VALUES(...)							\
	((const struct fh_inputs[]){ { .properties = FH_FIELDS(__VA_ARGS__) } })

/*
 * The struct of this request, filled; NULL for a route that declares none, or
 * declares FH_VALUES.
 */
const void	*fh_input(struct fh_request *);

/*
 * One declared input, by the name the client uses.  A name that is not
 * declared, or declared with another type, is the handler's mistake: the reply
 * becomes a 500 that says so, and what is returned is empty.
 *
 * fh_input_given	the client has given it
 * fh_input_string	also of an ENUM: its text, or NULL
 */
bool		 fh_input_given(struct fh_request *, const char *name);
bool		 fh_input_boolean(struct fh_request *, const char *name);
int64_t		 fh_input_integer(struct fh_request *, const char *name);
double		 fh_input_number(struct fh_request *, const char *name);
const char	*fh_input_string(struct fh_request *, const char *name);
struct fh_date	 fh_input_date(struct fh_request *, const char *name);
struct fh_time	 fh_input_time(struct fh_request *, const char *name);
struct fh_uuid	 fh_input_uuid(struct fh_request *, const char *name);
struct fh_bytes	 fh_input_bytes(struct fh_request *, const char *name);
const struct fh_file	*fh_input_file(struct fh_request *, const char *name);

/* --------------------------------------------------------------- responses */

/*
 * One response that a route may give: what the OpenAPI document says, and what
 * Accept chooses among.  In tests (fh_test.h), and with `check_responses` in
 * the configuration, a reply that is none of them becomes a 500 that says what
 * is wrong: its status, its type, or where its JSON differs.  What the host
 * itself answers (206, 304, 400, 401, 403, 406, 412, 413, 415, 416, 422, 5xx)
 * need not be named; an error that is named without a type may be a problem
 * document.  A body that was sent while it was made is not looked into.
 *
 * status	200, ...
 * type		its Content-Type without parameters; NULL: application/json
 *		with fields or items, else any.  Several types for one status
 *		are several entries, and Accept chooses among them
 * fields	the body is a JSON object with these members
 * items	... or a JSON array of these
 * about	one line for people
 */
struct fh_response {
	int				 status;
	const char			*type;
	const struct fh_property	*fields;
	const struct fh_property	*items;
	const char			*about;
};

#define FH_RESPONSES(...)						\
	((const struct fh_response[]){ __VA_ARGS__, { .status = 0 } })

/* -------------------------------------------------------------- for macros */

#define FH_PROPERTY_(TYPE, S, m, T)					\
	.type = FH_TYPE_ ## TYPE, .name = #m, .offset = FH_OFFSET_(S, m, T)

#ifdef __cplusplus
#define FH_OFFSET_(S, m, T)						\
	(offsetof(S, m) + 0 * sizeof(static_cast<T *>(			\
	    static_cast<decltype(((S *)0)->m) *>(nullptr))))
#else
#define FH_OFFSET_(S, m, T)						\
	(offsetof(S, m) + 0 * sizeof(struct { char unused;		\
	    _Static_assert(_Generic(((S *)0)->m, T: 1, default: 0),	\
	    "the member " #m " of " #S " is no " #T); }))
#endif

#ifdef __cplusplus
}
#endif

#endif /* FCGI_HOST_INPUT_H */
