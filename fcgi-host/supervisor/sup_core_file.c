/*
 * sup_core_file.c - where the kernel has put a core.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: only what core(5) says of /proc/sys/kernel/core_pattern; a pattern
 * that leads to a program is shown as what it is.
 */
#include <sys/types.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/sup_crash.h"

struct path {
	char	*at, *end;
};

static void
put(struct path *path, const char *text)
{
	size_t room = (size_t)(path->end - path->at);
	size_t length = strnlen(text, room);

	memcpy(path->at, text, length);
	path->at += length;
	*path->at = '\0';
}

/* The first line of a file of /proc, or "". */
static void
read_line(const char *name, char *out, size_t size)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, out, size - 1);

	if (fd >= 0)
		close(fd);
	out[got < 0 ? 0 : got] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/* What one letter behind a '%' stands for; what cannot be known is '*'. */
static void
expand(struct path *path, char letter, const char *process, pid_t pid,
    int number)
{
	char text[HOST_NAME_MAX + 1] = "*";

	switch (letter) {
	case '%':
		snprintf(text, sizeof(text), "%%");
		break;
	case 'p':
	case 'P':
		snprintf(text, sizeof(text), "%d", (int)pid);
		break;
	case 's':
		snprintf(text, sizeof(text), "%d", number);
		break;
	case 'e':
		snprintf(text, sizeof(text), "%s", process);
		break;
	case 'h':
		gethostname(text, sizeof(text) - 1);
		break;
	}
	put(path, text);
}

static void
put_pattern(struct path *path, const char *pattern, const char *process,
    pid_t pid, int number)
{
	for (; *pattern != '\0'; pattern++) {
		char text[2] = { *pattern, '\0' };

		if (*pattern != '%' || pattern[1] == '\0')
			put(path, text);
		else
			expand(path, *++pattern, process, pid, number);
	}
}

/* It is put into the folder that the process was in, which is ours. */
static void
put_folder(struct path *path)
{
	char folder[PATH_MAX];

	if (getcwd(folder, sizeof(folder)) == NULL)
		return;
	put(path, folder);
	if (strcmp(folder, "/") != 0)
		put(path, "/");
}

void
sup_core_file(char *out, size_t size, const char *process, pid_t pid,
    int number)
{
	struct path path = { out, out + size - 1 };
	char pattern[256], uses_pid[8], suffix[16];

	read_line("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern));
	read_line("/proc/sys/kernel/core_uses_pid", uses_pid,
	    sizeof(uses_pid));
	out[0] = '\0';
	if (pattern[0] == '|') {
		put(&path, "given to ");
		put(&path, pattern + 1);
		return;
	}
	if (pattern[0] != '/')
		put_folder(&path);
	put_pattern(&path, pattern, process, pid, number);
	if (uses_pid[0] == '1' && strstr(pattern, "%p") == NULL) {
		snprintf(suffix, sizeof(suffix), ".%d", (int)pid);
		put(&path, suffix);
	}
}
