/*
 * sup_stop.h - a stop that is announced before it begins.
 */
#ifndef SUPERVISOR_SUP_STOP_H
#define SUPERVISOR_SUP_STOP_H

#include <stdbool.h>

struct sup;

/* Asked to stop: after stop_delay, in which the host serves on and says that it
 * is not ready; asked again, at once. */
void	sup_stop_ask(struct sup *);

/* It has been asked, and will begin. */
bool	sup_stop_is_near(void);

#endif
