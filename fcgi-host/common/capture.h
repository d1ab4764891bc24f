/*
 * capture.h - a request kept in a file, as a web server would send it.
 *
 * Plain FastCGI records of one request: BEGIN_REQUEST, PARAMS, an empty
 * PARAMS, STDIN, an empty STDIN.  So `fcgi-host call --request` can run it
 * again, and so can whatever sends the file to a socket.
 *
 * A capture holds a request's headers and body with whatever secrets are in
 * them: it is readable for its owner alone.
 */
#ifndef COMMON_CAPTURE_H
#define COMMON_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "wire/wire_record.h"

/* Of a body that is kept: its file is written while the front serves nobody. */
#define CAPTURE_BODY_MAX	(16u << 20)
#define CAPTURE_PARAMS_MAX	(1u << 20)

/* ----------------------------------------------------------------- names */

/* "PID-NUMBER.request", of the process whose request it was. */
#define CAPTURE_NAME_MAX	48
void	capture_name(char out[CAPTURE_NAME_MAX], long pid, uint64_t number);

/* Could a capture have this name? */
bool	capture_is_name(const char *name);

/* A file that is not yet whole has this at the end of its name. */
#define CAPTURE_UNFINISHED	".new"

/* --------------------------------------------------------------- writing */

/* `length` bytes in memory or, with `bytes` NULL, from `at` in a file. */
struct capture_part {
	const void	*bytes;
	int		 fd;
	uint64_t	 at;
	uint64_t	 length;
};

/*
 * Writes a file that did not exist into `folder`, under another name first: it
 * is whole or not there.  0, or -1 with errno and why, and nothing is left;
 * EEXIST: the name is taken; EFBIG: it is over the limits above.
 */
int	capture_write(int folder, const char *name,
	    const struct capture_part *params,
	    const struct capture_part *body, struct err *);

/* The same under the next name of process `pid` that is free; *number is that
 * of the last one, and counted on. */
int	capture_write_next(int folder, long pid, uint64_t *number,
	    const struct capture_part *params,
	    const struct capture_part *body, char name_out[CAPTURE_NAME_MAX],
	    struct err *);

/* --------------------------------------------------------------- reading */

/*
 * What becomes of a capture's bytes, as they are found.  A function returns 0,
 * or -1 with errno when it has no room for them.
 */
struct capture_sink {
	int	(*params)(void *context, const void *bytes, size_t length);
	int	(*body)(void *context, const void *bytes, size_t length);
	void	*context;
	uint64_t params_max, body_max;
};

/* Between two pieces of a file; set up by capture_begin(). */
struct capture_reader {
	const struct capture_sink *sink;
	const char	*name;		/* of the file, for sentences */
	struct wire_reader wire;
	enum { CAPTURE_BEGIN, CAPTURE_PARAMS, CAPTURE_STDIN, CAPTURE_END }
			 awaits;
	uint16_t	 id;
	uint64_t	 offset;	/* of the next byte that comes */
	uint64_t	 record_at;	/* where the present record begins */
	uint64_t	 params_length, body_length;
};

/* `sink` and `name` are the caller's and live as long as the reader. */
void	capture_begin(struct capture_reader *, const struct capture_sink *,
	    const char *name);

/* The next bytes.  0, or -1 and what is wrong where: then it is over. */
int	capture_feed(struct capture_reader *, const void *bytes, size_t length,
	    struct err *);

/* The file's end.  0: it was one whole request; or -1 and what it lacks. */
int	capture_end(const struct capture_reader *, struct err *);

/* All of these, for an open file. */
int	capture_read(int fd, const char *name, const struct capture_sink *,
	    struct err *);

#endif
