/*
 * sup_crash_report.c - what a crash report says.
 *
 * Runs in: supervisor.
 * Owns: nothing; the document belongs to its struct sup_crash.
 * Invariant: every member is there or null, whoever was silent; in the log it
 * is one line that is written at once, so that no other can come between.
 */
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "common/child.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "supervisor/sup_crash.h"
#include "supervisor/sup_json.h"

#define LINE_BYTES	3500	/* a line is written whole: PIPE_BUF */
#define FRAMES_FIRST	16	/* of the backtrace, in the log */
#define WHAT_MAX	256
#define FRAMES_FEW	4	/* worth more than the requests beside it */

static void
add_time(struct json_object *report)
{
	time_t now = time(NULL);
	struct tm parts;
	char text[32];

	gmtime_r(&now, &parts);
	strftime(text, sizeof(text), "%FT%TZ", &parts);
	sup_json_text(report, "time", text);
}

static const struct sup_file *
file_named(const struct sup_generation *generation, const char *name)
{
	const struct sup_manifest *manifest = &generation->manifest;

	for (size_t i = 0; i < manifest->file_count; i++)
		if (strcmp(manifest->files[i].version.name, name) == 0)
			return &manifest->files[i];
	return NULL;
}

/* A sync handler may have written over what the front says of routes. */
static void
add_route(struct json_object *report, const struct sup_team *team,
    uint32_t route)
{
	const struct shm_route_stats *stats;
	const struct sup_file *file;
	char text[HANDLER_FILE_MAX + 1];

	if (route >= team->shm->geometry->route_count)
		return;
	stats = shm_route_stats(team->shm, route);
	snprintf(text, sizeof(text), "%.*s", SHM_LABEL_MAX, stats->label);
	sup_json_text(report, "route", text);
	snprintf(text, sizeof(text), "%.*s", CONFIG_NAME_MAX, stats->handler);
	sup_json_text(report, "handler", text);
	snprintf(text, sizeof(text), "%.*s", HANDLER_FILE_MAX, stats->file);
	sup_json_text(report, "file", text);
	file = file_named(team->generation, text);
	if (file == NULL)
		return;
	sup_json_text(report, "build_id", file->version.build_id);
	sup_json_text(report, "version", file->version.sha256);
}

static void
add_text(struct json_object *object, const char *key, const char *text,
    size_t size)
{
	char copy[LOST_URI_MAX + 1];

	snprintf(copy, sizeof(copy), "%.*s", (int)(size < sizeof(copy) ? size :
	    sizeof(copy) - 1), text);
	sup_json_text(object, key, copy);
}

static void
add_request(struct json_object *object, const struct sup_team *team,
    const struct lost_request *lost)
{
	add_route(object, team, lost->route);
	add_text(object, "request_id", lost->request_id,
	    sizeof(lost->request_id));
	add_text(object, "method", lost->method, sizeof(lost->method));
	add_text(object, "uri", lost->uri, sizeof(lost->uri));
	sup_json_number(object, "age_ms", lost->age_ms);
	sup_json_number(object, "run_ms", lost->run_ms);
}

static uint64_t
ms_since(uint64_t then_ms)
{
	uint64_t now = clock_now_ms();

	return now > then_ms ? now - then_ms : 0;
}

/* What a front ran when it died. */
static void
add_running(struct sup_crash *crash, const struct sup_team *team)
{
	const struct shm_front_stats *stats = shm_front_stats(team->shm);
	uint32_t running = atomic_load(&stats->sync_route);
	struct lost_request lost = { .route = running - 1 };

	if (running == 0)
		return;
	memcpy(lost.request_id, stats->sync_request_id,
	    sizeof(lost.request_id));
	memcpy(lost.method, stats->sync_method, sizeof(lost.method));
	memcpy(lost.uri, stats->sync_uri, sizeof(lost.uri));
	lost.age_ms = ms_since(atomic_load(&stats->sync_arrived_ms));
	lost.run_ms = ms_since(atomic_load(&stats->sync_begun_ms));
	add_request(crash->report, team, &lost);
	sup_json_bool(crash->report, "in_finish",
	    atomic_load(&stats->sync_finishing) != 0);
}

void
sup_crash_describe(struct sup_crash *crash, const struct sup_child *child)
{
	const struct sup_team *team = child->team;
	char process[32] = "front";

	if (child->slot != SLOT_FRONT)
		snprintf(process, sizeof(process), "worker %u", child->slot);
	crash->report = json_object_new_object();
	crash->others = json_object_new_array();
	add_time(crash->report);
	sup_json_text(crash->report, "process", process);
	sup_json_number(crash->report, "pid", (uint64_t)child->pid);
	sup_json_number(crash->report, "generation",
	    team->generation->number);
	sup_json_number(crash->report, "lived_ms", ms_since(
	    child->started_ms));
	if (child->slot == SLOT_FRONT)
		add_running(crash, team);
}

void
sup_crash_add_request(struct sup_crash *crash, const struct sup_team *team,
    const struct lost_request *lost)
{
	struct json_object *other;

	if (lost->culprit) {
		add_request(crash->report, team, lost);
		if (lost->capture[0] != '\0')
			add_text(crash->report, "capture", lost->capture,
			    sizeof(lost->capture));
		return;
	}
	other = json_object_new_object();
	add_request(other, team, lost);
	json_object_array_add(crash->others, other);
}

/* ------------------------------------------------------------- in the end */

#define SILENT	", and left no record: a stack overflow in a thread that a " \
	"handler started, or a handler changed the signal's action or closed " \
	"descriptors of the host"

/* Of these there is a record, unless something has prevented it. */
static bool
is_silent(const struct sup_crash *crash, int number)
{
	return crash->record.magic != CRASH_MAGIC && (number == SIGSEGV ||
	    number == SIGBUS || number == SIGFPE || number == SIGILL ||
	    number == SIGTRAP || number == SIGABRT);
}

static void
describe_signal(const struct sup_crash *crash, char *out, size_t size)
{
	int number = WTERMSIG(crash->status);
	char name[CHILD_SIGNAL_MAX];

	if (crash->out_of_memory)
		snprintf(out, size, "out of memory: the kernel killed it");
	else if (number == SIGKILL)
		snprintf(out, size, "killed from outside (SIGKILL)");
	else if (number == SIGSYS)	/* blocked, as posix_spawn() has it */
		snprintf(out, size, "killed by SIGSYS: "
		    SANDBOX_SPAWN_ADVICE);
	else {
		child_signal_name(number, name, sizeof(name));
		snprintf(out, size, "killed by %s%s", name,
		    is_silent(crash, number) ? SILENT : "");
	}
}

/* What the wait status says, where the process itself could not. */
static void
describe_end(const struct sup_crash *crash, char *out, size_t size)
{
	if (crash->blame != NULL)
		snprintf(out, size, "%s", crash->blame);
	else if (WIFSIGNALED(crash->status))
		describe_signal(crash, out, size);
	else
		snprintf(out, size, "exited with status %d",
		    WEXITSTATUS(crash->status));
}

static bool
has(struct json_object *object, const char *key)
{
	return json_object_object_get(object, key) != NULL;
}

/* What the witness says never takes the place of what we know. */
static void
take_words(struct json_object *report, struct json_object *words)
{
	struct json_object_iterator at, end;

	if (!json_object_is_type(words, json_type_object))
		return;
	at = json_object_iter_begin(words);
	end = json_object_iter_end(words);
	for (; !json_object_iter_equal(&at, &end);
	    json_object_iter_next(&at)) {
		const char *key = json_object_iter_peek_name(&at);

		if (!has(report, key) && strcmp(key, "capture") != 0)
			json_object_object_add(report, key, json_object_get(
			    json_object_iter_peek_value(&at)));
	}
}

static void
add_end(struct sup_crash *crash)
{
	struct json_object *report = crash->report;
	char core[512], signal_name[CHILD_SIGNAL_MAX];

	if (!WIFSIGNALED(crash->status)) {
		sup_json_number(report, "exit_status",
		    (uint64_t)WEXITSTATUS(crash->status));
		return;
	}
	child_signal_name(WTERMSIG(crash->status), signal_name,
	    sizeof(signal_name));
	sup_json_text(report, "signal", signal_name);
	if (!WCOREDUMP(crash->status))
		return;
	sup_core_file(core, sizeof(core), crash->slot == SLOT_FRONT ?
	    "fh-front" : "fh-worker", crash->pid, WTERMSIG(crash->status));
	sup_json_text(report, "core", core);
}

/* An abort() without a message: of the C++ runtime's, and many a library's, all
 * that is known is on stderr. */
static void
add_printed(struct sup_crash *crash)
{
	const char *what = json_object_get_string(json_object_object_get(
	    crash->report, "what"));

	if (crash->aborted[0] != '\0' && what != NULL &&
	    strcmp(what, "abort") == 0)
		sup_json_text(crash->report, "what", crash->aborted);
}

void
sup_crash_conclude(struct sup_crash *crash, struct json_object *words)
{
	char what[WHAT_MAX];

	add_end(crash);
	json_object_object_add(crash->report, "others",
	    json_object_get(crash->others));
	describe_end(crash, what, sizeof(what));
	if (crash->blame != NULL)
		sup_json_text(crash->report, "what", what);
	take_words(crash->report, words);
	add_printed(crash);
	if (!has(crash->report, "what"))
		sup_json_text(crash->report, "what", what);
}

/* ------------------------------------------------------------- in the log */

/* Module and offset say where it is. */
static struct json_object *
shorten_frame(struct json_object *frame)
{
	struct json_object *copy = json_object_new_object();

	json_object_object_foreach(frame, key, value)
		if (strcmp(key, "pc") != 0 && strcmp(key, "build_id") != 0)
			json_object_object_add(copy, key,
			    json_object_get(value));
	return copy;
}

/* All but what does not fit: registers, the outer frames and, if that is not
 * enough, the requests beside it. */
static struct json_object *
shorten(struct json_object *report, size_t frames, bool others)
{
	struct json_object *copy = json_object_new_object();
	struct json_object *some = json_object_new_array();
	struct json_object *all = json_object_object_get(report, "backtrace");

	json_object_object_foreach(report, key, value)
		if (strcmp(key, "registers") != 0 &&
		    strcmp(key, "backtrace") != 0 &&
		    (others || strcmp(key, "others") != 0))
			json_object_object_add(copy, key,
			    json_object_get(value));
	for (size_t i = 0; json_object_is_type(all, json_type_array) &&
	    i < frames && i < json_object_array_length(all); i++)
		json_object_array_add(some, shorten_frame(
		    json_object_array_get_idx(all, i)));
	json_object_object_add(copy, "backtrace", some);
	sup_json_bool(copy, "shortened", true);
	return copy;
}

static bool
log_if_it_fits(struct json_object *report)
{
	const char *text = json_object_to_json_string_ext(report,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text == NULL || strlen(text) > LINE_BYTES)
		return false;
	log_line(LOG_LEVEL_ERROR, "crash %s", text);
	return true;
}

static bool
log_shortened(struct json_object *report, size_t least, bool others)
{
	bool done = false;

	for (size_t frames = FRAMES_FIRST; !done && frames >= least;
	    frames /= 2) {
		struct json_object *copy = shorten(report, frames, others);

		done = log_if_it_fits(copy);
		json_object_put(copy);
		if (frames == 0)
			break;
	}
	return done;
}

void
sup_crash_log(struct json_object *report)
{
	if (!log_if_it_fits(report) &&
	    !log_shortened(report, FRAMES_FEW, true))
		log_shortened(report, 0, false);
}
