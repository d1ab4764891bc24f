/*
 * config_rate.c - "10/s": how often a client may come.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing.
 * Invariant: what passes is a rate that nginx can say.
 */
#include <string.h>

#include "config/config.h"

#define RATE_DIGITS	7

int
config_rate_parse(const char *text, struct config_rate *out, struct err *err)
{
	size_t digits = strspn(text, "0123456789");
	const char *unit = text + digits;
	uint32_t count = 0;

	*out = (struct config_rate){ 0, false };
	if (text[0] == '\0' || strcmp(text, CONFIG_RATE_NONE) == 0)
		return 0;
	for (size_t i = 0; i < digits && i < RATE_DIGITS; i++)
		count = count * 10 + (uint32_t)(text[i] - '0');
	if (digits == 0 || (strcmp(unit, "/s") != 0 &&
	    strcmp(unit, "/m") != 0))
		return err_set(err, "a rate is so many in a second or a "
		    "minute, \"10/s\" or \"100/m\", or \"none\"");
	if (count == 0 || digits > RATE_DIGITS || count > CONFIG_RATE_MAX)
		return err_set(err, "a rate is 1 to %d in a second or a "
		    "minute", CONFIG_RATE_MAX);
	*out = (struct config_rate){ count, unit[1] == 'm' };
	return 0;
}
