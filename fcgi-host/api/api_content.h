/*
 * api_content.h - content of a known length, in memory or in a file.
 */
#ifndef API_API_CONTENT_H
#define API_API_CONTENT_H

#include "api/api_private.h"

#define API_PIECE	((size_t)64 << 10)

struct api_content {
	const char	*type;
	const void	*bytes;		/* or */
	int		 fd;		/* if it is not -1 */
	uint64_t	 size;
	char		*piece;		/* API_PIECE bytes, for a file */
};

/* Judges the conditions, then sends all of it or what Range asks for. */
int	api_content_send(struct fh_request *, const struct api_content *);

/* The type to send: `type`, or one that has been set, or by the extension of
 * `name`.  -1 after api_fault(). */
int	api_content_type(struct fh_request *, const char *type,
	    const char *name, const char **type_out);

#endif
