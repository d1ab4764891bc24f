/*
 * sup_health.h - the document that probes are answered from (common/health.h).
 */
#ifndef SUPERVISOR_SUP_HEALTH_H
#define SUPERVISOR_SUP_HEALTH_H

#include "supervisor/sup_ready.h"

struct sup;

struct json_object;

/* The caller's; and as text, to free().  NULL: no memory. */
struct json_object	*sup_health_document(const struct sup *);
char	*sup_health_json(const struct sup *);

/* The host as a whole. */
enum sup_ready	sup_health(const struct sup *);

#endif
