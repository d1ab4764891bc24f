/*
 * sup_notify.c - what the service manager is told, sd_notify(3).
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: READY=1 is said when every pool's workers and the front are ready
 * to serve, and again, with its number, for each later generation.
 */
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "supervisor/sup.h"

void
sup_notify_ready(const struct sup *sup)
{
	sd_notifyf(0, "READY=1\nSTATUS=Generation %u serves %u routes on %s",
	    sup->serving->number, sup->serving->route_count,
	    sup->config->listen);
}

void
sup_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=Answering what has begun");
}

void
sup_notify_main(pid_t pid)
{
	sd_notifyf(0, "MAINPID=%d", (int)pid);
}

bool
sup_notify_is_heard(void)
{
	return getenv("NOTIFY_SOCKET") != NULL;
}
