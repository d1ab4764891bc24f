/*
 * schema_pattern.c - regular expressions, by PCRE2.
 *
 * Runs in: zygote compiles; front, workers, call and cgi match.
 * Owns: the compiled code until schema_pattern_free(), which all processes and
 * threads share; a matcher for each thread.
 * Invariant: a match ends, in time and memory, whatever the pattern and the
 * text are.
 *
 * Interpreted: PCRE2's JIT wants memory to be made executable, which a service
 * may forbid (MemoryDenyWriteExecute), and it knows no heap limit.
 *
 * PCRE2's own limit counts what is tried from one place in the text, and not
 * how far each try reads: "\s+$" over 1 MB of blanks takes minutes below it.
 * So we count, by its automatic callouts: a step before each item of the
 * pattern, and the way from the place of the last one.
 */
#define PCRE2_CODE_UNIT_WIDTH	8
#include <pcre2.h>

#include <stdio.h>
#include <stdlib.h>

#include "schema/schema_private.h"

/*
 * Some 0.1 s; a text that is passed over a few times is in it whatever its
 * length.  HEAP_LIMIT is in KiB.
 */
#define STEPS_MAX	((size_t)4 << 20)
#define PASSES_MAX	4
#define HEAP_LIMIT	8192u

struct schema_matcher {
	pcre2_match_data	*data;
	pcre2_match_context	*limits;
	size_t			 steps_left;	/* of this match */
	size_t			 place;		/* of the last callout */
};

static int
count_step(pcre2_callout_block *block, void *context)
{
	struct schema_matcher *matcher = context;
	size_t place = block->current_position;
	size_t steps = 1 + (place > matcher->place ? place - matcher->place :
	    matcher->place - place);

	matcher->place = place;
	if (steps > matcher->steps_left)
		return PCRE2_ERROR_MATCHLIMIT;
	matcher->steps_left -= steps;
	return 0;
}

void *
schema_pattern_compile(const char *pattern, char *why, size_t size)
{
	PCRE2_UCHAR words[128];
	PCRE2_SIZE offset;
	pcre2_code *code;
	int error;

	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
	    PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT |
	    PCRE2_DOLLAR_ENDONLY, &error, &offset, NULL);
	if (code != NULL)
		return code;
	pcre2_get_error_message(error, words, sizeof(words));
	snprintf(why, size, "%s, at byte %zu", (const char *)words,
	    (size_t)offset);
	return NULL;
}

void
schema_pattern_free(void *code)
{
	pcre2_code_free(code);
}

struct schema_matcher *
schema_matcher_create(void)
{
	struct schema_matcher *matcher = calloc(1, sizeof(*matcher));

	if (matcher == NULL)
		return NULL;
	matcher->data = pcre2_match_data_create(1, NULL);
	matcher->limits = pcre2_match_context_create(NULL);
	if (matcher->data == NULL || matcher->limits == NULL) {
		schema_matcher_destroy(matcher);
		return NULL;
	}
	pcre2_set_heap_limit(matcher->limits, HEAP_LIMIT);
	pcre2_set_callout(matcher->limits, count_step, matcher);
	return matcher;
}

void
schema_matcher_destroy(struct schema_matcher *matcher)
{
	if (matcher == NULL)
		return;
	pcre2_match_data_free(matcher->data);
	pcre2_match_context_free(matcher->limits);
	free(matcher);
}

bool
schema_pattern_matches(struct schema_matcher *matcher, const void *code,
    const char *text, size_t length)
{
	matcher->steps_left = STEPS_MAX + PASSES_MAX * length;
	matcher->place = 0;
	return pcre2_match(code, (PCRE2_SPTR)text, length, 0,
	    PCRE2_NO_UTF_CHECK, matcher->data, matcher->limits) >= 0;
}
