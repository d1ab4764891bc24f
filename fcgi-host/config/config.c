/*
 * config.c - the configuration, read once and then constant.
 *
 * Runs in: whoever reads a configuration, before anything is forked; looked up
 * in every process.
 * Owns: every struct config until config_free().
 * Invariant: a struct config that a caller gets has no fault and is complete.
 */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

#include "config/config_fault.h"
#include "config/config_file.h"
#include "config/config_peers.h"
#include "config/config_statements.h"
#include "config/config_tokens.h"
#include "config/config_value.h"
#include "config/config_values.h"

#define BODIES_LEAST	((size_t)8 << 20)
#define BODIES_EACH	((size_t)4 << 10)	/* of connections */

static struct config *
read_text(const char *text, size_t length, struct config_faults *faults)
{
	struct config *config = config_allocate(1, sizeof(*config));
	struct config_statements statements;
	struct config_tokens tokens;

	config->file = config_copy(faults->file, strlen(faults->file));
	config->text = config_copy(text, length);
	config->text_length = length;
	config_tokens_init(&tokens, text, length, faults);
	config_statements_init(&statements, &tokens, faults);
	config_values_prepare(config, &statements);
	config_values_read(config, &statements, faults);
	config_check(config, &statements, faults);
	if (faults->count == 0)
		config_peers_resolve(config);
	config_statements_finish(&statements);
	config_tokens_finish(&tokens);
	return config;
}

/* Reports the faults there are; a configuration with any is none. */
static struct config *
finish(struct config *config, struct config_faults *faults,
    config_report *report, void *context)
{
	if (faults->count > 0) {
		config_free(config);
		config = NULL;
	}
	config_faults_report(faults, report, context);
	return config;
}

struct config *
config_parse(const char *file, const char *text, size_t length,
    config_report *report, void *context)
{
	struct config_faults faults = { .file = file };
	struct config *config = NULL;

	if (config_file_check(text, length, &faults) == 0)
		config = read_text(text, length, &faults);
	return finish(config, &faults, report, context);
}

struct config *
config_load(const char *file, config_report *report, void *context)
{
	struct config_faults faults = { .file = file };
	struct config *config;
	size_t length;
	char *text = config_file_read(file, &length, &faults);

	if (text == NULL)
		return finish(NULL, &faults, report, context);
	config = config_parse(file, text, length, report, context);
	free(text);
	return config;
}

static void
report_nothing(void *context, const char *sentence)
{
	(void)context;
	(void)sentence;
}

char *
config_peek_control(const char *file)
{
	struct config_faults faults = { .file = file };
	struct config *config = NULL;
	char *control = NULL, *text;
	size_t length;

	text = config_file_read(file, &length, &faults);
	if (text != NULL && config_file_check(text, length, &faults) == 0)
		config = read_text(text, length, &faults);
	if (config != NULL && config->control != NULL)
		control = config_copy(config->control,
		    strlen(config->control));
	config_free(config);
	config_faults_report(&faults, report_nothing, NULL);
	free(text);
	return control;
}

static void
report_bug(void *context, const char *sentence)
{
	(void)context;
	log_line(LOG_LEVEL_ERROR, "%s", sentence);
}

struct config *
config_defaults(void)
{
	struct config *config = config_parse("defaults", "", 0, report_bug,
	    NULL);

	FH_BUG(config == NULL);
	return config;
}

static void
free_handlers(struct config *config)
{
	for (size_t i = 0; i < config->handler_count; i++) {
		struct config_handler *handler = &config->handler_sections[i];

		for (size_t j = 0; j < handler->setting_count; j++) {
			free(handler->settings[j].key);
			free(handler->settings[j].value);
		}
		config_value_release(&config_sections[CONFIG_SECTION_HANDLER],
		    handler);
		free(handler->settings);
		free(handler->name);
	}
	free(config->handler_sections);
}

static void
free_pools_and_routes(struct config *config)
{
	for (size_t i = 0; i < config->pool_count; i++) {
		free(config->pools[i].name);
		free(config->pools[i].client_param);
	}
	free(config->pools);
	for (size_t i = 0; i < config->route_count; i++) {
		config_value_release(&config_sections[CONFIG_SECTION_ROUTE],
		    &config->routes[i]);
		free(config->routes[i].method);
		free(config->routes[i].path);
	}
	free(config->routes);
}

void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	free_pools_and_routes(config);
	for (size_t i = 0; i < config->model_count; i++) {
		config_value_release(&config_sections[CONFIG_SECTION_MODEL],
		    &config->models[i]);
		free(config->models[i].name);
	}
	free(config->models);
	for (size_t i = 0; i < config->auth_count; i++) {
		config_value_release(&config_sections[CONFIG_SECTION_AUTH],
		    &config->auths[i]);
		free(config->auths[i].name);
	}
	free(config->auths);
	free_handlers(config);
	config_value_release(&config_sections[CONFIG_TOP], config);
	free(config->allow_uids);
	free(config->allow_networks);
	free(config->file);
	free(config->text);
	free(config);
}

size_t
config_bodies(const struct config *config)
{
	return BODIES_LEAST + config->connections * BODIES_EACH;
}

const char *
config_setting(const struct config *config, const char *handler,
    const char *key)
{
	for (size_t i = 0; i < config->handler_count; i++) {
		const struct config_handler *section =
		    &config->handler_sections[i];

		if (strcmp(section->name, handler) != 0)
			continue;
		for (size_t j = 0; j < section->setting_count; j++)
			if (strcmp(section->settings[j].key, key) == 0)
				return section->settings[j].value;
	}
	return NULL;
}

const struct config_model *
config_model(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->model_count; i++)
		if (strcmp(config->models[i].name, name) == 0)
			return &config->models[i];
	return NULL;
}
