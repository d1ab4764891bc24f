/*
 * model_plan.c - will it fit?  The sum, and the sentence when it does not.
 *
 * Runs in: supervisor, and `fcgi-host plan`.
 * Owns: nothing.
 * Invariant: pure; a sum that overflows is the largest number, not a small one.
 */
#include "model/model.h"

#include <inttypes.h>
#include <stdio.h>

/* Eight bytes of page table for each 4 KiB page: 1 MiB for 512 MiB. */
#define BYTES_PER_TABLE_BYTE	UINT64_C(512)

static uint64_t
add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t
multiply(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/*
 * An old copy is still mapped by the workers of its own generation, whose page
 * tables exist already.  Private copies would be one for each worker, with
 * nothing of it shared with what is resident.
 */
void
plan_compute(struct plan *plan)
{
	uint64_t wanted = 0, own, total;

	plan->models = 0;
	for (size_t i = 0; i < plan->item_count; i++) {
		const struct plan_item *item = &plan->items[i];

		plan->models = add(plan->models, item->bytes);
		if (!item->old_copy)
			wanted = add(wanted, item->bytes);
	}
	plan->page_tables = multiply(plan->workers,
	    add(wanted, BYTES_PER_TABLE_BYTE - 1) / BYTES_PER_TABLE_BYTE);
	own = add(add(plan->page_tables, add(plan->buffers,
	    add(plan->host, plan->cache))),
	    multiply(plan->workers, plan->private_each));
	total = add(plan->models, own);
	plan->need = total > plan->resident ? total - plan->resident : 0;
	plan->private_copies = add(multiply(plan->workers, wanted), own);
}

/* "640 MiB", "4.1 GiB": three digits are enough to act on. */
static const char *
human(uint64_t bytes, char text_out[32])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB",
	    "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1023.5 && unit + 1 < sizeof(units) / sizeof(*units)) {
		value /= 1024;
		unit++;
	}
	snprintf(text_out, 32, value < 9.95 && unit > 0 ? "%.1f %s" :
	    "%.0f %s", value, units[unit]);
	return text_out;
}

int
plan_check(const struct plan *plan, uint64_t available, const char *limit,
    struct err *err)
{
	char need[32], have[32], models[32], private[32], tables[32],
	    buffers[32], host[32], cache[32], resident[32], copies[32];

	if (plan->need <= available)
		return 0;
	return err_set(err, "memory plan: needs %s, %s are free (%s): models "
	    "%s + %" PRIu32 " workers x %s + page tables %s + buffers %s + "
	    "host %s + cache %s - loaded already %s; private copies would "
	    "need %s. Use fewer workers or smaller models, raise the limit, "
	    "or set memory_plan",
	    human(plan->need, need), human(available, have), limit,
	    human(plan->models, models), plan->workers,
	    human(plan->private_each, private),
	    human(plan->page_tables, tables), human(plan->buffers, buffers),
	    human(plan->host, host), human(plan->cache, cache),
	    human(plan->resident, resident),
	    human(plan->private_copies, copies));
}
