/*
 * config_units.h - sizes and times as people write them.
 *
 *	4096  "512 B"  "64 KiB"  "8 MiB"  "2 GiB"  "1 TiB"	powers of 1024
 *	"64 kB"  "8 MB"  "2 GB"  "1 TB"				powers of 1000
 *	"1500ms"  "10s"  "2m"  "1h"  "1d"  0			times
 *
 * One whole number and one unit.  "10k" and "1KB" mean 1000 to some and 1024
 * to others and are refused; a time other than 0 must have a unit.  The
 * functions that read return 0, or -1 and a sentence that says what to write
 * instead.
 */
#ifndef COMMON_CONFIG_UNITS_H
#define COMMON_CONFIG_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

int	config_units_size(const char *text, size_t *bytes_out, struct err *);
int	config_units_time(const char *text, uint64_t *ms_out, struct err *);

/* A whole number without a unit: digits only. */
int	config_units_count(const char *text, uint64_t *count_out,
	    struct err *);

/*
 * The other way: in the largest unit of which it is a whole number, but up to
 * two minutes in seconds ("60s", as people write it).  Read again, it is the
 * same number.  Returns `out`.
 */
#define CONFIG_UNITS_ROOM	32
const char	*config_units_show_size(uint64_t bytes,
		    char out[CONFIG_UNITS_ROOM]);
const char	*config_units_show_time(uint64_t ms,
		    char out[CONFIG_UNITS_ROOM]);

#endif
