/*
 * clerk_hook.h - somebody is told that a job has ended: a webhook.
 *
 * A POST to the URL that the request for the job named in Webhook-URL, signed
 * as standardwebhooks.com says, 1.0: webhook-id, webhook-timestamp, and
 * webhook-signature, "v1," and the HMAC-SHA256 of "ID.TIMESTAMP.BODY" in
 * Base64.  It is in the database until a status of 200 to 299 has come, so it
 * may come more than once, with the same webhook-id.
 */
#ifndef CLERK_CLERK_HOOK_H
#define CLERK_CLERK_HOOK_H

#include <stdbool.h>

struct clerk;

/* Before the sandbox: reads the secret.  Then, with the loop. */
void	clerk_hook_prepare(struct clerk *);
void	clerk_hook_start(struct clerk *);

/* Is there a secret to sign with? */
bool	clerk_hook_can_sign(void);

/* Sends what is due, and looks again when the next is. */
void	clerk_hook_pump(struct clerk *);

#endif
