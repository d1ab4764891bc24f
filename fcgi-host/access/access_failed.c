/*
 * access_failed.c - clients that send one wrong credential after another.
 *
 * Runs in: front.
 * Owns: struct access_failed.
 * Invariant: bounded memory, whoever comes; of two clients in one place the
 * later one is counted, so that a flood from many addresses forgets, and never
 * refuses who has not failed.
 */
#include "access/access_private.h"

/* FNV-1a, begun with what nobody outside knows: a place, not a proof. */
static uint64_t
digest_of(const struct access_failed *failed, const char *client,
    size_t length)
{
	uint64_t digest = UINT64_C(0xcbf29ce484222325) ^ failed->salt;

	for (size_t i = 0; i < length; i++) {
		digest ^= (uint8_t)client[i];
		digest *= UINT64_C(0x100000001b3);
	}
	return digest == 0 ? 1 : digest;
}

bool
access_failed_too_often(const struct access_failed *failed,
    const char *client, size_t length, uint64_t now_ms)
{
	uint64_t digest = digest_of(failed, client, length);
	const struct access_failed_one *one =
	    &failed->list[digest % ACCESS_FAILED];

	return failed->limit != 0 && one->client == digest &&
	    one->count >= failed->limit &&
	    now_ms < one->since_ms + ACCESS_FAILED_MS;
}

void
access_failed_count(struct access_failed *failed, const char *client,
    size_t length, uint64_t now_ms)
{
	uint64_t digest = digest_of(failed, client, length);
	struct access_failed_one *one = &failed->list[digest % ACCESS_FAILED];

	if (one->client != digest ||
	    now_ms >= one->since_ms + ACCESS_FAILED_MS)
		*one = (struct access_failed_one){ .client = digest,
		    .since_ms = now_ms };
	one->count++;
}
