/*
 * sup_manifest.h - what a kept generation consists of, and its JSON.
 *
 * Pure: text in, struct out, and back.  The text lies in a folder of ours and
 * may yet be anything: cut off by a crash, edited by hand, of a newer host.
 */
#ifndef SUPERVISOR_SUP_MANIFEST_H
#define SUPERVISOR_SUP_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/handler_version.h"
#include "config/config.h"

#define SUP_MANIFEST_FORMAT	1	/* of the text */
#define SUP_MANIFEST_MAX	(4 * 1024 * 1024)	/* bytes of text */
#define SUP_MANIFEST_FILES	4096
#define SUP_MANIFEST_MODELS	1024
#define SUP_TRIGGER_MAX		63

/* A handler's file in a generation. */
struct sup_file {
	struct handler_version	version;	/* what is served; sha256 "":
						 * nothing of that name is */
	uint32_t		since;		/* the generation that first
						 * served it */
	int64_t			since_at;	/* unix time */
	char			held[65];	/* sha256 of the file in the
						 * directory that a rollback set
						 * aside, or "" */
};

struct sup_kept_model {
	char			name[CONFIG_NAME_MAX + 1];
	char			sha256[65];	/* or "" */
	uint64_t		bytes;
	uint32_t		kind;		/* enum config_kind */
};

struct sup_manifest {
	uint32_t		number;
	int64_t			made_at;	/* unix time */
	char			trigger[SUP_TRIGGER_MAX + 1];
	uint32_t		rolled_back_to;	/* 0: it was no rollback */
	struct sup_file		*files;		/* no name twice */
	size_t			file_count;
	struct sup_kept_model	*models;
	size_t			model_count;
};

/*
 * Reads a manifest.  0; the arrays are the caller's, sup_manifest_finish()
 * frees them.  Or -1, a sentence that names the field ("files[3].sha256: ..."),
 * and an empty struct.  Fields it does not know are left alone.
 */
int	sup_manifest_parse(const char *text, size_t length,
	    struct sup_manifest *out, struct err *);

/*
 * Its text, free() it; NULL and why for a manifest that could not be read
 * again: sup_manifest_parse() has the last word.
 */
char	*sup_manifest_format(const struct sup_manifest *, size_t *length_out,
	    struct err *);

/* Frees the arrays and zeroes it. */
void	sup_manifest_finish(struct sup_manifest *);

/* "file", "build", "preload"; NULL for no kind. */
const char	*sup_manifest_kind(uint32_t kind);

/* Is it a name that a handler's file may have: "x.so", no '/', not hidden? */
bool	sup_manifest_is_name(const char *name);

#endif
