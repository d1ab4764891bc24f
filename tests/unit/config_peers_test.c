/*
 * config_peers_test.c - lists in the configuration, and who may connect.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: an address is in a network or not, over whichever socket it comes.
 */
#include "config_fixture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_list.h"
#include "config/config_peers.h"
#include "config/config_reload.h"

/* ------------------------------------------------------------------ lists */

/* Breaks when: a list replaces nothing, keeps its default or loses an item. */
static void
test_lists(void **state)
{
	struct config *config = sound("");

	(void)state;
	assert_null(config->allow_users);
	assert_int_equal(config_list_count(config->allow_addresses), 2);
	assert_string_equal(config->allow_addresses[1], "::1");
	config_free(config);

	config = sound("allow_users = {\n\t\"root\",\n\t1000\n}\n"
	    "allow_addresses = 10.1.2.3\n");
	assert_int_equal(config_list_count(config->allow_users), 2);
	assert_string_equal(config->allow_users[1], "1000");
	assert_int_equal(config_list_count(config->allow_addresses), 1);
	assert_string_equal(config->allow_addresses[0], "10.1.2.3");
	config_free(config);

	config = sound("allow_users = { }\n");
	assert_null(config->allow_users);
	config_free(config);
}

/* Breaks when: a fault in the second list of a file has the first one's line,
 * or an item's the list's. */
static void
test_faults_have_lines(void **state)
{
	(void)state;
	faulty("allow_users = {\n\"root\",\n\"1\"\n}\nallow_addresses = {\n"
	    "\"::1\",\n\"10.0.0.1/8\"\n}\n", 7, "10.0.0.0/8");
	faulty("allow_users = { \"root\",\n \"no-such-user\" }\n", 2,
	    "there is no user \"no-such-user\"");
	faulty("allow_users = { \"\" }\n", 1, "empty");
	faulty("allow_users = { \"4294967295\" }\n", 1, "no uid");
	faulty("allow_addresses = { }\n", 1, "lets nobody in");
	faulty("allow_users = { \"root\" \"1\" }\n", 1, "','");
	faulty("connections = { 1 }\n", 1, "not a list");
}

struct said {
	char	*text;
	size_t	 count;
};

static void
hear(void *context, const char *sentence)
{
	struct said *said = context;

	free(said->text);
	said->text = strdup(sentence);
	said->count++;
}

/* Breaks when: a changed list is not seen, or one that is equal is called
 * changed. */
static void
test_changes(void **state)
{
	struct config *running = sound("allow_users = { \"root\" }\n");
	struct config *same = sound("allow_users = \"root\"\n");
	struct config *new = sound("allow_users = { \"root\", \"7\" }\n");
	struct said said = { NULL, 0 };

	(void)state;
	assert_int_equal(config_changes(same, running, hear, &said), 0);
	assert_int_equal(config_changes(new, running, hear, &said), 1);
	assert_int_equal(said.count, 1);
	assert_string_equal(said.text, "allow_users: { \"root\" } -> "
	    "{ \"root\", \"7\" }");
	free(said.text);
	config_free(running);
	config_free(same);
	config_free(new);
}

/* --------------------------------------------------------------- networks */

static bool
has(const char *network, const char *address)
{
	struct config_network parsed;
	struct sockaddr_in6 new = { .sin6_family = AF_INET6 };
	struct sockaddr_in old = { .sin_family = AF_INET };

	assert_int_equal(config_network_parse(network, &parsed, NULL), 0);
	if (inet_pton(AF_INET, address, &old.sin_addr) == 1)
		return config_network_has(&parsed, (struct sockaddr *)&old);
	assert_int_equal(inet_pton(AF_INET6, address, &new.sin6_addr), 1);
	return config_network_has(&parsed, (struct sockaddr *)&new);
}

/* Breaks when: a prefix is off by a bit, or IPv4 over IPv6 is a stranger. */
static void
test_networks(void **state)
{
	static const struct {
		const char *network, *address;
		bool in;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "9.255.255.255", false },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "::ffff:10.0.0.0/104", "10.1.2.3", true },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.4/30", "192.0.2.7", true },
		{ "192.0.2.4/30", "192.0.2.8", false },
		{ "192.0.2.4/31", "192.0.2.6", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.0", false },
		{ "192.0.2.1/32", "::ffff:192.0.2.1", true },
		{ "::1", "::1", true },
		{ "::1", "::2", false },
		{ "fd00::/8", "fdff::1", true },
		{ "fd00::/8", "fe00::1", false },
		{ "2001:db8:8000::/33", "2001:db8:7fff::1", false },
		{ "2001:db8:8000::/33", "2001:db8:ffff::1", true },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "0.0.0.0/0", "::ffff:203.0.113.9", true },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "203.0.113.9", false },
		{ "::/0", "::ffff:203.0.113.9", false }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (has(cases[i].network, cases[i].address) != cases[i].in)
			fail_msg("%s, %s", cases[i].network, cases[i].address);
}

/* Breaks when: what is no network is taken for one. */
static void
test_bad_networks(void **state)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "localhost", "not an address" },
		{ "", "not an address" }, { "/8", "not an address" },
		{ "10.0.0", "not an address" }, { "1.2.3.4.5",
		    "not an address" }, { "[::1]", "not an address" },
		{ "fe80::1%eth0", "not an address" },
		{ "10.0.0.0/", "from 0 to 32" },
		{ "10.0.0.0/33", "from 0 to 32" },
		{ "10.0.0.0/-1", "from 0 to 32" },
		{ "10.0.0.0/8/8", "from 0 to 32" },
		{ "10.0.0.0/99999999999999999999", "from 0 to 32" },
		{ "::/129", "from 0 to 128" },
		{ "10.0.0.1/8", "the network is 10.0.0.0/8" },
		{ "fd00::1/8", "the network is fd00::/8" },
		{ "0.0.0.1/0", "the network is 0.0.0.0/0" },
		{ "::1/0", "the network is ::/0" }
	};
	char longest[300];
	struct config_network out;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(config_network_parse(bad[i].text, &out, &err),
		    -1);
		if (strstr(err.text, bad[i].says) == NULL)
			fail_msg("%s: %s", bad[i].text, err.text);
	}
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(config_network_parse(longest, &out, &err), -1);
}

/* ------------------------------------------------------------------- peers */

/* Breaks when: a name stands for another user, or an empty list for nobody. */
static void
test_users(void **state)
{
	struct config *config = sound("");

	(void)state;
	assert_true(config_peers_user(config, 0));
	assert_true(config_peers_user(config, 12345));
	config_free(config);
	config = sound("allow_users = { \"root\", \"1000\" }\n");
	assert_true(config_peers_user(config, 0));
	assert_true(config_peers_user(config, 1000));
	assert_false(config_peers_user(config, 1001));
	assert_false(config_peers_user(config, (uid_t)-1));
	config_free(config);
}

/* Breaks when: the warning at the start is given for a list that lets others
 * in, or not for one that doesn't. */
static void
test_local(void **state)
{
	static const struct { const char *text; bool local; } cases[] = {
		{ "", true },
		{ "allow_addresses = { \"127.0.0.1\", \"::1\" }\n", true },
		{ "allow_addresses = { \"127.0.0.1\", \"10.0.0.0/8\" }\n",
		    false },
		{ "allow_addresses = \"0.0.0.0/0\"\n", false },
		{ "allow_addresses = \"126.0.0.0/7\"\n", false },
		{ "allow_addresses = \"::/0\"\n", false }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config = sound(cases[i].text);

		assert_int_equal(config_peers_are_local(config),
		    cases[i].local);
		config_free(config);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_faults_have_lines),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_bad_networks),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_local)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
