/*
 * config_value.c - one value, from its text to its place in a struct.
 *
 * Runs in: whoever reads a configuration, before anything is forked.
 * Owns: nothing; the strings belong to the struct they are stored in.
 * Invariant: a struct is changed by a value that is sound, or not at all.
 */
#include "config/config_value.h"

#include <sched.h>
#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/sandbox.h"
#include "config/config_fault.h"
#include "config/config_list.h"
#include "config/config_statements.h"
#include "config/config_units.h"

static void
store_number(const struct config_option *option, void *base, uint64_t number)
{
	void *at = (char *)base + option->offset;
	uint32_t half = (uint32_t)number;
	bool truth = number != 0;

	if (option->width == sizeof(bool))
		memcpy(at, &truth, sizeof(truth));
	else if (option->width == sizeof(half))
		memcpy(at, &half, sizeof(half));
	else
		memcpy(at, &number, sizeof(number));
}

static void
store_text(const struct config_option *option, void *base, const char *text)
{
	char **at = (char **)(void *)((char *)base + option->offset);

	free(*at);
	*at = text[0] == '\0' ? NULL : config_copy(text, strlen(text));
}

bool
config_value_is_text(const struct config_option *option)
{
	return option->type <= CONFIG_SHA256;
}

/* ------------------------------------------------------------------ texts */

static int
check_user(const char *name, struct err *err)
{
	char shown[CONFIG_EXCERPT];

	if (name[0] == '\0' || getpwnam(name) != NULL)
		return 0;
	return err_set(err, "there is no user \"%s\" on this system",
	    config_excerpt(name, strlen(name), shown));
}

static int
check_group(const char *name, struct err *err)
{
	char shown[CONFIG_EXCERPT];

	if (name[0] == '\0' || getgrnam(name) != NULL)
		return 0;
	return err_set(err, "there is no group \"%s\" on this system",
	    config_excerpt(name, strlen(name), shown));
}

static int
check_sha256(const char *text, struct err *err)
{
	size_t length = strlen(text);

	if (length == 0 || (length == 64 &&
	    strspn(text, "0123456789abcdefABCDEF") == length))
		return 0;
	return err_set(err, "a SHA-256 has 64 hexadecimal digits: write what "
	    "sha256sum prints");
}

static int
check_variable(const char *name, struct err *err)
{
	size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_");
	char shown[CONFIG_EXCERPT];

	length += name[length] == '*';
	if (name[0] != '\0' && name[length] == '\0')
		return 0;
	return err_set(err, "\"%s\" is no name of a variable: write its "
	    "letters, digits and '_' alone, or the first of them and '*'",
	    config_excerpt(name, strlen(name), shown));
}

/* Or "".  A variable's name has no '*' behind it here. */
static int
check_secret(const char *text, struct err *err)
{
	if (text[0] == '\0')
		return 0;
	if (strncmp(text, "env:", 4) != 0)
		return config_path_check(text, "a path, or env:NAME,",
		    CONFIG_PATH_MAX, err);
	if (strchr(text, '*') != NULL)
		return err_set(err, "a variable's name has no '*'");
	return check_variable(text + 4, err);
}

static int
check_system_call(const char *name, struct err *err)
{
	char shown[CONFIG_EXCERPT];

	if (sandbox_knows(name))
		return 0;
	return err_set(err, "there is no system call \"%s\": write its name as "
	    "syscalls(2) and the crash report have it, such as \"ptrace\"",
	    config_excerpt(name, strlen(name), shown));
}

static int
check_characters(const char *text, struct err *err)
{
	for (const char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return err_set(err, "has a control character in it");
	return 0;
}

int
config_text_check(enum config_type type, const char *text, struct err *err)
{
	struct config_rate rate;

	if (check_characters(text, err) < 0)
		return -1;
	switch (type) {
	case CONFIG_PATH:
		return config_path_check(text, "a path", CONFIG_PATH_MAX, err);
	case CONFIG_SOCKET:
		return config_path_check(text, "a path", CONFIG_SOCKET_MAX,
		    err);
	case CONFIG_LISTEN:
		return config_listen_check(text, err);
	case CONFIG_USER:
		return check_user(text, err);
	case CONFIG_GROUP:
		return check_group(text, err);
	case CONFIG_NAME:
		return config_title_check(CONFIG_SECTION_POOL, text, err);
	case CONFIG_REQUEST:
		return config_request_check(text, err);
	case CONFIG_SECRET:
		return check_secret(text, err);
	case CONFIG_SCOPES:
		return config_scopes_check(text, err);
	case CONFIG_RATE:
		return config_rate_parse(text, &rate, err);
	case CONFIG_SHA256:
		return check_sha256(text, err);
	case CONFIG_VARIABLE:
		return check_variable(text, err);
	case CONFIG_SYSTEM_CALL:
		return check_system_call(text, err);
	case CONFIG_ACCOUNT:
		return config_account_check(text, err);
	case CONFIG_NETWORK:
		return config_network_check(text, err);
	default:
		return 0;
	}
}

/* ---------------------------------------------------------------- numbers */

/* The value of a word of `choices`, which is its place. */
static int
parse_choice(const char *choices, const char *text, uint64_t *out,
    struct err *err)
{
	const char *word = choices;
	char shown[CONFIG_EXCERPT];

	for (uint64_t i = 0; *word != '\0'; i++) {
		size_t length = strcspn(word, " ");

		if (strlen(text) == length && memcmp(word, text, length) == 0) {
			*out = i;
			return 0;
		}
		word += length + (word[length] == ' ');
	}
	return err_set(err, "\"%s\" is not one of: %s",
	    config_excerpt(text, strlen(text), shown), choices);
}

static int
parse_bool(const char *text, uint64_t *out, struct err *err)
{
	static const char *const words[][2] = {
		{ "false", "true" }, { "no", "yes" }, { "off", "on" }
	};
	char shown[CONFIG_EXCERPT];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (*out = 0; *out < 2; ++*out)
			if (strcmp(text, words[i][*out]) == 0)
				return 0;
	return err_set(err, "\"%s\" is neither true nor false",
	    config_excerpt(text, strlen(text), shown));
}

static int
parse_mode(const char *text, uint64_t *out, struct err *err)
{
	size_t length = strlen(text);

	if (length < 3 || length > 4 || strspn(text, "01234567") != length ||
	    (length == 4 && text[0] != '0'))
		return err_set(err, "permissions are three octal digits, such "
		    "as \"0660\"");
	*out = strtoul(text, NULL, 8);
	if ((*out & 0222) == 0)
		return err_set(err, "nobody may write to the socket, so nobody "
		    "can connect: use \"0660\"");
	return 0;
}

/* Never 0; as many as the CPU set of this process lets run. */
static uint64_t
count_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0 ||
	    CPU_COUNT(&set) < 1)
		return 1;
	return (uint64_t)CPU_COUNT(&set);
}

static bool
is_workers_word(const struct config_option *option, const char *text)
{
	uint64_t place;

	return option->type == CONFIG_WORKERS && option->choices != NULL &&
	    parse_choice(option->choices, text, &place, NULL) == 0;
}

static int
parse_workers(const struct config_option *option, const char *text,
    uint64_t *out, struct err *err)
{
	if (strcmp(text, "auto") == 0) {
		*out = count_cpus();
		return 0;
	}
	if (!is_workers_word(option, text))
		return config_units_count(text, out, err);
	parse_choice(option->choices, text, out, err);
	*out += CONFIG_WORKERS_STATIC;
	return 0;
}

static int
parse_number(const struct config_option *option, const char *text,
    uint64_t *out, struct err *err)
{
	size_t bytes;

	switch (option->type) {
	case CONFIG_SIZE:
		if (config_units_size(text, &bytes, err) < 0)
			return -1;
		*out = bytes;
		return 0;
	case CONFIG_TIME:
		return config_units_time(text, out, err);
	case CONFIG_CHOICE:
		return parse_choice(option->choices, text, out, err);
	case CONFIG_BOOL:
		return parse_bool(text, out, err);
	case CONFIG_MODE:
		return parse_mode(text, out, err);
	case CONFIG_WORKERS:
		return parse_workers(option, text, out, err);
	default:
		return config_units_count(text, out, err);
	}
}

/* Is the number within the table's bounds? */
static int
check_bounds(const struct config_option *option, uint64_t number,
    const char *text, struct err *err)
{
	const char *zero = option->zero ? "0, or " : "";
	uint64_t min, max;

	if (option->min == NULL || (option->zero && number == 0) ||
	    is_workers_word(option, text))
		return 0;
	FH_BUG(parse_number(option, option->min, &min, NULL) < 0 ||
	    parse_number(option, option->max, &max, NULL) < 0);
	if (number < min || number > max)
		return err_set(err, "%s is out of range; it may be %s%s to %s",
		    text, zero, option->min, option->max);
	if (option->step != 0 && number % option->step != 0)
		return err_set(err, "%s is not a multiple of %u bytes", text,
		    option->step);
	return 0;
}

/* ---------------------------------------------------------------- storing */

static int
store_checked_text(const struct config_option *option, const char *text,
    void *base, struct err *err)
{
	char **at = (char **)(void *)((char *)base + option->offset);

	if (config_text_check(option->type, text, err) < 0)
		return -1;
	store_text(option, base, text);
	if (option->type == CONFIG_SHA256 && *at != NULL)
		for (char *c = *at; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
	return 0;
}

int
config_value_store(const struct config_option *option, const char *text,
    void *base, struct err *err)
{
	uint64_t number;

	if (check_characters(text, err) < 0)
		return -1;
	if (config_value_is_text(option))
		return store_checked_text(option, text, base, err);
	if (text[0] == '\0')
		return err_set(err, "is empty: write a value, or remove the "
		    "line for the default");
	if (parse_number(option, text, &number, err) < 0 ||
	    check_bounds(option, number, text, err) < 0)
		return -1;
	store_number(option, base, number);
	return 0;
}

void
config_value_defaults(const struct config_section *section, void *base)
{
	const struct config_option *option = section->options;

	for (; option->name != NULL; option++) {
		if (option->type == CONFIG_LIST)
			config_list_default(option, base);
		else if (option->fallback != NULL)
			FH_BUG(config_value_store(option, option->fallback,
			    base, NULL) < 0);
		else if (!config_value_is_text(option) &&
		    option->type != CONFIG_SETTINGS)
			store_number(option, base, (uint64_t)CONFIG_UNSET);
	}
}

void
config_value_release(const struct config_section *section, void *base)
{
	const struct config_option *option = section->options;

	for (; option->name != NULL; option++)
		if (config_value_is_text(option))
			store_text(option, base, "");
		else if (option->type == CONFIG_LIST)
			config_value_clear(option, base);
}

void
config_value_assign(const struct config_option *option, void *base,
    const void *other)
{
	const char *text;

	if (option->type == CONFIG_LIST) {
		config_list_assign(option, base, other);
		return;
	}
	if (!config_value_is_text(option)) {
		memcpy((char *)base + option->offset,
		    (const char *)other + option->offset, option->width);
		return;
	}
	memcpy(&text, (const char *)other + option->offset, sizeof(text));
	store_text(option, base, text == NULL ? "" : text);
}

int
config_value_setting(const char *text, struct config_setting *out,
    struct err *err)
{
	size_t length = strcspn(text, "=");
	char shown[CONFIG_EXCERPT];

	config_excerpt(text, strlen(text), shown);
	if (text[length] != '=')
		return err_set(err, "\"%s\" has no '=': write \"KEY=VALUE\"",
		    shown);
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) &&
		    strchr("-_.", text[i]) == NULL)
			length = 0;
	if (length == 0 || length > CONFIG_NAME_MAX)
		return err_set(err, "\"%s\": the key before the '=' is of 1 "
		    "to %d letters, digits, '-', '_' and '.'", shown,
		    CONFIG_NAME_MAX);
	for (const char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return err_set(err, "\"%s\" has a control character "
			    "in it", shown);
	out->key = config_copy(text, length);
	out->value = config_copy(text + length + 1, strlen(text + length + 1));
	return 0;
}
