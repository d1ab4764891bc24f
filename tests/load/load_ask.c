/*
 * load_ask.c - makes up requests: GET and POST, sync and async, small and
 * large, at once and in parts.
 *
 * Runs in: the load generator of the live tests.
 * Owns: nothing; a request and its body are its client's.
 * Invariant: the same seed makes the same requests.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

#define BODY_MAX	100000

/* A reply of 1200 lines goes over several records and reply spaces; one of
 * 4000 over what a socket holds. */
static const unsigned line_counts[] = { 1, 1, 1, 3, 20, 20, 200, 200, 1200,
    4000 };

/* Over 64 KiB a body goes into a file. */
static const unsigned body_lengths[] = { 0, 9, 9, 500, 500, 5000, 5000, 30000,
    70000, BODY_MAX };

static unsigned
roll(unsigned *dice, unsigned below)
{
	return (unsigned)rand_r(dice) % below;
}

static void
make_body(struct ask *ask, unsigned *dice)
{
	unsigned seed = roll(dice, 251);

	ask->body_length = ask->post ? body_lengths[roll(dice, 10)] : 0;
	if (ask->body == NULL && (ask->body = malloc(BODY_MAX)) == NULL)
		err(1, "malloc");
	for (size_t i = 0; i < ask->body_length; i++)
		ask->body[i] = (unsigned char)(i * 7 + seed);
	ask->digest = bytes_digest(ask->body, ask->body_length);
}

void
ask_make(struct ask *ask, unsigned client, unsigned number, unsigned *dice)
{
	snprintf(ask->id, sizeof(ask->id), "%02u-%08u-%08x", client % 100,
	    number % 100000000, (unsigned)rand_r(dice));
	ask->post = roll(dice, 3) == 0;
	ask->async = roll(dice, 2) == 0;
	ask->lines = line_counts[roll(dice, 10)];
	ask->request_id = 1 + number % 7;
	ask->hold = ask->flush = ask->wait = 0;
	if (ask->async && roll(dice, 16) == 0)
		ask->hold = roll(dice, 100);
	if (ask->async && ask->lines >= 20 && roll(dice, 8) == 0) {
		ask->flush = ask->lines / 5;
		ask->wait = roll(dice, 20);
	}
	make_body(ask, dice);
}

void
ask_target(const struct ask *ask, char *out, size_t size)
{
	snprintf(out, size, "/version%s?id=%s&lines=%u&hold=%u&flush=%u"
	    "&wait=%u", ask->async ? "" : "-sync", ask->id, ask->lines,
	    ask->hold, ask->flush, ask->wait);
}
