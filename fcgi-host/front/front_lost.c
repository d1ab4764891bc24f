/*
 * front_lost.c - what a crash report says of a request.
 *
 * Runs in: front.
 * Owns: nothing.
 * Invariant: a peer's bytes are cut to size, and the values of a query are not
 * told unless the configuration says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "front/front.h"

static void
show_method(char out[LOST_METHOD_MAX], const struct head *head)
{
	snprintf(out, LOST_METHOD_MAX, "%.*s", (int)head->method.length,
	    head->method.length > 0 ? head->method.at : "");
}

static uint64_t
ms_since(uint64_t then_ns, uint64_t now_ns)
{
	return then_ns == 0 || then_ns > now_ns ? 0 :
	    (now_ns - then_ns) / CLOCK_NS_PER_MS;
}

/* Its request may be answered and gone: shared memory has it still. */
static void
describe_head(const struct front_job *job, struct lost_request *out)
{
	const struct front *front = job->pool->front;
	const struct shm_job *memory = shm_job(front->shm,
	    job->pool->geometry->first_job + job->index);
	char *scratch = malloc(memory->params_length + 1);
	struct head head;

	if (scratch == NULL)
		return;
	head_scan(memory->data, memory->params_length, scratch,
	    memory->params_length + 1, &head);
	show_method(out->method, &head);
	wire_show_uri(out->uri, sizeof(out->uri), head.uri,
	    front->config->log_query);
	free(scratch);
}

void
front_lost_describe(const struct front_job *job, struct lost_request *out)
{
	struct front *front = job->pool->front;
	uint64_t now = clock_now_ns();
	uint32_t worker, slot;

	memset(out, 0, sizeof(*out));
	memcpy(out->request_id, job->request_id, sizeof(out->request_id));
	out->route = job->route->index;
	describe_head(job, out);
	out->age_ms = ms_since(job->request != NULL ?
	    job->request->arrival_ns : job->pushed_ns, now);
	if (front_job_begun(job, &worker, &slot))
		out->run_ms = ms_since(atomic_load(&shm_reply(front->shm,
		    worker, slot)->started_ns), now);
}

void
front_lost_running(const struct front_request *request, bool finishing)
{
	struct shm_front_stats *stats = request->front->stats;

	atomic_store_explicit(&stats->sync_arrived_ms,
	    request->arrival_ns / CLOCK_NS_PER_MS, memory_order_relaxed);
	atomic_store_explicit(&stats->sync_finishing, finishing,
	    memory_order_relaxed);
	memcpy(stats->sync_request_id, request->request_id,
	    sizeof(stats->sync_request_id));
	show_method(stats->sync_method, &request->head);
	wire_show_uri(stats->sync_uri, sizeof(stats->sync_uri),
	    request->head.uri, request->front->config->log_query);
}
