/*
 * nginx.h - options and routes, told as nginx's configuration.
 *
 * Everything nginx has to know of a host follows from two things: options (how
 * long, how large, which origins) and the route table (which path has what of
 * its own).  Here is the only place that says how.  nginx-conf/ is what this
 * makes of the defaults without any routes; its prose is that of the templates
 * beside this file, in which @word@ is a value.
 *
 * One location takes everything, with what holds for all routes, and what is
 * different for some path is in a location inside of it, which inherits the
 * rest.  A location is chosen by the path alone, so it has the largest limits
 * of all routes that may be meant there.
 */
#ifndef NGINX_NGINX_H
#define NGINX_NGINX_H

#include "common/err.h"
#include "common/handler_set.h"

/*
 * prefix	the path below which the host is reached: "" or "/app", as
 *		nginx_prefix_check() has it
 * made		how this was asked for: "-c FILE --prefix /app"
 */
struct nginx_source {
	const struct config		*config;
	const struct handler_set	*set;	/* NULL: no routes */
	const char			*prefix;
	const char			*made;
};

#define NGINX_FILES	8

/* `name` is as in nginx-conf/. */
struct nginx_files {
	struct {
		const char	*name;
		char		*text;
	}		list[NGINX_FILES];
	size_t		count;
};

/* May it be put before every path?  -1 and why not. */
int	nginx_prefix_check(const char *prefix, struct err *);

/*
 * All files but nginx.conf: fcgi-host-upstream.conf is for http { }, and
 * fcgi-host-location.conf for server { }; the others are included by these or
 * optional.  The same source gives the same bytes.  Pure.  -1 and why: there
 * is something that nginx has no way to say, or no memory.
 */
int	nginx_files_make(const struct nginx_source *,
	    struct nginx_files *files_out, struct err *);
void	nginx_files_free(struct nginx_files *);

#endif
