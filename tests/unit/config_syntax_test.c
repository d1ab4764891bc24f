/*
 * config_syntax_test.c - the configuration: malformed, misspelt and misplaced.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: a case names one fault, and exactly one report must name it.
 */
#include "config_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
test_settings(void **state)
{
	(void)state;
	faulty("handler h { set = { \"a\" } }", 1, "no '='");
	faulty("handler h {\n set = {\n 'a=1',\n '=2' } }", 4, "the key");
	faulty("handler h { set = { 'a b=1' } }", 1, "the key");
	faulty("handler h {\n set = { 'a=1',\n 'a=2' } }", 3, "set twice");
	faulty("handler h { set = { \"a=\\t\" } }", 1, "control character");
	faulty("handler h { set = { 'a=1' 'b=2' } }", 1, "put a ','");
	faulty("handler h { set = { 'a=1', } set = 'b=2' }", 1,
	    "set already, in line 1");
	config_free(sound("handler h { set = { } }"));
}

/* ------------------------------------------------------------------- names */

static void
test_unknown_names(void **state)
{
	(void)state;
	faulty("\n\nlisen = x", 3, "lisen: unknown option; did you mean "
	    "\"listen\"?");
	faulty("pool p { queue-timeout = 1s }", 1,
	    "did you mean \"queue_timeout\"?");
	faulty("pool p { qeueu = 1 }", 1, "did you mean \"queue\"?");
	faulty("LogLevel = info", 1, "did you mean \"log_level\"?");
	faulty("frobnicate = { a, b }", 1, "fcgi-host.conf(5)");
	faulty("pool p { frobnicate = 1 }", 1, "takes workers, max_workers");
	faulty("workers = 1", 1, "write it in pool \"NAME\"");
	faulty("pool p { listen = unix:/x }", 1, "stands outside of sections");
	faulty("model m { path = /m timeout = 1s }", 1,
	    "stands outside of sections");
	faulty("route 'GET /' { workers = 1 }", 1, "write it in pool");
	faulty("poool p { workers = 1 }", 1, "did you mean \"pool\"?");
	faulty("frobnicate p { a = 1 b { c = 2 } }", 1, "there are pool,");
	faulty("frobnicate { }", 1, "unknown section");
	faulty("timeout p { }", 1, "is an option, not a section");
	faulty("pool = p", 1, "is a section");
	faulty("pool", 1, "is a section");
	faulty("pool p { sub { x = 1 } }", 1, "no sections in it");
	faulty("include(\"/etc/x\")", 1, "no include");
}

static void
test_titles(void **state)
{
	char text[256];

	(void)state;
	faulty("pool { }", 1, "has no title");
	faulty("pool '' { }", 1, "name is empty");
	faulty("pool 'a b' { }", 1, "only letters");
	faulty("pool a b { }", 1, "is a section");
	faulty("pool 'a' 'b' { }", 1, "stands in quotes");
	faulty("pool \"a\\x41\" { }", 1, "backslash");
	faulty("pool \"${a}\" { }", 1, "not replaced");
	faulty("pool a { }\n\npool 'a' { }", 3, "already, in line 1");
	faulty("pool default { }\npool default { }", 2, "already, in line 1");
	faulty("route 'GET /x' { }\nroute \"GET /x\" { }", 2, "already");
	config_free(sound("route 'GET /x' { } route 'POST /x' { }"));
	faulty("route 'GET' { }", 1, "a method in capitals");
	faulty("route '/x' { }", 1, "a method in capitals");
	faulty("route 'get /x' { }", 1, "a method in capitals");
	faulty("route 'GET  /x' { }", 1, "a method in capitals");
	faulty("route 'GET x' { }", 1, "a method in capitals");
	faulty("route 'GET /x y' { }", 1, "a space");
	snprintf(text, sizeof(text), "pool %063d { }", 0);
	config_free(sound(text));
	snprintf(text, sizeof(text), "pool %064d { }", 0);
	faulty(text, 1, "over 63 bytes");
}

/* ------------------------------------------------------------------ syntax */

static void
test_assignments(void **state)
{
	(void)state;
	faulty("timeout 5s", 1, "put '=' between");
	faulty("timeout\ntimeout = 5s", 1, "write timeout = VALUE");
	faulty("timeout =", 1, "has no value");
	faulty("timeout =\nuser = root", 1, "has no value");
	faulty("timeout = = 5s", 1, "has no value");
	faulty("pool p { workers = }", 1, "has no value");
	faulty("pool p { stack = 64 KiB threads = 2 }", 1, "in quotes");
	faulty("timeout = 5 s", 1, "in quotes");
	faulty("timeout = 5s, 6s", 1, "',' has no place");
	faulty("timeout = { 5s }", 1, "not a list");
	faulty("timeout += 5s", 1, "use '='");
	faulty("timeout = 5s;", 1, "remove the ';'");
	faulty("timeout = 5s\n\ntimeout = 6s", 3, "already, in line 1");
	faulty("'timeout' = 5s", 1, "without quotes");
	faulty("= 5s", 1, "has no place here");
	faulty("user = a!b", 1, "stands in quotes");
	faulty("handlers = /a//b", 1, "stands in quotes");
	faulty("user = ${USER}", 1, "not replaced");
	faulty("user = \"${USER}\"", 1, "not replaced");
	faulty("user = \"a\\1\"", 1, "before a digit");
	faulty("user = \"\\x0a\"", 1, "two digits from 20 to 7E");
	faulty("user = \"\\xff\"", 1, "two digits from 20 to 7E");
	config_free(sound("timeout\n=\n5s"));
	config_free(sound("user='root'group=\"root\"omp_threads=1"));
}

static void
test_quotes_and_comments(void **state)
{
	(void)state;
	faulty("user = \"root\ngroup = root", 1, "not closed on its line");
	faulty("user = 'root\ngroup = root", 1, "not closed on its line");
	faulty("user = \"root\\", 1, "not closed on its line");
	faulty("user = \"root\\\"", 1, "not closed on its line");
	faulty("user = '", 1, "not closed on its line");
	faulty("group = root\n/* user = root", 2, "add */");
	faulty("pool p {\n/* }", 2, "add */");
	config_free(sound("# only\n// comments\n/* here */ /**/ /***/"));
	config_free(sound("user = root# one\ngroup = root/* two */"));
	config_free(sound("user = \"root\" // \"three\n"));
	config_free(sound("\xef\xbb\xbfuser = root\r\ngroup = root\r\n"));
	config_free(sound("# caf\xc3\xa9 \xf0\x9f\x98\x80\n"));
}

static void
test_braces(void **state)
{
	(void)state;
	faulty("}", 1, "closes nothing");
	faulty("pool p { }\n}\nuser = root", 2, "closes nothing");
	faulty("pool p {\n workers = 1\n", 1, "not closed");
	faulty("pool p {\n workers = 1\nroute 'GET /' { }", 1,
	    "add '}' before line 3");
	faulty("pool p {\n workers = 1\nuser = root\ngroup = root\n", 1,
	    "add '}' before line 3");
	faulty("pool p\n workers = 1\n}\nuser = root", 1, "put '{'");
	faulty("pool p\nuser = root", 1, "put '{'");
	faulty("pool p\n workers = 1\nroute 'GET /' { }", 1, "put '{'");
}

/* ------------------------------------------------------- several at a time */

static void
test_every_fault_in_order(void **state)
{
	static const unsigned lines[] = { 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 13,
		16, 17, 19 };

	(void)state;
	expect_lines("listn = \"unix:/x\"\n"
	    "timeout = 60\n"
	    "user = root\n"
	    "group = no-such-group\n"
	    "pool a { workers = 0\n"
	    "  threads = 2\n"
	    "  queue = many\n"
	    "  stack = \"1 KiB }\n"
	    "  queues = 5 }\n"
	    "pool a { }\n"
	    "pool b { queue = 10k }\n"
	    "route \"GET /\" { pool = c }\n"
	    "model m { kind = file }\n"
	    "handler h {\n"
	    "  set = {\n"
	    "    nothing,\n"
	    "    'a=1', '=2' }\n"
	    "}\n"
	    "header_limit = '1 GiB'\n"
	    "connections = 5\n", lines, sizeof(lines) / sizeof(lines[0]));
}

/* A list or a block without its end takes nothing with it that can be told
 * from it. */
static void
test_open_lists(void **state)
{
	static const unsigned lines[] = { 1, 2, 4 };
	static const unsigned twice[] = { 1, 1 };

	(void)state;
	expect_lines("handler h { set = { 'a=1',\n foo = 1\n }\nusr = root",
	    lines, 3);
	expect_lines("foo = {\nuser = root", twice, 2);
	expect_lines("foo { bar {", twice, 2);
	expect_lines("handler h { set = { 'a=1',\n", twice, 2);
}

/* A duplicate section's and an ill-named section's values are judged too. */
static void
test_faults_in_refused_sections(void **state)
{
	static const unsigned lines[] = { 2, 3, 4, 5 };

	(void)state;
	expect_lines("pool a { }\npool a {\n threads = 0 }\n"
	    "pool 'b c' {\n threads = 0 }\n", lines, 4);
}

static void
test_too_many_sections(void **state)
{
	char *text = calloc(100, 32);
	size_t length = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		length += (size_t)sprintf(text + length,
		    "pool p%u { workers = 1 }\n", i);
	faulty(text, 65, "over 64 of these sections");
	free(text);
}

/* A fault's excerpt is printable and whole characters, whatever was there. */
static void
test_excerpts(void **state)
{
	struct reports reports;
	char text[512] = "user = \"";

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		strcat(text, "\xc3\xa9");
	strcat(text, "\"\n");
	assert_null(parse(text, &reports));
	assert_int_equal(reports.count, 1);
	assert_non_null(strstr(reports.text[0], "\xc3\xa9...\" on this"));
	forget(&reports);
	assert_null(parse("a\x1b[31m = 1", &reports));
	for (size_t i = 0; i < reports.count; i++)
		assert_null(strchr(reports.text[i], '\x1b'));
	forget(&reports);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_titles),
		cmocka_unit_test(test_assignments),
		cmocka_unit_test(test_quotes_and_comments),
		cmocka_unit_test(test_braces),
		cmocka_unit_test(test_every_fault_in_order),
		cmocka_unit_test(test_open_lists),
		cmocka_unit_test(test_faults_in_refused_sections),
		cmocka_unit_test(test_too_many_sections),
		cmocka_unit_test(test_excerpts)
	};

	return cmocka_run_group_tests_name("config_syntax", tests, NULL, NULL);
}
