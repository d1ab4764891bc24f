/*
 * config_table.h - every option of the configuration, once.
 *
 * The parser, the defaults, the manual page and the sample file are made from
 * these tables; a new option is a row in one of them and a member of a struct
 * in config/config.h.
 */
#ifndef COMMON_CONFIG_TABLE_H
#define COMMON_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "common/err.h"

/* What a value must look like, and how it is kept. */
enum config_type {
	CONFIG_TEXT,		/* char *; NULL for "" */
	CONFIG_PATH,		/* char *: an absolute path */
	CONFIG_SOCKET,		/* char *: one that fits in a sockaddr_un */
	CONFIG_LISTEN,		/* char *: unix:/path or tcp:host:port */
	CONFIG_USER,		/* char *: a user that exists; NULL for "" */
	CONFIG_GROUP,		/* char *: a group that exists; NULL for "" */
	CONFIG_NAME,		/* char *: as names of pools are */
	CONFIG_REQUEST,		/* char *: METHOD /path?query; NULL for "" */
	CONFIG_ACCOUNT,		/* char *: a user that exists, or a uid */
	CONFIG_NETWORK,		/* char *: ADDRESS or ADDRESS/BITS */
	CONFIG_VARIABLE,	/* char *: a name, or its beginning and '*' */
	CONFIG_SYSTEM_CALL,	/* char *: a name that libseccomp knows */
	CONFIG_SECRET,		/* char *: a path or env:NAME; NULL for "" */
	CONFIG_SCOPES,		/* char *: words; NULL for "" */
	CONFIG_RATE,		/* char *: 10/s, 100/m, none; NULL for "" */
	CONFIG_SHA256,		/* char *: 64 lower case digits; NULL for "" */
	CONFIG_MODE,		/* mode_t: octal */
	CONFIG_SIZE,		/* bytes */
	CONFIG_TIME,		/* milliseconds */
	CONFIG_COUNT,		/* a whole number */
	CONFIG_WORKERS,		/* a whole number, auto, or one of `choices` */
	CONFIG_BOOL,		/* true or false */
	CONFIG_CHOICE,		/* an enum, one word of `choices` */
	CONFIG_LIST,		/* char **, ended by NULL; NULL if empty */
	CONFIG_SETTINGS		/* struct config_handler: key=value, ... */
};

/*
 * fallback	the default, as it would be written, and of a CONFIG_LIST its
 *		items with spaces between; NULL: not set, which is NULL or
 *		CONFIG_UNSET
 * example	a value for the sample, where there is no default
 * unset	what holds where there is no default; NULL: the handler's word
 * item		of a CONFIG_LIST: the type of its items, one that is a string
 * choices	the words of a CONFIG_CHOICE, in the order of its enum, and
 *		those that a CONFIG_WORKERS may be beside a number
 * min, max	bounds, inclusive, as they would be written
 * step		a size must be a multiple of it; 0: any
 * zero		0 is allowed too, below `min`, and means what `text` says
 * required	a section without it is a fault
 * restart	held by the supervisor from its start to its end: a reload
 *		cannot change it
 * heading	of the group of options that begins here
 * offset,	where it is kept in the section's struct, and the width of the
 * width	member in bytes
 * text		one paragraph for the manual and the sample
 */
struct config_option {
	const char		*name;
	enum config_type	 type, item;
	const char		*fallback, *example, *unset;
	const char		*choices;
	const char		*min, *max;
	unsigned		 step;
	bool			 zero;
	bool			 required;
	bool			 restart;
	const char		*heading;
	size_t			 offset, width;
	const char		*text;
};

enum config_section_kind {
	CONFIG_TOP,
	CONFIG_SECTION_POOL,
	CONFIG_SECTION_ROUTE,
	CONFIG_SECTION_MODEL,
	CONFIG_SECTION_HANDLER,
	CONFIG_SECTION_AUTH,
	CONFIG_SECTION_KINDS
};

/*
 * name		"" for the options outside of any section
 * title	how the manual calls the section's title
 * example	a title for the sample
 * most		how many such sections a file may have
 * array,	where struct config has the pointer to its sections of this
 * count	kind, each `size` bytes, and how many they are; not for the top
 * options	ended by an entry without a name
 */
struct config_section {
	const char			*name;
	const char			*title;
	const char			*example;
	size_t				 most;
	size_t				 size;
	size_t				 array, count;
	const struct config_option	*options;
	const char			*text;
};

extern const struct config_section config_sections[CONFIG_SECTION_KINDS];

/* The rows for config_sections[]. */
extern const struct config_option config_top_options[];

/* Texts of these options (config_text.c). */
extern const char	config_text_cache_size[];
extern const char	config_text_deadline[];
extern const char	config_text_sync_warn[];
extern const char	config_text_metrics[];
extern const char	config_text_metrics_auth[];
extern const char	config_text_livez[];
extern const char	config_text_readyz[];
extern const char	config_text_readyz_auth[];
extern const char	config_text_stop_delay[];
extern const struct config_option config_pool_options[];
extern const struct config_option config_route_options[];
extern const struct config_option config_model_options[];
extern const struct config_option config_handler_options[];
extern const struct config_option config_auth_options[];

/* The most options a section has; checked by a test. */
#define CONFIG_OPTIONS_MAX	128

#define CONFIG_MEMBER(type, member) \
	.offset = offsetof(type, member), \
	.width = sizeof(((type *)0)->member)

/* The option of that name in a section, or NULL. */
const struct config_option	*config_table_find(
				    const struct config_section *,
				    const char *name, size_t length);

/* The section of that name, or NULL.  Not the top. */
const struct config_section	*config_table_section(const char *name,
				    size_t length);

/*
 * The name nearest to a misspelt one: an option of `section` or, with
 * `section` NULL, a section.  NULL if none is near.
 */
const char	*config_table_nearest(const struct config_section *,
		    const char *name, size_t length);

#endif
