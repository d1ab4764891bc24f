/*
 * wit_last_words.c - a whole report, though looking at the frames goes wrong.
 *
 * Runs in: witness.
 * Owns: SIGALRM and the signals of a crash.
 * Invariant: one document is printed, never two, and the exit code is 0; a
 * signal handler calls nothing but write and _exit.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "witness/wit.h"

#define STACK_BYTES	32768

static const char	*volatile words;
static volatile size_t	 words_length;
static char		 signal_stack[STACK_BYTES];

static const int signals[] = { SIGALRM, SIGSEGV, SIGBUS, SIGFPE, SIGILL,
	SIGABRT };

#define SIGNALS	(sizeof(signals) / sizeof(signals[0]))

static void
on_signal(int number)
{
	const char *text = words;
	size_t left = text == NULL ? 0 : words_length;

	(void)number;
	while (left > 0) {
		ssize_t done = write(STDOUT_FILENO, text, left);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			break;
		text += done;
		left -= (size_t)done;
	}
	_exit(0);
}

void
wit_last_words(const char *text)
{
	words = NULL;
	words_length = strlen(text);
	words = text;
}

void
wit_last_words_begin(unsigned seconds)
{
	const stack_t stack = { .ss_sp = signal_stack,
	    .ss_size = sizeof(signal_stack) };
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	action.sa_flags = SA_ONSTACK;
	sigfillset(&action.sa_mask);
	sigaltstack(&stack, NULL);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaction(signals[i], &action, NULL);
	alarm(seconds);
}

void
wit_last_words_end(void)
{
	alarm(0);
	for (size_t i = 0; i < SIGNALS; i++)
		signal(signals[i], SIG_DFL);
}
