/*
 * api_fixture.c - one route, one request and a sink, for the tests of api/.
 *
 * Runs in: unit tests.
 * Owns: the fixture of one test.
 * Invariant: a sink that was told of an error is not called again.
 */
#include "api_fixture.h"

#include <sys/mman.h>

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "wire/wire_params.h"

/* In place of the configuration's own. */
const char *
config_setting(const struct config *config, const char *handler,
    const char *key)
{
	(void)config;
	if (strcmp(handler, "tested") != 0 || strcmp(key, "colour") != 0)
		return NULL;
	return "green";
}

static int
collect(struct api_sink *sink, const char *head, size_t head_length,
    const void *body, size_t length)
{
	struct fixture *f = (struct fixture *)(void *)((char *)sink -
	    offsetof(struct fixture, sink));

	assert_true(f->fail_at == 0 || f->sends < f->fail_at);
	if (++f->sends == f->fail_at) {
		errno = EPIPE;
		return -1;
	}
	assert_true((head != NULL) == (f->head_length == 0));
	assert_non_null(body);
	if (head != NULL) {
		assert_true(head_length < sizeof(f->head));
		memcpy(f->head, head, head_length);
		f->head_length = head_length;
	}
	assert_true(f->body_length + length <= FIXTURE_BODY);
	memcpy(f->body + f->body_length, body, length);
	f->body_length += length;
	f->body[f->body_length] = '\0';
	return 0;
}

static int
flush(struct api_sink *sink)
{
	struct fixture *f = (struct fixture *)(void *)((char *)sink -
	    offsetof(struct fixture, sink));

	f->flushes++;
	return 0;
}

int
fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->config.header_limit = 16384;
	f->config.form_fields = 1000;
	f->handler.name = (char *)"tested";
	f->handler.host = (struct fh_host){ &f->set, &f->handler };
	f->route = (struct route){ .handler = &f->handler,
	    .method = (char *)"GET", .path = (char *)"/users/{id}/{rest...}",
	    .label = (char *)"GET /users/{id}/{rest...}",
	    .names = (char *)"id\0rest", .capture_count = 2 };
	f->model = (struct fh_model){ .name = "words", .data = "abc",
	    .length = 3 };
	f->set = (struct handler_set){ .handlers = &f->handler,
	    .handler_count = 1, .routes = &f->route, .route_count = 1,
	    .config = &f->config, .models = &f->model, .model_count = 1 };
	f->sink = (struct api_sink){ .space = 65536, .streams = true,
	    .send = collect, .flush = flush };
	f->log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(f->log_fd >= 0);
	log_set_fd(f->log_fd);
	log_set_level(LOG_LEVEL_DEBUG);
	fixture_param(f, "REQUEST_METHOD", "GET");
	fixture_param(f, "PATH_INFO", "/users/7/a/b c");
	f->input = (struct api_input){ .route = &f->route, .body = "",
	    .body_fd = -1, .request_id = "abc123",
	    .cancelled = &f->cancelled };
	*state = f;
	return 0;
}

int
fixture_teardown(void **state)
{
	struct fixture *f = *state;

	api_request_destroy(f->rq);
	api_worker_destroy(f->thread);
	log_set_fd(STDERR_FILENO);
	close(f->log_fd);
	free(f);
	return 0;
}

void
fixture_param_bytes(struct fixture *f, const char *name, size_t name_length,
    const char *value, size_t value_length)
{
	uint8_t *end = wire_params_put(f->params + f->params_length,
	    f->params + sizeof(f->params), name, name_length, value,
	    value_length);

	assert_non_null(end);
	f->params_length = (size_t)(end - f->params);
}

void
fixture_param(struct fixture *f, const char *name, const char *value)
{
	fixture_param_bytes(f, name, strlen(name), value, strlen(value));
}

void
fixture_no_params(struct fixture *f)
{
	f->params_length = 0;
}

void
fixture_body(struct fixture *f, const void *bytes, size_t length)
{
	f->input.body = bytes;
	f->input.body_length = length;
}

void
fixture_serve(struct fixture *f, int (*serve)(struct fh_request *))
{
	/* The exact size, so that the sanitizer sees a byte too many. */
	uint8_t *params = malloc(f->params_length + 1);

	assert_non_null(params);
	memcpy(params, f->params, f->params_length);
	if (f->thread == NULL)
		f->thread = api_worker_create(&f->set, API_ALL_POOLS);
	assert_non_null(f->thread);
	if (f->rq == NULL)
		f->rq = api_request_create(f->thread);
	assert_non_null(f->rq);
	f->route.serve = serve;
	f->input.params = params;
	f->input.params_length = f->params_length;
	f->head_length = f->body_length = 0;
	f->sends = f->flushes = 0;
	memset(f->head, 0, sizeof(f->head));
	f->body[0] = '\0';
	f->outcome = api_serve(f->rq, &f->input, &f->sink, &f->result);
	free(params);
	f->input.params = NULL;
	api_request_reset(f->rq);
}

const char *
fixture_log(struct fixture *f)
{
	off_t length = lseek(f->log_fd, 0, SEEK_END);

	assert_true(length >= 0 && (size_t)length < sizeof(f->log));
	assert_int_equal(pread(f->log_fd, f->log, (size_t)length, 0), length);
	f->log[length] = '\0';
	assert_int_equal(ftruncate(f->log_fd, 0), 0);
	assert_int_equal(lseek(f->log_fd, 0, SEEK_SET), 0);
	return f->log;
}

void
wants_head(const struct fixture *f, const char *head)
{
	assert_string_equal(f->head, head);
}

void
wants_body(const struct fixture *f, const char *body)
{
	assert_int_equal(f->body_length, strlen(body));
	assert_string_equal(f->body, body);
}

void
wants_header(const struct fixture *f, const char *line)
{
	char wanted[1024];

	snprintf(wanted, sizeof(wanted), "\r\n%s\r\n", line);
	if (strstr(f->head, wanted) == NULL)
		fail_msg("no \"%s\" in:\n%s", line, f->head);
}

void
wants_no_header(const struct fixture *f, const char *name)
{
	char wanted[128];

	snprintf(wanted, sizeof(wanted), "\r\n%s:", name);
	if (strcasestr(f->head, wanted) != NULL)
		fail_msg("\"%s\" in:\n%s", name, f->head);
}

static void
wants_member(struct json_object *document, const char *key, const char *text)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(document, key, &value));
	assert_non_null(strstr(json_object_get_string(value), text));
}

void
wants_500(const struct fixture *f, const char *text)
{
	struct json_object *document = json_tokener_parse(f->body);
	char head[256];

	assert_non_null(document);
	wants_member(document, "title", "Internal Server Error");
	wants_member(document, "status", "500");
	wants_member(document, "instance", "abc123");
	wants_member(document, "detail", text);
	json_object_put(document);
	snprintf(head, sizeof(head), "Status: 500 Internal Server Error\r\n"
	    "Content-Type: application/problem+json\r\n"
	    "Content-Length: %zu\r\n\r\n", f->body_length);
	wants_head(f, head);
	assert_int_equal(f->result.status, 500);
	assert_int_equal(f->outcome, API_DONE);
}

int
fixture_hello(struct fh_request *rq)
{
	assert_int_equal(fh_reply_status(rq), 200);
	assert_int_equal(fh_write(rq, "Hello, ", 7), 0);
	assert_int_equal(fh_printf(rq, "%s!\n", "world"), 0);
	return 0;
}
