/*
 * model_load.c - brings one model into sealed shared memory.
 *
 * Runs in: loader (and in `fcgi-host call`, which has no other process).
 * Owns: the memory until it is sealed, then nothing.
 * Invariant: what is handed out is sealed, and made of exactly the bytes whose
 * SHA-256 is in the image.
 */
#include "model/model.h"

#include <sys/mman.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/clock.h"
#include "model/model_arena.h"
#include "model/model_memory.h"
#include "model/model_source.h"

static int
check_expected(const struct config_model *config, const char *sha256,
    struct err *err)
{
	if (config->sha256 == NULL || config->sha256[0] == '\0' ||
	    strcasecmp(config->sha256, sha256) == 0)
		return 0;
	return err_set(err, "%s has SHA-256 %s, but sha256 says %s",
	    config->path, sha256, config->sha256);
}

/* ------------------------------------------------------------ kind = file */

static int
load_file(const struct config_model *config, const struct model_source *source,
    struct model_image *image, int *fd_out, struct err *err)
{
	struct model_memory memory;
	size_t mapped = 0, size = (size_t)source->identity.size;

	if (source->identity.size > MODEL_ADDRESS_STEP)
		return err_set(err, "%s has %" PRIu64 " bytes; a model can "
		    "have 64 GiB at most", config->path,
		    source->identity.size);
	if (model_memory_create(config->name, size, image->address,
	    config->hugepages == CONFIG_PAGES_TRY ? MODEL_PAGES_RESERVED :
	    MODEL_PAGES_NORMAL, &memory, err) != 0)
		return -1;
	if (model_source_copy(source, &memory, image->sha256, err) != 0 ||
	    check_expected(config, image->sha256, err) != 0) {
		model_memory_destroy(&memory);
		return -1;
	}
	image->huge = model_memory_is_huge(&memory);
	if (model_memory_seal(&memory, size, &mapped, fd_out, err) != 0)
		return -1;
	image->length = size;
	image->mapped = mapped;
	return 0;
}

/* ----------------------------------------------------------- kind = build */

/* The most the arena may hold: the configuration's word, else the handler's. */
static size_t
arena_capacity(const struct config_model *config,
    const struct fh_model_def *def)
{
	size_t wanted = config->max_bytes != 0 ? config->max_bytes :
	    def->max_bytes;

	return wanted == 0 || wanted > MODEL_ADDRESS_STEP ?
	    MODEL_ADDRESS_STEP : wanted;
}

/*
 * build() reads a sealed copy, not the file: the file could change or shrink
 * under it, and the digest would be of something else.
 */
static int
open_copy(const struct config_model *config, const struct model_source *source,
    struct model_image *image, struct fh_source *out, struct err *err)
{
	struct model_memory memory;
	size_t mapped, size = (size_t)source->identity.size;
	void *data;
	int fd;

	if (model_memory_create(config->name, size, 0, MODEL_PAGES_NORMAL,
	    &memory, err) != 0)
		return -1;
	if (model_source_copy(source, &memory, image->sha256, err) != 0 ||
	    check_expected(config, image->sha256, err) != 0) {
		model_memory_destroy(&memory);
		return -1;
	}
	if (model_memory_seal(&memory, size, &mapped, &fd, err) != 0)
		return -1;
	data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return err_sys(err, "mapping the source");
	(void)madvise(data, size, MADV_DONTDUMP);
	*out = (struct fh_source){ .name = config->name, .path = config->path,
	    .data = data, .length = size };
	return 0;
}

static int
check_built(const struct fh_arena *arena, int rc, const void *root,
    struct err *err)
{
	if (rc != 0 && arena->refused)
		return err_set(err, "build() returned %d after it had used up "
		    "max_bytes (%zu of %zu); set max_bytes higher", rc,
		    arena->used, arena->capacity);
	if (rc != 0)
		return err_set(err, "build() returned %d; the log may say why",
		    rc);
	if (root == NULL)
		return err_set(err, "build() set no root");
	if (!model_arena_holds(arena, root))
		return err_set(err, "build() set a root outside its arena; "
		    "only memory from fh_arena_alloc() is shared");
	return 0;
}

static int
build_arena(const struct config_model *config, const struct fh_model_def *def,
    const struct fh_source *source, struct model_image *image, int *fd_out,
    struct err *err)
{
	struct model_memory memory;
	struct fh_arena arena;
	size_t mapped = 0, capacity = arena_capacity(config, def);
	void *root = NULL;
	int rc;

	if (model_memory_create(config->name, capacity, image->address,
	    config->hugepages == CONFIG_PAGES_TRY ? MODEL_PAGES_ADVISE :
	    MODEL_PAGES_NORMAL, &memory, err) != 0)
		return -1;
	arena = (struct fh_arena){ .base = memory.data, .capacity = capacity };
	rc = def->build(&arena, source, &root);
	if (check_built(&arena, rc, root, err) != 0) {
		model_memory_destroy(&memory);
		return -1;
	}
	image->huge = model_memory_is_huge(&memory);
	image->root_offset = (uint64_t)((uint8_t *)root - memory.data);
	if (model_memory_seal(&memory, arena.used, &mapped, fd_out, err) != 0)
		return -1;
	image->length = arena.used;
	image->mapped = mapped;
	return 0;
}

static int
load_build(const struct config_model *config, const struct fh_model_def *def,
    const struct model_source *source, struct model_image *image, int *fd_out,
    struct err *err)
{
	struct fh_source copy;
	int rc;

	if (def == NULL || def->build == NULL)
		return err_set(err, "no handler has a build() for it (kind = "
		    "\"build\" needs an entry in a handler's FH_MODELS)");
	if (open_copy(config, source, image, &copy, err) != 0)
		return -1;
	rc = build_arena(config, def, &copy, image, fd_out, err);
	munmap((void *)copy.data, copy.length);
	return rc;
}

/* -------------------------------------------------------------- any kind */

static int
load_kind(const struct config_model *config, const struct fh_model_def *def,
    const struct model_source *source, struct model_image *image, int *fd_out,
    struct err *err)
{
	switch (config->kind) {
	case CONFIG_MODEL_FILE:
		return load_file(config, source, image, fd_out, err);
	case CONFIG_MODEL_BUILD:
		return load_build(config, def, source, image, fd_out, err);
	case CONFIG_MODEL_PRELOAD:
		if (model_source_hash(source, image->sha256, err) != 0)
			return -1;
		return check_expected(config, image->sha256, err);
	}
	return err_set(err, "unknown kind %d", (int)config->kind);
}

int
model_load(const struct config_model *config, const struct fh_model_def *def,
    uint64_t address, struct model_image *image_out, int *fd_out,
    struct err *err)
{
	uint64_t start_ms = clock_now_ms();
	struct err why = { "" };
	struct model_source source;
	int rc;

	memset(image_out, 0, sizeof(*image_out));
	*fd_out = -1;
	snprintf(image_out->name, sizeof(image_out->name), "%s", config->name);
	image_out->kind = config->kind;
	image_out->locked = config->lock;
	image_out->address = address;
	if (config->path == NULL || config->path[0] == '\0')
		return err_set(err, "model \"%s\": it has no path",
		    config->name);
	if (model_source_open(config->path, &source, &why) != 0)
		return err_set(err, "model \"%s\": %s", config->name,
		    why.text);
	image_out->identity = source.identity;
	image_out->source_length = source.identity.size;
	rc = load_kind(config, def, &source, image_out, fd_out, &why);
	model_source_close(&source);
	image_out->load_ms = clock_now_ms() - start_ms;
	return rc == 0 ? 0 : err_set(err, "model \"%s\": %s", config->name,
	    why.text);
}
