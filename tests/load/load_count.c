/*
 * load_count.c - what became of the requests.
 *
 * Runs in: the load generator of the live tests.
 * Owns: the counters and the versions seen.
 * Invariant: each request is counted once, the end of a connection without
 * one as a fault of its own.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "load.h"

static const char *const names[OUTCOMES] = { "fine", "errors", "closed",
    "wrong", "twice", "backwards", "silent", "refused" };

static uint64_t		 counts[OUTCOMES];
static unsigned		 shown[OUTCOMES];

static struct version	 versions[VERSIONS_MAX];
static uint64_t		 version_counts[VERSIONS_MAX];
static unsigned		 version_count;

void
count(enum outcome outcome, unsigned client, const struct ask *ask,
    const char *fault)
{
	counts[outcome]++;
	if (outcome == FINE || shown[outcome]++ >= FAULTS_SHOWN)
		return;
	fprintf(stderr, "%s: client %u, %s %s%s, %zu bytes, %u lines: %s\n",
	    names[outcome], client, ask->post ? "POST" : "GET", ask->id,
	    ask->async ? " async" : "", ask->body_length, ask->lines, fault);
}

/* The last ones are the likely ones. */
void
count_version(const struct version *version)
{
	for (unsigned i = version_count; i-- > 0;) {
		if (memcmp(&versions[i], version, sizeof(*version)) == 0) {
			version_counts[i]++;
			return;
		}
	}
	if (version_count == VERSIONS_MAX)
		errx(1, "more than %d versions", VERSIONS_MAX);
	versions[version_count] = *version;
	version_counts[version_count++] = 1;
}

void
count_print(void)
{
	printf("{");
	for (int i = 0; i < OUTCOMES; i++)
		printf("\"%s\": %llu, ", names[i],
		    (unsigned long long)counts[i]);
	printf("\"versions\": [");
	for (unsigned i = 0; i < version_count; i++)
		printf("%s[%u, %u, %u, %llu]", i == 0 ? "" : ", ",
		    versions[i].part[0], versions[i].part[1],
		    versions[i].part[2],
		    (unsigned long long)version_counts[i]);
	printf("]}\n");
}
