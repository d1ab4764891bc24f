/*
 * cli_plan.c - `fcgi-host plan`: does it fit, and what would copies cost?
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: prints the sum that a start enforces (model/model_budget.h).
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/cli_options.h"
#include "common/clerk.h"
#include "common/log.h"
#include "model/model_budget.h"

static void
print_line(const char *what, uint64_t bytes, const char *note)
{
	printf("%-28s %10.1f MiB  %s\n", what,
	    (double)bytes / (1024.0 * 1024.0), note);
}

/* What bounds a worker that goes wrong, or the keeper of the jobs when all
 * comes at once, is no part of the sum. */
static void
print_bounds(const struct config *config)
{
	char what[96], note[96];

	for (size_t i = 0; i < config->pool_count; i++) {
		const struct config_pool *pool = &config->pools[i];
		uint32_t workers = config_pool_slots(pool);

		if (pool->max_memory == 0)
			continue;
		snprintf(what, sizeof(what), "pool %s, at most", pool->name);
		snprintf(note, sizeof(note), "%u x %.1f MiB (max_memory), "
		    "beside the sum", workers, (double)pool->max_memory /
		    (1024.0 * 1024.0));
		print_line(what, (uint64_t)workers * pool->max_memory, note);
	}
	print_line("jobs, at most", clerk_memory_most(config), "jobs_*_limit, "
	    "jobs_concurrency; where a route is a job, beside the sum");
}

static void
print_plan(const struct model_budget *budget)
{
	static const char *const kinds[] = { "file", "build", "preload" };
	const struct plan *plan = &budget->plan;
	char what[96], note[96];

	for (size_t i = 0; i < plan->item_count; i++) {
		const struct plan_item *item = &plan->items[i];

		snprintf(what, sizeof(what), "model %s", item->name);
		snprintf(note, sizeof(note), "%s, once%s", kinds[item->kind],
		    item->measured ? "" : " (an estimate)");
		print_line(what, item->bytes, note);
	}
	snprintf(note, sizeof(note), "%u x %.1f MiB (worker_memory)",
	    plan->workers, (double)plan->private_each / (1024.0 * 1024.0));
	print_line("workers, private", plan->workers * plan->private_each,
	    note);
	print_line("page tables", plan->page_tables, "");
	print_line("buffers", plan->buffers, "queues, replies, connections");
	print_line("host", plan->host, "supervisor, zygote and front");
	print_line("cache", plan->cache, "cache_size, once");
	print_line("needed", plan->need, "");
	print_line("available", budget->available, budget->limit);
	print_line("with private copies", plan->private_copies,
	    "a copy of every model per worker");
}

int
cli_plan(int argc, char **argv)
{
	const char *file = NULL;
	const struct cli_option options[] = { CLI_OPTION_CONFIG(file) };
	const struct cli_command command = { "plan", "", 0, 0,
	    "Adds up the memory a start would need, against what there is.\n"
	    "Exits with 1 when it does not fit.", options, 1 };
	struct model_budget budget;
	struct config *config;
	struct err err;
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	if ((config = cli_config_load(file)) == NULL)
		return EXIT_CODE_CONFIG;
	if (model_budget_make(config, NULL, 0, &budget, &err) < 0) {
		fprintf(stderr, "fcgi-host plan: %s\n", err.text);
		config_free(config);
		return EXIT_CODE_SYSTEM;
	}
	print_plan(&budget);
	print_bounds(config);
	exit_code = plan_check(&budget.plan, budget.available, budget.limit,
	    &err) < 0;
	printf("%s\n", exit_code == 0 ? "It fits." : err.text);
	model_budget_free(&budget);
	config_free(config);
	return exit_code;
}
