/*
 * doctor.c - all checks, and the order of what they find.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: pure.
 */
#include "doctor/doctor.h"

#include <sys/stat.h>

#include <stdlib.h>

const char *
doctor_grade_name(enum doctor_grade grade)
{
	static const char *const names[] = { "note", "warning", "error" };

	return names[grade];
}

struct doctor_finding *
doctor_add(struct doctor_findings *findings, enum doctor_grade grade,
    const char *about)
{
	struct doctor_finding *finding;

	if (findings->count < DOCTOR_FINDINGS_MAX)
		findings->count++;
	finding = &findings->list[findings->count - 1];
	*finding = (struct doctor_finding){ .grade = grade, .about = about };
	return finding;
}

bool
doctor_may(const struct doctor_user *user, const struct doctor_path *path,
    mode_t bits)
{
	if (user->uid == 0)
		return true;
	if (user->uid == path->uid)
		return ((path->mode >> 6) & bits) == bits;
	for (size_t i = 0; i < user->group_count; i++)
		if (user->groups[i] == path->gid)
			return ((path->mode >> 3) & bits) == bits;
	return (path->mode & bits) == bits;
}

/* What is as bad stays in the order in which it was found. */
static void
sort(struct doctor_findings *findings)
{
	for (size_t i = 1; i < findings->count; i++) {
		struct doctor_finding moved = findings->list[i];
		size_t at = i;

		for (; at > 0 && findings->list[at - 1].grade < moved.grade;
		    at--)
			findings->list[at] = findings->list[at - 1];
		findings->list[at] = moved;
	}
}

void
doctor_check(const struct doctor_facts *facts, struct doctor_findings *out)
{
	out->count = 0;
	out->checked = 0;
	doctor_system(facts, out);
	doctor_files(facts, out);
	doctor_nginx(facts, out);
	sort(out);
}
