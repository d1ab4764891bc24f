/*
 * log.c - one line per event, one write per line.
 *
 * Runs in: every process.
 * Owns: the log descriptor, role and level of this process.
 * Invariant: a line is one write(2), control characters in it are replaced,
 * and errno is the same after a call as before.
 */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES	4096

static char		 role[48] = "fcgi-host";
static enum log_level	 level_max = LOG_LEVEL_INFO;
static int		 fd_out = STDERR_FILENO;

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
	while (write(fd_out, line, length) < 0 && errno == EINTR)
		;
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
