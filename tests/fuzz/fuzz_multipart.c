/*
 * fuzz_multipart.c - any bytes as a form with files.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: whole or in pieces, a form tells the same story; names are UTF-8,
 * the bytes of a part never hold its delimiter, and a name made for a file is
 * one that a file may have.
 */
/*
 * An input is a byte that says how the rest is split, a Content-Type up to a
 * line end, and the body.
 */
#include "fuzz.h"

#include <string.h>

#include "wire/wire_multipart.h"

/* What came out, all of it behind each other. */
struct story {
	char	*text;
	size_t	 length, size;
};

static void
tell(struct story *story, const char *at, size_t length)
{
	if (story->length + length > story->size) {
		story->size = (story->length + length) * 2;
		story->text = realloc(story->text, story->size);
		CHECK(story->text != NULL);
	}
	if (length > 0)
		memcpy(story->text + story->length, at, length);
	story->length += length;
}

static void
check_file_name(struct wire_span from)
{
	char out[WIRE_FILE_NAME_MAX + 1];
	size_t length = wire_file_name(out, sizeof(out), from);

	CHECK(length > 0 && length <= WIRE_FILE_NAME_MAX);
	CHECK(strlen(out) == length && wire_is_utf8(out, length));
	CHECK(strpbrk(out, "/\\<>:\"|?*") == NULL && out[0] != '.');
	CHECK(out[length - 1] != '.' && out[length - 1] != ' ');
	for (size_t i = 0; i < length; i++)
		CHECK((uint8_t)out[i] >= 0x20 && out[i] != 0x7f);
}

static void
check_part(const struct wire_part *part)
{
	CHECK(wire_is_utf8(part->name.at, part->name.length));
	CHECK(wire_is_utf8(part->filename.at, part->filename.length));
	CHECK(wire_is_field_value(part->type.at, part->type.length));
	CHECK(memchr(part->name.at, '\0', part->name.length) == NULL);
	CHECK(memchr(part->filename.at, '\0', part->filename.length) == NULL);
	CHECK(part->is_file || part->filename.length == 0);
	check_file_name(part->filename);
}

/* -1: malformed. */
static int
push(struct wire_multipart *multipart, struct story *story, const char *at,
    size_t length)
{
	const char *end = at + length, *before = at;
	enum wire_multipart_event event;
	struct wire_span bytes;
	struct wire_part part;
	int rc;

	while ((rc = wire_multipart_next(multipart, &at, end, &event, &part,
	    &bytes)) == 1) {
		CHECK(at >= before && at <= end);
		before = at;
		if (event == WIRE_PART_BEGINS) {
			check_part(&part);
			tell(story, "{", 1);
			tell(story, part.name.at, part.name.length);
			tell(story, part.is_file ? "(" : "=", 1);
			tell(story, part.filename.at, part.filename.length);
			tell(story, "<", 1);
			tell(story, part.type.at, part.type.length);
			tell(story, ">", 1);
		} else if (event == WIRE_PART_ENDS) {
			tell(story, "}", 1);
		} else {
			CHECK(bytes.length > 0);
			CHECK(memmem(bytes.at, bytes.length,
			    multipart->delimiter,
			    multipart->delimiter_length) == NULL);
			tell(story, bytes.at, bytes.length);
		}
	}
	CHECK(rc == -1 || at == end);
	return rc;
}

/* In pieces of `piece` bytes; 0: in one. */
static struct story
parse(struct wire_span boundary, const char *body, size_t length, size_t piece)
{
	struct wire_multipart *multipart = malloc(sizeof(*multipart));
	struct story story = { NULL, 0, 0 };
	size_t at = 0;
	int rc = 0;

	CHECK(multipart != NULL);
	wire_multipart_init(multipart, boundary);
	while (rc == 0 && at < length) {
		size_t wanted = piece == 0 || piece > length - at ?
		    length - at : piece;
		char *copy = malloc(wanted);

		CHECK(copy != NULL);
		memcpy(copy, body + at, wanted);
		rc = push(multipart, &story, copy, wanted);
		free(copy);
		at += wanted;
	}
	CHECK(rc == 0 || wire_multipart_end(multipart) == -1);
	if (wire_multipart_end(multipart) == -1)
		tell(&story, multipart->error, strlen(multipart->error));
	free(multipart);
	return story;
}

static void
check_body(struct wire_span boundary, const char *body, size_t length,
    size_t piece)
{
	struct story whole = parse(boundary, body, length, 0);
	struct story pieces = parse(boundary, body, length, piece);
	struct story bytes = parse(boundary, body, length, 1);

	CHECK(whole.length == pieces.length);
	CHECK(whole.length == bytes.length);
	CHECK(whole.length == 0 ||
	    memcmp(whole.text, pieces.text, whole.length) == 0);
	CHECK(whole.length == 0 ||
	    memcmp(whole.text, bytes.text, whole.length) == 0);
	free(whole.text);
	free(pieces.text);
	free(bytes.text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1, *line, *error = NULL;
	struct wire_span type, boundary = { NULL, 0 };
	int rc;

	if (size < 1)
		return 0;
	line = memchr(text, '\n', size - 1);
	if (line == NULL)
		line = text + size - 1;
	type = (struct wire_span){ text, (size_t)(line - text) };
	check_file_name(type);
	rc = wire_multipart_boundary(type, &boundary, &error);
	CHECK((rc == -1) == (error != NULL));
	if (rc != 1 || line == text + size - 1)
		return 0;
	CHECK(boundary.length >= 1 && boundary.length <= WIRE_BOUNDARY_MAX);
	check_body(boundary, line + 1, size - 2 - type.length,
	    (size_t)data[0] + 2);
	return 0;
}
