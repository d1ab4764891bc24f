/*
 * cli_files.c - the handlers' files as they would be with some put among them.
 *
 * Runs in: `call`, and the child of `check`.
 * Owns: the names and paths of a struct cli_files.
 * Invariant: nothing is opened here; a file may be anything, or not there.
 */
#include "cli/cli_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/handler_copy.h"

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int
find(const struct cli_files *files, const char *name)
{
	for (size_t i = 0; i < files->count; i++) {
		if (strcmp(files->names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

/* There is room.  A path without a folder would be looked for among the
 * system's libraries. */
static int
add(struct cli_files *files, const char *folder, const char *name)
{
	char *copy = strdup(base_of(name)), *path;

	if (asprintf(&path, "%s%s%s", folder, folder[0] != '\0' ? "/" : "",
	    name) < 0)
		path = NULL;
	if (copy == NULL || path == NULL) {
		free(copy);
		free(path);
		return -1;
	}
	files->names[files->count] = copy;
	files->paths[files->count++] = path;
	return 0;
}

static void
remove_one(struct cli_files *files, size_t index)
{
	size_t after = --files->count - index;

	free(files->names[index]);
	free(files->paths[index]);
	memmove(&files->names[index], &files->names[index + 1],
	    after * sizeof(files->names[0]));
	memmove(&files->paths[index], &files->paths[index + 1],
	    after * sizeof(files->paths[0]));
}

static int
put_given(struct cli_files *files, const struct cli_list *given,
    struct err *err)
{
	size_t listed = files->count;

	for (size_t i = 0; i < given->count; i++) {
		const char *path = given->texts[i];
		const char *name = base_of(path);
		int same = find(files, name);

		if (!handler_is_file_name(name))
			return err_set(err, "%s: a handler's file is named "
			    "NAME.so", path);
		if (same >= (int)listed)
			return err_set(err, "%s: its name is given twice",
			    path);
		if (same >= 0) {
			remove_one(files, (size_t)same);
			listed--;
		}
		if (add(files, name == path ? "." : "", path) < 0)
			return err_sys(err, "%s", path);
	}
	return 0;
}

static int
is_handler_file(const struct dirent *entry)
{
	return handler_is_file_name(entry->d_name);
}

static int
compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int
cli_files_list(struct cli_files *files, const struct config *config,
    const struct cli_list *given, struct err *err)
{
	struct dirent **entries;
	int count, rc = 0;

	memset(files, 0, sizeof(*files));
	count = scandir(config->handlers, &entries, is_handler_file,
	    compare_names);
	if (count < 0)
		return err_sys(err, "the handler directory %s cannot be read",
		    config->handlers);
	files->names = calloc((size_t)count + given->count + 1,
	    sizeof(files->names[0]));
	files->paths = calloc((size_t)count + given->count + 1,
	    sizeof(files->paths[0]));
	if (files->names == NULL || files->paths == NULL)
		rc = err_sys(err, "the handlers");
	for (int i = 0; i < count; i++) {
		if (rc == 0 && add(files, config->handlers,
		    entries[i]->d_name) < 0)
			rc = err_sys(err, "the handlers");
		free(entries[i]);
	}
	free(entries);
	if (rc == 0)
		rc = put_given(files, given, err);
	if (rc < 0)
		cli_files_free(files);
	return rc;
}

void
cli_files_free(struct cli_files *files)
{
	while (files->count > 0)
		remove_one(files, files->count - 1);
	free(files->names);
	free(files->paths);
	memset(files, 0, sizeof(*files));
}

struct handler_source
cli_files_source(const struct cli_files *files)
{
	return (struct handler_source){
		.names = (const char *const *)files->names,
		.count = files->count,
		.paths = (const char *const *)files->paths,
	};
}
