/*
 * config_list.c - a list of strings, in its place in a struct.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing; a list belongs to the struct it is stored in.
 * Invariant: a list is NULL, or has at least one item and a NULL behind it; of
 * an option without a default NULL is not set, and an empty one has that NULL
 * alone.
 */
#include "config/config_list.h"

#include <stdlib.h>
#include <string.h>

#include "config/config_fault.h"
#include "config/config_value.h"

char **
config_list_items(const struct config_option *option, const void *base)
{
	char **items;

	memcpy(&items, (const char *)base + option->offset, sizeof(items));
	return items;
}

size_t
config_list_count(char *const *items)
{
	size_t count = 0;

	while (items != NULL && items[count] != NULL)
		count++;
	return count;
}

static void
set_items(const struct config_option *option, void *base, char **items)
{
	memcpy((char *)base + option->offset, &items, sizeof(items));
}

static void
append(const struct config_option *option, void *base, const char *text,
    size_t length)
{
	char **items = config_list_items(option, base);
	size_t count = config_list_count(items);

	items = config_grow(items, count + 2, sizeof(*items));
	items[count] = config_copy(text, length);
	items[count + 1] = NULL;
	set_items(option, base, items);
}

bool
config_value_is_list(const struct config_option *option)
{
	return option->type >= CONFIG_LIST;
}

int
config_value_add(const struct config_option *option, const char *text,
    void *base, struct err *err)
{
	if (text[0] == '\0')
		return err_set(err, "an item is empty: leave it out");
	if (config_text_check(option->item, text, err) < 0)
		return -1;
	append(option, base, text, strlen(text));
	return 0;
}

void
config_value_clear(const struct config_option *option, void *base)
{
	char **items = config_list_items(option, base);

	for (size_t i = 0; items != NULL && items[i] != NULL; i++)
		free(items[i]);
	free(items);
	set_items(option, base, NULL);
}

void
config_list_empty(const struct config_option *option, void *base)
{
	config_value_clear(option, base);
	if (option->fallback == NULL)
		set_items(option, base, config_allocate(1, sizeof(char *)));
}

void
config_list_default(const struct config_option *option, void *base)
{
	const char *word = option->fallback == NULL ? "" : option->fallback;

	for (size_t length; *word != '\0'; word += strspn(word, " ")) {
		length = strcspn(word, " ");
		append(option, base, word, length);
		word += length;
	}
}

void
config_list_assign(const struct config_option *option, void *base,
    const void *other)
{
	char **items = config_list_items(option, other);

	config_value_clear(option, base);
	if (items != NULL)
		config_list_empty(option, base);
	for (size_t i = 0; items != NULL && items[i] != NULL; i++)
		append(option, base, items[i], strlen(items[i]));
}

bool
config_list_equal(const struct config_option *option, const void *base,
    const void *other)
{
	char **a = config_list_items(option, base);
	char **b = config_list_items(option, other);
	size_t count = config_list_count(a);

	if (count != config_list_count(b) || (a == NULL) != (b == NULL))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}
