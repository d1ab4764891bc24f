/*
 * kit_open.c - handlers loaded for a test, as a new generation loads them.
 *
 * Runs in: tests of handlers.
 * Owns: struct fh_test: configuration, set, models, and all calls.
 * Invariant: what the host would refuse is a failure with the host's sentence;
 * then nothing is left loaded.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/cache.h"
#include "common/log.h"
#include "kit/kit.h"

static void
take_sentence(struct kit_bytes *faults, const char *sentence)
{
	kit_bytes_print(faults, "%s%s", faults->length > 0 ? "\n" : "",
	    sentence);
}

static void
report_config(void *faults, const char *sentence)
{
	take_sentence(faults, sentence);
}

static void
report_handler(void *faults, const struct handler *about, const char *sentence)
{
	(void)about;
	take_sentence(faults, sentence);
}

static void
report_model(void *faults, const struct config_model *model,
    const char *reason)
{
	char *sentence = kit_text("model \"%s\" is not there: %s",
	    model->name, reason);

	take_sentence(faults, sentence);
	free(sentence);
}

/* ------------------------------------------------------------ the steps */

static struct config *
read_config(const char *text, struct kit_bytes *faults)
{
	if (text == NULL)
		text = "";
	if (text[0] == '@')
		return config_load(text + 1, report_config, faults);
	return config_parse("the test's configuration", text, strlen(text),
	    report_config, faults);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

/* dlopen() looks for a name without a slash elsewhere. */
static char *
path_with_slash(const char *path)
{
	return kit_text("%s%s", strchr(path, '/') == NULL ? "./" : "", path);
}

static struct handler_set *
load(const struct config *config, const char *const *given, size_t count,
    struct kit_bytes *faults)
{
	const char **names = kit_alloc((count + 1) * sizeof(*names));
	char **paths = kit_alloc((count + 1) * sizeof(*paths));
	struct handler_source source = { .copies = ".", .names = names,
	    .count = count, .paths = (const char *const *)paths };
	struct handler_set *set;
	struct err err;

	for (size_t i = 0; i < count; i++) {
		names[i] = base_name(given[i]);
		paths[i] = path_with_slash(given[i]);
	}
	set = handler_set_load(config, &source, report_handler, faults, &err);
	if (set == NULL)
		take_sentence(faults, err.text);
	for (size_t i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
	free(names);
	return set;
}

/* What self_test does in it is not to be seen by requests. */
static void
empty_cache(struct fh_test *test, struct kit_bytes *faults)
{
	struct err err;

	if (cache_detach(test->cache, &err) < 0)
		take_sentence(faults, err.text);
}

static void
open_cache(struct fh_test *test, struct kit_bytes *faults)
{
	struct err err;

	test->cache = cache_map_private(test->config->cache_size, &err);
	if (test->cache == NULL)
		take_sentence(faults, err.text);
	handler_set_cache(test->set, test->cache);
}

/* As a generation that is made: each step only after all is well so far. */
static void
prepare(struct fh_test *test, struct kit_bytes *faults)
{
	test->models.config = test->config;
	test->models.set = test->set;
	open_cache(test, faults);
	if (model_alone_open(&test->models, NULL, report_model, faults) < 0)
		take_sentence(faults, "no memory for the models");
	if (faults->length == 0)
		handler_set_preload(test->set, report_handler, faults);
	if (faults->length == 0)
		api_probe(test->set, report_handler, faults);
	if (faults->length == 0)
		empty_cache(test, faults);
	if (faults->length == 0 && kit_runner_init(&test->own, test) < 0)
		take_sentence(faults, "no memory to run handlers in");
}

static void
init_lock(struct fh_test *test)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&test->lock, NULL);
	pthread_mutex_init(&test->sync, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&test->news, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void
destroy(struct fh_test *test)
{
	kit_runner_finish(&test->own);
	if (test->set != NULL)
		handler_set_free(test->set);
	cache_unmap(test->cache);
	model_alone_close(&test->models);
	if (test->config != NULL)
		config_free(test->config);
	pthread_cond_destroy(&test->news);
	pthread_mutex_destroy(&test->sync);
	pthread_mutex_destroy(&test->lock);
	free(test);
}

/* ------------------------------------------------------------ for authors */

struct fh_test *
fh_test_open_all_at(const char *const *paths, size_t count, const char *config,
    const char *file, int line)
{
	struct fh_test *test = kit_alloc(sizeof(*test));
	struct kit_bytes faults = { NULL, 0, 0 };

	log_init("test");
	api_responses_always(true);
	signal(SIGPIPE, SIG_IGN);
	TAILQ_INIT(&test->runners);
	TAILQ_INIT(&test->calls);
	init_lock(test);
	test->file = file;
	test->line = line;
	test->config = read_config(config, &faults);
	if (test->config != NULL) {
		log_set_level(test->config->log_level);
		test->set = load(test->config, paths, count, &faults);
	}
	if (test->set != NULL && faults.length == 0)
		prepare(test, &faults);
	if (faults.length == 0)
		return test;
	destroy(test);
	kit_fail(file, line, "%s", faults.bytes);
	kit_bytes_free(&faults);
	return NULL;
}

struct fh_test *
fh_test_open_at(const char *path, const char *config, const char *file,
    int line)
{
	return fh_test_open_all_at(&path, 1, config, file, line);
}

void
fh_test_close(struct fh_test *test)
{
	struct fh_test_call *call;

	if (test == NULL)
		return;
	if (!kit_start_stop(test))
		return;		/* what it uses cannot be freed */
	while ((call = TAILQ_FIRST(&test->calls)) != NULL) {
		TAILQ_REMOVE(&test->calls, call, link);
		kit_call_free(call);
	}
	destroy(test);
}
