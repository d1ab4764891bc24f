/*
 * capture.c - a request's parameters and body, written as FastCGI records.
 *
 * Runs in: front, for a worker's request; supervisor, for the front's.
 * Owns: the file while it is being written.
 * Invariant: parameters and body are copied and never looked at; what a length
 * claims is not written unless it is there.
 */
#include "common/capture.h"

#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"

#define REQUEST_ID	1
#define NAME_END	".request"
#define TRIES		1000	/* names of a process that had this id before */

/* ------------------------------------------------------------------ names */

void
capture_name(char out[CAPTURE_NAME_MAX], long pid, uint64_t number)
{
	snprintf(out, CAPTURE_NAME_MAX, "%ld-%" PRIu64 NAME_END, pid, number);
}

bool
capture_is_name(const char *name)
{
	size_t pid = strspn(name, "0123456789"), number;

	if (pid == 0 || name[pid] != '-' || strlen(name) >= CAPTURE_NAME_MAX)
		return false;
	name += pid + 1;
	number = strspn(name, "0123456789");
	return number > 0 && strcmp(name + number, NAME_END) == 0;
}

/* ---------------------------------------------------------------- records */

static int
write_record(int fd, uint8_t type, const void *content, size_t length)
{
	uint8_t header[FCGI_HEADER_LEN];
	struct iovec pieces[2] = { { header, sizeof(header) },
	    { (void *)(uintptr_t)content, length } };
	ssize_t done;
	size_t rest;

	wire_put_header(header, type, REQUEST_ID, (uint16_t)length, 0);
	do {
		done = writev(fd, pieces, length > 0 ? 2 : 1);
	} while (done < 0 && errno == EINTR);
	if (done < 0)
		return -1;
	if ((size_t)done < sizeof(header)) {
		if (io_write_all(fd, header + done,
		    sizeof(header) - (size_t)done) < 0)
			return -1;
		done = sizeof(header);
	}
	rest = (size_t)done - sizeof(header);
	return io_write_all(fd, (const uint8_t *)content + rest,
	    length - rest);
}

static int
write_stream(int fd, uint8_t type, const struct capture_part *part)
{
	uint8_t block[WIRE_CONTENT_MAX];
	uint64_t done = 0;

	while (done < part->length) {
		uint64_t left = part->length - done;
		size_t length = left < sizeof(block) ? (size_t)left :
		    sizeof(block);
		const uint8_t *from = block;

		if (part->bytes != NULL)
			from = (const uint8_t *)part->bytes + done;
		else if (io_read_at(part->fd, block, length,
		    part->at + done) < 0)
			return -1;
		if (write_record(fd, type, from, length) < 0)
			return -1;
		done += length;
	}
	return write_record(fd, type, "", 0);
}

static int
write_request(int fd, const struct capture_part *params,
    const struct capture_part *body)
{
	uint8_t begin[WIRE_END_LEN];
	size_t length = wire_put_begin(begin, REQUEST_ID, FCGI_RESPONDER, 0);

	if (io_write_all(fd, begin, length) < 0 ||
	    write_stream(fd, FCGI_PARAMS, params) < 0)
		return -1;
	return write_stream(fd, FCGI_STDIN, body);
}

/* ------------------------------------------------------------------ files */

static int
check_limits(const struct capture_part *params,
    const struct capture_part *body, struct err *err)
{
	errno = EFBIG;
	if (params->length > CAPTURE_PARAMS_MAX)
		return err_set(err, "its parameters have %" PRIu64 " bytes, "
		    "at most %u are kept", params->length, CAPTURE_PARAMS_MAX);
	if (body->length > CAPTURE_BODY_MAX)
		return err_set(err, "its body has %" PRIu64 " bytes, at most "
		    "%u are kept", body->length, CAPTURE_BODY_MAX);
	return 0;
}

/* Whoever holds the unfinished name is the only one that may take the other:
 * what is free is still free when all is written. */
static int
check_free(int folder, const char *name)
{
	if (faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return errno == ENOENT ? 0 : -1;
}

int
capture_write(int folder, const char *name, const struct capture_part *params,
    const struct capture_part *body, struct err *err)
{
	char unfinished[CAPTURE_NAME_MAX + sizeof(CAPTURE_UNFINISHED)];
	int fd, saved;

	if (check_limits(params, body, err) < 0)
		return -1;
	snprintf(unfinished, sizeof(unfinished), "%s" CAPTURE_UNFINISHED,
	    name);
	fd = openat(folder, unfinished, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, "%s", name);
	if (check_free(folder, name) < 0 ||
	    write_request(fd, params, body) < 0 ||
	    renameat(folder, unfinished, folder, name) < 0) {
		saved = errno;
		err_sys(err, "%s", name);
		close(fd);
		unlinkat(folder, unfinished, 0);
		errno = saved;
		return -1;
	}
	close(fd);
	return 0;
}

int
capture_write_next(int folder, long pid, uint64_t *number,
    const struct capture_part *params, const struct capture_part *body,
    char name_out[CAPTURE_NAME_MAX], struct err *err)
{
	for (int i = 0; i < TRIES; i++) {
		capture_name(name_out, pid, ++*number);
		if (capture_write(folder, name_out, params, body, err) == 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	name_out[0] = '\0';
	return -1;
}
