/*
 * api_fixture.h - one route, one request and a sink, for the tests of api/.
 */
#ifndef TESTS_UNIT_API_FIXTURE_H
#define TESTS_UNIT_API_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "api/api.h"

#define FIXTURE_BODY	((size_t)1 << 20)

struct fixture {
	struct config		 config;
	struct handler		 handler;
	struct route		 route;
	struct handler_set	 set;
	struct fh_model		 model;
	struct api_worker	*thread;
	struct fh_request	*rq;

	uint8_t			 params[1 << 17];
	size_t			 params_length;
	_Atomic uint32_t	 cancelled;
	struct api_input	 input;

	struct api_sink		 sink;
	int			 sends;
	int			 flushes;
	int			 fail_at;	/* which send fails, from 1 */
	char			 head[1 << 16];
	size_t			 head_length;
	char			 body[FIXTURE_BODY + 1];
	size_t			 body_length;

	enum api_outcome	 outcome;
	struct api_result	 result;
	int			 log_fd;
	char			 log[1 << 18];
};

#define PLAIN	"Content-Type: text/plain; charset=utf-8\r\n"

/* -1, and errno. */
#define FAILS(call, error) do {						\
	errno = 0;							\
	assert_int_equal(call, -1);					\
	assert_int_equal(errno, error);					\
} while (0)

/* cmocka set-up and tear-down; *state is the struct fixture. */
int	fixture_setup(void **state);
int	fixture_teardown(void **state);

void	fixture_param(struct fixture *, const char *name, const char *value);
void	fixture_param_bytes(struct fixture *, const char *name,
	    size_t name_length, const char *value, size_t value_length);
void	fixture_no_params(struct fixture *);
void	fixture_body(struct fixture *, const void *bytes, size_t length);

/* Runs one request; head, body, outcome and result say what came of it. */
void	fixture_serve(struct fixture *, int (*serve)(struct fh_request *));

/* A handler: "Hello, world!\n" in two calls. */
int	fixture_hello(struct fh_request *);

/* What has been logged since the last call. */
const char	*fixture_log(struct fixture *);

/* Checks for the reply's parts. */
void	wants_head(const struct fixture *, const char *head);
void	wants_body(const struct fixture *, const char *body);
void	wants_header(const struct fixture *, const char *line);
void	wants_no_header(const struct fixture *, const char *name);

/* A whole 500 whose detail has `text` in it, and no other header. */
void	wants_500(const struct fixture *, const char *text);

#endif
