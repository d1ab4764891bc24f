/*
 * sup_models.c - the models of a generation: reused, loaded, freed.
 *
 * Runs in: supervisor.
 * Owns: sup.models: images and read-only descriptors of what is loaded.
 * Invariant: a model that has not changed is never loaded twice; one loader
 * runs at a time, so that the most memory needed is the plan's; an address
 * range is used again only when nobody can have it mapped any more.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "model/model_budget.h"
#include "supervisor/sup.h"
#include "supervisor/sup_loader.h"
#include "supervisor/sup_notify.h"

static void	load_next(struct sup *);

/* ------------------------------------------------------------------- reuse */

static const char *
text_or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* What goes into the memory, beside the file's bytes. */
static bool
same_options(const struct config_model *a, const struct config_model *b)
{
	return strcmp(a->name, b->name) == 0 && a->kind == b->kind &&
	    strcmp(text_or_empty(a->path), text_or_empty(b->path)) == 0 &&
	    a->hugepages == b->hugepages && a->lock == b->lock &&
	    a->max_bytes == b->max_bytes;
}

/* The sha256 of the file that builds model `index`, or "". */
static const char *
maker_of(const struct sup *sup, size_t index)
{
	const struct sup_generation *next = sup->reload.next;
	const struct sup_picks *picks = &sup->reload.picks;

	if (next->config->models[index].kind != CONFIG_MODEL_BUILD ||
	    next->makers[index] == NULL)
		return "";
	for (size_t i = 0; i < picks->count; i++) {
		const struct sup_pick *pick = &picks->list[i];

		if (strcmp(pick->fresh.name, next->makers[index]) == 0 &&
		    sup_pick_version(pick) != NULL)
			return sup_pick_version(pick)->sha256;
	}
	return "";
}

static bool
fits(const struct sup *sup, size_t index, const struct sup_model *model)
{
	return same_options(&model->options,
	    &sup->reload.next->config->models[index]) &&
	    strcmp(model->maker, maker_of(sup, index)) == 0;
}

struct sup_model *
sup_models_serving(const struct sup *sup, const char *name)
{
	const struct sup_generation *serving = sup->serving;

	for (size_t i = 0; serving != NULL &&
	    i < serving->config->model_count; i++)
		if (serving->models[i] != NULL &&
		    strcmp(serving->models[i]->image.name, name) == 0)
			return serving->models[i];
	return NULL;
}

/* The files of models are looked at when somebody says so. */
static bool
looks_at_files(const struct sup *sup)
{
	return sup->reload.trigger == SUP_TRIGGER_START ||
	    sup->reload.trigger == SUP_TRIGGER_HANGUP ||
	    sup->reload.trigger == SUP_TRIGGER_COMMAND;
}

/* What is loaded already and is the same, or NULL. */
static struct sup_model *
find_unchanged(const struct sup *sup, size_t index)
{
	const struct config_model *config =
	    &sup->reload.next->config->models[index];
	struct model_identity identity;
	struct sup_model *model = sup_models_serving(sup, config->name);

	if (!looks_at_files(sup))
		return model != NULL && fits(sup, index, model) ? model : NULL;
	if (model_identify(config->path, &identity, NULL) < 0)
		return NULL;
	LIST_FOREACH(model, &sup->models, link)
		if (fits(sup, index, model) && model_identity_equal(&identity,
		    &model->image.identity))
			return model;
	return NULL;
}

/* What has the same bytes, though its file is another. */
static struct sup_model *
find_same_bytes(const struct sup *sup, size_t index, const char *sha256)
{
	struct sup_model *model;

	LIST_FOREACH(model, &sup->models, link)
		if (fits(sup, index, model) &&
		    strcmp(model->image.sha256, sha256) == 0)
			return model;
	return NULL;
}

static void
use(struct sup_generation *generation, size_t index, struct sup_model *model)
{
	generation->models[index] = model;
	model->users++;
}

static void
destroy(struct sup_model *model)
{
	log_info("model \"%s\": version %llu is freed", model->image.name,
	    (unsigned long long)model->image.version);
	LIST_REMOVE(model, link);
	if (model->fd >= 0)
		close(model->fd);
	free(model->options.name);
	free(model->options.path);
	free(model);
}

static void
let_go(struct sup_model *model)
{
	if (model != NULL && --model->users == 0)
		destroy(model);
}

void
sup_models_release(struct sup_generation *generation)
{
	for (size_t i = 0; i < generation->config->model_count; i++) {
		let_go(generation->models[i]);
		generation->models[i] = NULL;
	}
}

/* ----------------------------------------------------------------- loading */

/* Versions are counted by name, over all generations. */
struct sup_model_name {
	char		name[CONFIG_NAME_MAX + 1];
	uint64_t	version;
};

static struct sup_model_name *
name_of(struct sup *sup, const char *name)
{
	struct sup_model_name *one;

	for (size_t i = 0; i < sup->model_name_count; i++)
		if (strcmp(sup->model_names[i].name, name) == 0)
			return &sup->model_names[i];
	one = reallocarray(sup->model_names, sup->model_name_count + 1,
	    sizeof(*one));
	if (one == NULL)
		fatal(EXIT_CODE_SYSTEM, "names of models");
	sup->model_names = one;
	one += sup->model_name_count++;
	snprintf(one->name, sizeof(one->name), "%s", name);
	one->version = 0;
	return one;
}

static uint64_t
next_version(struct sup *sup, const char *name)
{
	return ++name_of(sup, name)->version;
}

static uint64_t
inode_of(int fd)
{
	struct stat status;

	return fd >= 0 && fstat(fd, &status) == 0 ? status.st_ino : 0;
}

void
sup_models_adopt(struct sup *sup, struct sup_model *model)
{
	model->inode = inode_of(model->fd);
	name_of(sup, model->image.name)->version = model->image.version;
	LIST_INSERT_HEAD(&sup->models, model, link);
}

/* An adopted one that the first generation has no use for. */
void
sup_models_drop_unused(struct sup *sup)
{
	struct sup_model *model, *next;

	for (model = LIST_FIRST(&sup->models); model != NULL; model = next) {
		next = LIST_NEXT(model, link);
		if (model->users == 0)
			destroy(model);
	}
}

static struct sup_model *
make(struct sup *sup, size_t index, const struct model_image *image, int fd)
{
	const struct config_model *config =
	    &sup->reload.next->config->models[index];
	struct sup_model *model = calloc(1, sizeof(*model));

	if (model == NULL)
		fatal(EXIT_CODE_SYSTEM, "model \"%s\"", config->name);
	model->image = *image;
	model->image.version = next_version(sup, config->name);
	model->fd = fd;
	model->inode = inode_of(fd);
	model->loaded_at = time(NULL);
	model->options = *config;
	model->options.name = strdup(config->name);
	model->options.path = strdup(text_or_empty(config->path));
	snprintf(model->maker, sizeof(model->maker), "%s",
	    maker_of(sup, index));
	LIST_INSERT_HEAD(&sup->models, model, link);
	return model;
}

static uint64_t
bytes_of(const struct model_image *image, int fd)
{
	return fd >= 0 ? image->length : image->source_length;
}

static void
keep(struct sup *sup, size_t index, const struct model_image *image, int fd)
{
	struct sup_model *model = find_same_bytes(sup, index, image->sha256);

	if (model != NULL) {
		model->image.identity = image->identity;
		if (fd >= 0)
			close(fd);
		log_info("model \"%s\": its file is new, its bytes are not",
		    image->name);
	} else {
		model = make(sup, index, image, fd);
		log_info("model \"%s\": %llu bytes in %llu ms, sha256 "
		    "%.16s...", image->name,
		    (unsigned long long)bytes_of(image, fd),
		    (unsigned long long)image->load_ms, image->sha256);
		sup_outcome_change(sup->reload.outcome, "model",
		    "\"%s\": loaded, sha256 %.12s", image->name,
		    image->sha256);
	}
	use(sup->reload.next, index, model);
}

/* False: there is no generation without it, and it has been given up. */
static bool
do_without(struct sup *sup, size_t index, const char *error)
{
	struct sup_generation *next = sup->reload.next;
	const struct config_model *model = &next->config->models[index];
	bool served = sup_models_serving(sup, model->name) != NULL;

	if (model->required || served) {
		sup_reload_give_up(sup, "%s%s", error, served ? "" :
		    " (required = true)");
		return false;
	}
	log_warnx("%s (required = false: going on without)", error);
	free(next->model_errors[index]);
	next->model_errors[index] = strdup(error);
	return true;
}

static void
on_loaded(void *context, const struct model_image *image, int fd,
    const char *error)
{
	struct sup *sup = context;
	size_t index = sup->reload.model_next++;

	sup->reload.loader = NULL;
	if (image != NULL)
		keep(sup, index, image, fd);
	else if (!do_without(sup, index, error))
		return;
	load_next(sup);
}

/* The lowest range that no loaded model has. */
static uint64_t
free_address(const struct sup *sup)
{
	const struct sup_model *model;
	uint64_t address = MODEL_ADDRESS_BASE;

again:
	LIST_FOREACH(model, &sup->models, link)
		if (model->image.address == address) {
			address += MODEL_ADDRESS_STEP;
			goto again;
		}
	return address;
}

/* False: it has been given up. */
static bool
start_loader(struct sup *sup, size_t index)
{
	struct sup_reload *reload = &sup->reload;
	struct sup_generation *next = reload->next;
	char copies[MESSAGE_TEXT_MAX];
	struct sup_loader_source source = { .copies = copies,
	    .maker = next->makers[index] };
	struct err err;

	sup_store_path(sup->store, next->number, copies, sizeof(copies));
	reload->loader = sup_loader_start(&sup->loop, next->config,
	    &next->config->models[index], &source, free_address(sup),
	    on_loaded, sup, &err);
	if (reload->loader != NULL) {
		sup_notify_look(sup);
		return true;
	}
	reload->model_next++;
	return do_without(sup, index, err.text);
}

static void
load_next(struct sup *sup)
{
	struct sup_reload *reload = &sup->reload;
	struct sup_generation *next = reload->next;

	while (reload->model_next < next->config->model_count) {
		size_t index = reload->model_next;

		if (next->models[index] != NULL) {
			reload->model_next++;	/* reused */
			continue;
		}
		if (!start_loader(sup, index) || reload->loader != NULL)
			return;
	}
	sup_reload_models_done(sup);
}

/* -------------------------------------------------------------------- plan */

static bool
goes_first(const struct sup_generation *next, const struct sup_model *model)
{
	for (size_t i = 0; i < next->config->model_count; i++)
		if (next->config->models[i].reload ==
		    CONFIG_RELOAD_FREE_FIRST && next->models[i] == NULL &&
		    strcmp(next->config->models[i].name,
		    model->image.name) == 0)
			return true;
	return false;
}

/* What is in memory now, and whether the new generation has a use for it. */
static struct model_resident *
list_resident(const struct sup *sup, size_t *count_out)
{
	const struct sup_generation *next = sup->reload.next;
	const struct sup_model *model;
	struct model_resident *list;
	size_t count = 0;

	LIST_FOREACH(model, &sup->models, link)
		count++;
	list = calloc(count + 1, sizeof(*list));
	*count_out = 0;
	LIST_FOREACH(model, &sup->models, link) {
		struct model_resident *one;

		if (list == NULL)
			break;
		one = &list[(*count_out)++];
		one->name = model->image.name;
		one->bytes = bytes_of(&model->image, model->fd);
		one->freed_first = goes_first(next, model);
		for (size_t i = 0; i < next->config->model_count; i++)
			one->reused |= next->models[i] == model &&
			    model->fd >= 0;
	}
	return list;
}

static int
check_plan(const struct sup *sup, struct err *err)
{
	const struct config *config = sup->reload.next->config;
	struct model_budget budget;
	struct model_resident *resident;
	size_t count;
	int fits;

	if (config->memory_plan == CONFIG_PLAN_OFF)
		return 0;
	resident = list_resident(sup, &count);
	fits = resident == NULL ? err_sys(err, "memory plan") :
	    model_budget_make(config, resident, count, &budget, err);
	free(resident);
	if (fits < 0)
		return -1;
	fits = plan_check(&budget.plan, budget.available, budget.limit, err);
	model_budget_free(&budget);
	if (fits < 0 && config->memory_plan == CONFIG_PLAN_WARN) {
		log_warnx("memory_plan: %s", err->text);
		return 0;
	}
	return fits;
}

/* ----------------------------------------------------------- in the reload */

/* One that an earlier try has loaded is kept, if its maker is the same. */
static void
reuse(struct sup *sup)
{
	struct sup_generation *next = sup->reload.next;

	for (size_t i = 0; i < next->config->model_count; i++) {
		struct sup_model *model = next->models[i];

		if (model != NULL && !fits(sup, i, model)) {
			next->models[i] = NULL;
			let_go(model);
		}
		if (next->models[i] == NULL &&
		    (model = find_unchanged(sup, i)) != NULL)
			use(next, i, model);
	}
}

static void
tell_removed(const struct sup *sup)
{
	const struct sup_generation *serving = sup->serving;

	for (size_t i = 0; serving != NULL &&
	    i < serving->config->model_count; i++) {
		const char *name = serving->config->models[i].name;

		if (serving->models[i] != NULL && config_model(
		    sup->reload.next->config, name) == NULL)
			sup_outcome_change(sup->reload.outcome, "model",
			    "\"%s\": removed", name);
	}
}

void
sup_models_start(struct sup *sup)
{
	struct err err;

	reuse(sup);
	if (check_plan(sup, &err) < 0) {
		sup_reload_give_up(sup, "%s", err.text);
		return;
	}
	if (sup_free_first_is_needed(sup)) {
		sup_reload_close_first(sup);
		return;
	}
	tell_removed(sup);
	sup->reload.model_next = 0;
	load_next(sup);
}

void
sup_models_forget(struct sup *sup)
{
	sup_loader_cancel(sup->reload.loader);
	sup->reload.loader = NULL;
}

/* A descriptor with the images, in the order of the configuration. */
static int
write_images(const struct sup_generation *generation, int32_t *count_out,
    struct err *err)
{
	int fd = memfd_create("images", MFD_CLOEXEC);
	bool whole = fd >= 0;

	*count_out = 0;
	for (size_t i = 0; i < generation->config->model_count; i++) {
		const struct sup_model *model = generation->models[i];

		if (model == NULL)
			continue;
		++*count_out;
		whole = whole && write(fd, &model->image,
		    sizeof(model->image)) == (ssize_t)sizeof(model->image);
	}
	if (whole)
		return fd;
	err_sys(err, "images of models");
	if (fd >= 0)
		close(fd);
	return -1;
}

void
sup_models_tell(struct sup_generation *generation)
{
	struct message models = { .type = MESSAGE_MODELS };
	struct message message = { .type = MESSAGE_MODEL };
	struct err err;
	int fd = write_images(generation, &models.value, &err);

	if (fd < 0) {
		sup_reload_end(generation->sup, EXIT_CODE_SYSTEM, err.text);
		return;
	}
	sup_generation_ask(generation, &models, &fd, 1);
	close(fd);
	for (size_t i = 0; i < generation->config->model_count; i++) {
		const struct sup_model *model = generation->models[i];

		if (model == NULL)
			continue;
		if (model->fd >= 0)
			sup_generation_ask(generation, &message, &model->fd,
			    1);
		message.slot++;
	}
}
