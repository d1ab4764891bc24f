/*
 * sup_store_link.c - handlers' files from one generation to another.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: both folders are the service's user's, who may change anything in
 * them at any time: only a regular file of that user is passed on, and only a
 * file that was made here is written to.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/io.h"
#include "supervisor/sup_store_private.h"

/* Of both generations. */
struct passing {
	const struct sup_store	*store;
	int			 from, to;	/* folders of handlers */
	const char		*name;
	int			 file;		/* in `from` */
	struct stat		 status;	/* of it */
};

/* The file has to be of that user: else a hard link to a file that only root
 * may read would be copied for it. */
static int
open_file(struct passing *passing, struct err *err)
{
	passing->file = openat(passing->from, passing->name, O_RDONLY |
	    O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (passing->file < 0)
		return err_sys(err, "opening it");
	if (fstat(passing->file, &passing->status) < 0)
		return err_sys(err, "reading it");
	if (!S_ISREG(passing->status.st_mode))
		return err_set(err, "it is no regular file");
	if (passing->status.st_uid != passing->store->owner)
		return err_set(err, "it belongs to user %u, not to user %u",
		    (unsigned)passing->status.st_uid,
		    (unsigned)passing->store->owner);
	return 0;
}

/* ---------------------------------------------------------------- copying */

static int
copy_bytes(int from, int to, off_t size)
{
	char buffer[65536];
	off_t at = 0;

	while (at < size) {
		ssize_t got = pread(from, buffer, sizeof(buffer), at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || io_write_all(to, buffer, (size_t)got) < 0)
			return -1;
		if (got == 0)
			break;
		at += got;
	}
	if (at == size)
		return 0;
	errno = EBUSY;		/* somebody writes to it */
	return -1;
}

static int
copy_into(const struct passing *passing, int to)
{
	if (copy_bytes(passing->file, to, passing->status.st_size) < 0 ||
	    fchmod(to, passing->status.st_mode & 0755) < 0)
		return -1;
	if (geteuid() != 0)
		return 0;
	return fchown(to, passing->store->owner, passing->store->group);
}

static int
copy(const struct passing *passing, struct err *err)
{
	int to = openat(passing->to, passing->name, O_WRONLY | O_CREAT |
	    O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (to < 0)
		return err_sys(err, "creating its copy");
	rc = copy_into(passing, to);
	if (close(to) < 0)
		rc = -1;
	if (rc == 0)
		return 0;
	err_sys(err, "copying it");
	unlinkat(passing->to, passing->name, 0);
	return -1;
}

/* ---------------------------------------------------------------- linking */

static bool
links_are_refused(int error)
{
	return error == EMLINK || error == EPERM || error == EXDEV ||
	    error == EOPNOTSUPP || error == ENOSYS;
}

/* By its name, so it may be another by now. */
static int
check_link(const struct passing *passing, struct err *err)
{
	struct stat status;

	if (fstatat(passing->to, passing->name, &status,
	    AT_SYMLINK_NOFOLLOW) == 0 &&
	    status.st_dev == passing->status.st_dev &&
	    status.st_ino == passing->status.st_ino)
		return 0;
	unlinkat(passing->to, passing->name, 0);
	return err_set(err, "somebody replaces it at this moment");
}

static int
pass(struct passing *passing, struct err *err)
{
	if (open_file(passing, err) < 0)
		return -1;
	if (unlinkat(passing->to, passing->name, 0) < 0 && errno != ENOENT)
		return err_sys(err, "replacing what is there");
	if (linkat(passing->from, passing->name, passing->to, passing->name,
	    0) == 0)
		return check_link(passing, err);
	if (links_are_refused(errno))
		return copy(passing, err);
	return err_sys(err, "linking it");
}

int
sup_store_link(struct sup_store *store, uint32_t from, uint32_t to,
    const char *name, struct err *err)
{
	struct passing passing = { .store = store, .from = -1, .to = -1,
		.name = name, .file = -1 };
	struct err why;
	int rc = -1;

	if (!sup_manifest_is_name(name))
		return err_set(err, "state_dir: \"%s\" is not the name of a "
		    "handler's file", name);
	passing.from = sup_store_open_handlers(store, from, err);
	if (passing.from >= 0)
		passing.to = sup_store_open_handlers(store, to, err);
	if (passing.to >= 0) {
		rc = pass(&passing, &why);
		if (rc < 0)
			err_set(err, "state_dir: %s/%u/" STORE_HANDLERS
			    "/%s for generation %u: %s", store->path, from,
			    name, to, why.text);
	}
	if (passing.file >= 0)
		close(passing.file);
	if (passing.to >= 0)
		close(passing.to);
	if (passing.from >= 0)
		close(passing.from);
	return rc;
}

#define ASIDE_MAX	24	/* bytes of a name */

/* No handler has such a name. */
static void
name_aside(size_t aside, char out[ASIDE_MAX])
{
	snprintf(out, ASIDE_MAX, ".%zu", aside);
}

/* Closes a folder; rc and errno are as before. */
static int
leave_folder(int folder, int rc)
{
	int saved = errno;

	close(folder);
	errno = saved;
	return rc;
}

/* The folder of a generation's handlers, for one of this name; or -1. */
static int
enter_folder(struct sup_store *store, uint32_t number, const char *name)
{
	if (sup_manifest_is_name(name))
		return sup_store_open_handlers(store, number, NULL);
	errno = EINVAL;
	return -1;
}

static int
remove_file(int folder, const char *name)
{
	return unlinkat(folder, name, 0) < 0 && errno != ENOENT ? -1 : 0;
}

int
sup_store_unlink(struct sup_store *store, uint32_t number, const char *name)
{
	int folder = enter_folder(store, number, name);

	return folder < 0 ? -1 :
	    leave_folder(folder, remove_file(folder, name));
}

int
sup_store_put_aside(struct sup_store *store, uint32_t number,
    const char *name, size_t aside)
{
	int folder = enter_folder(store, number, name);
	char other[ASIDE_MAX];

	name_aside(aside, other);
	return folder < 0 ? -1 : leave_folder(folder,
	    renameat(folder, name, folder, other));
}

int
sup_store_put_back(struct sup_store *store, uint32_t number,
    const char *name, size_t aside)
{
	int folder = enter_folder(store, number, name);
	char other[ASIDE_MAX];

	name_aside(aside, other);
	return folder < 0 ? -1 : leave_folder(folder,
	    renameat(folder, other, folder, name));
}

int
sup_store_unlink_aside(struct sup_store *store, uint32_t number, size_t aside)
{
	int folder = sup_store_open_handlers(store, number, NULL);
	char other[ASIDE_MAX];

	name_aside(aside, other);
	return folder < 0 ? -1 :
	    leave_folder(folder, remove_file(folder, other));
}
