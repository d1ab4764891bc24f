/*
 * sup_zygote.c - a zygote's beginning: fork, exec, and what it is told first.
 *
 * Runs in: supervisor; the first lines of a zygote run here too.
 * Owns: nothing; the process belongs to its struct sup_generation.
 * Invariant: what a zygote works with - configuration, names of files, folder -
 * is what the supervisor has chosen, not what lies in a file by now.
 */
#include <sys/mman.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "common/environment.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_crashes.h"

/* Libraries in preload() read these before any thread could be started. */
static void
set_environment(const struct config *config)
{
	static const char *const names[] = { "OMP_NUM_THREADS",
	    "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS" };
	char count[16];

	snprintf(count, sizeof(count), "%u", config->omp_threads);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		setenv(names[i], count, 0);
}

/*
 * The forked process becomes a zygote by an exec of ourselves: handlers get an
 * address space without our libraries' state (libuv closes its own descriptors
 * in every process forked later, by number).
 */
static void
become_zygote(const struct config *config, int link, pid_t parent)
{
	char *const argv[] = { "fcgi-host", "zygote", NULL };
	const int kept = ZYGOTE_LINK;
	struct err err;

	if (link == ZYGOTE_LINK)
		fcntl(link, F_SETFD, 0);
	else if (dup2(link, ZYGOTE_LINK) < 0)
		fatal(EXIT_CODE_SYSTEM, "the zygote's link");
	child_close_others(&kept, 1);
	if (child_drop_privileges(config, &err) < 0)
		fatalx(EXIT_CODE_CONFIG, "%s", err.text);
	child_begin("zygote", parent);
	environment_restrict(config);
	set_environment(config);
	execv("/proc/self/exe", argv);
	fatal(EXIT_CODE_SYSTEM, "exec of the zygote");
}

/* What a zygote begins with; -1: not there. */
struct outfit {
	int	ours, theirs;		/* the ends of its link */
	int	config, files;
};

static void
outfit_close(struct outfit *outfit)
{
	int fds[] = { outfit->ours, outfit->theirs, outfit->config,
	    outfit->files };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* A descriptor with these bytes; -1 and why. */
static int
memory_file(const char *name, const void *bytes, size_t length,
    struct err *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd >= 0 && write(fd, bytes, length) == (ssize_t)length)
		return fd;
	err_sys(err, "the zygote's %s", name);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* What is to be loaded, in its order. */
static int
list_files(const struct sup_picks *picks, struct err *err)
{
	struct start_file *files = calloc(picks->count + 1, sizeof(*files));
	int fd;

	if (files == NULL)
		return err_sys(err, "names of handlers");
	for (size_t i = 0; i < picks->count; i++) {
		const struct handler_version *version =
		    sup_pick_version(&picks->list[i]);

		if (version == NULL)
			continue;
		memcpy(files[i].name, version->name, sizeof(files[i].name));
		memcpy(files[i].sha256, version->sha256,
		    sizeof(files[i].sha256));
	}
	fd = memory_file("files", files, picks->count * sizeof(*files), err);
	free(files);
	return fd;
}

static int
outfit_make(struct outfit *outfit, const struct config *config,
    const struct sup_picks *picks, struct err *err)
{
	int ends[2];

	*outfit = (struct outfit){ -1, -1, -1, -1 };
	if (channel_pair(ends) < 0)
		return err_sys(err, "the zygote's link");
	outfit->ours = ends[0];
	outfit->theirs = ends[1];
	outfit->config = memory_file("config", config->text,
	    config->text_length, err);
	if (outfit->config < 0)
		return -1;
	outfit->files = list_files(picks, err);
	return outfit->files < 0 ? -1 : 0;
}

/* What it must know; a zygote that is dead already is seen by its link. */
static void
tell(struct sup_generation *generation, const struct outfit *outfit,
    const struct sup_picks *picks)
{
	const struct sup *sup = generation->sup;
	struct message start = { .type = MESSAGE_START,
	    .team = generation->number, .value = generation->closed };
	struct message files = { .type = MESSAGE_FILES,
	    .value = (int32_t)picks->count };
	int fds[START_FDS] = {
		[START_FD_LISTEN] = sup->listen_fd,
		[START_FD_SPOOL] = sup->spool_dir,
		[START_FD_CONFIG] = outfit->config,
		[START_FD_CACHE] = sup->cache_fd,
		[START_FD_CRASHES] = generation->config->capture_crashed ?
		    sup_crashes_folder(sup) : -1,
	};
	size_t count = fds[START_FD_CRASHES] < 0 ? START_FD_CRASHES :
	    START_FDS;

	snprintf(start.text, sizeof(start.text), "%s",
	    generation->config->file);
	if (sup_store_path(sup->store, generation->number, files.text,
	    sizeof(files.text)) < 0)
		fatalx(EXIT_CODE_CONFIG, "state_dir: its path is too long");
	sup_generation_ask(generation, &start, fds, count);
	sup_generation_ask(generation, &files, &outfit->files, 1);
}

int
sup_generation_fork(struct sup_generation *generation,
    const struct sup_picks *picks, struct err *err)
{
	pid_t parent = getpid(), pid;
	struct outfit outfit;

	if (outfit_make(&outfit, generation->config, picks, err) < 0) {
		outfit_close(&outfit);
		return -1;
	}
	pid = fork();
	if (pid == 0)
		become_zygote(generation->config, outfit.theirs, parent);
	if (pid < 0) {
		err_sys(err, "forking the zygote");
		outfit_close(&outfit);
		return -1;
	}
	generation->started_ms = clock_now_ms();
	generation->zygote = pid;
	sup_post_open(&generation->post, generation->sup, outfit.ours,
	    sup_generation_on_link, generation);
	tell(generation, &outfit, picks);
	outfit.ours = -1;
	outfit_close(&outfit);
	return 0;
}
