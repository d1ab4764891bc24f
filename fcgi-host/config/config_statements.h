/*
 * config_statements.h - the statements of a file, judged by their form.
 *
 * Finds every unknown, repeated, misplaced or malformed statement, reports each
 * once, and leaves a text of the sound ones for libconfuse, on the lines they
 * had.  What a value must be is config_values.c's to judge.
 */
#ifndef COMMON_CONFIG_STATEMENTS_H
#define COMMON_CONFIG_STATEMENTS_H

#include "config/config_table.h"
#include "config/config_tokens.h"

/*
 * A section as it stands in the file, or, as the first of them, what stands
 * outside of sections.  libconfuse has the sections of one kind in this order.
 */
struct config_instance {
	enum config_section_kind kind;
	bool		 left_out;	/* not in the text */
	unsigned	 line;
	char		*title;		/* NULL: none that can be read */
	bool		 refused;	/* the title is malformed or repeated */
	unsigned	 lines[CONFIG_OPTIONS_MAX];	/* 0: not set */
	unsigned	*item_lines;	/* of the items of its lists */
	size_t		 items_at[CONFIG_OPTIONS_MAX]; /* each list's first */
	size_t		 item_count;
};

struct config_statements {
	char			*text;	/* ends in NUL */
	size_t			 length, room;
	unsigned		 line;	/* where the text stands */
	struct config_instance	*list;
	size_t			 count, list_room;
	size_t			 counts[CONFIG_SECTION_KINDS];
	struct config_instance	 excess;	/* the last left out */
};

void	config_statements_init(struct config_statements *,
	    const struct config_tokens *, struct config_faults *);
void	config_statements_finish(struct config_statements *);

/* What a sentence calls a section: pool "default". */
#define CONFIG_KEY_MAX	(CONFIG_EXCERPT + 16)
const char	*config_instance_key(const struct config_instance *,
		    char out[CONFIG_KEY_MAX]);

/* Checks a section's title; -1 and why. */
int	config_title_check(enum config_section_kind, const char *title,
	    struct err *);

/* Adds the section, its title checked, and begins it in the text.  Good until
 * the next one is added. */
struct config_instance	*config_instance_add(struct config_statements *,
			    const struct config_section *, unsigned line,
			    const char *title, struct config_faults *);

/* Puts a token, or a text of our own on the line reached, into the text. */
void	config_emit_token(struct config_statements *, const char *text,
	    const struct config_token *);
void	config_emit(struct config_statements *, const char *text,
	    size_t length);

#endif
