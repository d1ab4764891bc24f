/*
 * front_ask.c - requests that are answered with a document of the supervisor's.
 *
 * Runs in: front.
 * Owns: each struct front_asked, of one request; the documents, mapped.
 * Invariant: a document is in memory once for all who are sent it, and who does
 * not read keeps a piece of it in the output and no more; nobody waits longer
 * than PATIENCE_MS for the supervisor.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/log.h"
#include "common/metrics.h"
#include "front/front_ask.h"
#include "front/front_health.h"

#define PATIENCE_MS	2000
#define DOCUMENTS_MAX	8	/* that somebody still reads */
#define PIECE		32768

struct front_document {
	struct front_asks	*asks;
	unsigned		 users;
	char			*text;
	size_t			 length;
};

/* What a request waits for, or is sent. */
struct front_asked {
	enum ask_kind		 kind;
	struct front_document	*document;	/* NULL: it waits */
	size_t			 sent;
};

struct front_asks {
	struct front_request_list waiting[ASK_KINDS];
	uv_timer_t		 timers[ASK_KINDS];
	bool			 asked[ASK_KINDS]; /* the supervisor */
	unsigned		 documents;
};

/* --------------------------------------------------------------- documents */

static struct front_document *
open_document(struct front_asks *asks, int fd)
{
	struct front_document *document = calloc(1, sizeof(*document));
	struct stat status;
	void *text;

	if (document == NULL || fstat(fd, &status) < 0 ||
	    (text = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED,
	    fd, 0)) == MAP_FAILED) {
		free(document);
		return NULL;
	}
	document->asks = asks;
	document->users = 1;
	document->text = text;
	document->length = (size_t)status.st_size;
	asks->documents++;
	return document;
}

static void
put_document(struct front_document *document)
{
	if (document == NULL || --document->users > 0)
		return;
	munmap(document->text, document->length);
	document->asks->documents--;
	free(document);
}

/* ----------------------------------------------------------------- its end */

void
front_ask_drop(struct front_request *request)
{
	struct front_asked *asked = request->asked;

	if (asked == NULL)
		return;
	request->asked = NULL;
	if (asked->document == NULL)
		TAILQ_REMOVE(&request->front->asks->waiting[asked->kind],
		    request, link);
	put_document(asked->document);
	free(asked);
}

static void
answer_away(struct front_request *request)
{
	front_ask_drop(request);
	front_answer(request, 503, "Retry-After: 5\r\n",
	    "The supervisor did not answer.");
}

static void
give_up(struct front *front, enum ask_kind kind)
{
	struct front_request *request;

	while ((request = TAILQ_FIRST(&front->asks->waiting[kind])) != NULL)
		answer_away(request);
}

/* Should it answer after all, then whoever asks next is given that. */
static void
on_timer(uv_timer_t *timer)
{
	struct front *front = timer->data;
	enum ask_kind kind = (enum ask_kind)(timer - front->asks->timers);

	log_warnx("the supervisor does not answer");
	front->asks->asked[kind] = false;
	give_up(front, kind);
}

/* ------------------------------------------------------------- what is sent */

static const char *
type_of(enum ask_kind kind)
{
	return kind == ASK_STATUS ? "application/json" :
	    metrics_content_type(kind == ASK_METRICS);
}

/* -1: no memory. */
static int
put_head(struct front_request *request)
{
	const struct front_asked *asked = request->asked;
	char head[256];
	int length = snprintf(head, sizeof(head), "Status: 200 OK\r\n"
	    "Content-Type: %s\r\nContent-Length: %zu\r\n"
	    "Cache-Control: no-store\r\n\r\n", type_of(asked->kind),
	    asked->document->length);

	request->result.status = 200;
	return front_output_stdout(request->conn, request->id, head,
	    (size_t)length, NULL, 0);
}

/* As much as its reader takes.  It may be gone afterwards. */
static void
send_on(struct front_request *request)
{
	struct front_conn *conn = request->conn;
	struct front_asked *asked = request->asked;

	while (asked->sent < asked->document->length) {
		size_t left = asked->document->length - asked->sent;
		size_t take = left < PIECE ? left : PIECE;

		if (front_output_left(conn) >= FRONT_BACKLOG_MAX)
			return;
		if (front_output_stdout(conn, request->id,
		    asked->document->text + asked->sent, take, NULL, 0) < 0) {
			front_conn_close(conn);
			return;
		}
		asked->sent += take;
		front_conn_flush(conn);
		if (conn->closing)
			return;
	}
	front_count(&front_route_stats(request)->reply_bytes, asked->sent);
	front_ask_drop(request);
	front_request_replied(request);
}

void
front_ask_room(struct front_request *request)
{
	if (request->asked != NULL && request->asked->document != NULL)
		send_on(request);
}

static void
begin(struct front_request *request, struct front_document *document)
{
	struct front_asked *asked = request->asked;

	TAILQ_REMOVE(&request->front->asks->waiting[asked->kind], request,
	    link);
	asked->document = document;
	document->users++;
	if (put_head(request) < 0) {
		front_conn_close(request->conn);
		return;
	}
	if (request->match.head)
		asked->sent = document->length;
	send_on(request);
}

static void
begin_all(struct front *front, enum ask_kind kind,
    struct front_document *document)
{
	struct front_request *request;

	while ((request = TAILQ_FIRST(&front->asks->waiting[kind])) != NULL)
		begin(request, document);
}

/* It is read once for all who wait, and each has its own part of it. */
static void
answer_health(struct front *front, const struct front_document *document)
{
	struct json_object *health = front_health_read(document->text,
	    document->length);
	struct front_request *request;

	if (health == NULL)
		give_up(front, ASK_READY);
	while ((request = TAILQ_FIRST(&front->asks->waiting[ASK_READY])) !=
	    NULL) {
		front_ask_drop(request);
		front_health_answer(request, health);
	}
	json_object_put(health);
}

void
front_ask_answered(struct front *front, const struct message *message, int fd)
{
	struct front_asks *asks = front->asks;
	enum ask_kind kind = (enum ask_kind)message->value;
	struct front_document *document = fd < 0 ? NULL :
	    open_document(asks, fd);

	if (fd >= 0)
		close(fd);
	asks->asked[kind] = false;
	uv_timer_stop(&asks->timers[kind]);
	if (document == NULL) {
		give_up(front, kind);
		return;
	}
	if (kind == ASK_READY)
		answer_health(front, document);
	else
		begin_all(front, kind, document);
	put_document(document);
}

/* ------------------------------------------------------------ its beginning */

bool
front_ask_is_for(const struct front_request *request)
{
	return request->match.route != NULL &&
	    request->match.route->handler->asked != 0;
}

static void
wait_for_it(struct front_request *request)
{
	struct front *front = request->front;
	struct front_asks *asks = front->asks;
	enum ask_kind kind = request->asked->kind;

	request->state = FRONT_ASKED;
	TAILQ_INSERT_TAIL(&asks->waiting[kind], request, link);
	if (asks->asked[kind])
		return;
	asks->asked[kind] = true;
	uv_timer_start(&asks->timers[kind], on_timer, PATIENCE_MS, 0);
	front_link_ask(front, kind);
}

void
front_ask(struct front_request *request)
{
	struct front *front = request->front;

	if (!front_asker_may(request)) {
		front_count(&front_route_stats(request)->refused[
		    SHM_REFUSED_ACCESS], 1);
		front_answer(request, 403, "", "Only clients of this machine "
		    "may ask, for metrics_auth is not set.");
		return;
	}
	if (front->asks->documents >= DOCUMENTS_MAX &&
	    front_asker_kind(request) != ASK_READY) {
		front_answer(request, 503, "Retry-After: 5\r\n", "Too many "
		    "documents wait for those who were to read them.");
		return;
	}
	request->asked = front_memory(front, NULL, sizeof(*request->asked));
	if (request->asked == NULL) {
		front_request_starve(request);
		return;
	}
	*request->asked = (struct front_asked){
	    .kind = front_asker_kind(request) };
	wait_for_it(request);
}

int
front_ask_start(struct front *front)
{
	front->asks = calloc(1, sizeof(*front->asks));
	if (front->asks == NULL)
		return -1;
	for (size_t i = 0; i < ASK_KINDS; i++) {
		TAILQ_INIT(&front->asks->waiting[i]);
		uv_timer_init(&front->loop, &front->asks->timers[i]);
		front->asks->timers[i].data = front;
	}
	return 0;
}
