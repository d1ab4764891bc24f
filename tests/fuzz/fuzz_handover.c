/*
 * fuzz_handover.c - whatever comes over a link between fronts, what is taken is
 * within its bounds.
 *
 * Input: one byte with the number of descriptors, then the packet.
 *
 * Runs in: make check, libFuzzer.
 * Owns: nothing.
 * Invariant: the packet lies in memory of exactly its size.
 */
#include "fuzz.h"

#include <string.h>

#include "common/handover.h"

#define NOW	UINT64_C(1000000000000)

static void
check_request(const struct handover *packet)
{
	size_t length = strnlen(packet->request_id,
	    sizeof(packet->request_id));

	CHECK(packet->id >= 1 && packet->id <= UINT16_MAX);
	CHECK(packet->params_length <= HANDOVER_PARAMS_MAX);
	CHECK(packet->body_length <= HANDOVER_SPOOL_MAX);
	CHECK(packet->arrival_ns <= packet->queued_ns);
	CHECK(packet->queued_ns <= NOW);
	CHECK(length >= 1 && length <= HEAD_ID_MAX);
	CHECK(strcspn(packet->request_id, "\r\n\"\\ ") == length);
}

static void
check_bare(const struct handover *packet)
{
	CHECK(packet->id == 0 && packet->spool == 0);
	CHECK(packet->params_length == 0 && packet->body_length == 0);
	CHECK((packet->flags & HANDOVER_KEEP) == 0);
}

static void
check(const struct handover *packet, size_t count)
{
	CHECK(packet->magic == HANDOVER_MAGIC);
	CHECK(packet->version == HANDOVER_VERSION);
	CHECK(packet->input_length <= HANDOVER_INPUT_MAX);
	CHECK(handover_bytes(packet) <= (uint64_t)HANDOVER_PARAMS_MAX +
	    HANDOVER_BODY_MAX + HANDOVER_INPUT_MAX);
	CHECK(count == 1u + (handover_bytes(packet) > 0) +
	    (packet->spool != 0));
	if ((packet->flags & HANDOVER_REQUEST) != 0)
		check_request(packet);
	else
		check_bare(packet);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct handover packet;
	struct err err = { "" };
	uint8_t *bytes;

	if (size == 0)
		return 0;
	bytes = malloc(size - 1 + (size == 1));
	CHECK(bytes != NULL);
	memcpy(bytes, data + 1, size - 1);
	if (handover_unpack(bytes, size - 1, data[0], NOW, &packet,
	    &err) == 0) {
		check(&packet, data[0]);
		CHECK(memcmp(bytes, &packet, sizeof(packet)) == 0);
	} else
		CHECK(err.text[0] != '\0');
	free(bytes);
	return 0;
}
