/*
 * nginx_found_test.c - what is read out of a configuration of nginx.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: texts are as `nginx -T` prints them; that it does so is for
 * tests/nginx/test_doctor.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nginx/nginx_found.h"

#define LISTEN	"unix:/run/fcgi-host/host.sock"
#define FILE_IS	"# configuration file "

static struct nginx_found found;

static void
read_it(const char *text)
{
	struct err err;

	if (nginx_found_read(text, strlen(text), LISTEN, &found, &err) < 0)
		fail_msg("%s", err.text);
}

static void
refused(const char *text)
{
	struct err err = { "" };

	assert_int_equal(nginx_found_read(text, strlen(text), LISTEN, &found,
	    &err), -1);
	assert_true(err.text[0] != '\0');
}

static void
test_what_nginx_has_by_itself(void **state)
{
	(void)state;
	read_it(FILE_IS "/etc/nginx/nginx.conf:\nhttp { server {\n"
	    "location / { fastcgi_pass " LISTEN "; } } }\n");
	assert_int_equal(found.place_count, 1);
	assert_string_equal(found.places[0].name, "/");
	assert_int_equal(found.places[0].read_ms, 60000);
	assert_int_equal(found.places[0].body_bytes, 1 << 20);
	assert_false(found.places[0].kept);
	assert_string_equal(found.user, "nobody");
}

/* Wherever in a block it stands, and what is nearest counts. */
static void
test_inheritance(void **state)
{
	(void)state;
	read_it(FILE_IS "/n:\nuser www-data www; http {\n"
	    "client_max_body_size 8m;\n"
	    "server { server_name a.example b.example; location /x {\n"
	    "fastcgi_pass " LISTEN "; fastcgi_buffer_size 32k; }\n"
	    "fastcgi_read_timeout 1m30s; }\n"
	    "server { server_name c; location = /y { client_max_body_size 0;\n"
	    "location /y/z { fastcgi_pass " LISTEN "; } } } }\n");
	assert_string_equal(found.user, "www-data");
	assert_int_equal(found.place_count, 2);
	assert_string_equal(found.places[0].name, "a.example /x");
	assert_int_equal(found.places[0].read_ms, 90000);
	assert_int_equal(found.places[0].body_bytes, 8 << 20);
	assert_int_equal(found.places[0].header_bytes, 32768);
	assert_string_equal(found.places[1].name, "c /y/z");
	assert_int_equal(found.places[1].body_bytes, 0);
	assert_int_equal(found.places[1].read_ms, 60000);
}

static void
test_upstreams(void **state)
{
	(void)state;
	read_it(FILE_IS "/n:\nhttp { server { fastcgi_keep_conn on;\n"
	    "location /a { fastcgi_pass kept; }\n"
	    "location /b { fastcgi_pass other; }\n"
	    "location /c { fastcgi_keep_conn off; fastcgi_pass kept; }\n"
	    "location /d { fastcgi_pass $x; } }\n"
	    "upstream kept { server " LISTEN " max_fails=0; keepalive 8;\n"
	    "keepalive_timeout 30s; }\n"
	    "upstream other { server unix:/other; } }\n");
	assert_int_equal(found.place_count, 2);
	assert_true(found.places[0].kept);
	assert_int_equal(found.places[0].kept_ms, 30000);
	assert_string_equal(found.places[1].name, "/c");
	assert_false(found.places[1].kept);
	assert_int_equal(found.unclear, 1);
}

/* Where they are said; a name without '/' in front is beside the first file;
 * and a file that nobody includes says nothing. */
static void
test_includes(void **state)
{
	(void)state;
	read_it(FILE_IS "/etc/nginx/nginx.conf:\nhttp { include sites/*.conf;\n"
	    "include /etc/nginx/more.conf; }\n"
	    FILE_IS "/etc/nginx/sites/a.conf:\nserver { include pass.inc; }\n"
	    FILE_IS "/etc/nginx/pass.inc:\nlocation / {\n"
	    "fastcgi_pass " LISTEN "; }\n"
	    FILE_IS "/etc/nginx/more.conf:\nclient_max_body_size 2m;\n"
	    FILE_IS "/etc/nginx/sites/a.conf.old:\nserver { include "
	    "pass.inc; }\n");
	assert_int_equal(found.place_count, 1);
	assert_int_equal(found.places[0].body_bytes, 2 << 20);
}

static void
test_words(void **state)
{
	(void)state;
	read_it(FILE_IS "/n:\nhttp { # server { fastcgi_pass " LISTEN "; }\n"
	    "log_format x 'a { \\' b; }' \"; }\"; map $a $b { ~^x$ \"y;\"; }\n"
	    "server { location ~ ^/a\\{2\\}$ { rewrite_by_lua_block { if x\n"
	    "then y({1}) end }\nset $z ${b}c; fastcgi_pass \"" LISTEN "\"; }\n"
	    "} }\n");
	assert_int_equal(found.place_count, 1);
}

static void
test_what_is_malformed_is_refused(void **state)
{
	char deep[4096] = FILE_IS "/n:\n";

	(void)state;
	refused("");
	refused("http { }\n");
	refused(FILE_IS "/n");
	refused(FILE_IS "/n:\nhttp");
	refused(FILE_IS "/n:\nhttp { server { ;");
	refused(FILE_IS "/n:\na 'b");
	refused(FILE_IS "/n:\na_by_lua_block { {");
	refused(FILE_IS "/n:\nhttp { a b; ");
	refused(FILE_IS "/n:\nhttp { a b; } }");
	refused(FILE_IS "/n:\ninclude m;\n" FILE_IS "/m:\ninclude m;\n");
	for (int i = 0; i < 40; i++)
		strcat(deep, "http { ");
	refused(deep);
}

static void
test_values(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 ms, bytes;
	} cases[] = { { "60", 60000, 60 }, { "1m30s", 90000, -1 },
	    { "500ms", 500, -1 }, { "1h 5m", 3900000, -1 }, { "8k", -1, 8192 },
	    { "1M", INT64_C(2592000000), 1 << 20 }, { "2g", -1,
	    INT64_C(2) << 30 }, { "", -1, -1 }, { "k", -1, -1 },
	    { "-1", -1, -1 }, { "1x", -1, -1 } };
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(nginx_found_time(cases[i].text, &value),
		    cases[i].ms < 0 ? -1 : 0);
		if (cases[i].ms >= 0)
			assert_int_equal(value, cases[i].ms);
		assert_int_equal(nginx_found_size(cases[i].text, &value),
		    cases[i].bytes < 0 ? -1 : 0);
		if (cases[i].bytes >= 0)
			assert_int_equal(value, cases[i].bytes);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_nginx_has_by_itself),
		cmocka_unit_test(test_inheritance),
		cmocka_unit_test(test_upstreams),
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_what_is_malformed_is_refused),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
