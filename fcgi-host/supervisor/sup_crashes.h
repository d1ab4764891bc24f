/*
 * sup_crashes.h - the last CRASHES_KEPT crash reports, over restarts.
 *
 * One file a report in state_dir/crashes, common/crash_file.h.  Their numbers
 * go on over restarts and upgrades; while two hosts share the folder each sees
 * what the other adds.  Where a file cannot be had, the reports are kept in
 * memory, and are written when it can be had again; `status` shows it.
 */
#ifndef SUPERVISOR_SUP_CRASHES_H
#define SUPERVISOR_SUP_CRASHES_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;
struct sup;
struct sup_crashes;

/* Never fails: without the folder the host serves, and says so. */
void	sup_crashes_open(struct sup *);
void	sup_crashes_close(struct sup *);

/*
 * Takes over the report.  It gets its "number", and the report that is now one
 * too many goes, with the captured request that it names.  "capture" may be a
 * file's name in the folder: it becomes its path.
 */
void	sup_crashes_add(struct sup *, struct json_object *report);

/* {"crashes": [...]}, newest first; free() it.  NULL: out of memory. */
char	*sup_crashes_json(struct sup *);

/* How many reports there were since the host was started, of fronts or of
 * workers. */
uint64_t	sup_crashes_count(const struct sup *, bool of_fronts);

/* Where captured requests go, common/capture.h; -1: nowhere. */
int	sup_crashes_folder(const struct sup *);

/* Files that are not to be had, and for how many reports; NULL: none are
 * kept. */
const struct sup_trouble	*sup_crashes_trouble(const struct sup *);

#endif
