/*
 * sup_loader.h - one process per model that has to be loaded.
 *
 * The loader is expendable and not trusted: it reads a file that may be
 * anything and runs a handler's build().  Whatever it does - crash, hang, eat
 * all memory, call exit(), lie - is a failed load with a reason, and nothing
 * more.
 */
#ifndef SUPERVISOR_SUP_LOADER_H
#define SUPERVISOR_SUP_LOADER_H

#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

#include "config/config.h"
#include "common/err.h"
#include "model/model.h"

struct sup_loader;

/* Where the handler that builds the model is: `maker`, a file in the folder
 * `copies`.  NULL: no loaded handler has a build() for it. */
struct sup_loader_source {
	const char	*copies;
	const char	*maker;
};

/*
 * How it ended; called once, from the loop, never from sup_loader_start().
 * Loaded: `image` (good until the callback returns), checked, and its
 * descriptor, which is the callee's now (-1 for kind preload).  Failed: NULL,
 * -1 and a sentence that begins with `model "NAME": `.  The struct sup_loader
 * is gone after this call.
 */
typedef void	sup_loader_done(void *context, const struct model_image *image,
		    int fd, const char *error);

/*
 * Starts the loader of one model, to be mapped at `address`.  It is killed
 * after the model's load_timeout.  `config` must live until the callback, or
 * until sup_loader_cancel(); `source` until this returns.  NULL and why,
 * when it could not be started.
 */
struct sup_loader	*sup_loader_start(uv_loop_t *, const struct config *,
			    const struct config_model *,
			    const struct sup_loader_source *,
			    uint64_t address, sup_loader_done *,
			    void *context, struct err *);

/*
 * Kills it; the callback will not come.  NULL is fine.  The loop has to run on
 * until the process is reaped.
 */
void	sup_loader_cancel(struct sup_loader *);

pid_t	sup_loader_pid(const struct sup_loader *);	/* 0 for NULL */

#endif
