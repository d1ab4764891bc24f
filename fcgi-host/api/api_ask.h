/*
 * api_ask.h - routes that the front answers itself (front/front_ask.h,
 * front_health.h).
 */
#ifndef API_API_ASK_H
#define API_API_ASK_H

#include "common/err.h"
#include "config/config.h"

struct fh_route;

/* For handler_set_own(): the route of the metrics, and those of probes; NULL:
 * they are not wanted.  Valid until the next call. */
const struct fh_route	*api_ask_metrics(const struct config *, struct err *);
const struct fh_route	*api_ask_alive(const struct config *, struct err *);
const struct fh_route	*api_ask_ready(const struct config *, struct err *);

#endif
