/*
 * fuzz_window.c - whatever a worker writes over the memory it shares with the
 * front, the front lives, answers once, and serves on.
 *
 * Input: steps, see enum step.  Worker 0 is the wild one: its window and the
 * queue are overwritten.  Worker 1 is honest.
 *
 * Runs in: make check, libFuzzer.
 * Owns: one front in this process, its connections' other ends.
 * Invariant: when an input is over, both workers have died and all clients
 * left: every job slot must be free again.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/clock.h"
#include "front/front.h"
#include "front_inside.h"

enum step {
	STEP_REQUEST,		/* a client comes */
	STEP_TAKE,		/* worker, slot: takes a job */
	STEP_WRITE,		/* worker, slot: bytes of a reply */
	STEP_END,		/* worker, slot */
	STEP_WINDOW,		/* offset, length, bytes: overwritten */
	STEP_REPLIES,		/* the same from the reply slots on */
	STEP_QUEUE,		/* the same in the queue */
	STEP_NEWS,
	STEP_CHECK,
	STEP_DIED,		/* worker 0 */
	STEP_LEAVE,		/* a client */
	STEP_LOOP,		/* the front's loop turns once */
	STEPS
};

#define CLIENTS		12
#define WORKERS		2
#define END_BYTES	8		/* of an END_REQUEST's content */
#define TEXT		"Status: 200 OK\r\n\r\nok\n"

struct client {
	int			 fd;		/* -1: none */
	struct wire_reader	 reader;
	size_t			 ended;		/* of its END_REQUEST */
	size_t			 bytes;		/* of standard output */
	char			 text[sizeof(TEXT)];
};

struct input {
	const uint8_t	*at, *end;
};

static struct front	 front;
static struct client	 clients[CLIENTS];
static int		 supervisor;		/* the link's other end */

/* ----------------------------------------------------------------- set-up */

static int
serve(struct fh_request *rq)
{
	(void)rq;
	return 200;
}

static void
make_front(void)
{
	static const char config[] = "reply_space = \"64 KiB\"\n"
	    "body_memory = \"64 KiB\"\n"
	    "pool \"default\" {\n\tworkers = 2\n\tthreads = 2\n}\n";

	supervisor = front_inside_make(&front, config, serve);
	for (int i = 0; i < CLIENTS; i++)
		clients[i].fd = -1;
}

/* ---------------------------------------------------------------- clients */

static void
turn(void)
{
	uv_run(&front.loop, UV_RUN_NOWAIT);
}

static struct client *
come(void)
{
	struct client *client = clients;
	uint8_t bytes[FRONT_INSIDE_REQUEST];
	size_t length = front_inside_request(bytes, "", "", 0, false);
	int ends[2];

	while (client < clients + CLIENTS && client->fd >= 0)
		client++;
	if (client == clients + CLIENTS)
		return NULL;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0, ends) == 0);
	memset(client, 0, sizeof(*client));
	client->fd = ends[0];
	front_conn_open(&front, ends[1]);
	CHECK(write(client->fd, bytes, length) == (ssize_t)length);
	turn();
	return client;
}

static void
take_piece(struct client *client, const struct wire_piece *piece)
{
	if (piece->type == FCGI_END_REQUEST) {
		client->ended += piece->length;
		CHECK(client->ended <= END_BYTES);
	}
	if (piece->type != FCGI_STDOUT)
		return;
	CHECK(client->ended == 0);
	for (size_t i = 0; i < piece->length; i++, client->bytes++)
		if (client->bytes < sizeof(client->text) - 1)
			client->text[client->bytes] = (char)piece->data[i];
}

/* What it has been sent: well formed, and one answer at most. */
static void
listen_to(struct client *client)
{
	uint8_t bytes[65536];
	const uint8_t *cursor;
	struct wire_piece piece;
	ssize_t length;

	while ((length = read(client->fd, bytes, sizeof(bytes))) > 0)
		for (cursor = bytes; wire_read(&client->reader, &cursor,
		    bytes + length, &piece) == 1; )
			take_piece(client, &piece);
}

static void
leave(struct client *client)
{
	if (client->fd < 0)
		return;
	listen_to(client);
	close(client->fd);
	client->fd = -1;
	turn();
}

/* ---------------------------------------------------------------- workers */

static struct shm_reply *
slot_of(uint32_t worker, uint32_t slot)
{
	return shm_reply(front.shm, worker, slot);
}

static void
tell(uint32_t worker, uint32_t slot)
{
	struct shm_window *window = front.shm->windows[worker];
	uint32_t at;

	if (atomic_exchange(&slot_of(worker, slot)->flagged, 1) != 0)
		return;
	at = atomic_fetch_add(&window->news_tail, 1);
	atomic_store(&window->news[at % front.pools[0].geometry->news_size],
	    slot + 1);
}

/* A job for that slot, as wrk_serve.c begins it.  False: there is none. */
static bool
take(uint32_t worker, uint32_t slot)
{
	const struct shm_pool_geometry *pool = front.pools[0].geometry;
	struct shm_reply *reply = slot_of(worker, slot);
	uint32_t claimant = 1 + worker * pool->replies + slot;
	struct jobq *jobq = &front.pools[0].jobq;
	const struct shm_job *job;
	uint32_t index;

	if (atomic_load(&reply->state) != SHM_REPLY_FREE)
		return false;
	atomic_store(&front.shm->windows[worker]->magic, SHM_WINDOW_MAGIC);
	index = jobq_take(jobq, claimant);
	if (index == SHM_NONE)
		return false;
	job = shm_job(front.shm, index);
	atomic_store(&reply->job, index);
	atomic_store(&reply->started_ns, clock_now_ns());
	atomic_store(&reply->written, 0);
	atomic_store(&reply->consumed, 0);
	atomic_store(&reply->state, SHM_REPLY_BUSY);
	atomic_store(&reply->seq, job->seq);
	if (jobq_has(jobq, index, job->seq, claimant))
		return true;
	atomic_store(&reply->seq, 0);
	atomic_store(&reply->state, SHM_REPLY_EXPIRED);
	tell(worker, slot);
	return false;
}

static void
write_text(uint32_t worker, uint32_t slot)
{
	struct shm_reply *reply = slot_of(worker, slot);

	memcpy(shm_reply_space(front.shm, worker, slot), TEXT,
	    sizeof(TEXT) - 1);
	atomic_store(&reply->written, sizeof(TEXT) - 1);
	tell(worker, slot);
}

static void
end(uint32_t worker, uint32_t slot)
{
	struct shm_reply *reply = slot_of(worker, slot);

	if (atomic_load(&reply->state) != SHM_REPLY_BUSY)
		return;
	reply->status = 200;
	reply->ended_ns = clock_now_ns();
	write_text(worker, slot);
	atomic_store(&reply->state, SHM_REPLY_DONE);
	tell(worker, slot);
}

static void
die(uint32_t worker)
{
	const struct message died = { .type = MESSAGE_WORKER_DIED,
	    .slot = worker, .value = SIGKILL,
	    .incarnation = front.workers[worker].incarnation };
	const struct shm_window *window = front.shm->windows[worker];

	front_worker_died(&front, &died);
	CHECK(atomic_load(&window->magic) == 0);
	CHECK(atomic_load(&window->news_tail) == 0);
}

/* --------------------------------------------------------------- an input */

static uint32_t
take_byte(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static void
overwrite(struct input *input, void *section, uint64_t size)
{
	uint64_t offset = take_byte(input) << 8;
	uint64_t length;

	offset = (offset | take_byte(input)) % size;
	length = take_byte(input);
	if (length > size - offset)
		length = size - offset;
	if (length > (uint64_t)(input->end - input->at))
		length = (uint64_t)(input->end - input->at);
	memcpy((uint8_t *)section + offset, input->at, length);
	input->at += length;
}

static void
overwrite_some(struct input *input, uint32_t step)
{
	const struct shm_pool_geometry *pool = front.pools[0].geometry;
	uint8_t *window = (uint8_t *)front.shm->windows[0];

	if (step == STEP_QUEUE)
		overwrite(input, front.shm->queues[0], pool->queue_bytes);
	else if (step == STEP_REPLIES)
		overwrite(input, window + pool->replies_offset,
		    pool->spaces_offset - pool->replies_offset);
	else
		overwrite(input, window, pool->spaces_offset);
}

static void
work(struct input *input, uint32_t step)
{
	uint32_t worker = take_byte(input) % WORKERS;
	uint32_t slot = take_byte(input) % front.pools[0].geometry->replies;

	if (step == STEP_TAKE)
		take(worker, slot);
	else if (step == STEP_END)
		end(worker, slot);
	else
		write_text(worker, slot);
}

static void
do_step(struct input *input)
{
	uint32_t step = take_byte(input) % STEPS;

	switch (step) {
	case STEP_REQUEST:
		come();
		break;
	case STEP_TAKE:
	case STEP_WRITE:
	case STEP_END:
		work(input, step);
		break;
	case STEP_WINDOW:
	case STEP_REPLIES:
	case STEP_QUEUE:
		overwrite_some(input, step);
		break;
	case STEP_NEWS:
		front_news(&front);
		break;
	case STEP_CHECK:
		front_queue_check(&front.pools[0]);
		break;
	case STEP_DIED:
		die(0);
		break;
	case STEP_LEAVE:
		leave(&clients[take_byte(input) % CLIENTS]);
		break;
	default:
		turn();
	}
}

/* The supervisor reads, or the front would wait for it. */
static void
hear(void)
{
	struct message message;
	int fds[CHANNEL_FDS_MAX];
	size_t count;
	char byte;

	while (recv(supervisor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		CHECK(channel_receive(supervisor, &message, fds, &count) == 1);
}

static void
end_everything(void)
{
	for (int i = 0; i < CLIENTS; i++)
		leave(&clients[i]);
	for (uint32_t worker = 0; worker < WORKERS; worker++)
		die(worker);
	turn();
	hear();
	CHECK(front.pools[0].active_count == 0);
	CHECK(front.pools[0].pending_count == 0);
	CHECK(front.conn_count == 0);
}

static void
forgive(void)
{
	front_breaker_finish(front.breakers);
	memset(front.breakers, 0, sizeof(*front.breakers));
	memset(&front.poison, 0, sizeof(front.poison));
}

/* As in the first input: only then does an input do the same again. */
static void
begin_anew(void)
{
	struct front_pool *pool = &front.pools[0];

	memset(front.shm->queues[0], 0, pool->geometry->queue_bytes);
	pool->jobq.tail = 0;
	front.next_seq = 1;
	TAILQ_INIT(&pool->free);
	for (uint32_t i = 0; i < pool->geometry->jobs; i++)
		TAILQ_INSERT_TAIL(&pool->free, &pool->jobs[i], link);
	forgive();
	for (uint32_t worker = 0; worker < WORKERS; worker++)
		atomic_store(&front.shm->windows[worker]->magic,
		    SHM_WINDOW_MAGIC);
}

/* The wild one is dead and all clients have left: the next is served. */
static void
serve_one(void)
{
	struct client *client = come();

	CHECK(client != NULL);
	CHECK(take(1, 0));
	end(1, 0);
	CHECK(front_news(&front));
	turn();
	listen_to(client);
	CHECK(client->ended == END_BYTES);
	CHECK(strcmp(client->text, TEXT) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };

	if (front.start == NULL)
		make_front();
	begin_anew();
	while (input.at < input.end) {
		do_step(&input);
		hear();
	}
	end_everything();
	forgive();
	serve_one();
	end_everything();
	return 0;
}
