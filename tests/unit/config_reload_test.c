/*
 * config_reload_test.c - what a configuration that is read again changes.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: nothing is said of what is the same, and everything else once.
 */
#include "config_fixture.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_reload.h"
#include "config/config_table.h"
#include "config/config_value.h"

#define SHA_OF(digit)	digit digit digit digit digit digit digit digit
#define SHA_A		SHA_OF("aaaaaaaa")
#define SHA_B		SHA_OF("bbbbbbbb")

/* config_keep_restart(), or config_changes() by way of changes(). */
typedef size_t	comparison(struct config *new, const struct config *running,
		    config_report *, void *context);

static size_t
changes(struct config *new, const struct config *running,
    config_report *report, void *context)
{
	return config_changes(new, running, report, context);
}

/* Exactly these sentences, ended by NULL, in this order. */
static void
expect_told(comparison *compare, struct config *new,
    const struct config *running, const char *const *told)
{
	struct reports reports = { .count = 0 };
	size_t returned = compare(new, running, collect, &reports), count = 0;

	assert_int_equal(returned, reports.count);
	for (; told[count] != NULL && count < reports.count; count++)
		assert_string_equal(reports.text[count], told[count]);
	if (count < reports.count)
		print_error("also: %s\n", reports.text[count]);
	assert_int_equal(reports.count, count);
	assert_null(told[count]);
	forget(&reports);
}

/* What config_changes() says of two files. */
static void
expect_changes(const char *before, const char *after, const char *const *told)
{
	struct config *running = sound(before), *new = sound(after);

	expect_told(changes, new, running, told);
	config_free(running);
	config_free(new);
}

static void
expect_change(const char *before, const char *after, const char *told)
{
	const char *const list[] = { told, NULL };

	expect_changes(before, after, list);
}

/* ---------------------------------------------------------------- the same */

static void
test_nothing_changed(void **state)
{
	static const struct { const char *before, *after; } same[] = {
		{ "", "" }, { "", "# a comment\n\n" },
		{ "", "timeout = 60s watch = yes listen_mode = 0660" },
		{ "timeout = 60s", "timeout = '1m'" },
		{ "timeout = 120s", "timeout = 120000ms" },
		{ "body_limit = '8 MiB'", "body_limit = 8388608" },
		{ "watch = on", "watch = true" },
		{ "listen_mode = 660", "listen_mode = 0660" },
		{ "", "pool default { }" },
		{ "", "pool default { workers = auto queue = 1000 }" },
		{ "user = ''", "" },
		{ "pool a { } pool b { threads = 2 }",
		    "pool b { threads = 2 } pool default { } pool a { }" },
		{ "model a { path = /a } model b { path = /b check = '' }",
		    "model b { path = /b } model a { path = /a }" },
		{ "model a { path = /a sha256 = " SHA_A " }",
		    "model a { path = /a sha256 = " SHA_OF("AAaaaaaa") " }" },
		{ "route 'GET /a' { } route 'GET /b' { timeout = 0 }",
		    "route 'GET /b' { timeout = 0s } route 'GET /a' { }" },
		{ "handler h { set = { 'a=1', 'b=2' } } handler i { }",
		    "handler i { } handler h { set = { 'b=2', 'a=1' } }" }
	};
	static const char *const nothing[] = { NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		expect_changes(same[i].before, same[i].after, nothing);
		expect_changes(same[i].after, same[i].before, nothing);
	}
}

/* Breaks when a number of CPUs is compared as the word it was written as. */
static void
test_workers_are_compared_by_value(void **state)
{
	static const char *const nothing[] = { NULL };
	char text[64];
	cpu_set_t cpus;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	snprintf(text, sizeof(text), "pool default { workers = %d }",
	    CPU_COUNT(&cpus));
	expect_changes(text, "", nothing);
	expect_changes("pool default { workers = auto }", text, nothing);
}

/* ----------------------------------------------------------------- changed */

static void
test_every_type(void **state)
{
	static const char *const told[] = {
		"handlers: \"/a b\" -> \"/q\\\"\\\\\"",
		"log_level: info -> debug",
		NULL
	};

	(void)state;
	expect_changes("handlers = '/a b'",
	    "log_level = debug handlers = \"/q\\\"\\\\\"", told);
	expect_change("", "connections = 7", "connections: 4096 -> 7");
	expect_change("", "timeout = 30s", "timeout: 60s -> 30s");
	expect_change("timeout = 0", "timeout = 3m", "timeout: 0 -> 3m");
	expect_change("", "body_limit = 1500000",
	    "body_limit: 8 MiB -> 1500 kB");
	expect_change("body_limit = 0", "body_limit = 1",
	    "body_limit: 0 -> 1 B");
	expect_change("", "watch = no", "watch: true -> false");
	expect_change("", "drain_timeout = 1d", "drain_timeout: 30s -> 1d");
	expect_change("pool default { workers = 2 }",
	    "pool default { workers = 4 }", "pool \"default\" workers: 2 -> 4");
	expect_change("pool default { workers = 2 }",
	    "pool default { workers = ondemand }",
	    "pool \"default\" workers: 2 -> ondemand");
	expect_change("pool x { stack = '64 KiB' }",
	    "pool x { stack = '1 MiB' }", "pool \"x\" stack: 64 KiB -> 1 MiB");
	expect_change("pool x { queue = 0 }", "pool x { }",
	    "pool \"x\" queue: 0 -> 1000");
}

static void
test_every_type_of_a_model(void **state)
{
	static const char *const told[] = {
		"model \"m\" path: \"/a\" -> \"/b\"",
		"model \"m\" kind: file -> preload",
		"model \"m\" required: true -> false",
		"model \"m\" max_bytes: 0 -> 1 GiB",
		"model \"m\" sha256: \"\" -> \"" SHA_A "\"",
		"model \"m\" load_timeout: 120s -> 5m",
		"model \"m\" reload: keep-serving -> free-first",
		"model \"m\" check: \"\" -> \"GET /m?x=1\"",
		NULL
	};

	(void)state;
	expect_changes("model m { path = /a }", "model m { path = /b\n"
	    "kind = preload required = no max_bytes = '1 GiB'\n"
	    "sha256 = " SHA_A " load_timeout = 300s reload = free-first\n"
	    "check = 'GET /m?x=1' }", told);
	expect_change("model m { path = /a sha256 = " SHA_A " }",
	    "model m { path = /a sha256 = " SHA_B " }", "model \"m\" sha256: \""
	    SHA_A "\" -> \"" SHA_B "\"");
}

static void
test_what_a_route_does_not_set(void **state)
{
	static const char *const set[] = {
		"route \"GET /x\" async: not set -> true",
		"route \"GET /x\" pool: not set -> \"default\"",
		"route \"GET /x\" timeout: not set -> 5s",
		"route \"GET /x\" max_concurrent: not set -> 0",
		"route \"GET /x\" cors_origins: not set -> { }",
		NULL
	};
	static const char *const unset[] = {
		"route \"GET /x\" async: false -> not set",
		"route \"GET /x\" timeout: 0 -> not set",
		"route \"GET /x\" max_concurrent: 7 -> not set",
		"route \"GET /x\" body_limit: 1 GiB -> not set",
		"route \"GET /x\" cors_expose: { \"A\" } -> not set",
		NULL
	};

	(void)state;
	expect_changes("route 'GET /x' { }", "route 'GET /x' { async = yes\n"
	    "pool = default timeout = 5s max_concurrent = 0\n"
	    "cors_origins = { } }", set);
	expect_changes("route 'GET /x' { async = no timeout = 0\n"
	    "max_concurrent = 7 body_limit = '1 GiB'\n"
	    "cors_expose = { A } }",
	    "route 'GET /x' { }", unset);
}

static void
test_sections(void **state)
{
	static const char *const told[] = {
		"body_memory: 64 KiB -> 0",
		"pool \"x\": added",
		"pool \"b\" threads: 1 -> 2",
		"pool \"a\": removed",
		"route \"POST /r/{id}\": added",
		"route \"GET /r/{id}\": removed",
		"model \"n\": added",
		"model \"m\": removed",
		"handler \"train\" set: changed",
		"handler \"one\": added",
		NULL
	};

	(void)state;
	expect_changes("pool a { } pool b { }\n" "route 'GET /r/{id}' { }\n"
	    "model m { path = /m }\n" "handler train { set = { 'k=v' } }",
	    "pool x { threads = 9 } pool default { }\n"
	    "pool b { threads = 2 } body_memory = 0\n"
	    "route 'POST /r/{id}' { }\n" "model n { path = /m }\n"
	    "handler train { set = { 'k=w' } } handler one { }", told);
	expect_change("handler h { set = { 'a=1', 'b=1' } }",
	    "handler h { set = { 'a=1', 'c=1' } }",
	    "handler \"h\" set: changed");
	expect_change("handler h { set = { 'a=1' } }", "handler h { }",
	    "handler \"h\" set: changed");
	expect_change("route 'GET /x' { }", "", "route \"GET /x\": removed");
}

/* ----------------------------------------------------------------- restart */

static void
test_restart_options_are_kept(void **state)
{
	static const char *const kept[] = {
		"listen: needs a restart: \"unix:/a\" is in use, test.conf "
		    "says \"unix:/b\"",
		"listen_mode: needs a restart: 0600 is in use, test.conf says "
		    "0660",
		"listen_owner: needs a restart: \"root\" is in use, test.conf "
		    "says \"\"",
		"listen_backlog: needs a restart: 9 is in use, test.conf says "
		    "4096",
		"user: needs a restart: \"\" is in use, test.conf says "
		    "\"root\"",
		"group: needs a restart: \"root\" is in use, test.conf says "
		    "\"\"",
		"state_dir: needs a restart: \"/var/lib/fcgi-host\" is in use, "
		    "test.conf says \"/s\"",
		"control: needs a restart: \"/c\" is in use, test.conf says "
		    "\"/run/fcgi-host/control.sock\"",
		NULL
	}, *const changed[] = { "timeout: 60s -> 30s", NULL },
	    *const nothing[] = { NULL };
	struct config *running = sound("listen = unix:/a listen_mode = 0600\n"
	    "listen_owner = root listen_backlog = 9 group = root\n"
	    "control = /c");
	struct config *new = sound("listen = unix:/b user = root\n"
	    "timeout = 30s state_dir = /s");

	(void)state;
	expect_told(changes, new, running, changed);
	expect_told(config_keep_restart, new, running, kept);
	expect_told(config_keep_restart, new, running, nothing);
	expect_told(changes, new, running, changed);
	config_free(running);		/* nothing in `new` is shared with it */
	assert_string_equal(new->listen, "unix:/a");
	assert_int_equal(new->listen_mode, 0600);
	assert_string_equal(new->listen_owner, "root");
	assert_int_equal(new->listen_backlog, 9);
	assert_null(new->user);
	assert_int_equal(new->timeout_ms, 30000);
	assert_non_null(strstr(new->text, "unix:/b"));
	config_free(new);
}

/* Every option that may not change is one that does not, and no other. */
static void
test_what_needs_a_restart(void **state)
{
	static const char *const names[] = { "listen", "listen_mode",
		"listen_owner", "listen_group", "listen_backlog", "user",
		"group", "state_dir", "control", "jobs_path",
		"jobs_database", "jobs_concurrency", "jobs_lease",
		"jobs_wait", "jobs_webhooks", "jobs_webhook_secret",
		"jobs_body_limit", "jobs_result_limit", "cache_size" };
	const struct config_option *option = config_top_options;
	size_t count = 0;

	(void)state;
	for (; option->name != NULL; option++) {
		if (!option->restart)
			continue;
		assert_true(count < sizeof(names) / sizeof(names[0]));
		assert_string_equal(option->name, names[count++]);
	}
	assert_int_equal(count, sizeof(names) / sizeof(names[0]));
	for (size_t i = CONFIG_TOP + 1; i < CONFIG_SECTION_KINDS; i++)
		for (option = config_sections[i].options;
		    option->name != NULL; option++)
			assert_false(option->restart);
}

/* ---------------------------------------------------------------- writing */

/* "NAME = VALUE" for every option of a section; quotes around what has none. */
static void
write_options(FILE *out, const struct config_section *section,
    const void *base)
{
	const struct config_option *option = section->options;

	for (; option->name != NULL; option++) {
		const char *quote = config_value_is_text(option) ||
		    config_value_is_list(option) ? "" : "\"";

		if (option->type == CONFIG_SETTINGS)
			continue;
		fprintf(out, "%s = %s", option->name, quote);
		config_value_write(out, option, base);
		fprintf(out, "%s\n", quote);
	}
}

static char *
write_config(const struct config *config)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	write_options(out, &config_sections[CONFIG_TOP], config);
	fprintf(out, "pool \"%s\" {\n", config->pools[0].name);
	write_options(out, &config_sections[CONFIG_SECTION_POOL],
	    &config->pools[0]);
	fprintf(out, "}\nroute 'GET /x' {\n");
	write_options(out, &config_sections[CONFIG_SECTION_ROUTE],
	    &config->routes[0]);
	fprintf(out, "}\nmodel m {\n");
	write_options(out, &config_sections[CONFIG_SECTION_MODEL],
	    &config->models[0]);
	fprintf(out, "}\n");
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Breaks when a value is shown as anything but what would be read as it. */
static void
test_what_is_written_is_read_as_the_same(void **state)
{
	static const char *const texts[] = {
		"route 'GET /x' { async = no pool = default timeout = 0\n"
		"deadline = 0\n"
		"sync_warn = 0 max_concurrent = 0 reserve = 0\n"
		"body_limit = 0 server_timing = no auth = none scopes = a\n"
		"cache = 0 cache_refresh = no cors_origins = { }\n"
		"cors_headers = { } cors_expose = { }\n"
		"cors_credentials = no cors_max_age = 0\n"
		"rate = none rate_burst = 0\n"
		"job_concurrency = 0 job_priority = 0\n"
		"job_attempts = 1 job_retry = 10ms job_keep = 1s }\n"
		"model m { path = /m }",
		"listen = 'unix:/a\"b' listen_mode = 0606 handlers = '/\\ '\n"
		"body_limit = 1001 timeout = 90061001ms kill_grace = 10m\n"
		"idle_timeout = 121s read_timeout = 23h log_level = warn\n"
		"watch = no watch_delay = 1m worker_memory = 1234567\n"
		"allow_users = { root, 7 } allow_addresses = '::/0'\n"
		"route 'GET /x' { async = on pool = default timeout = 7d\n"
		"deadline = 1ms sync_warn = 1ms max_concurrent = 1\n"
		"reserve = 1 body_limit = 1001 server_timing = yes\n"
		"auth = none scopes = 'a b'\n"
		"cache = 1m cache_refresh = on\n"
		"cors_origins = { 'https://a:1', 'null://b' }\n"
		"cors_headers = { X-A } cors_expose = { X-B, X-C }\n"
		"cors_credentials = yes cors_max_age = 1m\n"
		"rate = 10/s rate_burst = 7\n"
		"job_concurrency = 9 job_priority = 0\n"
		"job_attempts = 1 job_retry = 10ms job_keep = 1s\n"
		"} pool default { workers = 2 }\n"
		"model m { path = /m sha256 = " SHA_A "\n"
		"kind = build hugepages = try reload = free-first\n"
		"check = 'PUT /a?b=%25' }"
	};
	static const char *const nothing[] = { NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *config = sound(texts[i]), *again;
		char *text = write_config(config);

		again = sound(text);
		expect_told(changes, again, config, nothing);
		expect_told(config_keep_restart, again, config, nothing);
		config_free(config);
		config_free(again);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_changed),
		cmocka_unit_test(test_workers_are_compared_by_value),
		cmocka_unit_test(test_every_type),
		cmocka_unit_test(test_every_type_of_a_model),
		cmocka_unit_test(test_what_a_route_does_not_set),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_restart_options_are_kept),
		cmocka_unit_test(test_what_needs_a_restart),
		cmocka_unit_test(test_what_is_written_is_read_as_the_same)
	};

	return cmocka_run_group_tests_name("config_reload", tests, NULL, NULL);
}
