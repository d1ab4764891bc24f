/*
 * sandbox.h - what code of handlers may ask the kernel for.
 *
 * A front, a worker and a trial of a handler enter it once, after they have
 * what they need and before any code of a handler runs in them; nothing leads
 * out again.  No new privileges, no capabilities, files only below the paths
 * that are named, and a filter of system calls.  What the filter refuses is a
 * SIGSYS, so that it is a crash report with the handler's name, and not an
 * errno that somebody overlooks; a file that is refused can only be EACCES.
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "config/config.h"

/* Strings of somebody else's. */
struct sandbox_list {
	const char	**items;
	size_t		 count;
};

/* A folder of the host's own that is open already; -1: none. */
struct sandbox_folder {
	int	fd;
	bool	writable;
};

/* What is allowed beyond the usual. */
struct sandbox {
	bool	network;	/* sockets that are not Unix ones */
	bool	processes;	/* fork, exec, signals to others */
	struct sandbox_list system_calls;	/* with any arguments */
	struct sandbox_list read_paths, write_paths;
	const struct sandbox_folder *folders;
	size_t	folder_count;
};

/* Adds the items of a list that ends in NULL; NULL: none.  0, or -1: memory. */
int	sandbox_list_add(struct sandbox_list *, char *const *items);
void	sandbox_list_free(struct sandbox_list *);

/*
 * For a process that has one thread.  0, or -1 and why: the kernel lacks
 * something, and what it has is in force.  That it has no Landlock is no error:
 * sandbox_files_version() tells.
 */
int	sandbox_enter(const struct sandbox *, struct err *);

/*
 * The files alone (sandbox_files.c): system files and read_paths for reading,
 * the folders for temporary files and write_paths for writing too.  A path
 * that is not there is left out, also if it is made later.  What is open stays
 * open.  Needs no_new_privs.
 */
int	sandbox_files_enter(const struct sandbox *, struct err *);

/* The version of the kernel's Landlock; 0: it has none, or it is off. */
int	sandbox_files_version(void);

/*
 * Tells of each path in read_paths and write_paths that is not there, or where
 * we have no right to come; nothing if the configuration wants no sandbox.
 */
void	sandbox_paths_check(const struct config *, config_report *,
	    void *context);

/* Does the configuration let this handler do more than others? */
bool	sandbox_is_relaxed(const struct config *, const char *handler);

/* What everybody may read, and may write to; each ends in NULL. */
extern const char *const sandbox_system_paths[];
extern const char *const sandbox_scratch_paths[];

/*
 * From now on a refused system call of this process is told in a sentence,
 * "called socket(): ...", before SIGSYS ends it; whom it is told may end it
 * himself.
 */
void	sandbox_catch(void (*told)(const char *sentence));

/* Is it the name of a system call, of this machine or another? */
bool	sandbox_knows(const char *system_call);

/* Of a refusal in a process that was just forked, which can tell nobody. */
#define SANDBOX_SPAWN_ADVICE	"system(), popen() and posix_spawn() need " \
	"processes = true in the handler's section"

/*
 * What to put into the configuration so that a refused system call is allowed:
 * its number on this machine, its name, NULL if it has none.  Never "".  Pure.
 */
void	sandbox_advise(int syscall, const char *name,
	    const uint64_t arguments[6], char *out, size_t size);

#endif
