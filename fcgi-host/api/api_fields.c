/*
 * api_fields.c - query, form and cookies: lists of names and values.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing; what it makes lies in the request's arena.
 * Invariant: a list holds all of its source or, of one with too many fields,
 * nothing; and its text has never more bytes than its source: the NUL behind a
 * name and a value take the place of '=' and '&'.
 */
#include "api/api_private.h"

#include <errno.h>
#include <string.h>

#include "wire/wire_text.h"

/* A list while it is made. */
struct list {
	struct fh_request	*rq;
	struct fh_field		*fields;
	size_t			 count;
	size_t			 size;
	size_t			 most;
	char			*to;	/* where text goes */
	bool			 decodes;
};

typedef int	next_field(const char **cursor, const char *end,
		    struct wire_span *name_out, struct wire_span *value_out);

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* As browsers do (WHATWG URL, percent-decode): "%zz" stays as it is. */
static size_t
decode(char *to, struct wire_span from)
{
	char *start = to;

	for (size_t i = 0; i < from.length; i++) {
		char c = from.at[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%' && from.length - i > 2 &&
		    hex(from.at[i + 1]) >= 0 && hex(from.at[i + 2]) >= 0) {
			c = (char)(hex(from.at[i + 1]) << 4 |
			    hex(from.at[i + 2]));
			i += 2;
		}
		*to++ = c;
	}
	return (size_t)(to - start);
}

static const char *
put_text(struct list *list, struct wire_span span, size_t *length_out)
{
	char *text = list->to;

	*length_out = span.length;
	if (span.length == 0)
		return "";
	if (list->decodes)
		*length_out = decode(text, span);
	else
		memcpy(text, span.at, span.length);
	text[*length_out] = '\0';
	list->to = text + *length_out + 1;
	return text;
}

static int
list_grow(struct list *list)
{
	size_t size = list->size == 0 ? 16 : list->size * 2;
	struct fh_field *fields = api_arena_alloc(&list->rq->arena,
	    size * sizeof(*fields));

	if (fields == NULL)
		return -1;
	if (list->count > 0)
		memcpy(fields, list->fields, list->count * sizeof(*fields));
	list->fields = fields;
	list->size = size;
	return 0;
}

/* 1: go on; 0: there are too many; -1: out of memory. */
static int
list_add(struct list *list, struct wire_span name, struct wire_span value)
{
	struct fh_field *field;
	size_t name_length;

	if (list->count == list->most)
		return 0;
	if (list->count == list->size && list_grow(list) != 0)
		return -1;
	field = &list->fields[list->count++];
	field->name = put_text(list, name, &name_length);
	field->value = put_text(list, value, &field->length);
	return 1;
}

static int
list_take(struct list *list, const char *text, size_t length,
    next_field *next)
{
	const char *at = text, *end = text + length;
	struct wire_span name, value;
	int rc = 1;

	list->to = api_arena_alloc(&list->rq->arena, length + 1);
	if (list->to == NULL)
		return -1;
	while (rc == 1 && next(&at, end, &name, &value) == 1)
		rc = list_add(list, name, value);
	return rc;
}

/* False: there are too many. */
static bool
list_end(struct list *list, int rc, struct api_fields *fields_out)
{
	if (rc == -1)
		api_fault(list->rq, ENOMEM, "out of memory for the fields");
	if (rc == 0)
		return false;
	fields_out->at = list->fields;
	fields_out->count = list->count;
	return true;
}

const char *
api_fields_first(const struct fh_field *fields, size_t count,
    const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].value;
	}
	return NULL;
}

/* ------------------------------------------------- query */

/* False: there are too many. */
static bool
read_query(struct fh_request *rq)
{
	struct list list = { .rq = rq, .decodes = true,
	    .most = API_FIELDS_MAX };
	const struct wire_span text = api_head(rq)->query;

	rq->query.ready = true;
	return list_end(&list, list_take(&list, text.at, text.length,
	    wire_form_next), &rq->query);
}

const struct fh_field *
fh_query_fields(struct fh_request *rq, size_t *count_out)
{
	if (!rq->query.ready)
		read_query(rq);
	*count_out = rq->query.count;
	return rq->query.at;
}

const char *
fh_query(struct fh_request *rq, const char *name)
{
	size_t count;
	const struct fh_field *fields = fh_query_fields(rq, &count);

	return api_fields_first(fields, count, name);
}

/* ------------------------------------------------- form */

bool
api_fields_form(struct fh_request *rq, size_t most)
{
	struct list list = { .rq = rq, .decodes = true, .most = most };
	size_t length;
	const char *body = fh_body(rq, &length);

	return length == 0 || list_end(&list, list_take(&list, body, length,
	    wire_form_next), &rq->form);
}

/* ------------------------------------------------- cookies */

/* HTTP/2 clients split the header; not every web server joins it again. */
static bool
read_cookies(struct fh_request *rq)
{
	struct list list = { .rq = rq, .most = API_FIELDS_MAX };
	const struct fh_field *params;
	size_t count;
	int rc = 1;

	rq->cookies.ready = true;
	params = fh_params(rq, &count);
	for (size_t i = 0; rc == 1 && i < count; i++) {
		if (strcmp(params[i].name, "HTTP_COOKIE") == 0)
			rc = list_take(&list, params[i].value,
			    params[i].length, wire_cookie_next);
	}
	return list_end(&list, rc, &rq->cookies);
}

const struct fh_field *
fh_cookies(struct fh_request *rq, size_t *count_out)
{
	if (!rq->cookies.ready)
		read_cookies(rq);
	*count_out = rq->cookies.count;
	return rq->cookies.at;
}

const char *
fh_cookie(struct fh_request *rq, const char *name)
{
	size_t count;
	const struct fh_field *fields = fh_cookies(rq, &count);

	return api_fields_first(fields, count, name);
}

/* ------------------------------------------------- too many */

int
api_fields_check(struct fh_request *rq)
{
	const char *what = NULL;

	/* Each takes a byte and what parts it from the next. */
	if (rq->input->params_length < 2 * API_FIELDS_MAX)
		return 0;
	if (!read_query(rq))
		what = "query";
	else if (!read_cookies(rq))
		what = "Cookie header";
	if (what == NULL)
		return rq->fault[0] == '\0' ? 0 : -1;
	fh_problem(rq, 400, "The %s has more than %d fields.", what,
	    API_FIELDS_MAX);
	return -1;
}
