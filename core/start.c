#include "start.h"

static const char *config_file;
static const char *const *overrides;
static size_t n_overrides;

void pc__start_set(const char *file, const char *const *texts, size_t n)
{
	config_file = file;
	overrides = texts;
	n_overrides = n;
}

pc__config *pc__start_read_config(char **error_r)
{
	return pc__config_load(config_file, overrides, n_overrides, error_r);
}
