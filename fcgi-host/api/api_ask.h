/*
 * api_ask.h - routes whose reply the supervisor makes (common/ask.h).
 */
#ifndef API_API_ASK_H
#define API_API_ASK_H

#include "common/err.h"
#include "config/config.h"

struct fh_route;

/* For handler_set_own(): the route of the metrics; NULL: it is not wanted.
 * Valid until the next call. */
const struct fh_route	*api_ask_metrics(const struct config *, struct err *);

#endif
