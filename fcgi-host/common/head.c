/*
 * head.c - the few parameters that decide what happens to a request.
 *
 * Runs in: front, workers, call, cgi.
 * Owns: nothing; spans point into the caller's block and scratch space.
 * Invariant: the block is read once, and nothing outside of it; what a web
 * server may leave out or send twice never decides by its order.
 */
#include "common/head.h"

#include <string.h>

#include "wire/wire_params.h"

/* What head_scan finds on its way and needs at the end. */
struct found {
	struct head		*head;
	struct wire_span	 path_info;
	struct wire_span	 script_name;
	struct wire_span	 document_uri;
	struct wire_span	 content_length;
	struct wire_span	 start;
};

#define NAME_IS(pair, literal) \
	(memcmp((pair)->name, literal, sizeof(literal) - 1) == 0)

static struct wire_span *
place_of_11(struct found *found, const struct wire_pair *pair)
{
	if (NAME_IS(pair, "REMOTE_ADDR"))
		return &found->head->remote_addr;
	if (NAME_IS(pair, "REQUEST_URI"))
		return &found->head->uri;
	if (NAME_IS(pair, "SCRIPT_NAME"))
		return &found->script_name;
	if (NAME_IS(pair, "HTTP_COOKIE"))
		return &found->head->cookie;
	return NULL;
}

static struct wire_span *
place_of_12(struct found *found, const struct wire_pair *pair)
{
	if (NAME_IS(pair, "QUERY_STRING"))
		return &found->head->query;
	if (NAME_IS(pair, "CONTENT_TYPE"))
		return &found->head->content_type;
	if (NAME_IS(pair, "DOCUMENT_URI"))
		return &found->document_uri;
	return NULL;
}

/* Where the pair's value belongs, or NULL when nobody here asks for it. */
static struct wire_span *
place_of(struct found *found, const struct wire_pair *pair)
{
	switch (pair->name_length) {
	case 9:
		return NAME_IS(pair, "PATH_INFO") ? &found->path_info : NULL;
	case 10:
		return NAME_IS(pair, "REQUEST_ID") ?
		    &found->head->request_id : NULL;
	case 11:
		return place_of_11(found, pair);
	case 12:
		return place_of_12(found, pair);
	case 17:
		return NAME_IS(pair, "REQUEST_BODY_FILE") ?
		    &found->head->body_file : NULL;
	case 13:
		return NAME_IS(pair, "REQUEST_START") ? &found->start : NULL;
	case 14:
		if (NAME_IS(pair, "REQUEST_METHOD"))
			return &found->head->method;
		return NAME_IS(pair, "CONTENT_LENGTH") ?
		    &found->content_length : NULL;
	default:
		return NULL;
	}
}

static int
find_all(struct found *found, const uint8_t *block, size_t length)
{
	const uint8_t *cursor = block, *end = block + length;
	struct wire_pair pair;
	struct wire_span *place;
	int rc;

	while ((rc = wire_params_next(&cursor, end, &pair)) == 1) {
		if ((place = place_of(found, &pair)) == NULL)
			continue;
		place->at = (const char *)pair.value;
		place->length = pair.value_length;
	}
	return rc;
}

static bool
id_is_fit(struct wire_span id)
{
	if (id.length > HEAD_ID_MAX)
		return false;
	for (size_t i = 0; i < id.length; i++) {
		char c = id.at[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
		    c == '.'))
			return false;
	}
	return true;
}

/* nginx's $msec, "1795000000.123", in milliseconds; 0 for anything else. */
static int64_t
parse_start(struct wire_span text)
{
	const char *dot = memchr(text.at, '.', text.length);
	size_t whole = dot == NULL ? text.length : (size_t)(dot - text.at);
	size_t digits = dot == NULL ? 0 : text.length - whole - 1;
	int64_t seconds, part = 0;

	if (digits > 3)
		digits = 3;
	if (wire_parse_number(text.at, whole, &seconds) == -1 ||
	    seconds > INT64_MAX / 1000 - 1)
		return 0;
	if (digits > 0 && wire_parse_number(dot + 1, digits, &part) == -1)
		return 0;
	for (; digits < 3; digits++)
		part *= 10;
	return seconds * 1000 + part;
}

static bool
spans_equal(struct wire_span a, struct wire_span b)
{
	return a.length == b.length && memcmp(a.at, b.at, a.length) == 0;
}

/* What is left of `path` below `mount`; all of it when it isn't below. */
static struct wire_span
below_mount(struct wire_span path, struct wire_span mount)
{
	while (mount.length > 0 && mount.at[mount.length - 1] == '/')
		mount.length--;
	if (mount.length > path.length ||
	    memcmp(path.at, mount.at, mount.length) != 0)
		return path;
	if (path.length > mount.length && path.at[mount.length] != '/')
		return path;
	path.at += mount.length;
	path.length -= mount.length;
	return path;
}

/* "https://host/a?b" and "/a?b" -> "/a", not decoded. */
static struct wire_span
path_of_uri(struct wire_span uri)
{
	const char *mark = memchr(uri.at, '?', uri.length);
	const char *slash;

	if (mark != NULL)
		uri.length = (size_t)(mark - uri.at);
	if (uri.length == 0 || *uri.at == '/')
		return uri;
	if ((slash = memchr(uri.at, '/', uri.length)) == NULL ||
	    slash == uri.at || slash[-1] != ':' ||
	    uri.at + uri.length - slash < 2 || slash[1] != '/')
		return uri;
	uri.length -= (size_t)(slash + 2 - uri.at);
	uri.at = slash + 2;
	if ((slash = memchr(uri.at, '/', uri.length)) == NULL)
		slash = uri.at + uri.length;
	uri.length -= (size_t)(slash - uri.at);
	uri.at = slash;
	return uri;
}

static int
decode_uri(struct wire_span uri, char *scratch, size_t scratch_size,
    struct wire_span *path_out)
{
	struct wire_span raw = path_of_uri(uri);
	ptrdiff_t length;

	if (raw.length > scratch_size)
		return -1;
	length = wire_percent_decode(scratch, raw.at, raw.length, false);
	if (length < 0)
		return -1;
	path_out->at = scratch;
	path_out->length = (size_t)length;
	return 0;
}

static enum head_rc
find_path(const struct found *found, char *scratch, size_t scratch_size,
    struct wire_span *path_out)
{
	struct wire_span path = found->path_info;

	if (path.length == 0)
		path = found->script_name;
	else if (spans_equal(path, found->document_uri))
		path = below_mount(path, found->script_name);
	if (found->path_info.length == 0 && path.length == 0 &&
	    decode_uri(found->head->uri, scratch, scratch_size, &path) == -1)
		return HEAD_BAD_PATH;
	if (path.length == 0) {
		path.at = "/";
		path.length = 1;
	}
	if (memchr(path.at, '\0', path.length) != NULL)
		return HEAD_BAD_PATH;
	*path_out = path;
	return HEAD_OK;
}

static void
clear(struct found *found, struct head *head)
{
	const struct wire_span none = { "", 0 };

	*head = (struct head){
		.method = none, .path = none, .query = none, .uri = none,
		.content_type = none, .request_id = none, .cookie = none,
		.remote_addr = none, .body_file = none,
		.content_length = HEAD_NO_LENGTH
	};
	*found = (struct found){
		.head = head, .path_info = none, .script_name = none,
		.document_uri = none, .content_length = none, .start = none
	};
}

enum head_rc
head_scan(const uint8_t *block, size_t length, char *scratch,
    size_t scratch_size, struct head *head_out)
{
	struct found found;
	int rc;

	clear(&found, head_out);
	rc = find_all(&found, block, length);
	if (!id_is_fit(head_out->request_id))
		head_out->request_id = (struct wire_span){ "", 0 };
	if (rc == -1)
		return HEAD_BAD_PARAMS;
	if (found.start.length > 0)
		head_out->start_ms = parse_start(found.start);
	if (!wire_is_token(head_out->method.at, head_out->method.length))
		return HEAD_NO_METHOD;
	if (found.content_length.length > 0 &&
	    wire_parse_number(found.content_length.at,
	    found.content_length.length, &head_out->content_length) == -1)
		return HEAD_BAD_LENGTH;
	return find_path(&found, scratch, scratch_size, &head_out->path);
}

const char *
head_strerror(enum head_rc rc)
{
	switch (rc) {
	case HEAD_OK:
		return "no error";
	case HEAD_BAD_PARAMS:
		return "a parameter runs over the end of the parameters";
	case HEAD_NO_METHOD:
		return "REQUEST_METHOD is missing or no token";
	case HEAD_BAD_LENGTH:
		return "CONTENT_LENGTH is not a number";
	case HEAD_BAD_PATH:
		return "the path has a NUL or a malformed escape";
	}
	return "unknown error";
}

bool
head_has_no_body(const struct head *head)
{
	return head->method.length == 4 &&
	    memcmp(head->method.at, "HEAD", 4) == 0;
}
