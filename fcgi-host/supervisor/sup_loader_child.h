/*
 * sup_loader_child.h - what runs in the loader process, and what it says.
 */
#ifndef SUPERVISOR_SUP_LOADER_CHILD_H
#define SUPERVISOR_SUP_LOADER_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"
#include "common/err.h"
#include "model/model.h"
#include "supervisor/sup_loader.h"

/* The one packet a loader sends; with a descriptor if there is one to give. */
struct loader_result {
	uint32_t		loaded;		/* else `error` says why not */
	struct model_image	image;
	struct err		error;
};

/*
 * The life of a loader, right after the fork, with every signal blocked:
 * gives up what it does not need, loads, reports on `socket`.
 */
void	sup_loader_child(const struct config *, const struct config_model *,
	    const struct sup_loader_source *, uint64_t address, int socket,
	    pid_t parent)
	    __attribute__((noreturn));

#endif
