/*
 * environment.c - which variables code of handlers sees.
 *
 * Runs in: zygote, loader, the tools: before any file of a handler is opened.
 * Owns: the environment of its process.
 * Invariant: only ever takes away.
 */
#include "common/environment.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the host sets, and what a sanitizer build of it is told. */
static const char *const own[] = { "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
	"MKL_NUM_THREADS", "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS",
	"UBSAN_OPTIONS", NULL };

static bool
is_named(const char *item, const char *name, size_t length)
{
	size_t wanted = strlen(item);

	if (wanted > 0 && item[wanted - 1] == '*')
		return length >= wanted - 1 &&
		    memcmp(item, name, wanted - 1) == 0;
	return length == wanted && memcmp(item, name, length) == 0;
}

bool
environment_allows(char *const *items, const char *variable)
{
	size_t length = strcspn(variable, "=");

	for (size_t i = 0; items != NULL && items[i] != NULL; i++)
		if (is_named(items[i], variable, length))
			return true;
	return false;
}

/* What has no '=' or no name, no unsetenv() takes away. */
void
environment_restrict(const struct config *config)
{
	char **to = environ;

	if (!config->sandbox || environ == NULL)
		return;
	for (char **from = environ; *from != NULL; from++)
		if (environment_allows(config->environment, *from) ||
		    environment_allows((char *const *)own, *from) ||
		    config_auth_wants(config, *from))
			*to++ = *from;
	*to = NULL;
}
