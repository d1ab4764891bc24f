/*
 * api_body.c - the body of a request: bytes, a descriptor, a stream, JSON.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: the mapping of a spooled body and the parsed JSON, until the reset.
 * Invariant: the bytes are never written to, and a spooled body is never
 * copied to the heap.
 */
#include "api/api_private.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#define JSON_DEPTH	64

/* ------------------------------------------------- bytes */

/* A file shorter than it should be would be a SIGBUS at the first touch. */
static int
map_body(struct fh_request *rq)
{
	const struct api_input *input = rq->input;
	struct stat status;
	void *at;

	if (fstat(input->body_fd, &status) != 0 || status.st_size < 0 ||
	    (uint64_t)status.st_size < input->body_length) {
		errno = EIO;
		return -1;
	}
	at = mmap(NULL, input->body_length, PROT_READ, MAP_SHARED,
	    input->body_fd, 0);
	if (at == MAP_FAILED)
		return -1;
	rq->mapping = at;
	rq->mapping_length = input->body_length;
	return 0;
}

const void *
fh_body(struct fh_request *rq, size_t *length_out)
{
	const struct api_input *input = rq->input;

	*length_out = input->body_length;
	if (input->body_length == 0 ||
	    (input->body_fd < 0 && input->body == NULL)) {
		*length_out = 0;
		return "";
	}
	if (input->body_fd < 0)
		return input->body;
	if (rq->mapping == NULL && map_body(rq) != 0) {
		api_fault(rq, errno, "the body cannot be mapped: %s",
		    strerror(errno));
		*length_out = 0;
		return "";
	}
	return rq->mapping;
}

int
fh_body_fd(struct fh_request *rq)
{
	return rq->input->body_fd;
}

size_t
fh_read(struct fh_request *rq, void *buffer, size_t size)
{
	size_t length;
	const char *body = fh_body(rq, &length);

	if (rq->read_offset > length)
		return 0;
	if (size > length - rq->read_offset)
		size = length - rq->read_offset;
	if (size > 0)
		memcpy(buffer, body + rq->read_offset, size);
	rq->read_offset += size;
	return size;
}

void
api_body_release(struct fh_request *rq)
{
	if (rq->mapping != NULL)
		munmap(rq->mapping, rq->mapping_length);
	rq->mapping = NULL;
}

/* ------------------------------------------------- JSON */

static size_t
skip_blanks(const char *text, size_t from, size_t length)
{
	while (from < length && text[from] != '\0' &&
	    strchr(" \t\r\n", text[from]) != NULL)
		from++;
	return from;
}

/* A number is known to be whole only by what follows it: a NUL says "end". */
static struct json_object *
parse(struct json_tokener *tokener, const char *text, size_t length,
    size_t *offset_out, enum json_tokener_error *error_out)
{
	struct json_object *json;

	json = json_tokener_parse_ex(tokener, text, (int)length);
	*error_out = json_tokener_get_error(tokener);
	*offset_out = json_tokener_get_parse_end(tokener);
	if (*error_out == json_tokener_continue) {
		json = json_tokener_parse_ex(tokener, "", 1);
		*error_out = json_tokener_get_error(tokener);
		*offset_out = length;
	}
	if (*error_out != json_tokener_success)
		return json;
	*offset_out = skip_blanks(text, *offset_out, length);
	if (*offset_out < length)
		*error_out = json_tokener_error_parse_unexpected;
	return json;
}

static void
json_fails(struct fh_request *rq, const char *why, size_t offset)
{
	rq->json_error = fh_sprintf(rq, "%s, at byte %zu", why, offset);
	if (rq->json_error == NULL)
		rq->json_error = "out of memory";
}

static void
read_json(struct fh_request *rq)
{
	size_t length, offset;
	const char *text = fh_body(rq, &length);
	enum json_tokener_error error;
	struct json_tokener *tokener;
	struct json_object *json;

	if (length == 0 || length > INT_MAX) {
		rq->json_error = length == 0 ? "the body is empty" :
		    "the body is too long";
		return;
	}
	if ((tokener = json_tokener_new_ex(JSON_DEPTH)) == NULL) {
		rq->json_error = "out of memory";
		return;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
	    JSON_TOKENER_ALLOW_TRAILING_CHARS | JSON_TOKENER_VALIDATE_UTF8);
	json = parse(tokener, text, length, &offset, &error);
	json_tokener_free(tokener);
	if (error == json_tokener_success) {
		rq->json = json;
		return;
	}
	json_object_put(json);
	json_fails(rq, json_tokener_error_desc(error), offset);
}

struct json_object *
fh_json(struct fh_request *rq)
{
	if (!rq->json_ready) {
		rq->json_ready = true;
		read_json(rq);
	}
	return rq->json;
}

const char *
fh_json_error(const struct fh_request *rq)
{
	return rq->json_error;
}

void
api_json_release(struct fh_request *rq)
{
	json_object_put(rq->json);
	rq->json = NULL;
}

int
fh_reply_json(struct fh_request *rq, int status, struct json_object *json)
{
	const char *text;
	size_t length = 0;
	int rc;

	text = json_object_to_json_string_length(json,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	if (text == NULL)
		rc = api_fault(rq, ENOMEM, "out of memory for the reply");
	else
		rc = api_reply_whole(rq, status, "application/json", text,
		    length);
	json_object_put(json);
	return rc;
}
