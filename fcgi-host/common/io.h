/*
 * io.h - reading and writing all of it, and opening what lies below a folder.
 */
#ifndef COMMON_IO_H
#define COMMON_IO_H

#include <stddef.h>
#include <stdint.h>

/* Writes every byte, over short writes and signals.  0, or -1 with errno. */
int	io_write_all(int fd, const void *bytes, size_t length);

/* Reads exactly so many from there, without moving the file's own offset.  0,
 * or -1 with errno; ENODATA: the file ends before. */
int	io_read_at(int fd, void *out, size_t length, uint64_t offset);

/*
 * A file `name` in `folder` that is new, for its owner alone and on the disk
 * when this returns; one of that name that was left behind is removed.  0, or
 * -1 with errno, and then part of it may be there.
 */
int	io_write_new(int folder, const char *name, const void *bytes,
	    size_t length);

/*
 * openat2(2) with RESOLVE_BENEATH and what else `resolve` says; `flags` as for
 * open().  The kernel gives up on a path with ".." in it (EAGAIN) when anybody
 * renames anything meanwhile, so it is asked again, some thousand times at
 * most.  -1 with errno; EXDEV: the path leads out of the folder.
 */
int	io_open_below(int folder, const char *path, uint64_t flags,
	    uint64_t resolve);

#endif
