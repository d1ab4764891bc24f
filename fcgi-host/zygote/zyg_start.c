/*
 * zyg_start.c - what a zygote is told first: configuration and models.
 *
 * Runs in: zygote, right after the exec.
 * Owns: nothing; what is received belongs to struct zygote_start.
 * Invariant: the configuration is the supervisor's own text, not the file,
 * which may have changed: both lay out shared memory by it.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/log.h"
#include "model/model.h"
#include "zygote/zyg.h"

static void
receive(int link, uint32_t type, struct message *message_out, int *fds_out,
    size_t wanted)
{
	int fds[CHANNEL_FDS_MAX];
	size_t count;
	int got = channel_receive(link, message_out, fds, &count);

	if (got == 0)
		_exit(0);
	if (got < 0)
		fatal(EXIT_CODE_SYSTEM, "link to the supervisor");
	FH_BUG(message_out->type != type || count != wanted);
	for (size_t i = 0; i < count; i++)
		fds_out[i] = fds[i];
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
	if (status.st_size == 0)
		return "";
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
receive_models(struct zygote_start *start, int images_fd, size_t count)
{
	struct message message;
	size_t length;

	start->images = (struct model_image *)(uintptr_t)bytes_of(images_fd,
	    &length);
	FH_BUG(length != count * sizeof(*start->images));
	start->image_count = count;
	start->model_fds = calloc(count + 1, sizeof(*start->model_fds));
	if (start->model_fds == NULL)
		fatal(EXIT_CODE_SYSTEM, "table of models");
	for (size_t i = 0; i < count; i++) {
		start->model_fds[i] = -1;
		if (start->images[i].kind == CONFIG_MODEL_PRELOAD)
			continue;
		receive(start->link, MESSAGE_MODEL, &message,
		    &start->model_fds[i], 1);
		FH_BUG(message.slot != i);
	}
}

void
zyg_start_receive(struct zygote_start *start)
{
	struct message message;
	int fds[START_FDS];
	const char *text;
	size_t length;

	receive(start->link, MESSAGE_START, &message, fds, START_FDS);
	start->generation = message.team;
	start->listen_fd = fds[START_FD_LISTEN];
	start->spool_dir = fds[START_FD_SPOOL];
	text = bytes_of(fds[START_FD_CONFIG], &length);
	start->config = config_parse(message.text, text, length, report, NULL);
	if (start->config == NULL)
		fatalx(EXIT_CODE_CONFIG, "the configuration is not readable "
		    "for the user of the service");
	if (asprintf(&start->copy_dir, "%s/%s", start->config->state_dir,
	    CHILD_COPY_FOLDER) < 0)
		fatal(EXIT_CODE_SYSTEM, "state_dir");
	receive_models(start, fds[START_FD_IMAGES], (size_t)message.value);
}
