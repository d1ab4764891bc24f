/*
 * handler_copy.h - a dropped file into a copy that nobody changes any more.
 *
 * What is dlopen()ed is the copy: a file that is overwritten in place while it
 * is mapped takes the process down that runs it.
 */
#ifndef COMMON_HANDLER_COPY_H
#define COMMON_HANDLER_COPY_H

#include <sys/types.h>

#include <stdbool.h>

#include "common/err.h"
#include "common/handler_version.h"

/* Is a file of this name taken for a handler?  "*.so", no dot in front. */
bool	handler_is_file_name(const char *);

/*
 * Looks at directory/name without running any of it.  Refused, with a sentence
 * without the file's name, are: what is no regular file or leads to none (never
 * waited for), an empty or too large file, one that others than root and
 * `service_user` own or may write, and one that is no handler of this host's
 * ABI.  Fills all but `sha256`, which is "" - but for a file that was refused
 * for what is in it, or for whose it is.
 */
int	handler_look(const char *directory, const char *name,
	    uid_t service_user, struct handler_version *out, struct err *);

/*
 * The same, and copies the file to `name` in the folder `to_dir`, which must
 * not have one; mode 0500.  `sha256` is of the bytes in the copy.  -1, and no
 * copy, also when the file changed meanwhile.
 */
int	handler_copy(const char *directory, const char *name,
	    uid_t service_user, int to_dir, struct handler_version *out,
	    struct err *);

/* Is it still the same file, not written to since?  Says so without reading. */
bool	handler_version_unchanged(const struct handler_version *,
	    const struct handler_version *now);

#endif
