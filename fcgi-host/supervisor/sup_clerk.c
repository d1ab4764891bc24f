/*
 * sup_clerk.c - the clerk: started, watched, started again.
 *
 * Runs in: supervisor; the first lines of a clerk run here too.
 * Owns: the clerk's process, its listening socket, and the link to it.
 * Invariant: the socket outlives every clerk, so a front that asks while there
 * is none waits for the next; a clerk ends after the last front.
 */
#include "supervisor/sup_clerk.h"

#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

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
#include "common/program.h"
#include "supervisor/sup.h"
#include "supervisor/sup_dirs.h"
#include "supervisor/sup_json.h"

#define PROGRAM		"fcgi-host-clerk"
#define BACKLOG		1024
#define END_MS		5000	/* then it is killed */

struct sup_clerk {
	struct sup		*sup;
	int			 folder, listen_fd;
	pid_t			 pid;		/* 0: none */
	int			 death, link;	/* -1: none */
	uv_poll_t		*on_death, *on_link;
	uv_timer_t		*timer;		/* the next one; the end */
	struct sup_respawn	 respawn;
	uint64_t		 started_ms, restarts;
	bool			 began;		/* there was one before */
	bool			 ending;
	struct json_object	*said;		/* or NULL */
	struct sup_trouble	 trouble;
};

static void	start(struct sup_clerk *);

/* ------------------------------------------------------------ what it says */

static void
look_at_trouble(struct sup_clerk *clerk)
{
	struct json_object *up = NULL;
	bool good = clerk->said != NULL && json_object_object_get_ex(
	    clerk->said, "up", &up) && json_object_get_boolean(up);

	if (good && sup_trouble_ends(&clerk->trouble))
		log_info("no longer degraded: jobs are accepted again");
	else if (!good && sup_trouble_begins(&clerk->trouble))
		log_warnx("degraded: the database of jobs is away; requests "
		    "that would be jobs get a 503");
	if (!good)
		clerk->trouble.count++;
}

static void
on_link(uv_poll_t *poll, int status, int events)
{
	struct sup_clerk *clerk = poll->data;
	char text[CLERK_SAID_MAX + 1];
	struct json_object *said;
	ssize_t got = recv(clerk->link, text, CLERK_SAID_MAX, MSG_DONTWAIT);

	(void)status;
	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {		/* its death follows */
		sup_watch_destroy(&clerk->on_link);
		return;
	}
	text[got] = '\0';
	said = json_tokener_parse(text);
	if (!json_object_is_type(said, json_type_object)) {
		json_object_put(said);
		return;
	}
	json_object_put(clerk->said);
	clerk->said = said;
	look_at_trouble(clerk);
}

struct json_object *
sup_clerk_status(const struct sup *sup)
{
	const struct sup_clerk *clerk = sup->clerk;
	struct json_object *object;

	if (clerk == NULL)
		return NULL;
	object = json_object_new_object();
	sup_json_number(object, "pid", (uint64_t)clerk->pid);
	sup_json_number(object, "restarts", clerk->restarts);
	if (clerk->said == NULL)
		return object;
	json_object_object_foreach(clerk->said, key, value)
		json_object_object_add(object, key, json_object_get(value));
	return object;
}

const struct sup_trouble *
sup_clerk_trouble(const struct sup *sup)
{
	return sup->clerk == NULL ? NULL : &sup->clerk->trouble;
}

/* ---------------------------------------------------------------- its death */

static void
close_process(struct sup_clerk *clerk)
{
	sup_watch_destroy(&clerk->on_death);
	sup_watch_destroy(&clerk->on_link);
	if (clerk->death >= 0)
		close(clerk->death);
	if (clerk->link >= 0)
		close(clerk->link);
	clerk->death = clerk->link = -1;
	clerk->pid = 0;
}

static void
on_start(uv_timer_t *timer)
{
	start(timer->data);
}

static void
start_later(struct sup_clerk *clerk)
{
	uint64_t lived = clock_now_ms() - clerk->started_ms;
	uint64_t delay = sup_respawn_delay(&clerk->respawn, lived, false);

	close_process(clerk);
	json_object_put(clerk->said);
	clerk->said = NULL;
	look_at_trouble(clerk);
	clerk->restarts++;
	uv_timer_start(clerk->timer, on_start, delay, 0);
}

static void
on_death(uv_poll_t *poll, int poll_status, int events)
{
	struct sup_clerk *clerk = poll->data;
	struct sup *sup = clerk->sup;
	char how[96];
	int status = 0;

	(void)poll_status;
	(void)events;
	if (waitpid(clerk->pid, &status, WNOHANG) == 0)
		return;
	if (clerk->ending) {
		close_process(clerk);
		uv_timer_stop(clerk->timer);
		sup_stop_if_gone(sup);
		return;
	}
	child_describe_end(status, how, sizeof(how));
	log_warnx("clerk (process %d) %s", (int)clerk->pid, how);
	start_later(clerk);
}

/* ---------------------------------------------------------------- its start */

/* The descriptors go where it looks for them, out of each other's way first. */
static void
place_descriptors(const struct sup_clerk *clerk, int link, int config)
{
	const int from[] = { link, clerk->listen_fd, config };
	int high[3];

	for (size_t i = 0; i < 3; i++)
		if ((high[i] = fcntl(from[i], F_DUPFD, CLERK_FD_END)) < 0)
			_exit(EXIT_CODE_SYSTEM);
	for (size_t i = 0; i < 3; i++)
		if (dup2(high[i], CLERK_FD_LINK + (int)i) < 0)
			_exit(EXIT_CODE_SYSTEM);
}

/* Signals stay blocked until child_begin(): see sup_loader_child.c. */
static void
become_clerk(const struct sup_clerk *clerk, int link, int config, pid_t parent)
{
	const int keep[] = { CLERK_FD_LINK, CLERK_FD_LISTEN,
	    CLERK_FD_CONFIG };
	char path[PATH_MAX];
	const char *program = program_find(clerk->sup->binary, PROGRAM,
	    CLERK_PROGRAM, path);
	char *argv[] = { PROGRAM, clerk->sup->config->file,
	    clerk->began || clerk->sup->borrowed ? NULL : "first", NULL };
	struct err err = { "" };

	if (dup2(log_fd(), STDERR_FILENO) < 0 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(EXIT_CODE_SYSTEM);
	log_set_fd(STDERR_FILENO);
	place_descriptors(clerk, link, config);
	child_close_others(keep, 3);
	if (child_drop_privileges(clerk->sup->config, &err) < 0)
		fatalx(EXIT_CODE_CONFIG, "%s", err.text);
	child_begin("clerk", parent);
	execv(program, argv);
	fatal(EXIT_CODE_SYSTEM, "%s", program);
}

static pid_t
fork_clerk(const struct sup_clerk *clerk, int link, int config)
{
	pid_t parent = getpid(), pid;
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become_clerk(clerk, link, config, parent);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static int
config_text(const struct sup *sup)
{
	int fd = memfd_create("fcgi-host-config", MFD_CLOEXEC);

	if (fd >= 0 && io_write_all(fd, sup->config->text,
	    sup->config->text_length) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* 0, or -1: then no process is left. */
static int
begin(struct sup_clerk *clerk)
{
	int ends[2], config = config_text(clerk->sup), status;

	if (config < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		close(config);
		return -1;
	}
	clerk->link = ends[0];
	clerk->pid = fork_clerk(clerk, ends[1], config);
	close(ends[1]);
	close(config);
	if (clerk->pid < 0) {
		clerk->pid = 0;
		return -1;
	}
	clerk->death = pidfd_open(clerk->pid, 0);
	if (clerk->death >= 0)
		return 0;
	child_kill(clerk->pid, &status);
	return -1;
}

static void
start(struct sup_clerk *clerk)
{
	clerk->started_ms = clock_now_ms();
	if (begin(clerk) < 0) {
		log_warn("starting the clerk");
		start_later(clerk);
		return;
	}
	clerk->began = true;
	clerk->on_death = sup_watch_create(clerk->sup, clerk->death, on_death,
	    clerk);
	clerk->on_link = sup_watch_create(clerk->sup, clerk->link, on_link,
	    clerk);
	log_debug("clerk is process %d", (int)clerk->pid);
}

/* Another host may have been here before us, or still be: its fronts come to
 * us from now on. */
static int
listen_in(const struct sup *sup, int folder, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);

	if (fd < 0)
		return err_sys(err, "jobs: socket");
	snprintf(address.sun_path, sizeof(address.sun_path),
	    "/proc/self/fd/%d/%s", folder, CLERK_SOCKET);
	unlinkat(folder, CLERK_SOCKET, 0);
	if (bind(fd, (const struct sockaddr *)&address,
	    sizeof(address)) == 0 && listen(fd, BACKLOG) == 0 &&
	    fchownat(folder, CLERK_SOCKET, sup_service_user(sup->config),
	    sup_service_group(sup->config), 0) == 0 &&
	    fchmodat(folder, CLERK_SOCKET, 0600, 0) == 0)
		return fd;
	err_sys(err, "jobs: listening in %s/%s", sup->config->state_dir,
	    CLERK_FOLDER);
	close(fd);
	return -1;
}

/* NULL and why. */
static struct sup_clerk *
create(struct sup *sup, struct err *err)
{
	struct sup_clerk *clerk = calloc(1, sizeof(*clerk));

	if (clerk == NULL) {
		err_sys(err, "jobs");
		return NULL;
	}
	sup_dirs_put_aside(sup->config, CLERK_FOLDER);
	clerk->folder = sup_dirs_folder(sup->config, CLERK_FOLDER, err);
	clerk->listen_fd = clerk->folder < 0 ? -1 : listen_in(sup,
	    clerk->folder, err);
	if (clerk->listen_fd >= 0)
		return clerk;
	if (clerk->folder >= 0)
		close(clerk->folder);
	free(clerk);
	return NULL;
}

void
sup_clerk_want(struct sup *sup)
{
	struct sup_clerk *clerk;
	struct err err;

	if (sup->clerk != NULL)
		return;
	clerk = create(sup, &err);
	if (clerk == NULL) {
		log_warnx("%s; requests that would be jobs get a 503",
		    err.text);
		return;
	}
	clerk->sup = sup;
	clerk->death = clerk->link = -1;
	clerk->timer = sup_timer_create(sup, clerk);
	sup->clerk = clerk;
	start(clerk);
}

/* ----------------------------------------------------------------- the stop */

void
sup_clerk_rest(struct sup *sup)
{
	if (sup->clerk != NULL && sup->clerk->link >= 0)
		send(sup->clerk->link, "stop", 4, MSG_NOSIGNAL |
		    MSG_DONTWAIT);
}

static void
on_end(uv_timer_t *timer)
{
	const struct sup_clerk *clerk = timer->data;

	log_warnx("clerk (process %d) does not end, and is killed",
	    (int)clerk->pid);
	kill(clerk->pid, SIGKILL);
}

bool
sup_clerk_end(struct sup *sup)
{
	struct sup_clerk *clerk = sup->clerk;

	if (clerk == NULL || clerk->pid == 0)
		return true;
	if (!clerk->ending) {
		clerk->ending = true;
		shutdown(clerk->link, SHUT_RDWR);
		uv_timer_start(clerk->timer, on_end, END_MS, 0);
	}
	return false;
}

void
sup_clerk_close(struct sup *sup)
{
	struct sup_clerk *clerk = sup->clerk;

	if (clerk == NULL)
		return;
	if (sup_owns_files(sup))
		unlinkat(clerk->folder, CLERK_SOCKET, 0);
	close_process(clerk);
	json_object_put(clerk->said);
	close(clerk->listen_fd);
	close(clerk->folder);
	free(clerk);
	sup->clerk = NULL;
}
