/*
 * io.h - writing all of it.
 */
#ifndef COMMON_IO_H
#define COMMON_IO_H

#include <stddef.h>

/* Writes every byte, over short writes and signals.  0, or -1 with errno. */
int	io_write_all(int fd, const void *bytes, size_t length);

#endif
