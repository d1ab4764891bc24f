/*
 * clerk.h - what the files of the clerk share.
 *
 * The clerk is the one process of a host that speaks to the database of jobs.
 * It is a program of its own, so that SQLite, libpq and libcurl are mapped in
 * no other; it reads no byte of a web server but what a front has parsed, and
 * runs no handler.
 *
 *	clerk_main     start, the link to the supervisor, the database's ups
 *	               and downs
 *	clerk_door     connections of fronts (common/clerk.h)
 *	  clerk_accept   a request becomes a job
 *	  clerk_ask      GET, DELETE, ?wait=, events (clerk_show: as JSON)
 *	clerk_pump     claims jobs for the front that serves
 *	  clerk_run      one job that runs: a FastCGI client (clerk_end)
 *	clerk_hook     webhooks, when a job has ended (clerk_sign)
 *	clerk_store    the database (clerk_lease, clerk_due, clerk_schema;
 *	               clerk_sqlite, clerk_postgres)
 *	clerk_policy   what becomes of a job
 *
 * One thread; a call into the database waits for its answer.
 */
#ifndef CLERK_CLERK_H
#define CLERK_CLERK_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "clerk/clerk_store.h"
#include "config/config.h"
#include "wire/wire_record.h"

struct clerk;

/* Bytes that grow at the end and go at the beginning.  Zeroed is empty. */
struct clerk_bytes {
	uint8_t		*at;
	size_t		 begin, end, size;
};

/* clerk_bytes.c.  0, or -1: memory. */
int	clerk_bytes_put(struct clerk_bytes *, const void *, size_t);
size_t	clerk_bytes_left(const struct clerk_bytes *);
void	clerk_bytes_free(struct clerk_bytes *);
/* Sends what a socket takes.  0, or -1: it is broken. */
int	clerk_bytes_send(struct clerk_bytes *, int fd);

/* ------------------------------------------------------------------ clients */

enum clerk_client_state {
	CLERK_READING,		/* the head, then what follows it */
	CLERK_FRONT,		/* a front's link */
	CLERK_WAITING,		/* ?wait= */
	CLERK_STREAMING,	/* events */
	CLERK_ENDING		/* answered; bytes may be left */
};

struct clerk_client {
	TAILQ_ENTRY(clerk_client) link;
	struct clerk		*clerk;
	int			 fd;
	uv_poll_t		 poll;
	uv_timer_t		 timer;
	unsigned		 handles;	/* not yet closed by libuv */
	bool			 closing;
	bool			 paused;	/* until there is memory */
	bool			 hurried;	/* wants an answer now */
	enum clerk_client_state	 state;
	struct clerk_head	 head;
	size_t			 head_have;
	uint8_t			*data;		/* that follows the head */
	size_t			 data_size, data_have;
	size_t			 held;		/* counted in clerk.held */
	struct clerk_bytes	 output;
	size_t			 owed;		/* counted in clerk.owed */

	/* of a request */
	struct head		 request;
	char			*scratch;
	bool			 head_only;
	char			 id[CLERK_ID_MAX];	/* looked at */
	int64_t			 seen;		/* its version, that is told */
};
TAILQ_HEAD(clerk_clients, clerk_client);

/* clerk_door.c */
int	clerk_door_open(struct clerk *);
void	clerk_client_close(struct clerk_client *);
void	clerk_client_flush(struct clerk_client *);
/* A frame of the reply; NULL: its end. */
void	clerk_client_frame(struct clerk_client *, const void *, size_t);
/* May a reply of this size be put?  Small ones always. */
bool	clerk_client_may_owe(const struct clerk_client *, size_t length);
/* The value of a parameter; at is NULL where there is none. */
struct wire_span	clerk_client_param(const struct clerk_client *,
			    const char *name);

/* clerk_answer.c: whole replies.  `extra` is header lines, or "". */
void	clerk_answer(struct clerk_client *, int status, const char *extra,
	    const char *type, const void *body, size_t length);
void	clerk_answer_problem(struct clerk_client *, int status,
	    const char *extra, const char *format, ...)
	    __attribute__((format(printf, 4, 5)));
void	clerk_answer_away(struct clerk_client *);	/* 503 */
/* The job as it is; a Location with it. */
void	clerk_answer_job(struct clerk_client *, int status,
	    const struct clerk_job *);

/* clerk_accept.c, clerk_ask.c: a request that is whole. */
void	clerk_accept(struct clerk_client *);
void	clerk_ask(struct clerk_client *);
/* One that waits: its time is over, or it wants an answer now. */
void	clerk_ask_end(struct clerk_client *);
/* The job has changed, by us or by others: who looks on is told. */
void	clerk_changed(struct clerk *, const char *id);
void	clerk_changed_here(struct clerk *, const char *id); /* ... only here */
void	clerk_changed_all(struct clerk *);

/* clerk_tell.c: where nobody else does it, and another clerk serves by now. */
void	clerk_tell(const struct clerk *, const char *id);

/* clerk_show.c: free() it; NULL: memory. */
char	*clerk_show(const struct clerk *, const struct clerk_job *,
	    const char *prefix);
void	clerk_show_time(char out[32], int64_t at_ms);

/* ------------------------------------------------------------------ running */

struct clerk_run {
	TAILQ_ENTRY(clerk_run)	 link;
	struct clerk		*clerk;
	struct clerk_claim	 claim;
	int			 fd;		/* -1: it has ended */
	uv_poll_t		 poll;
	uv_timer_t		 timer;		/* renews the lease */
	uv_timer_t		 telling;	/* ... with progress */
	unsigned		 handles;
	struct wire_reader	 reader;
	struct clerk_bytes	 output, reply;
	char			 said[CLERK_TEXT_MAX + 64];
	size_t			 said_length;
	struct clerk_progress	 progress;
	struct clerk_end	 end;
	bool			 polled;	/* `poll` is one of them */
	bool			 ended;		/* and is to be kept */
	bool			 cancelled;
	bool			 lost;		/* the lease is another's */
};
TAILQ_HEAD(clerk_runs, clerk_run);

/* clerk_pump.c: a front that takes jobs comes and goes. */
bool	clerk_pump_front(struct clerk_client *);	/* its HELLO is whole */
void	clerk_pump_front_gone(struct clerk_client *);
/* Claims what there is, as much as may run. */
void	clerk_pump(struct clerk *);
void	clerk_pump_soon(struct clerk *);	/* not from within it */

/* clerk_run.c */
bool	clerk_run_start(struct clerk *, struct clerk_claim *,
	    struct clerk_client *front);
struct clerk_run	*clerk_run_find(struct clerk *, const char *id);
void	clerk_run_cancel(struct clerk_run *);
void	clerk_run_look(struct clerk_run *);	/* was it cancelled? */
void	clerk_run_free(struct clerk_run *);
/* Puts back what runs, and waits for none of it. */
void	clerk_run_abandon(struct clerk *);

/* clerk_end.c: what came is kept, or will be when the database is back. */
void	clerk_run_save(struct clerk_run *);

/* ------------------------------------------------------------- the process */

struct clerk {
	const struct config	*config;
	uv_loop_t		 loop;
	struct clerk_store	 store;
	bool			 first;		/* clerk of this host */
	bool			 stopping;	/* claims no more */
	uv_poll_t		 door, link;
	uv_poll_t		*hearing;	/* NULL: nobody tells us */
	int			 hearing_fd;
	uv_prepare_t		 before_sleep;
	uv_timer_t		 reopen, wake, sweep, saying;
	uint64_t		 pause_ms;	/* before the next try */
	uint64_t		 say_ms;	/* between two counts */
	struct clerk_clients	 clients;
	struct clerk_client	*front;		/* the one that serves */
	struct clerk_runs	 runs;
	unsigned		 run_count;
	size_t			 held;		/* bytes of requests */
	size_t			 owed;		/* of replies not yet taken */
};

/* clerk_main.c: after a call that failed; it is tried again. */
void	clerk_away(struct clerk *);
/* Something of what `status` shows has changed. */
void	clerk_say(struct clerk *);

#endif
