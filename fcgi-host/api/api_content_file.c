/*
 * api_content_file.c - a file as a reply that the host itself reads.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: a descriptor, while its reply is sent.
 * Invariant: nothing but a regular file is read, and a name from a client leads
 * nowhere but below its folder.
 */
#include "api/api_content.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/io.h"

#define NS_PER_S	UINT64_C(1000000000)
#define YOUNG_S		2	/* it may be changed again in this time */
#define ANY_TYPE	"application/octet-stream"

static const char *const types[][2] = {
	{ "avif", "image/avif" },
	{ "css", "text/css; charset=utf-8" },
	{ "csv", "text/csv; charset=utf-8" },
	{ "gif", "image/gif" },
	{ "gz", "application/gzip" },
	{ "html", "text/html; charset=utf-8" },
	{ "ico", "image/x-icon" },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "js", "text/javascript; charset=utf-8" },
	{ "json", "application/json" },
	{ "jsonl", "application/jsonl" },
	{ "md", "text/markdown; charset=utf-8" },
	{ "mjs", "text/javascript; charset=utf-8" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "pdf", "application/pdf" },
	{ "png", "image/png" },
	{ "svg", "image/svg+xml" },
	{ "txt", "text/plain; charset=utf-8" },
	{ "wasm", "application/wasm" },
	{ "webm", "video/webm" },
	{ "webp", "image/webp" },
	{ "woff2", "font/woff2" },
	{ "xml", "application/xml" },
	{ "zip", "application/zip" }
};

static const char *
type_of_name(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *dot = strrchr(slash == NULL ? name : slash, '.');

	for (size_t i = 0; dot != NULL &&
	    i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcasecmp(dot + 1, types[i][0]) == 0)
			return types[i][1];
	}
	return ANY_TYPE;
}

int
api_content_type(struct fh_request *rq, const char *type, const char *name,
    const char **type_out)
{
	if (type != NULL && fh_set_header(rq, "Content-Type", type) != 0)
		return -1;
	*type_out = rq->content_type != NULL ? rq->content_type :
	    type_of_name(name);
	return 0;
}

/* ------------------------------------------------- sending */

static int
not_there(struct fh_request *rq)
{
	fh_set_header(rq, "Content-Disposition", NULL);
	return fh_problem(rq, 404, "There is no such file.");
}

static int
set_validators(struct fh_request *rq, const struct stat *status)
{
	uint64_t changed_ns = (uint64_t)status->st_mtim.tv_sec * NS_PER_S +
	    (uint64_t)status->st_mtim.tv_nsec;
	char tag[40];

	if (api_has_validators(rq))
		return 0;
	snprintf(tag, sizeof(tag), "%llx-%llx",
	    (unsigned long long)changed_ns,
	    (unsigned long long)status->st_size);
	if (fh_set_etag(rq, tag, time(NULL) - status->st_mtim.tv_sec <
	    YOUNG_S) != 0)
		return -1;
	return fh_set_modified(rq, status->st_mtim.tv_sec);
}

static int
send_file(struct fh_request *rq, const char *type, int fd, const char *name)
{
	struct api_content content = { .fd = fd };
	struct stat status;

	if (api_reply_open(rq) != 0)
		return -1;
	if (fstat(fd, &status) != 0)
		return api_fault(rq, errno, "the file cannot be read: %s",
		    strerror(errno));
	if (!S_ISREG(status.st_mode))
		return not_there(rq);
	content.size = (uint64_t)status.st_size;
	content.piece = api_arena_alloc(&rq->arena, API_PIECE);
	if (content.piece == NULL)
		return api_fault(rq, ENOMEM, "out of memory for the reply");
	if (api_content_type(rq, type, name, &content.type) != 0 ||
	    set_validators(rq, &status) != 0)
		return -1;
	return api_content_send(rq, &content);
}

int
fh_reply_fd(struct fh_request *rq, const char *type, int fd)
{
	return send_file(rq, type, fd, "");
}

/* What open() gave; its errno says whether there is such a file. */
static int
send_opened(struct fh_request *rq, const char *type, int fd, const char *name)
{
	int rc, error = errno;

	if (fd >= 0) {
		rc = send_file(rq, type, fd, name);
		error = errno;
		close(fd);
		errno = error;
		return rc;
	}
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
	case ELOOP:
	case ENXIO:	/* a socket */
	case EXDEV:	/* out of its folder */
		return not_there(rq);
	default:
		return api_fault(rq, error, "the file cannot be opened: %s",
		    strerror(error));
	}
}

/* A FIFO without a writer is not waited for. */
#define OPEN_FLAGS	(O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

int
fh_reply_path(struct fh_request *rq, const char *type, const char *path)
{
	return send_opened(rq, type, open(path, OPEN_FLAGS), path);
}

int
fh_reply_under(struct fh_request *rq, const char *type, const char *folder,
    const char *name)
{
	int below = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, error;

	if (below < 0)
		return api_fault(rq, errno, "the folder \"%.128s\" cannot be "
		    "opened: %s", folder, strerror(errno));
	fd = io_open_below(below, name, OPEN_FLAGS, RESOLVE_NO_MAGICLINKS);
	error = errno;
	close(below);
	errno = error;
	return send_opened(rq, type, fd, name);
}
