/*
 * cli_doctor_nginx.c - the configuration of nginx that is in use.
 *
 * Runs in: the tools.
 * Owns: what is found of it, until cli_doctor_free().
 * Invariant: nginx is asked to print it, and for nothing else; it is never
 * looked for in files whose names we would guess.
 */
#include <sys/wait.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_doctor.h"

#define TEXT_MAX	(16u << 20)
#define COMMAND		"PATH=$PATH:/usr/sbin:/usr/local/sbin nginx -T " \
			"2>/dev/null </dev/null"

/* All of it; NULL with errno. */
static char *
read_text(FILE *file, size_t *length_out)
{
	size_t have = 0, room = 65536, got = 1;
	char *text = malloc(room), *grown;

	while (text != NULL && got > 0) {
		if (have == room) {
			grown = room < TEXT_MAX ? realloc(text, room *= 2) :
			    NULL;
			if (grown == NULL) {
				free(text);
				errno = EFBIG;
				return NULL;
			}
			text = grown;
		}
		got = fread(text + have, 1, room - have, file);
		have += got;
	}
	*length_out = have;
	return text;
}

static void
fail(struct doctor_facts *facts, const char *why)
{
	snprintf(facts->nginx_error, sizeof(facts->nginx_error), "%.250s",
	    why);
}

static const char *
why_not(int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return "nginx is not installed here";
	return "nginx -T fails, which it does where its files cannot be read "
	    "or have a mistake in them";
}

/* NULL, and why is in the facts. */
static char *
run_nginx(struct doctor_facts *facts, size_t *length_out)
{
	FILE *file = popen(COMMAND, "r");
	char *text;
	int status;

	if (file == NULL) {
		fail(facts, strerror(errno));
		return NULL;
	}
	text = read_text(file, length_out);
	status = pclose(file);
	if (text != NULL && status == 0)
		return text;
	fail(facts, text == NULL ? strerror(errno) : why_not(status));
	free(text);
	return NULL;
}

static char *
read_file(const char *name, struct doctor_facts *facts, size_t *length_out)
{
	FILE *file = fopen(name, "re");
	char *text = file == NULL ? NULL : read_text(file, length_out);

	if (text == NULL)
		fail(facts, strerror(errno));
	if (file != NULL)
		fclose(file);
	return text;
}

void
cli_doctor_user(const char *name, struct doctor_user *user_out)
{
	struct passwd *entry = getpwnam(name);
	int count = DOCTOR_GROUPS_MAX;

	*user_out = (struct doctor_user){ .known = entry != NULL };
	snprintf(user_out->name, sizeof(user_out->name), "%s", name);
	if (entry == NULL)
		return;
	user_out->uid = entry->pw_uid;
	if (getgrouplist(name, entry->pw_gid, user_out->groups, &count) < 0)
		count = DOCTOR_GROUPS_MAX;
	user_out->group_count = (size_t)count;
}

void
cli_doctor_nginx(const char *nginx_file, struct doctor_facts *facts)
{
	struct nginx_found *found = calloc(1, sizeof(*found));
	size_t length = 0;
	char *text = nginx_file != NULL ? read_file(nginx_file, facts,
	    &length) : run_nginx(facts, &length);
	struct err err;

	if (found == NULL || text == NULL) {
		free(text);
		free(found);
		return;
	}
	if (nginx_found_read(text, length, facts->config->listen, found,
	    &err) < 0) {
		fail(facts, err.text);
		free(found);
	} else {
		facts->nginx = found;
		cli_doctor_user(found->user, &facts->nginx_user);
	}
	free(text);
}
