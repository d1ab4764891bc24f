/*
 * api_rows.c - rows of a table: JSON, JSON lines or CSV, as was negotiated.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: a row is written whole or the reply has a fault; no text in CSV
 * begins as a formula does.
 */
#include "api/api_value.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "wire/wire_text.h"

#define PIECE	256

/* ------------------------------------------------- CSV (RFC 4180) */

/* What a spreadsheet would compute when the file is opened (CWE-1236). */
static bool
is_formula(const char *text)
{
	return *text != '\0' && strchr("=+-@\t\r", *text) != NULL;
}

static bool
needs_quotes(const char *text)
{
	size_t length = strlen(text);

	return length == 0 || strpbrk(text, ",\"\r\n") != NULL ||
	    *text == ' ' || text[length - 1] == ' ';
}

/* Quotes doubled, and what is no UTF-8 replaced. */
static int
push_text(struct fh_request *rq, const char *at, bool quoted)
{
	const char *end = at + strlen(at);
	char piece[PIECE];
	size_t n = 0;

	while (at < end) {
		bool good;
		size_t taken = wire_utf8_take(at, end, &good);

		if (n + 4 > sizeof(piece)) {
			if (api_reply_push(rq, piece, n) != 0)
				return -1;
			n = 0;
		}
		if (quoted && *at == '"')
			piece[n++] = '"';
		memcpy(piece + n, good ? at : "\xef\xbf\xbd",
		    good ? taken : 3);
		n += good ? taken : 3;
		at += taken;
	}
	return api_reply_push(rq, piece, n);
}

static int
push_field(struct fh_request *rq, const char *text, bool is_text)
{
	bool formula = is_text && is_formula(text);
	bool quoted = formula || (is_text && needs_quotes(text));

	if (quoted && api_reply_push(rq, formula ? "\"'" : "\"",
	    formula ? 2 : 1) != 0)
		return -1;
	if (push_text(rq, text, quoted) != 0)
		return -1;
	return quoted ? api_reply_push(rq, "\"", 1) : 0;
}

static int
push_header(struct fh_request *rq, const struct fh_property *columns)
{
	for (const struct fh_property *at = columns; at->type != 0;
	    at = route_next_property(rq->input->route, at)) {
		if ((at > columns && api_reply_push(rq, ",", 1) != 0) ||
		    push_field(rq, api_value_name(at), true) != 0)
			return -1;
	}
	return api_reply_push(rq, "\r\n", 2);
}

static int
push_cell(struct fh_request *rq, const struct fh_property *column,
    const char *row)
{
	char room[API_VALUE_MAX];
	const char *text;

	if (!api_value_given(column, row))
		return 0;
	text = api_value_text(rq, "fh_row", column, row, room);
	return text == NULL ? -1 :
	    push_field(rq, text, !api_value_is_bare(column));
}

static int
push_row(struct fh_request *rq, const struct fh_property *columns,
    const char *row)
{
	for (const struct fh_property *at = columns; at->type != 0;
	    at = route_next_property(rq->input->route, at)) {
		if ((at > columns && api_reply_push(rq, ",", 1) != 0) ||
		    push_cell(rq, at, row) != 0)
			return -1;
	}
	return api_reply_push(rq, "\r\n", 2);
}

/* ------------------------------------------------- which of them */

static bool
is_one_of(const char *type, const char *const *types)
{
	for (; *types != NULL; types++) {
		if (strcasecmp(type, *types) == 0)
			return true;
	}
	return false;
}

static enum api_rows_format
format_of(const char *type)
{
	static const char *const lines[] = { "application/jsonl",
	    "application/x-ndjson", "application/ndjson", NULL };
	static const char *const csv[] = { "text/csv", NULL };

	if (type != NULL && is_one_of(type, csv))
		return API_ROWS_CSV;
	if (type != NULL && is_one_of(type, lines))
		return API_ROWS_LINES;
	return API_ROWS_JSON;
}

/* What the route's response of that status says an item is. */
static const struct fh_property *
declared_columns(const struct fh_request *rq, int status)
{
	const struct fh_response *at = rq->input->route->responses;

	for (; at != NULL && at->status != 0;
	    at = route_next_response(rq->input->route, at)) {
		if (at->status == status && at->items != NULL &&
		    at->items->type == FH_TYPE_OBJECT)
			return at->items->fields;
	}
	return NULL;
}

/* A cell of CSV is one value. */
static bool
is_flat(const struct fh_request *rq, const struct fh_property *columns)
{
	for (; columns->type != 0;
	    columns = route_next_property(rq->input->route, columns)) {
		if (columns->type == FH_TYPE_ARRAY ||
		    columns->type == FH_TYPE_OBJECT)
			return false;
	}
	return true;
}

static const char *
why_no_rows(const struct fh_request *rq, const struct fh_property *columns,
    enum api_rows_format format)
{
	if (columns == NULL)
		return "no columns are given or declared";
	if (format == API_ROWS_CSV && !is_flat(rq, columns))
		return "an array or object cannot stand in CSV";
	return NULL;
}

/* ------------------------------------------------- the calls */

static int
begin_json(struct fh_request *rq, int status)
{
	if (fh_json_begin(rq, status) != 0)
		return -1;
	return fh_json_array(rq);
}

static int
begin_csv(struct fh_request *rq, int status,
    const struct fh_property *columns)
{
	if (api_reply_begin(rq, status,
	    "text/csv; charset=utf-8; header=present") != 0)
		return -1;
	return push_header(rq, columns);
}

int
fh_rows_begin(struct fh_request *rq, int status,
    const struct fh_property *columns)
{
	enum api_rows_format format = format_of(rq->accepted);
	const char *why;
	int rc;

	if (api_reply_open(rq) != 0)
		return -1;
	if (columns == NULL)
		columns = declared_columns(rq, status);
	if ((why = why_no_rows(rq, columns, format)) != NULL)
		return api_json_misuse(rq, "fh_rows_begin", why);
	if (format == API_ROWS_CSV)
		rc = begin_csv(rq, status, columns);
	else if (format == API_ROWS_LINES)
		rc = api_reply_begin(rq, status, rq->accepted);
	else
		rc = begin_json(rq, status);
	rq->rows.format = format;
	rq->rows.columns = columns;
	rq->replied = true;
	return rc;
}

static int
put_line(struct fh_request *rq, const struct fh_property *columns,
    const void *row)
{
	rq->json_out = (struct api_json){ .state = API_JSON_OPEN };
	if (fh_json_struct(rq, columns, row) != 0 || fh_json_end(rq) != 0)
		return -1;
	return api_reply_push(rq, "\n", 1);
}

int
fh_row(struct fh_request *rq, const void *row)
{
	const struct fh_property *columns = rq->rows.columns;

	switch (rq->rows.format) {
	case API_ROWS_CSV:
		return push_row(rq, columns, row);
	case API_ROWS_LINES:
		return put_line(rq, columns, row);
	case API_ROWS_JSON:
		return fh_json_struct(rq, columns, row);
	case API_ROWS_NONE:
		break;
	}
	return api_json_misuse(rq, "fh_row",
	    "fh_rows_begin() has not been called");
}

int
fh_rows_end(struct fh_request *rq)
{
	enum api_rows_format format = rq->rows.format;

	rq->rows.format = API_ROWS_NONE;
	if (format == API_ROWS_NONE)
		return api_json_misuse(rq, "fh_rows_end",
		    "fh_rows_begin() has not been called");
	if (format != API_ROWS_JSON)
		return api_reply_state(rq);
	if (fh_json_close(rq) != 0)
		return -1;
	return fh_json_end(rq);
}
