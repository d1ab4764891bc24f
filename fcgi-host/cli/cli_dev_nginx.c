/*
 * cli_dev_nginx.c - nginx before the host, with the routes there are now.
 *
 * Runs in: the tools.
 * Owns: nginx's process, and that of `fcgi-host nginx`.
 * Invariant: nginx reads its files only after all of them have been written; a
 * handler that cannot be loaded leaves those that are there.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_dev.h"
#include "common/log.h"

static void
nginx_ended(struct cli_dev *dev, int status)
{
	if (!dev->ending)
		cli_dev_say("nginx has ended (%d)%s", status, status == 1 ?
		    "; if its port is taken, --port N takes another" : "");
	if (dev->exit_code == 0 && status > 0)
		dev->exit_code = EXIT_CODE_SYSTEM;
	dev->ending = true;
}

static void
start(struct cli_dev *dev)
{
	char nginx[] = "nginx", c[] = "-c", e[] = "-e", log[] = "stderr";
	char p[] = "-p", config[PATH_MAX];
	char *argv[] = { nginx, e, log, p, dev->scratch, c, config, NULL };

	snprintf(config, sizeof(config), "%s", cli_dev_path(dev,
	    "nginx.conf"));
	dev->nginx.ended = nginx_ended;
	if (cli_dev_write_nginx(dev) == 0 &&
	    cli_dev_spawn(&dev->nginx, argv, NULL, NULL) == 0)
		cli_dev_say("http://127.0.0.1:%s/  (Ctrl-C ends it)",
		    dev->port);
	else
		cli_dev_say("without nginx there is the socket alone: %s",
		    cli_dev_path(dev, "host.sock"));
}

/* What `fcgi-host nginx` has said. */
static void
show_faults(const struct cli_dev *dev)
{
	FILE *said = fopen(cli_dev_path(dev, "nginx.said"), "re");
	char *line = NULL;
	size_t room = 0;

	while (said != NULL && getline(&line, &room, said) > 0) {
		line[strcspn(line, "\n")] = '\0';
		cli_dev_show_line(dev, line);
	}
	free(line);
	if (said != NULL)
		fclose(said);
}

static void
written(struct cli_dev *dev, int status)
{
	if (dev->ending)
		return;
	if (status != 0)
		show_faults(dev);
	if (dev->relocate) {
		dev->plain = false;
		cli_dev_nginx(dev);
	} else if (status != 0 && !dev->nginx.runs && !dev->plain) {
		dev->plain = true;	/* what holds for all routes */
		cli_dev_nginx(dev);
	} else if (status == 0 && dev->nginx.runs)
		uv_process_kill(&dev->nginx.handle, SIGHUP);
	else if (status == 0)
		start(dev);
}

void
cli_dev_nginx(struct cli_dev *dev)
{
	char nginx[] = "nginx", c[] = "-c", o[] = "-o", config[PATH_MAX];
	char plain[] = "--no-handlers";
	char *argv[] = { dev->self, nginx, c, config, o, dev->scratch,
	    dev->plain ? plain : NULL, NULL };

	dev->relocate = dev->locations.runs;
	if (dev->locations.runs)
		return;
	snprintf(config, sizeof(config), "%s", cli_dev_path(dev, "dev.conf"));
	dev->locations.ended = written;
	dev->locations.error_fd = open(cli_dev_path(dev, "nginx.said"),
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (cli_dev_spawn(&dev->locations, argv, NULL, NULL) < 0)
		cli_dev_stop(dev);
	if (dev->locations.error_fd > 0)
		close(dev->locations.error_fd);
}
