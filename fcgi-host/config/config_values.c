/*
 * config_values.c - the values of a file's sound statements, into the struct.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: libconfuse, which is used nowhere else.
 * Invariant: the n-th section of a kind in libconfuse's tree is the n-th one
 * of the statements that is not left out.
 */
#include "config/config_values.h"

#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_list.h"
#include "config/config_value.h"

/* libconfuse gives its error function no context of ours. */
static struct config_faults *current_faults;

static void	report_confuse(cfg_t *, const char *, va_list)
		    __attribute__((format(printf, 2, 0)));

static void
report_confuse(cfg_t *cfg, const char *format, va_list ap)
{
	char sentence[256];

	vsnprintf(sentence, sizeof(sentence), format, ap);
	config_fault(current_faults, (unsigned)cfg->line, "libconfuse", "%s",
	    sentence);
}

/* ---------------------------------------------------------------- options */

static size_t
count_options(const struct config_section *section)
{
	size_t count = 0;

	while (section->options[count].name != NULL)
		count++;
	return count;
}

/* Every value is a string to libconfuse; what it means is ours to say. */
static cfg_opt_t
make_option(const struct config_option *option)
{
	if (config_value_is_list(option))
		return (cfg_opt_t)CFG_STR_LIST(option->name, NULL,
		    CFGF_NODEFAULT);
	return (cfg_opt_t)CFG_STR(option->name, NULL, CFGF_NODEFAULT);
}

/* The section's options with room for `more`; the caller frees it. */
static cfg_opt_t *
make_options(const struct config_section *section, size_t more)
{
	size_t count = count_options(section);
	cfg_opt_t *options = config_allocate(count + more + 1,
	    sizeof(*options));

	for (size_t i = 0; i < count; i++)
		options[i] = make_option(&section->options[i]);
	options[count + more] = (cfg_opt_t)CFG_END();
	return options;
}

static cfg_t *
make_parser(void)
{
	size_t count = count_options(config_sections);
	cfg_opt_t *inner[CONFIG_SECTION_KINDS] = { NULL };
	cfg_opt_t *options = make_options(config_sections,
	    CONFIG_SECTION_KINDS - 1);
	cfg_t *cfg;

	for (size_t i = CONFIG_TOP + 1; i < CONFIG_SECTION_KINDS; i++) {
		inner[i] = make_options(&config_sections[i], 0);
		options[count++] = (cfg_opt_t)CFG_SEC(config_sections[i].name,
		    inner[i], CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
	}
	cfg = cfg_init(options, CFGF_NONE);
	for (size_t i = CONFIG_TOP + 1; i < CONFIG_SECTION_KINDS; i++)
		free(inner[i]);
	free(options);
	if (cfg == NULL)
		fatal(EXIT_CODE_SYSTEM, "reading the configuration");
	return cfg;
}

/* ----------------------------------------------------------------- values */

/* The line of an item of the option that is set in `line`. */
static unsigned
item_line(const struct config_instance *instance,
    const struct config_option *option, size_t index, unsigned line)
{
	index += instance->items_at[option -
	    config_sections[instance->kind].options];
	return index < instance->item_count ? instance->item_lines[index] :
	    line;
}

static bool
has_key(const struct config_handler *handler, const char *key)
{
	for (size_t i = 0; i < handler->setting_count; i++)
		if (strcmp(handler->settings[i].key, key) == 0)
			return true;
	return false;
}

static void
read_setting(const struct config_option *option, const char *text,
    unsigned line, struct config_handler *handler,
    struct config_faults *faults)
{
	struct config_setting *slot =
	    &handler->settings[handler->setting_count];
	struct err err;

	if (config_value_setting(text, slot, &err) < 0) {
		config_fault(faults, line, option->name, "%s", err.text);
		return;
	}
	if (!has_key(handler, slot->key)) {
		handler->setting_count++;
		return;
	}
	config_fault(faults, line, option->name, "\"%s\" is set twice: remove "
	    "one of the two", slot->key);
	free(slot->key);
	free(slot->value);
}

static void
read_settings(const struct config_option *option, cfg_t *cfg,
    const struct config_instance *instance, unsigned line,
    struct config_handler *handler, struct config_faults *faults)
{
	unsigned count = cfg_size(cfg, option->name);

	if (count > CONFIG_SETTINGS_MAX) {
		config_fault(faults, line, option->name, "has %u items: use "
		    "at most %d", count, CONFIG_SETTINGS_MAX);
		return;
	}
	handler->settings = config_allocate(count + 1,
	    sizeof(*handler->settings));
	for (unsigned i = 0; i < count; i++)
		read_setting(option, cfg_getnstr(cfg, option->name, i),
		    item_line(instance, option, i, line), handler, faults);
}

static void
read_list(const struct config_option *option, cfg_t *cfg,
    const struct config_instance *instance, unsigned line, void *base,
    struct config_faults *faults)
{
	unsigned count = cfg_size(cfg, option->name);
	struct err err;

	config_list_empty(option, base);
	if (count > CONFIG_LIST_MAX) {
		config_fault(faults, line, option->name, "has %u items: use "
		    "at most %d", count, CONFIG_LIST_MAX);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		if (config_value_add(option, cfg_getnstr(cfg, option->name, i),
		    base, &err) < 0)
			config_fault(faults, item_line(instance, option, i,
			    line), option->name, "%s", err.text);
}

static void
read_option(const struct config_option *option, cfg_t *cfg, unsigned line,
    void *base, struct config_faults *faults)
{
	const char *text = cfg_getstr(cfg, option->name);
	struct err err;

	if (text != NULL &&
	    config_value_store(option, text, base, &err) < 0)
		config_fault(faults, line, option->name, "%s", err.text);
}

static void
read_section(cfg_t *cfg, const struct config_instance *instance, void *base,
    struct config_faults *faults)
{
	const struct config_option *options =
	    config_sections[instance->kind].options;

	for (size_t i = 0; options[i].name != NULL; i++) {
		unsigned line = instance->lines[i];

		if (line == 0)
			continue;
		if (options[i].type == CONFIG_SETTINGS)
			read_settings(&options[i], cfg, instance, line, base,
			    faults);
		else if (options[i].type == CONFIG_LIST)
			read_list(&options[i], cfg, instance, line, base,
			    faults);
		else
			read_option(&options[i], cfg, line, base, faults);
	}
}

static void
read_all(cfg_t *cfg, struct config *config,
    const struct config_statements *statements, struct config_faults *faults)
{
	size_t seen[CONFIG_SECTION_KINDS] = { 0 };

	for (size_t i = 0; i < statements->count; i++) {
		const struct config_instance *instance = &statements->list[i];
		size_t index = seen[instance->kind]++;
		cfg_t *section = cfg;

		if (instance->kind != CONFIG_TOP)
			section = cfg_getnsec(cfg,
			    config_sections[instance->kind].name,
			    (unsigned)index);
		FH_BUG(section == NULL);
		read_section(section, instance,
		    config_values_base(config, statements, instance, index),
		    faults);
	}
}

void
config_values_read(struct config *config,
    const struct config_statements *statements, struct config_faults *faults)
{
	cfg_t *cfg = make_parser();

	current_faults = faults;
	cfg_set_error_function(cfg, report_confuse);
	if (cfg_parse_buf(cfg, statements->text) == CFG_SUCCESS)
		read_all(cfg, config, statements, faults);
	else if (faults->count == 0)
		config_fault(faults, 0, "libconfuse", "cannot read it");
	cfg_free(cfg);
	current_faults = NULL;
}
