/*
 * config_tokens.h - a configuration file's words, strings and marks.
 *
 * libconfuse stops at the first fault and says little about it.  We want all
 * of them, so the file is read twice: here and in config_statements.c every
 * statement is found and judged by its form, and only sound ones are given to
 * libconfuse, which reads their values.
 *
 * The syntax is libconfuse's, but for what would surprise: a string ends on its
 * line, ${NAME} is not replaced from the environment, and there are no
 * functions (so no include).
 */
#ifndef COMMON_CONFIG_TOKENS_H
#define COMMON_CONFIG_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config_fault.h"

enum config_token_type {
	CONFIG_TOKEN_END,
	CONFIG_TOKEN_WORD,
	CONFIG_TOKEN_STRING,	/* with its quotes */
	CONFIG_TOKEN_MARK	/* = { } ( ) , or + for += */
};

struct config_token {
	enum config_token_type	 type;
	bool			 bad;	/* a fault of it has been reported */
	unsigned		 line;	/* from 1 */
	size_t			 at, length;
};

/* The last token is a CONFIG_TOKEN_END. */
struct config_tokens {
	const char		*text;
	struct config_token	*list;
	size_t			 count, room;
	bool			 cut;	/* the rest is an open comment */
};

/* `text` is UTF-8 without NUL, and must live as long as the tokens. */
void	config_tokens_init(struct config_tokens *, const char *text,
	    size_t length, struct config_faults *);
void	config_tokens_finish(struct config_tokens *);

#endif
