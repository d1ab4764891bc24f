/*
 * nginx_found.h - what a configuration of nginx that is in use says of a host.
 *
 * Read from what `nginx -T` prints: all files, each behind a line with its
 * name, includes not yet replaced.  Only those directives are looked at that
 * decide between the host and its clients; what inherits what is as in nginx.
 * Pure: no file is opened.
 */
#ifndef NGINX_NGINX_FOUND_H
#define NGINX_NGINX_FOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define NGINX_FOUND_PLACES	64
#define NGINX_FOUND_NAME	160

/* A location that passes requests to the host; as nginx has them in force. */
struct nginx_found_place {
	char		name[NGINX_FOUND_NAME];	/* "example.org /app/" */
	uint64_t	read_ms;	/* fastcgi_read_timeout */
	uint64_t	body_bytes;	/* client_max_body_size; 0: any */
	uint64_t	header_bytes;	/* fastcgi_buffer_size */
	bool		kept;		/* keep_conn, and upstream keepalive */
	uint64_t	kept_ms;	/* of the upstream; 0: not kept */
};

/* place_count: of all; `places` has the first ones.  unclear: passes to what a
 * variable says, which cannot be known. */
struct nginx_found {
	char		user[64];	/* of the workers; "nobody" */
	struct nginx_found_place places[NGINX_FOUND_PLACES];
	size_t		place_count;
	size_t		unclear;
};

/* `listen` as in the host's configuration.  -1 and why: it is not such a text,
 * or no memory. */
int	nginx_found_read(const char *text, size_t length, const char *listen,
	    struct nginx_found *found_out, struct err *);

/* "1m30s", "60"; "8k".  -1: it is none. */
int	nginx_found_time(const char *text, uint64_t *ms_out);
int	nginx_found_size(const char *text, uint64_t *bytes_out);

/* --------------------------------------------- between its two files */

/* A directive with what is in its block, if it has one. */
struct nginx_node {
	char			**words;
	size_t			 count;
	bool			 block;
	struct nginx_nodes {
		struct nginx_node	*list;
		size_t			 count;
	}			 inside;
};

/* nginx_found_tree.c: with includes in their places.  -1 and why. */
int	nginx_tree_read(const char *text, size_t length,
	    struct nginx_nodes *nodes_out, struct err *);
void	nginx_tree_free(struct nginx_nodes *);

#endif
