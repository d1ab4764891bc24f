/*
 * openapi_serve.h - the document and its page as routes of the host's own.
 *
 * They are sync, and made once per generation, before the forks: serving them
 * copies bytes and no more.  The page is Swagger UI, as npm has it, from
 * `docs_files`; it names nothing of another host, and a policy in its header
 * (Content-Security-Policy) holds it to that.
 */
#ifndef OPENAPI_OPENAPI_SERVE_H
#define OPENAPI_OPENAPI_SERVE_H

#include "common/handler_set.h"

/*
 * For handler_set_own(): the routes that the configuration wants; NULL for
 * none, with *err set if it wants some that cannot be.  Valid until the next
 * call.  And what they answer, from a set that is complete.
 */
const struct fh_route	*openapi_routes(const struct config *, struct err *);
void			 openapi_prepare(const struct handler_set *);
const struct fh_route	*openapi_page_routes(const struct config *,
			    struct err *);
void			 openapi_page_prepare(const struct handler_set *);

/*
 * openapi_reply.c: something that is served as it is.
 *
 * cached	its Cache-Control
 * gzip		the same bytes, compressed; or NULL
 * tag		of its bytes, for URLs and ETag
 */
struct openapi_content {
	const char	*type, *cached;
	char		*bytes, *gzip;
	size_t		 length, gzip_length;
	char		 tag[17];
};

/*
 * openapi_html.c: the page's text, free() it, and its policy.  `urls` are its
 * files, in the order of enum openapi_file, relative to where the page is.
 */
enum openapi_file {
	OPENAPI_FILE_BUNDLE,
	OPENAPI_FILE_STYLE,
	OPENAPI_FILE_START,
	OPENAPI_FILE_ICON,
	OPENAPI_FILES
};
#define OPENAPI_URL_MAX	1200
#define OPENAPI_POLICY_MAX	1024
char	*openapi_html(const struct config *,
	    char urls[OPENAPI_FILES][OPENAPI_URL_MAX]);
void	openapi_policy(const struct config *, char out[OPENAPI_POLICY_MAX]);

/* Takes over `bytes`.  -1: no hash could be made. */
int	openapi_content_set(struct openapi_content *, char *bytes,
	    size_t length);
void	openapi_content_clear(struct openapi_content *);

/* 200 or, for who has it already, 304. */
int	openapi_reply(struct fh_request *, const struct openapi_content *);

#endif
