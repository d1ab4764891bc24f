/*
 * handler_fixture.h - a scratch directory of handlers, good ones and broken.
 */
#ifndef TESTS_HANDLER_FIXTURE_H
#define TESTS_HANDLER_FIXTURE_H

#include "common/handler_set.h"

struct scratch {
	char			 root[64];
	char			 handlers[80];
	char			 copies[96];	/* of the last load */
	unsigned		 loads;
	struct config		 config;
	struct config_pool	 pools[2];
	char			*plain;		/* tools_plain.so */
	size_t			 plain_size;
	char			 reports[8192];	/* one a line */
	const struct handler	*about;		/* of the last report on one */
	struct handler_set	*set;
};

/* What fh_host_setting() gives. */
extern const char	*fixture_setting;

/* For cmocka; *state is a struct scratch. */
int	fixture_setup(void **state);
int	fixture_teardown(void **state);

/* Writes a file into the handler directory: tools_plain.so, or other bytes. */
void	fixture_put_file(struct scratch *, const char *name,
	    const void *bytes, size_t size);
void	fixture_put_plain(struct scratch *, const char *name);

/* tools_plain.so with `from`, NUL included, replaced by `to`, everywhere. */
void	fixture_put_changed(struct scratch *, const char *name,
	    const char *from, const char *to);

/* tools_plain.so with `size` bytes at `offset` of its descriptor changed. */
void	fixture_put_descriptor(struct scratch *, const char *name,
	    size_t offset, uint64_t value, size_t size);

/* A handler_report that adds a line to scratch.reports. */
void	fixture_report(void *scratch, const struct handler *about,
	    const char *sentence);

/* Loads copies of what is in the directory into scratch.set, in the order of
 * their names. */
void	fixture_load(struct scratch *);

/* Loads what the source says; NULL: what is in the directory, there. */
void	fixture_load_source(struct scratch *, const struct handler_source *);

/* Loads: the only handler there is, `name`, is refused for `why`. */
void	fixture_expect_refused(struct scratch *, const char *name,
	    const char *why);

#endif
