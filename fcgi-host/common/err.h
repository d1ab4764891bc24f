/*
 * err.h - the sentence that says why something failed.
 *
 * Start-up paths fill one and return -1; the caller prints it once, at the
 * edge.  The sentence names what, where and what to do.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

struct err {
	char	text[512];
};

/* Sets the sentence (printf-like), returns -1.  `err` may be NULL. */
int	err_set(struct err *, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

/* The same with ": " and strerror(errno) at the end.  errno is kept. */
int	err_sys(struct err *, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
