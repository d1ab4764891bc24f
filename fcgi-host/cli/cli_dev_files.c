/*
 * cli_dev_files.c - what `fcgi-host dev` writes, and where.
 *
 * Runs in: the tools.
 * Owns: the scratch folder.
 * Invariant: nothing outside of the scratch folder is written; a handler's file
 * is there whole or not at all, and one that has not changed is left alone.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_dev.h"
#include "cli/cli_scratch.h"
#include "common/handler_copy.h"
#include "common/io.h"

const char *
cli_dev_path(const struct cli_dev *dev, const char *name)
{
	static char path[PATH_MAX + sizeof(dev->scratch)];

	snprintf(path, sizeof(path), "%s/%s", dev->scratch, name);
	return path;
}

static int
fails(const char *path)
{
	cli_dev_say("%s: %s", path, strerror(errno));
	return -1;
}

int
cli_dev_scratch(struct cli_dev *dev)
{
	strcpy(dev->scratch, "/tmp/fcgi-host-dev.XXXXXX");
	if (mkdtemp(dev->scratch) == NULL)
		return fails(dev->scratch);
	if (mkdir(cli_dev_path(dev, "handlers"), 0755) < 0)
		return fails("handlers");
	return 0;
}

void
cli_dev_remove(struct cli_dev *dev)
{
	if (dev->scratch[0] != '\0')
		cli_scratch_remove(dev->scratch);
}

/* ------------------------------------------------------------ bytes */

/* All of a file, ending in NUL; NULL with errno. */
static char *
read_all(const char *path, size_t *length_out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	char *bytes = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0) {
		*length_out = (size_t)status.st_size;
		bytes = malloc(*length_out + 1);
	}
	if (bytes != NULL && io_read_at(fd, bytes, *length_out, 0) < 0) {
		free(bytes);
		bytes = NULL;
	}
	if (bytes != NULL)
		bytes[*length_out] = '\0';
	close(fd);
	return bytes;
}

static int
write_all(struct cli_dev *dev, const char *name, const char *bytes,
    size_t length, mode_t mode)
{
	char new[PATH_MAX];
	int fd, rc;

	snprintf(new, sizeof(new), "%s/new", dev->scratch);
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0)
		return fails(new);
	rc = io_write_all(fd, bytes, length);
	if (close(fd) < 0 || rc < 0 || rename(new, cli_dev_path(dev,
	    name)) < 0)
		return fails(cli_dev_path(dev, name));
	return 0;
}

static bool
is_same(const char *path, const char *bytes, size_t length)
{
	size_t there = 0;
	char *old = read_all(path, &there);
	bool same = old != NULL && there == length &&
	    memcmp(old, bytes, length) == 0;

	free(old);
	return same;
}

int
cli_dev_copy(struct cli_dev *dev, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX];
	size_t length = 0;
	char *bytes;
	int rc = 0;

	snprintf(from, sizeof(from), "%s/%s", dev->folder, name);
	snprintf(to, sizeof(to), "handlers/%s", name);
	bytes = read_all(from, &length);
	if (bytes == NULL)
		return fails(from);
	if (!is_same(cli_dev_path(dev, to), bytes, length))
		rc = write_all(dev, to, bytes, length, 0755);
	free(bytes);
	return rc;
}

bool
cli_dev_has(const struct cli_dev *dev, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dev->folder, name);
	return access(path, F_OK) == 0;
}

void
cli_dev_drop_gone(struct cli_dev *dev)
{
	DIR *folder = opendir(cli_dev_path(dev, "handlers"));
	struct dirent *entry;
	char name[PATH_MAX];

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (!handler_is_file_name(entry->d_name) ||
		    cli_dev_has(dev, entry->d_name))
			continue;
		snprintf(name, sizeof(name), "handlers/%s", entry->d_name);
		unlink(cli_dev_path(dev, name));
	}
	if (folder != NULL)
		closedir(folder);
}

/* ------------------------------------------------------------ texts */

/* Where the author's configuration says what is ours to say here. */
static bool
is_ours(const char *line)
{
	static const char *const names[] = { "listen", "listen_mode",
	    "listen_owner", "listen_group", "handlers", "state_dir",
	    "control", "user", "group", "watch", "watch_delay" };
	size_t length;

	line += strspn(line, " \t");
	length = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i]) == length &&
		    strncmp(names[i], line, length) == 0)
			return line[length + strspn(line + length, " \t")] ==
			    '=';
	}
	return false;
}

/* Such lines become blank, so that all others keep their numbers. */
static void
put_config(FILE *out, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n")) != NULL)
		fprintf(out, "%s\n", is_ours(line) ? "" : line);
}

static void
put_ours(FILE *out, const struct cli_dev *dev)
{
	fprintf(out, "listen = \"unix:%s\"\n", cli_dev_path(dev,
	    "host.sock"));
	fprintf(out, "control = \"%s\"\n", cli_dev_path(dev, "control"));
	fprintf(out, "state_dir = \"%s\"\n", cli_dev_path(dev, "state"));
	fprintf(out, "handlers = \"%s\"\n", cli_dev_path(dev, "handlers"));
	fprintf(out, "watch = true\nwatch_delay = \"100ms\"\n");
}

int
cli_dev_write_config(struct cli_dev *dev)
{
	size_t length = 0, size = 0;
	char *text = NULL, *all = NULL;
	FILE *out;
	int rc;

	if (dev->config != NULL &&
	    (text = read_all(dev->config, &length)) == NULL)
		return fails(dev->config);
	out = open_memstream(&all, &size);
	if (text != NULL)
		put_config(out, text);
	put_ours(out, dev);
	fclose(out);
	rc = write_all(dev, "dev.conf", all, size, 0644);
	free(all);
	free(text);
	return rc;
}

int
cli_dev_write_nginx(struct cli_dev *dev)
{
	char *text = cli_scratch_nginx(dev->port, &(struct cli_scratch_nginx){
	    "1", "", "", "" });
	int rc;

	if (text == NULL)
		return fails("nginx.conf");
	rc = write_all(dev, "nginx.conf", text, strlen(text), 0644);
	free(text);
	return rc;
}
