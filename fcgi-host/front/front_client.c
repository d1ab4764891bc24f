/*
 * front_client.c - whose request it is, and whether one more of theirs may go.
 *
 * Runs in: front.
 * Owns: the table of clients of each pool that has a max_per_client.
 * Invariant: a ticket belongs to a request or, once that is gone while a worker
 * still runs it, to its job; it leaves with whichever has it.
 */
#include <sys/random.h>

#include <string.h>

#include "common/log.h"
#include "front/front.h"
#include "front/front_client.h"
#include "wire/wire_params.h"

/* Of a repeated parameter the last one wins, as everywhere. */
static struct wire_span
find_param(const struct front_request *request, const char *name)
{
	struct wire_pair pair;

	if (!wire_params_find(request->params, request->params_have, name,
	    &pair))
		return (struct wire_span){ "", 0 };
	return (struct wire_span){ (const char *)pair.value,
	    pair.value_length };
}

static bool
enter(struct front_request *request, uint32_t limit)
{
	struct front_pool *pool = &request->front->pools[
	    request->match.route->pool];
	const char *param = pool->config->client_param;
	struct wire_span client = request->head.remote_addr;
	struct front_client_key key;

	if (pool->clients == NULL || !request->match.route->async)
		return true;
	if (param != NULL)
		client = find_param(request, param);
	return !front_client_key(client.at, client.length, &key) ||
	    front_clients_enter(pool->clients, &key, limit, &request->client);
}

bool
front_client_admits(struct front_request *request)
{
	uint32_t pool = request->match.route->pool;

	return enter(request,
	    request->front->config->pools[pool].max_per_client);
}

void
front_client_again(struct front_request *request)
{
	enter(request, FRONT_CLIENTS_ANY);
}

void
front_client_leave(struct front_pool *pool, uint32_t *ticket)
{
	if (*ticket != 0)
		front_clients_leave(pool->clients, *ticket);
	*ticket = 0;
}

void
front_client_left(struct front_request *request)
{
	if (request->client != 0)
		front_client_leave(&request->front->pools[
		    request->match.route->pool], &request->client);
}

/* As many clients as there can be requests. */
int
front_client_start(struct front_pool *pool)
{
	uint64_t seed;

	if (pool->config->max_per_client == 0)
		return 0;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
		log_warn("getrandom");
		return -1;
	}
	pool->clients = front_clients_create(pool->front->config->connections +
	    pool->geometry->jobs, seed);
	return pool->clients == NULL ? -1 : 0;
}
