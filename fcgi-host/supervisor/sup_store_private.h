/*
 * sup_store_private.h - the store, as its own files see it.
 *
 * Nobody but sup_store*.c includes this.
 */
#ifndef SUPERVISOR_SUP_STORE_PRIVATE_H
#define SUPERVISOR_SUP_STORE_PRIVATE_H

#include "supervisor/sup_store.h"

#define STORE_HANDLERS	"handlers"
#define STORE_CONFIG	"fcgi-host.conf"
#define STORE_MANIFEST	"manifest.json"
#define STORE_LAST	"last"

/* An open folder: only ever the folder itself, never what a link leads to. */
#define STORE_FOLDER	(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct sup_store {
	char		*path;		/* of generations/, for sentences */
	int		 fd;
	uid_t		 owner;		/* of files in handlers/ */
	gid_t		 group;
	uint32_t	 last;
	uint32_t	*broken;	/* the log knows of these */
	size_t		 broken_count;
};

/* A generation's folder as text. */
struct store_name {
	char	text[16];
};
struct store_name	sup_store_name(uint32_t number);

/* N/, which has to be ours, or -1 and why. */
int	sup_store_open_folder(const struct sup_store *, uint32_t number,
	    struct err *);

/* N/handlers/, whoever it belongs to, or -1 and why. */
int	sup_store_open_handlers(const struct sup_store *, uint32_t number,
	    struct err *);

/*
 * The bytes of a file of ours in `folder`, and a NUL; NULL and why, with
 * errno, ENOENT if it is not there.  The sentence has no path.
 */
char	*sup_store_read_file(int folder, const char *name, size_t most,
	    size_t *length_out, struct err *);

/* Writes a file under another name, then renames it: it is whole or not there.
 * 0, or -1 with errno and nothing left. */
int	sup_store_write_file(int folder, const char *name, const char *text,
	    size_t length);

#endif
