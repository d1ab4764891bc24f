/*
 * config_file.h - the bytes of a configuration file.
 */
#ifndef COMMON_CONFIG_FILE_H
#define COMMON_CONFIG_FILE_H

#include <stddef.h>

#include "config/config_fault.h"

#define CONFIG_FILE_MAX	(1024 * 1024)

/* The file's bytes, which the caller frees, or NULL and a fault. */
char	*config_file_read(const char *file, size_t *length_out,
	    struct config_faults *);

/* Is it text: UTF-8, without NUL, of at most CONFIG_FILE_MAX bytes?  -1 and a
 * fault if it is not. */
int	config_file_check(const char *text, size_t length,
	    struct config_faults *);

#endif
