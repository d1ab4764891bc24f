/*
 * clerk_store.h - the jobs, durable.
 *
 * All SQL of the host is behind these functions.  Each waits for the database
 * and has its effect on the disk when it returns 0; -1: the database is away,
 * nothing has happened or, if it broke in the commit, nobody knows, and
 * clerk_store_open() is to be tried again.  Times are milliseconds by the
 * database's own clock, so hosts need not agree on one.
 *
 * A job is claimed with a *token* that nobody else has.  Whatever is written
 * about an attempt names it, and is not taken when another attempt has begun
 * since: of several results the one of the last lease is kept.
 */
#ifndef CLERK_CLERK_STORE_H
#define CLERK_CLERK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clerk/clerk_db.h"
#include "clerk/clerk_policy.h"
#include "clerk/clerk_words.h"
#include "common/clerk.h"
#include "common/err.h"

struct clerk_store {
	struct clerk_db	 db;
	bool		 up;
	char		 host[CLERK_ID_MAX];	/* this one, over restarts */
	char		*sql;		/* where a statement is put together */
	size_t		 sql_size;
};

int	clerk_store_open(struct clerk_store *, struct err *);
void	clerk_store_close(struct clerk_store *);

/* One that this host ran when it ended: it is run again at once. */
int	clerk_store_take_back(struct clerk_store *);

/* ------------------------------------------------------------ accepting */

struct clerk_new {
	const struct clerk_route *route;
	const char	*owner;
	const char	*key;		/* Idempotency-Key, or NULL */
	const char	*hash;		/* of the request, for the key */
	const char	*hook;		/* Webhook-URL, or NULL */
	const void	*params, *body;
	size_t		 params_length, body_length;
};

enum clerk_accepted { CLERK_ACCEPTED_NEW, CLERK_ACCEPTED_BEFORE,
	CLERK_ACCEPTED_OTHER /* the key is another request's */ };

int	clerk_store_accept(struct clerk_store *, const struct clerk_new *,
	    enum clerk_accepted *accepted_out, char id_out[CLERK_ID_MAX]);

/* -------------------------------------------------------------- looking */

/* As it is now; what is not known is 0 or "". */
struct clerk_job {
	char		 id[CLERK_ID_MAX];
	char		 route[SHM_LABEL_MAX];
	char		 owner[CLERK_OWNER_MAX];
	enum clerk_state state;
	int64_t		 version;	/* grows with each change */
	unsigned	 attempts, max_attempts;
	bool		 cancel;	/* asked for */
	uint64_t	 retry_ms;
	int64_t		 created_at, begin_at, started_at, finished_at;
	int64_t		 expires_at;	/* once it has ended */
	bool		 has_progress;
	int64_t		 done, total;
	char		 text[CLERK_TEXT_MAX];
	int		 status;	/* of the last reply; 0: none yet */
	char		 type[128];
	char		*result;	/* free() it; NULL: none */
	size_t		 result_length;
};

/* *found_out is false for one that is not there. */
int	clerk_store_look(struct clerk_store *, const char *id,
	    struct clerk_job *job_out, bool *found_out);
void	clerk_job_finish(struct clerk_job *);

/* How many are in each state; [0] is of no use. */
int	clerk_store_count(struct clerk_store *,
	    uint64_t counts_out[CLERK_CANCELLED + 1]);

/* One that waits, or whose lease is over, is cancelled; of one that runs it is
 * noted.  What came of it is seen by looking.  */
int	clerk_store_cancel(struct clerk_store *, const char *id);

/* -------------------------------------------------------------- running */

struct clerk_claim {
	char		 id[CLERK_ID_MAX];
	char		 token[CLERK_ID_MAX];
	char		 route[SHM_LABEL_MAX];
	struct clerk_tries tries;
	bool		 cancel;	/* since it ran the last time */
	char		*params, *body;	/* free() them */
	size_t		 params_length, body_length;
};

/*
 * labels	"\nGET /a\nPOST /b\n", routes that may begin a job now
 * ours		the tokens of what this clerk runs, one after the other: a clock
 *		that jumps ends no lease for who holds it
 */
struct clerk_wanted {
	const char	*labels, *ours;
};
int	clerk_store_claim(struct clerk_store *, const struct clerk_wanted *,
	    uint64_t lease_ms, struct clerk_claim *claim_out,
	    bool *found_out);
void	clerk_claim_finish(struct clerk_claim *);

/* In how many milliseconds there may be one to claim; -1: nobody knows of
 * any. */
int	clerk_store_next(struct clerk_store *, const struct clerk_wanted *,
	    int64_t *delay_out);

/* The lease is extended, and what has changed of the progress is kept.  `new`:
 * there is something to tell those who look on. */
struct clerk_lease {
	bool		 ours;		/* still */
	bool		 cancel;	/* somebody asked for it */
};
int	clerk_store_renew(struct clerk_store *, const char *id,
	    const char *token, uint64_t lease_ms,
	    const struct clerk_progress *, bool new,
	    struct clerk_lease *lease_out);

/* How it ended.  `status` 0: nothing is known of a reply, and what is kept of
 * an earlier one stays. */
struct clerk_result {
	struct clerk_verdict verdict;
	int		 status;
	const char	*type;		/* ASCII */
	const void	*body;
	size_t		 length;
	const struct clerk_progress *progress;	/* the last; or NULL */
};

/* *kept_out is false when the lease is another's by now. */
int	clerk_store_finish(struct clerk_store *, const char *id,
	    const char *token, const struct clerk_result *, bool *kept_out);

/* ---------------------------------------------------------------- webhooks */

struct clerk_due {
	char		 id[CLERK_ID_MAX];
	char		 url[CLERK_URL_MAX];
	unsigned	 tries;		/* this one included */
};

/* The next that is due is the caller's for a minute. */
int	clerk_store_hook_claim(struct clerk_store *, struct clerk_due *due_out,
	    bool *found_out);
/* over: it is not tried again; well: since it has arrived. */
int	clerk_store_hook_done(struct clerk_store *, const struct clerk_due *,
	    bool over, bool well, uint64_t delay_ms);
/* In how many milliseconds one is due; -1: none. */
int	clerk_store_hook_next(struct clerk_store *, int64_t *delay_out);
/* Within the transactions that accept a job, and that may have ended one. */
int	clerk_store_hook_add(struct clerk_store *, const char *id,
	    const char *url);
int	clerk_store_hook_arm(struct clerk_store *, const char *id);

/* ------------------------------------------------------------- tidying up */

/* Removes what has been kept long enough, CLERK_SWEEP at a time; there may be
 * more. */
#define CLERK_SWEEP	200
int	clerk_store_sweep(struct clerk_store *, bool *more_out);

/* 128 random bits in hex. */
void	clerk_make_id(char out[CLERK_ID_MAX]);

/* Between the files of the store.  The statement may hold %s for each word of
 * the dialect that follows. */
int	clerk_store_run(struct clerk_store *, struct clerk_rows *,
	    const char *sql, const struct clerk_value *, size_t count);
int	clerk_store_begin(struct clerk_store *);
int	clerk_store_commit(struct clerk_store *);
int	clerk_schema_make(struct clerk_store *, struct err *);

#endif
