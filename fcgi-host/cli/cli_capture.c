/*
 * cli_capture.c - a request out of a file: what `call --request` runs again.
 *
 * Runs in: `call`.
 * Owns: nothing; parameters and body go into the struct cli_request.
 * Invariant: the limits of the configuration count as they do in the front.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli_inline.h"
#include "common/capture.h"

/* While it is read. */
struct load {
	struct cli_request	*request;
	const struct config	*config;
	struct err		*err;
};

static int
put_params(void *context, const void *bytes, size_t length)
{
	struct load *load = context;

	return request_put_pairs(&load->request->asked, bytes, length);
}

static int
put_body(void *context, const void *bytes, size_t length)
{
	struct load *load = context;

	return cli_body_add(&load->request->body, bytes, length, load->config,
	    load->err);
}

int
cli_request_read(struct cli_request *request, const char *file,
    const struct config *config, struct err *err)
{
	struct load load = { request, config, err };
	const struct capture_sink sink = { .params = put_params,
	    .body = put_body, .context = &load,
	    .params_max = config->params_limit,
	    .body_max = SIZE_MAX };	/* cli_call.c asks the route */
	int fd = open(file, O_RDONLY | O_NOCTTY | O_CLOEXEC), rc;

	if (fd < 0)
		return err_sys(err, "%s", file);
	rc = capture_read(fd, file, &sink, err);
	close(fd);
	return rc == 0 ? cli_body_rewind(&request->body, err) : -1;
}
