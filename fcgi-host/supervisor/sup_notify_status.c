/*
 * sup_notify_status.c - a sentence on what the host does, for who reads
 * `systemctl status`.
 *
 * Runs in: supervisor.
 * Owns: nothing.
 * Invariant: one line; what is normal is short.
 */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/sup.h"
#include "supervisor/sup_health.h"
#include "supervisor/sup_notify.h"
#include "supervisor/sup_stop.h"

/* Cut to fit; a line's end in it would end what is said. */
static void __attribute__((format(printf, 2, 3)))
add(char out[SUP_NOTIFY_STATUS_MAX], const char *format, ...)
{
	size_t have = strlen(out);
	va_list ap;

	va_start(ap, format);
	vsnprintf(out + have, SUP_NOTIFY_STATUS_MAX - have, format, ap);
	va_end(ap);
	for (char *at = out + have; *at != '\0'; at++)
		if ((unsigned char)*at < ' ')
			*at = ' ';
}

/* The step of a reload, or of the start. */
static void
add_step(char out[SUP_NOTIFY_STATUS_MAX], const struct sup_reload *reload)
{
	static const char *const steps[] = {
		[SUP_RELOAD_NONE] = "nothing",
		[SUP_RELOAD_STAGING] = "handler files are copied",
		[SUP_RELOAD_LOADING] = "handlers are loaded",
		[SUP_RELOAD_MODELS] = "models are loaded",
		[SUP_RELOAD_CLOSING] = "requests are refused for a model",
		[SUP_RELOAD_FREEING] = "the old model is given up",
		[SUP_RELOAD_PRELOADING] = "handlers are prepared",
		[SUP_RELOAD_PROBING] = "handlers are tried",
		[SUP_RELOAD_STARTING] = "front and workers start",
	};
	const struct config *config = reload->next == NULL ? NULL :
	    reload->next->config;

	if (reload->phase == SUP_RELOAD_MODELS && config != NULL &&
	    reload->model_next < config->model_count)
		add(out, "model %s is loaded (%zu of %zu)",
		    config->models[reload->model_next].name,
		    reload->model_next + 1, config->model_count);
	else
		add(out, "%s", steps[reload->phase]);
}

static void
add_degraded(char out[SUP_NOTIFY_STATUS_MAX], const struct sup *sup)
{
	struct json_object *list = sup_status_degraded(sup);

	for (size_t i = 0; i < json_object_array_length(list); i++)
		add(out, "%s %s", i == 0 ? "; short of" : ",",
		    json_object_get_string(json_object_object_get(
		    json_object_array_get_idx(list, i), "what")));
	json_object_put(list);
}

static void
describe_serving(const struct sup *sup, char out[SUP_NOTIFY_STATUS_MAX])
{
	enum sup_ready ready = sup_health(sup);

	add(out, "Generation %u serves %u routes on %s", sup->serving->number,
	    sup->serving->route_count, sup->config->listen);
	if (sup_stop_is_near())
		add(out, ", and is about to stop");
	else if (ready != SUP_READY)
		add(out, ", but is not ready (%s)", sup_ready_word(ready));
	add_degraded(out, sup);
	if (sup->reload.next != NULL ||
	    sup->reload.phase == SUP_RELOAD_FREEING) {
		add(out, "; for the next one ");
		add_step(out, &sup->reload);
	}
}

void
sup_notify_describe(const struct sup *sup, char out[SUP_NOTIFY_STATUS_MAX])
{
	out[0] = '\0';
	if (sup->phase == SUP_STOPPING)
		add(out, "Answering what has begun");
	else if (sup->serving != NULL)
		describe_serving(sup, out);
	else {
		add(out, "Starting: ");
		add_step(out, &sup->reload);
	}
}
