/*
 * probe_main.h - the probe's entry point.
 */
#ifndef PROBE_PROBE_MAIN_H
#define PROBE_PROBE_MAIN_H

#include "common/child.h"

/*
 * Runs every handler's worker_init and self_test and every model's check, says
 * what failed on SPAWN_FD_CONTROL, and leaves.  Doesn't return.
 */
void	probe_main(const struct child_start *);

#endif
