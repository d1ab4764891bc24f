/*
 * config_request.c - a request in a configuration: METHOD /path?query.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing.
 * Invariant: what is accepted can be the first line of a request as it is.
 */
#include "config/config_value.h"

#include <ctype.h>
#include <string.h>

#define METHOD_CHARACTERS	"ABCDEFGHIJKLMNOPQRSTUVWXYZ-"

static int
check_target(const char *target, struct err *err)
{
	for (const char *c = target; *c != '\0'; c++) {
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 127 ||
		    *c == '#')
			return err_set(err, "the path has a byte in it that "
			    "cannot be sent as it is: write it as %%%02X",
			    (unsigned char)*c);
		if (*c == '%' && (!isxdigit((unsigned char)c[1]) ||
		    !isxdigit((unsigned char)c[2])))
			return err_set(err, "a '%%' in a path is followed by "
			    "two hexadecimal digits: write \"%%25\" for the "
			    "character itself");
	}
	return 0;
}

int
config_request_check(const char *text, struct err *err)
{
	size_t method = strspn(text, METHOD_CHARACTERS);

	if (text[0] == '\0')
		return 0;
	if (strlen(text) > CONFIG_REQUEST_MAX)
		return err_set(err, "the request is over %d bytes",
		    CONFIG_REQUEST_MAX);
	if (method == 0 || text[method] != ' ' || text[method + 1] != '/')
		return err_set(err, "a request is a method in capitals, one "
		    "space and a path that begins with '/', such as "
		    "\"GET /hello?name=x\"");
	return check_target(text + method + 1, err);
}
