/*
 * sup_document.c - documents that may be asked for often, and by many.
 *
 * Runs in: supervisor.
 * Owns: the last document of each kind, for as long as it is given again.
 * Invariant: a document is whole and never changes; it lives as long as one
 * who asked for it reads.
 */
#include "supervisor/sup_document.h"

#include <sys/mman.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/io.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_health.h"
#include "supervisor/sup_metrics.h"

#define SHARE	10	/* of the time it took: nobody makes another */
#define SEALS	(F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

static struct sup_document *kept[ASK_KINDS];
static uv_timer_t *timers[ASK_KINDS];	/* made when first needed */

static char *
make_text(struct sup *sup, enum ask_kind kind, size_t *length_out)
{
	char *text;

	if (kind == ASK_METRICS || kind == ASK_METRICS_TEXT)
		return sup_metrics_text(sup, kind == ASK_METRICS, length_out);
	text = kind == ASK_READY ? sup_health_json(sup) :
	    sup_status_json(sup);
	*length_out = text == NULL ? 0 : strlen(text);
	return text;
}

static struct sup_document *
make(struct sup *sup, enum ask_kind kind)
{
	struct sup_document *document = calloc(1, sizeof(*document));
	uint64_t begun_ns = clock_now_ns();

	if (document == NULL)
		return NULL;
	document->users = 1;
	document->fd = -1;
	document->text = make_text(sup, kind, &document->length);
	if (document->text == NULL) {
		free(document);
		return NULL;
	}
	document->made_ns = clock_now_ns();
	document->took_ns = document->made_ns - begun_ns;
	return document;
}

void
sup_document_put(struct sup_document *document)
{
	if (document == NULL || --document->users > 0)
		return;
	if (document->fd >= 0)
		close(document->fd);
	free(document->text);
	free(document);
}

static bool
is_fresh(const struct sup_document *document)
{
	return document != NULL && clock_now_ns() < document->made_ns +
	    SHARE * document->took_ns;
}

static void
on_stale(uv_timer_t *timer)
{
	struct sup_document **place = timer->data;

	sup_document_put(*place);
	*place = NULL;
}

/* In place of the last one, until it is stale.  Nobody waits for its end. */
static void
keep(struct sup *sup, enum ask_kind kind, struct sup_document *document)
{
	sup_document_put(kept[kind]);
	kept[kind] = document;
	if (document == NULL)
		return;
	if (timers[kind] == NULL) {
		timers[kind] = sup_timer_create(sup, &kept[kind]);
		uv_unref((uv_handle_t *)timers[kind]);
	}
	uv_timer_start(timers[kind], on_stale, SHARE * document->took_ns /
	    CLOCK_NS_PER_MS + 1, 0);
}

struct sup_document *
sup_document_get(struct sup *sup, enum ask_kind kind)
{
	if (!is_fresh(kept[kind]))
		keep(sup, kind, make(sup, kind));
	if (kept[kind] != NULL)
		kept[kind]->users++;
	return kept[kind];
}

int
sup_document_fd(struct sup_document *document)
{
	int fd, saved;

	if (document->fd >= 0)
		return document->fd;
	fd = memfd_create("fcgi-host-document", MFD_CLOEXEC |
	    MFD_ALLOW_SEALING);
	if (fd < 0)
		return -1;
	if (io_write_all(fd, document->text, document->length) < 0 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return document->fd = fd;
}

void
sup_document_answer(struct sup_child *child, const struct message *asked)
{
	struct message answer = { .type = MESSAGE_ANSWER,
	    .value = asked->value };
	struct sup_document *document;
	int fd = -1;

	if (asked->value < 0 || asked->value >= ASK_KINDS ||
	    !STAILQ_EMPTY(&child->post.letters))
		return;
	document = sup_document_get(child->team->generation->sup,
	    (enum ask_kind)asked->value);
	if (document != NULL && (fd = sup_document_fd(document)) < 0)
		log_warn("a document for the front");
	sup_child_tell(child, &answer, &fd, fd >= 0);
	sup_document_put(document);
}

void
sup_document_forget(void)
{
	for (size_t i = 0; i < ASK_KINDS; i++) {
		sup_timer_destroy(&timers[i]);
		sup_document_put(kept[i]);
		kept[i] = NULL;
	}
}
