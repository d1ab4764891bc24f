/*
 * clerk_postgres_test.c - a server that does not answer, at each moment: the
 * clerk waits for it so long and no longer.
 *
 * Runs in: make check; clerk_postgres.c is compiled with a short patience.
 * Owns: a scratch folder, and a thread that speaks as much of PostgreSQL's
 * protocol as is needed.
 * Invariant: what is measured are bounds, not times.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clerk/clerk_db.h"
#include "common/clock.h"

#define LONGEST_MS	20000	/* libpq takes 3 s to give up a connect */

/* From which of a client's messages on it says nothing: the commands that
 * begin a connection are 6. */
enum { SILENT_FROM_START, SILENT_IN_COMMANDS = 3, SILENT_IN_STATEMENT = 7,
	SILENT_NEVER = 1000 };

struct server {
	char		 folder[64], where[160];
	struct sockaddr_un name;
	int		 listener;
	pthread_t	 thread;
	int		 silent_from;
	_Atomic bool	 reads;		/* what comes while it is silent */
	_Atomic bool	 stopped;
};

static bool
get(int fd, void *out, size_t length)
{
	return recv(fd, out, length, MSG_WAITALL) == (ssize_t)length;
}

static void
put(int fd, const void *bytes, size_t length)
{
	if (send(fd, bytes, length, MSG_NOSIGNAL) < 0)
		return;
}

/* The rest of a message whose length comes next. */
static bool
pass_over(int fd)
{
	uint32_t length;
	char byte;

	if (!get(fd, &length, sizeof(length)))
		return false;
	for (length = ntohl(length) - 4; length > 0; length--)
		if (!get(fd, &byte, 1))
			return false;
	return true;
}

static void
say_nothing(struct server *server, int fd)
{
	char waste[4096];

	while (!atomic_load(&server->stopped)) {
		struct pollfd one = { .fd = fd, .events = POLLIN };

		if (!atomic_load(&server->reads))
			usleep(10000);
		else if (poll(&one, 1, 10) > 0 && recv(fd, waste,
		    sizeof(waste), 0) <= 0)
			return;
	}
}

/* Each simple query is "SET", each Sync of a statement ends one that gave no
 * rows. */
static void
speak(struct server *server, int fd)
{
	static const char welcome[] = "R\0\0\0\10\0\0\0\0Z\0\0\0\5I";
	static const char set[] = "C\0\0\0\10SET\0Z\0\0\0\5I";
	static const char done[] = "1\0\0\0\0042\0\0\0\4n\0\0\0\4"
	    "C\0\0\0\10SET\0Z\0\0\0\5I";
	int heard = 0;
	char type;

	if (!pass_over(fd))
		return;
	if (server->silent_from > SILENT_FROM_START)
		put(fd, welcome, sizeof(welcome) - 1);
	while (heard + 1 < server->silent_from && get(fd, &type, 1) &&
	    pass_over(fd)) {
		heard += type == 'Q' || type == 'S';
		if (type == 'Q')
			put(fd, set, sizeof(set) - 1);
		else if (type == 'S')
			put(fd, done, sizeof(done) - 1);
	}
	say_nothing(server, fd);
}

static void *
serve(void *context)
{
	struct server *server = context;
	int fd;

	while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
		speak(server, fd);
		close(fd);
	}
	return NULL;
}

static void
start(struct server *server, int silent_from)
{
	memset(server, 0, sizeof(*server));
	server->silent_from = silent_from;
	snprintf(server->folder, sizeof(server->folder), "/tmp/fh-pq-XXXXXX");
	assert_non_null(mkdtemp(server->folder));
	snprintf(server->where, sizeof(server->where), "host=%s user=me "
	    "dbname=jobs sslmode=disable gssencmode=disable",
	    server->folder);
	server->name.sun_family = AF_UNIX;
	snprintf(server->name.sun_path, sizeof(server->name.sun_path),
	    "%s/.s.PGSQL.5432", server->folder);
	server->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(server->listener, (struct sockaddr *)
	    &server->name, sizeof(server->name)), 0);
	assert_int_equal(listen(server->listener, 4), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server),
	    0);
}

static void
stop(struct server *server)
{
	atomic_store(&server->stopped, true);
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	unlink(server->name.sun_path);
	rmdir(server->folder);
}

/* Breaks when: a server that takes a connection, or a command, and says nothing
 * is waited for without end. */
static void
test_one_that_is_silent_is_not_waited_for(void **state)
{
	static const int from[] = { SILENT_FROM_START, SILENT_IN_COMMANDS };

	(void)state;
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		struct clerk_db db = { .class = &clerk_postgres };
		struct server server;
		struct err err = { "" };
		uint64_t begun_ms;

		start(&server, from[i]);
		db.where = server.where;
		begun_ms = clock_now_ms();
		assert_int_equal(db.class->open(&db, &err), -1);
		assert_true(clock_now_ms() - begun_ms < LONGEST_MS);
		assert_true(strlen(err.text) > 0);
		assert_null(db.handle);
		stop(&server);
	}
}

static void
run_in_vain(bool reads, size_t length)
{
	struct clerk_db db = { .class = &clerk_postgres };
	const struct clerk_value value = clerk_db_bytes(calloc(1, length),
	    length);
	struct clerk_rows rows;
	struct server server;
	struct err err = { "" };
	uint64_t begun_ms;

	start(&server, SILENT_IN_STATEMENT);
	atomic_store(&server.reads, reads);
	db.where = server.where;
	assert_int_equal(db.class->open(&db, &err), 0);
	begun_ms = clock_now_ms();
	assert_int_equal(db.class->run(&db, "SELECT $1", &value, 1, &rows,
	    &err), -1);
	assert_true(clock_now_ms() - begun_ms < LONGEST_MS);
	assert_non_null(strstr(err.text, "does not answer"));
	db.class->close(&db);
	stop(&server);
	free((void *)(uintptr_t)value.at);
}

/* Breaks when: it falls silent in the middle, with or without taking what it is
 * sent, and is waited for without end. */
static void
test_one_that_falls_silent_is_given_up(void **state)
{
	(void)state;
	run_in_vain(true, 10);
	run_in_vain(false, 10);
	run_in_vain(false, 8 << 20);	/* more than the socket takes */
}

/* Breaks when: the server of this test is silent always, and the two above say
 * nothing. */
static void
test_one_that_answers_is_heard(void **state)
{
	struct clerk_db db = { .class = &clerk_postgres };
	struct clerk_value value = CLERK_DB_NUMBER(1);
	struct server server;
	struct err err = { "" };

	(void)state;
	start(&server, SILENT_NEVER);
	db.where = server.where;
	assert_int_equal(db.class->open(&db, &err), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(db.class->run(&db, "SELECT $1", &value, 1,
		    NULL, &err), 0);
	db.class->close(&db);
	stop(&server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_that_answers_is_heard),
		cmocka_unit_test(test_one_that_is_silent_is_not_waited_for),
		cmocka_unit_test(test_one_that_falls_silent_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
