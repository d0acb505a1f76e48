#include "config.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "mem.h"

static const pc_choice access_models[] = {
	{ "open", "Anyone may subscribe and retrieve items" },
	{ "presence", "Whoever sees the account's presence may" },
	{ "roster", "Contacts in the groups named may" },
	{ "authorize", "Only subscribers may retrieve items, and an owner approves them" },
	{ "whitelist", "Only those on a list may" },
	{ 0 },
};
/* Of services that are no account's. */
static const pc_choice plain_access_models[] = {
	{ "open", "Anyone may subscribe and retrieve items" },
	{ "authorize", "Only subscribers may retrieve items, and an owner approves them" },
	{ "whitelist", "Only those on a list may" },
	{ 0 },
};
static const pc_choice publish_models[] = {
	{ "publishers", "Only publishers may publish" },
	{ "subscribers", "Subscribers may, too" },
	{ "open", "Anyone may publish" },
	{ 0 },
};
static const pc_choice last_choices[] = {
	{ "never", "Never" },
	{ "on_sub", "To who subscribes" },
	{ "on_sub_and_presence", "To who subscribes, and to who comes online" },
	{ 0 },
};
static const pc_choice types[] = { { "headline", NULL }, { "normal", NULL }, { 0 } };
static const pc_choice full_choices[] = {
	{ "discard-oldest", "The oldest item goes" },
	{ "retract-oldest", "The oldest item goes, and subscribers are told" },
	{ "reject", "The new item is refused" },
	{ 0 },
};
static const pc_choice reply_choices[] = {
	{ "none", NULL }, { "publisher", NULL }, { "owner", NULL }, { 0 }
};
static const pc_choice node_types[] = { { "leaf", NULL }, { 0 } };

enum kind { TEXT, BOOLEAN, CHOICE, NUMBER, GROUPS };

struct setting {
	const char *var, *label;
	enum kind kind;
	size_t at;
	const pc_choice *choices;
};

#define AT(field) offsetof(struct config, field)
static const struct setting settings[] = {
	{ "pubsub#title", "Title", TEXT, AT(title), NULL },
	{ "pubsub#description", "Description", TEXT, AT(description), NULL },
	{ "pubsub#type", "What is published: the namespace of the payload", TEXT, AT(type), NULL },
	{ "pubsub#language", "Language", TEXT, AT(language), NULL },
	{ "pubsub#node_type", "Kind of node", CHOICE, AT(node_type), node_types },
	{ "pubsub#access_model", "Who may subscribe and retrieve items", CHOICE, AT(access),
	  access_models },
	{ "pubsub#roster_groups_allowed", "Roster groups that may", GROUPS, AT(groups), NULL },
	{ "pubsub#publish_model", "Who may publish", CHOICE, AT(publish), publish_models },
	{ "pubsub#subscribe", "Whether it can be subscribed to", BOOLEAN, AT(subscribe), NULL },
	{ "pubsub#persist_items", "Whether items are kept", BOOLEAN, AT(persist), NULL },
	{ "pubsub#max_items", "How many items are kept", NUMBER, AT(max_items), NULL },
	{ "pubsub#item_expire", "Seconds after which items go", NUMBER, AT(item_expire), NULL },
	{ "pubsub#max_payload_size", "Bytes of an item", NUMBER, AT(max_payload), NULL },
	{ "pubsub#publish_node_full", "What happens to a node that is full", CHOICE, AT(when_full),
	  full_choices },
	{ "pubsub#send_last_published_item", "Who gets the last item unasked", CHOICE,
	  AT(send_last), last_choices },
	{ "pubsub#deliver_notifications", "Whether subscribers are told", BOOLEAN, AT(notify),
	  NULL },
	{ "pubsub#deliver_payloads", "Whether they get the item itself", BOOLEAN, AT(payloads),
	  NULL },
	{ "pubsub#notification_type", "Type of the messages that tell", CHOICE, AT(notification),
	  types },
	{ "pubsub#notify_config", "Tell when the settings change", BOOLEAN, AT(notify_config),
	  NULL },
	{ "pubsub#notify_delete", "Tell when the node is deleted", BOOLEAN, AT(notify_delete),
	  NULL },
	{ "pubsub#notify_retract", "Tell when items are removed", BOOLEAN, AT(notify_retract),
	  NULL },
	{ "pubsub#notify_sub", "Tell owners of new subscribers", BOOLEAN, AT(notify_sub), NULL },
	{ "pubsub#itemreply", "Whose address an item has", CHOICE, AT(reply), reply_choices },
};
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static void *at(const struct config *c, const struct setting *s)
{
	return (char *)(uintptr_t)c + s->at;
}

/* ------------------------------------------------------------ life */

static void free_groups(struct config *c)
{
	for (size_t i = 0; c->groups && i < c->n_groups; i++)
		free(c->groups[i]);
	free(c->groups);
	c->groups = NULL;
	c->n_groups = 0;
}

void config_free(struct config *c)
{
	free_groups(c);
	free(c->title);
	free(c->description);
	free(c->type);
	free(c->language);
	*c = (struct config){ 0 };
}

void config_copy(struct config *to, const struct config *from)
{
	*to = *from;
	to->title = mem_strdup(from->title);
	to->description = mem_strdup(from->description);
	to->type = mem_strdup(from->type);
	to->language = mem_strdup(from->language);
	to->groups = from->n_groups ? mem_new(from->n_groups * sizeof(char *)) : NULL;
	for (size_t i = 0; to->groups && from->groups && i < from->n_groups; i++)
		to->groups[i] = mem_strdup(from->groups[i]);
}

int64_t config_max_items(const struct config *c, const struct limits *limits)
{
	return c->max_items < limits->max_items ? c->max_items : limits->max_items;
}

int64_t config_max_payload(const struct config *c, const struct limits *limits)
{
	return c->max_payload < limits->max_payload ? c->max_payload : limits->max_payload;
}

const char *config_access_name(const struct config *c)
{
	return access_models[c->access].value;
}

/* ------------------------------------------------------------ reading values */

static int read_text(char **out, const char *text)
{
	if (strlen(text) > CONFIG_TEXT_MOST)
		return PC_EINVAL;
	free(*out);
	*out = *text ? mem_strdup(text) : NULL;
	return PC_OK;
}

static int read_boolean(int *out, const char *text)
{
	bool yes = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;

	if (!yes && strcmp(text, "0") != 0 && strcmp(text, "false") != 0)
		return PC_EINVAL;
	*out = yes;
	return PC_OK;
}

static int read_choice(int *out, const pc_choice *choices, const char *text)
{
	for (int i = 0; choices[i].value; i++)
		if (strcmp(choices[i].value, text) == 0) {
			*out = i;
			return PC_OK;
		}
	return PC_EINVAL;
}

/* From 1 on; without a value, and "max": as much as there can be. */
static int read_number(int64_t *out, const char *text)
{
	size_t len = strspn(text, "0123456789");

	if (strcmp(text, "max") == 0 || *text == '\0') {
		*out = CONFIG_MAX;
		return PC_OK;
	}
	if (text[len] != '\0' || len > 18 || atoll(text) < 1)
		return PC_EINVAL;
	*out = atoll(text);
	return PC_OK;
}

static int read_groups(struct config *c, const pc_stanza *field)
{
	free_groups(c);
	for (pc_stanza *v = pc_stanza_first(field); v; v = pc_stanza_next(v)) {
		const char *text = pc_stanza_get_text(v);

		if (!pc_stanza_is(v, "value", PC_NS_FORMS) || *text == '\0')
			continue;
		if (c->n_groups == CONFIG_GROUPS_MOST || strlen(text) > CONFIG_TEXT_MOST)
			return PC_EINVAL;
		c->groups =
		        mem_checked(reallocarray(c->groups, c->n_groups + 1, sizeof(*c->groups)));
		c->groups[c->n_groups++] = mem_strdup(text);
	}
	return PC_OK;
}

static int read_value(struct config *c, const struct setting *s, const pc_stanza *field)
{
	const char *text = pc_stanza_child_text(field, "value", PC_NS_FORMS);

	if (s->kind == GROUPS)
		return read_groups(c, field);
	if (text == NULL)
		text = "";
	switch (s->kind) {
	case TEXT:
		return read_text(at(c, s), text);
	case BOOLEAN:
		return read_boolean(at(c, s), text);
	case NUMBER:
		return read_number(at(c, s), text);
	default:
		return read_choice(at(c, s), s->choices, text);
	}
}

/* ------------------------------------------------------------ reading forms */

static const struct setting *find(const char *var)
{
	for (size_t i = 0; var && i < SETTINGS; i++)
		if (strcmp(settings[i].var, var) == 0)
			return &settings[i];
	return NULL;
}

static int refuse(char why[static CONFIG_WHY], const char *var, const char *what)
{
	snprintf(why, CONFIG_WHY, "%.60s: %s", var ? var : "a field without a name", what);
	return PC_EINVAL;
}

static int read_field(struct config *c, const pc_stanza *field, enum config_mode mode,
                      char why[static CONFIG_WHY])
{
	const char *var = pc_stanza_get(field, "var");
	const struct setting *s = find(var);
	int err;

	if (var && strcmp(var, "FORM_TYPE") == 0)
		return PC_OK;
	if (s == NULL && mode == CONFIG_OPTIONS)
		refuse(why, var, "unknown");
	if (s == NULL)
		return mode == CONFIG_OPTIONS ? PC_ENOENT : PC_OK;
	err = read_value(c, s, field);
	if (err == PC_OK)
		return PC_OK;
	if (mode != CONFIG_STORED)
		return refuse(why, var, "this value is not possible");
	if (s->at == AT(access))
		c->access = ACCESS_WHITELIST; /* rather nobody than everybody */
	return PC_OK;
}

static int read_fields(struct config *c, const pc_stanza *form, enum config_mode mode,
                       char why[static CONFIG_WHY])
{
	int err = PC_OK;

	for (pc_stanza *f = pc_stanza_first(form); f && err == PC_OK; f = pc_stanza_next(f))
		if (pc_stanza_is(f, "field", PC_NS_FORMS))
			err = read_field(c, f, mode, why);
	return err;
}

/* `was`: what may stay although it would not be granted today. */
static int check_limits(const struct config *c, const struct config *was,
                        const struct limits *limits, char why[static CONFIG_WHY])
{
	if (!limits->presence && (c->access == ACCESS_PRESENCE || c->access == ACCESS_ROSTER)) {
		refuse(why, "pubsub#access_model", "not here");
		return PC_ENOTSUP;
	}
	if (c->max_items != CONFIG_MAX && c->max_items > limits->max_items &&
	    c->max_items != was->max_items)
		return refuse(why, "pubsub#max_items", "more than are kept here");
	if (c->max_payload != CONFIG_MAX && c->max_payload > limits->max_payload &&
	    c->max_payload != was->max_payload)
		return refuse(why, "pubsub#max_payload_size", "more than is taken here");
	return PC_OK;
}

static bool is_form_for(const pc_stanza *form, enum config_mode mode)
{
	const char *type = pc_form_type(form), *kind = pc_stanza_get(form, "type");

	if (kind && strcmp(kind, "submit") != 0)
		return false;
	return type == NULL ||
	       strcmp(type, mode == CONFIG_OPTIONS ? FORM_OPTIONS : FORM_CONFIG) == 0;
}

int config_read(struct config *c, const pc_stanza *form, const struct limits *limits,
                enum config_mode mode, char why[static CONFIG_WHY])
{
	struct config new;
	int err;

	why[0] = '\0';
	if (mode != CONFIG_STORED && !is_form_for(form, mode))
		return refuse(why, "FORM_TYPE", "this is another form");
	config_copy(&new, c);
	err = read_fields(&new, form, mode, why);
	if (err == PC_OK && mode != CONFIG_STORED)
		err = check_limits(&new, c, limits, why);
	if (err == PC_OK) {
		config_free(c);
		*c = new;
	} else {
		config_free(&new);
	}
	return err;
}

/* ------------------------------------------------------------ comparing */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_groups(const struct config *a, const struct config *b)
{
	bool same = a->n_groups == b->n_groups;

	for (size_t i = 0; same && i < a->n_groups; i++)
		same = strcmp(a->groups[i], b->groups[i]) == 0;
	return same;
}

/* "max" and the number that it stands for are the same. */
static bool same_number(int64_t a, int64_t b, int64_t most)
{
	return (a < most ? a : most) == (b < most ? b : most);
}

static bool same_value(const struct config *a, const struct config *b, const struct setting *s,
                       const struct limits *limits)
{
	int64_t most = s->at == AT(max_items)     ? limits->max_items
	               : s->at == AT(max_payload) ? limits->max_payload
	                                          : CONFIG_MAX;

	switch (s->kind) {
	case TEXT:
		return same_text(*(char **)at(a, s), *(char **)at(b, s));
	case NUMBER:
		return same_number(*(int64_t *)at(a, s), *(int64_t *)at(b, s), most);
	case GROUPS:
		return same_groups(a, b);
	default:
		return *(int *)at(a, s) == *(int *)at(b, s);
	}
}

int config_meets(const struct config *c, const pc_stanza *form, const struct limits *limits,
                 char why[static CONFIG_WHY])
{
	struct config wanted;
	int err;

	config_copy(&wanted, c);
	err = config_read(&wanted, form, limits, CONFIG_OPTIONS, why);
	for (size_t i = 0; err == PC_OK && i < SETTINGS; i++)
		if (!same_value(c, &wanted, &settings[i], limits)) {
			refuse(why, settings[i].var, "the node has another value");
			err = PC_ECONFLICT;
		}
	config_free(&wanted);
	return err;
}

/* ------------------------------------------------------------ writing */

static void add_number(pc_values *values, const char *var, int64_t number)
{
	if (number == CONFIG_MAX)
		pc_values_add(values, var, "max");
	else
		pc_values_add_int(values, var, number);
}

static void add_value(const struct config *c, const struct setting *s, pc_values *values)
{
	switch (s->kind) {
	case TEXT:
		pc_values_add(values, s->var, *(char **)at(c, s));
		break;
	case BOOLEAN:
		pc_values_add(values, s->var, *(int *)at(c, s) ? "1" : "0");
		break;
	case NUMBER:
		add_number(values, s->var, *(int64_t *)at(c, s));
		break;
	case CHOICE:
		pc_values_add(values, s->var, s->choices[*(int *)at(c, s)].value);
		break;
	default:
		for (size_t i = 0; i < c->n_groups; i++)
			pc_values_add(values, s->var, c->groups[i]);
	}
}

static pc_values *values_of(const struct config *c)
{
	pc_values *values = pc_values_new();

	for (size_t i = 0; i < SETTINGS; i++)
		add_value(c, &settings[i], values);
	return values;
}

static pc_field field_of(const struct setting *s, bool presence)
{
	static const pc_field_type field_types[] = { [TEXT] = PC_FIELD_TEXT,
		                                     [BOOLEAN] = PC_FIELD_BOOLEAN,
		                                     [CHOICE] = PC_FIELD_LIST,
		                                     [NUMBER] = PC_FIELD_TEXT,
		                                     [GROUPS] = PC_FIELD_CHOICES };

	return (pc_field){
		.var = s->var,
		.label = s->label,
		.type = field_types[s->kind],
		.choices =
		        s->choices == access_models && !presence ? plain_access_models : s->choices,
	};
}

static void describe(pc_field fields[static SETTINGS + 1], bool presence)
{
	size_t n = 0;

	for (size_t i = 0; i < SETTINGS; i++)
		if (presence || settings[i].kind != GROUPS)
			fields[n++] = field_of(&settings[i], presence);
	fields[n] = (pc_field){ 0 };
}

void config_ask(const struct config *c, const struct limits *limits, pc_stanza *parent)
{
	pc_values *values = values_of(c);
	pc_field fields[SETTINGS + 1];

	describe(fields, limits->presence);
	pc_form_ask(
	        parent,
	        &(pc_form){ .title = "Node settings", .form_type = FORM_CONFIG, .fields = fields },
	        values);
	pc_values_free(&values);
}

void config_keep(const struct config *c, pc_stanza *parent)
{
	pc_values *values = values_of(c);
	pc_field fields[SETTINGS + 1];

	describe(fields, true);
	pc_form_submit(parent, &(pc_form){ .form_type = FORM_CONFIG, .fields = fields }, values);
	pc_values_free(&values);
}

void config_tell(const struct config *c, const pc_values *more, pc_stanza *parent)
{
	static const char *const public[] = { "pubsub#title",        "pubsub#description",
		                              "pubsub#type",         "pubsub#language",
		                              "pubsub#access_model", "pubsub#publish_model",
		                              "pubsub#max_items" };
	enum { N = sizeof(public) / sizeof(public[0]) };
	pc_field fields[N + 3] = { 0 };
	pc_values *values = pc_values_new();

	for (size_t i = 0; i < N; i++) {
		fields[i] = field_of(find(public[i]), true);
		add_value(c, find(public[i]), values);
	}
	fields[N] = (pc_field){ .var = "pubsub#owner", .label = "Owners", .type = PC_FIELD_JIDS };
	fields[N + 1] = (pc_field){ .var = "pubsub#num_subscribers", .label = "Subscribers" };
	for (size_t i = 0; i < pc_values_count(more, "pubsub#owner"); i++)
		pc_values_add(values, "pubsub#owner", pc_values_at(more, "pubsub#owner", i));
	pc_values_add(values, "pubsub#num_subscribers",
	              pc_values_get(more, "pubsub#num_subscribers"));
	pc_form_tell(parent, &(pc_form){ .form_type = FORM_META, .fields = fields }, values);
	pc_values_free(&values);
}
