/*
 * sup_control.c - the control socket: one line asked, one document answered.
 *
 *	status, health, metrics, metrics-text, generations, crashes, reload,
 *	rollback [N], upgrade, kill REQUEST-ID, recycle WORKER,
 *	breaker open|close ROUTE
 *
 * Runs in: supervisor.
 * Owns: the control socket, its file, its connections, a spare descriptor.
 * Invariant: it is served by the supervisor alone, so it answers when every
 * worker and the front are busy; only the service's own users may connect.
 */
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_crashes.h"
#include "supervisor/sup_document.h"
#include "supervisor/sup_json.h"
#include "supervisor/sup_orders.h"
#include "supervisor/sup_pulse.h"

#define REQUEST_MAX	256
#define BACKLOG		128
#define PATIENCE_MS	10000	/* with one that asks nothing */
#define ASKERS_MAX	100
#define PAUSE_MS	500	/* out of descriptors: try again */

struct asker {
	TAILQ_ENTRY(asker) link;
	struct sup	*sup;
	uv_pipe_t	 pipe;
	uv_write_t	 write;
	uv_timer_t	*patience;
	struct sup_asker reload;	/* it waits for one, an order, health */
	bool		 waits;
	char		*answer;
	struct sup_document *document;	/* ... or this is it */
	char		 request[REQUEST_MAX];
	size_t		 have;
};

/* Oldest first: at the limit that one gives way. */
static TAILQ_HEAD(, asker) askers = TAILQ_HEAD_INITIALIZER(askers);
static unsigned asker_count;

static int	spare = -1;	/* a descriptor for one who asks, in need */
static uv_timer_t *pause_timer;
static struct sup_trouble trouble;	/* out of descriptors */

static void	keep_spare(void);

static void
on_closed(uv_handle_t *handle)
{
	struct asker *asker = handle->data;

	if (asker->sup->control >= 0)
		keep_spare();
	sup_timer_destroy(&asker->patience);
	free(asker->answer);
	sup_document_put(asker->document);
	free(asker);
}

static void
leave(struct asker *asker)
{
	if (uv_is_closing((uv_handle_t *)&asker->pipe))
		return;
	TAILQ_REMOVE(&askers, asker, link);
	asker_count--;
	if (asker->waits) {
		sup_pulse_forget(&asker->reload);
		sup_reload_forget(asker->sup, &asker->reload);
		sup_upgrade_forget(asker->sup, &asker->reload);
		sup_orders_forget(&asker->reload);
	}
	asker->waits = false;
	uv_close((uv_handle_t *)&asker->pipe, on_closed);
}

static void
on_patience(uv_timer_t *timer)
{
	leave(timer->data);
}

static void
on_written(uv_write_t *write, int status)
{
	struct asker *asker = write->data;

	(void)status;
	leave(asker);
}

/* NULL closes the connection. */
static void
write_answer(struct asker *asker, char *text, size_t length)
{
	uv_buf_t piece = uv_buf_init(text, (unsigned)length);

	asker->write.data = asker;
	if (text == NULL || uv_write(&asker->write,
	    (uv_stream_t *)&asker->pipe, &piece, 1, on_written) < 0)
		leave(asker);
}

/* Takes over the text; NULL closes the connection. */
static void
send_answer(struct asker *asker, char *text)
{
	asker->answer = text;
	write_answer(asker, text, text == NULL ? 0 : strlen(text));
}

/* Many may read the same. */
static void
send_document(struct asker *asker, enum ask_kind kind)
{
	struct sup_document *document = sup_document_get(asker->sup, kind);

	asker->document = document;
	write_answer(asker, document == NULL ? NULL : document->text,
	    document == NULL ? 0 : document->length);
}

static void
on_outcome(struct sup_asker *reload, struct json_object *outcome)
{
	struct asker *asker = (struct asker *)((char *)reload -
	    offsetof(struct asker, reload));

	asker->waits = false;
	uv_timer_start(asker->patience, on_patience, PATIENCE_MS, 0);
	send_answer(asker, sup_json_print(outcome));
}

/* The answer comes when it is over; how long that takes is not ours to say. */
static void
ask_reload(struct asker *asker, enum sup_trigger trigger, uint32_t wanted)
{
	uv_timer_stop(asker->patience);
	asker->reload.answer = on_outcome;
	asker->waits = true;
	sup_reload_ask(asker->sup, trigger, wanted, &asker->reload);
}

static void
ask_health(struct asker *asker)
{
	asker->reload.answer = on_outcome;
	asker->waits = true;
	sup_pulse_ask(asker->sup, &asker->reload);
}

static void
ask_upgrade(struct asker *asker)
{
	uv_timer_stop(asker->patience);
	asker->reload.answer = on_outcome;
	asker->waits = true;
	sup_upgrade_ask(asker->sup, &asker->reload);
}

/* "rollback", or "rollback 7". */
static void
ask_rollback(struct asker *asker, const char *number)
{
	char *end;
	unsigned long wanted = strtoul(number, &end, 10);

	if (!isdigit((unsigned char)number[0]) || *end != '\0' ||
	    wanted > UINT32_MAX)
		send_answer(asker, strdup("{\"error\": \"not a number of a "
		    "generation\"}\n"));
	else
		ask_reload(asker, SUP_TRIGGER_ROLLBACK, (uint32_t)wanted);
}

/* "kill 4f2a", "recycle 3", "breaker open GET /x"; sup_orders.c is patient for
 * less time than we are.  False: it is none. */
static bool
ask_order(struct asker *asker)
{
	const char *rest = strchr(asker->request, ' ');
	const struct sup_order_word *word = sup_orders_word(asker->request);

	if (word == NULL)
		return false;
	asker->reload.answer = on_outcome;
	asker->waits = true;
	word->order(asker->sup, rest + 1, &asker->reload);
	return true;
}

/* Before anything serves there is nothing to reload or to go back from. */
static bool
is_serving(const struct asker *asker)
{
	return asker->sup->serving != NULL &&
	    asker->sup->phase != SUP_STOPPING;
}

static void
answer(struct asker *asker)
{
	const char *request = asker->request;

	uv_read_stop((uv_stream_t *)&asker->pipe);
	if (strcmp(request, "status") == 0)
		send_answer(asker, sup_status_json(asker->sup));
	else if (strcmp(request, "health") == 0)
		ask_health(asker);
	else if (strcmp(request, "metrics") == 0)
		send_document(asker, ASK_METRICS);
	else if (strcmp(request, "metrics-text") == 0)
		send_document(asker, ASK_METRICS_TEXT);
	else if (strcmp(request, "generations") == 0)
		send_answer(asker, sup_kept_json(asker->sup));
	else if (strcmp(request, "crashes") == 0)
		send_answer(asker, sup_crashes_json(asker->sup));
	else if (strcmp(request, "reload") == 0 && is_serving(asker))
		ask_reload(asker, SUP_TRIGGER_COMMAND, 0);
	else if (strcmp(request, "rollback") == 0 && is_serving(asker))
		ask_reload(asker, SUP_TRIGGER_ROLLBACK, 0);
	else if (strncmp(request, "rollback ", 9) == 0 && is_serving(asker))
		ask_rollback(asker, request + 9);
	else if (strcmp(request, "upgrade") == 0 && is_serving(asker))
		ask_upgrade(asker);
	else if (is_serving(asker) && ask_order(asker))
		return;
	else if (strcmp(request, "reload") == 0 ||
	    strcmp(request, "upgrade") == 0 ||
	    strncmp(request, "rollback", 8) == 0 ||
	    sup_orders_word(request) != NULL)
		send_answer(asker, strdup("{\"error\": \"the host is starting "
		    "or stopping\"}\n"));
	else
		send_answer(asker, strdup("{\"error\": \"unknown "
		    "request\"}\n"));
}

static void
on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer_out)
{
	struct asker *asker = handle->data;

	(void)suggested;
	*buffer_out = uv_buf_init(asker->request + asker->have,
	    (unsigned)(sizeof(asker->request) - 1 - asker->have));
}

static void
on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	struct asker *asker = stream->data;
	char *end;

	(void)buffer;
	if (got < 0) {
		leave(asker);
		return;
	}
	asker->have += (size_t)got;
	asker->request[asker->have] = '\0';
	end = strchr(asker->request, '\n');
	if (end != NULL) {
		*end = '\0';
		answer(asker);
	} else if (asker->have == sizeof(asker->request) - 1)
		leave(asker);
}

/* ------------------------------------------------------------ connections */

static void
keep_spare(void)
{
	if (spare < 0)
		spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int
take(const struct sup *sup)
{
	return accept4(sup->control, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

const struct sup_trouble *
sup_control_trouble(void)
{
	return &trouble;
}

/* Who asks what is wrong is answered all the same: the spare descriptor is for
 * that.  Else the oldest connection gives way. */
static int
take_in_need(struct sup *sup)
{
	if (sup_trouble_begins(&trouble))
		log_warn("degraded: the supervisor is out of descriptors; "
		    "raise LimitNOFILE");
	trouble.count++;
	if (spare >= 0)
		close(spare);
	else if (!TAILQ_EMPTY(&askers))
		leave(TAILQ_FIRST(&askers));
	spare = -1;
	return take(sup);
}

static void
open_asker(struct sup *sup, int fd)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (asker == NULL) {
		log_warn("control connection");
		close(fd);
		return;
	}
	if (asker_count == ASKERS_MAX)
		leave(TAILQ_FIRST(&askers));
	TAILQ_INSERT_TAIL(&askers, asker, link);
	asker_count++;
	asker->sup = sup;
	asker->patience = sup_timer_create(sup, asker);
	uv_timer_start(asker->patience, on_patience, PATIENCE_MS, 0);
	uv_pipe_init(&sup->loop, &asker->pipe, 0);
	asker->pipe.data = asker;
	if (uv_pipe_open(&asker->pipe, fd) < 0) {
		close(fd);
		leave(asker);
	} else if (uv_read_start((uv_stream_t *)&asker->pipe, on_room,
	    on_read) < 0)
		leave(asker);
}

static void	on_connection(uv_poll_t *, int, int);

static void
on_pause_over(uv_timer_t *timer)
{
	struct sup *sup = timer->data;

	sup_timer_destroy(&pause_timer);
	if (sup->control_watch != NULL)
		uv_poll_start(sup->control_watch, UV_READABLE, on_connection);
}

/* Nobody can be taken: not to be told so again and again. */
static void
pause_for_a_while(struct sup *sup)
{
	uv_poll_stop(sup->control_watch);
	if (pause_timer == NULL)
		pause_timer = sup_timer_create(sup, sup);
	uv_timer_start(pause_timer, on_pause_over, PAUSE_MS, 0);
}

static void
on_connection(uv_poll_t *poll, int status, int events)
{
	struct sup *sup = poll->data;
	int fd = take(sup);

	(void)status;
	(void)events;
	if (fd >= 0 && sup_trouble_ends(&trouble))
		log_info("no longer degraded: the supervisor has descriptors "
		    "again");
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		fd = take_in_need(sup);
	if (fd >= 0)
		open_asker(sup, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
		pause_for_a_while(sup);
}

int
sup_control_open(struct sup *sup, struct err *err)
{
	sup->control = sup->control_taken;
	if (sup->control < 0)
		sup->control = sup_listen_unix("control",
		    sup->config->control, 0117, BACKLOG, err);
	if (sup->control < 0)
		return -1;
	keep_spare();
	if (sup->control_taken < 0)
		sup_control_serve(sup);
	return 0;
}

void
sup_control_serve(struct sup *sup)
{
	sup->control_watch = sup_watch_create(sup, sup->control, on_connection,
	    sup);
}

int
sup_control_fd(const struct sup *sup)
{
	return sup->control;
}

void
sup_control_close(struct sup *sup)
{
	if (sup->control < 0)
		return;
	sup_watch_destroy(&sup->control_watch);
	sup_timer_destroy(&pause_timer);
	close(sup->control);
	sup->control = -1;
	if (spare >= 0)
		close(spare);
	spare = -1;
	if (sup_owns_files(sup))
		unlink(sup->config->control);
}
