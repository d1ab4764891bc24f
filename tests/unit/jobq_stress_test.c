/*
 * jobq_stress_test.c - one front and four workers that die at named points:
 * every job is run once, or was begun by one that died.
 *
 * Runs in: make check.
 * Owns: the processes it forks.
 * Invariant: an alarm ends a test that would wait for ever.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/futex.h"
#include "common/jobq.h"

#define WORKERS		4
#define JOBS		20000
#define LONGEST		60	/* seconds, in all */

/* Where a worker dies. */
enum point { LIVES, TOOK, CLAIMED, BEGUN, ENDED, POINTS };

/* What the front knows of each job slot. */
struct offered {
	uint64_t	seq;	/* 0: free */
	bool		ended;
};

/* Beside the queue, as replies are: shared, one writer each. */
struct record {
	_Atomic uint32_t	runs[JOBS + 1];
	_Atomic uint64_t	begun[128];	/* by job slot: seq */
	_Atomic uint64_t	ended[128];
	_Atomic uint32_t	deaths[POINTS];
	_Atomic uint32_t	stop;
};

struct stress {
	struct config_pool	 pool;
	struct config		 config;
	struct shm_geometry	*geometry;
	struct shm		*shm;
	int			 fd;
	struct jobq		 jobq;
	struct record		*record;
	struct offered		 offered[128];
	uint32_t		 job_count;
	uint32_t		 active;
	uint64_t		 next_seq;
	uint64_t		 settled;	/* ended or lost */
	uint64_t		 lost, again;
	pid_t			 pids[WORKERS];
	uint32_t		 incarnation[WORKERS];
};

/* -------------------------------------------------------------- worker */

static void
die_at(const struct stress *stress, enum point here, enum point chosen)
{
	if (here != chosen)
		return;
	atomic_fetch_add(&stress->record->deaths[here], 1);
	raise(SIGKILL);
}

/* The first half of jobq_take(): off the ring, and nobody's. */
static void
take_unclaimed(struct jobq *jobq)
{
	uint32_t head = atomic_load(&jobq->queue->head);

	while (head != atomic_load(&jobq->queue->tail))
		if (atomic_compare_exchange_weak(&jobq->queue->head, &head,
		    head + 1))
			return;
}

static void
run(struct stress *stress, uint32_t index, enum point death)
{
	const struct shm_job *job = shm_job(stress->shm, index);
	struct record *record = stress->record;
	uint64_t seq = job->seq;

	die_at(stress, CLAIMED, death);
	atomic_store(&record->begun[index], seq);
	atomic_fetch_add(&record->runs[seq], 1);
	die_at(stress, BEGUN, death);
	atomic_store(&record->ended[index], seq);
	die_at(stress, ENDED, death);
}

static void
sleep_for_work(struct stress *stress, uint32_t worker)
{
	struct shm_window *window = stress->shm->windows[worker];
	uint32_t seen = atomic_load(&stress->jobq.queue->bell);

	atomic_fetch_add(&window->sleepers, 1);
	if (jobq_empty(&stress->jobq) && !atomic_load(&stress->record->stop))
		futex_wait(&stress->jobq.queue->bell, seen, 0);
	atomic_fetch_sub(&window->sleepers, 1);
}

static void
work(struct stress *stress, uint32_t worker, unsigned seed)
{
	unsigned last = 200 + seed * 37 % 400;
	enum point death = (enum point)(seed % POINTS);

	for (unsigned done = 0; !atomic_load(&stress->record->stop);) {
		bool dying = done >= last;
		uint32_t index;

		if (dying && death == TOOK &&
		    !jobq_empty(&stress->jobq)) {
			take_unclaimed(&stress->jobq);
			die_at(stress, TOOK, death);
		}
		index = jobq_take(&stress->jobq, 1 +
		    worker * stress->geometry->pools[0].replies);
		if (index == SHM_NONE) {
			sleep_for_work(stress, worker);
			continue;
		}
		run(stress, index, dying ? death : LIVES);
		done++;
	}
	_exit(0);
}

static void
start_worker(struct stress *stress, uint32_t worker)
{
	unsigned seed = 1 + worker + 5 * stress->incarnation[worker]++;
	pid_t pid = fork();
	struct err err;

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(LONGEST);
		stress->shm = shm_map(stress->geometry, stress->fd, SHM_WORKER,
		    worker, &err);
		if (stress->shm == NULL)
			_exit(1);
		jobq_init(&stress->jobq, stress->shm, 0);
		work(stress, worker, seed);
	}
	stress->pids[worker] = pid;
}

/* --------------------------------------------------------------- front */

static void
wake_one(struct stress *stress)
{
	bool asleep = false;

	for (uint32_t i = 0; i < WORKERS; i++)
		asleep |= atomic_load(&stress->shm->windows[i]->sleepers) != 0;
	if (asleep)
		jobq_wake(&stress->jobq, false);
}

static void
settle(struct stress *stress, uint32_t index)
{
	stress->offered[index].seq = 0;
	stress->active--;
	stress->settled++;
}

static bool
push_one(struct stress *stress)
{
	if (stress->next_seq > JOBS || jobq_room(&stress->jobq) == 0)
		return false;
	for (uint32_t i = 0; i < stress->job_count; i++) {
		if (stress->offered[i].seq != 0)
			continue;
		stress->offered[i].seq = stress->next_seq++;
		shm_job(stress->shm, i)->seq = stress->offered[i].seq;
		stress->active++;
		jobq_push(&stress->jobq, i, stress->offered[i].seq);
		wake_one(stress);
		/* A client that left. */
		if (stress->offered[i].seq % 16 == 0 && jobq_withdraw(
		    &stress->jobq, i, stress->offered[i].seq))
			settle(stress, i);
		return true;
	}
	return false;
}

static bool
collect(struct stress *stress)
{
	bool any = false;

	for (uint32_t i = 0; i < stress->job_count; i++) {
		uint64_t seq = stress->offered[i].seq;

		if (seq == 0 || atomic_load(&stress->record->ended[i]) != seq)
			continue;
		settle(stress, i);
		any = true;
	}
	return any;
}

/* What front_worker.c does. */
static void
bury(struct stress *stress, uint32_t worker)
{
	uint32_t replies = stress->geometry->pools[0].replies;

	collect(stress);
	jobq_repair(&stress->jobq);
	for (uint32_t i = 0; i < stress->job_count; i++) {
		uint64_t seq = stress->offered[i].seq;
		uint32_t claim = seq == 0 ? 0 :
		    jobq_claimant(&stress->jobq, i, seq);

		if (seq == 0 || (claim != SHM_CLAIM_QUEUED &&
		    (claim - 1) / replies != worker))
			continue;
		if (claim != SHM_CLAIM_QUEUED &&
		    atomic_load(&stress->record->begun[i]) == seq) {
			stress->lost++;
			settle(stress, i);
			continue;
		}
		stress->again++;
		jobq_push_again(&stress->jobq, i, seq, claim);
		wake_one(stress);
	}
	atomic_store(&stress->shm->windows[worker]->sleepers, 0);
	jobq_wake(&stress->jobq, true);
	start_worker(stress, worker);
}

static void
look_for_dead(struct stress *stress)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (uint32_t i = 0; i < WORKERS; i++)
			if (stress->pids[i] == pid) {
				assert_true(WIFSIGNALED(status));
				assert_int_equal(WTERMSIG(status), SIGKILL);
				bury(stress, i);
			}
}

static void
stop_workers(struct stress *stress)
{
	int status;

	atomic_store(&stress->record->stop, 1);
	jobq_wake(&stress->jobq, true);
	for (uint32_t i = 0; i < WORKERS; i++)
		waitpid(stress->pids[i], &status, 0);
}

static void
prepare(struct stress *stress)
{
	struct err err;

	memset(stress, 0, sizeof(*stress));
	stress->pool = (struct config_pool){ .workers = WORKERS,
	    .threads = 1 };
	stress->config = (struct config){ .pools = &stress->pool,
	    .pool_count = 1, .params_limit = 4096, .body_memory = 4096,
	    .reply_space = 16384 };
	stress->geometry = shm_geometry_create(&stress->config, 1);
	assert_non_null(stress->geometry);
	stress->fd = shm_create(stress->geometry, &err);
	assert_true(stress->fd >= 0);
	stress->shm = shm_map(stress->geometry, stress->fd, SHM_FRONT, 0,
	    &err);
	assert_non_null(stress->shm);
	jobq_init(&stress->jobq, stress->shm, 0);
	stress->job_count = stress->geometry->pools[0].jobs;
	assert_in_range(stress->job_count, 1, 128);
	stress->record = mmap(NULL, sizeof(*stress->record),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(stress->record, MAP_FAILED);
	stress->next_seq = 1;
}

static void
check(const struct stress *stress)
{
	const struct record *record = stress->record;
	uint64_t runs = 0;

	for (uint32_t seq = 1; seq <= JOBS; seq++) {
		assert_in_range(record->runs[seq], 0, 1);
		if (seq % 16 != 0)	/* it was never withdrawn */
			assert_int_equal(record->runs[seq], 1);
		runs += record->runs[seq];
	}
	assert_int_equal(stress->settled, JOBS);
	for (enum point point = TOOK; point < POINTS; point++)
		assert_int_not_equal(record->deaths[point], 0);
	assert_int_equal(stress->lost, record->deaths[BEGUN]);
	assert_true(stress->again >= record->deaths[TOOK]);
	assert_true(runs >= JOBS / 16 * 15);
}

static void
test_each_job_runs_once(void **state)
{
	static struct stress stress;
	const struct timespec moment = { 0, 20000 };

	(void)state;
	alarm(LONGEST);
	prepare(&stress);
	for (uint32_t i = 0; i < WORKERS; i++)
		start_worker(&stress, i);
	while (stress.settled < JOBS) {
		bool any = collect(&stress);

		while (push_one(&stress))
			any = true;
		look_for_dead(&stress);
		if (!any)
			nanosleep(&moment, NULL);
	}
	stop_workers(&stress);
	check(&stress);
	munmap(stress.record, sizeof(*stress.record));
	shm_unmap(stress.shm);
	shm_geometry_destroy(stress.geometry);
	close(stress.fd);
	alarm(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_job_runs_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
