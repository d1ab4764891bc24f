/*
 * fuzz_manifest.c - any bytes as the manifest of a kept generation.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: what is accepted has only values that could have been written,
 * and is the same after it was written and read again; else there is a reason
 * and nothing else.
 */
#include "fuzz.h"

#include <string.h>

#include "supervisor/sup_manifest.h"

static void
check_sha256(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	CHECK(length == 0 || length == 64);
	CHECK(strspn(text, "0123456789abcdef") == length);
}

static void
check_file(const struct sup_file *file, uint32_t number)
{
	const char *name = file->version.name;

	CHECK(strnlen(name, sizeof(file->version.name)) <= HANDLER_FILE_MAX);
	CHECK(strchr(name, '/') == NULL && name[0] != '.');
	CHECK(strcmp(name + strlen(name) - 3, ".so") == 0);
	check_sha256(file->version.sha256, sizeof(file->version.sha256));
	check_sha256(file->held, sizeof(file->held));
	CHECK(file->version.sha256[0] != '\0' || file->held[0] != '\0');
	CHECK(strnlen(file->version.build_id, 41) <= 40);
	CHECK(file->version.size <= INT64_MAX);
	CHECK(file->since <= number && file->since_at >= 0);
}

static void
check_manifest(const struct sup_manifest *manifest)
{
	CHECK(manifest->number > 0 && manifest->made_at >= 0);
	CHECK(manifest->rolled_back_to < manifest->number);
	CHECK(strnlen(manifest->trigger, sizeof(manifest->trigger)) <=
	    SUP_TRIGGER_MAX);
	CHECK(manifest->file_count <= SUP_MANIFEST_FILES);
	CHECK(manifest->model_count <= SUP_MANIFEST_MODELS);
	for (size_t i = 0; i < manifest->file_count; i++)
		check_file(&manifest->files[i], manifest->number);
	for (size_t i = 0; i < manifest->model_count; i++) {
		CHECK(strnlen(manifest->models[i].name, 64) <= CONFIG_NAME_MAX);
		check_sha256(manifest->models[i].sha256, 65);
		CHECK(sup_manifest_kind(manifest->models[i].kind) != NULL);
	}
}

/* Written, and read again. */
static void
check_again(const struct sup_manifest *manifest)
{
	struct sup_manifest again;
	struct err err;
	size_t length;
	char *text = sup_manifest_format(manifest, &length, &err);

	CHECK(text != NULL || strstr(err.text, "bytes") != NULL);
	if (text == NULL)
		return;
	CHECK(strlen(text) == length);
	CHECK(sup_manifest_parse(text, length, &again, &err) == 0);
	CHECK(again.number == manifest->number);
	CHECK(again.made_at == manifest->made_at);
	CHECK(again.rolled_back_to == manifest->rolled_back_to);
	CHECK(strcmp(again.trigger, manifest->trigger) == 0);
	CHECK(again.file_count == manifest->file_count);
	CHECK(memcmp(again.files, manifest->files, again.file_count *
	    sizeof(again.files[0])) == 0);
	CHECK(again.model_count == manifest->model_count);
	CHECK(memcmp(again.models, manifest->models, again.model_count *
	    sizeof(again.models[0])) == 0);
	sup_manifest_finish(&again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sup_manifest empty = { 0 };
	struct sup_manifest manifest;
	struct err err = { "" };
	int rc = sup_manifest_parse((const char *)data, size, &manifest, &err);

	CHECK((rc < 0) == (err.text[0] != '\0'));
	if (rc < 0) {
		CHECK(memcmp(&manifest, &empty, sizeof(empty)) == 0);
		return 0;
	}
	check_manifest(&manifest);
	check_again(&manifest);
	sup_manifest_finish(&manifest);
	CHECK(memcmp(&manifest, &empty, sizeof(empty)) == 0);
	return 0;
}
