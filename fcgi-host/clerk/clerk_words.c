/*
 * clerk_words.c - the small grammars of jobs: what clients and handlers write.
 *
 * Runs in: clerk.
 * Owns: nothing.
 * Invariant: pure; what comes out can be put into a database and into JSON.
 */
#include "clerk/clerk_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define WAIT_MAX_MS	UINT64_C(86400000)

static bool
rest_is(struct wire_span rest, const char *text)
{
	return rest.length == strlen(text) &&
	    memcmp(rest.at, text, rest.length) == 0;
}

enum clerk_what
clerk_words_path(struct wire_span path, const char *jobs_path,
    char id_out[CLERK_ID_MAX])
{
	size_t before = strlen(jobs_path) + 1;
	struct wire_span rest;

	id_out[0] = '\0';
	if (path.length < before + CLERK_ID_MAX - 1)
		return CLERK_WHAT_NOTHING;
	rest.at = path.at + before + CLERK_ID_MAX - 1;
	rest.length = path.length - before - (CLERK_ID_MAX - 1);
	memcpy(id_out, path.at + before, CLERK_ID_MAX - 1);
	id_out[CLERK_ID_MAX - 1] = '\0';
	if (strspn(id_out, "0123456789abcdef") == CLERK_ID_MAX - 1) {
		if (rest.length == 0)
			return CLERK_WHAT_JOB;
		if (rest_is(rest, "/result"))
			return CLERK_WHAT_RESULT;
		if (rest_is(rest, "/events"))
			return CLERK_WHAT_EVENTS;
	}
	id_out[0] = '\0';
	return CLERK_WHAT_NOTHING;
}

int
clerk_words_key(struct wire_span key, char key_out[CLERK_KEY_MAX])
{
	key = wire_trim(key);
	if (key.length >= 2 && key.at[0] == '"' &&
	    key.at[key.length - 1] == '"') {
		key.at++;
		key.length -= 2;
	}
	if (key.length == 0 || key.length >= CLERK_KEY_MAX)
		return -1;
	for (size_t i = 0; i < key.length; i++)
		if (key.at[i] <= ' ' || key.at[i] > '~')
			return -1;
	memcpy(key_out, key.at, key.length);
	key_out[key.length] = '\0';
	return 0;
}

/* It may not lead out of where it seems to be. */
static bool
is_straight(const char *url)
{
	const char *host = strstr(url, "://"), *at, *end;
	size_t length;

	if (host == NULL || (strncmp(url, "http://", 7) != 0 &&
	    strncmp(url, "https://", 8) != 0) ||
	    strpbrk(url, "\\#\"<>{}|^`") != NULL)
		return false;
	host += 3;
	length = strcspn(host, "/?");
	if (length == 0 || memchr(host, '@', length) != NULL)
		return false;
	for (at = host + length; *at == '/'; at = end) {
		at++;
		end = at + strcspn(at, "/?");
		if (at[0] == '.' && (end - at == 1 ||
		    (end - at == 2 && at[1] == '.')))
			return false;
	}
	return strcasestr(host, "%2e") == NULL &&
	    strcasestr(host, "%2f") == NULL && strcasestr(host, "%5c") == NULL;
}

static bool
begins_with(const char *url, const char *prefix)
{
	size_t length = strlen(prefix);

	return length > 0 && strncmp(url, prefix, length) == 0 &&
	    (prefix[length - 1] == '/' || url[length] == '\0' ||
	    url[length] == '/' || url[length] == '?');
}

int
clerk_words_hook(struct wire_span url, char *const *prefixes,
    char url_out[CLERK_URL_MAX])
{
	url = wire_trim(url);
	if (url.length == 0 || url.length >= CLERK_URL_MAX)
		return -1;
	for (size_t i = 0; i < url.length; i++)
		if (url.at[i] <= ' ' || url.at[i] > '~')
			return -1;
	memcpy(url_out, url.at, url.length);
	url_out[url.length] = '\0';
	if (!is_straight(url_out))
		return -1;
	for (; prefixes != NULL && *prefixes != NULL; prefixes++)
		if (begins_with(url_out, *prefixes))
			return 0;
	return -1;
}

static int
parse_wait(struct wire_span value, uint64_t *ms_out)
{
	char text[32];
	int64_t seconds;

	if (value.length == 0 || value.length >= sizeof(text))
		return -1;
	memcpy(text, value.at, value.length);
	text[value.length] = '\0';
	if (wire_parse_number(text, value.length, &seconds) < 0)
		return config_parse_time(text, ms_out);
	*ms_out = seconds > (int64_t)(WAIT_MAX_MS / 1000) ? WAIT_MAX_MS :
	    (uint64_t)seconds * 1000;
	return 0;
}

int
clerk_words_wait(struct wire_span query, uint64_t *ms_out)
{
	const char *cursor = query.at, *end = cursor + query.length;
	struct wire_span name, value;

	*ms_out = 0;
	while (wire_form_next(&cursor, end, &name, &value) == 1)
		if (rest_is(name, "wait"))
			return parse_wait(value, ms_out);
	return 0;
}

/* How many bytes at `at` are one character of UTF-8 (RFC 3629); 0: none. */
static size_t
character(const unsigned char *at)
{
	static const struct { unsigned char first, last, min, max, follow; }
	    leads[] = { { 0xc2, 0xdf, 0x80, 0xbf, 1 },
	    { 0xe0, 0xe0, 0xa0, 0xbf, 2 }, { 0xe1, 0xec, 0x80, 0xbf, 2 },
	    { 0xed, 0xed, 0x80, 0x9f, 2 }, { 0xee, 0xef, 0x80, 0xbf, 2 },
	    { 0xf0, 0xf0, 0x90, 0xbf, 3 }, { 0xf1, 0xf3, 0x80, 0xbf, 3 },
	    { 0xf4, 0xf4, 0x80, 0x8f, 3 } };

	if (*at < 0x80)
		return *at >= ' ' && *at != 0x7f;
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		if (*at < leads[i].first || *at > leads[i].last)
			continue;
		if (at[1] < leads[i].min || at[1] > leads[i].max)
			return 0;
		for (size_t k = 2; k <= leads[i].follow; k++)
			if (at[k] < 0x80 || at[k] > 0xbf)
				return 0;
		return leads[i].follow + 1u;
	}
	return 0;
}

void
clerk_words_clean(char *text)
{
	while (*text != '\0') {
		size_t length = character((const unsigned char *)text);

		if (length == 0) {
			*text = '?';
			length = 1;
		}
		text += length;
	}
}

void
clerk_words_progress(const char *said, struct clerk_progress *out)
{
	char *at;

	memset(out, 0, sizeof(*out));
	out->any = true;
	out->done = strtoll(said, &at, 10);
	out->total = strtoll(at, &at, 10);
	snprintf(out->text, sizeof(out->text), "%s", *at == ' ' ? at + 1 : at);
	clerk_words_clean(out->text);
}
