/*
 * access_file.c - secrets, from files and variables.
 *
 * Runs in: zygote and the tools, before any handler is loaded.
 * Owns: nothing; the bytes are the caller's.
 * Invariant: a secret that others could have read, or a key that others could
 * have put there, is not used.
 */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/access_private.h"
#include "common/io.h"

static int
check_status(const char *path, const struct stat *status,
    enum access_privacy privacy, struct err *err)
{
	if (!S_ISREG(status->st_mode))
		return err_set(err, "%s: is no regular file", path);
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return err_set(err, "%s: belongs to uid %u, who could change "
		    "it: chown it to root", path, (unsigned)status->st_uid);
	if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_set(err, "%s: its group or everybody may write to "
		    "it: chmod go-w", path);
	if (privacy == ACCESS_SECRET && (status->st_mode & S_IRWXO) != 0)
		return err_set(err, "%s: everybody may read it, and it is "
		    "secret: chmod o-rwx", path);
	if (status->st_size > ACCESS_FILE_MAX)
		return err_set(err, "%s: is over %u bytes", path,
		    ACCESS_FILE_MAX);
	return 0;
}

static char *
read_all(const char *path, int fd, size_t length, struct err *err)
{
	char *bytes = malloc(length + 1);

	if (bytes == NULL) {
		err_sys(err, "%s", path);
		return NULL;
	}
	if (io_read_at(fd, bytes, length, 0) < 0) {
		err_sys(err, "%s", path);
		access_file_free(bytes, length);
		return NULL;
	}
	bytes[length] = '\0';
	return bytes;
}

static char *
read_file(const char *path, enum access_privacy privacy, size_t *length_out,
    struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	char *bytes = NULL;

	if (fd < 0) {
		err_sys(err, "%s: the service's user (uid %u) cannot read it",
		    path, (unsigned)geteuid());
		return NULL;
	}
	if (fstat(fd, &status) < 0)
		err_sys(err, "%s", path);
	else if (check_status(path, &status, privacy, err) == 0) {
		*length_out = (size_t)status.st_size;
		bytes = read_all(path, fd, *length_out, err);
	}
	close(fd);
	return bytes;
}


static char *
take_variable(const char *name, size_t *length_out, struct err *err)
{
	char *value = getenv(name), *bytes;

	if (value == NULL) {
		err_set(err, "the variable %s is not in the environment",
		    name);
		return NULL;
	}
	*length_out = strlen(value);
	bytes = strdup(value);
	if (bytes == NULL)
		err_sys(err, "%s", name);
	return bytes;
}

char *
access_file_read(const char *source, enum access_privacy privacy,
    size_t *length_out, struct err *err)
{
	if (strncmp(source, "env:", 4) == 0)
		return take_variable(source + 4, length_out, err);
	return read_file(source, privacy, length_out, err);
}

void
access_file_free(char *bytes, size_t length)
{
	if (bytes != NULL)
		OPENSSL_cleanse(bytes, length);
	free(bytes);
}
