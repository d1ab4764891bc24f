/*
 * sup_backlog_test.c - what waits in the kernel to be accepted.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: connections are counted while they really wait.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisor/sup_metrics.h"

#define WAITING	3
#define BACKLOG	7

static void
expect_waiting(int listening, struct sockaddr *address, socklen_t size)
{
	int fds[WAITING], taken;
	uint32_t length = 99, limit = 99;

	assert_int_equal(bind(listening, address, size), 0);
	assert_int_equal(listen(listening, BACKLOG), 0);
	assert_int_equal(getsockname(listening, address, &size), 0);
	assert_int_equal(sup_backlog(listening, &length, &limit), 0);
	assert_int_equal(length, 0);
	assert_int_equal(limit, BACKLOG);
	for (int i = 0; i < WAITING; i++) {
		fds[i] = socket(address->sa_family, SOCK_STREAM, 0);
		assert_int_equal(connect(fds[i], address, size), 0);
	}
	assert_int_equal(sup_backlog(listening, &length, &limit), 0);
	assert_int_equal(length, WAITING);
	taken = accept(listening, NULL, NULL);
	assert_true(taken >= 0);
	assert_int_equal(sup_backlog(listening, &length, &limit), 0);
	assert_int_equal(length, WAITING - 1);
	close(taken);
	for (int i = 0; i < WAITING; i++)
		close(fds[i]);
	close(listening);
}

/* The kernel chooses the name: one in no folder. */
static void
test_of_a_unix_socket(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t size = sizeof(address);

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
	    sizeof(sa_family_t)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size),
	    0);
	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	expect_waiting(fd, (struct sockaddr *)&address, size);
}

static void
test_of_a_port(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	(void)state;
	expect_waiting(socket(AF_INET, SOCK_STREAM, 0),
	    (struct sockaddr *)&address, sizeof(address));
}

static void
test_of_nothing(void **state)
{
	uint32_t length, limit;
	int ends[2];

	(void)state;
	assert_int_equal(sup_backlog(-1, &length, &limit), -1);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(sup_backlog(ends[0], &length, &limit), -1);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_a_unix_socket),
		cmocka_unit_test(test_of_a_port),
		cmocka_unit_test(test_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
