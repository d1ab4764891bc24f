/*
 * sup_kept.c - the list of generations that are kept.
 *
 * Runs in: supervisor, for a control connection.
 * Owns: nothing; reads the store.
 * Invariant: shows what a rollback can go to, and nothing else.
 */
#include <json-c/json.h>

#include <stdlib.h>

#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_json.h"

static const char *
state_of(const struct sup *sup, uint32_t number)
{
	const struct sup_generation *generation = sup->generations;

	for (; generation != NULL; generation = generation->older)
		if (generation->number == number)
			return generation == sup->serving ? "serving" :
			    "leaving";
	return "kept";
}

static struct json_object *
file_json(const struct sup_file *file)
{
	struct json_object *object = json_object_new_object();

	sup_json_text(object, "file", file->version.name);
	sup_json_text(object, "build_id", file->version.build_id);
	sup_json_text(object, "sha256", file->version.sha256);
	sup_json_number(object, "size", file->version.size);
	sup_json_number(object, "since", file->since);
	sup_json_number(object, "since_at", (uint64_t)file->since_at);
	return object;
}

static struct json_object *
model_json(const struct sup_kept_model *model)
{
	struct json_object *object = json_object_new_object();

	sup_json_text(object, "name", model->name);
	sup_json_text(object, "sha256", model->sha256);
	sup_json_number(object, "bytes", model->bytes);
	return object;
}

static struct json_object *
kept_json(const struct sup *sup, const struct sup_manifest *manifest)
{
	struct json_object *object = json_object_new_object();
	struct json_object *files = json_object_new_array();
	struct json_object *models = json_object_new_array();

	sup_json_number(object, "number", manifest->number);
	sup_json_number(object, "made_at", (uint64_t)manifest->made_at);
	sup_json_text(object, "trigger", manifest->trigger);
	if (manifest->rolled_back_to != 0)
		sup_json_number(object, "rolled_back_to",
		    manifest->rolled_back_to);
	sup_json_text(object, "state", state_of(sup, manifest->number));
	for (size_t i = 0; i < manifest->file_count; i++)
		if (manifest->files[i].version.sha256[0] != '\0')
			json_object_array_add(files,
			    file_json(&manifest->files[i]));
	for (size_t i = 0; i < manifest->model_count; i++)
		json_object_array_add(models,
		    model_json(&manifest->models[i]));
	json_object_object_add(object, "files", files);
	json_object_object_add(object, "models", models);
	return object;
}

static void
add_kept(struct sup *sup, struct json_object *list)
{
	struct sup_manifest manifest;
	uint32_t *numbers;
	size_t count;
	struct err err;

	if (sup_store_list(sup->store, &numbers, &count, &err) < 0) {
		log_warnx("%s", err.text);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (sup_store_read(sup->store, numbers[i], &manifest,
		    &err) < 0)
			continue;
		json_object_array_add(list, kept_json(sup, &manifest));
		sup_manifest_finish(&manifest);
	}
	free(numbers);
}

char *
sup_kept_json(struct sup *sup)
{
	struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_array();
	char *text;

	add_kept(sup, list);
	json_object_object_add(root, "generations", list);
	text = sup_json_print(root);
	json_object_put(root);
	return text;
}
