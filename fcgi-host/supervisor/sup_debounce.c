/*
 * sup_debounce.c - policy: when do changes in the handler directory make a
 * reload.
 *
 * Runs in: supervisor.
 * Owns: the names of files with a change that waits.
 * Invariant: pure; whatever happens in the directory, memory is bounded, a
 * change waits for at most 20 delays or the gap, and reloads that never end
 * come 30 s apart.
 */
#include "supervisor/sup_debounce.h"

#include <stdlib.h>
#include <string.h>

#include "supervisor/sup_manifest.h"

void
sup_debounce_init(struct sup_debounce *debounce, uint64_t delay_ms)
{
	memset(debounce, 0, sizeof(*debounce));
	sup_debounce_set_delay(debounce, delay_ms);
	debounce->others.left_ms = debounce->delay_ms * SUP_DEBOUNCE_DELAYS;
}

void
sup_debounce_finish(struct sup_debounce *debounce)
{
	free(debounce->files);
	memset(debounce, 0, sizeof(*debounce));
}

void
sup_debounce_set_delay(struct sup_debounce *debounce, uint64_t delay_ms)
{
	const uint64_t most = UINT32_MAX;	/* so that no sum overflows */

	debounce->delay_ms = delay_ms < most ? delay_ms : most;
}

/* Milliseconds that have passed, of a clock that may jump either way. */
static uint64_t
tick(struct sup_debounce *debounce, uint64_t now_ms)
{
	const uint64_t most = UINT64_C(1) << 40;

	if (now_ms > debounce->seen_ms)
		debounce->clock_ms += now_ms - debounce->seen_ms < most ?
		    now_ms - debounce->seen_ms : most;
	debounce->seen_ms = now_ms;
	return debounce->clock_ms;
}

/* ---------------------------------------------------------------- one file */

static struct sup_debounce_file *
find(struct sup_debounce *debounce, const char *name)
{
	for (size_t i = 0; i < debounce->count; i++)
		if (strcmp(debounce->files[i].name, name) == 0)
			return &debounce->files[i];
	return NULL;
}

/* Whose names are not needed: those that nobody is writing to. */
static void
give_up_names(struct sup_debounce *debounce)
{
	struct sup_debounce_file *others = &debounce->others;
	size_t kept = 0;

	for (size_t i = 0; i < debounce->count; i++) {
		const struct sup_debounce_file *file = &debounce->files[i];

		if (file->writing) {
			debounce->files[kept++] = *file;
			continue;
		}
		if (!file->pending)
			continue;
		if (!others->pending || others->latest_ms > file->latest_ms)
			others->latest_ms = file->latest_ms;
		if (!others->pending || others->last_ms < file->last_ms)
			others->last_ms = file->last_ms;
		others->pending = true;
	}
	debounce->count = kept;
}

static int
make_room(struct sup_debounce *debounce)
{
	size_t room = debounce->room == 0 ? 16 : 2 * debounce->room;
	struct sup_debounce_file *grown;

	if (debounce->count < debounce->room)
		return 0;
	grown = room > SUP_DEBOUNCE_NAMES ? NULL :
	    reallocarray(debounce->files, room, sizeof(*grown));
	if (grown != NULL) {
		debounce->files = grown;
		debounce->room = room;
	} else {
		give_up_names(debounce);
	}
	return debounce->count < debounce->room ? 0 : -1;
}

/* The file's place, or that of all who have none. */
static struct sup_debounce_file *
find_or_add(struct sup_debounce *debounce, const char *name)
{
	struct sup_debounce_file *file = find(debounce, name);

	if (file != NULL)
		return file;
	if (make_room(debounce) < 0)
		return &debounce->others;
	file = &debounce->files[debounce->count++];
	memset(file, 0, sizeof(*file));
	strcpy(file->name, name);
	file->left_ms = debounce->delay_ms * SUP_DEBOUNCE_DELAYS;
	return file;
}

static void
set_pending(struct sup_debounce *debounce, struct sup_debounce_file *file,
    uint64_t clock)
{
	if (!debounce->changed) {
		debounce->changed = true;
		debounce->pause_ms = clock - debounce->reloaded_ms;
	}
	if (!file->pending) {
		file->pending = true;
		file->latest_ms = clock + file->left_ms;
	}
	file->last_ms = clock;
	file->writing = false;
}

/* What it has waited for counts, or one that is written over and over again
 * would wait for ever. */
static void
set_writing(struct sup_debounce_file *file, uint64_t clock)
{
	if (file->pending)
		file->left_ms = file->latest_ms > clock ?
		    file->latest_ms - clock : 0;
	file->pending = false;
	file->writing = true;
}

/* All but those that are being written, or all. */
static void
drop_files(struct sup_debounce *debounce, bool writing_as_well)
{
	uint64_t most = debounce->delay_ms * SUP_DEBOUNCE_DELAYS;
	size_t kept = 0;

	for (size_t i = 0; i < debounce->count; i++) {
		struct sup_debounce_file *file = &debounce->files[i];

		if (!file->writing || writing_as_well)
			continue;
		file->left_ms = most;
		debounce->files[kept++] = *file;
	}
	debounce->count = kept;
	debounce->others.pending = false;
	debounce->others.left_ms = most;
	debounce->changed = false;
}

/* ------------------------------------------------------------------ events */

void
sup_debounce_event(struct sup_debounce *debounce,
    enum sup_debounce_event event, const char *name, uint64_t now_ms)
{
	uint64_t clock = tick(debounce, now_ms);
	struct sup_debounce_file *file;

	if (!sup_manifest_is_name(name))
		return;
	file = find_or_add(debounce, name);
	if (event == SUP_DEBOUNCE_WRITTEN) {
		if (file != &debounce->others)
			set_writing(file, clock);
	} else if (event != SUP_DEBOUNCE_ATTRIBUTES || !file->writing) {
		set_pending(debounce, file, clock);
	}
}

void
sup_debounce_anything(struct sup_debounce *debounce, uint64_t now_ms)
{
	uint64_t clock = tick(debounce, now_ms);

	for (size_t i = 0; i < debounce->count; i++)
		debounce->files[i].writing = false;
	set_pending(debounce, &debounce->others, clock);
}

void
sup_debounce_nothing(struct sup_debounce *debounce, uint64_t now_ms)
{
	tick(debounce, now_ms);
	drop_files(debounce, true);
}

/* ------------------------------------------------------------------ reloads */

static void
consider(const struct sup_debounce_file *file, uint64_t *last,
    uint64_t *latest)
{
	if (!file->pending)
		return;
	if (file->last_ms > *last)
		*last = file->last_ms;
	if (file->latest_ms < *latest)
		*latest = file->latest_ms;
}

uint64_t
sup_debounce_wait(struct sup_debounce *debounce, uint64_t now_ms)
{
	uint64_t clock = tick(debounce, now_ms);
	uint64_t last = 0, latest = SUP_DEBOUNCE_NEVER, due;

	consider(&debounce->others, &last, &latest);
	for (size_t i = 0; i < debounce->count; i++)
		consider(&debounce->files[i], &last, &latest);
	if (latest == SUP_DEBOUNCE_NEVER)
		return SUP_DEBOUNCE_NEVER;
	due = last + debounce->delay_ms;
	if (due > latest)
		due = latest;
	if (debounce->reloaded &&
	    due < debounce->reloaded_ms + debounce->gap_ms)
		due = debounce->reloaded_ms + debounce->gap_ms;
	return due > clock ? due - clock : 0;
}

/* Is the reload one of many in a row? */
static void
count_restless(struct sup_debounce *debounce)
{
	uint64_t pause = debounce->delay_ms / SUP_DEBOUNCE_PAUSE_PART;

	if (pause < SUP_DEBOUNCE_PAUSE_LEAST_MS)
		pause = SUP_DEBOUNCE_PAUSE_LEAST_MS;
	if (!debounce->reloaded || debounce->pause_ms >= SUP_DEBOUNCE_QUIET_MS)
		debounce->restless = 0;
	else if (debounce->pause_ms < pause)
		debounce->restless++;
	else
		debounce->restless /= 2;
}

static uint64_t
next_gap(const struct sup_debounce *debounce)
{
	uint64_t gap = debounce->gap_ms;

	if (debounce->restless <= SUP_DEBOUNCE_FREE)
		return gap / 2 < SUP_DEBOUNCE_GAP_FIRST_MS ? 0 : gap / 2;
	if (gap < SUP_DEBOUNCE_GAP_FIRST_MS)
		return SUP_DEBOUNCE_GAP_FIRST_MS;
	return gap < SUP_DEBOUNCE_GAP_MAX_MS / 2 ? 2 * gap :
	    SUP_DEBOUNCE_GAP_MAX_MS;
}

void
sup_debounce_reload(struct sup_debounce *debounce, uint64_t now_ms)
{
	uint64_t clock = tick(debounce, now_ms);

	count_restless(debounce);
	debounce->gap_ms = next_gap(debounce);
	debounce->reloaded = true;
	debounce->reloaded_ms = clock;
	drop_files(debounce, false);
}

void
sup_debounce_forget(struct sup_debounce *debounce, uint64_t now_ms)
{
	tick(debounce, now_ms);
	drop_files(debounce, false);
}

const char *
sup_debounce_being_written(const struct sup_debounce *debounce, size_t index)
{
	for (size_t i = 0; i < debounce->count; i++)
		if (debounce->files[i].writing && index-- == 0)
			return debounce->files[i].name;
	return NULL;
}
