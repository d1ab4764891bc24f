/*
 * config_reload.h - a configuration read again, beside the running one.
 *
 *	new = config_load(file, report, context);
 *	config_keep_restart(new, running, report_restart, context);
 *	config_changes(new, running, report_change, context);
 *
 * Both go over the option tables, so that a new option needs nothing here.
 * Values in sentences are as config_value_write() prints them.
 */
#ifndef COMMON_CONFIG_RELOAD_H
#define COMMON_CONFIG_RELOAD_H

#include "config/config.h"

/*
 * Options that only a restart changes (`restart` in the tables): where `new`
 * differs from `running` it gets a copy of the value in use, so that it can
 * take the place of `running` as it is.  Its text stays the file's.  Each is
 * reported as
 *
 *	listen: needs a restart: "unix:/a" is in use, FILE says "unix:/b"
 *
 * Returns how many there were.
 */
size_t	config_keep_restart(struct config *new, const struct config *running,
	    config_report *, void *context);

/*
 * Reports every other difference, in the order of the manual:
 *
 *	timeout: 60s -> 30s
 *	pool "default" workers: 2 -> 4
 *	route "GET /x" timeout: not set -> 5s
 *	handler "train" set: changed
 *	pool "x": added
 *	pool "y": removed
 *
 * Values are compared, not how they were written, and sections by their
 * titles, not by their order.  Settings may be secrets and are not shown.
 * Returns how many differences there are.
 */
size_t	config_changes(const struct config *new, const struct config *running,
	    config_report *, void *context);

#endif
