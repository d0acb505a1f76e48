/*
 * loader.h - module files: the only part that knows libltdl.
 *
 * A file is looked for as mod_NAME.so in the folders of `plugin_paths`, then plugins.d beside the
 * configuration, then where the program's own modules lie. Each time a file is opened anew a
 * private copy of it is made in memory, so that replacing the file on disk harms nobody and new
 * code never gets mistaken for old. Code is never unmapped: a late callback finds it. But bytes
 * that are loaded already are not loaded again, however often a module is.
 */
#pragma once

#include <prosody-c/module.h>

struct pc__file;

/* Folders to look in, each with its own slash-less path; copied. */
void pc__loader_setup(const char *const *dirs, size_t n);
/* The file of that module, or the definition that is built in. `anew`: a fresh copy from disk even
 * where one is loaded. NULL with the reason in *error_r (malloc'ed): no such file, a missing
 * symbol, another ABI. */
struct pc__file *pc__file_open(const char *name, bool anew, char **error_r);
/* The names of all modules that could be opened, sorted, each once. malloc'ed as is each of them;
 * ends with NULL. */
char **pc__loader_names(void);
const pc_module_def *pc__file_def(const struct pc__file *file);
bool pc__file_is_builtin(const struct pc__file *file);
