/*
 * cli_check.c - `fcgi-host check`: would this configuration start?
 *
 * Runs in: the tools; the handlers are loaded in cli_check_child.c.
 * Owns: the throwaway child, the list of files that stopped one.
 * Invariant: a handler that crashes, hangs or exits while it is loaded is
 * named, and the others are checked all the same.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_check_child.h"
#include "cli/cli_options.h"
#include "common/log.h"

#define LOAD_LIMIT_MS	10000

/* What one child said, until it ended. */
struct answer {
	struct cli_check_message last;	/* FILE, DONE, or nothing yet */
	bool		 done;
	bool		 hung;
	int		 status;	/* as of waitpid */
	char		*reports;	/* lines */
	size_t		 length;
};

struct check {
	const struct config	*config;
	struct cli_check_skip	*skips;
	size_t			 skip_count;
	unsigned		 faults;
};

/* The reports are kept, not printed: a child that ends early is tried again,
 * and says most of them again. */
static void
keep_report(struct answer *answer, const char *text)
{
	size_t length = strlen(text);
	char *grown = realloc(answer->reports, answer->length + length + 2);

	if (grown == NULL)
		return;
	answer->reports = grown;
	memcpy(grown + answer->length, text, length);
	grown[answer->length + length] = '\n';
	grown[answer->length + length + 1] = '\0';
	answer->length += length + 1;
}

/* False: nothing more will come. */
static bool
listen_once(int fd, struct answer *answer)
{
	struct cli_check_message message;
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	ssize_t got;
	int rc;

	do
		rc = poll(&ready, 1, LOAD_LIMIT_MS);
	while (rc < 0 && errno == EINTR);
	if (rc == 0) {
		answer->hung = true;
		return false;
	}
	memset(&message, 0, sizeof(message));
	got = recv(fd, &message, sizeof(message) - 1, 0);
	if (got <= 0)
		return false;
	if (message.type == CLI_CHECK_REPORT)
		keep_report(answer, message.text);
	else
		answer->last = message;
	answer->done |= message.type == CLI_CHECK_DONE;
	return true;
}

static int
ask_child(const struct check *check, struct answer *answer)
{
	pid_t parent = getpid(), child;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	child = fork();
	if (child < 0) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	if (child == 0) {
		close(pair[0]);
		cli_check_child(check->config, check->skips,
		    check->skip_count, pair[1], parent);
	}
	close(pair[1]);
	while (listen_once(pair[0], answer))
		;
	if (answer->hung)
		kill(child, SIGKILL);
	close(pair[0]);
	while (waitpid(child, &answer->status, 0) < 0 && errno == EINTR)
		;
	return 0;
}

/* ------------------------------------------------ how a child has ended */

static void __attribute__((format(printf, 2, 3)))
fault(struct check *check, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	check->faults++;
}

static void
describe(const struct answer *answer, char *out, size_t size)
{
	int signal = WIFSIGNALED(answer->status) ?
	    WTERMSIG(answer->status) : 0;

	if (answer->hung)
		snprintf(out, size, "is still not loaded after %d s",
		    LOAD_LIMIT_MS / 1000);
	else if (signal != 0)
		snprintf(out, size, "crashes while it is loaded (signal %d, "
		    "%s)", signal, strsignal(signal));
	else
		snprintf(out, size, "exits while it is loaded (exit code %d)",
		    WEXITSTATUS(answer->status));
}

/* The file that stopped the child is left out of the next one. */
static int
skip_last(struct check *check, const struct answer *answer)
{
	struct cli_check_skip *grown, *skip;

	if (answer->last.type != CLI_CHECK_FILE)
		return -1;
	grown = realloc(check->skips,
	    (check->skip_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -1;
	check->skips = grown;
	skip = &grown[check->skip_count++];
	snprintf(skip->file, sizeof(skip->file), "%s", answer->last.text);
	describe(answer, skip->reason, sizeof(skip->reason));
	return 0;
}

/* A report that a file was left out says why instead. */
static void
print_report(struct check *check, const char *line)
{
	for (size_t i = 0; i < check->skip_count; i++) {
		const struct cli_check_skip *skip = &check->skips[i];
		size_t length = strlen(skip->file);

		if (strncmp(line, skip->file, length) != 0 ||
		    strcmp(line + length, ": left out") != 0)
			continue;
		fault(check, "%s: %s", skip->file, skip->reason);
		return;
	}
	fault(check, "%s", line);
}

static void
print_reports(struct check *check, char *reports)
{
	char *rest, *line;

	if (reports == NULL)
		return;
	for (line = strtok_r(reports, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest))
		print_report(check, line);
}

static int
finish(struct check *check, const struct answer *answer)
{
	const unsigned *counts = answer->last.counts;

	print_reports(check, answer->reports);
	if (!answer->done)
		fault(check, "fcgi-host check: the process that loads the "
		    "handlers ended early");
	if (check->faults > 0) {
		fprintf(stderr, "fcgi-host check: %u fault%s\n",
		    check->faults, check->faults == 1 ? "" : "s");
		return EXIT_CODE_CONFIG;
	}
	printf("ok: %u handler%s, %u route%s, %u model%s\n",
	    counts[0], counts[0] == 1 ? "" : "s",
	    counts[1], counts[1] == 1 ? "" : "s",
	    counts[2], counts[2] == 1 ? "" : "s");
	return 0;
}

static int
check_handlers(const struct config *config)
{
	struct check check = { .config = config };
	struct answer answer;
	int rc;

	do {
		memset(&answer, 0, sizeof(answer));
		if (ask_child(&check, &answer) < 0) {
			log_warn("a child to load the handlers in");
			return EXIT_CODE_SYSTEM;
		}
		rc = answer.done ? -1 : skip_last(&check, &answer);
		if (rc == 0)
			free(answer.reports);
	} while (rc == 0);
	rc = finish(&check, &answer);
	free(answer.reports);
	free(check.skips);
	return rc;
}

int
cli_check(int argc, char **argv)
{
	const char *file = NULL;
	const struct cli_option options[] = { CLI_OPTION_CONFIG(file) };
	const struct cli_command command = { "check", "", 0, 0,
	    "Checks the configuration, loads every handler in a process of "
	    "its own that is\nthrown away, and looks for the models' files.  "
	    "Every fault is printed, with its\nfile and line, and the exit "
	    "code is 100.  Nothing is started or changed; preload\nhooks are "
	    "not run and models are not read.", options, 1 };
	struct config *config;
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	log_init("check");
	config = cli_config_load(file);
	if (config == NULL)
		return EXIT_CODE_CONFIG;
	exit_code = check_handlers(config);
	config_free(config);
	return exit_code;
}
