/*
 * create.c - making an invitation: are the people there, is the name free, then one write.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "invites.h"

struct making {
	pc_invites *invites;
	pc_invite_fn *fn;
	void *data;
	struct record record; /* without a tree: its texts are copies */
	char *old;            /* the token that has reserved the name, and is good no more */
};

static void free_text(pc_module *m, const char *text)
{
	if (text)
		pc_module_free(m, (void *)(uintptr_t)text);
}

static void making_end(struct making *mk, int err)
{
	const pc_invite *invite = &mk->record.invite;
	pc_module *m = mk->invites->m;

	if (err == PC_OK)
		link_tell(mk->invites, &mk->record, mk->fn, mk->data);
	else
		mk->fn(err, NULL, mk->data);
	free_text(m, invite->username);
	free_text(m, invite->inviter);
	free_text(m, invite->role);
	free_text(m, mk->old);
	pc_module_free(m, mk);
}

/* ------------------------------------------------------------ the write */

static void on_kept(int err, void *data)
{
	struct making *mk = data;
	pc_module *owner = invites_owner(mk->invites);
	const pc_arg args[] = { PC_STR("token", mk->record.token),
		                PC_STR("username", mk->record.invite.username),
		                PC_STR("inviter", mk->record.invite.inviter) };

	if (err == PC_OK && owner)
		pc_notify(owner, "invite-created", &(pc_fire_args){ .args = args, .n_args = 3 });
	making_end(mk, err);
}

static void keep(struct making *mk)
{
	const pc_invite *invite = &mk->record.invite;
	pc_batch *batch = pc_batch_new(mk->invites->m);
	char *text = record_write(invite, NULL, 0);

	pc_batch_set_keys(batch, mk->invites->store, NULL,
	                  &(pc_item){ mk->record.token, text, strlen(text) }, 1);
	if (invite->inviter)
		pc_batch_set_keys(batch, mk->invites->store, invite->inviter,
		                  &(pc_item){ mk->record.token, "", 0 }, 1);
	pc_batch_commit(batch, on_kept, mk);
	free(text);
}

/* ------------------------------------------------------------ the name */

static void on_name_taken(int err, void *data)
{
	if (err == PC_OK)
		keep(data);
	else
		making_end(data, err == PC_ECONFLICT ? PC_EEXIST : err);
}

static void take_name(struct making *mk)
{
	char key[NAME_KEY_SIZE];

	name_key(mk->record.invite.username, key);
	pc_store_swap(mk->invites->store, NULL, key, mk->old, mk->record.token, on_name_taken, mk);
}

static void on_reserved(int err, void *data)
{
	if (err == PC_OK)
		take_name(data);
	else
		making_end(data, err);
}

static void on_name(int err, const pc_item *items, size_t n, void *data)
{
	struct making *mk = data;

	if (err) {
		making_end(mk, err);
		return;
	}
	mk->old = n > 0 ? invites_copy(mk->invites->m, items[0].value) : NULL;
	invites_reserved(mk->invites, mk->record.invite.username, NULL, on_reserved, mk);
}

static void on_user(int err, void *data)
{
	struct making *mk = data;
	const pc_invite *invite = &mk->record.invite;
	char key[NAME_KEY_SIZE];

	if (invite->kind == PC_INVITE_RESET && err == PC_OK) {
		keep(mk);
	} else if (invite->kind == PC_INVITE_RESET) {
		making_end(mk, err);
	} else if (err != PC_ENOENT) {
		making_end(mk, err == PC_OK ? PC_EEXIST : err);
	} else {
		name_key(invite->username, key);
		pc_store_get_key(mk->invites->store, NULL, key, on_name, mk);
	}
}

static void ask_user(struct making *mk)
{
	if (mk->record.invite.username)
		pc_user_exists(mk->invites->m, mk->invites->host, mk->record.invite.username,
		               on_user, mk);
	else
		keep(mk);
}

/* ------------------------------------------------------------ the inviter */

static void on_list(int err, const pc_item *items, size_t n, void *data)
{
	struct making *mk = data;
	pc_module *owner = invites_owner(mk->invites);

	(void)items;
	if (err || owner == NULL)
		making_end(mk, err ? err : PC_ENOTSUP);
	else if (n >= (size_t)pc_opt_int(owner, "invites_per_user"))
		making_end(mk, PC_ELIMIT);
	else
		ask_user(mk);
}

static void on_inviter(int err, void *data)
{
	struct making *mk = data;

	if (err == PC_OK)
		pc_store_get(mk->invites->store, mk->record.invite.inviter, on_list, mk);
	else
		making_end(mk, err == PC_EPERM ? PC_ENOENT : err);
}

/* ------------------------------------------------------------ the wish */

static bool makes_sense(const pc_invite *wish)
{
	switch (wish->kind) {
	case PC_INVITE_ACCOUNT:
		return !(wish->reusable && wish->username) && (!wish->subscribes || wish->inviter);
	case PC_INVITE_CONTACT:
		return wish->inviter && wish->username == NULL;
	case PC_INVITE_RESET:
		return wish->username && !wish->reusable;
	default:
		return false;
	}
}

static int64_t expiry(pc_module *owner, const pc_invite *wish, int64_t now)
{
	double seconds = pc_opt_seconds(owner, "invite_expiry");

	if (wish->expires)
		return wish->expires;
	return isinf(seconds) ? INT64_MAX : now + (int64_t)(seconds * 1000);
}

static struct making *making_new(pc_invites *invites, const pc_invite *wish, pc_invite_fn *fn,
                                 void *data)
{
	struct making *mk = pc_module_alloc(invites->m, sizeof(*mk));
	pc_module *owner = invites_owner(invites), *m = invites->m;
	pc_invite *invite = &mk->record.invite;

	mk->invites = invites;
	mk->fn = fn;
	mk->data = data;
	*invite = *wish;
	invite->size = sizeof(*invite);
	invite->username = invites_copy(m, wish->username);
	invite->inviter = invites_copy(m, wish->inviter);
	invite->role = invites_copy(m, wish->role);
	invite->created = pc_time_ms();
	invite->expires = owner ? expiry(owner, wish, invite->created) : 0;
	invite->claimed_by = NULL;
	pc_random_id(mk->record.token);
	return mk;
}

/* A callback never comes before the call has returned: what fails at once waits for a turn. */
static void on_senseless(void *data)
{
	making_end(data, PC_EINVAL);
}

void invites_create(pc_invites *invites, const pc_invite *wish, pc_invite_fn *fn, void *data)
{
	struct making *mk = making_new(invites, wish, fn, data);

	if (invites_owner(invites) == NULL || !makes_sense(wish))
		pc_after(invites->m, 0, on_senseless, mk);
	else if (wish->inviter)
		pc_user_enabled(invites->m, invites->host, wish->inviter, on_inviter, mk);
	else
		ask_user(mk);
}
