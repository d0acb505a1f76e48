/*
 * mod_register.c - in-band registration (XEP-0077), all of it: making accounts (with
 * allow_registration), its limits, and what people do with accounts that they have.
 */
#include <prosody-c/prosody-c.h>

static const char *const needs[] = { "register_limits", "register_ibr", "user_account_management",
	                             NULL };

PC_MODULE(register, .summary = "In-band registration", .xeps = "0077:2.4", .needs = needs);
