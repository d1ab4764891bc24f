/*
 * cli_dev_build.c - make, and what it made to where the host looks for it.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: one make runs at a time; a save while it runs gets another; a
 * build that fails leaves what is served as it is.
 */
#include <dirent.h>
#include <signal.h>
#include <string.h>

#include "cli/cli_dev.h"
#include "common/handler_copy.h"

/* How many handlers there are; -1: one could not be copied. */
static int
copy_handlers(struct cli_dev *dev)
{
	DIR *folder = opendir(dev->folder);
	struct dirent *entry;
	int count = 0;

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (!handler_is_file_name(entry->d_name))
			continue;
		if (cli_dev_copy(dev, entry->d_name) < 0) {
			count = -1;
			break;
		}
		count++;
	}
	if (folder != NULL)
		closedir(folder);
	return count;
}

static void
take_config(struct cli_dev *dev)
{
	if (!dev->reconfigure)
		return;
	dev->reconfigure = false;
	if (cli_dev_write_config(dev) == 0 && dev->host.runs)
		uv_process_kill(&dev->host.handle, SIGHUP);
}

static void
publish(struct cli_dev *dev)
{
	int count = copy_handlers(dev);

	cli_dev_drop_gone(dev);
	take_config(dev);
	if (count == 0)
		cli_dev_say("make has left no .so in %s: there is nothing to "
		    "serve", dev->folder);
	else if (count > 0 && !dev->host.runs)
		cli_dev_serve(dev);
	dev->plain = false;
	if (count > 0 && dev->host.runs)
		cli_dev_nginx(dev);
}

static void
made(struct cli_dev *dev, int status)
{
	if (dev->ending)
		return;
	if (dev->again) {
		cli_dev_build(dev);
		return;
	}
	if (status == 0)
		publish(dev);
	else
		cli_dev_say("the build failed; %s.  Save a file to try again",
		    dev->host.runs ? "what was built before serves on" :
		    "nothing is served yet");
}

void
cli_dev_build(struct cli_dev *dev)
{
	char make[] = "make", quiet[] = "--no-print-directory", c[] = "-C";
	char *argv[] = { make, quiet, c, (char *)(uintptr_t)dev->folder,
	    NULL };

	dev->again = dev->make.runs;
	if (dev->make.runs)
		return;
	dev->make.ended = made;
	cli_dev_say("building");
	if (cli_dev_spawn(&dev->make, argv, NULL, NULL) < 0)
		cli_dev_stop(dev);
}
