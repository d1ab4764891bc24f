/*
 * kit_call.c - a request that a test makes, piece by piece.
 *
 * Runs in: tests of handlers.
 * Owns: struct fh_test_call while it is made.
 * Invariant: handlers cannot tell it from one that came through a web server.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "kit/kit.h"

static void
or_die(int rc)
{
	if (rc < 0)
		fatalx(EXIT_CODE_SYSTEM, "out of memory");
}


struct fh_test_call *
fh_test_call(struct fh_test *test, const char *method, const char *target)
{
	struct fh_test_call *call = kit_alloc(sizeof(*call));
	int rc;

	call->test = test;
	call->label = kit_text("%s %s", method, target);
	request_init(&call->asked);
	TAILQ_INSERT_TAIL(&test->calls, call, link);
	rc = request_put_line(&call->asked, method, target);
	or_die(rc);
	if (rc != 0 || target[0] != '/')
		kit_fail(test->file, test->line, "%s: %s", call->label,
		    rc != 0 ? "the path has a malformed escape" :
		    "a path begins with '/'");
	return call;
}

void
kit_call_free(struct fh_test_call *call)
{
	request_free(&call->asked);
	free(call->label);
	free(call->type);
	free(call->boundary);
	kit_bytes_free(&call->body);
	kit_bytes_free(&call->cookies);
	kit_bytes_free(&call->fields);
	kit_bytes_free(&call->head);
	kit_bytes_free(&call->output);
	kit_bytes_free(&call->headers);
	json_object_put(call->json);
	free(call);
}

/* ------------------------------------------------------------ its pieces */

static void
set_type(struct fh_test_call *call, const char *type)
{
	free(call->type);
	call->type = type == NULL ? NULL : kit_text("%s", type);
}

struct fh_test_call *
fh_test_header(struct fh_test_call *call, const char *name, const char *value)
{
	if (strcasecmp(name, "Content-Type") == 0)
		set_type(call, value);
	else
		or_die(request_put_header(&call->asked, name, strlen(name),
		    value));
	return call;
}

struct fh_test_call *
fh_test_cookie(struct fh_test_call *call, const char *name, const char *value)
{
	kit_bytes_print(&call->cookies, "%s%s=%s",
	    call->cookies.length > 0 ? "; " : "", name, value);
	return call;
}

struct fh_test_call *
fh_test_param(struct fh_test_call *call, const char *name, const char *value)
{
	or_die(request_put_text(&call->asked, name, value));
	return call;
}

struct fh_test_call *
fh_test_as(struct fh_test_call *call, const char *name, const char *scopes,
    const char *claims)
{
	const struct fh_identity identity = { "test", name,
	    scopes != NULL ? scopes : "",
	    claims != NULL ? claims : "{}" };
	struct fh_identity kept;

	call->identity_length = identity_put(call->identity,
	    sizeof(call->identity), &identity);
	if (identity_get(call->identity, call->identity_length, &kept) == 0)
		call->scopes = kept.scopes;
	else
		kit_fail(call->test->file, call->test->line, "%s: an "
		    "identity has %d bytes at most", call->label,
		    IDENTITY_MAX);
	return call;
}

struct fh_test_call *
fh_test_timeout(struct fh_test_call *call, uint64_t ms)
{
	call->has_timeout = true;
	call->timeout_ms = ms;
	return call;
}

struct fh_test_call *
fh_test_body(struct fh_test_call *call, const char *type, const void *bytes,
    size_t length)
{
	kit_bytes_free(&call->body);
	kit_bytes_add(&call->body, bytes, length);
	set_type(call, type);
	return call;
}

struct fh_test_call *
fh_test_json(struct fh_test_call *call, const char *text)
{
	return fh_test_body(call, "application/json", text, strlen(text));
}

/* ------------------------------------------------------------ as a whole */

static int
finish_body(struct fh_test_call *call)
{
	char *length;
	int rc;

	if (call->boundary != NULL)
		kit_bytes_print(&call->body, "--%s--\r\n", call->boundary);
	if (call->type != NULL &&
	    request_put_text(&call->asked, "CONTENT_TYPE", call->type) < 0)
		return -1;
	if (call->body.bytes == NULL)
		return 0;
	length = kit_text("%zu", call->body.length);
	rc = request_put_text(&call->asked, "CONTENT_LENGTH", length);
	free(length);
	return rc;
}

int
kit_call_finish(struct fh_test_call *call, struct err *err)
{
	enum head_rc rc;

	or_die(finish_body(call));
	if (call->cookies.length > 0)
		or_die(request_put_text(&call->asked, "HTTP_COOKIE",
		    call->cookies.bytes));
	rc = request_scan(&call->asked);
	return rc == HEAD_OK ? 0 : err_set(err, "%s", head_strerror(rc));
}
