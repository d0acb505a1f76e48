#include "io/origins.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/table.h>

#include "io/ends.h"
#include "util/mem.h"
#include "util/number.h"

/* What is compared byte by byte. */
struct key {
	uintptr_t quota, len; /* of the address: there is no padding */
	uint8_t net[8];       /* the address, or its first half */
};

struct pc__origin {
	UT_hash_handle hh;
	struct key key;
	unsigned total, unproven;
};

/* ---- addresses */

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* The bytes of an address, 4 or 16 of them; 0: it has none. IPv4 in the clothes of IPv6 is IPv4. */
static size_t bytes_of(const struct sockaddr_storage *addr, uint8_t out[16])
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)addr;

	if (addr->ss_family == AF_INET) {
		memcpy(out, &four->sin_addr, 4);
		return 4;
	}
	if (addr->ss_family != AF_INET6)
		return 0;
	memcpy(out, &six->sin6_addr, 16);
	if (memcmp(out, v4_mapped, sizeof(v4_mapped)) != 0)
		return 16;
	memmove(out, out + 12, 4);
	return 4;
}

static bool covers(const pc__io_net *net, const uint8_t *addr, size_t len)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;
	unsigned mask = 0xff00u >> rest & 0xff;

	if (net->len != len || memcmp(net->addr, addr, whole) != 0)
		return false;
	return rest == 0 || ((net->addr[whole] ^ addr[whole]) & mask) == 0;
}

static bool is_spared(const pc__io_quota *quota, const uint8_t *addr, size_t len)
{
	for (size_t i = 0; i < quota->n_spared; i++) {
		if (covers(&quota->spared[i], addr, len))
			return true;
	}
	return false;
}

int pc__io_net_read(const char *text, pc__io_net *net)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char address[INET6_ADDRSTRLEN];
	uint64_t bits;

	if (len >= sizeof(address))
		return PC_EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	*net = (pc__io_net){ .len = strchr(address, ':') ? 16 : 4 };
	if (uv_inet_pton(net->len == 4 ? AF_INET : AF_INET6, address, net->addr) != 0)
		return PC_EINVAL;
	bits = net->len * 8u;
	if (slash && pc__number_uint(slash + 1, strlen(slash + 1), net->len * 8u, &bits) != PC_OK)
		return PC_EINVAL;
	net->bits = (unsigned)bits;
	return PC_OK;
}

/* ---- counting */

static struct pc__origin *origin_of(pc__io *io, const struct key *key)
{
	struct pc__origin *o;

	HASH_FIND(hh, io->origins, key, sizeof(*key), o);
	if (o != NULL)
		return o;
	o = pc__alloc(sizeof(*o));
	o->key = *key;
	HASH_ADD(hh, io->origins, key, sizeof(o->key), o);
	return o;
}

static bool has_room(unsigned n, unsigned limit)
{
	return limit == 0 || n < limit;
}

bool pc__origins_admit(pc__io *io, pc__io_quota *quota, const struct sockaddr_storage *addr,
                       struct pc__origin **origin_r)
{
	struct key key = { .quota = (uintptr_t)quota };
	uint8_t bytes[16];
	size_t len = quota ? bytes_of(addr, bytes) : 0;
	struct pc__origin *o;

	*origin_r = NULL;
	if (len == 0 || is_spared(quota, bytes, len))
		return true;
	memcpy(key.net, bytes, len < sizeof(key.net) ? len : sizeof(key.net));
	key.len = len;
	o = origin_of(io, &key);
	/* One that has none is let in whatever the limit, so no entry stays without a connection.
	 */
	if (!has_room(o->total, quota->total) || !has_room(o->unproven, quota->unproven))
		return false;
	o->total++;
	o->unproven++;
	*origin_r = o;
	return true;
}

void pc__origins_prove(struct pc__origin *o)
{
	o->unproven--;
}

void pc__origins_leave(pc__io *io, struct pc__origin *o, bool proven)
{
	if (o == NULL)
		return;
	o->total--;
	if (!proven)
		o->unproven--;
	if (o->total > 0)
		return;
	HASH_DEL(io->origins, o);
	free(o);
}

void pc__origins_free(pc__io *io)
{
	struct pc__origin *o, *next;

	HASH_ITER(hh, io->origins, o, next)
	{
		HASH_DEL(io->origins, o);
		free(o);
	}
}
