/*
 * sup_history.c - comparing generations by what they consist of.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: pure, but for libcrypto's digest.
 */
#include "supervisor/sup_history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
by_name(const void *a, const void *b)
{
	const struct sup_file *const *left = a, *const *right = b;

	return strcmp((*left)->version.name, (*right)->version.name);
}

/* With their ends, so that no two lists make the same bytes. */
static void
add_files(struct hash *hash, const struct sup_file **files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct handler_version *version = &files[i]->version;

		if (version->sha256[0] == '\0')
			continue;
		hash_add(hash, version->name, strlen(version->name) + 1);
		hash_add(hash, version->sha256, strlen(version->sha256) + 1);
	}
	hash_add(hash, "", 1);
}

int
sup_history_content(const struct sup_manifest *manifest, const char *config,
    size_t length, char content_out[HASH_TEXT], struct err *err)
{
	size_t count = manifest->file_count;
	const struct sup_file **files = calloc(count + 1, sizeof(*files));
	struct hash hash;

	if (files == NULL)
		return err_sys(err, "comparing generations");
	for (size_t i = 0; i < count; i++)
		files[i] = &manifest->files[i];
	qsort(files, count, sizeof(*files), by_name);
	if (hash_begin(&hash, err) < 0) {
		free(files);
		return -1;
	}
	add_files(&hash, files, count);
	free(files);
	hash_add(&hash, config, length);
	return hash_finish(&hash, content_out, err);
}

uint32_t
sup_history_before(const struct sup_history *list, size_t count, uint32_t from,
    const char *content)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].number < from &&
		    strcmp(list[i].content, content) != 0)
			return list[i].number;
	return 0;
}

/* Nothing newer is like it. */
static bool
is_newest_of_its_content(const struct sup_history *list, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(list[i].content, list[at].content) == 0)
			return false;
	return true;
}

void
sup_history_keep(struct sup_history *list, size_t count, size_t keep)
{
	size_t left = keep;

	for (size_t i = 0; i < count; i++) {
		list[i].kept = left > 0 && is_newest_of_its_content(list, i);
		left -= list[i].kept;
	}
	for (size_t i = 0; i < count && left > 0; i++) {
		left -= !list[i].kept;
		list[i].kept = true;
	}
}
