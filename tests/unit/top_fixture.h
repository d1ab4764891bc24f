/*
 * top_fixture.h - a status document for the tests of `fcgi-host top`.
 */
#ifndef TESTS_TOP_FIXTURE_H
#define TESTS_TOP_FIXTURE_H

#include <json-c/json.h>

#include <stdio.h>

#include "top/top.h"

/* As the supervisor writes it, and with what differs from one to the next:
 * uptime, requests of the first route, its 5xx, requests of worker 1. */
static inline struct json_object *
top_fixture(unsigned uptime_ms, unsigned requests, unsigned failed,
    unsigned worker_requests)
{
	static const char format[] = "{"
	    "\"version\": \"0.4.0\", \"state\": \"serving\","
	    "\"started_at\": 1700000000, \"uptime_ms\": %u,"
	    "\"generation\": {\"number\": 3},"
	    "\"front\": {\"connections\": 7},"
	    "\"routes\": ["
	    "{\"route\": \"GET /a\", \"requests\": %u, \"in_flight\": 2,"
	    " \"status\": {\"2xx\": 5, \"5xx\": %u},"
	    " \"refused\": {\"queue_full\": 1, \"killed\": 2},"
	    " \"breaker\": \"closed\", \"queue_us\": {\"p95\": 40},"
	    " \"run_us\": {\"p50\": 900, \"p95\": 12345}},"
	    "{\"route\": \"POST /b/{id}\", \"requests\": 10,"
	    " \"in_flight\": 5, \"breaker\": \"held\","
	    " \"run_us\": {\"p50\": 100, \"p95\": 200}}],"
	    "\"workers\": ["
	    "{\"slot\": 0, \"pid\": 100, \"pool\": \"default\","
	    " \"state\": \"ready\", \"busy\": 1, \"threads\": 4,"
	    " \"requests\": 50, \"restarts\": 0,"
	    " \"private_bytes\": 1048576, \"pss_bytes\": 2097152},"
	    "{\"slot\": 1, \"pid\": 101, \"pool\": \"default\","
	    " \"state\": \"leaving\", \"busy\": 0, \"threads\": 4,"
	    " \"requests\": %u, \"private_bytes\": 9048576}],"
	    "\"running\": {\"count\": 2, \"oldest\": ["
	    "{\"id\": \"4f2a\", \"route\": \"GET /a\", \"generation\": 3,"
	    " \"worker\": 0, \"pid\": 100, \"sync\": false,"
	    " \"run_ms\": 12000},"
	    "{\"id\": \"77\", \"route\": \"GET /s\", \"generation\": 3,"
	    " \"worker\": null, \"pid\": 99, \"sync\": true,"
	    " \"run_ms\": 5}]},"
	    "\"pools\": [{\"name\": \"default\", \"scaling\": \"static\","
	    " \"workers\": 2, \"running\": 1, \"busy\": 1, \"idle\": 7,"
	    " \"queued\": 3, \"queue_limit\": 100,"
	    " \"recycled\": {\"age\": 4, \"asked\": 1}}],"
	    "\"models\": [{\"name\": \"m\", \"kind\": \"file\","
	    " \"state\": \"ready\", \"bytes\": 524288000,"
	    " \"sharers\": 5, \"loads\": 1}],"
	    "\"degraded\": [],"
	    "\"totals\": {\"processes\": 6, \"pss_bytes\": 10485760,"
	    " \"private_bytes\": 5242880,"
	    " \"with_private_copies_bytes\": 1572864000}}";
	char text[sizeof(format) + 64];

	snprintf(text, sizeof(text), format, uptime_ms, requests, failed,
	    worker_requests);
	return json_tokener_parse(text);
}

/* Of two of them, two seconds apart. */
static inline struct top_model *
top_fixture_model(void)
{
	struct json_object *before = top_fixture(10000, 100, 0, 10);
	struct json_object *now = top_fixture(12000, 350, 4, 30);
	struct top_model *model = top_model_create(now, before);

	json_object_put(before);
	json_object_put(now);
	return model;
}

#endif
