/*
 * doctor_nginx.c - checks: nginx's limits against the host's.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: pure; what nginx must allow is nginx_values.c's to say, the same
 * that `fcgi-host nginx` writes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "doctor/doctor.h"
#include "nginx/nginx_private.h"

static struct doctor_finding *
add(const struct doctor_facts *facts, struct doctor_findings *out,
    enum doctor_grade grade, const char *about)
{
	struct doctor_finding *found = doctor_add(out, grade, about);

	snprintf(found->mend, sizeof(found->mend), "fcgi-host nginx -c %.140s "
	    "-o /etc/nginx && nginx -t && nginx -s reload",
	    facts->config->file);
	return found;
}

static void
check_time(const struct doctor_facts *facts,
    const struct nginx_found_place *place, struct doctor_findings *out)
{
	uint64_t wanted = nginx_read_ms(facts->config);
	struct doctor_finding *found;

	out->checked++;
	if (place->read_ms >= wanted)
		return;
	found = add(facts, out, DOCTOR_ERROR, "fastcgi_read_timeout");
	snprintf(found->what, sizeof(found->what), "location %s: "
	    "fastcgi_read_timeout is %" PRIu64 "s, the host may take %" PRIu64
	    "s", place->name, place->read_ms / 1000, wanted / 1000);
	snprintf(found->why, sizeof(found->why), "nginx gives up first: its "
	    "504 says nothing of the reason, and the handler's work is "
	    "thrown away.");
}

static void
check_body(const struct doctor_facts *facts,
    const struct nginx_found_place *place, struct doctor_findings *out)
{
	struct doctor_finding *found;

	out->checked++;
	if (place->body_bytes == 0 ||
	    place->body_bytes >= facts->config->body_limit)
		return;
	found = add(facts, out, DOCTOR_ERROR, "client_max_body_size");
	snprintf(found->what, sizeof(found->what), "location %s: "
	    "client_max_body_size is %" PRIu64 " bytes, body_limit %zu",
	    place->name, place->body_bytes, facts->config->body_limit);
	snprintf(found->why, sizeof(found->why), "Bodies that the host would "
	    "take are refused by nginx with a 413.");
}

static void
check_header(const struct doctor_facts *facts,
    const struct nginx_found_place *place, struct doctor_findings *out)
{
	uint64_t wanted = nginx_header_buffer(facts->config);
	struct doctor_finding *found;

	out->checked++;
	if (place->header_bytes >= wanted)
		return;
	found = add(facts, out, DOCTOR_WARNING, "fastcgi_buffer_size");
	snprintf(found->what, sizeof(found->what), "location %s: "
	    "fastcgi_buffer_size is %" PRIu64 " bytes; header_limit wants %"
	    PRIu64, place->name, place->header_bytes, wanted);
	snprintf(found->why, sizeof(found->why), "A reply with a longer header "
	    "becomes a 502 (\"upstream sent too big header\").");
}

static void
check_kept(const struct doctor_facts *facts,
    const struct nginx_found_place *place, struct doctor_findings *out)
{
	uint64_t idle_ms = facts->config->idle_timeout_ms;
	struct doctor_finding *found;

	out->checked++;
	if (!place->kept) {
		found = add(facts, out, DOCTOR_WARNING, "fastcgi_keep_conn");
		snprintf(found->what, sizeof(found->what), "location %s: "
		    "connections to the host are not kept", place->name);
		snprintf(found->why, sizeof(found->why), "Each request opens a "
		    "connection of its own: that takes both sides longer than "
		    "a quick handler.  It wants fastcgi_keep_conn on, and "
		    "keepalive in an upstream.");
	} else if (idle_ms != 0 && place->kept_ms >= idle_ms) {
		found = add(facts, out, DOCTOR_WARNING, "keepalive_timeout");
		snprintf(found->what, sizeof(found->what), "location %s: nginx "
		    "keeps idle connections for %" PRIu64 "s, the host for %"
		    PRIu64 "s", place->name, place->kept_ms / 1000,
		    idle_ms / 1000);
		snprintf(found->why, sizeof(found->why), "The host may close "
		    "one at the moment in which nginx takes it up: some "
		    "requests get a 502.");
	}
}

static void
check_absent(const struct doctor_facts *facts, struct doctor_findings *out)
{
	const struct nginx_found *nginx = facts->nginx;
	struct doctor_finding *found;

	if (nginx->place_count == 0 && nginx->unclear == 0) {
		found = add(facts, out, DOCTOR_WARNING, "fastcgi_pass");
		snprintf(found->what, sizeof(found->what), "no location of "
		    "nginx passes to %.240s", facts->config->listen);
		snprintf(found->why, sizeof(found->why), "No request reaches "
		    "the host through this nginx.");
	} else if (nginx->unclear > 0) {
		found = add(facts, out, DOCTOR_NOTE, "fastcgi_pass");
		snprintf(found->what, sizeof(found->what), "%zu locations "
		    "pass to what a variable says", nginx->unclear);
		snprintf(found->why, sizeof(found->why), "Whether they mean "
		    "this host cannot be known: they were not looked at.");
		found->mend[0] = '\0';
	}
}

static void
check_unread(const struct doctor_facts *facts, struct doctor_findings *out)
{
	struct doctor_finding *found;

	if (facts->nginx_error[0] == '\0')
		return;
	found = doctor_add(out, DOCTOR_NOTE, "nginx");
	snprintf(found->what, sizeof(found->what), "nginx's configuration "
	    "could not be looked at: %.200s", facts->nginx_error);
	snprintf(found->why, sizeof(found->why), "Its time-outs and limits "
	    "are not compared with the host's.");
	snprintf(found->mend, sizeof(found->mend), "nginx -T >nginx.txt && "
	    "fcgi-host doctor -c %.200s --nginx nginx.txt",
	    facts->config->file);
}

void
doctor_nginx(const struct doctor_facts *facts, struct doctor_findings *out)
{
	const struct nginx_found *nginx = facts->nginx;

	if (nginx == NULL) {
		check_unread(facts, out);
		return;
	}
	out->checked++;
	check_absent(facts, out);
	for (size_t i = 0; i < nginx->place_count && i < NGINX_FOUND_PLACES;
	    i++) {
		check_time(facts, &nginx->places[i], out);
		check_body(facts, &nginx->places[i], out);
		check_header(facts, &nginx->places[i], out);
		check_kept(facts, &nginx->places[i], out);
	}
}
