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
#include "common/handler_set.h"
#include "common/log.h"

#define FIRST_LIMIT_MS	10000	/* until the child has said anything */

struct lines {
	char	*text;		/* NULL: none */
	size_t	 length;
};

/* What one child said, until it ended. */
struct answer {
	struct cli_check_message last;	/* FILE, DONE, or nothing yet */
	bool		 done;
	bool		 hung;
	int		 status;	/* as of waitpid */
	struct lines	 notes;
	struct lines	 reports;
};

struct check {
	struct cli_check_order	 order;
	struct cli_check_skip	*skips;		/* those of the order */
	unsigned		 faults;
};

/* What the child says is kept, not printed: one that ends early is tried again,
 * and says most of it again. */
static void
keep(struct lines *lines, const char *text)
{
	size_t length = strlen(text);
	char *grown = realloc(lines->text, lines->length + length + 2), *at;

	if (grown == NULL)
		return;
	lines->text = grown;
	at = grown + lines->length;
	for (size_t i = 0; i < length; i++)
		*at++ = text[i] == '\n' ? ' ' : text[i];
	*at++ = '\n';
	*at = '\0';
	lines->length += length + 1;
}

static void
forget(struct answer *answer)
{
	free(answer->notes.text);
	free(answer->reports.text);
}

/* Milliseconds, as of poll(). */
static int
limit_of(const struct answer *answer)
{
	const struct cli_check_message *last = &answer->last;

	if (last->type != CLI_CHECK_FILE)
		return FIRST_LIMIT_MS;
	return last->limit_ms != 0 ? (int)last->limit_ms : -1;
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
		rc = poll(&ready, 1, limit_of(answer));
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
		keep(&answer->reports, message.text);
	else if (message.type == CLI_CHECK_NOTE)
		keep(&answer->notes, message.text);
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
		cli_check_child(&check->order, pair[1], parent);
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
	static const char *const when[] = {
		[CLI_CHECK_LOAD] = "while it is loaded",
		[CLI_CHECK_BUILD] = "while it builds a model",
		[CLI_CHECK_PRELOAD] = "in preload",
		[CLI_CHECK_HOOKS] = "in worker_init, self_test or worker_fini",
		[CLI_CHECK_REQUEST] = "in a model's check",
	};
	const struct cli_check_message *last = &answer->last;
	int signal = WIFSIGNALED(answer->status) ?
	    WTERMSIG(answer->status) : 0;

	if (answer->hung && last->stage == CLI_CHECK_LOAD)
		snprintf(out, size, "is still not loaded after %u s",
		    last->limit_ms / 1000);
	else if (answer->hung)
		snprintf(out, size, "hangs %s (for %u s)", when[last->stage],
		    last->limit_ms / 1000);
	else if (signal != 0)
		snprintf(out, size, "crashes %s (signal %d, %s)",
		    when[last->stage], signal, strsignal(signal));
	else
		snprintf(out, size, "exits %s (exit code %d)",
		    when[last->stage], WEXITSTATUS(answer->status));
}

/* The file that stopped the child is left out of the next one. */
static int
skip_last(struct check *check, const struct answer *answer)
{
	struct cli_check_skip *grown, *skip;

	if (answer->last.type != CLI_CHECK_FILE ||
	    answer->last.text[0] == '\0' ||
	    strlen(answer->last.text) == CLI_CHECK_TEXT - 1)
		return -1;
	grown = realloc(check->skips,
	    (check->order.skip_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -1;
	check->skips = grown;
	check->order.skips = grown;
	skip = &grown[check->order.skip_count++];
	snprintf(skip->file, sizeof(skip->file), "%s", answer->last.text);
	describe(answer, skip->reason, sizeof(skip->reason));
	return 0;
}

/* A report that a file was left out says why instead. */
static void
print_report(struct check *check, const char *line)
{
	for (size_t i = 0; i < check->order.skip_count; i++) {
		const struct cli_check_skip *skip = &check->skips[i];
		size_t length = strlen(skip->file);

		if (strncmp(line, skip->file, length) != 0 ||
		    strcmp(line + length, ": " HANDLER_LEFT_OUT) != 0)
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

	if (answer->notes.text != NULL)
		fputs(answer->notes.text, stderr);
	print_reports(check, answer->reports.text);
	if (!answer->done)
		fault(check, "fcgi-host %s: the process that loads the "
		    "handlers ended early", check->order.tool);
	if (check->faults > 0) {
		fprintf(stderr, "fcgi-host %s: %u fault%s\n",
		    check->order.tool, check->faults,
		    check->faults == 1 ? "" : "s");
		return EXIT_CODE_CONFIG;
	}
	if (check->order.handlers_only)
		return 0;
	printf("ok: %u handler%s, %u route%s, %u model%s\n",
	    counts[0], counts[0] == 1 ? "" : "s",
	    counts[1], counts[1] == 1 ? "" : "s",
	    counts[2], counts[2] == 1 ? "" : "s");
	return 0;
}

int
cli_check_load(const struct cli_check_order *order)
{
	struct check check = { .order = *order };
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
			forget(&answer);
	} while (rc == 0);
	rc = finish(&check, &answer);
	forget(&answer);
	free(check.skips);
	return rc;
}

static int
parse(struct cli_check_order *order, struct cli_list *given,
    const char **file_out, int argc, char **argv)
{
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(*file_out),
		{ '\0', "full", NULL, "loads the models too, and runs every "
		    "hook and self-test", .flag = &order->full },
	};
	const struct cli_command command = { "check", "[FILE.so...]", 0,
	    CLI_LIST_MAX,
	    "Checks the configuration, loads every handler in a process of "
	    "its own that is\nthrown away, and looks for the models' files.  "
	    "Every fault is printed, with its\nfile and line, and the exit "
	    "code is 100.  Nothing is started or changed.\n\n"
	    "A file given as FILE.so is checked as if it lay in the handler "
	    "directory, in\nplace of the one of that name: before it is "
	    "dropped there.\n\n"
	    "Without --full no function of a handler is called and no model is "
	    "read.  With it\nthe process does all that a new generation does "
	    "before it serves, and needs the\nmemory of all models once "
	    "more.\n\n"
	    "  fcgi-host check --full -c my.conf ./hello.so &&\n"
	    "      install -m 755 hello.so /usr/lib/fcgi-host/handlers/",
	    options, sizeof(options) / sizeof(options[0]) };
	int exit_code, operand = cli_parse(&command, argc, argv, &exit_code);

	if (operand < 0)
		return exit_code;
	for (int i = operand; i < argc; i++)
		given->texts[given->count++] = argv[i];
	return -1;
}

int
cli_check(int argc, char **argv)
{
	struct cli_list given = { .count = 0 };
	struct cli_check_order order = { .tool = "check", .given = &given };
	const char *file = NULL;
	struct config *config;
	int exit_code = parse(&order, &given, &file, argc, argv);

	if (exit_code >= 0)
		return exit_code;
	log_init("check");
	config = cli_config_load(file);
	if (config == NULL)
		return EXIT_CODE_CONFIG;
	order.config = config;
	exit_code = cli_check_load(&order);
	config_free(config);
	return exit_code;
}
