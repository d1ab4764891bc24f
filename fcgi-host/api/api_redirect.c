/*
 * api_redirect.c - where else to look, what to call it, how long to keep it.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: no byte of a caller's text ends a header or changes what it says.
 */
#include "api/api_private.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "wire/wire_text.h"

/* What a URI may have as it is (RFC 3986, 2.2, 2.3), and '%'. */
#define URI_MARKS	"-._~:/?#[]@!$&'()*+,;=%"

/* attr-char of RFC 8187, 3.2.1, beside letters and digits. */
#define ATTRIBUTE_MARKS	"!#$&+-.^_`|~"

const char *
fh_mount(struct fh_request *rq)
{
	const char *script = fh_param(rq, "SCRIPT_NAME");
	const char *info = fh_param(rq, "PATH_INFO");
	size_t length;

	/* Without PATH_INFO it is the path itself. */
	if (script == NULL || *script != '/' || info == NULL || *info == '\0')
		return "";
	length = strlen(script);
	while (length > 0 && script[length - 1] == '/')
		length--;
	script = api_copy(rq, script, length);
	return script == NULL ? "" : script;
}

/* ------------------------------------------------- redirects */

static char *
encode(struct fh_request *rq, const char *text, const char *marks)
{
	size_t length = strlen(text);
	char *out = api_arena_alloc(&rq->arena, 3 * length + 1);

	if (out != NULL)
		out[wire_percent_encode(out, text, length, marks)] = '\0';
	return out;
}

static const char *
why_no_location(const char *location)
{
	if (location == NULL || *location == '\0')
		return "is empty";
	if (!wire_is_field_value(location, strlen(location)) ||
	    strchr(location, '\t') != NULL)
		return "has a CR, LF or another control character";
	if (location[0] == '/' && (location[1] == '/' || location[1] == '\\'))
		return "begins with \"//\", which leads to another site";
	return NULL;
}

static char *
location_of(struct fh_request *rq, const char *location)
{
	char *encoded = encode(rq, location, URI_MARKS), *mount;

	if (*location != '/' || encoded == NULL)
		return encoded;
	mount = encode(rq, fh_mount(rq), "-._~/!$&'()*+,;=:@");
	return mount == NULL ? NULL : fh_sprintf(rq, "%s%s", mount, encoded);
}

int
fh_redirect(struct fh_request *rq, int status, const char *location)
{
	const char *why = why_no_location(location);
	char *text;

	if (api_reply_open(rq) != 0)
		return -1;
	if (status != 301 && status != 302 && status != 303 &&
	    status != 307 && status != 308)
		return api_fault(rq, EINVAL, "the status %d is no redirect",
		    status);
	if (why != NULL)
		return api_fault(rq, EINVAL, "the location of a redirect %s",
		    why);
	if ((text = location_of(rq, location)) == NULL)
		return api_fault(rq, ENOMEM, "out of memory for a header");
	if (fh_set_header(rq, "Location", text) != 0)
		return -1;
	return api_reply_whole(rq, status, NULL, "", 0);
}

/* ------------------------------------------------- downloads */

static bool
is_unfit(char c)
{
	return (unsigned char)c < ' ' || c == 127 || c == '/' || c == '\\';
}

/* The name as UTF-8, without what a file's name may not have. */
static char *
clean_name(struct fh_request *rq, const char *name)
{
	char *out = api_copy(rq, name, strlen(name));
	bool good;

	for (char *at = out; at != NULL && *at != '\0';) {
		size_t n = wire_utf8_take(at, at + strlen(at), &good);

		if (!good || (n == 1 && is_unfit(*at)))
			memset(at, '_', n);
		at += n;
	}
	return out;
}

/* For those who know no other: what is not ASCII, a quote and a percent sign,
 * which some decode, is '_'. */
static char *
ascii_name(struct fh_request *rq, const char *name)
{
	char *out = api_copy(rq, name, strlen(name));

	for (char *at = out; at != NULL && *at != '\0'; at++) {
		if ((unsigned char)*at >= 127 || *at == '"' || *at == '%')
			*at = '_';
	}
	return out;
}

int
fh_download(struct fh_request *rq, const char *name)
{
	char *clean, *ascii, *encoded, *text = NULL;

	if (api_reply_open(rq) != 0)
		return -1;
	if (*name == '\0')
		return api_fault(rq, EINVAL, "a download needs a name");
	clean = clean_name(rq, name);
	ascii = clean == NULL ? NULL : ascii_name(rq, clean);
	encoded = clean == NULL ? NULL : encode(rq, clean, ATTRIBUTE_MARKS);
	if (ascii != NULL && encoded != NULL)
		text = strcmp(ascii, clean) == 0 ?
		    fh_sprintf(rq, "attachment; filename=\"%s\"", ascii) :
		    fh_sprintf(rq, "attachment; filename=\"%s\"; "
		    "filename*=UTF-8''%s", ascii, encoded);
	if (text == NULL)
		return api_fault(rq, ENOMEM, "out of memory for a header");
	return fh_set_header(rq, "Content-Disposition", text);
}

/* ------------------------------------------------- caching */

int
fh_fresh_for(struct fh_request *rq, int64_t seconds, bool everybody)
{
	char *text;

	if (seconds < 0)
		return api_fault(rq, EINVAL, "fh_fresh_for(): seconds are "
		    "below 0");
	text = fh_sprintf(rq, "%s, max-age=%lld",
	    everybody ? "public" : "private", (long long)seconds);
	if (text == NULL)
		return api_fault(rq, ENOMEM, "out of memory for a header");
	return fh_set_header(rq, "Cache-Control", text);
}

int
fh_revalidate(struct fh_request *rq)
{
	return fh_set_header(rq, "Cache-Control", "no-cache");
}

int
fh_no_store(struct fh_request *rq)
{
	return fh_set_header(rq, "Cache-Control", "no-store");
}

/* Is `name` in a list of names? */
static bool
is_listed(const char *list, const char *name)
{
	size_t length = strlen(name);

	while (*list != '\0') {
		size_t n = strcspn(list, ", \t");

		if (n == length && strncasecmp(list, name, n) == 0)
			return true;
		list += n;
		list += strspn(list, ", \t");
	}
	return false;
}

int
fh_vary(struct fh_request *rq, const char *header)
{
	const char *list = api_header_get(rq, "Vary");
	char *text;

	if (api_reply_open(rq) != 0)
		return -1;
	if (list == NULL)
		return fh_set_header(rq, "Vary", header);
	if (is_listed(list, header))
		return 0;
	if ((text = fh_sprintf(rq, "%s, %s", list, header)) == NULL)
		return api_fault(rq, ENOMEM, "out of memory for a header");
	return fh_set_header(rq, "Vary", text);
}
