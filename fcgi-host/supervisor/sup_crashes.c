/*
 * sup_crashes.c - the last crash reports, in memory and in state_dir/crashes.
 *
 * Runs in: supervisor.
 * Owns: NUMBER.json there, PID.new while one is written, and the captured
 * requests that a report names.
 * Invariant: a report of either host is never overwritten, and one that cannot
 * be written or read costs nothing but itself.
 */
#include "supervisor/sup_crashes.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/capture.h"
#include "common/crash_file.h"
#include "common/io.h"
#include "common/log.h"
#include "supervisor/sup.h"
#include "supervisor/sup_dirs.h"
#include "supervisor/sup_json.h"

#define UNFINISHED CAPTURE_UNFINISHED	/* of reports as well */
#define TRIES	1000	/* numbers that the other host may have taken */

struct crash {
	uint32_t	 number;
	char		*text;		/* one line */
	bool		 saved;		/* there is its file */
};

struct sup_crashes {
	int		 folder;	/* -1: it cannot be had */
	uint32_t	 last;		/* the highest number we know of */
	struct crash	 list[CRASHES_KEPT + 1]; /* lowest number first */
	size_t		 count;
	uint32_t	 bad[CRASH_FILES_MAX];	/* said already */
	size_t		 bad_count;
	uint64_t	counts[2];	/* added: of workers, of fronts */
	struct sup_trouble trouble;	/* the folder cannot be had */
};

/* ----------------------------------------------------------------- trouble */

static void
trouble(struct sup_crashes *crashes, const char *sentence)
{
	if (sup_trouble_begins(&crashes->trouble))
		log_warnx("degraded: crash reports are kept in memory only: "
		    "%s", sentence);
}

static void
recover(struct sup_crashes *crashes)
{
	if (sup_trouble_ends(&crashes->trouble))
		log_info("no longer degraded: crash reports are written to "
		    "state_dir again; %llu came meanwhile",
		    (unsigned long long)crashes->trouble.count);
}

const struct sup_trouble *
sup_crashes_trouble(const struct sup *sup)
{
	return sup->crashes == NULL ? NULL : &sup->crashes->trouble;
}

/* ---------------------------------------------------------------- the list */

static const struct crash *
find(const struct sup_crashes *crashes, uint32_t number)
{
	for (size_t i = 0; i < crashes->count; i++)
		if (crashes->list[i].number == number)
			return &crashes->list[i];
	return NULL;
}

static void
remove_file(const struct sup_crashes *crashes, const char *name)
{
	if (unlinkat(crashes->folder, name, 0) < 0 && errno != ENOENT)
		log_warn("state_dir/" CRASH_FOLDER ": removing %s", name);
}

/* The oldest goes, with what it names. */
static void
expire(struct sup_crashes *crashes)
{
	const struct crash *oldest = &crashes->list[0];
	char name[CAPTURE_NAME_MAX];

	if (crashes->folder >= 0) {
		crash_file_capture(oldest->text, name);
		if (name[0] != '\0')
			remove_file(crashes, name);
		crash_file_name(oldest->number, name);
		if (oldest->saved)
			remove_file(crashes, name);
	}
	free(oldest->text);
	crashes->count--;
	memmove(crashes->list, crashes->list + 1,
	    crashes->count * sizeof(crashes->list[0]));
}

static void
insert(struct sup_crashes *crashes, struct crash crash)
{
	size_t at = crashes->count;

	while (at > 0 && crashes->list[at - 1].number > crash.number)
		at--;
	memmove(crashes->list + at + 1, crashes->list + at,
	    (crashes->count - at) * sizeof(crash));
	crashes->list[at] = crash;
	crashes->count++;
	if (crashes->count > CRASHES_KEPT)
		expire(crashes);
}

/* --------------------------------------------------------------- the folder */

static bool
is_bad(const struct sup_crashes *crashes, uint32_t number)
{
	for (size_t i = 0; i < crashes->bad_count; i++)
		if (crashes->bad[i] == number)
			return true;
	return false;
}

static void
complain(struct sup_crashes *crashes, uint32_t number, const char *why)
{
	if (crashes->bad_count < CRASH_FILES_MAX)
		crashes->bad[crashes->bad_count++] = number;
	log_warnx("state_dir/" CRASH_FOLDER "/%u.json is no crash report and "
	    "is left out: %s; remove the file, or put it right",
	    (unsigned)number, why);
}

/* Somebody has removed it under us. */
static void
let_go_if_gone(struct sup_crashes *crashes)
{
	struct stat status;

	if (crashes->folder < 0 || (fstat(crashes->folder, &status) == 0 &&
	    status.st_nlink > 0))
		return;
	close(crashes->folder);
	crashes->folder = -1;
}

/* What is there and not known yet: of an earlier host, or of the other one. */
static void
scan(struct sup_crashes *crashes)
{
	uint32_t numbers[CRASH_FILES_MAX];
	struct err err;
	size_t count = crash_file_list(crashes->folder, numbers, NULL, NULL);

	if (count > 0 && numbers[0] > crashes->last)
		crashes->last = numbers[0];
	for (size_t i = 0; i < count; i++) {
		struct crash crash = { .number = numbers[i], .saved = true };

		if (find(crashes, numbers[i]) != NULL ||
		    is_bad(crashes, numbers[i]))
			continue;
		crash.text = crash_file_read(crashes->folder, numbers[i],
		    geteuid(), &err);
		if (crash.text == NULL)
			complain(crashes, numbers[i], err.text);
		else
			insert(crashes, crash);
	}
}

/* PID.new of a report, or PID-NUMBER.request.new. */
static bool
is_unfinished(const char *name)
{
	size_t length = strlen(name), end = strlen(UNFINISHED);
	char whole[CAPTURE_NAME_MAX];

	if (length <= end || length - end >= sizeof(whole) ||
	    strcmp(name + length - end, UNFINISHED) != 0)
		return false;
	snprintf(whole, sizeof(whole), "%.*s", (int)(length - end), name);
	return capture_is_name(whole) ||
	    strspn(whole, "0123456789") == length - end;
}

static bool
is_named(const struct sup_crashes *crashes, const char *capture)
{
	char name[CAPTURE_NAME_MAX];

	for (size_t i = 0; i < crashes->count; i++) {
		crash_file_capture(crashes->list[i].text, name);
		if (strcmp(name, capture) == 0)
			return true;
	}
	return false;
}

static void
tidy_one(void *context, const char *name)
{
	struct sup_crashes *crashes = context;

	if (is_unfinished(name) || (capture_is_name(name) &&
	    !is_named(crashes, name)))
		remove_file(crashes, name);
	else if (!capture_is_name(name))
		log_warnx("state_dir/" CRASH_FOLDER ": \"%s\" is not the "
		    "host's: remove it", name);
}

/* What a host that was killed has left; a host beside us may be at work. */
static void
tidy(struct sup_crashes *crashes)
{
	uint32_t numbers[CRASH_FILES_MAX];

	crash_file_list(crashes->folder, numbers, tidy_one, crashes);
}

static void
open_folder(struct sup *sup)
{
	struct sup_crashes *crashes = sup->crashes;
	struct err err;

	crashes->folder = sup_dirs_folder(sup->config, CRASH_FOLDER, &err);
	if (crashes->folder >= 0 &&
	    faccessat(crashes->folder, ".", W_OK, AT_EACCESS) < 0) {
		err_sys(&err, "state_dir/" CRASH_FOLDER);
		trouble(crashes, err.text);
	} else if (crashes->folder < 0)
		trouble(crashes, err.text);
	if (crashes->folder >= 0)
		scan(crashes);
}

void
sup_crashes_open(struct sup *sup)
{
	sup->crashes = calloc(1, sizeof(*sup->crashes));
	if (sup->crashes == NULL)
		fatal(EXIT_CODE_SYSTEM, "crash reports");
	open_folder(sup);
	if (sup->crashes->folder >= 0 && sup->successor_link < 0)
		tidy(sup->crashes);
}

void
sup_crashes_close(struct sup *sup)
{
	struct sup_crashes *crashes = sup->crashes;

	if (crashes == NULL)
		return;
	for (size_t i = 0; i < crashes->count; i++)
		free(crashes->list[i].text);
	if (crashes->folder >= 0)
		close(crashes->folder);
	free(crashes);
	sup->crashes = NULL;
}

int
sup_crashes_folder(const struct sup *sup)
{
	return sup->crashes == NULL ? -1 : sup->crashes->folder;
}

/* ------------------------------------------------------------------ writing */

static int
write_file(int folder, const char *name, const char *text)
{
	char *line = NULL;
	int length, rc;

	if (strlen(text) >= CRASH_FILE_MAX) {
		errno = EFBIG;
		return -1;
	}
	length = asprintf(&line, "%s\n", text);
	if (length < 0)
		return -1;
	rc = io_write_new(folder, name, line, (size_t)length);
	free(line);
	return rc;
}

/* A link does not replace what the other host has put there.  -1 with errno:
 * EEXIST, the number is taken. */
static int
save(const struct sup_crashes *crashes, uint32_t number, const char *text)
{
	char name[CRASH_FILE_NAME_MAX], unfinished[CRASH_FILE_NAME_MAX];
	int rc, saved;

	crash_file_name(number, name);
	snprintf(unfinished, sizeof(unfinished), "%d" UNFINISHED,
	    (int)getpid());
	rc = write_file(crashes->folder, unfinished, text);
	if (rc == 0)
		rc = linkat(crashes->folder, unfinished, crashes->folder,
		    name, 0);
	saved = errno;
	unlinkat(crashes->folder, unfinished, 0);
	errno = saved;
	return rc;
}

/* What could not be written when it came. */
static int
save_rest(struct sup_crashes *crashes)
{
	for (size_t i = 0; i < crashes->count; i++) {
		struct crash *crash = &crashes->list[i];

		if (crash->saved)
			continue;
		if (save(crashes, crash->number, crash->text) == 0)
			crash->saved = true;
		else if (errno != EEXIST)
			return -1;
	}
	return 0;
}

static char *
print(struct json_object *report, uint32_t number)
{
	const char *text;

	json_object_object_add(report, "number",
	    json_object_new_int64(number));
	text = json_object_to_json_string_ext(report,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	return text == NULL ? NULL : strdup(text);
}

/* The next free number.  -1 with errno: there is no file, but there may be a
 * text. */
static int
save_next(struct sup_crashes *crashes, struct json_object *report,
    struct crash *out)
{
	for (unsigned i = 0; i < TRIES; i++) {
		free(out->text);
		out->number = ++crashes->last;
		out->text = print(report, out->number);
		if (out->text == NULL)
			return -1;
		if (crashes->folder < 0 || crashes->last > CRASH_NUMBER_MAX) {
			errno = crashes->folder < 0 ? ENOENT : EOVERFLOW;
			return -1;
		}
		if (save(crashes, out->number, out->text) == 0) {
			out->saved = true;
			return 0;
		}
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

/* What the process that captured it knows is the name alone. */
static void
complete_capture(const struct sup *sup, struct json_object *report)
{
	const char *name = json_object_get_string(
	    json_object_object_get(report, "capture"));
	char path[PATH_MAX];

	if (name == NULL || strchr(name, '/') != NULL)
		return;
	if (name[0] == '\0')
		json_object_object_del(report, "capture");
	else {
		snprintf(path, sizeof(path), "%s/" CRASH_FOLDER "/%s",
		    sup->config->state_dir, name);
		sup_json_text(report, "capture", path);
	}
}

static bool
is_of_front(struct json_object *report)
{
	const char *process = json_object_get_string(
	    json_object_object_get(report, "process"));

	return process != NULL && strcmp(process, "front") == 0;
}

uint64_t
sup_crashes_count(const struct sup *sup, bool of_fronts)
{
	return sup->crashes == NULL ? 0 : sup->crashes->counts[of_fronts];
}

void
sup_crashes_add(struct sup *sup, struct json_object *report)
{
	struct sup_crashes *crashes = sup->crashes;
	struct crash crash = { .number = 0 };
	struct err err;
	int rc;

	crashes->counts[is_of_front(report)]++;
	let_go_if_gone(crashes);
	if (crashes->folder < 0)
		open_folder(sup);
	else
		scan(crashes);
	complete_capture(sup, report);
	rc = save_next(crashes, report, &crash);
	if (rc == 0)
		rc = save_rest(crashes);
	if (rc == 0)
		recover(crashes);
	else {
		err_sys(&err, "state_dir/" CRASH_FOLDER);
		trouble(crashes, err.text);
		crashes->trouble.count++;
	}
	if (crash.text != NULL)
		insert(crashes, crash);
	else
		log_warnx("no memory for a crash report");
	json_object_put(report);
}

/* ------------------------------------------------------------ the document */

char *
sup_crashes_json(struct sup *sup)
{
	struct sup_crashes *crashes = sup->crashes;
	char *text = NULL;
	size_t size;
	FILE *out;

	if (crashes->folder >= 0)
		scan(crashes);
	out = open_memstream(&text, &size);
	if (out == NULL)
		return NULL;
	fprintf(out, "{\"crashes\": [");
	for (size_t i = crashes->count; i > 0; i--)
		fprintf(out, "\n%s%s", crashes->list[i - 1].text,
		    i > 1 ? "," : "");
	fprintf(out, "%s]}\n", crashes->count > 0 ? "\n" : "");
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
