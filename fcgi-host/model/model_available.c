/*
 * model_available.c - how much memory there is for us: the machine's, or what
 * a cgroup leaves.
 *
 * Runs in: supervisor, and `fcgi-host plan`.
 * Owns: nothing.
 * Invariant: a file that is missing or odd is no limit; only /proc/meminfo
 * must be there.
 */
#include "model/model.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "No limit" of cgroup v1 is the largest number of whole pages. */
#define UNLIMITED	(UINT64_C(1) << 62)

/* The names of one cgroup version's files. */
struct controller {
	const char	*type;		/* file system type in mountinfo */
	const char	*option;	/* its superblock option, or NULL */
	const char	*limit;
	const char	*usage;
	const char	*inactive;	/* key in memory.stat */
};

static const struct controller versions[] = {
	{ "cgroup2", NULL, "memory.max", "memory.current", "inactive_file" },
	{ "cgroup", "memory", "memory.limit_in_bytes",
	    "memory.usage_in_bytes", "total_inactive_file" }
};

/* Where one hierarchy is mounted, and our group in it. */
struct place {
	char	mount[PATH_MAX];	/* below `root` */
	char	top[PATH_MAX];		/* what of the hierarchy is mounted */
	char	group[PATH_MAX];	/* as in /proc/self/cgroup */
};

struct least {
	uint64_t	 bytes;
	char		*limit_out;
	size_t		 limit_size;
};

static void
offer(struct least *least, uint64_t bytes, const char *what, const char *name)
{
	if (bytes >= least->bytes)
		return;
	least->bytes = bytes;
	snprintf(least->limit_out, least->limit_size, "%s%s", what, name);
}

static FILE *
open_below(const char *directory, const char *name)
{
	char path[2 * PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >=
	    sizeof(path))
		return NULL;
	return fopen(path, "re");
}

/* The number after `key` in a file of "key number" lines; "" is the first. */
static int
read_number(const char *directory, const char *name, const char *key,
    uint64_t *out)
{
	FILE *file = open_below(directory, name);
	size_t length = strlen(key);
	char line[256], *at, *end;
	int rc = -1;

	if (file == NULL)
		return -1;
	while (rc != 0 && fgets(line, sizeof(line), file) != NULL) {
		at = line + length;
		if (strncmp(line, key, length) != 0 ||
		    (length > 0 && *at != ' ' && *at != ':'))
			continue;
		at += strspn(at, ": \t");
		if (*at < '0' || *at > '9')
			break;		/* "max" */
		errno = 0;
		*out = strtoull(at, &end, 10);
		if (errno == 0)
			rc = 0;
	}
	fclose(file);
	return rc;
}

/* "a,b,c" has "b" */
static bool
has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (list != NULL && *list != '\0') {
		if (strncmp(list, word, length) == 0 &&
		    (list[length] == '\0' || list[length] == ','))
			return true;
		list = strchr(list, ',');
		if (list != NULL)
			list++;
	}
	return false;
}

/*
 * One line of mountinfo: "31 23 0:28 TOP MOUNT options ... - TYPE source
 * SUPER".  Blanks in paths are \040 there and are not undone: such a mount is
 * simply not found.
 */
static bool
is_mount_of(char *line, const struct controller *version, struct place *place)
{
	char *fields = strstr(line, " - "), *save = NULL, *type, *super;
	int used = 0;

	if (fields == NULL || sscanf(line, "%*s %*s %*s %4095s %4095s %n",
	    place->top, place->mount, &used) != 2 || used == 0)
		return false;
	type = strtok_r(fields + 3, " \n", &save);
	if (type == NULL || strcmp(type, version->type) != 0)
		return false;
	if (version->option == NULL)
		return true;
	(void)strtok_r(NULL, " \n", &save);
	super = strtok_r(NULL, " \n", &save);
	return has_word(super, version->option);
}

/* One line of /proc/self/cgroup: "4:memory,x:/path", for v2 "0::/path". */
static bool
is_group_of(char *line, const struct controller *version, struct place *place)
{
	char *list = strchr(line, ':'), *path;

	if (list == NULL || (path = strchr(list + 1, ':')) == NULL)
		return false;
	*path++ = '\0';
	path[strcspn(path, "\n")] = '\0';
	if (version->option != NULL ? !has_word(list + 1, version->option) :
	    list[1] != '\0')
		return false;
	return (size_t)snprintf(place->group, sizeof(place->group), "%s",
	    path) < sizeof(place->group);
}

typedef bool	line_is(char *line, const struct controller *, struct place *);

/* Until a line of the file says what is looked for. */
static bool
find_line(const char *root, const char *path, line_is *is,
    const struct controller *version, struct place *place)
{
	FILE *file = open_below(root, path);
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	if (file == NULL)
		return false;
	while (!found && getline(&line, &size, file) >= 0)
		found = is(line, version, place);
	free(line);
	fclose(file);
	return found;
}

static void
consider(const char *directory, const char *group,
    const struct controller *version, struct least *least)
{
	uint64_t limit, usage, inactive = 0, taken;

	if (read_number(directory, version->limit, "", &limit) != 0 ||
	    limit >= UNLIMITED ||
	    read_number(directory, version->usage, "", &usage) != 0)
		return;
	(void)read_number(directory, "memory.stat", version->inactive,
	    &inactive);
	taken = usage > inactive ? usage - inactive : 0;
	offer(least, limit > taken ? limit - taken : 0, "cgroup ",
	    *group != '\0' ? group : "/");
}

/*
 * The part of the group's path that can be seen below the mount: in a
 * container only a part of the hierarchy may be mounted.
 */
static const char *
seen_part(const struct place *place)
{
	size_t top = strcmp(place->top, "/") == 0 ? 0 : strlen(place->top);

	if (strncmp(place->group, place->top, top) != 0 ||
	    (place->group[top] != '/' && place->group[top] != '\0') ||
	    strstr(place->group, "/..") != NULL)
		return "";	/* not there: the mount itself */
	return place->group + top;
}

/* From our group up to the mount. */
static void
consider_groups(const char *root, const struct controller *version,
    struct place *place, struct least *least)
{
	char directory[3 * PATH_MAX], *slash;
	const char *seen;
	size_t base;

	if (!find_line(root, "proc/self/mountinfo", is_mount_of, version,
	    place) ||
	    !find_line(root, "proc/self/cgroup", is_group_of, version, place))
		return;
	seen = seen_part(place);
	base = (size_t)snprintf(directory, sizeof(directory), "%s%s", root,
	    place->mount);
	snprintf(directory + base, sizeof(directory) - base, "%s", seen);
	for (;;) {
		consider(directory, directory + base, version, least);
		slash = strrchr(directory + base, '/');
		if (slash == NULL)
			break;
		*slash = '\0';
	}
}

int
plan_available(const char *root, uint64_t *bytes_out, char *limit_out,
    size_t limit_size, struct err *err)
{
	struct least least = { UINT64_MAX, limit_out, limit_size };
	struct place *place;
	uint64_t kilobytes;

	if (strcmp(root, "/") == 0)
		root = "";
	if (read_number(root, "proc/meminfo", "MemAvailable", &kilobytes) != 0)
		return err_set(err, "%s/proc/meminfo has no MemAvailable",
		    root);
	offer(&least, kilobytes * 1024, "MemAvailable", "");
	place = malloc(sizeof(*place));
	if (place == NULL)
		return err_sys(err, "reading /proc/self/cgroup");
	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
		consider_groups(root, &versions[i], place, &least);
	free(place);
	*bytes_out = least.bytes;
	return 0;
}
