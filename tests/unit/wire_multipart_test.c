/*
 * wire_multipart_test.c - forms with files: good ones, hostile ones, split
 * anywhere.
 *
 * Runs in: make check.
 * Owns: nothing outside this process.
 * Invariant: bytes lie in memory of exactly their length, so that a sanitizer
 * sees every byte read too many.
 */
#include "wire/wire_multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define TEXT(literal)	literal, sizeof(literal) - 1
#define NAMED(name)	"Content-Disposition: form-data; name=\"" name "\"\r\n"
#define FILED(name, file) \
	"Content-Disposition: form-data; name=\"" name "\"; filename=\"" \
	file "\"\r\n"

/* What was found, in words: "a=1;f(x.txt)<text/plain>=abc;" or "!sentence". */
struct story {
	char	 text[65536];
	size_t	 length;
};

static void
tell(struct story *story, const char *at, size_t length)
{
	assert_true(story->length + length < sizeof(story->text));
	memcpy(story->text + story->length, at, length);
	story->length += length;
	story->text[story->length] = '\0';
}

static void
tell_part(struct story *story, const struct wire_part *part)
{
	tell(story, part->name.at, part->name.length);
	if (part->is_file) {
		tell(story, "(", 1);
		tell(story, part->filename.at, part->filename.length);
		tell(story, ")", 1);
	}
	if (part->type.length > 0) {
		tell(story, "<", 1);
		tell(story, part->type.at, part->type.length);
		tell(story, ">", 1);
	}
	tell(story, "=", 1);
}

static void
push(struct wire_multipart *multipart, struct story *story, const char *bytes,
    size_t length)
{
	char *copy = malloc(length + (length == 0));
	const char *at = copy, *end = copy + length;
	enum wire_multipart_event event;
	struct wire_span piece;
	struct wire_part part;
	int rc;

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	while ((rc = wire_multipart_next(multipart, &at, end, &event, &part,
	    &piece)) == 1) {
		if (event == WIRE_PART_BEGINS)
			tell_part(story, &part);
		else if (event == WIRE_PART_ENDS)
			tell(story, ";", 1);
		else {
			assert_true(piece.length > 0);
			tell(story, piece.at, piece.length);
		}
	}
	assert_true(rc == -1 || at == end);
	free(copy);
}

static void
finish(struct wire_multipart *multipart, struct story *story)
{
	if (wire_multipart_end(multipart) == 0)
		return;
	tell(story, "!", 1);
	tell(story, multipart->error, strlen(multipart->error));
}

/* In pieces that end at `first`, `second` and the end. */
static void
parse(struct story *story, const char *boundary, const char *bytes,
    size_t length, size_t first, size_t second)
{
	static struct wire_multipart multipart;

	story->length = 0;
	story->text[0] = '\0';
	wire_multipart_init(&multipart, (struct wire_span){ boundary,
	    strlen(boundary) });
	push(&multipart, story, bytes, first);
	push(&multipart, story, bytes + first, second - first);
	push(&multipart, story, bytes + second, length - second);
	finish(&multipart, story);
}

struct form {
	const char	*bytes;
	size_t		 length;
	const char	*story;
};

static const struct form forms[] = {
	{ TEXT("--b\r\n" NAMED("a") "\r\n1\r\n--b\r\n" NAMED("b")
	    "\r\n\r\n--b--\r\n"), "a=1;b=;" },
	{ TEXT("--b\r\n" FILED("f", "x.txt") "Content-Type: text/plain\r\n\r\n"
	    "abc\r\n\r\ndef\r\n--b--"), "f(x.txt)<text/plain>=abc\r\n\r\n"
	    "def;" },
	/* what looks like a boundary */
	{ TEXT("--b\r\n" NAMED("a") "\r\n\r\r\n-\r\n--\r\n-b\n--b\r\r\n--b--"),
	    "a=\r\r\n-\r\n--\r\n-b\n--b\r;" },
	{ TEXT("--b\r\n" NAMED("a") "\r\n--a\r\n--b--"), "a=--a;" },
	{ TEXT("--b\r\n" NAMED("a") "\r\n--\r\n--b--"), "a=--;" },
	/* around the parts */
	{ TEXT("pre\r\n--x\r\n--b \t\r\n" NAMED("a") "\r\n1\r\n--b-- \r\n"
	    "--b\r\nanything"), "a=1;" },
	{ TEXT("--b--"), "" },
	/* no blank line, no bytes */
	{ TEXT("--b\r\n" NAMED("a") "\r\n--b\r\n" NAMED("b") "\r\n--b--"),
	    "a=;b=;" },
	/* names */
	{ TEXT("--b\r\ncontent-disposition:form-data;NAME=plain ; "
	    "filename=\"\"\r\nX-Other: 1\r\n\r\n\r\n--b--"), "plain()=;" },
	{ TEXT("--b\r\n" FILED("q\\\"\\\\%22\\n", "C:\\dir\\a%0D%0a%2e%2e/b")
	    "\r\n\r\n--b--"), "q\"\\\"\\n(C:\\dir\\a\r\n%2e%2e/b)=;" },
	{ TEXT("--b\r\n" FILED("f", "\xc3\xa9.txt") "\r\n\r\n--b--"),
	    "f(\xc3\xa9.txt)=;" },
	{ TEXT("--b\r\nContent-Disposition: form-data; name=f; filename=a.txt; "
	    "filename*=UTF-8''..%2Fevil\r\n\r\n\r\n--b--"), "f(a.txt)=;" },
	{ TEXT("--b\r\nContent-Disposition: form-data; name=f; filename*=UTF-8"
	    "''x\r\n\r\n\r\n--b--"), "f=;" },
	{ TEXT("--b\r\n" NAMED("a") "Content-Transfer-Encoding: 8BIT\r\n\r\n"
	    "1\r\n--b--"), "a=1;" },
	/* faults */
	{ TEXT(""), "!its boundary, which Content-Type gives, is nowhere in "
	    "it" },
	{ TEXT("--b\n" NAMED("a") "\r\n1\n--b--\n"), "!something follows a "
	    "boundary in its line" },
	{ TEXT("--b\r\n" NAMED("a") "\r\n1\r\n--bx\r\n--b--"), "a=1;!something "
	    "follows a boundary in its line" },
	{ TEXT("--b\r\n" NAMED("a") "\r\n1\r\n--b-x"), "a=1;!something "
	    "follows a boundary in its line" },
	{ TEXT("--b\r\n" NAMED("a") "\r\n1\r\n--b--x"), "a=1;!something "
	    "follows a boundary in its line" },
	{ TEXT("--b\r\n" NAMED("a") "\r\n1\r\n--b"), "a=1;!it ends in a part: "
	    "the boundary that ends the last one has not come" },
	{ TEXT("--b\r\n" NAMED("a") "\r\n1\r\n--"), "a=1!it ends in a part: "
	    "the boundary that ends the last one has not come" },
	{ TEXT("--b\r\n" NAMED("a")), "!it ends in the header of a part" },
	{ TEXT("--b\r\n\r\n1\r\n--b--"), "!a part has no "
	    "Content-Disposition" },
	{ TEXT("--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--"),
	    "!a part has no name" },
	{ TEXT("--b\r\nContent-Disposition: form-data; filename=x\r\n\r\n1\r\n"
	    "--b--"), "!a part has no name" },
	{ TEXT("--b\r\nContent-Disposition: attachment; name=a\r\n\r\n"),
	    "!the Content-Disposition of a part is not form-data" },
	{ TEXT("--b\r\nContent-Disposition: form-datax; name=a\r\n\r\n"),
	    "!the Content-Disposition of a part is malformed" },
	{ TEXT("--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\n"),
	    "!the Content-Disposition of a part is malformed" },
	{ TEXT("--b\r\nContent-Disposition: form-data; name=\"a\\\"\r\n\r\n"),
	    "!the Content-Disposition of a part is malformed" },
	{ TEXT("--b\r\nContent-Disposition: form-data; name=a\"b\"\r\n\r\n"),
	    "!the name of a part is neither quoted nor a token" },
	{ TEXT("--b\r\nContent-Disposition: form-data; name=a; name=b\r\n"
	    "\r\n"), "!a part has two names or two filenames" },
	{ TEXT("--b\r\nContent-Disposition: form-data; name=a; filename=b; "
	    "filename=c\r\n\r\n"), "!a part has two names or two "
	    "filenames" },
	{ TEXT("--b\r\n" NAMED("a") NAMED("b") "\r\n"), "!a part has "
	    "Content-Disposition twice" },
	{ TEXT("--b\r\n" NAMED("a") "Content-Type: a/b\r\nContent-type: c/d"
	    "\r\n\r\n"), "!a part has Content-Type twice" },
	{ TEXT("--b\r\n" NAMED("\xff") "\r\n"), "!the name or filename of a "
	    "part is not UTF-8" },
	{ TEXT("--b\r\n" FILED("a", "\xed\xa0\x80") "\r\n"), "!the name or "
	    "filename of a part is not UTF-8" },
	{ TEXT("--b\r\n" NAMED("a") "X: 1\nEvil: 2\r\n\r\n"), "!a line in the "
	    "header of a part is malformed" },
	{ TEXT("--b\r\n" NAMED("a\rb") "\r\n"), "!a line in the header of a "
	    "part is malformed" },
	{ TEXT("--b\r\n" NAMED("a\0b") "\r\n"), "!a line in the header of a "
	    "part is malformed" },
	{ TEXT("--b\r\nContent-Disposition: form-data;\r\n name=a\r\n\r\n"),
	    "!a line in the header of a part has no colon" },
	{ TEXT("--b\r\n" NAMED("a") "Content-Transfer-Encoding: base64\r\n"
	    "\r\n"), "!a part has a Content-Transfer-Encoding (RFC 7578, "
	    "section 4.7)" }
};

/* Every two splits, the empty pieces too. */
static void
test_every_split_tells_the_same(void **state)
{
	static struct story story;

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		const struct form *form = &forms[i];

		for (size_t first = 0; first <= form->length; first++) {
			for (size_t second = first; second <= form->length;
			    second++) {
				parse(&story, "b", form->bytes, form->length,
				    first, second);
				if (strcmp(story.text, form->story) != 0)
					fail_msg("form %zu, split at %zu and "
					    "%zu: \"%s\"", i, first, second,
					    story.text);
			}
		}
	}
}

static void
test_byte_by_byte(void **state)
{
	static struct wire_multipart multipart;
	static struct story story;

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		story.length = 0;
		story.text[0] = '\0';
		wire_multipart_init(&multipart, (struct wire_span){ "b", 1 });
		for (size_t k = 0; k < forms[i].length; k++)
			push(&multipart, &story, forms[i].bytes + k, 1);
		finish(&multipart, &story);
		assert_string_equal(story.text, forms[i].story);
	}
}

/* All of a part in one piece of the caller's own memory: nothing is copied. */
static void
test_bytes_are_not_copied(void **state)
{
	static const char form[] = "--b\r\n" NAMED("a") "\r\n\r\n--a\r\n-\r\r\n"
	    "--b--";
	static struct wire_multipart multipart;
	const char *at = form;
	enum wire_multipart_event event;
	struct wire_span piece;
	struct wire_part part;

	(void)state;
	wire_multipart_init(&multipart, (struct wire_span){ "b", 1 });
	assert_int_equal(wire_multipart_next(&multipart, &at,
	    form + sizeof(form) - 1, &event, &part, &piece), 1);
	assert_int_equal(event, WIRE_PART_BEGINS);
	assert_int_equal(wire_multipart_next(&multipart, &at,
	    form + sizeof(form) - 1, &event, &part, &piece), 1);
	assert_int_equal(event, WIRE_PART_BYTES);
	assert_ptr_equal(piece.at, strstr(form, "\r\n--a"));
	assert_int_equal(piece.length, strlen("\r\n--a\r\n-\r"));
	assert_int_equal(wire_multipart_next(&multipart, &at,
	    form + sizeof(form) - 1, &event, &part, &piece), 1);
	assert_int_equal(event, WIRE_PART_ENDS);
}

static void
test_the_header_of_a_part_is_bounded(void **state)
{
	static char form[WIRE_PART_HEADER_MAX + 200];
	static struct story story;
	int length;

	(void)state;
	for (int room = 0; room < 2; room++) {
		length = snprintf(form, sizeof(form), "--b\r\n" NAMED("a")
		    "X: %0*d\r\n\r\n1\r\n--b--", WIRE_PART_HEADER_MAX -
		    (int)strlen(NAMED("a") "X: \r\n\r\n") + room, 1);
		parse(&story, "b", form, (size_t)length, 0, 0);
		assert_string_equal(story.text, room == 0 ? "a=1;" :
		    "!the header of a part is larger than 8192 bytes");
	}
}

/* ------------------------------------------------------ Content-Type */

struct type_case {
	const char	*type;
	int		 rc;
	const char	*boundary;	/* or what the sentence has in it */
};

#define SEVENTY	"1234567890123456789012345678901234567890123456789012345678" \
	"901234567890"

static void
test_boundary(void **state)
{
	static const struct type_case cases[] = {
		{ "multipart/form-data; boundary=b", 1, "b" },
		{ "Multipart/Form-Data ;charset=utf-8; BOUNDARY=\"a b\"", 1,
		    "a b" },
		{ "multipart/form-data;boundary=----WebKitFormBoundary7MA4;", 1,
		    "----WebKitFormBoundary7MA4" },
		{ "multipart/form-data; boundary=a/b=c:?", 1, "a/b=c:?" },
		{ "multipart/form-data; boundary=" SEVENTY, 1, SEVENTY },
		{ "multipart/form-data; boundary=" SEVENTY "1", -1, "1 to 70" },
		{ "multipart/form-data; boundary=\"\"", -1, "1 to 70" },
		{ "multipart/form-data; boundary=\"b \"", -1, "1 to 70" },
		{ "multipart/form-data; boundary=a*b", -1, "1 to 70" },
		{ "multipart/form-data; boundary=\xc3\xa9", -1, "1 to 70" },
		{ "multipart/form-data; boundary=a; boundary=b", -1, "two" },
		{ "multipart/form-data; charset=a", -1, "no boundary" },
		{ "multipart/form-data", -1, "no boundary" },
		{ "multipart/form-data; boundary=", -1, "malformed" },
		{ "multipart/form-data; boundary=\"b", -1, "malformed" },
		{ "multipart/form-data boundary=b", -1, "malformed" },
		{ "multipart/form-datax; boundary=b", 0, "" },
		{ "multipart/mixed; boundary=b", 0, "" },
		{ "application/json", 0, "" },
		{ "", 0, "" }
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wire_span type = { cases[i].type,
		    strlen(cases[i].type) }, boundary = { "", 0 };
		const char *error = "";

		assert_int_equal(wire_multipart_boundary(type, &boundary,
		    &error), cases[i].rc);
		if (cases[i].rc == 1) {
			assert_int_equal(boundary.length,
			    strlen(cases[i].boundary));
			assert_memory_equal(boundary.at, cases[i].boundary,
			    boundary.length);
		} else if (strstr(error, cases[i].boundary) == NULL)
			fail_msg("%s: %s", cases[i].type, error);
	}
}

static void
test_a_boundary_of_a_megabyte(void **state)
{
	static const char start[] = "multipart/form-data; boundary=";
	size_t length = (1 << 20) + sizeof(start) - 1;
	char *type = malloc(length);
	struct wire_span boundary;
	const char *error = "";

	(void)state;
	assert_non_null(type);
	memset(type, 'x', length);
	memcpy(type, start, sizeof(start) - 1);
	assert_int_equal(wire_multipart_boundary((struct wire_span){ type,
	    length }, &boundary, &error), -1);
	assert_non_null(strstr(error, "1 to 70"));
	free(type);
}

/* ------------------------------------------------------ time */

static uint64_t
time_of(const char *bytes, size_t length, const char *boundary)
{
	static struct wire_multipart multipart;
	const char *at = bytes;
	uint64_t begun = clock_now_ns();
	enum wire_multipart_event event;
	struct wire_span piece;
	struct wire_part part;

	wire_multipart_init(&multipart, (struct wire_span){ boundary,
	    strlen(boundary) });
	while (wire_multipart_next(&multipart, &at, bytes + length, &event,
	    &part, &piece) == 1)
		continue;
	assert_int_equal(wire_multipart_end(&multipart), -1);
	return clock_now_ns() - begun;
}

#define SIXTY_NINE	"12345678901234567890123456789012345678901234567890" \
	"1234567890123456789"

/* Line ends, and boundaries that break off at their last byte, are what made
 * other parsers take minutes.  Four times the bytes: four times as long, and
 * not sixteen. */
static void
test_time_grows_with_the_bytes(void **state)
{
	static const char start[] = "--" SEVENTY "\r\n" NAMED("a") "\r\n";
	static const char *const lines[] = { "\r", "\r\n", "\n",
	    "\r\n--", "\r\n--" SIXTY_NINE };
	const size_t large = (size_t)8 << 20;
	char *form = malloc(large);

	(void)state;
	assert_non_null(form);
	for (size_t i = 0; i < COUNT(lines); i++) {
		size_t line = strlen(lines[i]), at = sizeof(start) - 1;
		uint64_t little, much;

		memcpy(form, start, at);
		for (; at + line <= large; at += line)
			memcpy(form + at, lines[i], line);
		little = time_of(form, large / 4, SEVENTY);
		much = time_of(form, at, SEVENTY);
		if (much > 10 * little + 50000000)
			fail_msg("line %zu: %llu ns, then %llu", i,
			    (unsigned long long)little,
			    (unsigned long long)much);
	}
	free(form);
}

/* ------------------------------------------------------ names of files */

struct name_case {
	const char	*from;
	const char	*name;
};

static void
test_file_name(void **state)
{
	static const struct name_case cases[] = {
		{ "photo.jpeg", "photo.jpeg" },
		{ "../../etc/passwd", "passwd" },
		{ "C:\\Users\\me\\x y.doc", "x y.doc" },
		{ "..", "file" }, { ".", "file" }, { "", "file" },
		{ "a/..", "file" }, { "a/", "file" }, { "\\", "file" },
		{ "...", "file" }, { " . ", "file" },
		{ ".htaccess", "htaccess" }, { "..a", "a" },
		{ "a. . ", "a" },
		{ "a\r\nSet-Cookie: b", "aSet-Cookie_ b" },
		{ "a\tb\x7f\x1b[2J", "ab[2J" },
		{ "\xc2\x85\xe2\x80\xae\xe2\x80\x8b", "file" },
		{ "exe.\xe2\x80\xaegpj", "exe.gpj" },
		{ "\xc3\xa9t\xc3\xa9.txt", "\xc3\xa9t\xc3\xa9.txt" },
		{ "a\xff\xc3z", "a__z" },
		{ "<a>:b|c?d*\"", "_a__b_c_d__" },
		{ "%2e%2e%2fx", "%2e%2e%2fx" },
		{ "con", "_con" }, { "NUL.txt", "_NUL.txt" },
		{ "com1", "_com1" }, { "LPT9.a.b", "_LPT9.a.b" },
		{ "com", "com" }, { "console", "console" }, { "com10", "com10" }
	};
	char out[WIRE_FILE_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t length = wire_file_name(out, sizeof(out),
		    (struct wire_span){ cases[i].from,
		    strlen(cases[i].from) });

		assert_string_equal(out, cases[i].name);
		assert_int_equal(length, strlen(out));
	}
	wire_file_name(out, sizeof(out), (struct wire_span){ "a\0b", 3 });
	assert_string_equal(out, "ab");
}

static void
test_a_long_file_name_keeps_its_extension(void **state)
{
	char from[1000], out[WIRE_FILE_NAME_MAX + 1];

	(void)state;
	memset(from, 'x', sizeof(from));
	assert_int_equal(wire_file_name(out, sizeof(out),
	    (struct wire_span){ from, 1000 }), WIRE_FILE_NAME_MAX - 1);
	memcpy(from, "con.", 4);
	assert_int_equal(wire_file_name(out, sizeof(out),
	    (struct wire_span){ from, 1000 }), WIRE_FILE_NAME_MAX);
	memcpy(from + 995, ".jpeg", 5);
	wire_file_name(out, sizeof(out), (struct wire_span){ from, 1000 });
	assert_true(strlen(out) <= WIRE_FILE_NAME_MAX);
	assert_string_equal(out + strlen(out) - 6, "x.jpeg");
	for (size_t i = 0; i + 1 < 900; i += 2)
		memcpy(from + i, "\xc3\xa9", 2);
	wire_file_name(out, sizeof(out), (struct wire_span){ from, 1000 });
	assert_true(wire_is_utf8(out, strlen(out)));
	assert_string_equal(out + strlen(out) - 5, ".jpeg");
	wire_file_name(out, 32, (struct wire_span){ from, 1000 });
	assert_true(strlen(out) < 32);
	assert_string_equal(out + strlen(out) - 5, ".jpeg");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_split_tells_the_same),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_bytes_are_not_copied),
		cmocka_unit_test(test_the_header_of_a_part_is_bounded),
		cmocka_unit_test(test_boundary),
		cmocka_unit_test(test_a_boundary_of_a_megabyte),
		cmocka_unit_test(test_time_grows_with_the_bytes),
		cmocka_unit_test(test_file_name),
		cmocka_unit_test(test_a_long_file_name_keeps_its_extension)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
