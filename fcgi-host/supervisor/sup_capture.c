/*
 * sup_capture.c - the request in which a front crashed, kept in a file.
 *
 * Runs in: supervisor.
 * Owns: the file while it is being written; then it is its crash report's.
 * Invariant: nothing that the dead process wrote is looked at: what its record
 * says of offsets and lengths is checked, and the bytes are copied.
 */
#include <sys/stat.h>

#include <json-c/json.h>

#include "common/capture.h"
#include "common/log.h"
#include "supervisor/sup_crash.h"
#include "supervisor/sup_crashes.h"
#include "supervisor/sup_json.h"

/* Nothing may be anywhere: it has no place. */
static bool
is_within(uint64_t at, uint64_t length, uint64_t size)
{
	return length == 0 || (at <= size && length <= size - at);
}

int
sup_capture_write(int folder, pid_t pid, int fd,
    const struct crash_record *record, char name_out[CAPTURE_NAME_MAX],
    struct err *err)
{
	const struct capture_part params = { .fd = fd,
	    .at = record->params_at, .length = record->params_length };
	const struct capture_part body = { .fd = fd, .at = record->body_at,
	    .length = record->body_length };
	uint64_t number = 0;
	struct stat status;

	name_out[0] = '\0';
	if (fstat(fd, &status) < 0)
		return err_sys(err, "its last words");
	if (!is_within(params.at, params.length, (uint64_t)status.st_size) ||
	    !is_within(body.at, body.length, (uint64_t)status.st_size))
		return err_set(err, "its last words are not whole");
	return capture_write_next(folder, pid, &number, &params, &body,
	    name_out, err);
}

/* The others' were captured by their front. */
static bool
is_wanted(const struct sup_crash *crash)
{
	return crash->slot == SLOT_FRONT &&
	    crash->record.magic == CRASH_MAGIC &&
	    crash->record.params_length > 0 &&
	    sup_crashes_folder(crash->sup) >= 0;
}

void
sup_capture(struct sup_crash *crash)
{
	char name[CAPTURE_NAME_MAX];
	struct err err;

	if (!is_wanted(crash))
		return;
	if (sup_capture_write(sup_crashes_folder(crash->sup), crash->pid,
	    crash->fd, &crash->record, name, &err) < 0)
		log_warnx("the request in which the front (process %d) "
		    "crashed is not captured: %s", (int)crash->pid, err.text);
	else
		sup_json_text(crash->report, "capture", name);
}
