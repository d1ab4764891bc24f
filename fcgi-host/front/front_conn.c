/*
 * front_conn.c - a connection of the web server: its bytes and its time-outs.
 *
 * Runs in: front.
 * Owns: each struct front_conn, its descriptor, watcher and timer.
 * Invariant: a connection is in front.busy until its first request is
 * answered and while it has another, else in front.idle; an idle one costs this
 * struct and nothing else.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "front/front.h"
#include "front/front_ask.h"
#include "front/front_password.h"

#define WRITES_PER_EVENT	16	/* one reader must not hold others */

static void	on_ready(uv_poll_t *, int, int);
static void	on_readable(struct front_conn *);
static void	take_held(struct front_conn *);

static bool
is_checking(const struct front_conn *conn)
{
	return conn->request != NULL &&
	    conn->request->state == FRONT_CHECKING;
}

static void
wait_for(struct front_conn *conn, int events)
{
	if (conn->held != NULL)
		events = (events & ~UV_READABLE) | UV_DISCONNECT;
	if (conn->events == events)
		return;
	conn->events = events;
	uv_poll_start(&conn->poll, events, on_ready);
}

/* A sync handler may have kept us for longer than the limit: what has come or
 * can go by now is in time. */
static bool
is_in_time(struct front_conn *conn)
{
	size_t left = front_output_left(conn);

	if (conn->timing == FRONT_CONN_SENDING) {
		front_conn_flush(conn);
		return conn->closing || front_output_left(conn) < left;
	}
	if (conn->held == NULL)
		on_readable(conn);
	return conn->closing || conn->timing == FRONT_CONN_UNTIMED ||
	    uv_is_active((uv_handle_t *)&conn->timer);
}

static void
on_timer(uv_timer_t *timer)
{
	struct front_conn *conn = timer->data;
	struct front_request *request;

	if (conn->timing == FRONT_CONN_RESUMING) {
		conn->timing = FRONT_CONN_UNTIMED;
		take_held(conn);
		return;
	}
	if (is_in_time(conn))
		return;
	request = conn->request;
	if (conn->timing == FRONT_CONN_SENDING)
		log_warnx("req=%s reader took nothing for send_timeout; "
		    "connection closed",
		    request != NULL ? request->request_id : "-");
	else if (conn->timing == FRONT_CONN_READING && request != NULL)
		log_warnx("request not complete after read_timeout; "
		    "connection closed");
	front_conn_close(conn);
}

static void
set_timer(struct front_conn *conn, int timing, uint64_t ms)
{
	if (ms == 0 || timing == FRONT_CONN_UNTIMED) {
		if (conn->timing != FRONT_CONN_UNTIMED)
			uv_timer_stop(&conn->timer);
		conn->timing = FRONT_CONN_UNTIMED;
		return;
	}
	conn->timing = timing;
	uv_timer_start(&conn->timer, on_timer, ms, 0);
}

/* NULL: it is closed. */
static struct front_conn *
create(struct front *front, int fd)
{
	struct front_conn *conn = front_memory(front, NULL, sizeof(*conn));

	if (conn == NULL) {
		close(fd);
		return NULL;
	}
	memset(conn, 0, sizeof(*conn));
	conn->front = front;
	conn->fd = fd;
	conn->poll.data = conn;
	conn->timer.data = conn;
	if (uv_poll_init(&front->loop, &conn->poll, fd) < 0) {
		errno = ENOMEM;
		front_trouble(front, SHM_TROUBLE_MEMORY);
		close(fd);
		free(conn);
		return NULL;
	}
	uv_timer_init(&front->loop, &conn->timer);
	conn->handles = 2;
	TAILQ_INSERT_TAIL(&front->busy, conn, link);
	conn->in_busy = true;
	front->conn_count++;
	front_gauge(&front->stats->connections,
	    &front->stats->connections_max, front->conn_count);
	wait_for(conn, UV_READABLE);
	return conn;
}

static void
begin_fresh(struct front_conn *conn)
{
	conn->fresh = true;
	set_timer(conn, FRONT_CONN_READING,
	    conn->front->config->read_timeout_ms);
}

void
front_conn_open(struct front *front, int fd)
{
	struct front_conn *conn = create(front, fd);

	if (conn == NULL)
		return;
	front_count(&front->stats->accepted, 1);
	begin_fresh(conn);
}

/* It counts as one, and is refused at no limit: the clerk has its own. */
void
front_conn_open_runner(struct front *front, int fd)
{
	struct front_conn *conn = create(front, fd);

	if (conn == NULL)
		return;
	conn->runner = true;
	begin_fresh(conn);
}

struct front_conn *
front_conn_adopt(struct front *front, int fd, bool fresh)
{
	struct front_conn *conn = create(front, fd);

	if (conn != NULL && fresh)
		begin_fresh(conn);
	return conn;
}

void
front_conn_watch(struct front_conn *conn, bool watched)
{
	if (watched) {
		wait_for(conn, UV_READABLE);
		return;
	}
	/* takes it out of epoll before this returns */
	uv_poll_stop(&conn->poll);
	conn->events = 0;
}

static void
on_closed(uv_handle_t *handle)
{
	struct front_conn *conn = handle->data;

	if (--conn->handles == 0)
		free(conn);
}

static void
move_to(struct front_conn *conn, bool busy)
{
	struct front *front = conn->front;

	if (conn->in_busy == busy)
		return;
	TAILQ_REMOVE(busy ? &front->idle : &front->busy, conn, link);
	TAILQ_INSERT_TAIL(busy ? &front->busy : &front->idle, conn, link);
	conn->in_busy = busy;
}

void
front_conn_part(struct front_conn *conn)
{
	struct front *front = conn->front;

	conn->closing = true;
	TAILQ_REMOVE(conn->in_busy ? &front->busy : &front->idle, conn, link);
	if (conn->request != NULL)
		front_request_cancel(conn->request);
	front_output_release(conn);
	free(conn->held);
	conn->held = NULL;
	uv_close((uv_handle_t *)&conn->poll, on_closed);
	uv_close((uv_handle_t *)&conn->timer, on_closed);
	front->conn_count--;
	front_gauge(&front->stats->connections,
	    &front->stats->connections_max, front->conn_count);
}

void
front_conn_close(struct front_conn *conn)
{
	struct front *front = conn->front;

	if (conn->closing)
		return;
	front_conn_part(conn);
	close(conn->fd);
	front_accept_resume(front);
	front_leave_if_done(front);
}

void
front_conn_reading(struct front_conn *conn)
{
	move_to(conn, true);
}

/* Not at once: this may be deep in a reader of its bytes. */
static void
take_held_soon(struct front_conn *conn)
{
	conn->timing = FRONT_CONN_RESUMING;
	uv_timer_start(&conn->timer, on_timer, 0, 0);
}

/* Its request is gone: keep the connection, pass it on or close it, once both
 * directions are at rest.  Closing on bytes unread would reset the reply on its
 * way. */
void
front_conn_rest(struct front_conn *conn)
{
	struct front *front = conn->front;

	move_to(conn, false);
	front_accept_resume(front);
	if (front_output_left(conn) > 0)
		return;
	if (conn->draining && conn->held == NULL) {
		set_timer(conn, FRONT_CONN_READING,
		    front->config->read_timeout_ms);
		return;
	}
	if (conn->close_after || front->stopping) {
		front_conn_close(conn);
		return;
	}
	if (front_pass(conn))
		return;
	if (conn->held != NULL)
		take_held_soon(conn);
	else
		set_timer(conn, FRONT_CONN_IDLING,
		    front->config->idle_timeout_ms);
}

/* Writes once; false when the socket takes no more for now or is broken. */
static bool
write_some(struct front_conn *conn)
{
	struct front_output *output = &conn->output;
	ssize_t sent = send(conn->fd, output->bytes + output->sent,
	    output->have - output->sent, MSG_NOSIGNAL);

	if (sent < 0) {
		if (errno == EINTR)
			return true;
		if (errno != EAGAIN)
			front_conn_close(conn);
		return false;
	}
	output->sent += (size_t)sent;
	return true;
}

void
front_conn_flush(struct front_conn *conn)
{
	size_t before = front_output_left(conn);
	int writes = 0;

	while (!conn->closing && front_output_left(conn) > 0 &&
	    writes++ < WRITES_PER_EVENT && write_some(conn))
		;
	if (conn->closing)
		return;
	if (front_output_left(conn) > 0) {
		wait_for(conn, UV_READABLE | UV_WRITABLE);
		if (front_output_left(conn) < before ||
		    conn->timing != FRONT_CONN_SENDING)
			set_timer(conn, FRONT_CONN_SENDING,
			    conn->front->config->send_timeout_ms);
		return;
	}
	front_output_release(conn);
	conn->unsent_answers = 0;
	wait_for(conn, UV_READABLE);
	if (conn->request == NULL) {
		if (before > 0)
			front_conn_rest(conn);
		return;
	}
	if (conn->request->state == FRONT_REPLYING)
		front_request_end(conn->request);
	else if (conn->request->state == FRONT_RUNNING ||
	    conn->request->state == FRONT_CLERK || is_checking(conn))
		set_timer(conn, FRONT_CONN_UNTIMED, 0);
}

/* Reads no more until they are taken up; that the web server leaves is seen all
 * the same. */
void
front_conn_hold(struct front_conn *conn, struct front_held *held)
{
	conn->held = held;
	wait_for(conn, conn->events);
}

/* `begin` was cut into a record of its own already, or is NULL. */
static void
hold(struct front_conn *conn, const struct wire_piece *begin,
    const uint8_t *rest, size_t length)
{
	size_t record = begin == NULL ? 0 : FCGI_HEADER_LEN + begin->length;
	struct front_held *held = front_memory(conn->front, NULL,
	    sizeof(*held) + record + length);

	if (held == NULL) {
		front_conn_close(conn);
		return;
	}
	if (begin != NULL) {
		wire_put_header(held->bytes, begin->type, begin->id,
		    (uint16_t)begin->length, 0);
		memcpy(held->bytes + FCGI_HEADER_LEN, begin->data,
		    begin->length);
	}
	memcpy(held->bytes + record, rest, length);
	held->length = record + length;
	front_conn_hold(conn, held);
}

static void
refuse_bytes(struct front_conn *conn)
{
	front_count(&conn->front->stats->protocol_errors, 1);
	log_warnx("not a FastCGI version 1 record; connection closed");
	front_conn_close(conn);
}

static void
take_bytes(struct front_conn *conn, const uint8_t *bytes, size_t length)
{
	const uint8_t *cursor = bytes, *end = bytes + length;
	struct wire_piece piece;
	int got;

	conn->parsing = true;
	conn->fresh = false;
	while (!conn->closing && conn->held == NULL &&
	    (got = wire_read(&conn->reader, &cursor, end, &piece)) != 0) {
		if (got < 0)
			refuse_bytes(conn);
		else if (!front_record(conn, &piece))
			hold(conn, &piece, cursor, (size_t)(end - cursor));
		else if (is_checking(conn))
			hold(conn, NULL, cursor, (size_t)(end - cursor));
		else if (cursor < end && front_pass_may(conn)) {
			hold(conn, NULL, cursor, (size_t)(end - cursor));
			take_held_soon(conn);
		}
	}
	conn->parsing = false;
}

/* The rest of a request is awaited: for read_timeout from its beginning. */
static void
adjust_timer(struct front_conn *conn)
{
	bool reading = conn->request != NULL ?
	    conn->request->state == FRONT_READING :
	    !wire_reader_at_boundary(&conn->reader);

	if (conn->closing || conn->timing == FRONT_CONN_SENDING ||
	    conn->timing == FRONT_CONN_RESUMING)
		return;
	if (reading && conn->timing != FRONT_CONN_READING)
		set_timer(conn, FRONT_CONN_READING,
		    conn->front->config->read_timeout_ms);
	else if (!reading && conn->request != NULL)
		set_timer(conn, FRONT_CONN_UNTIMED, 0);
}

/* Bytes that have come, and all that follows from them. */
static void
use_bytes(struct front_conn *conn, const uint8_t *bytes, size_t length)
{
	take_bytes(conn, bytes, length);
	adjust_timer(conn);
	if (!conn->closing)
		front_pass_settle(conn);
}

struct front_held *
front_conn_take(struct front_conn *conn)
{
	struct front_held *held = conn->held;

	conn->held = NULL;
	if (held != NULL)
		wait_for(conn, front_output_left(conn) == 0 ? UV_READABLE :
		    UV_READABLE | UV_WRITABLE);
	return held;
}

void
front_conn_use(struct front_conn *conn, struct front_held *held)
{
	if (conn->closing || held == NULL)
		free(held);
	else if (is_checking(conn))
		front_conn_hold(conn, held);
	else {
		use_bytes(conn, held->bytes, held->length);
		free(held);
	}
}

static void
take_held(struct front_conn *conn)
{
	front_conn_use(conn, front_conn_take(conn));
}

static void
on_readable(struct front_conn *conn)
{
	struct front *front = conn->front;
	ssize_t got = recv(conn->fd, front->read_buffer,
	    sizeof(front->read_buffer), 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		front_conn_close(conn);
		return;
	}
	use_bytes(conn, front->read_buffer, (size_t)got);
}

static void
on_ready(uv_poll_t *handle, int status, int events)
{
	struct front_conn *conn = handle->data;

	front_awake(conn->front);
	if (status < 0) {
		front_conn_close(conn);
		return;
	}
	if (events & UV_WRITABLE) {
		front_conn_flush(conn);
		if (!conn->closing && conn->request != NULL)
			front_news_room(conn);
		if (!conn->closing && conn->request != NULL)
			front_clerk_room(conn->request);
		if (!conn->closing && conn->request != NULL)
			front_ask_room(conn->request);
	}
	if (!conn->closing && events & UV_READABLE)
		on_readable(conn);
	else if (!conn->closing && events & UV_DISCONNECT)
		front_conn_close(conn);
}

/* What it has sent already was sent to one that served: that much is read. */
void
front_conn_stop(struct front_conn *conn)
{
	if (conn->request == NULL && conn->held == NULL)
		on_readable(conn);
	if (!conn->closing && conn->request == NULL && conn->held == NULL &&
	    !conn->draining && front_output_left(conn) == 0 &&
	    wire_reader_at_boundary(&conn->reader))
		front_conn_close(conn);
}
