/*
 * covers.h - does what an entity says of itself (XEP-0030, XEP-0128) belong to a namespace?
 */
#pragma once

#include <prosody-c/prosody-c.h>

/* The namespace, and what is below it: "NS#part". */
bool covers_feature(const char *ns, const char *var);
/* Identities have no namespace: the one of the category that the namespace ends in ("/pubsub"). */
bool covers_identity(const char *ns, const char *category);
/* A form, by its FORM_TYPE. */
bool covers_form(const char *ns, const pc_stanza *form);
/* Any child of a disco#info <query/>. */
bool covers_child(const char *ns, const pc_stanza *child);
