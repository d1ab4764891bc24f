/*
 * handler_version.h - one version of a handler's file: what it is and which
 * bytes.
 *
 * No pointers: it crosses processes and is kept in manifests.  Two versions are
 * the same when their sha256 is; the identity of the file they were copied from
 * says, without reading it, that it has not changed since.
 */
#ifndef COMMON_HANDLER_VERSION_H
#define COMMON_HANDLER_VERSION_H

#include <stdint.h>

#define HANDLER_FILE_MAX	255	/* bytes of a file's name: NAME_MAX */

struct handler_version {
	char		name[HANDLER_FILE_MAX + 1];	/* "hello.so" */
	char		sha256[65];
	char		build_id[41];			/* hex, "" if none */

	/* of the file in the handler directory, when it was copied */
	uint64_t	size, device, inode;
	int64_t		mtime_ns, ctime_ns;
};

#endif
