/*
 * model_alone.c - models for one process, which shares them with nobody.
 *
 * Runs in: `call`, `cgi`, the child of `check --full`, and tests of handlers.
 * Owns: the mappings, until model_alone_close(); the table, to the end.
 * Invariant: only what the request can ask for is loaded; a file is mapped
 * where it lies, so that it costs no more than what is read of it.
 */
#include "model/model_alone.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/model.h"
#include "model/model_source.h"

struct model_alone_memory {
	struct model_image	 image;
	void			*data;	/* mapped; NULL: nothing */
	size_t			 mapped;
};

static int
compare_hash(const struct config_model *config, struct model_source *source,
    char out[HASH_TEXT], struct err *err)
{
	if (config->sha256 == NULL)
		return 0;
	if (model_source_hash(source, out, err) < 0)
		return -1;
	if (strcasecmp(out, config->sha256) != 0)
		return err_set(err, "its SHA-256 is %s, not %s", out,
		    config->sha256);
	return 0;
}

static int
map_file(const struct config_model *config, struct model_alone_memory *memory,
    struct fh_model *out, struct err *err)
{
	struct model_source source;
	int rc;

	if (model_source_open(config->path, &source, err) < 0)
		return -1;
	rc = compare_hash(config, &source, memory->image.sha256, err);
	memory->mapped = source.identity.size;
	if (rc == 0)
		memory->data = mmap(NULL, memory->mapped, PROT_READ,
		    MAP_PRIVATE, source.fd, 0);
	model_source_close(&source);
	if (rc == 0 && memory->data == MAP_FAILED) {
		memory->data = NULL;
		rc = err_sys(err, "%s cannot be mapped", config->path);
	}
	out->data = memory->data;
	out->root = memory->data;
	out->length = memory->mapped;
	return rc;
}

/* Room for a model at an address that this process has free: under valgrind
 * the usual one may be out of reach. */
static uint64_t
free_address(uint64_t usual)
{
	size_t size = MODEL_ADDRESS_STEP;
	void *at;

	for (; size >= (1U << 30); size /= 4) {
		at = mmap((void *)(uintptr_t)usual, size, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (at != MAP_FAILED) {
			munmap(at, size);
			return (uint64_t)(uintptr_t)at;
		}
	}
	return usual;
}

static int
build(const struct config_model *config, const struct fh_model_def *def,
    const struct handler *maker, uint64_t usual,
    struct model_alone_memory *memory, struct fh_model *out, struct err *err)
{
	int fd, rc;

	handler_watched(maker->file);
	rc = model_load(config, def, free_address(usual), &memory->image, &fd,
	    err);
	handler_watched("");
	if (rc < 0)
		return -1;
	rc = model_map(&memory->image, fd, out, err);
	close(fd);
	if (rc < 0)
		return -1;
	memory->data = (void *)(uintptr_t)out->data;
	memory->mapped = memory->image.mapped;
	return 0;
}

/* 1: loaded.  0: not this one.  -1: not to be had. */
static int
open_one(struct model_alone *alone, const struct handler *handler,
    size_t index, struct fh_model *out, struct err *err)
{
	const struct config_model *config = &alone->config->models[index];
	struct model_alone_memory *memory = &alone->memory[index];
	const struct handler *maker = NULL;
	const struct fh_model_def *def = handler_set_model_def(alone->set,
	    config->name, &maker);
	int rc = -1;

	err_set(err, "no handler makes it");
	memset(out, 0, sizeof(*out));
	if (config->kind == CONFIG_MODEL_FILE)
		rc = map_file(config, memory, out, err);
	else if (handler != NULL && maker != NULL && maker != handler)
		return 0;
	else if (config->kind == CONFIG_MODEL_BUILD && def != NULL)
		rc = build(config, def, maker, MODEL_ADDRESS_BASE + index *
		    MODEL_ADDRESS_STEP, memory, out, err);
	else if (config->kind == CONFIG_MODEL_PRELOAD && def != NULL)
		rc = 0;		/* handler_set_preload() makes it */
	out->name = config->name;
	out->version = 1;
	out->sha256 = memory->image.sha256;
	return rc < 0 ? -1 : 1;
}

int
model_alone_open(struct model_alone *alone, const struct handler *handler,
    model_alone_report *report, void *context)
{
	size_t count = alone->none ? 0 : alone->config->model_count, loaded = 0;

	alone->models = calloc(count + 1, sizeof(*alone->models));
	alone->memory = calloc(count + 1, sizeof(*alone->memory));
	alone->count = count;
	if (alone->models == NULL || alone->memory == NULL)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct err err;
		int rc = open_one(alone, handler, i, &alone->models[loaded],
		    &err);

		if (rc < 0)
			report(context, &alone->config->models[i], err.text);
		else
			loaded += (size_t)rc;
	}
	handler_set_models(alone->set, alone->models, loaded);
	return 0;
}

/* What a preload function made lives as long as the process, and so does the
 * table that points to it. */
static struct kept {
	struct kept	*next;
	struct fh_model	*models;
} *volatile kept_tables;

static void
keep_or_free(struct model_alone *alone)
{
	struct kept *kept;
	bool made = false;

	for (size_t i = 0; i < alone->config->model_count; i++)
		made |= alone->config->models[i].kind == CONFIG_MODEL_PRELOAD;
	if (!made) {
		free(alone->models);
		return;
	}
	kept = malloc(sizeof(*kept));
	if (kept == NULL)
		return;
	*kept = (struct kept){ kept_tables, alone->models };
	kept_tables = kept;
}

void
model_alone_close(struct model_alone *alone)
{
	for (size_t i = 0; alone->memory != NULL && i < alone->count; i++) {
		struct model_alone_memory *memory = &alone->memory[i];

		if (memory->data != NULL)
			munmap(memory->data, memory->mapped);
	}
	free(alone->memory);
	if (alone->models != NULL)
		keep_or_free(alone);
	alone->memory = NULL;
	alone->models = NULL;
}
