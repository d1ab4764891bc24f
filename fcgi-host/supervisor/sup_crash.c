/*
 * sup_crash.c - from a process's death to its report.
 *
 * Runs in: supervisor.
 * Owns: each struct sup_crash, from the death to the report.
 * Invariant: one report per crash; it waits for the front and for the witness,
 * and for neither without an end: a front that dies settles what waited for
 * it, and a witness has its time.
 */
#include "supervisor/sup_crash.h"

#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/clock.h"
#include "common/log.h"
#include "supervisor/sup_crashes.h"
#include "supervisor/sup_witness.h"

static LIST_HEAD(, sup_crash) crashes = LIST_HEAD_INITIALIZER(crashes);

/* Of the whole machine: more often than not it is us. */
static uint64_t
count_oom_kills(void)
{
	FILE *file = fopen("/proc/vmstat", "re");
	char line[128];
	unsigned long long count = 0;

	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "oom_kill %llu", &count) == 1)
			break;
	fclose(file);
	return count;
}

static bool
is_out_of_memory(struct sup *sup, int status)
{
	uint64_t before = sup->oom_kills;

	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		return false;
	sup->oom_kills = count_oom_kills();
	return sup->oom_kills > before;
}

void
sup_crash_watch_memory(struct sup *sup)
{
	sup->oom_kills = count_oom_kills();
}

/* Its own word that it was no ordinary end. */
static bool
has_record(const struct sup_crash *crash)
{
	return crash->record.magic == CRASH_MAGIC;
}

static void
read_record(struct sup_crash *crash)
{
	if (pread(crash->fd, &crash->record, sizeof(crash->record), 0) !=
	    (ssize_t)sizeof(crash->record))
		memset(&crash->record, 0, sizeof(crash->record));
}

static bool
is_crash(const struct sup_crash *crash, const struct sup_child *child)
{
	if (has_record(crash) || child->blame != NULL)
		return true;
	if (child->asked_to_end)
		return false;
	return WIFSIGNALED(crash->status) || WEXITSTATUS(crash->status) != 0 ||
	    (child->team->state == SUP_TEAM_SERVING && !child->leaving);
}

static void
destroy(struct sup_crash *crash)
{
	if (crash->fd >= 0)
		close(crash->fd);
	json_object_put(crash->report);
	json_object_put(crash->others);
	free(crash);
}

/* The witness has spoken, or there is none. */
static void
on_words(void *context, struct json_object *words)
{
	struct sup_crash *crash = context;

	sup_capture(crash);
	sup_crash_conclude(crash, words);
	sup_crashes_add(crash->sup, json_object_get(crash->report));
	sup_crash_log(crash->report);
	LIST_REMOVE(crash, link);
	destroy(crash);
}

static void
settle(struct sup_crash *crash)
{
	crash->team = NULL;
	if (has_record(crash))
		sup_witness_start(crash->sup, SUP_WITNESS_CRASH, crash->fd,
		    on_words, crash);
	else
		on_words(crash, NULL);
}

uint32_t
sup_crash_begin(struct sup_child *child, int status)
{
	struct sup_crash *crash = calloc(1, sizeof(*crash));
	const struct sup_team *team = child->team;
	uint32_t reply;

	if (crash == NULL)
		return 0;
	crash->sup = team->generation->sup;
	crash->fd = child->crash_fd;
	child->crash_fd = -1;
	crash->status = status;
	crash->slot = child->slot;
	crash->incarnation = child->incarnation;
	crash->pid = child->pid;
	crash->blame = child->blame;
	crash->team = team;
	crash->out_of_memory = is_out_of_memory(crash->sup, status);
	read_record(crash);
	sup_printed_words(&child->printed, clock_now_ms(), crash->aborted,
	    sizeof(crash->aborted));
	reply = has_record(crash) ? crash->record.reply : 0;
	if (!is_crash(crash, child)) {
		destroy(crash);
		return reply;
	}
	LIST_INSERT_HEAD(&crashes, crash, link);
	sup_crash_describe(crash, child);
	if (child->slot == SLOT_FRONT || team->front.pid == 0)
		settle(crash);
	return reply;
}

void
sup_crash_lost(const struct sup_team *team, const struct message *message)
{
	struct lost_request lost;
	struct sup_crash *crash;

	memcpy(&lost, message->text, sizeof(lost));
	LIST_FOREACH(crash, &crashes, link)
		if (crash->team == team && crash->slot == message->slot &&
		    crash->incarnation == message->incarnation) {
			sup_crash_add_request(crash, team, &lost);
			return;
		}
}

void
sup_crash_settle(const struct sup_team *team, uint32_t slot)
{
	struct sup_crash *crash = LIST_FIRST(&crashes), *next;

	for (; crash != NULL; crash = next) {
		next = LIST_NEXT(crash, link);
		if (crash->team == team &&
		    (slot == SLOT_NONE || crash->slot == slot))
			settle(crash);
	}
}
