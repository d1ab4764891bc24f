/*
 * openapi_pattern.c - PCRE2 patterns that are ECMAScript's too.
 *
 * Runs in: zygote and the tools.
 * Owns: nothing.
 * Invariant: a pattern that is let through compiles with ECMAScript's flag u,
 * provided it compiles with PCRE2.
 *
 * What is left of differences is what `.`, `\s` and `$` mean next to line ends
 * and blanks beyond ASCII.
 */
#include <string.h>

#include "openapi/openapi_private.h"

/* What may follow a backslash in both, with the same meaning; inside of a
 * class \b is a backspace in both, and \B nothing in ECMAScript. */
static bool
is_escape(char c, bool in_class)
{
	if (c == '\0')
		return false;
	if (strchr("dDwWsSnrtf^$\\.*+?()[]{}|/", c) != NULL)
		return true;
	return in_class ? c == 'b' || c == '-' : c == 'b' || c == 'B';
}

/* After "(": a plain group, or one of the kinds that both have. */
static bool
is_group(const char *at)
{
	if (*at == '*')		/* (*UTF) and other verbs */
		return false;
	if (*at != '?')
		return true;
	at++;
	if (*at == ':' || *at == '=' || *at == '!')
		return true;
	return *at == '<' && (at[1] == '=' || at[1] == '!');
}

/* At "{": the length of a quantifier such as {2}, {2,} or {2,5}; else 0. */
static size_t
braces(const char *at)
{
	size_t length = 1 + strspn(at + 1, "0123456789");

	if (length == 1)
		return 0;
	if (at[length] == ',')
		length += 1 + strspn(at + length + 1, "0123456789");
	return at[length] == '}' ? length + 1 : 0;
}

/* At "[": the length of the class; 0 for what ECMAScript would read in another
 * way. */
static size_t
class(const char *start)
{
	const char *at = start + 1;

	at += *at == '^';
	if (*at == ']')		/* a literal in PCRE2, the end in ECMAScript */
		return 0;
	for (; *at != '\0' && *at != ']'; at++) {
		if (*at == '[' && strchr(":.=", at[1]) != NULL)
			return 0;	/* [[:alpha:]] */
		if (*at != '\\')
			continue;
		if (!is_escape(*++at, true))
			return 0;
		/* [\w-x]: a range of a class is an error with u */
		if (strchr("dDwWsS", *at) != NULL && at[1] == '-' &&
		    at[2] != ']')
			return 0;
	}
	return *at == ']' ? (size_t)(at + 1 - start) : 0;
}

/* At a quantifier: its length with the '?' that makes it lazy; 0: possessive,
 * or none. */
static size_t
quantifier(const char *at)
{
	size_t length = *at == '{' ? braces(at) : 1;

	if (length == 0 || at[length] == '+')
		return 0;
	return length + (at[length] == '?');
}

/* One piece at `at`; 0: it is not the same in both. */
static size_t
piece(const char *at)
{
	switch (*at) {
	case '\\':
		return is_escape(at[1], false) ? 2 : 0;
	case '[':
		return class(at);
	case '(':
		return is_group(at + 1) ? 1 : 0;
	case '*':
	case '+':
	case '?':
	case '{':
		return quantifier(at);
	case ']':
	case '}':
		return 0;	/* literals in PCRE2, errors with u */
	default:
		return 1;
	}
}

bool
openapi_pattern(const char *pattern)
{
	while (*pattern != '\0') {
		size_t length = piece(pattern);

		if (length == 0)
			return false;
		/* A group's own '?' is no quantifier. */
		if (*pattern == '(' && pattern[1] == '?')
			length += pattern[2] == '<' ? 3 : 2;
		pattern += length;
	}
	return true;
}
