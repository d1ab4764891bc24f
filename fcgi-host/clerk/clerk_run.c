/*
 * clerk_run.c - one job that runs: a FastCGI client of the host's own front.
 *
 * Runs in: clerk.
 * Owns: each struct clerk_run, its end of the connection and its lease.
 * Invariant: the front gets the request as if a web server had sent it, over a
 * connection that nobody else can make, so limits, time-outs, crash reports
 * and breakers are those of any request; closing it cancels the handler.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clerk/clerk.h"
#include "common/channel.h"
#include "common/log.h"
#include "wire/wire_params.h"

#define HEADER_MAX	(64u << 10)	/* of a reply, beside its body */
#define TELL_MS		250	/* between two writes of its progress */
#define REQUEST_ID	1

static void	on_ready(uv_poll_t *, int, int);

/* ----------------------------------------------------------------- its end */

static void
on_closed(uv_handle_t *handle)
{
	struct clerk_run *run = handle->data;

	if (--run->handles > 0)
		return;
	clerk_claim_finish(&run->claim);
	clerk_bytes_free(&run->output);
	clerk_bytes_free(&run->reply);
	free(run);
}

/* The front sees it, and so does the handler. */
static void
hang_up(struct clerk_run *run)
{
	if (run->fd < 0)
		return;
	if (run->polled)
		uv_poll_stop(&run->poll);
	close(run->fd);
	run->fd = -1;
	uv_timer_stop(&run->timer);
	uv_timer_stop(&run->telling);
}

void
clerk_run_free(struct clerk_run *run)
{
	hang_up(run);
	if (!run->ended)
		run->clerk->run_count--;
	TAILQ_REMOVE(&run->clerk->runs, run, link);
	if (run->polled)
		uv_close((uv_handle_t *)&run->poll, on_closed);
	uv_close((uv_handle_t *)&run->timer, on_closed);
	uv_close((uv_handle_t *)&run->telling, on_closed);
}

static void
end(struct clerk_run *run)
{
	struct clerk *clerk = run->clerk;

	if (run->ended)
		return;
	hang_up(run);
	run->ended = true;
	clerk->run_count--;
	clerk_run_save(run);
	clerk_pump_soon(clerk);
}

void
clerk_run_cancel(struct clerk_run *run)
{
	run->cancelled = true;
	end(run);
}

struct clerk_run *
clerk_run_find(struct clerk *clerk, const char *id)
{
	struct clerk_run *run;

	TAILQ_FOREACH(run, &clerk->runs, link)
		if (!run->ended && strcmp(run->claim.id, id) == 0)
			return run;
	return NULL;
}

/* What is not saved because the database is away has a lease that ends. */
void
clerk_run_abandon(struct clerk *clerk)
{
	struct clerk_run *run, *next;

	for (run = TAILQ_FIRST(&clerk->runs); run != NULL; run = next) {
		next = TAILQ_NEXT(run, link);
		if (!run->ended)
			end(run);
	}
}

/* --------------------------------------------------------------- its lease */

static void
renew(struct clerk_run *run, bool new)
{
	struct clerk *clerk = run->clerk;
	struct clerk_lease lease;

	if (run->ended || !clerk->store.up)
		return;
	if (clerk_store_renew(&clerk->store, run->claim.id, run->claim.token,
	    clerk->config->jobs_lease_ms, &run->progress, new, &lease) < 0) {
		clerk_away(clerk);
		return;
	}
	if (new)
		clerk_changed(clerk, run->claim.id);
	if (!lease.ours) {
		log_warnx("job %s is run by another host by now; this attempt "
		    "is ended", run->claim.id);
		run->lost = true;
		end(run);
	} else if (lease.cancel)
		clerk_run_cancel(run);
}

void
clerk_run_look(struct clerk_run *run)
{
	renew(run, false);
}

static void
on_renewal(uv_timer_t *timer)
{
	renew(timer->data, false);
}

static void
on_telling(uv_timer_t *timer)
{
	renew(timer->data, true);
}

/* ------------------------------------------------------------- what it says */

static void
take_progress(struct clerk_run *run)
{
	run->said[run->said_length] = '\0';
	run->said_length = 0;
	clerk_words_progress(run->said, &run->progress);
	if (!uv_is_active((uv_handle_t *)&run->telling))
		uv_timer_start(&run->telling, on_telling, TELL_MS, 0);
}

static void
take_said(struct clerk_run *run, const struct wire_piece *piece)
{
	size_t room = sizeof(run->said) - 1 - run->said_length;
	size_t length = piece->length < room ? piece->length : room;

	memcpy(run->said + run->said_length, piece->data, length);
	run->said_length += length;
	if (run->reader.content_left == 0 && run->said_length > 0)
		take_progress(run);
}

static void
take_reply(struct clerk_run *run, const struct wire_piece *piece)
{
	size_t limit = run->clerk->config->jobs_result_limit + HEADER_MAX;

	if (piece->length == 0)
		return;
	run->end.any = true;
	run->end.too_large |= clerk_bytes_left(&run->reply) + piece->length >
	    limit || clerk_bytes_put(&run->reply, piece->data,
	    piece->length) < 0;
}

static void
take_end(struct clerk_run *run, const struct wire_piece *piece)
{
	run->end.whole = true;
	run->end.not_begun = piece->length >= 4 &&
	    piece->data[3] == CLERK_NOT_BEGUN;
}

/* True: it has come to its end. */
static bool
take_bytes(struct clerk_run *run, const uint8_t *bytes, size_t length)
{
	const uint8_t *cursor = bytes, *last = bytes + length;
	struct wire_piece piece;
	int got;

	while ((got = wire_read(&run->reader, &cursor, last, &piece)) == 1) {
		if (piece.type == FCGI_STDOUT)
			take_reply(run, &piece);
		else if (piece.type == FCGI_STDERR)
			take_said(run, &piece);
		else if (piece.type == FCGI_END_REQUEST)
			take_end(run, &piece);
		if (run->end.whole || run->end.too_large)
			return true;
	}
	return got < 0;
}

static void
read_some(struct clerk_run *run)
{
	uint8_t bytes[16384];
	ssize_t got = recv(run->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || take_bytes(run, bytes, (size_t)got))
		end(run);
}

static void
watch(struct clerk_run *run)
{
	uv_poll_start(&run->poll, clerk_bytes_left(&run->output) > 0 ?
	    UV_READABLE | UV_WRITABLE : UV_READABLE, on_ready);
}

/* A front may answer before it has read everything: what it said counts. */
static void
on_ready(uv_poll_t *poll, int status, int events)
{
	struct clerk_run *run = poll->data;

	if (status < 0) {
		end(run);
		return;
	}
	if (events & UV_WRITABLE) {
		if (clerk_bytes_send(&run->output, run->fd) < 0)
			clerk_bytes_free(&run->output);
		else if (clerk_bytes_left(&run->output) == 0)
			clerk_bytes_free(&run->output);
		watch(run);
	}
	if (events & UV_READABLE)
		read_some(run);
}

/* ------------------------------------------------------------ its beginning */

static int
put_stream(struct clerk_bytes *out, uint8_t type, const void *bytes,
    size_t length)
{
	const uint8_t *at = bytes;
	uint8_t header[FCGI_HEADER_LEN];

	while (length > 0) {
		size_t piece = length < WIRE_CONTENT_MAX ? length :
		    WIRE_CONTENT_MAX;

		wire_put_header(header, type, REQUEST_ID, (uint16_t)piece, 0);
		if (clerk_bytes_put(out, header, sizeof(header)) < 0 ||
		    clerk_bytes_put(out, at, piece) < 0)
			return -1;
		at += piece;
		length -= piece;
	}
	return 0;
}

static int
put_end(struct clerk_bytes *out, uint8_t type)
{
	uint8_t header[FCGI_HEADER_LEN];

	wire_put_header(header, type, REQUEST_ID, 0, 0);
	return clerk_bytes_put(out, header, sizeof(header));
}

/* What a handler may want to know of its attempt. */
static int
put_own_params(struct clerk_bytes *out, const struct clerk_claim *claim)
{
	uint8_t block[256], *at = block;
	char attempt[16];
	int length = snprintf(attempt, sizeof(attempt), "%u",
	    claim->tries.attempts);

	at = wire_params_put(at, block + sizeof(block), "JOB_ID", 6,
	    claim->id, strlen(claim->id));
	at = wire_params_put(at, block + sizeof(block), "JOB_ATTEMPT", 11,
	    attempt, (size_t)length);
	return put_stream(out, FCGI_PARAMS, block, (size_t)(at - block));
}

static int
put_request(struct clerk_run *run)
{
	const struct clerk_claim *claim = &run->claim;
	struct clerk_bytes *out = &run->output;
	uint8_t begin[WIRE_END_LEN];
	size_t length = wire_put_begin(begin, REQUEST_ID, FCGI_RESPONDER, 0);

	if (clerk_bytes_put(out, begin, length) < 0 ||
	    put_stream(out, FCGI_PARAMS, claim->params,
	    claim->params_length) < 0 || put_own_params(out, claim) < 0 ||
	    put_end(out, FCGI_PARAMS) < 0)
		return -1;
	return put_stream(out, FCGI_STDIN, claim->body,
	    claim->body_length) < 0 ? -1 : put_end(out, FCGI_STDIN);
}

/* One byte and the front's end of the pair. */
static int
send_end(int link, int fd)
{
	_Alignas(struct cmsghdr) char space[CMSG_SPACE(sizeof(int))];
	char byte = 'J';
	struct iovec piece = { &byte, 1 };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

	channel_put_descriptors(&message, space, &fd, 1);
	return sendmsg(link, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 :
	    -1;
}

static int
connect_to(const struct clerk_client *front)
{
	int ends[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    ends) < 0)
		return -1;
	rc = send_end(front->fd, ends[1]);
	close(ends[1]);
	if (rc == 0)
		return ends[0];
	close(ends[0]);
	return -1;
}

static struct clerk_run *
create(struct clerk *clerk, struct clerk_claim *claim)
{
	struct clerk_run *run = calloc(1, sizeof(*run));

	if (run == NULL)
		return NULL;
	run->clerk = clerk;
	run->claim = *claim;
	run->fd = -1;
	run->handles = 2;
	run->poll.data = run->timer.data = run->telling.data = run;
	uv_timer_init(&clerk->loop, &run->timer);
	uv_timer_init(&clerk->loop, &run->telling);
	TAILQ_INSERT_TAIL(&clerk->runs, run, link);
	clerk->run_count++;
	return run;
}

/* It was cancelled while nobody ran it, or its machines died under it. */
static bool
is_over(const struct clerk_claim *claim)
{
	return claim->cancel || claim->tries.attempts > claim->tries.max;
}

/* False: the front takes none for now. */
static bool
open_connection(struct clerk_run *run, const struct clerk_client *front)
{
	run->fd = connect_to(front);
	if (run->fd < 0)
		return false;
	if (uv_poll_init(&run->clerk->loop, &run->poll, run->fd) < 0) {
		close(run->fd);
		run->fd = -1;
		return false;
	}
	run->polled = true;
	run->handles++;
	return put_request(run) == 0;
}

bool
clerk_run_start(struct clerk *clerk, struct clerk_claim *claim,
    struct clerk_client *front)
{
	struct clerk_run *run = create(clerk, claim);
	bool over = is_over(claim);

	if (run == NULL) {	/* its lease ends */
		clerk_claim_finish(claim);
		return false;
	}
	run->cancelled = claim->cancel;
	clerk_changed(clerk, claim->id);
	if (over || !open_connection(run, front)) {
		run->end.any = over;
		end(run);
		return over;
	}
	free(run->claim.body);
	run->claim.body = NULL;
	uv_timer_start(&run->timer, on_renewal, clerk_renewal(
	    clerk->config->jobs_lease_ms), clerk_renewal(
	    clerk->config->jobs_lease_ms));
	watch(run);
	return true;
}
