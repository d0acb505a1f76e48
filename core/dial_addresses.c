/*
 * dial_addresses.c - from a target to its addresses: what the DNS says of both families (RFC 8305
 * section 3), and along with it the certificates that it names.
 *
 * The race begins with the first answer that is worth it: IPv6 at once, IPv4 a moment later where
 * nothing is known of IPv6. What comes later joins in.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "dial.h"
#include "util/mem.h"

#define RESOLUTION_DELAY 0.05 /* seconds */
#define FORGED "its DNS answers are forged"

enum rrtype { A = 1, AAAA = 28, TLSA = PC__TLSA_TYPE };

struct question {
	pc_dial *dial;
	enum rrtype type;
	unsigned round; /* of which target */
};

/* ------------------------------------------------------------ the list */

static bool is_allowed(int family)
{
	return pc__opt_bool(NULL, family == AF_INET6 ? "use_ipv6" : "use_ipv4");
}

static void add_address(pc_dial *d, int family, const void *bytes)
{
	struct pc__race_address *a = &d->addresses[d->n_addresses];

	if (d->n_addresses == PC__DIAL_ADDRESSES)
		return;
	a->family = family;
	if (inet_ntop(family, bytes, a->text, sizeof(a->text)))
		d->n_addresses++;
}

static struct pc__race_address *next_of(pc_dial *d, size_t from, int family)
{
	for (size_t i = from; i < d->n_addresses; i++)
		if (d->addresses[i].family == family)
			return &d->addresses[i];
	return NULL;
}

/* RFC 8305 section 4: in turn, beginning with IPv6. Those that were tried stay where they are. */
static void interleave(pc_dial *d)
{
	for (size_t i = d->next_address; i < d->n_addresses; i++) {
		int before = i ? d->addresses[i - 1].family : AF_INET;
		struct pc__race_address *wanted = next_of(d, i,
		                                          before == AF_INET ? AF_INET6 : AF_INET),
		                        a;

		if (wanted == NULL)
			continue;
		a = *wanted;
		memmove(&d->addresses[i + 1], &d->addresses[i],
		        (size_t)(wanted - &d->addresses[i]) * sizeof(a));
		d->addresses[i] = a;
	}
}

/* ------------------------------------------------------------ when the race begins */

static bool is_domain_itself(const pc_dial *d)
{
	return d->srvs[d->at].kind == UINT8_MAX;
}

static void on_no_address(pc_dial *d)
{
	if (d->absent && is_domain_itself(d)) {
		pc__dial_fail_soon(d, PC_ENOENT, "there is no such domain");
		return;
	}
	pc__race_note(d, NULL, d->forged ? FORGED : "no address");
	pc__dial_target_lost(d);
}

static void begin(pc_dial *d)
{
	if (!d->addresses_secure) /* RFC 7673 3.2: then nothing is said */
		pc__tlsa_clear(&d->tlsa);
	if (d->tlsa.failed) {
		pc__race_note(d, NULL, d->forged ? FORGED : "its TLSA records cannot be had");
		pc__dial_target_lost(d);
		return;
	}
	interleave(d);
	d->racing = true;
	pc__race_begin(d, d->srvs[d->at].port);
}

static void on_delay(struct pc__timer *t)
{
	begin(PC__CONTAINER(t, struct pc_dial, stagger));
}

static void look(pc_dial *d)
{
	if (d->racing) {
		interleave(d);
		pc__race_go_on(d);
	} else if (d->awaits_tlsa) {
		return;
	} else if (d->n_addresses == 0) {
		if (!pc__dial_awaits(d))
			on_no_address(d);
	} else if (!d->awaits_v6 || next_of(d, 0, AF_INET6)) {
		begin(d);
	} else if (!pc__timer_is_set(&d->stagger)) {
		pc__timer_set(&d->stagger, RESOLUTION_DELAY, on_delay);
	}
}

/* ------------------------------------------------------------ answers */

bool pc__dial_awaits(const pc_dial *d)
{
	return d->awaits_v4 || d->awaits_v6;
}

static bool *flag_of(pc_dial *d, enum rrtype type)
{
	return type == TLSA ? &d->awaits_tlsa : type == A ? &d->awaits_v4 : &d->awaits_v6;
}

static void take_addresses(pc_dial *d, enum rrtype type, const pc_dns_answer *answer)
{
	size_t size = type == A ? 4 : 16;

	for (size_t i = 0; answer->err == PC_OK && i < answer->n; i++)
		if (answer->data[i].len == size)
			add_address(d, type == A ? AF_INET : AF_INET6, answer->data[i].p);
	d->absent &= answer->err == PC_ENOENT;
	d->addresses_secure &= answer->err != PC_OK || answer->secure;
}

static void on_answer(const pc_dns_answer *answer, void *data)
{
	struct question q = *(struct question *)data;
	pc_dial *d = q.dial;

	free(data);
	d->awaited--;
	if (d->dead || !d->busy || q.round != d->round) {
		pc__dial_unawaited(d);
		return;
	}
	*flag_of(d, q.type) = false;
	d->forged |= answer->bogus;
	if (q.type == TLSA)
		pc__tlsa_take(&d->tlsa, answer);
	else
		take_addresses(d, q.type, answer);
	look(d);
}

/* ------------------------------------------------------------ questions */

/* False: the answer does not come. */
static bool ask(pc_dial *d, const char *name, enum rrtype type)
{
	struct question *q = pc__malloc(sizeof(*q));

	*q = (struct question){ d, type, d->round };
	if (pc_resolve(NULL, name, (int)type, on_answer, q) != PC_OK) {
		free(q);
		return false;
	}
	d->awaited++;
	*flag_of(d, type) = true;
	return true;
}

static bool is_address(pc_dial *d, const char *host)
{
	uint8_t bytes[16];
	int family = strchr(host, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, host, bytes) != 1)
		return false;
	if (is_allowed(family))
		add_address(d, family, bytes);
	return true;
}

/* RFC 7673 3.3: only where the way to the target is signed. */
static void ask_tlsa(pc_dial *d)
{
	const struct pc__srv *srv = &d->srvs[d->at];
	char name[PC__TLSA_NAME_SIZE];

	if (!d->args.dane || !srv->secure)
		return;
	pc__tlsa_name(srv->port, srv->target, name);
	d->tlsa.failed = !ask(d, name, TLSA);
}

static void forget(pc_dial *d)
{
	d->round++;
	d->n_addresses = d->next_address = 0;
	d->addresses_secure = true;
	d->racing = d->forged = false;
	d->awaits_v4 = d->awaits_v6 = d->awaits_tlsa = false;
	pc__tlsa_clear(&d->tlsa);
}

void pc__dial_look_up(pc_dial *d)
{
	const char *host = d->srvs[d->at].target;
	bool unasked = false;

	forget(d);
	d->absent = true;
	if (is_address(d, host)) {
		d->absent = false;
		look(d);
		return;
	}
	if (is_allowed(AF_INET6))
		unasked |= !ask(d, host, AAAA);
	if (is_allowed(AF_INET))
		unasked |= !ask(d, host, A);
	d->absent &= !unasked;
	ask_tlsa(d);
	if (!pc__dial_awaits(d))
		pc__dial_fail_soon(d, PC_EBUSY, "no name can be looked up now");
}
