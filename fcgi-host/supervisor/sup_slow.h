/*
 * sup_slow.h - sync handlers that are slow: nothing else is answered while one
 * runs, so the log says which, for how long, and where it is just now.
 */
#ifndef SUPERVISOR_SUP_SLOW_H
#define SUPERVISOR_SUP_SLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct json_object;
struct sup_team;

#define SUP_SLOW_LINE_MAX	2048
#define SUP_SLOW_AGAIN_MS	10000	/* between two lines on a route */

/* How often somebody has to look, in ms, for this configuration. */
uint64_t	sup_slow_period(const struct config *);

/* Asks a witness if a handler is over its time, once for each run of it. */
void	sup_slow_look(struct sup_team *);
void	sup_slow_destroy(struct sup_team *);

/*
 * sup_slow_line.c, pure.  The frames of a witness's report, innermost first and
 * none of the host's own: "work (file.c:12) < serve (file.c:30)"; "" if it has
 * none.
 */
void	sup_slow_line(struct json_object *report, char *out, size_t size);

/* Was a handler running when the report was made? */
bool	sup_slow_is_of_handler(struct json_object *report);

#endif
