/*
 * option_names.h - names of options that stand in no table: those that are made at run time, those
 * of older releases of Prosody, and those that mean something to Prosody only.
 */
#pragma once

#include <prosody-c/config.h>

/* The description of options whose names are made: "SERVICE_ports" for "c2s_ports". NULL: none is
 * made so. Several tables may have a line of their own for it. */
const pc_option *pc__option_made(const char *name);
/* All of them; ends with {0}. */
extern const pc_option pc__made_options[];

/* What became of an option. */
struct pc__old_option {
	const char *name;      /* "*_port": of any service */
	const char *successor; /* takes the same value; NULL: none */
	const char *note;      /* what to do instead; NULL: nothing, it does no harm */
};
const struct pc__old_option *pc__option_old(const char *name);
/* The successor's name where it has one, with the service in it: "c2s_ports" of "c2s_port". */
char *pc__option_successor(const struct pc__old_option *old, const char *name);

/* What became of a module of Prosody: a text for people, or NULL. */
const char *pc__module_old(const char *name);
/* It is an option here, which modules_disabled sets to false under the module's name. */
bool pc__module_is_option(const char *name);
/* The module of Prosody that is this option; NULL: none is. */
const char *pc__module_of_option(const char *option);
