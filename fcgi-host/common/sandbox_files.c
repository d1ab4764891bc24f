/*
 * sandbox_files.c - which files code of handlers reaches: Landlock.
 *
 * Runs in: front, worker, trials of handlers; supervisor, to ask.
 * Owns: nothing.
 * Invariant: only ever takes away; a kernel that knows less of it refuses less,
 * never more.
 *
 * By Landlock a file is opened only below a path that a rule names.  It knows
 * nothing of stat(), of Unix sockets that are connected to, and of what was
 * open before.
 */
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/sandbox.h"

#ifndef LANDLOCK_ACCESS_FS_TRUNCATE	/* Linux 6.2 */
#define LANDLOCK_ACCESS_FS_TRUNCATE	(1ULL << 14)
#endif

#define FILE_READ	(LANDLOCK_ACCESS_FS_READ_FILE | \
			 LANDLOCK_ACCESS_FS_EXECUTE)
#define FILE_WRITE	(LANDLOCK_ACCESS_FS_READ_FILE | \
			 LANDLOCK_ACCESS_FS_WRITE_FILE | \
			 LANDLOCK_ACCESS_FS_TRUNCATE)
#define FOLDER_READ	(FILE_READ | LANDLOCK_ACCESS_FS_READ_DIR)
#define FOLDER_WRITE	(FILE_WRITE | LANDLOCK_ACCESS_FS_READ_DIR | \
			 LANDLOCK_ACCESS_FS_REMOVE_DIR | \
			 LANDLOCK_ACCESS_FS_REMOVE_FILE | \
			 LANDLOCK_ACCESS_FS_MAKE_DIR | \
			 LANDLOCK_ACCESS_FS_MAKE_REG | \
			 LANDLOCK_ACCESS_FS_MAKE_SOCK | \
			 LANDLOCK_ACCESS_FS_MAKE_FIFO | \
			 LANDLOCK_ACCESS_FS_MAKE_SYM | \
			 LANDLOCK_ACCESS_FS_REFER)
#define EVERY_VERSION	(FOLDER_READ | FOLDER_WRITE | \
			 LANDLOCK_ACCESS_FS_MAKE_CHAR | \
			 LANDLOCK_ACCESS_FS_MAKE_BLOCK)

/* Programs, libraries, settings, who is who, what the machine is like, and
 * where /etc/resolv.conf may lead. */
const char *const sandbox_system_paths[] = { "/usr", "/bin", "/sbin", "/lib",
	"/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix/store",
	"/gnu/store", "/proc", "/sys", "/run/systemd/resolve",
	"/run/resolvconf", "/run/NetworkManager", NULL };

const char *const sandbox_scratch_paths[] = { "/tmp", "/var/tmp", "/dev/shm",
	NULL };

static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full",
	"/dev/random", "/dev/urandom", "/dev/tty", NULL };

struct rules {
	int	 ruleset;
	__u64	 handled;
	int	 error;		/* the first one */
};

int
sandbox_files_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return version < 0 ? 0 : (int)version;
}

/* What a kernel of that version can refuse. */
static __u64
handled_by(int version)
{
	__u64 handled = EVERY_VERSION;

	if (version < 2)
		handled &= ~LANDLOCK_ACCESS_FS_REFER;
	if (version < 3)
		handled &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
	return handled;
}

/* What is no folder takes fewer rights. */
static void
allow(struct rules *rules, int fd, bool writable)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = fd };
	struct stat status;

	if (fstat(fd, &status) < 0)
		return;
	if (S_ISDIR(status.st_mode))
		rule.allowed_access = writable ? FOLDER_WRITE : FOLDER_READ;
	else
		rule.allowed_access = writable ? FILE_WRITE : FILE_READ;
	rule.allowed_access &= rules->handled;
	if (syscall(SYS_landlock_add_rule, rules->ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 && rules->error == 0)
		rules->error = errno;
}

/* Where we cannot come ourselves nothing is to be allowed. */
static void
allow_path(struct rules *rules, const char *path, bool writable)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd < 0)
		return;
	allow(rules, fd, writable);
	close(fd);
}

static void
allow_paths(struct rules *rules, const char *const *paths, bool writable)
{
	for (size_t i = 0; paths[i] != NULL; i++)
		allow_path(rules, paths[i], writable);
}

static void
allow_list(struct rules *rules, const struct sandbox_list *list, bool writable)
{
	for (size_t i = 0; i < list->count; i++)
		allow_path(rules, list->items[i], writable);
}

/* TMPDIR is where libraries make temporary files if it is set. */
static void
allow_all(struct rules *rules, const struct sandbox *sandbox)
{
	const char *scratch = secure_getenv("TMPDIR");

	allow_paths(rules, sandbox_system_paths, false);
	allow_paths(rules, sandbox_scratch_paths, true);
	allow_paths(rules, devices, true);
	if (scratch != NULL && scratch[0] == '/')
		allow_path(rules, scratch, true);
	allow_list(rules, &sandbox->read_paths, false);
	allow_list(rules, &sandbox->write_paths, true);
	for (size_t i = 0; i < sandbox->folder_count; i++)
		if (sandbox->folders[i].fd >= 0)
			allow(rules, sandbox->folders[i].fd,
			    sandbox->folders[i].writable);
}

int
sandbox_files_enter(const struct sandbox *sandbox, struct err *err)
{
	struct rules rules = { .handled = handled_by(
	    sandbox_files_version()) };
	const struct landlock_ruleset_attr attributes = {
	    .handled_access_fs = rules.handled };

	rules.ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes,
	    sizeof(attributes), 0);
	if (rules.ruleset < 0)
		return err_sys(err, "Landlock");
	allow_all(&rules, sandbox);
	if (rules.error == 0 && syscall(SYS_landlock_restrict_self,
	    rules.ruleset, 0) < 0)
		rules.error = errno;
	close(rules.ruleset);
	if (rules.error == 0)
		return 0;
	errno = rules.error;
	return err_sys(err, "Landlock");
}
