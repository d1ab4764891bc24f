/*
 * cli_dev.h - `fcgi-host dev`: a folder of handlers, served while it is edited.
 *
 *	saved file -> cli_dev_watch -> make -> cli_dev_build -> scratch/handlers
 *	  -> the host sees a new file there and reloads, as everywhere else
 *
 * All that runs are children of one process with one libuv loop; all that is
 * made but the author's own build lies in a scratch folder that goes with it.
 */
#ifndef CLI_CLI_DEV_H
#define CLI_CLI_DEV_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define CLI_DEV_FOLDERS		64	/* watched */
#define CLI_DEV_LINE		65536	/* a report is one line */

struct cli_dev;

/* A child; `ended` is called once, with its exit status, -1 for a signal. */
struct cli_dev_process {
	struct cli_dev	*dev;
	const char	*name;
	bool		 runs;
	bool		 over;		/* reaped, and not told of yet */
	int		 status;
	uv_process_t	 handle;
	uv_pipe_t	 output;	/* its stderr, where it is read */
	int		 error_fd;	/* ... where it is a file; or 0: ours */
	void		(*ended)(struct cli_dev *, int status);
};

struct cli_dev {
	uv_loop_t	 loop;
	const char	*folder;	/* the author's */
	const char	*port;
	char		*config;	/* the author's, or NULL */
	char		 self[PATH_MAX];	/* this program */
	char		 scratch[64];
	bool		 ending;
	bool		 told;		/* ... and so are the children */
	int		 exit_code;
	struct cli_dev_process make, host, nginx, report;
	struct cli_dev_process locations;	/* `fcgi-host nginx` */
	bool		 relocate;	/* ... once more */
	bool		 plain;		/* ... without handlers */
	unsigned	 reports;	/* of crashes, to be shown */
	unsigned	 next_report;
	uv_signal_t	 interrupt, terminate;
	uv_fs_event_t	 watches[CLI_DEV_FOLDERS];
	size_t		 watch_count;
	uv_timer_t	 settle;	/* from a save to the build */
	bool		 again;		/* saved while make ran */
	bool		 reconfigure;	/* the configuration was saved */
	char		 line[CLI_DEV_LINE];	/* of the host's log */
	size_t		 have;
};

/* cli_dev_process.c.  argv[0] is looked for in PATH and where servers lie.  -1
 * and it is said: it cannot be run. */
int	cli_dev_spawn(struct cli_dev_process *, char **argv,
	    uv_alloc_cb, uv_read_cb);	/* of its stderr; NULL: ours */
void	cli_dev_kill(struct cli_dev_process *, int signal);

/* A line of ours, between those of others. */
void	cli_dev_say(const char *format, ...)
	    __attribute__((format(printf, 1, 2)));

/* cli_dev_watch.c */
void	cli_dev_watch(struct cli_dev *);
void	cli_dev_unwatch(struct cli_dev *);

/* cli_dev_build.c: make, and its handlers to where the host looks. */
void	cli_dev_build(struct cli_dev *);

/* cli_dev_host.c: the host, once there is something to serve. */
void	cli_dev_serve(struct cli_dev *);

/* A line of a process of ours, of the author's file where it names a copy. */
void	cli_dev_show_line(const struct cli_dev *, const char *line);

/* cli_dev_nginx.c: nginx, for the routes and options that there are now. */
void	cli_dev_nginx(struct cli_dev *);

void	cli_dev_stop(struct cli_dev *);

/* cli_dev_files.c: the scratch folder and what is written there.  -1 and it is
 * said. */
int	cli_dev_scratch(struct cli_dev *);
int	cli_dev_write_config(struct cli_dev *);
int	cli_dev_write_nginx(struct cli_dev *);
int	cli_dev_copy(struct cli_dev *, const char *name);	/* a handler */
void	cli_dev_drop_gone(struct cli_dev *);	/* handlers no longer there */
bool	cli_dev_has(const struct cli_dev *, const char *name);
void	cli_dev_remove(struct cli_dev *);

/* "SCRATCH/NAME"; good until the next call. */
const char	*cli_dev_path(const struct cli_dev *, const char *name);

#endif
