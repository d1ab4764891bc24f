/*
 * front_clients_test.c - policy: how many requests of one client are in a pool.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: seeds and keys are passed in.
 */
#include "front/front_clients.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct front_client_key
key_of(const char *text)
{
	struct front_client_key key;

	assert_true(front_client_key(text, strlen(text), &key));
	return key;
}

static bool
same(const char *one, const char *other)
{
	struct front_client_key a = key_of(one), b = key_of(other);

	return a.high == b.high && a.low == b.low;
}

/* Breaks when: a client with a /64 counts as many, or two count as one. */
static void
test_keys(void **state)
{
	struct front_client_key key;

	(void)state;
	assert_true(same("2001:db8::1", "2001:db8:0:0:ffff::2"));
	assert_false(same("2001:db8::1", "2001:db8:0:1::1"));
	assert_true(same("::ffff:10.0.0.1", "10.0.0.1"));
	assert_false(same("10.0.0.1", "10.0.0.2"));
	assert_false(same("::10.0.0.1", "10.0.0.1"));
	assert_true(same("a token", "a token"));
	assert_false(same("a token", "another"));
	assert_false(front_client_key("", 0, &key));
	assert_true(front_client_key("10.0.0.1\0x", 10, &key));
	assert_false(key.low == key_of("10.0.0.1").low);
}

/* Breaks when: the limit is one off, one client's requests count for another,
 * or who left still counts. */
static void
test_limit(void **state)
{
	struct front_clients *clients = front_clients_create(10, 7);
	struct front_client_key a = key_of("10.0.0.1"), b = key_of("10.0.0.2");
	uint32_t first, second, other, refused;

	(void)state;
	assert_true(front_clients_enter(clients, &a, 2, &first));
	assert_true(front_clients_enter(clients, &a, 2, &second));
	assert_false(front_clients_enter(clients, &a, 2, &refused));
	assert_int_equal(refused, 0);
	assert_true(front_clients_enter(clients, &b, 2, &other));
	front_clients_leave(clients, refused);
	assert_false(front_clients_enter(clients, &a, 2, &refused));
	front_clients_leave(clients, first);
	assert_true(front_clients_enter(clients, &a, 2, &first));
	assert_true(front_clients_enter(clients, &a, FRONT_CLIENTS_ANY,
	    &refused));
	assert_int_not_equal(refused, 0);
	front_clients_destroy(clients);
}

/* Breaks when: the table grows, or refuses those it cannot remember. */
static void
test_full_table(void **state)
{
	struct front_clients *clients = front_clients_create(2, 7);
	struct front_client_key keys[3] = { key_of("10.0.0.1"),
	    key_of("10.0.0.2"), key_of("10.0.0.3") };
	uint32_t tickets[3], again;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(front_clients_enter(clients, &keys[i], 1,
		    &tickets[i]));
	assert_int_equal(tickets[2], 0);
	assert_true(front_clients_enter(clients, &keys[2], 1, &again));
	front_clients_leave(clients, tickets[0]);
	assert_true(front_clients_enter(clients, &keys[2], 1, &again));
	assert_int_not_equal(again, 0);
	assert_false(front_clients_enter(clients, &keys[2], 1, &again));
	front_clients_destroy(clients);
}

/* Breaks when: a chain of a bucket is cut where one leaves it.  400 clients
 * come and go in 512 buckets, and each count is known. */
static void
test_against_plain_counts(void **state)
{
	enum { CLIENTS = 400, LIMIT = 3 };
	struct front_clients *clients = front_clients_create(CLIENTS, 99);
	uint32_t tickets[CLIENTS][LIMIT], counts[CLIENTS] = { 0 }, got;

	(void)state;
	srand(4);
	for (int i = 0; i < 200000; i++) {
		uint32_t who = (uint32_t)rand() % CLIENTS;
		struct front_client_key key = { .low = who };

		if (rand() % 2 == 0) {
			bool in = front_clients_enter(clients, &key, LIMIT,
			    &got);

			assert_int_equal(in, counts[who] < LIMIT);
			if (in)
				tickets[who][counts[who]++] = got;
		} else if (counts[who] > 0)
			front_clients_leave(clients,
			    tickets[who][--counts[who]]);
	}
	front_clients_destroy(clients);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_against_plain_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
