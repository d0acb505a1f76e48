/*
 * mod_mimicking - nobody registers a name that looks like somebody else's.
 *
 * A name is noted before its account is made: a stop in between leaves a note about nobody, never
 * an account that nobody has noted. While one is being made, who looks like it must wait.
 */
#include "mimicking.h"

#include <stdlib.h>
#include <string.h>

#define CLAIM_SECONDS 60 /* longer than a registration takes */
#define CLAIMS_MOST 1000

/* Something that is read and then acted on; memory of the instance. */
struct op {
	pc_module *m;
	pc_token token; /* of a registration */
	char *names;    /* that have the skeleton */
	char *asked;    /* the one whose account is looked for; in a copy of them */
	char *rest;
	char *copy;
	char *skeleton;
	char name[PC_JID_PART_MAX + 1];
};

static char *copy_of(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		abort(); /* out of memory ends the process */
	return copy;
}

static struct op *op_new(pc_module *m, const char *name, char *skeleton)
{
	struct op *op = pc_module_alloc(m, sizeof(*op));
	size_t size = strlen(skeleton) + 1;

	op->m = m;
	op->skeleton = memcpy(pc_module_alloc(m, size), skeleton, size);
	memcpy(op->name, name, strnlen(name, PC_JID_PART_MAX));
	free(skeleton);
	return op;
}

static void op_free(struct op *op)
{
	pc_module_free(op->m, op->skeleton);
	if (op->names) {
		pc_module_free(op->m, op->names);
		pc_module_free(op->m, op->copy);
	}
	pc_module_free(op->m, op);
}

static char *keep(pc_module *m, const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(pc_module_alloc(m, size), text, size);
}

/* The next name of a list, which is cut up; NULL at the end. */
static char *next_name(char **list)
{
	char *name = *list;
	size_t len = strcspn(name, " ");

	if (len == 0)
		return NULL;
	*list = name + len + (name[len] == ' ');
	name[len] = '\0';
	return name;
}

static bool has(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = names; *at; at += strcspn(at, " "), at += *at == ' ')
		if (strncmp(at, name, len) == 0 && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

/* ------------------------------------------------------------ registrations under way */

static void drop_claim(struct mimicking *mi, struct claim **at)
{
	struct claim *c = *at;

	*at = c->next;
	mi->n_claims--;
	free(c->skeleton);
	free(c->name);
	free(c);
}

/* Does somebody else who looks like that register now? Else it is ours. */
static bool is_claimed(struct mimicking *mi, const char *skeleton, const char *name)
{
	struct claim **at = &mi->claims, *c;

	while (*at) {
		c = *at;
		if (c->until < pc_now_ms() ||
		    (strcmp(c->skeleton, skeleton) == 0 && strcmp(c->name, name) == 0))
			drop_claim(mi, at);
		else if (strcmp(c->skeleton, skeleton) == 0)
			return true;
		else
			at = &c->next;
	}
	if (mi->n_claims == CLAIMS_MOST)
		return true;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		abort();
	*c = (struct claim){ mi->claims, copy_of(skeleton), copy_of(name),
		             pc_now_ms() + CLAIM_SECONDS * INT64_C(1000) };
	mi->claims = c;
	mi->n_claims++;
	return false;
}

static void unclaim(struct mimicking *mi, const char *skeleton, const char *name)
{
	struct claim **at = &mi->claims;

	while (*at && (strcmp((*at)->skeleton, skeleton) != 0 || strcmp((*at)->name, name) != 0))
		at = &(*at)->next;
	if (*at)
		drop_claim(mi, at);
}

/* ------------------------------------------------------------ registering */

static void refuse(pc_event *ev)
{
	pc_event_set_int(ev, "allowed", 0);
	pc_event_set_str(ev, "error_type", "cancel");
	pc_event_set_str(ev, "error_condition", "conflict");
	pc_event_set_str(ev, "reason", "The requested username looks like another one");
}

static void end_registering(struct op *op, pc_result result)
{
	struct mimicking *mi = pc_module_data(op->m);
	pc_event *ev = pc_token_event(op->token);
	pc_token token = op->token;

	if (ev && result == PC_HANDLED) {
		pc_log(op->m, PC_INFO, "%s may not be registered: it looks like %s", op->name,
		       op->asked);
		refuse(ev);
	}
	if (result != PC_PASS)
		unclaim(mi, op->skeleton, op->name);
	op_free(op);
	pc_event_resume(token, result);
}

/* Nobody has that look: from now on, this one. What else was noted are no accounts. */
static void note(struct op *op)
{
	const struct mimicking *mi = pc_module_data(op->m);

	pc_store_set_keys(mi->store, NULL, &(pc_item){ op->skeleton, op->name, strlen(op->name) },
	                  1, NULL, NULL);
	end_registering(op, PC_PASS);
}

static void look_at_next(struct op *op);

static void on_exists(int err, void *data)
{
	struct op *op = data;

	if (err == PC_ENOENT)
		look_at_next(op);
	else
		end_registering(op, err == PC_OK ? PC_HANDLED : err);
}

static void look_at_next(struct op *op)
{
	op->asked = next_name(&op->rest);
	if (op->asked && strcmp(op->asked, op->name) == 0)
		op->asked = next_name(&op->rest);
	if (op->asked)
		pc_user_exists(op->m, pc_module_host(op->m), op->asked, on_exists, op);
	else
		note(op);
}

static void on_read(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;

	if (err != PC_OK && err != PC_ENOENT) {
		end_registering(op, err);
		return;
	}
	op->names = keep(op->m, err == PC_OK && n > 0 ? items[0].value : "");
	op->copy = keep(op->m, op->names);
	op->rest = op->copy;
	look_at_next(op);
}

static pc_result on_registering(pc_event *ev, void *data)
{
	struct mimicking *mi = data;
	pc_module *m = pc_event_module(ev);
	const char *name = pc_event_str(ev, "username");
	char *skeleton = pc_event_int(ev, "allowed") ? skeleton_of(mi->skeletons, name) : NULL;
	struct op *op;

	if (skeleton == NULL)
		return PC_PASS;
	if (is_claimed(mi, skeleton, name)) {
		free(skeleton);
		refuse(ev);
		return PC_HANDLED;
	}
	op = op_new(m, name, skeleton);
	op->token = pc_event_suspend(ev);
	pc_store_get_key(mi->store, NULL, op->skeleton, on_read, op);
	return PC_SUSPENDED;
}

static pc_result on_registered(pc_event *ev, void *data)
{
	struct mimicking *mi = data;
	const char *name = pc_event_str(ev, "username");
	char *skeleton = skeleton_of(mi->skeletons, name);

	if (skeleton)
		unclaim(mi, skeleton, name);
	free(skeleton);
	return PC_PASS;
}

/* ------------------------------------------------------------ accounts that go */

static void on_names(int err, const pc_item *items, size_t n, void *data);

static void on_swapped(int err, void *data)
{
	struct op *op = data;
	const struct mimicking *mi = pc_module_data(op->m);

	if (err == PC_ECONFLICT) /* somebody else has changed them */
		pc_store_get_key(mi->store, NULL, op->skeleton, on_names, op);
	else
		op_free(op);
}

/* The names without that one. */
static void put_others(char *out, char *names, const char *name)
{
	const char *one;

	*out = '\0';
	while ((one = next_name(&names)) != NULL) {
		size_t len = strlen(one);

		if (strcmp(one, name) == 0)
			continue;
		memcpy(out, one, len);
		out[len] = ' ';
		out[len + 1] = '\0';
		out += len + 1;
	}
}

static void on_names(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;
	const struct mimicking *mi = pc_module_data(op->m);
	char *copy, *others;

	if (err != PC_OK || n == 0 || !has(items[0].value, op->name)) {
		op_free(op);
		return;
	}
	copy = copy_of(items[0].value);
	others = calloc(strlen(copy) + 2, 1);
	if (others == NULL)
		abort();
	put_others(others, copy, op->name);
	pc_store_swap(mi->store, NULL, op->skeleton, items[0].value, *others ? others : NULL,
	              on_swapped, op);
	free(others);
	free(copy);
}

static pc_result on_deleted(pc_event *ev, void *data)
{
	const struct mimicking *mi = data;
	const char *name = pc_event_str(ev, "username");
	char *skeleton = skeleton_of(mi->skeletons, name);
	struct op *op;

	if (skeleton == NULL)
		return PC_PASS;
	op = op_new(pc_event_module(ev), name, skeleton);
	pc_store_get_key(mi->store, NULL, op->skeleton, on_names, op);
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct mimicking *mi = pc_module_data(m);
	const char *error;

	mi->skeletons = skeletons_new(&error);
	if (mi->skeletons == NULL)
		pc_module_fail(m, "ICU does not say what looks alike: %s", error);
	mi->store = pc_store_open(m, "skeletons", PC_STORE_MAP);
	/* After those who ask for less. */
	pc_hook(m, "user-registering", on_registering, -1);
	pc_hook(m, "user-registered", on_registered, 0);
	pc_hook(m, "user-deleted", on_deleted, 0);
}

static void unload(pc_module *m)
{
	struct mimicking *mi = pc_module_data(m);

	bootstrap_free(&mi->bootstrap);
	while (mi->claims)
		drop_claim(mi, &mi->claims);
	if (mi->skeletons)
		skeletons_free(&mi->skeletons);
}

static const pc_command commands[] = {
	{ "mimicking", "bootstrap", "HOST",
	  "Notes what the accounts look like that were made without mimicking; lists those alike",
	  bootstrap_run },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "skeletons", PC_STORE_MAP, "which accounts look alike (host): skeleton, names" },
	{ 0 },
};

PC_MODULE(mimicking, .summary = "No registration of names that look like others (UTS #39)",
          .data_size = sizeof(struct mimicking), .load = load, .unload = unload,
          .commands = commands, .stores = stores);
