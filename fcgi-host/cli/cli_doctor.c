/*
 * cli_doctor.c - `fcgi-host doctor`: what is wrong around the host, why, and
 * the command that mends it.
 *
 * Runs in: the tools.
 * Owns: nothing.
 * Invariant: changes nothing.
 */
#include <json-c/json.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/cli_ask.h"
#include "cli/cli_doctor.h"
#include "cli/cli_options.h"
#include "common/log.h"

/* By the worst finding. */
static int
exit_code_of(const struct doctor_findings *findings)
{
	if (findings->count == 0)
		return 0;
	return findings->list[0].grade == DOCTOR_ERROR ? 2 :
	    findings->list[0].grade == DOCTOR_WARNING ? 1 : 0;
}

static void
print(const struct doctor_findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct doctor_finding *found = &findings->list[i];

		printf("%s: %s\n    %s\n", doctor_grade_name(found->grade),
		    found->what, found->why);
		if (found->mend[0] != '\0')
			printf("    $ %s\n", found->mend);
		printf("\n");
	}
	printf("%zu checks, %zu findings\n", findings->checked,
	    findings->count);
}

static void
add(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, json_object_new_string(text));
}

static void
print_json(const struct doctor_findings *findings)
{
	struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < findings->count; i++) {
		const struct doctor_finding *found = &findings->list[i];
		struct json_object *object = json_object_new_object();

		add(object, "grade", doctor_grade_name(found->grade));
		add(object, "about", found->about);
		add(object, "what", found->what);
		add(object, "why", found->why);
		add(object, "mend", found->mend);
		json_object_array_add(list, object);
	}
	json_object_object_add(root, "checks",
	    json_object_new_int64((int64_t)findings->checked));
	json_object_object_add(root, "findings", list);
	cli_print_json(root);
	json_object_put(root);
}

int
cli_doctor(int argc, char **argv)
{
	static struct doctor_findings findings;
	const char *file = NULL, *nginx = NULL;
	bool json = false;
	const struct cli_option options[] = {
		CLI_OPTION_CONFIG(file),
		{ 'j', "json", NULL, "for programs", .flag = &json },
		{ 'n', "nginx", "FILE", "what nginx -T has printed; else it "
		    "is run", .text = &nginx },
	};
	const struct cli_command command = { "doctor", "", 0, 0,
	    "Looks for what is wrong around the host: kernel, limits, memory, "
	    "files, and\nthe nginx that is in use.  Exit code 2: errors; 1: "
	    "warnings; 0: none.", options,
	    sizeof(options) / sizeof(options[0]) };
	struct doctor_facts facts;
	struct config *config;
	int exit_code;

	if (cli_parse(&command, argc, argv, &exit_code) < 0)
		return exit_code;
	if ((config = cli_config_load(file)) == NULL)
		return EXIT_CODE_CONFIG;
	cli_doctor_gather(config, nginx, &facts);
	doctor_check(&facts, &findings);
	if (json)
		print_json(&findings);
	else
		print(&findings);
	cli_doctor_free(&facts);
	config_free(config);
	return exit_code_of(&findings);
}
