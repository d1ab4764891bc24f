/*
 * crash_file.h - crash reports in state_dir/crashes, as they are read.
 *
 * One file a report, NUMBER.json, beside the request that it names, if that was
 * captured (common/capture.h).  The host writes them (sup_crashes.c); it and
 * the tools read them.  The folder is the service user's, so anything may lie
 * there: one that is not a report is a sentence.
 */
#ifndef COMMON_CRASH_FILE_H
#define COMMON_CRASH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/capture.h"
#include "common/err.h"

#define CRASH_FOLDER		"crashes"	/* in state_dir */
#define CRASHES_KEPT		100
#define CRASH_FILE_MAX		(1u << 20)	/* bytes */
#define CRASH_FILE_NAME_MAX	24
#define CRASH_NUMBER_MAX	999999999u
#define CRASH_FILES_MAX		1000	/* that are looked at */

void	crash_file_name(uint32_t number, char out[CRASH_FILE_NAME_MAX]);

/* Is it the name of a report, and which?  1 to CRASH_NUMBER_MAX. */
bool	crash_file_number(const char *name, uint32_t *number_out);

/*
 * The CRASH_FILES_MAX highest numbers in a folder, highest first; how many.
 * `other` may be NULL; it is told of each name that is no report's.
 */
size_t	crash_file_list(int folder, uint32_t numbers_out[CRASH_FILES_MAX],
	    void (*other)(void *context, const char *name), void *context);

/*
 * The report as one line of strict JSON with its number in it, free() it.
 * NULL, and why: it is no regular file, neither ours nor of user `owner`, too
 * large, or no JSON object.
 */
char	*crash_file_read(int folder, uint32_t number, uid_t owner,
	    struct err *);

/* Of a report: the name of the file beside it that has its request; "": none,
 * or no name of such a file. */
void	crash_file_capture(const char *text, char out[CAPTURE_NAME_MAX]);

#endif
