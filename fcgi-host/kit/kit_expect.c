/*
 * kit_expect.c - what a test expects of a reply as a whole.
 *
 * Runs in: tests of handlers, the test's thread.
 * Owns: nothing.
 * Invariant: a failure shows what was expected and the reply that came.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/kit.h"

#define SHOWN	600		/* bytes of a body */

void
kit_expect_fail(const struct fh_test_reply *reply, const char *file, int line,
    const char *format, ...)
{
	char sentence[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(sentence, sizeof(sentence), format, ap);
	va_end(ap);
	kit_fail(file, line, "%s: %s\nIt gave %d%s%s%s%s%s\n%.*s%s",
	    reply->call->label, sentence, reply->status,
	    reply->type[0] != '\0' ? ", " : "", reply->type,
	    reply->timed_out ? ", timed out" : "",
	    reply->whole ? "" : ", not whole",
	    reply->length > 0 ? ":" : ", without a body", SHOWN, reply->body,
	    reply->length > SHOWN ? " ..." : "");
}

void
fh_test_expect_status_at(const struct fh_test_reply *reply, int status,
    const char *file, int line)
{
	if (reply->status != status)
		kit_expect_fail(reply, file, line, "expected the status %d",
		    status);
}

void
fh_test_expect_header_at(const struct fh_test_reply *reply, const char *name,
    const char *value, const char *file, int line)
{
	const char *found = fh_test_reply_header(reply, name);

	if (value == NULL && found != NULL)
		kit_expect_fail(reply, file, line, "expected no header %s, "
		    "and there is \"%s\"", name, found);
	else if (value != NULL && found == NULL)
		kit_expect_fail(reply, file, line, "expected a header %s: %s",
		    name, value);
	else if (value != NULL && strcmp(found, value) != 0)
		kit_expect_fail(reply, file, line, "expected %s: %s, and it "
		    "is \"%s\"", name, value, found);
}

void
fh_test_expect_body_at(const struct fh_test_reply *reply, const char *text,
    const char *file, int line)
{
	if (reply->length != strlen(text) ||
	    memcmp(reply->body, text, reply->length) != 0)
		kit_expect_fail(reply, file, line, "expected the body \"%s\"",
		    text);
}

void
fh_test_expect_text_at(const struct fh_test_reply *reply, const char *text,
    const char *file, int line)
{
	if (memmem(reply->body, reply->length, text, strlen(text)) == NULL)
		kit_expect_fail(reply, file, line, "expected \"%s\" in the "
		    "body", text);
}
