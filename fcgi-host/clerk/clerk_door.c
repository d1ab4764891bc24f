/*
 * clerk_door.c - connections of fronts, from their first byte to their last.
 *
 * Runs in: clerk.
 * Owns: each struct clerk_client.
 * Invariant: what a client has announced is bounded before it is allocated; so
 * is what all of them together hold, and what they are owed (common/clerk.h).
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clerk/clerk.h"
#include "common/log.h"
#include "wire/wire_params.h"

#define OUTPUT_MAX	(1u << 20)	/* of a stream whose reader stands */
#define SMALL		65536		/* a reply that is sent always */

static void	on_ready(uv_poll_t *, int, int);

static void
watch(struct clerk_client *client)
{
	int events = client->paused ? UV_DISCONNECT :
	    client->hurried ? 0 : UV_READABLE;

	if (clerk_bytes_left(&client->output) > 0)
		events |= UV_WRITABLE;
	uv_poll_start(&client->poll, events, on_ready);
}

/* ----------------------------------------------------------------- its end */

static void
on_closed(uv_handle_t *handle)
{
	struct clerk_client *client = handle->data;

	if (--client->handles > 0)
		return;
	close(client->fd);
	free(client);
}

/* Those that waited for memory look again. */
static void
resume(struct clerk *clerk)
{
	struct clerk_client *client;

	TAILQ_FOREACH(client, &clerk->clients, link)
		if (client->paused) {
			client->paused = false;
			watch(client);
		}
}

static void
forget_request(struct clerk_client *client)
{
	free(client->data);
	free(client->scratch);
	client->data = NULL;
	client->scratch = NULL;
	if (client->held == 0)
		return;
	client->clerk->held -= client->held;
	client->held = 0;
	resume(client->clerk);
}

/* After each change of its output. */
static void
count_owed(struct clerk_client *client)
{
	size_t left = clerk_bytes_left(&client->output);

	client->clerk->owed += left - client->owed;
	client->owed = left;
}

void
clerk_client_close(struct clerk_client *client)
{
	if (client->closing)
		return;
	client->closing = true;
	TAILQ_REMOVE(&client->clerk->clients, client, link);
	if (client->state == CLERK_FRONT)
		clerk_pump_front_gone(client);
	forget_request(client);
	clerk_bytes_free(&client->output);
	count_owed(client);
	uv_close((uv_handle_t *)&client->poll, on_closed);
	uv_close((uv_handle_t *)&client->timer, on_closed);
}

/* -------------------------------------------------------------- its answer */

bool
clerk_client_may_owe(const struct clerk_client *client, size_t length)
{
	const struct clerk *clerk = client->clerk;

	return length <= SMALL || clerk->owed + length <=
	    clerk_replies_most(clerk->config);
}

void
clerk_client_flush(struct clerk_client *client)
{
	bool broken;

	if (client->closing)
		return;
	broken = clerk_bytes_send(&client->output, client->fd) < 0;
	count_owed(client);
	if (broken || clerk_bytes_left(&client->output) > OUTPUT_MAX +
	    client->clerk->config->jobs_result_limit * 8 ||
	    (client->state == CLERK_ENDING &&
	    clerk_bytes_left(&client->output) == 0))
		clerk_client_close(client);
	else
		watch(client);
}

void
clerk_client_frame(struct clerk_client *client, const void *bytes,
    size_t length)
{
	uint32_t size = (uint32_t)length;

	if (client->closing)
		return;
	if (clerk_bytes_put(&client->output, &size, sizeof(size)) < 0 ||
	    clerk_bytes_put(&client->output, bytes, length) < 0)
		clerk_client_close(client);
	else
		count_owed(client);
}

struct wire_span
clerk_client_param(const struct clerk_client *client, const char *name)
{
	struct wire_pair pair;

	if (!wire_params_find(client->data, client->head.params_length, name,
	    &pair))
		return (struct wire_span){ NULL, 0 };
	return (struct wire_span){ (const char *)pair.value,
	    pair.value_length };
}

/* ------------------------------------------------------------- what it says */

static bool
ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool
head_is_sound(const struct clerk_client *client)
{
	const struct clerk_head *head = &client->head;

	if (head->magic != CLERK_MAGIC ||
	    !ends(head->request_id, sizeof(head->request_id)) ||
	    !ends(head->prefix, sizeof(head->prefix)) ||
	    !ends(head->owner, sizeof(head->owner)) ||
	    !ends(head->route.label, sizeof(head->route.label)))
		return false;
	if (head->kind == CLERK_HELLO)
		return head->count <= CLERK_ROUTES_MAX;
	if (head->kind == CLERK_TELL)
		return head->params_length == 0 && head->body_length == 0;
	return (head->kind == CLERK_ACCEPT || head->kind == CLERK_ASK) &&
	    head->params_length <= CLERK_PARAMS_MAX &&
	    head->body_length <= client->clerk->config->jobs_body_limit;
}

static size_t
announced(const struct clerk_head *head)
{
	return head->kind == CLERK_HELLO ?
	    head->count * sizeof(struct clerk_route) :
	    head->params_length + (size_t)head->body_length;
}

/* False: not now, or it is closed. */
static bool
make_room(struct clerk_client *client)
{
	struct clerk *clerk = client->clerk;
	size_t size = announced(&client->head);

	if (clerk->held > 0 && clerk->held + size > CLERK_BODIES *
	    (clerk->config->jobs_body_limit + CLERK_PARAMS_MAX)) {
		client->paused = true;
		watch(client);
		return false;
	}
	client->data = malloc(size + 1);
	if (client->data == NULL) {
		clerk_client_close(client);
		return false;
	}
	client->data_size = size;
	client->held = size;
	clerk->held += size;
	return true;
}

/* Whoever sent this has closed, not only shut, its side: the client has got a
 * 503, or left.  What it would not hear of is not done. */
static bool
is_gone(int fd)
{
	struct pollfd one = { .fd = fd };

	return poll(&one, 1, 0) == 1 && (one.revents & POLLHUP) != 0;
}

static void
take_request(struct clerk_client *client)
{
	struct clerk_head *head = &client->head;

	client->scratch = malloc((size_t)head->params_length + 1);
	if (client->scratch == NULL || head_scan(client->data,
	    head->params_length, client->scratch,
	    (size_t)head->params_length + 1, &client->request) != HEAD_OK) {
		clerk_client_close(client);
		return;
	}
	client->head_only = head_has_no_body(&client->request);
	if (head->kind == CLERK_ACCEPT && is_gone(client->fd))
		clerk_client_close(client);
	else if (head->kind == CLERK_ACCEPT)
		clerk_accept(client);
	else
		clerk_ask(client);
	if (!client->closing)
		forget_request(client);
}

static void
complete(struct clerk_client *client)
{
	if (client->head.kind != CLERK_HELLO)
		take_request(client);
	else if (!clerk_pump_front(client))
		clerk_client_close(client);
}

/* Where the next bytes go; NULL: they are not wanted. */
static uint8_t *
place(struct clerk_client *client, size_t *size_out)
{
	if (client->head_have < sizeof(client->head)) {
		*size_out = sizeof(client->head) - client->head_have;
		return (uint8_t *)&client->head + client->head_have;
	}
	if (client->data == NULL && !make_room(client))
		return NULL;
	*size_out = client->data_size - client->data_have;
	return client->data + client->data_have;
}

static bool
is_whole(const struct clerk_client *client)
{
	return client->head_have == sizeof(client->head) &&
	    client->data != NULL && client->data_have == client->data_size;
}

static void
count(struct clerk_client *client, size_t got)
{
	if (client->head_have < sizeof(client->head)) {
		client->head_have += got;
		if (client->head_have == sizeof(client->head) &&
		    !head_is_sound(client)) {
			log_warnx("jobs: a front sent what is no request");
			clerk_client_close(client);
		} else if (client->head.kind == CLERK_TELL &&
		    client->head_have == sizeof(client->head)) {
			clerk_changed_here(client->clerk,
			    client->head.request_id);
			clerk_client_close(client);
		} else if (client->head_have == sizeof(client->head))
			make_room(client);
	} else
		client->data_have += got;
}

/* Its side is shut, or all of it is gone; writing finds that out. */
static void
hurry(struct clerk_client *client)
{
	client->hurried = true;
	if (client->state == CLERK_WAITING || client->state == CLERK_STREAMING)
		clerk_ask_end(client);
	else if (client->state != CLERK_ENDING)
		clerk_client_close(client);
	else
		watch(client);
}

static void
read_some(struct clerk_client *client)
{
	uint8_t waste[64], *at = waste;
	size_t size = sizeof(waste);
	ssize_t got;

	if (client->state == CLERK_READING && (at = place(client,
	    &size)) == NULL)
		return;
	got = recv(client->fd, at, size, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		hurry(client);
		return;
	}
	if (client->state != CLERK_READING)
		return;
	count(client, (size_t)got);
	if (!client->closing && is_whole(client))
		complete(client);
}

static void
on_ready(uv_poll_t *poll, int status, int events)
{
	struct clerk_client *client = poll->data;

	if (status < 0 || events & UV_DISCONNECT) {
		clerk_client_close(client);
		return;
	}
	if (events & UV_READABLE)
		read_some(client);
	if (!client->closing && clerk_bytes_left(&client->output) > 0)
		clerk_client_flush(client);
}

/* ------------------------------------------------------------ its beginning */

static void
take(struct clerk *clerk, int fd)
{
	struct clerk_client *client = calloc(1, sizeof(*client));

	if (client == NULL || uv_poll_init(&clerk->loop, &client->poll,
	    fd) < 0) {
		close(fd);
		free(client);
		return;
	}
	uv_timer_init(&clerk->loop, &client->timer);
	client->clerk = clerk;
	client->fd = fd;
	client->handles = 2;
	client->poll.data = client->timer.data = client;
	client->state = CLERK_READING;
	TAILQ_INSERT_TAIL(&clerk->clients, client, link);
	watch(client);
}

static void
on_connection(uv_poll_t *poll, int status, int events)
{
	struct clerk *clerk = poll->data;
	int fd;

	(void)status;
	(void)events;
	while ((fd = accept4(CLERK_FD_LISTEN, NULL, NULL, SOCK_CLOEXEC |
	    SOCK_NONBLOCK)) >= 0)
		take(clerk, fd);
	if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		log_warn("jobs: a connection of a front");
}

int
clerk_door_open(struct clerk *clerk)
{
	TAILQ_INIT(&clerk->clients);
	clerk->door.data = clerk;
	if (uv_poll_init(&clerk->loop, &clerk->door, CLERK_FD_LISTEN) < 0)
		return -1;
	return uv_poll_start(&clerk->door, UV_READABLE, on_connection);
}
