/*
 * front_main.h - the front's entry point.
 */
#ifndef FRONT_FRONT_MAIN_H
#define FRONT_FRONT_MAIN_H

#include "common/child.h"

/* Serves the listening socket until told to stop.  Doesn't return. */
void	front_main(const struct child_start *);

#endif
