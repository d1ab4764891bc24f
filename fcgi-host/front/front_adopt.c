/*
 * front_adopt.c - a connection that comes from an older front, or back from a
 * newer one.
 *
 * Runs in: front.
 * Owns: nothing; the connection and its request are as any other.
 * Invariant: what was admitted is not refused by a limit, and waits as long as
 * it would have; a connection is adopted from the loop, never deep in another's
 * bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io.h"
#include "common/log.h"
#include "front/front.h"

typedef int	add_bytes(struct front_request *, const uint8_t *, size_t);

static int
read_part(struct front_request *request, int fd, uint64_t offset,
    uint64_t length, add_bytes *add)
{
	uint8_t *buffer = request->front->read_buffer;

	while (length > 0) {
		size_t piece = length < FRONT_READ_SIZE ? (size_t)length :
		    FRONT_READ_SIZE;

		if (io_read_at(fd, buffer, piece, offset) < 0 ||
		    add(request, buffer, piece) < 0)
			return -1;
		offset += piece;
		length -= piece;
	}
	return 0;
}

/* What was read and not used. */
static int
restore_input(struct front_conn *conn, const struct handover *packet, int fd)
{
	struct front_held *held;

	if (packet->input_length == 0)
		return 0;
	held = malloc(sizeof(*held) + packet->input_length);
	if (held == NULL || io_read_at(fd, held->bytes, packet->input_length,
	    handover_bytes(packet) - packet->input_length) < 0) {
		free(held);
		return -1;
	}
	held->length = packet->input_length;
	front_conn_hold(conn, held);
	return 0;
}

/* A file that has lost its name (its team was cleaned up, or the host has
 * another folder now) is copied. */
static int
restore_body(struct front_request *request, const struct handover *packet,
    int fds[HANDOVER_FDS])
{
	if (packet->spool == 0)
		return read_part(request, fds[HANDOVER_FD_BYTES],
		    packet->params_length, packet->body_length,
		    front_request_keep);
	if (front_spool_adopt(request, packet->spool, fds[HANDOVER_FD_SPOOL],
	    packet->body_length) < 0)
		return read_part(request, fds[HANDOVER_FD_SPOOL], 0,
		    packet->body_length, front_request_keep);
	fds[HANDOVER_FD_SPOOL] = -1;
	return 0;
}

/* -1: memory is out.  The request may be answered and gone afterwards. */
static int
restore_request(struct front_conn *conn, const struct handover *packet,
    int fds[HANDOVER_FDS])
{
	struct front_request *request = front_request_begin(conn,
	    (uint16_t)packet->id, (packet->flags & HANDOVER_KEEP) != 0);

	if (request == NULL)
		return -1;
	request->arrival_ns = packet->arrival_ns;
	request->queued_ns = packet->queued_ns;
	memcpy(request->request_id, packet->request_id,
	    sizeof(request->request_id));
	if (read_part(request, fds[HANDOVER_FD_BYTES], 0,
	    packet->params_length, front_request_put_params) < 0 ||
	    front_request_identify(request) < 0)
		return -1;
	request->stdin_done = true;
	if (restore_body(request, packet, fds) == 0)
		front_dispatch_again(request);
	else {
		log_warn("req=%s its body", request->request_id);
		front_answer(request, 503, "Retry-After: 5\r\n",
		    "The request body could not be kept.");
	}
	return 0;
}

/* They are established, so they are taken; those idle for longest give way. */
static void
keep_to_limit(struct front *front)
{
	while (front->conn_count > front->config->connections &&
	    !TAILQ_EMPTY(&front->idle))
		front_conn_close(TAILQ_FIRST(&front->idle));
}

static void
begin(struct front_conn *conn, const struct handover *packet,
    int fds[HANDOVER_FDS])
{
	bool has_request = (packet->flags & HANDOVER_REQUEST) != 0;

	if (restore_input(conn, packet, fds[HANDOVER_FD_BYTES]) < 0 ||
	    (has_request && restore_request(conn, packet, fds) < 0)) {
		log_warnx("no memory for a connection from another front");
		front_conn_close(conn);
	} else if (!has_request && !conn->fresh)
		front_conn_rest(conn);
	else if (!conn->closing)
		front_pass_settle(conn);
}

void
front_adopt(struct front *front, const struct handover *packet,
    int fds[HANDOVER_FDS], bool stays)
{
	bool fresh = packet->flags == HANDOVER_FRESH &&
	    packet->input_length == 0;
	struct front_conn *conn = front_conn_adopt(front,
	    fds[HANDOVER_FD_CONN], fresh);

	fds[HANDOVER_FD_CONN] = -1;
	if (conn != NULL) {
		conn->stays = stays;
		begin(conn, packet, fds);
	}
	handover_close(fds);
	keep_to_limit(front);
}
