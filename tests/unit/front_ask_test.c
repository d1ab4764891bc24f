/*
 * front_ask_test.c - documents that a front asks the supervisor for.
 *
 * Runs in: make check.
 * Owns: the teams and connections of each test, which is the supervisor.
 * Invariant: the supervisor answers when the test says so, or not at all.
 */
#include "front_fixture.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/ask.h"
#include "common/channel.h"

#define OPEN		"metrics_auth = \"none\"\n"
#define WAITING		5
#define LARGE		(2u << 20)	/* more than sockets and output hold */
#define DOCUMENTS	8		/* as in front_ask.c */

static struct reply reply;
static struct team *team;

static void
start(void)
{
	team = team_start(OPEN, false, false);
	team_say(team, MESSAGE_SERVE, -1);
}

static int
ask_for(const char *uri)
{
	int fd = client_connect();

	client_send(fd, uri);
	return fd;
}

/* What it is asked for next, whatever else it says. */
static int
hear_question(void)
{
	struct message message;

	do
		assert_int_equal(team_hear(team, &message), 1);
	while (message.type != MESSAGE_ASK);
	return message.value;
}

/* NULL: there is no document. */
static void
give(enum ask_kind kind, const char *text, size_t length)
{
	const struct message answer = { .type = MESSAGE_ANSWER,
	    .team = team->number, .value = (int)kind };
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	if (text != NULL)
		assert_int_equal(write(fd, text, length), length);
	assert_int_equal(channel_send(team->link, &answer, &fd,
	    text != NULL), 0);
	close(fd);
}

static void
expect(int fd, int status, const char *body)
{
	client_read(fd, &reply);
	assert_int_equal(reply.status, status);
	if (body != NULL)
		assert_string_equal(reply.body, body);
}

/* ------------------------------------------------------------------ answers */

static void
test_each_document_has_its_type(void **state)
{
	int fd;

	(void)state;
	start();
	fd = ask_for("/asked/status");
	assert_int_equal(hear_question(), ASK_STATUS);
	give(ASK_STATUS, "{}\n", 3);
	expect(fd, 200, "{}\n");
	assert_non_null(strstr(reply.text,
	    "Content-Type: application/json\r\n"));
	client_send(fd, "/asked/metrics");
	assert_int_equal(hear_question(), ASK_METRICS_TEXT);
	give(ASK_METRICS_TEXT, "a 1\n", 4);
	expect(fd, 200, "a 1\n");
	assert_non_null(strstr(reply.text, "Content-Type: text/plain; "));
	close(fd);
}

static void
test_it_asks_once_for_all_who_wait(void **state)
{
	int fds[WAITING], other;

	(void)state;
	start();
	for (int i = 0; i < WAITING; i++)
		fds[i] = ask_for("/asked/status");
	other = ask_for("/asked/metrics");
	/* both are asked for, whichever is read first */
	assert_int_equal(hear_question() + hear_question(), ASK_STATUS +
	    ASK_METRICS_TEXT);
	client_ask(client_connect(), "/pid");	/* all have been read */
	give(ASK_STATUS, "one", 3);
	for (int i = 0; i < WAITING; i++)
		expect(fds[i], 200, "one");
	give(ASK_METRICS_TEXT, "other", 5);
	expect(other, 200, "other");
	/* no second question was in the link before this one */
	client_send(other, "/asked/metrics");
	assert_int_equal(hear_question(), ASK_METRICS_TEXT);
	give(ASK_METRICS_TEXT, "next", 4);
	expect(other, 200, "next");
	for (int i = 0; i < WAITING; i++)
		close(fds[i]);
	close(other);
}

static void
test_who_leaves_is_not_waited_for(void **state)
{
	int leaves, stays;

	(void)state;
	start();
	leaves = ask_for("/asked/status");
	assert_int_equal(hear_question(), ASK_STATUS);
	stays = ask_for("/asked/status");
	client_ask(client_connect(), "/pid");
	close(leaves);
	WAIT_UNTIL(atomic_load(&team_stats(team)->connections) == 2);
	give(ASK_STATUS, "one", 3);
	expect(stays, 200, "one");
	close(stays);
}

/* ------------------------------------------------------------------- health */

static const char health[] = "{\"ready\":true,\"reasons\":[],"
    "\"models\":{\"a\":{\"ready\":true,\"reasons\":[]},\"b\":{\"ready\":"
    "false,\"reasons\":[{\"reason\":\"model\",\"name\":\"b\"}]}},"
    "\"routes\":{\"GET /x/y\":{\"ready\":true,\"reasons\":[]}}}";

static void
give_health(const char *text)
{
	assert_int_equal(hear_question(), ASK_READY);
	give(ASK_READY, text, strlen(text));
}

/* Each has its own part of the one document. */
static void
test_each_probe_has_its_answer(void **state)
{
	static const struct {
		const char	*uri;
		int		 status;
	} probes[] = { { "/asked/ready", 200 },
	    { "/asked/ready?model=b", 503 },
	    { "/asked/ready/models/a", 200 },
	    { "/asked/ready/models/b", 503 },
	    { "/asked/ready/models/c", 404 },
	    { "/asked/ready/routes/GET/x/y", 200 },
	    { "/asked/ready/routes/GET/x", 404 },
	    { "/asked/ready/routes/GET", 400 },
	    { "/asked/ready?modle=a", 400 } };
	enum { PROBES = sizeof(probes) / sizeof(probes[0]) };
	int fds[PROBES];

	(void)state;
	start();
	for (int i = 0; i < PROBES; i++)
		fds[i] = ask_for(probes[i].uri);
	client_ask(client_connect(), "/pid");	/* all have been read */
	give_health(health);
	for (int i = 0; i < PROBES; i++) {
		expect(fds[i], probes[i].status, NULL);
		close(fds[i]);
	}
}

/* It says so itself: no supervisor is asked. */
static void
test_alive(void **state)
{
	int fd;

	(void)state;
	start();
	fd = ask_for("/asked/alive");
	expect(fd, 200, "alive\n");
	client_send(fd, "/asked/status");
	assert_int_equal(hear_question(), ASK_STATUS);
	give(ASK_STATUS, "{}", 2);
	expect(fd, 200, "{}");
	close(fd);
}

static void
test_a_document_that_is_none(void **state)
{
	static const char *const texts[] = { "{", "[]", "null",
	    "{\"ready\":1" };
	int fd;

	(void)state;
	start();
	fd = client_connect();
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		client_send(fd, "/asked/ready?verbose");
		give_health(texts[i]);
		expect(fd, 503, NULL);
	}
	client_send(fd, "/asked/ready");
	give_health(health);
	expect(fd, 200, "{\"ready\":true}");
	close(fd);
}

/* ---------------------------------------------------------------- no answer */

static void
test_there_is_none(void **state)
{
	int fd;

	(void)state;
	start();
	fd = ask_for("/asked/status");
	assert_int_equal(hear_question(), ASK_STATUS);
	give(ASK_STATUS, NULL, 0);
	expect(fd, 503, NULL);
	client_send(fd, "/asked/status");
	assert_int_equal(hear_question(), ASK_STATUS);
	give(ASK_STATUS, "", 0);	/* cannot be mapped */
	expect(fd, 503, NULL);
	client_send(fd, "/asked/status");
	assert_int_equal(hear_question(), ASK_STATUS);
	give(ASK_STATUS, "now", 3);
	expect(fd, 200, "now");
	close(fd);
}

/* It comes when nobody waits any more, and again. */
static void
test_a_late_answer_is_nobody_s(void **state)
{
	int fd;

	(void)state;
	start();
	fd = ask_for("/asked/status");
	assert_int_equal(hear_question(), ASK_STATUS);
	expect(fd, 503, NULL);
	give(ASK_STATUS, "late", 4);
	give(ASK_STATUS, "never asked for", 15);
	give(ASK_METRICS, NULL, 0);
	client_ask(fd, "/pid");
	client_send(fd, "/asked/status");
	assert_int_equal(hear_question(), ASK_STATUS);
	give(ASK_STATUS, "now", 3);
	expect(fd, 200, "now");
	close(fd);
}

/* ------------------------------------------------------ who does not read */

static void
test_documents_nobody_reads_have_a_bound(void **state)
{
	char *text = malloc(LARGE);
	int fds[DOCUMENTS], fd;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', LARGE);
	start();
	for (int i = 0; i < DOCUMENTS; i++) {
		fds[i] = ask_for("/asked/status");
		assert_int_equal(hear_question(), ASK_STATUS);
		give(ASK_STATUS, text, LARGE);
		client_ask(fd = client_connect(), "/pid");
		close(fd);
	}
	fd = ask_for("/asked/status");
	expect(fd, 503, NULL);
	client_send(fd, "/asked/ready");
	give_health(health);
	expect(fd, 200, NULL);
	close(fds[0]);
	WAIT_UNTIL(atomic_load(&team_stats(team)->connections) <= DOCUMENTS);
	client_send(fd, "/asked/status");
	assert_int_equal(hear_question(), ASK_STATUS);
	give(ASK_STATUS, "now", 3);
	expect(fd, 200, "now");
	for (int i = 1; i < DOCUMENTS; i++)
		close(fds[i]);
	close(fd);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FRONT_TEST(test_each_document_has_its_type),
		FRONT_TEST(test_it_asks_once_for_all_who_wait),
		FRONT_TEST(test_who_leaves_is_not_waited_for),
		FRONT_TEST(test_each_probe_has_its_answer),
		FRONT_TEST(test_alive),
		FRONT_TEST(test_a_document_that_is_none),
		FRONT_TEST(test_there_is_none),
		FRONT_TEST(test_a_late_answer_is_nobody_s),
		FRONT_TEST(test_documents_nobody_reads_have_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
