/*
 * wrk_main.h - the worker's entry point.
 */
#ifndef WORKER_WRK_MAIN_H
#define WORKER_WRK_MAIN_H

#include "common/child.h"

/* Serves its pool's jobs until told to leave.  Doesn't return. */
void	wrk_main(const struct child_start *);

#endif
