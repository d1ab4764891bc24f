/*
 * api_notify.c - topics: a bell between the handlers of a host.
 *
 * Runs in: front, workers, call, cgi; any thread.
 * Owns: where this process rings, set once before its first handler runs.
 * Invariant: a topic is one of 64 counters, by its text; who listens compares
 * sums of them, so a ring between two looks is never missed.
 */
#include "api/api_private.h"

#include <errno.h>
#include <stdatomic.h>

/* Of a process without a team: its own threads hear each other. */
static _Atomic uint32_t		 alone[API_TOPICS];

static const _Atomic uint32_t	*counters = alone;
static api_bell			*bell;
static void			*bell_context;

void
api_notify_set(const _Atomic uint32_t heard[API_TOPICS], api_bell *ring,
    void *context)
{
	counters = heard;
	bell = ring;
	bell_context = context;
}

bool
api_notify_is_shared(void)
{
	return bell != NULL;
}

/* FNV-1a, folded into six bits. */
static unsigned
topic_of(const char *text)
{
	uint32_t hash = UINT32_C(2166136261);

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * UINT32_C(16777619);
	return (hash ^ hash >> 16 ^ hash >> 8) % API_TOPICS;
}

uint32_t
api_notify_count(uint64_t topics)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < API_TOPICS; i++)
		if (topics >> i & 1)
			count += atomic_load(&counters[i]);
	return count;
}

/* What has rung before is not heard. */
int
fh_listen(struct fh_request *rq, const char *topic)
{
	uint64_t bit = UINT64_C(1) << topic_of(topic);

	if (rq->sink == NULL) {
		errno = EINVAL;
		return -1;
	}
	if ((rq->topics & bit) != 0)
		return 0;
	rq->topics |= bit;
	rq->heard += api_notify_count(bit);
	return 0;
}

void
fh_notify(const char *topic)
{
	unsigned number = topic_of(topic);

	if (bell == NULL)
		atomic_fetch_add(&alone[number], 1);
	else
		bell(bell_context, UINT64_C(1) << number);
}
