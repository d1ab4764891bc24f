/*
 * cli_load_run.c - one test: wrk is given the plan, and what it tells is
 * counted.
 *
 * Runs in: the tools.
 * Owns: the folder of a test, the FIFO in it, and wrk.
 * Invariant: when it returns wrk has ended and the folder is gone.
 */
#include "cli/cli_load.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_scratch.h"
#include "load/load_report.h"

#define TICK_MS		100
#define SHOW_US		500000
#define START_US	150000		/* until wrk's threads are there */
#define START_USER_US	2000		/* ... and more for each */
#define PIPE_BYTES	(1 << 20)
#define STOP_MS		5000
#define FIRST_MS	10000		/* for the first request of a route */

struct run {
	const struct load_scenario *scenario;
	const struct load_plan	*plan;
	struct load_tally	*tally;
	const char		*what;		/* of the display, or NULL */
	char			 folder[PATH_MAX];
	int			 lines;		/* the FIFO */
	pid_t			 wrk;
	uint64_t		 begin_us, shown_us;
	bool			 terminal;
	char			 line[256];
	size_t			 have;
};

static const char *
path_of(const struct run *run, const char *name)
{
	static char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", run->folder, name);
	return path;
}

/* ------------------------------------------------------------- its files */

static int
write_file(const struct run *run, const char *name, const char *bytes,
    size_t length, struct err *err)
{
	FILE *out = fopen(path_of(run, name), "we");

	if (out == NULL)
		return err_sys(err, "%s", path_of(run, name));
	fwrite(bytes, 1, length, out);
	if (ferror(out) || fclose(out) != 0)
		return err_sys(err, "%s", path_of(run, name));
	return 0;
}

static int
write_user(const struct run *run, size_t number, struct err *err)
{
	const struct load_user *user = &run->plan->users[number];
	char name[32];
	FILE *out;

	snprintf(name, sizeof(name), "user.%zu", number);
	out = fopen(path_of(run, name), "we");
	if (out == NULL)
		return err_sys(err, "%s", path_of(run, name));
	fprintf(out, "%u %d %u\n", user->route, user->loop,
	    run->plan->end_us);
	for (size_t i = 0; i < user->count; i++)
		fprintf(out, "%u\n", run->plan->due[user->first + i]);
	if (ferror(out) || fclose(out) != 0)
		return err_sys(err, "%s", path_of(run, name));
	return 0;
}

static int
write_requests(const struct run *run, struct err *err)
{
	const char *script = load_template_find("user.lua");
	char name[32];

	for (size_t i = 0; i < run->scenario->route_count; i++) {
		size_t length = 0;
		char *bytes = load_request_bytes(run->scenario,
		    &run->scenario->routes[i], &length);
		int rc;

		if (bytes == NULL)
			return err_set(err, "no memory");
		snprintf(name, sizeof(name), "request.%zu", i);
		rc = write_file(run, name, bytes, length, err);
		free(bytes);
		if (rc < 0)
			return -1;
	}
	return write_file(run, "user.lua", script, strlen(script), err);
}

static int
write_all(struct run *run, struct err *err)
{
	if (write_requests(run, err) < 0)
		return -1;
	for (size_t i = 0; i < run->plan->user_count; i++)
		if (write_user(run, i, err) < 0)
			return -1;
	if (mkfifo(path_of(run, "lines"), 0600) < 0)
		return err_sys(err, "%s", path_of(run, "lines"));
	run->lines = open(path_of(run, "lines"), O_RDWR | O_NONBLOCK |
	    O_CLOEXEC);
	if (run->lines < 0)
		return err_sys(err, "%s", path_of(run, "lines"));
	fcntl(run->lines, F_SETPIPE_SZ, PIPE_BYTES);
	return 0;
}

/* ------------------------------------------------------------------- wrk */

static int
start_wrk(struct run *run, struct err *err)
{
	char users[16], seconds[24], script[PATH_MAX + 64], begin[32];
	char timeout[48];
	char wrk[] = "wrk", t[] = "-t", c[] = "-c", d[] = "-d", s[] = "-s";
	char *argv[] = { wrk, t, users, c, users, d, seconds, s, script,
	    timeout, NULL, NULL };

	argv[10] = run->scenario->url;
	snprintf(users, sizeof(users), "%zu", run->plan->user_count);
	snprintf(seconds, sizeof(seconds), "%llus", (unsigned long long)
	    (run->plan->end_us / 1000000 + run->scenario->timeout_ms / 1000 +
	    3600));
	snprintf(timeout, sizeof(timeout), "--timeout=%llus",
	    (unsigned long long)(run->scenario->timeout_ms / 1000 + 1));
	snprintf(script, sizeof(script), "%s", path_of(run, "user.lua"));
	run->begin_us = cli_load_now_us() + START_US + START_USER_US *
	    run->plan->user_count;
	snprintf(begin, sizeof(begin), "%llu\n",
	    (unsigned long long)run->begin_us);
	if (write_file(run, "begin", begin, strlen(begin), err) < 0)
		return -1;
	setenv("FCGI_HOST_LOAD", run->folder, 1);
	run->wrk = cli_load_spawn(argv, path_of(run, "wrk.said"), err);
	return run->wrk < 0 ? -1 : 0;
}

/* Microseconds of the test's own clock; 0 before it has begun. */
static uint32_t
test_time(const struct run *run)
{
	uint64_t now = cli_load_now_us();

	return now <= run->begin_us ? 0 : (uint32_t)(now - run->begin_us);
}

static void
take_bytes(struct run *run, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != '\n') {
			if (run->have < sizeof(run->line) - 1)
				run->line[run->have++] = bytes[i];
			continue;
		}
		run->line[run->have] = '\0';
		run->have = 0;
		load_tally_line(run->tally, run->line);
	}
}

static void
read_lines(struct run *run)
{
	char bytes[65536];
	ssize_t length;

	while ((length = read(run->lines, bytes, sizeof(bytes))) > 0)
		take_bytes(run, bytes, (size_t)length);
}

/* ---------------------------------------------------------------- display */

static void
show(struct run *run)
{
	const struct load_result *all =
	    &run->tally->results[run->scenario->route_count];
	uint32_t at = test_time(run), end = run->plan->end_us;
	char text[2][LOAD_TIME_ROOM];

	if (run->what == NULL || cli_load_now_us() < run->shown_us)
		return;
	run->shown_us = cli_load_now_us() + (run->terminal ? SHOW_US :
	    20 * SHOW_US);
	fprintf(stderr, "%s%s: %3u of %u s%s  %llu requests  p50 %s  p99 %s  "
	    "%llu errors%s", run->terminal ? "\r\033[K" : "", run->what,
	    (at < end ? at : end) / 1000000, end / 1000000,
	    at < run->plan->measured_us ? " (warm-up)" : "",
	    (unsigned long long)all->due, load_show_time((double)
	    times_percentile(all->counts, 50), text[0]),
	    load_show_time((double)times_percentile(all->counts, 99),
	    text[1]), (unsigned long long)all->errors,
	    run->terminal ? "" : "\n");
	fflush(stderr);
}

static void
hide(const struct run *run)
{
	if (run->what != NULL && run->terminal)
		fputs("\r\033[K", stderr);
}

/* ------------------------------------------------------------------ a test */

static int
fail_of_wrk(const struct run *run, struct err *err)
{
	char said[256];

	cli_load_last_line(path_of(run, "wrk.said"), said, sizeof(said));
	if (strstr(said, "unable to connect") != NULL)
		return err_set(err, "%s: nobody answers there (%s); is nginx "
		    "running?", run->scenario->url, said);
	return err_set(err, "wrk has ended: %s", said);
}

static bool
is_over(const struct run *run)
{
	uint64_t patience = run->scenario->timeout_ms * 1000;
	uint32_t at = test_time(run);

	return cli_load_is_interrupted() || (at >= run->plan->end_us &&
	    (load_tally_is_whole(run->tally) ||
	    at - run->plan->end_us >= patience));
}

static int
watch(struct run *run, struct err *err)
{
	struct pollfd poll_fd = { .fd = run->lines, .events = POLLIN };
	int status;

	while (!is_over(run)) {
		if (cli_load_has_ended(&run->wrk, &status)) {
			hide(run);
			return fail_of_wrk(run, err);
		}
		poll(&poll_fd, 1, TICK_MS);
		read_lines(run);
		show(run);
	}
	return 0;
}

static int
do_run(struct run *run, struct err *err)
{
	uint32_t until;
	int rc;

	if (write_all(run, err) < 0 || start_wrk(run, err) < 0)
		return -1;
	rc = watch(run, err);
	until = test_time(run);
	cli_load_stop(&run->wrk, SIGINT, STOP_MS);
	read_lines(run);
	hide(run);
	load_tally_end(run->tally, until, cli_load_is_interrupted());
	return rc;
}

int
cli_load_run(const struct cli_load *load,
    const struct load_scenario *scenario, const struct load_plan *plan,
    const char *what, struct load_tally *tally, struct err *err)
{
	struct run run = { .scenario = scenario, .plan = plan, .lines = -1,
		.tally = tally, .what = load->quiet ? NULL : what,
		.terminal = isatty(STDERR_FILENO) == 1 };
	int rc = -1;

	snprintf(run.folder, sizeof(run.folder), "%s/test", load->scratch);
	if (load_tally_init(tally, scenario, plan) < 0)
		err_set(err, "no memory");
	else if (mkdir(run.folder, 0700) < 0)
		err_sys(err, "%s", run.folder);
	else
		rc = do_run(&run, err);
	if (run.lines >= 0)
		close(run.lines);
	cli_scratch_remove(run.folder);
	if (rc < 0)
		load_tally_free(tally);
	return rc;
}

/* ------------------------------------------------------------- first of all */

static unsigned
status_of(const struct load_result *result)
{
	for (unsigned i = 100; i < LOAD_STATUSES; i++)
		if (result->statuses[i] > 0)
			return i;
	return 0;
}

static int
judge(const struct load_route *route, unsigned status, struct err *err)
{
	switch (status) {
	case 0:
		return err_set(err, "%s: no reply at all", route->name);
	case 404:
		return err_set(err, "%s: 404, there is no such route (see "
		    "fcgi-host routes), or nginx passes it to nobody",
		    route->name);
	case 405:
		return err_set(err, "%s: 405, the path has no such method "
		    "(see fcgi-host routes)", route->name);
	case 502:
	case 503:
	case 504:
		return err_set(err, "%s: %u, nginx runs, but no host behind "
		    "it takes this", route->name, status);
	default:
		if (status >= 400)
			fprintf(stderr, "fcgi-host load: %s answers %u: it "
			    "will be counted as an error\n", route->name,
			    status);
		return 0;
	}
}

int
cli_load_first(const struct cli_load *load,
    const struct load_scenario *scenario, struct err *err)
{
	struct load_scenario patient = *scenario;
	struct load_tally tally;
	struct load_plan plan;
	int rc;

	if (load_plan_first(scenario, &plan, err) < 0)
		return -1;
	if (patient.timeout_ms < FIRST_MS)
		patient.timeout_ms = FIRST_MS;
	rc = cli_load_run(load, &patient, &plan, NULL, &tally, err);
	if (rc == 0) {
		for (size_t i = 0; rc == 0 && i < scenario->route_count &&
		    !tally.interrupted; i++)
			rc = judge(&scenario->routes[i],
			    status_of(&tally.results[i]), err);
		if (tally.interrupted)
			rc = err_set(err, "interrupted before it began");
		load_tally_free(&tally);
	}
	load_plan_free(&plan);
	return rc;
}
