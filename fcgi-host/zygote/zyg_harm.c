/*
 * zyg_harm.c - what a handler's code may not do to the process that loads it.
 *
 * Runs in: zygote, after each file's constructors and each preload hook.
 * Owns: a second descriptor of the link, one of the folder we are in.
 * Invariant: a handler that starts a thread, leaves a process behind, closes
 * what is ours or changes the folder is named; what it did is undone or, at the
 * latest, gone with this process, which is replaced by one without it.
 */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/log.h"
#include "zygote/zyg.h"

#define SPARE_FIRST	100	/* where one that closes 3 to 9 misses it */
#define SPARE_LOW	20	/* ... if so many descriptors may be open */

static struct zyg_held
look_at(int fd)
{
	struct zyg_held held = { false };
	struct stat status;

	held.open = fstat(fd, &status) == 0;
	if (held.open) {
		held.device = status.st_dev;
		held.inode = status.st_ino;
	}
	return held;
}

/* A daemon's parent is its parent's: with us in between, it is ours. */
void
zyg_harm_begin(struct zyg *zyg)
{
	zyg->pid = getpid();
	zyg->spare_link = fcntl(zyg->start->link, F_DUPFD_CLOEXEC,
	    SPARE_FIRST);
	if (zyg->spare_link < 0)
		zyg->spare_link = fcntl(zyg->start->link, F_DUPFD_CLOEXEC,
		    SPARE_LOW);
	zyg->folder = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (zyg->spare_link < 0 || zyg->folder < 0)
		fatal(EXIT_CODE_SYSTEM, "descriptors of the zygote");
	for (int fd = 0; fd < ZYG_HELD; fd++)
		zyg->held[fd] = look_at(fd);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* What is forked from here has no use for them. */
void
zyg_harm_end(struct zyg *zyg)
{
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close(zyg->spare_link);
	close(zyg->folder);
	zyg->spare_link = zyg->folder = -1;
}

static bool
same_file(int a, int b)
{
	struct stat left, right;

	return fstat(a, &left) == 0 && fstat(b, &right) == 0 &&
	    left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

static int
check_link(const struct zyg *zyg, struct err *err)
{
	int link = zyg->start->link;

	if (same_file(link, zyg->spare_link))
		return 0;
	if (dup3(zyg->spare_link, link, O_CLOEXEC) < 0)
		fatal(EXIT_CODE_SYSTEM, "the link to the supervisor");
	return err_set(err, "closed descriptor %d, which is the host's: close "
	    "only what you have opened", link);
}

/* A handler may lead its output elsewhere, but what is opened next must not
 * become it. */
static void
undo_output(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		int null;

		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		null = open("/dev/null", O_RDWR);	/* the lowest: it */
		if (null != fd)
			close(null);
	}
}

static int
check_held(struct zyg *zyg, struct err *err)
{
	for (int fd = STDERR_FILENO + 1; fd < ZYG_HELD; fd++) {
		struct zyg_held now = look_at(fd);
		const struct zyg_held *held = &zyg->held[fd];

		if (!held->open || (now.open && now.device == held->device &&
		    now.inode == held->inode))
			continue;
		zyg->spoilt = true;
		return err_set(err, "closed descriptor %d, which is the "
		    "host's: close only what you have opened", fd);
	}
	return 0;
}

/* One that comes later would end the process. */
static void
undo_timers(void)
{
	const struct itimerval none = { { 0, 0 }, { 0, 0 } };

	setitimer(ITIMER_REAL, &none, NULL);
	setitimer(ITIMER_VIRTUAL, &none, NULL);
	setitimer(ITIMER_PROF, &none, NULL);
}

static int
check_folder(struct zyg *zyg, struct err *err)
{
	int now = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool same = now >= 0 && same_file(now, zyg->folder);

	if (now < 0) {
		zyg->spoilt = true;
		return err_sys(err, "has changed so much that the working "
		    "directory cannot be opened");
	}
	close(now);
	if (same)
		return 0;
	if (fchdir(zyg->folder) < 0)
		log_warn("the folder before a handler's chdir()");
	return err_set(err, "changed the working directory, which all handlers "
	    "share");
}

static void
kill_each(void)
{
	char path[64];
	FILE *file;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children",
	    (int)getpid());
	file = fopen(path, "re");
	if (file == NULL)
		return;
	while (fscanf(file, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	fclose(file);
}

/* All that is running below us; the children of one that dies become ours. */
static void
kill_children(void)
{
	do
		kill_each();
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

/* The copy of ourselves that fork() made must not go on as a second zygote. */
static int
check_children(const struct zyg *zyg, struct err *err)
{
	siginfo_t info;

	if (getpid() != zyg->pid)
		_exit(0);
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return 0;	/* ECHILD */
	kill_children();
	return err_set(err, "forked and left a process behind: the zygote may "
	    "not have any");
}

static int
check_threads(const struct zyg *zyg, struct err *err)
{
	unsigned threads;

	if (handler_threads_allowed(zyg->start->config))
		return 0;
	threads = handler_threads(zyg->set);
	if (threads == 1)
		return 0;
	if (threads == 0)
		return err_set(err, "has changed so much that /proc cannot be "
		    "read");
	return err_set(err, "left %u threads running, and forked processes "
	    "would hang: start threads in worker_init, or, if they are "
	    "harmless, set allow_threads = true for the model that needs them",
	    threads - 1);
}

int
zyg_harm_check(struct zyg *zyg, struct err *err)
{
	int harm = check_children(zyg, err);

	undo_timers();
	undo_output();
	if (harm == 0)
		harm = check_link(zyg, err);
	else
		check_link(zyg, NULL);
	if (harm == 0)
		harm = check_held(zyg, err);
	if (harm == 0)
		harm = check_folder(zyg, err);
	else
		check_folder(zyg, NULL);
	return harm < 0 ? harm : check_threads(zyg, err);
}
