/*
 * front_main.h - the front's entry point.
 */
#ifndef FRONT_FRONT_MAIN_H
#define FRONT_FRONT_MAIN_H

#include "common/child.h"

/* Serves from the supervisor's word on, until it says otherwise.  Doesn't
 * return. */
void	front_main(const struct child_start *);

#endif
