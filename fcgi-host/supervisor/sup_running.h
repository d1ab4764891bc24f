/*
 * sup_running.h - which requests run now.
 */
#ifndef SUPERVISOR_SUP_RUNNING_H
#define SUPERVISOR_SUP_RUNNING_H

struct json_object;
struct sup;

#define SUP_RUNNING_MAX	50

/*
 * {"count": 70, "oldest": [{"id": "4f2a", "route": "GET /x", "generation": 3,
 * "worker": 2, "pid": 4711, "sync": false, "run_ms": 1234}, ...]}: those that
 * run longest, SUP_RUNNING_MAX at most, of all generations.  `worker` is null
 * where the front runs it.
 */
struct json_object	*sup_running_status(const struct sup *);

#endif
