/*
 * sup_status_files.c - the part of the status that is about files and reloads.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: every file of the handler directory is shown once, with what
 * serves of it and, if that is not the file's own version, why not.
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "common/clock.h"
#include "supervisor/sup.h"
#include "supervisor/sup_json.h"

/* Not every refused file could be read. */
static const char *
none_if_empty(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static struct json_object *
refusal_status(const struct sup_refusal *refusal)
{
	struct json_object *object = json_object_new_object();

	sup_json_text(object, "sha256", none_if_empty(
	    refusal->version.sha256));
	sup_json_text(object, "build_id", none_if_empty(
	    refusal->version.build_id));
	sup_json_text(object, "reason", refusal->reason);
	sup_json_number(object, "at", (uint64_t)refusal->at);
	return object;
}

static void
add_version(struct json_object *object, const struct sup_file *file)
{
	const struct handler_version *version = &file->version;
	char shown[13];

	snprintf(shown, sizeof(shown), "%.12s", version->sha256);
	sup_json_text(object, "version", shown);
	sup_json_text(object, "sha256", version->sha256);
	sup_json_text(object, "build_id", version->build_id);
	sup_json_number(object, "size", version->size);
	sup_json_number(object, "since", (uint64_t)file->since_at);
	sup_json_number(object, "generation", file->since);
}

static const char *
state_of(const struct sup_file *file, const struct sup_refusal *refusal)
{
	if (refusal != NULL)
		return "serving-old";
	return file->held[0] != '\0' ? "held" : "serving";
}

static struct json_object *
file_status(const struct sup *sup, const struct sup_file *file)
{
	const struct sup_refusal *refusal = sup_refusals_find(sup,
	    file->version.name);
	struct json_object *object = json_object_new_object();
	bool serves = file->version.sha256[0] != '\0';

	sup_json_text(object, "file", file->version.name);
	if (serves) {
		sup_json_text(object, "state", state_of(file, refusal));
		add_version(object, file);
	} else {
		sup_json_text(object, "state", refusal != NULL ? "refused" :
		    "held");
		sup_json_text(object, "version", NULL);
	}
	if (refusal != NULL)
		json_object_object_add(object, "refused",
		    refusal_status(refusal));
	return object;
}

/* Nothing of that name serves. */
static struct json_object *
refused_file_status(const struct sup_refusal *refusal)
{
	struct json_object *object = json_object_new_object();

	sup_json_text(object, "file", refusal->version.name);
	sup_json_text(object, "state", "refused");
	sup_json_text(object, "version", NULL);
	json_object_object_add(object, "refused", refusal_status(refusal));
	return object;
}

static bool
is_in(const struct sup_manifest *manifest, const char *name)
{
	for (size_t i = 0; i < manifest->file_count; i++)
		if (strcmp(manifest->files[i].version.name, name) == 0)
			return true;
	return false;
}

void
sup_status_files(const struct sup *sup, struct json_object *root)
{
	static const struct sup_manifest none = { 0 };
	const struct sup_manifest *manifest = sup->serving == NULL ? &none :
	    &sup->serving->manifest;
	struct json_object *files = json_object_new_array();
	const struct sup_refusal *refusal;

	for (size_t i = 0; i < manifest->file_count; i++)
		json_object_array_add(files, file_status(sup,
		    &manifest->files[i]));
	LIST_FOREACH(refusal, &sup->refusals, link)
		if (!is_in(manifest, refusal->version.name))
			json_object_array_add(files,
			    refused_file_status(refusal));
	json_object_object_add(root, "files", files);
}

/* ------------------------------------------------------------------ reloads */

static uint64_t
connections_of(const struct sup_generation *generation)
{
	const struct sup_team *team = generation->teams;
	uint64_t connections = 0;

	for (; team != NULL; team = team->next)
		if (team->front.pid > 0)
			connections += atomic_load(&shm_front_stats(
			    team->shm)->connections);
	return connections;
}

static struct json_object *
generation_status(const struct sup_generation *generation)
{
	static const char *const states[] = { "starting", "serving",
	    "leaving" };
	struct json_object *object = json_object_new_object();

	sup_json_number(object, "number", generation->number);
	sup_json_text(object, "state", states[generation->state]);
	sup_json_number(object, "zygote", (uint64_t)generation->zygote);
	sup_json_number(object, "connections", connections_of(generation));
	sup_json_number(object, "age_ms", clock_now_ms() -
	    generation->started_ms);
	return object;
}

static const char *
watch_state(const struct sup *sup)
{
	if (sup->directory == NULL)
		return sup_config(sup)->watch ? "failed" : "off";
	return sup_directory_is_missing(sup->directory) ?
	    "directory missing" : "on";
}

void
sup_status_reloads(const struct sup *sup, struct json_object *root)
{
	struct json_object *live = json_object_new_array();
	struct json_object *reloads = json_object_new_object();
	const struct sup_generation *generation = sup->generations;

	for (; generation != NULL; generation = generation->older)
		json_object_array_add(live, generation_status(generation));
	json_object_object_add(root, "generations", live);
	sup_json_number(reloads, "count", sup->reload_count);
	sup_json_number(reloads, "refused", sup->refused_count);
	sup_json_text(reloads, "running", sup->reload.phase ==
	    SUP_RELOAD_NONE ? NULL :
	    sup_reload_phase_name(sup->reload.phase));
	sup_json_text(reloads, "watch", watch_state(sup));
	json_object_object_add(reloads, "last",
	    json_object_get(sup->last_outcome));
	json_object_object_add(root, "reloads", reloads);
}
