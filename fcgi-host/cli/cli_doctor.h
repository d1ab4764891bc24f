/*
 * cli_doctor.h - what `fcgi-host doctor` looks at.
 */
#ifndef CLI_CLI_DOCTOR_H
#define CLI_CLI_DOCTOR_H

#include "doctor/doctor.h"

/* All facts of this machine.  `nginx_file`: what `nginx -T` has printed; NULL:
 * it is run.  Free what is found of nginx with cli_doctor_free(). */
void	cli_doctor_gather(const struct config *, const char *nginx_file,
	    struct doctor_facts *facts_out);
void	cli_doctor_free(struct doctor_facts *);

/* cli_doctor_nginx.c: that part of them. */
void	cli_doctor_nginx(const char *nginx_file, struct doctor_facts *);
void	cli_doctor_user(const char *name, struct doctor_user *user_out);

#endif
