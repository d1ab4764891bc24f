/*
 * fuzz_request.c - whatever a web server sends, a handler reads parameters,
 * headers, query, form, cookies, path and body as they are meant.
 *
 * Input: one byte, odd for a body in a file; two with the length of the
 * parameters; these, as FastCGI sends them; the body.
 *
 * Runs in: make check, libFuzzer.
 * Owns: a nameless file in memory.
 * Invariant: every text ends in NUL; a list is what a plain reading of its
 * source gives, or, of one with too many fields, refused; a single value is the
 * first, or for a parameter the last, of its list; the body is the same in one
 * piece, in many, and from a file.
 */
#include "fuzz.h"
#include "fuzz_api.h"

#include <sys/mman.h>

#include <ctype.h>
#include <json-c/json.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "wire/wire_params.h"

#define FIELDS_MAX	16384	/* as in api_private.h */

static struct api_input	 input;
static const uint8_t	*body;

/* ------------------------------------------------- parameters */

static bool
is_hidden(const struct wire_pair *pair)
{
	return pair->name_length == 0 ||
	    memchr(pair->name, '\0', pair->name_length) != NULL ||
	    (pair->name_length == 10 && strncasecmp((const char *)pair->name,
	    "HTTP_PROXY", 10) == 0);
}

static void
check_param(const struct fh_field *field, const struct wire_pair *pair)
{
	CHECK(strlen(field->name) == pair->name_length);
	CHECK(memcmp(field->name, pair->name, pair->name_length) == 0);
	CHECK(field->length == pair->value_length);
	CHECK(memcmp(field->value, pair->value, pair->value_length) == 0);
	CHECK(field->value[field->length] == '\0');
}

static size_t
check_params(const struct fh_field *params, size_t count)
{
	const uint8_t *at = input.params, *end = at + input.params_length;
	struct wire_pair pair;
	size_t n = 0;

	while (wire_params_next(&at, end, &pair) == 1) {
		if (is_hidden(&pair))
			continue;
		CHECK(n < count);
		check_param(&params[n++], &pair);
	}
	CHECK(n == count);
	return n;
}

/* The header a parameter stands for; false: none. */
static bool
header_name(const char *param, char name[64])
{
	size_t length = strlen(param);

	if (strncmp(param, "HTTP_", 5) != 0 || length - 5 >= 64)
		return false;
	for (size_t i = 5; i <= length; i++) {
		name[i - 5] = param[i] == '_' ? '-' :
		    (char)tolower((unsigned char)param[i]);
		if (islower((unsigned char)param[i]))
			return false;	/* no header becomes that */
		if (param[i] == '-')
			return false;
	}
	return true;
}

static void
check_lookups(const struct fh_request *rq, const struct fh_field *params,
    size_t count)
{
	char name[64];

	for (size_t i = 0; i < count; i++) {
		size_t first = count, last = i;

		for (size_t j = count; j-- > 0;) {
			if (strcmp(params[j].name, params[i].name) != 0)
				continue;
			first = j;
			last = j > last ? j : last;
		}
		CHECK(fh_param(rq, params[i].name) == params[last].value);
		if (header_name(params[i].name, name) &&
		    strcmp(name, "content-type") != 0 &&
		    strcmp(name, "content-length") != 0)
			CHECK(fh_header(rq, name) == params[first].value);
	}
}

/* ------------------------------------------------- lists */

static int
digit(char c)
{
	const char *digits = "0123456789abcdef", *at;

	if (c == '\0')
		return -1;
	at = strchr(digits, tolower((unsigned char)c));
	return at == NULL ? -1 : (int)(at - digits);
}

/* Does `text` say the same as the encoded bytes? */
static bool
says(const char *text, size_t text_length, const char *from, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length; i++, n++) {
		char c = from[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%' && length - i > 2 &&
		    digit(from[i + 1]) >= 0 && digit(from[i + 2]) >= 0) {
			c = (char)(16 * digit(from[i + 1]) +
			    digit(from[i + 2]));
			i += 2;
		}
		if (n == text_length || text[n] != c)
			return false;
	}
	return n == text_length && text[n] == '\0';
}

/* A name's length is not told: it ends at its first NUL. */
static void
check_field(const struct fh_field *field, const char *from, size_t length)
{
	const char *equals = memchr(from, '=', length);
	size_t name_length = equals == NULL ? length : (size_t)(equals - from);
	const char *value = equals == NULL ? from + length : equals + 1;

	CHECK(strlen(field->name) <= name_length);
	CHECK(strlen(field->name) == name_length || memchr(from, '%',
	    name_length) != NULL || memchr(from, '\0', name_length) != NULL);
	CHECK(says(field->value, field->length, value,
	    length - (size_t)(value - from)));
}

static void
check_list(const struct fh_field *fields, size_t count, const char *text,
    size_t length)
{
	const char *end = text + length, *stop;
	size_t n = 0;

	for (const char *at = text; at < end; at = stop + 1) {
		stop = memchr(at, '&', (size_t)(end - at));
		if (stop == NULL)
			stop = end;
		if (stop == at)
			continue;
		CHECK(n < count);
		check_field(&fields[n++], at, (size_t)(stop - at));
	}
	CHECK(n == count);
}

static size_t
count_fields(const char *text, size_t length)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += text[i] != '&' && (i == 0 || text[i - 1] == '&');
	return count;
}

/* Of a form with too many there is nothing, and it is said. */
static void
check_urlencoded(struct fh_request *rq, const struct fh_field *fields,
    size_t count)
{
	const char *text = (const char *)body;
	size_t length = input.body_length;

	if (count_fields(text, length) > FUZZ_FORM_FIELDS)
		CHECK(count == 0 && fh_form_error(rq) != NULL);
	else
		check_list(fields, count, text, length);
}

static const char *
first_of(const struct fh_field *fields, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].value;
	}
	return NULL;
}

/* The parameter with all its bytes, NULs included. */
static struct fh_field
query_string(const struct fh_request *rq)
{
	struct fh_field found = { "", "", 0 };
	size_t count;
	const struct fh_field *params = fh_params(rq, &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(params[i].name, "QUERY_STRING") == 0)
			found = params[i];
	}
	return found;
}

static void
check_query(struct fh_request *rq)
{
	const struct fh_field whole = query_string(rq);
	size_t count;
	const struct fh_field *fields = fh_query_fields(rq, &count);

	CHECK(strcmp(fh_query_string(rq), whole.value) == 0);
	check_list(fields, count, whole.value, whole.length);
	for (size_t i = 0; i < count; i++)
		CHECK(fh_query(rq, fields[i].name) ==
		    first_of(fields, count, fields[i].name));
	CHECK(fh_query(rq, "no such field") ==
	    first_of(fields, count, "no such field"));
}

/* Each file is a piece of the body; of a form with a fault there is nothing. */
static void
check_files(struct fh_request *rq, size_t field_count)
{
	size_t count, length;
	const struct fh_file *files = fh_files(rq, &count);
	const char *whole = fh_body(rq, &length);

	CHECK(fh_form_error(rq) == NULL || count + field_count == 0);
	CHECK(field_count <= FUZZ_FORM_FIELDS && count <= FUZZ_FORM_FILES);
	for (size_t i = 0; i < count; i++) {
		CHECK(files[i].length == 0 ||
		    files[i].data == whole + files[i].offset);
		CHECK(files[i].length == 0 || files[i].offset +
		    files[i].length <= input.body_length);
		CHECK(files[i].name[0] != '\0' &&
		    strchr(files[i].name, '/') == NULL);
		CHECK(strcmp(fh_file(rq, files[i].field)->field,
		    files[i].field) == 0);
	}
}

static void
check_form(struct fh_request *rq)
{
	const char *type = fh_header(rq, "content-type");
	size_t count;
	const struct fh_field *fields = fh_form_fields(rq, &count);

	if (type != NULL && strncasecmp(type, "multipart/form-data", 19) == 0)
		check_files(rq, count);
	else if (type == NULL || strncasecmp(type,
	    "application/x-www-form-urlencoded", 33) != 0)
		CHECK(count == 0);
	else if (type[33] == '\0' || type[33] == ';')
		check_urlencoded(rq, fields, count);
	for (size_t i = 0; i < count; i++)
		CHECK(fh_form(rq, fields[i].name) ==
		    first_of(fields, count, fields[i].name));
}

static void
check_cookies(struct fh_request *rq)
{
	size_t count;
	const struct fh_field *cookies = fh_cookies(rq, &count);

	if (fh_param(rq, "HTTP_COOKIE") == NULL)
		CHECK(count == 0);
	for (size_t i = 0; i < count; i++) {
		CHECK(cookies[i].value[cookies[i].length] == '\0');
		CHECK(memchr(cookies[i].value, ';', cookies[i].length) ==
		    NULL);
		CHECK(strcspn(cookies[i].name, "=;") ==
		    strlen(cookies[i].name));
		CHECK(fh_cookie(rq, cookies[i].name) ==
		    first_of(cookies, count, cookies[i].name));
	}
}

/* ------------------------------------------------- body and path */

static void
check_body(struct fh_request *rq)
{
	size_t length, n, step = 1;
	const uint8_t *bytes = fh_body(rq, &length);
	uint8_t piece[64];

	CHECK(length == input.body_length);
	CHECK(length == 0 || memcmp(bytes, body, length) == 0);
	for (size_t at = 0; at < length; at += n) {
		n = fh_read(rq, piece, step);
		CHECK(n > 0 && n <= step && n <= length - at);
		CHECK(memcmp(piece, body + at, n) == 0);
		step = step % sizeof(piece) + 1;
	}
	CHECK(fh_read(rq, piece, sizeof(piece)) == 0);
}

/* What json-c takes in its strict mode alone must not be less. */
static void
check_json(struct fh_request *rq)
{
	struct json_object *json = fh_json(rq);
	const char *why = fh_json_error(rq), *text;

	CHECK(json == NULL || why == NULL);
	CHECK(json == fh_json(rq));
	if (json == NULL && why == NULL)
		CHECK(input.body_length >= 4 &&
		    memmem(body, input.body_length, "null", 4) != NULL);
	if (json == NULL)
		return;
	text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN);
	CHECK(text != NULL && text[0] != '\0');
}

/* One that does not fit the route gets no handler, and is read all the same. */
static void
check_path(struct fh_request *rq)
{
	const char *path = fh_path(rq), *slash;
	const char *name = fh_path_param(rq, "name");
	const char *rest = fh_path_param(rq, "rest");

	CHECK(fh_path_param(rq, "other") == NULL);
	if (path[0] != '/' || (slash = strchr(path + 1, '/')) == NULL ||
	    slash == path + 1)
		return;
	CHECK(strlen(name) == (size_t)(slash - path - 1));
	CHECK(strncmp(path + 1, name, strlen(name)) == 0);
	CHECK(strcmp(slash + 1, rest) == 0);
}

static int
read_all(struct fh_request *rq)
{
	size_t count;
	const struct fh_field *params = fh_params(rq, &count);

	check_params(params, count);
	if (count <= 64)
		check_lookups(rq, params, count);
	check_query(rq);
	check_cookies(rq);
	check_form(rq);
	check_body(rq);
	check_json(rq);
	check_path(rq);
	CHECK(fh_method(rq) != NULL);
	CHECK(fh_fcgx(rq) != NULL);
	return fh_reply_text(rq, 200, "read\n");
}

/* The parameters in memory of exactly their size; the head tells how it is. */
static void
serve(const uint8_t *params, size_t length)
{
	const struct fuzz_reader reader = { .space = 65536 };
	uint8_t *copy = malloc(length + (length == 0));
	char *scratch = malloc(length + (length == 0));
	const struct fuzz_reply *reply;
	struct head head;

	CHECK(copy != NULL && scratch != NULL);
	memcpy(copy, params, length);
	input.params = copy;
	input.params_length = length;
	reply = fuzz_serve(read_all, input, &reader);
	fuzz_check_reply(reply, &reader);
	if (reply->result.status == 400)
		CHECK(length > 2 * FIELDS_MAX);
	else
		CHECK(reply->result.status == (head_scan(copy, length,
		    scratch, length, &head) == HEAD_OK ? 200 : 500));
	free(scratch);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	size_t length;

	if (size < 3)
		return 0;
	if (fd < 0)
		fd = memfd_create("fuzz_request", MFD_CLOEXEC);
	length = (size_t)data[1] << 8 | data[2];
	if (length > size - 3)
		length = size - 3;
	body = data + 3 + length;
	input = (struct api_input){ .body = body, .body_fd = -1,
	    .body_length = size - 3 - length };
	if ((data[0] & 1) != 0) {
		CHECK(ftruncate(fd, 0) == 0);
		CHECK(pwrite(fd, body, input.body_length, 0) ==
		    (ssize_t)input.body_length);
		input.body_fd = fd;
		input.body = NULL;
	}
	serve(data + 3, length);
	return 0;
}
