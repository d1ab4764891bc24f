/*
 * sup_models.c - brings in the configured models, one loader at a time.
 *
 * Runs in: supervisor.
 * Owns: the images and the read-only descriptors of what is loaded.
 * Invariant: one loader runs at a time, so that the most memory needed is the
 * plan's; an address is never used for a second image.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_loader.h"

static void	load_next(struct sup *);

static void
keep(struct sup *sup, const struct model_image *image, int fd)
{
	struct model_image *kept = &sup->images[sup->image_count];

	*kept = *image;
	kept->version = 1;
	sup->model_fds[sup->image_count++] = fd;
	log_info("model \"%s\": %llu bytes in %llu ms, sha256 %.16s...",
	    image->name, (unsigned long long)(fd >= 0 ? image->length :
	    image->source_length), (unsigned long long)image->load_ms,
	    image->sha256);
}

/* False: the host cannot start without it. */
static bool
do_without(struct sup *sup, const struct config_model *model,
    const char *error)
{
	sup->model_errors[model - sup->config->models] = strdup(error);
	log_line(model->required ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "%s%s",
	    error, model->required ? " (required = true: not starting)" :
	    " (required = false: going on without)");
	return !model->required;
}

static void
on_loaded(void *context, const struct model_image *image, int fd,
    const char *error)
{
	struct sup *sup = context;
	const struct config_model *model =
	    &sup->config->models[sup->model_next++];

	sup->loader = NULL;
	if (image != NULL)
		keep(sup, image, fd);
	else if (!do_without(sup, model, error)) {
		sup_fail(sup, EXIT_CODE_CONFIG);
		return;
	}
	load_next(sup);
}

static void
load_next(struct sup *sup)
{
	const struct config *config = sup->config;
	struct err err;

	while (sup->model_next < config->model_count) {
		const struct config_model *model =
		    &config->models[sup->model_next];
		uint64_t address = sup->model_address;

		sup->model_address += MODEL_ADDRESS_STEP;
		sup->loader = sup_loader_start(&sup->loop, config, model,
		    address, on_loaded, sup, &err);
		if (sup->loader != NULL)
			return;
		if (!do_without(sup, model, err.text)) {
			sup_fail(sup, EXIT_CODE_SYSTEM);
			return;
		}
		sup->model_next++;
	}
	sup_models_done(sup);
}

void
sup_models_start(struct sup *sup)
{
	size_t count = sup->config->model_count + 1;

	sup->images = calloc(count, sizeof(*sup->images));
	sup->model_fds = calloc(count, sizeof(*sup->model_fds));
	sup->model_errors = calloc(count, sizeof(*sup->model_errors));
	if (sup->images == NULL || sup->model_fds == NULL ||
	    sup->model_errors == NULL)
		fatal(EXIT_CODE_SYSTEM, "table of models");
	sup->model_address = MODEL_ADDRESS_BASE;
	load_next(sup);
}

void
sup_models_free(struct sup *sup)
{
	sup_loader_cancel(sup->loader);
	sup->loader = NULL;
	for (size_t i = 0; i < sup->image_count; i++)
		if (sup->model_fds[i] >= 0)
			close(sup->model_fds[i]);
	for (size_t i = 0; sup->model_errors != NULL &&
	    i < sup->config->model_count; i++)
		free(sup->model_errors[i]);
	free(sup->images);
	free(sup->model_fds);
	free(sup->model_errors);
}
