/*
 * identity.c - who sent a request, as bytes on their way to its handler.
 *
 * Runs in: front, workers, the tools.
 * Owns: nothing.
 * Invariant: what is read back is what was put in, or nothing.
 */
#include "common/identity.h"

#include <string.h>

#define TEXTS	4
#define BLANKS	" \t"

size_t
identity_put(uint8_t *out, size_t size, const struct fh_identity *identity)
{
	const char *const texts[TEXTS] = { identity->auth, identity->name,
		identity->scopes, identity->claims };
	size_t length = 0;

	for (size_t i = 0; i < TEXTS; i++) {
		size_t more = strlen(texts[i]) + 1;

		if (more > size - length)
			return 0;
		memcpy(out + length, texts[i], more);
		length += more;
	}
	return length;
}

int
identity_get(const uint8_t *bytes, size_t length, struct fh_identity *out)
{
	const char *texts[TEXTS];
	size_t at = 0;

	for (size_t i = 0; i < TEXTS; i++) {
		const uint8_t *end = at == length ? NULL :
		    memchr(bytes + at, '\0', length - at);

		if (end == NULL)
			return -1;
		texts[i] = (const char *)bytes + at;
		at = (size_t)(end - bytes) + 1;
	}
	if (at != length)
		return -1;
	*out = (struct fh_identity){ texts[0], texts[1], texts[2], texts[3] };
	return 0;
}

bool
identity_has_scope(const char *scopes, const char *scope, size_t length)
{
	while (*scopes != '\0') {
		size_t word = strcspn(scopes, BLANKS);

		if (length > 0 && word == length &&
		    memcmp(scopes, scope, length) == 0)
			return true;
		scopes += word;
		scopes += strspn(scopes, BLANKS);
	}
	return false;
}

bool
identity_has_scopes(const char *scopes, const char *wanted)
{
	wanted += strspn(wanted, BLANKS);
	while (*wanted != '\0') {
		size_t length = strcspn(wanted, BLANKS);

		if (!identity_has_scope(scopes, wanted, length))
			return false;
		wanted += length;
		wanted += strspn(wanted, BLANKS);
	}
	return true;
}
