/*
 * openapi_page.c - the page at `docs_path`: Swagger UI over the document.
 *
 * Runs in: zygote (made), front, call and cgi (served).
 * Owns: the page and its files, for the process's life.
 * Invariant: every reference in it is relative, so the prefix that the host is
 * mounted under is never needed; a file's URL changes with its bytes, so it
 * may be kept for good.
 */
#include "openapi/openapi_serve.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/log.h"

#define FILE_MAX	((off_t)16 << 20)
#define KEPT		"public, max-age=31536000, immutable"

static struct {
	const char		*name;
	struct openapi_content	 content;
} files[OPENAPI_FILES] = {
	[OPENAPI_FILE_BUNDLE] = { "swagger-ui-bundle.js", {
	    .type = "text/javascript; charset=utf-8", .cached = KEPT } },
	[OPENAPI_FILE_STYLE] = { "swagger-ui.css", {
	    .type = "text/css; charset=utf-8", .cached = KEPT } },
	[OPENAPI_FILE_START] = { "start.js", {
	    .type = "text/javascript; charset=utf-8", .cached = KEPT } },
	[OPENAPI_FILE_ICON] = { "favicon-32x32.png", {
	    .type = "image/png", .cached = KEPT } },
};

static struct openapi_content page = {
	.type = "text/html; charset=utf-8", .cached = "no-cache",
};
static char	policy[OPENAPI_POLICY_MAX];
static char	home[PATH_MAX];		/* docs_path */

/* ---------------------------------------------------------------- serving */

static int
not_there(struct fh_request *rq)
{
	return fh_problem(rq, 404, "The documentation page has no such file.");
}

static int
serve_page(struct fh_request *rq)
{
	if (page.bytes == NULL)
		return not_there(rq);
	if (fh_set_header(rq, "Content-Security-Policy", policy) < 0 ||
	    fh_set_header(rq, "Referrer-Policy", "same-origin") < 0)
		return -1;
	return openapi_reply(rq, &page);
}

static int
serve_file(struct fh_request *rq)
{
	const char *name = fh_path_param(rq, "file");

	/* The page with a slash more: its references would miss. */
	if (name[0] == '\0')
		return fh_redirect(rq, 308, home);
	for (size_t i = 0; i < OPENAPI_FILES; i++) {
		if (strcmp(files[i].name, name) == 0 &&
		    files[i].content.bytes != NULL)
			return openapi_reply(rq, &files[i].content);
	}
	return not_there(rq);
}

/* ----------------------------------------------------------------- making */

static char *
path_of(const struct config *config, size_t index, const char *suffix,
    char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s%s", config->docs_files,
	    files[index].name, suffix);
	return out;
}

static int
check_files(const struct config *config, struct err *err)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < OPENAPI_FILES; i++) {
		if (access(path_of(config, i, "", path), R_OK) == 0)
			continue;
		return err_set(err, "there is no page, for want of %s (%s): "
		    "fcgi-host/docs-page/fetch makes the folder that "
		    "docs_files names", path, strerror(errno));
	}
	return 0;
}

/* All of a file, for free(); NULL with errno. */
static char *
read_file(const char *path, size_t *length_out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	char *bytes = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	    status.st_size <= FILE_MAX)
		bytes = malloc((size_t)status.st_size + 1);
	if (bytes != NULL && io_read_at(fd, bytes, (size_t)status.st_size,
	    0) < 0) {
		free(bytes);
		bytes = NULL;
	}
	close(fd);
	if (bytes != NULL)
		*length_out = (size_t)status.st_size;
	return bytes;
}

static void
load_file(const struct config *config, size_t index)
{
	struct openapi_content *content = &files[index].content;
	char path[PATH_MAX], *bytes;
	size_t length = 0;

	bytes = read_file(path_of(config, index, "", path), &length);
	if (bytes == NULL) {
		log_warn("docs_path: %s", path);
		return;
	}
	if (openapi_content_set(content, bytes, length) < 0) {
		free(bytes);
		return;
	}
	content->gzip = read_file(path_of(config, index, ".gz", path),
	    &content->gzip_length);
}

static void
make_page(const struct config *config)
{
	char urls[OPENAPI_FILES][OPENAPI_URL_MAX];
	const char *folder = strrchr(config->docs_path, '/') + 1;
	char *text;

	for (size_t i = 0; i < OPENAPI_FILES; i++)
		snprintf(urls[i], OPENAPI_URL_MAX, "%s/%s?v=%s", folder,
		    files[i].name, files[i].content.tag);
	snprintf(home, sizeof(home), "%s", config->docs_path);
	openapi_policy(config, policy);
	text = openapi_html(config, urls);
	if (text != NULL && openapi_content_set(&page, text, strlen(text)) < 0)
		free(text);
}

const struct fh_route *
openapi_page_routes(const struct config *config, struct err *err)
{
	static struct fh_route routes[3];
	static char below[PATH_MAX];

	if (config->docs_path == NULL || check_files(config, err) < 0)
		return NULL;
	snprintf(below, sizeof(below), "%s/{file...}", config->docs_path);
	routes[0] = (struct fh_route){ .methods = "GET",
	    .path = config->docs_path, .serve = serve_page, .auth = "none",
	    .summary = "the documentation", .hidden = true };
	routes[1] = (struct fh_route){ .methods = "GET", .path = below,
	    .serve = serve_file, .auth = "none", .summary = "files of its page",
	    .hidden = true };
	return routes;
}

void
openapi_page_prepare(const struct handler_set *set)
{
	if (set->config->docs_path == NULL)
		return;
	openapi_content_clear(&page);
	for (size_t i = 0; i < OPENAPI_FILES; i++) {
		openapi_content_clear(&files[i].content);
		load_file(set->config, i);
	}
	make_page(set->config);
}
