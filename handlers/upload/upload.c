/*
 * upload.c - takes a body of any size and tells its length and SHA-256.
 *
 * Teaches: a large body never lies on the heap.  Over `body_memory` it is in a
 *	spool file: fh_body() is a mapping of it, fh_body_fd() its descriptor.
 *	A real handler would copy_file_range() from there to where it belongs.
 * Runs in: the workers.
 * Owns: nothing.
 * Invariant: memory does not grow with the body.
 */
#include <stdio.h>

#include <json-c/json.h>
#include <openssl/evp.h>

#include <fcgi-host/handler.h>

#define CHUNK	((size_t)1 << 20)

/* In pieces, so that a client that leaves does not keep us busy. */
static int
hash_body(struct fh_request *rq, EVP_MD_CTX *context, const char *body,
    size_t length, unsigned char digest[EVP_MAX_MD_SIZE])
{
	if (context == NULL ||
	    EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		return -1;
	for (size_t at = 0; at < length; at += CHUNK) {
		size_t left = length - at;

		if (fh_cancelled(rq) || EVP_DigestUpdate(context, body + at,
		    left < CHUNK ? left : CHUNK) != 1)
			return -1;
	}
	return EVP_DigestFinal_ex(context, digest, NULL) == 1 ? 0 : -1;
}

static int
upload(struct fh_request *rq)
{
	size_t length;
	const char *body = fh_body(rq, &length);
	unsigned char digest[EVP_MAX_MD_SIZE];
	char hex[65];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct json_object *reply;
	int rc = hash_body(rq, context, body, length, digest);

	EVP_MD_CTX_free(context);
	if (fh_cancelled(rq))
		return fh_problem(rq, 504, "stopped: the time is up");
	if (rc != 0)
		return fh_problem(rq, 500, "the body was not hashed");
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);

	reply = json_object_new_object();
	json_object_object_add(reply, "bytes",
	    json_object_new_int64((int64_t)length));
	json_object_object_add(reply, "sha256", json_object_new_string(hex));
	json_object_object_add(reply, "spooled",
	    json_object_new_boolean(fh_body_fd(rq) >= 0));
	return fh_reply_json(rq, 200, reply);
}

FH_HANDLER(.name = "upload", .version = "1", .routes = FH_ROUTES(
	{ "POST", "/upload", .serve = upload, .async = true,
	    .summary = "length and SHA-256 of the body" }));
