/*
 * zyg_start.c - what a zygote is told: configuration, files, then models.
 *
 * Runs in: zygote, before its first fork.
 * Owns: nothing; what is received belongs to struct zygote_start and struct
 * zyg.
 * Invariant: the configuration is the supervisor's own text, not the file,
 * which may have changed: both lay out shared memory by it.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/log.h"
#include "model/model.h"
#include "zygote/zyg.h"

/* With `least` to `most` descriptors; those that are not there are -1. */
static void
receive_some(int link, uint32_t type, struct message *message_out,
    int *fds_out, size_t least, size_t most)
{
	int fds[CHANNEL_FDS_MAX];
	size_t count;
	int got = channel_receive(link, message_out, fds, &count);

	if (got == 0)
		_exit(0);
	if (got < 0)
		fatal(EXIT_CODE_SYSTEM, "link to the supervisor");
	FH_BUG(message_out->type != type || count < least || count > most);
	for (size_t i = 0; i < most; i++)
		fds_out[i] = i < count ? fds[i] : -1;
}

static void
receive(int link, uint32_t type, struct message *message_out, int *fds_out,
    size_t wanted)
{
	receive_some(link, type, message_out, fds_out, wanted, wanted);
}

/* The bytes of a descriptor, for good; "" if there are none. */
static const void *
bytes_of(int fd, size_t *length_out)
{
	struct stat status;
	void *at;

	if (fstat(fd, &status) < 0)
		fatal(EXIT_CODE_SYSTEM, "fstat");
	*length_out = (size_t)status.st_size;
	if (status.st_size == 0) {
		close(fd);
		return "";
	}
	at = mmap(NULL, *length_out, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		fatal(EXIT_CODE_SYSTEM, "mmap");
	close(fd);
	return at;
}

static void
report(void *context, const char *sentence)
{
	(void)context;
	log_line(LOG_LEVEL_ERROR, "%s", sentence);
}

static void
take_names(struct zygote_start *start, const struct start_file *files,
    size_t count)
{
	start->names = calloc(count + 1, sizeof(*start->names));
	start->sha256 = calloc(count + 1, sizeof(*start->sha256));
	start->slots = calloc(count + 1, sizeof(*start->slots));
	if (start->names == NULL || start->sha256 == NULL ||
	    start->slots == NULL)
		fatal(EXIT_CODE_SYSTEM, "names of handlers");
	for (size_t i = 0; i < count; i++) {
		if (files[i].name[0] == '\0')
			continue;
		start->slots[start->name_count] = (uint32_t)i;
		start->sha256[start->name_count] = files[i].sha256;
		start->names[start->name_count++] = files[i].name;
	}
}

static void
receive_files(struct zygote_start *start)
{
	struct message message;
	const struct start_file *files;
	size_t length, count;
	int fd;

	receive(start->link, MESSAGE_FILES, &message, &fd, 1);
	count = (size_t)message.value;
	files = bytes_of(fd, &length);
	FH_BUG(length != count * sizeof(*files));
	start->copies = strdup(message.text);
	if (start->copies == NULL)
		fatal(EXIT_CODE_SYSTEM, "names of handlers");
	take_names(start, files, count);
}

void
zyg_start_receive(struct zygote_start *start)
{
	struct message message;
	int fds[START_FDS];
	const char *text;
	size_t length;

	receive_some(start->link, MESSAGE_START, &message, fds,
	    START_FD_CRASHES, START_FDS);
	start->generation = message.team;
	start->closed = message.value != 0;
	start->listen_fd = fds[START_FD_LISTEN];
	start->spool_dir = fds[START_FD_SPOOL];
	start->crash_dir = fds[START_FD_CRASHES];
	start->cache_fd = fds[START_FD_CACHE];
	text = bytes_of(fds[START_FD_CONFIG], &length);
	start->config = config_parse(message.text, text, length, report, NULL);
	if (start->config == NULL)
		fatalx(EXIT_CODE_CONFIG, "the configuration is not readable "
		    "for the user of the service");
	receive_files(start);
}

void
zyg_models_receive(struct zyg *zyg)
{
	int link = zyg->start->link, fd;
	struct message message;
	size_t length;

	receive(link, MESSAGE_MODELS, &message, &fd, 1);
	zyg->image_count = (size_t)message.value;
	zyg->images = (struct model_image *)(uintptr_t)bytes_of(fd, &length);
	FH_BUG(length != zyg->image_count * sizeof(*zyg->images));
	zyg->model_fds = calloc(zyg->image_count + 1, sizeof(int));
	if (zyg->model_fds == NULL)
		fatal(EXIT_CODE_SYSTEM, "table of models");
	for (size_t i = 0; i < zyg->image_count; i++) {
		zyg->model_fds[i] = -1;
		if (zyg->images[i].kind == CONFIG_MODEL_PRELOAD)
			continue;
		receive(link, MESSAGE_MODEL, &message, &zyg->model_fds[i], 1);
		FH_BUG(message.slot != i);
	}
}
