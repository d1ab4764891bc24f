/*
 * nginx_test.c - what nginx is told: words, patterns, values, rates.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure; what a real nginx makes of it is in
 * tests/nginx/test_generated.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nginx/nginx_private.h"

static void
expect_text(void (*put)(FILE *, const char *), const char *text,
    const char *expected)
{
	char *written = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&written, &size);

	assert_non_null(out);
	put(out, text);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(written, expected);
	free(written);
}

static void
put_literal(FILE *out, const char *text)
{
	nginx_put_literal(out, text, strlen(text));
}

/* Breaks when a byte of a path could be read as syntax. */
static void
test_words(void **state)
{
	(void)state;
	expect_text(nginx_put_word, "/users/a_b-c.d~", "\"/users/a_b-c.d~\"");
	expect_text(nginx_put_word, "/users/a_b-c.d", "/users/a_b-c.d");
	expect_text(nginx_put_word, "", "\"\"");
	expect_text(nginx_put_word, "/a b;{}", "\"/a b;{}\"");
	expect_text(nginx_put_word, "/\"'#$", "\"/\\\"'#$\"");
	expect_text(nginx_put_word, "/\\", "\"/\\\\\"");
	expect_text(nginx_put_word, "/\\n\\z", "\"/\\\\n\\z\"");
	expect_text(nginx_put_quoted, "^a\\.b\\z", "\"^a\\.b\\z\"");
	expect_text(put_literal, "a.b(c)$", "a\\.b\\(c\\)\\$");
	expect_text(put_literal, "\\[x]{2}|^+*?",
	    "\\\\\\[x\\]\\{2\\}\\|\\^\\+\\*\\?");
}

static void
expect_size(uint64_t bytes, bool large, const char *expected)
{
	char text[NGINX_VALUE_ROOM];

	assert_string_equal(nginx_size(bytes, large, text), expected);
}

/* Breaks when nginx does not take a size, or takes it for another. */
static void
test_sizes_and_times(void **state)
{
	char text[NGINX_VALUE_ROOM];

	(void)state;
	expect_size(8 << 20, false, "8m");
	expect_size(20480, false, "20k");
	expect_size(1001, true, "1001");
	expect_size(UINT64_C(3) << 30, true, "3g");
	expect_size(UINT64_C(3) << 30, false, "3072m");
	expect_size(UINT64_C(1) << 40, true, "1024g");
	assert_string_equal(nginx_time(75000, text), "75s");
	assert_string_equal(nginx_time(1500, text), "1500ms");
	assert_string_equal(nginx_time(3600000, text), "1h");
}

/* Breaks when a pattern stands behind one that the host tries later. */
static void
test_order(void **state)
{
	static const char *const order[] = { "/", "/a", "/a/", "/a/b",
	    "/a/{x}", "/a/{x}/c", "/a/{x...}", "/b", "/{x}", "/{x}/a",
	    "/{x}/{y}", "/{x}/{y...}", "/{x...}" };

	(void)state;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++) {
			int found = nginx_pattern_order(order[i], order[k]);

			assert_int_equal(found < 0, i < k);
			assert_int_equal(found > 0, i > k);
		}
	assert_int_equal(nginx_pattern_order("/{a}/b", "/{c}/b"), 0);
}

/* Breaks when a location misses a route that one of its paths may reach. */
static void
test_overlaps_and_covers(void **state)
{
	static const struct {
		const char	*wide, *narrow;
		bool		 overlaps, covers;
	} cases[] = {
		{ "/a", "/a", true, true },
		{ "/a", "/b", false, false },
		{ "/a", "/a/", false, false },
		{ "/{x}", "/a", true, true },
		{ "/a", "/{x}", true, false },
		{ "/{x}", "/", false, false },
		{ "/{x}/b", "/a/{y}", true, false },
		{ "/{x}/b", "/a/c", false, false },
		{ "/{x...}", "/", true, true },
		{ "/{x...}", "/a/{y...}", true, true },
		{ "/a/{x...}", "/a", false, false },
		{ "/a/{x...}", "/a/", true, true },
		{ "/a/{x...}", "/{y}/{z}", true, false },
		{ "/a/{x...}", "/{y}", false, false },
		{ "/{x}/{y}", "/a/{z...}", true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *wide = cases[i].wide, *narrow = cases[i].narrow;

		assert_int_equal(nginx_pattern_overlaps(wide, narrow),
		    cases[i].overlaps);
		assert_int_equal(nginx_pattern_overlaps(narrow, wide),
		    cases[i].overlaps);
		assert_int_equal(nginx_pattern_covers(wide, narrow),
		    cases[i].covers);
	}
}

/* Breaks when nginx gives up before the host, or refuses its own buffers. */
static void
test_values(void **state)
{
	static const size_t headers[] = { 1024, 16384, 100000, 1 << 20 };
	struct config *config = config_defaults();

	(void)state;
	assert_int_equal(nginx_read_ms(config), 75000);
	config->deadline_ms = 20000;
	assert_int_equal(nginx_read_ms(config), 25000);
	config->deadline_ms = 0;
	config->timeout_ms = 1;
	assert_int_equal(nginx_read_ms(config), 16000);
	config->timeout_ms = 0;
	assert_int_equal(nginx_read_ms(config), 86400000);
	assert_int_equal(nginx_stream_ms(config), 3600000);
	config->stream_keep_alive_ms = 3600000;
	assert_int_equal(nginx_stream_ms(config), 14400000);
	assert_int_equal(nginx_keepalive_ms(config), 60000);
	config->idle_timeout_ms = 30000;
	assert_int_equal(nginx_keepalive_ms(config), 15000);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		config->header_limit = headers[i];
		assert_true(nginx_header_buffer(config) > headers[i] + 64);
		/* fastcgi_busy_buffers_size, by default */
		assert_true(2 * nginx_header_buffer(config) <=
		    7 * nginx_reply_buffer(config));
	}
	config_free(config);
}

/* Breaks when something is taken for a rate that nginx would refuse. */
static void
test_rates(void **state)
{
	static const char *const bad[] = { "10", "10/h", "/s", "0/s", "1.5/s",
	    "10 /s", "-1/s", "1000001/s", "99999999999999999999/s", "s" };
	struct config_rate rate;
	struct err err;

	(void)state;
	assert_int_equal(config_rate_parse("10/s", &rate, &err), 0);
	assert_true(rate.count == 10 && !rate.per_minute);
	assert_int_equal(config_rate_parse("1000000/m", &rate, &err), 0);
	assert_true(rate.count == 1000000 && rate.per_minute);
	assert_int_equal(config_rate_parse("none", &rate, &err), 0);
	assert_int_equal(rate.count, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(config_rate_parse(bad[i], &rate, &err), -1);
}

/* Breaks when a value is put where none belongs, or a line of none stays. */
static void
test_template(void **state)
{
	static char value[] = "V", lines[] = "one\ntwo\n", none[] = "";
	const struct nginx_word words[] = { { "v", value },
	    { "lines", lines }, { "none", none } };
	static const char text[] = "# a @v@\n\n\tb @v@@v@ @w@ @v\n@lines@\n"
	    "@none@\nlast @lines";
	char *written = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&written, &size);

	(void)state;
	nginx_put_template(out, text, words, 3, false);
	fputs("|", out);
	nginx_put_template(out, text, words, 3, true);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(written, "# a V\n\n\tb VV @w@ @v\none\ntwo\n"
	    "last @lines|\tb VV @w@ @v\none\ntwo\nlast @lines");
	free(written);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_sizes_and_times),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_overlaps_and_covers),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_template)
	};

	return cmocka_run_group_tests_name("nginx", tests, NULL, NULL);
}
