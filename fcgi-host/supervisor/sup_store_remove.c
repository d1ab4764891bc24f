/*
 * sup_store_remove.c - removing a generation, whatever is in it.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: nothing outside of the generation's folder is touched; no depth
 * of folders in it needs more memory or descriptors; and nobody who goes on
 * filling it keeps us here.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/sup_store_private.h"

/* Removed or moved in one call: a second's work. */
#define ENTRIES_MOST	100000

/* Folders are not descended into: what is in them is moved up, into the
 * generation's folder, which is ours, and then they are empty. */
struct removal {
	int		folder;
	unsigned	moved;		/* for new names */
	unsigned	left;		/* entries that may still be handled */
	int		error;		/* why something stays, or 0 */
};

static DIR *
open_list(int parent, const char *name)
{
	int fd = openat(parent, name, STORE_FOLDER);
	DIR *dir;

	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (dir == NULL)
		close(fd);
	return dir;
}

static const char *
next_name(DIR *dir)
{
	const struct dirent *entry;

	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			return entry->d_name;
	return NULL;
}

static bool
may_go_on(struct removal *removal)
{
	if (removal->left == 0) {
		removal->error = EBUSY;
		return false;
	}
	removal->left--;
	return true;
}

/* A folder that is closed to its owner; root needs no such thing. */
static void
let_in(int parent, const char *name)
{
	if (geteuid() != 0 && fchmodat(parent, name, 0700, 0) < 0)
		log_debug("%s cannot be opened", name);
}

/* Names that an earlier removal, which did not come to its end, has taken. */
static bool
is_taken(int error)
{
	return error == ENOTEMPTY || error == EEXIST || error == EISDIR ||
	    error == ENOTDIR;
}

static void
move_up(struct removal *removal, int from, const char *name)
{
	char other[24];

	let_in(from, name);
	do {
		snprintf(other, sizeof(other), "moved.%u", removal->moved++);
		if (renameat(from, name, removal->folder, other) == 0)
			return;
	} while (is_taken(errno) && may_go_on(removal));
	removal->error = errno;
}

/* Leaves a folder of the generation's folder empty. */
static void
empty(struct removal *removal, const char *name)
{
	const char *entry;
	DIR *dir;

	let_in(removal->folder, name);
	dir = open_list(removal->folder, name);
	if (dir == NULL) {
		removal->error = errno;
		return;
	}
	/* so that nobody else can add to it */
	if ((geteuid() == 0 && fchown(dirfd(dir), 0, 0) < 0) ||
	    fchmod(dirfd(dir), 0700) < 0)
		removal->error = errno;
	while (may_go_on(removal) && (entry = next_name(dir)) != NULL)
		if (unlinkat(dirfd(dir), entry, 0) < 0 &&
		    unlinkat(dirfd(dir), entry, AT_REMOVEDIR) < 0)
			move_up(removal, dirfd(dir), entry);
	closedir(dir);
}

/* One entry of the generation's folder. */
static void
remove_entry(struct removal *removal, const char *name)
{
	if (unlinkat(removal->folder, name, 0) == 0 ||
	    unlinkat(removal->folder, name, AT_REMOVEDIR) == 0)
		return;
	if (errno != ENOTEMPTY && errno != EEXIST) {
		removal->error = errno;
		return;
	}
	empty(removal, name);
	if (unlinkat(removal->folder, name, AT_REMOVEDIR) < 0 &&
	    removal->error == 0)
		removal->error = errno;
}

/* What is moved up meanwhile may or may not be seen, so again until there is
 * nothing. */
static void
remove_entries(struct removal *removal)
{
	DIR *dir = open_list(removal->folder, ".");
	const char *name;
	bool found;

	if (dir == NULL) {
		removal->error = errno;
		return;
	}
	do {
		found = false;
		while (removal->error == 0 && may_go_on(removal) &&
		    (name = next_name(dir)) != NULL) {
			remove_entry(removal, name);
			found = true;
		}
		rewinddir(dir);
	} while (found && removal->error == 0);
	closedir(dir);
}

void
sup_store_drop(struct sup_store *store, uint32_t number)
{
	struct removal removal = { .left = ENTRIES_MOST };
	struct err err;

	removal.folder = sup_store_open_folder(store, number, &err);
	if (removal.folder < 0) {
		if (errno != ENOENT)
			log_warnx("%s", err.text);
		return;
	}
	if (unlinkat(removal.folder, STORE_MANIFEST, 0) < 0 &&
	    errno != ENOENT)
		removal.error = errno;
	else
		remove_entries(&removal);
	close(removal.folder);
	if (removal.error == 0 && unlinkat(store->fd,
	    sup_store_name(number).text, AT_REMOVEDIR) < 0)
		removal.error = errno;
	errno = removal.error;
	if (removal.error != 0)
		log_warn("state_dir: removing %s/%u: something is left",
		    store->path, number);
}
