/*
 * config_value.h - one value, from its text to its place in a struct.
 */
#ifndef COMMON_CONFIG_VALUE_H
#define COMMON_CONFIG_VALUE_H

#include <stdio.h>

#include "config/config_table.h"

/*
 * Checks `text` as the option wants it and stores it in `base`, the struct of
 * the option's section; a string stored there before is freed.  Not for lists.
 * 0, or -1 and what is wrong and what to do.
 */
int	config_value_store(const struct config_option *, const char *text,
	    void *base, struct err *);

/* Stores the defaults of a section in its struct, which is all zeroes. */
void	config_value_defaults(const struct config_section *, void *base);

/* Is it a sound string for a type of strings? */
int	config_text_check(enum config_type, const char *text, struct err *);

/* Is it kept as a string? */
bool	config_value_is_text(const struct config_option *);

/* Is it written as { VALUE, ... }? */
bool	config_value_is_list(const struct config_option *);

/* The same for one more item of a CONFIG_LIST, and for none at all. */
int	config_value_add(const struct config_option *, const char *text,
	    void *base, struct err *);
void	config_value_clear(const struct config_option *, void *base);

/* Sets the option in `base` to what it is in `other`, with a string of its
 * own.  Not for CONFIG_SETTINGS. */
void	config_value_assign(const struct config_option *, void *base,
	    const void *other);

/* Frees the strings and lists of a section's struct. */
void	config_value_release(const struct config_section *, void *base);

/* Splits "key=value"; -1 and why if it is none. */
int	config_value_setting(const char *text, struct config_setting *out,
	    struct err *);

/* ------------------------------------------------------- config_equal.c */

/* Has the option the same value in two structs of its section?  Settings in
 * another order are the same ones. */
bool	config_value_equal(const struct config_option *, const void *base,
	    const void *other);

/* ------------------------------------------------------- config_write.c */

/*
 * Prints the value as it stands in a file, but quotes are only around strings:
 * "/a/path", 30s, 8 MiB, keep-serving, 0660.  "not set" where nothing is.  Not
 * for CONFIG_SETTINGS.
 */
void	config_value_write(FILE *, const struct config_option *,
	    const void *base);

/* ----------------------------------------------------- config_request.c */

/* METHOD /path?query, as it would be sent, or ""? */
int	config_request_check(const char *text, struct err *);

#define CONFIG_REQUEST_MAX	2000	/* bytes of it */

/* ------------------------------------------------------- config_peers.c */

/* A user that exists, or a number of one? */
int	config_account_check(const char *text, struct err *);

/* An IPv4 or IPv6 address, alone or with /BITS behind it? */
int	config_network_check(const char *text, struct err *);

/* ------------------------------------------------------ config_listen.c */

/* unix:/path or tcp:host:port? */
int	config_listen_check(const char *text, struct err *);

/* An absolute path, of at most `most` bytes; `what` names it in sentences. */
int	config_path_check(const char *text, const char *what, size_t most,
	    struct err *);

#define CONFIG_PATH_MAX		4095
#define CONFIG_SOCKET_MAX	107	/* sun_path, its NUL aside */

#endif
