/*
 * cli_last_words.c - a whole reply, whatever a handler does to a CGI process.
 *
 * Runs in: `cgi`.
 * Owns: SIGALRM and the signals of a crash, while a handler runs.
 * Invariant: what a signal handler needs is made before the first can come;
 * it calls nothing but write, dup2, sigaction, setitimer and _exit.
 */
#include "cli/cli_last_words.h"

#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

#define STACK_BYTES	32768

static struct {
	struct cli_sink	*sink;		/* NULL: nothing is watched */
	uint64_t	 grace_ms;
	bool		 late;
	bool		 cut;		/* the reply had begun */
	int		 null_fd;
	char		 crashed[API_PROBLEM_MAX];
	size_t		 crashed_length;
	char		 timed_out[API_PROBLEM_MAX];
	size_t		 timed_out_length;
	char		 line[512];	/* for the log */
} words = { .null_fd = -1 };

static char	signal_stack[STACK_BYTES];

static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

#define CRASHES	(sizeof(crashes) / sizeof(crashes[0]))

/* The reply, if none has begun; then nobody else can write to the client. */
static void
speak(const char *text, size_t length)
{
	struct cli_sink *sink = words.sink;

	words.sink = NULL;
	if (sink == NULL)
		return;
	words.cut = sink->left;
	while (!sink->left && length > 0) {
		ssize_t done = write(sink->fd, text, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			break;
		text += done;
		length -= (size_t)done;
	}
	dup2(words.null_fd, sink->fd);
}

static void
log_words(const char *what)
{
	if (write(STDERR_FILENO, words.line, strlen(words.line)) < 0 ||
	    write(STDERR_FILENO, what, strlen(what)) < 0)
		return;
}

static void
on_crash(int number)
{
	log_words("the handler crashed\n");
	speak(words.crashed, words.crashed_length);
	signal(number, SIG_DFL);
	raise(number);
}

static void
arm(uint64_t ms)
{
	const struct itimerval when = {
		.it_value = { .tv_sec = (time_t)(ms / 1000),
		    .tv_usec = (suseconds_t)(ms % 1000) * 1000 }
	};

	setitimer(ITIMER_REAL, &when, NULL);
}

static void
on_alarm(int number)
{
	(void)number;
	if (words.late || words.sink == NULL)
		_exit(words.cut);
	words.late = true;
	log_words("the handler took longer than its time\n");
	speak(words.timed_out, words.timed_out_length);
	if (words.grace_ms == 0)
		_exit(words.cut);
	arm(words.grace_ms);
}

static void
on_exit_called(void)
{
	if (words.sink == NULL)
		return;
	log_words("the handler called exit()\n");
	speak(words.crashed, words.crashed_length);
	_exit(words.cut);
}

static void
prepare_texts(const struct cli_request *request)
{
	bool head_only = request->match.head;

	words.crashed_length = api_problem(words.crashed,
	    sizeof(words.crashed), 500, request->asked.id, head_only, "",
	    "The handler ended without a reply.");
	words.timed_out_length = api_problem(words.timed_out,
	    sizeof(words.timed_out), 504, request->asked.id, head_only, "",
	    "The handler took longer than its time.");
	snprintf(words.line, sizeof(words.line), "cgi[%d] error req=%s "
	    "route=\"%.200s\" handler=%s ", (int)getpid(), request->asked.id,
	    request->match.route->label, request->match.route->handler->name);
}

static int
watch_signals(void)
{
	const stack_t stack = { .ss_sp = signal_stack,
	    .ss_size = sizeof(signal_stack) };
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	if (sigaltstack(&stack, NULL) < 0)
		return -1;
	action.sa_handler = on_crash;
	action.sa_flags = SA_ONSTACK;
	for (size_t i = 0; i < CRASHES; i++) {
		if (sigaction(crashes[i], &action, NULL) < 0)
			return -1;
	}
	action.sa_handler = on_alarm;
	action.sa_flags = SA_RESTART;
	return sigaction(SIGALRM, &action, NULL);
}

int
cli_last_words_begin(struct cli_sink *sink, const struct cli_request *request,
    uint64_t timeout_ms, uint64_t grace_ms)
{
	words.null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (words.null_fd < 0)
		return -1;
	words.grace_ms = grace_ms;
	prepare_texts(request);
	if (watch_signals() < 0 || atexit(on_exit_called) != 0)
		return -1;
	words.sink = sink;
	if (timeout_ms > 0)
		arm(timeout_ms);
	return 0;
}

void
cli_last_words_end(void)
{
	arm(0);
	words.sink = NULL;
}
