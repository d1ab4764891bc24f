/*
 * config_fault.h - the faults of one configuration file, told in order.
 *
 * They are found in several passes; config_faults_report() tells them by line.
 * What a file holds may be anything: excerpts go through config_excerpt().
 */
#ifndef COMMON_CONFIG_FAULT_H
#define COMMON_CONFIG_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

struct config_fault {
	unsigned	 line;		/* 0: of the file as a whole */
	size_t		 order;		/* as found */
	char		*text;
};

struct config_faults {
	const char		*file;
	struct config_fault	*list;
	size_t			 count;
	size_t			 room;
};

/* "FILE:LINE: key: ..."; without a line or a key these parts are left out. */
void	config_fault(struct config_faults *, unsigned line, const char *key,
	    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Reports them by line and empties the list. */
void	config_faults_report(struct config_faults *, config_report *,
	    void *context);

/* Copies what can be shown of `text`: cut short, never inside a character of
 * UTF-8, control characters as '?'.  Returns `out`. */
#define CONFIG_EXCERPT	64
const char	*config_excerpt(const char *text, size_t length,
		    char out[CONFIG_EXCERPT]);

/* Memory at start, before anything runs: without it we leave. */
void	*config_allocate(size_t count, size_t size);	/* zeroed */
void	*config_grow(void *, size_t count, size_t size);
char	*config_copy(const char *text, size_t length);

#endif
