/*
 * cache.c - what an operation of the cache costs, beside what one would write
 * otherwise: a hash table in shared memory behind one mutex.
 *
 *	cache ROUNDS
 *
 * prints one JSON document: for each kind of operation, and each of the three
 * that do it, nanoseconds a round.  They take turns within a round.
 *
 * Runs in: tests/bench/run.
 * Owns: the process it forks.
 * Invariant: every value that is read is compared; the first wrong one ends it.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <sys/mman.h>
#include <sys/wait.h>

#include <err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cache.h"
#include "common/clock.h"

#define KEYS		64
#define PLACES		256	/* of the table: a power of two */
#define KEY_SIZE	32
#define VALUE_MAX	4000
#define CACHE_SIZE	(UINT64_C(32) << 20)
#define ROUND_NS	UINT64_C(20000000)	/* a round of one kind takes */
#define BATCH		256	/* operations between two looks at the clock */

/* Whose operation: the table's, the cache's, or no more than what neither can
 * do without: a hash of the key, a checksum and a copy of the value. */
enum whose { BARE, TABLE, CACHE, WHOSE };
static const char *const names[WHOSE] = { "bare", "table", "cache" };

struct kind {
	const char	*name;
	bool		 sets;
	size_t		 length;
	bool		 two;	/* another process does the same meanwhile */
};

static const struct kind kinds[] = {
	{ "get 100", false, 100, false },
	{ "set 100", true, 100, false },
	{ "get 4000", false, 4000, false },
	{ "set 4000", true, 4000, false },
	{ "get 100, two", false, 100, true },
	{ "set 100, two", true, 100, true },
	{ "get 4000, two", false, 4000, true },
};

struct place {
	size_t	key_length, length;
	char	key[KEY_SIZE], value[VALUE_MAX];
};

struct table {
	pthread_mutex_t	lock;
	struct place	places[PLACES];
};

static struct table	*table;
static struct cache	*cache;
static char		 keys[KEYS][KEY_SIZE];
static char		 values[VALUE_MAX], copied[VALUE_MAX];
static volatile uint64_t sink;	/* what is computed is used */

static void *
shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		err(1, "mmap");
	return at;
}

static void
make_table(void)
{
	pthread_mutexattr_t attributes;

	table = shared(sizeof(*table));
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&table->lock, &attributes);
}

static void
make_cache(void)
{
	struct err why;
	int fd = cache_create(CACHE_SIZE, &why);

	cache = fd < 0 ? NULL : cache_map(fd, &why);
	if (cache == NULL)
		errx(1, "%s", why.text);
	close(fd);
}

/* ------------------------------------------------------------- operations */

static void
bare(const char *key, size_t length)
{
	sink += XXH3_64bits(key, strlen(key)) + XXH3_64bits(values, length);
	memcpy(copied, values, length);
}

/* Of the key, or where it is to go; never all are taken. */
static struct place *
place_of(const char *key, size_t key_length)
{
	uint64_t at = XXH3_64bits(key, key_length);

	for (;; at++) {
		struct place *place = &table->places[at % PLACES];

		if (place->key_length == 0 ||
		    (place->key_length == key_length &&
		    memcmp(place->key, key, key_length) == 0))
			return place;
	}
}

static void
table_get(const char *key, size_t length)
{
	struct place *place;

	pthread_mutex_lock(&table->lock);
	place = place_of(key, strlen(key));
	if (place->length != length)
		errx(1, "table: not what was set");
	memcpy(copied, place->value, length);
	pthread_mutex_unlock(&table->lock);
}

static void
table_set(const char *key, size_t length)
{
	size_t key_length = strlen(key);
	struct place *place;

	pthread_mutex_lock(&table->lock);
	place = place_of(key, key_length);
	memcpy(place->key, key, key_length);
	place->key_length = key_length;
	memcpy(place->value, values, length);
	place->length = length;
	pthread_mutex_unlock(&table->lock);
}

static struct cache_key
cache_key_of(const char *key)
{
	struct cache_key made;

	if (cache_key_make(&made, CACHE_SPACE_HANDLER, "bench", key,
	    strlen(key)) < 0)
		err(1, "key");
	return made;
}

static void *
room(void *context, size_t length)
{
	return length <= VALUE_MAX ? context : NULL;
}

static void
cache_get_one(const char *key, size_t length)
{
	struct cache_key made = cache_key_of(key);
	struct cache_found found;

	if (cache_get(cache, &made, room, copied, &found) < 0)
		err(1, "cache: get");
	if (found.length != length)
		errx(1, "cache: not what was set");
}

static void
cache_set_one(const char *key, size_t length)
{
	struct cache_key made = cache_key_of(key);
	const struct cache_value value = { CACHE_BYTES, values, length,
	    60000, 0 };

	if (cache_put(cache, &made, CACHE_SET, &value) < 0)
		err(1, "cache: set");
}

typedef void	operation(const char *key, size_t length);
static operation *const gets[WHOSE] = { bare, table_get, cache_get_one };
static operation *const sets[WHOSE] = { bare, table_set, cache_set_one };

/* ----------------------------------------------------------------- rounds */

static void
do_batch(operation *what, size_t length)
{
	for (unsigned i = 0; i < BATCH; i++)
		what(keys[i % KEYS], length);
	if (copied[0] != values[0] || copied[length - 1] != values[length - 1])
		errx(1, "not the bytes that were set");
}

static pid_t
start_other(operation *what, size_t length)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid > 0)
		return pid;
	cache_enter(cache, getpid());
	for (;;)
		do_batch(what, length);
}

static void
end_other(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, WNOHANG) != 0)
		errx(1, "the other process ended by itself");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static double
measure(operation *what, size_t length)
{
	uint64_t begun_ns = clock_now_ns(), count = 0, now_ns;

	do {
		do_batch(what, length);
		count += BATCH;
		now_ns = clock_now_ns();
	} while (now_ns - begun_ns < ROUND_NS);
	return (double)(now_ns - begun_ns) / (double)count;
}

/* The one that was killed may have held a lock. */
static void
begin_anew(void)
{
	make_table();
	make_cache();
	for (unsigned i = 0; i < KEYS; i++) {
		table_set(keys[i], VALUE_MAX);
		cache_set_one(keys[i], VALUE_MAX);
	}
}

static void
forget(void)
{
	munmap(table, sizeof(*table));
	cache_unmap(cache);
}

static double
measure_one(const struct kind *kind, enum whose whose)
{
	operation *what = kind->sets ? sets[whose] : gets[whose];
	pid_t other = 0;
	double took_ns;

	begin_anew();
	for (unsigned i = 0; i < KEYS; i++)
		sets[whose](keys[i], kind->length);
	if (kind->two)
		other = start_other(what, kind->length);
	do_batch(what, kind->length);
	took_ns = measure(what, kind->length);
	if (kind->two)
		end_other(other);
	forget();
	return took_ns;
}

static void
print_kind(const struct kind *kind, double (*took_ns)[WHOSE], unsigned rounds)
{
	printf("\"%s\": {", kind->name);
	for (int whose = 0; whose < WHOSE; whose++) {
		printf("%s\"%s\": [", whose > 0 ? ", " : "", names[whose]);
		for (unsigned i = 0; i < rounds; i++)
			printf("%s%.1f", i > 0 ? ", " : "",
			    took_ns[i][whose]);
		printf("]");
	}
	printf("}");
}

static void
run_kind(const struct kind *kind, unsigned rounds)
{
	double (*took_ns)[WHOSE] = calloc(rounds, sizeof(*took_ns));

	if (took_ns == NULL)
		err(1, "rounds");
	for (unsigned i = 0; i < rounds; i++)
		for (int whose = 0; whose < WHOSE; whose++)
			took_ns[i][whose] = measure_one(kind,
			    (enum whose)whose);
	print_kind(kind, took_ns, rounds);
	free(took_ns);
}

int
main(int argc, char **argv)
{
	long rounds = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

	if (rounds < 1 || rounds > 10000)
		errx(1, "usage: cache ROUNDS");
	for (unsigned i = 0; i < KEYS; i++)
		snprintf(keys[i], KEY_SIZE, "key-%u", i);
	memset(values, 'v', sizeof(values));
	printf("{");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		printf("%s", i > 0 ? ", " : "");
		fflush(stdout);
		run_kind(&kinds[i], (unsigned)rounds);
	}
	printf("}\n");
	return 0;
}
