/*
 * handler_file.c - what can be known of a handler's file without running any
 * of it.
 *
 * Runs in: the process that copies handlers; zygote, loader and the tools.
 * Owns: nothing; the descriptor is the caller's.
 * Invariant: nothing in the directory makes us wait, whatever it is.
 */
#include "common/handler_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/handler_load.h"

#define FILE_MAX	(256 << 20)

static int
check_type(const struct stat *status, struct err *err)
{
	if (S_ISDIR(status->st_mode))
		return err_set(err, "is a directory, not a file");
	if (S_ISFIFO(status->st_mode))
		return err_set(err, "is a FIFO, not a file");
	if (!S_ISREG(status->st_mode))
		return err_set(err, "is no regular file");
	return 0;
}

static int
check_size(const struct stat *status, struct err *err)
{
	if (status->st_size == 0)
		return err_set(err, "is empty (still being copied?)");
	if (status->st_size > FILE_MAX)
		return err_set(err, "has %lld bytes, a handler may have %d",
		    (long long)status->st_size, FILE_MAX);
	return 0;
}

/* Why open() has failed.  Of a socket it says only that it cannot. */
static int
refuse_open(const char *path, struct err *err)
{
	int saved = errno;
	struct stat status;

	if (saved == ELOOP)
		return err_set(err, "is a link that leads to itself");
	if (saved == ENOENT && lstat(path, &status) == 0)
		return err_set(err, "is a link to a file that is not there");
	if (saved == ENXIO && stat(path, &status) == 0 &&
	    check_type(&status, err) < 0)
		return -1;
	errno = saved;
	return err_sys(err, "cannot be opened");
}

int
handler_file_open(const char *path, struct stat *status_out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc;

	if (fd < 0)
		return refuse_open(path, err);
	if (fstat(fd, status_out) < 0)
		rc = err_sys(err, "cannot be read");
	else if ((rc = check_type(status_out, err)) == 0)
		rc = check_size(status_out, err);
	if (rc == 0)
		return fd;
	close(fd);
	return -1;
}

int
handler_file_inspect(int fd, char build_id_out[2 * ELF_BUILD_ID_MAX + 1],
    struct err *err)
{
	struct elf_facts facts;

	if (elf_read(fd, HANDLER_SYMBOL, &facts, err) < 0)
		return -1;
	memcpy(build_id_out, facts.build_id, sizeof(facts.build_id));
	if (facts.symbols && !facts.defined)
		return err_set(err, "has no symbol " HANDLER_SYMBOL ": it "
		    "lacks FH_HANDLER(...), or hides it");
	if (facts.byte_count == sizeof(facts.bytes))
		return handler_descriptor_check(facts.bytes, err);
	return 0;
}

/* "alice (user 1000)", or "user 1000" when it has no name. */
static void
describe_user(uid_t user, char *out, size_t size)
{
	const struct passwd *entry = getpwuid(user);

	if (entry != NULL)
		snprintf(out, size, "%s (user %u)", entry->pw_name,
		    (unsigned)user);
	else
		snprintf(out, size, "user %u", (unsigned)user);
}

static int
check_owner(uid_t owner, uid_t service_user, struct err *err)
{
	char has[80], wanted[80];

	if (owner == 0 || owner == service_user)
		return 0;
	describe_user(owner, has, sizeof(has));
	describe_user(service_user, wanted, sizeof(wanted));
	if (service_user == 0)
		return err_set(err, "belongs to %s, not to root: chown root",
		    has);
	return err_set(err, "belongs to %s, neither to root nor to %s, who "
	    "runs the service: chown root", has, wanted);
}

int
handler_file_trusted(const struct stat *status, uid_t service_user,
    struct err *err)
{
	mode_t mode = status->st_mode;

	if ((mode & S_IWGRP) != 0 && (mode & S_IWOTH) != 0)
		return err_set(err, "is writable by its group and by others: "
		    "chmod go-w");
	if ((mode & S_IWGRP) != 0)
		return err_set(err, "is writable by its group: chmod g-w");
	if ((mode & S_IWOTH) != 0)
		return err_set(err, "is writable by others: chmod o-w");
	return check_owner(status->st_uid, service_user, err);
}
