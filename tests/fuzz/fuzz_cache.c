/*
 * fuzz_cache.c - whatever anybody writes over the cache's memory, also in the
 * middle of an operation: each ends, reads and writes nothing beyond it, and
 * gives only what was set, and the cache is one again afterwards.
 *
 * Input: steps, see enum step.  Time is ours: it goes on when it is asked for
 * and when somebody sleeps, so that an input always does the same.
 *
 * Runs in: make check, libFuzzer.
 * Owns: one cache of its own, between two pages that nobody may touch.
 * Invariant: all zero at the beginning of each input.
 */
#include "fuzz.h"

#include <sys/mman.h>

#include <errno.h>
#include <string.h>

#include "common/cache_point.h"
#include "common/cache_private.h"

enum step {
	STEP_GET,		/* key */
	STEP_LOOK,		/* key: without its value */
	STEP_SET,		/* key, length, time to live */
	STEP_ADD,
	STEP_SWAP,		/* with the version seen last */
	STEP_COUNT,		/* key, by */
	STEP_DELETE,		/* key */
	STEP_WAIT,		/* key */
	STEP_FILL,		/* count: other keys, to the log's end */
	STEP_TIME,		/* passes */
	STEP_RELEASE,		/* a process is said to be dead */
	STEP_SHARD,		/* offset, length, bytes: overwritten */
	STEP_INDEX,
	STEP_LOG,
	STEP_ENTRY,		/* key, field, number: of its entry */
	STEP_POINT,		/* point, and then one of the last four: it is
				 * done when the next operation is there */
	STEPS
};

#define SIZE		(UINT64_C(1) << 20)
#define KEYS		12
#define FILLERS		4096
#define LENGTHS		8
#define PID		4711
#define LONGEST_MS	130000		/* a step: all of it that may sleep */
#define TRIES		4	/* until it is a cache again */

static const uint32_t lengths[LENGTHS] = { 0, 1, 8, 60, 500, 4000, 20000,
    32000 };

struct input {
	const uint8_t	*at, *end;
};

/* What is to be overwritten when the point comes. */
struct planned {
	enum cache_point	 point;
	struct input		 input;
};

static struct cache	*cache;
static struct planned	 planned;
static uint64_t		 now_ms;
static uint64_t		 seen[KEYS];	/* versions */
static uint64_t		 set[KEYS];	/* bits of lengths that were set */
static char		 values[KEYS][CACHE_VALUE_MAX];
static char		 copied[CACHE_VALUE_MAX];

uint64_t
fuzz_clock_ns(void)
{
	now_ms++;
	return (now_ms + 1000) * 1000000;
}

void
fuzz_sleep(uint64_t ms)
{
	now_ms += ms;
}

/* -------------------------------------------------------------- the input */

static uint32_t
take_byte(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static uint32_t
take_number(struct input *input, unsigned bytes)
{
	uint32_t number = 0;

	while (bytes-- > 0)
		number = number << 8 | take_byte(input);
	return number;
}

static uint32_t
take_key(struct input *input)
{
	return take_byte(input) % KEYS;
}

/* ------------------------------------------------------------- overwriting */

static void
overwrite(struct input *input, uint8_t *memory, uint64_t size)
{
	uint64_t offset = take_number(input, 3) % size;
	uint64_t length = take_byte(input);

	if (length > size - offset)
		length = size - offset;
	if (length > (uint64_t)(input->end - input->at))
		length = (uint64_t)(input->end - input->at);
	if (length > 0)
		memcpy(memory + offset, input->at, length);
	input->at += length;
}

static struct cache_key
key_named(const char *kind, uint32_t number)
{
	struct cache_key key;
	char text[32];
	int length = snprintf(text, sizeof(text), "%s-%u", kind, number);

	CHECK(cache_key_make(&key, CACHE_SPACE_HANDLER, "fuzz", text,
	    (size_t)length) == 0);
	return key;
}

static uint8_t *
shard_of(uint32_t number)
{
	return cache->memory + cache->shard_bytes *
	    (number % cache->shard_count);
}

/* The entry that the index names for this key, if it may be one. */
static uint8_t *
entry_of(const struct cache_key *key)
{
	uint32_t tag = (uint32_t)(key->hash >> 32), place;
	uint8_t *shard = shard_of((uint32_t)(key->hash >> 40));
	const struct cache_slot *slots = (struct cache_slot *)(void *)(shard +
	    CACHE_PAGE);

	for (uint32_t i = 0; i < cache->units; i++) {
		place = atomic_load(&slots[i].place);
		if (place != 0 && place <= cache->units &&
		    atomic_load(&slots[i].tag) == tag)
			return shard + cache->log_offset + (uint64_t)(place -
			    1) * CACHE_UNIT;
	}
	return NULL;
}

/* One word of it, which a wild number or one that is nearly right is put in. */
static void
overwrite_entry(struct input *input)
{
	struct cache_key key = key_named("key", take_key(input));
	uint32_t word = take_byte(input) % (CACHE_UNIT / sizeof(uint32_t));
	uint32_t number = take_number(input, 4);
	uint8_t *entry = entry_of(&key);

	if (entry != NULL)
		memcpy(entry + word * sizeof(number), &number,
		    sizeof(number));
}

static void
overwrite_some(struct input *input, uint32_t step)
{
	struct cache_key key;
	uint8_t *shard;

	if (step == STEP_ENTRY) {
		overwrite_entry(input);
		return;
	}
	key = key_named("key", take_key(input));
	shard = shard_of((uint32_t)(key.hash >> 40));
	if (step == STEP_SHARD)
		overwrite(input, shard, sizeof(struct cache_shard));
	else if (step == STEP_INDEX)
		overwrite(input, shard + CACHE_PAGE, cache->units *
		    sizeof(struct cache_slot));
	else
		overwrite(input, shard + cache->log_offset,
		    (uint64_t)cache->units * CACHE_UNIT);
}

static void
overwrite_now(struct input *input)
{
	overwrite_some(input, STEP_SHARD + take_byte(input) % 4);
}

/* The cache's own call, at the moments that it names. */
void
cache_point(enum cache_point here)
{
	if (here != planned.point)
		return;
	planned.point = CACHE_POINT_NONE;
	overwrite_now(&planned.input);
}

/* Its bytes are the next 16 of the input. */
static void
plan(struct input *input)
{
	size_t left;

	planned.point = (enum cache_point)(1 + take_byte(input) %
	    (CACHE_POINTS - 1));
	planned.input = *input;
	left = (size_t)(input->end - input->at);
	input->at += left < 16 ? left : 16;
	planned.input.end = input->at;
}

/* ------------------------------------------------------------- operations */

static void *
room(void *context, size_t length)
{
	(void)context;
	CHECK(length <= sizeof(copied));
	return copied;
}

/* That it is one of those that were set under this key, whole. */
static void
check_value(uint32_t number, const struct cache_found *found)
{
	if (found->type == CACHE_INTEGER) {
		CHECK(found->length == sizeof(int64_t));
		return;
	}
	for (uint32_t i = 0; i < LENGTHS; i++)
		if (found->length == lengths[i]) {
			CHECK((set[number] >> i & 1) != 0);
			CHECK(memcmp(copied, values[number],
			    found->length) == 0);
			return;
		}
	CHECK(!"a length that was never set");
}

static void
get(uint32_t number, bool with_value)
{
	struct cache_key key = key_named("key", number);
	struct cache_found found;

	if (cache_get(cache, &key, with_value ? room : NULL, NULL, &found) <
	    0) {
		CHECK(errno == ENOENT || errno == EBUSY);
		return;
	}
	CHECK(found.version != 0);
	if (with_value)
		check_value(number, &found);
	seen[number] = found.version;
}

static int
put(uint32_t number, enum cache_put how, uint32_t which, uint32_t ttl_ms)
{
	struct cache_key key = key_named("key", number);
	const struct cache_value value = { CACHE_BYTES, values[number],
	    lengths[which % LENGTHS], ttl_ms, seen[number] };

	set[number] |= UINT64_C(1) << which % LENGTHS;
	return cache_put(cache, &key, how, &value);
}

static void
put_one(struct input *input, enum cache_put how)
{
	uint32_t number = take_key(input), which = take_byte(input);

	if (put(number, how, which, take_byte(input) * 8) < 0)
		CHECK(errno == EBUSY || (errno == EEXIST && how ==
		    CACHE_ADD) || (errno == ESTALE && how == CACHE_SWAP));
}

static void
count(struct input *input)
{
	struct cache_key key = key_named("key", take_key(input));
	int64_t sum, by = (int8_t)take_byte(input);

	if (cache_add_count(cache, &key, by, 0, 0, &sum) < 0)
		CHECK(errno == EBUSY || errno == EINVAL || errno == ERANGE);
}

static void
delete(struct input *input)
{
	struct cache_key key = key_named("key", take_key(input));

	if (cache_delete(cache, &key) < 0)
		CHECK(errno == ENOENT || errno == EBUSY);
}

static void
wait_for_change(struct input *input)
{
	uint32_t number = take_key(input);
	struct cache_key key = key_named("key", number);

	if (cache_wait(cache, &key, seen[number], 7000, NULL, NULL) < 0)
		CHECK(errno == ETIMEDOUT);
}

static void
fill(struct input *input)
{
	static uint32_t next;
	uint32_t wanted = take_byte(input);

	for (uint32_t i = 0; i < wanted; i++) {
		struct cache_key key = key_named("other", next++ % FILLERS);
		const struct cache_value value = { CACHE_BYTES, values[0],
		    lengths[i % LENGTHS], 0, 0 };

		cache_put(cache, &key, CACHE_SET, &value);
	}
}

static void
do_step(struct input *input)
{
	uint32_t step = take_byte(input) % STEPS;

	switch (step) {
	case STEP_GET:
	case STEP_LOOK:
		get(take_key(input), step == STEP_GET);
		break;
	case STEP_SET:
	case STEP_ADD:
	case STEP_SWAP:
		put_one(input, (enum cache_put)(step - STEP_SET));
		break;
	case STEP_COUNT:
		count(input);
		break;
	case STEP_DELETE:
		delete(input);
		break;
	case STEP_WAIT:
		wait_for_change(input);
		break;
	case STEP_FILL:
		fill(input);
		break;
	case STEP_TIME:
		now_ms += take_number(input, 2);
		break;
	case STEP_RELEASE:
		cache_release(cache, (pid_t)take_number(input, 3));
		break;
	case STEP_POINT:
		plan(input);
		break;
	default:
		overwrite_some(input, step);
	}
}

/* ---------------------------------------------------------------- set-up */

/* At the end of what may be touched: one byte more is seen by the processor,
 * where a sanitizer knows nothing of the memory. */
static void
put_between_guards(void)
{
	uint8_t *at = mmap(NULL, SIZE + 2 * CACHE_PAGE, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	CHECK(mprotect(at + CACHE_PAGE, SIZE, PROT_READ | PROT_WRITE) == 0);
	munmap(cache->memory, SIZE);
	cache->memory = at + CACHE_PAGE;
}

static void
make(void)
{
	struct err err;

	cache = cache_map_private(SIZE, &err);
	CHECK(cache != NULL);
	put_between_guards();
	cache_enter(cache, PID);
	for (uint32_t i = 0; i < KEYS; i++)
		for (size_t at = 0; at < CACHE_VALUE_MAX; at++)
			values[i][at] = (char)(at % 251 * 7 + i * 31);
}

static void
begin_anew(void)
{
	if (cache == NULL)
		make();
	memset(cache->memory, 0, SIZE);
	memset(cache->stuck, 0, sizeof(cache->stuck));
	atomic_store(&cache->turns, 0);
	memset(seen, 0, sizeof(seen));
	memset(set, 0, sizeof(set));
	planned.point = CACHE_POINT_NONE;
	now_ms = 1000000;
}

/* Nobody overwrites any more: what is set is there. */
static void
check_usable(uint32_t number)
{
	struct cache_key key = key_named("key", number);
	struct cache_found found;
	bool there = false;

	for (int i = 0; i < TRIES && !there; i++) {
		there = put(number, CACHE_SET, 3, 0) == 0 &&
		    cache_get(cache, &key, room, NULL, &found) == 0;
		now_ms += CACHE_STEAL_MS;
	}
	CHECK(there);
	check_value(number, &found);
	CHECK(found.length == lengths[3]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };
	struct cache_counts counts;

	begin_anew();
	while (input.at < input.end) {
		uint64_t begun_ms = now_ms;

		do_step(&input);
		CHECK(now_ms - begun_ms < LONGEST_MS);
	}
	planned.point = CACHE_POINT_NONE;
	for (uint32_t i = 0; i < KEYS; i++)
		check_usable(i);
	cache_count_all(cache, &counts);
	return 0;
}
