/*
 * load.h - what the parts of the load generator share.
 *
 * The generator keeps many connections busy and reads every byte of every
 * reply as strictly as it can: the fixture live_version says in each line of a
 * reply which request it answers and what it was made from.  See
 * tests/lib/load.py, which starts it.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ID_LENGTH	20
#define LINE_LENGTH	98
#define VERSIONS_MAX	8192
#define FAULTS_SHOWN	30	/* of each kind */

/* How a request went.  All but FINE are faults. */
enum outcome {
	FINE,
	ERROR,		/* a whole reply, of status 400 or above */
	CLOSED,		/* closed under the client, or within a reply */
	WRONG,		/* malformed, of another request, or of two versions */
	TWICE,		/* bytes after the end of the reply */
	BACKWARDS,	/* whole, but older than the connection's last */
	SILENT,		/* no reply within the limit */
	REFUSED,	/* could not connect */
	OUTCOMES
};

/* One version of each: handler file, model, setting.  All only grow. */
struct version {
	unsigned	 part[3];
};

/* One request, and so what its reply must be. */
struct ask {
	char		 id[ID_LENGTH + 1];
	bool		 post;
	bool		 async;
	unsigned	 lines;
	unsigned	 flush;		/* lines; 0: not in parts */
	unsigned	 wait;		/* ms between the parts */
	unsigned	 hold;		/* ms before the first line */
	unsigned	 request_id;	/* FastCGI's */
	size_t		 body_length;
	uint64_t	 digest;
	unsigned char	*body;		/* body_length bytes, the client's */
};

struct bytes {
	unsigned char	*data;
	size_t		 length;
	size_t		 room;
};

/* A reply as it is taken out of the records, or of the HTTP message. */
struct reply {
	bool		 whole;
	int		 status;
	bool		 headed;	/* the header has been read */
	bool		 stdout_ended;
	bool		 chunked;	/* HTTP */
	bool		 closes;	/* HTTP: the server will close */
	int64_t		 left;		/* HTTP: of the body; -1: unknown */
	struct bytes	 content;	/* FastCGI: with the header */
	struct version	 version;	/* once it was checked */
	char		 fault[200];	/* a sentence, when it is WRONG */
};

/* What the command line says. */
struct options {
	bool			 http;
	unsigned		 connections;
	unsigned		 fresh;		/* a new one each time */
	unsigned		 pause_ms;	/* the most, between requests */
	unsigned		 limit_ms;	/* for a reply */
	unsigned		 seed;
	struct sockaddr_storage	 address;
	socklen_t		 address_length;
};

/* ---- load_bytes.c */

/* Appends; ends the program when there is no memory. */
void	 bytes_add(struct bytes *, const void *data, size_t length);
void	 bytes_print(struct bytes *, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

/* Removes from the front. */
void	 bytes_drop(struct bytes *, size_t length);

/* The same as in live_version.c. */
uint64_t bytes_digest(const unsigned char *data, size_t length);

/* ---- load_ask.c */

/*
 * Makes up the next request of a client.  `client` and `number` make its id,
 * *dice is the client's own source of chance.
 */
void	 ask_make(struct ask *, unsigned client, unsigned number,
	    unsigned *dice);

/* "/version?id=..." */
void	 ask_target(const struct ask *, char *out, size_t size);

/* ---- load_fastcgi.c and load_http.c: the same two functions for each */

/* Appends the whole request to *out. */
void	 fastcgi_write(const struct ask *, bool keep, struct bytes *out);
void	 http_write(const struct ask *, bool keep, struct bytes *out);

/*
 * Moves what *in holds of the reply into *reply, and sets reply->whole at its
 * end.  Returns 0, or -1 with reply->fault set for what may not be sent.
 */
int	 fastcgi_read(const struct ask *, struct bytes *in, struct reply *);
int	 http_read(const struct ask *, struct bytes *in, struct reply *);

/* ---- load_check.c */

/*
 * Looks at every byte of a body: it must be the answer to this request and of
 * one version, which goes into *version_out.  0, or -1 with `fault` set.
 */
int	 check_body(const struct ask *, const unsigned char *body,
	    size_t length, struct version *version_out, char fault[200]);

/* ---- load_count.c */

/* Counts, and says on standard error what a fault was. */
void	 count(enum outcome, unsigned client, const struct ask *,
	    const char *fault);
void	 count_version(const struct version *);

/* All of it as one line of JSON on standard output. */
void	 count_print(void);

#endif /* LOAD_LOAD_H */
