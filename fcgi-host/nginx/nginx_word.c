/*
 * nginx_word.c - texts as nginx reads them.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: whatever bytes a text has but control characters, which no path
 * and no option has, nginx reads the same text, and nothing more.
 */
#include <string.h>

#include "nginx/nginx_private.h"

#define PLAIN \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" \
	"/_.:,@%+=-"

/* In quotes a backslash means something before these alone. */
static bool
is_escaped(char after)
{
	return after == '\0' || strchr("\\\"'trn", after) != NULL;
}

void
nginx_put_quoted(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || (*text == '\\' && is_escaped(text[1])))
			putc('\\', out);
		putc(*text, out);
	}
	putc('"', out);
}

void
nginx_put_word(FILE *out, const char *text)
{
	if (text[0] != '\0' && text[strspn(text, PLAIN)] == '\0')
		fputs(text, out);
	else
		nginx_put_quoted(out, text);
}

void
nginx_put_literal(FILE *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (strchr("\\.^$|()[]{}*+?", text[i]) != NULL)
			putc('\\', out);
		putc(text[i], out);
	}
}

const char *
nginx_size(uint64_t bytes, bool large, char out[NGINX_VALUE_ROOM])
{
	static const char units[] = "kmg";
	size_t unit = 0, most = large ? 3 : 2;

	for (; unit < most && bytes > 0 && bytes % 1024 == 0; unit++)
		bytes /= 1024;
	snprintf(out, NGINX_VALUE_ROOM, "%llu%.*s", (unsigned long long)bytes,
	    unit > 0, unit > 0 ? &units[unit - 1] : "");
	return out;
}

const char *
nginx_time(uint64_t ms, char out[NGINX_VALUE_ROOM])
{
	if (ms % 3600000 == 0 && ms > 0)
		snprintf(out, NGINX_VALUE_ROOM, "%lluh",
		    (unsigned long long)(ms / 3600000));
	else if (ms % 1000 == 0)
		snprintf(out, NGINX_VALUE_ROOM, "%llus",
		    (unsigned long long)(ms / 1000));
	else
		snprintf(out, NGINX_VALUE_ROOM, "%llums",
		    (unsigned long long)ms);
	return out;
}

const char *
nginx_suffix(size_t group, char out[NGINX_VALUE_ROOM])
{
	out[0] = '\0';
	if (group > 0)
		snprintf(out, NGINX_VALUE_ROOM, "_%zu", group);
	return out;
}

/* GET answers HEAD too. */
void
nginx_put_methods(FILE *out, const struct route *const *routes, size_t count)
{
	putc('(', out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s%s", i > 0 ? "|" : "", routes[i]->method,
		    strcmp(routes[i]->method, "GET") == 0 ? "|HEAD" : "");
	putc(')', out);
}

int
nginx_prefix_check(const char *prefix, struct err *err)
{
	size_t length = strlen(prefix);

	if (length == 0)
		return 0;
	if (prefix[0] != '/' || prefix[length - 1] == '/')
		return err_set(err, "a prefix begins with '/' and has none at "
		    "its end: /app");
	if (length > 256)
		return err_set(err, "a prefix has 256 bytes at most");
	for (const char *at = prefix; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 127 ||
		    strchr("$%?#", *at) != NULL)
			return err_set(err, "a prefix is a path as nginx "
			    "compares it, decoded, without any of $ %% ? #");
	if (strstr(prefix, "//") != NULL || strstr(prefix, "/./") != NULL ||
	    strstr(prefix, "/../") != NULL ||
	    strcmp(strrchr(prefix, '/'), "/.") == 0 ||
	    strcmp(strrchr(prefix, '/'), "/..") == 0)
		return err_set(err, "nginx takes \"//\", \".\" and \"..\" out "
		    "of paths before it compares them: leave them out");
	return 0;
}
