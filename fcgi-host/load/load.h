/*
 * load.h - a load test: who asks what and when, what came of it, what it says.
 *
 * A scenario is a mix of routes.  Each has users, which ask one request at a
 * time, as a person or a program with one connection does; and a rate, of all
 * its users together.  The rate is kept as in life, not in step: the times
 * between the requests of a user are drawn from an exponential distribution,
 * so that the requests of a route come as a Poisson process.
 *
 * When each request is due is drawn before the test begins (load_plan).  A
 * latency is counted from then, not from when the request was sent: a server
 * that stalls keeps its users from asking, and what is never asked shows in no
 * latency counted from the sending ("coordinated omission").  What the
 * generator itself was late, while the user's last reply was there, is not the
 * server's, and taken off; it is told apart.  Requests that were due and got
 * no reply count with the time they have waited.
 *
 * A route without a rate is asked by each user again as soon as it has a reply:
 * there is no time when a request is due, and its latencies are those from the
 * sending, which is said wherever they are shown.
 *
 * All in this folder is pure: no process, no clock, no file but a scenario's.
 * Times within a test are microseconds from its begin.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/err.h"
#include "common/times.h"

#define LOAD_ROUTES_MAX		32
#define LOAD_USERS_MAX		2000	/* each is a thread of the generator */
#define LOAD_REQUESTS_MAX	5000000	/* of a plan */
#define LOAD_HEADERS_MAX	32
#define LOAD_DURATION_MAX_MS	3600000	/* one hour: times are 32 bits */
#define LOAD_BODY_MAX		(8 << 20)

/* ------------------------------------------------------------ scenario */

struct load_route {
	char		*name;		/* "GET /items/{id}", for people */
	char		*target;	/* what is asked: "/items/7?full=1" */
	double		 rate;		/* a second, of all users; 0: none */
	uint32_t	 users;
	char		*headers[LOAD_HEADERS_MAX + 1];	/* "Name: value" */
	size_t		 header_count;
	char		*body;		/* NULL: none */
	size_t		 body_length;
};

struct load_scenario {
	char			*url;	/* of nginx, with a prefix */
	uint64_t		 duration_ms;	/* that is measured */
	uint64_t		 warmup_ms;	/* before, and not counted */
	uint64_t		 timeout_ms;	/* a later reply is an error */
	struct load_route	 routes[LOAD_ROUTES_MAX];
	size_t			 route_count;
};

/* What holds where nothing is said. */
void	load_scenario_init(struct load_scenario *);
void	load_scenario_free(struct load_scenario *);

/*
 * Adds what the file says, in libconfuse's grammar; see fcgi-host(1).  -1 and
 * the first fault, with its line.
 */
int	load_scenario_read(struct load_scenario *, const char *file,
	    struct err *);

/* A route by "METHOD /path?query"; -1: it is none, or there are too many. */
struct load_route	*load_scenario_add(struct load_scenario *,
			    const char *request, struct err *);

/* "50/s", "300/m", "2.5/s" or "none"; "20"; "Name: value"; a body, or of
 * "@FILE" that file's bytes. */
int	load_route_rate(struct load_route *, const char *text, struct err *);
int	load_route_users(struct load_route *, const char *text, struct err *);
int	load_route_header(struct load_route *, const char *text, struct err *);
int	load_route_body(struct load_route *, const char *text, struct err *);

/* "60s", within bounds; `name` is for the sentence. */
int	load_time_parse(const char *name, const char *text, uint64_t least_ms,
	    uint64_t *ms_out, struct err *);

/* Does it ask the route of that name, "GET /items/{id}"? */
bool	load_route_asks(const struct load_route *, const char *name);

/* Is it whole and within all bounds?  -1 and what is not. */
int	load_scenario_check(const struct load_scenario *, struct err *);

uint32_t	load_scenario_users(const struct load_scenario *);

/* Of http://HOST[:PORT][/PREFIX] or https: what a connection needs, and what
 * stands before each path ("" or "/prefix"). */
struct load_url {
	char	host[256], port[8], prefix[512];
	bool	tls;
};
int	load_url_parse(const char *url, struct load_url *, struct err *);

/* The bytes of a request as they are sent; free() them. */
char	*load_request_bytes(const struct load_scenario *,
	    const struct load_route *, size_t *length_out);

/* ---------------------------------------------------------------- plan */

struct load_user {
	uint32_t	route;
	bool		loop;		/* without a rate */
	size_t		first, count;	/* of `due` */
};

struct load_plan {
	struct load_user	*users;
	size_t			 user_count;
	uint32_t		*due;	/* one user after the other */
	size_t			 due_count;
	uint32_t		 measured_us;	/* before: warm-up */
	uint32_t		 end_us;	/* none is due later */
};

/* The same seed is the same plan. */
int	load_plan_make(const struct load_scenario *, uint64_t seed,
	    struct load_plan *, struct err *);

/* One request of one user of each route, at once: are they there? */
int	load_plan_first(const struct load_scenario *, struct load_plan *,
	    struct err *);
void	load_plan_free(struct load_plan *);

/* --------------------------------------------------------------- tally */

/* What became of requests, beside their status. */
enum load_fault {
	LOAD_LOST,		/* the connection broke before its reply */
	LOAD_LATE,		/* a reply, after `timeout` */
	LOAD_UNANSWERED,	/* none until the end */
	LOAD_UNSENT,		/* its user waited for another until the end */
	LOAD_FAULTS
};
extern const char *const	load_fault_words[LOAD_FAULTS];

/* A piece of time, by when replies came. */
struct load_point {
	uint32_t	at_us;		/* its begin */
	uint32_t	replies, errors;
	uint32_t	p50_us, p99_us, max_us;
};

#define LOAD_POINTS	120	/* a test has at most so many and a few */
#define LOAD_STATUSES	600

struct load_result {
	uint64_t	 due;		/* or, without a rate, sent */
	uint64_t	 replies;	/* of any status */
	uint64_t	 errors;	/* statuses from 400 on, and faults */
	uint64_t	 open;		/* at an interrupt: neither */
	uint64_t	 held;		/* sent late: its user still waited */
	uint32_t	 statuses[LOAD_STATUSES];
	uint64_t	 faults[LOAD_FAULTS];
	uint64_t	 sum_us, max_us;	/* of latencies */
	uint64_t	 service_sum_us;	/* from the sending */
	int64_t		*counts;	/* of latencies; times_length() */
	int64_t		*service;	/* from the sending */
	int64_t		*window;	/* of the point that is not over */
	struct load_point points[LOAD_POINTS + 16], now;
	size_t		 point_count;
};

struct load_progress {
	size_t		next;		/* of the user's plan */
	uint32_t	end_us;		/* of its last reply */
	bool		done;		/* a user without a plan */
};

struct load_tally {
	const struct load_scenario *scenario;
	const struct load_plan	*plan;
	struct load_progress	*users;
	struct load_result	*results;	/* of routes; then of all */
	int64_t			*lag;		/* of the generator */
	uint64_t		 lines, malformed;
	uint32_t		 step_us;	/* of a point */
	uint32_t		 latest_us;	/* any reply's */
	uint32_t		 measured_us;	/* how long was measured */
	bool			 interrupted;
};

int	load_tally_init(struct load_tally *, const struct load_scenario *,
	    const struct load_plan *);
void	load_tally_free(struct load_tally *);

/*
 * A line of the generator: "USER SENT END STATUS", times in microseconds;
 * status 0: the connection broke; 1: a user without a plan asks no more.  The
 * lines of a user come in order.  Anything else is counted as malformed.
 */
#define LOAD_STATUS_DONE	1
void	load_tally_line(struct load_tally *, const char *line);

/* Has every request that was due been answered? */
bool	load_tally_is_whole(const struct load_tally *);

/* Nothing more comes; `until_us` is when.  What is missing is counted. */
void	load_tally_end(struct load_tally *, uint32_t until_us,
	    bool interrupted);

/* ------------------------------------------------------------- figures */

/* Latencies in microseconds, counted from when requests were due. */
struct load_figures {
	double	p50, p90, p95, p99, p999, max, mean;
	double	service_p50, service_p99;
	double	rate;		/* replies without error, a second */
	double	errors;		/* of 1 */
	double	held;		/* of 1 */
};
struct load_figures	load_figures(const struct load_tally *,
			    const struct load_result *);

/* What the generator was late, 99 of 100 times at most. */
double	load_lag_us(const struct load_tally *);

/* Is the result the generator's rather than the server's?  Then why. */
bool	load_is_generators(const struct load_tally *, char *why, size_t size);

/* ----------------------------------------------------------- comparing */

#define LOAD_PAIRS_MAX	20

/* By what a figure of the second side differs: a factor, and where it lies with
 * 95 % confidence.  `known` is false where a side has none. */
struct load_change {
	bool	known;
	double	factor, low, high;
};

/*
 * Of pairs of turns: Student's interval of the logarithms of their ratios.
 * The turns of a pair were taken one after the other, so what changes slowly on
 * the machine is in both.
 */
struct load_change	load_change_of(const double *first,
			    const double *second, size_t pairs);

struct load_turn {
	struct load_figures	routes[LOAD_ROUTES_MAX + 1];	/* then all */
	uint64_t		requests[LOAD_ROUTES_MAX + 1];
	uint64_t		errors[LOAD_ROUTES_MAX + 1];
	double			lag_us;
};

enum load_measure { LOAD_P50, LOAD_P95, LOAD_P99, LOAD_MEAN, LOAD_RATE,
	LOAD_MEASURES };
extern const char *const	load_measure_words[LOAD_MEASURES];

enum load_verdict { LOAD_NO_DIFFERENCE, LOAD_FIRST_BETTER,
	LOAD_SECOND_BETTER };

struct load_comparison {
	const struct load_scenario *scenario;
	const char		*route;		/* whose tag was flipped */
	const char		*sides[2];	/* "sync", "async" */
	size_t			 pairs;
	struct load_turn	 turns[2][LOAD_PAIRS_MAX];
	struct load_change	 changes[LOAD_ROUTES_MAX + 1][LOAD_MEASURES];
	struct load_change	 index;		/* what is judged by */
	bool			 by_rate;	/* ... and not by latency */
	enum load_verdict	 verdict;
	char			 sentence[512];
};

/* From the turns to the verdict. */
void	load_compare(struct load_comparison *);

/* ------------------------------------------------------------- reports */

/* How it was made, for who reads it later. */
struct load_about {
	const char	*title;
	const char	*generator;	/* "wrk 4.1.0" */
	const char	*machine;	/* "2 CPUs, Linux 6.1" */
	char		 when[32];	/* UTC */
	uint64_t	 seed;
};

/* `comparison` may be NULL; `tally` may be NULL where there is one. */
void	load_print_table(FILE *, const struct load_about *,
	    const struct load_tally *);
void	load_print_comparison(FILE *, const struct load_comparison *);
void	load_print_json(FILE *, const struct load_about *,
	    const struct load_tally *, const struct load_comparison *);
void	load_print_html(FILE *, const struct load_about *,
	    const struct load_tally *, const struct load_comparison *);

/* "850 us", "12.4 ms", "3.20 s". */
#define LOAD_TIME_ROOM	24
const char	*load_show_time(double us, char out[LOAD_TIME_ROOM]);

/* ------------------------------------------------- a second configuration */

/*
 * The text of a configuration, with `route` tagged async or not, without what
 * belongs to the running host alone (sockets, folders of its state, its jobs),
 * and with `ours` at its end.  Lines keep their numbers.  free() it; NULL: no
 * memory.  `text` is one that config_parse() takes.
 */
char	*load_config_text(const char *text, size_t length, const char *route,
	    bool async, const char *ours);

#endif
