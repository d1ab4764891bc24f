/*
 * handler_set.h - the handlers of one generation and their routes.
 *
 * Loaded by the zygote (and by a throwaway child of `check`, by `call`, `cgi`
 * and `routes`), inherited by front and workers, constant from then on.
 */
#ifndef COMMON_HANDLER_SET_H
#define COMMON_HANDLER_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "common/err.h"
#include "include/fcgi-host/handler.h"

struct cache;
struct schema;

struct fh_host {		/* opaque to handlers */
	const struct handler_set	*set;
	const struct handler		*handler;
};

/*
 * `desc.routes` and `desc.models` are our copies too, ended by an entry of
 * zeros, whatever the size of the entries in the file.
 */
struct handler {
	uint32_t		 index;		/* in handler_set.handlers */
	char			*name;
	char			*file;		/* as it was dropped */
	char			 build_id[41];	/* hex, "" if none */
	void			*dl;
	struct fh_handler	 desc;		/* our copy, our size */
	struct fh_host		 host;
	char			*error;		/* refused: why; or NULL */
	bool			 own;		/* the host's: has no file */
	unsigned		 asked;		/* see handler_own */
	const struct handler	*rival;		/* refused for a route, name or
						 * model of this one's */
};

/* A route as it is served: the handler's table with the configuration over it.
 * One per method and path. */
struct route {
	uint32_t	 index;		/* in handler_set.routes */
	const struct handler	*handler;
	char		*method;
	char		*path;
	char		*label;		/* "GET /users/{id}" */
	char		*names;		/* "id\0": of its captures, in order */
	uint32_t	 capture_count;
	const char	*summary;	/* "" if none */
	const struct fh_inputs	*inputs;	/* as declared; or NULL */
	const struct fh_response *responses;
	struct schema	*schema;	/* both, made ready; or NULL */
	const char	*tags;		/* or NULL, as declared */
	const char	*description;
	bool		 deprecated;
	bool		 hidden;	/* from the OpenAPI document */
	int		(*serve)(struct fh_request *);
	void		(*finish)(struct fh_request *);
	bool		 async;
	bool		 async_tag;	/* what the handler's table says */
	uint32_t	 auths;		/* bits in config.auths; 0: whoever */
	const char	*scopes;	/* all that are wanted; or NULL */
	bool		 stream;	/* goes on, and is told when to end */
	bool		 demoted;	/* changed, since it ended a front */
	uint32_t	 pool;		/* index in config.pools */
	uint64_t	 timeout_ms;	/* 0: none */
	uint64_t	 deadline_ms;	/* from its arrival; 0: none */
	uint64_t	 sync_warn_ms;	/* slow, if it is sync; 0: never */
	uint32_t	 max_concurrent;/* 0: none */
	uint32_t	 reserve;	/* workers kept for it, if async */
	bool		 server_timing;
	size_t		 body_limit;	/* 413 above */
	bool		 job;		/* ... and these are for jobs alone */
	uint32_t	 job_concurrency; /* at a time on this host; 0: any */
	uint32_t	 job_priority, job_attempts;
	uint64_t	 job_retry_ms, job_keep_ms;
	uint64_t	 cache_ms;	/* its replies are kept; 0: not */
	bool		 cache_refresh;	/* clients may ask for a new one */
	struct config_cors cors;	/* pages of other origins */
	const char	*rate;		/* its own, for nginx; or NULL */
	uint32_t	 rate_burst;	/* ... of it; 0: its number less 1 */
};

/*
 * The entry behind this one, which is not the last, of a table of the route's
 * handler: in steps of the size that it was compiled with, since a header of
 * another minor version has less or more in its structs.
 */
static inline const struct fh_property *
route_next_property(const struct route *route, const struct fh_property *entry)
{
	size_t size = route->handler->desc.property_size;

	return (const void *)((const char *)entry +
	    (size != 0 ? size : sizeof(*entry)));
}

static inline const struct fh_response *
route_next_response(const struct route *route, const struct fh_response *entry)
{
	size_t size = route->handler->desc.response_size;

	return (const void *)((const char *)entry +
	    (size != 0 ? size : sizeof(*entry)));
}

struct handler_set {
	struct handler		*handlers;	/* refused ones too */
	size_t			 handler_count;
	struct route		*routes;
	size_t			 route_count;
	struct route_node	*root;		/* common/route.c */
	const struct config	*config;
	struct fh_model		*models;	/* set by handler_set_models */
	size_t			 model_count;
	struct cache		*cache;		/* or NULL: none */
};

/*
 * Takes a sentence that names the file or the line of the configuration it is
 * about.  `about` is the handler, or NULL for one on the configuration.  A
 * handler's refusal is "FILE: REASON", with its `file`.
 */
typedef void	handler_report(void *context, const struct handler *about,
		    const char *sentence);

/*
 * Called with each file before anything of it is opened or run, by
 * handler_set_load and again by handler_set_preload and api_probe, and with ""
 * after the last: whoever supervises the process then knows in which handler it
 * crashed or hung.  False, while loading, leaves the file out, with the error
 * HANDLER_LEFT_OUT.  For all later calls in this process; NULL for none.
 */
#define HANDLER_LEFT_OUT	"left out"
typedef bool	handler_watch(void *context, const char *file);
void	handler_set_watch(handler_watch *, void *context);

/* For those who run a file's code: tells the watcher, gives its answer. */
bool	handler_watched(const char *file);

/*
 * Which files are opened: exactly these names, in this order, each in the
 * folder `copies`.  Of two that conflict the first one stays, so those that
 * served before are named before those that are new.  Tools may say in `paths`
 * which file each name stands for; then that one is opened and named.
 */
struct handler_source {
	const char		*copies;
	const char *const	*names;		/* "hello.so" */
	size_t			 count;
	const char *const	*paths;		/* or NULL */
};

/*
 * dlopen()s each file of the source (RTLD_NOW | RTLD_LOCAL); NULL, for tools,
 * is every *.so of `config->handlers`, where it lies, in the order of their
 * names.  In either case a handler's `file`, and every sentence on it, names
 * the one in `config->handlers` (or in `paths`).
 *
 * ABI, size, names and route conflicts are checked before any of a file's code
 * is called.  A refused handler keeps its place with `error` set and has no
 * routes; each refusal is reported, and so is each section of the configuration
 * that no handler has a use for.  Returns NULL only when the directory cannot
 * be read or memory is out.
 */
struct handler_set	*handler_set_load(const struct config *,
			    const struct handler_source *, handler_report *,
			    void *context, struct err *);

/*
 * Routes that the host itself serves.  Each set that is loaded has them too, in
 * handlers with `own` set, after those of the files: what a file serves stays
 * its own, and a route of ours that is taken is reported and left out.
 *
 * name		for logs; in brackets, so that no handler has it
 * option	that asks for them, for the report
 * routes	as in a descriptor, valid until the next call; NULL: none, with
 *		*err set if they are asked for and cannot be
 * prepare	once, before the forks, from the set that will serve; or NULL
 * asked	0, or 1 + the enum ask_kind of the document that the supervisor
 *		makes: then a front asks for it, and does not call serve()
 */
struct handler_own {
	const char		*name;
	const char		*option;
	const struct fh_route	*(*routes)(const struct config *,
				    struct err *);
	void			(*prepare)(const struct handler_set *);
	unsigned		 asked;
};

/* A table that ends with a name of NULL; for all later calls in this process.
 * NULL: none. */
void	handler_set_own(const struct handler_own *);

/* Calls each prepare(), after handler_set_preload(). */
void	handler_own_prepare(const struct handler_set *);

/* The handler's definition of a model, or NULL. */
const struct fh_model_def	*handler_set_model_def(
				    const struct handler_set *,
				    const char *name,
				    const struct handler **handler_out);

/* Gives the set its mapped models; the array must live on. */
void	handler_set_models(struct handler_set *, struct fh_model *, size_t);

/* The mapped model of that name, or NULL if it is not loaded. */
struct fh_model		*handler_set_model(const struct handler_set *,
			    const char *name);

/* May who has no credentials ask about jobs?  Where routes are open by default,
 * and where some job's route is: whose job it is, is looked at later. */
bool	handler_set_jobs_are_open(const struct handler_set *);

/* Gives the set the host's cache (common/cache.h), which must live on. */
void	handler_set_cache(struct handler_set *, struct cache *);

/*
 * Makes the models of kind preload that are in the set's array without a
 * `root` (one that fails is taken out of the array), then runs the
 * `preload` of each handler.  A handler whose hook fails is refused as above.
 * Each failure is reported, that of a model as its maker's.  Returns how many
 * failed.  Only after this call are pointers to routes, and their indices,
 * final.
 */
size_t	handler_set_preload(struct handler_set *, handler_report *,
	    void *context);

/*
 * After preload, before the first fork: -1 and why when a second thread runs,
 * whose locks would stay locked in every process that is forked, unless the
 * configuration allows it.  OpenMP's threads are ended here.
 */
int	handler_set_ready(const struct handler_set *, struct err *);
unsigned	handler_threads(const struct handler_set *);	/* or NULL */
bool	handler_threads_allowed(const struct config *);

/* The largest reply of a sync route; what the host itself serves has no limit,
 * for nobody else decides on its size. */
size_t	handler_sync_limit(const struct config *, const struct route *);

void	handler_set_free(struct handler_set *);

/* How many of its routes are jobs. */
size_t	handler_set_jobs(const struct handler_set *);

/* ------------------------------------------------------ routing (route.c) */

#define ROUTE_CAPTURES_MAX	16
#define ROUTE_ALLOW_MAX		128

struct route_capture {
	const char	*name;		/* of the route; ends in NUL */
	const char	*at;		/* in the path given; does not */
	size_t		 length;
};

struct route_match {
	const struct route	*route;		/* NULL: see status */
	int			 status;	/* 200, 204, 404 or 405 */
	bool			 head;		/* HEAD: no body */
	char			 allow[ROUTE_ALLOW_MAX];	/* 204, 405 */
	struct route_capture	 captures[ROUTE_CAPTURES_MAX];
	size_t			 capture_count;
};

/*
 * Finds the route for a decoded path.  Pure; allocates nothing.
 *
 * A literal segment beats {name} beats {name...}, from left to right; where
 * the better one leads nowhere, or has no route for this method, the next is
 * tried.  HEAD is answered by GET, OPTIONS by 204 with Allow, unless a handler
 * has a route for it.  Allow names the methods of every pattern that fits.
 * The empty path, the mount point without its slash, is "/".
 */
void	route_find(const struct handler_set *, const char *method,
	    size_t method_length, const char *path, size_t path_length,
	    struct route_match *match_out);

/* What the host answers where there is no route: a sentence, and complete
 * header lines to go with it, or "". */
struct route_refusal {
	char	detail[ROUTE_ALLOW_MAX + 32];
	char	extra[ROUTE_ALLOW_MAX + 16];
};
void	route_refuse(const struct route_match *, struct route_refusal *out);

/* What the path took in a route already found: for workers. */
size_t	route_captures(const struct route *, const char *path,
	    size_t path_length, struct route_capture out[ROUTE_CAPTURES_MAX]);

/*
 * Checks a path pattern; -1 and why.  A pattern starts with '/'; a segment is
 * literal, or {name}, or, the last one, {name...}.  It is compared with the
 * decoded path, byte by byte: "/a" and "/a/" are two routes, and an empty
 * segment is no value for {name}.
 */
int	route_check_pattern(const char *path, struct err *);

/*
 * Fills method, path, label, names and capture_count from a pattern that passed
 * the check, and there is no schema yet.  -1: out of memory.
 */
int	route_init(struct route *, const char *method, size_t method_length,
	    const char *path);
void	route_finish(struct route *);

/* Do these two patterns take the same paths?  Parameter names don't count. */
bool	route_same_pattern(const char *, const char *);

/* The tree that route_find searches.  NULL: out of memory. */
struct route_node	*route_tree_create(const struct route *, size_t count);
void	route_tree_destroy(struct route_node *);

#endif
