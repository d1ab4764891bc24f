/*
 * nginx_private.h - for the files of nginx/ alone.
 */
#ifndef NGINX_NGINX_PRIVATE_H
#define NGINX_NGINX_PRIVATE_H

#include <stdbool.h>
#include <stdio.h>

#include "nginx/nginx.h"

/* --------------------------------------------------------- nginx_word.c */

/* nginx reads its file through a buffer of 4096 bytes, and a word, with what
 * quotes it, has to fit. */
#define NGINX_WORD_MAX	4000

/* One word of the file: as it is, or in quotes, so that nothing in it is
 * syntax.  Where nginx looks for variables in it, the caller sees to '$'. */
void	nginx_put_word(FILE *, const char *text);

/* The same, always in quotes. */
void	nginx_put_quoted(FILE *, const char *text);

/* A text as a regular expression (PCRE) that is that text. */
void	nginx_put_literal(FILE *, const char *text, size_t length);

/* A size as directives take it, "8m"; with `large` "1g" too. */
#define NGINX_VALUE_ROOM	32
const char	*nginx_size(uint64_t bytes, bool large,
		    char out[NGINX_VALUE_ROOM]);
const char	*nginx_time(uint64_t ms, char out[NGINX_VALUE_ROOM]);

/* ----------------------------------------------------- nginx_template.c */

struct nginx_template {
	const char	*name;		/* "fcgi-host-location.conf" */
	const char	*text;
};

/* Made by cli/new/embed; ended by an entry without a name. */
extern const struct nginx_template	nginx_templates[];

struct nginx_word {
	const char	*name;		/* between two '@' */
	char		*value;
};

/* Puts the words' values; a word that is a whole line and has none leaves no
 * line.  `bare`: without comments and empty lines. */
void	nginx_put_template(FILE *, const char *text,
	    const struct nginx_word *, size_t count, bool bare);

/* -------------------------------------------------------- nginx_places.c */

/*
 * A pattern of paths.  `routes` are all that may be meant there: the `own` ones
 * first, which have this pattern, then those of patterns that come after it in
 * the host's order and take some of the same paths, for methods that nothing
 * before them has.
 */
struct nginx_place {
	const struct route	**routes;
	size_t			  count, own;
	bool			  differs;	/* from what holds for all */
	bool			  wanted;	/* differs, or keeps paths from
						 * a later one that does */
};

struct nginx_places {
	struct nginx_place	*list;	/* the host's order, best first */
	size_t			 count;
};

/* Without those that jobs_path covers.  -1: no memory. */
int	nginx_places_find(const struct handler_set *,
	    struct nginx_places *places_out);
void	nginx_places_free(struct nginx_places *);

/* Sets `wanted` from `differs`. */
void	nginx_places_choose(struct nginx_places *);

/* As route_find() tries them: below 0 if `a` is tried before `b`. */
int	nginx_pattern_order(const char *a, const char *b);
bool	nginx_pattern_overlaps(const char *, const char *);
bool	nginx_pattern_covers(const char *wide, const char *narrow);

/* -------------------------------------------------------- nginx_values.c */

/* What a location says of its own; `..._of` is the route it is said for, NULL
 * where it is what holds for all. */
struct nginx_values {
	uint64_t		 read_ms;	/* fastcgi_read_timeout */
	const struct route	*read_of;
	uint64_t		 body_limit;	/* client_max_body_size */
	const struct route	*body_of;
	const struct route	*stream_of;	/* sent as it comes */
	const struct route	*files_of;	/* bodies stay nginx's files */
	const struct route	*cache_of;	/* says how long it holds */
};

uint64_t	nginx_read_ms(const struct config *);	/* of most routes */
uint64_t	nginx_stream_ms(const struct config *);
uint64_t	nginx_jobs_ms(const struct config *);	/* of jobs_path */
uint64_t	nginx_header_buffer(const struct config *);
uint64_t	nginx_reply_buffer(const struct config *);
uint64_t	nginx_keepalive_ms(const struct config *);

void	nginx_values_find(const struct config *, const struct nginx_place *,
	    struct nginx_values *values_out);
bool	nginx_values_differ(const struct nginx_values *);

/* ---------------------------------------------------------------- making */

/* What is said of origins: the entries of three maps. */
struct nginx_cors {
	char	*origins, *credentials, *expose;
	bool	 vary;		/* it differs by origin */
};

/* What is being made; texts that several places add to are streams. */
struct nginx {
	const struct nginx_source	*source;
	const struct config		*config;
	struct nginx_places		 places;
	FILE				*http;	/* maps and zones */
	FILE				*locations;
	FILE				*rates;	/* of the one for everything */
	char				*http_text, *locations_text;
	char				*rates_text;
	size_t				 http_size, locations_size;
	size_t				 rates_size;
	struct nginx_cors		*cors;	/* by group */
	size_t				 cors_count;
	bool				*rated;	/* routes with a zone */
	char				**maps;	/* nginx_map.c */
	size_t				 map_count;
	bool				 failed;	/* no memory */
};

/*
 * nginx_map.c: a variable that is looked up, "$fh_STEM_2", by its
 * source in the lines of its entries; returns its number.  Equal maps are one:
 * nginx's table of variables has little room, for
 * short names.  `about` is a comment.  Takes the
 * entries, which were malloc()ed; NULL: no memory.
 */
size_t	nginx_map(struct nginx *, const char *stem, const char *about,
	    const char *source, char *entries);

/* nginx_locations.c: all that lie inside of the one for everything. */
int	nginx_put_locations(struct nginx *, struct err *);

/* nginx_rates.c: the lines of a location; the zones go to http. */
bool	nginx_rates_differ(const struct config *, const struct nginx_place *);
void	nginx_put_rates(struct nginx *, const struct nginx_place *);
void	nginx_put_rate_of_all(struct nginx *, FILE *);
unsigned	nginx_retry_seconds(const struct config *);

/* nginx_cache.c: the lines of a location, and the maps. */
void	nginx_put_cache(struct nginx *, const struct route *, bool has_id);

/*
 * nginx_cors.c: the group of places whose pages of other origins may read the
 * same of what nginx itself answers; NULL: those without a location of their
 * own, which are group 0 and come first.  Its maps go to http.  -1: no memory.
 */
int	nginx_cors_group(struct nginx *, const struct nginx_place *);
void	nginx_cors_free(struct nginx_cors *);
/* The lines for its answers; free() it.  NULL: no memory. */
char	*nginx_cors_lines(const struct nginx *, size_t group);

/* "_2", or "" for group 0. */
const char	*nginx_suffix(size_t group, char out[NGINX_VALUE_ROOM]);

/* "~^(GET|HEAD) " and the like: a route's methods at a key's beginning. */
void	nginx_put_methods(FILE *, const struct route *const *, size_t count);

#endif
