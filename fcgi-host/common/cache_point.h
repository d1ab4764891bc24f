/*
 * cache_point.h - the moments of an operation at which a test stops or ends the
 * process that is in it (tests/unit/cache_kill_test.c).
 */
#ifndef COMMON_CACHE_POINT_H
#define COMMON_CACHE_POINT_H

enum cache_point {
	CACHE_POINT_NONE,
	CACHE_POINT_LOCKED,	/* nothing is changed yet */
	CACHE_POINT_READ,	/* the value has been copied */
	CACHE_POINT_WRITING,	/* changes may begin */
	CACHE_POINT_DROPPED,	/* off the index, not yet marked */
	CACHE_POINT_EVICTED,	/* marked, the log still counts it */
	CACHE_POINT_MOVED,	/* at two places of the log */
	CACHE_POINT_ROOM,	/* the log counts it, nothing is there */
	CACHE_POINT_HALF,	/* the entry is written, its key is not */
	CACHE_POINT_ENTERED,	/* all of it, but not in the index */
	CACHE_POINT_CLEARING,
	CACHE_POINT_WRITTEN,	/* still locked */
	CACHE_POINT_UNLOCKED,	/* nobody has been woken */
	CACHE_POINTS
};

/* A test compiles the files anew, and says what is done there. */
#ifdef CACHE_TEST_POINTS
void	cache_point(enum cache_point);
#else
#define cache_point(point)	((void)0)
#endif

#endif
