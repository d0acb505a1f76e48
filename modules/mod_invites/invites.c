/*
 * invites.c - the module invites: its options, the service, and what ends invitations that nobody
 * has used: time, and the removal of their inviter.
 */
#include "invites.h"

#include <stdio.h>
#include <string.h>

#define KEEP_MS 3600000 /* that have expired: somebody may be redeeming them still */

pc_module *invites_owner(const pc_invites *invites)
{
	pc_module *owner = NULL;

	pc_provider(invites->host, "invites", &owner);
	return owner;
}

char *invites_copy(pc_module *m, const char *text)
{
	size_t size = text ? strlen(text) + 1 : 0;
	char *copy = text ? pc_module_alloc(m, size) : NULL;

	if (copy)
		memcpy(copy, text, size);
	return copy;
}

/* The name may be another invitation's by now: that one keeps it. */
static void free_name(const pc_invites *invites, const struct record *r)
{
	char name[NAME_KEY_SIZE];

	if (r->invite.kind != PC_INVITE_ACCOUNT || r->invite.username == NULL)
		return;
	name_key(r->invite.username, name);
	pc_store_swap(invites->store, NULL, name, r->token, NULL, NULL, NULL);
}

pc_ticket invites_drop(const pc_invites *invites, const struct record *r, pc_done_fn *fn,
                       void *data)
{
	pc_batch *batch = pc_batch_new(invites->m);
	const pc_item item = { .key = r->token };

	pc_batch_set_keys(batch, invites->store, NULL, &item, 1);
	if (r->invite.inviter)
		pc_batch_set_keys(batch, invites->store, r->invite.inviter, &item, 1);
	free_name(invites, r);
	return pc_batch_commit(batch, fn, data);
}

/* ------------------------------------------------------------ the service */

static pc_invites *open_for(pc_module *m)
{
	pc_invites *invites = pc_module_alloc(m, sizeof(*invites));
	int64_t *started = pc_shared(m, "invites/started", sizeof(*started));

	if (started && *started == 0)
		*started = pc_time_ms();
	invites->started = started;
	invites->m = m;
	invites->host = pc_module_host(m);
	invites->store = pc_store_open(m, "invite_token", PC_STORE_MAP);
	return invites;
}

static const pc_invites_service service = { .size = sizeof(service),
	                                    .open = open_for,
	                                    .create = invites_create,
	                                    .look = invites_look,
	                                    .claim = invites_claim,
	                                    .claimed = invites_claimed,
	                                    .unsettled = invites_unsettled,
	                                    .use = invites_use,
	                                    .release = invites_release,
	                                    .reserved = invites_reserved };

/* ------------------------------------------------------------ the end of invitations */

struct ending {
	pc_invites *invites;
	char inviter[PC_JID_PART_MAX + 1]; /* "": those that have expired end */
};

static bool ends(const struct ending *e, const pc_invite *invite)
{
	if (e->inviter[0])
		return invite->inviter && strcmp(invite->inviter, e->inviter) == 0;
	return invite->expires < pc_time_ms() - KEEP_MS;
}

static void on_all(int err, const pc_item *items, size_t n, void *data)
{
	struct ending *e = data;
	struct record r;

	for (size_t i = 0; err == PC_OK && i < n; i++) {
		if (!token_is_possible(items[i].key) ||
		    !record_read(&r, items[i].key, items[i].value, items[i].len))
			continue;
		if (ends(e, &r.invite))
			invites_drop(e->invites, &r, NULL, NULL);
		record_free(&r);
	}
	pc_module_free(e->invites->m, e);
}

static void end_all(pc_invites *invites, const char *inviter)
{
	struct ending *e = pc_module_alloc(invites->m, sizeof(*e));

	e->invites = invites;
	snprintf(e->inviter, sizeof(e->inviter), "%s", inviter);
	pc_store_get(invites->store, NULL, on_all, e);
}

static void clean_up(void *data)
{
	end_all(*(pc_invites **)pc_module_data(data), "");
}

/* The account's own list goes with it, maybe before it could be read. */
static pc_result on_deleted(pc_event *ev, void *data)
{
	end_all(*(pc_invites **)data, pc_event_str(ev, "username"));
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	pc_invites **invites = pc_module_data(m);

	*invites = open_for(m);
	pc_provide(m, "invites", &service);
	pc_hook(m, "user-deleted", on_deleted, 0);
	pc_cron(m, "cleanup", "daily", clean_up, m);
}

static const pc_option options[] = {
	{ .name = "invite_expiry",
	  .type = PC_OPT_PERIOD,
	  .dflt = "1 week",
	  .min = 1,
	  .max = 3153600000,
	  .live = true,
	  .help = "How long an invitation is good for" },
	{ .name = "invites_per_user",
	  .type = PC_OPT_INTEGER,
	  .dflt = "100",
	  .min = 1,
	  .max = 100000,
	  .live = true,
	  .help = "Invitations that an account may have out at a time" },
	{ .name = "invites_page",
	  .type = PC_OPT_STRING,
	  .live = true,
	  .help = "Web page for invitations: {invite.token}, {invite.uri}, {host} stand for "
	          "those" },
	{ .name = "invites_page_supports",
	  .type = PC_OPT_SET,
	  .dflt = "{ \"account\", \"contact\", \"account-and-contact\" }",
	  .live = true,
	  .help = "What the page is for; also \"password-reset\"" },
	{ .name = "invites_cleanup_period",
	  .type = PC_OPT_PERIOD,
	  .min = 1,
	  .max = 31536000,
	  .help = "How often expired invitations are removed (default: daily)" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "invite-created", PC_NOTICE, "There is an invitation: `token`, `username`, `inviter`" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "invite_token", PC_STORE_MAP,
	  "Of the host: invitations by token, and names that they reserve; of an account: the "
	  "tokens of its invitations" },
	{ 0 },
};

PC_MODULE(invites, .summary = "Links that invite others to register, or to become a contact",
          .xeps = "0379:0.3.3 0401:0.6.0", .data_size = sizeof(pc_invites *), .options = options,
          .events = events, .stores = stores, .commands = invites_commands, .load = load);
