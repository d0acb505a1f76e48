/*
 * mod_limits.c - how many bytes a second connections may send, by kind: what is more is read later.
 *
 *     limits = { c2s = { rate = "10kb/s"; burst = "2s" } }
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <prosody-c/prosody-c.h>

static const pc_option options[] = {
	{ .name = "limits",
	  .type = PC_OPT_TABLE,
	  .help = "By kind of connection (c2s, s2sin, s2sout, component) its rate (\"10kb/s\") and "
	          "burst (\"2s\")" },
	{ .name = "unlimited_jids",
	  .type = PC_OPT_SET,
	  .dflt = "",
	  .inherited = true,
	  .live = true,
	  .help = "Accounts that may send as much as they like, as soon as they have logged in" },
	{ 0 },
};

#define BURST 2.0
/* Where a kind is named without a rate. */
#define FALLBACK 3000.0

/* What applies to kinds that the configuration does not name. */
static const struct {
	const char *class;
	double rate;
} defaults[] = { { "c2s", 10000 }, { "s2sin", 30000 } };

/* "10kb/s": bytes a second, thousands and millions of them. false: it is none. */
static bool read_rate(const char *text, double *rate_r)
{
	static const struct {
		const char *unit;
		double factor;
	} units[] = { { "b/s", 1 }, { "kb/s", 1e3 }, { "mb/s", 1e6 }, { "gb/s", 1e9 } };
	char *end;
	double n = strtod(text, &end);

	if (end == text || !(n > 0))
		return false;
	end += strspn(end, " ");
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcasecmp(end, units[i].unit) == 0) {
			*rate_r = n * units[i].factor;
			return true;
		}
	return false;
}

/* "2s" */
static bool read_burst(const char *text, double *burst_r)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || !(n > 0) || (*end && strcmp(end, "s") != 0))
		return false;
	*burst_r = n;
	return true;
}

static const char *field(pc_module *m, const char *class, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%.32s.%s", class, name);
	return pc_opt_field(m, "limits", path);
}

static double default_rate(const char *class)
{
	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		if (strcmp(defaults[i].class, class) == 0)
			return defaults[i].rate;
	return 0;
}

/* 0: not limited. */
static double rate_of(pc_module *m, const char *class, double *burst_r)
{
	const char *rate = field(m, class, "rate"), *burst = field(m, class, "burst");
	double n = rate || burst ? FALLBACK : default_rate(class);

	*burst_r = BURST;
	if (rate && !read_rate(rate, &n))
		pc_log(m, PC_WARN, "limits: %s: \"%s\" is no rate such as \"10kb/s\"", class, rate);
	if (burst && !read_burst(burst, burst_r))
		pc_log(m, PC_WARN, "limits: %s: \"%s\" is no burst such as \"2s\"", class, burst);
	return n;
}

static pc_result on_connected(pc_event *ev, void *data)
{
	double burst, rate = rate_of(pc_event_module(ev), pc_event_str(ev, "class"), &burst);

	(void)data;
	if (rate > 0)
		pc_stream_set_rate(pc_event_ptr(ev, "stream"), rate, burst);
	return PC_PASS;
}

static pc_result on_authenticated(pc_event *ev, void *data)
{
	pc_module *m = pc_event_module(ev);
	const pc_session *s = pc_event_origin(ev);
	char bare[PC_JID_MAX + 1];

	(void)data;
	if (s == NULL || pc_session_stream(s) == NULL || pc_opt_count(m, "unlimited_jids") == 0)
		return PC_PASS;
	pc_jid_write_bare(&(pc_jid){ s->username, s->host, NULL }, bare);
	if (pc_opt_has(m, "unlimited_jids", bare))
		pc_stream_set_rate(pc_session_stream(s), 0, 0);
	return PC_PASS;
}

static void add_host(pc_module *m, pc_host *host)
{
	pc_hook_on(m, host, "auth-success", on_authenticated, 0);
}

static void load(pc_module *m)
{
	pc_hook_global(m, "stream-connected", on_connected, 0);
}

PC_MODULE(limits, .summary = "Limits of bytes a second", .scope = PC_GLOBAL_WITH_HOSTS,
          .options = options, .load = load, .add_host = add_host);
