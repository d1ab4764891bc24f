/*
 * handler_load.h - one handler's file into a struct handler.
 *
 * For handler_set.c; everyone else uses handler_set.h.
 */
#ifndef COMMON_HANDLER_LOAD_H
#define COMMON_HANDLER_LOAD_H

#include "common/err.h"
#include "common/handler_set.h"

/*
 * Opens the file at `path` and fills name, build_id, dl and desc.  -1 and the
 * reason, a sentence without the file's name.
 */
int	handler_load(struct handler *, const char *path, struct err *);
void	handler_unload(struct handler *);

/* The name of its file, without the folder. */
const char	*handler_base(const struct handler *);

/* Keeps the reason as the handler's `error`, and reports it. */
void	handler_refuse(struct handler *, const char *reason, handler_report *,
	    void *context);

/*
 * handler_descriptor.c: the checks of a descriptor that need no dlopen(), on
 * its first 16 bytes; and our copy of the whole of it.
 */
int	handler_descriptor_check(const uint8_t bytes[16], struct err *);
int	handler_descriptor_copy(struct handler *, const struct fh_handler *,
	    struct err *);
void	handler_descriptor_free(struct handler *);

/*
 * handler_routes.c: checks the handler's routes, puts the configuration over
 * them, and appends them to the set; or appends none of them: -1 and why, and
 * the handler's `rival` if another one has a route of its.
 */
int	handler_routes_add(struct handler_set *, struct handler *,
	    struct err *);
void	handler_routes_remove(struct handler_set *, const struct handler *);

/* handler_own.c: how many handlers of the host's own there may be, and those
 * that the configuration wants, appended to the set. */
size_t	handler_own_count(void);
void	handler_own_add(struct handler_set *, handler_report *, void *context);

/* handler_apply.c: the configuration's word on this route; -1 and why. */
int	handler_apply_route(const struct config *, struct route *,
	    const struct fh_route *, struct err *);

/* Reports each section of the configuration that no handler has a use for. */
void	handler_apply_report(const struct handler_set *, handler_report *,
	    void *context);

#endif
