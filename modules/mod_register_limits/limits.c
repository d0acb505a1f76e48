/*
 * mod_register_limits - who may register, and how often.
 *
 * Each address (IPv6: each /64) has a bucket of registration_throttle_max registrations, which
 * fills again in registration_throttle_period; and so has each network around it (IPv4: /24, IPv6:
 * /48), with registration_throttle_network_max. Attempts count, whether they succeed or not: else
 * names could be tried without end. A full table forgets who has been silent for longest.
 */
#include <prosody-c/prosody-c.h>
#include <prosody-c/table.h>

#include <math.h>
#include <string.h>

#include "network.h"

#define BLOCKED_MOST 10000 /* addresses that blocklist_on_registration_throttle_overload adds */

struct bucket {
	struct network who; /* the key */
	double level;       /* registrations that count still */
	int64_t when;       /* ms, of `level` */
	UT_hash_handle hh;  /* in the order of use */
};

struct table {
	struct bucket *all;
	double most;
};

struct limits {
	struct network *allowed, *blocked;
	size_t n_allowed, n_blocked;
	struct table addresses, networks;
	struct bucket *overloaded; /* blocked since they were too many */
	double period;
	pc_metric *throttled;
};

/* ------------------------------------------------------------ lists */

static struct network *load_list(pc_module *m, const char *option, size_t *n_r)
{
	size_t n = pc_opt_count(m, option);
	struct network *list = n > 0 ? pc_module_alloc(m, n * sizeof(*list)) : NULL;

	*n_r = 0;
	for (size_t i = 0; i < n; i++) {
		if (network_parse(pc_opt_at(m, option, i), &list[*n_r]))
			(*n_r)++;
		else
			pc_log(m, PC_ERROR, "%s: %s is no address and no network", option,
			       pc_opt_at(m, option, i));
	}
	return list;
}

static bool is_listed(const struct network *list, size_t n, const struct network *who)
{
	for (size_t i = 0; i < n; i++)
		if (network_has(&list[i], who))
			return true;
	return false;
}

/* ------------------------------------------------------------ buckets */

static void settle(const struct limits *l, const struct table *t, struct bucket *b)
{
	int64_t now = pc_now_ms();
	double gone = (double)(now - b->when) / 1000.0 * t->most / l->period;

	b->level = b->level > gone ? b->level - gone : 0;
	b->when = now;
}

static void block(struct limits *l, struct bucket *b)
{
	if (HASH_COUNT(l->overloaded) >= BLOCKED_MOST)
		free(b);
	else
		HASH_ADD(hh, l->overloaded, who, sizeof(b->who), b);
}

/* The one that was used least recently makes room. */
static void make_room(pc_module *m, struct limits *l, struct table *t)
{
	struct bucket *oldest = t->all;

	if (HASH_COUNT(t->all) < (size_t)pc_opt_int(m, "registration_throttle_cache_size"))
		return;
	HASH_DELETE(hh, t->all, oldest);
	settle(l, t, oldest);
	if (t == &l->addresses && oldest->level + 1 > t->most &&
	    pc_opt_bool(m, "blocklist_on_registration_throttle_overload"))
		block(l, oldest);
	else
		free(oldest);
}

static struct bucket *bucket_of(pc_module *m, struct table *t, const struct network *who)
{
	struct bucket *b;

	HASH_FIND(hh, t->all, who, sizeof(*who), b);
	if (b) {
		HASH_DELETE(hh, t->all, b);
	} else {
		make_room(m, pc_module_data(m), t);
		b = calloc(1, sizeof(*b));
		if (b == NULL)
			abort(); /* out of memory ends the process */
		b->who = *who;
		b->when = pc_now_ms();
	}
	HASH_ADD(hh, t->all, who, sizeof(b->who), b);
	return b;
}

/* Is there a registration left? It is taken then. */
static bool take(pc_module *m, struct table *t, const struct network *who)
{
	const struct limits *l = pc_module_data(m);
	struct bucket *b;

	if (t->most <= 0 || !(l->period > 0))
		return true;
	b = bucket_of(m, t, who);
	settle(l, t, b);
	if (b->level + 1 > t->most)
		return false;
	b->level += 1;
	return true;
}

static bool is_overloaded(const struct limits *l, const struct network *who)
{
	struct bucket *b;

	HASH_FIND(hh, l->overloaded, who, sizeof(*who), b);
	return b != NULL;
}

/* ------------------------------------------------------------ the question */

static pc_result refuse(pc_event *ev, const char *type, const char *condition, const char *reason)
{
	pc_event_set_int(ev, "allowed", 0);
	pc_event_set_str(ev, "error_type", type);
	pc_event_set_str(ev, "error_condition", condition);
	pc_event_set_str(ev, "reason", reason);
	return PC_HANDLED;
}

static pc_result judge(pc_event *ev, struct limits *l, const struct network *who)
{
	pc_module *m = pc_event_module(ev);
	struct network own = network_around(who, 32, 64), around = network_around(who, 24, 48);

	if (is_listed(l->blocked, l->n_blocked, who) || is_overloaded(l, &own))
		return refuse(ev, "auth", "forbidden", "Your IP address may not register");
	if (is_listed(l->allowed, l->n_allowed, who))
		return PC_PASS;
	if (pc_opt_bool(m, pc_opt_is_set(m, "allowlist_registration_only")
	                           ? "allowlist_registration_only"
	                           : "whitelist_registration_only"))
		return refuse(ev, "auth", "forbidden", "Your IP address may not register");
	if (take(m, &l->addresses, &own) && take(m, &l->networks, &around))
		return PC_PASS;
	pc_metric_add(l->throttled, 1);
	return refuse(ev, "wait", "policy-violation",
	              "Too many registrations from your IP address recently");
}

static pc_result on_registering(pc_event *ev, void *data)
{
	const char *ip = pc_event_str(ev, "ip");
	struct network who;

	if (!pc_event_int(ev, "allowed"))
		return PC_PASS;
	if (ip && network_parse(ip, &who))
		return judge(ev, data, &who);
	pc_log(pc_event_module(ev), PC_WARN, "a registration from no address is not limited");
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

static const char *set_of(pc_module *m, const char *name, const char *old)
{
	return !pc_opt_is_set(m, name) && pc_opt_is_set(m, old) ? old : name;
}

static void load_throttle(pc_module *m, struct limits *l)
{
	bool by_seconds = pc_opt_is_set(m, "min_seconds_between_registrations");

	l->period = pc_opt_seconds(m, pc_opt_is_set(m, "registration_throttle_period")
	                                      ? "registration_throttle_period"
	                                      : "min_seconds_between_registrations");
	l->addresses.most = pc_opt_is_set(m, "registration_throttle_max")
	                            ? (double)pc_opt_int(m, "registration_throttle_max")
	                            : (by_seconds ? 1 : 0);
	l->networks.most = (double)pc_opt_int(m, "registration_throttle_network_max");
	if (!(l->period > 0) && pc_opt_bool(m, "allow_registration"))
		pc_log(m, PC_WARN,
		       "allow_registration without min_seconds_between_registrations: one address "
		       "may make any number of accounts");
}

static void load(pc_module *m)
{
	struct limits *l = pc_module_data(m);

	l->throttled = pc_counter(m, "throttled", "Registrations refused as too many");
	l->allowed = load_list(m, set_of(m, "registration_allowlist", "registration_whitelist"),
	                       &l->n_allowed);
	l->blocked = load_list(m, set_of(m, "registration_blocklist", "registration_blacklist"),
	                       &l->n_blocked);
	load_throttle(m, l);
	pc_hook(m, "user-registering", on_registering, 0);
}

static void free_all(struct bucket **all)
{
	struct bucket *b, *next;

	HASH_ITER(hh, *all, b, next)
	{
		HASH_DELETE(hh, *all, b);
		free(b);
	}
}

static void unload(pc_module *m)
{
	struct limits *l = pc_module_data(m);

	free_all(&l->addresses.all);
	free_all(&l->networks.all);
	free_all(&l->overloaded);
}

static const pc_option options[] = {
	{ .name = "min_seconds_between_registrations",
	  .type = PC_OPT_PERIOD,
	  .dflt = "0",
	  .min = 0,
	  .max = 31536000,
	  .help = "The least time between two registrations from an address (IPv6: from a /64)" },
	{ .name = "registration_throttle_max",
	  .type = PC_OPT_INTEGER,
	  .min = 0,
	  .max = 1000000,
	  .help = "Registrations that an address may make in registration_throttle_period "
	          "(default: 1)" },
	{ .name = "registration_throttle_network_max",
	  .type = PC_OPT_INTEGER,
	  .dflt = "20",
	  .min = 0,
	  .max = 1000000,
	  .help = "The same for an IPv4 /24 and an IPv6 /48; 0: any number" },
	{ .name = "registration_throttle_period",
	  .type = PC_OPT_PERIOD,
	  .min = 0,
	  .max = 31536000,
	  .help = "The time of both (default: min_seconds_between_registrations)" },
	{ .name = "registration_throttle_cache_size",
	  .type = PC_OPT_INTEGER,
	  .dflt = "1000",
	  .min = 1,
	  .max = 1000000,
	  .live = true,
	  .help = "Addresses, and networks, that are remembered" },
	{ .name = "blocklist_on_registration_throttle_overload",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Addresses that are forgotten too early are refused until the module is loaded "
	          "again" },
	{ .name = "allowlist_registration_only",
	  .type = PC_OPT_BOOLEAN,
	  .live = true,
	  .help = "Only addresses of registration_allowlist may register (default: false)" },
	{ .name = "whitelist_registration_only",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Old name for allowlist_registration_only" },
	{ .name = "registration_allowlist",
	  .type = PC_OPT_SET,
	  .dflt = "{ \"127.0.0.1\", \"::1\" }",
	  .help = "Addresses and networks that may register as often as they like" },
	{ .name = "registration_whitelist",
	  .type = PC_OPT_SET,
	  .help = "Old name for registration_allowlist" },
	{ .name = "registration_blocklist",
	  .type = PC_OPT_SET,
	  .help = "Addresses and networks that may not register" },
	{ .name = "registration_blacklist",
	  .type = PC_OPT_SET,
	  .help = "Old name for registration_blocklist" },
	{ .name = "allow_registration",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .help = "Anybody may make an account from a client" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "throttled", PC_COUNTER, "Registrations refused as too many" },
	{ 0 },
};

PC_MODULE(register_limits, .summary = "Who may register, and how often",
          .data_size = sizeof(struct limits), .options = options, .metrics = metrics, .load = load,
          .unload = unload);
