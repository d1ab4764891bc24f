/*
 * zyg_load.c - brings a generation's handlers and models into the zygote.
 *
 * Runs in: zygote, before its first fork.
 * Owns: the handler set and the models' mappings, for the process's life.
 * Invariant: no model descriptor is open afterwards (a forgotten one would keep
 * an old model's memory alive in every process forked from here).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/handler_copy.h"
#include "common/log.h"
#include "model/model.h"
#include "zygote/zyg.h"

static void
fail(struct zyg *zyg, const char *why)
{
	struct message message = { .type = MESSAGE_FAILED };

	snprintf(message.text, sizeof(message.text), "%s", why);
	zyg_say(zyg, &message);
	log_line(LOG_LEVEL_ERROR, "%s", why);
	_exit(EXIT_CODE_CONFIG);
}

static void
report_handler(void *context, const struct handler *about,
    const char *sentence)
{
	struct zyg *zyg = context;
	struct message message = { .type = MESSAGE_HANDLER };

	(void)about;
	snprintf(message.text, sizeof(message.text), "%s", sentence);
	log_warnx("%s", sentence);
	zyg_say(zyg, &message);
}

/* Should its code take us along, the supervisor can say whose it was. */
static bool
say_file(void *context, const char *file)
{
	struct zyg *zyg = context;
	struct message message = { .type = MESSAGE_FILE };

	snprintf(message.text, sizeof(message.text), "%s", file);
	zyg_say(zyg, &message);
	return true;
}

/* The source file as preload() sees it; empty if it cannot be mapped. */
static struct fh_source
map_source(const struct config_model *model)
{
	struct fh_source source = { .name = model->name, .path = model->path,
	    .data = "" };
	struct stat status;
	int fd = open(model->path, O_RDONLY | O_CLOEXEC);
	void *at;

	if (fd < 0)
		return source;
	if (fstat(fd, &status) == 0 && status.st_size > 0) {
		at = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE,
		    fd, 0);
		if (at != MAP_FAILED) {
			source.data = at;
			source.length = (size_t)status.st_size;
		}
	}
	close(fd);
	return source;
}

static int
preload_model(struct zyg *zyg, const struct model_image *image,
    struct fh_model *model_out, struct err *err)
{
	const struct config_model *config = config_model(zyg->start->config,
	    image->name);
	const struct handler *handler = NULL;
	const struct fh_model_def *def = handler_set_model_def(zyg->set,
	    image->name, &handler);
	struct fh_source source;
	int result;

	if (def == NULL || def->preload == NULL)
		return err_set(err, "model \"%s\": no handler has a preload() "
		    "for it", image->name);
	say_file(zyg, handler->file);
	source = map_source(config);
	result = def->preload(&source, &model_out->root);
	if (source.length > 0)
		munmap((void *)(uintptr_t)source.data, source.length);
	if (result != 0 || model_out->root == NULL)
		return err_set(err, "model \"%s\": preload() of its handler "
		    "failed for %s", image->name, config->path);
	model_out->name = image->name;
	model_out->sha256 = image->sha256;
	model_out->version = image->version;
	return 0;
}

static int
bring_in(struct zyg *zyg, size_t index, struct fh_model *model_out,
    struct err *err)
{
	const struct model_image *image = &zyg->start->images[index];
	int fd = zyg->start->model_fds[index];
	int result;

	if (fd < 0)
		return preload_model(zyg, image, model_out, err);
	result = model_map(image, fd, model_out, err);
	close(fd);
	return result;
}

static void
load_models(struct zyg *zyg)
{
	size_t count = zyg->start->image_count;
	size_t loaded = 0;
	struct err err;

	zyg->models = calloc(count + 1, sizeof(*zyg->models));
	if (zyg->models == NULL)
		fail(zyg, "no memory for the table of models");
	for (size_t i = 0; i < count; i++) {
		const struct config_model *config = config_model(
		    zyg->start->config, zyg->start->images[i].name);

		if (bring_in(zyg, i, &zyg->models[loaded], &err) == 0)
			loaded++;
		else if (config->required)
			fail(zyg, err.text);
		else
			report_handler(zyg, NULL, err.text);
	}
	handler_set_models(zyg->set, zyg->models, loaded);
}

static int
is_handler_file(const struct dirent *entry)
{
	return handler_is_file_name(entry->d_name);
}

/* One file into the folder of copies; a refusal is reported here. */
static int
copy_handler(struct zyg *zyg, int to_dir, const char *name)
{
	const struct zygote_start *start = zyg->start;
	struct handler_version version;
	struct err err, sentence;

	if (unlinkat(to_dir, name, 0) < 0 && errno != ENOENT)
		err_sys(&err, "cannot be copied");
	else if (handler_copy(start->config->handlers, name, geteuid(), to_dir,
	    &version, &err) == 0)
		return 0;
	err_set(&sentence, "%s/%s: %s", start->config->handlers, name,
	    err.text);
	report_handler(zyg, NULL, sentence.text);
	return -1;
}

/* The names of what was copied, in order. */
static const char **
copy_handlers(struct zyg *zyg, size_t *count_out)
{
	const struct zygote_start *start = zyg->start;
	int to_dir = open(start->copy_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **entries;
	int count = scandir(start->config->handlers, &entries, is_handler_file,
	    alphasort);
	const char **names = calloc((size_t)(count < 0 ? 0 : count) + 1,
	    sizeof(*names));
	struct err err;

	*count_out = 0;
	if (to_dir < 0 || count < 0 || names == NULL) {
		err_sys(&err, "the handler directory %s cannot be read, or "
		    "copied to %s", start->config->handlers, start->copy_dir);
		fail(zyg, err.text);
	}
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;

		say_file(zyg, name);
		if (copy_handler(zyg, to_dir, name) == 0)
			names[(*count_out)++] = name;
	}
	close(to_dir);
	return names;
}

void
zyg_load(struct zyg *zyg)
{
	const struct zygote_start *start = zyg->start;
	struct handler_source source = { .copies = start->copy_dir };
	struct message loaded = { .type = MESSAGE_LOADED };
	struct err err;

	handler_set_watch(say_file, zyg);
	source.names = copy_handlers(zyg, &source.count);
	zyg->set = handler_set_load(start->config, &source, report_handler,
	    zyg, &err);
	if (zyg->set == NULL)
		fail(zyg, err.text);
	load_models(zyg);
	handler_set_preload(zyg->set, report_handler, zyg);
	say_file(zyg, "");
	malloc_trim(0);
	if (handler_set_ready(zyg->set, &err) < 0)
		fail(zyg, err.text);
	zyg->geometry = shm_geometry_create(start->config,
	    (uint32_t)zyg->set->route_count);
	if (zyg->geometry == NULL)
		fail(zyg, "no memory for the layout of shared memory");
	loaded.value = (int32_t)zyg->set->route_count;
	loaded.extra = (uint32_t)zyg->set->handler_count;
	zyg_say(zyg, &loaded);
}
