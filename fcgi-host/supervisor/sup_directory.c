/*
 * sup_directory.c - the handler directory, watched with inotify.
 *
 * Runs in: supervisor.
 * Owns: the inotify descriptor, a poll and a timer.
 * Invariant: either the directory is watched, or the timer will look for it;
 * events are read in turns with pauses, so a busy directory costs no more than
 * a few wake-ups per delay.
 */
#include "supervisor/sup_directory.h"

#include <sys/inotify.h>
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup_debounce.h"

#define LOOK_AGAIN_MS	2000
#define REST_MOST_MS	50	/* between two readings of events */
#define RESTS		4	/* in a delay, for short ones */
#define READS_MOST	64	/* buffers in one turn */

#define GONE	(IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)
#define WATCHED \
	(IN_MODIFY | IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | \
	IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

struct sup_directory {
	uv_poll_t		 poll;
	uv_timer_t		 timer;
	unsigned		 handles;	/* not closed yet */
	int			 fd;		/* inotify */
	int			 watch;		/* -1: it is missing */
	dev_t			 device;	/* of what is watched */
	ino_t			 inode;
	bool			 mounted;	/* it is a mount point */
	bool			 unmounted;	/* it was: wait for a mount */
	char			*path;
	bool			 resting;	/* the timer reads next */
	bool			 told;		/* that it is missing */
	struct sup_debounce	 debounce;
	sup_directory_changed	*changed;
	void			*context;
};

/* ------------------------------------------------------- watched or missing */

/* Is a file system mounted at the path?  -1 and errno. */
static int
look_at(struct sup_directory *directory)
{
	char above[PATH_MAX];
	struct stat status, parent;

	if (snprintf(above, sizeof(above), "%s/..", directory->path) >=
	    (int)sizeof(above)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (stat(directory->path, &status) < 0 || stat(above, &parent) < 0)
		return -1;
	directory->device = status.st_dev;
	directory->inode = status.st_ino;
	directory->mounted = status.st_dev != parent.st_dev;
	if (!directory->unmounted || directory->mounted)
		return 0;
	errno = ENODEV;		/* what is below is not what was meant */
	return -1;
}

/* -1 and errno. */
static int
watch(struct sup_directory *directory)
{
	int wd = inotify_add_watch(directory->fd, directory->path, WATCHED |
	    IN_ONLYDIR | IN_EXCL_UNLINK);
	int saved;

	if (wd < 0)
		return -1;
	if (look_at(directory) < 0) {
		saved = errno;
		inotify_rm_watch(directory->fd, wd);
		errno = saved;
		return -1;
	}
	directory->watch = wd;
	directory->unmounted = false;
	return 0;
}

static const char *
reason(int error)
{
	if (error == ENOSPC)
		return "the sysctl fs.inotify.max_user_watches is used up";
	if (error == ENODEV)
		return "nothing is mounted there any more";
	return strerror(error);
}

/* Files are not removed by that: what serves goes on. */
static void
lose(struct sup_directory *directory)
{
	if (directory->watch >= 0)
		inotify_rm_watch(directory->fd, directory->watch);
	directory->watch = -1;
	sup_debounce_nothing(&directory->debounce, clock_now_ms());
}

static void
say_missing(struct sup_directory *directory)
{
	if (directory->told)
		return;
	directory->told = true;
	log_warnx("handlers: %s cannot be watched: %s; what serves goes on, "
	    "and it is looked for every %d s", directory->path, reason(errno),
	    LOOK_AGAIN_MS / 1000);
}

/* Whatever is in it now is news. */
static void
look_for(struct sup_directory *directory)
{
	if (watch(directory) < 0) {
		say_missing(directory);
		return;
	}
	if (directory->told)
		log_info("handlers: %s is there again", directory->path);
	directory->told = false;
	sup_debounce_anything(&directory->debounce, clock_now_ms());
}

/* A folder that somebody has open does not say that it was removed; a link
 * that was replaced never does. */
static void
check_path(struct sup_directory *directory)
{
	struct stat status;

	if (directory->watch < 0)
		return;
	if (stat(directory->path, &status) == 0 &&
	    status.st_dev == directory->device &&
	    status.st_ino == directory->inode)
		return;
	lose(directory);
	look_for(directory);
}

/* ------------------------------------------------------------------ events */

/* A file that was just made and is empty will be written to. */
static enum sup_debounce_event
judge_new(const struct sup_directory *directory, const char *name)
{
	char path[PATH_MAX];
	struct stat status;

	if (snprintf(path, sizeof(path), "%s/%s", directory->path, name) <
	    (int)sizeof(path) && lstat(path, &status) == 0 &&
	    S_ISREG(status.st_mode) && status.st_size == 0)
		return SUP_DEBOUNCE_WRITTEN;
	return SUP_DEBOUNCE_CREATED;
}

static void
take_change(struct sup_directory *directory, uint32_t mask, const char *name)
{
	enum sup_debounce_event event = SUP_DEBOUNCE_ATTRIBUTES;

	if (mask & IN_MODIFY)
		event = SUP_DEBOUNCE_WRITTEN;
	else if (mask & IN_CREATE)
		event = judge_new(directory, name);
	else if (mask & IN_CLOSE_WRITE)
		event = SUP_DEBOUNCE_CLOSED;
	else if (mask & IN_MOVED_TO)
		event = SUP_DEBOUNCE_MOVED_IN;
	else if (mask & (IN_MOVED_FROM | IN_DELETE))
		event = SUP_DEBOUNCE_GONE;
	sup_debounce_event(&directory->debounce, event, name, clock_now_ms());
}

/* Below a mount point there is another folder, which nobody meant. */
static void
go(struct sup_directory *directory, uint32_t mask)
{
	if (mask & IN_UNMOUNT)
		directory->unmounted = directory->mounted;
	lose(directory);
}

static void
take_event(struct sup_directory *directory, const struct inotify_event *event)
{
	if (event->mask & IN_Q_OVERFLOW)
		sup_debounce_anything(&directory->debounce, clock_now_ms());
	else if (event->wd != directory->watch)
		return;		/* of a watch that was removed since */
	else if (event->mask & GONE)
		go(directory, event->mask);
	else if (event->len > 0)
		take_change(directory, event->mask, event->name);
}

/* Was there something? */
static bool
read_events(struct sup_directory *directory)
{
	_Alignas(struct inotify_event) char buffer[16384];
	unsigned reads = 0;
	ssize_t length;

	while (reads < READS_MOST && (length = read(directory->fd, buffer,
	    sizeof(buffer))) > 0) {
		const struct inotify_event *event;

		for (char *at = buffer; at < buffer + length;
		    at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)at;
			take_event(directory, event);
		}
		reads++;
	}
	return reads > 0;
}

/* ------------------------------------------------------------------- turns */

static void	on_timer(uv_timer_t *);
static void	on_event(uv_poll_t *, int status, int events);

static uint64_t
rest_ms(const struct sup_directory *directory)
{
	uint64_t part = directory->debounce.delay_ms / RESTS;

	return part < 1 ? 1 : part < REST_MOST_MS ? part : REST_MOST_MS;
}

/* When must something be done, if nothing happens? */
static void
arm(struct sup_directory *directory)
{
	uint64_t wait = sup_debounce_wait(&directory->debounce,
	    clock_now_ms());

	if (directory->watch < 0)
		wait = LOOK_AGAIN_MS;
	if (directory->resting && wait > rest_ms(directory))
		wait = rest_ms(directory);
	uv_update_time(directory->timer.loop);
	if (wait == SUP_DEBOUNCE_NEVER)
		uv_timer_stop(&directory->timer);
	else
		uv_timer_start(&directory->timer, on_timer, wait, 0);
}

/* Reads what there is.  After something the next reading waits a little: in
 * the meantime the kernel puts equal events into one. */
static void
take_turn(struct sup_directory *directory)
{
	directory->resting = read_events(directory);
	if (directory->watch < 0)
		look_for(directory);
	if (directory->resting)
		uv_poll_stop(&directory->poll);
	else
		uv_poll_start(&directory->poll, UV_READABLE, on_event);
}

static void
on_event(uv_poll_t *poll, int status, int events)
{
	struct sup_directory *directory = poll->data;

	(void)status;
	(void)events;
	take_turn(directory);
	arm(directory);
}

static void
on_timer(uv_timer_t *timer)
{
	struct sup_directory *directory = timer->data;
	bool due;

	take_turn(directory);
	if (sup_debounce_wait(&directory->debounce, clock_now_ms()) == 0)
		check_path(directory);
	due = directory->watch >= 0 &&
	    sup_debounce_wait(&directory->debounce, clock_now_ms()) == 0;
	if (due)
		sup_debounce_reload(&directory->debounce, clock_now_ms());
	arm(directory);
	if (due)
		directory->changed(directory->context);
}

/* ---------------------------------------------------------- open and close */

static void
handle_closed(uv_handle_t *handle)
{
	struct sup_directory *directory = handle->data;

	if (--directory->handles > 0)
		return;
	sup_debounce_finish(&directory->debounce);
	free(directory->path);
	free(directory);
}

void
sup_directory_close(struct sup_directory *directory)
{
	if (directory == NULL)
		return;
	uv_close((uv_handle_t *)&directory->poll, handle_closed);
	uv_close((uv_handle_t *)&directory->timer, handle_closed);
	close(directory->fd);
}

static struct sup_directory *
create(const char *path, uint64_t delay_ms, struct err *err)
{
	struct sup_directory *directory = calloc(1, sizeof(*directory));

	if (directory == NULL || (directory->path = strdup(path)) == NULL) {
		err_sys(err, "watch: %s", path);
		free(directory);
		return NULL;
	}
	directory->watch = -1;
	directory->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (directory->fd < 0) {
		err_sys(err, "watch: %s cannot be watched: the sysctl "
		    "fs.inotify.max_user_instances, or the number of open "
		    "files, is used up", path);
		free(directory->path);
		free(directory);
		return NULL;
	}
	sup_debounce_init(&directory->debounce, delay_ms);
	return directory;
}

static int
add_handles(struct sup_directory *directory, uv_loop_t *loop, struct err *err)
{
	int rc = uv_poll_init(loop, &directory->poll, directory->fd);

	if (rc < 0)
		return err_set(err, "watch: %s: %s", directory->path,
		    uv_strerror(rc));
	uv_timer_init(loop, &directory->timer);
	directory->poll.data = directory;
	directory->timer.data = directory;
	directory->handles = 2;
	return 0;
}

struct sup_directory *
sup_directory_open(uv_loop_t *loop, const char *path, uint64_t delay_ms,
    sup_directory_changed *changed, void *context, struct err *err)
{
	struct sup_directory *directory = create(path, delay_ms, err);
	int rc;

	if (directory == NULL)
		return NULL;
	directory->changed = changed;
	directory->context = context;
	rc = watch(directory);
	if (rc < 0 && errno == ENOSPC)
		err_set(err, "watch: %s cannot be watched: %s", path,
		    reason(ENOSPC));
	else if (add_handles(directory, loop, err) == 0) {
		if (rc < 0)
			say_missing(directory);
		uv_poll_start(&directory->poll, UV_READABLE, on_event);
		arm(directory);
		return directory;
	}
	close(directory->fd);
	sup_debounce_finish(&directory->debounce);
	free(directory->path);
	free(directory);
	return NULL;
}

/* --------------------------------------------------------------- questions */

void
sup_directory_set_delay(struct sup_directory *directory, uint64_t delay_ms)
{
	sup_debounce_set_delay(&directory->debounce, delay_ms);
	arm(directory);
}

void
sup_directory_taken(struct sup_directory *directory)
{
	directory->unmounted = false;
	take_turn(directory);
	check_path(directory);
	sup_debounce_forget(&directory->debounce, clock_now_ms());
	arm(directory);
}

const char *
sup_directory_being_written(const struct sup_directory *directory,
    size_t index)
{
	return sup_debounce_being_written(&directory->debounce, index);
}

bool
sup_directory_is_missing(const struct sup_directory *directory)
{
	return directory->watch < 0;
}
