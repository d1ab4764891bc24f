/*
 * config_value.h - one value, from its text to its place in a struct.
 */
#ifndef COMMON_CONFIG_VALUE_H
#define COMMON_CONFIG_VALUE_H

#include "config/config_table.h"

/*
 * Checks `text` as the option wants it and stores it in `base`, the struct of
 * the option's section; a string stored there before is freed.  Not for
 * CONFIG_SETTINGS.  0, or -1 and what is wrong and what to do.
 */
int	config_value_store(const struct config_option *, const char *text,
	    void *base, struct err *);

/* Stores the defaults of a section in its struct, which is all zeroes. */
void	config_value_defaults(const struct config_section *, void *base);

/* Frees the strings of a section's struct. */
void	config_value_release(const struct config_section *, void *base);

/* Splits "key=value"; -1 and why if it is none. */
int	config_value_setting(const char *text, struct config_setting *out,
	    struct err *);

/* ------------------------------------------------------ config_listen.c */

/* unix:/path or tcp:host:port? */
int	config_listen_check(const char *text, struct err *);

/* An absolute path, of at most `most` bytes; `what` names it in sentences. */
int	config_path_check(const char *text, const char *what, size_t most,
	    struct err *);

#define CONFIG_PATH_MAX		4095
#define CONFIG_SOCKET_MAX	107	/* sun_path, its NUL aside */

#endif
