#include <prosody-c/blocking.h>

#include "privilege.h"

const pc_stanza *only_child(const pc_stanza *st, const char *name, const char *ns)
{
	const pc_stanza *child = st ? pc_stanza_first(st) : NULL;

	return child && pc_stanza_next(child) == NULL && pc_stanza_is(child, name, ns) ? child
	                                                                               : NULL;
}

/* ------------------------------------------------------------ is it an account of ours? */

struct waiting {
	pc_module *m;
	pc_token token;
	managed_fn *fn;
};

static pc_result go_on(pc_event *ev, int err, managed_fn *fn)
{
	if (err == PC_OK)
		return fn(ev);
	if (err == PC_ENOENT)
		return refuse(ev, "forbidden", "there is no such account");
	return err;
}

static void on_exists(int err, void *data)
{
	struct waiting w = *(struct waiting *)data;
	pc_event *ev = pc_token_event(w.token);

	pc_module_free(w.m, data);
	if (ev)
		pc_event_resume(w.token, go_on(ev, err, w.fn));
}

pc_result with_account(pc_event *ev, const char *user, managed_fn *fn)
{
	pc_module *m = pc_event_module(ev);
	int known = pc_user_known(pc_event_host(ev), user);
	struct waiting *w;

	if (known >= 0)
		return go_on(ev, known ? PC_OK : PC_ENOENT, fn);
	w = pc_module_alloc(m, sizeof(*w));
	*w = (struct waiting){ m, pc_event_suspend(ev), fn };
	pc_user_exists(m, pc_event_host(ev), user, on_exists, w);
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ where to */

bool is_blocked(pc_module *m, const char *user, const char *jid)
{
	pc_module *owner;
	const pc_blocking *service = pc_provider(pc_module_host(m), "blocking", &owner);

	return service && service->blocks(owner, user, jid);
}

int recipient(const pc_stanza *st, const char *account, char out[static PC_JID_MAX + 1])
{
	const char *to = pc_stanza_get(st, "to");
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (pc_jid_parse(to ? to : account, buf, &jid) != PC_OK)
		return PC_EINVAL;
	pc_jid_write(&jid, out);
	return PC_OK;
}
