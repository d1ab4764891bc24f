/*
 * config_manual.c - fcgi-host.conf(5), from the option table.
 *
 * Runs in: the command that prints the manual.
 * Owns: nothing.
 * Invariant: what the manual says of an option is what the parser does.
 */
#include "config/config_manual.h"

static const char head[] =
    ".\\\" Printed by fcgi-host from its option table; change that instead.\n"
    ".Dd November 23, 2026\n"
    ".Dt FCGI-HOST.CONF 5\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm fcgi-host.conf\n"
    ".Nd configuration of fcgi-host\n"
    ".Sh DESCRIPTION\n"
    "The file is read by\n"
    ".Xr fcgi-host 1 ,\n"
    "which looks for it in\n"
    ".Pa /etc/fcgi-host/fcgi-host.conf\n"
    "unless it is told another with\n"
    ".Fl c\n"
    "or in the environment variable\n"
    ".Ev FCGI_HOST_CONFIG .\n"
    ".Ql fcgi-host check\n"
    "names the line of every fault in it.\n"
    ".Pp\n"
    "It has options, which are set once each, and sections, which have a\n"
    "title and options of their own:\n"
    ".Bd -literal -offset indent\n"
    "# a comment, to the end of the line\n"
    "listen = \"unix:/run/fcgi-host/host.sock\"\n"
    "connections = 1000\n"
    "\n"
    "pool \"default\" {\n"
    "    workers = auto\n"
    "    queue_timeout = \"10s\"\n"
    "}\n"
    ".Ed\n"
    ".Pp\n"
    "Everything may be left out; an empty file is the defaults.\n"
    "The syntax is that of libconfuse, with a few rules more:\n"
    ".Bl -bullet\n"
    ".It\n"
    "A value of letters, digits and the characters\n"
    ".Ql _\\-.:/@%[]\n"
    "may stand without quotes; any other stands in double or single quotes,\n"
    "and ends on the line it begins in.\n"
    ".It\n"
    "In double quotes\n"
    ".Ql \\e\\(dq\n"
    "is a quote and\n"
    ".Ql \\e\\e\n"
    "a backslash.\n"
    ".It\n"
    "There is no include, and nothing is taken from the environment:\n"
    ".Ql ${NAME}\n"
    "is a fault.\n"
    ".It\n"
    "Paths are absolute, without\n"
    ".Ql ~ .\n"
    ".It\n"
    "An unknown option, or one that is set twice, is a fault.\n"
    ".El\n";

static const char units[] =
    ".Ss Sizes\n"
    "A whole number and a unit:\n"
    ".Li B , KiB , MiB , GiB , TiB\n"
    "in powers of 1024, or\n"
    ".Li kB , MB , GB , TB\n"
    "in powers of 1000.\n"
    "A number alone is bytes.\n"
    "Units that can be read either way, such as\n"
    ".Ql k\n"
    "or\n"
    ".Ql KB ,\n"
    "are refused.\n"
    ".Ss Times\n"
    "A whole number and a unit:\n"
    ".Li ms , s , m , h\n"
    "or\n"
    ".Li d .\n"
    "Only 0 needs none.\n"
    ".Ss Changes\n"
    "The file is read when the host starts, and again at every\n"
    ".Ql fcgi-host reload\n"
    "and\n"
    ".Dv SIGHUP .\n"
    "A file with a fault changes nothing: the reload is refused, and what was\n"
    "read before stays in use.\n";

static const char tail[] =
    ".Sh FILES\n"
    ".Bl -tag -width Ds\n"
    ".It Pa /etc/fcgi-host/fcgi-host.conf\n"
    "where the file is looked for\n"
    ".El\n"
    ".Sh SEE ALSO\n"
    ".Xr fcgi-host 1 ,\n"
    ".Xr fcgi-host-handler 3\n";

static const char *
argument(const struct config_option *option)
{
	static const char *const names[] = {
		[CONFIG_TEXT] = "text", [CONFIG_PATH] = "path",
		[CONFIG_SOCKET] = "path", [CONFIG_LISTEN] = "address",
		[CONFIG_USER] = "user", [CONFIG_GROUP] = "group",
		[CONFIG_NAME] = "name", [CONFIG_REQUEST] = "request",
		[CONFIG_SECRET] = "path | env:NAME", [CONFIG_SCOPES] = "scopes",
		[CONFIG_RATE] = "rate", [CONFIG_SHA256] = "digits",
		[CONFIG_ACCOUNT] = "user", [CONFIG_NETWORK] = "network",
		[CONFIG_LIST] = "list",
		[CONFIG_SYSTEM_CALL] = "name", [CONFIG_VARIABLE] = "name",
		[CONFIG_MODE] = "mode", [CONFIG_SIZE] = "size",
		[CONFIG_TIME] = "time", [CONFIG_COUNT] = "number",
		[CONFIG_WORKERS] = "number | auto",
		[CONFIG_BOOL] = "true | false", [CONFIG_CHOICE] = "word",
		[CONFIG_SETTINGS] = "list"
	};

	if (option->type == CONFIG_WORKERS && option->choices != NULL)
		return "number | auto | word";
	return names[option->type];
}

static void
print_options(FILE *out, const struct config_option *option)
{
	const struct config_option *first = option;

	for (; option->name != NULL; option++) {
		if (option->heading != NULL)
			fprintf(out, "%s.Ss %s\n", option == first ? "" :
			    ".El\n", option->heading);
		if (option->heading != NULL || option == first)
			fputs(".Bl -tag -width Ds\n", out);
		fprintf(out, ".It Ic %s No = Ar %s\n", option->name,
		    argument(option));
		config_prose(out, CONFIG_PROSE_ROFF, "", option->text);
		config_prose_facts(out, CONFIG_PROSE_ROFF, "", option);
	}
	fputs(".El\n", out);
}

/* The options that live as long as the supervisor. */
static void
print_changes(FILE *out)
{
	const struct config_option *option = config_top_options;
	const struct config_option *last = NULL;

	fputs("These options belong to the supervisor for as long as it "
	    "runs.\nA reload says that they need a restart, and takes the "
	    "rest:\n", out);
	for (; option->name != NULL; option++) {
		if (!option->restart)
			continue;
		if (last != NULL)
			fprintf(out, ".Ic %s ,\n", last->name);
		last = option;
	}
	fprintf(out, "and\n.Ic %s .\n", last->name);
	fputs("All others belong to a generation: handlers, models and "
	    "workers that\nstart and end together; a reload makes a new one "
	    "with what has changed.\n", out);
}

void
config_print_manual(FILE *out)
{
	fputs(head, out);
	fputs(units, out);
	print_changes(out);
	fputs(".Sh OPTIONS\n", out);
	print_options(out, config_top_options);
	fputs(".Sh SECTIONS\n", out);
	for (size_t i = CONFIG_TOP + 1; i < CONFIG_SECTION_KINDS; i++) {
		const struct config_section *section = &config_sections[i];

		fprintf(out, ".Ss %s \\(dq%s\\(dq { ... }\n", section->name,
		    section->title);
		config_prose(out, CONFIG_PROSE_ROFF, "", section->text);
		print_options(out, section->options);
	}
	fputs(tail, out);
}
