/*
 * log.h - one line per event, one write per line.
 *
 *	front[4711] warn req=1a2b route="GET /x" queue full, 503
 *
 * Goes to the log descriptor (stderr until log_set_fd).  log_warn and fatal
 * add strerror(errno), log_warnx and fatalx don't.  errno survives every call.
 * A bug of ours: FH_BUG.  A bad environment at start: fatal.  A peer or a
 * request: log_warnx at most.
 *
 * A log that takes nothing (a pipe that nobody reads, a disk that is full)
 * never stops a process: its lines are lost, counted, and the number is the
 * first line that goes again.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG };

/* Exit codes, told apart by the parent: after s6. */
enum exit_code {
	EXIT_CODE_CONFIG = 100,		/* will not heal without a change */
	EXIT_CODE_BUG = 101,		/* ours */
	EXIT_CODE_SYSTEM = 111		/* the system failed us; try again */
};

/* Sets the role in front of each line; the pid is taken at each call of it. */
void	log_init(const char *role);
void	log_set_level(enum log_level);
void	log_set_fd(int);
int	log_fd(void);

/*
 * A close-on-exec descriptor for what `fd` leads to, at least `lowest`; writes
 * to it don't wait, and those to `fd` still do.  -1 with errno.
 */
int	log_open(int fd, int lowest);

/* How many lines this process has lost since it began. */
uint64_t	log_lost(void);
bool	log_enabled(enum log_level);

void	log_line(enum log_level, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
void	log_warn(const char *format, ...)
	    __attribute__((format(printf, 1, 2)));
void	log_warnx(const char *format, ...)
	    __attribute__((format(printf, 1, 2)));
void	log_info(const char *format, ...)
	    __attribute__((format(printf, 1, 2)));
void	log_debug(const char *format, ...)
	    __attribute__((format(printf, 1, 2)));

/* Logs an error and leaves by _exit(code). */
void	fatal(enum exit_code, const char *format, ...)
	    __attribute__((format(printf, 2, 3), noreturn));
void	fatalx(enum exit_code, const char *format, ...)
	    __attribute__((format(printf, 2, 3), noreturn));
void	log_bug(const char *file, int line, const char *what)
	    __attribute__((noreturn));

/* Aborts, with a line in the log, when `what` is true: a bug of ours. */
#define FH_BUG(what) \
	do { if (what) log_bug(__FILE__, __LINE__, #what); } while (0)

#endif
