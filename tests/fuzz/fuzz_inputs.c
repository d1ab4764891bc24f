/*
 * fuzz_inputs.c - any query, form or JSON body through declared inputs: what is
 * served is as declared, and every answer is valid JSON of bounded size.
 *
 * Input: a byte (0 query, 1 form, 2 JSON, 3 a form with files, in its two
 * lowest bits; 4: a small sync sink), then the text.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: serve() sees only values within their bounds; a 422 has errors,
 * each with a place, words and a type, in at most 200 entries and 64 KiB.
 */
#include "fuzz.h"
#include "fuzz_api.h"

#include <json-c/json.h>
#include <string.h>
#include <strings.h>

#include "schema/schema_private.h"
#include "wire/wire_params.h"
#include "wire/wire_text.h"

#define TEXT_MAX	((size_t)1 << 16)

struct inner {
	int64_t			 n;
	const char		*s;
};

struct all {
	bool			 boolean;
	int64_t			 integer;
	double			 number;
	const char		*string;
	struct fh_date		 date;
	struct fh_time		 time;
	struct fh_uuid		 uuid;
	struct fh_bytes		 bytes;
	int			 choice;
	FH_LIST(int64_t)	 list;
	struct inner		 one;
	FH_LIST(struct inner)	 many;
	const struct fh_file	*file;
	FH_LIST(const struct fh_file *)	 files;
};

static const struct fh_property inner_fields[] = {
	{ FH_INTEGER(struct inner, n), .min = "0", .required = true },
	{ FH_STRING(struct inner, s), .secret = true, .max_length = 3 },
	FH_END
};

#define SCALARS(IN)							\
	{ FH_BOOLEAN(struct all, boolean), .in = IN },			\
	{ FH_INTEGER(struct all, integer), .in = IN, .min = "-5",	\
	    .max = "1000" },						\
	{ FH_NUMBER(struct all, number), .in = IN, .above = "-1" },	\
	{ FH_STRING(struct all, string), .in = IN, .max_length = 9,	\
	    .pattern = "^(a|b+)*c?$" },					\
	{ FH_DATE(struct all, date), .in = IN, .min = "2000-02-29" },	\
	{ FH_DATE_TIME(struct all, time), .in = IN },			\
	{ FH_UUID(struct all, uuid), .in = IN },			\
	{ FH_BYTE(struct all, bytes), .in = IN, .max_length = 4 },	\
	{ FH_ENUM(struct all, choice), .in = IN,			\
	    .choices = FH_CHOICES("low", "high") },			\
	{ FH_ARRAY(struct all, list), .in = IN, .max_length = 4,	\
	    .items = FH_ITEMS(FH_ITEM(INTEGER), .max = "9") }

static const struct fh_property query_fields[] = {
	SCALARS(FH_IN_QUERY), FH_END
};
static const struct fh_property form_fields[] = {
	SCALARS(FH_IN_FORM), FH_END
};
static const struct fh_property file_fields[] = {
	SCALARS(FH_IN_FORM),
	{ FH_FILE(struct all, file), .max_length = 8, .media_types =
	    FH_MEDIA_TYPES("a/b", "text/*") },
	{ FH_ARRAY(struct all, files), .max_length = 2,
	    .items = FH_ITEMS(FH_ITEM(FILE), .min_length = 1) },
	FH_END
};
static const struct fh_property body_fields[] = {
	SCALARS(FH_IN_BODY),
	{ FH_OBJECT(struct all, one), .in = FH_IN_BODY,
	    .fields = inner_fields },
	{ FH_ARRAY(struct all, many), .in = FH_IN_BODY,
	    .items = FH_ITEMS(FH_ITEM_OBJECT(struct inner),
		.fields = inner_fields) },
	FH_END
};
static const struct fh_inputs declared[] = {
	{ sizeof(struct all), query_fields, true },
	{ sizeof(struct all), form_fields, true },
	{ sizeof(struct all), body_fields, true },
	{ sizeof(struct all), file_fields, true }
};
#define KINDS	4

/* ------------------------------------------------- what is served */

static void
check_scalars(const struct all *in)
{
	CHECK(in->integer >= -5 && in->integer <= 1000);
	CHECK(in->number > -1 || in->number == 0);
	CHECK(in->string == NULL || (strlen(in->string) <= 9 &&
	    wire_is_utf8(in->string, strlen(in->string))));
	CHECK(in->date.month <= 12 && in->date.day <= 31);
	CHECK(in->date.month == 0 || in->date.year >= 2000);
	CHECK(in->time.nanoseconds < 1000000000);
	CHECK(in->uuid.text[36] == '\0');
	CHECK(in->bytes.length <= 4 && in->choice >= -1 && in->choice <= 1);
}

static void
check_files(const struct all *in)
{
	CHECK(in->files.count <= 2);
	for (size_t i = 0; i < in->files.count; i++)
		CHECK(in->files.at[i]->length > 0 &&
		    strcmp(in->files.at[i]->field, "files") == 0);
	if (in->file == NULL)
		return;
	CHECK(in->file->length <= 8 && strcmp(in->file->field, "file") == 0);
	CHECK(strncasecmp(in->file->type, "a/b", 3) == 0 ||
	    strncasecmp(in->file->type, "text/", 5) == 0);
}

static int
serve(struct fh_request *rq)
{
	const struct all *in = fh_input(rq);

	CHECK(in != NULL);
	check_scalars(in);
	check_files(in);
	CHECK(in->list.count <= 4 && in->one.n >= 0);
	for (size_t i = 0; i < in->list.count; i++)
		CHECK(in->list.at[i] <= 9);
	for (size_t i = 0; i < in->many.count; i++) {
		CHECK(in->many.at[i].n >= 0);
		CHECK(in->many.at[i].s == NULL ||
		    strlen(in->many.at[i].s) <= 12);
	}
	return fh_reply_text(rq, 200, "fine");
}

/* ------------------------------------------------- what is refused */

static struct json_object *
parse_strictly(const char *text, size_t length)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *json;

	CHECK(tokener != NULL);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
	    JSON_TOKENER_ALLOW_TRAILING_CHARS | JSON_TOKENER_VALIDATE_UTF8);
	json = json_tokener_parse_ex(tokener, text, (int)length);
	CHECK(json != NULL);
	json_tokener_free(tokener);
	return json;
}

static void
check_errors(struct json_object *document)
{
	struct json_object *errors, *part;

	CHECK(json_object_object_get_ex(document, "errors", &errors));
	CHECK(json_object_array_length(errors) <= 200);
	for (size_t i = 0; i < json_object_array_length(errors); i++) {
		struct json_object *one = json_object_array_get_idx(errors, i);

		CHECK(json_object_object_get_ex(one, "loc", &part) &&
		    json_object_array_length(part) > 0);
		CHECK(json_object_object_get_ex(one, "msg", &part) &&
		    json_object_get_string_len(part) > 0);
		CHECK(json_object_object_get_ex(one, "type", &part) &&
		    json_object_get_string_len(part) > 0);
	}
}

static void
check_refusal(const struct fuzz_reply *reply)
{
	struct json_object *document = parse_strictly(reply->body,
	    reply->body_length);

	CHECK(reply->body_length <= 65536);
	CHECK(wire_is_utf8(reply->body, reply->body_length));
	if (reply->result.status == 422)
		check_errors(document);
	json_object_put(document);
}

/* ------------------------------------------------- the request */

static size_t
put(uint8_t *params, size_t at, const char *name, const char *value,
    size_t length)
{
	uint8_t *end = wire_params_put(params + at, params + TEXT_MAX + 512,
	    name, strlen(name), value, length);

	CHECK(end != NULL);
	return (size_t)(end - params);
}

static const struct schema *
schema_of(int kind)
{
	static struct schema *schemas[KINDS];
	static const struct fh_handler desc = {
		.inputs_size = sizeof(struct fh_inputs),
		.property_size = sizeof(struct fh_property)
	};
	const struct schema_source source = { .label = "GET /", .names = "",
	    .handler = &desc, .inputs = &declared[kind] };
	struct err err;

	if (schemas[kind] == NULL)
		schemas[kind] = schema_create(&source, &err);
	CHECK(schemas[kind] != NULL);
	return schemas[kind];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t params[TEXT_MAX + 512];
	static const char *const types[] = { "",
	    "application/x-www-form-urlencoded", "application/json",
	    "multipart/form-data; boundary=x" };
	const char *text = (const char *)data + 1;
	struct api_input input = { .params = params, .body_fd = -1 };
	struct fuzz_reader reader = { .space = 65536, .streams = true };
	const struct fuzz_reply *reply;
	size_t at;
	int kind;

	if (size == 0 || size > TEXT_MAX)
		return 0;
	kind = data[0] & 3;
	if (data[0] & 4)
		reader = (struct fuzz_reader){ .space = 4096 };
	at = put(params, 0, "REQUEST_METHOD", "GET", 3);
	at = put(params, at, "CONTENT_TYPE", types[kind],
	    strlen(types[kind]));
	if (kind == 0)
		at = put(params, at, "QUERY_STRING", text, size - 1);
	input.params_length = at;
	input.body = text;
	input.body_length = kind == 0 ? 0 : size - 1;
	fuzz_declare(schema_of(kind));
	reply = fuzz_serve(serve, input, &reader);
	fuzz_declare(NULL);
	fuzz_check_reply(reply, &reader);
	CHECK(reply->result.status == 200 || reply->result.status == 400 ||
	    reply->result.status == 413 || reply->result.status == 422);
	if (reply->result.status != 200)
		check_refusal(reply);
	return 0;
}
