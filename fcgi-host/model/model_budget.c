/*
 * model_budget.c - the memory plan of a configuration, on this machine.
 *
 * Runs in: supervisor, before a generation's models are loaded; the tools.
 * Owns: the items of each budget until it is freed.
 * Invariant: an estimate errs upwards: a plan that fits must hold.
 */
#include "model/model_budget.h"

#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_BYTES	UINT64_C(16384)	/* a job or reply in the usual case */
#define THREAD_BYTES	UINT64_C(32768)	/* what it touches of its stack */
#define CONNECTION_BYTES UINT64_C(12288) /* with a request that waits */
/* Supervisor, zygote and front, with histograms of 200 routes. */
#define HOST_BYTES	UINT64_C(16777216)

/*
 * A file is copied as it is.  What build() makes of it is at most max_bytes,
 * or, unsaid, taken for twice the source; a library's object for 1.2 times
 * (TensorFlow Serving's figure), and it is there once.
 */
static uint64_t
bytes_of(const struct config_model *model)
{
	struct stat status;
	uint64_t size = 0;

	if (model->path != NULL && stat(model->path, &status) == 0)
		size = (uint64_t)status.st_size;
	switch (model->kind) {
	case CONFIG_MODEL_BUILD:
		return model->max_bytes != 0 ? model->max_bytes : size * 2;
	case CONFIG_MODEL_PRELOAD:
		return size + size / 5;
	default:
		return size;
	}
}

static uint64_t
buffers_of(const struct config *config)
{
	uint64_t threads = 0, hash = 0;

	for (size_t i = 0; i < config->auth_count; i++)
		if (config->auths[i].type == CONFIG_AUTH_BASIC)
			hash = CONFIG_HASH_MEMORY;
	for (size_t i = 0; i < config->pool_count; i++)
		threads += (uint64_t)config_pool_slots(&config->pools[i]) *
		    config->pools[i].threads;
	return threads * (2 * SLOT_BYTES + THREAD_BYTES) +
	    config->connections * CONNECTION_BYTES + config_bodies(config) +
	    hash;
}

/* What is loaded is counted as it is: once, and not as needed. */
static void
take_resident(struct model_budget *budget, const struct model_resident *one)
{
	struct plan *plan = &budget->plan;
	struct plan_item *item = NULL;

	if (one->freed_first) {		/* its room is the new one's */
		plan->resident += one->bytes;
		return;
	}
	for (size_t i = 0; one->reused && i < plan->item_count; i++)
		if (strcmp(budget->items[i].name, one->name) == 0)
			item = &budget->items[i];
	if (item == NULL) {
		item = &budget->items[plan->item_count++];
		snprintf(item->name, sizeof(item->name), "%s", one->name);
		item->old_copy = true;
	}
	item->bytes = one->bytes;
	item->measured = true;
	plan->resident += one->bytes;
}

int
model_budget_make(const struct config *config,
    const struct model_resident *resident, size_t count,
    struct model_budget *out, struct err *err)
{
	*out = (struct model_budget){ .items = calloc(config->model_count +
	    count + 1, sizeof(*out->items)) };
	if (out->items == NULL)
		return err_sys(err, "memory plan");
	for (size_t i = 0; i < config->model_count; i++) {
		const struct config_model *model = &config->models[i];
		struct plan_item *item = &out->items[i];

		snprintf(item->name, sizeof(item->name), "%s", model->name);
		item->kind = model->kind;
		item->bytes = bytes_of(model);
		item->measured = model->kind == CONFIG_MODEL_FILE;
	}
	out->plan.items = out->items;
	out->plan.item_count = config->model_count;
	for (size_t i = 0; i < count; i++)
		take_resident(out, &resident[i]);
	for (size_t i = 0; i < config->pool_count; i++)
		out->plan.workers += config_pool_slots(&config->pools[i]);
	out->plan.private_each = config->worker_memory;
	out->plan.buffers = buffers_of(config);
	out->plan.host = HOST_BYTES;
	out->plan.cache = config->cache_size;
	plan_compute(&out->plan);
	if (plan_available("/", &out->available, out->limit,
	    sizeof(out->limit), err) == 0)
		return 0;
	model_budget_free(out);
	return -1;
}

void
model_budget_free(struct model_budget *budget)
{
	free(budget->items);
	budget->items = NULL;
}
