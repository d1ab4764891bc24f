/*
 * cli_ask.h - one question to a running host, and its answer.
 */
#ifndef CLI_CLI_ASK_H
#define CLI_CLI_ASK_H

#include <stdint.h>

struct cli_command;
struct json_object;

/* What a tool prints of an answer; gives its exit code. */
typedef int	cli_print_call(struct json_object *answer);

/*
 * Asks the host of configuration `file`, NULL for the usual one, and prints
 * what it answers.  The exit code; after a sentence on stderr that names the
 * subcommand, if there is no answer, or none but an error.
 */
int	cli_ask_and_print(const struct cli_command *, const char *file,
	    const char *request, cli_print_call *);

/* The same in two steps, where the answer is no JSON: 0 and the text, which is
 * to be freed; or the exit code, after a sentence, and NULL.  And what to do
 * with an answer that is an error in JSON. */
int	cli_ask_text(const struct cli_command *, const char *file,
	    const char *request, char **text_out);
int	cli_print_error(const struct cli_command *, const char *text);

/* The whole answer, for programs. */
int	cli_print_json(struct json_object *answer);

/* 0, and the text of the answer, free() it, or NULL if no host answers; or an
 * exit code, after a sentence. */
int	cli_ask_if_running(const char *file, const char *request,
	    char **answer_out);

/* The answer, json_object_put() it; NULL after a sentence if it is no JSON. */
struct json_object	*cli_answer(const char *name, const char *text);

/* Members of an answer; "-" and 0 where there are none. */
const char	*cli_text(struct json_object *, const char *key);
uint64_t	 cli_number(struct json_object *, const char *key);

/* A time as "2026-01-31 12:00"; "-" for 0. */
#define CLI_TIME_MAX	24
const char	*cli_time(struct json_object *, const char *key,
		    char out[CLI_TIME_MAX]);

#endif
