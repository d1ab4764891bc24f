/*
 * fuzz_config.c - any bytes as a configuration file, and as a value.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: there is a configuration or there are faults, never both and
 * never neither; each fault names the file and a line in it; and a
 * configuration is whole.  What is shown of a value is read as the same one.
 */
#include "fuzz.h"

#include <string.h>

#include "config/config.h"
#include "config/config_reload.h"
#include "config/config_units.h"

#define NAME	"fuzz.conf"

struct faults {
	size_t	 count;
	unsigned line;		/* of the last one */
	unsigned lines;		/* in the file */
	bool	 says_confuse;	/* the input itself has this word in it */
};

static void
count_fault(void *context, const char *sentence)
{
	struct faults *faults = context;
	unsigned long line = 0;

	faults->count++;
	CHECK(strncmp(sentence, NAME ":", strlen(NAME) + 1) == 0);
	sentence += strlen(NAME) + 1;
	if (*sentence != ' ')
		line = strtoul(sentence, (char **)&sentence, 10);
	if (line != 0)
		CHECK(*sentence++ == ':');
	CHECK(*sentence++ == ' ' && *sentence != '\0');
	CHECK(line <= faults->lines && line >= faults->line);
	faults->line = (unsigned)line;
	CHECK(faults->says_confuse || strstr(sentence, "libconfuse") == NULL);
	for (; *sentence != '\0'; sentence++)
		CHECK((unsigned char)*sentence >= ' ');
}

static void
check_pools(const struct config *config)
{
	uint64_t running = 0;

	CHECK(config->pool_count > 0);
	CHECK(strcmp(config->pools[0].name, "default") == 0);
	for (size_t i = 0; i < config->pool_count; i++) {
		const struct config_pool *pool = &config->pools[i];

		CHECK(pool->workers > 0 && pool->threads > 0);
		CHECK(pool->stack % 4096 == 0);
		running += (uint64_t)pool->workers * pool->threads;
	}
	CHECK(running <= 65536);
}

static void
check_sections(const struct config *config)
{
	for (size_t i = 0; i < config->route_count; i++) {
		const struct config_route *route = &config->routes[i];
		size_t pool = 0;

		CHECK(route->method[0] != '\0' && route->path[0] == '/');
		CHECK(route->async >= CONFIG_UNSET && route->async <= 1);
		CHECK(route->timeout_ms >= CONFIG_UNSET);
		while (route->pool != NULL && pool < config->pool_count &&
		    strcmp(config->pools[pool].name, route->pool) != 0)
			pool++;
		CHECK(pool < config->pool_count);
	}
	for (size_t i = 0; i < config->model_count; i++) {
		CHECK(config->models[i].path[0] == '/');
		CHECK(config_model(config, config->models[i].name) ==
		    &config->models[i]);
	}
	for (size_t i = 0; i < config->handler_count; i++) {
		const struct config_handler *handler =
		    &config->handler_sections[i];

		for (size_t j = 0; j < handler->setting_count; j++)
			CHECK(config_setting(config, handler->name,
			    handler->settings[j].key) ==
			    handler->settings[j].value);
	}
}

static void
check_shown(size_t bytes, uint64_t ms)
{
	char shown[CONFIG_UNITS_ROOM];
	uint64_t again_ms;
	size_t again;

	CHECK(config_units_size(config_units_show_size(bytes, shown), &again,
	    NULL) == 0 && again == bytes);
	CHECK(config_units_time(config_units_show_time(ms, shown), &again_ms,
	    NULL) == 0 && again_ms == ms);
}

static void
check_value(const char *text)
{
	struct err size_err = { "" }, time_err = { "" };
	uint64_t ms = 7;
	size_t bytes = 7;

	CHECK((config_units_size(text, &bytes, &size_err) < 0) ==
	    (size_err.text[0] != '\0'));
	CHECK((config_units_time(text, &ms, &time_err) < 0) ==
	    (time_err.text[0] != '\0'));
	CHECK(size_err.text[0] == '\0' || bytes == 7);
	CHECK(time_err.text[0] == '\0' || ms == 7);
	check_shown(bytes, ms);
}

static void
count_change(void *context, const char *sentence)
{
	size_t *count = context;

	CHECK(strchr(sentence, ':') != NULL);
	++*count;
}

/* Against itself and against the defaults, which it then agrees with where a
 * restart would be needed. */
static void
check_reload(struct config *config)
{
	struct config *running = config_defaults();
	size_t told = 0, there, back;

	CHECK(config_changes(config, config, count_change, &told) == 0);
	there = config_changes(config, running, count_change, &told);
	back = config_changes(running, config, count_change, &told);
	CHECK(there == back && told == there + back);
	told = 0;
	CHECK(config_keep_restart(config, running, count_change, &told) ==
	    told);
	CHECK(config_keep_restart(config, running, count_change, &told) == 0);
	config_free(running);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct faults faults = { .lines = 1 };
	char *text = malloc(size + 1);
	struct config *config;

	CHECK(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < size; i++)
		faults.lines += text[i] == '\n';
	faults.says_confuse = memmem(data, size, "libconfuse", 10) != NULL;
	check_value(text);
	config = config_parse(NAME, text, size, count_fault, &faults);
	CHECK((config == NULL) == (faults.count > 0));
	if (config != NULL) {
		CHECK(config->header_limit <= config->reply_space);
		check_pools(config);
		check_sections(config);
		check_reload(config);
	}
	config_free(config);
	free(text);
	return 0;
}
