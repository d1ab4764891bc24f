/*
 * settings.c - what the configuration tells the handler, checked.
 *
 * Teaches: settings with defaults, and names that come from outside into SQL:
 *	a name cannot be a parameter, so only letters, digits and '_' pass.
 * Runs in: the workers, once for each thread.
 * Owns: nothing; the strings belong to the configuration.
 * Invariant: with an empty `fault` every setting is fit for use.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

#define NAME_MAX_LENGTH	63	/* PostgreSQL's */

static const char *
text(const struct fh_worker *worker, const char *key, const char *otherwise)
{
	const char *value = fh_worker_setting(worker, key);

	return value == NULL || *value == '\0' ? otherwise : value;
}

static long
number(struct train *train, const struct fh_worker *worker, const char *key,
    long otherwise, long max)
{
	const char *value = text(worker, key, NULL);
	char *end;
	long n;

	if (value == NULL)
		return otherwise;
	errno = 0;
	n = strtol(value, &end, 10);
	if (end == value || *end != '\0' || errno != 0 || n < 1 || n > max)
		snprintf(train->fault, sizeof(train->fault), "setting "
		    "\"%s\" must be a number from 1 to %ld", key, max);
	return n;
}

/* How many names a list has; 0 if one of them is no name. */
static size_t
names(const char *list)
{
	size_t count = 0, length;

	for (;; list += length + 1) {
		length = strcspn(list, ",");
		if (length == 0 || length > NAME_MAX_LENGTH ||
		    isdigit((unsigned char)*list))
			return 0;
		for (size_t i = 0; i < length; i++)
			if (!isalnum((unsigned char)list[i]) &&
			    list[i] != '_')
				return 0;
		count++;
		if (list[length] == '\0')
			return count;
	}
}

static void
check_names(struct train *train, const char *key, const char *list, size_t max)
{
	size_t count = names(list);

	if (count < 1 || count > max)
		snprintf(train->fault, sizeof(train->fault), "setting \"%s\" "
		    "must be %s of letters, digits and '_'", key, max > 1 ?
		    "1 to 63 names, with commas between," : "a name");
}

void
train_settings_read(struct train *train, const struct fh_worker *worker)
{
	struct train_settings *s = &train->settings;

	s->database = text(worker, "database", NULL);
	s->table = text(worker, "table", "samples");
	s->features = text(worker, "features", "x1,x2,x3,x4");
	s->label = text(worker, "label", "label");
	s->models = text(worker, "models", "fcgi_host_models");
	s->columns = names(s->features);
	s->rounds = number(train, worker, "rounds", 50, 10000);
	s->depth = number(train, worker, "depth", 4, 16);
	s->max_rows = number(train, worker, "max_rows", 100000, 10000000);
	check_names(train, "table", s->table, 1);
	check_names(train, "features", s->features, TRAIN_COLUMNS_MAX);
	check_names(train, "label", s->label, 1);
	check_names(train, "models", s->models, 1);
	if (s->database == NULL)
		snprintf(train->fault, sizeof(train->fault), "setting "
		    "\"database\" is missing: a SQLite file's path or "
		    "postgresql://...");
}
