/*
 * plan_test.c - the memory plan, and what a machine or a cgroup leaves.
 *
 * Runs in: the test program.
 * Owns: a made /proc and /sys/fs/cgroup in a scratch folder.
 * Invariant: nothing is read from the real machine but in the last test.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/model.h"

#define MIB	(UINT64_C(1) << 20)

/* -------------------------------------------------------------- the sum */

static void
sum_counts_models_once(void **state)
{
	const struct plan_item items[] = {
		{ .name = "a", .kind = CONFIG_MODEL_FILE, .bytes = 512 * MIB },
		{ .name = "b", .kind = CONFIG_MODEL_BUILD, .bytes = 128 * MIB },
		{ .name = "b", .kind = CONFIG_MODEL_BUILD, .bytes = 100 * MIB,
		    .old_copy = true }
	};
	struct plan plan = { .items = items, .item_count = 3, .workers = 8,
	    .private_each = 8 * MIB, .buffers = 20 * MIB, .host = 12 * MIB };

	(void)state;
	plan_compute(&plan);
	assert_int_equal(plan.models, 740 * MIB);
	assert_int_equal(plan.page_tables, 8 * 640 * MIB / 512);
	assert_int_equal(plan.need, (740 + 10 + 64 + 32) * MIB);
	assert_int_equal(plan.private_copies, (8 * 640 + 10 + 64 + 32) * MIB);
	plan.resident = 612 * MIB;
	plan_compute(&plan);
	assert_int_equal(plan.need, (740 + 10 + 64 + 32 - 612) * MIB);
	plan.resident = 10000 * MIB;
	plan_compute(&plan);
	assert_int_equal(plan.need, 0);
}

static void
sum_of_nothing_is_nothing(void **state)
{
	struct plan plan = { .workers = 0 };

	(void)state;
	plan_compute(&plan);
	assert_int_equal(plan.models, 0);
	assert_int_equal(plan.page_tables, 0);
	assert_int_equal(plan.need, 0);
	assert_int_equal(plan.private_copies, 0);
}

static void
sum_does_not_wrap(void **state)
{
	const struct plan_item items[] = { { .bytes = UINT64_MAX - 5 },
	    { .bytes = 10 } };
	struct plan plan = { .items = items, .item_count = 2,
	    .workers = 4000000000, .private_each = UINT64_MAX / 2 };

	(void)state;
	plan_compute(&plan);
	assert_int_equal(plan.models, UINT64_MAX);
	assert_int_equal(plan.need, UINT64_MAX);
	assert_int_equal(plan.private_copies, UINT64_MAX);
}

static void
refusal_says_the_sum(void **state)
{
	const struct plan_item item = { .bytes = 521 * MIB };
	struct plan plan = { .items = &item, .item_count = 1, .workers = 8,
	    .private_each = 8 * MIB, .buffers = 24 * MIB, .host = 16 * MIB };
	struct err err = { "" };

	(void)state;
	plan_compute(&plan);
	assert_int_equal(plan_check(&plan, plan.need, "MemAvailable", &err), 0);
	assert_string_equal(err.text, "");
	assert_int_equal(plan_check(&plan, plan.need - 1, "x", NULL), -1);
	assert_int_equal(plan_check(&plan, 512 * MIB, "cgroup /x", &err), -1);
	assert_string_equal(err.text, "memory plan: needs 633 MiB, 512 MiB "
	    "are free (cgroup /x): models 521 MiB + 8 workers x 8.0 MiB + page "
	    "tables 8.1 MiB + buffers 24 MiB + host 16 MiB + cache 0 bytes - "
	    "loaded already 0 bytes; private copies would need 4.2 GiB. Use "
	    "fewer workers or smaller models, raise the limit, or set "
	    "memory_plan");
}

/* -------------------------------------------------------- a made machine */

static char	root[] = "/tmp/plan_test_XXXXXX";

static void
make_file(const char *path, const char *text)
{
	char full[512];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *at = strchr(full + sizeof(root), '/'); at != NULL;
	    at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(full, 0700) != 0)
			assert_int_equal(errno, EEXIST);
		*at = '/';
	}
	file = fopen(full, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static int
remove_one(const char *path, const struct stat *info, int type,
    struct FTW *where)
{
	(void)info;
	(void)type;
	(void)where;
	return remove(path);
}

static int
machine_create(void **state)
{
	(void)state;
	strcpy(root + sizeof(root) - 7, "XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	make_file("/proc/meminfo", "MemTotal:       16000000 kB\n"
	    "MemFree:         1000000 kB\nMemAvailable:    1048576 kB\n");
	return 0;
}

static int
machine_destroy(void **state)
{
	(void)state;
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#define V2_MOUNT "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - " \
	"cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNTS "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n" \
	"33 31 0:30 / /sys/fs/cgroup/cpu rw shared:1 - cgroup cgroup rw,cpu\n" \
	"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" \
	"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

static void
make_group(const char *directory, int version, const char *limit,
    const char *usage, const char *inactive)
{
	char path[256], text[256];

	snprintf(path, sizeof(path), "%s/%s", directory,
	    version == 2 ? "memory.max" : "memory.limit_in_bytes");
	make_file(path, limit);
	snprintf(path, sizeof(path), "%s/%s", directory,
	    version == 2 ? "memory.current" : "memory.usage_in_bytes");
	make_file(path, usage);
	snprintf(path, sizeof(path), "%s/memory.stat", directory);
	snprintf(text, sizeof(text), version == 2 ? "anon 5\n"
	    "inactive_file_x 7\ninactive_file %s\nfile 9\n" :
	    "cache 5\ninactive_file 3\ntotal_inactive_file %s\n", inactive);
	make_file(path, text);
}

static void
assert_available(uint64_t bytes, const char *limit)
{
	char which[128];
	uint64_t available;
	struct err err;

	if (plan_available(root, &available, which, sizeof(which), &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(which, limit);
	assert_int_equal(available, bytes);
}

static void
without_cgroups_the_machine_counts(void **state)
{
	(void)state;
	assert_available(1024 * MIB, "MemAvailable");
	make_file("/proc/self/mountinfo", "garbage\n\n - \n1 2 - cgroup2\n");
	make_file("/proc/self/cgroup", "x\n:\n::\n0::/a\n");
	assert_available(1024 * MIB, "MemAvailable");
}

static void
version_2_limits_and_gives_back_cache(void **state)
{
	(void)state;
	make_file("/proc/self/mountinfo", V2_MOUNT);
	make_file("/proc/self/cgroup", "0::/system.slice/host.service\n");
	make_group("/sys/fs/cgroup/system.slice/host.service", 2,
	    "536870912\n", "104857600\n", "52428800");
	assert_available((512 - 100 + 50) * MIB,
	    "cgroup /system.slice/host.service");
	/* more cache than usage, as far as the kernel's counters go */
	make_group("/sys/fs/cgroup/system.slice/host.service", 2,
	    "536870912\n", "1048576\n", "52428800");
	assert_available(512 * MIB, "cgroup /system.slice/host.service");
	/* above its limit */
	make_group("/sys/fs/cgroup/system.slice/host.service", 2,
	    "536870912\n", "636870912\n", "0");
	assert_available(0, "cgroup /system.slice/host.service");
}

static void
version_2_unlimited_is_no_limit(void **state)
{
	(void)state;
	make_file("/proc/self/mountinfo", V2_MOUNT);
	make_file("/proc/self/cgroup", "0::/a/b\n");
	make_group("/sys/fs/cgroup/a/b", 2, "max\n", "104857600\n", "0");
	assert_available(1024 * MIB, "MemAvailable");
}

static void
ancestors_limit_too(void **state)
{
	(void)state;
	make_file("/proc/self/mountinfo", V2_MOUNT);
	make_file("/proc/self/cgroup", "0::/a/b/c\n");
	make_group("/sys/fs/cgroup/a/b/c", 2, "536870912\n", "0\n", "0");
	make_group("/sys/fs/cgroup/a/b", 2, "max\n", "0\n", "0");
	make_group("/sys/fs/cgroup/a", 2, "268435456\n", "0\n", "0");
	assert_available(256 * MIB, "cgroup /a");
}

static void
group_of_a_container_is_the_mount(void **state)
{
	(void)state;
	make_group("/sys/fs/cgroup", 2, "268435456\n", "0\n", "0");
	make_file("/proc/self/mountinfo", V2_MOUNT);
	make_file("/proc/self/cgroup", "0::/\n");
	assert_available(256 * MIB, "cgroup /");
	/* only a part of the hierarchy is mounted */
	make_file("/proc/self/mountinfo", "31 23 0:28 /docker/12 "
	    "/sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
	make_file("/proc/self/cgroup", "0::/docker/12/sub\n");
	make_group("/sys/fs/cgroup/sub", 2, "134217728\n", "0\n", "0");
	assert_available(128 * MIB, "cgroup /sub");
	/* our group lies outside of it: a sibling with the same beginning */
	make_file("/proc/self/cgroup", "0::/docker/123/sub\n");
	assert_available(256 * MIB, "cgroup /");
	make_file("/proc/self/cgroup", "0::/../other\n");
	assert_available(256 * MIB, "cgroup /");
}

static void
version_1_limits(void **state)
{
	(void)state;
	make_file("/proc/self/mountinfo", V1_MOUNTS);
	make_file("/proc/self/cgroup", "9:name=systemd:/elsewhere\n"
	    "5:cpu,cpuacct:/cpu\n4:memory:/host/x\n0::/elsewhere\n");
	make_group("/sys/fs/cgroup/memory/host/x", 1, "536870912\n",
	    "104857600\n", "52428800");
	make_group("/sys/fs/cgroup/memory/host", 1, "9223372036854771712\n",
	    "104857600\n", "0");
	assert_available((512 - 100 + 50) * MIB, "cgroup /host/x");
	make_group("/sys/fs/cgroup/memory/host", 1, "209715200\n",
	    "104857600\n", "0");
	assert_available(100 * MIB, "cgroup /host");
	/* both versions at once: the smaller one counts */
	make_group("/sys/fs/cgroup/unified/elsewhere", 2, "52428800\n", "0\n",
	    "0");
	assert_available(50 * MIB, "cgroup /elsewhere");
}

static void
damaged_files_are_no_limit(void **state)
{
	(void)state;
	make_file("/proc/self/mountinfo", V2_MOUNT);
	make_file("/proc/self/cgroup", "0::/a\n");
	make_group("/sys/fs/cgroup/a", 2, "", "0\n", "0");
	assert_available(1024 * MIB, "MemAvailable");
	make_group("/sys/fs/cgroup/a", 2, "99999999999999999999999\n", "0\n",
	    "0");
	assert_available(1024 * MIB, "MemAvailable");
	make_group("/sys/fs/cgroup/a", 2, "-5\n", "0\n", "0");
	assert_available(1024 * MIB, "MemAvailable");
	make_group("/sys/fs/cgroup/a", 2, "1048576\n", "lots\n", "0");
	assert_available(1024 * MIB, "MemAvailable");
	make_group("/sys/fs/cgroup/a", 2, "1048576\n", "0\n", "max");
	assert_available(MIB, "cgroup /a");
}

static void
missing_meminfo_is_an_error(void **state)
{
	char which[128];
	uint64_t available;
	struct err err;

	(void)state;
	make_file("/proc/meminfo", "MemTotal: 5 kB\n");
	assert_int_equal(plan_available(root, &available, which, sizeof(which),
	    &err), -1);
	assert_non_null(strstr(err.text, "MemAvailable"));
}

static void
this_machine_has_an_answer(void **state)
{
	char which[128];
	uint64_t available = 0;
	struct err err;

	(void)state;
	assert_int_equal(plan_available("/", &available, which, sizeof(which),
	    &err), 0);
	assert_true(available > 0);
	assert_true(which[0] != '\0');
}

#define machine_test(f) \
	cmocka_unit_test_setup_teardown(f, machine_create, machine_destroy)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sum_counts_models_once),
		cmocka_unit_test(sum_of_nothing_is_nothing),
		cmocka_unit_test(sum_does_not_wrap),
		cmocka_unit_test(refusal_says_the_sum),
		machine_test(without_cgroups_the_machine_counts),
		machine_test(version_2_limits_and_gives_back_cache),
		machine_test(version_2_unlimited_is_no_limit),
		machine_test(ancestors_limit_too),
		machine_test(group_of_a_container_is_the_mount),
		machine_test(version_1_limits),
		machine_test(damaged_files_are_no_limit),
		machine_test(missing_meminfo_is_an_error),
		cmocka_unit_test(this_machine_has_an_answer),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
