/*
 * cli_cgi.c - `fcgi-host cgi`: the handlers as a CGI program (RFC 3875).
 *
 * Runs in: a process of its own for each request, started by a web server.
 * Owns: stdin and stdout.
 * Invariant: a web server gets a whole CGI reply, also when the configuration
 * is wrong or the handler crashes.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/cli_inline.h"
#include "cli/cli_last_words.h"
#include "cli/cli_options.h"
#include "common/clock.h"
#include "common/log.h"

extern char	**environ;

struct cgi {
	const struct config	*config;
	struct cli_inline	 in;
	struct cli_request	 request;
	struct cli_sink		 sink;
};

/* Is the argument this word, but for the backslashes a web server may put
 * before what means something to a shell? */
static bool
is_word(const char *argument, const char *word)
{
	for (; *argument != '\0'; argument++) {
		if (*argument == '\\' && *word != '\\')
			continue;
		if (*argument != *word++)
			return false;
	}
	return *word == '\0';
}

/*
 * RFC 3875, section 4.4: a query without '=' may reach a program as its
 * arguments.  Then a client could choose our configuration, so such a call is
 * refused; a script that starts us must not hand its arguments on.
 */
static bool
query_is_in_arguments(int argc, char **argv)
{
	const char *query = getenv("QUERY_STRING");
	const char *plus;
	char *word;
	ptrdiff_t length;
	bool same;

	if (query == NULL || query[0] == '\0' || argc < 2 ||
	    strchr(query, '=') != NULL)
		return false;
	plus = strrchr(query, '+');
	word = strdup(plus != NULL ? plus + 1 : query);
	if (word == NULL)
		return true;
	length = wire_percent_decode(word, word, strlen(word), false);
	if (length >= 0)
		word[length] = '\0';
	same = is_word(argv[argc - 1], word);
	free(word);
	return same;
}

/* SCRIPT_NAME is our own URL here, never a path below it. */
static int
put_root_path(struct cgi *cgi)
{
	const char *path = getenv("PATH_INFO");

	if (path != NULL && path[0] != '\0')
		return 0;
	return request_put(&cgi->request.asked, "PATH_INFO", 9, "/", 1);
}

static int
put_environment(struct cgi *cgi)
{
	for (char **variable = environ; *variable != NULL; variable++) {
		const char *equals = strchr(*variable, '=');

		if (equals == NULL || equals == *variable)
			continue;
		if (request_put(&cgi->request.asked, *variable,
		    (size_t)(equals - *variable), equals + 1,
		    strlen(equals + 1)) < 0)
			return -1;
	}
	return put_root_path(cgi);
}

/* Without a length there is no body, but for one in chunks. */
static bool
has_body(const struct head *head)
{
	const char *encoding = getenv("HTTP_TRANSFER_ENCODING");

	return head->content_length != HEAD_NO_LENGTH ||
	    (encoding != NULL && strcasestr(encoding, "chunked") != NULL);
}

static bool
is_well_formed(struct cgi *cgi)
{
	struct cli_request *request = &cgi->request;
	const struct config *config = cgi->config;
	enum head_rc rc = request_scan(&request->asked);

	if (request->asked.length > config->params_limit)
		cli_inline_problem(request, &cgi->sink, 431, "",
		    "The request's parameters are larger than params_limit "
		    "(%zu bytes).", config->params_limit);
	else if (rc != HEAD_OK)
		cli_inline_problem(request, &cgi->sink, 400, "", "%s.",
		    head_strerror(rc));
	else
		return true;
	return false;
}

static bool
read_body(struct cgi *cgi)
{
	struct cli_request *request = &cgi->request;
	struct err err = { "" };
	int status;

	if (!has_body(&request->asked.head))
		return true;
	status = cli_body_read(&request->body, STDIN_FILENO,
	    request->asked.head.content_length,
	    request->match.route->body_limit, cgi->config, &err);
	if (status == 0)
		return true;
	if (status >= 500)
		log_warnx("req=%s %s", request->asked.id, err.text);
	cli_inline_problem(request, &cgi->sink, status, "", "%s",
	    status >= 500 ? "The request body could not be stored." :
	    err.text);
	return false;
}

static int
serve(struct cgi *cgi)
{
	struct cli_request *request = &cgi->request;
	uint64_t timeout_ms = request->match.route->timeout_ms;
	int rc;

	if (timeout_ms > 0)
		request->deadline_ns = clock_now_ns() +
		    timeout_ms * CLOCK_NS_PER_MS;
	if (cli_last_words_begin(&cgi->sink, request, timeout_ms,
	    cgi->config->kill_grace_ms) < 0)
		log_warn("req=%s watching its handler", request->asked.id);
	rc = cli_inline_serve(&cgi->in, request, &cgi->sink);
	cli_last_words_end();
	return rc < 0 ? 1 : 0;
}

static int
answer(struct cgi *cgi)
{
	int rc = 0;

	if (put_environment(cgi) < 0) {
		cli_inline_problem(&cgi->request, &cgi->sink, 500, "",
		    "Out of memory.");
		return EXIT_CODE_SYSTEM;
	}
	if (!is_well_formed(cgi))
		return 0;
	if (cli_inline_open(&cgi->in, cgi->config, NULL) < 0) {
		cli_inline_problem(&cgi->request, &cgi->sink, 500, "",
		    "The handlers could not be loaded.");
		rc = EXIT_CODE_CONFIG;
	} else if (cli_inline_route(&cgi->in, &cgi->request, &cgi->sink) &&
	    cli_inline_admits(&cgi->in, &cgi->request, &cgi->sink) &&
	    read_body(cgi)) {
		rc = serve(cgi);
	}
	cli_inline_close(&cgi->in);
	return rc;
}

static int
refuse(struct cgi *cgi, int status, const char *detail, int exit_code)
{
	cli_inline_problem(&cgi->request, &cgi->sink, status, "", "%s",
	    detail);
	return exit_code;
}

static int
run(struct cgi *cgi, const char *file, bool injected)
{
	struct config *config;
	struct err err;
	int rc;

	if (injected)
		return refuse(cgi, 400, "The query came as arguments of the "
		    "program.", 0);
	config = cli_config_load(file);
	if (config == NULL)
		return refuse(cgi, 500, "The configuration has faults.",
		    EXIT_CODE_CONFIG);
	log_set_level(config->log_level);
	cgi->config = config;
	/* First: it takes secrets out of what becomes the parameters. */
	cgi->in.access = access_create(config, &err);
	if (cgi->in.access != NULL)
		rc = answer(cgi);
	else {
		log_line(LOG_LEVEL_ERROR, "%s", err.text);
		rc = refuse(cgi, 500, "The configuration has faults.",
		    EXIT_CODE_CONFIG);
	}
	cli_request_free(&cgi->request);
	access_destroy(cgi->in.access);
	config_free(config);
	return rc;
}

static int
begin(struct cgi *cgi)
{
	const char *method = getenv("REQUEST_METHOD");
	int out;

	log_init("cgi");
	signal(SIGPIPE, SIG_IGN);
	unsetenv("HTTP_PROXY");	/* a request's header, not our proxy */
	cli_request_init(&cgi->request);
	if (method != NULL)
		cgi->request.asked.head.method = (struct wire_span){ method,
		    strlen(method) };
	out = cli_take_stdout();
	if (out < 0) {
		log_warn("stdout");
		return -1;
	}
	cli_sink_init(&cgi->sink, out, true, true);
	return 0;
}

int
cli_cgi(int argc, char **argv)
{
	const char *file = NULL;
	const struct cli_option options[] = { CLI_OPTION_CONFIG(file) };
	const struct cli_command command = { "cgi", "", 0, 0,
	    "Answers one request as a CGI program (RFC 3875): the request "
	    "comes in the\nenvironment and on stdin, the reply goes to "
	    "stdout, the log to stderr.  Async\nroutes are run too, in this "
	    "process; timeouts and body limits hold.\n\n"
	    "A script for the web server:\n\n"
	    "  #!/bin/sh\n"
	    "  exec fcgi-host cgi -c /etc/fcgi-host/fcgi-host.conf",
	    options, 1 };
	struct cgi cgi = { .config = NULL };
	bool injected = query_is_in_arguments(argc, argv);
	int exit_code;

	if (!injected && cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	if (getenv("GATEWAY_INTERFACE") == NULL)
		return cli_usage_error("cgi", "is started by a web server: "
		    "GATEWAY_INTERFACE is not set; try fcgi-host cgi --help");
	if (begin(&cgi) < 0)
		return EXIT_CODE_SYSTEM;
	exit_code = run(&cgi, file, injected);
	close(cgi.sink.fd);
	return exit_code;
}
