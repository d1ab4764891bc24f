/*
 * doctor_files.c - checks: folders, the socket, what was left behind.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: pure; only modes and owners are looked at, so what an ACL gives or
 * takes is not seen.
 */
#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "doctor/doctor.h"

#define STATE_LEAST	(64 << 20)	/* free; bytes */

static const char *
service_name(const struct doctor_facts *facts)
{
	return facts->service.name[0] != '\0' ? facts->service.name : "root";
}

/* Who can write there puts code into every process of the host. */
static void
check_handlers(const struct doctor_facts *facts, struct doctor_findings *out)
{
	const struct doctor_path *path = &facts->handlers;
	const char *name = facts->config->handlers;
	struct doctor_finding *found;

	out->checked++;
	if (!path->exists) {
		found = doctor_add(out, DOCTOR_WARNING, "handlers");
		snprintf(found->what, sizeof(found->what), "%.240s is not "
		    "there", name);
		snprintf(found->why, sizeof(found->why), "No handler is "
		    "served: every request gets a 404.");
		snprintf(found->mend, sizeof(found->mend), "install -d -m 755 "
		    "%.240s", name);
	} else if ((path->mode & S_IWOTH) != 0) {
		found = doctor_add(out, DOCTOR_ERROR, "handlers");
		snprintf(found->what, sizeof(found->what), "everybody may "
		    "write to %.240s", name);
		snprintf(found->why, sizeof(found->why), "A file that is put "
		    "there is loaded into the host, with its rights.");
		snprintf(found->mend, sizeof(found->mend), "chmod o-w %.240s",
		    name);
	} else if (facts->service.known && facts->service.uid != 0 &&
	    doctor_may(&facts->service, path, S_IWOTH)) {
		found = doctor_add(out, DOCTOR_WARNING, "handlers");
		snprintf(found->what, sizeof(found->what), "%.64s, the user of "
		    "the service, may write to %.200s", service_name(facts),
		    name);
		snprintf(found->why, sizeof(found->why), "A handler that was "
		    "taken over could put others in place; the sandbox is "
		    "all that is in its way.");
		snprintf(found->mend, sizeof(found->mend), "chown root:root "
		    "%.140s && chmod 755 %.140s", name, name);
	}
}

static void
check_state(const struct doctor_facts *facts, struct doctor_findings *out)
{
	const struct doctor_path *path = &facts->state;
	const char *name = facts->config->state_dir;
	struct doctor_finding *found;

	if (!path->exists)
		return;		/* a start makes it */
	out->checked++;
	if ((path->mode & S_IWOTH) != 0) {
		found = doctor_add(out, DOCTOR_ERROR, "state_dir");
		snprintf(found->what, sizeof(found->what), "everybody may "
		    "write to %.240s", name);
		snprintf(found->why, sizeof(found->why), "Who can, puts files "
		    "in the place of those that the host loads and reads.");
		snprintf(found->mend, sizeof(found->mend), "chmod o-w %.240s",
		    name);
	}
	if (facts->state_free < 0 || facts->state_free >= STATE_LEAST)
		return;
	found = doctor_add(out, DOCTOR_ERROR, "state_dir");
	snprintf(found->what, sizeof(found->what), "%.200s has %" PRId64
	    " MiB left", name, facts->state_free >> 20);
	snprintf(found->why, sizeof(found->why), "Bodies over body_memory get "
	    "a 503, no reload can copy its files, and jobs are not accepted.");
	snprintf(found->mend, sizeof(found->mend), "du -xh --max-depth=2 "
	    "%.240s | sort -h | tail", name);
}

static const char *
socket_path(const struct config *config)
{
	return strncmp(config->listen, "unix:", 5) == 0 ? config->listen + 5 :
	    NULL;
}

static void
check_socket(const struct doctor_facts *facts, struct doctor_findings *out)
{
	const char *name = socket_path(facts->config);
	struct doctor_finding *found;

	if (name == NULL || !facts->socket.exists)
		return;
	out->checked++;
	if (facts->socket_dead && !facts->running) {
		found = doctor_add(out, DOCTOR_NOTE, "socket");
		snprintf(found->what, sizeof(found->what), "%.240s was left by "
		    "a host that was killed", name);
		snprintf(found->why, sizeof(found->why), "nginx answers 502 "
		    "until a host runs; its start removes the file.");
		snprintf(found->mend, sizeof(found->mend), "systemctl start "
		    "fcgi-host");
	}
	if (!facts->nginx_user.known || doctor_may(&facts->nginx_user,
	    &facts->socket, S_IWOTH))
		return;
	found = doctor_add(out, DOCTOR_ERROR, "socket");
	snprintf(found->what, sizeof(found->what), "%.64s, the user of nginx, "
	    "may not connect to %.200s", facts->nginx_user.name, name);
	snprintf(found->why, sizeof(found->why), "Every request gets a 502, "
	    "and nginx's error log says \"Permission denied\".");
	snprintf(found->mend, sizeof(found->mend), "sed -i "
	    "'/^ *listen_group/d' %.160s && echo 'listen_group = \"%.60s\"' "
	    ">>%.160s && systemctl restart fcgi-host", facts->config->file,
	    facts->nginx_user.name, facts->config->file);
}

/* While a host runs they may be in the making; one that does not answer us may
 * run all the same. */
static void
check_left(const struct doctor_facts *facts, struct doctor_findings *out)
{
	struct doctor_finding *found;

	if (facts->running || (facts->socket.exists && !facts->socket_dead))
		return;
	out->checked++;
	if (facts->unfinished <= 0 && facts->bodies <= 0)
		return;
	found = doctor_add(out, DOCTOR_NOTE, "left-over");
	snprintf(found->what, sizeof(found->what), "%.200s has %" PRId64
	    " generations that were not finished and %" PRId64 " spooled "
	    "bodies", facts->config->state_dir, facts->unfinished,
	    facts->bodies);
	snprintf(found->why, sizeof(found->why), "A host that was killed left "
	    "them; the next start removes them.");
	snprintf(found->mend, sizeof(found->mend), "systemctl start "
	    "fcgi-host");
}

void
doctor_files(const struct doctor_facts *facts, struct doctor_findings *out)
{
	check_handlers(facts, out);
	check_state(facts, out);
	check_socket(facts, out);
	check_left(facts, out);
}
