/*
 * schema_text_test.c - the strict readers of texts.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: each table has what is just allowed beside what is just not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/schema_private.h"

#define COUNT(table)	(sizeof(table) / sizeof(table[0]))

/* Breaks when: one of the four words is lost, or a fifth is taken. */
static void
booleans(void **state)
{
	static const char *const bad[] = { "", "True", "yes", "on", "2", "01",
	    " true", "true ", "tru" };
	bool value;

	(void)state;
	assert_int_equal(schema_text_boolean("true", 4, &value), SCHEMA_OK);
	assert_true(value);
	assert_int_equal(schema_text_boolean("1", 1, &value), SCHEMA_OK);
	assert_true(value);
	assert_int_equal(schema_text_boolean("false", 5, &value), SCHEMA_OK);
	assert_false(value);
	assert_int_equal(schema_text_boolean("0", 1, &value), SCHEMA_OK);
	assert_false(value);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(schema_text_boolean(bad[i], strlen(bad[i]),
		    &value), SCHEMA_BOOL_PARSING);
}

/* Breaks when: a number wraps round, or something that is none is one. */
static void
integers(void **state)
{
	static const struct {
		const char		*text;
		enum schema_wrong	 wrong;
		int64_t			 value;
	} table[] = {
		{ "0", SCHEMA_OK, 0 },
		{ "-0", SCHEMA_OK, 0 },
		{ "007", SCHEMA_OK, 7 },
		{ "-12", SCHEMA_OK, -12 },
		{ "9223372036854775807", SCHEMA_OK, INT64_MAX },
		{ "-9223372036854775808", SCHEMA_OK, INT64_MIN },
		{ "9223372036854775808", SCHEMA_INT_SIZE, 0 },
		{ "-9223372036854775809", SCHEMA_INT_SIZE, 0 },
		{ "18446744073709551617", SCHEMA_INT_SIZE, 0 },
		{ "99999999999999999999999999", SCHEMA_INT_SIZE, 0 },
		{ "", SCHEMA_INT_PARSING, 0 },
		{ "-", SCHEMA_INT_PARSING, 0 },
		{ "--1", SCHEMA_INT_PARSING, 0 },
		{ "+3", SCHEMA_INT_PARSING, 0 },
		{ "3.7", SCHEMA_INT_PARSING, 0 },
		{ "3.0", SCHEMA_INT_PARSING, 0 },
		{ "3e2", SCHEMA_INT_PARSING, 0 },
		{ " 3", SCHEMA_INT_PARSING, 0 },
		{ "3 ", SCHEMA_INT_PARSING, 0 },
		{ "0x3", SCHEMA_INT_PARSING, 0 },
		{ "3\n", SCHEMA_INT_PARSING, 0 },
		{ "\xd9\xa3", SCHEMA_INT_PARSING, 0 }	/* an Arabic 3 */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		int64_t value = 0;

		assert_int_equal(schema_text_integer(table[i].text,
		    strlen(table[i].text), &value), table[i].wrong);
		assert_true(value == table[i].value);
	}
	/* A NUL inside is no end. */
	assert_int_equal(schema_text_integer("1\0", 2, &(int64_t){ 0 }),
	    SCHEMA_INT_PARSING);
}

/* Breaks when: a number is another one than RFC 8259's, a large one is
 * infinite, or the locale's comma counts. */
static void
numbers(void **state)
{
	static const struct {
		const char		*text;
		enum schema_wrong	 wrong;
		double			 value;
	} table[] = {
		{ "0", SCHEMA_OK, 0 },
		{ "-0.5", SCHEMA_OK, -0.5 },
		{ "1.25e2", SCHEMA_OK, 125 },
		{ "1E+2", SCHEMA_OK, 100 },
		{ "1e-2", SCHEMA_OK, 0.01 },
		{ "1.7976931348623157e308", SCHEMA_OK, 1.7976931348623157e308 },
		{ "1e-999", SCHEMA_OK, 0 },
		{ "0e999", SCHEMA_OK, 0 },
		{ "1e309", SCHEMA_FLOAT_SIZE, 0 },
		{ "-1e999", SCHEMA_FLOAT_SIZE, 0 },
		{ "1e99999999999999999999", SCHEMA_FLOAT_SIZE, 0 },
		{ "1e-99999999999999999999", SCHEMA_OK, 0 },
		{ "1000e-400", SCHEMA_OK, 0 },
		{ "0.001e999", SCHEMA_FLOAT_SIZE, 0 },
		{ "", SCHEMA_FLOAT_PARSING, 0 },
		{ "-", SCHEMA_FLOAT_PARSING, 0 },
		{ ".5", SCHEMA_FLOAT_PARSING, 0 },
		{ "5.", SCHEMA_FLOAT_PARSING, 0 },
		{ "01", SCHEMA_FLOAT_PARSING, 0 },
		{ "+1", SCHEMA_FLOAT_PARSING, 0 },
		{ "1,5", SCHEMA_FLOAT_PARSING, 0 },
		{ "1e", SCHEMA_FLOAT_PARSING, 0 },
		{ "1e+", SCHEMA_FLOAT_PARSING, 0 },
		{ "nan", SCHEMA_FLOAT_PARSING, 0 },
		{ "inf", SCHEMA_FLOAT_PARSING, 0 },
		{ "Infinity", SCHEMA_FLOAT_PARSING, 0 },
		{ "0x1p3", SCHEMA_FLOAT_PARSING, 0 },
		{ " 1", SCHEMA_FLOAT_PARSING, 0 },
		{ "1 ", SCHEMA_FLOAT_PARSING, 0 }
	};

	(void)state;
	setlocale(LC_ALL, "de_DE.UTF-8");	/* where there is one */
	for (size_t i = 0; i < COUNT(table); i++) {
		double value = 0;

		assert_int_equal(schema_text_number(table[i].text,
		    strlen(table[i].text), &value), table[i].wrong);
		if (table[i].wrong == SCHEMA_OK)
			assert_true(value == table[i].value);
	}
	setlocale(LC_ALL, "C");
}

/* Breaks when: a month has the wrong number of days, or leap years are those
 * of another calendar. */
static void
dates(void **state)
{
	static const char *const good[] = { "2026-11-25", "2024-02-29",
	    "2000-02-29", "0000-02-29", "9999-12-31", "2026-04-30" };
	static const char *const bad[] = { "", "2026", "2026-11", "2026-11-2",
	    "2026-1-25", "26-11-25", "2026-13-01", "2026-00-01", "2026-01-00",
	    "2026-01-32", "2026-04-31", "2026-02-29", "1900-02-29",
	    "2023-02-29", "2026/11/25", "2026-11-25 ", " 2026-11-25",
	    "2026-11-25T00:00:00Z", "+2026-11-25", "2026-11-2x" };
	struct fh_date value;
	const char *why;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char again[16];

		assert_int_equal(schema_text_date(good[i], strlen(good[i]),
		    &value, &why), SCHEMA_OK);
		snprintf(again, sizeof(again), "%04d-%02d-%02d", value.year,
		    value.month, value.day);
		assert_string_equal(again, good[i]);
		assert_string_equal(why, "");
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(schema_text_date(bad[i], strlen(bad[i]),
		    &value, &why), SCHEMA_DATE_PARSING);
		assert_string_not_equal(why, "");
	}
}

/* Breaks when: a zone is added where it is taken off, a fraction scaled wrong,
 * or a leap second is taken anywhere. */
static void
times(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 seconds;
		uint32_t	 nanoseconds;
		int16_t		 offset;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0, 0, 0 },
		{ "1969-12-31T23:59:59Z", -1, 0, 0 },
		{ "2026-11-25T13:00:00.25Z", 1795611600, 250000000, 0 },
		{ "2026-11-25t13:00:00z", 1795611600, 0, 0 },
		{ "2026-11-25T14:30:00+01:30", 1795611600, 0, 90 },
		{ "2026-11-25T05:00:00-08:00", 1795611600, 0, -480 },
		{ "2026-11-25T13:00:00-00:00", 1795611600, 0, 0 },
		{ "2000-03-01T00:00:00.123456789Z", 951868800, 123456789, 0 },
		{ "2000-03-01T00:00:00.1234567899Z", 951868800, 123456789, 0 },
		{ "2016-12-31T23:59:60Z", 1483228800, 0, 0 },
		{ "2017-01-01T00:59:60+01:00", 1483228800, 0, 60 },
		{ "0000-01-01T00:00:00Z", -62167219200, 0, 0 },
		{ "9999-12-31T23:59:59Z", 253402300799, 0, 0 }
	};
	static const char *const bad[] = { "", "2026-11-25",
	    "2026-11-25T13:00:00", "2026-11-25 13:00:00Z",
	    "2026-11-25T13:00Z", "2026-11-25T24:00:00Z",
	    "2026-11-25T13:60:00Z", "2026-11-25T13:00:61Z",
	    "2026-11-25T13:00:60Z", "2016-12-31T23:59:60+01:00",
	    "2026-11-25T13:00:00.Z", "2026-11-25T13:00:00,5Z",
	    "2026-11-25T13:00:00+0100", "2026-11-25T13:00:00+01",
	    "2026-11-25T13:00:00+24:00", "2026-11-25T13:00:00+01:60",
	    "2026-11-25T13:00:00ZZ", "2026-02-30T13:00:00Z",
	    "9999-12-31T23:59:60Z" };
	struct fh_time value;
	const char *why;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(schema_text_time(good[i].text,
		    strlen(good[i].text), &value, &why), SCHEMA_OK);
		assert_true(value.seconds == good[i].seconds);
		assert_int_equal(value.nanoseconds, good[i].nanoseconds);
		assert_int_equal(value.offset_minutes, good[i].offset);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(schema_text_time(bad[i], strlen(bad[i]),
		    &value, &why), SCHEMA_TIME_PARSING);
}

/* Breaks when: a byte is put in the wrong half, or a loose form is taken. */
static void
uuids(void **state)
{
	static const char *const bad[] = { "",
	    "00112233445566778899aabbccddeeff",
	    "{00112233-4455-6677-8899-aabbccddeeff}",
	    "00112233-4455-6677-8899-aabbccddeefg",
	    "00112233-4455-6677-8899aabbccddeeff0",
	    "001122334-455-6677-8899-aabbccddeeff",
	    "00112233-4455-6677-8899-aabbccddeeff " };
	struct fh_uuid value;
	const char *why;

	(void)state;
	assert_int_equal(schema_text_uuid(
	    "00112233-4455-6677-8899-AABBCCDDEEFF", 36, &value, &why),
	    SCHEMA_OK);
	assert_string_equal(value.text,
	    "00112233-4455-6677-8899-aabbccddeeff");
	for (int i = 0; i < 16; i++)
		assert_int_equal(value.bytes[i], i * 17);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(schema_text_uuid(bad[i], strlen(bad[i]),
		    &value, &why), SCHEMA_UUID_PARSING);
}

/* RFC 4648, section 10.  Breaks when: padding is optional, or bits that the
 * last letter has over are dropped, so that two texts are the same bytes. */
static void
base64(void **state)
{
	static const struct {
		const char	*text;
		const char	*bytes;
	} good[] = {
		{ "", "" }, { "Zg==", "f" }, { "Zm8=", "fo" },
		{ "Zm9v", "foo" }, { "Zm9vYg==", "foob" },
		{ "Zm9vYmE=", "fooba" }, { "Zm9vYmFy", "foobar" },
		{ "/+8=", "\xff\xef" }
	};
	static const char *const bad[] = { "Zg", "Zg=", "Zg===", "Zh==",
	    "Zm9=", "====", "=Zg=", "Z===", "Zm9v\n", "Zm 9", "-_8=",
	    "Zg==Zg==", "Zm9vYg", "Z\xc3\xa4g=" };
	uint8_t bytes[64];
	const char *why;
	size_t length;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(schema_text_bytes(good[i].text,
		    strlen(good[i].text), bytes, &length, &why), SCHEMA_OK);
		assert_int_equal(length, strlen(good[i].bytes));
		assert_memory_equal(bytes, good[i].bytes, length);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(schema_text_bytes(bad[i], strlen(bad[i]),
		    bytes, &length, &why), SCHEMA_BYTES_ENCODING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(booleans),
		cmocka_unit_test(integers),
		cmocka_unit_test(numbers),
		cmocka_unit_test(dates),
		cmocka_unit_test(times),
		cmocka_unit_test(uuids),
		cmocka_unit_test(base64)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
