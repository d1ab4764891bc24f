/*
 * config_test.c - the configuration: every option, its values and their bounds.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: a refused value is one report that names its line and its option.
 */
#include "config_fixture.h"

#include <sys/stat.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_file.h"

#define KIB	((size_t)1024)
#define MIB	(1024 * KIB)

/* ------------------------------------------------------------------ units */

static void
test_sizes(void **state)
{
	static const struct { const char *text; size_t bytes; } good[] = {
		{ "0", 0 }, { "4096", 4096 }, { "1 B", 1 }, { "512B", 512 },
		{ "64 KiB", 65536 }, { "64KiB", 65536 }, { "8 MiB", 8 * MIB },
		{ "2 GiB", 2048 * MIB }, { "1 TiB", 1024 * 1024 * MIB },
		{ "10 kB", 10000 }, { "3 MB", 3000000 },
		{ "2 GB", 2000000000 }, { "1 TB", 1000000000000 },
		{ " 7  KiB ", 7168 }, { "18446744073709551615", SIZE_MAX },
		{ "16777215 TiB", (size_t)16777215 << 40 }
	};
	static const char *const bad[] = { "", " ", "-1", "+1", "1.5 GiB",
		"k", "10k", "10 K", "1KB", "1Kb", "1m", "1M", "1 mb", "1g",
		"1 kib", "1 KiBs", "1 KiB 2", "0x10", "1e3", "1 s", "B",
		"18446744073709551616", "16777216 TiB", "99999999999 TB",
		"1_000", "\xc3\xa9", "1 \xc2\xb5" };
	size_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(config_parse_size(good[i].text, &bytes), 0);
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bytes = 77;
		assert_int_equal(config_parse_size(bad[i], &bytes), -1);
		assert_int_equal(bytes, 77);
	}
}

static void
test_times(void **state)
{
	static const struct { const char *text; uint64_t ms; } good[] = {
		{ "0", 0 }, { "0s", 0 }, { "1500ms", 1500 }, { "10s", 10000 },
		{ "10 s", 10000 }, { "2m", 120000 }, { "1h", 3600000 },
		{ "7d", 604800000 }, { "18446744073709551615ms", UINT64_MAX }
	};
	static const char *const bad[] = { "", "10", "-1s", "1.5s", "10sec",
		"1m30s", "5 minutes", "1S", "1H", "1us", "s", "ms",
		"18446744073709551616ms", "18446744073709551615s", "1 KiB" };
	uint64_t ms;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(config_parse_time(good[i].text, &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ms = 77;
		assert_int_equal(config_parse_time(bad[i], &ms), -1);
		assert_int_equal(ms, 77);
	}
}

static void
test_unit_advice(void **state)
{
	(void)state;
	faulty("body_limit = 10k", 1, "write \"10 KiB\" or \"10 kB\"");
	faulty("body_limit = 10M", 1, "write \"10 MiB\" or \"10 MB\"");
	faulty("body_limit = '1 KB'", 1, "write \"1 KiB\" or \"1 kB\"");
	faulty("body_limit = '1 mib'", 1, "write the unit as MiB");
	faulty("body_limit = 1.5", 1, "fraction");
	faulty("body_limit = '5 apples'", 1, "no known unit");
	faulty("body_limit = ''", 1, "is empty");
	faulty("timeout = 60", 1, "write \"60s\" for seconds or \"60ms\"");
	faulty("timeout = '1 minute'", 1, "ms, s, m, h or d");
	faulty("timeout = soon", 1, "not a whole number");
}

/* ---------------------------------------------------------------- defaults */

static void
test_defaults(void **state)
{
	struct config *c = config_defaults();
	cpu_set_t cpus;

	(void)state;
	assert_string_equal(c->listen, "unix:/run/fcgi-host/host.sock");
	assert_int_equal(c->listen_mode, 0660);
	assert_null(c->listen_owner);
	assert_null(c->listen_group);
	assert_int_equal(c->listen_backlog, 4096);
	assert_null(c->user);
	assert_null(c->group);
	assert_string_equal(c->handlers, "/usr/lib/fcgi-host/handlers");
	assert_string_equal(c->state_dir, "/var/lib/fcgi-host");
	assert_string_equal(c->control, "/run/fcgi-host/control.sock");
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_int_equal(c->connections, 4096);
	assert_int_equal(c->params_limit, 64 * KIB);
	assert_int_equal(c->body_limit, 8 * MIB);
	assert_int_equal(c->body_memory, 64 * KIB);
	assert_int_equal(c->idle_timeout_ms, CONFIG_NEVER);
	assert_int_equal(c->read_timeout_ms, 60000);
	assert_int_equal(c->send_timeout_ms, 60000);
	assert_int_equal(c->header_limit, 16 * KIB);
	assert_int_equal(c->reply_space, 64 * KIB);
	assert_int_equal(c->sync_reply_limit, 8 * MIB);
	assert_int_equal(c->timeout_ms, 60000);
	assert_int_equal(c->kill_grace_ms, 2000);
	assert_int_equal(c->drain_timeout_ms, 30000);
	assert_true(c->watch);
	assert_int_equal(c->watch_delay_ms, 500);
	assert_int_equal(c->keep_generations, 5);
	assert_int_equal(c->load_timeout_ms, 60000);
	assert_int_equal(c->memory_plan, CONFIG_PLAN_ENFORCE);
	assert_int_equal(c->worker_memory, 8 * MIB);
	assert_int_equal(c->omp_threads, 1);
	assert_int_equal(c->pool_count, 1);
	assert_string_equal(c->pools[0].name, "default");
	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	assert_int_equal(c->pools[0].workers, CPU_COUNT(&cpus));
	assert_int_equal(c->pools[0].threads, 1);
	assert_int_equal(c->pools[0].queue, 1000);
	assert_int_equal(c->pools[0].queue_timeout_ms, 10000);
	assert_int_equal(c->pools[0].stack, 256 * KIB);
	assert_int_equal(c->route_count + c->model_count + c->handler_count,
	    0);
	config_free(c);
	config_free(NULL);
}

static void
test_section_defaults(void **state)
{
	struct config *c = sound("route 'GET /x' { }\n"
	    "model m { path = /m }\n" "handler h { }\n");

	(void)state;
	assert_string_equal(c->file, "test.conf");
	assert_int_equal(c->routes[0].async, CONFIG_UNSET);
	assert_null(c->routes[0].pool);
	assert_int_equal(c->routes[0].timeout_ms, CONFIG_UNSET);
	assert_int_equal(c->routes[0].max_concurrent, CONFIG_UNSET);
	assert_int_equal(c->models[0].kind, CONFIG_MODEL_FILE);
	assert_true(c->models[0].required);
	assert_int_equal(c->models[0].hugepages, CONFIG_PAGES_OFF);
	assert_false(c->models[0].lock);
	assert_int_equal(c->models[0].max_bytes, 0);
	assert_null(c->models[0].sha256);
	assert_int_equal(c->models[0].load_timeout_ms, 120000);
	assert_false(c->models[0].allow_threads);
	assert_int_equal(c->models[0].reload, CONFIG_RELOAD_KEEP_SERVING);
	assert_null(c->models[0].check);
	assert_int_equal(c->handler_sections[0].setting_count, 0);
	config_free(c);
}

/* ------------------------------------------------------- every option set */

static const char everything[] =
    "listen = \"tcp:[::1]:9000\"\n"
    "listen_mode = 0600  listen_owner = root  listen_group = root\n"
    "listen_backlog = 7\n"
    "user = root  group = root\n"
    "handlers = /h  state_dir = '/s'  control = \"/c\"\n"
    "log_level = debug  // to the end\n"
    "connections = 9  params_limit = '128 KiB'  body_limit = 0\n"
    "body_memory = 8192  idle_timeout = 5s  read_timeout = 250ms\n"
    "send_timeout = 1m  header_limit = '8 KiB'  reply_space = '32 KiB'\n"
    "sync_reply_limit = '1 MiB'  timeout = 0  kill_grace = 100ms\n"
    "drain_timeout = 1h  memory_plan = warn  worker_memory = '1 MB' "
    "watch = no watch_delay = 2s keep_generations = 3 load_timeout = 5m\n"
    "omp_threads = 2 /* and\nmore */\n"
    "pool slow { workers = 3 threads = 800 queue = 5\n"
    "  queue_timeout = 0 stack = '64 KiB' }\n"
    "pool \"default\" { workers = auto }\n"
    "route \"POST /users/{id}/files/{rest...}\" {\n"
    "  async = true  pool = \"slow\"  timeout = \"5s\"\n"
    "  max_concurrent = 10\n"
    "}\n"
    "route 'GET /y' { async = no timeout = 0 max_concurrent = 0 }\n"
    "model \"m.1\" { path = \"/m\"  kind = build  required = false\n"
    "  hugepages = try  lock = on  max_bytes = \"1 GiB\"\n"
    "  sha256 = ABCDEF0123456789abcdef0123456789"
    "abcdef0123456789abcdef0123456789\n"
    "  load_timeout = \"1500ms\"  allow_threads = true "
    "  reload = free-first  check = 'GET /m/a%20b?text=x&y=[1]' }\n"
    "handler \"train\" { set = { \"database=postgresql://u:p@h/d?a=b\",\n"
    "  'empty=', \"quote=\\\"\\x41\\\\\" , } }\n"
    "handler one { set = 'a=${b}' }\n";

static void
test_every_top_option(void **state)
{
	struct config *c = sound(everything);

	(void)state;
	assert_string_equal(c->listen, "tcp:[::1]:9000");
	assert_int_equal(c->listen_mode, 0600);
	assert_string_equal(c->listen_owner, "root");
	assert_string_equal(c->listen_group, "root");
	assert_int_equal(c->listen_backlog, 7);
	assert_string_equal(c->user, "root");
	assert_string_equal(c->group, "root");
	assert_string_equal(c->handlers, "/h");
	assert_string_equal(c->state_dir, "/s");
	assert_string_equal(c->control, "/c");
	assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(c->connections, 9);
	assert_int_equal(c->params_limit, 128 * KIB);
	assert_int_equal(c->body_limit, 0);
	assert_int_equal(c->body_memory, 8192);
	assert_int_equal(c->idle_timeout_ms, 5000);
	assert_int_equal(c->read_timeout_ms, 250);
	assert_int_equal(c->send_timeout_ms, 60000);
	assert_int_equal(c->header_limit, 8 * KIB);
	assert_int_equal(c->reply_space, 32 * KIB);
	assert_int_equal(c->sync_reply_limit, MIB);
	assert_int_equal(c->timeout_ms, 0);
	assert_int_equal(c->kill_grace_ms, 100);
	assert_int_equal(c->drain_timeout_ms, 3600000);
	assert_false(c->watch);
	assert_int_equal(c->watch_delay_ms, 2000);
	assert_int_equal(c->keep_generations, 3);
	assert_int_equal(c->load_timeout_ms, 300000);
	assert_int_equal(c->memory_plan, CONFIG_PLAN_WARN);
	assert_int_equal(c->worker_memory, 1000000);
	assert_int_equal(c->omp_threads, 2);
	config_free(c);
}

static void
test_every_section_option(void **state)
{
	struct config *c = sound(everything);

	(void)state;
	assert_int_equal(c->pool_count, 2);
	assert_string_equal(c->pools[0].name, "default");
	assert_int_equal(c->pools[0].line, 16);
	assert_string_equal(c->pools[1].name, "slow");
	assert_int_equal(c->pools[1].line, 14);
	assert_int_equal(c->pools[1].workers, 3);
	assert_int_equal(c->pools[1].threads, 800);
	assert_int_equal(c->pools[1].queue, 5);
	assert_int_equal(c->pools[1].queue_timeout_ms, 0);
	assert_int_equal(c->pools[1].stack, 64 * KIB);
	assert_int_equal(c->route_count, 2);
	assert_string_equal(c->routes[0].method, "POST");
	assert_string_equal(c->routes[0].path, "/users/{id}/files/{rest...}");
	assert_int_equal(c->routes[0].async, 1);
	assert_string_equal(c->routes[0].pool, "slow");
	assert_int_equal(c->routes[0].timeout_ms, 5000);
	assert_int_equal(c->routes[0].max_concurrent, 10);
	assert_int_equal(c->routes[0].line, 17);
	assert_int_equal(c->routes[1].async, 0);
	assert_int_equal(c->routes[1].timeout_ms, 0);
	assert_int_equal(c->routes[1].max_concurrent, 0);
	config_free(c);
}

static void
test_every_model_and_setting(void **state)
{
	struct config *c = sound(everything);
	const struct config_model *m = config_model(c, "m.1");

	(void)state;
	assert_non_null(m);
	assert_null(config_model(c, "m"));
	assert_string_equal(m->path, "/m");
	assert_int_equal(m->kind, CONFIG_MODEL_BUILD);
	assert_false(m->required);
	assert_int_equal(m->hugepages, CONFIG_PAGES_TRY);
	assert_true(m->lock);
	assert_int_equal(m->max_bytes, 1024 * MIB);
	assert_string_equal(m->sha256, "abcdef0123456789abcdef0123456789"
	    "abcdef0123456789abcdef0123456789");
	assert_int_equal(m->load_timeout_ms, 1500);
	assert_true(m->allow_threads);
	assert_int_equal(m->reload, CONFIG_RELOAD_FREE_FIRST);
	assert_string_equal(m->check, "GET /m/a%20b?text=x&y=[1]");
	assert_string_equal(config_setting(c, "train", "database"),
	    "postgresql://u:p@h/d?a=b");
	assert_string_equal(config_setting(c, "train", "empty"), "");
	assert_string_equal(config_setting(c, "train", "quote"), "\"A\\");
	assert_string_equal(config_setting(c, "one", "a"), "${b}");
	assert_null(config_setting(c, "one", "database"));
	assert_null(config_setting(c, "two", "a"));
	config_free(c);
}

/* ------------------------------------------------------------- values */

static void
test_bounds(void **state)
{
	(void)state;
	faulty("connections = 0", 1, "may be 1 to 65536");
	faulty("connections = 65537", 1, "may be 1 to 65536");
	faulty("connections = 4294967297", 1, "out of range");
	faulty("connections = -1", 1, "not a whole number");
	faulty("connections = '10 B'", 1, "takes no unit");
	faulty("params_limit = '2 MiB'", 1, "4 KiB to 1 MiB");
	faulty("reply_space = '8 KiB'", 1, "16 KiB to 64 MiB");
	faulty("reply_space = 20000", 1, "multiple of 4096");
	faulty("read_timeout = 0", 1, "10ms to 1d");
	faulty("idle_timeout = 1ms", 1, "0, or 10ms to 7d");
	faulty("watch_delay = 9ms", 1, "10ms to 1m");
	faulty("watch_delay = 0", 1, "10ms to 1m");
	faulty("keep_generations = 0", 1, "1 to 1000");
	faulty("load_timeout = 2d", 1, "10ms to 1d");
	faulty("pool x { threads = 4097 }", 1, "1 to 4096");
	faulty("pool x { workers = 0 }", 1, "1 to 1024");
	faulty("pool x { workers = some }", 1, "not a whole number");
	faulty("pool x { workers = 65538 }", 1, "1 to 1024");
	faulty("pool x { max_workers = dynamic }", 1, "not a whole number");
	faulty("pool x { workers = dynamic max_workers = 3\n"
	    "min_workers = 4 }", 2, "is over max_workers, which is 3");
	faulty("pool x { workers = ondemand threads = 4000\n"
	    "max_workers = 1000 }", 1, "65536");
	faulty("pool x { stack = 65537 }", 1, "multiple of 4096");
	faulty("pool x { workers = 3 }\n"
	    "route 'GET /a' { pool = x reserve = 1 }\n"
	    "route 'GET /b' { pool = x reserve = 2 }", 3, "3 workers of "
	    "pool \"x\" are kept for its routes, which has 3; one at least");
	faulty("pool x { workers = ondemand max_workers = 2 }\n"
	    "route 'GET /a' { reserve = 2 pool = x }", 2, "which has 2");
	config_free(sound("pool x { workers = 3 }\n"
	    "route 'GET /a' { pool = x reserve = 2 }\n"
	    "route 'GET /b' { pool = x reserve = 2 async = no }\n"
	    "route 'GET /c' { pool = default reserve = 0 }"));
	faulty("pool x { workers = 1000 threads = 4000 }", 1, "65536");
	faulty("model m { path = /m max_bytes = 1 }", 1,
	    "0, or 4 KiB to 64 GiB");
	config_free(sound("connections = 65536 params_limit = '1 MiB'\n"
	    "reply_space = '64 MiB' read_timeout = 1d idle_timeout = 10ms\n"
	    "pool x { threads = 4096 workers = 1 stack = '64 MiB'\n"
	    "  queue = 0 }"));
}

static void
test_words(void **state)
{
	(void)state;
	faulty("log_level = loud", 1, "error warn info debug");
	faulty("memory_plan = enf", 1, "enforce warn off");
	faulty("model m { path = /m kind = files }", 1, "file build preload");
	faulty("model m { path = /m hugepages = yes }", 1, "off try");
	faulty("model m { path = /m lock = maybe }", 1, "true nor false");
	faulty("model m { path = /m reload = never }", 1,
	    "keep-serving free-first");
	faulty("watch = 1", 1, "true nor false");
	faulty("model m { path = /m sha256 = abc }", 1, "64 hexadecimal");
	faulty("route 'GET /' { async = 1 }", 1, "true nor false");
	faulty("listen_mode = 660x", 1, "octal");
	faulty("listen_mode = 0899", 1, "octal");
	faulty("listen_mode = 04755", 1, "octal");
	faulty("listen_mode = 0444", 1, "nobody may write");
	faulty("user = no-such-user", 1, "no user \"no-such-user\"");
	faulty("listen_owner = no-such-user", 1, "no user");
	faulty("group = no-such-group", 1, "no group \"no-such-group\"");
	faulty("listen_group = no-such-group", 1, "no group");
	faulty("user = \"a\\nb\"", 1, "control character");
}

static void
test_requests(void **state)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "/m", "such as \"GET /hello?name=x\"" },
		{ "get /m", "such as" }, { "GET", "such as" },
		{ "GET  /m", "such as" }, { "GET m", "such as" },
		{ " GET /m", "such as" }, { "GET\\t/m", "control character" },
		{ "GET /a b", "write it as %20" },
		{ "GET /m HTTP/1.1", "write it as %20" },
		{ "GET /\xc3\xa9", "write it as %C3" },
		{ "GET /m#top", "write it as %23" },
		{ "GET /100%", "write \"%25\"" }, { "GET /%4", "\"%25\"" },
		{ "GET /%g0", "\"%25\"" }
	};
	char text[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "model m { path = /m\n"
		    "check = \"%s\" }", bad[i].text);
		faulty(text, 2, "check: ");
		faulty(text, 2, bad[i].says);
	}
	snprintf(text, sizeof(text), "model m { path = /m\n"
	    "check = 'GET /%01995d' }", 0);
	config_free(sound(text));
	snprintf(text, sizeof(text), "model m { path = /m\n"
	    "check = 'GET /%01996d' }", 0);
	faulty(text, 2, "check: the request is over 2000 bytes");
	config_free(sound("model m { path = /m check = '' }"));
	config_free(sound("model m { path = /m check = 'VERSION-CONTROL /' }"));
}

static void
test_paths_and_addresses(void **state)
{
	static const char *const good[] = { "unix:/x", "tcp:127.0.0.1:1",
		"tcp:localhost:65535", "tcp:[2001:db8::1]:80",
		"tcp:host-1.example_a.org:9000", "tcp:0.0.0.0:9000" };
	static const char *const bad[] = { "", "/run/x", "unix:", "unix:x",
		"unix:~/x", "tcp:", "tcp:9000", "tcp::9000", "tcp:a", "tcp:a:",
		"tcp:a:0", "tcp:a:65536", "tcp:a:9x", "tcp:a: 9", "tcp:a:+9",
		"tcp:::1:9000", "tcp:[::1]", "tcp:[::1:9000", "tcp:[]:9000",
		"tcp:[localhost]:9000", "tcp:300.1.1.1:9000", "tcp:1.2.3:9000",
		"tcp:a b:9000", "udp:a:9000", "TCP:a:9000" };
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "listen = \"%s\"", good[i]);
		config_free(sound(text));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "\nlisten = \"%s\"", bad[i]);
		faulty(text, 2, "listen: ");
	}
	faulty("handlers = h", 1, "not absolute");
	faulty("state_dir = ~/s", 1, "'~' is not replaced");
	faulty("control = ''", 1, "is empty");
	snprintf(text, sizeof(text), "control = /%0107d", 0);
	faulty(text, 1, "at most 107");
	snprintf(text, sizeof(text), "control = /%0106d", 0);
	config_free(sound(text));
	snprintf(text, sizeof(text), "listen = unix:/%0107d", 0);
	faulty(text, 1, "at most 107");
}

static void
test_how_values_fit(void **state)
{
	(void)state;
	faulty("\nroute 'GET /' { pool = slow }", 2, "no pool \"slow\"");
	config_free(sound("route 'GET /' { pool = slow } pool slow { }"));
	config_free(sound("route 'GET /' { pool = default }"));
	faulty("header_limit = '128 KiB'", 1, "over reply_space");
	faulty("\nreply_space = '16 KiB' header_limit = 16385", 2,
	    "over reply_space");
	faulty("sync_reply_limit = '16 KiB' header_limit = '32 KiB'", 1,
	    "over sync_reply_limit");
	faulty("listen = unix:/x\ncontrol = /x", 2, "the same socket");
	faulty("\nlisten = unix:/run/fcgi-host/control.sock", 2,
	    "the same socket");
	faulty("\nmodel m { }", 2, "path is missing");
	faulty("\nbody_files = body", 2, "body_files");
	faulty("\nbody_files = /body/", 2, "without the last '/'");
}

/* ------------------------------------------------------------------- files */

static void
load_faulty(const char *path, const char *says)
{
	struct reports reports = { .count = 0 };

	assert_null(config_load(path, collect, &reports));
	assert_int_equal(reports.count, 1);
	assert_memory_equal(reports.text[0], path, strlen(path));
	if (strstr(reports.text[0], says) == NULL)
		print_error("%s\n", reports.text[0]);
	assert_non_null(strstr(reports.text[0], says));
	forget(&reports);
}

static void
load_bytes(const char *path, const void *bytes, size_t length,
    const char *says)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
	load_faulty(path, says);
	unlink(path);
}

static void
test_files(void **state)
{
	char folder[] = "/tmp/config_test.XXXXXX", path[64];
	char *big = malloc(CONFIG_FILE_MAX + 1);

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	load_faulty(path, "No such file");
	load_faulty(folder, "is a directory");
	load_faulty("/dev/null", "not a regular file");
	assert_int_equal(mkfifo(path, 0600), 0);
	load_faulty(path, "not a regular file");
	unlink(path);
	load_bytes(path, "a\n\0b", 4, ":2: there is a NUL byte");
	load_bytes(path, "#\n#\n#\xff", 6, ":3: the byte 0xFF is not UTF-8");
	load_bytes(path, "\xc0\x80", 2, ":1: the byte 0xC0");
	load_bytes(path, "\xed\xa0\x80", 3, ":1: the byte 0xED");
	load_bytes(path, "\xf4\x90\x80\x80", 4, ":1: the byte 0xF4");
	load_bytes(path, "\xe2\x82", 2, ":1: the byte 0xE2");
	memset(big, '\n', CONFIG_FILE_MAX + 1);
	load_bytes(path, big, CONFIG_FILE_MAX + 1, "is it the right file?");
	free(big);
	rmdir(folder);
}

static void
test_an_unreadable_file(void **state)
{
	char path[] = "/tmp/config_test.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(path, 0), 0);
	if (geteuid() != 0)
		load_faulty(path, "Permission denied");
	unlink(path);
}

static void
test_how_many_workers(void **state)
{
	struct config *c = sound("pool a { workers = dynamic max_workers = 9\n"
	    "  min_workers = 3 spare_workers = 0 idle_timeout = 2s }\n"
	    "pool b { workers = ondemand max_workers = 5 }\n"
	    "pool c { workers = static max_workers = 7 }\n"
	    "pool d { workers = 6 max_workers = 2 min_workers = 4 }\n");

	(void)state;
	assert_int_equal(c->pools[1].scaling, CONFIG_SCALING_DYNAMIC);
	assert_int_equal(c->pools[1].workers, 9);
	assert_int_equal(c->pools[1].min_workers, 3);
	assert_int_equal(c->pools[1].spare_workers, 0);
	assert_int_equal(c->pools[1].idle_timeout_ms, 2000);
	assert_int_equal(c->pools[2].scaling, CONFIG_SCALING_ONDEMAND);
	assert_int_equal(c->pools[2].workers, 5);
	assert_int_equal(c->pools[3].scaling, CONFIG_SCALING_STATIC);
	assert_int_equal(c->pools[3].workers, 7);
	assert_int_equal(c->pools[4].scaling, CONFIG_SCALING_STATIC);
	assert_int_equal(c->pools[4].workers, 6);
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_unit_advice),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_section_defaults),
		cmocka_unit_test(test_every_top_option),
		cmocka_unit_test(test_every_section_option),
		cmocka_unit_test(test_every_model_and_setting),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_paths_and_addresses),
		cmocka_unit_test(test_how_values_fit),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_an_unreadable_file),
		cmocka_unit_test(test_how_many_workers),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
