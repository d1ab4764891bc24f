/*
 * cli_dev.c - `fcgi-host dev`: builds, serves, and does so again at each save.
 *
 * Runs in: the tools.
 * Owns: struct cli_dev.
 * Invariant: it ends by Ctrl-C, SIGTERM, or when what it runs ends; then none
 * of its processes and files is left.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_dev.h"
#include "cli/cli_options.h"
#include "common/log.h"

static void
told_to_end(uv_signal_t *signal, int number)
{
	struct cli_dev *dev = signal->data;

	(void)number;
	if (dev->ending) {		/* twice: now */
		cli_dev_kill(&dev->host, SIGKILL);
		cli_dev_kill(&dev->nginx, SIGKILL);
	}
	cli_dev_stop(dev);
}

static void
watch_signals(struct cli_dev *dev)
{
	uv_signal_init(&dev->loop, &dev->interrupt);
	uv_signal_init(&dev->loop, &dev->terminate);
	dev->interrupt.data = dev->terminate.data = dev;
	uv_signal_start(&dev->interrupt, told_to_end, SIGINT);
	uv_signal_start(&dev->terminate, told_to_end, SIGTERM);
}

static void
init(struct cli_dev *dev)
{
	struct cli_dev_process *const processes[] = { &dev->make, &dev->host,
	    &dev->nginx, &dev->locations, &dev->report };

	for (size_t i = 0; i < sizeof(processes) / sizeof(processes[0]); i++)
		processes[i]->dev = dev;
	uv_loop_init(&dev->loop);
	watch_signals(dev);
}

/* "DIR/fcgi-host.conf", if it is there. */
static char *
find_config(const struct cli_dev *dev, const char *given)
{
	char *path;

	if (given != NULL)
		return strdup(given);
	if (asprintf(&path, "%s/fcgi-host.conf", dev->folder) < 0)
		return NULL;
	if (access(path, R_OK) == 0)
		return path;
	free(path);
	return NULL;
}

static int
run(struct cli_dev *dev)
{
	init(dev);
	if (cli_dev_scratch(dev) < 0) {
		dev->exit_code = EXIT_CODE_SYSTEM;
	} else {
		cli_dev_watch(dev);
		cli_dev_build(dev);
		if (!dev->ending)
			uv_run(&dev->loop, UV_RUN_DEFAULT);
		cli_dev_unwatch(dev);
	}
	cli_dev_remove(dev);
	return dev->exit_code;
}

static int
check_folder(const char *folder)
{
	struct stat status;

	if (stat(folder, &status) != 0)
		return cli_usage_error("dev", "%s: %s", folder,
		    strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return cli_usage_error("dev", "%s is no folder", folder);
	return 0;
}

int
cli_dev(int argc, char **argv)
{
	static struct cli_dev dev;
	const char *config = NULL;
	const struct cli_option options[] = {
		{ 'c', "config", "FILE", "the configuration; else "
		    "DIR/fcgi-host.conf where there is one.\nSockets, folders "
		    "and users in it are left out", .text = &config },
		{ 'p', "port", "N", "the port of nginx on 127.0.0.1 (8080)",
		    .text = &dev.port },
	};
	const struct cli_command command = { "dev", "[DIR]", 0, 1,
	    "Builds the handlers of a folder with make, serves them, and does "
	    "so again each\ntime a source in it is saved: the host reloads, "
	    "and nothing is lost.  Compiler\nerrors, the host's log and the "
	    "reports of crashes come to this terminal.  With\nnginx "
	    "installed, it serves on a port.  Ctrl-C ends it all.\n\n"
	    "  fcgi-host new greet && fcgi-host dev greet",
	    options, sizeof(options) / sizeof(options[0]) };
	int exit_code, operand;

	dev.port = "8080";
	operand = cli_parse(&command, argc, argv, &exit_code);
	if (operand < 0)
		return exit_code;
	dev.folder = operand < argc ? argv[operand] : ".";
	if (strspn(dev.port, "0123456789") != strlen(dev.port) ||
	    atoi(dev.port) < 1 || atoi(dev.port) > 65535)
		return cli_usage_error("dev", "--port %s: a port is 1 to "
		    "65535", dev.port);
	if (config != NULL && access(config, R_OK) < 0)
		return cli_usage_error("dev", "%s: %s", config,
		    strerror(errno));
	exit_code = check_folder(dev.folder);
	if (exit_code != 0)
		return exit_code;
	if (readlink("/proc/self/exe", dev.self, sizeof(dev.self) - 1) < 0)
		return cli_usage_error("dev", "/proc/self/exe: %s",
		    strerror(errno));
	dev.config = find_config(&dev, config);
	exit_code = run(&dev);
	free(dev.config);
	return exit_code;
}
