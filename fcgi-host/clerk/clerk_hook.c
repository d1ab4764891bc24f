/*
 * clerk_hook.c - webhooks: what is due is sent, and tried again.
 *
 * Runs in: clerk.
 * Owns: each struct sending, libcurl's handles, the secret.
 * Invariant: only URLs that were allowed when the job was accepted are called,
 * by HTTP and HTTPS, with the certificate verified and no redirect followed;
 * what was not answered well is due again in the database.
 */
#include "clerk/clerk_hook.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clerk/clerk.h"
#include "clerk/clerk_sign.h"
#include "common/log.h"

#define SENDINGS_MAX	4	/* at a time */
#define TIMEOUT_MS	10000L
#define DUE_AGAIN_MS	20

struct sending {
	struct clerk		*clerk;
	struct clerk_due	 due;
	uint64_t		 retry_ms;
	CURL			*curl;
	struct curl_slist	*headers;
	char			*body;
};

/* A socket of libcurl's, while it wants it watched. */
struct watched {
	struct clerk	*clerk;
	curl_socket_t	 fd;
	uv_poll_t	 poll;
};

static struct clerk_secret secret;
static CURLM *multi;
static uv_timer_t curl_timer, due_timer;
static unsigned sendings;

/* --------------------------------------------------------------- its secret */

void
clerk_hook_prepare(struct clerk *clerk)
{
	char text[CLERK_SECRET_MAX * 2];
	const char *path = clerk->config->jobs_webhook_secret;
	ssize_t got = -1;
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, text, sizeof(text));
		close(fd);
	}
	if (got < 0)
		log_warn("jobs_webhook_secret: %s", path);
	else if (clerk_sign_secret(text, (size_t)got, &secret) < 0)
		log_warnx("jobs_webhook_secret: %s: 1 to %d bytes, or whsec_ "
		    "and Base64 are wanted", path, CLERK_SECRET_MAX);
}

bool
clerk_hook_can_sign(void)
{
	return secret.length > 0;
}

/* ------------------------------------------------------- what came of it */

static void
destroy(struct sending *sending)
{
	if (sending->curl != NULL)
		curl_easy_cleanup(sending->curl);
	curl_slist_free_all(sending->headers);
	free(sending->body);
	free(sending);
}

/* `status` 0: nobody answered. */
static void
settle(struct sending *sending, long status, const char *why)
{
	struct clerk *clerk = sending->clerk;
	const struct clerk_due *due = &sending->due;
	bool well = status >= 200 && status < 300;
	bool over = clerk_hook_is_over(status, due->tries);
	uint64_t delay = clerk_backoff(sending->retry_ms, due->tries,
	    (uint32_t)uv_hrtime());

	if (!well)
		log_info("job %s: webhook %s: %s%ld%s", due->id, due->url,
		    status == 0 ? why : "status ", status, over ?
		    ": given up" : "");
	if (clerk->store.up && clerk_store_hook_done(&clerk->store, due, over,
	    well, delay) < 0)
		clerk_away(clerk);
	destroy(sending);
	sendings--;
	clerk_hook_pump(clerk);
}

static void
take_results(void)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi, &left)) != NULL) {
		CURLcode result = message->data.result;
		CURL *curl = message->easy_handle;
		char *private = NULL;
		long status = 0;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(curl, CURLINFO_PRIVATE, &private);
		if (result == CURLE_OK)
			curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE,
			    &status);
		curl_multi_remove_handle(multi, curl);
		settle((struct sending *)(void *)private, status,
		    curl_easy_strerror(result));
	}
}

/* ------------------------------------------------------- libcurl and libuv */

static void
act(curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(multi, fd, events, &running);
	take_results();
}

static void
on_socket(uv_poll_t *poll, int status, int events)
{
	const struct watched *watched = poll->data;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;

	flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	act(watched->fd, flags);
}

static void
on_curl_timer(uv_timer_t *timer)
{
	(void)timer;
	act(CURL_SOCKET_TIMEOUT, 0);
}

static int
want_timer(CURLM *handle, long ms, void *context)
{
	(void)handle;
	(void)context;
	if (ms < 0)
		uv_timer_stop(&curl_timer);
	else	/* 0 too: not from within a call of libcurl's */
		uv_timer_start(&curl_timer, on_curl_timer, ms == 0 ? 1 :
		    (uint64_t)ms, 0);
	return 0;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
forget(struct watched *watched)
{
	uv_poll_stop(&watched->poll);
	uv_close((uv_handle_t *)&watched->poll, on_closed);
	curl_multi_assign(multi, watched->fd, NULL);
}

static struct watched *
watch(struct clerk *clerk, curl_socket_t fd)
{
	struct watched *watched = calloc(1, sizeof(*watched));

	if (watched == NULL || uv_poll_init_socket(&clerk->loop,
	    &watched->poll, fd) < 0) {
		free(watched);
		return NULL;
	}
	watched->clerk = clerk;
	watched->fd = fd;
	watched->poll.data = watched;
	curl_multi_assign(multi, fd, watched);
	return watched;
}

static int
want_socket(CURL *curl, curl_socket_t fd, int what, void *context,
    void *assigned)
{
	struct watched *watched = assigned;
	int events = (what & CURL_POLL_IN ? UV_READABLE : 0) |
	    (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

	(void)curl;
	if (what == CURL_POLL_REMOVE) {
		if (watched != NULL)
			forget(watched);
		return 0;
	}
	if (watched == NULL && (watched = watch(context, fd)) == NULL)
		return -1;
	uv_poll_start(&watched->poll, events, on_socket);
	return 0;
}

/* ------------------------------------------------------------- what is sent */

/* {"type": "job.succeeded", "timestamp": ..., "data": the job} */
static char *
write_body(const struct clerk *clerk, const struct clerk_job *job)
{
	char *text = clerk_show(clerk, job, ""), *body = NULL, at[32];

	if (text == NULL)
		return NULL;
	clerk_show_time(at, job->finished_at);
	if (asprintf(&body, "{\"type\":\"job.%s\",\"timestamp\":\"%s\","
	    "\"data\":%s}", clerk_state_name(job->state, 1), at, text) < 0)
		body = NULL;
	free(text);
	return body;
}

static int
add_headers(struct sending *sending)
{
	char signature[CLERK_SIGNATURE_MAX], line[256];
	int64_t now = (int64_t)time(NULL);
	const char *const formats[] = { "Content-Type: application/json",
	    "Expect:", NULL };

	if (clerk_sign(&secret, sending->due.id, now, sending->body,
	    strlen(sending->body), signature) < 0)
		return -1;
	for (size_t i = 0; formats[i] != NULL; i++)
		sending->headers = curl_slist_append(sending->headers,
		    formats[i]);
	snprintf(line, sizeof(line), "webhook-id: %s", sending->due.id);
	sending->headers = curl_slist_append(sending->headers, line);
	snprintf(line, sizeof(line), "webhook-timestamp: %lld",
	    (long long)now);
	sending->headers = curl_slist_append(sending->headers, line);
	snprintf(line, sizeof(line), "webhook-signature: %s", signature);
	sending->headers = curl_slist_append(sending->headers, line);
	return sending->headers == NULL ? -1 : 0;
}

/* What a receiver says is of no interest. */
static size_t
ignore(char *bytes, size_t size, size_t count, void *context)
{
	(void)bytes;
	(void)context;
	return size * count;
}

static int
set_up(struct sending *sending)
{
	CURL *curl = sending->curl = curl_easy_init();

	if (curl == NULL || add_headers(sending) < 0)
		return -1;
	curl_easy_setopt(curl, CURLOPT_URL, sending->due.url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, PACKAGE_NAME "/"
	    PACKAGE_VERSION);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, sending->headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sending->body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, sending);
	return curl_multi_add_handle(multi, curl) == CURLM_OK ? 0 : -1;
}

/* One that cannot be begun is due again: its lease ends. */
static void
begin(struct clerk *clerk, const struct clerk_due *due)
{
	struct sending *sending = calloc(1, sizeof(*sending));
	struct clerk_job job;
	bool found = false;

	if (sending == NULL || clerk_store_look(&clerk->store, due->id, &job,
	    &found) < 0 || !found) {
		free(sending);
		return;
	}
	sending->clerk = clerk;
	sending->due = *due;
	sending->retry_ms = job.retry_ms;
	sending->body = write_body(clerk, &job);
	clerk_job_finish(&job);
	if (sending->body == NULL || set_up(sending) < 0) {
		log_warnx("job %s: its webhook cannot be sent", due->id);
		destroy(sending);
		return;
	}
	sendings++;
}

static void
on_due(uv_timer_t *timer)
{
	clerk_hook_pump(timer->data);
}

void
clerk_hook_pump(struct clerk *clerk)
{
	struct clerk_due due;
	int64_t delay = 0;
	bool found = true;

	if (multi == NULL)
		return;
	while (found && clerk->store.up && !clerk->stopping &&
	    sendings < SENDINGS_MAX) {
		if (clerk_store_hook_claim(&clerk->store, &due, &found) < 0)
			return;
		if (found)
			begin(clerk, &due);
	}
	if (found || !clerk->store.up ||
	    clerk_store_hook_next(&clerk->store, &delay) < 0)
		return;
	uv_timer_stop(&due_timer);
	if (delay == 0)		/* in another host's hands for the moment */
		delay = DUE_AGAIN_MS;
	if (delay >= 0)
		uv_timer_start(&due_timer, on_due, (uint64_t)delay + 1, 0);
}

void
clerk_hook_start(struct clerk *clerk)
{
	if (!clerk_hook_can_sign())
		return;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	if (multi == NULL)
		fatalx(EXIT_CODE_SYSTEM, "libcurl does not start");
	uv_timer_init(&clerk->loop, &curl_timer);
	uv_timer_init(&clerk->loop, &due_timer);
	due_timer.data = clerk;
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, clerk);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_timer);
}
