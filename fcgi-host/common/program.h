/*
 * program.h - where the programs are that the host runs beside itself.
 */
#ifndef COMMON_PROGRAM_H
#define COMMON_PROGRAM_H

#include <limits.h>

/*
 * The program of that name: beside `binary`, as in a build folder; in libexec
 * where that is installed below some root; or where configure was told, which
 * is `installed`, and may not be there.
 */
const char	*program_find(const char *binary, const char *name,
		    const char *installed, char out[PATH_MAX]);

#endif
