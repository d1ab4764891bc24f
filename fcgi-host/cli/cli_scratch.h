/*
 * cli_scratch.h - a folder of a subcommand's own, and an nginx that runs in it.
 */
#ifndef CLI_CLI_SCRATCH_H
#define CLI_CLI_SCRATCH_H

/* With all that is in it; what cannot be removed stays. */
void	cli_scratch_remove(const char *folder);

/*
 * What an nginx.conf has besides: lines, each with its end, or "".
 *
 * processes	worker_processes
 * top		outside of all blocks
 * events, http	inside of these
 */
struct cli_scratch_nginx {
	const char	*processes;
	const char	*top;
	const char	*events;
	const char	*http;
};

/* The text of an nginx.conf beside the files that nginx_files_make() makes: in
 * the foreground, as whoever we are, on 127.0.0.1.  free() it; NULL: no
 * memory. */
char	*cli_scratch_nginx(const char *port, const struct cli_scratch_nginx *);

#endif
