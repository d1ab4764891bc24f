/*
 * kit_form.c - a form's fields and files, as a browser sends them.
 *
 * Runs in: tests of handlers.
 * Owns: nothing.
 * Invariant: a form is urlencoded until it has a file, and multipart from then
 * on, whatever the order they came in (WHATWG HTML, 4.10.21).
 */
#include <stdlib.h>
#include <string.h>

#include "kit/kit.h"

#define URLENCODED	"application/x-www-form-urlencoded"
#define BOUNDARY	"----fh-test-boundary-7MA4YWxkTrZu0gW"

static void
add_encoded(struct kit_bytes *to, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (strchr("*-._", c) != NULL || (c >= '0' && c <= '9') ||
		    ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			kit_bytes_add(to, text, 1);
		else
			kit_bytes_print(to, c == ' ' ? "+" : "%%%02X", c);
	}
}

/* In a part's header quotes and line ends are escaped (same place). */
static void
add_quoted(struct kit_bytes *to, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\r' || *text == '\n')
			kit_bytes_print(to, "%%%02X", (unsigned)*text);
		else
			kit_bytes_add(to, text, 1);
	}
}

static void
add_part(struct kit_bytes *to, const char *name, const char *filename,
    const char *type, const void *bytes, size_t length)
{
	kit_bytes_print(to, "--" BOUNDARY "\r\n"
	    "Content-Disposition: form-data; name=\"");
	add_quoted(to, name);
	if (filename != NULL) {
		kit_bytes_print(to, "\"; filename=\"");
		add_quoted(to, filename);
	}
	kit_bytes_print(to, "\"\r\n");
	if (type != NULL)
		kit_bytes_print(to, "Content-Type: %s\r\n", type);
	kit_bytes_print(to, "\r\n");
	kit_bytes_add(to, bytes, length);
	kit_bytes_print(to, "\r\n");
}

static void
begin_form(struct fh_test_call *call)
{
	if (call->formed)
		return;
	call->formed = true;
	fh_test_body(call, URLENCODED, "", 0);
}

static void
become_multipart(struct fh_test_call *call)
{
	struct kit_bytes parts = { NULL, 0, 0 };
	const char *fields = call->fields.bytes;
	size_t at = 0;

	if (call->boundary != NULL)
		return;
	call->boundary = kit_text("%s", BOUNDARY);
	while (at < call->fields.length) {
		const char *name = fields + at;
		const char *value = name + strlen(name) + 1;

		add_part(&parts, name, NULL, NULL, value, strlen(value));
		at = (size_t)(value - fields) + strlen(value) + 1;
	}
	fh_test_body(call, "multipart/form-data; boundary=" BOUNDARY,
	    parts.bytes == NULL ? "" : parts.bytes, parts.length);
	kit_bytes_free(&parts);
}

struct fh_test_call *
fh_test_field(struct fh_test_call *call, const char *name, const char *value)
{
	begin_form(call);
	if (call->boundary != NULL) {
		add_part(&call->body, name, NULL, NULL, value, strlen(value));
		return call;
	}
	kit_bytes_add(&call->fields, name, strlen(name) + 1);
	kit_bytes_add(&call->fields, value, strlen(value) + 1);
	if (call->body.length > 0)
		kit_bytes_add(&call->body, "&", 1);
	add_encoded(&call->body, name);
	kit_bytes_add(&call->body, "=", 1);
	add_encoded(&call->body, value);
	return call;
}

struct fh_test_call *
fh_test_file(struct fh_test_call *call, const char *name,
    const char *filename, const char *type, const void *bytes, size_t length)
{
	begin_form(call);
	become_multipart(call);
	add_part(&call->body, name, filename, type == NULL ?
	    "application/octet-stream" : type, bytes, length);
	return call;
}
