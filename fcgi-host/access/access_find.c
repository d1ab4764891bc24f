/*
 * access_find.c - the headers of a request that credentials stand in.
 *
 * Runs in: front, the tools.
 * Owns: nothing.
 * Invariant: what could be read in two ways is read in none.
 */
#include <string.h>
#include <strings.h>

#include "access/access_private.h"
#include "wire/wire_params.h"

enum access_verdict
access_find_header(const struct access_question *question,
    const char *parameter, struct wire_span *out)
{
	const uint8_t *at = question->params;
	const uint8_t *end = at + question->params_length;
	size_t count = 0;
	struct wire_pair pair;

	while (wire_params_next(&at, end, &pair) == 1) {
		if (!wire_pair_is(&pair, parameter))
			continue;
		*out = wire_trim((struct wire_span){
		    (const char *)pair.value, pair.value_length });
		count += out->length > 0;
	}
	return count == 0 ? ACCESS_MISSING : count == 1 ? ACCESS_GRANTED :
	    ACCESS_INVALID;
}

/* In any case of letters (RFC 9110, section 11.1; RFC 6750, section 2.1; RFC
 * 7617, section 2). */
enum access_verdict
access_find_scheme(const struct access_question *question,
    const char *scheme, struct wire_span *out)
{
	enum access_verdict verdict = access_find_header(question,
	    "HTTP_AUTHORIZATION", out);
	size_t length = strlen(scheme);

	if (verdict != ACCESS_GRANTED)
		return verdict;
	if (out->length < length || strncasecmp(out->at, scheme, length) != 0)
		return ACCESS_MISSING;
	*out = wire_trim((struct wire_span){ out->at + length,
	    out->length - length });
	return out->length == 0 ? ACCESS_INVALID : ACCESS_GRANTED;
}
