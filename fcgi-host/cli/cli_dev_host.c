/*
 * cli_dev_host.c - the host, and what its log says.
 *
 * Runs in: the tools.
 * Owns: its process and its log.
 * Invariant: when it ends all ends; a crash report is shown in words, and not
 * as the line it is in the log.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_dev.h"
#include "common/log.h"

/* ------------------------------------------------------------ reports */

static void	show_next(struct cli_dev *);

static void
shown(struct cli_dev *dev, int status)
{
	(void)status;
	if (!dev->ending)
		show_next(dev);
}

/* "fcgi-host crashes N": each number once, one after the other. */
static void
show_next(struct cli_dev *dev)
{
	char crashes[] = "crashes", c[] = "-c", number[16], config[PATH_MAX];
	char *argv[] = { dev->self, crashes, number, c, config, NULL };

	if (dev->report.runs || dev->next_report > dev->reports)
		return;
	snprintf(number, sizeof(number), "%u", dev->next_report++);
	snprintf(config, sizeof(config), "%s", cli_dev_path(dev, "dev.conf"));
	dev->report.ended = shown;
	cli_dev_spawn(&dev->report, argv, NULL, NULL);
}

/* ------------------------------------------------------------ its log */

/* The number of the report in a line "... error crash {...}"; 0: none. */
static unsigned
report_number(const char *line)
{
	const char *at = strstr(line, " error crash {");

	at = at == NULL ? NULL : strstr(at, "\"number\":");
	return at == NULL ? 0 : (unsigned)strtoul(at + 9, NULL, 10);
}

/* What the host reads is the author's file, line by line, elsewhere. */
void
cli_dev_show_line(const struct cli_dev *dev, const char *line)
{
	const char *ours = cli_dev_path(dev, "dev.conf"), *at;

	while (dev->config != NULL && (at = strstr(line, ours)) != NULL) {
		fprintf(stderr, "%.*s%s", (int)(at - line), line, dev->config);
		line = at + strlen(ours);
	}
	fprintf(stderr, "%s\n", line);
}

static void
take_line(struct cli_dev *dev, char *line)
{
	unsigned number = report_number(line);

	if (number == 0) {
		cli_dev_show_line(dev, line);
		return;
	}
	if (dev->next_report == 0)
		dev->next_report = number;
	dev->reports = number;
	show_next(dev);
}

static void
take_bytes(struct cli_dev *dev, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool full = dev->have == sizeof(dev->line) - 1;

		if (bytes[i] != '\n' && !full) {
			dev->line[dev->have++] = bytes[i];
			continue;
		}
		dev->line[dev->have] = '\0';
		dev->have = 0;
		take_line(dev, dev->line);
	}
}

static void
give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	static char buffer[16384];

	(void)handle;
	(void)suggested;
	*out = uv_buf_init(buffer, sizeof(buffer));
}

static void
read_log(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
	if (length > 0)
		take_bytes(stream->data, buffer->base, (size_t)length);
	else if (length < 0)
		uv_close((uv_handle_t *)stream, NULL);
}

/* ------------------------------------------------------------ to and fro */

static void
host_ended(struct cli_dev *dev, int status)
{
	if (!dev->ending)
		cli_dev_say("the host has ended (%d)", status);
	if (dev->exit_code == 0 && status != 0)
		dev->exit_code = status > 0 ? status : EXIT_CODE_SYSTEM;
	dev->ending = true;
}

void
cli_dev_serve(struct cli_dev *dev)
{
	char run[] = "run", c[] = "-c", config[PATH_MAX];
	char *argv[] = { dev->self, run, c, config, NULL };

	if (cli_dev_write_config(dev) < 0)
		return;
	snprintf(config, sizeof(config), "%s", cli_dev_path(dev, "dev.conf"));
	dev->host.ended = host_ended;
	if (cli_dev_spawn(&dev->host, argv, give_buffer, read_log) < 0)
		cli_dev_stop(dev);
}

/* These end their own: a worker that is told too is one that died. */
static void
tell_to_end(struct cli_dev_process *process)
{
	if (process->runs)
		uv_process_kill(&process->handle, SIGTERM);
}

static void
end_if_quiet(struct cli_dev *dev)
{
	if (dev->make.runs || dev->host.runs || dev->nginx.runs ||
	    dev->locations.runs || dev->report.runs)
		return;
	uv_stop(&dev->loop);
}

void
cli_dev_stop(struct cli_dev *dev)
{
	dev->ending = true;
	if (!dev->told) {
		cli_dev_kill(&dev->make, SIGTERM);
		cli_dev_kill(&dev->locations, SIGTERM);
		tell_to_end(&dev->nginx);
		tell_to_end(&dev->host);
		cli_dev_kill(&dev->report, SIGTERM);
	}
	dev->told = true;
	end_if_quiet(dev);
}
