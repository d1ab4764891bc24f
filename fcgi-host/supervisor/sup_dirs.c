/*
 * sup_dirs.c - the state directory: kept generations, spooled bodies, crashes.
 *
 * Runs in: supervisor.
 * Owns: state_dir/spool; state_dir/generations is sup_store.c's, and
 * state_dir/crashes sup_crashes.c's.
 * Invariant: what a host that was killed left behind is gone before the next
 * one serves; bodies belong to the service's user alone.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_crashes.h"
#include "supervisor/sup_dirs.h"

#define ASIDE_MAX	100

uid_t
sup_service_user(const struct config *config)
{
	const struct passwd *user;

	if (config->user == NULL || geteuid() != 0)
		return geteuid();
	user = getpwnam(config->user);
	return user == NULL ? geteuid() : user->pw_uid;
}

gid_t
sup_service_group(const struct config *config)
{
	const struct passwd *user;
	const struct group *group;

	if (config->user == NULL || geteuid() != 0)
		return getegid();
	if (config->group != NULL &&
	    (group = getgrnam(config->group)) != NULL)
		return group->gr_gid;
	user = getpwnam(config->user);
	return user == NULL ? getegid() : user->pw_gid;
}

/* Where it is as it should be it is left: the file system may be read-only. */
static int
give(int fd, uid_t user, gid_t group)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -1;
	if ((status.st_mode & 07777) != 0700 && fchmod(fd, 0700) < 0)
		return -1;
	return status.st_uid == user && status.st_gid == group ? 0 :
	    fchown(fd, user, group);
}

int
sup_dirs_folder(const struct config *config, const char *name, struct err *err)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", config->state_dir, name);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(err, "state_dir: creating %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(err, "state_dir: opening %s", path);
	if (give(fd, sup_service_user(config),
	    sup_service_group(config)) < 0) {
		err_sys(err, "state_dir: %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

/* Removes the files whose name begins with `prefix`. */
static void
clean(int folder, const char *prefix)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' &&
		    strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    unlinkat(folder, entry->d_name, 0) < 0)
			log_warn("removing %s", entry->d_name);
	closedir(dir);
}

/* The folder above both: anyone may pass through it, nobody else look in. */
static int
make_state_dir(const struct config *config, struct err *err)
{
	if (mkdir(config->state_dir, 0711) < 0 && errno != EEXIST)
		return err_sys(err, "state_dir: creating %s (its parent must "
		    "exist)", config->state_dir);
	return 0;
}

void
sup_dirs_put_aside(const struct config *config, const char *name)
{
	char path[PATH_MAX], aside[PATH_MAX];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s", config->state_dir, name);
	if (lstat(path, &status) < 0 || S_ISDIR(status.st_mode))
		return;
	for (unsigned i = 1; i <= ASIDE_MAX; i++) {
		snprintf(aside, sizeof(aside), "%s/%s.aside-%u",
		    config->state_dir, name, i);
		if (lstat(aside, &status) == 0)
			continue;
		if (rename(path, aside) < 0)
			log_warn("state_dir: %s is no folder", path);
		else
			log_warnx("state_dir: %s was no folder; it is %s now: "
			    "look at it, and remove it", path, aside);
		return;
	}
}

/* Two hosts would remove each other's files.  The lock ends with this process,
 * however it ends, or with the one that it hands over to. */
static int
lock_state_dir(struct sup *sup, struct err *err)
{
	const struct config *config = sup->config;
	int fd = open(config->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "state_dir: opening %s",
		    config->state_dir);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		sup->lock_fd = fd;
		return 0;
	}
	if (errno == EWOULDBLOCK)
		err_set(err, "state_dir: %s is in use by another host; each "
		    "needs one of its own", config->state_dir);
	else
		err_sys(err, "state_dir: locking %s", config->state_dir);
	close(fd);
	return -1;
}

int
sup_dirs_lock(struct sup *sup, struct err *err)
{
	return make_state_dir(sup->config, err) < 0 ? -1 :
	    lock_state_dir(sup, err);
}

void
sup_dirs_empty_spool(struct sup *sup)
{
	clean(sup->spool_dir, "");
}

int
sup_dirs_open(struct sup *sup, struct err *err)
{
	const struct config *config = sup->config;
	bool alone = sup->successor_link < 0;

	if (alone && sup_dirs_lock(sup, err) < 0)
		return -1;
	if (alone) {
		sup_dirs_put_aside(config, "spool");
		sup_dirs_put_aside(config, "generations");
	}
	sup->spool_dir = sup_dirs_folder(config, "spool", err);
	if (sup->spool_dir < 0)
		return -1;
	if (alone)
		sup_dirs_empty_spool(sup);
	sup->store = sup_store_open(config->state_dir,
	    sup_service_user(config), sup_service_group(config), err);
	if (sup->store == NULL)
		return -1;
	sup->generation_count = sup_store_last(sup->store);
	sup_crashes_open(sup);
	return 0;
}

/* Spool files are named by team and number: front_spool.c. */
void
sup_dirs_clean_spool(struct sup *sup, uint32_t team)
{
	char prefix[16];

	snprintf(prefix, sizeof(prefix), "%06x", team & 0xffffffu);
	clean(sup->spool_dir, prefix);
}

void
sup_dirs_close(struct sup *sup)
{
	if (sup_owns_files(sup))
		sup_dirs_empty_spool(sup);
	close(sup->spool_dir);
	sup_store_close(sup->store);
	sup_crashes_close(sup);
}
