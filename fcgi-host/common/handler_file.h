/*
 * handler_file.h - what can be known of a handler's file without running any
 * of it.
 *
 * Each reason is a sentence without the file's name.
 */
#ifndef COMMON_HANDLER_FILE_H
#define COMMON_HANDLER_FILE_H

#include <sys/stat.h>

#include "common/elf.h"
#include "common/err.h"

#define HANDLER_SYMBOL	"fh_handler_descriptor"

/*
 * Opens a file for reading, and never waits for it: -1 and why for all that is
 * no regular file, is empty, or is larger than a handler may be.
 */
int	handler_file_open(const char *path, struct stat *status_out,
	    struct err *);

/* Is it a shared object of this machine with a descriptor of our ABI? */
int	handler_file_inspect(int fd,
	    char build_id_out[2 * ELF_BUILD_ID_MAX + 1], struct err *);

/* May nobody but root and the user of the service have written it? */
int	handler_file_trusted(const struct stat *, uid_t service_user,
	    struct err *);

#endif
