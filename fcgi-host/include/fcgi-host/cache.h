/*
 * cache.h - small state that all processes of the host share.
 *
 * handler.h includes this.  A handler runs in many processes, and each is
 * replaced now and then: what two requests are to share, or the next worker is
 * to find, goes here.
 *
 *	static int
 *	rates(struct fh_request *rq)
 *	{
 *		struct fh_cache *cache = fh_cache(rq);
 *		struct fh_cache_value now;
 *
 *		if (fh_cache_get(rq, cache, "EUR", FH_CACHE_TEXT, &now) == 0)
 *			return fh_reply_bytes(rq, 200, "application/json",
 *			    now.bytes, now.length);
 *		...
 *		fh_cache_set(cache, "EUR", FH_CACHE_TEXT, json, length, 60000);
 *
 * What is promised.  A value that is given is one that was set, whole, in time,
 * under this key.  That a value is still there is not: it may have been
 * evicted, or a process was killed while it changed something nearby.  What
 * must not be lost belongs into a database.  All of it survives reloads and
 * crashes, and is empty after a restart or an upgrade of the host.
 *
 * Each operation is atomic, over all processes and threads: counters add up,
 * and of several that swap one wins.  A read sees what was set before it.
 *
 * Size.  `cache_size` of the configuration, 4 MiB by default, for all handlers
 * together; what has not been read for longest leaves first, about.  A value
 * may have up to a 32nd of that, with its key, and 1 MiB at most.  Each entry
 * costs 56 bytes, its key, and the handler's name, rounded up to 64 bytes.
 * `fcgi-host status` shows entries, hits, misses and evictions.
 *
 * Cost.  About half a microsecond and a copy of the value; no system call
 * unless two meet at the same moment.
 *
 * Keys are bytes, 1 to FH_CACHE_KEY_MAX of them; FH_CACHE_TEXT as their length
 * means that they end in NUL.  Those of different handlers never meet.
 *
 * Threads.  A struct fh_cache may be used by any number of threads at once, a
 * handler's own ones included, as long as the process serves.  Not after a
 * fork() of the handler's.
 *
 * Errors are -1 with errno; ENOENT and, for a cache, EBUSY are ordinary:
 *
 *	ENOENT		it is not there
 *	EBUSY		a process that stands still holds this part of the
 *			cache; within 0.1 s at most, once, then at once.  What
 *			was to be changed is as it was, or gone.
 *	EINVAL		a key that is empty or too long; another type
 *	EMSGSIZE	the value is too large
 *	ENOTSUP		cache_size = 0
 */
#ifndef FCGI_HOST_CACHE_H
#define FCGI_HOST_CACHE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fh_request;
struct fh_worker;
struct fh_cache;		/* one space of keys */

#define FH_CACHE_KEY_MAX	1024
#define FH_CACHE_TEXT		((size_t)-1)

/*
 * This handler's own space, and the one that all handlers share.  Good as long
 * as the process, also beyond the request; never NULL.  In self_test, and in
 * the worker_init before it, all is empty and nobody else sees what is set.
 */
struct fh_cache	*fh_cache(struct fh_request *);
struct fh_cache	*fh_cache_shared(struct fh_request *);
struct fh_cache	*fh_worker_cache(struct fh_worker *);
struct fh_cache	*fh_worker_cache_shared(struct fh_worker *);

enum fh_cache_type {
	FH_CACHE_BYTES,
	FH_CACHE_INTEGER,	/* an int64_t */
	FH_CACHE_NUMBER		/* a double */
};

/*
 * bytes	the value, and one NUL more than `length` says
 * version	changes whenever it is set, and never comes back for this key;
 *		never 0
 * left_ms	until it expires; INT64_MAX: it does not
 */
struct fh_cache_value {
	enum fh_cache_type	 type;
	const void		*bytes;
	size_t			 length;
	uint64_t		 version;
	int64_t			 left_ms;
};

/*
 * The value of a key.
 *
 * fh_cache_get		copied into the request's memory, aligned for any type,
 *			and good until serve() returns
 * fh_cache_read	copied into `buffer`.  -1/ERANGE if it does not fit
 *			with its NUL, and then value_out->length says what it
 *			has.
 * fh_cache_get_integer, fh_cache_get_number
 *			-1/EINVAL for a value of another type
 */
int	 fh_cache_get(struct fh_request *, struct fh_cache *, const void *key,
	    size_t key_length, struct fh_cache_value *value_out);
int	 fh_cache_read(struct fh_cache *, const void *key, size_t key_length,
	    void *buffer, size_t size, struct fh_cache_value *value_out);
int	 fh_cache_get_integer(struct fh_cache *, const void *key,
	    size_t key_length, int64_t *value_out);
int	 fh_cache_get_number(struct fh_cache *, const void *key,
	    size_t key_length, double *value_out);

/*
 * Sets it, whatever was there, for ttl_ms milliseconds, or, with 0, until it is
 * evicted.  The value is copied.
 *
 * fh_cache_add		only if there is none: -1/EEXIST
 * fh_cache_swap	only if it has that version still, or, with version 0,
 *			if there is none: -1/ESTALE.  To change a value that
 *			others change too: get, make the new one, swap, and
 *			begin again on ESTALE.
 */
int	 fh_cache_set(struct fh_cache *, const void *key, size_t key_length,
	    const void *bytes, size_t length, uint64_t ttl_ms);
int	 fh_cache_set_integer(struct fh_cache *, const void *key,
	    size_t key_length, int64_t value, uint64_t ttl_ms);
int	 fh_cache_set_number(struct fh_cache *, const void *key,
	    size_t key_length, double value, uint64_t ttl_ms);
int	 fh_cache_add(struct fh_cache *, const void *key, size_t key_length,
	    const void *bytes, size_t length, uint64_t ttl_ms);
int	 fh_cache_swap(struct fh_cache *, const void *key, size_t key_length,
	    uint64_t version, const void *bytes, size_t length,
	    uint64_t ttl_ms);

/*
 * Adds `by`, which may be negative, to an integer; *value_out, which may be
 * NULL, is the sum.  One that is not there is taken for `initial`, so that with
 * 1 and 0 the first call gives 1, and lives for ttl_ms; one that is there keeps
 * its time: a key per client with a ttl_ms of 60000 counts what came in a
 * minute.  -1/EINVAL for a value of
 * another type, -1/ERANGE for a sum that is no int64_t: both leave it alone.
 */
int	 fh_cache_count(struct fh_cache *, const void *key, size_t key_length,
	    int64_t by, int64_t initial, uint64_t ttl_ms, int64_t *value_out);

/* Takes it out; -1/ENOENT if there was none. */
int	 fh_cache_delete(struct fh_cache *, const void *key,
	    size_t key_length);

/*
 * Waits until the key's version is not `version` any more (0: it is not there),
 * ms milliseconds at most, without polling: 0, or -1/ETIMEDOUT, or
 * -1/ECANCELED once fh_cancelled() is true, which is looked for now and then;
 * the request may be NULL.  Setting, deleting and expiring wake at once,
 * eviction within 5 s.  For async handlers: a sync one holds up everybody.
 */
int	 fh_cache_wait(struct fh_request *, struct fh_cache *, const void *key,
	    size_t key_length, uint64_t version, uint64_t ms);

#ifdef __cplusplus
}
#endif

#endif /* FCGI_HOST_CACHE_H */
