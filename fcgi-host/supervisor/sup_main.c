/*
 * sup_main.c - the supervisor's start, signals and stop.
 *
 * Runs in: supervisor.
 * Owns: the one struct sup of the process.
 * Invariant: loads no handler code and reads no byte of a web server; every
 * other process dies with it.
 */
#include "supervisor/sup_main.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_cache.h"
#include "supervisor/sup_clerk.h"
#include "supervisor/sup_crash.h"
#include "supervisor/sup_dirs.h"
#include "supervisor/sup_document.h"
#include "supervisor/sup_notify.h"
#include "supervisor/sup_orders.h"
#include "supervisor/sup_pulse.h"
#include "supervisor/sup_sandbox.h"
#include "supervisor/sup_stop.h"
#include "supervisor/sup_witness.h"

static void
on_killed(uv_timer_t *timer)
{
	struct sup *sup = timer->data;

	log_warnx("processes still run; stopping without them");
	uv_stop(&sup->loop);
}

const struct config *
sup_config(const struct sup *sup)
{
	return sup->serving != NULL ? sup->serving->config : sup->config;
}

bool
sup_owns_files(const struct sup *sup)
{
	return !sup->handed_over && !sup->borrowed;
}

void
sup_stop_generations(struct sup *sup)
{
	struct sup_generation *generation = sup->generations, *older;

	for (; generation != NULL; generation = older) {
		older = generation->older;
		if (generation->zygote == 0)
			sup_generation_destroy(generation);
		else
			sup_generation_stop(generation);
	}
}

void
sup_leave_all(struct sup *sup)
{
	struct sup_generation *generation = sup->generations, *older;

	for (; generation != NULL; generation = older) {
		older = generation->older;
		if (generation->zygote == 0)
			sup_generation_destroy(generation);
		else if (generation->teams == NULL)
			shutdown(generation->post.fd, SHUT_RDWR);
	}
	sup_stop_if_gone(sup);
}

void
sup_begin_stop(struct sup *sup)
{
	if (sup->phase == SUP_STOPPING)
		return;
	sup->phase = SUP_STOPPING;
	sup_notify_stopping(sup);
	uv_timer_stop(sup->respawn_timer);
	uv_timer_start(sup->stop_timer, on_killed,
	    sup_config(sup)->drain_timeout_ms +
	    4 * sup_config(sup)->kill_grace_ms + 2000, 0);
	sup_source_watch(sup);
	sup_upgrade_stop(sup);
	sup_reload_stop(sup, "the host stops");
	sup_clerk_rest(sup);
	sup_stop_generations(sup);
	sup_stop_if_gone(sup);
}

void
sup_fail(struct sup *sup, int exit_code)
{
	sup->exit_code = exit_code;
	sup_begin_stop(sup);
}

/* Also where a reload waited for a generation to go. */
void
sup_stop_if_gone(struct sup *sup)
{
	if (sup->phase == SUP_STOPPING && sup->generations == NULL) {
		if (sup_clerk_end(sup))
			uv_stop(&sup->loop);
	} else
		sup_reload_continue(sup);
}

void
sup_serving(struct sup *sup)
{
	sup->phase = SUP_SERVING;
	log_info("serving on %s", sup->config->listen);
	sup_notify_ready(sup);
}

/* It is for the host that serves. */
static bool
pass_on(const struct sup *sup, int number)
{
	if (sup->handed_over)
		kill(sup->upgrade.pid, number);
	return sup->handed_over;
}

static void
on_terminate(uv_signal_t *handle, int number)
{
	struct sup *sup = handle->data;

	if (pass_on(sup, number))
		return;
	log_info("%s: stopping", strsignal(number));
	sup_stop_ask(sup);
}

static void
kill_zygotes(const struct sup *sup)
{
	const struct sup_generation *generation = sup->generations;

	for (; generation != NULL; generation = generation->older)
		if (generation->zygote > 0)
			kill(generation->zygote, SIGKILL);
}

/* The first asks, the second doesn't. */
static void
on_interrupt(uv_signal_t *handle, int number)
{
	struct sup *sup = handle->data;

	if (sup->phase != SUP_STOPPING || sup->handed_over) {
		on_terminate(handle, number);
		return;
	}
	log_warnx("second %s: stopping at once", strsignal(number));
	kill_zygotes(sup);
	uv_stop(&sup->loop);
}

static void
on_hangup(uv_signal_t *handle, int number)
{
	struct sup *sup = handle->data;

	if (pass_on(sup, number))
		return;
	log_info("%s: reloading", strsignal(number));
	sup_reload_ask(sup, SUP_TRIGGER_HANGUP, 0, NULL);
}

static void
on_upgrade(uv_signal_t *handle, int number)
{
	struct sup *sup = handle->data;

	if (pass_on(sup, number))
		return;
	log_info("%s: upgrading", strsignal(number));
	sup_upgrade_ask(sup, NULL);
}

static void
catch_signal(struct sup *sup, uv_signal_t *handle, uv_signal_cb callback,
    int number)
{
	uv_signal_init(&sup->loop, handle);
	handle->data = sup;
	if (uv_signal_start(handle, callback, number) < 0)
		fatalx(EXIT_CODE_SYSTEM, "signal %d cannot be caught", number);
}

/* The hard limit is as far as we may go. */
void
sup_raise_descriptor_limit(const struct config *config)
{
	struct rlimit limit;
	rlim_t wanted = config_descriptors(config);

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
		log_warnx("connections = %u and the workers need %llu "
		    "descriptors, and %llu are allowed: raise LimitNOFILE or "
		    "lower them", config->connections,
		    (unsigned long long)wanted,
		    (unsigned long long)limit.rlim_cur);
}

/* The log goes on when stdout and stderr are a handler's. */
static void
keep_log(const struct config *config)
{
	int fd = log_open(STDERR_FILENO, 3);

	if (fd < 0)
		fatal(EXIT_CODE_SYSTEM, "stderr");
	log_set_fd(fd);
	log_set_level(config->log_level);
	log_init("supervisor");
}

/* What is there already is the host's before us. */
static int
open_sockets(struct sup *sup, struct err *err)
{
	if (sup->successor_link >= 0)
		return sup_control_open(sup, err);
	if (sup_listen_open(sup, err) < 0)
		return -1;
	if (sup_control_open(sup, err) == 0)
		return 0;
	sup_listen_close(sup);
	return -1;
}

/* What must work before any process is forked. */
static int
open_all(struct sup *sup, struct err *err)
{
	if (sup->successor_link >= 0 && sup_successor_receive(sup, err) < 0)
		return -1;
	if (sup_dirs_open(sup, err) < 0 || sup_cache_open(sup, err) < 0)
		return -1;
	return open_sockets(sup, err);
}

static void
close_all(struct sup *sup)
{
	sup_witness_stop(sup);
	sup_clerk_close(sup);
	sup_control_close(sup);
	sup_listen_close(sup);
	sup_dirs_close(sup);
	sup_cache_close(sup);
	sup_refusals_free(sup);
	sup_counts_free(sup);
	sup_orders_finish();
	sup_document_forget();
	sup_pulse_stop();
	sup_notify_end();
	json_object_put(sup->last_outcome);
	free(sup->binary);
}

/* Its path as it is now: when it is replaced, this is where the new one is. */
static char *
own_binary(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length < 0)
		fatal(EXIT_CODE_SYSTEM, "/proc/self/exe");
	path[length] = '\0';
	return strdup(path);
}

static void
init(struct sup *sup, const struct config *config)
{
	sup->config = config;
	sup->listen_fd = sup->lock_fd = sup->control_taken = -1;
	sup->control = -1;
	sup->upgrade.link = -1;
	sup->successor_link = sup_successor_link();
	sup->borrowed = sup->successor_link >= 0;
	sup->started_ms = clock_now_ms();
	sup->started_at = time(NULL);
	sup->binary = own_binary();
	if (uv_loop_init(&sup->loop) < 0)
		fatalx(EXIT_CODE_SYSTEM, "event loop");
	sup->respawn_timer = sup_timer_create(sup, sup);
	sup->stop_timer = sup_timer_create(sup, sup);
	sup->reload.timer = sup_timer_create(sup, sup);
	sup->upgrade.timer = sup_timer_create(sup, sup);
	STAILQ_INIT(&sup->reload.askers);
	STAILQ_INIT(&sup->reload.pending_askers);
	STAILQ_INIT(&sup->upgrade.askers);
}

static void
catch_signals(struct sup *sup)
{
	catch_signal(sup, &sup->terminate, on_terminate, SIGTERM);
	catch_signal(sup, &sup->interrupt, on_interrupt, SIGINT);
	catch_signal(sup, &sup->hangup, on_hangup, SIGHUP);
	catch_signal(sup, &sup->upgrade_signal, on_upgrade, SIGUSR2);
}

/* With a service manager that was told who is the host now, or with somebody in
 * front of us already, nobody needs us any more.  That somebody sees by our end
 * which signal we could not pass on. */
static int
finish(struct sup *sup)
{
	bool guards = sup->handed_over && sup->guards && !sup->guarded;
	pid_t host = sup->upgrade.pid;
	int exit_code = sup->exit_code;

	if (sup->handed_over) {	/* what has come by now is still passed on */
		sup_guard_hold_signals();
		uv_run(&sup->loop, UV_RUN_NOWAIT);
	}
	close_all(sup);
	log_info(guards ? "waiting for process %d" : "stopped", (int)host);
	if (guards)
		return sup_guard(host);
	if (sup->handed_over)
		sup_guard_leave_signals();
	return exit_code;
}

int
sup_run(const struct config *config)
{
	static struct sup sup;
	struct err err;

	prctl(PR_SET_NAME, "fh-supervisor");
	keep_log(config);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sup_raise_descriptor_limit(config);
	sup_sandbox_warn(config);
	init(&sup, config);
	if (open_all(&sup, &err) < 0) {
		log_line(LOG_LEVEL_ERROR, "%s", err.text);
		sup_successor_fail(&sup, err.text);
		return EXIT_CODE_CONFIG;
	}
	sup.guards = sup.guarded || !sup_notify_is_heard();
	if (sup.guards && !sup.guarded)
		sup_guard_begin();
	catch_signals(&sup);
	sup_crash_watch_memory(&sup);
	sup_source_watch(&sup);
	sup_notify_begin(&sup);
	sup_reload_ask(&sup, SUP_TRIGGER_START, 0, NULL);
	if (sup.exit_code == 0 || sup.phase != SUP_STOPPING)
		uv_run(&sup.loop, UV_RUN_DEFAULT);
	return finish(&sup);
}
