/*
 * load_report.h - the parts of a report as a page of its own: no script, and
 * nothing from another host.
 */
#ifndef LOAD_LOAD_REPORT_H
#define LOAD_LOAD_REPORT_H

#include "load/load.h"

/* Made by cli/new/embed: "report.css" and "user.lua"; NULL ends them. */
struct load_template {
	const char	*name;
	const char	*text;
};
extern const struct load_template	load_templates[];
const char	*load_template_find(const char *name);

#define LOAD_COLOURS	8	/* of report.css: --c0 to --c7 */

/* Text of anybody's, as HTML. */
void	load_put_text(FILE *, const char *);

/* Latencies of each route by percentile: both axes are logarithmic, so that
 * the last of a thousand can be seen. */
void	load_put_percentiles(FILE *, const struct load_tally *);

/* One route over time: p50, p99 and errors. */
void	load_put_time_line(FILE *, const struct load_tally *, size_t route);

/* What a side changes: a factor and its interval for each route. */
void	load_put_changes(FILE *, const struct load_comparison *);

#endif
