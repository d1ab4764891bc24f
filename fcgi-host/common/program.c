/*
 * program.c - where the programs are that the host runs beside itself.
 *
 * Runs in: supervisor, the tools.
 * Owns: nothing.
 * Invariant: what is beside the binary comes first: a host that is built and
 * not installed runs no installed program.
 */
#include "common/program.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool
try_path(char out[PATH_MAX], const char *binary, const char *between,
    const char *name)
{
	const char *slash = strrchr(binary, '/');
	int folder = slash == NULL ? 0 : (int)(slash - binary);
	int length = snprintf(out, PATH_MAX, "%.*s/%s%s", folder, binary,
	    between, name);

	return length > 0 && length < PATH_MAX && access(out, X_OK) == 0;
}

const char *
program_find(const char *binary, const char *name, const char *installed,
    char out[PATH_MAX])
{
	if (try_path(out, binary, "", name) ||
	    try_path(out, binary, "../libexec/fcgi-host/", name))
		return out;
	return installed;
}
