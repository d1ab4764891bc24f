/*
 * api_problem.c - problem documents (RFC 9457), the handler's and the host's.
 *
 * Runs in: every process that answers a request.
 * Owns: nothing.
 * Invariant: a document is valid JSON whatever its sentence holds, and a reply
 * made here is complete: header, blank line, body of the announced length.
 */
#include "api/api_private.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire_number.h"
#include "wire/wire_text.h"

#define DETAIL_MAX	512

/* Where a document is written; `failed` once something did not fit. */
struct writer {
	char	*at;
	char	*end;
	bool	 failed;
};

static void
put(struct writer *writer, const char *text)
{
	size_t length = strlen(text);

	if (length > (size_t)(writer->end - writer->at)) {
		writer->failed = true;
		return;
	}
	memcpy(writer->at, text, length);
	writer->at += length;
}

static void
put_string(struct writer *writer, const char *text, size_t length)
{
	ptrdiff_t n = wire_json_escape(writer->at,
	    (size_t)(writer->end - writer->at), text, length);

	if (n < 0)
		writer->failed = true;
	else
		writer->at += n;
}

ptrdiff_t
api_problem_document(char *out, size_t size, int status,
    const char *request_id, const char *detail, size_t detail_length)
{
	struct writer writer = { .at = out, .end = out + size };
	char number[WIRE_NUMBER_MAX + 1];

	*wire_put_unsigned(number, (uint64_t)status) = '\0';
	put(&writer, "{\"type\":\"about:blank\",\"title\":\"");
	put(&writer, wire_status_title(status));
	put(&writer, "\",\"status\":");
	put(&writer, number);
	put(&writer, ",\"detail\":\"");
	put_string(&writer, detail, detail_length);
	put(&writer, "\",\"instance\":\"");
	put_string(&writer, request_id, strlen(request_id));
	put(&writer, "\"}\n");
	return writer.failed ? -1 : writer.at - out;
}

/* ------------------------------------------------- the host's */

/* The document with as much of the sentence as fits. */
static size_t
shorten_to_fit(char *out, size_t size, int status, const char *request_id,
    const char *detail)
{
	size_t length = strlen(detail);
	ptrdiff_t n;

	while ((n = api_problem_document(out, size, status, request_id, detail,
	    length)) < 0 && length > 0)
		length = length * 3 / 4;
	return n < 0 ? 0 : (size_t)n;
}

static int
put_head(char *out, size_t size, int status, size_t length, const char *extra)
{
	if (!wire_status_has_body(status))
		return snprintf(out, size, "Status: %d %s\r\n%s\r\n", status,
		    wire_status_title(status), extra);
	return snprintf(out, size, "Status: %d %s\r\nContent-Type: "
	    API_PROBLEM_TYPE "\r\nContent-Length: %zu\r\n%s\r\n", status,
	    wire_status_title(status), length, extra);
}

size_t
api_problem(char *out, size_t size, int status, const char *request_id,
    bool head_only, const char *extra, const char *format, ...)
{
	char detail[DETAIL_MAX], document[API_PROBLEM_MAX];
	size_t head, length, room;
	va_list ap;
	int n;

	va_start(ap, format);
	vsnprintf(detail, sizeof(detail), format, ap);
	va_end(ap);
	/* The longest head there can be says how much room the body has. */
	n = put_head(NULL, 0, status, API_PROBLEM_MAX, extra);
	FH_BUG(n < 0 || (size_t)n >= size);
	room = size - (size_t)n;
	if (room > sizeof(document))
		room = sizeof(document);
	length = shorten_to_fit(document, room, status, request_id, detail);
	n = put_head(out, size, status, length, extra);
	head = (size_t)n;
	if (head_only || !wire_status_has_body(status))
		return head;
	memcpy(out + head, document, length);
	return head + length;
}

size_t
api_problem_head(const char *reply, size_t length)
{
	const char *end = memmem(reply, length, "\r\n\r\n", 4);

	FH_BUG(end == NULL);
	return (size_t)(end + 4 - reply);
}

/* ------------------------------------------------- the handler's */

static int
whole_problem(struct fh_request *rq, int status, const char *detail,
    size_t detail_length)
{
	size_t size = 6 * (detail_length + strlen(rq->input->request_id)) +
	    256;
	char *document = api_arena_alloc(&rq->arena, size);
	ptrdiff_t length;

	if (document == NULL)
		return api_fault(rq, ENOMEM, "out of memory for the reply");
	length = api_problem_document(document, size, status,
	    rq->input->request_id, detail, detail_length);
	FH_BUG(length < 0);
	return api_reply_whole(rq, status, API_PROBLEM_TYPE, document,
	    (size_t)length);
}

int
fh_problem(struct fh_request *rq, int status, const char *format, ...)
{
	char fast[DETAIL_MAX], *detail = fast;
	va_list ap, again;
	int length;

	va_start(ap, format);
	va_copy(again, ap);
	length = vsnprintf(fast, sizeof(fast), format, ap);
	va_end(ap);
	if (length >= (int)sizeof(fast)) {
		detail = api_arena_alloc(&rq->arena, (size_t)length + 1);
		if (detail != NULL)
			vsnprintf(detail, (size_t)length + 1, format, again);
	}
	va_end(again);
	if (length < 0 || detail == NULL)
		return api_fault(rq, ENOMEM, "out of memory for the reply");
	return whole_problem(rq, status, detail, (size_t)length);
}

/* ------------------------------------------------- with more in it */

/* The standard's own are ours; but a `title` is for who has a `type`. */
static bool
is_standard(const char *name)
{
	return strcmp(name, "type") == 0 || strcmp(name, "title") == 0 ||
	    strcmp(name, "status") == 0 || strcmp(name, "detail") == 0 ||
	    strcmp(name, "instance") == 0;
}

static void
write_members(struct fh_request *rq, struct json_object *members)
{
	struct json_object_iterator at = json_object_iter_begin(members);
	struct json_object_iterator end = json_object_iter_end(members);

	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
		const char *name = json_object_iter_peek_name(&at);

		if (is_standard(name))
			continue;
		fh_json_name(rq, name);
		fh_json_tree(rq, json_object_iter_peek_value(&at));
	}
}

static void
write_string(struct fh_request *rq, const char *name, const char *value)
{
	fh_json_name(rq, name);
	fh_json_string(rq, value);
}

static int
write_problem(struct fh_request *rq, int status, const char *type,
    struct json_object *members, const char *detail)
{
	struct json_object *title;
	bool has_members = json_object_is_type(members, json_type_object);

	if (api_reply_begin(rq, status, API_PROBLEM_TYPE) != 0)
		return -1;
	fh_json_begin(rq, status);
	fh_json_object(rq);
	write_string(rq, "type", type != NULL ? type : "about:blank");
	if (has_members && json_object_object_get_ex(members, "title", &title))
		write_string(rq, "title", json_object_get_string(title));
	else
		write_string(rq, "title", wire_status_title(status));
	fh_json_name(rq, "status");
	fh_json_integer(rq, status);
	write_string(rq, "detail", detail);
	write_string(rq, "instance", rq->input->request_id);
	if (has_members)
		write_members(rq, members);
	fh_json_close(rq);
	return fh_json_end(rq);
}

int
fh_problem_with(struct fh_request *rq, int status, const char *type,
    struct json_object *members, const char *format, ...)
{
	va_list ap;
	char *detail;
	int rc;

	va_start(ap, format);
	if (vasprintf(&detail, format, ap) < 0)
		rc = api_fault(rq, ENOMEM, "out of memory for the reply");
	else {
		rc = write_problem(rq, status, type, members, detail);
		free(detail);
	}
	va_end(ap);
	json_object_put(members);
	return rc;
}

/* ------------------------------------------------- faults */

int
api_fault(struct fh_request *rq, int error, const char *format, ...)
{
	va_list ap;

	if (rq->fault[0] == '\0') {
		va_start(ap, format);
		vsnprintf(rq->fault, sizeof(rq->fault), format, ap);
		va_end(ap);
		api_log(rq, LOG_LEVEL_WARN, "%s", rq->fault);
	}
	errno = error;
	return -1;
}

/* `space` always has room for it: the sentence is short. */
void
api_reply_problem(struct fh_request *rq, int status)
{
	rq->status = status;
	rq->content_type = API_PROBLEM_TYPE;
	rq->header_count = 0;
	rq->declared = -1;
	rq->flushed = false;
	rq->muted = false;
	rq->collected = shorten_to_fit(rq->space, rq->space_size, status,
	    rq->input->request_id, rq->fault);
	rq->written = rq->collected;
	rq->fault[0] = '\0';
	if (status == 503)
		api_header_put(rq, (struct wire_span){ "Retry-After", 11 },
		    (struct wire_span){ "1", 1 }, true);
}
