/*
 * err.c - the sentence that says why something failed.
 *
 * Runs in: every process.
 * Owns: nothing; the caller owns the struct.
 * Invariant: errno is the same after a call as before.
 */
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
err_set(struct err *err, const char *format, ...)
{
	int saved = errno;
	va_list ap;

	if (err != NULL) {
		va_start(ap, format);
		vsnprintf(err->text, sizeof(err->text), format, ap);
		va_end(ap);
	}
	errno = saved;
	return -1;
}

int
err_sys(struct err *err, const char *format, ...)
{
	int saved = errno;
	size_t length;
	va_list ap;

	if (err != NULL) {
		va_start(ap, format);
		vsnprintf(err->text, sizeof(err->text), format, ap);
		va_end(ap);
		length = strlen(err->text);
		snprintf(err->text + length, sizeof(err->text) - length,
		    ": %s", strerror(saved));
	}
	errno = saved;
	return -1;
}
