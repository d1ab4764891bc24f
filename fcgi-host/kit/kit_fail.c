/*
 * kit_fail.c - a test that has failed, said where its author looks.
 *
 * Runs in: tests of handlers.
 * Owns: what is called at a failure.
 * Invariant: no failure is silent: without cmocka, and without a function of
 * the author's, it ends the program.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kit/kit.h"

#define SENTENCE_MAX	4096

/* cmocka's, in programs that are linked with it: ends the test, and names the
 * line.  It is what its fail() stands for (cmocka.h, API since 1.0). */
extern void	_fail(const char *file, int line) __attribute__((weak));

static fh_test_failure	 on_failure;
static void		*on_failure_context;

void
fh_test_on_failure(fh_test_failure function, void *context)
{
	on_failure = function;
	on_failure_context = context;
}

void
kit_fail(const char *file, int line, const char *format, ...)
{
	char sentence[SENTENCE_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(sentence, sizeof(sentence), format, ap);
	va_end(ap);
	if (on_failure != NULL) {
		on_failure(on_failure_context, file, line, sentence);
		return;
	}
	fprintf(stderr, "%s:%d: %s\n", file, line, sentence);
	if (_fail != NULL)
		_fail(file, line);
	exit(1);
}
