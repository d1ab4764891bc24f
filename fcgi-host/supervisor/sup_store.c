/*
 * sup_store.c - kept generations: the folders and their numbers.
 *
 * Runs in: supervisor.
 * Owns: state_dir/generations.
 * Invariant: a number is used once; a folder is looked into only if it is
 * ours; by descriptors, so that nobody can put another in its place.
 */
#include "supervisor/sup_store.h"

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/sup_store_private.h"

/* ---------------------------------------------------------------- numbers */

struct store_name
sup_store_name(uint32_t number)
{
	struct store_name name;

	snprintf(name.text, sizeof(name.text), "%" PRIu32, number);
	return name;
}

/* As sup_store_name() writes it, or 0. */
static uint32_t
parse_number(const char *text)
{
	unsigned long long value;

	if (text[0] < '1' || text[0] > '9' || strlen(text) > 10 ||
	    text[strspn(text, "0123456789")] != '\0')
		return 0;
	value = strtoull(text, NULL, 10);
	return value > UINT32_MAX ? 0 : (uint32_t)value;
}

static int
newest_first(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left < right) - (left > right);
}

static int
add_number(uint32_t **numbers, size_t *count, uint32_t number)
{
	uint32_t *grown = reallocarray(*numbers, *count + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	grown[(*count)++] = number;
	*numbers = grown;
	return 0;
}

/* Of all entries that are named like a generation, newest first. */
static int
find_numbers(const struct sup_store *store, uint32_t **numbers_out,
    size_t *count_out, struct err *err)
{
	int fd = openat(store->fd, ".", STORE_FOLDER);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	*numbers_out = NULL;
	*count_out = 0;
	if (dir == NULL) {
		err_sys(err, "state_dir: reading %s", store->path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (errno = 0, (entry = readdir(dir)) != NULL) {
		uint32_t number = parse_number(entry->d_name);

		if (number != 0 &&
		    add_number(numbers_out, count_out, number) < 0)
			break;
	}
	if (errno != 0) {
		err_sys(err, "state_dir: reading %s", store->path);
		closedir(dir);
		free(*numbers_out);
		return -1;
	}
	closedir(dir);
	if (*count_out > 0)
		qsort(*numbers_out, *count_out, sizeof(**numbers_out),
		    newest_first);
	return 0;
}

/* ---------------------------------------------------------------- folders */

int
sup_store_open_folder(const struct sup_store *store, uint32_t number,
    struct err *err)
{
	int fd = openat(store->fd, sup_store_name(number).text, STORE_FOLDER);
	struct stat status;

	if (fd < 0)
		return err_sys(err, "state_dir: opening %s/%u", store->path,
		    number);
	if (fstat(fd, &status) < 0) {
		err_sys(err, "state_dir: %s/%u", store->path, number);
	} else if (status.st_uid != geteuid()) {
		errno = EPERM;
		err_set(err, "state_dir: %s/%u belongs to user %u, not to us",
		    store->path, number, (unsigned)status.st_uid);
	} else {
		return fd;
	}
	close(fd);
	return -1;
}

int
sup_store_open_handlers(const struct sup_store *store, uint32_t number,
    struct err *err)
{
	int folder = sup_store_open_folder(store, number, err);
	int fd;

	if (folder < 0)
		return -1;
	fd = openat(folder, STORE_HANDLERS, STORE_FOLDER);
	if (fd < 0)
		err_sys(err, "state_dir: opening %s/%u/" STORE_HANDLERS,
		    store->path, number);
	close(folder);
	return fd;
}

int
sup_store_path(const struct sup_store *store, uint32_t number, char *out,
    size_t size)
{
	int length = snprintf(out, size, "%s/%u/" STORE_HANDLERS, store->path,
	    number);

	return length >= 0 && (size_t)length < size ? 0 : -1;
}

/* ---------------------------------------------------------------- opening */

/* Those who run as the service's user pass through it, and nobody else. */
static int
let_service_pass(int fd, gid_t group)
{
	if (geteuid() == 0 && fchown(fd, (uid_t)-1, group) < 0)
		return -1;
	return fchmod(fd, 0710);
}

static int
open_generations(const char *path, gid_t group, struct err *err)
{
	struct stat status;
	int fd;

	if (mkdir(path, 0710) < 0 && errno != EEXIST)
		return err_sys(err, "state_dir: creating %s", path);
	fd = open(path, STORE_FOLDER);
	if (fd < 0)
		return err_sys(err, "state_dir: opening %s, which has to be a "
		    "folder and no link", path);
	if (fstat(fd, &status) == 0 && status.st_uid != geteuid())
		err_set(err, "state_dir: %s belongs to user %u and not to us, "
		    "so it cannot be trusted: remove it, or give it and what "
		    "is in it to user %u", path, (unsigned)status.st_uid,
		    (unsigned)geteuid());
	else if (let_service_pass(fd, group) < 0)
		err_sys(err, "state_dir: %s", path);
	else
		return fd;
	close(fd);
	return -1;
}

static void
read_last(struct sup_store *store)
{
	struct err err;
	size_t length;
	char *text;

	text = sup_store_read_file(store->fd, STORE_LAST, 16, &length, &err);
	if (text != NULL) {
		text[strcspn(text, "\n")] = '\0';
		store->last = parse_number(text);
	}
	if (store->last == 0 && (text != NULL || errno != ENOENT))
		log_warnx("state_dir: %s/" STORE_LAST " %s; numbers go on "
		    "after the greatest that is there", store->path,
		    text != NULL ? "is not a number" : err.text);
	free(text);
}

/* Once for each: `status` lists them again and again. */
static void
report_broken(struct sup_store *store, uint32_t number, const char *why)
{
	for (size_t i = 0; i < store->broken_count; i++)
		if (store->broken[i] == number)
			return;
	if (add_number(&store->broken, &store->broken_count, number) < 0)
		return;
	log_warnx("%s; generation %u is skipped", why, number);
}

/* Complete ones are read when they are listed. */
static void
look_at(struct sup_store *store, uint32_t number)
{
	struct stat status;
	struct err err;
	int fd = sup_store_open_folder(store, number, &err);
	bool incomplete;

	if (fd < 0) {
		report_broken(store, number, err.text);
		return;
	}
	incomplete = fstatat(fd, STORE_MANIFEST, &status,
	    AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
	close(fd);
	if (!incomplete)
		return;
	log_info("state_dir: removing %s/%u, which was not completed",
	    store->path, number);
	sup_store_drop(store, number);
}

static int
look_at_all(struct sup_store *store, struct err *err)
{
	uint32_t *numbers;
	size_t count;

	if (find_numbers(store, &numbers, &count, err) < 0)
		return -1;
	if (count > 0 && numbers[0] > store->last)
		store->last = numbers[0];
	for (size_t i = 0; i < count; i++)
		look_at(store, numbers[i]);
	free(numbers);
	return 0;
}

struct sup_store *
sup_store_open(const char *state_dir, uid_t owner, gid_t group,
    struct err *err)
{
	struct sup_store *store = calloc(1, sizeof(*store));

	if (store == NULL ||
	    asprintf(&store->path, "%s/generations", state_dir) < 0) {
		err_sys(err, "state_dir: %s", state_dir);
		free(store);
		return NULL;
	}
	store->owner = geteuid() == 0 ? owner : geteuid();
	store->group = group;
	store->fd = open_generations(store->path, group, err);
	if (store->fd >= 0) {
		read_last(store);
		if (look_at_all(store, err) == 0)
			return store;
	}
	sup_store_close(store);
	return NULL;
}

void
sup_store_close(struct sup_store *store)
{
	if (store == NULL)
		return;
	if (store->fd >= 0)
		close(store->fd);
	free(store->broken);
	free(store->path);
	free(store);
}

int
sup_store_fd(const struct sup_store *store)
{
	return store->fd;
}

int
sup_store_reopen(struct sup_store *store, struct err *err)
{
	int fd = open_generations(store->path, store->group, err);

	if (fd < 0)
		return -1;
	close(store->fd);
	store->fd = fd;
	store->broken_count = 0;
	sup_store_catch_up(store);
	return 0;
}

bool
sup_store_holds(const struct sup_store *store,
    const struct sup_manifest *manifest)
{
	int folder = sup_store_open_handlers(store, manifest->number, NULL);
	bool all = folder >= 0;

	for (size_t i = 0; all && i < manifest->file_count; i++)
		all = faccessat(folder, manifest->files[i].version.name, F_OK,
		    AT_SYMLINK_NOFOLLOW) == 0;
	if (folder >= 0)
		close(folder);
	return all;
}

uint32_t
sup_store_last(const struct sup_store *store)
{
	return store->last;
}

uint32_t
sup_store_catch_up(struct sup_store *store)
{
	uint32_t *numbers, before = store->last;
	struct err err;
	size_t count;

	read_last(store);
	if (store->last < before)
		store->last = before;
	if (find_numbers(store, &numbers, &count, &err) < 0) {
		log_warnx("%s", err.text);
		return store->last;
	}
	if (count > 0 && numbers[0] > store->last)
		store->last = numbers[0];
	for (size_t i = 0; i < count && numbers[i] > before; i++)
		look_at(store, numbers[i]);
	free(numbers);
	return store->last;
}

/* --------------------------------------------------------------- beginning */

/* Also when its folder will be gone again: numbers are in logs. */
static int
use_up(struct sup_store *store, uint32_t number)
{
	struct store_name name = sup_store_name(number);

	store->last = number;
	return sup_store_write_file(store->fd, STORE_LAST, name.text,
	    strlen(name.text));
}

/* Our mode, whatever the umask is. */
static int
open_made(int parent, const char *name, mode_t mode)
{
	int fd = openat(parent, name, STORE_FOLDER);

	if (fd >= 0 && fchmod(fd, mode) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int
make_handlers(const struct sup_store *store, int folder)
{
	int fd;

	if (mkdirat(folder, STORE_HANDLERS, 0700) < 0)
		return -1;
	fd = open_made(folder, STORE_HANDLERS, 0700);
	if (fd >= 0 && geteuid() == 0 &&
	    fchown(fd, store->owner, store->group) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* What is in a folder that was just made. */
static int
fill_folder(const struct sup_store *store, const char *name)
{
	int folder = open_made(store->fd, name, 0710);
	int handlers;

	if (folder < 0)
		return -1;
	handlers = let_service_pass(folder, store->group) < 0 ? -1 :
	    make_handlers(store, folder);
	close(folder);
	return handlers;
}

int
sup_store_begin(struct sup_store *store, uint32_t number, struct err *err)
{
	struct store_name name = sup_store_name(number);
	int handlers;

	if (number <= store->last)
		return err_set(err, "state_dir: %s has had a generation %u: "
		    "the next is %u", store->path, number, store->last + 1);
	if (use_up(store, number) < 0)
		return err_sys(err, "state_dir: writing %s/" STORE_LAST,
		    store->path);
	if (mkdirat(store->fd, name.text, 0710) < 0)
		return err_sys(err, "state_dir: creating %s/%u", store->path,
		    number);
	handlers = fill_folder(store, name.text);
	if (handlers < 0) {
		err_sys(err, "state_dir: creating %s/%u/" STORE_HANDLERS,
		    store->path, number);
		sup_store_drop(store, number);
	}
	return handlers;
}

/* ----------------------------------------------------------- complete ones */

static bool
is_complete(struct sup_store *store, uint32_t number)
{
	struct sup_manifest manifest;
	struct err err;

	if (sup_store_read(store, number, &manifest, &err) == 0) {
		sup_manifest_finish(&manifest);
		return true;
	}
	if (errno != ENOENT)
		report_broken(store, number, err.text);
	return false;
}

int
sup_store_list(struct sup_store *store, uint32_t **numbers_out,
    size_t *count_out, struct err *err)
{
	size_t count, kept = 0;

	if (find_numbers(store, numbers_out, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (is_complete(store, (*numbers_out)[i]))
			(*numbers_out)[kept++] = (*numbers_out)[i];
	*count_out = kept;
	return 0;
}

static bool
is_among(uint32_t number, const uint32_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

static int
read_history(struct sup_store *store, uint32_t number,
    struct sup_history *out, struct err *err)
{
	struct sup_manifest manifest;
	size_t length;
	char *config;
	int rc = -1;

	out->number = number;
	if (sup_store_read(store, number, &manifest, err) < 0)
		return -1;
	config = sup_store_config(store, number, &length, err);
	if (config != NULL)
		rc = sup_history_content(&manifest, config, length,
		    out->content, err);
	free(config);
	sup_manifest_finish(&manifest);
	return rc;
}

int
sup_store_history(struct sup_store *store, struct sup_history **list_out,
    size_t *count_out, struct err *err)
{
	struct sup_history *list;
	uint32_t *numbers;
	struct err why;
	size_t count;

	if (sup_store_list(store, &numbers, &count, err) < 0)
		return -1;
	list = calloc(count + 1, sizeof(*list));
	if (list == NULL) {
		free(numbers);
		return err_sys(err, "state_dir");
	}
	for (size_t i = 0; i < count; i++)
		if (read_history(store, numbers[i], &list[i], &why) < 0)
			snprintf(list[i].content, sizeof(list[i].content),
			    "%u", numbers[i]);	/* like no other */
	free(numbers);
	*list_out = list;
	*count_out = count;
	return 0;
}

void
sup_store_prune(struct sup_store *store, size_t keep, const uint32_t *in_use,
    size_t count)
{
	struct sup_history *list;
	struct err err;
	size_t kept;

	if (sup_store_history(store, &list, &kept, &err) < 0) {
		log_warnx("%s", err.text);
		return;
	}
	sup_history_keep(list, kept, keep);
	for (size_t i = 0; i < kept; i++)
		if (!list[i].kept && !is_among(list[i].number, in_use, count))
			sup_store_drop(store, list[i].number);
	free(list);
}
