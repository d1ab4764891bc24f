/*
 * doctor_system.c - checks: the kernel, limits and memory.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: pure; what is not known is not judged.
 */
#include <inttypes.h>
#include <stdio.h>

#include "doctor/doctor.h"

/* The kernel takes the lesser one, without a word. */
static void
check_backlog(const struct doctor_facts *facts, struct doctor_findings *out)
{
	uint32_t backlog = facts->config->listen_backlog;
	struct doctor_finding *found;

	if (facts->somaxconn < 0)
		return;
	out->checked++;
	if (facts->somaxconn >= backlog)
		return;
	found = doctor_add(out, DOCTOR_WARNING, "somaxconn");
	snprintf(found->what, sizeof(found->what), "net.core.somaxconn is %"
	    PRId64 ", listen_backlog %u", facts->somaxconn, backlog);
	snprintf(found->why, sizeof(found->why), "The kernel takes the lesser "
	    "one: in a burst, or while a front is replaced, nginx is refused "
	    "connections and answers 502.");
	snprintf(found->mend, sizeof(found->mend), "echo net.core.somaxconn = "
	    "%u >/etc/sysctl.d/60-fcgi-host.conf && sysctl --system", backlog);
}

static void
check_descriptors(const struct doctor_facts *facts,
    struct doctor_findings *out)
{
	uint64_t wanted = config_descriptors(facts->config);
	struct doctor_finding *found;

	if (facts->descriptors < 0)
		return;
	out->checked++;
	if ((uint64_t)facts->descriptors >= wanted)
		return;
	found = doctor_add(out, DOCTOR_WARNING, "descriptors");
	snprintf(found->what, sizeof(found->what), "%s may have %" PRId64
	    " descriptors; connections = %u and the workers need %" PRIu64,
	    facts->running ? "the host" : "a process of this shell",
	    facts->descriptors, facts->config->connections, wanted);
	snprintf(found->why, sizeof(found->why), "Connections wait, and "
	    "processes that end cannot be replaced, when they are used up.");
	snprintf(found->mend, sizeof(found->mend), "systemctl edit fcgi-host "
	    "# [Service] LimitNOFILE=%" PRIu64, wanted);
}

static void
check_huge_pages(const struct doctor_facts *facts,
    struct doctor_findings *out)
{
	struct doctor_finding *found;

	if (facts->huge_free < 0 || facts->huge_wanted <= 0)
		return;
	out->checked++;
	if (facts->huge_free >= facts->huge_wanted)
		return;
	found = doctor_add(out, DOCTOR_NOTE, "hugepages");
	snprintf(found->what, sizeof(found->what), "models with hugepages = "
	    "try have %" PRId64 " MiB, and %" PRId64 " MiB of huge pages are "
	    "free", facts->huge_wanted >> 20, facts->huge_free >> 20);
	snprintf(found->why, sizeof(found->why), "Those that do not fit are "
	    "put into pages of 4 KiB: more page tables in each worker, and "
	    "slower lookups.");
	snprintf(found->mend, sizeof(found->mend), "sysctl -w "
	    "vm.nr_hugepages=%" PRId64 " # of 2 MiB, with those in use",
	    (facts->huge_wanted >> 21) + 1);
}

static void
check_landlock(const struct doctor_facts *facts, struct doctor_findings *out)
{
	struct doctor_finding *found;

	if (facts->landlock < 0 || !facts->config->sandbox)
		return;
	out->checked++;
	if (facts->landlock > 0)
		return;
	found = doctor_add(out, DOCTOR_WARNING, "landlock");
	snprintf(found->what, sizeof(found->what), "the kernel has no "
	    "Landlock, or it is not switched on");
	snprintf(found->why, sizeof(found->why), "The sandbox goes on without "
	    "that part: handlers reach all files that the user of the service "
	    "may.");
	snprintf(found->mend, sizeof(found->mend), "grep -o 'lsm=[^ ]*' "
	    "/proc/cmdline # add landlock to lsm= of the kernel's command "
	    "line, and boot");
}

static uint64_t
processes_wanted(const struct config *config)
{
	uint64_t wanted = 32;	/* supervisor, zygotes, fronts, loaders */

	for (size_t i = 0; i < config->pool_count; i++)
		wanted += 2 * (uint64_t)config_pool_slots(&config->pools[i]) *
		    (config->pools[i].threads + 1);
	return wanted;
}

/* Twice: in a reload both generations are there. */
static void
check_processes(const struct doctor_facts *facts, struct doctor_findings *out)
{
	uint64_t wanted = processes_wanted(facts->config);
	struct doctor_finding *found;

	if (facts->pids_max < 0)
		return;
	out->checked++;
	if ((uint64_t)facts->pids_max >= wanted)
		return;
	found = doctor_add(out, DOCTOR_WARNING, "processes");
	snprintf(found->what, sizeof(found->what), "the control group may "
	    "have %" PRId64 " processes and threads; the pools may need %"
	    PRIu64 " while a reload runs", facts->pids_max, wanted);
	snprintf(found->why, sizeof(found->why), "Workers, and their threads, "
	    "cannot be made when they are used up.");
	snprintf(found->mend, sizeof(found->mend), "systemctl edit fcgi-host "
	    "# [Service] TasksMax=%" PRIu64, wanted);
}

static void
check_memory(const struct doctor_facts *facts, struct doctor_findings *out)
{
	struct doctor_finding *found;

	out->checked++;
	if (facts->plan[0] == '\0')
		return;
	found = doctor_add(out, DOCTOR_ERROR, "memory");
	snprintf(found->what, sizeof(found->what), "the memory plan does not "
	    "fit: %.240s", facts->plan);
	snprintf(found->why, sizeof(found->why), "The host refuses to start, "
	    "or to reload, unless memory_plan says otherwise; then the kernel "
	    "ends processes.");
	snprintf(found->mend, sizeof(found->mend), "fcgi-host plan -c %.200s",
	    facts->config->file);
}

void
doctor_system(const struct doctor_facts *facts, struct doctor_findings *out)
{
	check_memory(facts, out);
	check_backlog(facts, out);
	check_descriptors(facts, out);
	check_processes(facts, out);
	check_landlock(facts, out);
	check_huge_pages(facts, out);
}
