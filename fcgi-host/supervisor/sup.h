/*
 * sup.h - what the supervisor's files share.
 *
 *	sup_main       start, signals, stop
 *	sup_listen     the listening socket; sup_control: the control socket
 *	sup_reload     from a trigger to a new generation, step by step
 *	               (sup_steps), and who is to blame (sup_blame):
 *	  sup_source     where its configuration and handler files come from
 *	  sup_stage      a child that copies the dropped files
 *	  sup_picks      policy: which version of each file
 *	  sup_place      its folder
 *	  sup_models     models loaded, reused, freed (sup_loader)
 *	  sup_free_first one that must not be in memory twice
 *	  sup_probe      a child that tries what is to serve
 *	  sup_switch     the new generation serves, the old one leaves
 *	  sup_outcome    what came of it, for whoever asked
 *	sup_upgrade    a new binary takes over (sup_successor, sup_guard,
 *	               sup_handoff)
 *	sup_refusals   files that are not served, and why
 *	sup_store      kept generations, over restarts of the host
 *	sup_dirs       state_dir (sup_renew: what was removed from it)
 *	sup_directory  the watcher of the handler directory (sup_debounce)
 *	sup_generation a zygote with its handlers and models; sup_zygote
 *	sup_team       a front with its workers and shared memory
 *	sup_pools      which workers there are (sup_scale)
 *	sup_child      one front or worker process
 *	sup_clerk      the process that keeps the jobs
 *	sup_demote     handlers that took a front along
 *	sup_post       messages to zygote, fronts and workers
 *	sup_respawn    policy: when may a dead process be replaced
 *	sup_crash      from its death to a report, which is kept
 *	sup_output     what handlers print (sup_printed)
 *	sup_trouble    what it is short of, and since when
 *	sup_slow       sync handlers that are slow (sup_slow_line)
 *	sup_witness    a child that puts a crash or a slow handler into words
 *	sup_counts     counters over fronts and generations; sup_metrics
 *	sup_status     the status document (sup_status_files); sup_kept
 */
#ifndef SUPERVISOR_SUP_H
#define SUPERVISOR_SUP_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <uv.h>

#include "common/child.h"
#include "common/contract.h"
#include "common/shm.h"
#include "model/model.h"
#include "supervisor/sup_directory.h"
#include "supervisor/sup_picks.h"
#include "supervisor/sup_printed.h"
#include "supervisor/sup_respawn.h"
#include "supervisor/sup_store.h"
#include "supervisor/sup_trouble.h"

struct json_object;
struct sup;
struct sup_team;

/* ------------------------------------------------------------------- links */

struct sup_letter;

/* Our end of a link, watched; zeroed is closed. */
struct sup_post {
	int			 fd;
	uv_poll_t		*poll;		/* NULL: closed */
	uv_poll_cb		 callback;
	STAILQ_HEAD(, sup_letter) letters;	/* there was no room for */
};

/* ---------------------------------------------------------------- children */

enum sup_child_state {
	SUP_CHILD_NONE,		/* no process, none wanted yet */
	SUP_CHILD_WAITING,	/* for its respawn timer */
	SUP_CHILD_FORKING,	/* the zygote was asked */
	SUP_CHILD_STARTING,	/* has a pid */
	SUP_CHILD_READY,
	SUP_CHILD_CLEANING	/* dead; the front settles its jobs */
};

/* Lines a process prints, from its pipe; outlives the process. */
struct sup_output;

/* A front (slot SLOT_FRONT) or a worker, and its successors in the slot. */
struct sup_child {
	struct sup_team		*team;
	uint32_t		 slot;
	uint32_t		 incarnation;
	enum sup_child_state	 state;
	pid_t			 pid;		/* 0: none */
	struct sup_post		 post;
	uv_timer_t		*timer;		/* respawn, kill ladder */
	uint64_t		 started_ms;
	uint64_t		 delay_ms;	/* before the next process */
	uint64_t		 restarts;
	struct sup_output	*output;
	struct sup_printed	 printed;
	struct sup_respawn	 respawn;
	int			 crash_fd;	/* its last words; -1 */
	bool			 asked_to_end;	/* by a signal of ours */
	bool			 leaving;	/* told to, by its front */
	const char		*blame;		/* why we ended it, or NULL */
};

/* ------------------------------------------------------------------- teams */

enum sup_team_state {
	SUP_TEAM_SERVING,	/* or about to */
	SUP_TEAM_STOPPING,	/* its front finishes, and passes on */
	SUP_TEAM_LEAVING	/* its front is gone */
};

struct sup_team {
	struct sup_team		*next;		/* older ones, still leaving */
	struct sup_generation	*generation;
	uint32_t		 number;
	enum sup_team_state	 state;
	struct shm		*shm;
	int			 shm_fd, event_fd;
	struct sup_child	 front;
	struct sup_child	*workers;	/* by slot */
	uint32_t		 worker_count;
	struct sup_pools	*pools;		/* sup_pools.h */
	uv_timer_t		*timer;		/* drain, then kill */
	uv_timer_t		*hang_timer;	/* while sync handlers run */
	uint64_t		 hang_requests;	/* of the front, last time */
	uint64_t		 hang_idle_ms;	/* nothing has run since */
	struct sup_slow		*slow;		/* NULL: none was yet */
	bool			 told_to_stop;
};

/* ------------------------------------------------------------------ models */

/* A loaded model, for as long as a generation uses it. */
struct sup_model {
	LIST_ENTRY(sup_model)	 link;
	struct model_image	 image;
	int			 fd;		/* -1: kind preload */
	uint64_t		 inode;		/* of the memfd */
	uint32_t		 users;		/* generations */
	struct config_model	 options;	/* made with; path is ours */
	char			 maker[65];	/* build: its handler's hash */
	int64_t			 loaded_at;
};
LIST_HEAD(sup_model_list, sup_model);

/* ------------------------------------------------------------- generations */

enum sup_generation_state {
	SUP_GENERATION_STARTING,	/* being made by a reload */
	SUP_GENERATION_SERVING,
	SUP_GENERATION_LEAVING		/* finishes what it has begun */
};

/* The throwaway process that tries a generation's handlers. */
struct sup_probe {
	bool			 asked;		/* the zygote */
	pid_t			 pid;		/* 0: none yet, or reaped */
	bool			 passed;
	struct sup_post		 post;
};

struct sup_generation {
	struct sup		*sup;
	struct sup_generation	*older;		/* list of those that live */
	uint32_t		 number;
	enum sup_generation_state state;
	struct config		*config;	/* its own */
	struct sup_manifest	 manifest;	/* once it serves */
	bool			 kept;		/* the manifest is stored */
	bool			 closed;	/* no handlers: answers 503 */
	pid_t			 zygote;	/* 0: dead */
	struct sup_post		 post;
	uint64_t		 started_ms;
	int64_t			 since_at;	/* serves */
	bool			 preloaded;	/* may fork */
	char			 file[MESSAGE_TEXT_MAX]; /* its code runs now */
	uint32_t		 handler_count, route_count;
	struct sup_probe	 probe;
	struct shm_geometry	*geometry;
	struct sup_team		*teams;		/* [0] serves */
	struct sup_model	**models;	/* by config index; NULL: not */
	char			**model_errors;	/* by config index, or NULL */
	char			**makers;	/* by config index, or NULL */
	struct sup_demotion	*demotions;	/* sup_demote.h */
	char			 suspect[CONFIG_NAME_MAX + 1]; /* ran when a
						 * front was killed by nobody */
	char			**complaints;	/* on sections of its config */
	size_t			 complaint_count;
};

/* ------------------------------------------------------------------ reloads */

enum sup_trigger {
	SUP_TRIGGER_START,	/* of the host */
	SUP_TRIGGER_WATCH,	/* the handler directory changed */
	SUP_TRIGGER_HANGUP,	/* SIGHUP */
	SUP_TRIGGER_COMMAND,	/* fcgi-host reload */
	SUP_TRIGGER_ROLLBACK,
	SUP_TRIGGER_RECOVERY,	/* the serving zygote died */
	SUP_TRIGGER_REPAIR	/* its folders had to be made anew */
};

enum sup_reload_phase {
	SUP_RELOAD_NONE,	/* none is under way */
	SUP_RELOAD_STAGING,	/* files are copied */
	SUP_RELOAD_LOADING,	/* a zygote loads them */
	SUP_RELOAD_MODELS,	/* loaders run */
	SUP_RELOAD_CLOSING,	/* a closed generation comes first */
	SUP_RELOAD_FREEING,	/* ... and serves: the old one leaves */
	SUP_RELOAD_PRELOADING,	/* the zygote maps models, runs preload hooks */
	SUP_RELOAD_PROBING,	/* worker_init, self_test, check */
	SUP_RELOAD_STARTING	/* front and workers */
};

/* One who wants to know what comes of a reload; called once, or taken off. */
struct sup_asker {
	STAILQ_ENTRY(sup_asker)	 link;
	void			(*answer)(struct sup_asker *,
				    struct json_object *outcome);
};
STAILQ_HEAD(sup_asker_list, sup_asker);

struct sup_reload {
	enum sup_reload_phase	 phase;
	enum sup_trigger	 trigger;
	uint32_t		 wanted;	/* rollback: to which */
	struct sup_generation	*next;		/* what is being made */
	struct sup_generation	*after;		/* waits for a closed one */
	struct sup_picks	 picks;
	struct sup_stage	*stage;
	struct sup_loader	*loader;
	size_t			 model_next;	/* to load */
	uint64_t		 model_address;	/* of the one that is loaded */
	uv_timer_t		*timer;		/* this step takes too long */
	uint64_t		 started_ms;
	uint32_t		 was;		/* what served when it began */
	unsigned		 hung;		/* what was killed for it */
	bool			 retry;		/* the picks have changed */
	bool			 looked;	/* the picks are whole */
	bool			 directory;	/* it is where they are from */
	unsigned		 kills;		/* by nobody known, in a row */
	struct json_object	*outcome;	/* sup_outcome.c */
	struct sup_asker_list	 askers;

	/* another one is wanted when this is over */
	bool			 pending;
	enum sup_trigger	 pending_trigger;
	uint32_t		 pending_wanted;
	struct sup_asker_list	 pending_askers;
};

/* A file in the handler directory that does not serve in this version. */
struct sup_refusal {
	LIST_ENTRY(sup_refusal)	 link;
	struct handler_version	 version;	/* at least the name */
	char			*reason;
	int64_t			 at;
	bool			 crashed;	/* not tried again unchanged */
};
LIST_HEAD(sup_refusal_list, sup_refusal);

/* ----------------------------------------------------------------- upgrades */

struct sup_upgrade {
	bool			 wanted, running;
	pid_t			 pid;		/* of the new host */
	int			 link;
	uv_poll_t		*poll;
	int			 death;		/* pidfd, once it serves */
	uv_poll_t		*on_death;
	uv_timer_t		*timer;
	struct sup_asker_list	 askers;
};

/* ------------------------------------------------------------ the process */

enum sup_phase { SUP_LOADING, SUP_STARTING, SUP_SERVING, SUP_STOPPING };

struct sup_clerk;
struct sup_counts;
struct sup_crashes;
struct sup_model_name;
struct sup_witness;

struct sup {
	const struct config	*config;	/* as of the start */
	uv_loop_t		 loop;
	enum sup_phase		 phase;
	int			 exit_code;
	uint64_t		 started_ms;
	time_t			 started_at;
	int			 listen_fd;
	bool			 listen_inherited;
	int			 spool_dir;
	int			 lock_fd;	/* of state_dir */
	struct sup_store	*store;
	int			 cache_fd;	/* given to every zygote */
	struct cache		*cache;
	uv_signal_t		 terminate, interrupt, hangup, upgrade_signal;
	int			 control;	/* the control socket; -1 */
	uv_poll_t		*control_watch;	/* NULL: not served */
	struct sup_directory	*directory;	/* NULL: not watched */
	char			*directory_path; /* which */

	struct sup_model_list	 models;
	struct sup_model_name	*model_names;	/* that were ever loaded */
	size_t			 model_name_count;
	struct sup_generation	*generations;	/* newest first */
	struct sup_generation	*serving;	/* one of them, or NULL */
	uint32_t		 generation_count; /* the last number used */
	uint32_t		 team_count;
	struct sup_respawn	 zygote_respawn, front_respawn;
	struct sup_trouble	 unforked;	/* processes */
	uv_timer_t		*respawn_timer;
	uv_timer_t		*stop_timer;
	uint64_t		 front_restarts;
	uint64_t		 oom_kills;	/* as last seen */

	struct sup_reload	 reload;
	struct sup_refusal_list	 refusals;
	uint64_t		 reload_count, refused_count;
	struct json_object	*last_outcome;
	struct sup_counts	*counts;	/* of teams that are gone */
	struct sup_crashes	*crashes;	/* sup_crashes.c */
	struct sup_witness	*witnesses;	/* sup_witness.c */
	struct sup_clerk	*clerk;		/* NULL: no jobs so far */

	char			*binary;	/* ours, as it was started */
	struct sup_upgrade	 upgrade;
	bool			 handed_over;	/* another host serves */
	bool			 borrowed;	/* ... we hold what is its */
	bool			 guards;	/* we stay in front of it */
	bool			 guarded;	/* somebody is in front of us */
	int			 successor_link; /* to the host before; -1 */
	int			 control_taken;	/* from it; -1 */
};

/* sup_main.c */
void	sup_begin_stop(struct sup *);
void	sup_fail(struct sup *, int exit_code);	/* stops with this code */
void	sup_serving(struct sup *);		/* all are ready */
void	sup_stop_if_gone(struct sup *);		/* nothing is waited for */
void	sup_leave_all(struct sup *);		/* who has no work left */
void	sup_stop_generations(struct sup *);	/* what has begun ends */
void	sup_raise_descriptor_limit(const struct config *);
/* Do the sockets' files and the spool belong to us, and to no other host? */
bool	sup_owns_files(const struct sup *);
/* Of the generation that serves, else of the start. */
const struct config	*sup_config(const struct sup *);

/* sup_watch.c: timers and watchers that may be freed from their callbacks. */
uv_timer_t	*sup_timer_create(struct sup *, void *data);
void		 sup_timer_destroy(uv_timer_t **);

uv_poll_t	*sup_watch_create(struct sup *, int fd, uv_poll_cb, void *data);
void		 sup_watch_destroy(uv_poll_t **);

/* sup_post.c: takes over the descriptor. */
void	sup_post_open(struct sup_post *, struct sup *, int fd,
	    uv_poll_cb on_ready, void *data);
void	sup_post_close(struct sup_post *);	/* may be closed already */
/* Sent, or kept until there is room, with copies of the descriptors.  0 or -1,
 * errno, when the other side is dead. */
int	sup_post_send(struct sup_post *, const struct message *,
	    const int *fds, size_t count);
/* For `on_ready`, with its events: what came, without its descriptors. */
enum { SUP_POST_NONE, SUP_POST_MESSAGE, SUP_POST_ENDED };
int	sup_post_receive(struct sup_post *, int events,
	    struct message *message_out);

/* sup_listen.c */
int	sup_listen_open(struct sup *, struct err *);
void	sup_listen_close(struct sup *);
/* A socket's file left by a host that was killed; -1 if it is served. */
int	sup_listen_remove_stale(const char *option, const char *path,
	    struct err *);

/* A listening Unix socket, close-on-exec, not blocking; -1 and why. */
int	sup_listen_unix(const char *option, const char *path, mode_t mask,
	    int backlog, struct err *);

/* ----------------------------------------------- from a trigger to a switch */

/*
 * sup_reload.c.  At most one runs; what is asked for meanwhile comes next.  The
 * asker may be NULL; `wanted` counts for a rollback, 0 is the one before.
 */
void	sup_reload_ask(struct sup *, enum sup_trigger, uint32_t wanted,
	    struct sup_asker *);
void	sup_reload_forget(struct sup *, struct sup_asker *);
void	sup_asker_take_off(struct sup_asker_list *, const struct sup_asker *);
/* Nothing comes of what runs, nor of what waits for its turn. */
void	sup_reload_stop(struct sup *, const char *reason);
const char	*sup_trigger_name(enum sup_trigger);
bool	sup_trigger_is_ours(enum sup_trigger);	/* nobody has said a word */
const char	*sup_reload_phase_name(enum sup_reload_phase);
void	sup_reload_continue(struct sup *);	/* what waits, if it may now */
/* The next step, when one is done. */
void	sup_reload_staged(struct sup *);
void	sup_reload_loaded(struct sup_generation *);
void	sup_reload_close_first(struct sup *);
void	sup_reload_models_done(struct sup *);
void	sup_reload_preloaded(struct sup_generation *);
void	sup_reload_probed(struct sup_generation *);
void	sup_reload_team_ready(struct sup_generation *);
/* A file's code runs now: the time starts anew. */
void	sup_reload_progress(struct sup_generation *);
/* What goes wrong. */
void	sup_reload_refused(struct sup_generation *, uint32_t file,
	    uint32_t rival, const char *reason, bool again);
void	sup_reload_failed(struct sup_generation *, const char *why);
void	sup_reload_crashed(struct sup_generation *, const char *file,
	    const char *how, bool killed);
void	sup_reload_give_up(struct sup *, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

/* Between sup_reload.c, sup_steps.c and sup_blame.c. */
void	sup_reload_finish(struct sup *, bool ok, const char *reason);
void	sup_reload_abandon(struct sup *);	/* what is being made goes */
void	sup_reload_end(struct sup *, int exit_code, const char *reason);
bool	sup_reload_is_down(const struct sup *);	/* what should serve */
bool	sup_reload_is_making(const struct sup_generation *);
void	sup_steps_load(struct sup *);
void	sup_steps_try_again(struct sup *);
void	sup_steps_end_closing(struct sup *);

/* sup_source.c: configuration and picks for a reload.  0, or -1 and why. */
struct config	*sup_source_config(struct sup *, enum sup_trigger,
		    uint32_t wanted, struct json_object *outcome,
		    struct err *);
int	sup_source_choose(struct sup *, uint32_t *wanted, struct err *);
int	sup_source_from_store(struct sup *, uint32_t number, struct err *);
int	sup_source_from_serving(struct sup *, struct err *);
int	sup_source_stage(struct sup *, struct err *);
void	sup_source_watch(struct sup *);	/* the directory, if that is wanted */

/* sup_place.c: the new generation's folder gets what is chosen.  0, or -1 and
 * why.  When it serves: what was put aside has no chance any more. */
int	sup_place_files(struct sup *, struct err *);
void	sup_place_tidy(struct sup *, uint32_t number);

/* sup_refusals.c */
void	sup_refusals_set(struct sup *, const struct handler_version *,
	    const char *reason, bool crashed);
void	sup_refusals_keep_only(struct sup *, const struct sup_picks *);
const struct sup_refusal	*sup_refusals_find(const struct sup *,
				    const char *name);
void	sup_refusals_free(struct sup *);

/* sup_models.c: models for the generation that is being made. */
void	sup_models_start(struct sup *);
void	sup_models_release(struct sup_generation *);
void	sup_models_forget(struct sup *);	/* those in the making */
/* One that an older host has loaded; dropped again if nobody uses it. */
void	sup_models_adopt(struct sup *, struct sup_model *);
void	sup_models_drop_unused(struct sup *);
/* Sends them to its zygote. */
void	sup_models_tell(struct sup_generation *);

/* The model of that name that serves, or NULL. */
struct sup_model	*sup_models_serving(const struct sup *,
			    const char *name);

/* sup_free_first.c */
bool	sup_free_first_is_needed(const struct sup *);
void	sup_free_first_begin(struct sup *);
bool	sup_free_first_is_done(const struct sup *);	/* all have left */

/* sup_probe.c */
void	sup_probe_start(struct sup_generation *);
void	sup_probe_spawned(struct sup_generation *, const struct message *);
bool	sup_probe_exited(struct sup_generation *, pid_t, int status);
void	sup_probe_finish(struct sup_generation *);

/* sup_switch.c; notify: what rang in an older team is heard where it serves. */
void	sup_switch(struct sup_generation *);
void	sup_switch_prune(struct sup *);	/* what is kept no longer */
void	sup_switch_front_ready(struct sup_team *);	/* it serves */
void	sup_switch_notify(const struct sup_team *, const struct message *);

/* sup_upgrade.c: a new binary takes over; sup_successor.c: it is us. */
void	sup_upgrade_ask(struct sup *, struct sup_asker *);
void	sup_upgrade_forget(struct sup *, struct sup_asker *);
void	sup_upgrade_continue(struct sup *);	/* what waits, if it may now */
void	sup_upgrade_stop(struct sup *);
int	sup_successor_link(void);		/* -1: nobody was before us */
int	sup_successor_receive(struct sup *, struct err *);
void	sup_successor_fail(struct sup *, const char *reason);
void	sup_successor_take_over(struct sup *, int link);
/* sup_guard.c */
void	sup_guard_begin(void);
void	sup_guard_hold_signals(void);		/* until one of the next two */
void	sup_guard_leave_signals(void);		/* what comes now ends us */
int	sup_guard(pid_t host);			/* its exit code, in the end */

/* sup_outcome.c: the result document of a reload. */
struct json_object	*sup_outcome_create(enum sup_trigger);
void	sup_outcome_change(struct json_object *, const char *kind,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
void	sup_outcome_refused(struct json_object *, const char *file,
	    const char *reason);
void	sup_outcome_restart(struct json_object *, const char *sentence);
void	sup_outcome_files(struct sup *, struct json_object *);
void	sup_outcome_finish(struct sup *, bool ok, const char *reason);
/* Of one that never began; json_object_put() it. */
struct json_object	*sup_outcome_none(const struct sup *, enum sup_trigger,
			    const char *reason);

/* ------------------------------------------------------------ generations */

/* sup_generation.c */
struct sup_generation	*sup_generation_create(struct sup *, uint32_t number,
			    struct config *);
void	sup_generation_on_link(uv_poll_t *, int status, int events);
/* sup_zygote.c: a zygote that loads what is chosen.  0, or -1 and why. */
int	sup_generation_fork(struct sup_generation *, const struct sup_picks *,
	    struct err *);
void	sup_generation_unfork(struct sup_generation *);	/* for another try */
void	sup_generation_destroy(struct sup_generation *);
void	sup_generation_ask(struct sup_generation *, struct message *,
	    const int *fds, size_t count);
void	sup_generation_add_team(struct sup_generation *);
void	sup_generation_front_died(struct sup_generation *, int status,
	    uint64_t delay_ms);
void	sup_generation_recover(struct sup *);	/* what serves is down */
void	sup_generation_team_gone(struct sup_generation *, struct sup_team *);
void	sup_generation_stop(struct sup_generation *);
void	sup_generation_kill(struct sup_generation *, pid_t, int signal);
void	sup_generation_complain(struct sup_generation *, const char *sentence);

/* sup_team.c */
struct sup_team	*sup_team_start(struct sup_generation *, struct err *);
void	sup_team_spawned(struct sup_team *, const struct message *);
bool	sup_team_exited(struct sup_team *, pid_t, int status);
void	sup_team_ready(struct sup_child *);
void	sup_team_cleaned(struct sup_team *, uint32_t slot);
void	sup_team_overtime(struct sup_team *, const struct message *);
void	sup_team_spoilt(struct sup_team *, const struct message *);
/* Front first, then workers; MESSAGE_STOP, or MESSAGE_RETIRE with a link. */
void	sup_team_stop(struct sup_team *, int link);
void	sup_team_destroy(struct sup_team *);	/* its processes are dead */
bool	sup_team_is_ready(const struct sup_team *);
bool	sup_team_has_served(const struct sup_team *);	/* or one after it */

/* sup_child.c */
void	sup_child_init(struct sup_child *, struct sup_team *, uint32_t slot);
void	sup_child_spawn(struct sup_child *);
bool	sup_child_is_awaited(const struct sup_child *);	/* of the zygote */
void	sup_child_spawned(struct sup_child *, const struct message *);
void	sup_child_exited(struct sup_child *, int status);
void	sup_child_tell(struct sup_child *, struct message *, const int *fds,
	    size_t count);
void	sup_child_signal(struct sup_child *, int number);
void	sup_child_finish(struct sup_child *);
/* The pairs of a new process, ours in [0], the child's in [1]. */
int	sup_child_links(int link_out[2], int output_out[2]);
/* Its sync handler: "req=... route=...", " while it ran req=..."; or "". */
void	sup_child_name_work(const struct sup_child *, char *out, size_t size);
void	sup_child_describe_work(const struct sup_child *, char *out,
	    size_t size);

/* sup_hang.c: a sync handler that is slow, or does not return. */
void	sup_hang_watch(struct sup_team *);

/* sup_output.c: `child` may be NULL; it is told when its output has ended. */
struct sup_output	*sup_output_create(struct sup *, struct sup_child *,
			    const char *who, int fd);
void	sup_output_detach(struct sup_output **);	/* it reads on */
void	sup_output_drain(struct sup_output *);	/* what is there; NULL: none */

/* sup_control.c */
int	sup_control_open(struct sup *, struct err *);
void	sup_control_close(struct sup *);
int	sup_control_fd(const struct sup *);
void	sup_control_serve(struct sup *);	/* one that was taken */
const struct sup_trouble	*sup_control_trouble(void); /* descriptors */

/* sup_counts.c: counters go on over fronts and generations. */
void	sup_counts_keep(struct sup *, const struct sup_team *); /* it goes */
void	sup_counts_free(struct sup *);

/* sup_status.c: the status document; sup_kept.c: generations that are kept.
 * free() them. */
char	*sup_status_json(struct sup *);

/* sup_status_degraded.c: what the host is short of now. */
struct json_object	*sup_status_degraded(const struct sup *);
char	*sup_kept_json(struct sup *);
/* sup_status_files.c: the parts of it that are about reloads. */
void	sup_status_files(const struct sup *, struct json_object *root);
void	sup_status_reloads(const struct sup *, struct json_object *root);

#endif
