/*
 * cli.h - the subcommands.
 *
 * Each is given its own name as argv[0] and what follows it, and returns the
 * exit code: 0, or one of enum exit_code, or, where it says so, 1.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

int	cli_check(int argc, char **argv);
int	cli_routes(int argc, char **argv);
int	cli_openapi(int argc, char **argv);
int	cli_nginx(int argc, char **argv);
int	cli_call(int argc, char **argv);	/* 1: the status was >= 400 */
int	cli_cgi(int argc, char **argv);
int	cli_dev(int argc, char **argv);
int	cli_new(int argc, char **argv);
int	cli_version(int argc, char **argv);
int	cli_status(int argc, char **argv);
int	cli_top(int argc, char **argv);
int	cli_kill(int argc, char **argv);
int	cli_recycle(int argc, char **argv);
int	cli_breaker(int argc, char **argv);
int	cli_doctor(int argc, char **argv);
int	cli_health(int argc, char **argv);
int	cli_metrics(int argc, char **argv);
int	cli_load(int argc, char **argv);	/* 1: it was interrupted */
int	cli_reload(int argc, char **argv);	/* 1: something was refused */
int	cli_rollback(int argc, char **argv);	/* 1: it was refused */
int	cli_upgrade(int argc, char **argv);	/* 1: it was refused */
int	cli_generations(int argc, char **argv);
int	cli_crashes(int argc, char **argv);	/* 1: there is no such report */
int	cli_plan(int argc, char **argv);	/* 1: it does not fit */

#endif
