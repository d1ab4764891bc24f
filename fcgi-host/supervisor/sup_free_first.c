/*
 * sup_free_first.c - a model that does not fit into memory twice.
 *
 * Runs in: supervisor.
 * Owns: the closed generation, until the new one takes its place.
 * Invariant: while the old model's memory is given up and the new one loaded,
 * a front without handlers answers everything with 503 and Retry-After; nobody
 * is left without an answer, and the listening socket stays open.
 *
 * An old model is mapped by every process of its generation, so that one has to
 * leave first.  In its place comes a closed generation: a zygote that loads
 * nothing, with a front that refuses.
 */
#include <string.h>

#include "common/log.h"
#include "supervisor/sup.h"

/* Changed, in memory in another version, and not to be there twice. */
static bool
must_go_first(const struct sup_generation *next, size_t index)
{
	const struct config_model *model = &next->config->models[index];

	return model->reload == CONFIG_RELOAD_FREE_FIRST &&
	    next->models[index] == NULL &&
	    sup_models_serving(next->sup, model->name) != NULL;
}

bool
sup_free_first_is_needed(const struct sup *sup)
{
	const struct sup_generation *next = sup->reload.next;

	for (size_t i = 0; i < next->config->model_count; i++)
		if (must_go_first(next, i))
			return true;
	return false;
}

/* It has been read once already. */
static void
unexpected(void *context, const char *sentence)
{
	(void)context;
	log_warnx("%s", sentence);
}

/* The candidate waits, without a process, until there is room for it. */
void
sup_free_first_begin(struct sup *sup)
{
	static const struct sup_picks none = { 0 };
	struct sup_reload *reload = &sup->reload;
	struct sup_generation *next = reload->next, *closed;
	struct config *config = config_parse(next->config->file,
	    next->config->text, next->config->text_length,
	    unexpected, NULL);
	struct err err;

	if (config == NULL) {
		sup_reload_give_up(sup, "the configuration cannot be read "
		    "twice");
		return;
	}
	log_info("generation %u: a model is freed first: 503 meanwhile",
	    next->number);
	sup_generation_unfork(next);
	closed = sup_generation_create(sup, ++sup->generation_count, config);
	closed->closed = true;
	reload->after = next;
	reload->next = closed;
	if (sup_generation_fork(closed, &none, &err) < 0)
		sup_reload_end(sup, EXIT_CODE_SYSTEM, err.text);
}

bool
sup_free_first_is_done(const struct sup *sup)
{
	const struct sup_generation *generation = sup->generations;

	for (; generation != NULL; generation = generation->older)
		if (generation->state == SUP_GENERATION_LEAVING)
			return false;
	return true;
}
