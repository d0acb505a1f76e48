/*
 * The configuration's language: whatever the text, reading it ends soon, in a configuration or in a
 * message; what came out can be asked for by every type.
 */
#include "config_internal.h"
#include "fuzz.h"
#include "log.h"
#include "options.h"

static void ask(const char *host)
{
	for (const pc_option *o = pc__core_options; o->name; o++)
		pc__option_get(host, o);
	pc__option_field(host, "limits", "c2s.rate");
}

static void ask_all(void)
{
	size_t n;
	const pc__config_host *hosts = pc__config_hosts(&n);

	ask(NULL);
	for (size_t i = 0; i < n; i++)
		ask(hosts[i].name);
}

static void ignore(pc__severity severity, const char *text, void *data)
{
	(void)severity;
	(void)text;
	(void)data;
}

static void quiet(void)
{
	char *error;
	static const char text[] = "log = '*nowhere'";

	pc__config_use(pc__config_read("quiet", text, sizeof(text) - 1, NULL, NULL, 0, &error));
	pc__log_setup();
}

/* The text; behind a zero byte, where there is one, an override of the command line. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct pc__reading_limits limits = { 20000, 1 << 20, true };
	static bool begun;
	const uint8_t *zero = len ? memchr(bytes, 0, len) : NULL;
	char *copy = malloc(len + 1), *error;
	const char *override;
	pc__config *config;

	if (!begun)
		quiet();
	begun = true;
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	override = zero ? copy + (zero - bytes) + 1 : NULL;
	config = pc__config_read("fuzz", copy, zero ? (size_t)(zero - bytes) : len, &limits,
	                         &override, zero ? 1 : 0, &error);
	if ((config == NULL) == (error == NULL))
		abort();
	free(error);
	if (config) {
		pc__config_use(config);
		ask_all();
		pc__config_check(NULL,
		                 &(struct pc__option_check){ .values = true, .tell = ignore });
	}
	free(copy);
	return 0;
}
