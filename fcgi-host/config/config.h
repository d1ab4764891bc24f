/*
 * config.h - the configuration, read once and then constant.
 *
 * config_load() parses the file with libconfuse and checks it whole: every
 * fault is reported with file, line and key, not only the first.  Processes
 * forked later inherit the struct; nobody writes to it.
 *
 * A reload reads the file again, into a struct of its own: what may change and
 * what did is in config/config_reload.h.
 *
 * Sizes are bytes, times are milliseconds.  Every string is owned by the
 * struct; config_free() releases all of it.  Every option stands once, in the
 * table of config_table.c, from which parser, defaults, `fcgi-host check`, the
 * man page and the sample file are made or checked.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "common/log.h"

#define CONFIG_NAME_MAX	63	/* pool, model and handler names */

/* Time and count that mean "no limit" or "not set". */
#define CONFIG_NEVER	0
#define CONFIG_UNSET	(-1)

enum config_kind { CONFIG_MODEL_FILE, CONFIG_MODEL_BUILD,
	CONFIG_MODEL_PRELOAD };
enum config_pages { CONFIG_PAGES_OFF, CONFIG_PAGES_TRY };
enum config_plan { CONFIG_PLAN_ENFORCE, CONFIG_PLAN_WARN, CONFIG_PLAN_OFF };
enum config_scaling { CONFIG_SCALING_STATIC, CONFIG_SCALING_DYNAMIC,
	CONFIG_SCALING_ONDEMAND };
/* What is kept of `workers` if it is a word; no number is as large. */
enum { CONFIG_WORKERS_STATIC = 0x10000, CONFIG_WORKERS_DYNAMIC,
	CONFIG_WORKERS_ONDEMAND };
struct config_network;		/* config/config_peers.h */

enum config_sync_fault { CONFIG_SYNC_FAULT_DEMOTE, CONFIG_SYNC_FAULT_KEEP };
enum config_reload { CONFIG_RELOAD_KEEP_SERVING, CONFIG_RELOAD_FREE_FIRST };

/* How clients of a route show who they are, and how tokens are signed. */
enum config_auth_type { CONFIG_AUTH_KEY, CONFIG_AUTH_BEARER,
	CONFIG_AUTH_BASIC };
enum config_algorithm { CONFIG_HS256, CONFIG_RS256, CONFIG_EDDSA };

/* pool "name" { ... }; there is always one called "default". */
struct config_pool {
	char		*name;
	uint32_t	 workers_option; /* a number, or CONFIG_WORKERS_* */
	uint32_t	 max_workers;	/* these four: not where it is static */
	uint32_t	 min_workers;
	uint32_t	 spare_workers;	/* without work, to be kept ready */
	uint64_t	 idle_timeout_ms; /* of workers there are too many of */
	uint64_t	 recycle_requests; /* a worker is replaced after; 0 */
	uint64_t	 recycle_age_ms; /* ... */
	uint64_t	 recycle_memory; /* ... private bytes */
	uint32_t	 recycle_jitter; /* percent these differ by */
	uint32_t	 threads;	/* requests at a time per worker */
	uint32_t	 queue;		/* requests that may wait */
	uint64_t	 queue_timeout_ms;
	size_t		 stack;		/* bytes per further thread */
	size_t		 max_memory;	/* private, per worker; 0: any */
	uint32_t	 max_files;	/* open, per worker; 0: as the host */
	uint32_t	 max_per_client; /* 0: any */
	char		*client_param;	/* NULL: REMOTE_ADDR */
	unsigned	 line;

	/* what follows from these options: config_pool_settle() */
	enum config_scaling scaling;
	uint32_t	 workers;	/* the most that serve; never 0 */
};

/* route "GET /x" { ... }: CONFIG_UNSET / NULL leaves the handler's own. */
struct config_route {
	char		*method;
	char		*path;		/* as in the handler's table */
	int		 async;		/* 0, 1 or CONFIG_UNSET */
	char		*pool;
	int64_t		 timeout_ms;
	int64_t		 deadline_ms;
	int64_t		 sync_warn_ms;
	int64_t		 max_concurrent;
	int64_t		 reserve;	/* workers */
	int64_t		 body_limit;
	int		 server_timing;	/* 0, 1 or CONFIG_UNSET */
	int64_t		 job_concurrency; /* on this host; 0: any */
	int64_t		 job_priority;
	int64_t		 job_attempts;
	int64_t		 job_retry_ms;
	int64_t		 job_keep_ms;
	char		*auth;		/* sections' names, or "none" */
	char		*scopes;
	int64_t		 cache_ms;
	int		 cache_refresh;	/* 0, 1 or CONFIG_UNSET */
	char		**cors_origins;	/* these lists: "{ }" is not NULL */
	char		**cors_headers;
	char		**cors_expose;
	int		 cors_credentials; /* 0, 1 or CONFIG_UNSET */
	int64_t		 cors_max_age_ms;
	char		*rate;		/* these two: nginx's to count */
	int64_t		 rate_burst;
	unsigned	 line;
};

/* auth "name" { ... }; what is of another type is NULL.  `audience` and what
 * has a default are not. */
struct config_auth {
	char			*name;
	enum config_auth_type	 type;
	char			*header;	/* key: where it is sent */
	char			*keys_file;	/* these four: or env:NAME */
	char			*key_file;
	char			*jwks_file;
	char			*users_file;
	enum config_algorithm	 algorithm;
	char			*issuer;	/* NULL: any */
	char			**audience;	/* NULL: tokens have none */
	uint64_t		 leeway_ms;	/* between two clocks */
	char			*scope_claim;
	unsigned		 line;
};

/* model "name" { ... } */
struct config_model {
	char		*name;
	char		*path;
	enum config_kind kind;
	bool		 required;	/* no start without it */
	enum config_pages hugepages;
	bool		 lock;		/* mlock, for systems with swap */
	size_t		 max_bytes;	/* `build`: 0 takes the handler's */
	char		*sha256;	/* expected, 64 hex digits, or NULL */
	uint64_t	 load_timeout_ms;
	bool		 allow_threads;	/* threads before the fork are fine */
	enum config_reload reload;	/* of a changed one: beside the old? */
	char		*check;		/* "GET /path?query", or NULL */
	unsigned	 line;
};

/* handler "name" { set = { "key=value", ... } }; what the sandbox lets it */
struct config_setting {
	char	*key;
	char	*value;
};
struct config_handler {
	char			*name;
	struct config_setting	*settings;
	size_t			 setting_count;
	bool			 network;	/* beyond Unix sockets */
	bool			 processes;	/* fork, exec, kill */
	char			**read_paths, **write_paths; /* or NULL */
	char			**syscalls;	/* that it may; or NULL */
	unsigned		 line;
};

struct config {
	char		*file;		/* where it was read from */
	char		*text;		/* what stood there */
	size_t		 text_length;

	/* processes and paths */
	char		*listen;	/* "unix:/path" or "tcp:host:port" */
	mode_t		 listen_mode;	/* 0660 */
	char		*listen_owner;	/* NULL: as we are */
	char		*listen_group;
	uint32_t	 listen_backlog;
	char		**allow_users;	/* NULL: whoever can connect */
	char		**allow_addresses;
	uid_t		*allow_uids;	/* of allow_users */
	size_t		 allow_uid_count;
	struct config_network *allow_networks; /* of allow_addresses */
	size_t		 allow_network_count;
	char		*user;		/* of all but the supervisor */
	char		*group;
	char		*handlers;	/* the handler directory */
	char		*state_dir;	/* kept generations, spool */
	char		*control;	/* path of the control socket */
	enum log_level	 log_level;
	bool		 check_responses; /* of handlers, as declared */
	bool		 log_query;	/* values of queries are shown */
	bool		 capture_crashed; /* requests that crash are kept */

	/* limits on what a peer may send */
	uint32_t	 connections;
	size_t		 params_limit;	/* all CGI parameters of a request */
	size_t		 body_limit;	/* 413 above */
	size_t		 body_memory;	/* above it a body is spooled */
	char		*body_files;	/* folder of the web server's; NULL */
	uint32_t	 form_fields;	/* of a form; 413 */
	uint32_t	 form_files;
	size_t		 form_memory;	/* ... names and values together */
	uint64_t	 idle_timeout_ms;	/* a kept connection; 0 never */
	uint64_t	 read_timeout_ms;	/* to a request's last byte */
	uint64_t	 send_timeout_ms;	/* nothing is taken */
	uint64_t	 stream_keep_alive_ms;	/* of quiet events; 0: none */

	/* replies */
	size_t		 header_limit;	/* nginx's fastcgi_buffer_size */
	size_t		 reply_space;	/* per running async request */
	size_t		 sync_reply_limit;
	bool		 server_timing;	/* of a route that does not say */

	/* time */
	uint64_t	 timeout_ms;	/* of a route that names none */
	uint64_t	 deadline_ms;	/* ... from arrival to reply; or 0 */
	uint64_t	 sync_warn_ms;	/* a sync handler is slow; 0 never */
	uint64_t	 kill_grace_ms;
	uint64_t	 drain_timeout_ms;	/* a stop, an old generation */
	uint64_t	 stop_delay_ms;	/* from SIGTERM to the stop */

	/* faults */
	uint64_t	 sync_max_ms;		/* 0: never */
	enum config_sync_fault on_sync_fault;
	uint32_t	 breaker_failures;	/* 0: never opens */
	uint64_t	 breaker_window_ms;
	uint64_t	 breaker_pause_ms;
	uint32_t	 poison_kills;		/* 0: none is */
	uint64_t	 poison_window_ms;
	bool		 sandbox;	/* common/sandbox.h */
	char		**read_paths;	/* of all handlers; or NULL */
	char		**write_paths;
	char		**environment;	/* variables that handlers see */

	/* access */
	char		*default_auth;	/* of routes that name none; or NULL */
	uint32_t	 auth_failures;	/* of a client in 10 s; 0: any */
	char		*rate;		/* these two: nginx's to count */
	uint32_t	 rate_burst;	/* 0: what is in rate, less 1 */
	char		**cors_origins;	/* NULL: none; or "*" alone */
	char		**cors_headers;	/* of requests; or NULL */
	char		**cors_expose;	/* of replies; or NULL */
	bool		 cors_credentials;
	uint64_t	 cors_max_age_ms;

	/* reloads */
	bool		 watch;		/* the handler directory */
	uint64_t	 watch_delay_ms;	/* quiet before it is read */
	uint32_t	 keep_generations;	/* the serving one included */
	uint64_t	 load_timeout_ms;	/* of each handler */

	/* jobs */
	char		*jobs_path;	/* where they are asked for */
	char		*jobs_database;	/* of PostgreSQL; NULL: SQLite */
	uint32_t	 jobs_concurrency; /* of this host */
	uint32_t	 jobs_attempts;	/* of routes that say nothing */
	uint64_t	 jobs_retry_ms;	/* ... */
	uint64_t	 jobs_keep_ms;	/* ... */
	uint64_t	 jobs_lease_ms;
	uint64_t	 jobs_wait_ms;	/* ?wait= at most */
	char		**jobs_webhooks; /* beginnings of URLs; or NULL */
	char		*jobs_webhook_secret; /* a file; or NULL */
	size_t		 jobs_body_limit;
	size_t		 jobs_result_limit;

	/* memory */
	enum config_plan memory_plan;
	size_t		 worker_memory;	/* private, per worker, for the plan */
	size_t		 cache_size;	/* of fh_cache() */
	uint32_t	 omp_threads;	/* OMP_NUM_THREADS in every process */

	/* the OpenAPI document */
	char		*api_title;
	char		*api_version;
	char		*api_description; /* or NULL */
	char		**api_servers;	/* URLs; NULL: where it is served */
	char		*openapi_path;	/* where it is; NULL: nowhere */
	char		*docs_path;	/* of its page; NULL: there is none */
	char		*docs_files;	/* a folder: what the page is made of */

	char		*metrics;	/* their path; NULL: there is none */
	char		*metrics_auth;	/* NULL: clients of this machine */
	char		*livez, *readyz; /* paths of probes; NULL: none */
	char		*readyz_auth;	/* NULL: everybody, without details */

	struct config_pool	*pools;		/* [0] is "default" */
	size_t			 pool_count;
	struct config_route	*routes;
	size_t			 route_count;
	struct config_model	*models;
	size_t			 model_count;
	struct config_handler	*handler_sections;
	size_t			 handler_count;
	struct config_auth	*auths;
	size_t			 auth_count;
};

/* Called for each fault: a whole sentence, "FILE:LINE: key: what to do". */
typedef void	config_report(void *context, const char *sentence);

/*
 * Reads and checks `file`.  NULL after at least one report.  What can only be
 * known with the handlers loaded (routes and models that no handler has) is
 * checked by handler_set_load().
 */
struct config	*config_load(const char *file, config_report *, void *context);

/* The same for a file's bytes; `file` is what sentences call it. */
struct config	*config_parse(const char *file, const char *text,
		    size_t length, config_report *, void *context);

/*
 * What `file` says of `control`, or its default, whatever else is wrong with
 * the file: a host that runs can be asked while somebody mends its
 * configuration.  free() it.  NULL: the file cannot be read.
 */
char		*config_peek_control(const char *file);

/* The defaults alone, as if from an empty file.  Never NULL. */
struct config	*config_defaults(void);

void		 config_free(struct config *);

/* How much memory the bodies of all requests together may take in the front,
 * as the plan counts it; what comes over that is spooled. */
size_t		 config_bodies(const struct config *);

const char	*config_setting(const struct config *, const char *handler,
		    const char *key);
const struct config_model	*config_model(const struct config *,
				    const char *name);

/*
 * config_rate.c: how often a client may come: `count` in a second or a minute,
 * 0 for "none" and "".  nginx counts; the host only checks what is written.
 */
#define CONFIG_RATE_NONE	"none"
#define CONFIG_RATE_MAX		1000000
struct config_rate {
	uint32_t	count;
	bool		per_minute;
};
int		 config_rate_parse(const char *text, struct config_rate *,
		    struct err *);

/*
 * config_auth.c: the sections that a list of names means, as bits in the order
 * of `auths`.  A name is a section's, or a type's of which there is one
 * section; "none" alone is none.  0, or -1 and which name means nothing here.
 */
#define CONFIG_AUTH_NONE	"none"
#define CONFIG_AUTHS_MAX	32
int		 config_auth_find(const struct config *, const char *names,
		    uint32_t *bits_out, struct err *);

/* Are routes that say nothing of their auth open to all (default_auth)? */
bool		 config_auth_is_optional(const struct config *);

/* What the hash of a password takes at most, one at a time. */
#define CONFIG_HASH_MEMORY	(UINT64_C(64) << 20)

/* Is the variable "NAME=..." one that a section auth reads a secret from? */
bool		 config_auth_wants(const struct config *,
		    const char *variable);

/*
 * config_cors.c: the pages of other origins that may read replies.  The lists
 * are the configuration's.  Who asks anywhere uses this, so that the options
 * of a section route lie over those outside of sections in one way alone.
 *
 * origins	NULL: none, and nothing is said; or "*" alone
 * headers	of requests; or NULL
 * expose	of replies; or NULL
 */
struct config_cors {
	char *const	*origins;
	char *const	*headers;
	char *const	*expose;
	bool		 credentials;
	uint64_t	 max_age_ms;
};

/* The rules for a route, or NULL: for what belongs to none. */
struct config_cors	 config_cors_of(const struct config *,
			    const struct config_route *);

/* May pages of some other origin read something? */
bool		 config_cors_used(const struct config *);

/* What the lines on origins take of a reply's header at most; config_check()
 * sees to it. */
#define CONFIG_CORS_ROOM	2048

/* Words with blanks between, each as RFC 6749, 3.3 has a scope.  "" is sound
 * too. */
int		 config_scopes_check(const char *text, struct err *);

/* config_pool.c: what `workers` and its kin mean together. */
void		 config_pool_settle(struct config_pool *);
const char	*config_pool_scaling(const struct config_pool *);

/* Processes that may be there beyond `workers`, while they take the place of
 * others; and all together. */
uint32_t	 config_pool_spares(const struct config_pool *);
uint32_t	 config_pool_slots(const struct config_pool *);

/* Descriptors that one process of the host may need: every connection is one of
 * the front; every worker is three of the supervisor, and there may be six
 * generations of them (supervisor/sup_reload.c). */
uint64_t	config_descriptors(const struct config *);

/* How many workers should be there for so many requests, which run or wait:
 * within the pool's bounds, spare ones included. */
uint32_t	 config_pool_wanted(const struct config_pool *,
		    uint64_t requests);

/*
 * "64 MiB", "10 kB", "4096" -> bytes.  "1500ms", "10s", "2m", "1h", "0" -> ms.
 * 0, or -1: "10k" is refused, and so is a time without a unit
 * (config/config_units.h).
 */
int		 config_parse_size(const char *text, size_t *bytes_out);
int		 config_parse_time(const char *text, uint64_t *ms_out);

#endif
