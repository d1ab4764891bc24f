/*
 * sup_manifest.c - what a kept generation consists of, into JSON.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: a text that was made can be read again, and gives the same.
 */
#include "supervisor/sup_manifest.h"

#include <json-c/json.h>

#include <stdlib.h>
#include <string.h>

#define STYLE \
	(JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | \
	JSON_C_TO_STRING_NOSLASHESCAPE)

bool
sup_manifest_is_name(const char *name)
{
	size_t length = strlen(name);

	return length > 3 && length <= HANDLER_FILE_MAX && name[0] != '.' &&
	    strchr(name, '/') == NULL &&
	    strcmp(name + length - 3, ".so") == 0;
}

const char *
sup_manifest_kind(uint32_t kind)
{
	static const char *const names[] = {
		[CONFIG_MODEL_FILE] = "file",
		[CONFIG_MODEL_BUILD] = "build",
		[CONFIG_MODEL_PRELOAD] = "preload",
	};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}

/* ------------------------------------------------------------------ making */

static void
add_text(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

static void
add_number(struct json_object *object, const char *key, int64_t value)
{
	json_object_object_add(object, key, json_object_new_int64(value));
}

/* Device and inode numbers use all 64 bits on some file systems. */
static void
add_unsigned(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static struct json_object *
make_file(const struct sup_file *file)
{
	const struct handler_version *version = &file->version;
	struct json_object *object = json_object_new_object();

	add_text(object, "name", version->name);
	add_text(object, "sha256", version->sha256);
	add_text(object, "build_id", version->build_id);
	add_unsigned(object, "size", version->size);
	add_unsigned(object, "device", version->device);
	add_unsigned(object, "inode", version->inode);
	add_number(object, "mtime_ns", version->mtime_ns);
	add_number(object, "ctime_ns", version->ctime_ns);
	add_number(object, "since", file->since);
	add_number(object, "since_at", file->since_at);
	add_text(object, "held", file->held);
	return object;
}

static struct json_object *
make_model(const struct sup_kept_model *model)
{
	const char *kind = sup_manifest_kind(model->kind);
	struct json_object *object = json_object_new_object();

	add_text(object, "name", model->name);
	add_text(object, "sha256", model->sha256);
	add_unsigned(object, "bytes", model->bytes);
	add_text(object, "kind", kind == NULL ? "" : kind);
	return object;
}

static struct json_object *
make_root(const struct sup_manifest *manifest)
{
	struct json_object *root = json_object_new_object();
	struct json_object *files = json_object_new_array();
	struct json_object *models = json_object_new_array();

	add_number(root, "format", SUP_MANIFEST_FORMAT);
	add_number(root, "generation", manifest->number);
	add_number(root, "made_at", manifest->made_at);
	add_text(root, "trigger", manifest->trigger);
	add_number(root, "rolled_back_to", manifest->rolled_back_to);
	for (size_t i = 0; i < manifest->file_count; i++)
		json_object_array_add(files, make_file(&manifest->files[i]));
	json_object_object_add(root, "files", files);
	for (size_t i = 0; i < manifest->model_count; i++)
		json_object_array_add(models,
		    make_model(&manifest->models[i]));
	json_object_object_add(root, "models", models);
	return root;
}

static int
check(const char *text, size_t length, struct err *err)
{
	struct sup_manifest read_again;

	if (sup_manifest_parse(text, length, &read_again, err) < 0)
		return -1;
	sup_manifest_finish(&read_again);
	return 0;
}

char *
sup_manifest_format(const struct sup_manifest *manifest, size_t *length_out,
    struct err *err)
{
	struct json_object *root = make_root(manifest);
	const char *text = json_object_to_json_string_length(root, STYLE,
	    length_out);
	char *copy;

	if (text == NULL || (copy = malloc(*length_out + 2)) == NULL) {
		err_sys(err, "writing it");
		json_object_put(root);
		return NULL;
	}
	memcpy(copy, text, *length_out);
	memcpy(copy + *length_out, "\n", 2);
	++*length_out;
	json_object_put(root);
	if (check(copy, *length_out, err) < 0) {
		free(copy);
		return NULL;
	}
	return copy;
}

void
sup_manifest_finish(struct sup_manifest *manifest)
{
	free(manifest->files);
	free(manifest->models);
	memset(manifest, 0, sizeof(*manifest));
}
