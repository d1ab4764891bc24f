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

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "model/model_budget.h"
#include "supervisor/sup.h"

static void
on_killed(uv_timer_t *timer)
{
	struct sup *sup = timer->data;

	log_warnx("processes still run; stopping without them");
	uv_stop(&sup->loop);
}

void
sup_begin_stop(struct sup *sup)
{
	if (sup->phase == SUP_STOPPING)
		return;
	sup->phase = SUP_STOPPING;
	sup_notify_stopping();
	uv_timer_stop(sup->respawn_timer);
	if (sup->generation == NULL) {
		uv_stop(&sup->loop);
		return;
	}
	uv_timer_start(sup->stop_timer, on_killed,
	    sup->config->drain_timeout_ms +
	    3 * sup->config->kill_grace_ms + 1000, 0);
	sup_generation_stop(sup->generation);
}

void
sup_fail(struct sup *sup, int exit_code)
{
	sup->exit_code = exit_code;
	sup_begin_stop(sup);
}

void
sup_generation_gone(struct sup *sup)
{
	uv_stop(&sup->loop);
}

void
sup_serving(struct sup *sup)
{
	sup->phase = SUP_SERVING;
	log_info("serving on %s", sup->config->listen);
	sup_notify_ready(sup);
}

void
sup_models_done(struct sup *sup)
{
	sup->phase = SUP_STARTING;
	sup_generation_start(sup);
}

static void
on_terminate(uv_signal_t *handle, int number)
{
	struct sup *sup = handle->data;

	log_info("%s: stopping", strsignal(number));
	sup_begin_stop(sup);
}

/* The first asks, the second doesn't. */
static void
on_interrupt(uv_signal_t *handle, int number)
{
	struct sup *sup = handle->data;

	if (sup->phase != SUP_STOPPING) {
		on_terminate(handle, number);
		return;
	}
	log_warnx("second %s: stopping at once", strsignal(number));
	if (sup->generation != NULL)
		kill(sup->generation->zygote, SIGKILL);
	uv_stop(&sup->loop);
}

static void
on_hangup(uv_signal_t *handle, int number)
{
	(void)handle;
	log_warnx("%s: ignored", strsignal(number));
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

/* Libraries in preload() read these before any thread could be started. */
static void
set_environment(const struct config *config)
{
	static const char *const names[] = { "OMP_NUM_THREADS",
	    "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS" };
	char count[16];

	snprintf(count, sizeof(count), "%u", config->omp_threads);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		setenv(names[i], count, 0);
}

/* Every connection is a descriptor of the front; every worker is two of the
 * supervisor, and four more while it is forked. */
static rlim_t
descriptors_wanted(const struct config *config)
{
	rlim_t workers = 0;

	for (size_t i = 0; i < config->pool_count; i++)
		workers += config->pools[i].workers;
	return 1024 + (config->connections > workers * 6 ?
	    config->connections : workers * 6);
}

/* The hard limit is as far as we may go. */
static void
raise_descriptor_limit(const struct config *config)
{
	struct rlimit limit;
	rlim_t wanted = descriptors_wanted(config);

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
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		fatal(EXIT_CODE_SYSTEM, "stderr");
	log_set_fd(fd);
	log_set_level(config->log_level);
	log_init("supervisor");
}

static int
check_plan(const struct config *config, struct err *err)
{
	struct model_budget budget;
	int fits;

	if (config->memory_plan == CONFIG_PLAN_OFF)
		return 0;
	if (model_budget_make(config, &budget, err) < 0)
		return -1;
	fits = plan_check(&budget.plan, budget.available, budget.limit, err);
	model_budget_free(&budget);
	if (fits < 0 && config->memory_plan == CONFIG_PLAN_WARN) {
		log_warnx("memory_plan: %s", err->text);
		return 0;
	}
	return fits;
}

/* What must work before any process is forked. */
static int
open_all(struct sup *sup, struct err *err)
{
	if (check_plan(sup->config, err) < 0 || sup_dirs_open(sup, err) < 0)
		return -1;
	if (sup_listen_open(sup, err) < 0)
		return -1;
	if (sup_control_open(sup, err) == 0)
		return 0;
	sup_listen_close(sup);
	return -1;
}

static void
close_all(struct sup *sup)
{
	sup_models_free(sup);
	sup_control_close(sup);
	sup_listen_close(sup);
	sup_dirs_close(sup);
}

int
sup_run(const struct config *config)
{
	static struct sup sup;
	struct err err;

	sup.config = config;
	sup.listen_fd = -1;
	sup.started_ms = clock_now_ms();
	sup.started_at = time(NULL);
	prctl(PR_SET_NAME, "fh-supervisor");
	keep_log(config);
	signal(SIGPIPE, SIG_IGN);
	set_environment(config);
	raise_descriptor_limit(config);
	if (uv_loop_init(&sup.loop) < 0)
		fatalx(EXIT_CODE_SYSTEM, "event loop");
	sup.respawn_timer = sup_timer_create(&sup, &sup);
	sup.stop_timer = sup_timer_create(&sup, &sup);
	if (open_all(&sup, &err) < 0) {
		log_line(LOG_LEVEL_ERROR, "%s", err.text);
		return EXIT_CODE_CONFIG;
	}
	catch_signal(&sup, &sup.terminate, on_terminate, SIGTERM);
	catch_signal(&sup, &sup.interrupt, on_interrupt, SIGINT);
	catch_signal(&sup, &sup.hangup, on_hangup, SIGHUP);
	sup_models_start(&sup);
	if (sup.exit_code == 0 || sup.phase != SUP_STOPPING)
		uv_run(&sup.loop, UV_RUN_DEFAULT);
	close_all(&sup);
	log_info("stopped");
	return sup.exit_code;
}
