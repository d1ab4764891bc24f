/*
 * upload.c - takes bodies and forms of any size: length, SHA-256, and keeps
 * what comes in a folder.
 *
 * Teaches: a large body never lies on the heap.  Over `body_memory` it is in a
 *	spool file: fh_body() is a mapping of it, and the files of a form are
 *	parts of that.  fh_file_save() and fh_body_save() bring them to where
 *	they belong without a copy through this process.  What a form must have
 *	may be declared (album): the host then answers what is missing, too
 *	large or of another type, and serve() sees none of it.
 * Runs in: the workers.
 * Owns: what is in the folder that `set = { "folder=/srv/uploads" }` names;
 *	without one, nothing.  `write_paths` has to name it too.
 * Invariant: memory does not grow with the body, and what is in the folder is
 *	whole and was never overwritten.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>
#include <openssl/evp.h>

#include <fcgi-host/handler.h>

#define CHUNK	((size_t)1 << 20)

/* In pieces, so that a client that leaves does not keep us busy. */
static int
hash(struct fh_request *rq, EVP_MD_CTX *context, const char *bytes,
    size_t length, unsigned char digest[EVP_MAX_MD_SIZE])
{
	if (context == NULL ||
	    EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		return -1;
	for (size_t at = 0; at < length; at += CHUNK) {
		size_t left = length - at;

		if (fh_cancelled(rq) || EVP_DigestUpdate(context, bytes + at,
		    left < CHUNK ? left : CHUNK) != 1)
			return -1;
	}
	return EVP_DigestFinal_ex(context, digest, NULL) == 1 ? 0 : -1;
}

/* "bytes" and "sha256" of something; -1: not hashed. */
static int
describe(struct fh_request *rq, struct json_object *out, const void *bytes,
    size_t length)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[65];
	int rc = hash(rq, context, bytes, length, digest);

	EVP_MD_CTX_free(context);
	if (rc != 0)
		return -1;
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	json_object_object_add(out, "bytes",
	    json_object_new_int64((int64_t)length));
	json_object_object_add(out, "sha256", json_object_new_string(hex));
	return 0;
}

static int
fail(struct fh_request *rq, struct json_object *reply, const char *why)
{
	json_object_put(reply);
	if (fh_cancelled(rq))
		return fh_problem(rq, 504, "stopped: the time is up");
	return fh_problem(rq, 500, "%s", why);
}

/* ------------------------------------------------- a body */

static int
upload(struct fh_request *rq)
{
	size_t length;
	const char *body = fh_body(rq, &length);
	struct json_object *reply = json_object_new_object();

	if (describe(rq, reply, body, length) != 0)
		return fail(rq, reply, "the body was not hashed");
	json_object_object_add(reply, "spooled",
	    json_object_new_boolean(fh_body_fd(rq) >= 0));
	return fh_reply_json(rq, 200, reply);
}

/* Where it would be kept; NULL: there is no folder. */
static const char *
path_of(struct fh_request *rq, const char *name)
{
	const char *folder = fh_setting(rq, "folder");

	return folder == NULL ? NULL : fh_sprintf(rq, "%s/%s", folder, name);
}

/* A segment of a path has no slash, but it may be "..". */
static int
put(struct fh_request *rq)
{
	const char *name = fh_path_param(rq, "name");
	const char *path = path_of(rq, name);

	if (path == NULL)
		return fh_problem(rq, 503, "no folder is set to keep it in");
	if (name[0] == '.')
		return fh_problem(rq, 400, "a name does not begin with a dot");
	if (fh_body_save(rq, path) == 0)
		return fh_reply_text(rq, 201, "kept\n");
	if (errno == EEXIST)
		return fh_problem(rq, 409, "there is one of that name");
	return fail(rq, NULL, strerror(errno));
}

/* ------------------------------------------------- a form */

/* Of that form and that place in it: no two files meet. */
static int
keep(struct fh_request *rq, const struct fh_file *file, size_t number)
{
	const char *path = path_of(rq, fh_sprintf(rq, "%s-%zu-%s",
	    fh_request_id(rq), number, file->name));

	return path == NULL ? 0 : fh_file_save(rq, file, path);
}

static void
add_text(struct json_object *to, const char *key, const char *text)
{
	json_object_object_add(to, key, json_object_new_string(text));
}

static int
add_file(struct fh_request *rq, struct json_object *list,
    const struct fh_file *file, size_t number)
{
	struct json_object *entry = json_object_new_object();

	json_object_array_add(list, entry);
	add_text(entry, "field", file->field);
	add_text(entry, "filename", file->filename);
	add_text(entry, "name", file->name);
	add_text(entry, "type", file->type);
	if (describe(rq, entry, file->data, file->length) != 0)
		return -1;
	return keep(rq, file, number);
}

static int
form(struct fh_request *rq)
{
	size_t field_count, file_count;
	const struct fh_field *fields = fh_form_fields(rq, &field_count);
	const struct fh_file *files = fh_files(rq, &file_count);
	struct json_object *reply, *list;

	if (fh_form_error(rq) != NULL)
		return fh_form_problem(rq);
	reply = json_object_new_object();
	list = json_object_new_object();
	json_object_object_add(reply, "fields", list);
	for (size_t i = 0; i < field_count; i++)
		json_object_object_add(list, fields[i].name,
		    json_object_new_int64((int64_t)fields[i].length));
	list = json_object_new_array();
	json_object_object_add(reply, "files", list);
	for (size_t i = 0; i < file_count; i++) {
		if (add_file(rq, list, &files[i], i) != 0)
			return fail(rq, reply, strerror(errno));
	}
	json_object_object_add(reply, "spooled",
	    json_object_new_boolean(fh_body_fd(rq) >= 0));
	return fh_reply_json(rq, 200, reply);
}

/* ------------------------------------------------- a form that is declared */

struct album {
	const char			*title;
	const struct fh_file		*cover;		/* or NULL */
	FH_LIST(const struct fh_file *)	 photos;
};

static int
album(struct fh_request *rq)
{
	const struct album *in = fh_input(rq);
	struct json_object *reply = json_object_new_object();
	struct json_object *list = json_object_new_array();

	add_text(reply, "title", in->title);
	json_object_object_add(reply, "files", list);
	for (size_t i = 0; i < in->photos.count; i++) {
		if (add_file(rq, list, in->photos.at[i], i) != 0)
			return fail(rq, reply, strerror(errno));
	}
	if (in->cover != NULL &&
	    add_file(rq, list, in->cover, in->photos.count) != 0)
		return fail(rq, reply, strerror(errno));
	return fh_reply_json(rq, 200, reply);
}

#define PHOTO	.max_length = 8 << 20, .min_length = 1,			\
		.media_types = FH_MEDIA_TYPES("image/png", "image/jpeg")

FH_HANDLER(.name = "upload", .version = "2", .routes = FH_ROUTES(
	{ "POST", "/upload", .serve = upload, .async = true,
	    .summary = "length and SHA-256 of the body" },
	{ "PUT", "/upload/{name}", .serve = put, .async = true,
	    .summary = "keeps the body under that name" },
	{ "POST", "/upload/form", .serve = form, .async = true,
	    .summary = "fields, files and their SHA-256, of a form" },
	{ "POST", "/upload/album", .serve = album, .async = true,
	    .summary = "keeps up to ten photos of 8 MiB",
	    .inputs = FH_INPUTS_STRICT(struct album,
		{ FH_STRING(struct album, title), .in = FH_IN_FORM,
		    .required = true, .min_length = 1, .max_length = 100 },
		{ FH_FILE(struct album, cover), PHOTO },
		{ FH_ARRAY(struct album, photos), .required = true,
		    .max_length = 10, .items = FH_ITEMS(FH_ITEM(FILE), PHOTO),
		    .about = "PNG or JPEG" }) }));
