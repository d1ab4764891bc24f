/*
 * cli_ask.c - one question to a running host, and its answer.
 *
 * Runs in: the tools.
 * Owns: nothing; the answer is the caller's.
 * Invariant: waits for as long as the host takes: a reload may take a while.
 */
#include "cli/cli_ask.h"

#include <json-c/json.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli_options.h"
#include "common/log.h"

#define REQUEST_MAX	256
#define ANSWER_MAX	(64u << 20)

static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&address,
	    sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Everything up to the end, NUL-terminated; NULL with errno. */
static char *
read_answer(int fd)
{
	size_t have = 0, size = 65536;
	char *text = malloc(size);

	while (text != NULL) {
		ssize_t got = read(fd, text + have, size - have - 1);
		char *grown;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			text[have] = '\0';
			return text;
		}
		have += (size_t)got;
		if (have < size - 1)
			continue;
		grown = size < ANSWER_MAX ? realloc(text, size *= 2) : NULL;
		if (grown == NULL) {
			free(text);
			return NULL;
		}
		text = grown;
	}
	return NULL;
}

static char *
exchange(const char *path, const char *request)
{
	char line[REQUEST_MAX];
	int length = snprintf(line, sizeof(line), "%s\n", request);
	int fd = connect_to(path);
	char *text = NULL;

	if (fd < 0)
		return NULL;
	if (send(fd, line, (size_t)length, MSG_NOSIGNAL) == length)
		text = read_answer(fd);
	close(fd);
	return text;
}

static char *
ask(const char *name, const char *path, const char *request)
{
	char *text;

	errno = 0;
	text = exchange(path, request);
	if (text != NULL && text[0] != '\0')
		return text;
	free(text);
	if (errno == 0)
		fprintf(stderr, "fcgi-host %s: %s: the host ended before it "
		    "answered; its log says more\n", name, path);
	else
		fprintf(stderr, "fcgi-host %s: %s: %s; is the host running?\n",
		    name, path, strerror(errno));
	return NULL;
}

int
cli_ask_if_running(const char *file, const char *request, char **answer_out)
{
	char *control = cli_control(file);

	if (control == NULL)
		return EXIT_CODE_CONFIG;
	*answer_out = exchange(control, request);
	free(control);
	if (*answer_out != NULL && (*answer_out)[0] == '\0') {
		free(*answer_out);
		*answer_out = NULL;
	}
	return 0;
}

/* --------------------------------------------------------------- the answer */

struct json_object *
cli_answer(const char *name, const char *text)
{
	struct json_object *answer = json_tokener_parse(text);

	if (answer == NULL)
		fprintf(stderr, "fcgi-host %s: the answer is not JSON\n",
		    name);
	return answer;
}

const char *
cli_text(struct json_object *object, const char *key)
{
	struct json_object *value = json_object_object_get(object, key);

	return value == NULL ? "-" : json_object_get_string(value);
}

uint64_t
cli_number(struct json_object *object, const char *key)
{
	return (uint64_t)json_object_get_int64(json_object_object_get(object,
	    key));
}

const char *
cli_time(struct json_object *object, const char *key, char out[CLI_TIME_MAX])
{
	time_t time = (time_t)cli_number(object, key);
	struct tm parts;

	if (time == 0 || localtime_r(&time, &parts) == NULL)
		return "-";
	strftime(out, CLI_TIME_MAX, "%F %R", &parts);
	return out;
}

int
cli_print_json(struct json_object *answer)
{
	printf("%s\n", json_object_to_json_string_ext(answer,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
	    JSON_C_TO_STRING_NOSLASHESCAPE));
	return 0;
}

static int
print_answer(const char *name, const char *text, cli_print_call *print)
{
	struct json_object *answer = cli_answer(name, text);
	int exit_code = EXIT_CODE_SYSTEM;

	if (json_object_object_get(answer, "error") != NULL)
		fprintf(stderr, "fcgi-host %s: %s\n", name,
		    cli_text(answer, "error"));
	else if (answer != NULL)
		exit_code = print(answer);
	json_object_put(answer);
	return exit_code;
}

int
cli_ask_text(const struct cli_command *command, const char *file,
    const char *request, char **text_out)
{
	char *control = cli_control(file);

	*text_out = NULL;
	if (control == NULL)
		return EXIT_CODE_CONFIG;
	*text_out = ask(command->name, control, request);
	free(control);
	return *text_out == NULL ? EXIT_CODE_SYSTEM : 0;
}

/* Reached when it is one, or nothing that we know. */
static int
print_nothing(struct json_object *answer)
{
	(void)answer;
	fprintf(stderr, "fcgi-host: the answer is not what was asked for\n");
	return EXIT_CODE_SYSTEM;
}

int
cli_print_error(const struct cli_command *command, const char *text)
{
	return print_answer(command->name, text, print_nothing);
}

int
cli_ask_and_print(const struct cli_command *command, const char *file,
    const char *request, cli_print_call *print)
{
	char *text;
	int exit_code = cli_ask_text(command, file, request, &text);

	if (exit_code == 0)
		exit_code = print_answer(command->name, text, print);
	free(text);
	return exit_code;
}
