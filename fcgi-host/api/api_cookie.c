/*
 * api_cookie.c - Set-Cookie, whole or not at all (RFC 6265; its prefixes and
 * SameSite: draft-ietf-httpbis-rfc6265bis, section 4.1).
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing.
 * Invariant: a cookie that browsers would drop, or read as two, is refused.
 */
#include "api/api_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "wire/wire_date.h"
#include "wire/wire_text.h"

#define COOKIE_MAX	4096	/* of name and value */
#define TIMES_ROOM	96

static const struct fh_cookie_options no_options;

static bool
is_value(const char *value)
{
	for (; *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;

		if (c <= ' ' || c >= 127 || strchr("\",;\\", c) != NULL)
			return false;
	}
	return true;
}

static bool
is_attribute(const char *value)
{
	return strchr(value, ';') == NULL &&
	    wire_is_field_value(value, strlen(value));
}

static bool
is_domain(const char *domain)
{
	return domain[0] != '\0' && strspn(domain, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == strlen(domain);
}

static bool
has_prefix(const char *name, const char *prefix)
{
	return strncasecmp(name, prefix, strlen(prefix)) == 0;
}

static const char *
path_of(const struct fh_cookie_options *options)
{
	return options->path != NULL ? options->path : "/";
}

/* Why the options are refused, or NULL. */
static const char *
why_no_options(const char *name, const struct fh_cookie_options *options)
{
	const char *path = path_of(options);

	if (*path != '/' || !is_attribute(path))
		return "has a path that does not begin with '/', or with a "
		    "semicolon in it";
	if (options->domain != NULL && !is_domain(options->domain))
		return "has a domain that is none";
	if (options->max_age < 0)
		return "has a max_age below 0: see fh_delete_cookie()";
	if (options->insecure && (options->partitioned ||
	    options->same_site == FH_SAME_SITE_NONE))
		return "needs Secure, for SameSite=None or Partitioned";
	if (options->insecure && (has_prefix(name, "__Secure-") ||
	    has_prefix(name, "__Host-")))
		return "has a prefix that promises Secure";
	if (has_prefix(name, "__Host-") && (options->domain != NULL ||
	    strcmp(path, "/") != 0))
		return "has a prefix that promises Path=/ and no Domain";
	return NULL;
}

static const char *
why_not(const char *name, const char *value,
    const struct fh_cookie_options *options)
{
	if (!wire_is_token(name, strlen(name)))
		return "has a name that is not a token";
	if (!is_value(value))
		return "has a value with characters that no cookie may have";
	if (strlen(name) + strlen(value) > COOKIE_MAX)
		return "is longer than browsers take (4096 bytes)";
	return why_no_options(name, options);
}

static const char *
same_site(const struct fh_cookie_options *options)
{
	switch (options->same_site) {
	case FH_SAME_SITE_STRICT:
		return "; SameSite=Strict";
	case FH_SAME_SITE_NONE:
		return "; SameSite=None";
	case FH_SAME_SITE_UNSAID:
		return "";
	case FH_SAME_SITE_LAX:
		break;
	}
	return "; SameSite=Lax";
}

/* Max-Age, if it is not below 0, and Expires, if `has_expires`. */
static void
put_times(char out[TIMES_ROOM], int64_t max_age, bool has_expires,
    int64_t expires)
{
	char date[WIRE_DATE_LENGTH + 1];
	int n = 0;

	out[0] = '\0';
	if (max_age >= 0)
		n = snprintf(out, TIMES_ROOM, "; Max-Age=%lld",
		    (long long)max_age);
	if (!has_expires)
		return;
	wire_put_date(date, expires);
	snprintf(out + n, TIMES_ROOM - (size_t)n, "; Expires=%s", date);
}

static int
add(struct fh_request *rq, const char *name, const char *value,
    const struct fh_cookie_options *options, const char *times)
{
	const char *why = why_not(name, value, options);
	const char *domain = options->domain;
	char *text;

	if (why != NULL)
		return api_fault(rq, EINVAL, "the cookie \"%.64s\" %s", name,
		    why);
	text = fh_sprintf(rq, "%s=%s; Path=%s%s%s%s%s%s%s%s", name, value,
	    path_of(options), domain == NULL ? "" : "; Domain=",
	    domain == NULL ? "" : domain, times,
	    options->insecure ? "" : "; Secure",
	    options->scripts ? "" : "; HttpOnly", same_site(options),
	    options->partitioned ? "; Partitioned" : "");
	if (text == NULL)
		return api_fault(rq, ENOMEM, "out of memory for a header");
	return fh_add_header(rq, "Set-Cookie", text);
}

int
fh_set_cookie(struct fh_request *rq, const char *name, const char *value,
    const struct fh_cookie_options *options)
{
	char times[TIMES_ROOM];

	if (api_reply_open(rq) != 0)
		return -1;
	if (options == NULL)
		options = &no_options;
	put_times(times, options->max_age == 0 ? -1 : options->max_age,
	    options->expires != 0, options->expires);
	return add(rq, name, value, options, times);
}

int
fh_delete_cookie(struct fh_request *rq, const char *name,
    const struct fh_cookie_options *options)
{
	char times[TIMES_ROOM];

	if (api_reply_open(rq) != 0)
		return -1;
	put_times(times, 0, true, 0);
	return add(rq, name, "", options != NULL ? options : &no_options,
	    times);
}
