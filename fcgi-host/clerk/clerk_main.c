/*
 * clerk_main.c - the process that keeps the jobs of a host.
 *
 * Runs in: clerk.
 * Owns: the one struct clerk of the process.
 * Invariant: while the database is away nothing is accepted and nothing that
 * came of a job is forgotten; it is tried again, less and less often.
 */
#include "clerk/clerk.h"
#include "clerk/clerk_hook.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/clerk.h"
#include "common/clock.h"
#include "common/io.h"
#include "common/log.h"
#include "common/sandbox.h"

#define PAUSE_FIRST_MS	250
#define PAUSE_MAX_MS	15000
#define SAY_MS		500
#define SWEEP_MAX_MS	UINT64_C(600000)
#define SWEEP_MORE_MS	20	/* others come in between */
#define SAY_SHARE	50	/* counting takes a 50th of the time at most */

/* --------------------------------------------------------- the database */

static void
save_all(struct clerk *clerk)
{
	struct clerk_run *run, *next;

	for (run = TAILQ_FIRST(&clerk->runs); run != NULL &&
	    clerk->store.up; run = next) {
		next = TAILQ_NEXT(run, link);
		if (run->ended)
			clerk_run_save(run);
	}
}

/* "ID CANCEL STATE", as the database tells it: of ours too. */
static void
heard(void *context, const char *said)
{
	struct clerk *clerk = context;
	char id[CLERK_ID_MAX];
	struct clerk_run *run;
	int cancel, state;

	if (sscanf(said, "%32[0-9a-f] %d %d", id, &cancel, &state) != 3)
		return;
	if (cancel != 0 && (run = clerk_run_find(clerk, id)) != NULL)
		clerk_run_look(run);
	clerk_changed(clerk, id);
	if (state == CLERK_QUEUED)
		clerk_pump_soon(clerk);
	if (clerk_state_is_final((enum clerk_state)state))
		clerk_hook_pump(clerk);
}

/* Before each sleep: what was told came with the answers to our own questions
 * too.  And a connection that broke in one of them is known here. */
static void
on_before_sleep(uv_prepare_t *handle)
{
	struct clerk *clerk = handle->data;
	struct clerk_db *db = &clerk->store.db;

	if (clerk->store.up && db->class->hear(db, heard, clerk) < 0)
		clerk_store_close(&clerk->store);
	clerk_away(clerk);
}

/* It has woken us. */
static void
on_hearing(uv_poll_t *poll, int status, int events)
{
	(void)poll;
	(void)status;
	(void)events;
}

/* A descriptor of our own: the connection's may be another's by the time that
 * it is known to be broken. */
static void
hear(struct clerk *clerk)
{
	int fd = clerk->store.db.class->fd(&clerk->store.db);

	if (fd < 0)
		return;
	clerk->hearing = malloc(sizeof(*clerk->hearing));
	clerk->hearing_fd = fcntl(fd, F_DUPFD_CLOEXEC, CLERK_FD_END);
	if (clerk->hearing == NULL || clerk->hearing_fd < 0 ||
	    uv_poll_init(&clerk->loop, clerk->hearing, clerk->hearing_fd) < 0)
		fatal(EXIT_CODE_SYSTEM, "watching the database");
	clerk->hearing->data = clerk;
	uv_poll_start(clerk->hearing, UV_READABLE, on_hearing);
}

static void	on_reopen(uv_timer_t *);

static void
on_hearing_closed(uv_handle_t *handle)
{
	free(handle);
}

static void
stop_hearing(struct clerk *clerk)
{
	if (clerk->hearing == NULL)
		return;
	uv_poll_stop(clerk->hearing);
	uv_close((uv_handle_t *)clerk->hearing, on_hearing_closed);
	close(clerk->hearing_fd);
	clerk->hearing = NULL;
}

void
clerk_away(struct clerk *clerk)
{
	if (clerk->store.up || uv_is_active((uv_handle_t *)&clerk->reopen))
		return;
	stop_hearing(clerk);
	clerk->pause_ms = clerk->pause_ms == 0 ? PAUSE_FIRST_MS :
	    clerk->pause_ms * 2 < PAUSE_MAX_MS ? clerk->pause_ms * 2 :
	    PAUSE_MAX_MS;
	uv_update_time(&clerk->loop);	/* the try itself took some of it */
	uv_timer_start(&clerk->reopen, on_reopen, clerk->pause_ms, 0);
	clerk_say(clerk);
}

static void
came_back(struct clerk *clerk)
{
	hear(clerk);
	save_all(clerk);
	clerk_changed_all(clerk);
	clerk_say(clerk);
	clerk_pump(clerk);
	clerk_hook_pump(clerk);
	if (!clerk->store.up)	/* it can be read: a disk that is full */
		return;
	if (clerk->pause_ms != 0)
		log_info("jobs: the database answers again");
	clerk->pause_ms = 0;
}

static void
open_store(struct clerk *clerk)
{
	struct err err;

	if (clerk_store_open(&clerk->store, &err) == 0 && (!clerk->first ||
	    clerk_store_take_back(&clerk->store) == 0)) {
		clerk->first = false;
		came_back(clerk);
		return;
	}
	if (clerk->pause_ms == 0)
		log_warnx("jobs: %s: %s", clerk->store.db.class->name,
		    err.text);
	clerk_away(clerk);
}

static void
on_reopen(uv_timer_t *timer)
{
	open_store(timer->data);
}

static uint64_t
sweep_pause(const struct clerk *clerk)
{
	uint64_t pause_ms = clerk->config->jobs_keep_ms / 4;

	return pause_ms < SWEEP_MAX_MS ? pause_ms : SWEEP_MAX_MS;
}

static void
on_sweep(uv_timer_t *timer)
{
	struct clerk *clerk = timer->data;
	uint64_t pause_ms = sweep_pause(clerk);
	bool more = false;

	if (clerk->store.up && clerk_store_sweep(&clerk->store, &more) < 0)
		clerk_away(clerk);
	uv_timer_start(timer, on_sweep, more ? SWEEP_MORE_MS : pause_ms, 0);
}

/* ------------------------------------------------------- the supervisor */

static void
say_now(uv_timer_t *timer)
{
	struct clerk *clerk = timer->data;
	struct json_object *root = json_object_new_object();
	uint64_t counts[CLERK_CANCELLED + 1], begun_ms = clock_now_ms();
	const char *text;

	json_object_object_add(root, "database", json_object_new_string(
	    clerk->store.db.class->name));
	if (clerk->store.up && clerk_store_count(&clerk->store, counts) == 0)
		for (int i = CLERK_QUEUED; i <= CLERK_CANCELLED; i++)
			json_object_object_add(root, clerk_state_name(i, 0),
			    json_object_new_int64((int64_t)counts[i]));
	else
		clerk_away(clerk);
	clerk->say_ms = (clock_now_ms() - begun_ms) * SAY_SHARE;
	json_object_object_add(root, "up", json_object_new_boolean(
	    clerk->store.up));
	json_object_object_add(root, "here", json_object_new_int(
	    (int)clerk->run_count));
	text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN);
	send(CLERK_FD_LINK, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT);
	json_object_put(root);
}

/* At most so often, and less where there is much to count; the last word is
 * always said. */
void
clerk_say(struct clerk *clerk)
{
	if (!uv_is_active((uv_handle_t *)&clerk->saying))
		uv_timer_start(&clerk->saying, say_now, clerk->say_ms >
		    SAY_MS ? clerk->say_ms : SAY_MS, 0);
}

static void
leave(struct clerk *clerk)
{
	clerk->stopping = true;
	clerk_run_abandon(clerk);
	clerk_store_close(&clerk->store);
	_exit(0);
}

/* A word: begin no more.  Its end: all fronts are gone. */
static void
on_link(uv_poll_t *poll, int status, int events)
{
	struct clerk *clerk = poll->data;
	char word[64];
	ssize_t got = recv(CLERK_FD_LINK, word, sizeof(word), MSG_DONTWAIT);

	(void)status;
	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		leave(clerk);
	clerk->stopping = true;
}

/* ------------------------------------------------------------ its beginning */

static void
print_fault(void *context, const char *sentence)
{
	(void)context;
	log_warnx("%s", sentence);
}

static struct config *
read_config(const char *file)
{
	struct stat status;
	struct config *config;
	char *text;

	if (fstat(CLERK_FD_CONFIG, &status) < 0 ||
	    (text = malloc((size_t)status.st_size + 1)) == NULL ||
	    io_read_at(CLERK_FD_CONFIG, text, (size_t)status.st_size, 0) < 0)
		fatal(EXIT_CODE_SYSTEM, "the clerk's configuration");
	config = config_parse(file, text, (size_t)status.st_size, print_fault,
	    NULL);
	free(text);
	close(CLERK_FD_CONFIG);
	if (config == NULL)
		fatalx(EXIT_CODE_CONFIG, "the clerk's configuration");
	return config;
}

/* The same over restarts: what this host ran when it died is its own. */
static void
name_host(struct clerk *clerk, const char *folder)
{
	char path[PATH_MAX + 16], *out = clerk->store.host;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "%s/host-id", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		fatal(EXIT_CODE_SYSTEM, "%s", path);
	got = read(fd, out, CLERK_ID_MAX - 1);
	if (got != CLERK_ID_MAX - 1 ||
	    strspn(out, "0123456789abcdef") != CLERK_ID_MAX - 1) {
		clerk_make_id(out);
		if (ftruncate(fd, 0) < 0 || pwrite(fd, out, CLERK_ID_MAX - 1,
		    0) != CLERK_ID_MAX - 1 || fsync(fd) < 0)
			fatal(EXIT_CODE_SYSTEM, "%s", path);
	}
	close(fd);
}

static void
choose_database(struct clerk *clerk, const char *folder)
{
	static char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/jobs.sqlite", folder);
	clerk->store.db.class = &clerk_sqlite;
	clerk->store.db.where = path;
	if (clerk->config->jobs_database == NULL)
		return;
	clerk->store.db.class = &clerk_postgres;
	clerk->store.db.where = clerk->config->jobs_database;
}

/* Where libpq looks for a password, at each connect. */
static size_t
add_secrets(const char **paths, size_t count)
{
	static char path[PATH_MAX];
	const char *file = getenv("PGPASSFILE"), *home = getenv("HOME");

	if (file == NULL && home != NULL) {
		snprintf(path, sizeof(path), "%s/.pgpass", home);
		file = path;
	}
	if (file != NULL)
		paths[count++] = file;
	return count;
}

static void
enter_sandbox(const struct clerk *clerk, const char *folder)
{
	struct sandbox sandbox = {
	    .network = clerk->config->jobs_database != NULL ||
	    clerk->config->jobs_webhooks != NULL };
	const char *paths[] = { folder }, *secrets[1];
	struct err err;

	if (!clerk->config->sandbox)
		return;
	sandbox.write_paths = (struct sandbox_list){ paths, 1 };
	sandbox.read_paths = (struct sandbox_list){ secrets,
	    add_secrets(secrets, 0) };
	if (sandbox_enter(&sandbox, &err) < 0)
		log_warnx("sandbox: %s; the clerk goes on without", err.text);
}

/* A waiting client is a descriptor. */
static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void
start_timers(struct clerk *clerk)
{
	uv_timer_init(&clerk->loop, &clerk->reopen);
	uv_timer_init(&clerk->loop, &clerk->wake);
	uv_timer_init(&clerk->loop, &clerk->sweep);
	uv_timer_init(&clerk->loop, &clerk->saying);
	uv_prepare_init(&clerk->loop, &clerk->before_sleep);
	clerk->before_sleep.data = clerk;
	uv_prepare_start(&clerk->before_sleep, on_before_sleep);
	clerk->reopen.data = clerk->wake.data = clerk;
	clerk->sweep.data = clerk->saying.data = clerk;
	uv_timer_start(&clerk->sweep, on_sweep, sweep_pause(clerk), 0);
}

static void
start(struct clerk *clerk)
{
	if (uv_loop_init(&clerk->loop) < 0)
		fatalx(EXIT_CODE_SYSTEM, "event loop");
	TAILQ_INIT(&clerk->runs);
	start_timers(clerk);
	clerk_hook_start(clerk);
	clerk->link.data = clerk;
	if (clerk_door_open(clerk) < 0 || uv_poll_init(&clerk->loop,
	    &clerk->link, CLERK_FD_LINK) < 0 || uv_poll_start(&clerk->link,
	    UV_READABLE | UV_DISCONNECT, on_link) < 0)
		fatalx(EXIT_CODE_SYSTEM, "watching the sockets");
	open_store(clerk);
}

/* clerk CONFIG-NAME [first] */
int
main(int argc, char **argv)
{
	static struct clerk clerk;
	char folder[PATH_MAX];

	if (argc < 2) {
		fprintf(stderr, "fcgi-host-clerk is started by fcgi-host\n");
		return EXIT_CODE_CONFIG;
	}
	prctl(PR_SET_NAME, "fh-clerk");
	log_init("clerk");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	clerk.config = read_config(argv[1]);
	log_set_level(clerk.config->log_level);
	clerk.first = argc > 2;
	snprintf(folder, sizeof(folder), "%s/%s", clerk.config->state_dir,
	    CLERK_FOLDER);
	if (chdir(folder) < 0)
		fatal(EXIT_CODE_SYSTEM, "%s", folder);
	raise_limit();
	name_host(&clerk, folder);
	choose_database(&clerk, folder);
	clerk_hook_prepare(&clerk);
	enter_sandbox(&clerk, folder);
	start(&clerk);
	uv_run(&clerk.loop, UV_RUN_DEFAULT);
	return EXIT_CODE_BUG;
}
