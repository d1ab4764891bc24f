/*
 * doctor.h - what is wrong around a host: facts in, findings out.
 *
 * The facts are gathered by whoever asks (cli/cli_doctor_facts.c); the checks
 * are pure, so that each can be tested with facts that no test could make.  A
 * fact that could not be had is -1, or NULL, and is no finding.
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "nginx/nginx_found.h"

/* -------------------------------------------------------------------- facts */

#define DOCTOR_GROUPS_MAX	64

/* Somebody, by numbers; groups[0] is the first one. */
struct doctor_user {
	bool	known;
	char	name[64];
	uid_t	uid;
	gid_t	groups[DOCTOR_GROUPS_MAX];
	size_t	group_count;
};

struct doctor_path {
	bool	exists;
	mode_t	mode;		/* with its type */
	uid_t	uid;
	gid_t	gid;
};

struct doctor_facts {
	const struct config	*config;
	bool			 running;	/* a host answers */

	/* the kernel and this machine */
	int64_t			 somaxconn;
	int64_t			 descriptors;	/* the hard limit: of the host
						 * that runs, else ours */
	int64_t			 landlock;	/* version; 0: there is none */
	int64_t			 huge_free;	/* bytes in huge pages */
	int64_t			 huge_wanted;	/* of models that want them */
	int64_t			 pids_max;	/* of its control group */
	char			 plan[512];	/* why it does not fit; "" */

	/* files */
	struct doctor_user	 service;	/* who its workers are */
	struct doctor_path	 handlers, state, socket;
	bool			 socket_dead;	/* nobody listens there */
	int64_t			 state_free;	/* bytes */
	int64_t			 unfinished;	/* generations */
	int64_t			 bodies;	/* in the spool */

	/* nginx; NULL: not found, and why */
	const struct nginx_found *nginx;
	char			 nginx_error[256];
	struct doctor_user	 nginx_user;
};

/* ----------------------------------------------------------------- findings */

enum doctor_grade { DOCTOR_NOTE, DOCTOR_WARNING, DOCTOR_ERROR };

const char	*doctor_grade_name(enum doctor_grade);

/*
 * about	one word, for programs
 * what		the finding
 * why		what comes of it
 * mend		a command for a shell; "": nothing has to be done
 */
struct doctor_finding {
	enum doctor_grade	 grade;
	const char		*about;
	char			 what[320];
	char			 why[384];
	char			 mend[512];
};

#define DOCTOR_FINDINGS_MAX	128

struct doctor_findings {
	struct doctor_finding	 list[DOCTOR_FINDINGS_MAX];
	size_t			 count;
	size_t			 checked;	/* facts looked at */
};

/* All checks, the worst findings first. */
void	doctor_check(const struct doctor_facts *, struct doctor_findings *out);

/* ------------------------------------------------- between these files */

/* Its texts are to be filled; the last one again, when there is no room. */
struct doctor_finding	*doctor_add(struct doctor_findings *,
			    enum doctor_grade, const char *about);

void	doctor_system(const struct doctor_facts *, struct doctor_findings *);
void	doctor_files(const struct doctor_facts *, struct doctor_findings *);
void	doctor_nginx(const struct doctor_facts *, struct doctor_findings *);

/* May the user do what the bits (S_IROTH and its kin) say, by the mode? */
bool	doctor_may(const struct doctor_user *, const struct doctor_path *,
	    mode_t bits);

#endif
