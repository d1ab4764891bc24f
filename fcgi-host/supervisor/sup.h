/*
 * sup.h - what the supervisor's files share.
 *
 *	sup_main       start, signals, stop
 *	sup_listen     the listening socket; sup_control: the control socket
 *	sup_models     loaders, one after the other (sup_loader)
 *	sup_generation a zygote with its handlers and models
 *	sup_team       a front with its workers and shared memory
 *	sup_child      one front or worker process
 *	sup_post       messages to zygote, fronts and workers
 *	sup_respawn    policy: when may a dead process be replaced
 *	sup_output     what handlers print
 *	sup_status     the status document
 */
#ifndef SUPERVISOR_SUP_H
#define SUPERVISOR_SUP_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/child.h"
#include "common/contract.h"
#include "common/shm.h"
#include "model/model.h"
#include "supervisor/sup_respawn.h"

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
	struct sup_respawn	 respawn;
};

/* ------------------------------------------------------------------- teams */

enum sup_team_state { SUP_TEAM_SERVING, SUP_TEAM_STOPPING, SUP_TEAM_LEAVING };

struct sup_team {
	struct sup_team		*next;		/* older ones, still leaving */
	struct sup_generation	*generation;
	uint32_t		 number;
	enum sup_team_state	 state;
	struct shm		*shm;
	int			 shm_fd, event_fd;
	struct sup_child	 front;
	struct sup_child	*workers;
	uint32_t		 worker_count;
	uv_timer_t		*timer;		/* drain, then kill */
	uv_timer_t		*hang_timer;	/* while sync handlers run */
	uint64_t		 hang_requests;	/* of the front, last time */
	uint64_t		 inherited_requests; /* of fronts before it */
};

/* ------------------------------------------------------------- generations */

struct sup_generation {
	struct sup		*sup;
	uint32_t		 number;
	pid_t			 zygote;	/* 0: dead */
	struct sup_post		 post;
	uint64_t		 started_ms;
	bool			 loaded;
	char			 file[MESSAGE_TEXT_MAX]; /* being loaded */
	uint32_t		 handler_count, route_count;
	struct shm_geometry	*geometry;
	struct sup_team		*teams;		/* [0] serves */
	char			**refusals;	/* of handlers and routes */
	size_t			 refusal_count;
};

/* ------------------------------------------------------------ the process */

enum sup_phase { SUP_LOADING, SUP_STARTING, SUP_SERVING, SUP_STOPPING };

struct sup {
	const struct config	*config;
	uv_loop_t		 loop;
	enum sup_phase		 phase;
	int			 exit_code;
	uint64_t		 started_ms;
	time_t			 started_at;
	int			 listen_fd;
	bool			 listen_inherited;
	int			 spool_dir;
	uv_signal_t		 terminate, interrupt, hangup;
	uv_pipe_t		 control;
	bool			 control_open;

	/* models, in the order of the configuration; failed ones left out */
	struct model_image	*images;
	int			*model_fds;
	size_t			 image_count;
	size_t			 model_next;	/* to load */
	uint64_t		 model_address;
	char			**model_errors;	/* by config index, or NULL */
	struct sup_loader	*loader;

	struct sup_generation	*generation;
	uint32_t		 generation_count;
	uint32_t		 team_count;
	struct sup_respawn	 zygote_respawn, front_respawn;
	uv_timer_t		*respawn_timer;
	uv_timer_t		*stop_timer;
	uint64_t		 front_restarts;
};

/* sup_main.c */
void	sup_begin_stop(struct sup *);
void	sup_fail(struct sup *, int exit_code);	/* stops with this code */
void	sup_serving(struct sup *);		/* all are ready */
void	sup_generation_gone(struct sup *);

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

/* sup_dirs.c: state_dir and what is in it. */
int	sup_dirs_open(struct sup *, struct err *);
void	sup_dirs_clean_spool(struct sup *, uint32_t team);
void	sup_dirs_close(struct sup *);

/* sup_models.c: loads what is configured, then calls sup_models_done(). */
void	sup_models_start(struct sup *);
void	sup_models_done(struct sup *);		/* sup_main.c */
void	sup_models_free(struct sup *);

/* sup_generation.c */
void	sup_generation_start(struct sup *);
void	sup_generation_ask(struct sup_generation *, struct message *,
	    const int *fds, size_t count);
void	sup_generation_front_died(struct sup_generation *,
	    uint64_t delay_ms);
void	sup_generation_team_gone(struct sup_generation *, struct sup_team *);
void	sup_generation_stop(struct sup_generation *);
void	sup_generation_kill(struct sup_generation *, pid_t, int signal);

/* sup_team.c */
struct sup_team	*sup_team_start(struct sup_generation *);
void	sup_team_spawned(struct sup_team *, const struct message *);
bool	sup_team_exited(struct sup_team *, pid_t, int status);
void	sup_team_ready(struct sup_team *);
void	sup_team_cleaned(struct sup_team *, uint32_t slot);
void	sup_team_overtime(struct sup_team *, const struct message *);
void	sup_team_spoilt(struct sup_team *, const struct message *);
void	sup_team_stop(struct sup_team *);	/* front first, then workers */
void	sup_team_destroy(struct sup_team *);	/* its processes are dead */
bool	sup_team_is_ready(const struct sup_team *);

/* sup_child.c */
void	sup_child_init(struct sup_child *, struct sup_team *, uint32_t slot);
void	sup_child_spawn(struct sup_child *);
void	sup_child_spawned(struct sup_child *, const struct message *);
void	sup_child_exited(struct sup_child *, int status);
void	sup_child_tell(struct sup_child *, struct message *);
void	sup_child_signal(struct sup_child *, int number);
void	sup_child_finish(struct sup_child *);
/* " while it ran req=...", or "": the sync handler a front is in. */
void	sup_child_describe_work(const struct sup_child *, char *out,
	    size_t size);

/* sup_hang.c: a sync handler that does not return. */
void	sup_hang_watch(struct sup_team *);

/* sup_output.c */
struct sup_output	*sup_output_create(struct sup_child *, int fd);
void	sup_output_detach(struct sup_output **);	/* reads on to its end */

/* sup_control.c */
int	sup_control_open(struct sup *, struct err *);
void	sup_control_close(struct sup *);

/* sup_status.c: the status document; free() it. */
char	*sup_status_json(struct sup *);

/* sup_notify.c: the service manager. */
void	sup_notify_ready(const struct sup *);
void	sup_notify_stopping(void);

#endif
