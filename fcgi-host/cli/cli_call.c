/*
 * cli_call.c - `fcgi-host call`: one request, no web server, no daemon.
 *
 * Runs in: the tools.
 * Owns: stdout, for the reply.
 * Invariant: one process, one thread of ours, no time limit: made for gdb,
 * valgrind and scripts.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_files.h"
#include "cli/cli_inline.h"
#include "cli/cli_options.h"
#include "common/environment.h"
#include "common/log.h"

/* Of a sanitizer, also one that was preloaded: at the end it looks for leaks in
 * a process of its own, which the sandbox would refuse. */
extern void	__lsan_do_leak_check(void) __attribute__((weak));

struct call {
	const char	*config_file;
	const char	*handlers;
	const char	*data;
	const char	*capture;	/* the request is in this file */
	const char	*as, *scopes;	/* who sends it */
	struct cli_list	 headers;
	struct cli_list	 with;
	bool		 show_head;
	bool		 all_models;
	bool		 no_models;
	bool		 no_sandbox;
	const char	*method;
	const char	*target;	/* path?query as given */
	const char	*type;		/* of the body; NULL if not given */
	struct cli_request request;
};

/* What is asked for: either two operands, or a file.  0 or the exit code. */
static int
take_operands(struct call *call, int count, char **operands)
{
	if (call->capture != NULL) {
		if (count == 0 && call->data == NULL &&
		    call->headers.count == 0)
			return 0;
		return cli_usage_error("call", "--request takes method, path, "
		    "headers and body from its file: leave out METHOD PATH, "
		    "-d and -H");
	}
	if (count != 2)
		return cli_usage_error("call", "wants METHOD PATH[?QUERY], or "
		    "--request FILE; try fcgi-host call --help");
	call->method = operands[0];
	call->target = operands[1];
	if (call->target[0] == '/')
		return 0;
	return cli_usage_error("call", "a path starts with '/', \"%s\" does "
	    "not", call->target);
}

static int
take_name(struct call *call)
{
	if (call->scopes != NULL && call->as == NULL)
		return cli_usage_error("call", "--scopes are those of --as "
		    "NAME");
	if (call->as != NULL && cli_request_as(&call->request, call->as,
	    call->scopes) < 0)
		return cli_usage_error("call", "--as is too long");
	return 0;
}

static int
parse(struct call *call, int argc, char **argv, int *exit_out)
{
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(call->config_file),
		{ '\0', "handlers", "DIR", "takes the handlers from DIR; "
		    "without -c then all\noptions have their defaults",
		    .text = &call->handlers },
		{ '\0', "with", "FILE.so", "takes this file in place of the "
		    "one of that name\namong the handlers; may be given "
		    "again", .list = &call->with },
		{ 'H', "header", "'NAME: VALUE'", "a request header; may be "
		    "given again", .list = &call->headers },
		{ 'd', "data", "DATA|@FILE|-", "the body: the text, a file's "
		    "bytes, or stdin's;\n"
		    "application/x-www-form-urlencoded if no\n"
		    "Content-Type is given", .text = &call->data },
		{ '\0', "as", "NAME", "the client's name, as fh_identity() "
		    "gives it;\nno key is asked for",
		    .text = &call->as },
		{ '\0', "scopes", "'SCOPE ...'", "... with these scopes",
		    .text = &call->scopes },
		{ 'r', "request", "FILE", "method, path, headers and body of "
		    "a request that was\nkept in FILE (see capture_crashed), "
		    "in place of\nMETHOD, PATH, -H and -d",
		    .text = &call->capture },
		{ 'i', "include", NULL, "prints the reply's header too, with "
		    "Cache-Status of a\nroute with cache: whether it would be "
		    "kept",
		    .flag = &call->show_head },
		{ '\0', "all-models", NULL, "starts all handlers and makes "
		    "all models, not\nonly those of the handler asked for",
		    .flag = &call->all_models },
		{ '\0', "no-models", NULL, "loads no models",
		    .flag = &call->no_models },
		{ '\0', "no-sandbox", NULL, "the handler may what this user "
		    "may, for valgrind and\nsanitizers; else it is as sandbox "
		    "and its kin say", .flag = &call->no_sandbox },
	};
	const struct cli_command command = { "call", "METHOD PATH[?QUERY]",
	    0, 2,
	    "Runs one request against the handlers, in this process, and "
	    "prints the body of\nthe reply.  Sync and async routes run alike, "
	    "without a time limit, so that it\ncan be run under gdb or "
	    "valgrind.  What a handler prints to stdout goes to\nstderr.\n\n"
	    "Exit code: 0; 1 if the status is 400 or more, or the reply is "
	    "not whole.\n\n"
	    "  fcgi-host call --handlers . GET '/hello?name=you'\n"
	    "  gdb --args fcgi-host call -c my.conf POST /train -d @rows.json\n"
	    "  valgrind fcgi-host call --no-sandbox -c my.conf --request "
	    "4711-1.request",
	    options, sizeof(options) / sizeof(options[0]) };
	int operand = cli_parse(&command, argc, argv, exit_out);

	if (operand < 0)
		return -1;
	*exit_out = take_name(call);
	if (*exit_out == 0)
		*exit_out = take_operands(call, argc - operand,
		    argv + operand);
	return *exit_out == 0 ? 0 : -1;
}

/* ------------------------------------------------------ the parameters */

static int
put_text(struct call *call, const char *name, const char *value)
{
	return request_put_text(&call->request.asked, name, value);
}

static bool
is_named(const char *name, size_t length, const char *known)
{
	return strlen(known) == length && strncasecmp(name, known, length) == 0;
}

/* CGI has names of their own for two (RFC 3875, 4.1.2 and 4.1.3). */
static int
put_header(struct call *call, const char *name, size_t length,
    const char *value)
{
	if (is_named(name, length, "Content-Length"))
		return cli_usage_error("call", "Content-Length is that of -d");
	if (!is_named(name, length, "Content-Type"))
		return request_put_header(&call->request.asked, name, length,
		    value);
	call->type = value;
	return 0;
}

static int
put_headers(struct call *call)
{
	for (size_t i = 0; i < call->headers.count; i++) {
		const char *text = call->headers.texts[i];
		const char *colon = strchr(text, ':');
		const char *value;
		int rc;

		if (colon == NULL || !wire_is_token(text,
		    (size_t)(colon - text)))
			return cli_usage_error("call", "-H \"%s\": write "
			    "'Name: value'", text);
		value = colon + 1 + strspn(colon + 1, " \t");
		if (!wire_is_field_value(value, strlen(value)))
			return cli_usage_error("call", "-H \"%s\": a value "
			    "has no control characters", text);
		rc = put_header(call, text, (size_t)(colon - text), value);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
put_body(struct call *call)
{
	char length[24];

	if (call->data == NULL)
		return call->type == NULL ? 0 :
		    put_text(call, "CONTENT_TYPE", call->type);
	snprintf(length, sizeof(length), "%zu", call->request.body.length);
	return put_text(call, "CONTENT_LENGTH", length) < 0 ||
	    put_text(call, "CONTENT_TYPE", call->type != NULL ? call->type :
	    "application/x-www-form-urlencoded") < 0 ? -1 : 0;
}

static int
put_all(struct call *call)
{
	int rc = request_put_line(&call->request.asked, call->method,
	    call->target);

	if (rc > 0)
		return cli_usage_error("call", "\"%s\" has a malformed "
		    "escape", call->target);
	if (rc == 0)
		rc = put_headers(call);
	return rc == 0 ? put_body(call) : rc;
}

/* ------------------------------------------------------------- the body */

/* -1: the data are the text itself. */
static int
open_data(const char *data)
{
	if (strcmp(data, "-") == 0)
		return STDIN_FILENO;
	return data[0] == '@' ? open(data + 1, O_RDONLY | O_CLOEXEC) : -1;
}

static int
read_data(struct call *call, const struct config *config)
{
	struct cli_body *body = &call->request.body;
	const char *data = call->data;
	struct err err = { "" };
	int fd, rc;

	if (data == NULL)
		return 0;
	fd = open_data(data);
	if (fd < 0 && data[0] == '@')
		return cli_usage_error("call", "%s: %s", data + 1,
		    strerror(errno));
	if (fd < 0) {
		body->bytes = strdup(data);
		body->length = strlen(data);
		return body->bytes != NULL ? 0 : -1;
	}
	/* How large it may be, the route says: is_small_enough(). */
	rc = cli_body_read(body, fd, HEAD_NO_LENGTH, SIZE_MAX, config, &err);
	if (fd != STDIN_FILENO)
		close(fd);
	return rc == 0 ? 0 : cli_usage_error("call", "%s", err.text);
}

/* ----------------------------------------------------------------- main */

/* The configuration, with --handlers over it. */
static struct config *
load_config(struct call *call)
{
	struct config *config;
	char *directory;

	if (call->handlers == NULL)
		return cli_config_load(call->config_file);
	directory = realpath(call->handlers, NULL);
	if (directory == NULL) {
		cli_usage_error("call", "%s: %s", call->handlers,
		    strerror(errno));
		return NULL;
	}
	config = call->config_file != NULL ?
	    cli_config_load(call->config_file) : config_defaults();
	if (config == NULL) {
		free(directory);
		return NULL;
	}
	free(config->handlers);
	config->handlers = directory;
	return config;
}

/* What was named is wanted: it has been said why it is not there. */
static bool
has_given(const struct handler_set *set, const struct cli_files *files,
    size_t given)
{
	for (size_t i = 0; i < set->handler_count; i++) {
		const struct handler *handler = &set->handlers[i];

		for (size_t k = files->count - given; k < files->count; k++)
			if (handler->error != NULL &&
			    strcmp(handler->file, files->paths[k]) == 0)
				return false;
	}
	return true;
}

static int
open_handlers(const struct call *call, struct cli_inline *in,
    const struct config *config)
{
	struct handler_source source;
	struct cli_files files;
	struct err err;
	int rc;

	if (call->with.count == 0)
		return cli_inline_open(in, config, NULL);
	if (cli_files_list(&files, config, &call->with, &err) < 0) {
		log_line(LOG_LEVEL_ERROR, "%s", err.text);
		return -1;
	}
	source = cli_files_source(&files);
	rc = cli_inline_open(in, config, &source);
	if (rc == 0 && !has_given(in->set, &files, call->with.count))
		rc = -1;
	cli_files_free(&files);
	return rc;
}

/* As the front would: only a file can say one thing and hold another. */
static bool
is_whole(const struct cli_request *request, struct cli_sink *sink)
{
	int64_t announced = request->asked.head.content_length;

	if (announced == HEAD_NO_LENGTH ||
	    request->body.length == (uint64_t)announced)
		return true;
	cli_inline_problem(request, sink, 400, "", "The request body has %zu "
	    "bytes, and %lld were announced.", request->body.length,
	    (long long)announced);
	return false;
}

static bool
is_small_enough(const struct cli_request *request)
{
	size_t limit = request->match.route->body_limit;

	if (request->body.length <= limit)
		return true;
	cli_usage_error("call", "The request body is larger than body_limit "
	    "(%zu bytes).", limit);
	return false;
}

/* An exit code. */
static int
serve(struct cli_inline *in, struct cli_request *request,
    struct cli_sink *sink)
{
	int rc = 0;

	if (cli_inline_route(in, request, sink) &&
	    cli_inline_admits(in, request, sink)) {
		if (!is_small_enough(request))
			return EXIT_CODE_CONFIG;
		if (is_whole(request, sink))
			rc = cli_inline_serve(in, request, sink);
	}
	if (rc < 0)
		cli_usage_error("call", "the reply is not whole");
	return rc < 0 || sink->status >= 400 ? 1 : 0;
}

static int
run(struct call *call, const struct config *config, int out)
{
	struct cli_inline in = { .all_models = call->all_models,
	    .models.none = call->no_models, .sandbox = !call->no_sandbox,
	    .tells_kept = true };
	struct cli_request *request = &call->request;
	struct cli_sink sink;
	enum head_rc head;
	int rc;

	cli_sink_init(&sink, out, call->show_head, true);
	if (open_handlers(call, &in, config) < 0) {
		cli_inline_close(&in);
		return EXIT_CODE_CONFIG;
	}
	head = request_scan(&request->asked);
	if (head != HEAD_OK)
		cli_inline_problem(request, &sink, 400, "", "%s.",
		    head_strerror(head));
	rc = head != HEAD_OK ? 1 : serve(&in, request, &sink);
	cli_inline_close(&in);
	return rc;
}

/* 0, an exit code, or -1: out of memory. */
static int
make_request(struct call *call, const struct config *config)
{
	struct err err = { "" };
	int rc;

	if (call->capture != NULL)
		return cli_request_read(&call->request, call->capture, config,
		    &err) == 0 ? 0 : cli_usage_error("call", "%s", err.text);
	rc = read_data(call, config);
	return rc == 0 ? put_all(call) : rc;
}

static int
call_with(struct call *call, const struct config *config)
{
	int rc, out;

	log_set_level(config->log_level);
	if (__lsan_do_leak_check != NULL)
		call->no_sandbox = true;
	if (!call->no_sandbox)
		environment_restrict(config);
	rc = make_request(call, config);
	if (rc < 0)
		return EXIT_CODE_SYSTEM;
	if (rc > 0)
		return rc;
	out = cli_take_stdout();
	if (out < 0) {
		log_warn("stdout");
		return EXIT_CODE_SYSTEM;
	}
	rc = run(call, config, out);
	if (close(out) < 0)
		rc = EXIT_CODE_SYSTEM;
	return rc;
}

int
cli_call(int argc, char **argv)
{
	struct call call = { .config_file = NULL };
	struct config *config;
	int exit_code;

	cli_request_init(&call.request);
	if (parse(&call, argc, argv, &exit_code) < 0)
		return exit_code;
	signal(SIGPIPE, SIG_IGN);
	log_init("call");
	config = load_config(&call);
	if (config == NULL)
		return EXIT_CODE_CONFIG;
	exit_code = call_with(&call, config);
	cli_request_free(&call.request);
	config_free(config);
	return exit_code;
}
