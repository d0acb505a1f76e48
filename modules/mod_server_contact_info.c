/*
 * mod_server_contact_info.c - whom to write to about this server (XEP-0157).
 *
 * What other modules say in the same form comes by items of the kind "server-info-field": a name, a
 * value, NULL (const char *const *).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define FORM_TYPE "http://jabber.org/network/serverinfo"

static const pc_option options[] = {
	{ .name = "contact_info",
	  .type = PC_OPT_TABLE,
	  .help = "Addresses as URIs, lists of them by abuse, admin, feedback, sales, security, "
	          "status, support" },
	{ .name = "admins",
	  .type = PC_OPT_SET,
	  .dflt = "",
	  .inherited = true,
	  .help = "Accounts that administer: the contacts of the kind admin where none are given" },
	{ 0 },
};

static const char *const kinds[] = { "abuse",    "admin",  "feedback", "sales",
	                             "security", "status", "support" };

struct contacts {
	pc_stanza *form;
};

static void add_value(pc_stanza *form, pc_stanza **field, const char *kind, const char *value)
{
	char var[32];

	if (*field == NULL) {
		snprintf(var, sizeof(var), "%s-addresses", kind);
		*field = pc_stanza_open(form, "field", NULL);
		pc_stanza_set(*field, "type", "list-multi");
		pc_stanza_set(*field, "var", var);
	}
	pc_stanza_leaf(*field, "value", value);
}

/* One address, or a list of them. */
static pc_stanza *add_configured(pc_module *m, pc_stanza *form, const char *kind)
{
	const char *value = pc_opt_field(m, "contact_info", kind);
	pc_stanza *field = NULL;
	char name[32];

	if (value)
		add_value(form, &field, kind, value);
	for (unsigned i = 1;; i++) {
		snprintf(name, sizeof(name), "%s.%u", kind, i);
		value = pc_opt_field(m, "contact_info", name);
		if (value == NULL)
			return field;
		add_value(form, &field, kind, value);
	}
}

static void add_admins(pc_module *m, pc_stanza *form)
{
	pc_stanza *field = NULL;

	for (size_t i = 0; i < pc_opt_count(m, "admins"); i++) {
		char uri[PC_JID_MAX + 8];

		snprintf(uri, sizeof(uri), "xmpp:%s", pc_opt_at(m, "admins", i));
		add_value(form, &field, "admin", uri);
	}
}

static bool add_field(const void *item, pc_module *owner, void *data)
{
	const char *const *field = item;
	pc_stanza *element = pc_stanza_open(data, "field", NULL);

	(void)owner;
	pc_stanza_set(element, "var", field[0]);
	pc_stanza_leaf(element, "value", field[1]);
	return true;
}

static pc_stanza *make(pc_module *m)
{
	pc_stanza *form = pc_stanza_new("x", PC_NS_FORMS);
	pc_stanza *field = pc_stanza_open(form, "field", NULL);
	bool any = false;

	pc_stanza_set(form, "type", "result");
	pc_stanza_set(field, "type", "hidden");
	pc_stanza_set(field, "var", "FORM_TYPE");
	pc_stanza_leaf(field, "value", FORM_TYPE);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		any |= add_configured(m, form, kinds[i]) != NULL;
	if (!any)
		add_admins(m, form);
	pc_each_item(pc_module_host(m), "server-info-field", add_field, form);
	return form;
}

static void show(pc_module *m)
{
	struct contacts *c = pc_module_data(m);

	c->form = make(m);
	if (pc_stanza_next(pc_stanza_first(c->form)))
		pc_add_item(m, "extension", c->form);
	else
		pc_stanza_free(&c->form); /* nobody to name */
}

static void hide(pc_module *m)
{
	struct contacts *c = pc_module_data(m);

	if (c->form)
		pc_remove_item(m, "extension", c->form);
	pc_stanza_free(&c->form);
}

static void config_changed(pc_module *m)
{
	hide(m);
	show(m);
}

static pc_result on_field(pc_event *ev, void *data)
{
	(void)data;
	config_changed(pc_event_module(ev));
	return PC_PASS;
}

static void load(pc_module *m)
{
	show(m);
	pc_hook(m, "item-added/server-info-field", on_field, 0);
	pc_hook(m, "item-removed/server-info-field", on_field, 0);
}

PC_MODULE(server_contact_info, .summary = "Whom to write to about this server",
          .xeps = "0157:1.1.1", .data_size = sizeof(struct contacts), .options = options,
          .load = load, .unload = hide, .config_changed = config_changed);
