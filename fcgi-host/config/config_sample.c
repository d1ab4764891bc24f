/*
 * config_sample.c - the sample configuration, from the option table.
 *
 * Runs in: the command that prints the sample.
 * Owns: nothing.
 * Invariant: the sample is a configuration: the defaults, since every option in
 * it is a comment.
 */
#include "config/config_manual.h"

static const char introduction[] =
    "fcgi-host.conf - configuration of fcgi-host; see fcgi-host.conf(5).  "
    "Every option is here, in a comment, with its default: remove the '#' "
    "before those you change.  \"fcgi-host check\" names every fault.";

static const char *const syntax[] = {
	"Sizes: \"512 B\", \"64 KiB\", \"8 MiB\", \"2 GiB\" are in powers of "
	    "1024; kB, MB, GB in powers of 1000.",
	"Times: \"1500ms\", \"10s\", \"2m\", \"1h\", \"1d\", or 0.",
	"A value with spaces stands in quotes.  Comments begin with #.",
	NULL
};

static void
print_option(FILE *out, const struct config_option *option)
{
	if (option->heading != NULL)
		fprintf(out, "\n# ---- %s ----\n", option->heading);
	fputc('\n', out);
	config_prose(out, CONFIG_PROSE_PLAIN, "# ", option->text);
	config_prose_facts(out, CONFIG_PROSE_PLAIN, "# ", option);
	fprintf(out, "#\n# %s = ", option->name);
	config_print_value(out, option);
	fputc('\n', out);
}

static void
print_inside(FILE *out, const struct config_option *option)
{
	config_prose(out, CONFIG_PROSE_PLAIN, "#     # ", option->text);
	config_prose_facts(out, CONFIG_PROSE_PLAIN, "#     # ", option);
	fprintf(out, "#     %s = ", option->name);
	config_print_value(out, option);
	fputc('\n', out);
}

static void
print_section(FILE *out, const struct config_section *section)
{
	const struct config_option *option = section->options;

	fprintf(out, "\n# ---- %s \"%s\" ----\n\n", section->name,
	    section->title);
	config_prose(out, CONFIG_PROSE_PLAIN, "# ", section->text);
	fprintf(out, "#\n# %s \"%s\" {\n", section->name, section->example);
	for (; option->name != NULL; option++) {
		if (option != section->options)
			fputs("#\n", out);
		print_inside(out, option);
	}
	fputs("# }\n", out);
}

void
config_print_sample(FILE *out)
{
	const struct config_option *option = config_top_options;

	config_prose(out, CONFIG_PROSE_PLAIN, "# ", introduction);
	fputs("#\n", out);
	for (size_t i = 0; syntax[i] != NULL; i++)
		config_prose(out, CONFIG_PROSE_PLAIN, "# ", syntax[i]);
	for (; option->name != NULL; option++)
		print_option(out, option);
	for (size_t i = CONFIG_TOP + 1; i < CONFIG_SECTION_KINDS; i++)
		print_section(out, &config_sections[i]);
}
