/*
 * kit_reply.c - what came back, taken apart.
 *
 * Runs in: tests of handlers, the test's thread.
 * Owns: the reply of a call.
 * Invariant: a reply is what a client of the host would have: the host's own
 * answer where the handler's came too late, and nothing for who has left.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/log.h"
#include "kit/kit.h"
#include "wire/wire_text.h"

static void
take_header(struct fh_test_call *call, struct wire_span name,
    struct wire_span value)
{
	if (name.length == 6 && strncasecmp(name.at, "Status", 6) == 0) {
		call->reply.status = wire_cgi_status(value.at, value.length);
		return;
	}
	kit_bytes_add(&call->headers, name.at, name.length);
	kit_bytes_add(&call->headers, "", 1);
	kit_bytes_add(&call->headers, value.at, value.length);
	kit_bytes_add(&call->headers, "", 1);
}

static void
take_apart(struct fh_test_call *call)
{
	struct fh_test_reply *reply = &call->reply;
	const char *at = call->head.bytes;
	const char *end = at + call->head.length;
	struct wire_span name, value;

	reply->status = 200;
	while (wire_cgi_header_next(&at, end, &name, &value) == 1)
		take_header(call, name, value);
	reply->body = call->output.bytes;
	reply->length = call->output.length;
}

static void
give(struct fh_test_call *call)
{
	struct fh_test_reply *reply = &call->reply;

	reply->call = call;
	reply->type = fh_test_reply_header(reply, "Content-Type");
	if (reply->type == NULL)
		reply->type = "";
	if (reply->body == NULL)
		reply->body = "";
}

void
kit_reply_make(struct fh_test_call *call)
{
	call->reply.whole = call->outcome == API_DONE;
	if (!call->left && call->head.length > 0)
		take_apart(call);
	give(call);
}

void
kit_reply_problem(struct fh_test_call *call, int status, const char *extra,
    const char *format, ...)
{
	char text[API_PROBLEM_MAX], detail[512];
	size_t length, head;
	va_list ap;

	va_start(ap, format);
	vsnprintf(detail, sizeof(detail), format, ap);
	va_end(ap);
	length = api_problem(text, sizeof(text), status, call->asked.id,
	    head_has_no_body(&call->asked.head), extra, "%s", detail);
	head = api_problem_head(text, length);
	call->head.length = call->output.length = 0;
	kit_bytes_add(&call->head, text, head);
	kit_bytes_add(&call->output, text + head, length - head);
	call->reply.whole = true;
	take_apart(call);
	give(call);
}

/* The handler may be running still, and writes to nobody: it is left alone. */
void
kit_reply_late(struct fh_test_call *call)
{
	call->reply.timed_out = true;
	if (call->head_ns != 0 && call->head_ns < call->deadline_ns) {
		take_apart(call);
		give(call);
		return;
	}
	kit_reply_problem(call, 504, "", "The handler did not answer within "
	    "%llu ms.", (unsigned long long)call->timeout_ms);
}

/* ------------------------------------------------------------ for authors */

const char *
fh_test_reply_header(const struct fh_test_reply *reply, const char *name)
{
	const struct kit_bytes *headers = &reply->call->headers;
	size_t at = 0;

	while (at < headers->length) {
		const char *found = headers->bytes + at;
		const char *value = found + strlen(found) + 1;

		if (strcasecmp(found, name) == 0)
			return value;
		at = (size_t)(value - headers->bytes) + strlen(value) + 1;
	}
	return NULL;
}

struct json_object *
kit_reply_json(const struct fh_test_reply *reply)
{
	struct fh_test_call *call = reply->call;
	struct json_tokener *tokener;

	if (call->json != NULL)
		return call->json;
	tokener = json_tokener_new();
	if (tokener == NULL)
		fatalx(EXIT_CODE_SYSTEM, "out of memory");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	call->json = json_tokener_parse_ex(tokener, reply->body,
	    (int)reply->length + 1);
	json_tokener_free(tokener);
	return call->json;
}
