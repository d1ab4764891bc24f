/*
 * doctor_test.c - what is found in facts that are made up.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: in good facts nothing is found; each test makes one bad.
 */
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config_fixture.h"
#include "doctor/doctor.h"

static struct config *config;
static struct nginx_found nginx;
static struct doctor_facts facts;
static struct doctor_findings findings;

static int
set_up(void **state)
{
	(void)state;
	config = sound("listen = \"unix:/run/h/s\"\nuser = \"www-data\"\n"
	    "idle_timeout = \"2m\"\n"
	    "model \"m\" { path = \"/m\" kind = file }\n");
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	config_free(config);
	return 0;
}

static struct doctor_path
path(mode_t mode, uid_t uid, gid_t gid)
{
	return (struct doctor_path){ true, mode, uid, gid };
}

static void
make_good(void)
{
	static const struct doctor_user www = { .known = true,
	    .name = "www-data", .uid = 33, .groups = { 33 },
	    .group_count = 1 };

	nginx = (struct nginx_found){ .user = "www-data", .place_count = 1 };
	nginx.places[0] = (struct nginx_found_place){ .name = "/",
	    .read_ms = 1000000, .body_bytes = 0, .header_bytes = 1 << 20,
	    .kept = true, .kept_ms = 1000 };
	facts = (struct doctor_facts){ .config = config, .running = true,
	    .somaxconn = 4096, .descriptors = 1 << 20, .landlock = 3,
	    .huge_free = 1 << 30,
	    .huge_wanted = 1 << 30, .pids_max = 100000, .service = www,
	    .handlers = path(S_IFDIR | 0755, 0, 0),
	    .state = path(S_IFDIR | 0750, 33, 33),
	    .socket = path(S_IFSOCK | 0660, 0, 33),
	    .state_free = INT64_C(1) << 40, .nginx = &nginx,
	    .nginx_user = www };
}

/* One finding, of that grade, with a reason and, but where nothing has to be
 * done, a command. */
static void
expect(enum doctor_grade grade, const char *about, bool mends)
{
	doctor_check(&facts, &findings);
	assert_int_equal(findings.count, 1);
	assert_string_equal(findings.list[0].about, about);
	assert_int_equal(findings.list[0].grade, grade);
	assert_true(findings.list[0].what[0] != '\0');
	assert_true(findings.list[0].why[0] != '\0');
	assert_int_equal(findings.list[0].mend[0] != '\0', mends);
	make_good();
}

static void
expect_nothing(void)
{
	doctor_check(&facts, &findings);
	if (findings.count > 0)
		fail_msg("%s", findings.list[0].what);
	make_good();
}

static void
test_good_facts(void **state)
{
	(void)state;
	make_good();
	doctor_check(&facts, &findings);
	assert_true(findings.checked >= 12);
	expect_nothing();
}

static void
test_the_kernel(void **state)
{
	(void)state;
	make_good();
	facts.somaxconn = config->listen_backlog - 1;
	expect(DOCTOR_WARNING, "somaxconn", true);
	facts.descriptors = (int64_t)config_descriptors(config) - 1;
	expect(DOCTOR_WARNING, "descriptors", true);
	facts.descriptors = (int64_t)config_descriptors(config);
	expect_nothing();
	facts.landlock = 0;
	expect(DOCTOR_WARNING, "landlock", true);
	facts.huge_free--;
	expect(DOCTOR_NOTE, "hugepages", true);
	facts.pids_max = 8;
	expect(DOCTOR_WARNING, "processes", true);
	strcpy(facts.plan, "it needs more");
	expect(DOCTOR_ERROR, "memory", true);
}

static void
test_what_is_not_known_is_not_judged(void **state)
{
	(void)state;
	make_good();
	facts.somaxconn = facts.descriptors = facts.landlock = -1;
	facts.pids_max = facts.state_free = -1;
	facts.unfinished = facts.bodies = -1;
	facts.huge_free = -1;
	facts.service.known = facts.nginx_user.known = false;
	facts.nginx = NULL;
	facts.running = false;
	expect_nothing();
}

static void
test_files(void **state)
{
	(void)state;
	make_good();
	facts.handlers.exists = false;
	expect(DOCTOR_WARNING, "handlers", true);
	facts.handlers.mode |= S_IWOTH;
	expect(DOCTOR_ERROR, "handlers", true);
	facts.handlers.uid = 33;
	expect(DOCTOR_WARNING, "handlers", true);
	facts.handlers = path(S_IFDIR | 0775, 0, 33);
	expect(DOCTOR_WARNING, "handlers", true);
	facts.state.mode |= S_IWOTH;
	expect(DOCTOR_ERROR, "state_dir", true);
	facts.state_free = 1 << 20;
	expect(DOCTOR_ERROR, "state_dir", true);
	facts.running = facts.socket.exists = false;
	facts.unfinished = 1;
	expect(DOCTOR_NOTE, "left-over", true);
	facts.unfinished = 1;		/* being made */
	expect_nothing();
}

static void
test_the_socket(void **state)
{
	(void)state;
	make_good();
	facts.running = false;
	expect_nothing();		/* it is not for us to ask */
	facts.running = false;
	facts.socket_dead = true;
	expect(DOCTOR_NOTE, "socket", true);
	facts.socket.gid = 7;
	expect(DOCTOR_ERROR, "socket", true);
	facts.socket = path(S_IFSOCK | 0606, 0, 33);	/* its group: no */
	expect(DOCTOR_ERROR, "socket", true);
	facts.socket = path(S_IFSOCK | 0666, 0, 0);
	expect_nothing();
	facts.socket = path(S_IFSOCK | 0600, 0, 0);
	facts.nginx_user.uid = 0;
	expect_nothing();
	facts.socket.gid = 7;
	facts.nginx_user.groups[1] = 7;
	facts.nginx_user.group_count = 2;
	expect_nothing();
}

static void
test_nginx(void **state)
{
	(void)state;
	make_good();
	nginx.places[0].read_ms = 60000;
	expect(DOCTOR_ERROR, "fastcgi_read_timeout", true);
	nginx.places[0].body_bytes = config->body_limit - 1;
	expect(DOCTOR_ERROR, "client_max_body_size", true);
	nginx.places[0].body_bytes = config->body_limit;
	expect_nothing();
	nginx.places[0].header_bytes = 4096;
	expect(DOCTOR_WARNING, "fastcgi_buffer_size", true);
	nginx.places[0].kept = false;
	expect(DOCTOR_WARNING, "fastcgi_keep_conn", true);
	nginx.places[0].kept_ms = UINT64_C(1) << 50;
	expect(DOCTOR_WARNING, "keepalive_timeout", true);
	nginx.place_count = 0;
	expect(DOCTOR_WARNING, "fastcgi_pass", true);
	nginx.unclear = 2;
	expect(DOCTOR_NOTE, "fastcgi_pass", false);
	facts.nginx = NULL;
	strcpy(facts.nginx_error, "nginx is not installed here");
	expect(DOCTOR_NOTE, "nginx", true);
}

static void
test_the_worst_is_first(void **state)
{
	(void)state;
	make_good();
	facts.huge_free--;
	facts.somaxconn = 1;
	facts.handlers.mode |= S_IWOTH;
	doctor_check(&facts, &findings);
	assert_int_equal(findings.count, 3);
	assert_string_equal(findings.list[0].about, "handlers");
	assert_string_equal(findings.list[1].about, "somaxconn");
	assert_string_equal(findings.list[2].about, "hugepages");
}

static void
test_many_places(void **state)
{
	(void)state;
	make_good();
	for (size_t i = 0; i < NGINX_FOUND_PLACES; i++)
		nginx.places[i] = (struct nginx_found_place){ .body_bytes = 1 };
	nginx.place_count = 1000;
	doctor_check(&facts, &findings);
	assert_int_equal(findings.count, DOCTOR_FINDINGS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_facts),
		cmocka_unit_test(test_the_kernel),
		cmocka_unit_test(test_what_is_not_known_is_not_judged),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_the_socket),
		cmocka_unit_test(test_nginx),
		cmocka_unit_test(test_the_worst_is_first),
		cmocka_unit_test(test_many_places),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
