/*
 * front_bodies.c - bodies that the web server has put into files.
 *
 * Runs in: front.
 * Owns: the folder of these files, open.
 * Invariant: a file is taken only if it is a regular one of our own user's,
 * below that folder, with no symbolic link on the way there; from then on we
 * have a name of our own for it, so that the web server may remove its own.
 */
#include <linux/openat2.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/log.h"
#include "front/front_bodies.h"

void
front_bodies_start(struct front *front)
{
	const char *path = front->config->body_files;

	front->bodies_dir = -1;
	front_copy_start(front);
	if (path == NULL)
		return;
	front->bodies_dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (front->bodies_dir < 0)
		log_warn("body_files: %s: no body can be taken over from "
		    "there", path);
}

/* What is behind the folder, as the configuration calls it; NULL: another. */
static const char *
below(const struct front *front, struct wire_span file, char out[PATH_MAX])
{
	const char *folder = front->config->body_files;
	size_t length = strlen(folder);

	if (file.length >= PATH_MAX || file.length < length + 2 ||
	    memcmp(file.at, folder, length) != 0 || file.at[length] != '/' ||
	    memchr(file.at, '\0', file.length) != NULL)
		return NULL;
	length++;
	memcpy(out, file.at + length, file.length - length);
	out[file.length - length] = '\0';
	return out;
}

static int
open_file(const struct front *front, const char *path)
{
	return io_open_below(front->bodies_dir, path, O_RDONLY | O_NOFOLLOW |
	    O_CLOEXEC | O_NOCTTY | O_NONBLOCK, RESOLVE_NO_SYMLINKS |
	    RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
}

/* The descriptor has gone into the request afterwards, or is closed. */
static int
take(struct front_request *request, int fd, size_t length)
{
	bool fits = front_request_has_place(request, length);
	int rc = fits ? front_request_read(request, fd, length) :
	    front_spool_link(request, fd, length);
	int error;

	/* Landlock's EXDEV before Linux 5.19, too. */
	if (rc < 0 && !fits && (errno == EXDEV || errno == EMLINK ||
	    errno == EOPNOTSUPP || errno == EPERM))
		rc = front_copy_begin(request, fd, length);
	error = errno;
	if (fits || rc < 0)
		close(fd);
	errno = error;
	return rc;
}

static int
refuse(struct front_request *request, const char *why)
{
	log_warnx("req=%s REQUEST_BODY_FILE %.*s: %s", request->request_id,
	    (int)request->head.body_file.length, request->head.body_file.at,
	    why);
	front_answer(request, 500, "", "The request body could not be taken "
	    "over from the web server.");
	return -1;
}

static const char *
why_not(int error)
{
	switch (error) {
	case EXDEV:
	case ELOOP:
		return "it leads out of body_files";
	case EACCES:
	case EPERM:
		return "we may not read it: the host has to run as the web "
		    "server's user";
	default:
		return strerror(error);
	}
}

/* Its length; or NULL and why it is not taken. */
static const char *
look_at(int fd, struct stat *status_out)
{
	if (fstat(fd, status_out) < 0)
		return strerror(errno);
	if (!S_ISREG(status_out->st_mode))
		return "it is no regular file";
	return status_out->st_uid == geteuid() ? NULL :
	    "it belongs to another user";
}

static int
take_file(struct front_request *request, int fd)
{
	struct stat status;
	const char *why = look_at(fd, &status);

	if (why == NULL && (uint64_t)status.st_size >
	    front_request_limit(request)) {
		request->too_large = request->discard_body = true;
		close(fd);
		return 0;
	}
	if (why != NULL) {
		close(fd);
		return refuse(request, why);
	}
	request->filed = true;
	if (take(request, fd, (size_t)status.st_size) == 0)
		return 0;
	return refuse(request, why_not(errno));
}

bool
front_bodies_miss(struct front_request *request)
{
	const struct head *head = &request->head;

	if (request->front->config->body_files != NULL ||
	    head->body_file.length == 0 || head->content_length == 0 ||
	    request->body_have > 0)
		return false;
	refuse(request, "body_files is not set, and the body did not come");
	return true;
}

int
front_bodies_take(struct front_request *request)
{
	const struct front *front = request->front;
	char buffer[PATH_MAX];
	const char *path;
	int fd;

	if (front->config->body_files == NULL ||
	    request->head.body_file.length == 0)
		return 0;
	path = below(front, request->head.body_file, buffer);
	if (path == NULL)
		return refuse(request, "it is not below body_files");
	fd = open_file(front, path);
	return fd < 0 ? refuse(request, why_not(errno)) :
	    take_file(request, fd);
}
