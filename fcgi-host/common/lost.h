/*
 * lost.h - a request that ended with its process, as a crash report shows it.
 */
#ifndef COMMON_LOST_H
#define COMMON_LOST_H

#include <stdint.h>

#include "common/capture.h"
#include "common/contract.h"
#include "common/head.h"

#define LOST_METHOD_MAX	24
#define LOST_URI_MAX	300

/*
 * Crosses processes in a message's text.  A text that was too long is cut.
 *
 * uri		with the values of its query only if `log_query` is set
 * age_ms	since it arrived; run_ms: since its handler was called
 * culprit	it was its handler's thread that crashed, as far as is known
 * capture	the file that it is kept in, or ""
 */
struct lost_request {
	char		request_id[HEAD_ID_MAX + 1];
	char		method[LOST_METHOD_MAX];
	char		uri[LOST_URI_MAX];
	uint32_t	route;
	uint32_t	culprit;
	uint64_t	age_ms, run_ms;
	char		capture[CAPTURE_NAME_MAX];
};
_Static_assert(sizeof(struct lost_request) <= MESSAGE_TEXT_MAX,
    "a lost request fits into a message");

#endif
