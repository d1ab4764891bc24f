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
#include "common/log.h"
#include "supervisor/sup.h"

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
	set_environment(config);
	execv("/proc/self/exe", argv);
	fatal(EXIT_CODE_SYSTEM, "exec of the zygote");
}

/* A descriptor with these bytes. */
static int
memory_file(const char *name, const void *bytes, size_t length)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length)
		fatal(EXIT_CODE_SYSTEM, "%s", name);
	return fd;
}

/* What it must know; a zygote that is dead already is seen by its link. */
static void
tell_start(struct sup_generation *generation)
{
	const struct sup *sup = generation->sup;
	const struct config *config = generation->config;
	struct message start = { .type = MESSAGE_START,
	    .team = generation->number, .value = generation->closed };
	int fds[START_FDS] = {
		[START_FD_LISTEN] = sup->listen_fd,
		[START_FD_SPOOL] = sup->spool_dir,
		[START_FD_CONFIG] = memory_file("config", config->text,
		    config->text_length),
	};

	snprintf(start.text, sizeof(start.text), "%s", config->file);
	sup_generation_ask(generation, &start, fds, START_FDS);
	close(fds[START_FD_CONFIG]);
}

/* What is to be loaded, in its order. */
static void
tell_files(struct sup_generation *generation, const struct sup_picks *picks)
{
	struct message message = { .type = MESSAGE_FILES,
	    .value = (int32_t)picks->count };
	struct start_file *files = calloc(picks->count + 1, sizeof(*files));
	int fd;

	if (files == NULL)
		fatal(EXIT_CODE_SYSTEM, "names of handlers");
	for (size_t i = 0; i < picks->count; i++) {
		const struct handler_version *version =
		    sup_pick_version(&picks->list[i]);

		if (version == NULL)
			continue;
		memcpy(files[i].name, version->name, sizeof(files[i].name));
		memcpy(files[i].sha256, version->sha256,
		    sizeof(files[i].sha256));
	}
	if (sup_store_path(generation->sup->store, generation->number,
	    message.text, sizeof(message.text)) < 0)
		fatalx(EXIT_CODE_CONFIG, "state_dir: its path is too long");
	fd = memory_file("files", files, picks->count * sizeof(*files));
	sup_generation_ask(generation, &message, &fd, 1);
	close(fd);
	free(files);
}

void
sup_generation_fork(struct sup_generation *generation,
    const struct sup_picks *picks)
{
	pid_t parent = getpid();
	int ends[2];

	if (channel_pair(ends) < 0)
		fatal(EXIT_CODE_SYSTEM, "the zygote's link");
	generation->started_ms = clock_now_ms();
	generation->zygote = fork();
	if (generation->zygote < 0)
		fatal(EXIT_CODE_SYSTEM, "forking the zygote");
	if (generation->zygote == 0) {
		close(ends[0]);
		become_zygote(generation->config, ends[1], parent);
	}
	close(ends[1]);
	sup_post_open(&generation->post, generation->sup, ends[0],
	    sup_generation_on_link, generation);
	tell_start(generation);
	tell_files(generation, picks);
}
