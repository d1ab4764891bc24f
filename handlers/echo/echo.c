/*
 * echo.c - tells a client what it sent, as JSON.
 *
 * Teaches: everything a request consists of, and building a JSON reply.
 * Runs in: the front.
 * Owns: nothing.
 * Invariant: the reply is valid JSON whatever bytes came in; bytes that are
 * not UTF-8 are shown as '?'.
 */
#include <ctype.h>
#include <string.h>

#include <json-c/json.h>

#include <fcgi-host/handler.h>

#define BODY_MAX	((size_t)1 << 20)

/* The length of the UTF-8 sequence at `s`, 0 if it is none (RFC 3629). */
static size_t
utf8_length(const unsigned char *s, size_t left)
{
	size_t length = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 :
	    s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;

	if (length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ||
	    (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
		return 0;
	return length;
}

static struct json_object *
string(struct fh_request *rq, const void *bytes, size_t length)
{
	char *text = fh_alloc(rq, length + 1);
	size_t at = 0, step;

	if (text == NULL)
		return json_object_new_string("(out of memory)");
	memcpy(text, bytes, length);
	while (at < length) {
		step = utf8_length((unsigned char *)text + at, length - at);
		if (step == 0)
			text[at] = '?';
		at += step == 0 ? 1 : step;
	}
	return json_object_new_string_len(text, (int)length);
}

/* A name that comes twice gets a list of its values. */
static void
put(struct fh_request *rq, struct json_object *object, const char *raw_name,
    const char *bytes, size_t length)
{
	struct json_object *name = string(rq, raw_name, strlen(raw_name));
	struct json_object *value = string(rq, bytes, length), *old, *list;
	const char *key = json_object_get_string(name);

	if (!json_object_object_get_ex(object, key, &old)) {
		json_object_object_add(object, key, value);
	} else if (json_object_is_type(old, json_type_array)) {
		json_object_array_add(old, value);
	} else {
		list = json_object_new_array();
		json_object_array_add(list, json_object_get(old));
		json_object_array_add(list, value);
		json_object_object_add(object, key, list);
	}
	json_object_put(name);
}

static struct json_object *
fields(struct fh_request *rq, const struct fh_field *field, size_t count)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < count; i++)
		put(rq, object, field[i].name, field[i].value,
		    field[i].length);
	return object;
}

/* HTTP_ACCEPT_LANGUAGE -> "accept-language" (RFC 3875, 4.1.18) */
static struct json_object *
headers(struct fh_request *rq, const struct fh_field *field, size_t count)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < count; i++) {
		const char *from = field[i].name;
		char *name;

		if (strncmp(from, "HTTP_", 5) == 0)
			from += 5;
		else if (strcmp(from, "CONTENT_TYPE") != 0 &&
		    strcmp(from, "CONTENT_LENGTH") != 0)
			continue;
		if ((name = fh_strdup(rq, from)) == NULL)
			continue;
		for (char *c = name; *c != '\0'; c++)
			*c = *c == '_' ? '-' :
			    (char)tolower((unsigned char)*c);
		put(rq, object, name, field[i].value, field[i].length);
	}
	return object;
}

static int
echo(struct fh_request *rq)
{
	const struct fh_field *params, *query, *form, *cookies;
	size_t param_count, query_count, form_count, cookie_count, length;
	const void *body = fh_body(rq, &length);
	struct json_object *reply;

	if (length > BODY_MAX)
		return fh_problem(rq, 413, "/echo takes bodies up to %zu "
		    "bytes; this one has %zu", BODY_MAX, length);
	params = fh_params(rq, &param_count);
	query = fh_query_fields(rq, &query_count);
	form = fh_form_fields(rq, &form_count);
	cookies = fh_cookies(rq, &cookie_count);
	if (fh_form_error(rq) != NULL)
		return fh_form_problem(rq);

	reply = json_object_new_object();
	put(rq, reply, "method", fh_method(rq), strlen(fh_method(rq)));
	put(rq, reply, "path", fh_path(rq), strlen(fh_path(rq)));
	put(rq, reply, "query_string", fh_query_string(rq),
	    strlen(fh_query_string(rq)));
	put(rq, reply, "request_id", fh_request_id(rq),
	    strlen(fh_request_id(rq)));
	json_object_object_add(reply, "query", fields(rq, query, query_count));
	json_object_object_add(reply, "headers",
	    headers(rq, params, param_count));
	json_object_object_add(reply, "cookies",
	    fields(rq, cookies, cookie_count));
	json_object_object_add(reply, "form", fields(rq, form, form_count));
	json_object_object_add(reply, "body", string(rq, body, length));
	json_object_object_add(reply, "body_length",
	    json_object_new_int64((int64_t)length));
	json_object_object_add(reply, "params",
	    fields(rq, params, param_count));
	return fh_reply_json(rq, 200, reply);
}

FH_HANDLER(.name = "echo", .version = "1", .routes = FH_ROUTES(
	{ "GET POST", "/echo", .serve = echo,
	    .summary = "what the client sent, as JSON" }));
