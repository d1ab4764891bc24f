/*
 * sup_sandbox.h - what the host says of the sandbox.
 */
#ifndef SUPERVISOR_SUP_SANDBOX_H
#define SUPERVISOR_SUP_SANDBOX_H

#include "config/config.h"

struct json_object;

/* At the start, in the log: what keeps it from being what one would expect. */
void	sup_sandbox_warn(const struct config *);

/* {"on":true,"landlock":3,"handlers":[...]}: those that may more than others,
 * and what. */
struct json_object	*sup_sandbox_status(const struct config *);

#endif
