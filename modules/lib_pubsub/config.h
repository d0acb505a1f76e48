/*
 * config.h - the settings of a node, and the forms that they are read from and written to (XEP-0060
 * sections 8.2, 7.1.5 and 16.4.4). Pure.
 */
#pragma once

#include <prosody-c/forms.h>
#include <prosody-c/stanza.h>

#define FORM_CONFIG "http://jabber.org/protocol/pubsub#node_config"
#define FORM_OPTIONS "http://jabber.org/protocol/pubsub#publish-options"
#define FORM_META "http://jabber.org/protocol/pubsub#meta-data"

enum access_model {
	ACCESS_OPEN,
	ACCESS_PRESENCE,
	ACCESS_ROSTER,
	ACCESS_AUTHORIZE,
	ACCESS_WHITELIST
};
enum publish_model { PUBLISH_PUBLISHERS, PUBLISH_SUBSCRIBERS, PUBLISH_OPEN };
enum send_last { LAST_NEVER, LAST_ON_SUB, LAST_ON_SUB_AND_PRESENCE };
enum notification_type { TYPE_HEADLINE, TYPE_NORMAL };
enum when_full { FULL_DISCARD, FULL_RETRACT, FULL_REJECT };
enum item_reply { REPLY_NONE, REPLY_PUBLISHER, REPLY_OWNER };

#define CONFIG_MAX INT64_MAX   /* "max": as much as the service allows */
#define CONFIG_GROUPS_MOST 100 /* roster groups that a node may name */
#define CONFIG_TEXT_MOST 1024  /* bytes of a text */
#define CONFIG_WHY PC_FORM_WHY

/* Choices and booleans are ints, so that one table can name them all. */
struct config {
	char *title, *description, *type, *language;
	int node_type, access, publish, send_last, notification, when_full, reply;
	int notify, payloads, persist, subscribe;
	int notify_config, notify_delete, notify_retract, notify_sub;
	int64_t max_items, item_expire, max_payload; /* CONFIG_MAX; seconds; bytes */
	char **groups;
	size_t n_groups;
};

/* What a service gives at most. */
struct limits {
	int64_t max_items, max_payload;
	bool presence; /* it knows presence and rosters: those access models can be had */
};

void config_free(struct config *c); /* what is in it */
void config_copy(struct config *to, const struct config *from);

enum config_mode {
	CONFIG_CHANGE,  /* somebody's wish: fields that are unknown are left out, wrong values
	                 * refused
	                 */
	CONFIG_OPTIONS, /* as conditions of a publication: unknown fields are refused, too */
	CONFIG_STORED, /* what cannot be read is left as it is, an access model becomes whitelist */
};
/* Takes what the form says over, all or nothing. PC_EINVAL: it cannot be, for the reason in `why`;
 * PC_ENOENT: a field is unknown; PC_ENOTSUP: an access model that is not to be had. */
int config_read(struct config *c, const pc_stanza *form, const struct limits *limits,
                enum config_mode mode, char why[static CONFIG_WHY]);
/* Is everything so as the form wants it? PC_ECONFLICT: not. */
int config_meets(const struct config *c, const pc_stanza *form, const struct limits *limits,
                 char why[static CONFIG_WHY]);
/* A form to be filled in, and one that says it all, to be kept. */
void config_ask(const struct config *c, const struct limits *limits, pc_stanza *parent);
void config_keep(const struct config *c, pc_stanza *parent);
/* What everybody may know of a node (5.4); the addresses and the number are those of the node. */
void config_tell(const struct config *c, const pc_values *more, pc_stanza *parent);
const char *config_access_name(const struct config *c);
int64_t config_max_items(const struct config *c, const struct limits *limits);
int64_t config_max_payload(const struct config *c, const struct limits *limits);
