/*
 * front_record.c - what each FastCGI record does to its connection.
 *
 * Runs in: front.
 * Owns: nothing; the connection and its request are changed.
 * Invariant: one request at a time on a connection, as we tell those who ask
 * (FCGI_MPXS_CONNS 0); every record of the protocol has an answer here, and
 * none is fatal.  Specification, sections 4 and 5.
 */
#include "common/log.h"
#include "front/front.h"

/* One who asks and does not read the answers may not fill our memory. */
static void
send_now(struct front_conn *conn, const uint8_t *bytes, size_t length)
{
	if (conn->unsent_answers++ == FRONT_UNSENT_MAX) {
		front_count(&conn->front->stats->protocol_errors, 1);
		log_warnx("%u answers are not read; connection closed",
		    FRONT_UNSENT_MAX);
		front_conn_close(conn);
	} else if (front_output_raw(conn, bytes, length) < 0)
		front_conn_close(conn);
	else
		front_conn_flush(conn);
}

static void
end_with(struct front_conn *conn, uint16_t id, uint8_t protocol_status)
{
	uint8_t end[WIRE_END_LEN];

	send_now(conn, end, wire_put_end(end, id, 0, protocol_status));
}

static void
management(struct front_conn *conn, const struct wire_piece *piece)
{
	const struct config *config = conn->front->config;
	uint8_t out[WIRE_VALUES_MAX];
	size_t length;

	if (piece->type == FCGI_GET_VALUES)
		length = wire_put_values(out, piece->data,
		    piece->truncated ? 0 : piece->length,
		    config->connections, config->connections);
	else
		length = wire_put_unknown(out, piece->type);
	send_now(conn, out, length);
}

static bool
begin(struct front_conn *conn, const struct wire_piece *piece)
{
	uint16_t role;
	bool keep;

	if (piece->length < 8 || piece->truncated) {
		front_count(&conn->front->stats->protocol_errors, 1);
		log_warnx("BEGIN_REQUEST of %zu bytes; connection closed",
		    piece->length);
		front_conn_close(conn);
		return true;
	}
	role = (uint16_t)(piece->data[0] << 8 | piece->data[1]);
	keep = (piece->data[2] & FCGI_KEEP_CONN) != 0;
	if (conn->request != NULL) {
		if (conn->request->id == piece->id)
			return false;
		end_with(conn, piece->id, FCGI_CANT_MPX_CONN);
		return true;
	}
	if (role != FCGI_RESPONDER) {
		conn->close_after |= !keep;
		conn->draining = true;
		end_with(conn, piece->id, FCGI_UNKNOWN_ROLE);
		return true;
	}
	if (front_request_begin(conn, piece->id, keep) == NULL)
		front_conn_close(conn);
	else if (front_memory_is_short(conn->front))
		front_request_starve(conn->request);
	return true;
}

/* Completed at once for the web server; a worker is told and goes on alone. */
static void
abort_request(struct front_conn *conn)
{
	struct front_request *request = conn->request;
	uint16_t id = request->id;

	if (request->state == FRONT_REPLYING)
		return;
	conn->close_after |= !request->keep;
	front_request_cancel(request);
	if (front_output_end(conn, id, 0) < 0) {
		front_conn_close(conn);
		return;
	}
	front_conn_flush(conn);
	if (!conn->closing)
		front_conn_rest(conn);
}

/* Stream bytes of a request that is answered already, or never was. */
static void
discard(struct front_conn *conn, const struct wire_piece *piece)
{
	if (conn->draining && piece->type == FCGI_STDIN &&
	    piece->content_length == 0) {
		conn->draining = false;
		if (conn->request == NULL)
			front_conn_rest(conn);
		return;
	}
	conn->discarded += piece->length;
	if (conn->discarded <= FRONT_DISCARD_MAX)
		return;
	log_warnx("more than %u bytes for no request; connection closed",
	    FRONT_DISCARD_MAX);
	front_conn_close(conn);
}

bool
front_record(struct front_conn *conn, const struct wire_piece *piece)
{
	struct front_request *request = conn->request;
	bool ours = request != NULL && request->id == piece->id;

	if (piece->id == FCGI_NULL_REQUEST_ID) {
		management(conn, piece);
		return true;
	}
	switch (piece->type) {
	case FCGI_BEGIN_REQUEST:
		return begin(conn, piece);
	case FCGI_ABORT_REQUEST:
		if (ours)
			abort_request(conn);
		break;
	case FCGI_PARAMS:
		if (ours && request->state == FRONT_READING)
			front_request_params(request, piece);
		else
			discard(conn, piece);
		break;
	case FCGI_STDIN:
		if (ours && request->state == FRONT_READING)
			front_request_stdin(request, piece);
		else if (ours && piece->content_length == 0)
			request->stdin_done = true;
		else
			discard(conn, piece);
		break;
	case FCGI_DATA:		/* of filters, which we are not */
		discard(conn, piece);
		break;
	default:
		management(conn, &(struct wire_piece){ .type = piece->type });
	}
	return true;
}
