/*
 * config_place.c - where the sections of a file are kept in struct config.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: the arrays of struct config until config_free().
 * Invariant: pools[0] is "default"; everything else is in the file's order.
 */
#include "config/config_values.h"

#include <stdlib.h>
#include <string.h>

#include "config/config_value.h"

#define NOWHERE	SIZE_MAX

/* Which of the file's pools is "default". */
static size_t
find_default(const struct config_statements *statements)
{
	size_t index = 0;

	for (size_t i = 0; i < statements->count; i++) {
		const struct config_instance *instance = &statements->list[i];

		if (instance->kind != CONFIG_SECTION_POOL)
			continue;
		if (!instance->refused &&
		    strcmp(instance->title, "default") == 0)
			return index;
		index++;
	}
	return NOWHERE;
}

static size_t
pool_place(const struct config_statements *statements, size_t index)
{
	size_t first = find_default(statements);

	if (index == first)
		return 0;
	return index < first ? index + 1 : index;
}

size_t
config_section_count(const struct config *config,
    enum config_section_kind kind)
{
	size_t count;

	memcpy(&count, (const char *)config + config_sections[kind].count,
	    sizeof(count));
	return count;
}

void *
config_section_at(const struct config *config, enum config_section_kind kind,
    size_t index)
{
	const struct config_section *section = &config_sections[kind];
	char *array;

	memcpy(&array, (const char *)config + section->array, sizeof(array));
	return array + index * section->size;
}

void *
config_values_base(struct config *config,
    const struct config_statements *statements,
    const struct config_instance *instance, size_t index)
{
	if (instance->kind == CONFIG_TOP)
		return config;
	if (instance->kind == CONFIG_SECTION_POOL)
		index = pool_place(statements, index);
	return config_section_at(config, instance->kind, index);
}

static char *
copy(const char *text)
{
	return text == NULL ? NULL : config_copy(text, strlen(text));
}

static void
place_route(struct config_route *route, const char *title)
{
	size_t length;

	length = strcspn(title, " ");
	route->method = config_copy(title, length);
	route->path = copy(title + length + 1);
}

/* Sets what the section's title and line say. */
static void
place(const struct config_instance *instance, void *base)
{
	config_value_defaults(&config_sections[instance->kind], base);
	switch (instance->kind) {
	case CONFIG_SECTION_POOL:
		((struct config_pool *)base)->name = copy(instance->title);
		((struct config_pool *)base)->line = instance->line;
		break;
	case CONFIG_SECTION_ROUTE:
		if (!instance->refused)
			place_route(base, instance->title);
		((struct config_route *)base)->line = instance->line;
		break;
	case CONFIG_SECTION_MODEL:
		((struct config_model *)base)->name = copy(instance->title);
		((struct config_model *)base)->line = instance->line;
		break;
	case CONFIG_SECTION_HANDLER:
		((struct config_handler *)base)->name = copy(instance->title);
		((struct config_handler *)base)->line = instance->line;
		break;
	case CONFIG_SECTION_AUTH:
		((struct config_auth *)base)->name = copy(instance->title);
		((struct config_auth *)base)->line = instance->line;
		break;
	default:
		break;
	}
}

static void
make_arrays(struct config *config, const size_t counts[CONFIG_SECTION_KINDS],
    bool add_default)
{
	config->pool_count = counts[CONFIG_SECTION_POOL] + add_default;
	config->pools = config_allocate(config->pool_count,
	    sizeof(*config->pools));
	config->route_count = counts[CONFIG_SECTION_ROUTE];
	config->routes = config_allocate(config->route_count + 1,
	    sizeof(*config->routes));
	config->model_count = counts[CONFIG_SECTION_MODEL];
	config->models = config_allocate(config->model_count + 1,
	    sizeof(*config->models));
	config->handler_count = counts[CONFIG_SECTION_HANDLER];
	config->handler_sections = config_allocate(config->handler_count + 1,
	    sizeof(*config->handler_sections));
	config->auth_count = counts[CONFIG_SECTION_AUTH];
	config->auths = config_allocate(config->auth_count + 1,
	    sizeof(*config->auths));
}

void
config_values_prepare(struct config *config,
    const struct config_statements *statements)
{
	size_t counts[CONFIG_SECTION_KINDS] = { 0 };
	size_t seen[CONFIG_SECTION_KINDS] = { 0 };
	bool add_default = find_default(statements) == NOWHERE;

	for (size_t i = 0; i < statements->count; i++)
		counts[statements->list[i].kind]++;
	make_arrays(config, counts, add_default);
	if (add_default) {
		config_value_defaults(&config_sections[CONFIG_SECTION_POOL],
		    &config->pools[0]);
		config->pools[0].name = copy("default");
	}
	for (size_t i = 0; i < statements->count; i++) {
		const struct config_instance *instance = &statements->list[i];

		place(instance, config_values_base(config, statements,
		    instance, seen[instance->kind]++));
	}
}
