/*
 * sup_main.h - the supervisor's entry point.
 */
#ifndef SUPERVISOR_SUP_MAIN_H
#define SUPERVISOR_SUP_MAIN_H

#include "common/child.h"

/*
 * Runs the host in the foreground until it is told to stop.  Returns the exit
 * code: 0 after an orderly stop, or one of enum exit_code.
 */
int	sup_run(const struct config *);

#endif
