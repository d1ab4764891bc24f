/*
 * sup_manifest_parse.c - what a kept generation consists of, from its JSON.
 *
 * Runs in: supervisor.
 * Owns: nothing; the arrays are the caller's.
 * Invariant: whatever the text says, a manifest that was accepted has only
 * values that could have been written, and each text in it ends.
 */
#include "supervisor/sup_manifest.h"

#include <json-c/json.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX	8	/* of arrays and objects in each other */

/* An object, and what a sentence calls it. */
struct place {
	struct json_object	*object;
	char			 name[32];	/* "files[3]." */
	struct err		*err;
};

/* ------------------------------------------------------------ one field */

static int
fault(const struct place *place, const char *key, const char *what)
{
	return err_set(place->err, "%s%s: %s", place->name, key, what);
}

static int
find(const struct place *place, const char *key, enum json_type type,
    struct json_object **out)
{
	if (!json_object_object_get_ex(place->object, key, out))
		return fault(place, key, "is missing");
	if (!json_object_is_type(*out, type))
		return fault(place, key, type == json_type_int ?
		    "is not a whole number" : type == json_type_string ?
		    "is not a string" : "is not an array");
	return 0;
}

static int
read_number(const struct place *place, const char *key, int64_t least,
    int64_t most, int64_t *out)
{
	struct json_object *value;

	if (find(place, key, json_type_int, &value) < 0)
		return -1;
	*out = json_object_get_int64(value);
	if (*out < least || *out > most)
		return fault(place, key, "is out of range");
	return 0;
}

static int
read_unsigned(const struct place *place, const char *key, uint64_t *out)
{
	struct json_object *value;

	if (find(place, key, json_type_int, &value) < 0)
		return -1;
	if (json_object_get_int64(value) < 0)
		return fault(place, key, "is out of range");
	*out = json_object_get_uint64(value);
	return 0;
}

static int
read_generation(const struct place *place, const char *key, uint32_t least,
    uint32_t most, uint32_t *out)
{
	int64_t value;

	if (read_number(place, key, least, most, &value) < 0)
		return -1;
	*out = (uint32_t)value;
	return 0;
}

static int
read_text(const struct place *place, const char *key, char *out, size_t size)
{
	struct json_object *value;
	size_t length;

	if (find(place, key, json_type_string, &value) < 0)
		return -1;
	length = (size_t)json_object_get_string_len(value);
	if (length >= size)
		return fault(place, key, "is too long");
	if (memchr(json_object_get_string(value), '\0', length) != NULL)
		return fault(place, key, "has a NUL in it");
	memcpy(out, json_object_get_string(value), length + 1);
	return 0;
}

/* Something, without control characters: it is printed as it is. */
static int
read_words(const struct place *place, const char *key, char *out, size_t size)
{
	if (read_text(place, key, out, size) < 0)
		return -1;
	if (out[0] == '\0')
		return fault(place, key, "is empty");
	for (const char *c = out; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return fault(place, key, "has a control character");
	return 0;
}

static bool
is_hex(const char *text)
{
	return text[strspn(text, "0123456789abcdef")] == '\0';
}

/* 64 hexadecimal digits, or none. */
static int
read_sha256(const struct place *place, const char *key, char out[65])
{
	if (read_text(place, key, out, 65) < 0)
		return -1;
	if ((out[0] != '\0' && strlen(out) != 64) || !is_hex(out))
		return fault(place, key, "is not 64 hexadecimal digits");
	return 0;
}

/* ------------------------------------------------------------- one file */

static int
read_name(const struct place *place, char out[HANDLER_FILE_MAX + 1])
{
	if (read_text(place, "name", out, HANDLER_FILE_MAX + 1) < 0)
		return -1;
	if (!sup_manifest_is_name(out))
		return fault(place, "name", "is not the name of a handler's "
		    "file");
	return 0;
}

static int
read_build_id(const struct place *place, char out[41])
{
	if (read_text(place, "build_id", out, 41) < 0)
		return -1;
	if (strlen(out) % 2 != 0 || !is_hex(out))
		return fault(place, "build_id", "is not hexadecimal");
	return 0;
}

/* What the file was copied from. */
static int
read_source(const struct place *place, struct handler_version *out)
{
	int64_t size = 0;

	if (read_number(place, "size", 0, INT64_MAX, &size) < 0 ||
	    read_unsigned(place, "device", &out->device) < 0 ||
	    read_unsigned(place, "inode", &out->inode) < 0 ||
	    read_number(place, "mtime_ns", INT64_MIN, INT64_MAX,
	    &out->mtime_ns) < 0 ||
	    read_number(place, "ctime_ns", INT64_MIN, INT64_MAX,
	    &out->ctime_ns) < 0)
		return -1;
	out->size = (uint64_t)size;
	return 0;
}

static int
read_file(const struct place *place, struct sup_manifest *manifest)
{
	struct sup_file *file = &manifest->files[manifest->file_count];

	if (read_name(place, file->version.name) < 0 ||
	    read_sha256(place, "sha256", file->version.sha256) < 0 ||
	    read_build_id(place, file->version.build_id) < 0 ||
	    read_source(place, &file->version) < 0 ||
	    read_generation(place, "since", 0, manifest->number,
	    &file->since) < 0 ||
	    read_number(place, "since_at", 0, INT64_MAX,
	    &file->since_at) < 0 ||
	    read_sha256(place, "held", file->held) < 0)
		return -1;
	if (file->version.sha256[0] == '\0' && file->held[0] == '\0')
		return fault(place, "sha256", "is empty, and nothing is held");
	for (size_t i = 0; i < manifest->file_count; i++)
		if (strcmp(manifest->files[i].version.name,
		    file->version.name) == 0)
			return fault(place, "name", "is there twice");
	manifest->file_count++;
	return 0;
}

/* ------------------------------------------------------------ one model */

static int
read_kind(const struct place *place, uint32_t *out)
{
	char kind[16];

	if (read_text(place, "kind", kind, sizeof(kind)) < 0)
		return -1;
	for (*out = 0; sup_manifest_kind(*out) != NULL; ++*out)
		if (strcmp(kind, sup_manifest_kind(*out)) == 0)
			return 0;
	return fault(place, "kind", "is not a kind of model");
}

static int
read_model(const struct place *place, struct sup_manifest *manifest)
{
	struct sup_kept_model *model = &manifest->models[manifest->model_count];

	if (read_words(place, "name", model->name, sizeof(model->name)) < 0 ||
	    read_sha256(place, "sha256", model->sha256) < 0 ||
	    read_unsigned(place, "bytes", &model->bytes) < 0 ||
	    read_kind(place, &model->kind) < 0)
		return -1;
	for (size_t i = 0; i < manifest->model_count; i++)
		if (strcmp(manifest->models[i].name, model->name) == 0)
			return fault(place, "name", "is there twice");
	manifest->model_count++;
	return 0;
}

/* ----------------------------------------------------------- all of it */

typedef int	read_element(const struct place *, struct sup_manifest *);

static int
find_array(const struct place *root, const char *key, size_t most,
    struct json_object **array_out)
{
	if (find(root, key, json_type_array, array_out) < 0)
		return -1;
	if (json_object_array_length(*array_out) > most)
		return fault(root, key, "has too many elements");
	return 0;
}

static int
read_elements(struct json_object *array, const char *key,
    read_element *read_one, struct sup_manifest *out, struct err *err)
{
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct place place = { .err = err,
			.object = json_object_array_get_idx(array, i) };

		snprintf(place.name, sizeof(place.name), "%s[%zu].", key, i);
		if (!json_object_is_type(place.object, json_type_object))
			return err_set(err, "%s[%zu]: is not an object", key,
			    i);
		if (read_one(&place, out) < 0)
			return -1;
	}
	return 0;
}

static int
read_arrays(const struct place *root, struct sup_manifest *out)
{
	struct json_object *files, *models;

	if (find_array(root, "files", SUP_MANIFEST_FILES, &files) < 0 ||
	    find_array(root, "models", SUP_MANIFEST_MODELS, &models) < 0)
		return -1;
	out->files = calloc(json_object_array_length(files) + 1,
	    sizeof(out->files[0]));
	out->models = calloc(json_object_array_length(models) + 1,
	    sizeof(out->models[0]));
	if (out->files == NULL || out->models == NULL)
		return err_sys(root->err, "reading it");
	if (read_elements(files, "files", read_file, out, root->err) < 0 ||
	    read_elements(models, "models", read_model, out, root->err) < 0)
		return -1;
	return 0;
}

static int
read_root(const struct place *root, struct sup_manifest *out)
{
	int64_t format;

	if (!json_object_is_type(root->object, json_type_object))
		return err_set(root->err, "is not an object");
	if (read_number(root, "format", SUP_MANIFEST_FORMAT,
	    SUP_MANIFEST_FORMAT, &format) < 0 ||
	    read_generation(root, "generation", 1, UINT32_MAX,
	    &out->number) < 0 ||
	    read_number(root, "made_at", 0, INT64_MAX, &out->made_at) < 0 ||
	    read_words(root, "trigger", out->trigger,
	    sizeof(out->trigger)) < 0 ||
	    read_generation(root, "rolled_back_to", 0, out->number - 1,
	    &out->rolled_back_to) < 0)
		return -1;
	return read_arrays(root, out);
}

/* NULL, and why, for what is not JSON from its first byte to its last. */
static struct json_object *
read_json(const char *text, size_t length, struct err *err)
{
	struct json_tokener *tokener;
	struct json_object *object = NULL;
	const char *why;

	if (length == 0 || length > SUP_MANIFEST_MAX) {
		err_set(err, "has %zu bytes, a manifest has 1 to %d", length,
		    SUP_MANIFEST_MAX);
		return NULL;
	}
	if (memchr(text, '\0', length) != NULL) {
		err_set(err, "is not JSON: there is a NUL in it");
		return NULL;
	}
	if ((tokener = json_tokener_new_ex(DEPTH_MAX)) == NULL) {
		err_sys(err, "reading it");
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	object = json_tokener_parse_ex(tokener, text, (int)length);
	why = json_tokener_get_error(tokener) == json_tokener_continue ?
	    "it ends too early" :
	    json_tokener_error_desc(json_tokener_get_error(tokener));
	if (object == NULL)
		err_set(err, "is not JSON, at byte %zu: %s",
		    json_tokener_get_parse_end(tokener), why);
	json_tokener_free(tokener);
	return object;
}

int
sup_manifest_parse(const char *text, size_t length, struct sup_manifest *out,
    struct err *err)
{
	struct place root = { .err = err };
	int rc;

	memset(out, 0, sizeof(*out));
	root.object = read_json(text, length, err);
	if (root.object == NULL)
		return -1;
	rc = read_root(&root, out);
	if (rc < 0)
		sup_manifest_finish(out);
	json_object_put(root.object);
	return rc;
}
