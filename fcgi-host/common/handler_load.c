/*
 * handler_load.c - one handler's file into a struct handler.
 *
 * Runs in: zygote, loader and the tools.
 * Owns: the private copies in the copy directory while it writes them.
 * Invariant: the dropped file itself is opened as code only by tools; nothing
 * of a file is run before its ELF header, symbol and ABI have been checked.
 */
#include "common/handler_load.h"

#include <sys/stat.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/elf.h"
#include "common/io.h"

#define FILE_MAX	(256 << 20)
#define SYMBOL		"fh_handler_descriptor"

static int
check_file(int fd, struct stat *status, struct err *err)
{
	if (fstat(fd, status) < 0)
		return err_sys(err, "cannot be read");
	if (S_ISDIR(status->st_mode))
		return err_set(err, "is a directory, not a file");
	if (!S_ISREG(status->st_mode))
		return err_set(err, "is no regular file");
	if (status->st_size == 0)
		return err_set(err, "is empty (still being copied?)");
	if (status->st_size > FILE_MAX)
		return err_set(err, "has %lld bytes, a handler may have %d",
		    (long long)status->st_size, FILE_MAX);
	return 0;
}

static int
open_file(const char *file, struct stat *status, struct err *err)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		struct stat link;

		if (errno == ENOENT && lstat(file, &link) == 0)
			return err_set(err, "is a link to a file that is not "
			    "there");
		return err_sys(err, "cannot be opened");
	}
	if (check_file(fd, status, err) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* What can be known without running any of it. */
static int
inspect(struct handler *handler, int fd, struct err *err)
{
	struct elf_facts facts;

	if (elf_read(fd, SYMBOL, &facts, err) < 0)
		return -1;
	memcpy(handler->build_id, facts.build_id, sizeof(handler->build_id));
	if (facts.symbols && !facts.defined)
		return err_set(err, "has no symbol " SYMBOL ": it lacks "
		    "FH_HANDLER(...), or hides it");
	if (facts.byte_count == sizeof(facts.bytes))
		return handler_descriptor_check(facts.bytes, err);
	return 0;
}

/* ------------------------------------------------------ the private copy */

static int
copy_bytes(int from, int to, off_t size, const char *copy, struct err *err)
{
	char buffer[65536];
	off_t at = 0;

	for (;;) {
		ssize_t got = pread(from, buffer, sizeof(buffer), at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "cannot be read");
		if (got == 0)
			break;
		if (io_write_all(to, buffer, (size_t)got) < 0)
			return err_sys(err, "cannot be copied to %s", copy);
		at += got;
	}
	if (at != size)
		return err_set(err, "changed while it was copied");
	return 0;
}

/* Was the file written to since `before`?  Then the copy is of neither. */
static int
check_unchanged(int fd, const struct stat *before, struct err *err)
{
	struct stat now;

	if (fstat(fd, &now) < 0)
		return err_sys(err, "cannot be read");
	if (now.st_size != before->st_size ||
	    now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
		return err_set(err, "changed while it was copied");
	return 0;
}

static int
copy_file(int from, const struct stat *status, const char *copy,
    struct err *err)
{
	int to, rc;

	if (unlink(copy) < 0 && errno != ENOENT)
		return err_sys(err, "cannot replace its copy %s", copy);
	to = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500);
	if (to < 0)
		return err_sys(err, "cannot be copied to %s", copy);
	rc = copy_bytes(from, to, status->st_size, copy, err);
	if (rc == 0)
		rc = check_unchanged(from, status, err);
	if (close(to) < 0 && rc == 0)
		rc = err_sys(err, "cannot be copied to %s", copy);
	if (rc < 0)
		unlink(copy);
	return rc;
}

/* ------------------------------------------------------------- opening */

/* dlerror() starts with the file's name, that of our copy: take it off. */
static int
refuse_dlerror(const char *opened, struct err *err)
{
	const char *text = dlerror();
	size_t length = strlen(opened);

	if (text == NULL)
		text = "dlopen failed";
	if (strncmp(text, opened, length) == 0 && text[length] == ':')
		text += length + 1 + strspn(text + length + 1, " ");
	return err_set(err, "cannot be loaded: %s", text);
}

static int
open_code(struct handler *handler, const char *path, struct err *err)
{
	const struct fh_handler *descriptor;
	uint8_t first[16];

	handler->dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handler->dl == NULL)
		return refuse_dlerror(path, err);
	descriptor = dlsym(handler->dl, SYMBOL);
	if (descriptor == NULL)
		return err_set(err, "has no symbol " SYMBOL ": it lacks "
		    "FH_HANDLER(...)");
	memcpy(first, descriptor, sizeof(first));
	if (handler_descriptor_check(first, err) < 0)
		return -1;
	return handler_descriptor_copy(handler, descriptor, err);
}

static int
load_from(struct handler *handler, int fd, const struct stat *status,
    const char *copy_dir, struct err *err)
{
	char path[PATH_MAX];
	const char *base = strrchr(handler->file, '/');

	if (inspect(handler, fd, err) < 0)
		return -1;
	if (copy_dir == NULL)
		return open_code(handler, handler->file, err);
	base = base != NULL ? base + 1 : handler->file;
	if (snprintf(path, sizeof(path), "%s/%u-%s", copy_dir, handler->index,
	    base) >= (int)sizeof(path))
		return err_set(err, "has too long a name for a copy in %s",
		    copy_dir);
	if (copy_file(fd, status, path, err) < 0)
		return -1;
	return open_code(handler, path, err);
}

int
handler_load(struct handler *handler, const char *copy_dir, struct err *err)
{
	struct stat status;
	int fd, rc;

	fd = open_file(handler->file, &status, err);
	if (fd < 0)
		return -1;
	rc = load_from(handler, fd, &status, copy_dir, err);
	close(fd);
	return rc;
}

/* Without memory the sentence is lost, but not that there is one. */
static char no_reason[] = "refused, and no memory to say why";

void
handler_refuse(struct handler *handler, const char *reason,
    handler_report *report, void *context)
{
	char sentence[1024];

	handler->error = strdup(reason);
	if (handler->error == NULL)
		handler->error = no_reason;
	snprintf(sentence, sizeof(sentence), "%s: %s", handler->file, reason);
	report(context, sentence);
}

/* The code stays mapped: something of it may still be in use. */
void
handler_unload(struct handler *handler)
{
	handler_descriptor_free(handler);
	free(handler->name);
	free(handler->file);
	if (handler->error != no_reason)
		free(handler->error);
}
