/*
 * jobq.h - the short queue of job indices from a front to a pool's workers.
 *
 * The front pushes and withdraws; any worker thread takes.  A push never waits:
 * jobq_room() says whether there is room, and what has none stays pending in
 * the front.  A sleeping worker costs the front one futex call, a busy one
 * nothing.  Layout and claims: common/shm.h.
 */
#ifndef COMMON_JOBQ_H
#define COMMON_JOBQ_H

#include <stdbool.h>
#include <stdint.h>

#include "common/shm.h"

/* One process's view of one pool's queue. */
struct jobq {
	struct shm_queue		*queue;
	_Atomic uint32_t		*ring;
	const struct shm_pool_geometry	*pool;
	uint32_t			 tail;	/* front: as it must be */
};

void	jobq_init(struct jobq *, const struct shm *, uint32_t pool);

/* ----------------------------------------------------------------- front */

/* How many more jobs may be pushed now. */
uint32_t	jobq_room(const struct jobq *);

/*
 * Offers job `index` (of this pool, from 0) with this sequence number.  The
 * job's memory must be complete.  Wake one worker if any sleeps, however many
 * were woken before: one that is awake may have another job in mind.  Returns
 * where it is in the ring, see jobq_passed().
 */
uint32_t	jobq_push(struct jobq *, uint32_t index, uint64_t seq);

/*
 * Offers a job that was pushed before, and that `claimant` had when one looked:
 * SHM_CLAIM_QUEUED, or a reply slot of a dead process.  A worker that has
 * claimed it since then keeps it: one that lives may stand between the ring,
 * which is empty, and its claim.
 */
uint32_t	jobq_push_again(struct jobq *, uint32_t index, uint64_t seq,
		    uint32_t claimant);

/* Has a worker come by there, whether or not it could claim it? */
bool		jobq_passed(const struct jobq *, uint32_t at);

/* Wakes one sleeping worker thread, or all of them. */
void		jobq_wake(struct jobq *, bool all);

/* True: nobody has the job, and nobody will.  False: a worker has it. */
bool		jobq_withdraw(struct jobq *, uint32_t index, uint64_t seq);

/* Who has the job: 1 + a reply slot of the pool, SHM_CLAIM_QUEUED, or
 * SHM_CLAIM_WITHDRAWN also for a claim that is not of this sequence number. */
uint32_t	jobq_claimant(const struct jobq *, uint32_t index,
		    uint64_t seq);

/* False if a worker has spoilt the queue's words: repair it. */
bool		jobq_is_sound(const struct jobq *);

/* Empties the queue; what nobody has begun must be pushed again, and the claims
 * of what is begun set anew. */
void		jobq_repair(struct jobq *);
void		jobq_set_claim(struct jobq *, uint32_t index, uint64_t seq,
		    uint32_t claimant);

/* Says whether the front has more jobs than room. */
void		jobq_set_hungry(struct jobq *, bool);

/* ---------------------------------------------------------------- worker */

/*
 * Takes the oldest job for reply slot `claimant` - 1.  Returns its index, or
 * SHM_NONE if there is none.
 */
uint32_t	jobq_take(struct jobq *, uint32_t claimant);

/* Is it still its own?  Asked when its reply slot says that it has begun. */
bool		jobq_has(const struct jobq *, uint32_t index, uint64_t seq,
		    uint32_t claimant);

bool		jobq_empty(const struct jobq *);
bool		jobq_hungry(const struct jobq *);

#endif
