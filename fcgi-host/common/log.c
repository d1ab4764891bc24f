/*
 * log.c - one line per event, one write per line.
 *
 * Runs in: every process.
 * Owns: the log descriptor, role and level of this process.
 * Invariant: a line is one write(2) that does not wait, control characters in
 * it are replaced, and errno is the same after a call as before.
 */
#include "common/log.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES	4096

static char		 role[48] = "fcgi-host";
static enum log_level	 level_max = LOG_LEVEL_INFO;
static int		 fd_out = STDERR_FILENO;
static _Atomic uint64_t	 lost;		/* lines, ever */
static _Atomic uint64_t	 untold;	/* of them */

void
log_init(const char *name)
{
	snprintf(role, sizeof(role), "%s[%d]", name, (int)getpid());
}

void
log_set_level(enum log_level level)
{
	level_max = level;
}

void
log_set_fd(int fd)
{
	fd_out = fd;
}

int
log_fd(void)
{
	return fd_out;
}

uint64_t
log_lost(void)
{
	return atomic_load(&lost);
}

/* A description of its own: that of `fd` is shared with whoever started us,
 * who may count on writes that wait. */
int
log_open(int fd, int lowest)
{
	char path[32];
	struct stat status;
	int own = -1, out;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode))
		own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	out = fcntl(own < 0 ? fd : own, F_DUPFD_CLOEXEC, lowest);
	if (own >= 0)
		close(own);
	return out;
}

/* Sockets (the journal's) can be told not to wait.  Of others, those that could
 * not be opened again are asked first. */
static ssize_t
write_now(const char *line, size_t length)
{
	struct pollfd room = { .fd = fd_out, .events = POLLOUT };
	ssize_t done;

	done = send(fd_out, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (done >= 0 || errno != ENOTSOCK)
		return done;
	if (poll(&room, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(fd_out, line, length);
}

static bool
put(const char *line, size_t length)
{
	ssize_t done;

	do {
		done = write_now(line, length);
	} while (done < 0 && errno == EINTR);
	return done == (ssize_t)length;
}

static void
lose(uint64_t count)
{
	atomic_fetch_add(&untold, count);
}

/* The first line that goes again says how many did not. */
static bool
tell_lost(void)
{
	char line[160];
	uint64_t count = atomic_exchange(&untold, 0);
	int length;

	if (count == 0)
		return true;
	length = snprintf(line, sizeof(line), "%s warn %llu lines are lost: "
	    "the log took nothing\n", role, (unsigned long long)count);
	if (put(line, (size_t)length))
		return true;
	lose(count);
	return false;
}

bool
log_enabled(enum log_level level)
{
	return level <= level_max;
}

/* A peer's bytes must not be able to forge a line or drive a terminal. */
static void
replace_control_characters(char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c < ' ' || c == 127)
			line[i] = c == '\t' ? ' ' : '?';
	}
}

static void
emit(enum log_level level, int error, const char *format, va_list ap)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	char line[LINE_MAX_BYTES];
	int saved = errno;
	size_t length;

	if (!log_enabled(level))
		return;
	snprintf(line, sizeof(line), "%s %s ", role, names[level]);
	length = strlen(line);
	vsnprintf(line + length, sizeof(line) - length - 1, format, ap);
	length += strlen(line + length);
	if (error != 0)
		snprintf(line + length, sizeof(line) - length - 1, ": %s",
		    strerror(error));
	length = strlen(line);
	replace_control_characters(line, length);
	line[length++] = '\n';
	if (!tell_lost() || !put(line, length)) {
		atomic_fetch_add(&lost, 1);
		lose(1);
	}
	errno = saved;
}

void
log_line(enum log_level level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	emit(level, 0, format, ap);
	va_end(ap);
}

void
log_warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	emit(LOG_LEVEL_WARN, errno, format, ap);
	va_end(ap);
}

void
log_warnx(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	emit(LOG_LEVEL_WARN, 0, format, ap);
	va_end(ap);
}

void
log_info(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	emit(LOG_LEVEL_INFO, 0, format, ap);
	va_end(ap);
}

void
log_debug(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	emit(LOG_LEVEL_DEBUG, 0, format, ap);
	va_end(ap);
}

void
fatal(enum exit_code code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	emit(LOG_LEVEL_ERROR, errno, format, ap);
	va_end(ap);
	_exit((int)code);
}

void
fatalx(enum exit_code code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	emit(LOG_LEVEL_ERROR, 0, format, ap);
	va_end(ap);
	_exit((int)code);
}

void
log_bug(const char *file, int line, const char *what)
{
	log_line(LOG_LEVEL_ERROR, "bug: %s:%d: %s", file, line, what);
	abort();
}
