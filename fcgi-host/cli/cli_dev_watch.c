/*
 * cli_dev_watch.c - sees that a source was saved.
 *
 * Runs in: the tools.
 * Owns: one watch per folder.
 * Invariant: what a build makes starts no build: only names of sources count,
 * and handlers that are taken away while nothing is built.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_dev.h"
#include "common/handler_copy.h"

#define SETTLE_MS	100	/* editors write a file in several steps */
#define DEPTH_MAX	4

static bool
is_source(const char *name)
{
	static const char *const ends[] = { ".c", ".h", ".cc", ".cpp", ".cxx",
	    ".hh", ".hpp", ".inc", ".mk" };
	const char *end = strrchr(name, '.');

	if (strcmp(name, "Makefile") == 0 || strcmp(name, "makefile") == 0 ||
	    strcmp(name, "GNUmakefile") == 0)
		return true;
	for (size_t i = 0; end != NULL && i < sizeof(ends) / sizeof(ends[0]);
	    i++) {
		if (strcmp(end, ends[i]) == 0)
			return true;
	}
	return false;
}

static bool
is_config(const struct cli_dev *dev, const char *name)
{
	const char *slash;

	if (dev->config == NULL)
		return false;
	slash = strrchr(dev->config, '/');
	return strcmp(slash != NULL ? slash + 1 : dev->config, name) == 0;
}

static bool
is_gone(const struct cli_dev *dev, const char *name)
{
	return handler_is_file_name(name) && !dev->make.runs &&
	    !cli_dev_has(dev, name);
}

static void
settled(uv_timer_t *timer)
{
	cli_dev_build(timer->data);
}

static void
changed(uv_fs_event_t *watch, const char *name, int events, int status)
{
	struct cli_dev *dev = watch->data;

	(void)events;
	if (status != 0 || name == NULL || name[0] == '.' || dev->ending)
		return;
	if (is_config(dev, name))
		dev->reconfigure = true;
	else if (!is_source(name) && !is_gone(dev, name))
		return;
	uv_timer_start(&dev->settle, settled, SETTLE_MS, 0);
}

static void
watch_folder(struct cli_dev *dev, const char *path)
{
	uv_fs_event_t *watch = &dev->watches[dev->watch_count];
	int rc;

	uv_fs_event_init(&dev->loop, watch);
	watch->data = dev;
	rc = uv_fs_event_start(watch, changed, path, 0);
	dev->watch_count++;
	if (rc != 0)
		cli_dev_say("%s is not watched: %s", path, uv_strerror(rc));
}

static void
watch_tree(struct cli_dev *dev, const char *path, unsigned depth)
{
	char inner[PATH_MAX];
	struct dirent *entry;
	DIR *folder;

	if (dev->watch_count == CLI_DEV_FOLDERS || depth > DEPTH_MAX)
		return;
	watch_folder(dev, path);
	folder = opendir(path);
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		watch_tree(dev, inner, depth + 1);
	}
	if (folder != NULL)
		closedir(folder);
}

void
cli_dev_watch(struct cli_dev *dev)
{
	uv_timer_init(&dev->loop, &dev->settle);
	dev->settle.data = dev;
	watch_tree(dev, dev->folder, 0);
}

void
cli_dev_unwatch(struct cli_dev *dev)
{
	for (size_t i = 0; i < dev->watch_count; i++)
		uv_close((uv_handle_t *)&dev->watches[i], NULL);
	uv_close((uv_handle_t *)&dev->settle, NULL);
	dev->watch_count = 0;
}
