/*
 * config_list.h - a list of strings, in its place in a struct.
 */
#ifndef COMMON_CONFIG_LIST_H
#define COMMON_CONFIG_LIST_H

#include <stdio.h>

#include "config/config_table.h"

#define CONFIG_LIST_MAX	1024	/* items of one list */

/* Stores "{ }": NULL, unless that would mean that it is not set. */
void	config_list_empty(const struct config_option *, void *base);

/* Stores the items of the option's fallback. */
void	config_list_default(const struct config_option *, void *base);

/* Sets the list in `base` to a copy of the one in `other`. */
void	config_list_assign(const struct config_option *, void *base,
	    const void *other);

/* The same items in the same order? */
bool	config_list_equal(const struct config_option *, const void *base,
	    const void *other);

/* The items; NULL if there is none. */
char	**config_list_items(const struct config_option *, const void *base);
size_t	config_list_count(char *const *items);

#endif
