/*
 * fuzz_main.c - replays the files, and all files of the folders, named in argv.
 *
 * Runs in: make check, and by hand on an input that a fuzzer found.
 * Owns: nothing.
 * Invariant: an input lies in memory of exactly its size; no input at all is
 * an error, so that a corpus that went missing is seen.
 */
#include "fuzz.h"

#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <limits.h>
#include <string.h>

static size_t replayed;

static void
replay_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size + (size == 0));
	FILE *file = fopen(path, "rb");

	if (data == NULL || file == NULL)
		err(1, "%s", path);
	if (fread(data, 1, size, file) != size)
		errx(1, "%s: cannot be read", path);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	replayed++;
}

static void	replay(const char *path);

static void
replay_folder(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);

	if (count == -1)
		err(1, "%s", path);
	for (int i = 0; i < count; i++) {
		char name[PATH_MAX];

		if (entries[i]->d_name[0] != '.') {
			if ((size_t)snprintf(name, sizeof(name), "%s/%s", path,
			    entries[i]->d_name) >= sizeof(name))
				errx(1, "%s: too long", path);
			replay(name);
		}
		free(entries[i]);
	}
	free(entries);
}

static void
replay(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		err(1, "%s", path);
	if (S_ISDIR(st.st_mode))
		replay_folder(path);
	else
		replay_file(path, (size_t)st.st_size);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (replayed == 0)
		errx(1, "no input; usage: %s FILE|FOLDER...", argv[0]);
	printf("%s: %zu inputs\n", argv[0], replayed);
	return 0;
}
