/*
 * api_trial.c - handlers' hooks and requests, in a process that is in the
 * sandbox of just these handlers.
 *
 * Runs in: the probe of a new generation, and `check --full`; the trials
 * themselves in processes that these fork.
 * Owns: the process of a trial, until it has ended.
 * Invariant: what a handler may is what its own section says, also if it will
 * run beside one that may more; a trial that crashes takes us along.
 *
 * Handlers that may no more than others are tried in one process together, and
 * each of the rest in one of its own.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api_private.h"
#include "common/log.h"
#include "common/sandbox.h"

enum trial_end { TRIAL_CUT_OFF, TRIAL_ENDED, TRIAL_REFUSED };

/* What is left of a trial; shared with its process. */
struct trial {
	_Atomic enum trial_end	 end;
	_Atomic uint32_t	 running;	/* whose hook: its index */
	int			 value;
	char			 text[512];	/* why it failed */
};

/* What is tried: `run` with the handlers that are `wanted`. */
struct task {
	const struct handler_set *set;
	const bool		*wanted;
	int			(*run)(struct trial *, const struct task *);
	const char		*request;
	handler_report		*report;
	void			*context;
};

/* The one that this process is. */
static struct trial	*own;

void
api_trial_running(const struct handler *handler)
{
	if (own != NULL)
		atomic_store(&own->running, handler->index);
}

/* exit() in a hook does not run what others left to be run. */
static void
leave_at_once(int status, void *unused)
{
	(void)unused;
	_exit(status);
}

static void
leave_refused(const char *sentence)
{
	snprintf(own->text, sizeof(own->text), "%s", sentence);
	atomic_store(&own->end, TRIAL_REFUSED);
	_exit(0);
}

/* This process's copy of the set has no others: they are refused. */
static void
leave_out_others(const struct task *task)
{
	for (size_t i = 0; i < task->set->handler_count; i++) {
		struct handler *handler = &task->set->handlers[i];

		if (!task->wanted[i] && handler->error == NULL)
			handler->error = strdup("not tried here");
	}
}

static void __attribute__((noreturn))
run_task(struct trial *trial, const struct task *task)
{
	struct err err;

	own = trial;
	on_exit(leave_at_once, NULL);
	leave_out_others(task);
	sandbox_catch(leave_refused);
	if (api_sandbox_enter(task->set, API_ALL_POOLS, NULL, 0, &err) < 0)
		log_debug("sandbox: %s", err.text);
	trial->value = task->run(trial, task);
	atomic_store(&trial->end, TRIAL_ENDED);
	_exit(0);
}

/* As it ended, so that whoever watches us sees what he would have seen. */
static void __attribute__((noreturn))
end_like(int status)
{
	int number = WTERMSIG(status);

	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	signal(number, SIG_DFL);
	raise(number);
	_exit(EXIT_CODE_SYSTEM);
}

static void
await(struct trial *trial, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fatal(EXIT_CODE_SYSTEM, "waiting for a trial");
	if (atomic_load(&trial->end) != TRIAL_CUT_OFF)
		return;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
		end_like(status);
	snprintf(trial->text, sizeof(trial->text), "did what the sandbox "
	    "refuses: " SANDBOX_SPAWN_ADVICE);
	atomic_store(&trial->end, TRIAL_REFUSED);
}

/* Our death is the trial's, also when it hangs. */
static void
try(struct trial *trial, const struct task *task)
{
	pid_t parent = getpid(), pid;

	memset(trial, 0, sizeof(*trial));
	pid = fork();
	if (pid < 0)
		fatal(EXIT_CODE_SYSTEM, "forking a trial");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (getppid() != parent)
			_exit(0);
		run_task(trial, task);
	}
	await(trial, pid);
}

static struct trial *
trial_create(void)
{
	struct trial *trial = mmap(NULL, sizeof(*trial),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (trial == MAP_FAILED)
		fatal(EXIT_CODE_SYSTEM, "memory for a trial");
	return trial;
}

static bool *
wanted_create(const struct handler_set *set)
{
	bool *wanted = calloc(set->handler_count + 1, sizeof(*wanted));

	if (wanted == NULL)
		fatal(EXIT_CODE_SYSTEM, "memory for a trial");
	return wanted;
}

/* ------------------------------------------------------------------ hooks */

static int
run_hooks(struct trial *trial, const struct task *task)
{
	(void)trial;
	return (int)api_probe(task->set, task->report, task->context);
}

static bool
has_hooks(const struct handler_set *set, const struct handler *handler)
{
	const struct fh_handler *desc = &handler->desc;

	return api_worker_serves(set, handler, API_ALL_POOLS) &&
	    (desc->worker_init != NULL || desc->worker_fini != NULL ||
	    desc->self_test != NULL);
}

/* Those behind one that was refused have not been tried. */
static bool
forget_until(bool *wanted, size_t count, size_t last)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		wanted[i] = wanted[i] && i > last;
		any |= wanted[i];
	}
	return any;
}

static void
try_hooks(struct trial *trial, const struct task *task, bool *wanted)
{
	const struct handler_set *set = task->set;
	const struct handler *handler;
	char sentence[1024];
	uint32_t running;

	do {
		try(trial, task);
		running = atomic_load(&trial->running);
		if (atomic_load(&trial->end) != TRIAL_REFUSED ||
		    running >= set->handler_count)
			return;
		handler = &set->handlers[running];
		snprintf(sentence, sizeof(sentence), "%s: %.512s",
		    handler->file, trial->text);
		task->report(task->context, handler, sentence);
	} while (forget_until(wanted, set->handler_count, running));
}

void
api_trial_hooks(const struct handler_set *set, handler_report *report,
    void *context)
{
	struct trial *trial = trial_create();
	bool *wanted = wanted_create(set), any = false;
	const struct task task = { .set = set, .wanted = wanted,
	    .run = run_hooks, .report = report, .context = context };

	for (size_t i = 0; i < set->handler_count; i++) {
		wanted[i] = has_hooks(set, &set->handlers[i]) &&
		    !sandbox_is_relaxed(set->config, set->handlers[i].name);
		any |= wanted[i];
	}
	if (any)
		try_hooks(trial, &task, wanted);
	for (size_t i = 0; i < set->handler_count; i++) {
		memset(wanted, 0, set->handler_count * sizeof(*wanted));
		wanted[i] = has_hooks(set, &set->handlers[i]) &&
		    sandbox_is_relaxed(set->config, set->handlers[i].name);
		if (wanted[i])
			try_hooks(trial, &task, wanted);
	}
	free(wanted);
	munmap(trial, sizeof(*trial));
	handler_watched("");
}

/* --------------------------------------------------------------- requests */

static int
run_request(struct trial *trial, const struct task *task)
{
	return api_check_request(task->set, task->request, trial->text,
	    sizeof(trial->text));
}

int
api_trial_request(const struct handler_set *set, const char *request,
    char *why, size_t size)
{
	const struct handler *handler = api_check_handler(set, request);
	bool *wanted = handler == NULL ? NULL : wanted_create(set);
	const struct task task = { .set = set, .wanted = wanted,
	    .run = run_request, .request = request };
	struct trial *trial;
	int rc;

	if (handler == NULL)	/* it says why */
		return api_check_request(set, request, why, size);
	wanted[handler->index] = true;
	trial = trial_create();
	try(trial, &task);
	rc = trial->value;
	if (atomic_load(&trial->end) == TRIAL_REFUSED) {
		rc = -1;
		snprintf(why, size, "%s: its handler %.512s", request,
		    trial->text);
	} else if (rc != 0)
		snprintf(why, size, "%.512s", trial->text);
	munmap(trial, sizeof(*trial));
	free(wanted);
	handler_watched("");
	return rc;
}
