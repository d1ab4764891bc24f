/*
 * config_reader.h - where the judges of statements stand in the tokens.
 */
#ifndef COMMON_CONFIG_READER_H
#define COMMON_CONFIG_READER_H

#include "config/config_statements.h"

struct config_reader {
	const struct config_token	*token;		/* where we are */
	const struct config_token	*end;
	const char			*text;
	struct config_statements	*out;
	struct config_faults		*faults;
	const struct config_section	*section;	/* what we are in */
	struct config_instance		*instance;
	bool				 unclosed;	/* its '}' is missing */
	bool				 cut;	/* an open comment ends it */
};

/* ------------------------------------------------------ config_reader.c */

/* The token `ahead` of here; the end behind it. */
const struct config_token	*config_peek(const struct config_reader *,
				    size_t ahead);

bool	config_is_mark(const struct config_reader *,
	    const struct config_token *, char mark);
bool	config_is_value(const struct config_token *);	/* word or string */

/* Does a section begin `ahead` of here: NAME { or NAME "title" { ?  Any
 * statement: that, or NAME = ? */
bool	config_section_begins(const struct config_reader *, size_t ahead);
bool	config_statement_begins(const struct config_reader *, size_t ahead);

/* What the table has under the token's name, or NULL. */
const struct config_option	*config_token_option(
				    const struct config_reader *,
				    const struct config_token *);
const struct config_section	*config_token_section(
				    const struct config_reader *,
				    const struct config_token *);

/* Moves behind the '}' of the '{' that is here; reports it if there is none. */
void	config_skip_braces(struct config_reader *);

/*
 * Pass what is left of a statement whose fault has been reported: to the end of
 * its line, or to the '}' of its section.  From behind its '=', to where the
 * next one begins at the latest.
 */
void	config_skip_statement(struct config_reader *);
void	config_skip_value(struct config_reader *);

/* -------------------------------------------------- config_assignment.c */

/* NAME = ..., from the name on. */
void	config_read_assignment(struct config_reader *);

#endif
