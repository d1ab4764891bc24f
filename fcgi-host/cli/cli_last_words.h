/*
 * cli_last_words.h - a whole reply, whatever a handler does to a CGI process.
 */
#ifndef CLI_CLI_LAST_WORDS_H
#define CLI_CLI_LAST_WORDS_H

#include <stdint.h>

#include "cli/cli_inline.h"

/*
 * From now on, unless part of the reply has left: a crash and exit() answer
 * 500, and `timeout_ms` (0: never) answers 504 and, when the handler is still
 * there `grace_ms` later, ends the process.  One per process.
 */
int	cli_last_words_begin(struct cli_sink *, const struct cli_request *,
	    uint64_t timeout_ms, uint64_t grace_ms);

/* The reply is whole. */
void	cli_last_words_end(void);

#endif
