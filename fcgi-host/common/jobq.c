/*
 * jobq.c - the short queue of job indices from a front to a pool's workers.
 *
 * Runs in: front (push, withdraw, repair), worker (take).
 * Owns: the queue section of a team's shared memory.
 * Invariant: a job is claimed at most once per sequence number, whatever dies
 * or is spoilt; an index may stand in the ring twice, its claim may not.
 */
#include "common/jobq.h"

#include <limits.h>

#include "common/futex.h"

static uint64_t
claim_word(uint64_t seq, uint32_t claimant)
{
	return seq << 32 | claimant;
}

void
jobq_init(struct jobq *jobq, const struct shm *shm, uint32_t pool)
{
	jobq->queue = shm->queues[pool];
	jobq->ring = shm_ring(shm, pool);
	jobq->pool = &shm->geometry->pools[pool];
}

/* Entries nobody has passed yet, withdrawn ones included. */
static uint32_t
outstanding(const struct jobq *jobq)
{
	return atomic_load(&jobq->queue->tail) -
	    atomic_load(&jobq->queue->head);
}

/* Entries that somebody can still claim. */
static uint32_t
count_live(const struct jobq *jobq)
{
	uint32_t tail = atomic_load(&jobq->queue->tail);
	uint32_t left = outstanding(jobq);
	uint32_t live = 0;

	if (left > jobq->pool->ring_size)
		return jobq->pool->queue_limit;
	for (uint32_t at = tail - left; at != tail; at++) {
		uint32_t index = atomic_load_explicit(
		    &jobq->ring[at % jobq->pool->ring_size],
		    memory_order_relaxed);

		if (index < jobq->pool->jobs && (uint32_t)atomic_load(
		    &jobq->queue->claims[index]) == SHM_CLAIM_QUEUED)
			live++;
	}
	return live;
}

uint32_t
jobq_room(const struct jobq *jobq)
{
	uint32_t limit = jobq->pool->queue_limit;
	uint32_t used = outstanding(jobq);

	if (used >= jobq->pool->ring_size)
		return 0;
	if (used >= limit)
		used = count_live(jobq);
	return used < limit ? limit - used : 0;
}

static uint32_t
add_to_ring(struct jobq *jobq, uint32_t index)
{
	uint32_t at = jobq->tail;

	atomic_store_explicit(&jobq->ring[jobq->tail % jobq->pool->ring_size],
	    index, memory_order_relaxed);
	atomic_store(&jobq->queue->tail, ++jobq->tail);
	return at;
}

uint32_t
jobq_push(struct jobq *jobq, uint32_t index, uint64_t seq)
{
	atomic_store_explicit(&jobq->queue->claims[index],
	    claim_word(seq, SHM_CLAIM_QUEUED), memory_order_release);
	return add_to_ring(jobq, index);
}

uint32_t
jobq_push_again(struct jobq *jobq, uint32_t index, uint64_t seq,
    uint32_t claimant)
{
	uint64_t seen = claim_word(seq, claimant);

	atomic_compare_exchange_strong(&jobq->queue->claims[index], &seen,
	    claim_word(seq, SHM_CLAIM_QUEUED));
	return add_to_ring(jobq, index);
}

bool
jobq_passed(const struct jobq *jobq, uint32_t at)
{
	return jobq->tail - at > outstanding(jobq);
}

void
jobq_wake(struct jobq *jobq, bool all)
{
	atomic_fetch_add(&jobq->queue->bell, 1);
	futex_wake(&jobq->queue->bell, all ? INT_MAX : 1);
}

bool
jobq_withdraw(struct jobq *jobq, uint32_t index, uint64_t seq)
{
	uint64_t expected = claim_word(seq, SHM_CLAIM_QUEUED);

	return atomic_compare_exchange_strong(&jobq->queue->claims[index],
	    &expected, claim_word(seq, SHM_CLAIM_WITHDRAWN));
}

uint32_t
jobq_claimant(const struct jobq *jobq, uint32_t index, uint64_t seq)
{
	uint64_t word = atomic_load(&jobq->queue->claims[index]);

	if (word >> 32 != (uint32_t)seq)
		return SHM_CLAIM_WITHDRAWN;
	return (uint32_t)word;
}

bool
jobq_is_sound(const struct jobq *jobq)
{
	return atomic_load_explicit(&jobq->queue->tail,
	    memory_order_relaxed) == jobq->tail &&
	    outstanding(jobq) <= jobq->pool->ring_size;
}

void
jobq_repair(struct jobq *jobq)
{
	struct shm_queue *queue = jobq->queue;

	atomic_store(&queue->head, jobq->tail);
	atomic_store(&queue->tail, jobq->tail);
}

void
jobq_set_claim(struct jobq *jobq, uint32_t index, uint64_t seq,
    uint32_t claimant)
{
	atomic_store(&jobq->queue->claims[index], claim_word(seq, claimant));
}

void
jobq_set_hungry(struct jobq *jobq, bool hungry)
{
	if (atomic_load_explicit(&jobq->queue->hungry,
	    memory_order_relaxed) != hungry)
		atomic_store(&jobq->queue->hungry, hungry);
}

/* Claims the job if nobody did or withdrew it. */
static bool
claim(struct jobq *jobq, uint32_t index, uint32_t claimant)
{
	uint64_t word = atomic_load(&jobq->queue->claims[index]);

	return (uint32_t)word == SHM_CLAIM_QUEUED &&
	    atomic_compare_exchange_strong(&jobq->queue->claims[index], &word,
	    word | claimant);
}

/* Words that cannot be were overwritten: the front mends them and rings, and
 * until then there is nothing. */
static bool
has_entries(const struct jobq *jobq, uint32_t head, uint32_t tail)
{
	return head != tail && tail - head <= jobq->pool->ring_size;
}

uint32_t
jobq_take(struct jobq *jobq, uint32_t claimant)
{
	struct shm_queue *queue = jobq->queue;
	uint32_t head = atomic_load(&queue->head);

	while (has_entries(jobq, head, atomic_load(&queue->tail))) {
		uint32_t index = atomic_load_explicit(
		    &jobq->ring[head % jobq->pool->ring_size],
		    memory_order_relaxed);

		if (!atomic_compare_exchange_weak(&queue->head, &head,
		    head + 1))
			continue;
		if (index < jobq->pool->jobs && claim(jobq, index, claimant))
			return index;
		head = atomic_load(&queue->head);
	}
	return SHM_NONE;
}

bool
jobq_has(const struct jobq *jobq, uint32_t index, uint64_t seq,
    uint32_t claimant)
{
	return atomic_load(&jobq->queue->claims[index]) ==
	    claim_word(seq, claimant);
}

bool
jobq_empty(const struct jobq *jobq)
{
	return !has_entries(jobq, atomic_load(&jobq->queue->head),
	    atomic_load(&jobq->queue->tail));
}

bool
jobq_hungry(const struct jobq *jobq)
{
	return atomic_load(&jobq->queue->hungry) != 0;
}
