/*
 * cli_nginx_child.h - the process in which `nginx` loads handlers.
 */
#ifndef CLI_CLI_NGINX_CHILD_H
#define CLI_CLI_NGINX_CHILD_H

#include "nginx/nginx.h"

/*
 * The files of a source without a set: its handlers are loaded for it in a
 * process of their own, as the user of the service, who may be able to change
 * them, while those who may write nginx's configuration are root.  0; or an
 * exit code, and what was wrong has been said on stderr.
 */
int	cli_nginx_load(const struct nginx_source *,
	    struct nginx_files *files_out);

#endif
