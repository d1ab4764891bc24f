/*
 * fuzz_jobs.c - any bytes as what clients and handlers write about jobs.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: an id is 32 hex digits or none, a key is visible ASCII, and
 * json-c takes a progress as a text of valid UTF-8.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "clerk/clerk_words.h"

static void
check_path(struct wire_span text)
{
	char id[CLERK_ID_MAX];
	enum clerk_what what = clerk_words_path(text, "/jobs", id);

	CHECK(strlen(id) == (what == CLERK_WHAT_NOTHING ? 0 :
	    CLERK_ID_MAX - 1));
	CHECK(strspn(id, "0123456789abcdef") == strlen(id));
	CHECK(what == CLERK_WHAT_NOTHING || text.length >= 6);
}

static void
check_key(struct wire_span text)
{
	char key[CLERK_KEY_MAX];

	if (clerk_words_key(text, key) < 0)
		return;
	CHECK(key[0] != '\0');
	for (const char *at = key; *at != '\0'; at++)
		CHECK(*at > ' ' && *at <= '~');
}

static void
check_progress(const char *text)
{
	struct json_tokener *tokener = json_tokener_new();
	struct clerk_progress progress;
	struct json_object *string;
	char document[6 * CLERK_TEXT_MAX + 3];
	ptrdiff_t length;

	clerk_words_progress(text, &progress);
	CHECK(progress.any && strlen(progress.text) < CLERK_TEXT_MAX);
	CHECK(strchr(progress.text, '\n') == NULL);
	document[0] = '"';
	length = wire_json_escape(document + 1, sizeof(document) - 3,
	    progress.text, strlen(progress.text));
	CHECK(length >= 0 && tokener != NULL);
	document[length + 1] = '"';
	json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
	string = json_tokener_parse_ex(tokener, document, (int)length + 2);
	CHECK(string != NULL);
	CHECK(strcmp(json_object_get_string(string), progress.text) == 0);
	json_object_put(string);
	json_tokener_free(tokener);
}

/* What passes begins with the prefix, and is a URL of that host. */
static void
check_hook(struct wire_span text)
{
	char *const prefixes[] = { "http://a.org/x", NULL };
	char url[CLERK_URL_MAX];

	if (clerk_words_hook(text, prefixes, url) < 0)
		return;
	CHECK(strncmp(url, "http://a.org/x", 14) == 0);
	CHECK(strpbrk(url, "\r\n\t \\#") == NULL);
	url[strcspn(url, "?")] = '\0';
	CHECK(strstr(url, "/../") == NULL && strstr(url, "/./") == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct wire_span span = { text, size };
	uint64_t ms;

	CHECK(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	check_path(span);
	check_key(span);
	check_hook(span);
	if (clerk_words_wait(span, &ms) < 0)
		CHECK(size > 0);
	check_progress(text);
	free(text);
	return 0;
}
