/*
 * wrk_race_test.c - front and workers on the same memory, in one process, so
 * that ThreadSanitizer sees both sides of what they share.
 *
 * The front and the web server are the main thread; two workers of four
 * threads each run wrk_thread_run() as in a process of their own.
 *
 * Runs in: make check; under ThreadSanitizer: ./quickstart test.
 * Owns: the front, the workers, the clients' connections.
 * Invariant: what a handler sees and what a client reads is the request's own.
 */
#include "front_inside.h"

#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/wrk.h"

#define WORKERS		2
#define CLIENTS		12
#define REQUESTS	20000
#define BODY		1000
#define LARGE		40000	/* more than a reply space, which wraps */
#define END_BYTES	8	/* of an END_REQUEST's content */
#define LONGEST		120	/* seconds */

struct client {
	int			 fd;	/* -1: none */
	unsigned		 number;	/* of its request; 0: none */
	bool			 leaves;
	struct wire_reader	 reader;
	size_t			 ended;		/* of its END_REQUEST */
	size_t			 length;	/* of `text` */
	char			 text[LARGE + 512];
};

static struct front	 front;
static struct wrk	 workers[WORKERS];
static struct child_start starts[WORKERS];
static struct client	 clients[CLIENTS];
static _Atomic unsigned	 runs[REQUESTS + 1];
static unsigned		 asked, answered, left;

/* ------------------------------------------------------------- the handler */

static size_t
reply_length(unsigned number)
{
	return number % 8 == 0 ? LARGE : 20 + number % 50;
}

static char
letter(unsigned number)
{
	return (char)('a' + number % 26);
}

static int
serve(struct fh_request *rq)
{
	const char *text = fh_query(rq, "n");
	unsigned number = (unsigned)atoi(text);
	char block[100];
	size_t length, size;
	const char *body = fh_body(rq, &length);

	atomic_fetch_add(&runs[number], 1);
	for (size_t i = 0; i < length; i++)
		if (body[i] != letter(number))
			return -1;
	memset(block, letter(number), sizeof(block));
	for (size_t done = 0; done < reply_length(number); done += size) {
		size = reply_length(number) - done;
		if (size > sizeof(block))
			size = sizeof(block);
		if (fh_write(rq, block, size) != 0)
			return -1;	/* it left */
	}
	fh_keep(rq, block, 40);
	return length == BODY ? 0 : -1;
}

/* ------------------------------------------------------------- the workers */

static void *
run_worker(void *context)
{
	struct wrk *wrk = context;
	uint32_t count;

	wrk->threads[0].id = pthread_self();
	assert_int_equal(wrk_thread_prepare(&wrk->threads[0]), 0);
	wrk_thread_run(&wrk->threads[0]);
	pthread_mutex_lock(&wrk->starting);
	count = atomic_load(&wrk->thread_count);
	pthread_mutex_unlock(&wrk->starting);
	for (uint32_t i = 1; i < count; i++)
		pthread_join(wrk->threads[i].id, NULL);
	wrk_thread_release(&wrk->threads[0]);
	return NULL;
}

static void
start_worker(uint32_t slot, pthread_t *id_out)
{
	struct wrk *wrk = &workers[slot];

	starts[slot] = *front.start;
	starts[slot].slot = slot;
	wrk->start = &starts[slot];
	wrk->shm = front.shm;
	wrk->window = front.shm->windows[slot];
	wrk->pool = front.pools[0].geometry;
	wrk->first_claimant = 1 + slot * wrk->pool->replies;
	jobq_init(&wrk->jobq, wrk->shm, 0);
	pthread_mutex_init(&wrk->starting, NULL);
	wrk->threads = calloc(wrk->pool->threads, sizeof(*wrk->threads));
	assert_non_null(wrk->threads);
	wrk->threads[0].wrk = wrk;
	atomic_store(&wrk->thread_count, 1);
	atomic_store(&wrk->window->threads, 1);
	atomic_store(&wrk->window->magic, SHM_WINDOW_MAGIC);
	atomic_store(&wrk->window->state, SHM_WORKER_READY);
	assert_int_equal(pthread_create(id_out, NULL, run_worker, wrk), 0);
}

/* --------------------------------------------------------------- the front */

static void
turn(void)
{
	front_news(&front);
	uv_run(&front.loop, UV_RUN_NOWAIT);
}

static void
ask(struct client *client)
{
	uint8_t bytes[FRONT_INSIDE_REQUEST];
	char query[32], body[BODY];
	size_t length;
	int ends[2];

	if (client->fd < 0) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM |
		    SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
		client->fd = ends[0];
		memset(&client->reader, 0, sizeof(client->reader));
		front_conn_open(&front, ends[1]);
	}
	client->number = ++asked;
	client->leaves = asked % 16 == 0;
	client->length = client->ended = 0;
	snprintf(query, sizeof(query), "n=%u", asked);
	memset(body, letter(asked), sizeof(body));
	length = front_inside_request(bytes, query, body, sizeof(body), true);
	assert_int_equal(write(client->fd, bytes, length), length);
}

/* Header, a blank line, and a body of the request's own letter. */
static void
check_reply(struct client *client)
{
	const char *body = memmem(client->text, client->length, "\r\n\r\n", 4);
	const char *end = client->text + client->length;

	if (strncmp(client->text, "Status: 200 ", 12) != 0)
		fail_msg("%.*s", (int)client->length, client->text);
	assert_non_null(body);
	body += 4;
	assert_int_equal(end - body, reply_length(client->number));
	for (; body < end; body++)
		assert_int_equal(*body, letter(client->number));
	client->number = 0;
	answered++;
}

static void
take_piece(struct client *client, const struct wire_piece *piece)
{
	if (piece->type == FCGI_STDOUT) {
		assert_true(piece->length <= sizeof(client->text) -
		    client->length);
		memcpy(client->text + client->length, piece->data,
		    piece->length);
		client->length += piece->length;
	}
	if (piece->type != FCGI_END_REQUEST)
		return;
	client->ended += piece->length;
	if (client->ended == END_BYTES)
		check_reply(client);
}

static void
leave(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	client->number = 0;
	left++;
}

static void
listen_to(struct client *client)
{
	uint8_t bytes[4096];
	const uint8_t *cursor = bytes;
	struct wire_piece piece;
	ssize_t length;

	if (client->fd < 0 || client->number == 0)
		return;
	if (client->leaves && asked % 3 != 0) {
		leave(client);
		return;
	}
	length = read(client->fd, bytes, sizeof(bytes));
	assert_int_not_equal(length, 0);
	while (length > 0 && wire_read(&client->reader, &cursor,
	    bytes + length, &piece) == 1)
		take_piece(client, &piece);
}

static void
turn_all(void)
{
	for (int i = 0; i < CLIENTS; i++) {
		if (clients[i].number == 0 && asked < REQUESTS)
			ask(&clients[i]);
		listen_to(&clients[i]);
	}
	turn();
}

static void
stop_workers(pthread_t ids[WORKERS])
{
	atomic_store(&front.shm->state->drain, 1);
	jobq_wake(&front.pools[0].jobq, true);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(ids[i], NULL);
}

static void
test_front_and_workers(void **state)
{
	pthread_t ids[WORKERS];

	(void)state;
	alarm(LONGEST);
	front_inside_make(&front, "reply_space = \"16 KiB\"\n"
	    "body_memory = \"16 KiB\"\n"
	    "pool \"default\" {\n\tworkers = 2\n\tthreads = 4\n}\n", serve);
	for (int i = 0; i < CLIENTS; i++)
		clients[i].fd = -1;
	for (uint32_t i = 0; i < WORKERS; i++)
		start_worker(i, &ids[i]);
	while (answered + left < REQUESTS || front.pools[0].active_count > 0)
		turn_all();
	stop_workers(ids);
	for (unsigned i = 1; i <= REQUESTS; i++)
		assert_in_range(atomic_load(&runs[i]), i % 16 != 0, 1);
	assert_int_not_equal(left, 0);
	assert_true(atomic_load(&workers[0].thread_count) > 1);
	alarm(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_front_and_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
