/*
 * sup_witness.c - runs `fcgi-host witness` and takes its report.
 *
 * Runs in: supervisor; the first lines of a witness run here too.
 * Owns: sup->witnesses, those that run and, behind them, those that wait; the
 * process of each until it is reaped, its pipe, and a copy of its descriptor.
 * Invariant: `done` comes once or, after a forget, never; a witness that says
 * too much, too late or nothing is a line in the log and nothing more.
 */
#include "supervisor/sup_witness.h"

#include <sys/pidfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/sup.h"

/* Where a witness finds the record of a crash after the exec. */
#define WITNESS_RECORD	3
#define REPORT_DEPTH	16	/* objects in objects */
#define REAP_PATIENCE_MS	2000

struct sup_witness {
	struct sup_witness	*next;
	struct sup		*sup;
	enum sup_witness_kind	 kind;
	int			 record;	/* -1: none */
	pid_t			 subject;	/* slow */
	sup_witness_done	*done;		/* NULL: forgotten */
	void			*context;
	pid_t			 pid;		/* 0: it waits */
	int			 death;		/* pidfd */
	int			 pipe;		/* its stdout */
	uv_poll_t		*on_death, *on_pipe;
	uv_timer_t		*timer;
	char			*text;
	size_t			 length;
	const char		*fault;		/* why it was killed */
};

/* ------------------------------------------------------------ the list */

static unsigned
count(const struct sup *sup, bool running)
{
	const struct sup_witness *witness = sup->witnesses;
	unsigned number = 0;

	for (; witness != NULL; witness = witness->next)
		number += (witness->pid > 0) == running;
	return number;
}

static void
append(struct sup_witness *witness)
{
	struct sup_witness **end = &witness->sup->witnesses;

	while (*end != NULL)
		end = &(*end)->next;
	*end = witness;
}

static void
take_off(const struct sup_witness *witness)
{
	struct sup_witness **at = &witness->sup->witnesses;

	while (*at != NULL && *at != witness)
		at = &(*at)->next;
	if (*at != NULL)
		*at = witness->next;
}

static void
close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Its process, if it had one, is reaped. */
static void
destroy(struct sup_witness *witness)
{
	take_off(witness);
	sup_watch_destroy(&witness->on_death);
	sup_watch_destroy(&witness->on_pipe);
	sup_timer_destroy(&witness->timer);
	close_if_open(witness->death);
	close_if_open(witness->pipe);
	close_if_open(witness->record);
	free(witness->text);
	free(witness);
}

/* ------------------------------------------------------------ its report */

static struct json_object *
parse(const struct sup_witness *witness)
{
	struct json_tokener *tokener = json_tokener_new_ex(REPORT_DEPTH);
	struct json_object *report = NULL;

	if (tokener == NULL)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
	if (witness->length > 0)
		report = json_tokener_parse_ex(tokener, witness->text,
		    (int)witness->length);
	json_tokener_free(tokener);
	if (json_object_is_type(report, json_type_object))
		return report;
	json_object_put(report);
	return NULL;
}

static void
describe_failure(const struct sup_witness *witness, int status, char *out,
    size_t size)
{
	char how[80];

	child_describe_end(status, how, sizeof(how));
	if (witness->fault != NULL)
		snprintf(out, size, "%s", witness->fault);
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		snprintf(out, size, "what it said is no report");
	else
		snprintf(out, size, "it %s", how);
}

/* The witness is gone after this. */
static void
deliver(struct sup_witness *witness, struct json_object *report)
{
	sup_witness_done *done = witness->done;
	void *context = witness->context;

	destroy(witness);
	if (done != NULL)
		done(context, report);
	json_object_put(report);
}

static void
finish(struct sup_witness *witness, int status)
{
	struct json_object *report = NULL;
	char why[96];

	if (witness->fault == NULL && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0)
		report = parse(witness);
	if (report == NULL && witness->done != NULL) {
		describe_failure(witness, status, why, sizeof(why));
		log_warnx("witness (process %d): no report: %s",
		    (int)witness->pid, why);
	}
	deliver(witness, report);
}

static void
fail(struct sup_witness *witness, const char *fault)
{
	if (witness->fault == NULL)
		witness->fault = fault;
	kill(witness->pid, SIGKILL);
}

static void
keep(struct sup_witness *witness, const char *text, size_t length)
{
	char *grown;

	if (witness->fault != NULL)
		return;
	if (length > SUP_WITNESS_REPORT_MAX - witness->length) {
		fail(witness, "it says too much");
		return;
	}
	grown = realloc(witness->text, witness->length + length);
	if (grown == NULL) {
		fail(witness, "memory is out");
		return;
	}
	memcpy(grown + witness->length, text, length);
	witness->text = grown;
	witness->length += length;
}

/* False: nothing is there now. */
static bool
read_some(struct sup_witness *witness)
{
	char text[16384];
	ssize_t got = read(witness->pipe, text, sizeof(text));

	if (got > 0) {
		keep(witness, text, (size_t)got);
		return true;
	}
	if (got < 0 && errno == EINTR)
		return true;
	if (got == 0)		/* its death follows */
		uv_poll_stop(witness->on_pipe);
	return false;
}

static void
on_text(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	read_some(poll->data);
}

static void	start_waiting(struct sup *);

/* Text that is over the limit ends the reading too. */
static void
on_death(uv_poll_t *poll, int poll_status, int events)
{
	struct sup_witness *witness = poll->data;
	struct sup *sup = witness->sup;
	int status = 0;

	(void)poll_status;
	(void)events;
	if (waitpid(witness->pid, &status, WNOHANG) == 0)
		return;
	while (witness->fault == NULL && read_some(witness))
		;
	finish(witness, status);
	start_waiting(sup);
}

/* A dead one that is not gone a while after hangs in the kernel: nobody waits
 * for it, but it keeps its place. */
static void
on_time(uv_timer_t *timer)
{
	struct sup_witness *witness = timer->data;

	if (witness->pid == 0) {
		log_warnx("a witness waited too long for its turn");
		deliver(witness, NULL);
		return;
	}
	if (witness->fault == NULL) {
		fail(witness, "it takes too long");
		uv_timer_start(timer, on_time, REAP_PATIENCE_MS, 0);
		return;
	}
	log_warnx("witness (process %d): %s, and it does not die",
	    (int)witness->pid, witness->fault);
	if (witness->done != NULL)
		witness->done(witness->context, NULL);
	witness->done = NULL;
}

/* ------------------------------------------------------------- its start */

/* Signals stay blocked until child_begin(): see sup_loader_child.c. */
static void
become_witness(const struct sup_witness *witness, int output, pid_t parent)
{
	const int keep[] = { WITNESS_RECORD };
	char pid[16];
	char *crash[] = { "fcgi-host", "witness", "crash", NULL };
	char *slow[] = { "fcgi-host", "witness", "slow", pid, NULL };
	struct err err = { "" };
	int lines = log_fd(), record = witness->record;

	snprintf(pid, sizeof(pid), "%d", (int)witness->subject);
	child_redirect(output);
	if (dup2(lines, STDERR_FILENO) < 0 ||
	    (record == WITNESS_RECORD && fcntl(record, F_SETFD, 0) < 0) ||
	    (record >= 0 && record != WITNESS_RECORD &&
	    dup2(record, WITNESS_RECORD) < 0))
		_exit(EXIT_CODE_SYSTEM);
	log_set_fd(STDERR_FILENO);
	child_close_others(keep, record >= 0);
	child_volunteer_for_oom();
	if (child_drop_privileges(sup_config(witness->sup), &err) < 0)
		fatalx(EXIT_CODE_CONFIG, "%s", err.text);
	child_begin("witness", parent);
	execv("/proc/self/exe", witness->kind == SUP_WITNESS_CRASH ? crash :
	    slow);
	fatal(EXIT_CODE_SYSTEM, "exec of the witness");
}

static pid_t
fork_witness(const struct sup_witness *witness, int output)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become_witness(witness, output, parent);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* 0, or -1 with errno: then no process is left. */
static int
begin(struct sup_witness *witness)
{
	int ends[2], status;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	witness->pipe = ends[0];
	fcntl(ends[1], F_SETFL, 0);
	witness->pid = fork_witness(witness, ends[1]);
	close(ends[1]);
	if (witness->pid < 0) {
		witness->pid = 0;
		return -1;
	}
	witness->death = pidfd_open(witness->pid, 0);
	if (witness->death >= 0)
		return 0;
	child_kill(witness->pid, &status);
	return -1;
}

static void
watch(struct sup_witness *witness)
{
	struct sup *sup = witness->sup;

	witness->on_pipe = sup_watch_create(sup, witness->pipe, on_text,
	    witness);
	witness->on_death = sup_watch_create(sup, witness->death, on_death,
	    witness);
	uv_update_time(&sup->loop);
	uv_timer_start(witness->timer, on_time, SUP_WITNESS_PATIENCE_MS, 0);
}

static void
run(struct sup_witness *witness)
{
	if (begin(witness) == 0) {
		watch(witness);
		return;
	}
	log_warn("starting a witness");
	deliver(witness, NULL);
}

static struct sup_witness *
first_waiting(const struct sup *sup)
{
	struct sup_witness *witness = sup->witnesses;

	while (witness != NULL && witness->pid > 0)
		witness = witness->next;
	return witness;
}

/* One that cannot be had leaves its place to the next. */
static void
start_waiting(struct sup *sup)
{
	struct sup_witness *witness;

	while (count(sup, true) < SUP_WITNESSES_RUN &&
	    (witness = first_waiting(sup)) != NULL)
		run(witness);
}

static struct sup_witness *
create(struct sup *sup, enum sup_witness_kind kind, int subject)
{
	struct sup_witness *witness = calloc(1, sizeof(*witness));

	if (witness == NULL)
		return NULL;
	witness->sup = sup;
	witness->kind = kind;
	witness->record = witness->death = witness->pipe = -1;
	if (kind == SUP_WITNESS_SLOW)
		witness->subject = subject;
	else if ((witness->record = fcntl(subject, F_DUPFD_CLOEXEC, 0)) < 0) {
		free(witness);
		return NULL;
	}
	return witness;
}

void
sup_witness_start(struct sup *sup, enum sup_witness_kind kind, int subject,
    sup_witness_done *done, void *context)
{
	struct sup_witness *witness;

	if (count(sup, false) >= SUP_WITNESSES_WAIT) {
		log_warnx("%d witnesses wait already; no report",
		    SUP_WITNESSES_WAIT);
		done(context, NULL);
		return;
	}
	if ((witness = create(sup, kind, subject)) == NULL) {
		log_warn("starting a witness");
		done(context, NULL);
		return;
	}
	witness->done = done;
	witness->context = context;
	append(witness);
	witness->timer = sup_timer_create(sup, witness);
	uv_update_time(&sup->loop);
	uv_timer_start(witness->timer, on_time, SUP_WITNESS_TURN_MS, 0);
	start_waiting(sup);
}

bool
sup_witness_is_one(const struct sup *sup, pid_t pid)
{
	const struct sup_witness *witness = sup->witnesses;

	while (witness != NULL && witness->pid != pid)
		witness = witness->next;
	return witness != NULL;
}

/* ----------------------------------------------------------------- its end */

/* One that runs is reaped when its death is seen. */
void
sup_witness_forget(struct sup *sup, const void *context)
{
	struct sup_witness *witness, *next;

	for (witness = sup->witnesses; witness != NULL; witness = next) {
		next = witness->next;
		if (witness->context != context)
			continue;
		witness->done = NULL;
		if (witness->pid == 0)
			destroy(witness);
		else
			fail(witness, "nobody wants it");
	}
}

void
sup_witness_stop(struct sup *sup)
{
	struct sup_witness *witness;
	int status;

	while ((witness = sup->witnesses) != NULL) {
		if (witness->pid > 0)
			child_kill(witness->pid, &status);
		deliver(witness, NULL);
	}
}
