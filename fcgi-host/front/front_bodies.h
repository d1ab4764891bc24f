/*
 * front_bodies.h - bodies that the web server has put into files.
 *
 * With `body_files` the parameter REQUEST_BODY_FILE names one of them; it is
 * read into memory, or gets a name of our own and is a spool file from then on,
 * or, where it cannot (on another file system), is copied piece by piece.
 */
#ifndef FRONT_FRONT_BODIES_H
#define FRONT_FRONT_BODIES_H

#include "front/front.h"

/* A copy that has begun and not ended. */
struct front_copy {
	TAILQ_ENTRY(front_copy)	 link;		/* front.copies */
	struct front_request	*request;
	int			 fd;		/* where it comes from */
	uint64_t		 left;
	bool			 through_memory; /* the kernel cannot */
};

/* Opens the folder, before the sandbox is entered. */
void	front_bodies_start(struct front *);

/* The parameters are whole, and so is the body then, if a file has it.  0; or
 * -1, and the request is answered. */
int	front_bodies_take(struct front_request *);

/* Has the web server the body in a file that nobody told us to look for?  Then
 * it is answered, and not with what the client could do better. */
bool	front_bodies_miss(struct front_request *);

/* front_request.c: may so many more bytes of its body be in memory?  All of it
 * from a file; 0, or -1 with errno. */
bool	front_request_has_place(const struct front_request *, size_t);
int	front_request_read(struct front_request *, int fd, size_t length);

/* front_spool.c: another name for a file, ours to remove; the descriptor is
 * ours afterwards.  0, or -1 with errno. */
int	front_spool_link(struct front_request *, int fd, uint64_t length);

/* ... and a new one, empty, for what is to come. */
int	front_spool_begin(struct front_request *);

/* front_copy.c.  0, and the descriptor is ours until the end; or -1 with errno.
 * The end may come early, from whoever lets the request go. */
void	front_copy_start(struct front *);
int	front_copy_begin(struct front_request *, int fd, uint64_t length);
void	front_copy_end(struct front_copy *);

/* front_request.c: the copy is done. */
void	front_request_whole(struct front_request *);

#endif
