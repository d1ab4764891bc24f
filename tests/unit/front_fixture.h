/*
 * front_fixture.h - real fronts and workers, without supervisor and web server:
 * the test is both.
 *
 * A *team* is a front with its workers, forked from the test with a set of
 * routes made in the program.  Each call that waits gives up, loudly, after ten
 * seconds.  What handlers see and say goes through one page of shared memory.
 */
#ifndef TESTS_FRONT_FIXTURE_H
#define TESTS_FRONT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "common/contract.h"
#include "common/handler_set.h"
#include "common/handover.h"
#include "common/shm.h"

#define TICKETS	4096

/* Shared with the handlers. */
struct shared {
	_Atomic uint32_t	entered;	/* gates */
	_Atomic uint32_t	open;		/* ... may be left */
	_Atomic uint32_t	told;		/* saw fh_cancelled() */
	_Atomic uint32_t	failed_writes;
	_Atomic uint32_t	runs[TICKETS];	/* by ?n= */
};
extern struct shared	*shared;

/* Waits for it, for ten seconds at most. */
#define WAIT_UNTIL(what) \
	do { \
		int tries_ = 0; \
		while (!(what)) \
			wait_a_moment(tries_++, #what, __FILE__, __LINE__); \
	} while (0)
void	wait_a_moment(int tries, const char *what, const char *file, int line);

/* ------------------------------------------------------------------ teams */

#define TEAM_WORKERS	4

struct team {
	struct config		*config;
	struct handler_set	*set;
	struct shm_geometry	*geometry;
	struct shm		*shm;		/* as the supervisor sees it */
	uint32_t		 number;
	int			 shm_fd, event_fd;
	int			 link;		/* to the front */
	pid_t			 front;
	pid_t			 workers[TEAM_WORKERS];
	int			 worker_links[TEAM_WORKERS];
};

/* For cmocka, around each test: a listening socket, a spool folder, the shared
 * page; and afterwards no team. */
int	front_setup(void **state);
int	front_teardown(void **state);
#define FRONT_TEST(function) \
	cmocka_unit_test_setup_teardown(function, front_setup, front_teardown)

/* With these statements over the fixture's own; with or without the workers.
 * Ready, and not serving.  `old` routes are those of the first generation. */
struct team	*team_start(const char *statements, bool old, bool workers);
void	team_say(struct team *, uint32_t type, int fd);	/* closes fd */
int	team_hear(struct team *, struct message *);	/* 0: it is dead */
int	team_wait(struct team *);		/* the front's wait status */
void	team_kill_front(struct team *);
/* One whose front has left, before the test's end; kills its workers. */
void	team_forget(struct team *);
struct shm_front_stats	*team_stats(const struct team *);
uint64_t	team_pending(const struct team *);
uint64_t	team_active(const struct team *);	/* jobs */
struct shm_route_stats	*team_route(const struct team *, const char *label);

/* RETIRE for one and TAKE for the other. */
void	hand_over(struct team *from, struct team *to);
/* The same over a link that holds a handful of packets at a time. */
void	hand_over_narrowly(struct team *from, struct team *to);

/* Two of them, most often of one configuration: the old one serves, the new one
 * is ready; what the new one serves then comes from the old one; which ends, in
 * order. */
extern struct team	*old, *new;
void	start_both(const char *old_statements, const char *new_statements);
void	switch_over(void);
void	old_leaves(void);

/* How many files the team's front watches. */
unsigned	team_watched(const struct team *);
void	freeze(pid_t);		/* SIGSTOP, and it has stopped */
void	thaw(pid_t);

/* ----------------------------------------------------------------- client */

struct reply {
	int	 status;
	size_t	 length;		/* of the body */
	char	 text[1 << 16];		/* header and body; ends in NUL */
	char	*body;
};

int	client_connect(void);
/* A request as bytes; a body of `length` bytes of 'x'. */
size_t	client_request(uint8_t **bytes_out, const char *uri, size_t length,
	    bool keep);
#define CLIENT_URI_MAX	16000
void	client_send(int fd, const char *uri);
void	client_post(int fd, const char *uri, size_t length);
void	client_write(int fd, const void *bytes, size_t length);
/* A whole reply, or the test fails. */
void	client_read(int fd, struct reply *);
/* False: closed without any.  A part of one fails. */
bool	client_read_or_end(int fd, struct reply *);
/* As far as it is there now: appends to the text. */
void	client_read_part(int fd, struct reply *);
bool	client_is_closed(int fd);
/* Sends GET uri and reads a 200 whose body is a number. */
long	client_ask(int fd, const char *uri);

/* How many spooled bodies there are of that team. */
unsigned	spool_files(uint32_t team);
void		spool_clean(uint32_t team);	/* removes them */

#endif
