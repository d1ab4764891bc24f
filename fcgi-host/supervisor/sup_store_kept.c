/*
 * sup_store_kept.c - completing a generation, and reading a complete one.
 *
 * Runs in: supervisor.
 * Owns: N/fcgi-host.conf and N/manifest.json.
 * Invariant: when there is a manifest, all that it tells of is on the disk.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_file.h"
#include "supervisor/sup_store_private.h"

/* ------------------------------------------------------------- completing */

/* Some file systems have no such thing. */
static int
sync_folder(int fd)
{
	return fsync(fd) < 0 && errno != EINVAL ? -1 : 0;
}

/* It is the service's user's, so it may be anything by now. */
static int
sync_handler(int fd, const struct handler_version *version, struct err *err)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return err_sys(err, "%s", version->name);
	if (!S_ISREG(status.st_mode))
		return err_set(err, "%s is no regular file", version->name);
	if ((uint64_t)status.st_size != version->size)
		return err_set(err, "%s has %lld bytes and not %llu",
		    version->name, (long long)status.st_size,
		    (unsigned long long)version->size);
	if (fsync(fd) < 0)
		return err_sys(err, "%s", version->name);
	return 0;
}

static int
sync_handlers(int handlers, const struct sup_manifest *manifest,
    struct err *err)
{
	for (size_t i = 0; i < manifest->file_count; i++) {
		const struct handler_version *version =
		    &manifest->files[i].version;
		int fd, rc;

		if (version->sha256[0] == '\0')
			continue;
		fd = openat(handlers, version->name, O_RDONLY | O_NOFOLLOW |
		    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(err, "opening %s", version->name);
		rc = sync_handler(fd, version, err);
		close(fd);
		if (rc < 0)
			return -1;
	}
	if (sync_folder(handlers) < 0)
		return err_sys(err, "syncing the folder");
	return 0;
}

static int
check_handlers(struct sup_store *store, const struct sup_manifest *manifest,
    struct err *err)
{
	int handlers = sup_store_open_handlers(store, manifest->number, err);
	struct err why;
	int rc;

	if (handlers < 0)
		return -1;
	rc = sync_handlers(handlers, manifest, &why);
	close(handlers);
	if (rc < 0)
		err_set(err, "state_dir: %s/%u/" STORE_HANDLERS ": %s",
		    store->path, manifest->number, why.text);
	return rc;
}

static bool
has_manifest(int folder)
{
	struct stat status;

	return fstatat(folder, STORE_MANIFEST, &status,
	    AT_SYMLINK_NOFOLLOW) == 0;
}

/* The manifest comes last: from then on it is complete. */
static int
write_both(const struct sup_store *store, int folder, const char *manifest,
    size_t manifest_length, const char *config, size_t config_length)
{
	bool complete = has_manifest(folder);
	int saved;

	if (sup_store_write_file(folder, STORE_CONFIG, config,
	    config_length) == 0 &&
	    sup_store_write_file(folder, STORE_MANIFEST, manifest,
	    manifest_length) == 0 &&
	    sync_folder(folder) == 0 && sync_folder(store->fd) == 0)
		return 0;
	saved = errno;
	if (!complete) {
		unlinkat(folder, STORE_MANIFEST, 0);
		unlinkat(folder, STORE_CONFIG, 0);
	}
	errno = saved;
	return -1;
}

int
sup_store_finish(struct sup_store *store, const struct sup_manifest *manifest,
    const char *config_text, size_t length, struct err *err)
{
	struct err why;
	size_t text_length;
	char *text;
	int folder, rc;

	if (length > CONFIG_FILE_MAX)
		return err_set(err, "state_dir: %s/%u/" STORE_CONFIG ": %zu "
		    "bytes, at most %d are read", store->path,
		    manifest->number, length, CONFIG_FILE_MAX);
	text = sup_manifest_format(manifest, &text_length, &why);
	if (text == NULL)
		return err_set(err, "state_dir: %s/%u/" STORE_MANIFEST ": %s",
		    store->path, manifest->number, why.text);
	folder = sup_store_open_folder(store, manifest->number, err);
	rc = folder < 0 ? -1 : check_handlers(store, manifest, err);
	if (rc == 0) {
		rc = write_both(store, folder, text, text_length, config_text,
		    length);
		if (rc < 0)
			err_sys(err, "state_dir: writing to %s/%u",
			    store->path, manifest->number);
	}
	if (folder >= 0)
		close(folder);
	free(text);
	return rc;
}

/* ---------------------------------------------------------------- reading */

/* A file of N/, and a sentence with its whole path. */
static char *
read_file(const struct sup_store *store, uint32_t number, const char *name,
    size_t most, size_t *length_out, struct err *err)
{
	int folder = sup_store_open_folder(store, number, err);
	struct err why;
	char *text;

	if (folder < 0)
		return NULL;
	text = sup_store_read_file(folder, name, most, length_out, &why);
	if (text == NULL)
		err_set(err, "state_dir: %s/%u/%s %s", store->path, number,
		    name, why.text);
	close(folder);
	return text;
}

int
sup_store_read(struct sup_store *store, uint32_t number,
    struct sup_manifest *out, struct err *err)
{
	size_t length;
	char *text = read_file(store, number, STORE_MANIFEST, SUP_MANIFEST_MAX,
	    &length, err);
	struct err why;
	int rc;

	memset(out, 0, sizeof(*out));
	if (text == NULL)
		return -1;
	rc = sup_manifest_parse(text, length, out, &why);
	if (rc == 0 && out->number != number) {
		rc = err_set(&why, "is of generation %u", out->number);
		sup_manifest_finish(out);
	}
	if (rc < 0) {
		err_set(err, "state_dir: %s/%u/" STORE_MANIFEST ": %s",
		    store->path, number, why.text);
		errno = EINVAL;
	}
	free(text);
	return rc;
}

char *
sup_store_config(struct sup_store *store, uint32_t number, size_t *length_out,
    struct err *err)
{
	return read_file(store, number, STORE_CONFIG, CONFIG_FILE_MAX,
	    length_out, err);
}
