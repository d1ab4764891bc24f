/*
 * sup_renew.c - folders of state_dir that were removed or replaced while we
 * run are made anew.
 *
 * Runs in: supervisor.
 * Owns: nothing; the folders are sup_dirs.c's and sup_store.c's.
 * Invariant: a folder that is as it should be is not touched; one that cannot
 * be made is one line until it can, and costs those who need it, no more.
 */
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_dirs.h"

#define REPAIR_MS	5000

/* The last one that could not be made; "": all could. */
static struct err	told;

static bool
is_another(int fd, const char *path, bool may_be_link)
{
	struct stat ours, there;

	if ((may_be_link ? stat(path, &there) : lstat(path, &there)) < 0)
		return errno == ENOENT || errno == ENOTDIR;
	return fstat(fd, &ours) == 0 && (ours.st_dev != there.st_dev ||
	    ours.st_ino != there.st_ino);
}

static int
renew_state_dir(struct sup *sup, struct err *err)
{
	int before = sup->lock_fd;

	if (!is_another(before, sup->config->state_dir, true))
		return 0;
	if (sup_dirs_lock(sup, err) < 0)
		return -1;
	close(before);
	log_warnx("state_dir: %s was removed or replaced; made anew",
	    sup->config->state_dir);
	return 0;
}

static int
renew_generations(struct sup *sup, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/generations",
	    sup->config->state_dir);
	if (!is_another(sup_store_fd(sup->store), path, false))
		return 0;
	sup_dirs_put_aside(sup->config, "generations");
	if (sup_store_reopen(sup->store, err) < 0)
		return -1;
	log_warnx("state_dir: %s was removed or replaced; made anew, and what "
	    "was kept there is lost", path);
	return 0;
}

/* 1: there is another one now. */
static int
renew_spool(struct sup *sup, struct err *err)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/spool", sup->config->state_dir);
	sup_dirs_put_aside(sup->config, "spool");
	if (!is_another(sup->spool_dir, path, false)) {
		fd = sup_dirs_folder(sup->config, "spool", err);
		return fd < 0 ? -1 : close(fd);
	}
	fd = sup_dirs_folder(sup->config, "spool", err);
	if (fd < 0)
		return -1;
	close(sup->spool_dir);
	sup->spool_dir = fd;
	sup_dirs_empty_spool(sup);
	log_warnx("state_dir: %s was removed or replaced; made anew", path);
	return 1;
}

static void
tell(const struct err *err)
{
	if (strcmp(told.text, err->text) != 0)
		log_warnx("%s", err->text);
	told = *err;
}

/* Two hosts share it while one takes over from the other. */
static bool
is_ours_alone(const struct sup *sup)
{
	return sup_owns_files(sup) && !sup->upgrade.running;
}

/* Whoever needs what cannot be made says so. */
void
sup_renew(struct sup *sup)
{
	struct err err = { "" };

	if (!is_ours_alone(sup))
		return;
	if (renew_state_dir(sup, &err) < 0 ||
	    renew_generations(sup, &err) < 0 || renew_spool(sup, &err) < 0)
		tell(&err);
	else
		told.text[0] = '\0';
}

/* Not again and again: a reload that fails may well fail the next time too. */
static void
repair(struct sup *sup)
{
	static uint64_t last_ms;
	uint64_t now = clock_now_ms();

	if (last_ms != 0 && now - last_ms < REPAIR_MS)
		return;
	last_ms = now;
	sup_reload_ask(sup, SUP_TRIGGER_REPAIR, 0, NULL);
}

void
sup_renew_spool(struct sup_team *team, int error)
{
	struct sup *sup = team->generation->sup;
	struct err err = { "" };
	int rc;

	if (!is_ours_alone(sup) || sup->phase == SUP_STOPPING ||
	    team->generation != sup->serving)
		return;
	rc = renew_state_dir(sup, &err);
	if (rc == 0)
		rc = renew_spool(sup, &err);
	if (rc < 0)
		tell(&err);
	else if (rc > 0 || error == ENOENT)
		repair(sup);
}
