/*
 * sup_outcome.c - what came of a reload, for whoever asked and for the log.
 *
 * Runs in: supervisor.
 * Owns: sup.last_outcome.
 * Invariant: one document per reload; it is finished once.
 *
 *	{"trigger", "at", "ok", "generation", "was", "ms", "changes": [{"kind",
 *	"text"}], "refused": [{"file", "reason"}], "restart": [], "reason"}
 */
#include <json-c/json.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_json.h"

#define ENTRIES_MAX	1000	/* of each list */

struct json_object *
sup_outcome_create(enum sup_trigger trigger)
{
	struct json_object *outcome = json_object_new_object();

	if (outcome == NULL)
		fatal(EXIT_CODE_SYSTEM, "outcome of a reload");
	sup_json_text(outcome, "trigger", sup_trigger_name(trigger));
	sup_json_number(outcome, "at", (uint64_t)time(NULL));
	json_object_object_add(outcome, "changes", json_object_new_array());
	json_object_object_add(outcome, "refused", json_object_new_array());
	json_object_object_add(outcome, "restart", json_object_new_array());
	return outcome;
}

static void
append(struct json_object *outcome, const char *key, struct json_object *entry)
{
	struct json_object *list = json_object_object_get(outcome, key);

	if (json_object_array_length(list) < ENTRIES_MAX)
		json_object_array_add(list, entry);
	else
		json_object_put(entry);
}

static struct json_object *
pair(const char *key, const char *value, const char *other_key,
    const char *other)
{
	struct json_object *entry = json_object_new_object();

	sup_json_text(entry, key, value);
	sup_json_text(entry, other_key, other);
	return entry;
}

void
sup_outcome_change(struct json_object *outcome, const char *kind,
    const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	append(outcome, "changes", pair("kind", kind, "text", text));
}

void
sup_outcome_refused(struct json_object *outcome, const char *file,
    const char *reason)
{
	append(outcome, "refused", pair("file", file, "reason", reason));
}

void
sup_outcome_restart(struct json_object *outcome, const char *sentence)
{
	append(outcome, "restart", sup_json_string(sentence));
}

/* ------------------------------------------------------------------- files */

static const char *
shown_id(const struct handler_version *version)
{
	return version->build_id[0] != '\0' ? version->build_id :
	    version->sha256;
}

static void
add_file(struct json_object *outcome, const struct sup_pick *pick)
{
	const struct handler_version *now = sup_pick_version(pick);
	const struct handler_version *before = &pick->kept.version;
	const char *name = pick->fresh.name;

	if (before->sha256[0] == '\0' && now != NULL)
		sup_outcome_change(outcome, "added", "%s  build id %.12s",
		    name, shown_id(now));
	else if (before->sha256[0] != '\0' && now == NULL)
		sup_outcome_change(outcome, "removed", "%s", name);
	else if (now != NULL && pick->choice == SUP_PICK_FRESH)
		sup_outcome_change(outcome, "changed", "%s  build id %.12s "
		    "-> %.12s", name, shown_id(before), shown_id(now));
}

void
sup_outcome_files(struct sup *sup, struct json_object *outcome)
{
	const struct sup_picks *picks = &sup->reload.picks;

	for (size_t i = 0; i < picks->count; i++)
		add_file(outcome, &picks->list[i]);
}

static void
add_refusals(struct json_object *outcome, const struct sup_picks *picks)
{
	char reason[SUP_REASON_MAX + 64];

	for (size_t i = 0; i < picks->count; i++) {
		const struct sup_pick *pick = &picks->list[i];

		if (pick->reason[0] == '\0')
			continue;
		if (pick->choice == SUP_PICK_KEPT)
			snprintf(reason, sizeof(reason), "%s; its version of "
			    "generation %u serves on", pick->reason,
			    pick->kept.since);
		else
			snprintf(reason, sizeof(reason), "%s", pick->reason);
		sup_outcome_refused(outcome, pick->fresh.name, reason);
	}
}

/* ---------------------------------------------------------------- its end */

static void
log_outcome(const struct sup *sup, struct json_object *outcome)
{
	struct json_object *changes = json_object_object_get(outcome,
	    "changes");
	uint32_t number = sup->serving != NULL ? sup->serving->number : 0;

	log_info("%s: generation %u serves, after %lld ms",
	    json_object_get_string(json_object_object_get(outcome,
	    "trigger")), number, (long long)json_object_get_int64(
	    json_object_object_get(outcome, "ms")));
	for (size_t i = 0; i < json_object_array_length(changes); i++) {
		struct json_object *change = json_object_array_get_idx(
		    changes, i);

		log_info("generation %u: %s %s", number,
		    json_object_get_string(json_object_object_get(change,
		    "kind")), json_object_get_string(json_object_object_get(
		    change, "text")));
	}
}

static void
conclude(const struct sup *sup, struct json_object *outcome, bool ok,
    uint32_t was, uint64_t ms, const char *reason)
{
	sup_json_bool(outcome, "ok", ok);
	sup_json_number(outcome, "generation", sup->serving == NULL ? 0 :
	    sup->serving->number);
	sup_json_number(outcome, "was", was);
	sup_json_number(outcome, "ms", ms);
	sup_json_text(outcome, "reason", reason);
}

struct json_object *
sup_outcome_none(const struct sup *sup, enum sup_trigger trigger,
    const char *reason)
{
	struct json_object *outcome = sup_outcome_create(trigger);

	conclude(sup, outcome, false, sup->serving == NULL ? 0 :
	    sup->serving->number, 0, reason);
	return outcome;
}

void
sup_outcome_finish(struct sup *sup, bool ok, const char *reason)
{
	struct sup_reload *reload = &sup->reload;
	struct json_object *outcome = reload->outcome;

	add_refusals(outcome, &reload->picks);
	conclude(sup, outcome, ok, reload->was,
	    clock_now_ms() - reload->started_ms, reason);
	sup->reload_count++;
	if (!ok)
		sup->refused_count++;
	if (ok && sup->serving != NULL && sup->serving->number != reload->was)
		log_outcome(sup, outcome);
	json_object_put(sup->last_outcome);
	sup->last_outcome = outcome;
	reload->outcome = NULL;
}
