/*
 * cli_nginx_child.c - the process in which `nginx` loads handlers.
 *
 * Runs in: a child of `nginx`, and there.
 * Owns: the pipe between the two.
 * Invariant: no code of a handler runs in the process that writes files; the
 * names of the files are not the child's to say.
 */
#include "cli/cli_nginx_child.h"

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_check_child.h"
#include "cli/cli_inline.h"
#include "cli/cli_options.h"
#include "common/child.h"
#include "common/environment.h"
#include "common/io.h"
#include "common/log.h"

#define PATIENCE_S	60		/* they have been loaded once */
#define TEXT_MAX	((size_t)64 << 20)

/* ------------------------------------------------------------- the child */

/* Each text with its NUL, in the order of the files. */
static int
send_files(int link, const struct nginx_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		const char *text = files->list[i].text;

		if (io_write_all(link, text, strlen(text) + 1) < 0)
			return -1;
	}
	return 0;
}

static int
load_and_send(const struct nginx_source *source, int link)
{
	struct nginx_source loaded = *source;
	struct nginx_files files;
	unsigned reports = 0;
	struct err err;

	loaded.set = handler_set_load(source->config, NULL, cli_count_report,
	    &reports, &err);
	if (loaded.set == NULL)
		return cli_usage_error("nginx", "%s", err.text);
	if (reports > 0)
		return EXIT_CODE_CONFIG;
	if (nginx_files_make(&loaded, &files, &err) < 0)
		return cli_usage_error("nginx", "%s", err.text);
	return send_files(link, &files) < 0 ? EXIT_CODE_SYSTEM : 0;
}

static void __attribute__((noreturn))
run_child(const struct nginx_source *source, int link, pid_t parent)
{
	struct err err;

	if (child_drop_privileges(source->config, &err) < 0)
		_exit(cli_usage_error("nginx", "%s", err.text));
	child_begin("nginx", parent);
	child_redirect(STDERR_FILENO);
	environment_restrict(source->config);
	cli_limit_threads(source->config);
	alarm(PATIENCE_S);
	_exit(load_and_send(source, link));
}

/* ------------------------------------------------------------ the parent */

/* Until the child ends; NULL: no memory, or more than all could be. */
static char *
read_all(int link, size_t *length_out)
{
	char *bytes = NULL, *grown;
	size_t length = 0, room = 0;
	ssize_t got = 1;

	while (got > 0) {
		if (length == room) {
			room = room == 0 ? 65536 : room * 2;
			grown = room > TEXT_MAX ? NULL : realloc(bytes, room);
			if (grown == NULL) {
				free(bytes);
				return NULL;
			}
			bytes = grown;
		}
		do
			got = read(link, bytes + length, room - length);
		while (got < 0 && errno == EINTR);
		if (got > 0)
			length += (size_t)got;
	}
	*length_out = length;
	return bytes;
}

/* The texts, under the names of files that are there without routes too. */
static int
take_texts(const char *bytes, size_t length, struct nginx_files *files)
{
	const char *end = bytes + length;

	for (size_t i = 0; i < files->count; i++) {
		const char *nul = memchr(bytes, '\0', (size_t)(end - bytes));
		char *text = nul == NULL ? NULL : strdup(bytes);

		if (text == NULL)
			return -1;
		free(files->list[i].text);
		files->list[i].text = text;
		bytes = nul + 1;
	}
	return bytes == end ? 0 : -1;
}

static int
end_of(pid_t child)
{
	char how[128];
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	child_describe_end(status, how, sizeof(how));
	return cli_usage_error("nginx", "the process that loads the handlers "
	    "%s", how);
}

static int
ask_child(const struct nginx_source *source, char **bytes_out,
    size_t *length_out)
{
	pid_t parent = getpid(), child;
	int link[2];

	if (pipe2(link, O_CLOEXEC) < 0)
		return EXIT_CODE_SYSTEM;
	child = fork();
	if (child == 0) {
		close(link[0]);
		run_child(source, link[1], parent);
	}
	close(link[1]);
	*bytes_out = child < 0 ? NULL : read_all(link[0], length_out);
	close(link[0]);
	if (child > 0 && *bytes_out == NULL)
		kill(child, SIGKILL);
	return child < 0 ? EXIT_CODE_SYSTEM : end_of(child);
}

int
cli_nginx_load(const struct nginx_source *source, struct nginx_files *files)
{
	const struct cli_list given = { .count = 0 };
	const struct cli_check_order order = { .tool = "nginx",
	    .config = source->config, .given = &given, .handlers_only = true };
	char *bytes = NULL;
	size_t length = 0;
	struct err err;
	int rc = cli_check_load(&order);

	if (rc != 0)
		return rc;
	if (nginx_files_make(source, files, &err) < 0)
		return cli_usage_error("nginx", "%s", err.text);
	rc = ask_child(source, &bytes, &length);
	if (rc == 0 && (bytes == NULL ||
	    take_texts(bytes, length, files) < 0))
		rc = cli_usage_error("nginx", "the process that loads the "
		    "handlers ended early");
	free(bytes);
	if (rc != 0)
		nginx_files_free(files);
	return rc;
}
