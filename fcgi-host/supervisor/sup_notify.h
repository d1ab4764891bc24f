/*
 * sup_notify.h - what the service manager is told.
 */
#ifndef SUPERVISOR_SUP_NOTIFY_H
#define SUPERVISOR_SUP_NOTIFY_H

#include "supervisor/sup.h"

void	sup_notify_ready(const struct sup *);
void	sup_notify_generation(const struct sup *); /* a later one serves */
void	sup_notify_stopping(void);
void	sup_notify_main(pid_t);			/* who is the host now */
bool	sup_notify_is_heard(void);

#endif
