/*
 * cached_condition.c - a kept reply for a request with conditions.
 *
 * Runs in: front; tests of handlers.
 * Owns: nothing.
 * Invariant: it is answered as its handler's reply would be, by the same rules
 * (wire_judge()), or not at all.
 */
#include "common/cached.h"

#include <string.h>
#include <strings.h>

#include "wire/wire_condition.h"
#include "wire/wire_params.h"

#define STATUS_304	"Status: 304 Not Modified\r\n"

static bool
is(struct wire_span span, const char *name)
{
	return span.length == strlen(name) &&
	    strncasecmp(span.at, name, span.length) == 0;
}

static struct wire_validators
validators_of(const struct cached_reply *reply, int64_t now)
{
	struct wire_validators found = { .modified = WIRE_NO_DATE };
	const char *at = reply->head, *end = at + reply->head_length;
	struct wire_span name, value;

	while (wire_cgi_header_next(&at, end, &name, &value) == 1) {
		if (is(name, "ETag") && wire_is_etag(value))
			found.etag = value;
		else if (is(name, "Last-Modified"))
			found.modified = wire_parse_date(value, now);
	}
	return found;
}

static struct wire_conditions
conditions_of(const uint8_t *params, size_t length)
{
	struct wire_conditions asked = { .reads = true };
	const struct { const char *name; struct wire_span *out; } known[] = {
		{ "HTTP_IF_MATCH", &asked.match },
		{ "HTTP_IF_NONE_MATCH", &asked.none_match },
		{ "HTTP_IF_MODIFIED_SINCE", &asked.modified_since },
		{ "HTTP_IF_UNMODIFIED_SINCE", &asked.unmodified_since }
	};
	const uint8_t *at = params, *end = params + length;
	struct wire_pair pair;

	while (wire_params_next(&at, end, &pair) == 1)
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (wire_pair_is(&pair, known[i].name))
				*known[i].out = (struct wire_span){
				    (const char *)pair.value,
				    pair.value_length };
	return asked;
}

enum cached_verdict
cached_judge(const struct cached_reply *reply, const uint8_t *params,
    size_t params_length, int64_t now)
{
	struct wire_validators there = validators_of(reply, now);
	struct wire_conditions asked = conditions_of(params, params_length);

	if (there.etag.length == 0 && there.modified == WIRE_NO_DATE)
		return CACHED_RUN;
	switch (wire_judge(&asked, &there, now)) {
	case WIRE_GO_ON:
		return CACHED_GIVE;
	case WIRE_NOT_MODIFIED:
		return CACHED_GIVE_304;
	case WIRE_FAILED:
		break;
	}
	return CACHED_RUN;
}

size_t
cached_304(const struct cached_reply *reply, char *out)
{
	const char *at = reply->head, *end = at + reply->head_length;
	const char *line = at;
	struct wire_span name, value;
	size_t length = sizeof(STATUS_304) - 1;

	memcpy(out, STATUS_304, length);
	while (wire_cgi_header_next(&at, end, &name, &value) == 1) {
		if (!is(name, "Status") && !is(name, "Content-Type") &&
		    !is(name, "Content-Length")) {
			memcpy(out + length, line, (size_t)(at - line));
			length += (size_t)(at - line);
		}
		line = at;
	}
	memcpy(out + length, "\r\n", 2);
	return length + 2;
}
