/*
 * config_equal.c - has an option the same value twice?
 *
 * Runs in: whoever compares configurations.
 * Owns: nothing.
 * Invariant: values are compared, never how they were written.
 */
#include "config/config_value.h"

#include <string.h>

#include "config/config_list.h"

static const char *
text_at(const struct config_option *option, const void *base)
{
	const char *text;

	memcpy(&text, (const char *)base + option->offset, sizeof(text));
	return text;
}

static bool
has_setting(const struct config_handler *handler,
    const struct config_setting *wanted)
{
	for (size_t i = 0; i < handler->setting_count; i++)
		if (strcmp(handler->settings[i].key, wanted->key) == 0)
			return strcmp(handler->settings[i].value,
			    wanted->value) == 0;
	return false;
}

/* No key is set twice, so as many that are all found are the same ones. */
static bool
equal_settings(const struct config_handler *a, const struct config_handler *b)
{
	if (a->setting_count != b->setting_count)
		return false;
	for (size_t i = 0; i < a->setting_count; i++)
		if (!has_setting(b, &a->settings[i]))
			return false;
	return true;
}

bool
config_value_equal(const struct config_option *option, const void *base,
    const void *other)
{
	const char *a, *b;

	if (option->type == CONFIG_SETTINGS)
		return equal_settings(base, other);
	if (option->type == CONFIG_LIST)
		return config_list_equal(option, base, other);
	if (!config_value_is_text(option))
		return memcmp((const char *)base + option->offset,
		    (const char *)other + option->offset, option->width) == 0;
	a = text_at(option, base);
	b = text_at(option, other);
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}
