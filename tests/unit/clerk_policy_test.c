/*
 * clerk_policy_test.c - what becomes of a job, and how its words are read.
 *
 * Runs in: make check.
 * Owns: nothing.
 * Invariant: pure, so there is no clock and no database in here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clerk/clerk_policy.h"
#include "clerk/clerk_sign.h"
#include "clerk/clerk_words.h"

static const struct clerk_tries first_of_three = { 1, 3, 1000 };
static const struct clerk_tries last_of_three = { 3, 3, 1000 };

static void
test_each_wait_is_twice_the_last_up_to_a_day(void **state)
{
	(void)state;
	assert_int_equal(clerk_backoff(1000, 1, 0), 1000);
	assert_int_equal(clerk_backoff(1000, 2, 0), 2000);
	assert_int_equal(clerk_backoff(1000, 5, 0), 16000);
	assert_int_equal(clerk_backoff(1000, 1000000, 0), CLERK_RETRY_MAX_MS);
	for (uint32_t chance = 0; chance < 3000; chance++) {
		uint64_t delay = clerk_backoff(1000, 1, chance);

		assert_true(delay <= 1000 && delay >= 900);
	}
}

static struct clerk_verdict
ended_with(int status, const struct clerk_tries *tries)
{
	struct clerk_end end = { .whole = true, .any = true,
	    .status = status };

	return clerk_judge(&end, tries, 0);
}

static void
test_a_status_decides(void **state)
{
	struct clerk_verdict verdict;

	(void)state;
	assert_int_equal(ended_with(200, &first_of_three).state,
	    CLERK_SUCCEEDED);
	assert_int_equal(ended_with(303, &first_of_three).state,
	    CLERK_SUCCEEDED);
	assert_int_equal(ended_with(400, &first_of_three).state,
	    CLERK_FAILED);
	assert_int_equal(ended_with(499, &first_of_three).state,
	    CLERK_FAILED);
	verdict = ended_with(500, &first_of_three);
	assert_int_equal(verdict.state, CLERK_QUEUED);
	assert_true(verdict.counts);
	assert_int_equal(verdict.delay_ms, 1000);
	assert_int_equal(ended_with(500, &last_of_three).state, CLERK_FAILED);
	assert_int_equal(ended_with(200, &last_of_three).state,
	    CLERK_SUCCEEDED);
}

static void
test_what_is_not_the_handlers_fault_does_not_count(void **state)
{
	struct clerk_end refused = { .whole = true, .any = true,
	    .not_begun = true, .status = 503, .retry_after_ms = 7000 };
	struct clerk_end gone = { .status = 0 };
	struct clerk_verdict verdict;

	(void)state;
	verdict = clerk_judge(&refused, &last_of_three, 0);
	assert_int_equal(verdict.state, CLERK_QUEUED);
	assert_false(verdict.counts);
	assert_int_equal(verdict.delay_ms, 7000);
	verdict = clerk_judge(&gone, &last_of_three, 0);
	assert_int_equal(verdict.state, CLERK_QUEUED);
	assert_false(verdict.counts);
	assert_int_equal(verdict.delay_ms, CLERK_AGAIN_MS);
}

static void
test_half_a_reply_counts(void **state)
{
	struct clerk_end half = { .any = true };
	struct clerk_end wrong = { .whole = true, .any = true,
	    .malformed = true, .status = 200 };
	struct clerk_end large = { .any = true, .too_large = true };

	(void)state;
	assert_true(clerk_judge(&half, &first_of_three, 0).counts);
	assert_int_equal(clerk_judge(&half, &last_of_three, 0).state,
	    CLERK_FAILED);
	assert_int_equal(clerk_judge(&wrong, &first_of_three, 0).state,
	    CLERK_QUEUED);
	assert_int_equal(clerk_judge(&large, &first_of_three, 0).state,
	    CLERK_FAILED);
}

static void
test_retry_after_is_the_least(void **state)
{
	struct clerk_end end = { .whole = true, .any = true, .status = 503,
	    .retry_after_ms = 5000 };

	(void)state;
	assert_int_equal(clerk_judge(&end, &first_of_three, 0).delay_ms,
	    5000);
	end.retry_after_ms = 5;
	assert_int_equal(clerk_judge(&end, &first_of_three, 0).delay_ms,
	    1000);
	end.retry_after_ms = UINT64_MAX;
	assert_int_equal(clerk_judge(&end, &first_of_three, 0).delay_ms,
	    CLERK_RETRY_MAX_MS);
}

/* Breaks when: a client is told that its request is an old one because another
 * host was quick to run it. */
static void
test_a_new_job_is_a_202(void **state)
{
	(void)state;
	for (enum clerk_state s = CLERK_QUEUED; s <= CLERK_CANCELLED; s++) {
		assert_int_equal(clerk_accept_status(true, s), 202);
		assert_int_equal(clerk_accept_status(false, s),
		    s <= CLERK_RUNNING ? 202 : 200);
	}
}

/* Breaks when: who took it is called again, who did not is not, or one that
 * wants no more has no end. */
static void
test_a_webhook_is_over(void **state)
{
	static const long again[] = { 0, 100, 199, 300, 302, 307, 400, 404, 409,
	    411, 429, 500, 503 };

	(void)state;
	assert_true(clerk_hook_is_over(200, 1));
	assert_true(clerk_hook_is_over(299, 1));
	assert_true(clerk_hook_is_over(410, 1));
	for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
		assert_false(clerk_hook_is_over(again[i], 1));
		assert_false(clerk_hook_is_over(again[i], 9));
		assert_true(clerk_hook_is_over(again[i], 10));
	}
}

static void
test_a_lease_is_renewed_in_time(void **state)
{
	(void)state;
	assert_true(clerk_renewal(500) * 2 < 500);
	assert_true(clerk_renewal(500) > 0);
}

/* ------------------------------------------------------------------- words */

#define SPAN(text)	((struct wire_span){ text, strlen(text) })
#define WHSEC		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SIGNATURE_A	"g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define SIGNATURE_B	"0Xl3Wlcjo5cRUb/1dI53/gvEJVjYT3xeogIUTfJpfmw="
#define ID		"0123456789abcdef0123456789abcdef"

static void
test_a_path_names_a_job_or_nothing(void **state)
{
	char id[CLERK_ID_MAX];

	(void)state;
	assert_int_equal(clerk_words_path(SPAN("/jobs/" ID), "/jobs", id),
	    CLERK_WHAT_JOB);
	assert_string_equal(id, ID);
	assert_int_equal(clerk_words_path(SPAN("/a/b/" ID "/result"), "/a/b",
	    id), CLERK_WHAT_RESULT);
	assert_int_equal(clerk_words_path(SPAN("/jobs/" ID "/events"),
	    "/jobs", id), CLERK_WHAT_EVENTS);
	assert_int_equal(clerk_words_path(SPAN("/jobs/" ID "/"), "/jobs", id),
	    CLERK_WHAT_NOTHING);
	assert_string_equal(id, "");
	assert_int_equal(clerk_words_path(SPAN("/jobs/" ID "0"), "/jobs", id),
	    CLERK_WHAT_NOTHING);
	assert_int_equal(clerk_words_path(SPAN("/jobs"), "/jobs", id),
	    CLERK_WHAT_NOTHING);
	assert_int_equal(clerk_words_path(SPAN(
	    "/jobs/0123456789ABCDEF0123456789abcdef"), "/jobs", id),
	    CLERK_WHAT_NOTHING);
}

static void
test_a_key_has_quotes_or_none(void **state)
{
	char key[CLERK_KEY_MAX], text[CLERK_KEY_MAX + 1];

	(void)state;
	assert_int_equal(clerk_words_key(SPAN(" \"a-1\" "), key), 0);
	assert_string_equal(key, "a-1");
	assert_int_equal(clerk_words_key(SPAN("a-1"), key), 0);
	assert_string_equal(key, "a-1");
	assert_int_equal(clerk_words_key(SPAN(""), key), -1);
	assert_int_equal(clerk_words_key(SPAN("\"\""), key), -1);
	assert_int_equal(clerk_words_key(SPAN("a b"), key), -1);
	assert_int_equal(clerk_words_key(SPAN("\xc3\xa4"), key), -1);
	memset(text, 'x', sizeof(text));
	assert_int_equal(clerk_words_key((struct wire_span){ text,
	    CLERK_KEY_MAX }, key), -1);
	assert_int_equal(clerk_words_key((struct wire_span){ text,
	    CLERK_KEY_MAX - 1 }, key), 0);
}

static void
test_a_wait_is_a_time(void **state)
{
	uint64_t ms;

	(void)state;
	assert_int_equal(clerk_words_wait(SPAN("a=1&wait=10s&b"), &ms), 0);
	assert_int_equal(ms, 10000);
	assert_int_equal(clerk_words_wait(SPAN("wait=500ms"), &ms), 0);
	assert_int_equal(ms, 500);
	assert_int_equal(clerk_words_wait(SPAN("wait=3"), &ms), 0);
	assert_int_equal(ms, 3000);
	assert_int_equal(clerk_words_wait(SPAN("waits=3"), &ms), 0);
	assert_int_equal(ms, 0);
	assert_int_equal(clerk_words_wait(SPAN("wait="), &ms), -1);
	assert_int_equal(clerk_words_wait(SPAN("wait=-1"), &ms), -1);
	assert_int_equal(clerk_words_wait(SPAN("wait=1h%20"), &ms), -1);
	assert_int_equal(clerk_words_wait(SPAN(
	    "wait=9223372036854775807"), &ms), 0);
}

static void
test_what_a_handler_says_is_text(void **state)
{
	struct clerk_progress progress;
	char long_text[600] = "1 2 ";

	(void)state;
	clerk_words_progress("3 10 three of ten", &progress);
	assert_int_equal(progress.done, 3);
	assert_int_equal(progress.total, 10);
	assert_string_equal(progress.text, "three of ten");
	clerk_words_progress("-1 0 ", &progress);
	assert_int_equal(progress.done, -1);
	assert_string_equal(progress.text, "");
	clerk_words_progress("1 2 a\xc3\xa4\xff\nb\xed\xa0\x80", &progress);
	assert_string_equal(progress.text, "a\xc3\xa4??b???");
	for (size_t i = 4; i + 2 < sizeof(long_text); i += 2)
		memcpy(long_text + i, "\xc3\xa4", 2);
	clerk_words_progress(long_text, &progress);
	assert_int_equal(strlen(progress.text), CLERK_TEXT_MAX - 1);
	assert_int_equal(progress.text[CLERK_TEXT_MAX - 2], '?');
}

static void
test_a_webhook_goes_where_it_may(void **state)
{
	char *const prefixes[] = { "https://a.org/jobs", "http://b.org/x/",
	    "https://c.org", NULL }, *const none[] = { NULL };
	char *const any[] = { "https://", NULL };
	static const char *const good[] = { "https://a.org/jobs",
	    "https://a.org/jobs/1?a=b", "https://a.org/jobs?x",
	    "http://b.org/x/", "http://b.org/x/y", "https://c.org",
	    "https://c.org/anything" };
	static const char *const bad[] = { "https://a.org/jobsx",
	    "https://a.org/jobs/../x", "https://a.org/jobs/./x",
	    "https://a.org/jobs/%2E%2e/x", "https://a.org/jobs/a%2fb",
	    "https://a.org/jobs#x", "https://a.org/jobs/a\\b",
	    "http://a.org/jobs", "http://b.org/x", "https://c.org.evil.net/",
	    "https://c.org@evil.net/", "https://c.org:8443/",
	    "https://c.org/\n", "https://c.org/ x", "//c.org/", "c.org",
	    "https://", "file:///etc/passwd", "" };
	char url[CLERK_URL_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(clerk_words_hook(SPAN(good[i]), prefixes,
		    url), 0);
		assert_string_equal(url, good[i]);
		assert_int_equal(clerk_words_hook(SPAN(good[i]), none, url),
		    -1);
		assert_int_equal(clerk_words_hook(SPAN(good[i]), NULL, url),
		    -1);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(clerk_words_hook(SPAN(bad[i]), prefixes,
		    url), -1);
	assert_int_equal(clerk_words_hook(SPAN("https://d.org/@x"), any, url),
	    0);
	assert_int_equal(clerk_words_hook(SPAN("https://me@d.org/"), any,
	    url), -1);
}

/* The values are another program's: Python's hmac. */
static void
test_a_signature(void **state)
{
	static const char body[] = "{\"test\": 2432232314}";
	struct clerk_secret secret;
	char out[CLERK_SIGNATURE_MAX];

	(void)state;
	assert_int_equal(clerk_sign_secret(WHSEC "\n", strlen(WHSEC) + 1,
	    &secret), 0);
	assert_int_equal(secret.length, 24);
	assert_int_equal(clerk_sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek",
	    1614265330, body, strlen(body), out), 0);
	assert_string_equal(out, "v1," SIGNATURE_A);
	assert_int_equal(clerk_sign_secret("plain secret", 12, &secret), 0);
	assert_int_equal(clerk_sign(&secret, "a", 7, "", 0, out), 0);
	assert_string_equal(out, "v1," SIGNATURE_B);
	assert_int_equal(clerk_sign_secret(" \n", 2, &secret), -1);
	assert_int_equal(clerk_sign_secret("whsec_abc", 9, &secret), -1);
	assert_int_equal(clerk_sign_secret("whsec_****", 10, &secret), -1);
	assert_int_equal(secret.length, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_wait_is_twice_the_last_up_to_a_day),
		cmocka_unit_test(test_a_status_decides),
		cmocka_unit_test(
		    test_what_is_not_the_handlers_fault_does_not_count),
		cmocka_unit_test(test_half_a_reply_counts),
		cmocka_unit_test(test_retry_after_is_the_least),
		cmocka_unit_test(test_a_new_job_is_a_202),
		cmocka_unit_test(test_a_webhook_is_over),
		cmocka_unit_test(test_a_lease_is_renewed_in_time),
		cmocka_unit_test(test_a_path_names_a_job_or_nothing),
		cmocka_unit_test(test_a_key_has_quotes_or_none),
		cmocka_unit_test(test_a_wait_is_a_time),
		cmocka_unit_test(test_a_webhook_goes_where_it_may),
		cmocka_unit_test(test_a_signature),
		cmocka_unit_test(test_what_a_handler_says_is_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
