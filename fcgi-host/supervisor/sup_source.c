/*
 * sup_source.c - where a new generation's configuration and files come from.
 *
 * Runs in: supervisor.
 * Owns: nothing; fills sup.reload.picks (sup_place.c the folder).
 * Invariant: a watcher's reload takes handler files only, and of these none
 * that a rollback has set aside: the configuration's file and the models' are
 * read when somebody says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/log.h"
#include "config/config_reload.h"
#include "supervisor/sup.h"
#include "supervisor/sup_stage.h"

/* ------------------------------------------------------------ configuration */

/* All faults, as one reason. */
static void
add_fault(void *context, const char *sentence)
{
	struct err *err = context;
	size_t length = strlen(err->text);

	log_line(LOG_LEVEL_ERROR, "%s", sentence);
	snprintf(err->text + length, sizeof(err->text) - length, "%s%s",
	    length > 0 ? "; " : "", sentence);
}

static void
add_restart(void *context, const char *sentence)
{
	log_warnx("%s", sentence);
	sup_outcome_restart(context, sentence);
}

static void
add_change(void *context, const char *sentence)
{
	sup_outcome_change(context, "config", "%s", sentence);
}

static struct config *
parse(const char *file, const char *text, size_t length, struct err *err)
{
	struct err faults = { "" };
	struct config *config = config_parse(file, text, length, add_fault,
	    &faults);

	if (config == NULL)
		*err = faults;
	return config;
}

static struct config *
load(const struct sup *sup, struct err *err)
{
	struct err faults = { "" };
	struct config *config = config_load(sup->config->file, add_fault,
	    &faults);

	if (config == NULL)
		*err = faults;
	return config;
}

static struct config *
from_store(struct sup *sup, uint32_t number, struct err *err)
{
	struct config *config;
	size_t length;
	char *text = sup_store_config(sup->store, number, &length, err);

	if (text == NULL)
		return NULL;
	config = parse(sup->config->file, text, length, err);
	free(text);
	return config;
}

struct config *
sup_source_config(struct sup *sup, enum sup_trigger trigger, uint32_t wanted,
    struct json_object *outcome, struct err *err)
{
	const struct config *now = sup_config(sup);
	struct config *config;

	switch (trigger) {
	case SUP_TRIGGER_HANGUP:
	case SUP_TRIGGER_COMMAND:
		config = load(sup, err);
		break;
	case SUP_TRIGGER_ROLLBACK:
		config = from_store(sup, wanted, err);
		break;
	default:
		config = parse(now->file, now->text, now->text_length, err);
	}
	if (config == NULL || trigger == SUP_TRIGGER_START)
		return config;
	config_keep_restart(config, sup->config,
	    sup_trigger_is_ours(trigger) ? NULL : add_restart, outcome);
	config_changes(config, now, add_change, outcome);
	return config;
}

/* ---------------------------------------------------------- kept versions */

static int
add_kept(struct sup *sup, const struct sup_manifest *manifest)
{
	for (size_t i = 0; i < manifest->file_count; i++) {
		const struct sup_file *file = &manifest->files[i];
		struct sup_pick *pick = sup_picks_at(&sup->reload.picks,
		    file->version.name);

		if (pick == NULL)
			return -1;
		pick->kept = *file;
		pick->kept_from = manifest->number;
	}
	return 0;
}

/* What serves; if nothing does, what served last. */
static int
add_last_good(struct sup *sup, struct err *err)
{
	struct sup_manifest manifest = { 0 };
	uint32_t *numbers = NULL;
	size_t count = 0;
	int rc = 0;

	if (sup->serving != NULL && !sup->serving->closed)
		return add_kept(sup, &sup->serving->manifest);
	if (sup_store_list(sup->store, &numbers, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (sup_store_read(sup->store, numbers[i], &manifest,
		    err) == 0) {
			rc = add_kept(sup, &manifest);
			sup_manifest_finish(&manifest);
			break;
		}
	free(numbers);
	return rc;
}

static int
make_folder(struct sup *sup, struct err *err)
{
	return sup_store_begin(sup->store, sup->reload.next->number, err);
}

/* ------------------------------------------------ files of the directory */

static bool
tries_again(enum sup_trigger trigger)
{
	return trigger == SUP_TRIGGER_COMMAND ||
	    trigger == SUP_TRIGGER_HANGUP || trigger == SUP_TRIGGER_START;
}

/* A start is no word of anybody's on a rollback. */
static bool
holds(enum sup_trigger trigger)
{
	return !tries_again(trigger) || trigger == SUP_TRIGGER_START;
}

/* It has crashed before, and is the same: who wants it tried again says so. */
static void
recall_crash(const struct sup *sup, struct sup_pick *pick)
{
	const struct sup_refusal *refusal = sup_refusals_find(sup,
	    pick->fresh.name);

	if (refusal == NULL || !refusal->crashed ||
	    strcmp(refusal->version.sha256, pick->fresh.sha256) != 0)
		return;
	snprintf(pick->reason, sizeof(pick->reason), "%s", refusal->reason);
	pick->crashed = true;
}

/* A directory that changes all the time is looked at again and again. */
static bool
is_news(const struct sup *sup, const struct sup_stage_file *file)
{
	const struct sup_refusal *before = sup_refusals_find(sup,
	    file->version.name);

	return sup->reload.trigger != SUP_TRIGGER_WATCH || before == NULL ||
	    strcmp(before->reason, file->reason) != 0;
}

static void
on_found(void *context, const struct sup_stage_file *file)
{
	struct sup *sup = context;
	struct sup_reload *reload = &sup->reload;
	struct sup_pick *pick = sup_picks_at(&reload->picks,
	    file->version.name);
	bool again = tries_again(reload->trigger);

	if (pick == NULL)
		fatal(EXIT_CODE_SYSTEM, "the handlers");
	pick->fresh = file->version;
	pick->copied = !file->known && file->reason[0] == '\0';
	snprintf(pick->reason, sizeof(pick->reason), "%s", file->reason);
	if (file->reason[0] != '\0') {
		log_line(is_news(sup, file) ? LOG_LEVEL_WARN :
		    LOG_LEVEL_DEBUG, "%s/%s: %s",
		    reload->next->config->handlers, file->version.name,
		    file->reason);
		return;
	}
	pick->held = holds(reload->trigger) &&
	    strcmp(pick->fresh.sha256, pick->kept.held) == 0;
	if (!again)
		recall_crash(sup, pick);
}

/* What a rollback brought back though its file was removed. */
static void
hold_absent(const struct sup_reload *reload)
{
	for (size_t i = 0; i < reload->picks.count; i++) {
		struct sup_pick *pick = &reload->picks.list[i];

		if (pick->fresh.sha256[0] == '\0' &&
		    pick->reason[0] == '\0' && holds(reload->trigger))
			pick->held = strcmp(pick->kept.held,
			    SUP_HELD_ABSENT) == 0;
	}
}

static void
on_looked(void *context, const char *error)
{
	struct sup *sup = context;

	sup->reload.stage = NULL;
	if (error != NULL) {
		sup_reload_give_up(sup, "%s", error);
		return;
	}
	hold_absent(&sup->reload);
	sup_reload_staged(sup);
}

static struct handler_version *
known_versions(const struct sup_picks *picks, size_t *count_out)
{
	struct handler_version *known = calloc(picks->count + 1,
	    sizeof(*known));

	*count_out = picks->count;
	for (size_t i = 0; known != NULL && i < picks->count; i++)
		known[i] = picks->list[i].kept.version;
	return known;
}

/* What has changed until now is looked at now.  NULL: none, or no memory to
 * know: a file that is not whole is refused for what it is. */
static const char *const *
names_being_written(struct sup *sup, size_t *count_out)
{
	struct sup_directory *directory = sup->directory;
	const char **names;
	size_t count = 0;

	*count_out = 0;
	if (directory == NULL)
		return NULL;
	if (sup->reload.trigger != SUP_TRIGGER_WATCH)
		sup_directory_taken(directory);
	while (sup_directory_being_written(directory, count) != NULL)
		count++;
	names = calloc(count + 1, sizeof(*names));
	for (size_t i = 0; names != NULL && i < count; i++)
		names[(*count_out)++] = sup_directory_being_written(directory,
		    i);
	return names;
}

int
sup_source_stage(struct sup *sup, struct err *err)
{
	struct sup_reload *reload = &sup->reload;
	struct sup_stage_work work = { .config = reload->next->config };
	struct handler_version *known;

	reload->directory = true;
	if (add_last_good(sup, err) < 0)
		return -1;
	known = known_versions(&reload->picks, &work.known_count);
	if (known == NULL)
		return err_sys(err, "the handlers");
	work.known = known;
	if (reload->trigger != SUP_TRIGGER_WATCH)
		work.known_count = 0;	/* a copy may have been damaged */
	work.writing = names_being_written(sup, &work.writing_count);
	work.to_dir = make_folder(sup, err);
	if (work.to_dir >= 0) {
		reload->stage = sup_stage_start(&sup->loop, &work, on_found,
		    on_looked, sup, err);
		close(work.to_dir);
	}
	free(known);
	free((void *)(uintptr_t)work.writing);
	return reload->stage != NULL ? 0 : -1;
}

/* ------------------------------------------- files of another generation */

/* Each file of `manifest` as if it were found in the directory. */
static int
take_from(struct sup *sup, const struct sup_manifest *manifest)
{
	for (size_t i = 0; i < manifest->file_count; i++) {
		const struct sup_file *file = &manifest->files[i];
		struct sup_pick *pick = sup_picks_at(&sup->reload.picks,
		    file->version.name);

		if (pick == NULL)
			return -1;
		pick->fresh = file->version;
		pick->fresh_from = manifest->number;
	}
	return 0;
}

static int
make_empty_folder(struct sup *sup, struct err *err)
{
	int fd = make_folder(sup, err);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* What a rollback has set aside. */
static void
hold_what_was_held(struct sup_picks *picks)
{
	for (size_t i = 0; i < picks->count; i++)
		memcpy(picks->list[i].set_aside, picks->list[i].kept.held,
		    sizeof(picks->list[i].set_aside));
}

/* Without its copies there is the directory, as at a start.  What a watcher has
 * seen there meanwhile is taken along by a repair, or it would be forgotten. */
int
sup_source_from_serving(struct sup *sup, struct err *err)
{
	if (!sup_store_holds(sup->store, &sup->serving->manifest) ||
	    (sup->reload.trigger == SUP_TRIGGER_REPAIR &&
	    sup->directory != NULL))
		return sup_source_stage(sup, err);
	if (add_last_good(sup, err) < 0 ||
	    make_empty_folder(sup, err) < 0)
		return -1;
	hold_what_was_held(&sup->reload.picks);
	return take_from(sup, &sup->serving->manifest);
}

static bool
is_kept(const struct sup_history *list, size_t count, uint32_t number)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].number == number)
			return true;
	return false;
}

/* What serves after a rollback is what it went to: the next one goes further
 * back, not forward again. */
static int
choose_before(const struct sup_generation *serving,
    const struct sup_history *list, size_t count, uint32_t *out,
    struct err *err)
{
	const struct sup_manifest *manifest = &serving->manifest;
	uint32_t from = manifest->rolled_back_to != 0 ?
	    manifest->rolled_back_to : serving->number;
	char content[HASH_TEXT];

	if (sup_history_content(manifest, serving->config->text,
	    serving->config->text_length, content, err) < 0)
		return -1;
	*out = sup_history_before(list, count, from, content);
	if (*out == 0)
		return err_set(err, "no generation before %u is kept that "
		    "differs from what serves; see fcgi-host generations",
		    from);
	return 0;
}

/* The last one that differs from what serves, if none is named. */
int
sup_source_choose(struct sup *sup, uint32_t *wanted, struct err *err)
{
	const struct sup_generation *serving = sup->serving;
	struct sup_history *list;
	size_t count;
	int rc = 0;

	if (sup_store_history(sup->store, &list, &count, err) < 0)
		return -1;
	if (*wanted == serving->number)
		rc = err_set(err, "generation %u serves already", *wanted);
	else if (*wanted == 0)
		rc = choose_before(serving, list, count, wanted, err);
	else if (!is_kept(list, count, *wanted))
		rc = err_set(err, "generation %u is not kept; see fcgi-host "
		    "generations", *wanted);
	free(list);
	return rc;
}

/* The version in the directory, as far as is known. */
static const char *
dropped(const struct sup_pick *pick)
{
	if (pick->kept.held[0] != '\0')
		return pick->kept.held;
	return pick->kept.version.sha256[0] != '\0' ?
	    pick->kept.version.sha256 : SUP_HELD_ABSENT;
}

/* That is set aside until it changes. */
static void
hold_present(struct sup_picks *picks)
{
	for (size_t i = 0; i < picks->count; i++) {
		struct sup_pick *pick = &picks->list[i];
		const char *wanted = pick->fresh.sha256[0] != '\0' ?
		    pick->fresh.sha256 : SUP_HELD_ABSENT;

		if (strcmp(wanted, dropped(pick)) != 0)
			snprintf(pick->set_aside, sizeof(pick->set_aside),
			    "%s", dropped(pick));
	}
}

int
sup_source_from_store(struct sup *sup, uint32_t number, struct err *err)
{
	struct sup_manifest manifest;
	int rc;

	if (add_last_good(sup, err) < 0 ||
	    sup_store_read(sup->store, number, &manifest, err) < 0)
		return -1;
	rc = take_from(sup, &manifest);
	sup_manifest_finish(&manifest);
	if (rc < 0)
		return err_sys(err, "the handlers");
	hold_present(&sup->reload.picks);
	return make_empty_folder(sup, err);
}

/* -------------------------------------------------------------- the watcher */

static void
on_change(void *context)
{
	sup_reload_ask(context, SUP_TRIGGER_WATCH, 0, NULL);
}

static void
stop_watching(struct sup *sup)
{
	sup_directory_close(sup->directory);
	sup->directory = NULL;
	free(sup->directory_path);
	sup->directory_path = NULL;
}

static void
start_watching(struct sup *sup, const struct config *config)
{
	struct err err;

	sup->directory_path = strdup(config->handlers);
	sup->directory = sup_directory_open(&sup->loop, config->handlers,
	    config->watch_delay_ms, on_change, sup, &err);
	if (sup->directory == NULL)
		log_warnx("watch: %s; changes are taken by fcgi-host reload "
		    "only", err.text);
	else if (sup->serving != NULL)
		on_change(sup);	/* what came before we watched */
}

void
sup_source_watch(struct sup *sup)
{
	const struct config *config = sup_config(sup);
	bool wanted = config->watch && sup->phase != SUP_STOPPING;

	if (sup->directory != NULL && (!wanted ||
	    strcmp(sup->directory_path, config->handlers) != 0))
		stop_watching(sup);
	if (wanted && sup->directory == NULL)
		start_watching(sup, config);
	else if (wanted)
		sup_directory_set_delay(sup->directory,
		    config->watch_delay_ms);
}
